package zab_test

import (
	"slices"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// noting notes what it is given.
type noting struct{ got []string }

func (n *noting) Persist(*zab.Persist, []zab.Message)  { n.got = append(n.got, "persist") }
func (n *noting) EnsembleChanged(zab.EnsembleChange)   { n.got = append(n.got, "ensemble") }
func (n *noting) Send([]zab.Message)                   { n.got = append(n.got, "send") }
func (n *noting) Commit([]zab.Entry)                   { n.got = append(n.got, "commit") }
func (n *noting) SoftStateChanged(zab.SoftState)       { n.got = append(n.got, "soft") }
func (n *noting) Confirmed(zab.ReadState)              { n.got = append(n.got, "read") }
func (n *noting) Ship(zab.SnapSend)                    { n.got = append(n.got, "ship") }
func (n *noting) Deliver(*zab.Delivery)                { n.got = append(n.got, "deliver") }
func (n *noting) Warn(_ bool, mm []zab.DigestMismatch) { n.got = append(n.got, "warn") }

// One Ready with all of it is handed out in the order of the contract, and nothing of it twice.
func TestHandKeepsTheOrder(t *testing.T) {
	var n noting
	r := zab.Ready{
		Blank: true, Inbox: make([]zab.Delivery, 2), SnapSends: make([]zab.SnapSend, 1), Reads: make([]zab.ReadState, 2), Soft: &zab.SoftState{},
		Committed: make([]zab.Entry, 3), Messages: make([]zab.Message, 3), Ensemble: &zab.EnsembleChange{}, Persist: &zab.Persist{}, After: make([]zab.Message, 1),
	}
	r.Hand(&n)
	want := []string{"persist", "ensemble", "send", "commit", "soft", "read", "read", "ship", "deliver", "deliver", "warn"}
	if !slices.Equal(n.got, want) {
		t.Errorf("handed out as %v, want %v", n.got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("messages that wait for no batch are taken")
		}
	}()
	(&zab.Ready{After: make([]zab.Message, 1)}).Hand(&n)
}

// An empty Ready asks for nothing.
func TestHandOfNothing(t *testing.T) {
	var n noting
	(&zab.Ready{}).Hand(&n)
	if len(n.got) > 0 {
		t.Errorf("handed out %v", n.got)
	}
}
