package peer

import (
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// queued is how much waits for the state machine, in bytes.
func (p *Peer) queued() (n int) {
	p.applyQ.mu.Lock()
	defer p.applyQ.mu.Unlock()
	for _, j := range p.applyQ.items {
		for i := range j.entries {
			n += len(j.entries[i].Data) + entryOverhead
		}
	}
	return n
}

// slowApply holds the state machine of one server while 40 MiB are written by the leader, and says how much waited for it at the most, in
// MiB, and how far its log had come when the others had applied what they could.
func slowApply(t *testing.T, limits zab.Limits, who func(leader zab.PeerID, w *world) zab.PeerID) (most, behind int) {
	t.Helper()
	const count, size = 640, 64 << 10
	w := newWorld(t, 3, limits)
	p, id := w.leader()
	slow := who(id, w)
	hold := make(chan struct{})
	w.machines[slow].mu.Lock()
	w.machines[slow].hold = hold
	w.machines[slow].mu.Unlock()
	fast := w.others(slow)[0]
	for i := range count {
		payload := make([]byte, size)
		payload[0], payload[1] = byte(i), byte(i>>8)
		if err := p.Propose([][]byte{payload}); err != nil {
			t.Fatal(err)
		}
	}
	last := -1
	w.until("all, or all that can be taken", true, func() bool {
		n := len(w.machines[fast].payloads())
		most = max(most, w.peers[slow].queued()>>20)
		stuck := n == last && n > 0
		last = n
		return n == count || stuck && slow == id
	})
	for range 5 {
		w.tick()
	}
	most = max(most, w.peers[slow].queued()>>20)
	behind = int(w.peers[fast].Status().Last - w.peers[slow].Status().Last)
	close(hold)
	w.until("everybody has all of it", true, func() bool {
		for _, m := range w.machines {
			if len(m.payloads()) != count {
				return false
			}
		}
		return true
	})
	return most, behind
}

func mebibyte() zab.Limits {
	return zab.Limits{BatchBytes: 256 << 10, TailBytes: 1 << 20, InflightBytes: 1 << 20, ApplyBytes: 1 << 20}
}

// What waits for the state machine of a follower is bounded, however far it is behind. The leader hears of it and sends nothing more for the time;
// the others go on; afterwards everybody has everything.
func TestSlowFollowerIsBounded(t *testing.T) {
	most, behind := slowApply(t, mebibyte(), func(id zab.PeerID, w *world) zab.PeerID { return w.others(id)[0] })
	if most > 2 {
		t.Errorf("%d MiB waited for a state machine that may have 1 MiB to apply", most)
	}
	if behind < 400 {
		t.Errorf("the slow follower lacks %d of 640 entries: the leader has sent on", behind)
	}
}

// A leader whose own state machine is behind takes no more for the time.
func TestSlowLeaderIsBounded(t *testing.T) {
	most, _ := slowApply(t, mebibyte(), func(id zab.PeerID, w *world) zab.PeerID { return id })
	if most > 2 {
		t.Errorf("%d MiB waited for a state machine that may have 1 MiB to apply", most)
	}
}
