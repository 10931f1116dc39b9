// Package storetest is a database of the applied state in memory, for tests and simulators: a [store.Follower] on it starts no goroutine
// unless Run is called, reads no clock, and does the same for the same steps.
//
//	disk := storetest.NewDisk()                        // outlives crashes of its server
//	db, state, err := store.Start(disk.Open, disk.Wipe, span, logger)
//	f := store.Follow("disk", db, server, log, opts)   // each life of the server
//	due, err := f.Step(ctx, now)                       // each flush interval; if due: f.Checkpoint(ctx)
//	f.ImageAt, f.Install                               // as cmd/paddock does for peers
//	disk.Lose()                                        // a power cut took the database; images, which are synced, stay
//	disk.TakeBack(n)                                   // a power cut took its newest commits
//
// [Disk.Fault] sees every operation before it changes anything, and may refuse it (store.ErrNoSpace), fail it, or cancel a context.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

var _ store.Database = (*Disk)(nil)

// What [Disk.Fault] is asked about.
const (
	OpCommit     = "commit"
	OpRebuild    = "rebuild"
	OpCheckpoint = "checkpoint" // before the image is written
	OpKeep       = "keep"       // before the image gets its name
	OpVerify     = "verify"
)

// Disk holds what one server keeps of its state besides the log. It is safe from any goroutine.
type Disk struct {
	mu      sync.Mutex
	records map[string][]byte
	zxid    zxid.ID
	digest  uint64
	older   []undo // what takes the newest commits back, the oldest first
	images  map[zxid.ID]Image
	keep    int // so many images stay
	free    uint64
	fault   func(op string) error
}

// Image is a checkpoint: all records, and what they must add up to.
type Image struct {
	Records map[string][]byte
	Digest  uint64
}

const plenty = 1 << 40

// NewDisk is an empty disk with plenty of room and no faults.
func NewDisk() *Disk {
	return &Disk{records: map[string][]byte{}, images: map[zxid.ID]Image{}, keep: 3, free: plenty, fault: func(string) error { return nil }}
}

// Open is for [store.Start].
func (d *Disk) Open() (*Disk, error) { return d, nil }

// Wipe is for [store.Start].
func (d *Disk) Wipe() error { d.Lose(); return nil }

// Lose empties the database, which is never synced; the images stay.
func (d *Disk) Lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records, d.zxid, d.digest, d.older = map[string][]byte{}, 0, 0, nil
}

// undo is what takes one commit back.
type undo struct {
	records map[string][]byte // as they were before; nil: the record was not there
	zxid    zxid.ID
	digest  uint64
}

// mostUndone is how many commits can be taken back.
const mostUndone = 8

// TakeBack takes the newest n commits back, or as many as are remembered: a power cut took what was written last.
func (d *Disk) TakeBack(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; n > 0 && len(d.older) > 0; n-- {
		u := d.older[len(d.older)-1]
		d.older = d.older[:len(d.older)-1]
		for k, v := range u.records {
			if v == nil {
				delete(d.records, k)
			} else {
				d.records[k] = v
			}
		}
		d.zxid, d.digest = u.zxid, u.digest
	}
}

// remember keeps the record at k as it is before a commit changes it.
func (d *Disk) remember(u *undo, k []byte) {
	if _, done := u.records[string(k)]; !done {
		u.records[string(k)] = d.records[string(k)]
	}
}

// Forget takes one record out of the database behind its back, as damage would; n chooses which.
func (d *Disk) Forget(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if keys := slices.Sorted(maps.Keys(d.records)); len(keys) > 0 {
		delete(d.records, keys[n%len(keys)])
	}
}

