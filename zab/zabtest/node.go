package zabtest

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// node is one server: a core with its fake shell.
type node struct {
	Process
	sim     *Sim
	id      zab.PeerID
	file    file
	disk    Storage
	core    *zab.Core
	soft    zab.SoftState
	applied []Applied
	diskAt  int64 // when the last queued batch will be durable
	ticked  int64
	held    [][]byte // forwards that the leader could not propose yet
	mine    map[uint64]forwarded
	order   uint64 // of submitted operations under the present link
	reads   map[uint64]zxid.ID
	calmOp  uint64
	fatal   error
	away    int64 // not started again before
	wrong   bool  // its state is not what its history says: a fault of its memory, its disk, or its program
	// wasWrong: it was at some time, and what it said then may still be on its way.
	wasWrong bool
	// diverged: it has ended for that, and is not started before its disk is emptied
	diverged *zab.DivergedError
}

// forwarded says under which link, and as which, an operation was submitted.
type forwarded struct {
	link, order uint64
}

// start begins a new life from what is durable. The state machine kept a random part of what it had applied. A server that has to be emptied, or to stay
// away, is not started by a first start that comes late either.
func (n *node) start() {
	if n.up || n.diverged != nil || n.sim.now < n.away {
		return
	}
	if n.sim.opt.Faults.Lines > 0 && !n.sim.calm && n.sim.Chance(0.3) {
		n.newest()
	}
	image := n.disk.Image()
	keep := len(image)
	if len(n.applied) > keep && slices.Equal(n.applied[:keep], image) {
		keep += n.sim.Rand.IntN(len(n.applied) - keep + 1)
		image = n.applied[:keep]
	}
	n.applied = slices.Clone(image)
	var at zxid.ID
	if keep > 0 {
		at = n.applied[keep-1].Zxid
	}
	c, err := zab.New(zab.Config{ID: n.id, Ensemble: n.file.Ensemble, File: n.file.Ensemble, Log: n.disk, Applied: at,
		Rand: rand.NewPCG(n.sim.Rand.Uint64(), uint64(n.id)), Timing: n.sim.opt.Timing, Limits: n.sim.opt.Limits})
	if err != nil {
		n.sim.violate("server %d does not start: %v", n.id, err)
	}
	if n.sim.opt.OnCore != nil {
		n.sim.opt.OnCore(c)
	}
	n.Begin()
	n.core, n.soft, n.diskAt, n.held = c, zab.SoftState{}, 0, nil
	n.mine, n.reads, n.order, n.fatal, n.calmOp = map[uint64]forwarded{}, map[uint64]zxid.ID{}, 0, nil, 0
	n.ticked = n.sim.now
	n.sim.trace("start %d %v", n.id, c.Status())
	n.Schedule(TickLen, n.tick)
	n.work()
}

// wasAlone gives the server a history of the time when it was an ensemble of its own, whose operations were acknowledged.
func (n *node) wasAlone(ops int) {
	s := n.sim
	last := zxid.New(1, 0)
	entries := []zab.Entry{{Zxid: last, Kind: zab.EntryNewLeader, Data: []byte{byte(n.id)}}}
	for range ops {
		entries = append(entries, zab.Entry{Zxid: last + 1, Prev: last, Kind: zab.EntryTxn, Data: Op(s.nextOp, s.opt.OpSize)})
		s.nextOp++
		last++
	}
	n.disk.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: 1, Vote: n.id, Commit: last}, Entries: entries})
	n.disk.Sync(1)
	var applied []Applied
	for _, e := range entries {
		applied = append(applied, next(applied, e))
	}
	s.check.before(applied)
}

func (n *node) tick() {
	n.Schedule(TickLen, n.tick)
	passed := int((n.sim.now - n.ticked) / TickLen)
	n.ticked += int64(passed) * TickLen
	if passed > 0 {
		n.core.Tick(passed)
		n.work()
		if n.up && n.ticked/TickLen%5 == 0 {
			n.followFiles()
			n.work()
		}
	}
}

func (n *node) crash() {
	if !n.up {
		return
	}
	s := n.sim
	s.Stats.Crashes++
	n.count()
	tear := -1
	if s.Chance(s.opt.Faults.Torn) {
		tear = s.Rand.IntN(5)
		s.Stats.TornWrites++
	}
	n.disk.Crash(tear)
	n.End()
	s.trace("crash %d", n.id)
}

// count adds what this life has seen to the statistics.
func (n *node) count() {
	a, b := &n.sim.Stats.Counters, n.core.Status().Counters
	a.Diffs += b.Diffs
	a.Truncs += b.Truncs
	a.Snaps += b.Snaps
	a.Installs += b.Installs
	a.HistoryPulls += b.HistoryPulls
	a.EpochRolls += b.EpochRolls
	a.DualCommits += b.DualCommits
	a.DiskSteps += b.DiskSteps
}

