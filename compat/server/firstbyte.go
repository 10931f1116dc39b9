package server

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// The first byte of a session id says which server made it, so that no two servers make the same one. In ZooKeeper it is the low byte of the server's
// number, so that 1 and 257 share it. Here it is a private record of the replicated state: the first server that claims a byte has it, and a server
// makes no session before the record is applied there. The record bears the byte, and holds the number of the server that has it. A server claims its
// own number where that is a byte (1 to 254), and where that is another server's already, or is none, the highest byte that is free and no member's
// number. 0 and 0xff are never given out: a session id is never 0, and owners of TTL nodes begin with 0xff.
const byteRecord = "session.byte."

const lastByte = 254

func byteName(b int) string { return fmt.Sprintf("%s%03d", byteRecord, b) }

// takenBytes are the first bytes that are taken, and by whom.
func takenBytes(st *znode.State) map[int]int {
	taken := map[int]int{}
	st.EachSecret(byteRecord, func(name string, data []byte) {
		b, err := strconv.Atoi(name[len(byteRecord):])
		number, bad := strconv.Atoi(string(data))
		if err == nil && bad == nil {
			taken[b] = number
		}
	})
	return taken
}

// FirstByte is the byte that a server has, as far as the state says; 0 if it has none. Of two, which it may have if a proposal of it came late, it is the
// lower.
func FirstByte(st *znode.State, id zab.PeerID) uint8 { return byteOf(takenBytes(st), id) }

func byteOf(taken map[int]int, id zab.PeerID) uint8 {
	for b := 1; b <= lastByte; b++ {
		if number, ok := taken[b]; ok && number == id.Number() {
			return uint8(b)
		}
	}
	return 0
}

var errNoByte = errors.New("each of the 254 bytes that session ids can begin with is another server's: remove servers that are not needed any more with reconfig, and stop them")

// ClaimByte is the transaction that claims a first byte for a server; nil if it has one. Whether it has got the byte shows when it is applied.
func ClaimByte(st *znode.State, id zab.PeerID, members zab.Ensemble) (*znode.Txn, error) {
	taken := takenBytes(st)
	if byteOf(taken, id) != 0 {
		return nil, nil
	}
	free := func(b int) bool { _, ok := taken[b]; return !ok }
	claim := 0
	if own := id.Number(); own >= 1 && own <= lastByte && free(own) {
		claim = own
	}
	for b := lastByte; b >= 1 && claim == 0; b-- {
		if _, member := members.Member(zab.PeerID(b)); free(b) && !member {
			claim = b
		}
	}
	for b := lastByte; b >= 1 && claim == 0; b-- { // a member that has not claimed its number yet gets another
		if free(b) {
			claim = b
		}
	}
	if claim == 0 {
		return nil, errNoByte
	}
	return &znode.Txn{Op: znode.Op{Kind: znode.KindPutSecret, Path: byteName(claim), Data: strconv.AppendInt(nil, int64(id.Number()), 10)}}, nil
}

// scarceBytes is how few free bytes make the leader look for some that nobody needs.
const scarceBytes = 16

// FreeBytes are the transactions that take bytes from servers that are gone, once few are free. needed says who is not: members, and whoever is connected.
func FreeBytes(st *znode.State, needed func(number int) bool) (txns []*znode.Txn) {
	taken := takenBytes(st)
	for b := 1; b <= lastByte && lastByte-len(taken) < scarceBytes; b++ {
		if number, ok := taken[b]; ok && !needed(number) {
			txns = append(txns, &znode.Txn{Op: znode.Op{Kind: znode.KindPutSecret, Path: byteName(b), Version: -1}})
			delete(taken, b)
		}
	}
	return txns
}

// SetFirstByte says what new session ids begin with; 0 is nothing yet, and then no session begins.
func (s *Server) SetFirstByte(b uint8) {
	x := &s.sess
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begin(b, s.opts.Clock.Wall())
}
