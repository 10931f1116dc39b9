package session

import "strconv"

// ID names a session of the ensemble. Layout as in ZooKeeper's SessionTrackerImpl.initializeNextSessionId: the server's id in the
// top byte, then 40 bits of the clock at start in ms, then a counter. Never 0; the top byte is never 0xff (TTL owners live there).
type ID int64

// String prints an id as ZooKeeper does: 0x and hex.
func (id ID) String() string { return "0x" + strconv.FormatUint(uint64(id), 16) }
