package znode

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand"
	"strings"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Java's "%010d", which pads to a width that includes the sign.
func TestSequenceFormat(t *testing.T) {
	for counter, want := range map[int32]string{0: "0000000000", 7: "0000000007", math.MaxInt32: "2147483647", math.MinInt32: "-2147483648",
		-5: "-000000005", -123456789: "-123456789", -1234567890: "-1234567890"} {
		if got := string(appendSequence(nil, counter)); got != want || got != fmt.Sprintf("%010d", counter) {
			t.Errorf("%d: got %s, want %s", counter, got, want)
		}
	}
}

// The counter wraps; the suffix after the largest is the smallest.
func TestSequenceWraps(t *testing.T) {
	s := NewState(Options{})
	if err := s.ImportNode(&Image{Path: "/q", ACL: openList, Cversion: math.MaxInt32}); err != nil {
		t.Fatal(err)
	}
	var r Result
	for i, want := range []string{"/q/2147483647", "/q/-2147483648", "/q/-2147483647"} {
		s.Apply(5, 5, &Txn{Op: Op{Kind: KindCreate, Path: "/q/", Mode: ModePersistentSequential, ACL: openList}}, &r)
		if r.Path != want {
			t.Fatalf("create %d: %s (code %d), want %s", i, r.Path, r.Code, want)
		}
	}
	raw := int32(math.MinInt32) + 2
	if st, _, _ := s.Node("/q"); st.Cversion != 2*raw-3 {
		t.Fatalf("cversion on the wire: %d, want %d", st.Cversion, 2*raw-3)
	}
}

