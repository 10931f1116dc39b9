package zabtest

import (
	"fmt"
	"math/rand/v2"

	"github.com/paddock-zk/paddock/zab"
)

// network knows which directed links are cut. As in the real one, a link has two lanes: what is large goes in one of its own.
type network struct {
	n    int
	cut  [][]bool     // [from][to]
	last [2][][]int64 // by lane: when the last message arrives
	free [][]int64    // when the lane of what is large has sent all that waits
}

func newNetwork(n int) network {
	w := network{n: n}
	for range n {
		w.cut = append(w.cut, make([]bool, n))
		w.free = append(w.free, make([]int64, n))
		for lane := range w.last {
			w.last[lane] = append(w.last[lane], make([]int64, n))
		}
	}
	return w
}

// quicken lets new messages pass those that a slow lane still holds.
func (w *network) quicken() {
	for i := range w.free {
		clear(w.free[i])
		clear(w.last[1][i])
	}
}

func (w *network) heal() {
	for i := range w.cut {
		clear(w.cut[i])
	}
}

// draw cuts links in one of the shapes that have hurt real systems, and names it.
func (w *network) draw(r *rand.Rand) string {
	w.heal()
	if w.n == 1 {
		return "none"
	}
	a, b := r.IntN(w.n), r.IntN(w.n)
	both := func(i, j int) { w.cut[i][j], w.cut[j][i] = i != j, i != j }
	order := r.Perm(w.n)
	switch r.IntN(8) {
	case 0: // two sides
		k := 1 + r.IntN(w.n-1)
		for _, i := range order[:k] {
			for _, j := range order[k:] {
				both(i, j)
			}
		}
		return fmt.Sprint("split ", order[:k])
	case 1: // bridge: two sides that one server joins
		k := w.n / 2
		for _, i := range order[:k] {
			for _, j := range order[k+1:] {
				both(i, j)
			}
		}
		return fmt.Sprint("bridge ", order[k])
	case 2: // chain: each sees its neighbours only
		for i := range order {
			for j := i + 2; j < w.n; j++ {
				both(order[i], order[j])
			}
		}
		return "chain"
	case 3: // ring
		for i := range order {
			for j := i + 2; j < w.n; j++ {
				if i != 0 || j != w.n-1 {
					both(order[i], order[j])
				}
			}
		}
		return "ring"
	case 4: // star: one server reaches all, the others reach only it
		for i := range w.n {
			for j := range w.n {
				if i != a && j != a {
					both(i, j)
				}
			}
		}
		return fmt.Sprint("star ", a)
	case 5: // deaf: hears nobody, is heard
		for i := range w.n {
			w.cut[i][a] = i != a
		}
		return fmt.Sprint("deaf ", a)
	case 6: // mute: hears everybody, is not heard
		for i := range w.n {
			w.cut[a][i] = i != a
		}
		return fmt.Sprint("mute ", a)
	}
	w.cut[a][b] = a != b // one direction of one link
	return fmt.Sprint("one way ", a, b)
}

// send puts a message on its way.
func (s *Sim) send(m zab.Message) {
	s.Stats.Messages++
	from, to := int(m.From)-1, int(m.To)-1
	if to < 0 || to >= len(s.nodes) {
		s.violate("message to nobody: %v", m)
	}
	f := &s.opt.Faults
	if s.net.cut[from][to] || s.Chance(f.Loss) {
		s.Stats.Dropped++
		return
	}
	s.deliver(m, from, to)
	if s.Chance(f.Dup) {
		s.deliver(m, from, to)
	}
}

func (s *Sim) deliver(m zab.Message, from, to int) {
	f := &s.opt.Faults
	d := s.Between(f.DelayMin, f.DelayMax)
	if s.Chance(f.DelayTail) {
		d *= 10
	}
	// Every receiver gets its own copy of the bytes, through the real codec.
	b := zab.AppendMessage(nil, &m)
	at, lane := s.now+d, 0
	if m.Type.Bulk() {
		lane = 1
		s.Stats.BulkBytes += len(b)
		if f.BulkRate > 0 {
			free := &s.net.free[from][to]
			if *free > s.now+400*TickLen {
				s.Stats.Dropped++ // the queue is full
				return
			}
			*free = max(*free, s.now) + int64(len(b)*TickLen/f.BulkRate)
			at = *free + d
		}
	}
	if !s.Chance(f.Reorder) {
		last := &s.net.last[lane][from][to]
		at = max(at, *last+1)
		*last = at
	}
	s.At(at, func() {
		if s.net.cut[from][to] {
			s.Stats.Dropped++
			return
		}
		var got zab.Message
		if err := zab.DecodeMessage(b, &got); err != nil {
			s.violate("codec: %v: %v", m, err)
		}
		s.nodes[to].receive(got)
	})
}
