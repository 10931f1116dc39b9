package zab_test

import (
	"errors"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// A leader takes no proposals while its own state machine has as much to apply as it may have: its state would fall behind without end.
func TestLeaderThatIsBehindTakesNothing(t *testing.T) {
	c, d := leads(t, zab.Limits{ApplyBytes: 1000})
	e := c.Status().Soft.Epoch
	c.Applied(c.Status().Commit)
	z, err := c.Propose(1, [][]byte{make([]byte, 2000)})
	if err != nil {
		t.Fatal(err)
	}
	hear(c, d)
	step(t, c, zab.Message{Type: zab.MsgAck, Epoch: e, Zxid: z})
	hear(c, d)
	if _, err := c.Propose(1, [][]byte{{1}}); !errors.Is(err, zab.ErrBusy) {
		t.Errorf("with 2000 bytes to apply, of 1000: %v", err)
	}
	c.Applied(z)
	if _, err := c.Propose(1, [][]byte{{1}}); err != nil {
		t.Errorf("with nothing to apply: %v", err)
	}
}
