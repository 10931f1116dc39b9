package store

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// Checkpoint is an image in a file.
type Checkpoint struct {
	Path string
	Zxid zxid.ID
	Size int64
}

const imageSuffix = ".img"

// Checkpoint writes an image of the newest commit beside everything else that goes on, and removes all but the newest few. meta goes into
// the image's header as it is. If there is one of that zxid already, that is the answer.
func (s *Store) Checkpoint(ctx context.Context, meta []byte) (Checkpoint, error) {
	return s.checkpoint(ctx, meta, s.opt.CheckpointRate)
}

// CheckpointNow is Checkpoint for somebody who waits for it: a backup, or a server that is filled. It goes faster, at the cost of others.
func (s *Store) CheckpointNow(ctx context.Context, meta []byte) (Checkpoint, error) {
	return s.checkpoint(ctx, meta, hurry*s.opt.CheckpointRate)
}

// hurry is how much faster a checkpoint is that somebody waits for.
const hurry = 4

func (s *Store) checkpoint(ctx context.Context, meta []byte, rate int64) (Checkpoint, error) {
	s.imaging.Lock()
	defer s.imaging.Unlock()
	c, err := s.pin()
	if err != nil {
		return Checkpoint{}, err
	}
	defer s.unpin()
	path := filepath.Join(s.dir, checkpointDir, imageName(c.zxid))
	if st, err := os.Stat(path); err == nil {
		there := Checkpoint{Path: path, Zxid: c.zxid, Size: st.Size()}
		if err := s.verify(ctx, there, rate); err == nil || ctx.Err() != nil {
			return there, err
		}
		s.opt.Logger.Error("a checkpoint is damaged, and is taken anew", "file", path, "err", err)
	}
	h := ImageHeader{Identity: s.lineage(), Zxid: c.zxid, Digest: c.digest, Meta: meta}
	if _, err := rand.Read(h.Draw[:]); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint %v: %w", c.zxid, err)
	}
	size, err := atomicfile.Write(s.opt.Files, path, 0o600, func(w io.Writer) error { return s.writeImage(ctx, w, h, rate) })
	s.Trim()
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint %v: %w", c.zxid, err)
	}
	return Checkpoint{Path: path, Zxid: c.zxid, Size: size}, s.prune(c.zxid)
}

// pin keeps the versions of the newest commit readable.
func (s *Store) pin() (commit, error) {
	s.write.Lock()
	defer s.write.Unlock()
	if s.failed != nil {
		return commit{}, s.failed
	}
	if s.newest.zxid == 0 {
		return commit{}, errors.New("checkpoint: the database is empty")
	}
	if err := s.checkSpace(0); err != nil {
		return commit{}, err
	}
	s.pinned.Store(int64(s.newest.zxid))
	return s.newest, nil
}

func (s *Store) unpin() {
	s.write.Lock()
	defer s.write.Unlock()
	s.pinned.Store(0)
	if s.db != nil {
		s.discard()
	}
}

func (s *Store) writeImage(ctx context.Context, w io.Writer, h ImageHeader, rate int64) error {
	iw, err := NewImageWriter(w, h)
	if err != nil {
		return err
	}
	p := pacer{ctx: ctx, rate: rate, start: time.Now()}
	sum := s.opt.Sum()
	sum.BeginLoad()
	unchecked := 0
	err = s.scan(ctx, imageReaders, h.Zxid, func(k, v []byte) error {
		if unchecked += len(k) + len(v); unchecked >= blockBytes {
			if err := p.pause(unchecked); err != nil {
				return err
			}
			unchecked = 0
			if err := s.checkSpace(0); err != nil {
				return err
			}
		}
		if err := sum.LoadRecord(k, v); err != nil {
			return fmt.Errorf("%w: %w", err, ErrRebuild)
		}
		return iw.Add(k, v)
	})
	if err != nil {
		return err
	}
	if err := sum.EndLoad(); err != nil {
		return fmt.Errorf("the database does not hold what was written to it: %w: %w", err, ErrRebuild)
	}
	if sum.LastZxid() != h.Zxid || sum.Digest() != h.Digest {
		return fmt.Errorf("the database holds the state at %v with digest %x, and %v with %x was written to it: %w", sum.LastZxid(), sum.Digest(), h.Zxid, h.Digest, ErrRebuild)
	}
	return iw.Close()
}

// pacer holds a reader to a number of bytes a second.
type pacer struct {
	ctx   context.Context
	rate  int64
	start time.Time
	done  int64
}

