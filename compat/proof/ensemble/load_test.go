package ensemble

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/znode"
)

const registers = 3

// load is what the clients do while faults happen.
type load struct {
	c       *cluster
	begun   time.Time
	stop    chan struct{}
	running sync.WaitGroup
	workers []*worker
	lockers []*locker
	acked   atomic.Int64 // writes
	mayEnd  bool         // sessions may have expired in this row
	noRoom  bool         // writes may be refused because a disk is full
	latest  atomic.Int32 // version of /ens/r0 that was acknowledged
	writes  struct {
		sync.Mutex
		last    time.Time
		longest time.Duration // between two acknowledged writes
	}
}

// worker is one client with its history.
type worker struct {
	*zk
	load     *load
	id       int
	rand     *rand.Rand
	history  []porcupine.Operation
	made     []made
	ghosts   map[string]bool // sequential creates without an answer, by their prefix
	versions [registers]int32
	wrong    []string
}

// made is an acknowledged sequential create.
type made struct {
	name      string
	number    int
	call, end int64
}

// startLoad prepares the nodes and starts clients of the given servers (addresses), or of all.
func startLoad(c *cluster, workers, lockers int, addrs ...string) *load {
	c.t.Helper()
	if len(addrs) == 0 {
		addrs = c.addrs()
	}
	l := &load{c: c, begun: time.Now(), stop: make(chan struct{})}
	first := newZK(c.addrs(), 0)
	for _, path := range []string{"/ens", "/ens/seq", "/ens/lock", "/ens/eph", "/ens/r0", "/ens/r1", "/ens/r2"} {
		c.must(first.ensure(path, "0", znode.ModePersistent))
	}
	_ = first.close()
	for i := range workers {
		w := &worker{zk: newZK(addrs, i), load: l, id: i, rand: rand.New(rand.NewPCG(uint64(i), rand.Uint64())), ghosts: map[string]bool{}}
		l.workers = append(l.workers, w)
		c.must(w.ensure(w.ephemeral(), "", znode.ModeEphemeral))
		l.running.Go(w.run)
	}
	for i := range lockers {
		k := &locker{zk: newZK(addrs, i+1), load: l, id: i}
		l.lockers = append(l.lockers, k)
		c.must(k.connect(patience, nil))
		l.running.Go(k.run)
	}
	c.t.Cleanup(l.halt)
	return l
}

func (l *load) now() int64 { return int64(time.Since(l.begun)) }

// halt stops all clients and waits for them. Their sessions live on.
func (l *load) halt() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.running.Wait()
}

// wrote counts an acknowledged write.
func (l *load) wrote() {
	l.acked.Add(1)
	l.writes.Lock()
	defer l.writes.Unlock()
	now := time.Now()
	if !l.writes.last.IsZero() {
		l.writes.longest = max(l.writes.longest, now.Sub(l.writes.last))
	}
	l.writes.last = now
}

// newer notes an acknowledged version of /ens/r0.
func (l *load) newer(version int32) {
	for was := l.latest.Load(); was < version; was = l.latest.Load() {
		if l.latest.CompareAndSwap(was, version) {
			return
		}
	}
}

// startLoaded is a cluster under the load of most rows, which has run for a moment.
func startLoaded(t *testing.T, o options) (*cluster, *load) {
	t.Helper()
	c := startCluster(t, o)
	l := startLoad(c, 4, 2)
	spend(300 * time.Millisecond)
	return c, l
}

// replaced holds that another server than this one leads, and that writes go on; it says how long none did.
func (l *load) replaced(old *member) {
	l.c.t.Helper()
	l.c.leader(l.c.others(old.id)...)
	l.progress(patience)
	l.c.t.Logf("without an acknowledged write: %v", l.gap().Round(time.Millisecond))
}

// newest is a version of /ens/r0 that every synced read that begins now must reach.
func (l *load) newest() int32 { return l.latest.Load() }

// gap is the longest time without an acknowledged write since the last call.
func (l *load) gap() time.Duration {
	l.writes.Lock()
	defer l.writes.Unlock()
	longest := max(l.writes.longest, time.Since(l.writes.last))
	l.writes.longest = 0
	return longest
}

// progress holds that writes are acknowledged again, within that long.
func (l *load) progress(within time.Duration) {
	l.c.t.Helper()
	from := l.acked.Load()
	begin := time.Now()
	if !zktest.Within(within, func() bool { return l.acked.Load() >= from+10 }) {
		l.c.t.Errorf("%d writes acknowledged in %v", l.acked.Load()-from, within)
		return
	}
	if took := time.Since(begin); took > 2*time.Second {
		l.c.t.Logf("ten writes took %v", took.Round(time.Millisecond))
	}
}

// spend lets the load go on for a while.
func spend(d time.Duration) { <-time.After(d) }

func (w *worker) ephemeral() string { return fmt.Sprintf("/ens/eph/w%d", w.id) }

// run does one thing after the other, and takes up its session on another server whenever the connection breaks.
func (w *worker) run() {
	defer w.drop()
	for {
		select {
		case <-w.load.stop:
			return
		default:
		}
		if w.conn == nil {
			if err := w.connect(patience, w.load.stop); err != nil {
				if !errors.Is(err, errStopped) {
					w.complain(err)
				}
				return
			}
		}
		switch n := w.rand.IntN(10); {
		case n < 5:
			w.write(w.rand.IntN(registers))
		case n < 8:
			w.read(w.rand.IntN(registers))
		default:
			w.sequential()
		}
		<-time.After(time.Millisecond)
	}
}

