package fencing

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strconv"
)

// Mode says what a grant allows.
type Mode byte

const (
	// Exclusive grants write; their tokens raise the watermark.
	Exclusive Mode = 'x'
	// Shared grants read; their tokens are checked against the last writer's and never raise the watermark, since readers with lower
	// tokens may hold the lock at the same time (H27).
	Shared Mode = 's'
)

// String is "x" or "s".
func (m Mode) String() string { return string(rune(m)) }

// Token is the proof of one grant of one lock: who grants later has a larger (Fence, Sub).
//
// Fence is a zxid: the czxid of the holder's own lock node, the mzxid of a fence node, or (for pair tokens) the czxid of the lock's parent. It is compared
// whole and never decoded. Sub is 0, or the cversion of a pair token. Nothing but (Fence, Sub) is ordered. Audit is for people and logs:
// it is not part of the text and binary forms and is never compared.
type Token struct {
	Cluster     ID
	Incarnation ID
	Scope       ID
	Fence       int64 // > 0
	Sub         uint32
	Mode        Mode
	Audit       Audit
}

// Audit tells a person where a token came from.
type Audit struct {
	Path    string // of the lock
	Node    string // name of the lock node
	Session int64  // of the holder
	Op      uint64 // optional number of the operation within the grant, chosen by the holder (H25)
}

// Sizes of the encoded forms. All tokens have the same size, so text and binary forms sort like the grants within one lineage and scope.
const (
	TextLen   = 4 + 3*(idTextLen+1) + 24 + 1 + 1
	BinaryLen = 1 + 3*16 + 8 + 4 + 1

	textPrefix    = "zk1."
	binaryVersion = 1
)

// Valid reports, as *Malformed, what makes a token unusable: a zero id, a fence that is not positive, an unknown mode.
func (t Token) Valid() error {
	switch {
	case t.Fence <= 0:
		return malformed("fence %d: a zxid is positive", t.Fence)
	case t.Mode != Exclusive && t.Mode != Shared:
		return malformed("mode %q: x (exclusive) or s (shared)", byte(t.Mode))
	case t.Cluster.IsZero():
		return malformed("cluster is zero")
	case t.Incarnation.IsZero():
		return malformed("incarnation is zero")
	case t.Scope.IsZero():
		return malformed("scope is zero")
	}
	return nil
}

// Order is the ordered value as fixed-width hex: 16 digits of Fence, 8 of Sub.
func (t Token) Order() string { return string(appendOrder(nil, t.Fence, t.Sub)) }

// Compare orders two tokens of one lineage and scope: -1, 0 (the same grant) or +1. It panics when they are not comparable: numbers of another
// lock, cluster or incarnation mean nothing to each other.
func (t Token) Compare(o Token) int {
	if t.Cluster != o.Cluster || t.Incarnation != o.Incarnation || t.Scope != o.Scope {
		panic("fencing: Compare of tokens of different lineage or scope")
	}
	return compareOrder(t.Fence, t.Sub, o.Fence, o.Sub)
}

func compareOrder(f1 int64, s1 uint32, f2 int64, s2 uint32) int {
	if c := cmp.Compare(f1, f2); c != 0 {
		return c
	}
	return cmp.Compare(s1, s2)
}

// generation is the part of a zxid that an orderly restore of Paddock raises by one (7 bits). Used for nothing but the plausibility limit.
func generation(fence int64) uint8 { return uint8(uint64(fence) >> 56) }

func (t Token) name() string {
	if t.Audit.Path != "" {
		return t.Audit.Path
	}
	return "scope " + t.Scope.String()
}

// String is the text form: zk1.<cluster>.<incarnation>.<scope>.<fence and sub>.<mode>, always TextLen characters of lower-case ASCII.
func (t Token) String() string { return string(t.AppendText(make([]byte, 0, TextLen))) }

// AppendText appends the text form to dst.
func (t Token) AppendText(dst []byte) []byte {
	dst = append(dst, textPrefix...)
	for _, id := range [...]ID{t.Cluster, t.Incarnation, t.Scope} {
		dst = append(id.appendText(dst), '.')
	}
	dst = appendOrder(dst, t.Fence, t.Sub)
	return append(dst, '.', byte(t.Mode))
}

func appendOrder(dst []byte, fence int64, sub uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[uint64(fence)>>shift&15])
	}
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[sub>>shift&15])
	}
	return dst
}