// Reads that hit do not allocate.
func TestReadsDoNotAllocate(t *testing.T) {
	s, paths := benchState(t, 100)
	ids := []Identity{{"ip", "127.0.0.1"}}
	path := paths[50]
	total := 0
	for name, read := range map[string]func(){
		"GetData":  func() { d, _, _ := s.GetData(path, ids, 0); total += len(d) },
		"Exists":   func() { s.Exists(path, ids, 0) },
		"Children": func() { s.Children("/bench", ids, 0, func(n string) { total += len(n) }) },
		"GetACL":   func() { s.GetACL(path, ids, 0) },
	} {
		if n := testing.AllocsPerRun(100, read); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if total == 0 {
		t.Error("nothing was read")
	}
}

func TestDecodeTxnDoesNotAllocate(t *testing.T) {
	raw := AppendTxn(nil, &Txn{Session: 7, Auth: []Identity{{"ip", "10.0.0.1"}},
		Op: Op{Kind: KindCreate, Wire: 1, Path: "/a", Data: []byte("x"), ACL: lockedList}})
	var txn Txn
	if n := testing.AllocsPerRun(100, func() {
		if err := DecodeTxn(raw, &txn); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A table of many nodes under churn, with all hashes equal in part: probing, splitting, closing gaps, the overflow of a flood.
func TestIndexAgainstMap(t *testing.T) {
	for name, hash := range map[string]func(g *rand.Rand) uint64{
		"spread":  func(g *rand.Rand) uint64 { return g.Uint64() },
		"crowded": func(g *rand.Rand) uint64 { return g.Uint64() &^ 0x70 }, // few groups
		"flood":   func(g *rand.Rand) uint64 { return 42 + uint64(g.Intn(2)) },
	} {
		g := rand.New(rand.NewSource(1))
		var slab nodeSlab
		var x pathIndex
		live := map[nodeID]bool{}
		for step := range 30_000 {
			if len(live) > 0 && g.Intn(5) < 2 {
				for id := range live {
					x.remove(&slab, id)
					slab.release(id)
					delete(live, id)
					break
				}
				continue
			}
			id := slab.alloc()
			slab.at(id).pathHash = hash(g)
			x.insert(&slab, id)
			if live[id] = true; step%1000 == 0 {
				verifyIndex(t, name, &slab, &x, live)
			}
		}
		verifyIndex(t, name, &slab, &x, live)
		if name == "flood" && x.bits > 8 {
			t.Errorf("a flood of equal hashes made a directory of 2^%d", x.bits)
		}
	}
}

func verifyIndex(t *testing.T, name string, slab *nodeSlab, x *pathIndex, live map[nodeID]bool) {
	t.Helper()
	if int(x.count) != len(live) {
		t.Fatalf("%s: counts %d, has %d", name, x.count, len(live))
	}
	if err := x.check(slab); err != nil {
		t.Fatal(name, err)
	}
	for id := range live {
		found := 0
		for c := x.lookup(slab.at(id).pathHash); ; {
			got := c.next()
			if got == 0 {
				break
			}
			if got == id {
				found++
			}
		}
		if found != 1 {
			t.Fatalf("%s: node %d is found %d times", name, id, found)
		}
	}
}

// Blocks of all sizes come and go; none ever shares a byte with another.
func TestArenaBlocksAreDisjoint(t *testing.T) {
	type block struct {
		ref  blobRef
		want []byte
	}
	g := rand.New(rand.NewSource(1))
	var a arena
	var live []block
	for step := range 30_000 {
		if len(live) > 500 || len(live) > 0 && g.Intn(3) == 0 {
			i := g.Intn(len(live))
			if b := live[i]; !bytes.Equal(a.bytes(b.ref, len(b.want)), b.want) {
				t.Fatalf("step %d: a block of %d bytes was overwritten", step, len(b.want))
			}
			a.release(live[i].ref, len(live[i].want))
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
			continue
		}
		size := 1 + g.Intn(1<<uint(g.Intn(18)))
		ref, b := a.alloc(size)
		want := bytes.Repeat([]byte{byte(step)}, size)
		copy(b, want)
		live = append(live, block{ref, want})
	}
	for _, b := range live {
		if !bytes.Equal(a.bytes(b.ref, len(b.want)), b.want) {
			t.Fatal("a block was overwritten")
		}
	}
}

func TestSizeClassesFit(t *testing.T) {
	for n := 1; n <= blobMax; n++ {
		c := classOf(n)
		if classSize(c) < n || c > 1 && classSize(c-1) >= n || classSize(c)%8 != 0 {
			t.Fatalf("%d bytes: class %d of %d bytes", n, c, classSize(c))
		}
	}
}

// What the arena holds stays bounded while sizes change over and over.
func TestArenaReusesMemory(t *testing.T) {
	s, paths := benchState(t, 2000)
	var r Result
	txn := Txn{Op: Op{Kind: KindSetData, Version: -1}}
	for round := range 40 {
		for i, p := range paths {
			txn.Op.Path, txn.Op.Data = p, make([]byte, (round*37+i)%1000)
			s.Apply(9, 9, &txn, &r)
		}
	}
	if held := len(s.blobs.chunks) << arenaShift; held > 8<<20 {
		t.Fatalf("2000 nodes of at most 1000 bytes hold %d bytes", held)
	}
}

func dumpOf(s *State) map[string]string {
	m := map[string]string{}
	s.Dump(func(k, v []byte) error { m[string(k)] = string(v); return nil })
	return m
}

func loadOf(m map[string]string) (*State, error) {
	s := NewState(Options{})
	s.BeginLoad()
	for k, v := range m {
		if err := s.LoadRecord([]byte(k), []byte(v)); err != nil {
			return nil, err
		}
	}
	return s, s.EndLoad()
}

// Flipped bits and missing records of an image are found.
func TestDamagedImagesAreRefused(t *testing.T) {
	s, _ := benchState(t, 5)
	var r Result
	s.Apply(900, 5, &Txn{Op: Op{Kind: KindPutSecret, Path: "key", Data: []byte("k"), Version: -1}}, &r)
	s.Apply(901, 5, &Txn{Session: benchSession, Op: Op{Kind: KindCreate, Path: "/e", Wire: 1, Mode: ModeEphemeral, ACL: lockedList}}, &r)
	good := dumpOf(s)
	if _, err := loadOf(good); err != nil {
		t.Fatal(err)
	}
	for k, v := range good {
		bad := maps.Clone(good)
		delete(bad, k)
		if _, err := loadOf(bad); !errors.Is(err, ErrImage) {
			t.Errorf("without record %q: %v", k, err)
		}
		for bit := len(k) % 11; bit < len(v)*8; bit += 11 { // 11 meets every bit of a byte in turn
			flipped := []byte(v)
			flipped[bit/8] ^= 1 << (bit % 8)
			bad[k] = string(flipped)
			got, err := loadOf(bad)
			// The zxid and the time are no part of the digest: the file that carries the image vouches for them.
			if err == nil && !(k == "m" && got.Digest() == s.Digest()) {
				t.Fatalf("record %q with bit %d flipped was taken", k, bit)
			}
		}
	}
}

func TestImportAndWalk(t *testing.T) {
	s := NewState(Options{})
	s.BeginImport()
	if err := s.ImportSession(77, 4000, session.LegacyPassword(77)); err != nil {
		t.Fatal(err)
	}
	images := []*Image{
		{Path: "/", Data: []byte{}, ACL: openList, Cversion: 3, Pzxid: 9},
		{Path: "/a", Data: []byte("x"), ACL: lockedList, Czxid: 1, Mzxid: 2, Pzxid: 3, Ctime: 4, Mtime: 5, Version: 6, Cversion: 7, Aversion: 8},
		{Path: "/e", ACL: openList, EphemeralOwner: 77},
		{Path: "/c", ACL: openList, EphemeralOwner: containerOwner},
		{Path: "/t", ACL: openList, EphemeralOwner: ttlOwner | 500},
		{Path: "/zookeeper/quota/a", ACL: openList},
		{Path: "/zookeeper/quota/a/zookeeper_limits", Data: []byte("count=1,bytes=1"), ACL: openList},
		{Path: "/zookeeper/quota/a/zookeeper_stats", Data: []byte("count=9,bytes=9"), ACL: openList},
	}
	for _, im := range images {
		if err := s.ImportNode(im); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ImportNode(&Image{Path: "/lost", ACL: openList, EphemeralOwner: 78}); err != nil || s.find("/lost") != 0 {
		t.Fatalf("an orphan: %v", err)
	}
	for _, path := range []string{"", "x", "/no/parent", "/a//b", "/e/child"} {
		if err := s.ImportNode(&Image{Path: path, ACL: openList, EphemeralOwner: containerOwner}); err == nil {
			t.Errorf("%q was imported", path)
		}
	}
	if err := s.EndImport(99, 100); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]Image{}
	s.Walk(func(im *Image) error {
		copied := *im
		copied.Data = bytes.Clone(im.Data)
		seen[im.Path] = copied
		return nil
	})
	for _, im := range images[:5] {
		if fmt.Sprintf("%+v", seen[im.Path]) != fmt.Sprintf("%+v", *im) {
			t.Errorf("%s: got %+v, want %+v", im.Path, seen[im.Path], *im)
		}
	}
	if stats := seen["/zookeeper/quota/a/zookeeper_stats"]; string(stats.Data) != "count=1,bytes=1" {
		t.Errorf("the statistics were not recounted: %s", stats.Data)
	}
}

// After many deletes a reloaded state has holes in its slab; they are used again.
func TestHolesOfALoadAreFilled(t *testing.T) {
	s, paths := benchState(t, 5000)
	var r Result
	for _, p := range paths[:4990] {
		s.Apply(9, 9, &Txn{Op: Op{Kind: KindDelete, Path: p, Version: -1}}, &r)
	}
	loaded, err := loadOf(dumpOf(s))
	if err != nil {
		t.Fatal(err)
	}
	if loaded.nodes.chunks[1] != nil {
		t.Error("an empty chunk was allocated")
	}
	for i, p := range paths[:4990] {
		if loaded.Apply(zxid.ID(10_000+i), 9, &Txn{Op: Op{Kind: KindCreate, Path: p, ACL: openList}}, &r); r.Code != OK {
			t.Fatal(r.Code)
		}
	}
	if err := loaded.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
	if loaded.nodes.top != s.nodes.top {
		t.Errorf("slots up to %d, needed %d", loaded.nodes.top, s.nodes.top)
	}
}

func TestQuotaStatistics(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "count=-1,bytes=-1",
		"count=1,bytes=2":          "count=1,bytes=2",
		"bytes=5=;byteHardLimit=5": "count=-1,bytes=5=;byteHardLimit=5",
		"z=1;count=+2;a==7":        "count=2,bytes=-1=;a=-1;z=1",
		"count=1,,;count=3,;":      "count=3,bytes=-1",
		"count=1,bytes=9=;countHardLimit=4;byteHardLimit=-1": "count=1,bytes=9=;byteHardLimit=-1;countHardLimit=4",
	} {
		q, ok := parseStats([]byte(text))
		if got := string(q.append(nil)); !ok || got != want {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"count", "count=", ",count=1", "count=x", "count=99999999999999999999", "="} {
		if _, ok := parseStats([]byte(text)); ok {
			t.Errorf("%q was read", text)
		}
	}
	if _, ok := parseStats(nil); ok {
		t.Error("null was read")
	}
}

func TestLongNamesAndBigData(t *testing.T) {
	s := NewState(Options{})
	long := "/" + strings.Repeat("n", 700_000)
	var r Result
	s.Apply(1, 1, &Txn{Op: Op{Kind: KindCreate, Path: long, Data: make([]byte, 1<<20), ACL: openList}}, &r)
	s.Apply(2, 1, &Txn{Op: Op{Kind: KindCreate, Path: long + "/x", ACL: openList}}, &r)
	s.Apply(3, 1, &Txn{Op: Op{Kind: KindSetData, Path: long, Data: []byte("small"), Version: -1}}, &r)
	if r.Code != OK {
		t.Fatal(r.Code)
	}
	if loaded, err := loadOf(dumpOf(s)); err != nil || loaded.Digest() != s.Digest() {
		t.Fatal(err)
	}
	if s.Apply(4, 1, &Txn{Op: Op{Kind: KindCreate, Path: "/" + strings.Repeat("n", maxPath), ACL: openList}}, &r); r.Code != ErrBadArguments {
		t.Fatal(r.Code)
	}
	if err := s.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
}

// Reads only read: for the race detector, many at once.
func TestReadsRunSideBySide(t *testing.T) {
	s, paths := benchState(t, 200)
	var r Result
	s.Apply(900, 5, &Txn{Session: benchSession, Op: Op{Kind: KindCreate, Path: "/e", Wire: 1, Mode: ModeEphemeral, ACL: lockedList}}, &r)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, p := range paths {
				s.GetData(p, nil, 0)
				s.Exists(p, nil, 0)
				s.GetACL("/e", []Identity{{"digest", "u:p"}}, 0)
				s.Children("/bench", nil, 0, func(string) {})
				s.AllChildrenNumber("/", nil, 0)
				s.Ephemerals(benchSession, "")
				s.EachEphemeral(func(session.ID, []string) {})
				s.ExpiredContainers(func(int64) int64 { return 9 }, 9, 0)
				s.Node(p)
			}
			s.Dump(func(_, _ []byte) error { return nil })
			s.Walk(func(*Image) error { return nil })
			if err := s.CheckInvariants(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
