package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

func TestOpsComeBackAsTheyWent(t *testing.T) {
	acl := openACL()
	for _, op := range []znode.Op{
		{Kind: znode.KindCreate, Wire: OpCreate, Path: "/a", Data: []byte{}, ACL: acl, Mode: 99},
		{Kind: znode.KindCreate, Wire: OpCreate2, Path: "", ACL: []znode.ACL{}},
		{Kind: znode.KindCreate, Wire: OpCreateContainer, Path: "/c"},
		{Kind: znode.KindCreate, Wire: OpCreateTTL, Path: "/t", Mode: 5, TTL: -7},
		{Kind: znode.KindDelete, Wire: OpDelete, Path: "/a", Version: -1},
		{Kind: znode.KindCheck, Wire: OpCheck, Path: "/a", Version: 3},
		{Kind: znode.KindSetData, Wire: OpSetData, Path: "/a", Data: []byte("x"), Version: 2},
		{Kind: znode.KindSetACL, Wire: OpSetACL, Path: "/a", ACL: acl, Version: 1},
	} {
		b := AppendOp(nil, &op)
		r := jute.NewReader(b)
		var got znode.Op
		DecodeOp(op.Wire, &r, &got)
		if r.Err() != nil || r.Len() != 0 || !reflect.DeepEqual(got, op) {
			t.Errorf("%v, %d bytes left\n got  %+v\n want %+v", r.Err(), r.Len(), got, op)
		}
	}
}

func TestCloneOwnsItsBytes(t *testing.T) {
	op := znode.Op{Kind: znode.KindCreate, Path: "/path", Data: []byte("data"), ACL: openACL()}
	frame := AppendOp(nil, &op)
	r := jute.NewReader(frame)
	var got znode.Op
	DecodeOp(OpCreate, &r, &got)
	CloneOp(&got)
	for i := range frame {
		frame[i] = 0xff
	}
	if got.Path != "/path" || string(got.Data) != "data" || !reflect.DeepEqual(got.ACL, op.ACL) {
		t.Fatalf("the clone changed with the frame: %+v", got)
	}
}

// What ZooKeeper 3.9.5 does to parts of a multi before it judges them (MultiOperationRecord.deserialize, Op.create).
func TestMultiPartsAreRefusedOrRewrittenAsZooKeeperDoes(t *testing.T) {
	acl := openACL()
	for name, c := range map[string]struct {
		op      znode.Op
		refused bool
		wire    Opcode
		ttl     int64
	}{
		"container flag on create":         {op: znode.Op{Wire: OpCreate, ACL: acl, Mode: 4}, wire: OpCreateContainer},
		"container flag on create2":        {op: znode.Op{Wire: OpCreate2, ACL: acl, Mode: 4}, wire: OpCreateContainer},
		"createContainer of flag 0":        {op: znode.Op{Wire: OpCreateContainer, ACL: acl}, wire: OpCreateContainer},
		"ttl flag on create":               {op: znode.Op{Wire: OpCreate, ACL: acl, Mode: 5}, refused: true},
		"unknown flag":                     {op: znode.Op{Wire: OpCreate, ACL: acl, Mode: 9}, refused: true},
		"null ACL":                         {op: znode.Op{Wire: OpCreate2}, refused: true},
		"null ACL on createTTL of flag 1":  {op: znode.Op{Wire: OpCreateTTL, Mode: 1, TTL: 1}, wire: OpCreateTTL, ttl: 1},
		"null ACL on createTTL":            {op: znode.Op{Wire: OpCreateTTL, Mode: 5, TTL: 1}, wire: OpCreateTTL, ttl: 1},
		"createTTL with a nonsense ttl":    {op: znode.Op{Wire: OpCreateTTL, ACL: acl, Mode: 5, TTL: -1}, wire: OpCreateTTL, ttl: -1},
		"createTTL without a ttl flag":     {op: znode.Op{Wire: OpCreateTTL, ACL: acl, Mode: 0, TTL: 5}, wire: OpCreate},
		"createTTL with an unknown flag":   {op: znode.Op{Wire: OpCreateTTL, ACL: acl, Mode: 77, TTL: 5}, wire: OpCreateTTL, ttl: 5},
		"createTTL with a container flag":  {op: znode.Op{Wire: OpCreateTTL, ACL: acl, Mode: 4, TTL: 5}, wire: OpCreateContainer},
		"createTTL with a sequential mode": {op: znode.Op{Wire: OpCreateTTL, ACL: acl, Mode: 6, TTL: 5}, wire: OpCreateTTL, ttl: 5},
	} {
		c.op.Kind, c.op.Path = znode.KindCreate, "/p"
		r := jute.NewReader(AppendMulti(nil, []znode.Op{c.op}))
		ops := DecodeMulti(&r, nil)
		if refused := errors.Is(r.Err(), ErrOp); refused != c.refused {
			t.Errorf("%s: %v", name, r.Err())
			continue
		}
		if !c.refused && (len(ops) != 1 || ops[0].Wire != c.wire || ops[0].TTL != c.ttl) {
			t.Errorf("%s: %+v", name, ops)
		}
	}
}

