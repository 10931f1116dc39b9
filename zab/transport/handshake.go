package transport

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
)

// Identity is what both ends of a link must agree on. The lineage is the zero value until the history of this server has one.
type Identity struct {
	lineage.Lineage
	Source lineage.ID // what the state was copied from, before its ensemble was founded; the zero value if it began empty
	ID     zab.PeerID
}

// named says whether its history has a lineage.
func (i *Identity) named() bool { return i.Lineage != (lineage.Lineage{}) }

type lane byte

const (
	laneControl lane = 1
	laneBulk    lane = 2
	laneImage   lane = 3
)

func (l lane) String() string {
	return [...]string{"unknown", "control", "bulk", "image"}[min(l, laneImage)]
}

const (
	helloName    = "PDK"
	protocol     = 3                            // its version, the byte behind the name
	helloSize    = 4 + 1 + 4 + 4 + 16 + 16 + 16 // and where the dialler may be reached
	maxWhere     = 300
	maxHandshake = 5 * time.Second
)

// hello is the first thing that either side says: who, to whom, for what, and a nonce.
type hello struct {
	lane     lane
	from, to zab.PeerID
	who      Identity
	nonce    [16]byte
	where    string // host:port of the dialler, for those that do not know it; "" says nothing
}

func (h *hello) append(dst []byte) []byte {
	dst = append(dst, helloName...)
	dst = append(dst, protocol, byte(h.lane))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.from))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.to))
	second := h.who.Incarnation
	if !h.who.named() { // without a cluster before it, it is the source of a copy
		second = h.who.Source
	}
	dst = append(dst, h.who.Cluster[:]...)
	dst = append(dst, second[:]...)
	dst = append(dst, h.nonce[:]...)
	return append(dst, h.where...)
}

func (h *hello) decode(b []byte) error {
	if len(b) < 4 || string(b[:3]) != helloName {
		return errors.New("not a Paddock peer")
	}
	if b[3] != protocol { // the rest may be of another size
		return fmt.Errorf("the other side speaks version %d of the peer protocol, this server version %d: both must run releases with the same one (docs/versions.md)", b[3], protocol)
	}
	if len(b) < helloSize || len(b) > helloSize+maxWhere {
		return fmt.Errorf("a first word of %d bytes", len(b))
	}
	be := binary.BigEndian
	h.lane, h.from, h.to = lane(b[4]), zab.PeerID(be.Uint32(b[5:])), zab.PeerID(be.Uint32(b[9:]))
	if !h.from.Valid() {
		return fmt.Errorf("a peer that is no server: %d", uint32(h.from))
	}
	h.who.ID = h.from
	copy(h.who.Cluster[:], b[13:])
	second := &h.who.Incarnation
	if h.who.Cluster == (lineage.ID{}) {
		second = &h.who.Source
	}
	copy(second[:], b[29:])
	copy(h.nonce[:], b[45:])
	h.where = string(b[helloSize:])
	return nil
}

// check says why the other side is not one of us. A server whose history has no lineage yet is known by its number and its place in the server lines
// alone: it is empty, or its ensemble is being founded. If it holds a copy of a state, what it was made of must be what the others were made of.
func (h *hello) check(me Identity) error {
	none := lineage.ID{}
	switch {
	case h.to != me.ID:
		return fmt.Errorf("server %d looks for server %d here, and this is %d: check addresses and myid", h.from, h.to, me.ID)
	case h.from == me.ID:
		return fmt.Errorf("another server has this one's id %d: check myid", me.ID)
	case !h.who.named() && h.who.Source != none && h.who.Source != me.Source && (me.named() || me.Source != none):
		return fmt.Errorf("server %d holds a state that was imported, restored or recovered, and this server began with another: give all servers folders that are made of one source, "+
			"or server %d an empty one", h.from, h.from)
	case !h.who.named() || !me.named():
		return nil
	case h.who.Cluster != me.Cluster:
		return fmt.Errorf("server %d belongs to cluster %s, this one to %s: check the server lines, or its data folder", h.from, h.who.Cluster, me.Cluster)
	case h.who.Incarnation != me.Incarnation:
		return fmt.Errorf("server %d is of incarnation %s, this one of %s: they were founded apart, or one of them was restored; restore or rebuild the other", h.from, h.who.Incarnation, me.Incarnation)
	}
	return nil
}