// pause counts n bytes and waits until they are due.
func (p *pacer) pause(n int) error {
	p.done += int64(n)
	if p.rate <= 0 {
		return p.ctx.Err()
	}
	due := time.Duration(float64(p.done) / float64(p.rate) * float64(time.Second))
	wait := time.NewTimer(due - time.Since(p.start))
	defer wait.Stop()
	select {
	case <-wait.C:
		return p.ctx.Err()
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

func imageName(z zxid.ID) string { return fmt.Sprintf("%016x%s", uint64(z), imageSuffix) }

// Checkpoints lists the checkpoints, the newest first. The log must be kept from the oldest on.
func (s *Store) Checkpoints() ([]Checkpoint, error) { return Checkpoints(s.dir) }

// Checkpoints lists the checkpoints under the directory of a store, the newest first.
func Checkpoints(dir string) ([]Checkpoint, error) {
	entries, err := os.ReadDir(filepath.Join(dir, checkpointDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var list []Checkpoint
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), imageSuffix)
		b, err := hex.DecodeString(stem)
		if !ok || err != nil || len(b) != 8 {
			continue
		}
		var z uint64
		for _, c := range b {
			z = z<<8 | uint64(c)
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("list checkpoints: %w", err)
		}
		list = append(list, Checkpoint{Path: filepath.Join(dir, checkpointDir, e.Name()), Zxid: zxid.ID(z), Size: info.Size()})
	}
	slices.SortFunc(list, func(a, b Checkpoint) int { return int(min(1, max(-1, b.Zxid-a.Zxid))) })
	return list, nil
}

// prune removes all but the newest checkpoints, when one was taken. Those that are newer than that have come from peers. They wait to be installed,
// and must not push out the ones that stand for this server's own history.
func (s *Store) prune(taken zxid.ID) error {
	list, err := s.Checkpoints()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c Checkpoint) bool { return c.Zxid > taken })
	for _, c := range list[min(len(list), s.opt.KeepCheckpoints):] {
		if err := s.opt.Files.Remove(c.Path); err != nil {
			return fmt.Errorf("remove an old checkpoint: %w", err)
		}
	}
	return nil
}

// LoadCheckpoint puts an image file into st. id must be that of the image; nil takes any.
func LoadCheckpoint(path string, id *lineage.Lineage, st Target) (ImageHeader, error) {
	f, err := os.Open(path)
	if err != nil {
		return ImageHeader{}, fmt.Errorf("load checkpoint: %w", err)
	}
	defer func() { _ = f.Close() }()
	return LoadImage(bufio.NewReaderSize(f, 1<<20), path, id, st)
}

// LoadInto puts one of the store's checkpoints into st.
func (s *Store) LoadInto(c Checkpoint, st Target) error {
	_, err := LoadCheckpoint(c.Path, &s.opt.Identity, st)
	return err
}

// LoadImage puts an image from a stream into st. name is what errors call it. st must not be used after an error.
func LoadImage(r io.Reader, name string, id *lineage.Lineage, st Target) (ImageHeader, error) {
	ir, err := NewImageReader(r, name)
	if err != nil {
		return ImageHeader{}, err
	}
	defer ir.Close()
	h := ir.Header()
	if id != nil && !agree(h.Identity, *id) {
		return h, fmt.Errorf("image %s is of cluster %v, incarnation %v, and this is cluster %v, incarnation %v: %w",
			name, h.Identity.Cluster, h.Identity.Incarnation, id.Cluster, id.Incarnation, ErrForeign)
	}
	st.BeginLoad()
	if err := ir.Records(st.LoadRecord); err != nil {
		return h, err
	}
	if err := st.EndLoad(); err != nil {
		return h, fmt.Errorf("image %s: %w: %w", name, err, ErrImage)
	}
	if st.LastZxid() != h.Zxid || st.Digest() != h.Digest {
		return h, &ImageError{File: name, Offset: 0, What: fmt.Sprintf("its records make the state at %v with digest %x, its header says %v with %x",
			st.LastZxid(), st.Digest(), h.Zxid, h.Digest)}
	}
	return h, nil
}

// VerifyImage reads a whole image file and holds it to its checksums, its totals and its digest. sum adds the records up:
// [znode.NewChecker]. each is called with every record; nil: nobody asks.
func VerifyImage(path string, sum Target, each func(key, value []byte) error) (ImageHeader, error) {
	f, err := os.Open(path)
	if err != nil {
		return ImageHeader{}, fmt.Errorf("verify image: %w", err)
	}
	defer func() { _ = f.Close() }()
	if each != nil {
		sum = &listener{sum, each}
	}
	return LoadImage(bufio.NewReaderSize(f, 1<<20), path, nil, sum)
}

// listener is a target that tells of every record.
type listener struct {
	Target
	each func(key, value []byte) error
}

func (l *listener) LoadRecord(key, value []byte) error {
	if err := l.each(key, value); err != nil {
		return err
	}
	return l.Target.LoadRecord(key, value)
}

// Verify reads a whole checkpoint, no faster than one is taken, and holds it to its checksums, its totals and its digest.
func (s *Store) Verify(ctx context.Context, c Checkpoint) error {
	return s.verify(ctx, c, s.opt.CheckpointRate)
}

func (s *Store) verify(ctx context.Context, c Checkpoint, rate int64) error {
	p, unread := pacer{ctx: ctx, rate: rate, start: time.Now()}, 0
	h, err := VerifyImage(c.Path, s.opt.Sum(), func(k, v []byte) error {
		if unread += len(k) + len(v); unread < blockBytes {
			return nil
		}
		n := unread
		unread = 0
		return p.pause(n)
	})
	if err == nil && (!agree(h.Identity, s.opt.Identity) || h.Zxid != c.Zxid) {
		err = fmt.Errorf("image %s is of cluster %v, incarnation %v, at %v: %w", c.Path, h.Identity.Cluster, h.Identity.Incarnation, h.Zxid, ErrForeign)
	}
	return err
}
