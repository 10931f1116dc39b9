package datadir

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// refused demands that files are refused with all the words, and that AcceptLoss takes so many nodes of them and says the same.
func refused(t *testing.T, nodes int, files map[string][]byte, words ...string) {
	t.Helper()
	rep, _, err := load(t, false, files)
	var loss *LossError
	if !errors.As(err, &loss) || !errors.Is(err, ErrDamaged) {
		t.Errorf("not refused: %v, report %+v", err, rep)
		return
	}
	rep, got, err := load(t, true, files)
	if err != nil || len(rep.Loss) == 0 || len(got) != nodes {
		t.Errorf("with the loss accepted: %v, %d nodes, want %d; loss %q", err, len(got), nodes, rep.Loss)
	}
	for _, word := range words {
		if !strings.Contains(loss.Error(), word) || !strings.Contains(strings.Join(rep.Loss, "\n"), word) {
			t.Errorf("%q is not said in %q", word, loss.Loss)
		}
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// TestDamageInsideALog: a bit that flipped in the third of ten entries is damage, because seven whole ones are behind it.
func TestDamageInsideALog(t *testing.T) {
	entries := creates(epoch1, 10)
	entries[2] = flip(entries[2], len(entries[2])-5)
	at := len(logBytes(entries[:2]...))
	b := append(logBytes(entries...), make([]byte, 4096)...)
	refused(t, 2, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": b},
		"log.100000001", fmt.Sprintf("offset %d", at), "7 whole entries", "0x100000004", "0x10000000a")
	for z, want := range map[int64]int{3: 7, 5: 5, 2: -1} { // a snapshot that holds the third transaction makes up for it
		rep, nodes, err := load(t, false, map[string][]byte{fmt.Sprintf("snapshot.%x", epoch1+z): snapBytes(nil, nil), "log.100000001": b})
		if want < 0 && !errors.Is(err, ErrDamaged) || want >= 0 && (err != nil || len(nodes) != want || len(rep.Logs) != 1) {
			t.Errorf("with a snapshot at %d: %v, %d nodes", z, err, len(nodes))
		}
	}
}

// TestEveryFlippedBitInALog: whatever bit flips, nothing that is whole is lost without a word.
func TestEveryFlippedBitInALog(t *testing.T) {
	entries := creates(epoch1, 4)
	good := append(logBytes(entries...), make([]byte, 100)...)
	last := len(good) - 100 - len(entries[3])
	for i := range good {
		if i >= 8 && i < 16 {
			continue // dbid, which nobody reads
		}
		for _, bit := range []int{0, 6} {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			rep, nodes, err := load(t, false, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": bad})
			switch {
			case i < last && !errors.Is(err, ErrDamaged):
				t.Fatalf("byte %d bit %d: %v, %d nodes", i, bit, err, len(nodes))
			case i >= last && i < last+len(entries[3]) && (err != nil || len(nodes) != 3 || rep.Torn == ""):
				t.Fatalf("byte %d bit %d of the last entry: %v, %d nodes, torn %q", i, bit, err, len(nodes), rep.Torn)
			case err == nil && len(nodes) < 4 && rep.Torn == "":
				t.Fatalf("byte %d bit %d: %d nodes and not a word", i, bit, len(nodes))
			}
		}
	}
}

// TestTornEntry: what was not written completely ends the log and is named, wherever it was cut and whether or not zeros are behind it.
func TestTornEntry(t *testing.T) {
	entries := creates(epoch1, 3)
	whole := len(logBytes(entries[:2]...))
	for cut := 1; cut < len(entries[2]); cut++ {
		for _, pad := range []int{0, 8192} {
			b := append(logBytes(append(entries[:2:2], entries[2][:cut])...), make([]byte, pad)...)
			rep, nodes, err := load(t, false, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": b})
			zeros := pad > 0 && len(bytes.Trim(entries[2][:cut], "\x00")) == 0
			if err != nil || len(nodes) != 2 || !zeros && !strings.Contains(rep.Torn, fmt.Sprintf("offset %d", whole)) {
				t.Fatalf("cut at %d, %d zeros behind: %v, %d nodes, torn %q", cut, pad, err, len(nodes), rep.Torn)
			}
		}
	}
	// A server that starts again leaves the torn entry where it is, and gives its zxid to the next transaction, in a log of its own.
	torn := logBytes(append(entries[:2:2], entries[2][:20])...)
	rep, nodes, err := load(t, false, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": torn, "log.100000003": logBytes(entries[2])})
	if err != nil || len(nodes) != 3 || rep.Torn != "" {
		t.Errorf("a torn entry in the log before the last: %v, %d nodes, torn %q", err, len(nodes), rep.Torn)
	}
}

// TestZerosInsideALog: a block of zeros is the end of a log only if nothing is behind it.
func TestZerosInsideALog(t *testing.T) {
	entries := creates(epoch1, 10)
	b := logBytes(entries...)
	for _, gone := range []int{2, 8} {
		bad := bytes.Clone(b)
		from := len(logBytes(entries[:gone]...))
		clear(bad[from : from+len(entries[gone])])
		refused(t, gone, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": append(bad, make([]byte, 3<<20)...)}, "zeros", fmt.Sprintf("offset %d", from))
	}
	far := append(append(logBytes(entries[:2]...), make([]byte, 3<<20)...), entries[2]...)
	refused(t, 2, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": far}, "1 whole entries")
}

// TestHoles: transactions that are missing between what was read are named, wherever they are.
func TestHoles(t *testing.T) {
	e := creates(epoch1, 10)
	snap := fresh(t)
	refused(t, 0, map[string][]byte{"snapshot.0": snap, "log.100000004": logBytes(e[3:]...)}, "log.100000004", "0x100000004", "0x0")
	refused(t, 3, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[:3]...), "log.100000005": logBytes(e[4:7]...), "log.100000008": logBytes(e[7:]...)},
		"log.100000005 with 1 logs behind it", "0x100000003")
	refused(t, 3, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[0], e[1], e[2], e[4])}, "0x100000005", "0x100000003", "offset")
	refused(t, 3, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[:3]...), "log.100000005": {}}, "log.100000005")
	refused(t, 2, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[:2]...), "log.200000004": logBytes(entry(2<<32+4, deleteTxn("/a1")))}, "0x200000004")
	refused(t, 3, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[:3]...), "snapshot.100000008": []byte("rubbish")}, "snapshot.100000008")
	refused(t, 2, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[:2]...), "log.100000003": []byte("rubbish, and not a header")}, "log.100000003", "not a transaction log")
	refused(t, 0, map[string][]byte{"snapshot.100000002": snap, "currentEpoch": []byte("1")}, "dataLogDir", "currentEpoch")
	refused(t, 0, map[string][]byte{"snapshot.100000002": snap, "snapshot.0": snap}, "dataLogDir", "2 snapshots")
	refused(t, 1, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[0], entry(epoch1+1, createTxn("/other", openList(), 1)))}, "0x100000001")
	refused(t, 1, map[string][]byte{"snapshot.0": snap, "log.100000001": logBytes(e[0], entry(epoch1+2, txn{99, jute.AppendText(nil, "/a1")}))}, "unknown transaction type 99")

	refused(t, 0, map[string][]byte{"snapshot.100000007": snap, "log.100000001": logBytes(e[:3]...)}, "the logs end at zxid 0x100000003", "dataLogDir")

	// No hole: a snapshot that was exported, another epoch begins, a log was begun and nothing was written, and entries that a server logged twice.
	for name, files := range map[string]map[string][]byte{
		"export": {"snapshot.100000004": snapBytes(nil, [][]byte{snapNodeBytes("/a", openACL, 1, 0), snapNodeBytes("/b", openACL, 1, 0), snapNodeBytes("/c", openACL, 1, 0), snapNodeBytes("/d", openACL, 1, 0)})},
		"sent":   {"snapshot.100000007": snapBytes(nil, [][]byte{snapNodeBytes("/a", openACL, 1, 0), snapNodeBytes("/b", openACL, 1, 0), snapNodeBytes("/c", openACL, 1, 0), snapNodeBytes("/d", openACL, 1, 0)}), "log.100000001": logBytes(e[:3]...), "currentEpoch": []byte("1")},
		"begun":  {"snapshot.100000007": snapBytes(nil, [][]byte{snapNodeBytes("/a", openACL, 1, 0), snapNodeBytes("/b", openACL, 1, 0), snapNodeBytes("/c", openACL, 1, 0), snapNodeBytes("/d", openACL, 1, 0)}), "log.100000008": logBytes()},
		"epoch":  {"snapshot.0": snap, "log.100000001": logBytes(e[:3]...), "log.300000001": logBytes(entry(3<<32+1, createTxn("/a4", openList(), 4)))},
		"unused": {"snapshot.0": snap, "log.100000001": logBytes(e[:4]...), "log.100000005": logBytes()},
		"twice":  {"snapshot.0": snap, "log.100000001": logBytes(e[:3]...), "log.100000002": logBytes(e[1:4]...)},
		"again":  {"snapshot.0": snap, "log.100000001": logBytes(e[0], e[1], e[1], e[2], e[3])},
	} {
		if _, nodes, err := load(t, false, files); err != nil || len(nodes) != 4 {
			t.Errorf("%s: %v, %d nodes", name, err, len(nodes))
		}
	}
}

