package zab

import "github.com/paddock-zk/paddock/zab/zxid"

// MsgType says what a message means and which fields of it count. Names are ZooKeeper's where it has such a packet.
type MsgType uint8

// The messages. "e" is Message.Epoch. Fields that are not named are zero.
const (
	_ MsgType = iota
	// Election: could I win epoch e? Zxid = last of my history. Nothing is promised.
	MsgPreVote
	// MsgPreVoteResp: Reject, or not; e = as asked, Zxid = last of the responder, Seq = the epoch it promised, Flag = its
	// disk is blank (it may have lost what it acknowledged).
	MsgPreVoteResp
	// MsgVote (discovery, LEADERINFO): promise me epoch e. Zxid = last; Flag = by order of the leader of epoch Seq
	// (transfer or epoch roll): who has no leader above that one does not withhold.
	// It is repeated while discovery goes on and keeps the promisers quiet.
	MsgVote
	// MsgVoteResp (ACKEPOCH): Reject, or promised (durably); Zxid = last of the promiser, Seq = its promised epoch, Flag = its disk is
	// blank.
	MsgVoteResp
	// MsgPull (discovery): send me your history after Zxid, which I have.
	MsgPull
	// MsgHistory: answer to a pull; Entries after Prev, or Reject with Zxid = the greatest zxid of mine that is <= the one asked for.
	MsgHistory
	// MsgPing, leader to everyone: Commit, Zxid = last zxid sent to you, Seq = round, Ctx = number of forwards accepted from you,
	// Link = the link I know of you, Flag = I hear you, Reject = you have no vote, Prev = (the epoch in which this leadership began, 0); digest; Data = for how many
	// ticks I was paused until now, a uvarint; nothing if I was not. Only a ping makes a server follow.
	MsgPing
	// MsgPong (FOLLOWERINFO): Zxid = history up to here equals the leader's (0: not known yet), Prev = my last, Seq = round echoed,
	// Commit = the ping's Zxid echoed, Link; digest; Data = touches; Flag = I have as much to apply as I may have, send nothing more
	// for the time.
	MsgPong
	// MsgJoin (OBSERVERINFO): a server which nobody pings asks who leads. Zxid = my last.
	MsgJoin
	// MsgProposal (PROPOSAL, DIFF, TRUNC, NEWLEADER, INFORM): Entries after Prev; Commit. What the receiver has after Prev and the
	// leader has not is truncated.
	MsgProposal
	// MsgAck: durable, and equal to the leader's history, up to Zxid. Flag as in a pong. With Reject: I do not have your Prev (given back in Prev);
	// the greatest of mine that is <= it is Zxid.
	MsgAck
	// MsgCommit (COMMIT, UPTODATE): Commit.
	MsgCommit
	// MsgSnap (SNAP): an image at Zxid was received and staged; Data = the text of its ensemble, nothing if it is older than the first one of the
	// history. Flag = for a pull.
	MsgSnap
	// MsgHigher: I promised epoch Seq, which is above e. Flag = I have a leader above e.
	MsgHigher
	// MsgResign: I do not lead e any more.
	MsgResign
	// MsgTimeoutNow: campaign at once, you are to lead.
	MsgTimeoutNow
	// MsgForward (REQUEST): Payloads, the Seq-th forward of Link.
	MsgForward
	// MsgRelink: I missed a forward of Link; begin a new one.
	MsgRelink
	// MsgAsk and MsgAnswer (REVALIDATE): Ctx, Data. A question is of Link, behind its Seq-th forward.
	MsgAsk
	MsgAnswer
	// MsgReadIndex and MsgReadIndexResp (SYNC): Ctx; Zxid = read index, or Reject.
	MsgReadIndex
	MsgReadIndexResp
	// MsgDiverged, from the leader: your digest at DigestZxid differs from that of the majority, which is Digest. Seq = how many servers have
	// it, of the Ctx that were asked.
	MsgDiverged
	msgTypeEnd
)

// Bulk says whether messages of this type belong to the lane of what is large, and of what must keep its order with it. The others have a
// lane of their own, so that a heartbeat never waits behind a proposal: between lanes there is no order.
func (t MsgType) Bulk() bool {
	switch t {
	case MsgProposal, MsgCommit, MsgHistory, MsgForward, MsgSnap,
		MsgAsk: // it may be about a session: what was forwarded for that session before must not arrive behind it
		return true
	}
	return false
}

// Message is what cores say to each other. Which fields count is told by the type, and the others are zero (usedFields).
type Message struct {
	Type       MsgType
	Flag       bool
	Reject     bool
	From, To   PeerID
	Epoch      zxid.Epoch
	Zxid       zxid.ID
	Prev       zxid.ID
	Commit     zxid.ID
	Seq        uint64
	Ctx        uint64
	Link       uint64
	DigestZxid zxid.ID
	Digest     uint64
	Entries    []Entry
	Data       []byte
	Payloads   [][]byte
}
