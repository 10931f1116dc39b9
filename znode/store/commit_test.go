package store

import (
	"errors"
	"testing"

	"github.com/paddock-zk/paddock/zab/lineage"
)

// A commit record says up to where a database is whole. One that has changed by a bit is not believed: the database is built anew.
func TestCommitRecordWithAFlippedBit(t *testing.T) {
	want := commit{zxid: 77, digest: 1 << 60, id: lineage.Lineage{Cluster: lineage.ID{1}, Incarnation: lineage.ID{2}}}
	good := want.encode()
	if c, err := decodeCommit(good); err != nil || c != want {
		t.Fatalf("%+v, %v", c, err)
	}
	for bit := range 8 * len(good) {
		bad := want.encode()
		bad[bit/8] ^= 1 << (bit % 8)
		if c, err := decodeCommit(bad); !errors.Is(err, ErrRebuild) && !errors.Is(err, ErrNewer) {
			t.Errorf("bit %d flipped: %+v, %v", bit, c, err)
		}
	}
}
