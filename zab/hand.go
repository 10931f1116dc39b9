package zab

// Owner is what a shell does with each part of a [Ready]. [Ready.Hand] calls it in the order of the contract, so that the order is written
// once, for the server that ships and for the simulators. No method may wait for a disk or a socket.
type Owner interface {
	// Persist queues a batch for the log. Once it is durable, after is sent and then [Core.Persisted] is called.
	Persist(p *Persist, after []Message)
	// EnsembleChanged tells the network whom to dial and whom to let in.
	EnsembleChanged(EnsembleChange)
	// Send sends messages that may go at once.
	Send([]Message)
	// Commit queues entries for the state machine. The slice is valid during the call, the entries for ever.
	Commit([]Entry)
	// SoftStateChanged queues a change of leadership for the state machine, behind all that was committed before it.
	SoftStateChanged(SoftState)
	// Confirmed answers a read as soon as everything up to its zxid is applied.
	Confirmed(ReadState)
	// Ship starts to send an image.
	Ship(SnapSend)
	// Deliver takes an opaque payload.
	Deliver(*Delivery)
	// Warn tells people that a vote may not count, or that the states of two servers differ.
	Warn(blank bool, mismatch []DigestMismatch)
}

// Hand gives each part of r to its owner, in the order of the contract. Whoever calls it looks at Fatal first.
//
// The log comes first, so that its write runs beside everything else. The network must know a new member before it is written to. A change
// of leadership comes behind what is committed: it says that what was proposed and has not been seen by now is in doubt, and what stands in
// the same Ready would be taken for lost. Reads come behind both: a client whose read is confirmed must not learn of a newer
// state before its server has heard who leads. Payloads of other servers come last, for some become proposals, and what they lead to
// belongs to the next Ready.
func (r *Ready) Hand(o Owner) {
	if r.Persist != nil {
		o.Persist(r.Persist, r.After)
	} else if len(r.After) > 0 {
		panic("zab: messages that wait for a batch which does not exist")
	}
	if r.Ensemble != nil {
		o.EnsembleChanged(*r.Ensemble)
	}
	if len(r.Messages) > 0 {
		o.Send(r.Messages)
	}
	if len(r.Committed) > 0 {
		o.Commit(r.Committed)
	}
	if r.Soft != nil {
		o.SoftStateChanged(*r.Soft)
	}
	for _, s := range r.Reads {
		o.Confirmed(s)
	}
	for _, s := range r.SnapSends {
		o.Ship(s)
	}
	for i := range r.Inbox {
		o.Deliver(&r.Inbox[i])
	}
	if r.Blank || len(r.Mismatch) > 0 {
		o.Warn(r.Blank, r.Mismatch)
	}
}
