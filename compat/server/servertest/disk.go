package servertest

import (
	"context"
	"errors"
	"log/slog"

	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/storetest"
)

// stateDisk is the durable home of a server's applied state: the shipped policy (store.Follower) on a database in memory, which outlives crashes.
type stateDisk struct {
	*storetest.Disk
	follower  *store.Follower // of this life
	every     int64           // µs between two steps
	snapCount uint32
	commits   int
	hit       hit
	room      room
	damaged   bool // records were taken out of the database, and it was not rebuilt since
}

// hit is what happens to the next operations of the database.
type hit struct {
	in     int    // so many more operations
	giveUp func() // then the one who asked gives up; nil: he does not
	die    bool   // then the process dies
	busy   bool   // something else is done inside an operation
}

// errDied is what an operation returns in which the process dies.
var errDied = errors.New("servertest: the process dies here")

// openState loads the state as this life finds it. It fails only if there is no room to rebuild the database, or if the process dies meanwhile.
func (n *simNode) openState() error {
	span := store.Span{Base: n.log.Base().Zxid, Last: n.log.Last()}
	logger := slog.New(watchdog{n})
	damaged := n.disk.damaged
	n.disk.Fault(func(string) error {
		if !n.sim.calm && n.sim.Chance(n.sim.opt.Disks.Die) {
			return errDied
		}
		return nil
	})
	_, st, err := store.Start(n.disk.Open, n.disk.Wipe, span, logger)
	switch {
	case errors.Is(err, errDied):
		n.sim.Stats.DiedInStore++
		return err
	case errors.Is(err, store.ErrNoSpace) && n.disk.room.full():
		n.sim.trace("server %d has no room to rebuild its state", n.id)
		return err
	case err != nil:
		n.sim.violate("server %d: the state does not open (log %+v): %v", n.id, span, err)
	}
	n.disk.damaged = false
	n.state = st
	n.sim.oracle.compare(n)
	if damaged {
		n.sim.Stats.Rebuilds++
	}
	return nil
}

// follow begins to keep the database behind the state.
func (n *simNode) follow() {
	d := &n.disk
	d.hit = hit{}
	d.Fault(n.fault)
	d.follower = store.Follow("state", n.sim.plant.database(n), alarmed{n}, behind{n}, store.FollowOptions{
		SnapCount: d.snapCount, MinFree: minFree, Now: n.now, Logger: slog.New(watchdog{n})})
	n.Schedule(n.sim.Between(0, d.every), n.flush)
}

// flush is the step of each flush interval, and the checkpoint that follows from it, which other events come before.
func (n *simNode) flush() {
	s, d := n.sim, &n.disk
	n.Schedule(d.every, n.flush)
	if !s.calm && s.Chance(s.opt.Disks.Die) {
		d.hit = hit{in: s.Rand.IntN(3), die: true}
	}
	due, err := d.follower.Step(context.Background(), n.now())
	if n.judgeDisk(err) && due {
		n.Schedule(s.soon(), n.checkpoint)
	}
}

// checkpoint takes one, and compacts the log.
func (n *simNode) checkpoint() {
	if n.Running() && n.state.LastZxid() != 0 && n.disk.Zxid() != 0 {
		n.judgeDisk(n.disk.follower.Checkpoint(context.Background()))
	}
}

// backup asks for an image, as an operator does, and perhaps gives up before it is there.
func (n *simNode) backup() {
	s, d := n.sim, &n.disk
	z := n.state.LastZxid()
	if !n.Running() || z == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if s.Chance(s.opt.Disks.GiveUp) {
		d.hit = hit{in: s.Rand.IntN(3), giveUp: cancel}
	}
	c, err := d.follower.ImageAt(ctx, z)
	d.hit.giveUp = nil
	s.trace("server %d: backup at %v: %v %v", n.id, z, c.Zxid, err)
	if ctx.Err() != nil {
		s.Stats.GivenUp++
	}
	if err == nil {
		s.Stats.Backups++
		n.exact(c.Zxid)
	} else if ctx.Err() == nil {
		n.judgeDisk(err)
	}
}

