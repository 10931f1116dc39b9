package peer

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// A read that is asked for behind a proposal is answered when the proposal is applied, and not before: its session would not see its own write.
// Both arrive with one mailful, before the core has seen either.
func TestAReadComesBehindTheProposalBeforeIt(t *testing.T) {
	w := &world{t: t, disks: map[zab.PeerID]*disk{1: newDisk()}}
	m := &machine{w: w, id: 1}
	ensemble, err := zab.ParseEnsemble("server.1=a:1:1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Core: zab.Config{ID: 1, Ensemble: ensemble, Rand: rand.NewPCG(1, 1)}, Log: w.disks[1]})
	if err != nil {
		t.Fatal(err)
	}
	s := p.ByHand(Environment{Machine: m})
	var mail Mail
	var b Batches
	write := func() {
		for s.TakeBatches(&b) {
			if err := s.Append(&b); err != nil {
				t.Fatal(err)
			}
			s.Written(&b)
			s.Turn(&mail)
		}
	}
	s.Turn(&mail)
	write()
	s.Apply()
	var seen [][]string
	read := func() {
		p.ReadIndex(func(err error) {
			if err != nil {
				t.Errorf("a read: %v", err)
			}
			seen = append(seen, m.payloads())
		})
	}
	if err := p.Propose([][]byte{[]byte("a")}); err != nil {
		t.Fatal(err)
	}
	read()
	s.Turn(&mail)
	s.Apply() // the round of the read is over, for nobody else is asked; its proposal is not durable yet
	if len(seen) != 0 {
		t.Fatalf("the read is answered with %v", seen)
	}
	write()
	s.Apply()
	if len(seen) != 1 || !slices.Equal(seen[0], []string{"a"}) {
		t.Errorf("the read is answered with %v", seen)
	}
}
