package lock

import (
	"encoding/binary"
	"time"
)

// trust knows since when the server must have heard from us, from the frames on the wire alone: a reply proves that its request had arrived, and the request cannot have arrived
// before it was sent. Sans I/O: time is passed in.
//
// Invariant: the server that we are attached to heard from the session at heard or later.
type trust struct {
	heard    time.Duration   // when the newest answered request was sent
	pings    []time.Duration // unanswered pings of this connection, oldest first
	requests []time.Duration // unanswered requests of this connection, oldest first
}

// trustParts of the timeout a session is trusted after heard: 2/3. A follower tells the leader of its sessions' life every half tick, and a tick is at most half of the
// shortest session timeout, so the leader may count from up to 1/4 of the timeout before; the rest is for drifting clocks.
const trustNumerator, trustDenominator = 2, 3

// xid values with a meaning of their own.
const (
	xidEvent = -1
	xidPing  = -2
)

func (t *trust) connected() { t.pings, t.requests = nil, nil }

func (t *trust) wrote(xid int32, now time.Duration) {
	if xid == xidPing {
		t.pings = append(t.pings, now)
	} else {
		t.requests = append(t.requests, now)
	}
}

// answered takes the reply with this xid; it reports whether the server is now known to have heard later than before.
func (t *trust) answered(xid int32) bool {
	q := &t.requests
	switch xid {
	case xidEvent:
		return false
	case xidPing:
		q = &t.pings
	}
	if len(*q) == 0 {
		return false
	}
	sent := (*q)[0]
	*q = (*q)[1:]
	if sent <= t.heard {
		return false
	}
	t.heard = sent
	return true
}

// until is the moment up to which a session with this timeout may be believed to live.
func (t *trust) until(timeout time.Duration) time.Duration {
	return t.heard + timeout*trustNumerator/trustDenominator
}

// framer finds the frames in one direction of a connection, whatever the pieces in which the bytes come. Total on any input.
type framer struct {
	head  [4 + headLen]byte // length, then the beginning of the body
	have  int               // bytes of head that are filled
	rest  int64             // bytes of the body still to come after head
	count int64             // frames seen
}

// headLen is how much of a body is looked at: xid of a request or reply; version, timeout and session id of a handshake's reply.
const headLen = 16

// feed calls each for every frame whose head is complete, with up to headLen bytes of its body and the number of the frame on this connection, from 0.
func (f *framer) feed(b []byte, each func(head []byte, n int64)) {
	for len(b) > 0 {
		if f.rest > 0 {
			n := min(int64(len(b)), f.rest)
			b, f.rest = b[n:], f.rest-n
			continue
		}
		want := 4
		if f.have >= 4 {
			want = 4 + int(min(headLen, binary.BigEndian.Uint32(f.head[:4])))
		}
		n := copy(f.head[f.have:want], b)
		f.have, b = f.have+n, b[n:]
		if f.have < want || want == 4 && binary.BigEndian.Uint32(f.head[:4]) > 0 {
			continue
		}
		each(f.head[4:want], f.count)
		f.rest = int64(binary.BigEndian.Uint32(f.head[:4])) - int64(want-4)
		f.have, f.count = 0, f.count+1
	}
}
