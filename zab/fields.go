package zab

import "strings"

// fields are fields of a [Message]. Type, From, To and Epoch count in every message; which of the others do is told by its type.
type fields uint16

const (
	hasFlag fields = 1 << iota
	hasReject
	hasZxid
	hasPrev
	hasCommit
	hasSeq
	hasCtx
	hasLink
	hasDigest // DigestZxid and Digest
	hasEntries
	hasData
	hasPayloads
)

var fieldNames = [...]string{"Flag", "Reject", "Zxid", "Prev", "Commit", "Seq", "Ctx", "Link", "Digest", "Entries", "Data", "Payloads"}

// usedFields says for each type which fields it may have. What they mean stands with the types. All others are zero: a message that has more is
// the mistake of a program, or bytes that happen to have the right checksum.
var usedFields = [msgTypeEnd]fields{
	MsgPreVote:       hasZxid,
	MsgPreVoteResp:   hasReject | hasZxid | hasSeq | hasFlag,
	MsgVote:          hasZxid | hasFlag | hasSeq,
	MsgVoteResp:      hasReject | hasZxid | hasSeq | hasFlag,
	MsgPull:          hasZxid,
	MsgHistory:       hasPrev | hasEntries | hasReject | hasZxid | hasFlag,
	MsgPing:          hasCommit | hasZxid | hasSeq | hasCtx | hasLink | hasFlag | hasReject | hasPrev | hasDigest | hasData,
	MsgPong:          hasFlag | hasZxid | hasPrev | hasSeq | hasCommit | hasCtx | hasLink | hasDigest | hasData,
	MsgJoin:          hasZxid,
	MsgProposal:      hasPrev | hasCommit | hasEntries,
	MsgAck:           hasFlag | hasZxid | hasReject | hasPrev,
	MsgCommit:        hasCommit,
	MsgSnap:          hasZxid | hasData | hasFlag,
	MsgHigher:        hasSeq | hasFlag,
	MsgResign:        0,
	MsgTimeoutNow:    0,
	MsgForward:       hasPayloads | hasSeq | hasLink,
	MsgRelink:        hasLink,
	MsgAsk:           hasCtx | hasData | hasLink | hasSeq,
	MsgAnswer:        hasCtx | hasData,
	MsgReadIndex:     hasCtx,
	MsgReadIndexResp: hasCtx | hasZxid | hasReject,
	MsgDiverged:      hasDigest | hasSeq | hasCtx,
}

// fields are those that are not zero.
func (m *Message) fields() (f fields) {
	set := func(on bool, b fields) {
		if on {
			f |= b
		}
	}
	set(m.Flag, hasFlag)
	set(m.Reject, hasReject)
	set(m.Zxid != 0, hasZxid)
	set(m.Prev != 0, hasPrev)
	set(m.Commit != 0, hasCommit)
	set(m.Seq != 0, hasSeq)
	set(m.Ctx != 0, hasCtx)
	set(m.Link != 0, hasLink)
	set(m.DigestZxid != 0 || m.Digest != 0, hasDigest)
	set(len(m.Entries) > 0, hasEntries)
	set(len(m.Data) > 0, hasData)
	set(len(m.Payloads) > 0, hasPayloads)
	return f
}

// String names the fields.
func (f fields) String() string {
	var names []string
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