func (n *node) pause(d int64) {
	if !n.Running() {
		return
	}
	n.sim.Stats.Pauses++
	n.sim.trace("pause %d for %d", n.id, d)
	n.Pause(d)
}

func (n *node) receive(m zab.Message) {
	if n.up {
		n.Schedule(0, func() { n.step(m) })
	}
}

func (n *node) step(m zab.Message) {
	n.sim.trace("%v", m)
	if err := n.core.Step(m); err != nil {
		n.sim.violate("server %d refuses %v: %v", n.id, m, err)
	}
	n.work()
}

// work deals with every Ready there is, in the order of its contract.
func (n *node) work() {
	for n.up && n.core.HasReady() {
		n.invariants()
		r := n.core.Ready()
		if r.Fatal != nil {
			n.ended(r.Fatal)
			return
		}
		r.Hand(owner{n})
		n.core.Advance()
		n.proposeHeld()
	}
	if n.up {
		n.invariants()
	}
}

func (n *node) invariants() {
	if err := n.core.CheckInvariants(); err != nil {
		n.sim.violate("server %d: %v", n.id, err)
	}
}

func (n *node) softChanged(s zab.SoftState) {
	old := n.soft
	n.soft = s
	n.sim.trace("soft %d %v (%s)", n.id, s, n.core.Status().Why)
	if s.Role == zab.Leading && (old.Role != zab.Leading || old.Epoch != s.Epoch) {
		n.sim.Stats.LeaderChanges++
		n.sim.check.leads(n.sim, n.id, s.Epoch)
	}
	if old.Role != zab.Looking && s.Role == zab.Looking && !old.Active {
		n.sim.Stats.LeaderChangeInSync++
	}
	if old.Link != s.Link {
		n.order = 0
	}
	if s.Role != zab.Leading {
		n.held = nil
	}
}

func (n *node) apply(e zab.Entry) {
	s := n.sim
	if e.Zxid > n.disk.Last() {
		s.violate("server %d applies %v, and its log ends at %v", n.id, e, n.disk.Last())
	}
	a := next(n.applied, e)
	n.applied = append(n.applied, a)
	if len(n.applied) > len(s.check.history) && e.Kind == zab.EntryReconfig {
		s.appliedReconfig(e.Zxid)
	}
	s.check.applied(s, n, a)
	if e.Zxid.Counter()%8 == 0 {
		n.core.SetDigest(e.Zxid, n.digest(a))
	}
	if fw, ok := n.mine[a.Op]; ok && a.Op != 0 {
		delete(n.mine, a.Op)
		s.check.ack(s, n, a, fw)
	}
}

// digest is that of the state after a.
func (n *node) digest(a Applied) uint64 {
	if n.wrong {
		return a.Hash ^ 1
	}
	return a.Hash
}

// someWrong says whether the state of some server is wrong.
func (s *Sim) someWrong() bool {
	return slices.ContainsFunc(s.nodes, func(n *node) bool { return n.wrong })
}

// diverge makes the state of this server wrong. Only one at a time: of two that are wrong nobody could tell, if they were the majority.
func (n *node) diverge() {
	if n.sim.someWrong() {
		return
	}
	if !n.sim.mayLose(n) { // it will be emptied
		return
	}
	n.sim.trace("diverge %d", n.id)
	n.wrong, n.wasWrong = true, true
}

// ended takes the last word of a core.
func (n *node) ended(why error) {
	n.sim.trace("fatal %d %v", n.id, why)
	n.fatal = why
	if errors.As(why, &n.diverged) {
		n.sim.Stats.Divergences++
		if !n.wrong {
			n.sim.violate("server %d ends, and its state is right: %v", n.id, why)
		}
	}
	n.crash()
}

// refill is what an operator does with a server that has ended since its state is wrong: its disk is put aside, and the others fill a new one.
func (n *node) refill() {
	if n.wipe() {
		n.diverged, n.wrong, n.fatal = nil, false, nil
	}
}

// reportApplied tells the core how far the state machine is, now or late. The last report is never lost.
func (n *node) reportApplied(z zxid.ID) {
	d := int64(0)
	if n.sim.Chance(n.sim.opt.Faults.ApplyLag) {
		d = n.sim.Between(0, n.sim.opt.Faults.ApplyMax)
	}
	n.Schedule(d, func() {
		n.core.Applied(z)
		n.work()
	})
}

