package server_test

import (
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// Read-only mode waits for a leader first, as ZooKeeper does: the greater of 2 s and tickTime, from the loss of the leader or from the start on.
// An ensemble that is forming, or elects, is no reason to turn away clients that want to write.
func TestReadOnlyModeWaitsForALeader(t *testing.T) {
	for tick, wait := range map[int64]time.Duration{500: 2 * time.Second, 2000: 2 * time.Second, 5000: 5 * time.Second} {
		w := newWorld(t, 2, func(o *server.Options) {
			o.Features.ReadOnlyMode = true
			o.Sessions = server.SessionOptions{TickMs: tick, Limits: session.Limits{MinMs: 1000, MaxMs: 60_000}}
		})
		n := w.nodes[1]
		pass := func(d time.Duration) {
			w.clock.advance(d)
			n.Tick()
			w.history.Settle()
		}
		want := func(readOnly bool, when string) {
			t.Helper()
			if got := n.Report(0).Data.ReadOnly; got != readOnly {
				t.Errorf("tickTime %d, %s: read-only is %v", tick, when, got)
			}
		}
		pass(0)
		n.member.Soft(zab.SoftState{Role: zab.Looking})
		want(false, "at once")
		pass(wait - time.Millisecond)
		n.member.Soft(zab.SoftState{Role: zab.Following, Leader: 1}) // one of them is being elected: it is the same silence
		want(false, "before the end")
		pass(time.Millisecond)
		want(true, "at the end")
		n.member.Soft(zab.SoftState{Role: zab.Looking})
		want(true, "while it lasts")
		n.member.Soft(n.member.Active())
		want(false, "with a leader")
		pass(wait)
		want(false, "with a leader, later")
		n.member.Soft(zab.SoftState{Role: zab.Looking})
		pass(wait / 2)
		want(false, "the second time")
		n.member.Soft(n.member.Active())
		n.member.Soft(zab.SoftState{Role: zab.Looking})
		pass(wait / 2)
		want(false, "the third time")
		pass(wait / 2)
		want(true, "the third time")
	}
}

// A server that never had a leader waits from its start on.
func TestReadOnlyModeAfterTheStart(t *testing.T) {
	at := newClock()
	acl, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(server.Options{ID: 1, Boot: 1, State: znode.NewState(znode.Options{}), Auth: acl, Features: server.Features{ReadOnlyMode: true},
		Clock: server.Clock{Mono: at.mono.Load, Wall: at.wall.Load}, Sessions: server.SessionOptions{TickMs: 2000}})
	defer s.Stop()
	s.Tick()
	at.advance(2*time.Second - time.Millisecond)
	if s.Tick(); s.Report(0).Data.ReadOnly {
		t.Error("read-only before the end of the wait")
	}
	at.advance(time.Millisecond)
	if s.Tick(); !s.Report(0).Data.ReadOnly {
		t.Error("not read-only at the end of the wait")
	}
}
