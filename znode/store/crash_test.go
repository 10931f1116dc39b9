package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// pairs is a state that is nothing but its records.
type pairs struct {
	zxid zxid.ID
	now  map[string]string
	dirt map[string]bool
}

func newPairs() *pairs { return &pairs{now: map[string]string{}, dirt: map[string]bool{}} }

func (p *pairs) set(z zxid.ID, kv ...string) {
	p.zxid = z
	for i := 0; i < len(kv); i += 2 {
		if p.now[kv[i]], p.dirt[kv[i]] = kv[i+1], true; kv[i+1] == "" {
			delete(p.now, kv[i])
		}
	}
}

func (p *pairs) DrainChanges(put func(k, v []byte), del func(k []byte)) zxid.ID {
	for k := range p.dirt {
		if v, ok := p.now[k]; ok {
			put([]byte(k), []byte(v))
		} else {
			del([]byte(k))
		}
	}
	clear(p.dirt)
	put([]byte("m"), binary.BigEndian.AppendUint64(nil, uint64(p.zxid)))
	return p.zxid
}

func (p *pairs) DrainSome(int, func(k, v []byte), func(k []byte)) {}

func (p *pairs) MarkAllChanged() {
	for k := range p.now {
		p.dirt[k] = true
	}
}
func (p *pairs) LastZxid() zxid.ID { return p.zxid }
func (p *pairs) Digest() uint64 {
	var sum uint64
	for k, v := range p.now {
		var h uint64 = 14695981039346656037
		for _, c := range []byte(k + "=" + v) {
			h = (h ^ uint64(c)) * 1099511628211
		}
		sum += h
	}
	return sum
}
func (p *pairs) BeginLoad() { *p = *newPairs() }
func (p *pairs) LoadRecord(k, v []byte) error {
	if string(k) == "m" {
		p.zxid = zxid.ID(binary.BigEndian.Uint64(v))
		return nil
	}
	p.now[string(k)] = string(v)
	return nil
}
func (p *pairs) EndLoad() error { return nil }

