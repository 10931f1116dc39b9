package server_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// opened connects and shakes hands.
func opened(tb testing.TB, w *world) *raw {
	c := w.dialFor(tb, 0)
	c.send((&wire.ConnectRequest{Timeout: 10000, Password: make([]byte, 16)}).Append(nil))
	if _, err := c.next(soon); err != nil {
		tb.Fatal(err)
	}
	return c
}

func framed(payloads ...[]byte) (b []byte) {
	for _, p := range payloads {
		var mark int
		b, mark = wire.BeginFrame(b)
		b = append(b, p...)
		wire.EndFrame(b, mark)
	}
	return b
}

// pump sends the same bytes again and again and reads as many bytes of replies; the client allocates nothing.
func pump(b *testing.B, c *raw, req []byte, depth, replySize int) {
	c.nc.SetDeadline(time.Time{})
	batch := make([]byte, 0, depth*len(req))
	for range depth {
		batch = append(batch, req...)
	}
	replies := make([]byte, depth*replySize)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += depth {
		if _, err := c.nc.Write(batch); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c.nc, replies); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkGetData reads a node of 100 bytes through a loopback socket, alone and pipelined, client included.
func BenchmarkGetData(b *testing.B) {
	for _, depth := range []int{1, 100} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			w := newWorld(b, 1, nil)
			c := opened(b, w)
			o := znode.Op{Wire: wire.OpCreate, Path: "/node", Data: make([]byte, 100), ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}
			c.send(wire.AppendOp(wire.RequestHeader{Xid: 1, Op: wire.OpCreate}.Append(nil), &o))
			c.next(soon)
			q := wire.PathWatch{Path: "/node"}
			pump(b, c, framed(q.Append(wire.RequestHeader{Xid: 2, Op: wire.OpGetData}.Append(nil))), depth, 4+16+4+100+68)
		})
	}
}

// BenchmarkSetData writes a node of 100 bytes, alone and pipelined: everything but the log and the network of an ensemble.
func BenchmarkSetData(b *testing.B) {
	for _, depth := range []int{1, 100} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			w := newWorld(b, 1, nil)
			c := opened(b, w)
			o := znode.Op{Wire: wire.OpCreate, Path: "/node", Data: make([]byte, 100), Version: -1, ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}
			c.send(wire.AppendOp(wire.RequestHeader{Xid: 1, Op: wire.OpCreate}.Append(nil), &o))
			c.next(soon)
			o.Wire = wire.OpSetData
			pump(b, c, framed(wire.AppendOp(wire.RequestHeader{Xid: 2, Op: wire.OpSetData}.Append(nil), &o)), depth, 4+16+68)
		})
	}
}

// BenchmarkMixed is 50 sessions that read and write (4 to 1) 100 bytes, 20 requests in flight each.
func BenchmarkMixed(b *testing.B) {
	const sessions, depth = 50, 20
	w := newWorld(b, 1, nil)
	o := znode.Op{Wire: wire.OpCreate, Path: "/node", Data: make([]byte, 100), Version: -1, ACL: []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}}
	first := opened(b, w)
	first.send(wire.AppendOp(wire.RequestHeader{Xid: 1, Op: wire.OpCreate}.Append(nil), &o))
	first.next(soon)
	o.Wire = wire.OpSetData
	write := framed(wire.AppendOp(wire.RequestHeader{Xid: 2, Op: wire.OpSetData}.Append(nil), &o))
	q := wire.PathWatch{Path: "/node"}
	read := framed(q.Append(wire.RequestHeader{Xid: 2, Op: wire.OpGetData}.Append(nil)))
	var batch []byte
	size := 0
	for i := range depth {
		if i%5 == 0 {
			batch, size = append(batch, write...), size+4+16+68
		} else {
			batch, size = append(batch, read...), size+4+16+4+100+68
		}
	}
	conns := make([]*raw, sessions)
	for i := range conns {
		conns[i] = opened(b, w)
		conns[i].nc.SetDeadline(time.Time{})
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			replies := make([]byte, size)
			for n := 0; n < b.N/sessions; n += depth {
				c.nc.Write(batch)
				io.ReadFull(c.nc, replies)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// TestGetDataAllocatesNothing holds the promise of design.md: a read that hits allocates nothing in the server.
func TestGetDataAllocatesNothing(t *testing.T) {
	if racing {
		t.Skip("the race detector allocates")
	}
	r := testing.Benchmark(func(b *testing.B) {
		w := newWorld(b, 1, nil)
		c := opened(b, w)
		q := wire.PathWatch{Path: "/zookeeper"}
		pump(b, c, framed(q.Append(wire.RequestHeader{Xid: 2, Op: wire.OpGetData}.Append(nil))), 1, 4+16+4+68)
	})
	if r.AllocsPerOp() > 0 {
		t.Errorf("getData allocates %d times, %d bytes", r.AllocsPerOp(), r.AllocedBytesPerOp())
	}
}

// TestIdleSessionsAreSmall holds the bound on what an idle session costs, the client's socket (about 600 bytes of it) included.
func TestIdleSessionsAreSmall(t *testing.T) {
	if testing.Short() || racing {
		t.Skip("thousands of sockets, and memory as it really is")
	}
	const n, most = 4000, 6<<10 + 600
	w := newWorld(t, 1, nil)
	hello := framed((&wire.ConnectRequest{Timeout: 10000, Password: make([]byte, 16)}).Append(nil),
		wire.RequestHeader{Xid: wire.XidPing, Op: wire.OpPing}.Append(nil))
	conns := make([]net.Conn, 0, n+1)
	dial := func() {
		c, err := net.Dial("tcp", w.nodes[0].addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		c.Write(hello)
		if _, err := io.ReadFull(c, make([]byte, 41+20)); err != nil {
			t.Fatal(err)
		}
	}
	dial()
	before := resident()
	for range n {
		dial()
	}
	after := resident()
	each := int(after-before) / n
	t.Logf("%d bytes for each idle session, client socket included", each)
	if each > most {
		t.Errorf("an idle session costs %d bytes", each)
	}
	for _, c := range conns {
		c.Close()
	}
}

func resident() uint64 {
	for range 5 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