// exact: the image at z is the history's state there.
func (n *simNode) exact(z zxid.ID) {
	if n.wrong() {
		return
	}
	im, ok := n.disk.Image(z)
	st := znode.NewState(znode.Options{})
	if err := n.disk.LoadInto(store.Checkpoint{Zxid: z}, st); !ok || err != nil {
		n.sim.violate("server %d: the image at %v is there: %v, and does not load: %v", n.id, z, ok, err)
	}
	if want, known := n.sim.oracle.digests[z]; !known || want != st.Digest() || im.Digest != want {
		n.sim.violate("server %d: the image at %v has the digest %x, and the history %x there (known: %v)", n.id, z, st.Digest(), want, known)
	}
}

// judgeDisk says whether the server goes on after an operation of its database. No room is no error; damage that was done, and a death, end it.
func (n *simNode) judgeDisk(err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, store.ErrNoSpace):
		return true
	case errors.Is(err, errDied):
		n.sim.Stats.DiedInStore++
		n.powerCut()
	case errors.Is(err, faultfs.ErrCrashed):
		n.sim.Stats.TornCompactions++
		n.powerCut()
	case errors.Is(err, store.ErrRebuild) && n.disk.damaged:
		n.sim.trace("server %d ends: %v", n.id, err)
		n.crash()
	default:
		n.sim.violate("server %d: its database: %v", n.id, err)
	}
	return false
}

// fault decides what becomes of an operation of the database.
func (n *simNode) fault(op string) error {
	s, d := n.sim, &n.disk
	h := &d.hit
	if op == storetest.OpVerify {
		return nil // it changes nothing
	}
	if (h.giveUp != nil || h.die) && h.in == 0 {
		if h.die {
			*h = hit{}
			return errDied
		}
		h.giveUp()
		h.giveUp = nil
		if op == storetest.OpCommit && s.Chance(0.5) {
			return store.ErrNoSpace
		}
	}
	h.in--
	if op == storetest.OpCommit {
		s.Stats.Commits++
		if d.commits++; s.opt.Disks.NoSpace > 0 && d.commits%s.opt.Disks.NoSpace == 0 {
			s.Stats.NoSpace++
			return store.ErrNoSpace
		}
	}
	if !h.busy && !s.calm && s.Chance(s.opt.Disks.Beside) {
		h.busy = true
		defer func() { h.busy = false }()
		return n.besides(op)
	}
	return nil
}

// besides does inside an operation what other goroutines of a server do at that time: it applies, and flushes beside a checkpoint.
func (n *simNode) besides(op string) error {
	switch op {
	case storetest.OpCommit:
		n.shell.steps.Apply()
	case storetest.OpCheckpoint, storetest.OpKeep:
		if err := n.disk.follower.Flush(context.Background()); !errors.Is(err, store.ErrNoSpace) {
			return err
		}
	}
	return nil
}

// cut is what a power cut does to the database: what was written last may be lost, or all of it, or it is damaged. Images are synced.
func (d *stateDisk) cut(s *Sim) {
	switch s.Rand.IntN(5) {
	case 0:
		d.Lose()
		d.damaged = false
	case 1, 2:
		d.TakeBack(1 + s.Rand.IntN(6))
	case 3:
		d.damage(s)
	}
}

// damage takes a record out of the database.
func (d *stateDisk) damage(s *Sim) {
	if d.Zxid() != 0 {
		d.Forget(s.Rand.IntN(1 << 20))
		d.damaged = true
		s.Stats.Damages++
	}
}

// behind is the log as the follower sees it.
type behind struct{ n *simNode }

var _ store.History = behind{}

// Reserve implements store.History.
func (b behind) Reserve() error {
	if b.n.disk.room.logLow {
		return store.ErrNoSpace
	}
	return b.n.log.Reserve()
}

// CompactBefore implements store.History. An exact image at z stands for what is dropped, and one from which the next start can go on.
func (b behind) CompactBefore(z zxid.ID) error {
	n, s := b.n, b.n.sim
	n.exact(z)
	was := n.log.Base().Zxid
	if !s.calm && z > was && s.Chance(s.opt.Disks.Die) {
		n.log.disk.CrashAt(n.log.disk.Ops() + 1 + s.Rand.IntN(3))
	}
	err := n.log.CompactBefore(s.plant.compact(n, z))
	if err == nil {
		n.log.disk.CrashAt(0) // there was less to do
	}
	if base := n.log.Base().Zxid; base > was && base > z {
		s.violate("server %d: the log begins after %v, and the oldest image that was summed is at %v", n.id, base, z)
	} else if base > was {
		s.Stats.Compactions++
		s.trace("server %d: the log begins after %v; the image is at %v", n.id, base, z)
	}
	return err
}
