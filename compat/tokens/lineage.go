package tokens

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/znode"
)

// The lineage of a history is a private record of its state. The first leader founds it, and a second one that tries finds it there, so that a history
// has one lineage or none. A copy of a state that begins a life of its own has none; it has a record of what it was made of instead.
const (
	lineageRecord = "lineage"
	originRecord  = "lineage.origin"
)

// Origin is what a copied state was made of.
type Origin struct {
	Cluster lineage.ID `json:"cluster"` // which the copy goes on as; zero: it draws one
	Source  lineage.ID `json:"source"`  // equal for copies of one source, and for no others
}

// LineageOf is the lineage of the history that made the state; ok is false if it has none yet.
func LineageOf(st *znode.State) (l lineage.Lineage, ok bool, err error) {
	ok, err = read(st, lineageRecord, &l)
	return l, ok, err
}

// OriginOf is what the state was made of, if it is a copy; the zero value if its ensemble began empty.
func OriginOf(st *znode.State) (o Origin, err error) {
	_, err = read(st, originRecord, &o)
	return o, err
}

func read(st *znode.State, name string, to any) (bool, error) {
	b := st.Secret(name)
	if b == nil {
		return false, nil
	}
	if err := json.Unmarshal(b, to); err != nil {
		return false, fmt.Errorf("tokens: the record %s of the state is damaged: %w", name, err)
	}
	return true, nil
}

// FoundLineage is the transaction that gives the history its lineage; nil if it has one. known is the lineage with which the data folder was made, if an
// earlier version made it, and counts; the zero value draws: random is crypto/rand.Reader.
func FoundLineage(st *znode.State, known lineage.Lineage, random io.Reader) (*znode.Txn, error) {
	_, ok, err := LineageOf(st)
	if err != nil || ok {
		return nil, err
	}
	l := known
	if l == (lineage.Lineage{}) {
		var draw [32]byte
		if _, err := io.ReadFull(random, draw[:]); err != nil {
			return nil, fmt.Errorf("tokens: draw a lineage: %w", err)
		}
		o, err := OriginOf(st)
		if err != nil {
			return nil, err
		}
		if l = (lineage.Lineage{Cluster: o.Cluster, Incarnation: lineage.ID(draw[16:])}); l.Cluster == (lineage.ID{}) {
			l.Cluster = lineage.ID(draw[:16])
		}
	}
	b, err := json.Marshal(l)
	return put(lineageRecord, b), err
}

// MakeCopy takes the lineage out of a state that begins a life of its own, and notes what it was made of.
func MakeCopy(st *znode.State, o Origin) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	st.SetSecret(lineageRecord, nil)
	st.SetSecret(originRecord, b)
	return nil
}
