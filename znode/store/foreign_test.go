package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/paddock-zk/paddock/znode/store"
)

// An image of another cluster, or of another life of this one, is neither received nor loaded.
func TestForeignImagesAreRefused(t *testing.T) {
	_, c := checkpointOf(t)
	foreign := testOptions
	foreign.Identity.Incarnation[5]++
	to, err := store.Open(t.TempDir(), foreign)
	must(t, err)
	defer func() { must(t, to.Close()) }()
	from, err := store.Send(c)
	must(t, err)
	defer func() { must(t, from.Close()) }()
	if _, err := to.Receive(from.Header(), from.Size()); !errors.Is(err, store.ErrForeign) {
		t.Errorf("received: %v", err)
	}
	if _, err := store.LoadCheckpoint(c.Path, &foreign.Identity, newFake(3)); !errors.Is(err, store.ErrForeign) {
		t.Errorf("loaded: %v", err)
	}
	if _, err := store.LoadCheckpoint(c.Path, nil, newFake(3)); err != nil {
		t.Errorf("taken by somebody who takes any: %v", err)
	}
}

// What has come of one image is not the beginning of another one.
func TestTransferOfAnotherImageBeginsAnew(t *testing.T) {
	_, c := checkpointOf(t)
	to := mustOpen(t, t.TempDir())
	defer func() { must(t, to.Close()) }()
	from, err := store.Send(c)
	must(t, err)
	defer func() { must(t, from.Close()) }()
	one := from.Header()
	r, err := to.Receive(one, from.Size())
	must(t, err)
	must(t, r.Chunk(make([]byte, 100), 0))
	must(t, r.Close())
	another := one
	another.Draw[0]++
	if r, err = to.Receive(another, from.Size()); err != nil || r.Offset() != 0 {
		t.Errorf("another image goes on at %d, %v", r.Offset(), err)
	}
	must(t, r.Close())
}

// The digest in the header of an image is that of its records.
func TestImageHeaderIsHeldToItsRecords(t *testing.T) {
	f := fakeAt(30)
	for _, off := range []uint64{0, 1} {
		var b bytes.Buffer
		w, err := store.NewImageWriter(&b, store.ImageHeader{Identity: testOptions.Identity, Zxid: f.zxid, Digest: f.Digest() + off})
		must(t, err)
		f.MarkAllChanged()
		f.DrainChanges(func(k, v []byte) { must(t, w.Add(k, v)) }, func([]byte) {})
		must(t, w.Close())
		_, err = store.LoadImage(&b, "image", nil, newFake(4))
		if damaged := errors.Is(err, store.ErrImage); damaged != (off != 0) {
			t.Errorf("with a digest that is %d more than that of its records: %v", off, err)
		}
	}
}
