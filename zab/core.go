package zab

import (
	"errors"
	"math/rand/v2"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// Timing is counted in ticks. The zero value of a field means its default.
type Timing struct {
	Heartbeat    int // a leader pings every so many ticks; default 1
	Election     int // no word from a leader for 1 to 2 times as long starts a pre-vote; a leader without a quorum for as long resigns; default 10
	Pause        int // a Tick of more than this many ticks is a pause of this process; default Election/2
	DiskStepDown int // a leader whose oldest unfinished batch is older resigns; default 2*Election
	DiskFatal    int // any server whose oldest unfinished batch is older ends (Ready.Fatal); default 20*Election; negative is never
}

// Limits bound memory and messages. The zero value of a field means its default.
type Limits struct {
	BatchBytes      int    // data in one message or one Ready.Committed; default 1 MiB (one larger entry still goes alone)
	InflightBytes   int    // data sent to one learner and not acknowledged; default 16 MiB
	TailBytes       int    // data of durable entries kept in memory; default 64 MiB
	PendingReads    int    // unanswered reads; default 65536
	LastCounter     uint32 // the counter at which a new epoch is opened; default zxid.MaxCounter; tests make it small
	SnapshotsAtOnce int    // images being sent by a leader; default 3
}

// Config is what a core is made of.
type Config struct {
	ID         PeerID
	Ensemble   Ensemble // the bootstrap configuration; used only while the history knows none
	Log        Log
	Applied    zxid.ID     // the state machine has applied everything up to here; Committed goes on after it
	Generation uint32      // new epochs have at least this generation; raised by restore and import
	Rand       rand.Source // election timeouts and link numbers; seeded by the owner
	Timing     Timing
	Limits     Limits
}

// Core is one server's part of the protocol: a pure state machine. It starts no goroutine, reads no clock, does no I/O except
// reading [Log], and is not safe for concurrent use. After any call, look at HasReady.
type Core struct{}

// New starts a core from what is durable. A server that is an ensemble of its own leads in its first Ready.
func New(cfg Config) (*Core, error) { return nil, errors.New("zab: not implemented") }

// Tick says that n >= 1 ticks really have passed since the last call. n above Timing.Pause is taken as a pause of this process.
func (c *Core) Tick(n int) {}

// Step takes a message of another server. An error says why the message is nonsense (drop the link); it changed nothing.
func (c *Core) Step(m Message) error { return nil }

// HasReady says whether Ready would return anything.
func (c *Core) HasReady() bool { return false }

// Ready hands out the work (see [Ready]); call Advance before the next Ready.
func (c *Core) Ready() Ready { return Ready{} }

// Advance says that the last Ready was dealt with: its Persist is queued, Messages are sent or dropped, Committed is applied or queued in order.
func (c *Core) Advance() {}

// Persisted says that all batches up to and including seq are durable.
func (c *Core) Persisted(seq uint64) {}

// Propose gives the payloads their zxids, in order, all or none, and returns the first. nowMs is wall time; it is raised to the
// time of the entry before if the clock went back. ErrNotLeader, ErrNotActive, ErrBusy. Payloads must not change afterwards.
func (c *Core) Propose(nowMs int64, payloads [][]byte) (zxid.ID, error) { return 0, nil }

// ProposeReconfig proposes a new ensemble (its Version is set here) followed by opaque data for the state machine.
// ErrNotLeader, ErrNotActive, ErrBusy, ErrReconfigInProgress, ErrNewConfigNoQuorum.
func (c *Core) ProposeReconfig(nowMs int64, next Ensemble, extra []byte) (zxid.ID, error) {
	return 0, nil
}

// Forward sends proposals of this server's clients to the leader, in order. Works on Active followers and observers; on a leader use
// Propose. Delivery is in order and without holes while SoftState.Link stays the same. ErrNotActive, ErrLimit.
func (c *Core) Forward(payloads [][]byte) error { return nil }

// ReadIndex asks for a zxid at which a read is linearizable. ctx must never have been used in this process. The answer is a ReadState.
func (c *Core) ReadIndex(ctx uint64) error { return nil }

// Ask sends an opaque question to the leader (to itself, if it leads). It may be lost: time it out and use a new ctx.
func (c *Core) Ask(ctx uint64, data []byte) error { return nil }

// Answer sends the answer to a DeliverAsk.
func (c *Core) Answer(to PeerID, ctx uint64, data []byte) {}

// Touch sets the payload that goes to the leader with the next heartbeat answer, once; it may be lost.
func (c *Core) Touch(data []byte) {}

// SetDigest tells the digest of the state at an applied zxid. Servers compare what they have for equal zxids, so call it at
// agreed points (say, every 128th counter).
func (c *Core) SetDigest(z zxid.ID, digest uint64) {}

// Transfer hands leadership to a voter; SoftState tells how it went. It is given up after an election timeout.
func (c *Core) Transfer(to PeerID) error { return nil }

// Resign gives up leadership now; followers are told. Call it before a planned end (after Transfer, if there is time).
func (c *Core) Resign() {}

// SnapshotMeta is the meta of an image of the state at z; z must be applied and not below Log.Base.
func (c *Core) SnapshotMeta(z zxid.ID) SnapshotMeta { return SnapshotMeta{} }

// SnapMessage is the message that the receiver's shell must Step once the image is complete, verified and staged.
func (c *Core) SnapMessage(s SnapSend, meta SnapshotMeta) Message { return Message{} }

// ReportSnapshot says how a SnapSend ended.
func (c *Core) ReportSnapshot(to PeerID, z zxid.ID, ok bool) {}

// Status is for people: admin pages, logs, tests.
func (c *Core) Status() Status { return Status{} }

// Status describes a core at one moment.
type Status struct {
	ID       PeerID
	Soft     SoftState
	Promised zxid.Epoch
	Last     zxid.ID // last of the history, durable or not
	Durable  zxid.ID
	Commit   zxid.ID
	Ensemble EnsembleChange
	Learners []LearnerStatus // on a leader, by ID
}

// LearnerStatus is the leader's view of one follower or observer.
type LearnerStatus struct {
	ID      PeerID
	State   string // "probe", "stream", "snapshot"
	Voter   bool
	Acked   zxid.ID
	Sent    zxid.ID
	Silent  int // ticks since it was heard
	Commits zxid.ID
}

// EncodeReconfig and DecodeReconfig are the data of an EntryReconfig: a 4-byte big-endian length, the ensemble's text, then
// the opaque rest.
func EncodeReconfig(e Ensemble, extra []byte) []byte { return nil }

// DecodeReconfig is the reverse of EncodeReconfig; extra aliases data.
func DecodeReconfig(data []byte) (e Ensemble, extra []byte, err error) { return Ensemble{}, nil, nil }

// AppendMessage appends the binary form of m; DecodeMessage is total and aliases b.
func AppendMessage(dst []byte, m *Message) []byte { return dst }

// DecodeMessage reads exactly one message; the result aliases b.
func DecodeMessage(b []byte, m *Message) error { return errors.New("zab: not implemented") }
