package crosscheck

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/paddock-zk/paddock/compat/proof/client"
)

// Sight is one thing that was seen from a server: a reply, an event, the answer to a handshake, the end of a connection.
type Sight struct {
	Conn  int    // the slot it was seen on
	What  string // "reply", "event", "welcome", "closed", "silence", "not connected"
	Req   int    // reply: which request of its group, from 0; -1 if the xid is nobody's
	Err   int32  // reply: its error code
	Facts []Fact
}

// Fact is one field of a Sight, with what is needed to make it comparable.
type Fact struct {
	Name string
	Kind FactKind
	Num  int64  // zxid, time or session id
	At   int64  // time: the zxid of the transaction that it is the time of
	Text string // all others
}

// FactKind says what a field's value means, and so how it is compared between two servers.
type FactKind uint8

// The kinds of fact.
const (
	Plain     FactKind = iota // compared as it is
	ZxidFact                  // compared by its distance from the start of the script
	TimeFact                  // compared by which transaction it is the time of
	OwnerFact                 // a session id: compared by the label of its session
)

// scanner reads a record; after the first error it reads zeros.
type scanner struct {
	b     []byte
	bad   bool
	root  string
	facts []Fact
}

func (s *scanner) take(n int) []byte {
	if n < 0 || n > len(s.b) {
		s.bad = true
		return nil
	}
	out := s.b[:n]
	s.b = s.b[n:]
	return out
}

