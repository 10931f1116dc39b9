package node

import (
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// Where a member is looked for: by the line of the configuration and by that of the ensemble, but a newer line on another host takes the place of the older one, so that
// a copy of a data folder in another environment leaves the first one alone.
func TestResolver(t *testing.T) {
	for _, row := range []struct {
		name  string
		known string // in the ensemble
		line  string // in the file; empty: there is none
		newer bool
		want  []string
	}{
		{name: "no line", known: "a:1:2", want: []string{"a:1"}},
		{name: "the same", known: "a:1:2", line: "a:1:2", want: []string{"a:1"}},
		{name: "a server without an address", line: "a:1:2", want: []string{"a:1"}},
		{name: "its own line in the ensemble", known: "0.0.0.0:1:2", line: "a:1:2", want: []string{"a:1"}},
		{name: "its own line in the ensemble, a short name", known: "a:1:2", line: "a.example:1:2", want: []string{"a.example:1", "a:1"}},
		{name: "an old file", known: "b:1:2", line: "a:1:2", want: []string{"a:1", "b:1"}},
		{name: "a new port", known: "a:1:2", line: "a:3:4", newer: true, want: []string{"a:3", "a:1"}},
		{name: "a new host", known: "a:1:2", line: "b:1:2", newer: true, want: []string{"b:1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := &links{newer: func() bool { return row.newer }}
			if row.line != "" {
				l.lines.Members = []zab.Member{{ID: 2, Addr: row.line}}
			}
			if got := l.resolver("quorum")(zab.Member{ID: 2, Addr: row.known}); !slices.Equal(got, row.want) {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
}
