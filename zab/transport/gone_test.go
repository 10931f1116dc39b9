package transport

import (
	"net"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// pairOf starts two transports that are linked with each other. gone gets what the first is told of the second.
func pairOf(t *testing.T, gone chan zab.PeerID) [2]*Transport {
	t.Helper()
	var out [2]*Transport
	var socks [2]net.Listener
	for i := range socks {
		sock, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		socks[i] = sock
	}
	arrived := make(chan struct{}, 1000)
	change := zab.EnsembleChange{Committed: zab.Ensemble{Members: []zab.Member{{ID: 1}, {ID: 2}}}}
	for i := range out {
		cfg := Config{
			Identity: Identity{ID: zab.PeerID(i + 1)}, Listener: socks[i],
			Resolve: func(m zab.Member) []string { return []string{socks[m.ID-1].Addr().String()} },
			Deliver: func(m zab.Message) {
				if m.To == 2 {
					arrived <- struct{}{}
				}
			},
		}
		if i == 0 {
			cfg.Gone = func(id zab.PeerID) { gone <- id }
		}
		out[i] = New(cfg)
		t.Cleanup(out[i].Close)
		out[i].EnsembleChanged(change)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 6000 {
		out[0].Send(&zab.Message{Type: zab.MsgResign, From: 1, To: 2, Epoch: 1})
		select {
		case <-arrived:
			return out
		case <-tick.C:
		}
	}
	t.Fatal("the link does not come up")
	return out
}

// The end of a server's process is told at once: its links break and nobody answers there.
func TestEndOfAServerIsTold(t *testing.T) {
	gone := make(chan zab.PeerID, 10)
	pair := pairOf(t, gone)
	<-time.After(steady + 100*time.Millisecond)
	begin := time.Now()
	pair[1].Close()
	select {
	case id := <-gone:
		t.Logf("told after %v", time.Since(begin))
		if id != 2 {
			t.Errorf("server %d is told to be gone", id)
		}
	case <-time.After(time.Minute):
		t.Error("nothing was told")
	}
}

// A link that breaks while its server is there is dialled anew, and nothing is told.
func TestBrokenLinkIsNotTheEnd(t *testing.T) {
	gone := make(chan zab.PeerID, 10)
	pair := pairOf(t, gone)
	<-time.After(steady + 100*time.Millisecond)
	pair[1].mu.Lock()
	for c := range pair[1].in {
		c.Close()
	}
	pair[1].mu.Unlock()
	select {
	case id := <-gone:
		t.Errorf("server %d is told to be gone", id)
	case <-time.After(300 * time.Millisecond):
	}
}
