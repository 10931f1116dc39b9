package transport

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

const (
	helloMagic   = "PDK\x02"                    // protocol version 2
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
	dst = append(dst, helloMagic...)
	dst = append(dst, byte(h.lane))
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
	if len(b) < helloSize || len(b) > helloSize+maxWhere || string(b[:4]) != helloMagic {
		return errors.New("not a Paddock peer of this protocol version")
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

// proof shows that one side knows the secret and has seen both hellos.
func proof(secret []byte, side string, dialled, accepted []byte) []byte {
	m := hmac.New(sha256.New, secret)
	io.WriteString(m, "paddock peer link 2 "+side)
	m.Write(dialled)
	m.Write(accepted)
	return m.Sum(nil)
}

// greet is the dialler's side: hello →, ← hello and proof, proof →, ← ok. It fails if either side does not know the secret.
func greet(c net.Conn, r *bufio.Reader, me Identity, where string, to zab.PeerID, l lane, secret []byte) (theirs hello, err error) {
	_ = c.SetDeadline(time.Now().Add(maxHandshake))
	defer c.SetDeadline(time.Time{})
	mine := hello{lane: l, from: me.ID, to: to, who: me, where: where}
	rand.Read(mine.nonce[:])
	dialled := mine.append(nil)
	if err := writeFrame(c, dialled); err != nil {
		return theirs, err
	}
	accepted, err := readFrame(r, 1<<12)
	if err != nil {
		return theirs, fmt.Errorf("the other side closed the link instead of answering (its log says why): %w", err)
	}
	if err := theirs.decode(accepted); err != nil {
		return theirs, err
	}
	if theirs.from != to {
		return theirs, fmt.Errorf("dialled server %d, server %d answered: check addresses and myid", to, theirs.from)
	}
	if err := theirs.check(me); err != nil {
		return theirs, err
	}
	shown, err := readFrame(r, 64)
	if err != nil {
		return theirs, err
	}
	if !hmac.Equal(shown, proof(secret, "accepter", dialled, accepted)) {
		return theirs, errors.New("the other side does not know the shared secret of this ensemble")
	}
	return theirs, writeFrame(c, proof(secret, "dialler", dialled, accepted))
}

// receive is the accepter's side. known says whether an id belongs to the ensemble, or may join it; all lets in whoever says where it is.
func receive(c net.Conn, r *bufio.Reader, me Identity, secret []byte, known func(zab.PeerID) bool, all bool) (hello, error) {
	_ = c.SetDeadline(time.Now().Add(maxHandshake))
	defer c.SetDeadline(time.Time{})
	var theirs hello
	dialled, err := readFrame(r, 1<<12)
	if err != nil {
		return theirs, err
	}
	if err := theirs.decode(dialled); err != nil {
		return theirs, err
	}
	if err := theirs.check(me); err != nil {
		return theirs, err
	}
	if !known(theirs.from) && !(all && theirs.where != "") {
		return theirs, fmt.Errorf("server %d is not in the ensemble", theirs.from)
	}
	mine := hello{lane: theirs.lane, from: me.ID, to: theirs.from, who: me}
	rand.Read(mine.nonce[:])
	accepted := mine.append(nil)
	if err := writeFrame(c, accepted); err != nil {
		return theirs, err
	}
	if err := writeFrame(c, proof(secret, "accepter", dialled, accepted)); err != nil {
		return theirs, err
	}
	shown, err := readFrame(r, 64)
	if err != nil {
		return theirs, fmt.Errorf("server %d went away during the handshake: %w", theirs.from, err)
	}
	if !hmac.Equal(shown, proof(secret, "dialler", dialled, accepted)) {
		return theirs, fmt.Errorf("server %d does not know the shared secret of this ensemble", theirs.from)
	}
	return theirs, nil
}

func writeFrame(c net.Conn, body []byte) error {
	b := append(beginFrame(nil), body...)
	endFrame(b, 0)
	_, err := c.Write(b)
	return err
}
