package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

// TestBuild: what the build says is shown, and what it does not say is shown as unknown.
func TestBuild(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.time", Value: "2026-11-30T01:02:03Z"}, {Key: "vcs.modified", Value: modified}}
	}
	for _, c := range []struct {
		name     string
		main     string
		settings []debug.BuildSetting
		report   string
		text     string
	}{
		{"a release", "v1.2.3", vcs("false"), "3.9.5-paddock-1.2.3, built on 2026-11-30 01:02 UTC", "paddock 1.2.3\nbuilt from revision " + revision + " of 2026-11-30T01:02:03Z, by"},
		{"between releases", "v0.0.0-20261130010203-0123456789ab", vcs("false"), "3.9.5-paddock-0.0.0-20261130010203-0123456789ab, built on 2026-11-30 01:02 UTC", "paddock 0.0.0-2026"},
		{"a changed source", "v1.2.3+dirty", vcs("true"), "3.9.5-paddock-1.2.3-modified, built on", "with changes that are not in it"},
		{"no version", "(devel)", vcs("false"), "3.9.5-paddock-devel-0123456789ab, built on 2026-11-30", "paddock devel-0123456789ab\n"},
		{"nothing known", "", nil, "3.9.5-paddock-devel, built on an unknown date", "paddock devel\nbuilt from an unknown revision of an unknown time, by"},
	} {
		b := buildOf(&debug.BuildInfo{Main: debug.Module{Version: c.main}, Settings: c.settings})
		if got := b.report().Full(); !strings.HasPrefix(got, c.report) {
			t.Errorf("%s: reports say %q, want %q", c.name, got, c.report)
		}
		if got := b.text(); !strings.Contains(got, c.text) {
			t.Errorf("%s: version prints %q, want %q", c.name, got, c.text)
		}
	}
}