// MarshalText is String for a valid token.
func (t Token) MarshalText() ([]byte, error) {
	if err := t.Valid(); err != nil {
		return nil, err
	}
	return t.AppendText(nil), nil
}

// ParseToken reads the text form. It is total: any input gives a valid token or a *Malformed that says what is wrong.
func ParseToken(s string) (Token, error) {
	var t Token
	if len(s) != TextLen || s[:4] != textPrefix {
		return Token{}, malformed("%s; the text form is %q and %d characters long", describeText(s), textPrefix+"…", TextLen)
	}
	rest := s[4:]
	for _, id := range [...]*ID{&t.Cluster, &t.Incarnation, &t.Scope} {
		v, err := ParseID(rest[:idTextLen])
		if err != nil {
			return Token{}, err
		}
		if rest[idTextLen] != '.' {
			return Token{}, malformed("a dot is missing after %q", rest[:idTextLen])
		}
		*id, rest = v, rest[idTextLen+1:]
	}
	var err error
	if t.Fence, t.Sub, err = parseOrder(rest[:24]); err != nil {
		return Token{}, err
	}
	if rest[24] != '.' {
		return Token{}, malformed("a dot is missing before the mode")
	}
	t.Mode = Mode(rest[25])
	return t, t.orNothing()
}

func (t *Token) orNothing() error {
	err := t.Valid()
	if err != nil {
		*t = Token{}
	}
	return err
}

func describeText(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > 10 && s[:10] == "v4.public.":
		return "a signed token where a plain one is expected (give it to a Verifier)"
	case isDigits(s):
		return "a bare number without cluster, incarnation and scope: numbers of different locks cannot be told apart"
	}
	return fmt.Sprintf("%d characters", len(s))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// parseOrder reads exactly 24 lower-case hex digits.
func parseOrder(s string) (fence int64, sub uint32, err error) {
	var hi, lo uint64
	for i := range len(s) {
		c := s[i]
		var d uint64
		switch {
		case '0' <= c && c <= '9':
			d = uint64(c - '0')
		case 'a' <= c && c <= 'f':
			d = uint64(c-'a') + 10
		default:
			return 0, 0, malformed("%q is not lower-case hex in the ordered value", string(rune(c)))
		}
		if i < 16 {
			hi = hi<<4 | d
		} else {
			lo = lo<<4 | d
		}
	}
	if hi>>63 != 0 {
		return 0, 0, malformed("fence %#x has its sign bit set: a zxid is positive", hi)
	}
	return int64(hi), uint32(lo), nil
}

// AppendBinary appends the binary form: version, cluster, incarnation, scope, fence (big endian), sub (big endian), mode.
func (t Token) AppendBinary(dst []byte) ([]byte, error) {
	if err := t.Valid(); err != nil {
		return dst, err
	}
	dst = append(dst, binaryVersion)
	dst = append(dst, t.Cluster[:]...)
	dst = append(dst, t.Incarnation[:]...)
	dst = append(dst, t.Scope[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Fence))
	dst = binary.BigEndian.AppendUint32(dst, t.Sub)
	return append(dst, byte(t.Mode)), nil
}

// MarshalBinary is AppendBinary to an empty slice.
func (t Token) MarshalBinary() ([]byte, error) { return t.AppendBinary(make([]byte, 0, BinaryLen)) }

// ParseBinary reads the binary form; total like ParseToken.
func ParseBinary(b []byte) (Token, error) {
	if len(b) != BinaryLen {
		return Token{}, malformed("%d bytes; the binary form has %d", len(b), BinaryLen)
	}
	if b[0] != binaryVersion {
		return Token{}, malformed("version %s of the binary form is not known", strconv.Itoa(int(b[0])))
	}
	t := Token{
		Cluster: ID(b[1:17]), Incarnation: ID(b[17:33]), Scope: ID(b[33:49]),
		Fence: int64(binary.BigEndian.Uint64(b[49:57])), Sub: binary.BigEndian.Uint32(b[57:61]), Mode: Mode(b[61]),
	}
	return t, t.orNothing()
}

// UnmarshalBinary is ParseBinary.
func (t *Token) UnmarshalBinary(b []byte) (err error) {
	*t, err = ParseBinary(b)
	return err
}

// UnmarshalText is ParseToken.
func (t *Token) UnmarshalText(b []byte) (err error) {
	*t, err = ParseToken(string(b))
	return err
}
