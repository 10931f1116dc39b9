package server_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// TestManyConnections lets many sessions on three servers read, write, watch, re-attach and leave at once, and checks what a client can
// check: replies in order, own writes seen, zxids never going back, no event before the watch's reply, none after it for a newer state.
// Run it with -race.
func TestManyConnections(t *testing.T) {
	w := newWorld(t, 3, nil)
	setup := w.dial(0)
	setup.send((&wire.ConnectRequest{Timeout: 10000, Password: make([]byte, 16)}).Append(nil))
	setup.next(soon)
	for i := range 8 {
		setup.send(setRequest(int32(i), wire.OpCreate, fmt.Sprintf("/n%d", i), 0))
		setup.next(soon)
	}
	stop := atomic.Bool{}
	var ticks sync.WaitGroup
	ticks.Go(func() {
		real := time.NewTicker(5 * time.Millisecond)
		defer real.Stop()
		for !stop.Load() {
			<-real.C
			w.clock.advance(5 * time.Millisecond)
			for _, n := range w.nodes {
				n.Tick()
			}
		}
	})
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(i)))
			var s *walker
			for round := range 6 {
				s = walk(t, w, r, i, s)
				if s == nil {
					t.Errorf("client %d round %d failed", i, round)
					return
				}
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	ticks.Wait()
}

// walker is what a client carries from one connection of its session to the next.
type walker struct {
	id   int64
	pw   []byte
	zxid int64
	seen map[string]uint64 // newest counter seen of each node of its own
}

// walk is one connection: some pipelined batches, then a close of some kind.
func walk(t *testing.T, w *world, r *rand.Rand, me int, s *walker) *walker {
	c := w.dial(r.IntN(3))
	q := wire.ConnectRequest{Timeout: 10000, Password: make([]byte, 16)}
	if s == nil {
		s = &walker{seen: map[string]uint64{}}
	} else {
		q.Session, q.Password = session.ID(s.id), s.pw
	}
	c.send(q.Append(nil))
	f, err := c.next(soon)
	if err != nil {
		t.Errorf("handshake: %v", err)
		return nil
	}
	var p wire.ConnectResponse
	rd := jute.NewReader(f)
	if p.Decode(&rd); p.Session == 0 {
		t.Errorf("client %d was refused", me)
		return nil
	}
	s.id, s.pw = int64(p.Session), append([]byte(nil), p.Password[:]...)
	own := fmt.Sprintf("/own%d", me)
	for batch := range 5 {
		if !s.batch(t, c, r, own, int32(batch*100)) {
			return nil
		}
	}
	switch r.IntN(4) {
	case 0:
		c.send(wire.RequestHeader{Xid: 9999, Op: wire.OpCloseSession}.Append(nil))
		if _, err = c.next(soon); err != nil {
			t.Errorf("close: %v", err)
		}
		s.id, s.pw = 0, make([]byte, 16)
		q.Session = 0
	case 1:
		c.nc.Close()
	}
	return s
}

