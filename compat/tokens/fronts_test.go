package tokens

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// lockName is the prefix of a lock node of the n-th request.
func lockName(dir string, n int, infix string) string {
	return fmt.Sprintf("%s/_c_12345678-1234-1234-1234-%012x%s", dir, n, infix)
}

// What a waiter is refused with, and what the holder is given again, costs the same however many wait: the memory that a request takes stands
// for the work, since each sibling that is looked at takes some.
func TestATokenCostsTheSameHoweverManyWait(t *testing.T) {
	w := newLocks(t)
	holder := w.create(alice, lockName("/l", 0, "-lock-"), seq)
	waits := 0
	cost := func(waiters int) (waiter, holds float64) {
		last := ""
		for ; waits < waiters; waits++ {
			last = w.create(bob, lockName("/l", waits+1, "-lock-"), seq)
		}
		grant := func(who session.ID, node string) func() {
			return func() { w.keep.grant(w.st, who, node) }
		}
		return testing.AllocsPerRun(10, grant(bob, last)), testing.AllocsPerRun(10, grant(alice, holder))
	}
	waiter, holds := cost(10)
	manyWaiter, manyHolds := cost(2000)
	if manyWaiter > waiter || manyHolds > holds {
		t.Errorf("with 10 waiters a refusal takes %v allocations and a grant %v, with 2000 they take %v and %v", waiter, holds, manyWaiter, manyHolds)
	}
}

// The memory of who stood at the front changes no answer: a keeper that remembers says what one says that looks at everybody.
func TestTheFrontOfAQueueIsRememberedRightly(t *testing.T) {
	for seed := range uint64(20) {
		w := newLocks(t)
		g := rand.New(rand.NewPCG(seed, 1))
		w.create(alice, "/m", znode.ModePersistent)
		type place struct {
			who  session.ID
			node string
		}
		var queue []place
		for n := range 300 {
			dir, who := []string{"/l", "/m"}[g.IntN(2)], []session.ID{alice, bob}[g.IntN(2)]
			switch k := g.IntN(8); {
			case k < 3 && len(queue) < 12:
				infix := []string{"-lock-", "-__READ__", "-__READ__", "-__WRIT__"}[g.IntN(4)]
				if stat, _, ok := w.st.Node(dir); ok && stat.NumChildren == 0 { // made anew, it gives the same names again
					w.delete(who, dir)
					w.create(who, dir, znode.ModePersistent)
				}
				queue = append(queue, place{who, w.create(who, lockName(dir, g.IntN(2), infix), seq)})
			case k < 6 && len(queue) > 0:
				i := g.IntN(len(queue))
				w.delete(queue[i].who, queue[i].node)
				queue = append(queue[:i], queue[i+1:]...)
			}
			for _, i := range g.Perm(len(queue)) {
				p := queue[i]
				fresh := NewKeeper(w.keep.lineage, w.keep.now, slog.New(slog.DiscardHandler))
				want, _, wantErr := fresh.grant(w.st, p.who, p.node)
				got, _, err := w.keep.grant(w.st, p.who, p.node)
				if got != want || (err == nil) != (wantErr == nil) {
					t.Fatalf("seed %d, step %d, %s: %v %v, and by a look at everybody %v %v", seed, n, p.node, got, err, want, wantErr)
				}
			}
		}
	}
}

// The memory is bounded.
func TestTheMemoryOfFrontsIsBounded(t *testing.T) {
	var f fronts
	for i := range 3 * mostFronts {
		f.note(fmt.Sprintf("/l%d", i), fencing.LockNode{Name: "lock-0000000001", Czxid: int64(i + 1)}, nil, true)
		if len(f.of) > mostFronts {
			t.Fatalf("%d fronts are remembered", len(f.of))
		}
	}
}

// A lock's path that was deleted and made again gives the same names to other nodes: a name alone says nothing.
func TestAFrontIsANodeAndNotAName(t *testing.T) {
	w := newLocks(t)
	again := func() (other, second string) {
		other = w.create(bob, lockName("/l", 1, "-lock-"), seq)
		return other, w.create(alice, lockName("/l", 2, "-lock-"), seq)
	}
	first, front := again()
	w.delete(bob, first)
	w.token(alice, front)
	w.delete(alice, front)
	w.delete(alice, "/l")
	w.create(alice, "/l", znode.ModePersistent)
	first, second := again()
	if second != front {
		t.Fatalf("%s and %s are not of one name", second, front)
	}
	w.token(bob, first) // what has the name of the old front does not stand before it
	w.keep.fronts.put("/l", heldBefore(w, "/l", second))
	w.denied(alice, second, znode.ErrNoAuth) // and does not hold because that one held
}

// heldBefore is the memory of a node of this name that held the lock in an earlier life of the path.
func heldBefore(w *world, lock, node string) front {
	stat, _, _ := w.st.Node(node)
	return front{node[len(lock)+1:], stat.Czxid - 100, true}
}