// TestNoSnapshot: a log alone is a history only if it begins with the first transaction of all.
func TestNoSnapshot(t *testing.T) {
	for _, z := range []int64{0, epoch1} {
		rep, nodes, err := load(t, false, map[string][]byte{fmt.Sprintf("log.%x", z+1): logBytes(creates(z, 5)...)})
		if err != nil || len(nodes) != 5 || rep.Snapshot != "" {
			t.Errorf("from the first transaction 0x%x: %v, %d nodes", z+1, err, len(nodes))
		}
	}
	for _, accept := range []bool{false, true} { // there is nothing to go on from
		_, _, err := load(t, accept, map[string][]byte{"log.300000001": logBytes(creates(3<<32, 5)...)})
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "log.300000001") || !strings.Contains(err.Error(), "no snapshot") {
			t.Errorf("a later epoch: %v", err)
		}
	}
	quota := createTxn("/zookeeper/quota/a", openList(), 1)
	if rep, _, err := load(t, false, map[string][]byte{"log.1": logBytes(entry(1, createTxn("/a", openList(), 1)), entry(2, quota))}); err != nil || rep.Nodes != 4 {
		t.Errorf("a node below one that every tree has: %v, %+v", err, rep)
	}
}

// TestWhatCannotHaveHappened: on a tree that is known exactly, every operation finds what it needs.
func TestWhatCannotHaveHappened(t *testing.T) {
	first := entry(epoch1+1, createTxn("/a1", openList(), 1))
	for word, op := range map[string]txn{
		"creates /no/x":           createTxn("/no/x", openList(), 1),
		"creates /a1":             createTxn("/a1", openList(), 2),
		"deletes /no":             deleteTxn("/no"),
		"sets the data of /no":    setTxn("/no", "x", 1),
		"sets the ACL of /no":     setACLTxn("/no", openList(), 1),
		"sets the data of /a1/no": setTxn("/a1/no", "x", 1),
	} {
		at := fmt.Sprintf("offset %d", len(logBytes(first)))
		refused(t, 1, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": logBytes(first, entry(epoch1+2, op))}, word, "0x100000002", at, "log.100000001")
	}
}

// TestFuzzySnapshot: what the transactions behind a snapshot explain is no damage, and what they do not is.
func TestFuzzySnapshot(t *testing.T) {
	z := epoch1 + 10
	base := func(nodes ...[]byte) []byte { return snapBytes(nil, nodes) }
	log := func(ops ...txn) []byte {
		var b [][]byte
		for i, op := range ops {
			b = append(b, entry(z+int64(i)+1, op))
		}
		return logBytes(b...)
	}
	for name, c := range map[string]struct {
		snap, log []byte
		want      []string
	}{
		// The snapshot came to the place of /p when it was gone already.
		"set before a delete":    {base(), log(setTxn("/p", "x", 1), deleteTxn("/p")), nil},
		"child before a delete":  {base(), log(createTxn("/p/c", openList(), 1), setTxn("/p/c", "x", 1), deleteTxn("/p/c"), deleteTxn("/p")), nil},
		"deleted":                {base(), log(deleteTxn("/p")), nil},
		"set before the session": {base(), log(setTxn("/p", "x", 1), closeTxn()), nil},
		// It came to /p when it had been deleted and made anew, with a child.
		"anew with a child": {base(snapNodeBytes("/p", openACL, z+2, 1), snapNodeBytes("/p/c", openACL, z+3, 0)),
			log(deleteTxn("/p"), createTxn("/p", openList(), 3), createTxn("/p/c", openList(), 1)), []string{"/p", "/p/c"}},
	} {
		_, nodes, err := load(t, false, map[string][]byte{"snapshot.10000000a": c.snap, "log.10000000b": c.log})
		got := map[string]bool{}
		for path := range maps.Keys(nodes) {
			got[path] = true
		}
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v, nodes %v, want %v", name, err, got, c.want)
		}
	}
	refused(t, 0, map[string][]byte{"snapshot.10000000a": base(), "log.10000000b": log(setTxn("/p", "x", 1), deleteTxn("/q"))}, "sets the data of /p", "0x10000000b")
	refused(t, 0, map[string][]byte{"snapshot.10000000a": base(), "log.10000000b": log(createTxn("/p/c", openList(), 1), closeTxn())}, "creates /p/c")
	// It shows changes of transactions that no log tells: by a node, or by what stands at its end.
	refused(t, 1, map[string][]byte{"snapshot.10000000a": base(snapNodeBytes("/p", openACL, z+3, 0)), "log.10000000b": log(sessionTxn(1000))}, "0x10000000d", "0x10000000b")
	late := snapBytes(nil, nil, jute.AppendLong(nil, z+2))
	refused(t, 0, map[string][]byte{"snapshot.10000000a": late, "log.10000000b": log(sessionTxn(1000))}, "0x10000000c")
}