// A null ACL is told from the other refusals, since it takes no zxid; an unknown flag is found before it.
func TestANullACLInAMultiIsARefusalOfItsOwn(t *testing.T) {
	for mode, own := range map[znode.Mode]bool{0: true, 1: true, 4: true, 5: true, 7: false, -1: false} {
		for _, code := range []Opcode{OpCreate, OpCreate2, OpCreateContainer} {
			r := jute.NewReader(AppendMulti(nil, []znode.Op{{Kind: znode.KindCreate, Wire: code, Path: "/p", Mode: mode}}))
			if DecodeMulti(&r, nil); errors.Is(r.Err(), ErrNullACL) != own || !errors.Is(r.Err(), ErrOp) {
				t.Errorf("%s with flags %d: %v", OpName(code), mode, r.Err())
			}
		}
	}
}

// What a multiRead that is not made of good reads is decoded to: writes alone, and null paths, are found when the part has its turn.
func TestBadPartsOfAMultiRead(t *testing.T) {
	get, write := ReadOp{Op: OpGetData, Path: "/p"}, znode.Op{Kind: znode.KindDelete, Wire: OpDelete, Path: "/p"}
	reads, writes := AppendMultiRead(nil, []ReadOp{get}), AppendMulti(nil, []znode.Op{write})
	null := append(MultiHeader{Type: OpGetData, Err: -1}.Append(nil), 0xff, 0xff, 0xff, 0xff, 0)
	nullWrite := append(MultiHeader{Type: OpDelete, Err: -1}.Append(nil), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	end := len(MultiEnd().Append(nil))
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	for name, c := range map[string]struct {
		frame   []byte
		refused bool
		bad     []bool
	}{
		"good":               {reads, false, []bool{false}},
		"a null path":        {join(null, reads), false, []bool{true, false}},
		"a write":            {writes, false, []bool{true}},
		"two writes":         {join(writes[:len(writes)-end], writes), false, []bool{true, true}},
		"a write of null":    {join(nullWrite, writes), false, []bool{true, true}},
		"a write and a read": {join(writes[:len(writes)-end], reads), true, nil},
		"a read and a write": {join(reads[:len(reads)-end], writes), true, nil},
		"a null ACL":         {AppendMulti(nil, []znode.Op{{Kind: znode.KindCreate, Wire: OpCreate, Path: "/p"}}), true, nil},
		"neither":            {MultiHeader{Type: OpExists, Err: -1}.Append(nil), true, nil},
	} {
		r := jute.NewReader(c.frame)
		var bad []bool
		for _, o := range DecodeMultiRead(&r, nil) {
			bad = append(bad, o.Bad)
		}
		if refused := errors.Is(r.Err(), ErrOp); refused != c.refused || !refused && (r.Err() != nil || !slices.Equal(bad, c.bad)) {
			t.Errorf("%s: %v, %v", name, bad, r.Err())
		}
	}
}

// A client may not send what servers keep for themselves: any client could delete any childless node, past its ACL.
func TestTheServersOwnOpcodesAreNotKnown(t *testing.T) {
	for _, code := range []Opcode{OpDeleteContainer, OpCreateSession, OpNotification, OpError} {
		if Known(code) {
			t.Errorf("%s is taken from clients", OpName(code))
		}
	}
	for _, code := range []Opcode{OpCreateContainer, OpCloseSession, OpMultiRead, OpCheckWatches} {
		if !Known(code) {
			t.Errorf("%s is not taken from clients", OpName(code))
		}
	}
}

// ZooKeeper knows setACL in no multi: the whole request is refused.
func TestSetACLIsNoPartOfAMulti(t *testing.T) {
	r := jute.NewReader(AppendMulti(nil, []znode.Op{{Kind: znode.KindSetACL, Wire: OpSetACL, Path: "/p", ACL: openACL(), Version: -1}}))
	if ops := DecodeMulti(&r, nil); !errors.Is(r.Err(), ErrOp) {
		t.Errorf("%v, %+v", r.Err(), ops)
	}
}

func TestFailedMultiMarksEveryPart(t *testing.T) {
	b := AppendMultiResult(nil, []znode.OpResult{{Wire: OpCreate}, {Wire: OpDelete, Code: znode.ErrNoNode}, {Wire: OpSetData, Code: znode.ErrRuntimeInconsistency}})
	r := jute.NewReader(b)
	var got []znode.Code
	for m := (MultiResult{}); !m.Decode(&r); {
		if m.Type != OpError {
			t.Fatalf("a part of a failed multi has type %s", OpName(m.Type))
		}
		got = append(got, m.Code)
	}
	if want := []znode.Code{0, znode.ErrNoNode, znode.ErrRuntimeInconsistency}; !reflect.DeepEqual(got, want) || r.Err() != nil {
		t.Fatalf("%v %v", got, r.Err())
	}
}

func TestFramesAreCutAtTheirLength(t *testing.T) {
	b := AppendRequest(nil, 1, OpWhoAmI, nil)
	b = AppendRequest(b, 2, OpGetACL, func(b []byte) []byte { return (&GetACLRequest{Path: "/a"}).Append(b) })
	first, rest, err := NextFrame(b, MaxFrameDefault)
	if err != nil || DescribeRequest(first) != "xid=1 whoAmI" {
		t.Fatal(DescribeRequest(first), err)
	}
	second, rest, err := NextFrame(rest, MaxFrameDefault)
	if err != nil || DescribeRequest(second) != `xid=2 getACL path="/a"` || len(rest) != 0 {
		t.Fatal(DescribeRequest(second), err)
	}
	if p, _, err := NextFrame(b[:9], MaxFrameDefault); p != nil || err != nil {
		t.Fatal("half a frame was taken for one")
	}
	for _, bad := range [][]byte{{0, 0x10, 0, 0}, {0xff, 0xff, 0xff, 0xff}} {
		if _, _, err := NextFrame(bad, MaxFrameDefault); !errors.Is(err, ErrFrameLength) {
			t.Fatalf("%x: %v", bad, err)
		}
	}
}

func TestSecretsAreNotDescribed(t *testing.T) {
	b := RequestHeader{Xid: XidAuth, Op: OpAuth}.Append(nil)
	b = (&AuthPacket{Scheme: "digest", Auth: []byte("bob:secret")}).Append(b)
	if s := DescribeRequest(b); strings.Contains(s, "secret") {
		t.Fatal(s)
	}
}

// hot is a request and a reply of each frequent kind.
func hotRequest() []byte {
	op := znode.Op{Kind: znode.KindCreate, Wire: OpCreate, Path: "/bench/n-1", Data: make([]byte, 100), ACL: openACL()}
	return AppendOp(nil, &op)
}

func TestHotPathsAllocateNothing(t *testing.T) {
	frame := hotRequest()
	get := (&PathWatch{Path: "/bench/n-1"}).Append(nil)
	multi := AppendMulti(nil, []znode.Op{{Kind: znode.KindCheck, Path: "/x"}, {Kind: znode.KindCreate, Path: "/x", ACL: openACL()}})
	var op znode.Op
	var ops []znode.Op
	out := make([]byte, 0, 1024)
	reply := DataResponse{Data: make([]byte, 100)}
	run := func() {
		r := jute.NewReader(frame)
		DecodeOp(OpCreate, &r, &op)
		r = jute.NewReader(get)
		var q PathWatch
		q.Decode(&r)
		r = jute.NewReader(multi)
		ops = DecodeMulti(&r, ops)
		out, _ = BeginFrame(out[:0])
		out = ReplyHeader{Xid: 1, Zxid: 2}.Append(out)
		out = reply.Append(out)
		EndFrame(out, 0)
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkDecodeCreate(b *testing.B) {
	frame := hotRequest()
	var op znode.Op
	b.ReportAllocs()
	for b.Loop() {
		r := jute.NewReader(frame)
		DecodeOp(OpCreate, &r, &op)
	}
}

func BenchmarkDecodeGetData(b *testing.B) {
	frame := (&PathWatch{Path: "/bench/n-1"}).Append(RequestHeader{Xid: 1, Op: OpGetData}.Append(nil))
	b.ReportAllocs()
	for b.Loop() {
		r := jute.NewReader(frame)
		var h RequestHeader
		h.Decode(&r)
		var q PathWatch
		q.Decode(&r)
	}
}

func BenchmarkAppendGetDataReply(b *testing.B) {
	out := make([]byte, 0, 1024)
	reply := DataResponse{Data: make([]byte, 100)}
	b.ReportAllocs()
	for b.Loop() {
		o, mark := BeginFrame(out)
		o = ReplyHeader{Xid: 1, Zxid: 2}.Append(o)
		o = reply.Append(o)
		EndFrame(o, mark)
	}
}

func BenchmarkDecodeMultiOfTen(b *testing.B) {
	ops := make([]znode.Op, 10)
	for i := range ops {
		ops[i] = znode.Op{Kind: znode.KindCreate, Path: "/bench/n-1", Data: make([]byte, 100), ACL: openACL()}
	}
	frame := AppendMulti(nil, ops)
	var got []znode.Op
	b.ReportAllocs()
	for b.Loop() {
		r := jute.NewReader(frame)
		got = DecodeMulti(&r, got)
	}
}

func seed(f *testing.F, dirs string) {
	for _, fr := range readFrames(f) {
		if strings.Contains(dirs, fr.dir) {
			f.Add(fr.payload, fr.op)
		}
	}
}

// FuzzRequest holds: any bytes decode or fail, and what decoded is written in a form that decodes to the same bytes again.
func FuzzRequest(f *testing.F) {
	seed(f, ">")
	f.Fuzz(func(t *testing.T, b []byte, _ int32) {
		stable(t, b, func(b []byte) ([]byte, error) { return reencodeRequest(b) })
		_ = DescribeRequest(b)
	})
}

func FuzzReply(f *testing.F) {
	seed(f, "<")
	f.Fuzz(func(t *testing.T, b []byte, op int32) {
		stable(t, b, func(b []byte) ([]byte, error) { return reencodeReply(b, op) })
		_ = DescribeReply(b, op)
	})
}

func FuzzConnect(f *testing.F) {
	seed(f, ">c <c")
	f.Fuzz(func(t *testing.T, b []byte, side int32) {
		response := side%2 == 0
		stable(t, b, func(b []byte) ([]byte, error) { return reencodeConnect(b, response) })
		_ = DescribeConnect(b, response)
	})
}

func FuzzFrame(f *testing.F) {
	f.Add(AppendRequest(nil, 1, OpWhoAmI, nil), 100)
	f.Fuzz(func(t *testing.T, b []byte, max int) {
		if max < 0 {
			return
		}
		for {
			payload, rest, err := NextFrame(b, max)
			if len(payload) > max || err == nil && payload != nil && len(payload)+4+len(rest) != len(b) {
				t.Fatal("the cut does not add up")
			}
			if payload == nil {
				return
			}
			b = rest
		}
	})
}

func stable(t *testing.T, b []byte, again func([]byte) ([]byte, error)) {
	once, err := again(b)
	if err != nil {
		return
	}
	twice, err := again(once)
	if errors.Is(err, ErrOp) {
		return // a part that was rewritten (createTTL without a TTL flag) need not be legal in its new form
	}
	if err != nil || !bytes.Equal(once, twice) {
		t.Fatalf("not stable: %v\n in    %x\n once  %x\n twice %x", err, b, once, twice)
	}
}
