package peer

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
)

// memory is a log that is durable at once and drops what it need not keep.
type memory struct{ disk }

func (m *memory) Append(batches ...zab.Persist) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range batches {
		m.log.Write(b)
		m.log.Sync(b.Seq)
	}
	return nil
}

// counter is a state machine that tells how much it has applied.
type counter struct {
	left int
	done chan struct{}
}

func (c *counter) Apply(entries []zab.Entry) {
	for i := range entries {
		if entries[i].Kind == zab.EntryTxn {
			if c.left--; c.left == 0 {
				close(c.done)
			}
		}
	}
}
func (c *counter) SoftStateChanged(zab.SoftState) {}
func (c *counter) Vet(zab.PeerID, [][]byte)       {}
func (c *counter) Deliver(zab.Delivery)           {}

// direct hands messages over without copying them: entries do not change.
type direct struct {
	mu    sync.Mutex
	peers map[zab.PeerID]*Peer
}

func (d *direct) EnsembleChanged(zab.EnsembleChange) {}
func (d *direct) Send(m *zab.Message) {
	d.mu.Lock()
	p := d.peers[m.To]
	d.mu.Unlock()
	if p != nil {
		p.Deliver(*m)
	}
}

// benchPeers starts n peers and waits until they are active; it returns them with the leader first.
func benchPeers(b *testing.B, n, entries int) ([]*Peer, *counter) {
	text := ""
	for i := 1; i <= n; i++ {
		text += fmt.Sprintf("server.%d=h%d:1:1\n", i, i)
	}
	e, err := zab.ParseEnsemble(text)
	if err != nil {
		b.Fatal(err)
	}
	net := &direct{peers: map[zab.PeerID]*Peer{}}
	count := map[zab.PeerID]*counter{}
	var peers []*Peer
	for i := 1; i <= n; i++ {
		id := zab.PeerID(i)
		count[id] = &counter{left: entries, done: make(chan struct{})}
		p, err := New(Config{Core: zab.Config{ID: id, Ensemble: e, Rand: rand.NewPCG(uint64(i), 1)},
			Log: &memory{disk{log: zabtest.NewDisk()}}, TickEvery: 10 * time.Millisecond})
		if err != nil {
			b.Fatal(err)
		}
		net.mu.Lock()
		net.peers[id] = p
		net.mu.Unlock()
		peers = append(peers, p)
	}
	for _, p := range peers {
		p.Run(Environment{Machine: count[p.cfg.Core.ID], Transport: net})
	}
	b.Cleanup(func() {
		for _, p := range peers {
			p.Stop()
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		active, leader := 0, 0
		for i, p := range peers {
			if s := p.Soft(); s.Active {
				if active++; s.Role == zab.Leading {
					leader = i
				}
			}
		}
		if active == n {
			peers[0], peers[leader] = peers[leader], peers[0]
			return peers, count[peers[0].cfg.Core.ID]
		}
		if time.Now().After(deadline) {
			b.Fatal("no leader within 30 s")
		}
	}
}

// BenchmarkPropose is the path of a write through the three loops: proposed one after the other as fast as they are taken, applied by the leader.
func BenchmarkPropose(b *testing.B) {
	for _, n := range []int{1, 3} {
		for _, size := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("peers=%d/bytes=%d", n, size), func(b *testing.B) {
				peers, count := benchPeers(b, n, b.N)
				payload := make([]byte, size)
				b.ReportAllocs()
				b.SetBytes(int64(size))
				b.ResetTimer()
				for sent := 0; sent < b.N; {
					k := min(8, b.N-sent)
					batch := make([][]byte, k)
					for i := range batch {
						batch[i] = payload
					}
					if err := peers[0].Propose(batch); err != nil {
						b.Fatal(err)
					}
					if sent += k; sent%1024 == 0 {
						done := make(chan struct{})
						peers[0].ReadIndex(func(error) { close(done) })
						<-done
					}
				}
				<-count.done
			})
		}
	}
}

// BenchmarkReadIndex is a read that a quorum confirms, 64 at a time.
func BenchmarkReadIndex(b *testing.B) {
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("peers=%d", n), func(b *testing.B) {
			peers, _ := benchPeers(b, n, -1)
			b.ReportAllocs()
			b.ResetTimer()
			for sent := 0; sent < b.N; {
				k := min(64, b.N-sent)
				done := make(chan struct{}, k)
				for range k {
					peers[0].ReadIndex(func(error) { done <- struct{}{} })
				}
				for range k {
					<-done
				}
				sent += k
			}
		})
	}
}
