package tokens

import (
	"crypto/rand"
	"testing"

	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/znode"
)

// A history has one lineage: two leaders that draw at the same time make one, and it stays.
func TestLineageIsFoundedOnce(t *testing.T) {
	w := newWorld(t)
	draw := func() *znode.Txn {
		txn, err := FoundLineage(w.st, lineage.Lineage{}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return txn
	}
	if _, ok, err := LineageOf(w.st); ok || err != nil {
		t.Fatalf("an empty state has a lineage (%v)", err)
	}
	first, second := draw(), draw()
	w.apply(first)
	is, ok, err := LineageOf(w.st)
	if !ok || err != nil || is.Cluster == (lineage.ID{}) || is.Incarnation == (lineage.ID{}) {
		t.Fatal(is, ok, err)
	}
	if r := w.apply(second); r.Code != znode.ErrNodeExists {
		t.Errorf("a second leader founds as well: %v", r.Code)
	}
	if again, _, _ := LineageOf(w.st); again != is {
		t.Errorf("it was %v and is %v", is, again)
	}
	if draw() != nil {
		t.Error("a third leader draws although the history has a lineage")
	}
}

// Copies that begin lives of their own have no lineage, and two that are founded apart have different ones, of the cluster that they go on as.
func TestCopiesDrawAnew(t *testing.T) {
	life := func(o Origin) lineage.Lineage {
		w := newWorld(t)
		txn, err := FoundLineage(w.st, lineage.Lineage{Cluster: lineage.ID{1}, Incarnation: lineage.ID{2}}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		w.apply(txn)
		if l, _, _ := LineageOf(w.st); l.Incarnation != (lineage.ID{2}) {
			t.Fatalf("the data folder of an earlier version says what it is of, and the history says %v", l)
		}
		before := w.st.Digest()
		if err := MakeCopy(w.st, o); err != nil {
			t.Fatal(err)
		}
		if _, ok, _ := LineageOf(w.st); ok || w.st.Digest() == before {
			t.Fatal("the copy has the lineage of what it was made of")
		}
		if txn, err = FoundLineage(w.st, lineage.Lineage{}, rand.Reader); err != nil {
			t.Fatal(err)
		}
		w.apply(txn)
		l, _, _ := LineageOf(w.st)
		if got, err := OriginOf(w.st); err != nil || got != o {
			t.Errorf("made of %v, and it says %v, %v", o, got, err)
		}
		return l
	}
	kept := Origin{Cluster: lineage.ID{1}, Source: lineage.ID{9}}
	one, other := life(kept), life(kept)
	if one.Cluster != kept.Cluster || other.Cluster != kept.Cluster || one.Incarnation == other.Incarnation {
		t.Errorf("two lives of one backup: %v and %v", one, other)
	}
	if imported := life(Origin{Source: lineage.ID{9}}); imported.Cluster == kept.Cluster || imported.Cluster == (lineage.ID{}) {
		t.Errorf("what was imported is of cluster %v", imported.Cluster)
	}
}
