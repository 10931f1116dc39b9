package server

import (
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// TestStaleRequests: what the request throttle has held back is dropped, and its connection closed, if nobody waits for it any more. What counts as
// that, and whether it is dropped or counted only, are ZooKeeper's three switches. A session is closed in any case.
func TestStaleRequests(t *testing.T) {
	write := func(b []byte) []byte { return (&wire.SetDataRequest{Path: "/x", Version: -1}).Append(b) }
	for _, row := range []struct {
		name           string
		stale          StaleOptions
		leaves         bool
		waits          int64 // ms, of a session of 4 s
		op             int32
		dropped, count int64
	}{
		{"its client is gone", StaleOptions{Drop: true, Connection: true}, true, 0, wire.OpSetData, 1, 0},
		{"its client is gone, and nobody looks", StaleOptions{Drop: true}, true, 0, wire.OpSetData, 0, 0},
		{"its client is gone, and nothing is dropped", StaleOptions{Connection: true}, true, 0, wire.OpSetData, 0, 1},
		{"its client waits", StaleOptions{Drop: true, Connection: true}, false, 9000, wire.OpSetData, 0, 0},
		{"it waited for longer than its session lives", StaleOptions{Drop: true, Latency: true}, false, 4001, wire.OpSetData, 1, 0},
		{"it waited for as long as its session lives", StaleOptions{Drop: true, Latency: true}, false, 4000, wire.OpSetData, 0, 0},
		{"it closes its session", StaleOptions{Drop: true, Connection: true, Latency: true}, true, 9000, wire.OpCloseSession, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			now := int64(1000)
			s, o := scripted(t, 1, &now)
			s.opts.Limits.Stale = row.stale
			activate(s)
			at := zxid.New(zxid.NewEpoch(0, 1), 0)
			apply := func() {
				at++
				s.Apply([]zab.Entry{{Zxid: at, Kind: zab.EntryTxn, Data: o.proposed[len(o.proposed)-1]}})
			}
			session := func() *listener.Hand {
				h := hello(s, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
				apply()
				h.Step()
				return h
			}
			first, held := session(), session()
			s.load.limits.ThrottleRequests = 1
			first.Feed(wire.AppendRequest(nil, 1, wire.OpSetData, write))
			first.Step()
			held.Feed(wire.AppendRequest(nil, 1, row.op, map[bool]func([]byte) []byte{true: write}[row.op == wire.OpSetData]))
			held.Feed(wire.AppendRequest(nil, 2, wire.OpSync, func(b []byte) []byte { return jute.AppendText(b, "/") }))
			held.Step()
			proposed := len(o.proposed)
			if s.stats.metrics.Requests.ThrottleWaits.Value() != 1 {
				t.Fatal("the request is not held back")
			}
			if row.leaves {
				held.Leave()
			}
			now += row.waits
			apply() // and there is room
			held.Step()
			if got := int64(1 - (len(o.proposed) - proposed)); got != row.dropped || held.Over() != (row.dropped > 0) {
				t.Errorf("%d requests are dropped, want %d; the connection has ended: %v", got, row.dropped, held.Over())
			}
			m := &s.stats.metrics.Requests
			if m.StaleDropped.Value() != row.dropped || (m.Stale.Value() > 0) != (row.count > 0) {
				t.Errorf("the metrics say %d dropped and %d stale, want %d and %d", m.StaleDropped.Value(), m.Stale.Value(), row.dropped, row.count)
			}
		})
	}
}
