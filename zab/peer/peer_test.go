package peer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

func (w *world) propose(p *Peer, payloads ...string) {
	w.t.Helper()
	var all [][]byte
	for _, s := range payloads {
		all = append(all, []byte(s))
	}
	if err := p.Propose(all); err != nil {
		w.t.Fatal(err)
	}
}

// A server alone applies what its log has stored, and nothing before: its Append is under way, and nothing is seen.
func TestNothingIsAppliedBeforeItIsDurable(t *testing.T) {
	w := newWorld(t, 1, zab.Limits{})
	p, _ := w.leader()
	thaw := w.disks[1].freeze()
	defer thaw()
	w.propose(p, "a")
	<-w.disks[1].entered
	w.propose(p, "b")
	before := p.Status()
	if got := w.machines[1].payloads(); len(got) != 0 || before.Commit >= before.Last {
		t.Errorf("applied %v, committed %v of %v while the disk writes", got, before.Commit, before.Last)
	}
	thaw()
	w.until("a and b", false, func() bool { return slices.Equal(w.machines[1].payloads(), []string{"a", "b"}) })
}

// Followers acknowledge when their Append has returned, the leader counts itself when its own has. The transport of the test compares
// every acknowledgement and every promise with the log of who sends it.
func TestAcknowledgedIsDurable(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	p, id := w.leader()
	others := w.others(id)
	thaws := []func(){w.disks[others[0]].freeze(), w.disks[others[1]].freeze()}
	for _, thaw := range thaws {
		defer thaw()
	}
	w.propose(p, "a")
	var held zxid.ID
	for _, o := range others {
		batches := <-w.disks[o].entered
		for _, e := range batches[len(batches)-1].Entries {
			held = e.Zxid
		}
		w.peers[o].Status() // its core has had a turn since
	}
	p.Status()
	w.mu.Lock()
	for _, o := range others {
		if held == 0 || w.acked[o] >= held {
			t.Errorf("server %d has acknowledged %v, and %v is being written", o, w.acked[o], held)
		}
	}
	w.mu.Unlock()
	for _, m := range w.machines {
		if got := m.payloads(); len(got) > 0 {
			t.Errorf("server %d has applied %v, which one disk of three has", m.id, got)
		}
	}
	thaws[0]()
	w.until("a majority", false, func() bool { return len(w.machines[id].payloads()) == 1 })
	thaws[1]()
	w.until("everybody", true, func() bool { return len(w.machines[others[1]].payloads()) == 1 })
}

// A log that fails ends the peer, at once and for good: nothing of the batch is acknowledged or applied, nothing more is written.
func TestAppendErrorEndsThePeer(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	p, id := w.leader()
	f := w.others(id)[0]
	d := w.disks[f]
	was := d.Last()
	thaw := d.freeze()
	defer thaw()
	w.propose(p, "a")
	<-d.entered
	w.propose(p, "b")
	w.until("a second batch waits behind the one that is being written", false, func() bool {
		q := &w.peers[f].logQ
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.items) > 0
	})
	d.mu.Lock()
	d.fail = errors.New("no such luck")
	d.mu.Unlock()
	thaw()
	<-w.peers[f].Done()
	if err := w.peers[f].Err(); err == nil || !strings.Contains(err.Error(), "no such luck") || !strings.Contains(err.Error(), "never retried") {
		t.Errorf("it ended with %v", err)
	}
	w.until("the other two go on", true, func() bool { return len(w.machines[id].payloads()) == 2 })
	w.mu.Lock()
	if w.acked[f] > was {
		t.Errorf("it has acknowledged %v, and its log ends at %v", w.acked[f], was)
	}
	w.mu.Unlock()
	if d.failed != 1 || d.after != 0 || len(w.machines[f].payloads()) > 0 {
		t.Errorf("%d failures, %d writes after the first one, applied %v", d.failed, d.after, w.machines[f].payloads())
	}
	if err := w.peers[f].Propose([][]byte{[]byte("c")}); !errors.Is(err, errStopped) {
		t.Errorf("a proposal afterwards: %v", err)
	}
}

// A read is answered when the state has reached what was committed before it was asked for.
func TestReadsWaitForApply(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	p, id := w.leader()
	f := w.others(id)[0]
	hold := make(chan struct{})
	for _, i := range []zab.PeerID{id, f} {
		w.machines[i].mu.Lock()
		w.machines[i].hold = hold
		w.machines[i].mu.Unlock()
	}
	w.propose(p, "a")
	w.until("a is committed", true, func() bool { s := p.Status(); return s.Commit == s.Last && s.Last.Counter() > 0 })
	answers := make(chan string, 2)
	for _, i := range []zab.PeerID{id, f} {
		w.peers[i].ReadIndex(func(err error) {
			answers <- fmt.Sprint(err, w.machines[i].payloads())
		})
	}
	for range 5 {
		w.tick()
	}
	select {
	case a := <-answers:
		t.Errorf("answered before the state was there: %s", a)
	default:
	}
	close(hold)
	for range 2 {
		if a := <-answers; a != "<nil> [a]" {
			t.Errorf("a read: %s", a)
		}
	}
}

