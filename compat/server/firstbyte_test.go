package server

import (
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// claims is a history in which servers claim bytes from what they have seen, and their claims come later, in any order.
type claims struct {
	t       *testing.T
	st      *znode.State
	members zab.Ensemble
	last    int64
}

func newClaims(t *testing.T, members ...zab.PeerID) *claims {
	c := &claims{t: t, st: znode.NewState(znode.Options{}), last: int64(zxid.New(1, 0))}
	for _, id := range members {
		c.members.Members = append(c.members.Members, zab.Member{ID: id, Addr: "a:1:2", Weight: 1})
	}
	return c
}

func (c *claims) propose(id zab.PeerID) *znode.Txn {
	c.t.Helper()
	t, err := ClaimByte(c.st, id, c.members)
	if err != nil {
		c.t.Fatal(err)
	}
	return t
}

func (c *claims) apply(txns ...*znode.Txn) {
	for _, t := range txns {
		if t != nil {
			c.last++
			var r znode.Result
			c.st.Apply(zxid.ID(c.last), 1, t, &r)
		}
	}
}

// unique holds that no two servers have one byte, and none has one that means something else.
func (c *claims) unique(ids ...zab.PeerID) map[zab.PeerID]uint8 {
	c.t.Helper()
	got, by := map[zab.PeerID]uint8{}, map[uint8]zab.PeerID{}
	for _, id := range ids {
		b := FirstByte(c.st, id)
		if other, taken := by[b]; taken && b != 0 {
			c.t.Fatalf("servers %d and %d both have %d", id, other, b)
		}
		if b == 0xff {
			c.t.Fatalf("server %d has 0xff", id)
		}
		got[id], by[b] = b, id
	}
	return got
}

// A server has its number where that is a byte, and servers whose numbers share a low byte have different ones.
func TestFirstBytes(t *testing.T) {
	ids := []zab.PeerID{zab.Server0, 1, 44, 254, 255, 256, 300, 1<<31 - 1}
	c := newClaims(t, ids...)
	for i := range ids {
		c.apply(c.propose(ids[len(ids)-1-i])) // the large ones first
	}
	got := c.unique(ids...)
	for _, id := range ids {
		if n := id.Number(); got[id] == 0 || n >= 1 && n <= 254 && int(got[id]) != n {
			t.Errorf("server %d has %d", id, got[id])
		}
		if c.propose(id) != nil {
			t.Errorf("server %d claims a second byte", id)
		}
	}
}

// Claims that were made from what is old by the time they come: whoever comes second has none yet, and claims another.
func TestFirstBytesOfClaimsThatCross(t *testing.T) {
	c := newClaims(t, 1, 2, 3)
	a, b := c.propose(300), c.propose(zab.Server0)
	c.apply(a, b)
	if got := c.unique(300, zab.Server0); got[300] != 254 || got[zab.Server0] != 0 {
		t.Fatalf("%v", got)
	}
	c.apply(c.propose(zab.Server0))
	late := c.propose(254) // whose number is taken
	c.apply(late, late)
	if got := c.unique(300, zab.Server0, 254); got[zab.Server0] != 253 || got[254] != 252 {
		t.Fatalf("%v", got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for seed := range 50 {
		c := newClaims(t, 1, 2, 3)
		var ids []zab.PeerID
		for range 60 {
			id, _ := zab.PeerOf(int64([]int{r.IntN(300), r.IntN(1 << 31)}[r.IntN(2)]))
			ids = append(ids, id)
		}
		var waiting []*znode.Txn
		for range 500 {
			if r.IntN(2) == 0 {
				waiting = append(waiting, c.propose(ids[r.IntN(len(ids))]))
			} else if len(waiting) > 0 {
				i := r.IntN(len(waiting))
				c.apply(waiting[i])
				waiting = append(waiting[:i], waiting[i+1:]...)
			}
		}
		distinct := map[zab.PeerID]bool{}
		for _, id := range ids {
			distinct[id] = true
		}
		var set []zab.PeerID
		for id := range distinct {
			set = append(set, id)
		}
		for id, b := range c.unique(set...) {
			if t2 := c.propose(id); (b == 0) != (t2 != nil) {
				t.Fatalf("seed %d: server %d has %d and claims %v", seed, id, b, t2)
			}
		}
	}
}

// When all are taken, the leader takes those of servers that are gone; members and whoever is connected keep theirs.
func TestFirstBytesAreFreed(t *testing.T) {
	c := newClaims(t, 1, 2, 1000)
	for n := range 254 {
		id, _ := zab.PeerOf(int64(1000 + n))
		c.apply(c.propose(id))
	}
	if _, err := ClaimByte(c.st, 5, c.members); err != errNoByte {
		t.Fatalf("a claim where none is free: %v", err)
	}
	mine := FirstByte(c.st, 1000)
	needed := func(number int) bool { return number == 1000 || number == 1007 }
	c.apply(FreeBytes(c.st, needed)...)
	if got := FirstByte(c.st, 1000); got != mine || FirstByte(c.st, 1007) == 0 {
		t.Errorf("a member has %d, had %d; another that is connected has %d", got, mine, FirstByte(c.st, 1007))
	}
	for _, id := range []zab.PeerID{5, 6, 7} {
		if c.apply(c.propose(id)); FirstByte(c.st, id) == 0 {
			t.Errorf("server %d got none", id)
		}
	}
	if more := FreeBytes(c.st, needed); len(more) > 3 {
		t.Errorf("%d more are taken away", len(more))
	}
	if FreeBytes(newClaims(t).st, func(int) bool { return false }) != nil {
		t.Error("bytes are taken where all are free")
	}
}

// A server that waits for its byte begins no session; when it changes, ids begin with the new one.
func TestNoIDBeforeTheFirstByte(t *testing.T) {
	s := &Server{opts: Options{ID: 300, Sessions: SessionOptions{AwaitFirstByte: true}, Clock: Clock{Wall: func() int64 { return 5 }}}}
	s.sess.init(&s.opts)
	if id := s.sess.newID(); id != 0 {
		t.Fatalf("id %v before the byte", id)
	}
	for _, b := range []uint8{7, 254} {
		s.SetFirstByte(b)
		one := s.sess.newID()
		s.SetFirstByte(b) // said again: it goes on
		if two := s.sess.newID(); one.Peer() != b || two != one+1 {
			t.Errorf("%d: %v, %v", b, one, two)
		}
	}
	if s.SetFirstByte(0); s.sess.newID() != 0 {
		t.Error("a session begins although the byte was taken away")
	}
}
