package zab

import "errors"

// Errors of calls that the owner may meet in normal operation.
var (
	// ErrNotLeader: this server does not lead; forward instead.
	ErrNotLeader = errors.New("zab: not the leader")
	// ErrNotActive: there is no leader, or this server has not finished synchronization with it; wait for SoftState.Active.
	ErrNotActive = errors.New("zab: not active")
	// ErrBusy: the leader opens a new epoch, hands over its leadership, or its state machine is behind; hold the request and try again after the next Ready.
	ErrBusy = errors.New("zab: leadership is being renewed or transferred, or the state is behind")
	// ErrReconfigInProgress: one reconfiguration at a time (ZooKeeper: ReconfigInProgress, -14).
	ErrReconfigInProgress = errors.New("zab: a reconfiguration is in progress")
	// ErrNewConfigNoQuorum: no quorum of the proposed ensemble is connected and synchronized (ZooKeeper: NewConfigNoQuorum, -13).
	ErrNewConfigNoQuorum = errors.New("zab: no quorum of the new ensemble is connected and synchronized")
	// ErrReadLost: the read could not be confirmed; try again with a new ctx.
	ErrReadLost = errors.New("zab: read was not confirmed")
	// ErrAskLost: the leader or the link to it has changed before a question was answered; what it led to is unknown.
	ErrAskLost = errors.New("zab: the question was lost, or its answer")
	// ErrCompacted: the log no longer holds these entries; an image is needed.
	ErrCompacted = errors.New("zab: entries are compacted away")
	// ErrUnknownPeer: the peer is not a voter of the ensemble, or it is not connected.
	ErrUnknownPeer = errors.New("zab: unknown peer")
	// ErrLimit: the queue of forwarded requests or of reads is full.
	ErrLimit = errors.New("zab: too much in flight")
)