// The apply loop by itself: a read for a zxid that has not come yet waits for it, also behind other reads, and the end answers it.
func TestReadsThatWaitAreAnswered(t *testing.T) {
	w := &world{t: t, disks: map[zab.PeerID]*disk{1: newDisk()}}
	w.disks[1].log.Write(zab.Persist{Seq: 1, Entries: []zab.Entry{{Zxid: 0x100000009}}})
	w.disks[1].log.Sync(1)
	p := &Peer{env: Environment{Machine: &machine{w: w, id: 1}}, stop: make(chan struct{})}
	p.applyQ.init()
	var mu sync.Mutex
	var got []string
	read := func(name string, at zxid.ID, err error) applyJob {
		return applyJob{readAt: at, readErr: err, read: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprint(name, " ", err))
		}}
	}
	entries := func(z zxid.ID) applyJob { return applyJob{entries: []zab.Entry{{Zxid: z}}} }
	p.applyQ.push(read("late", 0x100000003, nil))
	p.applyQ.push(read("lost", 0x100000009, zab.ErrReadLost))
	p.applyQ.push(entries(0x100000001))
	p.applyQ.push(read("now", 0x100000001, nil))
	p.applyQ.push(entries(0x100000003))
	p.applyQ.push(read("never", 0x10000000a, nil))
	p.applyQ.close()
	p.applyLoop()
	want := []string{"lost " + zab.ErrReadLost.Error(), "now <nil>", "late <nil>", "never " + errStopped.Error()}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Whatever is asked for before or after the end gets one answer.
func TestStopAnswersEveryCall(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	p, id := w.leader()
	f := w.others(id)[0]
	w.mu.Lock()
	w.cut[f], w.cut[id] = true, true
	w.mu.Unlock()
	const each = 20
	var mu sync.Mutex
	answers := map[string]int{}
	count := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		answers[name]++
	}
	ask := func(n int) {
		for _, q := range []*Peer{p, w.peers[f]} {
			name := fmt.Sprintf("server %d call %d ", q.cfg.Core.ID, n)
			q.ReadIndex(func(error) { count(name + "read") })
			q.Ask([]byte("?"), func([]byte, error) { count(name + "ask") })
			q.Reconfig(zab.Ensemble{}, nil, func(error) { count(name + "reconfig") })
			q.Transfer(9, func(error) { count(name + "transfer") })
			q.Touch(nil)
			q.SetDigest(1, 1)
			q.Answer(1, 1, nil)
			_ = q.Status()
		}
	}
	var asking sync.WaitGroup
	for n := range each {
		if n == each/2 {
			asking.Go(p.Stop)
			asking.Go(w.peers[f].Stop)
		}
		asking.Go(func() { ask(n) })
	}
	asking.Wait()
	ask(each)
	mu.Lock()
	defer mu.Unlock()
	if want := 2 * 4 * (each + 1); len(answers) != want {
		t.Errorf("%d calls were answered, of %d", len(answers), want)
	}
	for name, n := range answers {
		if n != 1 {
			t.Errorf("%s was answered %d times", name, n)
		}
	}
	if p.Err() != nil {
		t.Errorf("a plain stop says %v", p.Err())
	}
}

// The end of the peer by an error answers reads that were on their way through the apply loop too.
func TestFailureAnswersReads(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	_, id := w.leader()
	p := w.peers[id]
	answered := make(chan error, 100)
	for range 50 {
		p.ReadIndex(func(err error) { answered <- err })
	}
	p.end(errors.New("the end"))
	<-p.Done()
	for range 50 {
		p.ReadIndex(func(err error) { answered <- err })
	}
	if len(answered) != 100 {
		t.Errorf("%d of 100 reads were answered", len(answered))
	}
}

// The leader rolls its epoch again and again, and proposals that met ErrBusy then come in the order in which they were proposed, each once.
func TestHeldProposalsKeepTheirOrder(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{LastCounter: 100})
	p, id := w.leader()
	var want []string
	for i := range 10 {
		for j := range 20 {
			var batch []string
			for k := range 1 + j%5 {
				batch = append(batch, fmt.Sprintf("%d.%d.%d", i, j, k))
			}
			w.propose(p, batch...)
			want = append(want, batch...)
		}
		w.until("all of them", true, func() bool { return len(w.machines[id].payloads()) >= len(want) })
	}
	if got := w.machines[id].payloads(); !slices.Equal(got, want) {
		t.Errorf("%d applied in another order than proposed, or twice: %v", len(got), got)
	}
	if p.Status().Counters.EpochRolls == 0 {
		t.Error("no epoch was rolled: the test is too weak")
	}
}

