package gossip

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/hashicorp/memberlist"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

const (
	maxPeerAddr = 300 // a name has 253 bytes at most
	maxVersion  = 40
)

// tags are the wire form of Self: short names, since all of them share 512 bytes (memberlist.MetaMaxSize). Only the peer address cannot be
// done without: a version that is too long is cut, and a client address for which there is no room is left out.
func tags(s Self) (map[string]string, error) {
	if len(s.PeerAddr) > maxPeerAddr {
		return nil, fmt.Errorf("gossip: the peer address has %d bytes, and %d is the most that can be told to others: give a shorter name, or an IP address", len(s.PeerAddr), maxPeerAddr)
	}
	t := map[string]string{
		"i": s.ID.String(), "c": s.Cluster.String(), "n": s.Incarnation.String(),
		"p": s.PeerAddr, "a": s.ClientAddr, "m": s.Member, "r": s.Role, "z": strconv.FormatInt(int64(s.Zxid), 16), "v": s.Version,
	}
	if len(s.Version) > maxVersion {
		t["v"] = s.Version[:maxVersion]
	}
	if encoded(t) > memberlist.MetaMaxSize {
		t["a"] = ""
	}
	if n := encoded(t); n > memberlist.MetaMaxSize {
		return nil, fmt.Errorf("gossip: what this server says of itself has %d bytes, and there is room for %d", n, memberlist.MetaMaxSize)
	}
	return t, nil
}

// encoded is the size of Serf's encoding (MessagePack), or a little more.
func encoded(t map[string]string) int {
	n := 1 + 3
	for k, v := range t {
		n += 1 + len(k) + 3 + len(v)
	}
	return n
}

// parse reads tags; anything that does not look like ours is refused, since anybody may have written it.
func parse(t map[string]string) (Self, error) {
	for _, v := range t {
		if !plain(v) {
			return Self{}, errors.New("a tag that cannot be printed")
		}
	}
	number, err := strconv.ParseInt(t["i"], 10, 64)
	id, bad := zab.PeerOf(number)
	if err != nil || bad != nil {
		return Self{}, errors.New("no server id")
	}
	s := Self{ID: id, PeerAddr: t["p"], ClientAddr: t["a"], Member: t["m"], Role: t["r"], Version: t["v"]}
	for _, f := range []struct {
		text string
		to   []byte
	}{{t["c"], s.Cluster[:]}, {t["n"], s.Incarnation[:]}} {
		if b, err := hex.DecodeString(f.text); err != nil || copy(f.to, b) != len(f.to) || len(b) != len(f.to) {
			return Self{}, errors.New("no cluster or incarnation")
		}
	}
	host, port, err := net.SplitHostPort(s.PeerAddr)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		return Self{}, errors.New("no peer address")
	}
	z, err := strconv.ParseInt(t["z"], 16, 64)
	if err != nil || z < 0 {
		return Self{}, errors.New("no zxid")
	}
	s.Zxid = zxid.ID(z)
	return s, nil
}

// plain says that a text is safe in a log, on a terminal and in a server line.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '|' || s[i] == ';' {
			return false
		}
	}
	return true
}
