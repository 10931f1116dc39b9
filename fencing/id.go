package fencing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// ID is one of the 16-byte names that a token is bound to: cluster, incarnation or scope. IDs are compared for equality only.
type ID [16]byte

// idTextLen is the length of an ID as text: 128 bits in base 32 without padding.
const idTextLen = 26

// IsZero reports whether the id was never set; no valid token carries a zero id.
func (id ID) IsZero() bool { return id == ID{} }

// String is 26 characters of lower-case base 32 ("extended hex" alphabet, so that text sorts like the bytes).
func (id ID) String() string { return string(id.appendText(make([]byte, 0, idTextLen))) }

func (id ID) appendText(dst []byte) []byte {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	var acc, bits uint
	for _, b := range id {
		acc = acc<<8 | uint(b)
		for bits += 8; bits >= 5; bits -= 5 {
			dst = append(dst, digits[acc>>(bits-5)&31])
		}
	}
	return append(dst, digits[acc<<(5-bits)&31])
}

// MarshalText is String.
func (id ID) MarshalText() ([]byte, error) { return id.appendText(nil), nil }

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(b []byte) error {
	v, err := ParseID(string(b))
	if err == nil {
		*id = v
	}
	return err
}

// ParseID reads an id in its own text form (26 characters), as a UUID (36 characters with dashes), or as 32 hex digits. Errors are *Malformed.
func ParseID(s string) (ID, error) {
	var id ID
	switch len(s) {
	case idTextLen:
		return parseBase32(s)
	case 36:
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return ID{}, malformed("id %q has the length of a UUID but not its dashes", s)
		}
		s = strings.ReplaceAll(s, "-", "")
		fallthrough
	case 32:
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != len(id) {
			return ID{}, malformed("id %q is not hexadecimal", s)
		}
		copy(id[:], b)
		return id, nil
	}
	return ID{}, malformed("an id has 26 characters (base 32), 32 (hex) or 36 (UUID), this one has %d", len(s))
}

func parseBase32(s string) (ID, error) {
	var id ID
	var acc, bits uint
	n := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			acc = acc<<5 | uint(c-'0')
		case 'a' <= c && c <= 'v':
			acc = acc<<5 | uint(c-'a'+10)
		default:
			return ID{}, malformed("id %q is not base 32 (digits 0-9 and a-v, lower case)", s)
		}
		if bits += 5; bits >= 8 {
			bits -= 8
			id[n] = byte(acc >> bits)
			n++
		}
	}
	if acc&(1<<bits-1) != 0 {
		return ID{}, malformed("id %q has bits set after its 128th", s)
	}
	return id, nil
}

// Lineage says which history of which ensemble a number belongs to. Cluster is fixed when the ensemble is first started; Incarnation changes
// with every restore, rebuild or forced recovery, so that two copies of one backup can be told apart (H7-H11 in the design notes). Paddock
// shows it at /zookeeper/lineage; with a stock ZooKeeper the operator chooses both and must change Incarnation after every restore.
type Lineage struct {
	Cluster     ID `json:"cluster"`
	Incarnation ID `json:"incarnation"`
}

// Valid reports, as *Malformed, a lineage with an id that was never set.
func (l Lineage) Valid() error {
	if l.Cluster.IsZero() || l.Incarnation.IsZero() {
		return malformed("a lineage needs a cluster and an incarnation that are not zero (Paddock shows them at /zookeeper/lineage; for a stock ZooKeeper choose two random ids and change the incarnation after every restore)")
	}
	return nil
}

// ParseLineage reads the JSON text of /zookeeper/lineage: {"cluster": "...", "incarnation": "..."}; further members are ignored. Errors are *Malformed.
func ParseLineage(b []byte) (Lineage, error) {
	var l Lineage
	if err := json.Unmarshal(b, &l); err != nil {
		return Lineage{}, malformed("lineage: %v", err)
	}
	return l, l.Valid()
}

// ScopeOf is the scope of the lock at an absolute path (the lock's own path, after chroot expansion; not the path of a node in its queue).
// Two clients that see one lock under two chroots must both pass the full path. Errors are *Malformed.
func ScopeOf(cluster ID, lockPath string) (ID, error) {
	return scopeOf("paddock/fencing/scope/v1/zxid\x00", cluster, lockPath)
}

// PairScopeOf is the scope of tokens made by FromParent. It differs from ScopeOf, since the two numberings of one lock are not comparable:
// tokens of both kinds for one path never meet in one watermark.
func PairScopeOf(cluster ID, lockPath string) (ID, error) {
	return scopeOf("paddock/fencing/scope/v1/pair\x00", cluster, lockPath)
}

func scopeOf(domain string, cluster ID, lockPath string) (ID, error) {
	if err := validLockPath(lockPath); err != nil {
		return ID{}, err
	}
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write(cluster[:])
	h.Write([]byte(lockPath))
	return ID(h.Sum(nil)[:16]), nil
}

// validLockPath accepts one spelling of a path only, so that one lock has one scope.
func validLockPath(p string) error {
	if len(p) < 2 || p[0] != '/' {
		return malformed("lock path %q: give the absolute path, after chroot, such as /locks/job", p)
	}
	for _, part := range strings.Split(p[1:], "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
			return malformed("lock path %q: an empty, relative or zero part; a lock has one spelling only", p)
		}
	}
	return nil
}
