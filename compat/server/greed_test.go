package server

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/watch"
)

// client is a session over a scripted server, whose writes are applied when the test says so.
type client struct {
	*listener.Hand
	s  *Server
	o  *script
	at zxid.ID
}

func newClient(t *testing.T) *client {
	t.Helper()
	now := int64(1000)
	s, o := scripted(t, 1, &now)
	activate(s)
	c := &client{s: s, o: o, at: zxid.New(zxid.NewEpoch(0, 1), 0)}
	c.Hand = hello(s, wire.ConnectRequest{Timeout: 4000, Password: make([]byte, wire.PasswordSize)})
	c.apply()
	c.Step()
	c.Take()
	return c
}

func (c *client) apply() {
	for _, p := range c.o.proposed {
		c.at++
		c.s.Apply([]zab.Entry{{Zxid: c.at, Kind: zab.EntryTxn, Data: p}})
	}
	c.o.proposed = nil
}

// ask feeds a request and gives the error of the last reply, 0 if there is none.
func (c *client) ask(op wire.Opcode, body func([]byte) []byte) znode.Code {
	c.Feed(wire.AppendRequest(nil, 1, op, body))
	c.Step()
	return lastCode(c.Take())
}

func lastCode(out []byte) (code znode.Code) {
	for len(out) >= 4 {
		n := int(binary.BigEndian.Uint32(out))
		code = znode.Code(binary.BigEndian.Uint32(out[4+12:]))
		out = out[4+n:]
	}
	return code
}

// long is a path of a megabyte, or a little less: it must fit a frame.
func long(i int) string { return fmt.Sprintf("/%07d", i) + strings.Repeat("x", 1<<20-200) }

func addWatch(path string, mode int32) func([]byte) []byte {
	return func(b []byte) []byte { return jute.AppendInt(jute.AppendText(b, path), mode) }
}

// watching sends each kind of request that leaves a watch on a path where there is no node.
var watching = map[string]func(c *client, path string) znode.Code{
	"addWatch":                   func(c *client, path string) znode.Code { return c.ask(wire.OpAddWatch, addWatch(path, 0)) },
	"addWatch, recursive":        func(c *client, path string) znode.Code { return c.ask(wire.OpAddWatch, addWatch(path, 1)) },
	"exists":                     func(c *client, path string) znode.Code { return c.ask(wire.OpExists, existsWatch(path)) },
	"setWatches, exists":         func(c *client, path string) znode.Code { return c.ask(wire.OpSetWatches, setWatches(1, path)) },
	"setWatches, persistent":     func(c *client, path string) znode.Code { return c.ask(wire.OpSetWatches2, setWatches(3, path)) },
	"setWatches, all below":      func(c *client, path string) znode.Code { return c.ask(wire.OpSetWatches2, setWatches(4, path)) },
	"exists, behind its own set": behindAWrite,
}

func existsWatch(path string) func([]byte) []byte {
	return func(b []byte) []byte { return jute.AppendBool(jute.AppendText(b, path), true) }
}

// setWatches has one path in the list with this number.
func setWatches(list int, path string) func([]byte) []byte {
	return func(b []byte) []byte {
		b = jute.AppendLong(b, 1<<40)
		for i := range 5 {
			var paths []string
			if i == list {
				paths = []string{path}
			}
			b = jute.AppendTexts(b, append([]string{}, paths...))
		}
		return b
	}
}

func behindAWrite(c *client, path string) znode.Code {
	c.Feed(wire.AppendRequest(nil, 1, wire.OpSetData, func(b []byte) []byte { return (&wire.SetDataRequest{Path: "/none", Version: -1}).Append(b) }))
	c.Feed(wire.AppendRequest(nil, 2, wire.OpExists, existsWatch(path)))
	c.Step()
	c.apply()
	c.Step()
	return lastCode(c.Take())
}