// While the leader hands over its leadership it holds proposals. A read that was asked for behind them is not confirmed without them: a
// session that moved would see its own write take effect behind its sync.
func TestReadsWaitForHeldProposals(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	p, id := w.leader()
	f := w.others(id)[0]
	thaw := w.disks[f].freeze()
	defer thaw()
	w.propose(p, "a")
	<-w.disks[f].entered // so it cannot take over
	w.until("a is committed", true, func() bool { return len(w.machines[id].payloads()) == 1 })
	begun := make(chan error, 1)
	p.Transfer(f, func(err error) { begun <- err })
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	w.propose(p, "b")
	answer := make(chan string, 1)
	p.ReadIndex(func(err error) { answer <- fmt.Sprint(err, w.machines[id].payloads()) })
	w.until("an answer", true, func() bool { return len(answer) == 1 })
	if a := <-answer; a != "<nil> [a b]" {
		t.Errorf("the read sees %s", a)
	}
}

// More proposals at once than an epoch has numbers for, and more than a message can carry, are taken in pieces, in their order.
func TestProposalsAreTakenInPieces(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{LastCounter: 10})
	_, id := w.leader()
	f := w.others(id)[0]
	var want []string
	for i := range 45 {
		want = append(want, fmt.Sprint(i))
	}
	w.propose(w.peers[f], want...)
	w.until("all of them", true, func() bool { return len(w.machines[id].payloads()) >= len(want) })
	if got := w.machines[id].payloads(); !slices.Equal(got, want) {
		t.Errorf("applied %v", got)
	}
	n := 0
	large := [][]byte{make([]byte, pieceBytes-10), make([]byte, 20), make([]byte, 2*pieceBytes), make([]byte, 1), make([]byte, 1)}
	for _, most := range []int{1, 1, 1, 2} {
		k := piece(large[n:], 10)
		if k != most {
			t.Errorf("a piece of %d from %d, want %d", k, n, most)
		}
		n += k
	}
}

// A change of leadership is told behind what was committed before it: what has not been seen by then is in doubt.
func TestSoftStateComesBehindWhatWasCommitted(t *testing.T) {
	w := newWorld(t, 3, zab.Limits{})
	p, id := w.leader()
	m := w.machines[id]
	hold := make(chan struct{})
	m.mu.Lock()
	m.hold = hold
	m.mu.Unlock()
	w.propose(p, "a", "b")
	w.until("committed", true, func() bool { s := p.Status(); return s.Commit == s.Last && s.Last.Counter() > 1 })
	w.mu.Lock()
	w.cut[id] = true
	w.mu.Unlock()
	w.until("it resigns", true, func() bool { return p.Status().Soft.Role != zab.Leading })
	close(hold)
	w.until("it says so", true, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return strings.HasPrefix(m.seen[len(m.seen)-1], "soft role=0")
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if end := m.seen[len(m.seen)-3:]; end[0] != "a" || end[1] != "b" {
		t.Errorf("the state machine saw %q", m.seen)
	}
}

// A state machine that cannot install an image ends the peer.
func TestFatalOfTheApplyLoop(t *testing.T) {
	w := newWorld(t, 1, zab.Limits{})
	p, _ := w.leader()
	p.applyQ.push(applyJob{install: &zab.Snapshot{From: 2, SnapshotMeta: zab.SnapshotMeta{Zxid: 7}}})
	answered := make(chan error, 1)
	p.applyQ.push(applyJob{read: func(err error) { answered <- err }, readAt: 1})
	<-p.Done()
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "nobody can install") {
		t.Errorf("ended with %v", err)
	}
	if err := <-answered; !errors.Is(err, errStopped) {
		t.Errorf("the read behind it: %v", err)
	}
}

// A peer that does not run yet refuses what is asked of it, and keeps the messages of others.
func TestBeforeRun(t *testing.T) {
	w := newWorld(t, 1, zab.Limits{})
	p, err := New(Config{Core: zab.Config{ID: 1, Ensemble: w.ensemble, Rand: rand.NewPCG(1, 1)}, Log: newDisk()})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(err error) {
		t.Helper()
		if !errors.Is(err, ErrNotRunning) {
			t.Errorf("%v", err)
		}
	}
	refused(p.Propose([][]byte{[]byte("a")}))
	p.ReadIndex(refused)
	p.Ask(nil, func(_ []byte, err error) { refused(err) })
	p.Reconfig(w.ensemble, nil, refused)
	p.Transfer(2, refused)
	p.Touch(nil)
	if s := p.Status(); s.ID != 1 {
		t.Errorf("its status is %+v", s)
	}
	p.Deliver(zab.Message{Type: zab.MsgJoin, From: 2, To: 1})
	var m Mail
	if (Steps{peer: p}).Take(&m); len(m.Messages) != 1 {
		t.Errorf("%d messages wait", len(m.Messages))
	}
	p.Stop()
	<-p.Done()
	p.Run(Environment{})
	if err := p.Propose([][]byte{[]byte("a")}); !errors.Is(err, errStopped) {
		t.Errorf("after the end: %v", err)
	}
}
