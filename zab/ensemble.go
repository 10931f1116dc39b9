package zab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/zab/quorum"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// MemberRole says whether a member counts in quorums.
type MemberRole uint8

const (
	// Participant votes and its acks count (ZooKeeper: PARTICIPANT).
	Participant MemberRole = iota
	// Observer receives the history and counts nowhere (ZooKeeper: OBSERVER).
	Observer
)

// String is the word of the configuration text.
func (r MemberRole) String() string {
	if r == Observer {
		return "observer"
	}
	return "participant"
}

// Member is one server line of the ensemble.
type Member struct {
	ID     PeerID
	Role   MemberRole
	Addr   string // "host:quorumPort:electionPort", several joined by "|"; opaque here
	Client string // what follows ";": "clientAddr:clientPort"; may be empty; opaque here
	Weight uint32 // 1 unless a weight line says otherwise; counts only if there are groups
	Group  uint8  // 0 unless a group line says otherwise
}

// Ensemble is the membership: who votes and who observes. The zero value is "nobody".
type Ensemble struct {
	Version zxid.ID  // zxid of the reconfiguration that made it; 0 for a bootstrap configuration
	Members []Member // by ascending ID
}

// MaxEnsembleText bounds the text form, so that a damaged length cannot cost memory.
const MaxEnsembleText = 1 << 18

// Member finds a member by id.
func (e Ensemble) Member(id PeerID) (Member, bool) {
	i, ok := slices.BinarySearchFunc(e.Members, id, func(m Member, id PeerID) int { return m.ID.Compare(id) })
	if !ok {
		return Member{}, false
	}
	return e.Members[i], true
}

// Votes says whether id is a voter.
func (e Ensemble) Votes(id PeerID) bool {
	m, ok := e.Member(id)
	return ok && m.Role == Participant
}

// Quorums is the quorum system of the voters: plain majorities, or hierarchical if any member has a group.
func (e Ensemble) Quorums() quorum.System {
	var voters []quorum.Voter
	var ids []uint32
	for _, m := range e.Members {
		if m.Role == Participant {
			voters = append(voters, quorum.Voter{ID: uint32(m.ID), Weight: m.Weight, Group: m.Group})
			ids = append(ids, uint32(m.ID))
		}
	}
	if e.grouped() {
		return quorum.Groups(voters)
	}
	return quorum.Majority(ids...)
}

func (e Ensemble) grouped() bool {
	return slices.ContainsFunc(e.Members, func(m Member) bool { return m.Group != 0 })
}

// Valid checks the rules: ids by number, each once, not too many; at least one set of voters is a quorum.
func (e Ensemble) Valid() error {
	if len(e.Members) > MaxServers {
		return fmt.Errorf("zab: %d servers are more than the %d that an ensemble may have", len(e.Members), MaxServers)
	}
	var all quorum.IDs
	for i, m := range e.Members {
		if !m.ID.Valid() {
			return fmt.Errorf("zab: %d names no server", uint32(m.ID))
		}
		if i > 0 && e.Members[i-1].ID.Compare(m.ID) >= 0 {
			return fmt.Errorf("zab: server.%d is listed twice or out of order", m.ID)
		}
		all.Add(uint32(m.ID))
	}
	if q := e.Quorums(); !q.Quorum(&all) {
		return errors.New("zab: the ensemble has no voters that could form a quorum")
	}
	return nil
}

// String is ZooKeeper's text of /zookeeper/config (QuorumMaj.toString): server.N=addr:role;client lines, then group and weight
// lines if there are groups, then version=hex without a newline.
func (e Ensemble) String() string {
	var b strings.Builder
	for _, m := range e.Members {
		fmt.Fprintf(&b, "server.%d=%s:%s", m.ID, m.Addr, m.Role)
		if m.Client != "" {
			b.WriteString(";" + m.Client)
		}
		b.WriteByte('\n')
	}
	if e.grouped() {
		e.writeGroups(&b)
	}
	fmt.Fprintf(&b, "version=%x", uint64(e.Version))
	return b.String()
}

func (e Ensemble) writeGroups(b *strings.Builder) {
	for g := range 256 {
		sep := fmt.Sprintf("group.%d=", g)
		for _, m := range e.Members {
			if int(m.Group) == g {
				fmt.Fprintf(b, "%s%d", sep, m.ID)
				sep = ":"
			}
		}
		if sep == ":" {
			b.WriteByte('\n')
		}
	}
	for _, m := range e.Members {
		fmt.Fprintf(b, "weight.%d=%d\n", m.ID, m.Weight)
	}
}

