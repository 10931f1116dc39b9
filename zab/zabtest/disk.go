package zabtest

import (
	"slices"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Disk is a fake durable log of one server. Batches are written in order and become durable when [Disk.Sync] says so; a crash
// loses the others, and of the first lost one a random prefix may remain (a torn write). It implements [Storage].
type Disk struct {
	base    zab.SnapshotMeta
	image   []Applied // the state at base, as the list of what was applied
	entries []zab.Entry
	hard    zab.HardState
	pending []zab.Persist
	images  map[zxid.ID][]Applied // staged images of others by zxid, not durable

	// FailTruncate plants ZK-3701: a truncation that fails and is taken for done.
	FailTruncate bool
}

// NewDisk is an empty disk.
func NewDisk() *Disk { return &Disk{images: map[zxid.ID][]Applied{}} }

// Base implements [zab.Log].
func (d *Disk) Base() zab.SnapshotMeta { return d.base }

// Last implements [zab.Log].
func (d *Disk) Last() zxid.ID {
	if n := len(d.entries); n > 0 {
		return d.entries[n-1].Zxid
	}
	return d.base.Zxid
}

// index is the number of entries <= z.
func (d *Disk) index(z zxid.ID) int {
	i, ok := slices.BinarySearchFunc(d.entries, z, func(e zab.Entry, z zxid.ID) int {
		switch {
		case e.Zxid < z:
			return -1
		case e.Zxid > z:
			return 1
		}
		return 0
	})
	if ok {
		i++
	}
	return i
}

// Floor implements [zab.Log].
func (d *Disk) Floor(z zxid.ID) zxid.ID {
	if i := d.index(z); i > 0 {
		return d.entries[i-1].Zxid
	}
	if z >= d.base.Zxid {
		return d.base.Zxid
	}
	return 0
}

// Entries implements [zab.Log].
func (d *Disk) Entries(after zxid.ID, maxBytes int) ([]zab.Entry, error) {
	if after < d.base.Zxid {
		return nil, zab.ErrCompacted
	}
	i, n, bytes := d.index(after), 0, 0
	for i+n < len(d.entries) && (n == 0 || bytes < maxBytes) {
		bytes += len(d.entries[i+n].Data)
		n++
	}
	return slices.Clone(d.entries[i : i+n]), nil
}

// Reconfigs implements [zab.Log].
func (d *Disk) Reconfigs() (es []zab.Entry) {
	for _, e := range d.entries {
		if _, ok, _ := e.Ensemble(); ok {
			es = append(es, e)
		}
	}
	return es
}

// HardState implements [zab.Log].
func (d *Disk) HardState() zab.HardState { return d.hard }

// Write queues a batch.
func (d *Disk) Write(p zab.Persist) { d.pending = append(d.pending, p) }

// Pending is the Seq of the oldest batch that is not durable; 0 if there is none.
func (d *Disk) Pending() uint64 {
	if len(d.pending) == 0 {
		return 0
	}
	return d.pending[0].Seq
}

// Sync makes everything up to seq durable.
func (d *Disk) Sync(seq uint64) {
	for len(d.pending) > 0 && d.pending[0].Seq <= seq {
		d.write(d.pending[0], -1)
		d.pending = d.pending[1:]
	}
}

// write applies a batch; parts >= 0 tears it after so many parts.
func (d *Disk) write(p zab.Persist, parts int) {
	more := func() bool { parts--; return parts != -1 }
	if p.HardState != nil {
		if !more() {
			return
		}
		d.hard = *p.HardState
	}
	if s := p.Snapshot; s != nil {
		if !more() {
			return
		}
		d.base, d.entries, d.image = s.SnapshotMeta, nil, d.images[s.Zxid]
	}
	if p.Truncate != nil {
		if !more() {
			return
		}
		if !d.FailTruncate {
			d.entries = slices.Clone(d.entries[:d.index(*p.Truncate)])
		}
	}
	for _, e := range p.Entries {
		if !more() {
			return
		}
		d.entries = append(d.entries, e)
	}
}

// Crash loses what is not durable. tear, if >= 0, is how many parts of the first unfinished batch have reached the disk.
func (d *Disk) Crash(tear int) {
	if len(d.pending) > 0 && tear > 0 {
		d.write(d.pending[0], tear)
	}
	d.pending, d.images = nil, map[zxid.ID][]Applied{}
}

// Compact moves the base up to an image of the state at z.
func (d *Disk) Compact(meta zab.SnapshotMeta, image []Applied) {
	if meta.Zxid <= d.base.Zxid || meta.Zxid > d.Last() {
		return
	}
	d.entries = slices.Clone(d.entries[d.index(meta.Zxid):])
	d.base, d.image = meta, slices.Clone(image)
}

// Stage keeps a received image until the core decides about it.
func (d *Disk) Stage(z zxid.ID, image []Applied) { d.images[z] = image }

// Image is the state at the base.
func (d *Disk) Image() []Applied { return d.image }
