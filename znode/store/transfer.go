package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// A transfer sends an image file to a peer in chunks that say where they begin. The receiver's file is the memory of how far it came: after
// a broken connection, on either side, it asks for the rest. The draw in the header tells whether the rest is of the same image.

// Sender reads a checkpoint in chunks. It stays whole while it is open, whatever is pruned.
type Sender struct {
	f    *os.File
	head ImageHeader
	size int64
}

// Send opens a checkpoint for sending.
func Send(c Checkpoint) (*Sender, error) {
	f, err := os.Open(c.Path)
	if err != nil {
		return nil, fmt.Errorf("send checkpoint: %w", err)
	}
	ir, err := NewImageReader(f, c.Path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	ir.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("send checkpoint: %w", err), f.Close())
	}
	return &Sender{f: f, head: ir.Header(), size: st.Size()}, nil
}

// Header says what is sent; the receiver must have it first.
func (s *Sender) Header() ImageHeader { return s.head }

// Size is the length of the whole in bytes.
func (s *Sender) Size() int64 { return s.size }

// Chunk reads up to len(b) bytes at off; io.EOF with the last ones.
func (s *Sender) Chunk(b []byte, off int64) (int, error) { return s.f.ReadAt(b, off) }

// Close ends the sending.
func (s *Sender) Close() error { return s.f.Close() }

// Receiver takes the chunks of one image. Only one is open for a draw at a time; it is safe from any goroutine.
type Receiver struct {
	mu   sync.Mutex
	s    *Store
	f    atomicfile.File
	path string
	off  int64
	size int64
	head ImageHeader
}

// Receive begins or continues to receive the image with this header and size. Parts of other images are removed.
func (s *Store) Receive(h ImageHeader, size int64) (*Receiver, error) {
	if !agree(h.Identity, s.opt.Identity) {
		return nil, fmt.Errorf("receive an image of cluster %v, incarnation %v: %w", h.Identity.Cluster, h.Identity.Incarnation, ErrForeign)
	}
	dir := filepath.Join(s.dir, incomingDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("receive an image: %w", err)
	}
	name := hex.EncodeToString(h.Draw[:]) + ".part"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("receive an image: %w", err)
	}
	for _, e := range entries {
		if e.Name() != name {
			if err := s.opt.Files.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, fmt.Errorf("receive an image: %w", err)
			}
		}
	}
	path := filepath.Join(dir, name)
	f, err := s.opt.Files.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("receive an image: %w", err)
	}
	off, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("receive an image: %w", err), f.Close())
	}
	r := &Receiver{s: s, f: f, path: path, off: min(off, size), size: size, head: h}
	if err := s.checkSpace(size - r.off); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// Offset is where the next chunk must begin.
func (r *Receiver) Offset() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.off
}

// Chunk takes bytes that begin at off. One that begins elsewhere than [Receiver.Offset] is refused, except that a repeated one is ignored.
func (r *Receiver) Chunk(b []byte, off int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if off+int64(len(b)) <= r.off {
		return nil
	}
	if off != r.off || off+int64(len(b)) > r.size {
		return fmt.Errorf("receive an image: a chunk of %d bytes at %d, where %d of %d have come", len(b), off, r.off, r.size)
	}
	if _, err := r.f.WriteAt(b, off); err != nil {
		return fmt.Errorf("receive an image: %w", err)
	}
	r.off += int64(len(b))
	return nil
}

// Finish checks the whole image and makes it a checkpoint of this store, durably. A damaged one is removed, so that the next attempt begins
// anew. The receiver is closed in any case.
func (r *Receiver) Finish() (Checkpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off != r.size {
		return Checkpoint{}, errors.Join(fmt.Errorf("receive an image: %d of %d bytes have come", r.off, r.size), r.f.Close())
	}
	if err := errors.Join(r.f.Truncate(r.size), r.f.Sync(), r.f.Close()); err != nil {
		return Checkpoint{}, fmt.Errorf("receive an image: %w", err)
	}
	h, err := VerifyImage(r.path, r.s.opt.Sum(), nil)
	if err == nil && (h.Draw != r.head.Draw || h.Zxid != r.head.Zxid) {
		err = fmt.Errorf("received an image at %v instead of that at %v: %w", h.Zxid, r.head.Zxid, ErrImage)
	}
	if err != nil {
		return Checkpoint{}, errors.Join(err, r.s.opt.Files.Remove(r.path))
	}
	path := filepath.Join(r.s.dir, checkpointDir, imageName(h.Zxid))
	if err := atomicfile.Move(r.s.opt.Files, r.path, path); err != nil {
		return Checkpoint{}, fmt.Errorf("receive an image: %w", err)
	}
	return Checkpoint{Path: path, Zxid: h.Zxid, Size: r.size}, nil
}

// Close stops receiving for now; what has come stays for the next attempt.
func (r *Receiver) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.f.Close()
}
