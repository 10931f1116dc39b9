package fencing

import (
	"fmt"
	"hash/crc32"
	"strconv"
)

// Mark is a watermark: the highest token that a resource has admitted for one scope. Fence 0 is an enrolled scope that has seen no token yet.
type Mark struct {
	Cluster     ID
	Incarnation ID
	Scope       ID
	Fence       int64 // >= 0
	Sub         uint32
}

// MarkTextLen is the length of a Mark as text.
const MarkTextLen = 5 + 3*(idTextLen+1) + 24 + 1 + 8

const markPrefix = "zkw1."

// Order is the ordered value as fixed-width hex, like Token.Order.
func (m Mark) Order() string { return string(appendOrder(nil, m.Fence, m.Sub)) }

// String is zkw1.<cluster>.<incarnation>.<scope>.<fence and sub>.<CRC-32C>: one length, printable, and damage in any character is found when
// it is read. For storage that keeps a watermark as one string.
func (m Mark) String() string {
	b := append(make([]byte, 0, MarkTextLen), markPrefix...)
	for _, id := range [...]ID{m.Cluster, m.Incarnation, m.Scope} {
		b = append(id.appendText(b), '.')
	}
	b = appendOrder(b, m.Fence, m.Sub)
	return string(b) + "." + markSum(string(b))
}

func markSum(s string) string {
	return fmt.Sprintf("%08x", crc32.Checksum([]byte(s), crc32.MakeTable(crc32.Castagnoli)))
}

// ParseMark reads String. A damaged watermark is a *Malformed: it must be refused, since guessing a lower one lets old writers in. Total.
func ParseMark(s string) (Mark, error) {
	if len(s) != MarkTextLen || s[:len(markPrefix)] != markPrefix {
		return Mark{}, malformed("watermark of %d characters; %d that begin with %s are expected", len(s), MarkTextLen, markPrefix)
	}
	if body, sum := s[:MarkTextLen-9], s[MarkTextLen-8:]; s[MarkTextLen-9] != '.' || markSum(body) != sum {
		return Mark{}, malformed("watermark is damaged: its checksum does not match")
	}
	var m Mark
	rest := s[len(markPrefix):]
	for _, id := range [...]*ID{&m.Cluster, &m.Incarnation, &m.Scope} {
		v, err := ParseID(rest[:idTextLen])
		if err != nil || rest[idTextLen] != '.' {
			return Mark{}, malformed("watermark is damaged: id %q", rest[:idTextLen])
		}
		*id, rest = v, rest[idTextLen+1:]
	}
	var err error
	m.Fence, m.Sub, err = parseOrder(rest[:24])
	if err != nil {
		return Mark{}, err
	}
	return m, m.Valid()
}

// Valid reports, as *Malformed, what makes a stored watermark unusable. Storage that keeps the fields in columns calls it on what it read (Judge does too).
func (m Mark) Valid() error {
	if m.Fence < 0 || m.Cluster.IsZero() || m.Incarnation.IsZero() || m.Scope.IsZero() {
		return malformed("watermark with fence %s and ids %s %s %s is not one that was written here", strconv.FormatInt(m.Fence, 10), m.Cluster, m.Incarnation, m.Scope)
	}
	return nil
}

func (m Mark) compareTo(t Token) int { return compareOrder(t.Fence, t.Sub, m.Fence, m.Sub) }
