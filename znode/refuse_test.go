package znode

import (
	"errors"
	"runtime"
	"testing"

	"github.com/paddock-zk/paddock/session"
)

// A transaction is read to its last byte or not at all, and only in the format that this release writes: two servers that read one entry
// differently would hold different states.
func TestTransactionsOfAnotherFormAreRefused(t *testing.T) {
	good := AppendTxn(nil, &Txn{Session: 5, Op: Op{Kind: KindCreate, Path: "/a", ACL: openList, Wire: 1}})
	var txn Txn
	if err := DecodeTxn(good, &txn); err != nil {
		t.Fatal(err)
	}
	newer := append([]byte{txnVersion + 1}, good[1:]...)
	for what, b := range map[string][]byte{
		"of a newer release":        newer,
		"with a byte behind it":     append(append([]byte(nil), good...), 0),
		"that lacks its last byte":  good[:len(good)-1],
		"of no bytes":               nil,
		"of an unknown kind":        AppendTxn(nil, &Txn{Op: Op{Kind: 99}}),
		"with unknown higher flags": append(append(append([]byte(nil), good[:19]...), 0xff, 0xff, 0xff, 0x7f), good[20:]...),
	} {
		if err := DecodeTxn(b, &txn); !errors.Is(err, ErrTxn) {
			t.Errorf("a transaction %s was read: %v", what, err)
		}
	}
}

// A count in a transaction is believed only if what it counts can be there.
func TestLyingCountsCostNoMemory(t *testing.T) {
	b := []byte{txnVersion}
	b = append(b, make([]byte, 8+1+8+1+1+1)...)       // session, cxid, boot, seq, flags, no identities
	b = append(b, byte(KindSetACL), 14)               // wire 7
	b = append(appendText(b, "/a"), 0xff, 0xff, 0x7f) // two million entries
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := DecodeTxn(b, &Txn{}); !errors.Is(err, ErrTxn) {
		t.Fatalf("two million ACL entries in %d bytes: %v", len(b), err)
	}
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20 {
		t.Errorf("a transaction of %d bytes cost %d bytes of memory", len(b), cost)
	}
}

// States that differ in a single field of a single node, of a session or of a private record have different digests.
func TestDigestSeesEveryField(t *testing.T) {
	digest := func(change func(*Image), more func(*State)) uint64 {
		s := NewState(Options{})
		s.BeginImport()
		for _, id := range []session.ID{76, 77} {
			if err := s.ImportSession(id, 4000, session.LegacyPassword(id)); err != nil {
				t.Fatal(err)
			}
		}
		im := Image{Path: "/a", Data: []byte("x"), ACL: openList, Czxid: 1, Mzxid: 2, Pzxid: 3, Ctime: 4, Mtime: 5, Version: 6, Cversion: 7, Aversion: 8, EphemeralOwner: 76}
		change(&im)
		if err := s.ImportNode(&im); err != nil {
			t.Fatal(err)
		}
		if err := s.EndImport(99, 100); err != nil {
			t.Fatal(err)
		}
		if more != nil {
			more(s)
		}
		return s.Digest()
	}
	seen := map[uint64]string{digest(func(*Image) {}, nil): "none"}
	note := func(what string, sum uint64) {
		if other, twice := seen[sum]; twice {
			t.Errorf("changed %s and changed %s have one digest", what, other)
		}
		seen[sum] = what
	}
	for what, change := range map[string]func(*Image){
		"path":     func(im *Image) { im.Path = "/b" },
		"data":     func(im *Image) { im.Data = []byte("y") },
		"null":     func(im *Image) { im.Data = nil },
		"empty":    func(im *Image) { im.Data = []byte{} },
		"ACL":      func(im *Image) { im.ACL = lockedList },
		"czxid":    func(im *Image) { im.Czxid = 50 },
		"mzxid":    func(im *Image) { im.Mzxid = 50 },
		"pzxid":    func(im *Image) { im.Pzxid = 50 },
		"ctime":    func(im *Image) { im.Ctime = 50 },
		"mtime":    func(im *Image) { im.Mtime = 50 },
		"version":  func(im *Image) { im.Version = 50 },
		"cversion": func(im *Image) { im.Cversion = 50 },
		"aversion": func(im *Image) { im.Aversion = 50 },
		"owner":    func(im *Image) { im.EphemeralOwner = 77 },
	} {
		note(what, digest(change, nil))
	}
	var r Result
	for what, txn := range map[string]*Txn{
		"session":         {Session: 78, Op: Op{Kind: KindCreateSession, Timeout: 4000, Password: make([]byte, 16)}},
		"timeout":         {Session: 78, Op: Op{Kind: KindCreateSession, Timeout: 4001, Password: make([]byte, 16)}},
		"password":        {Session: 78, Op: Op{Kind: KindCreateSession, Timeout: 4000, Password: append(make([]byte, 15), 1)}},
		"secret":          {Op: Op{Kind: KindPutSecret, Path: "k", Data: []byte("v")}},
		"secret's name":   {Op: Op{Kind: KindPutSecret, Path: "l", Data: []byte("v")}},
		"secret's bytes":  {Op: Op{Kind: KindPutSecret, Path: "k", Data: []byte("w")}},
		"ended session":   {Session: 77, Op: Op{Kind: KindCloseSession}},
		"session's nodes": {Session: 76, Op: Op{Kind: KindCloseSession}},
	} {
		note(what, digest(func(*Image) {}, func(s *State) {
			if s.Apply(100, 1, txn, &r); r.Code != OK {
				t.Fatalf("%s: %v", what, r.Code)
			}
		}))
	}
}

