package zab

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
)

// PeerID names a server of the ensemble: the N of server.N and of the myid file, 0 to 2³¹−1. The zero value names nobody, since so much begins with it;
// server.0 is [Server0]. It prints as the number.
type PeerID uint32

const (
	// Server0 names server.0.
	Server0 PeerID = 1 << 31
	// MaxServers is the largest number of servers in an ensemble: each has a byte of its own at the head of its session ids, and 0 and 0xff mean something
	// else there.
	MaxServers = 254
)

// PeerOf names the server with a number.
func PeerOf(number int64) (PeerID, error) {
	switch {
	case number < 0 || number >= int64(Server0):
		return 0, fmt.Errorf("a server's number is 0 to %d, and %d is none", int64(Server0)-1, number)
	case number == 0:
		return Server0, nil
	}
	return PeerID(number), nil
}

// Number is the N of server.N. It is 0 for nobody too: look whether the id is 0 first.
func (id PeerID) Number() int { return int(id &^ Server0) }

// Valid says whether the id names a server.
func (id PeerID) Valid() bool { return id != 0 && id <= Server0 }

// Compare orders by number; nobody comes before server.0.
func (id PeerID) Compare(other PeerID) int { return cmp.Compare(id.rank(), other.rank()) }

func (id PeerID) rank() int {
	if id == 0 {
		return -1
	}
	return id.Number()
}

// String is the number.
func (id PeerID) String() string { return strconv.Itoa(id.Number()) }

// Format prints the number, with any verb: %d of server.0 is 0.
func (id PeerID) Format(f fmt.State, verb rune) {
	if verb == 'v' || verb == 's' { // %+v, as logs have it, puts no sign in front
		io.WriteString(f, id.String())
		return
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), id.Number())
}

// MarshalJSON writes the number.
func (id PeerID) MarshalJSON() ([]byte, error) { return []byte(id.String()), nil }
