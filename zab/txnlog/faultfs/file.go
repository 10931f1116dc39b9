package faultfs

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// file is an open file of a [Disk].
type file struct {
	disk *Disk
	name string
	node *inode
}

// ReadAt implements [io.ReaderAt].
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[off:])
	if n < len(b) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// WriteAt implements [io.WriterAt]. A write that fails leaves the sectors of its first half in the cache.
func (f *file) WriteAt(b []byte, off int64) (int, error) {
	failed := f.disk.begin("write", f.name, off, len(b))
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if failed != nil {
		if end := off + int64(len(b)); end <= int64(len(f.node.data)) {
			f.half(b, off)
		}
		return 0, failed
	}
	if err := f.disk.grow(f.node, off+int64(len(b))); err != nil {
		return 0, fmt.Errorf("write %s: %w", f.name, err)
	}
	copy(f.node.data[off:], b)
	f.soil(off, int64(len(b)))
	return len(b), nil
}

// half writes the first half of b, in whole sectors.
func (f *file) half(b []byte, off int64) {
	n := (off+int64(len(b))/2)&^(Sector-1) - off
	if n > 0 {
		copy(f.node.data[off:], b[:n])
		f.soil(off, n)
	}
}

func (f *file) soil(off, n int64) {
	for s := off / Sector; s*Sector < off+n; s++ {
		f.node.dirty[s] = true
	}
}

// Preallocate implements txnlog.File.
func (f *file) Preallocate(size int64) error {
	if err := f.disk.begin("preallocate", f.name, 0, int(size)); err != nil {
		return err
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.grow(f.node, size); err != nil {
		return fmt.Errorf("preallocate %s: %w", f.name, err)
	}
	f.node.durable = slices.Clone(f.node.data)
	clear(f.node.dirty)
	return nil
}

// Sync implements txnlog.File. A failed sync marks the sectors clean without storing them, as file systems do.
func (f *file) Sync() error {
	failed := f.disk.begin("sync", f.name, 0, 0)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	n := f.node
	if errors.Is(failed, ErrCrashed) {
		return failed
	}
	if failed == nil {
		n.durable = append(n.durable[:min(len(n.durable), len(n.data))], make([]byte, max(0, len(n.data)-len(n.durable)))...)
		for s := range n.dirty {
			copy(n.durable[s*Sector:], n.data[s*Sector:min((s+1)*Sector, int64(len(n.data)))])
		}
	}
	clear(n.dirty)
	return failed
}

// Size implements txnlog.File.
func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.node.data)), nil
}

// Close implements [io.Closer].
func (f *file) Close() error { return nil }
