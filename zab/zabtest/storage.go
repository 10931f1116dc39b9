package zabtest

import (
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Storage is what outlives a crash of a simulated server: its log, and one image of its state. [Disk] is a model of it, [LogDisk] has the shipped log inside.
type Storage interface {
	zab.Log
	// Write queues a batch, and Sync makes all batches up to seq durable.
	Write(p zab.Persist)
	Sync(seq uint64)
	// Crash loses what is not durable. tear, if it is above 0, is a measure of how much of the unfinished work has reached the disk.
	Crash(tear int)
	// Stage keeps a received image until the core decides about it. Image is the newest image that is durable; it is not below Base.
	Stage(z zxid.ID, image []Applied)
	Image() []Applied
	// Compact keeps an image of the state at meta.Zxid, and may forget the entries up to there.
	Compact(meta zab.SnapshotMeta, image []Applied)
}

// newStorage is an empty disk of this server.
func (n *node) newStorage() Storage {
	if n.sim.opt.ShippedLog {
		return NewLogDisk(n.id, n.sim.Rand)
	}
	d := NewDisk()
	d.FailTruncate = n.sim.opt.FailTruncate
	return d
}

// blank says whether this disk has lost what it held and is not filled again.
func blank(d Storage) bool { return d.Last() == 0 || d.Last() < d.HardState().Fill }