// TestCountersNeverGoBack: of a node that the snapshot shows as of later than the log's end, if that loss is accepted, the counter of children and the zxid of the last change
// among them stay where they were. Names of sequential nodes would come twice.
func TestCountersNeverGoBack(t *testing.T) {
	z := epoch1 + 10
	snap := snapBytes(nil, [][]byte{snapNodeBytes("/p", openACL, z+9, 7)})
	log := logBytes(entry(z+1, createTxn("/p/c", openList(), 5)), entry(z+2, deleteTxn("/p/c")))
	_, nodes, err := load(t, true, map[string][]byte{"snapshot.10000000a": snap, "log.10000000b": log})
	if p := nodes["/p"]; err != nil || p.Cversion != 7 || p.Pzxid != z+9 {
		t.Errorf("%v, cversion %d, pzxid 0x%x, want 7 and 0x%x", err, p.Cversion, p.Pzxid, z+9)
	}
}

// TestFuzzyACL: the table of ACL lists is written before the nodes, so a list that came meanwhile is in the log behind the snapshot only.
func TestFuzzyACL(t *testing.T) {
	z := epoch1 + 10
	mine := []znode.ACL{{Perms: 1, Scheme: "digest", ID: "u:abc="}}
	table := map[int64][]znode.ACL{3: {{Perms: 31, Scheme: "digest", ID: "a:b="}}}
	made := snapBytes(table, [][]byte{snapNodeBytes("/x", 7, z+1, 0)})
	older := snapBytes(table, [][]byte{snapNodeBytes("/x", 7, z, 0)})
	logOf := func(ops ...txn) []byte {
		var b [][]byte
		for i, op := range ops {
			b = append(b, entry(z+int64(i)+1, op))
		}
		return logBytes(b...)
	}
	for name, files := range map[string]map[string][]byte{
		"created": {"snapshot.10000000a": made, "log.10000000b": logOf(createTxn("/x", mine, 1))},
		"set":     {"snapshot.10000000a": older, "log.10000000b": logOf(setACLTxn("/x", mine, 1))},
		"twice":   {"snapshot.10000000a": made, "log.10000000b": logOf(createTxn("/x", openList(), 1), setACLTxn("/x", mine, 1))},
	} {
		_, nodes, err := load(t, false, files)
		if err != nil || fmt.Sprint(nodes["/x"].ACL) != fmt.Sprint(mine) {
			t.Errorf("%s: %v, ACL %v", name, err, nodes["/x"].ACL)
		}
	}
	_, nodes, err := load(t, false, map[string][]byte{"snapshot.10000000a": made, "log.10000000b": logOf(createTxn("/x", mine, 1), deleteTxn("/x"))})
	if err != nil || len(nodes) != 0 {
		t.Errorf("deleted again: %v, %v", err, nodes)
	}
	lost := map[string][]byte{"snapshot.10000000a": older, "log.10000000b": logOf(sessionTxn(1000))}
	refused(t, 1, lost, "/x", "list 7", "snapshot.10000000a")
	if _, nodes, _ := load(t, true, lost); len(nodes["/x"].ACL) != 1 || nodes["/x"].ACL[0].Perms != 0 {
		t.Errorf("a node whose list is lost is open to %v", nodes["/x"].ACL)
	}
}

