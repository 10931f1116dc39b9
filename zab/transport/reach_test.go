package transport

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestOneWarningForEachServer: a server that cannot be reached is one warning, whatever its lanes do, and says how long it was reached before.
func TestOneWarningForEachServer(t *testing.T) {
	var log bytes.Buffer
	r := newReach(slog.New(slog.NewTextHandler(&log, nil)), 2)
	now, refused := time.Unix(1_800_000_000, 0), errors.New("connection refused")
	want := func(when string, parts ...string) {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(parts) == 0 && log.Len() != 0 || len(parts) > 0 && len(lines) != 1 {
			t.Errorf("%s: %d lines: %s", when, len(lines), log.String())
		}
		for _, p := range parts {
			if !strings.Contains(log.String(), p) {
				t.Errorf("%s: %q lacks %s", when, log.String(), p)
			}
		}
		log.Reset()
	}
	both := func(f func(lane)) { f(laneControl); f(laneBulk) }
	fail := func(l lane) { r.failed(l, now, refused) }
	connect := func(l lane) { r.connected(l, now) }

	both(fail)
	both(fail)
	want("before the first connection", "level=WARN", `msg="peer link is down"`, "to=2", "up_for=never", `err="connection refused"`)
	now = now.Add(90 * time.Second)
	connect(laneControl)
	want("one lane alone")
	connect(laneBulk)
	want("the first connection", "level=INFO", `msg="peer link is up"`, "down_for=1m30s")
	now = now.Add(time.Hour)
	both(connect) // dialled anew at once: nothing to tell
	want("a connection that was dialled anew")
	both(fail)
	want("lost", "level=WARN", "up_for=1h0m0s")
	for range 10 { // reached and lost again and again
		now = now.Add(time.Second)
		both(connect)
		now = now.Add(time.Second)
		both(fail)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 0 {
		t.Errorf("%d warnings in 20 s", n)
	}
	log.Reset()
	both(connect)
	want("a loss that was not told")
	now = now.Add(quietFor)
	both(fail)
	want("a minute later", "level=WARN", "up_for=1m0s", "held_back=10")
	both(connect)
	log.Reset()
	now = now.Add(time.Second)
	both(fail)
	want("lost soon after a warning")
	now = now.Add(quietFor - time.Second)
	both(fail)
	want("and still lost a minute after the warning", "level=WARN", "up_for=1s")
}
