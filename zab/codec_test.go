package zab_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

func sampleMessages(t testing.TB) []zab.Message {
	e2 := zxid.New(2, 0)
	ens := ensemble(t, "server.1=a:1:1\nserver.2=b:1:1:observer;0.0.0.0:2181\nversion=200000002")
	return []zab.Message{
		{Type: zab.MsgPreVote, From: 1, To: 2, Epoch: 3, Zxid: 77},
		{Type: zab.MsgVoteResp, From: 254, To: 1, Epoch: 1<<31 - 1, Reject: true, Seq: 9},
		{Type: zab.MsgPing, From: 1, To: 2, Epoch: 3, Flag: true, Commit: 5, Seq: 8, Ctx: 1 << 63, Link: 7, DigestZxid: 9, Digest: 10},
		{Type: zab.MsgPong, From: 1, To: 2, Epoch: 3, Data: []byte("touch")},
		{Type: zab.MsgForward, From: 2, To: 1, Payloads: [][]byte{[]byte("a"), {}, []byte("ccc")}},
		{Type: zab.MsgProposal, From: 1, To: 2, Epoch: 2, Prev: 7, Commit: 7, Entries: []zab.Entry{
			{Zxid: e2, Prev: 7, Kind: zab.EntryNewLeader, Time: -1, Data: []byte{1}},
			{Zxid: e2 + 1, Prev: e2, Kind: zab.EntryTxn, Time: 5, Data: []byte("hello")},
			{Zxid: e2 + 2, Prev: e2 + 1, Kind: zab.EntryReconfig, Data: zab.EncodeReconfig(ens, []byte("x"))}}},
		{Type: zab.MsgPing, From: zab.Server0, To: 1<<31 - 1, Epoch: 3, Flag: true, Commit: 5, Seq: 8},
		{Type: zab.MsgPing, From: 1, To: 2, Epoch: 3, Seq: 9, Data: []byte{0xac, 0x02}},
	}
}

func TestMessageCodecRoundTrip(t *testing.T) {
	for _, m := range sampleMessages(t) {
		b := zab.AppendMessage(nil, &m)
		var got zab.Message
		if err := zab.DecodeMessage(b, &got); err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("got  %+v\nwant %+v", got, m)
		}
		for i := range b { // every prefix is refused, none panics
			if err := zab.DecodeMessage(b[:i], &got); err == nil {
				t.Errorf("%v: a prefix of %d of %d bytes was accepted", m, i, len(b))
			}
		}
	}
}

// A history with a hole, a zxid that goes back or an epoch without NEWLEADER is refused at the gate.
func TestCodecRefusesBrokenHistories(t *testing.T) {
	one := zxid.New(1, 1)
	for name, es := range map[string][]zab.Entry{
		"hole before":       {{Zxid: one + 5, Prev: one + 4, Kind: zab.EntryTxn}},
		"hole inside":       {{Zxid: one + 1, Prev: one, Kind: zab.EntryTxn}, {Zxid: one + 3, Prev: one + 2, Kind: zab.EntryTxn}},
		"names another":     {{Zxid: one + 1, Prev: one - 1, Kind: zab.EntryTxn}},
		"skips a counter":   {{Zxid: one + 2, Prev: one, Kind: zab.EntryTxn}},
		"goes back":         {{Zxid: one - 1, Prev: one, Kind: zab.EntryTxn}},
		"epoch unopened":    {{Zxid: zxid.New(2, 0), Prev: one, Kind: zab.EntryTxn}},
		"opens own epoch":   {{Zxid: zxid.New(1, 0), Prev: one, Kind: zab.EntryNewLeader}},
		"future epoch":      {{Zxid: zxid.New(9, 0), Prev: one, Kind: zab.EntryNewLeader}},
		"unknown kind":      {{Zxid: one + 1, Prev: one, Kind: 9}},
		"unreadable config": {{Zxid: one + 1, Prev: one, Kind: zab.EntryReconfig, Data: []byte{0, 0, 1}}},
	} {
		m := zab.Message{Type: zab.MsgProposal, From: 1, To: 2, Epoch: 3, Prev: one, Entries: es}
		var got zab.Message
		if zab.DecodeMessage(zab.AppendMessage(nil, &m), &got) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	for _, m := range sampleMessages(f) {
		f.Add(zab.AppendMessage(nil, &m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again zab.Message
		if zab.DecodeMessage(b, &m) != nil {
			return
		}
		_ = m.String()
		b2 := zab.AppendMessage(nil, &m)
		if err := zab.DecodeMessage(b2, &again); err != nil {
			t.Fatalf("%v does not survive: %v", m, err)
		}
		if b3 := zab.AppendMessage(nil, &again); !bytes.Equal(b2, b3) {
			t.Fatalf("not canonical:\n%x\n%x", b2, b3)
		}
	})
}

func FuzzParseEnsemble(f *testing.F) {
	f.Add("server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=[::1]:1:2:observer\ngroup.1=1:2\nweight.1=3\nversion=1f")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := zab.ParseEnsemble(s)
		if err != nil {
			return
		}
		again, err := zab.ParseEnsemble(e.String())
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Fatalf("%q: %v\n%+v\n%+v", e.String(), err, e, again)
		}
	})
}

func FuzzDecodeReconfig(f *testing.F) {
	f.Add(zab.EncodeReconfig(ensemble(f, "server.1=a:1:1"), []byte("x")))
	f.Fuzz(func(t *testing.T, b []byte) { _, _, _ = zab.DecodeReconfig(b) })
}

func TestEnsembleText(t *testing.T) {
	text := "server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.3=b:1:2|c:3:4:observer\nversion=100000000"
	e := ensemble(t, text)
	if e.String() != text || !e.Votes(1) || e.Votes(3) || e.Version != zxid.New(1, 0) {
		t.Fatalf("%+v\n%s", e, e)
	}
	wide := "server.0=z:1:1:participant\nserver.255=a:1:1:participant\nserver.300=b:1:1:participant\nserver.2147483647=c:1:1:observer\nversion=0"
	if e := ensemble(t, "server.2147483647=c:1:1:observer\nserver.300=b:1:1\nserver.0=z:1:1\nserver.255=a:1:1"); e.String() != wide || !e.Votes(zab.Server0) || !e.Votes(300) || e.Votes(44) || e.Votes(0) {
		t.Fatalf("%+v\n%s", e, e)
	}
	var many strings.Builder
	for i := range 255 {
		fmt.Fprintf(&many, "server.%d=a:1:1\n", i)
	}
	for _, bad := range []string{"", "server.-1=a:1:1", "server.2147483648=a:1:1", "server.300=a:1:1\nserver.300=b:1:1", many.String(), "server.1=a\nserver.1=b", "server.1=a:1:1:observer", "nonsense", "server.1=", "foo.1=a:1:1"} {
		if _, err := zab.ParseEnsemble(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	m := sampleMessages(b)[5]
	buf := zab.AppendMessage(nil, &m)
	b.ReportAllocs()
	for b.Loop() {
		buf = zab.AppendMessage(buf[:0], &m)
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	m := sampleMessages(b)[3]
	buf := zab.AppendMessage(nil, &m)
	b.ReportAllocs()
	for b.Loop() {
		var got zab.Message
		if err := zab.DecodeMessage(buf, &got); err != nil {
			b.Fatal(err)
		}
	}
}
