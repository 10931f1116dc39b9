package txnlog_test

import (
	"fmt"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/txnlog/faultfs"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// A block of another time: the disk has lost a write and shows what stood there before. Seq, place and checksum are those of a good frame; only
// the chain knows that another frame came before it.
func TestBlockOfAnotherTimeIsRefused(t *testing.T) {
	was, is := writeLog(t, 7, 400, 400, 400), writeLog(t, 9, 400, 400, 400)
	at, last := is.batches[1].off-frameHeader, is.batches[2].off-frameHeader
	if was.batches[1] != is.batches[1] {
		t.Fatalf("the second batch stands at %v and at %v", was.batches[1], is.batches[1])
	}
	old, now := was.disk.Bytes(was.batches[1].file), is.disk.Bytes(is.batches[1].file)
	for i := at; i < last; i++ {
		is.disk.Flip(is.batches[1].file, i, old[i]^now[i])
	}
	refused(t, is.disk, txnlog.ErrCorrupt, fmt.Sprint("offset ", at), "another time")
}

// Entries are appended behind what they name, and nowhere else: a log with a hole would lose a transaction in silence.
func TestHolesAreNotAppended(t *testing.T) {
	l, err := txnlog.Open(faultfs.New(), testDir, faultOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	mustAppend(t, l, zab.Persist{Entries: chain(0, 1, 3, 10)})
	for what, e := range map[string]zab.Entry{
		"behind one that is missing": {Zxid: zxid.New(1, 5), Prev: zxid.New(1, 4), Kind: zab.EntryTxn},
		"behind one before the last": {Zxid: zxid.New(1, 4), Prev: zxid.New(1, 2), Kind: zab.EntryTxn},
		"in a later epoch":           {Zxid: zxid.New(2, 0), Prev: zxid.New(1, 4), Kind: zab.EntryNewLeader},
	} {
		if l.Append(zab.Persist{Entries: []zab.Entry{e}}) == nil {
			t.Errorf("an entry %s was appended", what)
		}
	}
	if l.Last() != zxid.New(1, 3) {
		t.Errorf("the log ends with %v", l.Last())
	}
}