// ParseEnsemble reads the text form (see [Ensemble.String]). The role may be missing (participant); unknown lines are errors.
// Group lines may list several members, "group.1=1:2:3", as in ZooKeeper.
func ParseEnsemble(text string) (Ensemble, error) {
	var e Ensemble
	if len(text) > MaxEnsembleText {
		return e, fmt.Errorf("zab: ensemble text of %d bytes is over the limit of %d", len(text), MaxEnsembleText)
	}
	groups, weights := map[PeerID]uint8{}, map[PeerID]uint32{}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := e.parseLine(line, groups, weights); err != nil {
			return Ensemble{}, fmt.Errorf("zab: ensemble line %q: %w", line, err)
		}
	}
	slices.SortFunc(e.Members, func(a, b Member) int { return a.ID.Compare(b.ID) })
	for i := range e.Members {
		e.Members[i].Group = groups[e.Members[i].ID]
	}
	if e.grouped() { // without groups weights mean nothing, in ZooKeeper too
		for i := range e.Members {
			if w, ok := weights[e.Members[i].ID]; ok {
				e.Members[i].Weight = w
			}
		}
	}
	if err := e.Valid(); err != nil {
		return Ensemble{}, err
	}
	return e, nil
}

func (e *Ensemble) parseLine(line string, groups map[PeerID]uint8, weights map[PeerID]uint32) error {
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return errors.New("no '='")
	}
	kind, num, _ := strings.Cut(key, ".")
	switch kind {
	case "version":
		v, err := strconv.ParseUint(value, 16, 63)
		e.Version = zxid.ID(v)
		return err
	case "server":
		m, err := parseMember(num, value)
		e.Members = append(e.Members, m)
		return err
	case "weight":
		id, err := parseID(num)
		if err != nil {
			return err
		}
		w, err := strconv.ParseUint(value, 10, 32)
		weights[id] = uint32(w)
		return err
	case "group":
		g, err := strconv.ParseUint(num, 10, 8)
		if err != nil {
			return err
		}
		for s := range strings.SplitSeq(value, ":") {
			id, err := parseID(s)
			if err != nil {
				return err
			}
			groups[id] = uint8(g)
		}
		return nil
	}
	return errors.New("unknown key")
}

func parseID(s string) (PeerID, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, err
	}
	return PeerOf(int64(n))
}

// parseMember reads "host:port:port[:role][;client]". Hosts may be IPv6 in brackets; only the tail is looked at.
func parseMember(num, value string) (Member, error) {
	id, err := parseID(num)
	if err != nil {
		return Member{}, err
	}
	m := Member{ID: id, Weight: 1}
	m.Addr, m.Client, _ = strings.Cut(value, ";")
	role := true
	if a, ok := strings.CutSuffix(m.Addr, ":observer"); ok {
		m.Addr, m.Role = a, Observer
	} else if a, ok := strings.CutSuffix(m.Addr, ":participant"); ok {
		m.Addr = a
	} else {
		role = false
	}
	if m.Addr == "" && !role { // a server that stands alone has no address for peers
		return Member{}, errors.New("no address")
	}
	return m, nil
}

// EncodeReconfig makes the data of an [EntryReconfig]: a 4-byte big-endian length, the ensemble's text, then the opaque rest.
func EncodeReconfig(e Ensemble, extra []byte) []byte {
	text := e.String()
	b := make([]byte, 0, 4+len(text)+len(extra))
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	b = append(b, text...)
	return append(b, extra...)
}

// DecodeReconfig is the reverse of [EncodeReconfig]; extra aliases data. Total: any bytes give a result or an error.
func DecodeReconfig(data []byte) (e Ensemble, extra []byte, err error) {
	if len(data) < 4 {
		return e, nil, errors.New("zab: reconfig entry is shorter than its length field")
	}
	n := binary.BigEndian.Uint32(data)
	if n > MaxEnsembleText || int(n) > len(data)-4 {
		return e, nil, fmt.Errorf("zab: reconfig entry names %d bytes of text and has %d", n, len(data)-4)
	}
	e, err = ParseEnsemble(string(data[4 : 4+n]))
	return e, data[4+n:], err
}
