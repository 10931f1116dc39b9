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
// a segment, or the end of the process alone; the log is then opened again. What the log says about itself must be true: an error of it ends the run.
type LogDisk struct {
	*txnlog.Log
	disk    *faultfs.Disk
	id      zab.PeerID
	rand    *rand.Rand
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
	d := &LogDisk{disk: faultfs.New(), id: id, rand: r, staged: map[zxid.ID][]Applied{}}
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
	for i := range d.pending[:n] {
		if s := d.pending[i].Snapshot; s != nil {
			d.image = d.staged[s.Zxid]
		}
	}
	d.pending = d.pending[n:]
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
}