// A client may watch a few long paths, and as many of any honest length as it likes; with one long path too many its connection ends, and so do its watches.
func TestLongWatchedPathsAreBounded(t *testing.T) {
	for what, request := range watching {
		t.Run(what, func(t *testing.T) {
			c := newClient(t)
			honest := "/" + strings.Repeat("h", watch.FreePath-10)
			for i := range 3 * watch.LongPaths / watch.FreePath {
				if request(c, fmt.Sprintf("%s%d", honest, i%3000)); c.Over() {
					t.Fatalf("the connection ended after %d watches on honest paths", i)
				}
				if i > 3000 {
					break
				}
			}
			taken := 0
			var code znode.Code
			for ; !c.Over() && !c.Closed() && taken < 100; taken++ {
				code = request(c, long(taken))
				c.Step()
			}
			if most := watch.LongPaths/len(long(0)) + 1; taken != most || code != znode.ErrQuotaExceeded {
				t.Errorf("the connection ended with %d after %d long paths, want %d after %d", code, taken, znode.ErrQuotaExceeded, most)
			}
			if c.Hangup(); !c.Over() {
				c.Step()
			}
			if n := c.s.watches.Counts().Total; n != 0 {
				t.Errorf("%d watches are left", n)
			}
		})
	}
}

// The same long path again, and one whose watch was removed, cost nothing.
func TestLongWatchedPathsAreCountedOnce(t *testing.T) {
	c := newClient(t)
	for i := range 100 {
		if code := c.ask(wire.OpAddWatch, addWatch(long(0), 0)); code != znode.OK {
			t.Fatal(i, code)
		}
		if code := c.ask(wire.OpAddWatch, addWatch(long(1+i), 0)); code != znode.OK {
			t.Fatal(i, code)
		}
		if code := c.ask(wire.OpRemoveWatches, addWatch(long(1+i), int32(watch.TypeAny))); code != znode.OK {
			t.Fatal(i, code)
		}
	}
}

// What a connection has proved goes with each of its writes: more than anybody needs ends it.
func TestIdentitiesAreBounded(t *testing.T) {
	for size, most := range map[int]int{1: mostIdentities, 8 << 10: mostIdentityBytes / (8 << 10)} {
		c := newClient(t)
		taken := 0
		var code znode.Code
		for ; !c.Closed() && taken < 2*most+2; taken++ {
			q := wire.AuthPacket{Scheme: "digest", Auth: fmt.Appendf(nil, "%05d%s:pw", taken, strings.Repeat("u", size))}
			code = c.ask(wire.OpAuth, q.Append)
		}
		if taken > most+1 || taken < most/2 || code != znode.ErrAuthFailed {
			t.Errorf("users of %d bytes: the connection ended with %d after %d of them, want %d after about %d", size, code, taken, znode.ErrAuthFailed, most)
		}
	}
}

// A multiRead of one large node, thousands of times, is not made.
func TestAnswerOfAMultiReadIsBounded(t *testing.T) {
	c := newClient(t)
	data := make([]byte, 1<<20-500)
	create := func(b []byte) []byte {
		return (&wire.CreateRequest{Path: "/n", Data: data, ACL: []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}}).Append(b)
	}
	c.Feed(wire.AppendRequest(nil, 1, wire.OpCreate, create))
	c.Step()
	c.apply()
	c.Step()
	if code := lastCode(c.Take()); code != znode.OK {
		t.Fatal(code)
	}
	reads := func(n int) func([]byte) []byte {
		ops := make([]wire.ReadOp, n)
		for i := range ops {
			ops[i] = wire.ReadOp{Op: wire.OpGetData, Path: "/n"}
		}
		return func(b []byte) []byte { return wire.AppendMultiRead(b, ops) }
	}
	if code := c.ask(wire.OpMultiRead, reads(16)); code != znode.OK || c.Closed() {
		t.Fatalf("16 parts: %d, closed: %v", code, c.Closed())
	}
	if code := c.ask(wire.OpMultiRead, reads(80)); code != znode.ErrQuotaExceeded || !c.Closed() {
		t.Errorf("80 parts: %d, closed: %v", code, c.Closed())
	}
}
