package faultfs

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/paddock-zk/paddock/zab/txnlog"
)

var _ txnlog.FS = (*Disk)(nil)

// Sector is what a disk writes whole or not at all, in bytes.
const Sector = 512

// ErrCrashed is what every operation returns from the crash point on: the process is dead, its calls reach nothing.
var ErrCrashed = errors.New("faultfs: crashed")

// Op is an operation that is about to change the disk.
type Op struct {
	N    int    // counts from 1
	Kind string // create, write, sync, preallocate, rename, remove, mkdir, syncdir
	Path string
	Off  int64
	Len  int
}

// Disk is a file system in memory. The zero value is not usable; see [New].
type Disk struct {
	mu       sync.Mutex
	files    map[string]*inode // as the process sees the names
	durable  map[string]*inode // as the disk holds them
	pending  []nameOp          // between the two, in order
	dirs     map[string]bool
	locks    map[string]bool
	capacity int64
	count    int
	crashAt  int
	hook     func(Op) error
}

// inode is a file: what the process reads, what is safe, and which sectors differ.
type inode struct {
	data    []byte
	durable []byte
	dirty   map[int64]bool
}

// nameOp is a change of names: from == "" creates, to == "" removes.
type nameOp struct {
	from, to string
	node     *inode
}

// New is an empty disk without limits and faults.
func New() *Disk {
	return &Disk{
		files: map[string]*inode{}, durable: map[string]*inode{}, dirs: map[string]bool{}, locks: map[string]bool{},
		capacity: 1 << 40,
	}
}

// Hook is called before every operation that changes the disk, outside of its lock: it may block (a stall) and its error makes the
// operation fail. A write that fails may have written some sectors; a sync that fails has dropped what it should have stored.
func (d *Disk) Hook(hook func(Op) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = hook
}

// FailAt makes the n-th operation from the beginning fail with err, once.
func (d *Disk) FailAt(n int, err error) {
	d.Hook(func(op Op) error {
		if op.N == n {
			return err
		}
		return nil
	})
}

// CrashAt ends the process at the n-th operation: it and all later ones return [ErrCrashed]. A write it happens in may have reached
// the cache in part.
func (d *Disk) CrashAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashAt = n
}

// SetCapacity limits the sum of the files' lengths, in bytes.
func (d *Disk) SetCapacity(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = n
}

// Ops is how many operations have changed the disk, or tried to.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// Files lists all paths, sorted.
func (d *Disk) Files() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.files))
}

// Bytes is a copy of a file as a process reads it; nil if there is none.
func (d *Disk) Bytes(path string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.files[path]; n != nil {
		return slices.Clone(n.data)
	}
	return nil
}

// Flip inverts the bits of mask in one stored byte.
func (d *Disk) Flip(path string, off int64, mask byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.files[path]
	n.data[off] ^= mask
	if off < int64(len(n.durable)) {
		n.durable[off] ^= mask
	}
}

// Clone is the disk as another process finds it now, after this one was killed: the cache is included, and what was not synced may still be lost
// in a later power cut. There are no locks and no faults.
func (d *Disk) Clone() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := New()
	c.capacity = d.capacity
	maps.Copy(c.dirs, d.dirs)
	copies := map[*inode]*inode{}
	clone := func(n *inode) *inode {
		if n != nil && copies[n] == nil {
			copies[n] = &inode{data: slices.Clone(n.data), durable: slices.Clone(n.durable), dirty: maps.Clone(n.dirty)}
		}
		return copies[n]
	}
	for name, n := range d.files {
		c.files[name] = clone(n)
	}
	for name, n := range d.durable {
		c.durable[name] = clone(n)
	}
	for _, op := range d.pending {
		c.pending = append(c.pending, nameOp{op.from, op.to, clone(op.node)})
	}
	return c
}

// Crash is the disk after a power cut now: what was synced is there, every other sector, length and name by chance.
func (d *Disk) Crash(rng *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := maps.Clone(d.durable)
	for _, op := range d.pending {
		if rng.IntN(2) == 0 {
			op.apply(names)
		}
	}
	c := New()
	c.capacity = d.capacity
	maps.Copy(c.dirs, d.dirs)
	for _, name := range slices.Sorted(maps.Keys(names)) { // in order: the source of chance must be used repeatably
		b := names[name].crash(rng)
		n := &inode{data: b, durable: slices.Clone(b), dirty: map[int64]bool{}}
		c.files[name], c.durable[name] = n, n
	}
	return c
}

func (n *inode) crash(rng *rand.Rand) []byte {
	b := slices.Clone(n.durable)
	if len(n.data) != len(b) && rng.IntN(2) == 0 {
		b = append(b[:min(len(b), len(n.data))], make([]byte, max(0, len(n.data)-len(b)))...)
	}
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		if rng.IntN(2) == 0 && s*Sector < int64(len(b)) {
			copy(b[s*Sector:min((s+1)*Sector, int64(len(b)))], n.data[s*Sector:])
		}
	}
	return b
}

