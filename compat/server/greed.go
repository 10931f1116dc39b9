package server

import (
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// What one connection may make its server keep, or make at once, is bounded where no honest client comes near the bound; else one client could end the server
// of all the others. Whoever passes one of these bounds is answered with ErrQuotaExceeded, or ErrAuthFailed to an identity too many, and the
// connection ends behind that answer.
const (
	// mostReply bounds the answer of a multiRead: a frame of one megabyte can ask for the same large node thousands of times.
	mostReply = 64 << 20
	// mostIdentities and mostIdentityBytes bound what a connection has proved: every write carries it into the log of every server.
	mostIdentities    = 1000
	mostIdentityBytes = 64 << 10
)

// watch registers a watch of this connection. The paths that it watches are bounded by watch.LongPaths.
func (c *conn) watch(path string, mode watch.Mode) znode.Code {
	if _, room := c.s.watches.Add(path, mode, c.id); !room {
		return c.tooGreedy()
	}
	return znode.OK
}

// tooGreedy marks the connection: it ends behind the answer that is made now. The answer is made under locks under which no connection is closed.
func (c *conn) tooGreedy() znode.Code {
	c.greedy.Store(true)
	c.phase.Store(uint32(phaseLast))
	return znode.ErrQuotaExceeded
}

// fits says whether a connection may have proved all of these.
func fits(ids []znode.Identity) bool {
	bytes := 0
	for i := range ids {
		bytes += len(ids[i].Scheme) + len(ids[i].ID)
	}
	return len(ids) <= mostIdentities && bytes <= mostIdentityBytes
}
