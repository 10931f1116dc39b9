package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

func recordFlag() *string {
	if f := flag.Lookup("record"); f != nil {
		s := f.Value.String()
		return &s
	}
	return flag.String("record", "", "host:port of a fresh ZooKeeper 3.9.5 (reconfigEnabled, extendedTypesEnabled) to record testdata/wire from")
}

func TestMain(m *testing.M) {
	recordFlag()
	flag.Parse()
	os.Exit(m.Run())
}

// recorder plays a story against a real server and writes down what went over the wire.
type recorder struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	out  strings.Builder
	xid  int32
}

func (rec *recorder) write(dir string, payload []byte, reading string) {
	fmt.Fprintf(&rec.out, "%s %s\n= %s\n", dir, hex.EncodeToString(payload), reading)
}

func (rec *recorder) say(text string) { fmt.Fprintf(&rec.out, "\n# %s\n", text) }

func (rec *recorder) send(payload []byte) {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	if _, err := rec.conn.Write(append(b, payload...)); err != nil {
		rec.t.Fatal(err)
	}
}

func (rec *recorder) next() []byte {
	rec.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	var n [4]byte
	if _, err := io.ReadFull(rec.in, n[:]); err != nil {
		rec.t.Fatalf("%v\n%s", err, rec.out.String())
	}
	payload := make([]byte, binary.BigEndian.Uint32(n[:]))
	if _, err := io.ReadFull(rec.in, payload); err != nil {
		rec.t.Fatal(err)
	}
	return payload
}

func (rec *recorder) connect(addr string, q ConnectRequest) ConnectResponse {
	var err error
	if rec.conn, err = net.Dial("tcp", addr); err != nil {
		rec.t.Fatal(err)
	}
	rec.in = bufio.NewReader(rec.conn)
	payload := q.Append(nil)
	rec.write(">c", payload, DescribeConnect(payload, false))
	rec.send(payload)
	answer := rec.next()
	rec.write("<c", answer, DescribeConnect(answer, true))
	r := jute.NewReader(answer)
	var p ConnectResponse
	p.Decode(&r)
	return p
}

// call sends one request and writes down everything up to its reply.
func (rec *recorder) call(xid int32, op Opcode, body ...func([]byte) []byte) {
	if xid == 0 {
		rec.xid++
		xid = rec.xid
	}
	payload := RequestHeader{Xid: xid, Op: op}.Append(nil)
	for _, b := range body {
		payload = b(payload)
	}
	rec.write(">", payload, DescribeRequest(payload))
	rec.send(payload)
	for {
		answer := rec.next()
		rec.write("<", answer, DescribeReply(answer, op))
		if int32(binary.BigEndian.Uint32(answer)) != XidEvent {
			return
		}
	}
}

func path(p string) func([]byte) []byte {
	return func(b []byte) []byte { return jute.AppendText(b, p) }
}