// credential is what each side of a link proves that it has.
type credential struct {
	secret  []byte // of the ensemble; empty proves nothing
	channel []byte // what only the two ends of this TLS connection know: a proof is good on it alone. Nil without TLS
}

// transcript is what both sides have said before their proofs.
type transcript struct{ dialled, accepted []byte }

// derive makes 32 bytes that only those can make who know the secret, have heard both hellos and are at an end of the same TLS connection. What it
// is made for is part of it: nothing that one side has shown is of use for anything else.
func (c credential) derive(what string, t transcript) []byte {
	m := hmac.New(sha256.New, c.secret)
	for _, part := range [][]byte{[]byte("paddock peer link 3 " + what), t.dialled, t.accepted, c.channel} {
		m.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		m.Write(part)
	}
	return m.Sum(nil)
}

const (
	diallersProof  = "proof of the dialler"
	acceptersProof = "proof of the accepter"
)

// greet is the dialler's side: hello →, ← hello, proof →, ← proof. It fails if either side does not know the secret.
func greet(c net.Conn, r *bufio.Reader, me Identity, where string, to zab.PeerID, l lane, cred credential) (theirs hello, said transcript, err error) {
	_ = c.SetDeadline(time.Now().Add(maxHandshake))
	defer c.SetDeadline(time.Time{})
	mine := hello{lane: l, from: me.ID, to: to, who: me, where: where}
	rand.Read(mine.nonce[:])
	said.dialled = mine.append(nil)
	if err := writeFrame(c, said.dialled); err != nil {
		return theirs, said, err
	}
	if said.accepted, err = readFrame(r, 1<<12); err != nil {
		return theirs, said, fmt.Errorf("the other side closed the link instead of answering (its log says why): %w", err)
	}
	if err := theirs.decode(said.accepted); err != nil {
		return theirs, said, err
	}
	if theirs.from != to {
		return theirs, said, fmt.Errorf("dialled server %d, server %d answered: check addresses and myid", to, theirs.from)
	}
	if err := theirs.check(me); err != nil {
		return theirs, said, err
	}
	if err := writeFrame(c, cred.derive(diallersProof, said)); err != nil {
		return theirs, said, err
	}
	shown, err := readFrame(r, 64)
	if err != nil {
		return theirs, said, fmt.Errorf("the other side closed the link when it saw this server's proof of the shared secret (its log says why): %w", err)
	}
	if !hmac.Equal(shown, cred.derive(acceptersProof, said)) {
		return theirs, said, errors.New("the other side does not know the shared secret of this ensemble")
	}
	return theirs, said, nil
}

// receive is the accepter's side. judge says why a server may not link that is one of us by what it says. The accepter shows its proof last: who cannot
// show one sees nothing that was made with the secret, and so has nothing to try guesses on.
func receive(c net.Conn, r *bufio.Reader, me Identity, cred credential, judge func(*hello) error) (theirs hello, said transcript, err error) {
	_ = c.SetDeadline(time.Now().Add(maxHandshake))
	defer c.SetDeadline(time.Time{})
	if said.dialled, err = readFrame(r, 1<<12); err != nil {
		return theirs, said, err
	}
	if err := theirs.decode(said.dialled); err != nil {
		return theirs, said, err
	}
	if err := theirs.check(me); err != nil {
		return theirs, said, err
	}
	if err := judge(&theirs); err != nil {
		return theirs, said, err
	}
	mine := hello{lane: theirs.lane, from: me.ID, to: theirs.from, who: me}
	rand.Read(mine.nonce[:])
	said.accepted = mine.append(nil)
	if err := writeFrame(c, said.accepted); err != nil {
		return theirs, said, err
	}
	shown, err := readFrame(r, 64)
	if err != nil {
		return theirs, said, fmt.Errorf("server %d went away during the handshake: %w", theirs.from, err)
	}
	if !hmac.Equal(shown, cred.derive(diallersProof, said)) {
		return theirs, said, fmt.Errorf("server %d does not know the shared secret of this ensemble", theirs.from)
	}
	return theirs, said, writeFrame(c, cred.derive(acceptersProof, said))
}

func writeFrame(c net.Conn, body []byte) error {
	b := append(beginFrame(nil), body...)
	endFrame(b, 0)
	_, err := c.Write(b)
	return err
}
