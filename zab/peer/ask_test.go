package peer

import (
	"errors"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// Questions whose leader has gone end with an error, each once, and nothing of them is kept: each holds the connection of a client.
func TestQuestionsEndWithTheirLeader(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	_, id := w.leader()
	f := w.others(id)[0]
	w.mu.Lock()
	w.cut[id] = true
	w.mu.Unlock()
	var mu sync.Mutex
	ended := 0
	for range 1000 {
		w.peers[f].Ask([]byte("?"), func(_ []byte, err error) {
			mu.Lock()
			defer mu.Unlock()
			if ended++; err == nil {
				t.Error("answered by nobody")
			}
		})
	}
	w.until("all of them end", true, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return ended == 1000
	})
	w.peers[f].Stop()
	if n := len(w.peers[f].waiting.asks); n > 0 || ended != 1000 {
		t.Errorf("%d questions are kept, %d ended", n, ended)
	}
}

// A question that is lost on its way, while its leader stays, ends as well.
func TestQuestionsEndWithTime(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	_, id := w.leader() // its state machine answers nothing
	ended := make(chan error, 2)
	for _, p := range []*Peer{w.peers[id], w.peers[w.others(id)[0]]} {
		p.Ask([]byte("?"), func(_ []byte, err error) { ended <- err })
	}
	w.until("both end", true, func() bool { return len(ended) == 2 })
	for range 2 {
		if err := <-ended; !errors.Is(err, zab.ErrAskLost) {
			t.Errorf("ended with %v", err)
		}
	}
}
