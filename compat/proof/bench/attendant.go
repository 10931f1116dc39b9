package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// attendant is the connection that makes a run's nodes and removes them, outside the measurement.
type attendant struct {
	conn *client.Conn
	base string
	xid  int32
}

func newAttendant(ctx context.Context, c Config) (*attendant, error) {
	conn, _, err := connect(ctx, c, 0)
	if err != nil {
		return nil, err
	}
	return &attendant{conn: conn, base: c.Root}, nil
}

func (a *attendant) close() { _ = a.conn.CloseSession(patience) }

// Error codes that are no surprise.
const (
	noNode     = int32(znode.ErrNoNode)
	nodeExists = int32(znode.ErrNodeExists)
	notEmpty   = int32(znode.ErrNotEmpty)
)

// makeRoot makes the common root, if it is not there yet, and the root of this run below it.
func (a *attendant) makeRoot() (string, error) {
	for at := 1; at <= len(a.base); at++ {
		if at < len(a.base) && a.base[at] != '/' {
			continue
		}
		if _, err := a.one(a.base[:at], 0, nodeExists); err != nil {
			return "", err
		}
	}
	root, err := a.one(a.base+"/run-", int32(znode.ModePersistentSequential))
	if err != nil {
		return "", err
	}
	return root, nil
}

// one creates one node and returns its path; the error code in fine is fine too.
func (a *attendant) one(path string, flags int32, fine ...int32) (string, error) {
	a.xid++
	q := wire.CreateRequest{Path: path, Data: []byte{}, ACL: everybody, Flags: flags}
	r, err := a.conn.Call(a.xid, wire.OpCreate, q.Append, patience)
	if err != nil {
		return "", err
	}
	if r.Err != 0 {
		if len(fine) > 0 && r.Err == fine[0] {
			return path, nil
		}
		return "", fmt.Errorf("bench: creating %s: error %d", path, r.Err)
	}
	var created wire.CreateResponse
	reader := jute.NewReader(r.Body)
	created.Decode(&reader)
	return string([]byte(created.Path)), reader.Err()
}

// pipeline sends n requests with up to window of them on the way, and hears every reply.
func (a *attendant) pipeline(ctx context.Context, n int, stage func(i int, xid int32), heard func(i int, r client.Reply) error) error {
	const window = 512
	defer a.conn.SetReadDeadline(time.Time{})
	first := a.xid + 1
	a.xid += int32(n)
	staged := 0
	for done := 0; done < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		for ; staged < n && staged-done < window; staged++ {
			stage(staged, first+int32(staged))
		}
		if err := errors.Join(a.conn.Flush(), a.conn.SetReadDeadline(time.Now().Add(patience))); err != nil {
			return err
		}
		for more := true; more; more = done < n && a.conn.Buffered() {
			r, err := a.conn.Read()
			if err != nil {
				return fmt.Errorf("bench: preparing or cleaning up: %w", err)
			}
			if r.Xid == wire.XidEvent {
				continue
			}
			if err := heard(int(r.Xid-first), r); err != nil {
				return err
			}
			done++
		}
	}
	return nil
}

// create makes n nodes.
func (a *attendant) create(ctx context.Context, n int, progress Progress, node func(i int) (string, []byte)) error {
	return a.pipeline(ctx, n, func(i int, xid int32) {
		path, data := node(i)
		q := wire.CreateRequest{Path: path, Data: data, ACL: everybody}
		a.conn.End(q.Append(a.conn.Begin(xid, wire.OpCreate)))
	}, func(i int, r client.Reply) error {
		if i%512 == 0 {
			progress("prepare", int64(i), int64(n))
		}
		if r.Err != 0 {
			path, _ := node(i)
			return fmt.Errorf("bench: creating %s: error %d", path, r.Err)
		}
		return nil
	})
}

// removeRoot removes the subtree of a run: all paths level by level, then from the deepest level up. Nodes of connections that
// have just closed their sessions may vanish by themselves meanwhile.
func (a *attendant) removeRoot(ctx context.Context, root string) error {
	levels := [][]string{{root}}
	for len(levels[len(levels)-1]) > 0 {
		next, err := a.list(ctx, levels[len(levels)-1])
		if err != nil {
			return err
		}
		levels = append(levels, next)
	}
	for i := len(levels) - 1; i >= 0; i-- {
		paths := levels[i]
		err := a.pipeline(ctx, len(paths), func(i int, xid int32) {
			a.conn.End((&wire.DeleteRequest{Path: paths[i], Version: -1}).Append(a.conn.Begin(xid, wire.OpDelete)))
		}, func(i int, r client.Reply) error {
			if r.Err != 0 && r.Err != noNode {
				return fmt.Errorf("bench: removing %s: error %d; it is left behind", paths[i], r.Err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	a.xid++
	r, err := a.conn.Call(a.xid, wire.OpDelete, (&wire.DeleteRequest{Path: a.base, Version: -1}).Append, patience)
	if err == nil && r.Err != 0 && r.Err != noNode && r.Err != notEmpty {
		err = fmt.Errorf("bench: removing %s: error %d", a.base, r.Err)
	}
	return err
}

// list returns the paths of all children of all nodes in paths.
func (a *attendant) list(ctx context.Context, paths []string) ([]string, error) {
	var out []string
	err := a.pipeline(ctx, len(paths), func(i int, xid int32) {
		a.conn.End((&wire.GetChildrenRequest{Path: paths[i]}).Append(a.conn.Begin(xid, wire.OpGetChildren)))
	}, func(i int, r client.Reply) error {
		switch r.Err {
		case 0:
		case noNode:
			return nil
		default:
			return fmt.Errorf("bench: listing %s: error %d", paths[i], r.Err)
		}
		reader := jute.NewReader(r.Body)
		for range reader.Count(4) {
			out = append(out, paths[i]+"/"+reader.Text())
		}
		return reader.Err()
	})
	return out, err
}
