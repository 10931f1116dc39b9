package zab

import (
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// A message of any type may have the fields that message.go names for it, and no other.
func TestMessagesHaveTheFieldsOfTheirTypeOnly(t *testing.T) {
	z := zxid.New(1, 1)
	set := map[fields]func(*Message){
		hasFlag:   func(m *Message) { m.Flag = true },
		hasReject: func(m *Message) { m.Reject = true },
		hasZxid:   func(m *Message) { m.Zxid = z },
		hasPrev:   func(m *Message) { m.Prev = z },
		hasCommit: func(m *Message) { m.Commit = z },
		hasSeq:    func(m *Message) { m.Seq = 1 },
		hasCtx:    func(m *Message) { m.Ctx = 1 },
		hasLink:   func(m *Message) { m.Link = 1 },
		hasDigest: func(m *Message) { m.Digest = 1 },
		hasEntries: func(m *Message) {
			m.Entries = []Entry{{Zxid: zxid.New(1, 0), Kind: EntryNewLeader}}
		},
		hasData:     func(m *Message) { m.Data = []byte{1} },
		hasPayloads: func(m *Message) { m.Payloads = [][]byte{{}} },
	}
	if len(set) != len(fieldNames) {
		t.Fatalf("%d fields are tried, there are %d", len(set), len(fieldNames))
	}
	for typ := MsgPreVote; typ < msgTypeEnd; typ++ {
		for f, put := range set {
			m := Message{Type: typ, From: 1, To: 2, Epoch: 1}
			put(&m)
			err, may := m.valid(), usedFields[typ]&f != 0
			if may != (err == nil) {
				t.Errorf("%v with %v: %v", typ, f, err)
			}
			if !may && err != nil && (!strings.Contains(err.Error(), typ.String()) || !strings.Contains(err.Error(), f.String())) {
				t.Errorf("%v does not name %v and %v", err, typ, f)
			}
		}
	}
}
