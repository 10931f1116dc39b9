package zab_test

import (
	"encoding/binary"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// A silence that ends makes the election timeout twice as long at most, whatever it was: delays come again, a cut may be the only one. A leader that says that
// it was paused was no delay at all.
func TestPatienceGrowsInSteps(t *testing.T) {
	ping := zab.Message{Type: zab.MsgPing, Epoch: 2, Prev: zxid.New(2, 0), Flag: true}
	for name, row := range map[string]struct {
		late, tells bool  // a ping from before the silence comes late; the next one tells of a pause
		want        []int // election timeouts after each silence of four of the configured ones
	}{
		"cut off":                       {true, false, []int{2, 4, 5}},
		"paused":                        {false, true, []int{1, 1, 1}},
		"paused with a ping on the way": {true, true, []int{1, 1, 1}},
	} {
		d := zabtest.NewDisk()
		c := begin(t, 1, three, d)
		election := zab.ElectionTimeout(c)
		step(t, c, ping)
		hear(c, d)
		for i, want := range row.want {
			for range 4 * election {
				c.Tick(1)
				hear(c, d)
			}
			if row.late {
				step(t, c, ping)
				hear(c, d)
			}
			if row.tells {
				again := ping
				again.Data = binary.AppendUvarint(nil, uint64(4*election))
				step(t, c, again)
				hear(c, d)
			}
			if got := zab.ElectionTimeout(c); got != want*election {
				t.Errorf("%s: after silence %d the election timeout is %d ticks, want %d", name, i+1, got, want*election)
			}
		}
	}
}

// A leader that goes on after a pause says in its pings for how long it was paused, and in later ones nothing.
func TestALeaderTellsOfItsPause(t *testing.T) {
	c, d := leads(t, zab.Limits{})
	hear(c, d)
	for _, row := range []struct{ ticks, told int }{{300, 300}, {1, 0}} {
		c.Tick(row.ticks)
		s := hear(c, d)
		said := s.of(zab.MsgPing)
		if len(said) == 0 {
			t.Fatal("no ping")
		}
		if n, _ := binary.Uvarint(said[0].Data); int(n) != row.told {
			t.Errorf("after %d ticks at once the first ping tells of a pause of %d", row.ticks, n)
		}
	}
}
