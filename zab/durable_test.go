package zab_test

import (
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
)

// A vote leaves when the promise is durable, not before: after a crash this server would give another one in the same epoch.
func TestVoteWaitsForItsPromise(t *testing.T) {
	c := begin(t, 1, three, zabtest.NewDisk())
	step(t, c, zab.Message{Type: zab.MsgVote, Epoch: 2})
	r := c.Ready()
	for _, m := range r.Messages {
		if m.Type == zab.MsgVoteResp {
			t.Errorf("before the promise is durable: %v", m)
		}
	}
	if r.Persist == nil || r.Persist.HardState == nil || r.Persist.HardState.Promised != 2 {
		t.Errorf("there is no promise to write:\n%v", r)
	}
	if len(r.After) != 1 || r.After[0].Type != zab.MsgVoteResp || r.After[0].Reject {
		t.Errorf("there is no vote behind it:\n%v", r)
	}
}