// TestPartsBehindTheNodes: each of the two may be there or not, as the server was set, and nothing else may.
func TestPartsBehindTheNodes(t *testing.T) {
	digest := jute.AppendLong(jute.AppendInt(jute.AppendLong(nil, epoch1+2), 2), 77)
	last := jute.AppendLong(nil, epoch1+2)
	files := func(parts ...[]byte) map[string][]byte {
		return map[string][]byte{"snapshot.100000001": snapBytes(nil, nil, parts...), "log.100000001": logBytes(creates(epoch1, 2)...)}
	}
	for name, parts := range map[string][][]byte{"none": nil, "digest": {digest}, "last zxid": {last}, "both": {digest, last}} {
		if _, _, err := load(t, false, files(parts...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(parts) > 0 { // each has a seal, and it is looked at
			bad := files(parts...)
			snap := bad["snapshot.100000001"]
			bad["snapshot.100000001"] = flip(snap, len(snap)-sealSize-1)
			if _, _, err := load(t, true, bad); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s, a flipped bit: %v", name, err)
			}
		}
	}
	bad := files()
	bad["snapshot.100000001"] = append(bad["snapshot.100000001"], 0)
	if _, _, err := load(t, true, bad); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte too many: %v", err)
	}
}

// TestSchemes: who moves learns which schemes his ACLs name.
func TestSchemes(t *testing.T) {
	acl := []znode.ACL{{Perms: 31, Scheme: "sasl", ID: "hbase"}, {Perms: 1, Scheme: "sasl", ID: "x"}, {Perms: 1, Scheme: "world", ID: "anyone"}}
	e := logBytes(entry(epoch1+1, createTxn("/b", acl, 1)), entry(epoch1+2, createTxn("/a", acl, 2)), entry(epoch1+3, createTxn("/c", openList(), 3)))
	rep, _, err := load(t, false, map[string][]byte{"snapshot.0": fresh(t), "log.100000001": e})
	if want := (Scheme{2, "/a"}); err != nil || rep.Schemes["sasl"] != want || rep.Schemes["world"].Nodes != 7 {
		t.Errorf("%v, %+v", err, rep.Schemes)
	}
}

