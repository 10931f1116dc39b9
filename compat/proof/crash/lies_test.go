package crash

import (
	"strings"
	"testing"
)

// TestLiesAreCaught plants what a server could do wrong, one at a time, into an honest sight.
func TestLiesAreCaught(t *testing.T) {
	lies := []struct {
		name string
		lie  func(*ledger, *sight)
		want string // a part of the verdict; "" for an honest server
	}{
		{"honest: all in flight is lost", func(*ledger, *sight) {}, ""},
		{"honest: a prefix of what was in flight is there", func(_ *ledger, s *sight) { s.reg, s.version = 3, 3 }, ""},
		{"honest: all in flight is there", func(_ *ledger, s *sight) {
			s.reg, s.version, s.a, s.b, s.parts, s.ephemerals = 3, 3, 3, 3, []int{1, 2, 3}, []int{1, 2, 3}
			s.sequential[3] = 12
		}, ""},
		{"an acknowledged write is lost", func(_ *ledger, s *sight) { s.reg, s.version = 1, 1 }, "acknowledged setData 2 is lost"},
		{"an acknowledged sequential node is lost", func(_ *ledger, s *sight) { delete(s.sequential, 2) }, "sequential node 2"},
		{"a write applied twice", func(_ *ledger, s *sight) { s.version = 3 }, "twice"},
		{"half a multi: one register", func(_ *ledger, s *sight) { s.b = 1 }, "half there"},
		{"half a multi: a node too few", func(_ *ledger, s *sight) { s.parts = []int{1} }, "half there"},
		{"a failed multi left a node", func(_ *ledger, s *sight) { s.bad = 1 }, "failed"},
		{"an ephemeral of the live session is gone", func(_ *ledger, s *sight) { s.ephemerals = []int{2} }, "ephemerals"},
		{"all ephemerals are gone", func(_ *ledger, s *sight) { s.ephemerals = nil }, "acknowledged ephemeral"},
		{"a later write without the earlier", func(_ *ledger, s *sight) { s.a, s.b, s.parts = 3, 3, []int{1, 2, 3} }, "sent before it"},
		{"a node from nowhere", func(_ *ledger, s *sight) { s.sequential[9] = 13 }, "was settled as not applied"},
		{"a number given again", func(_ *ledger, s *sight) {
			s.reg, s.version, s.a, s.b, s.parts, s.ephemerals = 3, 3, 3, 3, []int{1, 2, 3}, []int{1, 2, 3}
			s.sequential[3] = 4
		}, "was given before"},
		{"a counter nobody wrote", func(_ *ledger, s *sight) { s.reg, s.version = 7, 7 }, "only 3 were sent"},
		{"time runs back", func(l *ledger, s *sight) { l.base[setReg] = 5; l.next[setReg] = 9 }, "went back"},
	}
	for _, c := range lies {
		t.Run(c.name, func(t *testing.T) {
			l, s := honest(t)
			c.lie(l, &s)
			wrong := strings.Join(l.judge(s), "; ")
			if c.want == "" && wrong != "" || !strings.Contains(wrong, c.want) {
				t.Errorf("the verdict is %q, want %q", wrong, c.want)
			}
		})
	}
}

// honest is a ledger with two writes of each kind acknowledged and one of each in flight, and a sight that shows the acknowledged.
func honest(t *testing.T) (*ledger, sight) {
	l := newLedger()
	l.highest = 9
	for range 2 {
		for k := range kinds {
			l.send(k)
		}
	}
	for _, w := range l.sent {
		if err := l.ack(int64(9 + w.n)); err != nil {
			t.Fatal(err)
		}
	}
	for k := range kinds {
		l.send(k)
	}
	return l, sight{
		reg: 2, version: 2, a: 2, b: 2, parts: []int{1, 2}, ephemerals: []int{1, 2},
		sequential: map[int]int64{1: 10, 2: 11},
	}
}

func TestANumberGivenAgainIsCaughtAtOnce(t *testing.T) {
	l := newLedger()
	l.highest = 9
	l.send(seq)
	if err := l.ack(9); err == nil {
		t.Error("number 9 was accepted twice")
	}
}