// apply makes the change in names; one that makes no sense any more, for an earlier one was lost, does nothing.
func (op nameOp) apply(names map[string]*inode) {
	switch {
	case op.from == "":
		names[op.to] = op.node
	case op.to == "":
		delete(names, op.from)
	case names[op.from] == op.node:
		delete(names, op.from)
		names[op.to] = op.node
	}
}

// begin counts an operation and asks the hook. The caller must not hold d.mu.
func (d *Disk) begin(kind, path string, off int64, length int) error {
	d.mu.Lock()
	d.count++
	op := Op{N: d.count, Kind: kind, Path: path, Off: off, Len: length}
	crashed, hook := d.crashAt > 0 && d.count >= d.crashAt, d.hook
	d.mu.Unlock()
	if crashed {
		return ErrCrashed
	}
	if hook == nil {
		return nil
	}
	if err := hook(op); err != nil {
		return fmt.Errorf("%s %s: %w", kind, path, err)
	}
	return nil
}

// OpenFile implements [txnlog.FS].
func (d *Disk) OpenFile(name string, create bool) (txnlog.File, error) {
	name = filepath.Clean(name)
	if create {
		if err := d.begin("create", name, 0, 0); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.files[name]
	switch {
	case create && n != nil:
		return nil, fmt.Errorf("create %s: %w", name, iofs.ErrExist)
	case !create && n == nil:
		return nil, fmt.Errorf("open %s: %w", name, iofs.ErrNotExist)
	case create:
		n = &inode{dirty: map[int64]bool{}}
		d.change(nameOp{to: name, node: n})
	}
	return &file{disk: d, name: name, node: n}, nil
}

// change makes a change of names, not durable yet. The caller holds d.mu.
func (d *Disk) change(op nameOp) {
	op.apply(d.files)
	d.pending = append(d.pending, op)
}

// ReadDir implements [txnlog.FS].
func (d *Disk) ReadDir(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir = filepath.Clean(dir)
	if !d.dirs[dir] {
		return nil, fmt.Errorf("read directory %s: %w", dir, iofs.ErrNotExist)
	}
	var names []string
	for name := range d.files {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Rename implements [txnlog.FS].
func (d *Disk) Rename(oldName, newName string) error {
	oldName, newName = filepath.Clean(oldName), filepath.Clean(newName)
	if err := d.begin("rename", newName, 0, 0); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.files[oldName]
	if n == nil {
		return fmt.Errorf("rename %s: %w", oldName, iofs.ErrNotExist)
	}
	d.change(nameOp{from: oldName, to: newName, node: n})
	return nil
}

// Remove implements [txnlog.FS].
func (d *Disk) Remove(name string) error {
	name = filepath.Clean(name)
	d.mu.Lock()
	n := d.files[name]
	d.mu.Unlock()
	if n == nil {
		return fmt.Errorf("remove %s: %w", name, iofs.ErrNotExist)
	}
	if err := d.begin("remove", name, 0, 0); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.change(nameOp{from: name, node: n})
	return nil
}

// MkdirAll implements [txnlog.FS].
func (d *Disk) MkdirAll(dir string) error {
	d.mu.Lock()
	known := d.dirs[filepath.Clean(dir)]
	d.mu.Unlock()
	if known {
		return nil
	}
	if err := d.begin("mkdir", dir, 0, 0); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir = filepath.Clean(dir); !d.dirs[dir]; dir = filepath.Dir(dir) {
		d.dirs[dir] = true
	}
	return nil
}

// SyncDir implements [txnlog.FS].
func (d *Disk) SyncDir(dir string) error {
	dir = filepath.Clean(dir)
	if err := d.begin("syncdir", dir, 0, 0); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var rest []nameOp
	for _, op := range d.pending {
		if strings.HasPrefix(op.from+op.to, dir+string(filepath.Separator)) {
			op.apply(d.durable)
		} else {
			rest = append(rest, op)
		}
	}
	d.pending = rest
	return nil
}

// Lock implements [txnlog.FS].
func (d *Disk) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locks[name] {
		return nil, &txnlog.LockedError{File: name, PID: "faultfs"}
	}
	d.locks[name] = true
	return unlock(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.locks, name)
	}), nil
}

type unlock func()

// Close gives the lock back.
func (u unlock) Close() error {
	u()
	return nil
}

// Space implements [txnlog.FS].
func (d *Disk) Space(string) (txnlog.Space, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	free := max(0, d.capacity-d.used())
	return txnlog.Space{Free: uint64(free), Total: uint64(d.capacity)}, nil
}

func (d *Disk) used() int64 {
	var sum int64
	for _, n := range d.files {
		sum += int64(len(n.data))
	}
	return sum
}

// grow extends n to size. The caller holds d.mu.
func (d *Disk) grow(n *inode, size int64) error {
	more := size - int64(len(n.data))
	if more <= 0 {
		return nil
	}
	if d.used()+more > d.capacity {
		return syscall.ENOSPC
	}
	n.data = append(n.data, make([]byte, more)...)
	return nil
}