// batch sends many requests at once and reads all replies.
func (s *walker) batch(t *testing.T, c *raw, r *rand.Rand, own string, base int32) bool {
	type sent struct {
		op    int32
		value uint64
	}
	n := 20 + r.IntN(40)
	reqs := make([]sent, n)
	var frames [][]byte
	last := s.seen[own]
	for i := range reqs {
		xid := base + int32(i)
		switch r.IntN(6) {
		case 0:
			last++
			reqs[i] = sent{wire.OpSetData, last}
			frames = append(frames, setRequest(xid, wire.OpSetData, own, last))
		case 1:
			reqs[i] = sent{op: wire.OpCreate}
			frames = append(frames, setRequest(xid, wire.OpCreate, own, last))
		case 2:
			reqs[i] = sent{op: wire.OpSetData, value: 0}
			frames = append(frames, setRequest(xid, wire.OpSetData, fmt.Sprintf("/n%d", r.IntN(8)), uint64(i)))
		case 3:
			reqs[i] = sent{op: wire.OpGetChildren}
			q := wire.PathWatch{Path: "/", Watch: true}
			frames = append(frames, q.Append(wire.RequestHeader{Xid: xid, Op: wire.OpGetChildren}.Append(nil)))
		default:
			reqs[i] = sent{op: wire.OpGetData, value: last}
			q := wire.PathWatch{Path: own, Watch: r.IntN(2) == 0}
			frames = append(frames, q.Append(wire.RequestHeader{Xid: xid, Op: wire.OpGetData}.Append(nil)))
		}
	}
	go c.send(frames...)
	for i := 0; i < n; {
		f, err := c.next(soon)
		if err != nil {
			t.Errorf("reply %d of %d: %v", i, n, err)
			return false
		}
		rd := jute.NewReader(f)
		var h wire.ReplyHeader
		h.Decode(&rd)
		if int64(h.Zxid) < s.zxid {
			t.Errorf("zxid went back from %#x to %v", s.zxid, h.Zxid)
			return false
		}
		s.zxid = int64(h.Zxid)
		if h.Xid == wire.XidEvent {
			continue
		}
		if h.Xid != base+int32(i) {
			t.Errorf("reply %d came where %d was due", h.Xid, base+int32(i))
			return false
		}
		if reqs[i].op == wire.OpGetData && h.Err == 0 {
			if got := binary.BigEndian.Uint64(rd.Buffer()); got < reqs[i].value && s.created(own) {
				t.Errorf("read %d after own write of %d", got, reqs[i].value)
				return false
			}
		}
		if reqs[i].op == wire.OpSetData && reqs[i].value > 0 && h.Err == 0 {
			s.seen[own] = reqs[i].value
		}
		i++
	}
	s.seen[own] = last
	return true
}

// created is for the first batch, when the node may not have been there for the first writes.
func (s *walker) created(own string) bool { return s.seen[own] > 0 }

func setRequest(xid, op int32, path string, value uint64) []byte {
	o := znode.Op{Wire: op, Path: path, Data: binary.BigEndian.AppendUint64(nil, value), Version: -1,
		ACL: []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}}
	return wire.AppendOp(wire.RequestHeader{Xid: xid, Op: op}.Append(nil), &o)
}

// TestLargeRepliesBehindAWrite: reads of a large node wait behind a write, and their replies are far more than a client that does not
// read may make the server hold. It is dropped; one that reads gets everything.
func TestLargeRepliesBehindAWrite(t *testing.T) {
	w := newWorld(t, 1, nil)
	c := opened(t, w)
	big := znode.Op{Wire: wire.OpCreate, Path: "/big", Data: make([]byte, 1<<20-1000), ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}
	c.send(wire.AppendOp(wire.RequestHeader{Xid: 1, Op: wire.OpCreate}.Append(nil), &big))
	c.next(soon)
	play := func(c *raw, n int) {
		w.history.Hold()
		frames := [][]byte{setRequest(2, wire.OpSetData, "/zookeeper", 1)}
		for i := range n {
			q := wire.PathWatch{Path: "/big"}
			frames = append(frames, q.Append(wire.RequestHeader{Xid: int32(3 + i), Op: wire.OpGetData}.Append(nil)))
		}
		c.send(frames...)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(soon); w.nodes[0].Report(0).Traffic.Outstanding < int64(n+1) && time.Now().Before(end); {
			<-tick.C
		}
		w.history.Release()
	}
	lazy := opened(t, w)
	play(lazy, 100)
	got := 0
	for ; got < 101; got++ {
		if _, err := lazy.next(soon); err != nil {
			break
		}
	}
	if got == 101 {
		t.Error("100 MB waited for a client that did not read")
	}
	reader := opened(t, w)
	done := make(chan int)
	go func() {
		n := 0
		for ; n < 21; n++ {
			if _, err := reader.next(soon); err != nil {
				break
			}
		}
		done <- n
	}()
	play(reader, 20)
	if n := <-done; n != 21 {
		t.Errorf("%d replies of 21", n)
	}
}