// A private record is founded once: of two leaders that try, the second is told that there is one, and changes nothing.
func TestPrivateRecordsAreFoundedOnce(t *testing.T) {
	s := NewState(Options{})
	put := func(data string, version int32) Code {
		var r Result
		s.Apply(s.LastZxid()+1, 1, &Txn{Op: Op{Kind: KindPutSecret, Path: "key", Data: []byte(data), Version: version}}, &r)
		return r.Code
	}
	if c := put("first", 0); c != OK {
		t.Fatal(c)
	}
	if c := put("second", 0); c != ErrNodeExists || string(s.Secret("key")) != "first" {
		t.Errorf("founded again: %v, %q", c, s.Secret("key"))
	}
	if c := put("third", -1); c != OK || string(s.Secret("key")) != "third" {
		t.Errorf("replaced: %v, %q", c, s.Secret("key"))
	}
}

// A check asks for the permission to read, and for no other.
func TestCheckAsksForRead(t *testing.T) {
	for perm, want := range map[Perm]Code{PermRead: OK, PermAll &^ PermRead: ErrNoAuth} {
		s := NewState(Options{})
		var r Result
		s.Apply(1, 1, &Txn{Session: 5, Op: Op{Kind: KindCreateSession, Timeout: 1000, Password: make([]byte, 16)}}, &r)
		s.Apply(2, 1, &Txn{Session: 5, Op: Op{Kind: KindCreate, Path: "/a", Wire: 1, ACL: []ACL{{Perms: perm, Scheme: "world", ID: "anyone"}}}}, &r)
		s.Apply(3, 1, &Txn{Session: 5, Op: Op{Kind: KindMulti}, Ops: []Op{{Kind: KindCheck, Path: "/a", Version: -1}}}, &r)
		if r.Code != want {
			t.Errorf("a check of a node with permissions %d: %v, want %v", perm, r.Code, want)
		}
	}
}

// "auth" stands for what the asker has proved. Who has proved nothing gets no ACL at all, not one without that entry.
func TestAuthWithoutIdentityIsNoACL(t *testing.T) {
	s := NewState(Options{})
	var r Result
	s.Apply(1, 1, &Txn{Session: 5, Op: Op{Kind: KindCreateSession, Timeout: 1000, Password: make([]byte, 16)}}, &r)
	mixed := []ACL{{Perms: PermRead, Scheme: "world", ID: "anyone"}, {Perms: PermAll, Scheme: "auth"}}
	s.Apply(2, 1, &Txn{Session: 5, Auth: []Identity{{Scheme: "ip", ID: "10.0.0.1"}}, Op: Op{Kind: KindCreate, Path: "/a", Wire: 1, ACL: mixed}}, &r)
	if r.Code != ErrInvalidACL {
		t.Errorf("a node for an asker who has proved nothing: %v", r.Code)
	}
}
