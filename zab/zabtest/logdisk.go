package zabtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// segmentBytes is as small as the log allows, so that even a short run fills, rolls and drops segments.
const segmentBytes = 4096

// LogDisk is a [Storage] with the shipped log on a disk in memory. A crash is a power cut, in the middle of a write or of the beginning of
// a segment, or the end of the process alone; the log is then opened again, and must say what a [Disk] would that lived through the same. An error of it ends the run.
type LogDisk struct {
	*txnlog.Log
	disk    *faultfs.Disk
	id      zab.PeerID
	rand    *rand.Rand
	model   *Disk // is never compacted, and so has all that the log may still have
	pending []zab.Persist
	image   []Applied             // durable
	staged  map[zxid.ID][]Applied // received, and not the state of this server yet
}

var (
	_ Storage = (*LogDisk)(nil)
	_ Storage = (*Disk)(nil)
)

// NewLogDisk begins the log of a server on an empty disk.
func NewLogDisk(id zab.PeerID, r *rand.Rand) *LogDisk {
	d := &LogDisk{disk: faultfs.New(), id: id, rand: r, model: NewDisk(), staged: map[zxid.ID][]Applied{}}
	d.open()
	return d
}

func (d *LogDisk) open() {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(d.rand.Uint32())
	}
	var err error
	d.Log, err = txnlog.Open(d.disk, "log", txnlog.Options{
		Identity:     txnlog.Identity{Lineage: lineage.Lineage{Cluster: lineage.ID{1}}, Peer: d.id},
		SegmentBytes: segmentBytes, Rand: rand.NewChaCha8(seed), Background: func(prepare func()) { prepare() },
	})
	d.must("open", err)
}

// must ends the run if the log of a healthy disk fails.
func (d *LogDisk) must(what string, err error) {
	if err != nil {
		panic(violation{fmt.Errorf("server %d: %s: %w", d.id, what, err)})
	}
}

// Write implements [Storage].
func (d *LogDisk) Write(p zab.Persist) { d.pending = append(d.pending, p) }

// Sync implements [Storage].
func (d *LogDisk) Sync(seq uint64) {
	n := 0
	for n < len(d.pending) && d.pending[n].Seq <= seq {
		n++
	}
	d.must("append to the log", d.Append(d.pending[:n]...))
	d.replay(n)
	for i := range d.pending[:n] {
		if s := d.pending[i].Snapshot; s != nil {
			d.image = d.staged[s.Zxid]
		}
	}
	d.pending = d.pending[n:]
}

// replay takes the first n pending batches into the model.
func (d *LogDisk) replay(n int) {
	for _, p := range d.pending[:n] {
		d.model.write(p, -1)
	}
}

// differs says in what the log differs from the model; empty if in nothing.
func (d *LogDisk) differs() string {
	if d.Last() != d.model.Last() || d.HardState() != d.model.hard {
		return fmt.Sprintf("it ends at %v with %+v, want %v with %+v", d.Last(), d.HardState(), d.model.Last(), d.model.hard)
	}
	base, at := d.Base(), d.model.base.Ensemble
	var after []zab.Entry
	for _, e := range d.model.Reconfigs() {
		if e.Zxid > base.Zxid {
			after = append(after, e)
			continue
		}
		ens, _, err := e.Ensemble()
		d.must("read a reconfiguration", err)
		at = ens
	}
	if base.Ensemble.String() != at.String() {
		return fmt.Sprintf("its base %v has the ensemble %v, want %v", base.Zxid, base.Ensemble, at)
	}
	same := func(a, b zab.Entry) bool { return a.Zxid == b.Zxid }
	if list := d.Reconfigs(); !slices.EqualFunc(list, after, same) {
		return fmt.Sprintf("behind its base %v it has the reconfigurations %v, want %v", base.Zxid, list, after)
	}
	return ""
}

// judge holds the opened log against the model: all that was durable must be there, and of what was pending the first batches or none.
func (d *LogDisk) judge() {
	why := d.differs()
	for i := 0; why != "" && i < len(d.pending); i++ {
		d.model.write(d.pending[i], -1)
		if d.differs() == "" {
			return
		}
	}
	if why != "" {
		d.must("open", fmt.Errorf("the log is not what was stored: %s", why))
	}
}

// tornOps is within how many operations of the disk a torn write is cut off: enough to begin a segment and to write behind it.
const tornOps = 10

// Crash implements [Storage]. Without a torn write the process ends alone half of the time, and what the kernel holds lives on.
func (d *LogDisk) Crash(tear int) {
	if tear > 0 && len(d.pending) > 0 {
		d.disk.CrashAt(d.disk.Ops() + 1 + d.rand.IntN(tornOps))
		if err := d.Append(d.pending[:1+d.rand.IntN(len(d.pending))]...); !errors.Is(err, faultfs.ErrCrashed) {
			d.must("append to the log", err)
		}
	}
	if tear > 0 || d.rand.IntN(2) == 0 {
		d.disk = d.disk.Crash(d.rand)
	} else {
		d.disk = d.disk.Clone()
	}
	d.open()
	d.judge()
	if z := d.Base().Zxid; z > last(d.image) { // the log begins behind an image that was staged: it has become the state
		d.image = d.staged[z]
	}
	d.pending, d.staged = nil, map[zxid.ID][]Applied{}
}

// last is the zxid of an image.
func last(image []Applied) zxid.ID {
	if len(image) == 0 {
		return 0
	}
	return image[len(image)-1].Zxid
}

// Stage implements [Storage]. An image is durable before the log points to it.
func (d *LogDisk) Stage(z zxid.ID, image []Applied) { d.staged[z] = image }

// Image implements [Storage].
func (d *LogDisk) Image() []Applied { return d.image }

// Compact implements [Storage]. The log keeps more than it must, for it drops whole segments.
func (d *LogDisk) Compact(meta zab.SnapshotMeta, image []Applied) {
	if meta.Zxid <= last(d.image) || meta.Zxid > d.Last() {
		return
	}
	d.image = slices.Clone(image)
	d.must("compact the log", d.CompactBefore(meta.Zxid))
	if why := d.differs(); why != "" {
		d.must("compact the log", fmt.Errorf("it is not what was stored: %s", why))
	}
}
