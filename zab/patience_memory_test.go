package zab

import "testing"

// A silence that was measured makes the election timeout longer for one memory more, and no longer than that.
func TestPatienceForgets(t *testing.T) {
	const e = 10
	c := &Core{}
	c.cfg.Timing.Election = e
	c.now = 1
	c.waited(e)
	for i, want := range []int{2 * e, 2 * e, e, e} {
		if got := c.election(); got != want {
			t.Errorf("%d memories after a silence of %d ticks the election timeout is %d ticks, want %d", i, e, got, want)
		}
		c.now += patienceMemory*e + 1
		c.waited(1)
	}
	c.waited(e)
	c.now += 2*patienceMemory*e + 1
	c.waited(1)
	if got := c.election(); got != e {
		t.Errorf("two memories without a word after a silence the election timeout is %d ticks, want %d", got, e)
	}
}
