// Package watch is the table of watches of one server.
package watch

import "github.com/paddock-zk/paddock/znode"

// Watcher names who hears: a small number given by the server to each connection. 0 is never a watcher.
type Watcher uint32

// Mode is what a registration asks for. Modes on one (path, watcher) add up.
type Mode uint8

const (
	Data       Mode = 1 << iota // getData, exists: one-shot in the data table
	Child                       // getChildren: one-shot in the child table
	Persistent                  // addWatch mode 0: both tables, stays
	Recursive                   // addWatch mode 1: data table, the path and all below, stays
)

// Type is the watcher type of checkWatches and removeWatches on the wire (Watcher.WatcherType).
type Type int32

const (
	TypeChildren   Type = 1
	TypeData       Type = 2
	TypeAny        Type = 3
	TypePersistent Type = 4
	TypeRecursive  Type = 5
)

// Table is safe for concurrent use.
type Table struct{}

// New makes an empty table.
func New() *Table { panic("stub") }

// Add registers w on path; true if something was new. The path is copied if kept.
func (t *Table) Add(path string, m Mode, w Watcher) bool { panic("stub") }

// Remove is removeWatches: false (answer ErrNoWatcher) if there was nothing of that type. ErrMarshalling is the caller's for unknown types (see Type.Valid).
func (t *Table) Remove(path string, ty Type, w Watcher) bool { panic("stub") }

// Check is checkWatches: whether w has a watch of that type on path.
func (t *Table) Check(path string, ty Type, w Watcher) bool { panic("stub") }

// Valid says whether ty is a number of the wire.
func (ty Type) Valid() bool { panic("stub") }

// DropWatcher forgets all watches of w (its connection closed).
func (t *Table) DropWatcher(w Watcher) { panic("stub") }

// Trigger tells deliver about every watcher that hears ev, each once, and uses up the one-shot ones. deliver runs without the table's lock.
// Whether a watcher may know (ev.ACL) is the caller's to judge. Returns how many were told.
func (t *Table) Trigger(ev *znode.Event, deliver func(w Watcher)) int { panic("stub") }

// Counts are the numbers of wchs and mntr.
type Counts struct {
	Watchers int // connections that watch something (data table)
	Paths    int // paths that are watched (data table)
	Watches  int // pairs (data table)
	Total    int // pairs of both tables: mntr's watch_count
}

// Counts counts.
func (t *Table) Counts() Counts { panic("stub") }

// ByPath calls f for every path of the data table with its watchers (wchp), sorted by path.
func (t *Table) ByPath(f func(path string, ws []Watcher)) { panic("stub") }

// ByWatcher calls f for every watcher with its paths in the data table (wchc), sorted by watcher.
func (t *Table) ByWatcher(f func(w Watcher, paths []string)) { panic("stub") }