// TestTwoFolders: of dataDir and dataLogDir each is for one kind of files, and the other kind in it may be what matters.
func TestTwoFolders(t *testing.T) {
	e := creates(epoch1, 6)
	logs := dataDir(t, map[string][]byte{"log.100000001": logBytes(e[:3]...)})
	for name, c := range map[string]struct {
		data, logs map[string][]byte
		refused    string
	}{
		"apart":       {data: map[string][]byte{"snapshot.0": fresh(t)}, logs: map[string][]byte{"log.100000001": logBytes(e[:3]...)}},
		"older logs":  {data: map[string][]byte{"snapshot.0": fresh(t), "log.100000001": logBytes(e[:2]...)}, logs: map[string][]byte{"log.100000001": logBytes(e[:3]...)}},
		"newer logs":  {data: map[string][]byte{"snapshot.0": fresh(t), "log.100000004": logBytes(e[3:]...)}, logs: map[string][]byte{"log.100000001": logBytes(e[:3]...)}, refused: "log.100000004"},
		"newer state": {data: map[string][]byte{"snapshot.0": fresh(t)}, logs: map[string][]byte{"log.100000001": logBytes(e[:3]...), "snapshot.100000006": fresh(t)}, refused: "snapshot.100000006"},
	} {
		_, err := Load(Options{DataDir: dataDir(t, c.data), DataLogDir: dataDir(t, c.logs)}, znode.NewState(znode.Options{}))
		if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, want %q", name, err, c.refused)
		}
	}
	if _, err := Load(Options{DataDir: dataDir(t, map[string][]byte{"snapshot.0": fresh(t)}), DataLogDir: logs + "/"}, znode.NewState(znode.Options{})); err != nil {
		t.Error(err)
	}
}
