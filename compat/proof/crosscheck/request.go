package crosscheck

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The opcodes of a client, as the reference documents number them (ZooDefs.OpCode). They are written down here a second time on
// purpose: a judge that shared its tables with one of the parties could not see an error in them.
const (
	opCreate          int32 = 1
	opDelete          int32 = 2
	opExists          int32 = 3
	opGetData         int32 = 4
	opSetData         int32 = 5
	opGetACL          int32 = 6
	opSetACL          int32 = 7
	opGetChildren     int32 = 8
	opSync            int32 = 9
	opPing            int32 = 11
	opGetChildren2    int32 = 12
	opCheck           int32 = 13
	opMulti           int32 = 14
	opCreate2         int32 = 15
	opReconfig        int32 = 16
	opCheckWatches    int32 = 17
	opRemoveWatches   int32 = 18
	opCreateContainer int32 = 19
	opCreateTTL       int32 = 21
	opMultiRead       int32 = 22
	opAuth            int32 = 100
	opSetWatches      int32 = 101
	opSASL            int32 = 102
	opGetEphemerals   int32 = 103
	opAllChildren     int32 = 104
	opSetWatches2     int32 = 105
	opAddWatch        int32 = 106
	opWhoAmI          int32 = 107
	opCloseSession    int32 = -11
)

// opName is the name of an opcode as people write it.
func opName(op int32) string {
	switch op {
	case opCreate:
		return "create"
	case opDelete:
		return "delete"
	case opExists:
		return "exists"
	case opGetData:
		return "getData"
	case opSetData:
		return "setData"
	case opGetACL:
		return "getACL"
	case opSetACL:
		return "setACL"
	case opGetChildren:
		return "getChildren"
	case opSync:
		return "sync"
	case opPing:
		return "ping"
	case opGetChildren2:
		return "getChildren2"
	case opCheck:
		return "check"
	case opMulti:
		return "multi"
	case opCreate2:
		return "create2"
	case opReconfig:
		return "reconfig"
	case opCheckWatches:
		return "checkWatches"
	case opRemoveWatches:
		return "removeWatches"
	case opCreateContainer:
		return "createContainer"
	case opCreateTTL:
		return "createTTL"
	case opMultiRead:
		return "multiRead"
	}
	return highOpName(op)
}

func highOpName(op int32) string {
	switch op {
	case opAuth:
		return "auth"
	case opSetWatches:
		return "setWatches"
	case opSASL:
		return "sasl"
	case opGetEphemerals:
		return "getEphemerals"
	case opAllChildren:
		return "getAllChildrenNumber"
	case opSetWatches2:
		return "setWatches2"
	case opAddWatch:
		return "addWatch"
	case opWhoAmI:
		return "whoAmI"
	case opCloseSession:
		return "closeSession"
	}
	return "opcode(" + strconv.Itoa(int(op)) + ")"
}

// Request is one request as it is meant, without what differs between two servers: the root of the run, zxids, session ids.
type Request struct {
	Op   int32
	Xid  int32 // 0: the next number of the connection, or the op's special xid
	Args []Arg
	Cut  int // bytes cut off the end of the record, so that the server finds it truncated
	More int // zero bytes behind the record, which servers ignore
}

// Arg is one field of a request.
type Arg interface {
	append(dst []byte, p place) []byte
	String() string
}

// place is what an argument needs to know of the server it is sent to.
type place struct {
	root string // stands for "~" at the front of a path
	last int64  // the newest zxid that was seen from this server
}

func (p place) path(s string) string {
	if rest, ok := strings.CutPrefix(s, "~"); ok {
		return p.root + rest
	}
	return strings.ReplaceAll(s, "/~", p.root) // below /zookeeper/quota
}

type (
	intArg  struct{ v int32 }
	longArg struct{ v int64 }
	boolArg struct{ v bool }
	strArg  struct { // a path or any other string; "~" at the front is the root of the run
		v    string
		null bool
	}
	bufArg struct {
		v    []byte
		fill int // that many bytes of the letter x instead, for large ones
	}
	aclArg struct {
		list []acl
		null bool
	}
	listArg struct {
		v    []string
		null bool
	}
	zxidArg struct { // relative to the newest zxid that was seen, or as it is
		delta int64
		fixed bool
	}
	opsArg struct{ ops []part }
)

type acl struct {
	perms      int32
	scheme, id string // either may be nullText
}

// nullText stands for a null string inside of a list, where an empty one is another thing.
const nullText = "\x00null\x00"

// part is one operation of a multi or a multiRead.
type part struct {
	op   int32
	args []Arg
}

func appendInt(dst []byte, v int32) []byte  { return binary.BigEndian.AppendUint32(dst, uint32(v)) }
func appendLong(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }
func appendStr(dst []byte, s string) []byte {
	if s == nullText {
		return appendInt(dst, -1)
	}
	return append(appendInt(dst, int32(len(s))), s...)
}
func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (a intArg) append(dst []byte, _ place) []byte  { return appendInt(dst, a.v) }
func (a longArg) append(dst []byte, _ place) []byte { return appendLong(dst, a.v) }
func (a boolArg) append(dst []byte, _ place) []byte { return appendBool(dst, a.v) }

