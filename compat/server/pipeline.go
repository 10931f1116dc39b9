package server

import "fmt"

// Pipeline keeps the promises of one session: requests take effect in the order in which they were sent, a read sees the session's own
// writes before it, and replies leave in the order of the requests. It holds what cannot be answered yet; an empty Pipeline means that
// a read may run at once. It is pure: it knows neither sockets nor the state. Not safe for concurrent use.
type Pipeline struct {
	items []item
	head  int    // items before it are answered
	hold  []byte // frames of waiting reads and replies that were ready too early
	first int    // no item before it is an unanswered write
}

// itemKind is why something is in the pipeline.
type itemKind uint8

const (
	itemWrite itemKind = iota // proposed; ready when its transaction was applied, then hold has its reply
	itemRead                  // a frame that runs when it comes to the head
	itemSync                  // a frame that runs when it comes to the head and is confirmed
	itemCode                  // an error, or a body that is known already, to answer in its turn
)

// item is one request that waits.
type item struct {
	kind     itemKind
	ready    bool
	fatal    bool // close the connection behind its reply
	xid, op  int32
	code     int32
	seq      uint64 // write: Txn.Origin.Seq; sync: ticket
	from, to int    // its bytes in hold
	arrival
}

// Len is the number of requests that wait.
func (p *Pipeline) Len() int { return len(p.items) - p.head }

// arrival is what is noted of every request when it comes.
type arrival struct {
	at    int64 // when it came, ns
	large int   // its bytes, if they count against largeRequestMaxBytes; else 0
}

// Write notes a proposed write; fatal closes the connection behind its reply (closeSession).
func (p *Pipeline) Write(seq uint64, xid, op int32, fatal bool, a arrival) {
	p.items = append(p.items, item{kind: itemWrite, seq: seq, xid: xid, op: op, fatal: fatal, arrival: a})
}

// Read keeps a copy of a request frame that must wait for its turn.
func (p *Pipeline) Read(frame []byte, a arrival) { p.keep(itemRead, 0, frame, a) }

// Sync keeps a copy of a sync frame until Confirmed(ticket).
func (p *Pipeline) Sync(ticket uint64, frame []byte, a arrival) { p.keep(itemSync, ticket, frame, a) }

func (p *Pipeline) keep(kind itemKind, seq uint64, frame []byte, a arrival) {
	from := len(p.hold)
	p.hold = append(p.hold, frame...)
	p.items = append(p.items, item{kind: kind, seq: seq, arrival: a, from: from, to: len(p.hold)})
}

// Code notes an error that is answered in its turn; fatal closes the connection behind it.
func (p *Pipeline) Code(xid, op, code int32, fatal bool, a arrival) {
	p.items = append(p.items, item{kind: itemCode, xid: xid, op: op, code: code, fatal: fatal, arrival: a})
}

// Answer notes a request that is answered with this body in its turn.
func (p *Pipeline) Answer(xid, op int32, body []byte, a arrival) {
	p.keep(itemCode, 0, body, a)
	it := &p.items[len(p.items)-1]
	it.xid, it.op = xid, op
}

// Committed finds the write whose transaction was applied. Writes of one session are applied in the order in which they were proposed:
// an error says that one before it is lost, so that the promise of order is broken and the connection must end. atHead says that its
// reply may leave now; else its reply must be given to Hold.
func (p *Pipeline) Committed(seq uint64) (it *item, atHead bool, err error) {
	for i := max(p.first, p.head); i < len(p.items); i++ {
		it := &p.items[i]
		if it.kind != itemWrite || it.ready {
			continue
		}
		p.first = i
		if it.seq != seq {
			return nil, false, fmt.Errorf("write %d was applied while write %d of the same session before it was not: it is lost", seq, it.seq)
		}
		it.ready = true
		p.first = i + 1
		return it, i == p.head, nil
	}
	return nil, false, fmt.Errorf("write %d was applied and nobody waits for it", seq)
}

// Hold keeps the reply of a write that was applied before its turn.
func (p *Pipeline) Hold(it *item, reply []byte) {
	it.from = len(p.hold)
	p.hold = append(p.hold, reply...)
	it.to = len(p.hold)
}

// Confirmed marks the syncs with this ticket.
func (p *Pipeline) Confirmed(ticket uint64) {
	for i := p.head; i < len(p.items); i++ {
		if it := &p.items[i]; it.kind == itemSync && it.seq == ticket {
			it.ready = true
		}
	}
}

// Gated says whether a request waits to be confirmed. A write behind it must not be proposed yet: it could be applied before the requests
// between them are answered, and they would see what was sent after them.
func (p *Pipeline) Gated() bool {
	for i := p.head; i < len(p.items); i++ {
		if it := &p.items[i]; it.kind == itemSync && !it.ready {
			return true
		}
	}
	return false
}

// Head is the next request if it can be answered now, with its bytes: the frame of a read or sync, the reply of a write.
// The bytes are valid until the next call that adds something.
func (p *Pipeline) Head() (it *item, bytes []byte) {
	if p.head == len(p.items) {
		return nil, nil
	}
	it = &p.items[p.head]
	switch {
	case it.kind == itemRead, it.kind == itemCode, it.ready:
		return it, p.hold[it.from:it.to]
	}
	return nil, nil
}

// Pop says that the head was answered.
func (p *Pipeline) Pop() {
	p.head++
	if p.head == len(p.items) {
		p.reset()
		return
	}
	if p.head >= 64 && p.head > len(p.items)/2 {
		p.compact()
	}
}

// reset keeps modest room for reuse.
func (p *Pipeline) reset() {
	p.items, p.head, p.first = p.items[:0], 0, 0
	if p.hold = p.hold[:0]; cap(p.hold) > 64<<10 {
		p.hold = nil
	}
	if cap(p.items) > 1024 {
		p.items = nil
	}
}

// compact moves what waits to the front, so that a session that is never idle does not grow.
func (p *Pipeline) compact() {
	n := copy(p.items, p.items[p.head:])
	p.items = p.items[:n]
	p.first = max(0, p.first-p.head)
	p.head = 0
	base := len(p.hold)
	for i := range p.items {
		if it := &p.items[i]; it.to > it.from {
			base = min(base, it.from)
		}
	}
	p.hold = p.hold[:copy(p.hold, p.hold[base:])]
	for i := range p.items {
		if it := &p.items[i]; it.to > it.from {
			it.from, it.to = it.from-base, it.to-base
		} else {
			it.from, it.to = 0, 0
		}
	}
}

// Abandon is for a connection that has ended: nothing of what waits is answered. It calls unanswered with the seq of every write whose
// transaction was not applied, and reports how many requests waited and how many of their bytes counted as large.
func (p *Pipeline) Abandon(unanswered func(seq uint64)) (waited, large int) {
	p.Unanswered(unanswered)
	for i := p.head; i < len(p.items); i++ {
		large += p.items[i].large
	}
	return p.Len(), large
}

// Unanswered calls f with the seq of every write whose transaction was not applied.
func (p *Pipeline) Unanswered(f func(seq uint64)) {
	for i := p.head; i < len(p.items); i++ {
		if it := &p.items[i]; it.kind == itemWrite && !it.ready {
			f(it.seq)
		}
	}
}

// Writes is the number of writes whose outcome is unknown.
func (p *Pipeline) Writes() (n int) {
	p.Unanswered(func(uint64) { n++ })
	return n
}

// Bytes is what is kept for waiting requests.
func (p *Pipeline) Bytes() int { return len(p.hold) }
