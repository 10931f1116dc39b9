// Package lineage is a leaf: which cluster something belongs to, and which incarnation of it. Both are numbers of 16 bytes, written as 32 hexadecimal digits.
// A log, a state, a peer link and a word of gossip each carry them, and each refuses what has others.
package lineage

import (
	"encoding/hex"
	"fmt"
)

// ID is the number of a cluster or of an incarnation. The zero value is none.
type ID [16]byte

// String is the number as 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler, for JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(id)) {
		return fmt.Errorf("%q is no id: it has %d characters, and an id has %d hexadecimal digits", text, len(text), hex.EncodedLen(len(id)))
	}
	if _, err := hex.Decode(id[:], text); err != nil {
		return fmt.Errorf("%q is no id: %w", text, err)
	}
	return nil
}

// Lineage names one incarnation of one cluster.
type Lineage struct {
	Cluster     ID `json:"cluster"`     // drawn when the ensemble was founded
	Incarnation ID `json:"incarnation"` // drawn anew by restore, import and forced recovery
}
