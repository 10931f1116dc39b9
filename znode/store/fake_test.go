package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// fakeState is a map with the manners of a znode.State: items live in slots that depend on the process (as after a load), records
// are known by slot, a meta record counts them, the digest is of the content alone.
type fakeState struct {
	zxid  zxid.ID
	items map[uint32]string // item -> value
	slots map[uint32]uint32 // item -> slot
	used  map[uint32]bool
	dirty map[uint32]bool // slots
	rng   *rand.Rand
	meta  string // while loading
}

func newFake(process uint64) *fakeState {
	f := &fakeState{rng: rand.New(rand.NewPCG(process, 1))}
	f.clear()
	return f
}

func (f *fakeState) clear() {
	f.zxid, f.meta = 0, ""
	f.items, f.slots = map[uint32]string{}, map[uint32]uint32{}
	f.used, f.dirty = map[uint32]bool{}, map[uint32]bool{}
}

// apply is transaction z: the same in every process.
func (f *fakeState) apply(z zxid.ID) {
	rng := rand.New(rand.NewPCG(uint64(z), 7))
	for range 20 {
		item := uint32(rng.IntN(400))
		if _, ok := f.items[item]; ok && rng.IntN(2) == 0 {
			f.dirty[f.slots[item]] = true
			delete(f.used, f.slots[item])
			delete(f.items, item)
			delete(f.slots, item)
			continue
		}
		if _, ok := f.items[item]; !ok {
			slot := uint32(f.rng.IntN(5000))
			for f.used[slot] {
				slot = uint32(f.rng.IntN(5000))
			}
			f.used[slot], f.slots[item] = true, slot
		}
		f.items[item] = fmt.Sprintf("%d at %d: %x", item, z, make([]byte, rng.IntN(200)))
		f.dirty[f.slots[item]] = true
	}
	f.zxid = z
}

func (f *fakeState) LastZxid() zxid.ID { return f.zxid }

func (f *fakeState) Digest() uint64 {
	var sum uint64
	for item, v := range f.items {
		h := fnv.New64a()
		fmt.Fprint(h, item, v)
		sum += h.Sum64()
	}
	return sum
}

func (f *fakeState) MarkAllChanged() {
	for slot := range f.used {
		f.dirty[slot] = true
	}
}

func slotKey(slot uint32) []byte { return binary.BigEndian.AppendUint32([]byte{'n'}, slot) }

func (f *fakeState) DrainChanges(put func(k, v []byte), del func(k []byte)) zxid.ID {
	items := map[uint32]uint32{}
	for item, slot := range f.slots {
		items[slot] = item
	}
	for slot := range f.dirty {
		if item, ok := items[slot]; ok {
			put(slotKey(slot), append(binary.BigEndian.AppendUint32(nil, item), f.items[item]...))
		} else {
			del(slotKey(slot))
		}
	}
	clear(f.dirty)
	put([]byte{'m'}, fmt.Append(nil, f.zxid, len(f.items), f.Digest()))
	return f.zxid
}

func (f *fakeState) DrainSome(int, func(k, v []byte), func(k []byte)) {}

func (f *fakeState) BeginLoad() { f.clear() }

func (f *fakeState) LoadRecord(k, v []byte) error {
	if k[0] == 'm' {
		f.meta = string(v)
		var z int64
		if _, err := fmt.Sscanf(string(v), "0x%x", &z); err != nil {
			return err
		}
		f.zxid = zxid.ID(z)
		return nil
	}
	slot, item := binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(v)
	if _, ok := f.items[item]; ok || f.used[slot] {
		return errors.New("an item or a slot comes twice")
	}
	f.items[item], f.slots[item], f.used[slot] = string(v[4:]), slot, true
	return nil
}

func (f *fakeState) EndLoad() error {
	if want := fmt.Sprint(f.zxid, len(f.items), f.Digest()); f.meta != string(fmt.Append(nil, f.zxid, len(f.items), f.Digest())) {
		return fmt.Errorf("the meta record says %q, loaded was %q", f.meta, want)
	}
	return nil
}

// at is the state at z, from nothing.
func fakeAt(z zxid.ID) *fakeState {
	f := newFake(99)
	for i := zxid.ID(1); i <= z; i++ {
		f.apply(i)
	}
	return f
}

func (f *fakeState) equal(g *fakeState) error {
	if f.zxid != g.zxid || !maps.Equal(f.items, g.items) {
		return fmt.Errorf("state at %v with %d items, want %v with %d", f.zxid, len(f.items), g.zxid, len(g.items))
	}
	return nil
}
