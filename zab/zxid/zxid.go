// Package zxid is the vocabulary of transaction ids.
//
// An [ID] is what every ZooKeeper client knows as a zxid: a positive int64, epoch<<32 | counter. Inside the epoch Paddock keeps a
// generation (7 bits, raised by restore, import and forced recovery) above a term (24 bits, raised by elections and counter
// rollover), so that numbers never come back. Clients and storage compare the whole number and never decode it.
//
// The package is a leaf: it imports nothing of Paddock, holds no state and is safe from any goroutine.
package zxid

import "strconv"

// ID is a transaction id: 0 | generation (7 bits) | term (24 bits) | counter (32 bits). Zero means "before every transaction".
type ID int64

// Epoch is the upper half of an ID: generation<<24 | term, 31 bits.
type Epoch uint32

const (
	// MaxCounter is the last counter of an epoch; the next transaction opens a new epoch.
	MaxCounter = 1<<32 - 1
	// MaxTerm is the last term of a generation.
	MaxTerm = 1<<24 - 1
	// MaxGeneration is the last generation; a cluster restored more often than that needs a new cluster id.
	MaxGeneration = 1<<7 - 1
)

// New joins an epoch and a counter.
func New(e Epoch, counter uint32) ID { return ID(int64(e)<<32 | int64(counter)) }

// NewEpoch joins a generation (0..127) and a term (0..2^24-1).
func NewEpoch(generation, term uint32) Epoch {
	return Epoch(generation&MaxGeneration<<24 | term&MaxTerm)
}

// Epoch is the upper 31 bits.
func (z ID) Epoch() Epoch { return Epoch(uint64(z) >> 32) }

// Counter is the lower 32 bits.
func (z ID) Counter() uint32 { return uint32(z) }

// Generation is the upper 7 bits of the epoch.
func (e Epoch) Generation() uint32 { return uint32(e) >> 24 }

// Term is the lower 24 bits of the epoch.
func (e Epoch) Term() uint32 { return uint32(e) & MaxTerm }

// String prints an id as ZooKeeper does: 0x and lower-case hex without leading zeros.
func (z ID) String() string { return "0x" + strconv.FormatUint(uint64(z), 16) }
