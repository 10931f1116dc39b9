package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPipelineKeepsOrder plays random histories against the simplest model: a list of requests of which a prefix is answered.
// Writes are applied in their order but at any time, syncs are confirmed at any time, and whatever is answered must be the next one.
func TestPipelineKeepsOrder(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var p Pipeline
		var asked, answered []string // in order of asking; what Head and Committed gave
		var writes []uint64          // not applied yet
		var syncs []uint64
		seq := uint64(0)
		take := func() {
			for it, b := p.Head(); it != nil; it, b = p.Head() {
				answered = append(answered, string(b))
				p.Pop()
			}
		}
		for range 400 {
			name := fmt.Sprintf("%d-%s", len(asked), bytes.Repeat([]byte("x"), r.IntN(50)))
			switch r.IntN(6) {
			case 0, 1:
				seq++
				p.Write(seq, 1, 1, false, arrival{})
				writes = append(writes, seq)
				asked = append(asked, fmt.Sprintf("reply %d", seq))
			case 2:
				if p.Len() > 0 { // else it would run at once
					p.Read([]byte(name), arrival{})
					asked = append(asked, name)
				}
			case 3:
				seq++
				p.Sync(seq, []byte(name), arrival{})
				syncs = append(syncs, seq)
				asked = append(asked, name)
			case 4:
				if len(writes) == 0 {
					continue
				}
				it, atHead, err := p.Committed(writes[0])
				if err != nil {
					t.Fatal(err)
				}
				reply := fmt.Sprintf("reply %d", writes[0])
				if writes = writes[1:]; atHead {
					answered = append(answered, reply)
					p.Pop()
				} else {
					p.Hold(it, []byte(reply))
				}
				take()
			case 5:
				if len(syncs) > 0 {
					i := r.IntN(len(syncs))
					p.Confirmed(syncs[i])
					syncs = append(syncs[:i], syncs[i+1:]...)
					take()
				}
			}
			if p.Len() != len(asked)-len(answered) {
				t.Fatalf("seed %d: %d wait, the model says %d", seed, p.Len(), len(asked)-len(answered))
			}
		}
		for i := range answered {
			if answered[i] != asked[i] {
				t.Fatalf("seed %d: answer %d is %q, asked was %q", seed, i, answered[i], asked[i])
			}
		}
	}
}

func TestPipelineNoticesALostWrite(t *testing.T) {
	var p Pipeline
	p.Write(1, 1, 1, false, arrival{})
	p.Read([]byte("read"), arrival{})
	p.Write(2, 2, 1, false, arrival{})
	if _, _, err := p.Committed(2); err == nil {
		t.Error("write 2 was applied, write 1 of the same session was lost, and nobody noticed")
	}
	if n := p.Writes(); n != 2 {
		t.Errorf("%d writes are unanswered", n)
	}
}

// A sync is not answered before it is confirmed, nor is a read behind it; a write behind it is held back.
func TestPipelineHoldsASyncUntilItIsConfirmed(t *testing.T) {
	var p Pipeline
	p.Sync(7, []byte("sync"), arrival{})
	p.Read([]byte("read"), arrival{})
	if it, _ := p.Head(); it != nil {
		t.Fatal("a sync is answered, and nobody has confirmed it")
	}
	if !p.Gated() {
		t.Error("a write could be proposed before the sync is confirmed")
	}
	if p.Confirmed(6); p.Len() != 2 || !p.Gated() {
		t.Error("the confirmation of another turn ends the wait")
	}
	p.Confirmed(7)
	if p.Gated() {
		t.Error("the sync is confirmed and still holds writes back")
	}
	for _, want := range []string{"sync", "read"} {
		it, bytes := p.Head()
		if it == nil || string(bytes) != want {
			t.Fatalf("at the head is %q, want %q", bytes, want)
		}
		p.Pop()
	}
}

func TestPipelineGivesItsRoomBack(t *testing.T) {
	var p Pipeline
	for i := range 100_000 {
		p.Write(uint64(i+1), 1, 1, false, arrival{})
		p.Read(make([]byte, 100), arrival{})
		if i == 0 {
			continue // there is always one pair behind
		}
		p.Committed(uint64(i))
		p.Pop()
		p.Pop()
	}
	if cap(p.items) > 4096 || cap(p.hold) > 256<<10 {
		t.Errorf("a session that is never idle grew to %d items and %d bytes", cap(p.items), cap(p.hold))
	}
}

func TestOrdersFindWhoWaits(t *testing.T) {
	o := newOrders()
	conns := make([]*conn, 5000)
	for i := range conns {
		conns[i] = &conn{}
		if seq := o.place(conns[i]); seq != uint64(i+1) {
			t.Fatalf("number %d", seq)
		}
	}
	for i := len(conns) - 1; i >= 0; i-- {
		if o.take(uint64(i+1)) != conns[i] || o.take(uint64(i+1)) != nil {
			t.Fatalf("wrong owner of %d", i+1)
		}
	}
	if o.outstanding() != 0 || o.take(0) != nil || o.take(99999) != nil {
		t.Error("something is left")
	}
}

func TestConnectionThrottle(t *testing.T) {
	th := newThrottle(ThrottleOptions{Tokens: 3, FillTimeMs: 100, FillCount: 2})
	got := ""
	for _, now := range []int64{1000, 1001, 1002, 1003, 1050, 1200, 1201, 1202} {
		got += fmt.Sprint(th.admit(false, now, 0.5), " ")
	}
	if want := "true true true false false true true true "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !newThrottle(ThrottleOptions{}).admit(false, 0, 0) {
		t.Error("off means off")
	}
	blue := newThrottle(ThrottleOptions{Tokens: 1, FillTimeMs: 1 << 40, FreezeTimeMs: 10, DropIncrease: 0.5})
	blue.admit(false, 11, 0.9)
	blue.admit(false, 30, 0.9) // the bucket is empty: the chance rises
	blue.admit(false, 60, 0.9)
	if _, drop := blue.deficit(); drop != 1 {
		t.Errorf("chance of refusal %v", drop)
	}
}

// BenchmarkPipeline is one write and one read behind it, answered.
func BenchmarkPipeline(b *testing.B) {
	var p Pipeline
	frame := make([]byte, 40)
	b.ReportAllocs()
	for i := range b.N {
		p.Write(uint64(i), 1, 1, false, arrival{})
		p.Read(frame, arrival{})
		p.Committed(uint64(i))
		p.Pop()
		p.Head()
		p.Pop()
	}
}

// Abandon tells of every write that is not applied, and of all that counted as large, whatever was answered before.
func TestPipelineAbandon(t *testing.T) {
	var p Pipeline
	p.Write(1, 1, 1, false, arrival{large: 1})
	p.Write(2, 2, 1, false, arrival{large: 10})
	p.Read([]byte("read"), arrival{large: 100})
	p.Write(3, 3, 1, false, arrival{})
	p.Code(4, 1, -6, false, arrival{large: 1000})
	for seq := range uint64(2) {
		if _, _, err := p.Committed(seq + 1); err != nil {
			t.Fatal(err)
		}
	}
	p.Pop() // write 1 is answered; write 2 is applied and not answered
	var left []uint64
	waited, large := p.Abandon(func(seq uint64) { left = append(left, seq) })
	if waited != 4 || large != 1110 || !slices.Equal(left, []uint64{3}) {
		t.Errorf("%d waited, %d bytes were large, unanswered: %v", waited, large, left)
	}
}