func (s *scanner) int() int32 {
	if b := s.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (s *scanner) long() int64 {
	if b := s.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (s *scanner) bool() bool {
	b := s.take(1)
	return b != nil && b[0] != 0
}

// bytes reads a buffer or string as text; null differs from empty.
func (s *scanner) bytes() string {
	n := s.int()
	if n == -1 && !s.bad {
		return "null"
	}
	return printable(strings.ReplaceAll(canonical(string(s.take(int(n)))), s.root, "/~"))
}

// canonical undoes what a trip through Java's strings does to bytes that are not UTF-8, where a server only echoes what it got:
// ZooKeeper sends characters beyond U+FFFF as two surrogates of three bytes each, and a replacement character for what it cannot
// decode. Paddock echoes the bytes. No node can have such a path.
func canonical(s string) string {
	if utf8.ValidString(s) && !strings.ContainsRune(s, utf8.RuneError) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if high, low := surrogate(s), surrogate(s[min(3, len(s)):]); high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 {
			b.WriteRune(utf16.DecodeRune(high, low))
			s = s[6:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		if r != utf8.RuneError {
			b.WriteRune(r)
		} else if !strings.HasSuffix(b.String(), "\ufffd") { // decoders differ in how many they put
			b.WriteRune(utf8.RuneError)
		}
	}
	return b.String()
}

// surrogate is the half of a character at the front of s, encoded as if it were one, or 0.
func surrogate(s string) rune {
	if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2]&0xc0 != 0x80 {
		return 0
	}
	return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f)
}

// count reads the length of a vector whose elements take at least size bytes each.
func (s *scanner) count(size int) (int, bool) {
	n := s.int()
	if n == -1 && !s.bad {
		return 0, true
	}
	if n < 0 || int(n) > len(s.b)/size {
		s.bad = true
		return 0, false
	}
	return int(n), false
}

func (s *scanner) fact(f Fact)             { s.facts = append(s.facts, f) }
func (s *scanner) plain(name, text string) { s.fact(Fact{Name: name, Text: text}) }

func (s *scanner) stat(prefix string) {
	czxid, mzxid, ctime, mtime := s.long(), s.long(), s.long(), s.long()
	s.fact(Fact{Name: prefix + "czxid", Kind: ZxidFact, Num: czxid})
	s.fact(Fact{Name: prefix + "mzxid", Kind: ZxidFact, Num: mzxid})
	s.fact(Fact{Name: prefix + "ctime", Kind: TimeFact, Num: ctime, At: czxid})
	s.fact(Fact{Name: prefix + "mtime", Kind: TimeFact, Num: mtime, At: mzxid})
	for _, name := range [...]string{"version", "cversion", "aversion"} {
		s.plain(prefix+name, strconv.Itoa(int(s.int())))
	}
	s.fact(Fact{Name: prefix + "ephemeralOwner", Kind: OwnerFact, Num: s.long()})
	s.plain(prefix+"dataLength", strconv.Itoa(int(s.int())))
	s.plain(prefix+"numChildren", strconv.Itoa(int(s.int())))
	s.fact(Fact{Name: prefix + "pzxid", Kind: ZxidFact, Num: s.long()})
}

// names reads a vector of strings whose order ZooKeeper leaves open (hash order): it is sorted.
func (s *scanner) names(name string) {
	n, null := s.count(4)
	list := make([]string, 0, n)
	for range n {
		list = append(list, s.bytes())
	}
	slices.Sort(list)
	text := "[" + strings.Join(list, " ") + "]"
	if null {
		text = "null"
	}
	s.plain(name, text)
}

// acls reads an ACL list. Its order is kept by ZooKeeper, and compared; but "auth" stands for a set of identities, which come in hash
// order, so neighbours with the same permissions that it may have made are sorted.
func (s *scanner) acls() {
	n, null := s.count(12)
	list := make([]string, 0, n)
	from, last := 0, ""
	for range n {
		perms := s.int()
		scheme, id := s.bytes(), s.bytes()
		if kind := fmt.Sprintf("%s:%#x", scheme, perms); kind != last || scheme != "digest" {
			from, last = len(list), kind
		}
		list = append(list, fmt.Sprintf("%s:%s:%#x", scheme, id, perms))
		slices.Sort(list[from:])
	}
	text := "[" + strings.Join(list, " ") + "]"
	if null {
		text = "null"
	}
	s.plain("acl", text)
}

// clientInfo reads whoAmI's answer, whose order is unspecified (a set): it is sorted.
func (s *scanner) clientInfo() {
	n, _ := s.count(8)
	list := make([]string, 0, n)
	for range n {
		scheme := s.bytes()
		list = append(list, scheme+":"+s.bytes())
	}
	slices.Sort(list)
	s.plain("ids", "["+strings.Join(list, " ")+"]")
}

func (s *scanner) multi() {
	for i := 0; !s.bad; i++ {
		op, done, code := s.int(), s.bool(), s.int()
		prefix := fmt.Sprintf("%d.", i)
		if done {
			if op != -1 || code != -1 {
				s.plain(prefix+"end", fmt.Sprintf("%d %d", op, code))
			}
			return
		}
		s.plain(prefix+"type", fmt.Sprintf("%d/%d", op, code))
		switch op {
		case -1:
			s.plain(prefix+"err", strconv.Itoa(int(s.int())))
		case opCreate:
			s.plain(prefix+"path", s.bytes())
		case opCreate2, opCreateContainer, opCreateTTL:
			s.plain(prefix+"path", s.bytes())
			s.stat(prefix)
		case opSetData:
			s.stat(prefix)
		case opGetData:
			s.plain(prefix+"data", s.bytes())
			s.stat(prefix)
		case opGetChildren:
			s.names(prefix + "children")
		}
	}
}

// body reads the record that answers op.
func (s *scanner) body(op int32) {
	switch op {
	case opCreate, opSync:
		s.plain("path", s.bytes())
	case opCreate2, opCreateContainer, opCreateTTL:
		s.plain("path", s.bytes())
		s.stat("")
	case opExists, opSetData, opSetACL:
		s.stat("")
	case opGetData, opReconfig:
		s.plain("data", s.bytes())
		s.stat("")
	case opGetACL:
		s.acls()
		s.stat("")
	case opGetChildren:
		s.names("children")
	case opGetChildren2:
		s.names("children")
		s.stat("")
	case opMulti, opMultiRead:
		s.multi()
	case opSASL:
		s.plain("token", s.bytes())
	case opGetEphemerals:
		s.names("ephemerals")
	case opAllChildren, opAddWatch:
		s.plain("number", strconv.Itoa(int(s.int())))
	case opWhoAmI:
		s.clientInfo()
	}
}

// readReply reads a frame as the answer to a request of op that was sent with xid.
func readReply(r client.Reply, op, xid int32, root string) []Fact {
	s := scanner{b: r.Body, root: root}
	s.plain("err", strconv.Itoa(int(r.Err)))
	if r.Xid != xid {
		s.plain("xid", fmt.Sprintf("%d instead of %d", r.Xid, xid))
	}
	s.fact(Fact{Name: "zxid", Kind: ZxidFact, Num: r.Zxid})
	switch {
	case r.Err == 0:
		s.body(op)
	case len(s.b) > 0: // a multiRead that fails as a whole has a body all the same
		s.plain("behind the error", fmt.Sprintf("%d bytes", len(s.b)))
		s.body(op)
	}
	return s.end(r.Body)
}

// readEvent reads a frame with xid -1.
func readEvent(r client.Reply, root string) []Fact {
	s := scanner{b: r.Body, root: root}
	s.plain("type", strconv.Itoa(int(s.int())))
	if state := s.int(); state != 3 {
		s.plain("state", strconv.Itoa(int(state)))
	}
	s.plain("path", s.bytes())
	s.fact(Fact{Name: "zxid", Kind: ZxidFact, Num: r.Zxid})
	if r.Err != 0 {
		s.plain("err", strconv.Itoa(int(r.Err)))
	}
	return s.end(r.Body)
}

// end adds what should not be there: bytes behind the record, or a record that ends too early.
func (s *scanner) end(body []byte) []Fact {
	switch {
	case s.bad:
		s.plain("unreadable", hex.EncodeToString(body))
	case len(s.b) > 0:
		s.plain("bytes behind", hex.EncodeToString(s.b))
	}
	return s.facts
}
