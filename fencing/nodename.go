package fencing

import (
	"strconv"
	"strings"
)

// Role is what a lock node asks for, as told by its name.
type Role uint8

const (
	// RoleNone: not a name that a known lock recipe makes.
	RoleNone Role = iota
	// RoleWriter: an exclusive lock, a write lock, or a candidate of an election.
	RoleWriter
	// RoleReader: a read lock.
	RoleReader
)

// NodeName is the reading of the name of a lock node.
type NodeName struct {
	Name       string
	Protection string // the unguessable part by which the creator finds its node again after a lost reply, or ""
	Role       Role
	Seq        int32 // the sequence suffix; negative after its wrap at 2^31
}

// ParseNodeName reads the names that ours, Curator's, kazoo's and go-zookeeper's recipes make:
//
//	_c_<id>-lock-<seq>  _c_<id>-latch-<seq>  _c_<id>-__WRIT__<seq>  _c_<id>-__READ__<seq>      Curator, go-zookeeper, ours (id: UUID or 32 hex)
//	<id>__lock__<seq>   <id>__rlock__<seq>                                                     kazoo
//	lock-<seq>          latch-<seq>     n_<seq>     and <id>-n_<seq>                           the same without protection; ZooKeeper's recipe
//
// <seq> is ten digits, or a minus sign and ten digits. Any other name has RoleNone: the recipe is unknown, so nobody can tell who holds.
func ParseNodeName(name string) NodeName {
	n := NodeName{Name: name}
	head, seq, ok := cutSequence(name)
	if !ok {
		return n
	}
	for _, known := range [...]struct {
		infix string
		role  Role
	}{{"__READ__", RoleReader}, {"__rlock__", RoleReader}, {"__WRIT__", RoleWriter}, {"__lock__", RoleWriter}, {"latch-", RoleWriter}, {"lock-", RoleWriter}, {"n_", RoleWriter}} {
		id, found := strings.CutSuffix(head, known.infix)
		if !found {
			continue
		}
		id = strings.TrimSuffix(strings.TrimPrefix(id, "_c_"), "-")
		if id != "" && !isProtection(id) {
			return n
		}
		n.Protection, n.Role, n.Seq = id, known.role, seq
		return n
	}
	return n
}

// cutSequence splits a name before its suffix of "%010d".
func cutSequence(name string) (head string, seq int32, ok bool) {
	at := len(name) - 10
	if at < 0 || !isDigits(name[at:]) {
		return "", 0, false
	}
	// The minus of a wrapped suffix follows the dash, underscore or letter that ends the recipe's own prefix.
	if at >= 2 && name[at-1] == '-' && (name[at-2] == '-' || name[at-2] == '_') {
		at--
	}
	n, err := strconv.ParseInt(name[at:], 10, 32)
	if err != nil {
		return "", 0, false
	}
	return name[:at], int32(n), true
}

func isProtection(id string) bool {
	if len(id) != 32 && len(id) != 36 {
		return false
	}
	for _, c := range id {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// Before compares two sequence suffixes as serial numbers, so that the order survives the wrap at 2^31 (H5): right as long as the nodes in one queue
// are less than 2^31 creations apart. Sorting the names as text would put a wrapped newcomer before the holder.
func (n NodeName) Before(o NodeName) bool { return int32(uint32(n.Seq)-uint32(o.Seq)) < 0 }