// submit is a client's batch of k operations at this server.
func (n *node) submit(k int) bool {
	s := n.sim
	var payloads [][]byte
	first := s.nextOp
	for range k {
		payloads = append(payloads, Op(s.nextOp, s.opt.OpSize))
		s.nextOp++
	}
	var err error
	if n.soft.Role == zab.Leading {
		_, err = n.core.Propose(s.now, payloads)
	} else {
		err = n.core.Forward(payloads)
	}
	if err != nil {
		return false
	}
	s.Stats.Proposed += k
	link := n.core.Status().Soft.Link
	for i := range k {
		fw := forwarded{}
		if link != 0 {
			n.order++
			fw = forwarded{link, n.order}
		}
		n.mine[first+uint64(i)] = fw
		s.check.submitted(first+uint64(i), fw)
	}
	n.work()
	return true
}

// proposeHeld proposes what followers have forwarded.
func (n *node) proposeHeld() {
	if len(n.held) == 0 || !n.up {
		return
	}
	if _, err := n.core.Propose(n.sim.now, n.held); err == nil {
		n.held = nil
	}
}

func (n *node) read() {
	s := n.sim
	ctx := s.nextCtx
	s.nextCtx++
	if n.core.ReadIndex(ctx) == nil {
		n.reads[ctx] = s.check.maxAcked
		n.work()
	}
}

func (n *node) answer(r zab.ReadState) {
	need, ok := n.reads[r.Ctx]
	if !ok {
		n.sim.violate("server %d answers read %d twice", n.id, r.Ctx)
	}
	delete(n.reads, r.Ctx)
	if r.Err == nil {
		n.sim.Stats.Reads++
		if r.Zxid < need {
			n.sim.violate("server %d: stale read: %v, and %v was acknowledged before", n.id, r.Zxid, need)
		}
	}
}

// sendImage ships an image of the applied state.
func (n *node) sendImage(sn zab.SnapSend) {
	s := n.sim
	image := slices.Clone(n.applied)
	if s.opt.ImageUncommitted {
		image = n.withUncommitted(image)
	}
	if len(image) == 0 || image[len(image)-1].Zxid < sn.Min {
		s.violate("server %d cannot make an image at %v", n.id, sn.Min)
	}
	z := image[len(image)-1].Zxid
	m := n.core.SnapMessage(sn, n.core.SnapshotMeta(z))
	n.Schedule(s.Between(TickLen/10, 5*TickLen), func() {
		to := s.nodes[sn.To-1]
		ok := to.Running() && !s.net.cut[n.id-1][sn.To-1] && !s.Chance(s.opt.Faults.SnapFail)
		s.trace("image %v from %d to %d ok=%v", z, n.id, sn.To, ok)
		if ok {
			to.disk.Stage(z, image)
			to.step(m)
		} else {
			s.Stats.SnapInterrupted++
		}
		if n.up {
			n.core.ReportSnapshot(sn.To, z, ok)
			n.work()
		}
	})
}

// withUncommitted is the planted mistake of ZK-1549: the image holds what is only proposed.
func (n *node) withUncommitted(image []Applied) []Applied {
	var after zxid.ID
	if len(image) > 0 {
		after = image[len(image)-1].Zxid
	}
	es, _ := n.disk.Entries(max(after, n.disk.Base().Zxid), 1<<20)
	for _, e := range es {
		image = append(image, next(image, e))
	}
	return image
}

func (n *node) compact() {
	if len(n.applied) == 0 {
		return
	}
	k := n.sim.Rand.IntN(len(n.applied))
	n.disk.Compact(n.core.SnapshotMeta(n.applied[k].Zxid), n.applied[:k+1])
	n.sim.Stats.Compactions++
}

// reconfig proposes a random ensemble with at least one voter.
func (n *node) reconfig() {
	s := n.sim
	ens := n.core.Status().Ensemble.Committed
	next := zab.Ensemble{}
	for i := range s.nodes {
		id := zab.PeerID(i + 1)
		m, ok := ens.Member(id)
		if !ok {
			m = s.files.lines[0].Members[i]
		}
		switch s.Rand.IntN(8) {
		case 0:
			continue
		case 1:
			m.Role = zab.Observer
		case 2:
			m.Role = zab.Participant
		default:
			if !ok {
				continue
			}
		}
		next.Members = append(next.Members, m)
	}
	if !s.someWhole(next) {
		return // a promise of theirs would prove nothing, and only an operator who vouches for their disks could go on
	}
	if _, err := n.core.ProposeReconfig(s.now, next, nil); err == nil {
		s.Stats.Reconfigs++
		s.trace("reconfig by %d: %v", n.id, next)
	}
}