// Fault lets f decide, before every operation that writes or verifies, whether it fails.
func (d *Disk) Fault(f func(op string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// SetFree says how many bytes are free. With less than a megabyte nothing is written.
func (d *Disk) SetFree(n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = n
}

// Keep says how many images stay when another comes; otherwise it is three.
func (d *Disk) Keep(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keep = n
}

// reserve is what must stay free.
const reserve = 1 << 20

// ask is whether an operation may begin.
func (d *Disk) ask(op string) error {
	d.mu.Lock()
	f, free := d.fault, d.free
	d.mu.Unlock()
	if free < reserve && op != OpVerify {
		return fmt.Errorf("%s: %d bytes are free: %w", op, free, store.ErrNoSpace)
	}
	return f(op)
}

// Zxid implements [store.Database].
func (d *Disk) Zxid() zxid.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.zxid
}

// Load implements [store.Database].
func (d *Disk) Load(st store.Target) (zxid.ID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.zxid == 0 {
		return 0, nil
	}
	if err := load(Image{d.records, d.digest}, d.zxid, st); err != nil {
		return 0, fmt.Errorf("%w: %w", err, store.ErrRebuild)
	}
	return d.zxid, nil
}

func load(im Image, z zxid.ID, st store.Target) error {
	st.BeginLoad()
	for _, k := range slices.Sorted(maps.Keys(im.Records)) {
		if err := st.LoadRecord([]byte(k), im.Records[k]); err != nil {
			return err
		}
	}
	if err := st.EndLoad(); err != nil {
		return err
	}
	if st.LastZxid() != z || st.Digest() != im.Digest {
		return fmt.Errorf("the records make the state at %v with digest %x, want %v with %x: %w", st.LastZxid(), st.Digest(), z, im.Digest, store.ErrImage)
	}
	return nil
}

// Commit implements [store.Database].
func (d *Disk) Commit(b *store.Batch) error {
	if err := d.ask(OpCommit); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.Zxid < d.zxid {
		return fmt.Errorf("batch %v after %v", b.Zxid, d.zxid)
	}
	u := undo{records: map[string][]byte{}, zxid: d.zxid, digest: d.digest}
	b.Each(func(k, v []byte) { d.remember(&u, k); d.records[string(k)] = v }, func(k []byte) { d.remember(&u, k); delete(d.records, string(k)) })
	d.zxid, d.digest = b.Zxid, b.Digest()
	if d.older = append(d.older, u); len(d.older) > mostUndone {
		d.older = d.older[1:]
	}
	return nil
}

// Rebuild implements [store.Database].
func (d *Disk) Rebuild(st store.Source) error {
	if err := d.ask(OpRebuild); err != nil {
		return err
	}
	st.MarkAllChanged()
	b := store.Collect(st)
	d.Lose()
	d.mu.Lock()
	defer d.mu.Unlock()
	b.Each(func(k, v []byte) { d.records[string(k)] = v }, func([]byte) {})
	d.zxid, d.digest = b.Zxid, b.Digest()
	return nil
}

// Checkpoint implements [store.Database].
func (d *Disk) Checkpoint(ctx context.Context, _ []byte) (store.Checkpoint, error) {
	if err := errors.Join(d.ask(OpCheckpoint), ctx.Err()); err != nil {
		return store.Checkpoint{}, err
	}
	d.mu.Lock()
	im, z := Image{maps.Clone(d.records), d.digest}, d.zxid
	d.mu.Unlock()
	if z == 0 {
		return store.Checkpoint{}, errors.New("checkpoint: the database is empty")
	}
	if err := load(im, z, znode.NewChecker()); err != nil {
		return store.Checkpoint{}, fmt.Errorf("%w: %w", err, store.ErrRebuild)
	}
	if err := errors.Join(d.ask(OpKeep), ctx.Err()); err != nil {
		return store.Checkpoint{}, err
	}
	d.Put(z, im)
	d.prune(z)
	return store.Checkpoint{Path: z.String(), Zxid: z, Size: int64(len(im.Records))}, nil
}

// CheckpointNow implements [store.Database].
func (d *Disk) CheckpointNow(ctx context.Context, meta []byte) (store.Checkpoint, error) {
	return d.Checkpoint(ctx, meta)
}

// Put places an image, as one that came from a peer.
func (d *Disk) Put(z zxid.ID, im Image) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.images[z] = im
}

// prune lets the oldest images go, as [store.Store] does when it has taken one. Those that are newer than that came from peers.
func (d *Disk) prune(taken zxid.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.DeleteFunc(slices.Sorted(maps.Keys(d.images)), func(z zxid.ID) bool { return z > taken })
	for ; len(all) > d.keep; all = all[1:] {
		delete(d.images, all[0])
	}
}

// Image is the image at z; what it holds must not be written to, but to damage it.
func (d *Disk) Image(z zxid.ID) (Image, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	im, ok := d.images[z]
	return im, ok
}

// Checkpoints implements [store.Database].
func (d *Disk) Checkpoints() ([]store.Checkpoint, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []store.Checkpoint
	for _, z := range slices.Backward(slices.Sorted(maps.Keys(d.images))) {
		list = append(list, store.Checkpoint{Path: z.String(), Zxid: z, Size: int64(len(d.images[z].Records))})
	}
	return list, nil
}

// Verify implements [store.Database].
func (d *Disk) Verify(ctx context.Context, c store.Checkpoint) error {
	if err := errors.Join(d.ask(OpVerify), ctx.Err()); err != nil {
		return err
	}
	return d.LoadInto(c, znode.NewChecker())
}

// LoadInto implements [store.Database].
func (d *Disk) LoadInto(c store.Checkpoint, st store.Target) error {
	im, ok := d.Image(c.Zxid)
	if !ok {
		return fmt.Errorf("there is no image at %v", c.Zxid)
	}
	return load(im, c.Zxid, st)
}

// Space implements [store.Database].
func (d *Disk) Space() (store.Space, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return store.Space{Free: d.free, Total: plenty, Reserve: reserve}, nil
}

// Trim implements [store.Database].
func (d *Disk) Trim() {}

// Close implements [store.Database].
func (d *Disk) Close() error { return nil }
