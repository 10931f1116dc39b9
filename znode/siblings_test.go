package znode

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Children come oldest first, those of one multi by name, whatever was deleted in between, taken back, loaded from an image or imported.
func TestChildrenComeInTheOrderOfTheirCreation(t *testing.T) {
	s, z := manyCreated(t)
	if err := s.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
	loaded, err := loadOf(dumpOf(s))
	if err != nil {
		t.Fatal(err)
	}
	imported := importedBackwards(t, s, z)
	for _, path := range []string{"/p0", "/p1"} {
		want := namesOf(t, s, path)
		sorted := slices.Clone(want)
		slices.SortFunc(sorted, func(a, b string) int {
			x, y := s.nodes.at(s.find(path+"/"+a)), s.nodes.at(s.find(path+"/"+b))
			return s.compareSiblings(x, y)
		})
		if !slices.Equal(want, sorted) || len(want) < 20 {
			t.Errorf("%s lists %v, created in the order %v", path, want, sorted)
		}
		for name, other := range map[string]*State{"loaded": loaded, "imported": imported} {
			if got := namesOf(t, other, path); !slices.Equal(got, want) {
				t.Errorf("%s: %s lists %v, want %v", name, path, got, want)
			}
		}
	}
}

// manyCreated is a state after thousands of creates and deletes in two folders, half of them in multis of which many fail.
func manyCreated(t *testing.T) (s *State, z zxid.ID) {
	t.Helper()
	rnd := rand.New(rand.NewSource(1))
	s = NewState(Options{})
	var r Result
	apply := func(op Op, parts ...Op) {
		z++
		op.Version, op.ACL = -1, openList
		s.Apply(z, int64(z), &Txn{Op: op, Ops: parts}, &r)
	}
	part := func(kind Kind, n int) Op {
		return Op{Kind: kind, Path: fmt.Sprintf("/p%d/n%03d", n%2, n), Version: -1, ACL: openList}
	}
	apply(Op{Kind: KindCreate, Path: "/p0"})
	apply(Op{Kind: KindCreate, Path: "/p1"})
	failed := 0
	for range 3000 {
		n := rnd.Intn(200)
		switch rnd.Intn(4) {
		case 0:
			apply(part(KindCreate, n))
		case 1:
			apply(part(KindDelete, n))
		default: // in about half of the multis one part fails, and what was done is taken back
			var parts []Op
			for range 1 + rnd.Intn(4) {
				n := rnd.Intn(200)
				kind := KindCreate
				if s.find(part(kind, n).Path) != 0 {
					kind = KindDelete
				}
				parts = append(parts, part(kind, n))
			}
			if rnd.Intn(2) == 0 {
				parts = append(parts, Op{Kind: KindCreate, Path: "/p0", ACL: openList}) // it is there
			}
			if apply(Op{Kind: KindMulti}, parts...); r.Code != OK {
				failed++
			}
		}
	}
	if failed < 100 || failed > 1900 {
		t.Fatalf("%d multis failed: nothing is tried", failed)
	}
	return s, z
}

// importedBackwards is the import of a state whose nodes come in the reverse order of their names.
func importedBackwards(t *testing.T, s *State, z zxid.ID) *State {
	t.Helper()
	imported := NewState(Options{})
	var images []Image
	_ = s.Walk(func(im *Image) error {
		copied := *im
		copied.Data, copied.ACL = slices.Clone(im.Data), slices.Clone(im.ACL)
		images = append(images, copied)
		return nil
	})
	slices.SortFunc(images, func(a, b Image) int { return strings.Compare(b.Path, a.Path) })
	slices.SortStableFunc(images, func(a, b Image) int { return strings.Count(a.Path, "/") - strings.Count(b.Path, "/") })
	for i := range images {
		if err := imported.ImportNode(&images[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := imported.EndImport(z, int64(z)); err != nil {
		t.Fatal(err)
	}
	return imported
}

func namesOf(t *testing.T, s *State, path string) (names []string) {
	t.Helper()
	if _, c := s.Children(path, nil, FlagSkipACL, func(name string) { names = append(names, strings.Clone(name)) }); c != OK {
		t.Fatal(c)
	}
	return names
}
