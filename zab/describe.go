package zab

import (
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Counters tell how often rare things happened in this life of a core: for metrics, and for tests that must have seen them.
type Counters struct {
	Diffs        int // learners that were synchronized by entries alone
	Truncs       int // truncations of this server's own history
	Snaps        int // images sent
	Installs     int // images taken
	HistoryPulls int // newer histories fetched in discovery
	EpochRolls   int // epochs opened without an election
	DualCommits  int // commit decisions that needed two ensembles
	DiskSteps    int // times that this server stopped leading because its disk was late
}

// Status describes a core at one moment: for admin pages, logs and tests.
type Status struct {
	ID       PeerID
	Soft     SoftState
	Why      string // reason of the last change of role
	Promised zxid.Epoch
	Last     zxid.ID // last of the history, durable or not
	Durable  zxid.ID
	Commit   zxid.ID
	Applied  zxid.ID // handed out in Committed
	Ensemble EnsembleChange
	File     FileReport       // of this server
	Awaited  []PeerID         // the voters that an empty server waits for before it founds an ensemble without them
	Learners []LearnerStatus  // on a leader, by ID
	Differ   []DigestMismatch // servers that applied the same history and hold another state
	Counters Counters
}

// LearnerStatus is the leader's view of one follower or observer.
type LearnerStatus struct {
	ID     PeerID
	State  string // "probe", "stream", "snapshot"
	Voter  bool
	Acked  zxid.ID
	Sent   zxid.ID
	Silent int // ticks since it was heard
}

// Status is for people: admin pages, logs, tests.
func (c *Core) Status() Status {
	s := Status{ID: c.cfg.ID, Soft: c.softState(), Why: c.out.why, Promised: c.hard.Promised, Last: c.hist.last, Durable: c.hist.durable,
		Commit: c.commit, Applied: c.applied, Ensemble: c.conf.change(c.commit), File: c.fileReport(), Awaited: c.awaited(), Differ: c.differences(), Counters: c.out.count}
	if c.lead != nil {
		for _, l := range c.lead.learners {
			s.Learners = append(s.Learners, LearnerStatus{ID: l.id, State: l.state.String(), Voter: c.votes(l.id), Acked: l.match,
				Sent: l.next, Silent: int(c.now - l.heard)})
		}
	}
	return s
}

// String is ZooKeeper's word for the role.
func (r Role) String() string {
	if int(r) < 4 {
		return [...]string{"LOOKING", "FOLLOWING", "LEADING", "OBSERVING"}[r]
	}
	return fmt.Sprintf("ROLE%d", uint8(r))
}

// String is one line.
func (s SoftState) String() string {
	b := s.Role.String()
	if s.Leader != 0 {
		b += fmt.Sprintf(" leader=%d epoch=%x", s.Leader, uint32(s.Epoch))
	}
	if s.Active {
		b += " active"
	}
	if s.Active && !s.Confirmed {
		b += " unconfirmed"
	}
	return b
}

// String is one line.
func (s Status) String() string {
	return fmt.Sprintf("%d %v promised=%x last=%v durable=%v commit=%v applied=%v", s.ID, s.Soft, uint32(s.Promised), s.Last, s.Durable, s.Commit, s.Applied)
}

var msgNames = [...]string{"?", "PREVOTE", "PREVOTE_RESP", "VOTE", "VOTE_RESP", "PULL", "HISTORY", "PING", "PONG", "JOIN", "PROPOSAL", "ACK",
	"COMMIT", "SNAP", "HIGHER", "RESIGN", "TIMEOUT_NOW", "FORWARD", "RELINK", "ASK", "ANSWER", "READ_INDEX", "READ_INDEX_RESP", "DIVERGED"}

// String is the name of the message.
func (t MsgType) String() string {
	if t < msgTypeEnd {
		return msgNames[t]
	}
	return fmt.Sprintf("MSG%d", uint8(t))
}

// String is one line, without payloads.
func (e Entry) String() string {
	kind := ""
	switch e.Kind {
	case EntryNewLeader:
		kind = " NEWLEADER"
	case EntryReconfig:
		kind = " RECONFIG"
	}
	return fmt.Sprintf("%v%s", e.Zxid, kind)
}

// String is one line: type, from, to, and the fields that are set.
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d->%d %v e=%x", m.From, m.To, m.Type, uint32(m.Epoch))
	add := func(name string, set bool, v any) {
		if set {
			fmt.Fprintf(&b, " %s=%v", name, v)
		}
	}
	if m.Flag {
		b.WriteString(" flag")
	}
	if m.Reject {
		b.WriteString(" reject")
	}
	add("zxid", m.Zxid != 0, m.Zxid)
	add("prev", m.Prev != 0, m.Prev)
	add("commit", m.Commit != 0, m.Commit)
	add("seq", m.Seq != 0, m.Seq)
	add("ctx", m.Ctx != 0 && m.Type != MsgPong, m.Ctx)
	add("durable", m.Ctx != 0 && m.Type == MsgPong, zxid.ID(m.Ctx))
	add("entries", len(m.Entries) > 0, m.Entries)
	add("payloads", len(m.Payloads) > 0, len(m.Payloads))
	add("data", len(m.Data) > 0, len(m.Data))
	return b.String()
}

// String tells everything there is to do, one item a line.
func (r Ready) String() string {
	var b strings.Builder
	if r.Soft != nil {
		fmt.Fprintf(&b, "soft %v\n", *r.Soft)
	}
	if r.Ensemble != nil {
		fmt.Fprintf(&b, "ensemble version=%v proposed=%v\n", r.Ensemble.Committed.Version, r.Ensemble.Proposed != nil)
	}
	if p := r.Persist; p != nil {
		fmt.Fprintf(&b, "persist #%d", p.Seq)
		if p.HardState != nil {
			fmt.Fprintf(&b, " promised=%x vote=%d commit=%v", uint32(p.HardState.Promised), p.HardState.Vote, p.HardState.Commit)
		}
		if p.Snapshot != nil {
			fmt.Fprintf(&b, " snapshot=%v from=%d", p.Snapshot.Zxid, p.Snapshot.From)
		}
		if p.Truncate != nil {
			fmt.Fprintf(&b, " truncate=%v", *p.Truncate)
		}
		fmt.Fprintf(&b, " entries=%v\n", p.Entries)
	}
	for _, m := range r.Messages {
		fmt.Fprintf(&b, "send %v\n", m)
	}
	for _, m := range r.After {
		fmt.Fprintf(&b, "send after #%d: %v\n", r.Persist.Seq, m)
	}
	if len(r.Committed) > 0 {
		fmt.Fprintf(&b, "apply %v\n", r.Committed)
	}
	for _, s := range r.Reads {
		fmt.Fprintf(&b, "read ctx=%d zxid=%v err=%v\n", s.Ctx, s.Zxid, s.Err)
	}
	for _, s := range r.SnapSends {
		fmt.Fprintf(&b, "send an image >= %v to %d\n", s.Min, s.To)
	}
	if r.Fatal != nil {
		fmt.Fprintf(&b, "fatal: %v\n", r.Fatal)
	}
	return b.String()
}
