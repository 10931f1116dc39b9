package filefence

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// A gate remembers over a restart, a second process gets no gate beside it, and a folder that is lost admits nobody.
func TestGateRemembersOverARestart(t *testing.T) {
	ctx, w, folder := t.Context(), fencingtest.NewWorld(), filepath.Join(t.TempDir(), "var", "fence")
	enter := func(marks *Marks, fence int64) error {
		gate := &fencing.Gate{Marks: marks}
		_, leave, err := gate.Enter(ctx, w.Guard(), w.Token(fence).String(), fencing.OpCheck)
		if err == nil {
			leave()
		}
		return err
	}
	first, err := OpenMarks(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := enter(first, 5); !errors.Is(err, fencing.ErrNoWatermark) {
		t.Errorf("a new folder: %v", err)
	}
	if err := errors.Join(w.Guard().Enrol(ctx, first, fencing.Token{}), enter(first, 20)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMarks(folder); !errors.Is(err, ErrInUse) {
		t.Errorf("a second gate beside the first: %v", err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	if err := enter(first, 30); fencing.ReasonOf(err) != fencing.ReasonStorage {
		t.Errorf("after it was closed: %v", err)
	}
	second, err := OpenMarks(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := enter(second, 10); !errors.Is(err, fencing.ErrStaleToken) {
		t.Errorf("an older token after the restart: %v", err)
	}
	if err := enter(second, 20); err != nil {
		t.Errorf("the holder after the restart: %v", err)
	}
	// Whoever enrols at each start as new is told that this is no new resource.
	if err := w.Guard().Enrol(ctx, second, fencing.Token{}); !errors.Is(err, fencing.ErrEnrolled) {
		t.Errorf("enrolled as new a second time: %v", err)
	}
}
