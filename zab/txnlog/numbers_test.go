package txnlog_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
)

// A log keeps numbers of servers that do not fit into a byte: its own, its vote's, and those of the membership. A server with the same low byte is another one.
func TestLargeNumbersComeBack(t *testing.T) {
	for _, fill := range []bool{false, true} {
		for _, id := range []zab.PeerID{zab.Server0, 254, 255, 300, 1<<31 - 1} {
			t.Run(fmt.Sprint(id, fill), func(t *testing.T) {
				dir := t.TempDir()
				opt := txnlog.Options{Identity: testIdentity}
				opt.Identity.Peer = id
				l, err := txnlog.Open(txnlog.OS{}, dir, opt)
				if err != nil {
					t.Fatal(err)
				}
				meta := zab.SnapshotMeta{Zxid: 5, Ensemble: zab.Ensemble{Members: []zab.Member{{ID: zab.Server0, Addr: "z:1:2", Weight: 1}, {ID: 1, Addr: "a:1:2", Client: "0.0.0.0:3", Weight: 1}}}}
				if id.Number() > 1 {
					meta.Ensemble.Members = append(meta.Ensemble.Members, zab.Member{ID: id, Addr: "b:1:2", Weight: 1, Role: zab.Observer})
				}
				hs := zab.HardState{Promised: 7, Vote: id, Commit: 5}
				if fill {
					hs.Fill = 9
				}
				if err := l.Reset(meta); err != nil {
					t.Fatal(err)
				}
				mustAppend(t, l, zab.Persist{HardState: &hs})
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				other := opt
				other.Identity.Peer = id + 256
				if _, err := txnlog.Open(txnlog.OS{}, dir, other); !errors.Is(err, txnlog.ErrForeign) {
					t.Errorf("server %d opens the log of server %d: %v", other.Identity.Peer, id, err)
				}
				if l, err = txnlog.Open(txnlog.OS{}, dir, opt); err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				if got := l.HardState(); got != hs {
					t.Errorf("hard state %+v, want %+v", got, hs)
				}
				if got := l.Base(); !reflect.DeepEqual(got, meta) {
					t.Errorf("base %+v, want %+v", got, meta)
				}
			})
		}
	}
}
