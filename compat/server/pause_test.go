package server_test

import (
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// TestAPauseOfTheLeaderIsGivenBackWhole: a leader that did not run for five seconds gives every session five seconds more, whatever tickTime is.
// (The server is called more often than twice in a long tick; it once took the difference off each pause.)
func TestAPauseOfTheLeaderIsGivenBackWhole(t *testing.T) {
	for _, tick := range []int64{500, 2000, 3000, 6000, 10_000} {
		const pause = 5 * time.Second
		alive := func(w *world, id session.ID) (ok bool) {
			w.nodes[0].View(func(st *znode.State) { _, _, ok = st.Session(id) })
			return ok
		}
		lives := func(pause time.Duration) (lived time.Duration) {
			w := newWorld(t, 1, func(o *server.Options) {
				o.Sessions = server.SessionOptions{TickMs: tick, Limits: session.Limits{MinMs: 1000, MaxMs: 60_000}}
			})
			every := w.nodes[0].TickEvery()
			_, id, _ := byHand(t, w, 0, wire.ConnectRequest{Timeout: 30_000, Password: make([]byte, wire.PasswordSize)})
			pass := func(d time.Duration) {
				w.clock.advance(d)
				lived += d
				w.nodes[0].Tick()
				w.history.Settle()
			}
			pass(every)
			if pause > 0 {
				pass(pause + every)
			} else {
				pass(every)
			}
			for alive(w, id) {
				if pass(every); lived > 2*time.Minute {
					t.Fatalf("tickTime %d: the session never ends", tick)
				}
			}
			return lived
		}
		if more := lives(pause) - lives(0); more != pause {
			t.Errorf("tickTime %d: after a pause of %v a session lives %v longer", tick, pause, more)
		}
	}
}