func (w *worker) complain(err error) {
	if w.load.mayEnd && w.expired || w.load.noRoom && errors.Is(err, quota) {
		return
	}
	w.wrong = append(w.wrong, fmt.Sprintf("worker %d: %v", w.id, err))
}

// regOp is an operation on a register; regOut is what came of it.
type (
	regOp struct {
		key     int
		write   bool
		value   string
		version int32 // expected
	}
	regOut struct {
		unknown, refused bool
		value            string
		version          int32
	}
)

func (w *worker) record(op regOp, out regOut, call int64) {
	end := w.load.now()
	if out.unknown {
		if !op.write {
			return
		}
		end = math.MaxInt64
	}
	w.history = append(w.history, porcupine.Operation{ClientId: w.id, Input: op, Output: out, Call: call, Return: end})
}

func (w *worker) write(key int) {
	op := regOp{key: key, write: true, value: fmt.Sprintf("w%d.%d", w.id, len(w.history)), version: w.versions[key]}
	call := w.load.now()
	st, err := w.set(fmt.Sprintf("/ens/r%d", key), op.value, op.version)
	switch {
	case err == nil:
		w.record(op, regOut{version: st.Version}, call)
		w.versions[key] = st.Version
		if key == 0 {
			w.load.newer(st.Version)
		}
		w.load.wrote()
	case errors.Is(err, badVersion):
		w.record(op, regOut{refused: true}, call)
		w.load.wrote()
		w.read(key)
	case errors.Is(err, errUnknown):
		w.record(op, regOut{unknown: true}, call)
	default:
		w.complain(fmt.Errorf("set: %w", err))
	}
}

// read is linearizable: a sync goes before it.
func (w *worker) read(key int) {
	call := w.load.now()
	err := w.sync()
	if err == nil {
		var data string
		var st znode.Stat
		if data, st, err = w.get(fmt.Sprintf("/ens/r%d", key)); err == nil {
			w.record(regOp{key: key}, regOut{value: data, version: st.Version}, call)
			w.versions[key] = st.Version
		}
	}
	if err != nil && !errors.Is(err, errUnknown) {
		w.complain(fmt.Errorf("sync and get: %w", err))
	}
}

func (w *worker) sequential() {
	prefix := fmt.Sprintf("w%d.%d-", w.id, len(w.made)+len(w.ghosts))
	call := w.load.now()
	path, _, err := w.create("/ens/seq/"+prefix, "", znode.ModePersistentSequential)
	switch {
	case err == nil:
		name := strings.TrimPrefix(path, "/ens/seq/")
		number, bad := strconv.Atoi(strings.TrimPrefix(name, prefix))
		if bad != nil {
			w.complain(fmt.Errorf("sequential create of %s made %s", prefix, path))
		}
		w.made = append(w.made, made{name, number, call, w.load.now()})
		w.load.wrote()
	case errors.Is(err, errUnknown):
		w.ghosts[prefix] = true
	default:
		w.complain(fmt.Errorf("create: %w", err))
	}
}

// locker takes the lock and lets it go, again and again.
type locker struct {
	*zk
	load   *load
	id     int
	grants []grant
	wrong  []string
}

// grant is one time that a locker held the lock: from when it knew, until just before it let go.
type grant struct {
	token     int64 // czxid of its node
	from, end int64
}

func (k *locker) run() {
	defer k.drop()
	for {
		select {
		case <-k.load.stop:
			return
		default:
		}
		if k.conn == nil {
			err := k.connect(patience, k.load.stop)
			if err == nil {
				err = k.clean()
			}
			if err != nil {
				if !errors.Is(err, errStopped) && !errors.Is(err, errUnknown) && !(k.expired && k.load.mayEnd) {
					k.wrong = append(k.wrong, fmt.Sprintf("locker %d: %v", k.id, err))
				}
				if !errors.Is(err, errUnknown) {
					return
				}
				continue
			}
		}
		if err := k.cycle(); err != nil && !errors.Is(err, errUnknown) && !errors.Is(err, errStopped) && !(k.load.noRoom && errors.Is(err, quota)) {
			k.wrong = append(k.wrong, fmt.Sprintf("locker %d: %v", k.id, err))
			return
		}
		<-time.After(3 * time.Millisecond)
	}
}

// clean deletes the nodes of attempts whose answers were lost.
func (k *locker) clean() error {
	if err := k.sync(); err != nil {
		return err
	}
	names, err := k.children("/ens/lock")
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, fmt.Sprintf("k%d-", k.id)) {
			if err := k.delete("/ens/lock/" + name); err != nil && !errors.Is(err, noNode) {
				return err
			}
		}
	}
	return nil
}

// cycle waits for the lock, notes its token, and lets it go.
func (k *locker) cycle() error {
	path, st, err := k.create(fmt.Sprintf("/ens/lock/k%d-", k.id), "", znode.ModeEphemeralSequential)
	if err != nil {
		return err
	}
	mine := path[len(path)-10:]
	for {
		names, err := k.children("/ens/lock")
		if err != nil {
			return err
		}
		lowest := slices.MinFunc(names, func(a, b string) int { return cmp.Compare(a[len(a)-10:], b[len(b)-10:]) })
		if lowest[len(lowest)-10:] == mine {
			break
		}
		select {
		case <-k.load.stop:
			return errStopped
		case <-time.After(5 * time.Millisecond):
		}
	}
	g := grant{token: st.Czxid, from: k.load.now()}
	<-time.After(time.Millisecond)
	g.end = k.load.now()
	k.grants = append(k.grants, g)
	return k.delete(path)
}