func (a zxidArg) append(dst []byte, p place) []byte {
	if a.fixed {
		return appendLong(dst, a.delta)
	}
	return appendLong(dst, p.last+a.delta)
}

func (a strArg) append(dst []byte, p place) []byte {
	if a.null {
		return appendInt(dst, -1)
	}
	return appendStr(dst, p.path(a.v))
}

func (a bufArg) append(dst []byte, _ place) []byte {
	switch {
	case a.fill > 0:
		return appendStr(dst, strings.Repeat("x", a.fill))
	case a.v == nil:
		return appendInt(dst, -1)
	}
	return appendStr(dst, string(a.v))
}

func (a aclArg) append(dst []byte, _ place) []byte {
	if a.null {
		return appendInt(dst, -1)
	}
	dst = appendInt(dst, int32(len(a.list)))
	for _, e := range a.list {
		dst = appendStr(appendStr(appendInt(dst, e.perms), e.scheme), e.id)
	}
	return dst
}

func (a listArg) append(dst []byte, p place) []byte {
	if a.null {
		return appendInt(dst, -1)
	}
	dst = appendInt(dst, int32(len(a.v)))
	for _, s := range a.v {
		dst = appendStr(dst, p.path(s))
	}
	return dst
}

func (a opsArg) append(dst []byte, p place) []byte {
	for _, o := range a.ops {
		dst = appendInt(appendBool(appendInt(dst, o.op), false), -1)
		for _, arg := range o.args {
			dst = arg.append(dst, p)
		}
	}
	return appendInt(appendBool(appendInt(dst, -1), true), -1)
}

// appendFrame appends the request's header and record.
func (r *Request) appendFrame(dst []byte, xid int32, p place) []byte {
	dst = appendInt(appendInt(dst, xid), r.Op)
	body := len(dst)
	for _, a := range r.Args {
		dst = a.append(dst, p)
	}
	dst = dst[:max(body, len(dst)-r.Cut)]
	for range r.More {
		dst = append(dst, 0)
	}
	return dst
}

func (a intArg) String() string  { return strconv.Itoa(int(a.v)) }
func (a longArg) String() string { return strconv.FormatInt(a.v, 10) }
func (a boolArg) String() string { return map[bool]string{true: "watch", false: "-"}[a.v] }

func (a zxidArg) String() string {
	if a.fixed {
		return fmt.Sprintf("zxid(%d)", a.delta)
	}
	return fmt.Sprintf("zxid(now%+d)", a.delta)
}

func (a strArg) String() string {
	if a.null {
		return "null"
	}
	return printable(a.v)
}

func (a bufArg) String() string {
	switch {
	case a.fill > 0:
		return fmt.Sprintf("<%d bytes>", a.fill)
	case a.v == nil:
		return "null"
	}
	return strconv.Quote(string(a.v))
}

func (a aclArg) String() string {
	if a.null {
		return "acl null"
	}
	return "acl " + aclText(a.list)
}

func aclText(list []acl) string {
	s := make([]string, len(list))
	for i, e := range list {
		s[i] = fmt.Sprintf("%s:%s:%#x", printable(e.scheme), printable(e.id), e.perms)
	}
	return "[" + strings.Join(s, " ") + "]"
}

func (a listArg) String() string {
	if a.null {
		return "list null"
	}
	s := make([]string, len(a.v))
	for i, v := range a.v {
		s[i] = printable(v)
	}
	return "[" + strings.Join(s, " ") + "]"
}

func (a opsArg) String() string {
	s := make([]string, len(a.ops))
	for i, o := range a.ops {
		s[i] = opName(o.op) + "(" + argText(o.args) + ")"
	}
	return "{" + strings.Join(s, "; ") + "}"
}

func argText(args []Arg) string {
	s := make([]string, len(args))
	for i, a := range args {
		s[i] = a.String()
	}
	return strings.Join(s, ", ")
}

// String is the request in one line, as the report prints it.
func (r *Request) String() string {
	s := opName(r.Op) + "(" + argText(r.Args) + ")"
	if r.Xid != 0 {
		s += fmt.Sprintf(" xid %d", r.Xid)
	}
	if r.Cut > 0 {
		s += fmt.Sprintf(" cut by %d bytes", r.Cut)
	}
	if r.More > 0 {
		s += fmt.Sprintf(" and %d bytes more", r.More)
	}
	return s
}

// printable quotes what would not be seen as it is.
func printable(s string) string {
	switch s {
	case "":
		return `""`
	case nullText:
		return "null"
	}
	if q := strconv.Quote(s); q[1:len(q)-1] != s || strings.ContainsRune(s, ' ') {
		return q
	}
	return s
}