func TestRecord(t *testing.T) {
	addr := *recordFlag()
	if f := flag.Lookup("record"); f != nil {
		addr = f.Value.String()
	}
	if addr == "" {
		t.Skip("-record=host:port of a fresh ZooKeeper 3.9.5 not given")
	}
	for name, story := range map[string]func(*recorder, string){
		"nodes": storyNodes, "multi": storyMulti, "watches": storyWatches, "sessions": storySessions, "refusals": storyRefusals,
	} {
		rec := &recorder{t: t}
		fmt.Fprintf(&rec.out, "# Recorded from ZooKeeper 3.9.5 by go test ./compat/wire -run TestRecord$ -record=host:port\n")
		story(rec, addr)
		if err := os.WriteFile("../../testdata/wire/"+name+".txt", []byte(rec.out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func openACL() []znode.ACL { return []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}} }

func storyNodes(rec *recorder, addr string) {
	rec.say("a new session, then every operation on nodes")
	rec.connect(addr, ConnectRequest{Timeout: 10000, Password: make([]byte, 16)})
	create := func(op Opcode, p string, data []byte, mode znode.Mode) {
		o := znode.Op{Kind: znode.KindCreate, Wire: op, Path: p, Data: data, ACL: openACL(), Mode: mode, TTL: 60000}
		rec.call(0, op, func(b []byte) []byte { return AppendOp(b, &o) })
	}
	create(OpCreate, "/n", []byte("data"), 0)
	rec.say("null data and empty data are two things")
	create(OpCreate2, "/n/null", nil, 0)
	create(OpCreate2, "/n/empty", []byte{}, 0)
	create(OpCreate, "/n/seq-", []byte("x"), znode.ModePersistentSequential)
	create(OpCreate2, "/n/eph", []byte("x"), znode.ModeEphemeral)
	create(OpCreateContainer, "/n/container", nil, znode.ModeContainer)
	create(OpCreateTTL, "/n/ttl", nil, znode.ModePersistentWithTTL)
	pw := func(p string, w bool) func([]byte) []byte {
		return func(b []byte) []byte { return (&PathWatch{Path: p, Watch: w}).Append(b) }
	}
	rec.call(0, OpExists, pw("/n", false))
	rec.call(0, OpExists, pw("/none", false))
	rec.call(0, OpGetData, pw("/n", false))
	rec.call(0, OpGetData, pw("/n/null", false))
	rec.call(0, OpGetData, pw("/n/empty", false))
	rec.call(0, OpGetChildren, pw("/n", false))
	rec.call(0, OpGetChildren2, pw("/n", false))
	rec.call(0, OpGetAllChildrenNumber, path("/n"))
	rec.call(0, OpSetData, func(b []byte) []byte { return (&SetDataRequest{Path: "/n", Data: []byte("new"), Version: 0}).Append(b) })
	rec.call(0, OpSetData, func(b []byte) []byte { return (&SetDataRequest{Path: "/n", Data: []byte("old"), Version: 0}).Append(b) })
	acl := append(openACL(), znode.ACL{Perms: 1, Scheme: "ip", ID: "10.0.0.0/8"})
	rec.call(0, OpSetACL, func(b []byte) []byte { return (&SetACLRequest{Path: "/n", ACL: acl, Version: -1}).Append(b) })
	rec.call(0, OpGetACL, path("/n"))
	rec.say("the path of a sync is echoed, null stays null")
	rec.call(0, OpSync, path("/n"))
	rec.call(0, OpSync, jute.AppendNull)
	rec.call(0, OpGetEphemerals, path("/n"))
	rec.call(0, OpGetEphemerals, jute.AppendNull)
	rec.call(0, OpDelete, func(b []byte) []byte { return (&DeleteRequest{Path: "/n/empty", Version: -1}).Append(b) })
	rec.call(0, OpReconfig, func(b []byte) []byte {
		return (&ReconfigRequest{Joining: []byte("server.9=h:1:2;3"), ConfigID: -1}).Append(b)
	})
	rec.call(0, OpCloseSession)
}

func storyMulti(rec *recorder, addr string) {
	rec.say("a multi that succeeds, one that fails, an empty one, and reads")
	rec.connect(addr, ConnectRequest{Timeout: 10000, Password: make([]byte, 16)})
	multi := func(ops ...znode.Op) {
		rec.call(0, OpMulti, func(b []byte) []byte { return AppendMulti(b, ops) })
	}
	create := znode.Op{Kind: znode.KindCreate, Path: "/m", ACL: openACL()}
	create2 := znode.Op{Kind: znode.KindCreate, Wire: OpCreate2, Path: "/m/2", Data: []byte("2"), ACL: openACL()}
	container := znode.Op{Kind: znode.KindCreate, Path: "/m/c", ACL: openACL(), Mode: znode.ModeContainer}
	ttl := znode.Op{Kind: znode.KindCreate, Path: "/m/t", ACL: openACL(), Mode: znode.ModePersistentWithTTL, TTL: 5000}
	set := znode.Op{Kind: znode.KindSetData, Path: "/m", Data: []byte("x"), Version: -1}
	check := znode.Op{Kind: znode.KindCheck, Path: "/m", Version: 1}
	drop := znode.Op{Kind: znode.KindDelete, Path: "/m/2", Version: -1}
	multi(create, create2, container, ttl, set, check, drop)
	multi(set, create, check)
	multi()
	rec.say("refused while decoding: a TTL flag on the plain form, setACL")
	bad := create2
	bad.Mode = znode.ModePersistentWithTTL
	multi(bad)
	multi(znode.Op{Kind: znode.KindSetACL, Path: "/m", ACL: openACL(), Version: -1})
	rec.say("a container flag on the plain form is taken as createContainer")
	plain := container
	plain.Wire, plain.Path = OpCreate, "/m/c2"
	multi(plain)
	rec.call(0, OpMultiRead, func(b []byte) []byte {
		return AppendMultiRead(b, []ReadOp{{Op: OpGetData, Path: "/m"}, {Op: OpGetChildren, Path: "/m"}, {Op: OpGetData, Path: "/none"}})
	})
	rec.call(0, OpMultiRead, func(b []byte) []byte { return AppendMultiRead(b, []ReadOp{{Op: OpExists, Path: "/m"}}) })
	rec.call(0, OpCloseSession)
}

func storyWatches(rec *recorder, addr string) {
	rec.say("watches: set by reads, added, checked, removed, set again; events come before the reply that caused them")
	rec.connect(addr, ConnectRequest{Timeout: 10000, Password: make([]byte, 16)})
	pi := func(p string, v int32) func([]byte) []byte {
		return func(b []byte) []byte { return (&PathInt{Path: p, Value: v}).Append(b) }
	}
	create := znode.Op{Kind: znode.KindCreate, Path: "/w", ACL: openACL()}
	rec.call(0, OpExists, func(b []byte) []byte { return (&PathWatch{Path: "/w", Watch: true}).Append(b) })
	rec.call(0, OpCreate, func(b []byte) []byte { return AppendOp(b, &create) })
	rec.call(0, OpAddWatch, pi("/w", AddWatchPersistent))
	rec.call(0, OpAddWatch, pi("/w", AddWatchPersistentRecursive))
	rec.call(0, OpAddWatch, pi("/w", 7))
	rec.call(0, OpSetData, func(b []byte) []byte { return (&SetDataRequest{Path: "/w", Version: -1}).Append(b) })
	rec.call(0, OpCheckWatches, pi("/w", WatcherPersistent))
	rec.call(0, OpRemoveWatches, pi("/w", WatcherAny))
	rec.call(0, OpRemoveWatches, pi("/w", WatcherAny))
	rec.say("catch-up after a reconnect: zxid -1")
	sw := SetWatches{RelativeZxid: 1, Data: jute.NewVector([]string{"/w", "/gone"}), Exist: jute.NewVector([]string{"/w"}), Child: jute.NewVector([]string{}),
		Persistent: jute.NewVector([]string{"/p"}), PersistentRecurs: jute.NewVector([]string{})}
	rec.call(XidSetWatches, OpSetWatches, func(b []byte) []byte { return sw.Append(b, OpSetWatches) })
	rec.call(XidSetWatches, OpSetWatches2, func(b []byte) []byte { return sw.Append(b, OpSetWatches2) })
	sw.Data = jute.NewVector(nil)
	rec.say("a null list")
	rec.call(XidSetWatches, OpSetWatches, func(b []byte) []byte { return sw.Append(b, OpSetWatches) })
	rec.call(0, OpCloseSession)
}

func storySessions(rec *recorder, addr string) {
	rec.say("the old handshake without the readOnly byte is answered in kind")
	p := rec.connect(addr, ConnectRequest{Timeout: 10000, Password: []byte{}, Short: true})
	rec.call(XidPing, OpPing)
	rec.say("authentication; who am I")
	rec.call(XidAuth, OpAuth, func(b []byte) []byte { return (&AuthPacket{Scheme: "digest", Auth: []byte("bob:secret")}).Append(b) })
	rec.call(0, OpWhoAmI)
	rec.say("SASL is not configured: a null token")
	rec.call(0, OpSASL, func(b []byte) []byte { return (&SASLToken{Token: []byte{}}).Append(b) })
	rec.say("the same session from another connection")
	rec.conn.Close()
	rec.connect(addr, ConnectRequest{Timeout: 20000, Session: p.Session, Password: p.Password[:]})
	rec.call(XidAuth, OpAuth, func(b []byte) []byte { return (&AuthPacket{Scheme: "nosuch", Auth: nil}).Append(b) })
	rec.say("a wrong password is a refusal: all zeros")
	rec.connect(addr, ConnectRequest{Timeout: 20000, Session: p.Session, Password: make([]byte, 16)})
	rec.connect(addr, ConnectRequest{Timeout: 20000, Session: p.Session, Password: p.Password[:]})
	rec.call(0, OpCloseSession)
}

func storyRefusals(rec *recorder, addr string) {
	rec.say("a request that ends too early is answered with -5 and the connection stays")
	rec.connect(addr, ConnectRequest{Timeout: 10000, Password: make([]byte, 16)})
	rec.call(0, OpExists, jute.AppendNull, func(b []byte) []byte { return append(b, 0) })
	rec.call(0, OpWhoAmI)
	rec.say("an opcode that does not exist: zxid -1, -6, close")
	rec.call(0, 71)
}