// What a crash leaves of a batch without a commit record never comes to light, though later batches pass its zxid and use other keys for
// the same things.
func TestLeftoversOfACrash(t *testing.T) {
	dir := t.TempDir()
	opt := Options{Sum: func() Target { return newPairs() }, ReserveBytes: 1 << 20}
	open := func() (*Store, *pairs) {
		t.Helper()
		s, err := Open(dir, opt)
		if err != nil {
			t.Fatal(err)
		}
		p := newPairs()
		if _, err := s.Load(p); err != nil {
			t.Fatal(err)
		}
		return s, p
	}
	commit := func(s *Store, p *pairs) {
		t.Helper()
		if err := s.Commit(Collect(p)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(p *pairs, want string) {
		t.Helper()
		if got := fmt.Sprint(p.zxid, p.now); got != want {
			t.Fatalf("loaded %s, want %s", got, want)
		}
	}
	s, p := open()
	p.set(10, "n1", "a", "n2", "b", "n3", "c")
	commit(s, p)
	p.set(20, "n1", "A", "n2", "", "n5", "X") // X lives in slot 5 here
	half := Collect(p)
	w := s.db.NewWriteBatchAt(uint64(half.Zxid))
	for i := range half.ops {
		if err := writeOp(w, &half.ops[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), s.Close()); err != nil { // the process dies before the commit record
		t.Fatal(err)
	}

	s, p = open()
	check(p, "0xa map[n1:a n2:b n3:c]")
	p.set(15, "n1", "A") // the same history in other batches, and X in slot 7
	commit(s, p)
	_ = s.Close()
	s, p = open()
	check(p, "0xf map[n1:A n2:b n3:c]")
	p.set(18, "n2", "")
	commit(s, p)
	p.set(25, "n7", "X")
	commit(s, p)
	if len(s.left.keys) != 0 {
		t.Errorf("still %d leftovers", len(s.left.keys))
	}
	_ = s.Close()
	s, p = open()
	check(p, "0x19 map[n1:A n3:c n7:X]")
	if len(s.left.keys) != 0 {
		t.Errorf("found %d leftovers again", len(s.left.keys))
	}
	_ = s.Close()
}

// A batch is refused whole when the disk is nearly full, and goes through later.
func TestBatchOutlivesAFullDisk(t *testing.T) {
	s, err := Open(t.TempDir(), Options{Sum: func() Target { return newPairs() }, ReserveBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	p := newPairs()
	p.set(1, "n1", "a")
	b := Collect(p)
	s.opt.ReserveBytes = 1 << 60
	if err := s.Commit(b); !errors.Is(err, ErrNoSpace) || s.Zxid() != 0 {
		t.Fatalf("%v, at %v", err, s.Zxid())
	}
	s.opt.ReserveBytes = 1 << 20
	if err := s.Commit(b); err != nil || s.Zxid() != 1 {
		t.Fatalf("%v, at %v", err, s.Zxid())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A database that lacks a record gives no image.
func TestCheckpointOfADatabaseWithAHole(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{Sum: func() Target { return newPairs() }, ReserveBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	p := newPairs()
	p.set(7, "n1", "a", "n2", "b", "n3", "c")
	w := s.db.NewWriteBatchAt(7)
	err = errors.Join(s.Commit(Collect(p)), w.Delete([]byte("n2")), w.Flush())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Checkpoint(t.Context(), nil); !errors.Is(err, ErrRebuild) {
		t.Errorf("a checkpoint of a database with a hole: %v", err)
	}
	if all, err := s.Checkpoints(); err != nil || len(all) > 0 {
		t.Errorf("there are %v, %v", all, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Values of any size that a client may be allowed to write go through every way: tables up to 1 MiB, the value log above, images.
func TestLargeValues(t *testing.T) {
	dir := t.TempDir()
	opt := Options{Sum: func() Target { return newPairs() }, ReserveBytes: 1 << 20, CheckpointRate: -1}
	s, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	p := newPairs()
	z := zxid.ID(0)
	for _, n := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 5 << 20, 1<<20 - 1, 100} {
		z++
		p.set(z, fmt.Sprint("n", z), string(bytes.Repeat([]byte{byte(z)}, n)), "again", string(bytes.Repeat([]byte{byte(z)}, n)))
		if err := s.Commit(Collect(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CollectGarbage(); err != nil {
		t.Fatal(err)
	}
	c, err := s.Checkpoint(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, opt); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		q := newPairs()
		if _, err := s.Load(q); err != nil || !maps.Equal(q.now, p.now) {
			t.Fatalf("load: %v", err)
		}
		q = newPairs()
		if _, err := LoadCheckpoint(c.Path, nil, q); err != nil || !maps.Equal(q.now, p.now) {
			t.Fatalf("load the checkpoint: %v", err)
		}
		if err := s.Rebuild(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Any bytes are an image or an error, and never cost more memory than they are worth.
func FuzzImageReader(f *testing.F) {
	var b bytes.Buffer
	w, err := NewImageWriter(&b, ImageHeader{Zxid: 7, Meta: []byte("meta")})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3000 {
		if err := w.Add(fmt.Append(nil, "key", i), bytes.Repeat([]byte{byte(i)}, 100)); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewImageReader(bytes.NewReader(b), "fuzz")
		if err != nil {
			return
		}
		defer r.Close()
		_ = r.Records(func(_, _ []byte) error { return nil })
	})
}

// FuzzSplit goes around the checksums, which would keep the fuzzer out of the records.
func FuzzSplit(f *testing.F) {
	f.Add([]byte{1, 2, 'k', 'v', 'v'}, uint32(1))
	f.Fuzz(func(t *testing.T, b []byte, records uint32) {
		r := &ImageReader{name: "fuzz", raw: b}
		n := 0
		err := r.split(records%1000, func(k, v []byte) error { n += len(k) + len(v); return nil })
		if n > len(b) || err != nil && !errors.Is(err, ErrImage) {
			t.Fatalf("%d bytes of %d, %v", n, len(b), err)
		}
	})
}
