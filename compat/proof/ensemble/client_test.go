package ensemble

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/compat/jute"
	zkclient "github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// sessionTimeout of the clients in ms: longer than any fault that a session must survive without its server.
const sessionTimeout = 10_000

// errUnknown is an operation whose connection broke before its answer: it may have taken effect, or may yet.
var errUnknown = errors.New("no answer")

// zk is one session on one connection at a time, with one request in flight. It is used by one goroutine.
type zk struct {
	addrs    []string
	at       int
	conn     *zkclient.Conn
	session  session.ID
	password []byte
	timeout  int32
	seen     int64
	xid      int32
	patience time.Duration // for one answer
	backward string        // the first time that zxids went backwards
	expired  bool
}

func newZK(addrs []string, at int) *zk {
	return &zk{addrs: addrs, at: at, timeout: sessionTimeout, patience: 3 * time.Second}
}

// try connects to the next server, with the session if there is one.
func (z *zk) try() error {
	z.drop()
	z.at++
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := zkclient.Dial(ctx, z.addrs[z.at%len(z.addrs)])
	if err != nil {
		return err
	}
	hello := zkclient.Hello{Timeout: z.timeout, Session: z.session, Password: z.password, LastZxid: z.seen}
	if z.session == 0 {
		hello.Password = make([]byte, 16)
	}
	welcome, err := conn.Handshake(hello, time.Second)
	if err != nil {
		_ = conn.Close()
		z.expired = z.expired || errors.Is(err, zkclient.ErrRefused) && z.session != 0
		return err
	}
	z.conn, z.session, z.password = conn, welcome.Session, welcome.Password
	return nil
}

var errStopped = errors.New("stopped")

// connect tries until it works, the session has ended, the time is over, or stop is closed.
func (z *zk) connect(within time.Duration, stop <-chan struct{}) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		err := z.try()
		if err == nil || z.expired {
			return err
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("session %v is connected nowhere after %v: %w", z.session, within, err)
		case <-stop:
			return errStopped
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (z *zk) drop() {
	if z.conn != nil {
		_ = z.conn.Close()
		z.conn = nil
	}
}

// call sends one request and reads its reply; without one the connection is gone and the outcome unknown.
func (z *zk) call(op wire.Opcode, body func([]byte) []byte) (zkclient.Reply, error) {
	if z.conn == nil {
		return zkclient.Reply{}, errUnknown
	}
	z.xid++
	r, err := z.conn.Call(z.xid, op, body, z.patience)
	if err != nil {
		z.drop()
		return r, fmt.Errorf("%w: %w", errUnknown, err)
	}
	if r.Zxid > 0 && r.Zxid < z.seen && z.backward == "" {
		z.backward = fmt.Sprintf("session %v: a reply with zxid %x after one with %x, from %s", z.session, r.Zxid, z.seen, z.addrs[z.at%len(z.addrs)])
	}
	z.seen = max(z.seen, r.Zxid)
	return r, nil
}

func anyone() []znode.ACL { return []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}} }

// create is create2: the path that was made, and its stat.
func (z *zk) create(path, data string, mode znode.Mode) (string, znode.Stat, error) {
	q := wire.CreateRequest{Path: path, Data: []byte(data), ACL: anyone(), Flags: int32(mode)}
	r, err := z.call(wire.OpCreate2, q.Append)
	if err != nil || r.Err != 0 {
		return "", znode.Stat{}, asError(r, err)
	}
	var p wire.Create2Response
	d := jute.NewReader(r.Body)
	p.Decode(&d)
	return strings.Clone(p.Path), p.Stat, d.Err()
}

func asError(r zkclient.Reply, err error) error {
	if err != nil {
		return err
	}
	if r.Err != 0 {
		return refusal(r.Err)
	}
	return nil
}

// refusal is an answer that says no.
type refusal znode.Code

func (r refusal) Error() string { return fmt.Sprintf("refused with code %d", int32(r)) }

const (
	noNode     = refusal(znode.ErrNoNode)
	nodeExists = refusal(znode.ErrNodeExists)
	badVersion = refusal(znode.ErrBadVersion)
	quota      = refusal(-125) // also: the disk is nearly full
)

func (z *zk) delete(path string) error {
	q := wire.DeleteRequest{Path: path, Version: -1}
	return asError(z.call(wire.OpDelete, q.Append))
}

func (z *zk) set(path, data string, version int32) (znode.Stat, error) {
	q := wire.SetDataRequest{Path: path, Data: []byte(data), Version: version}
	r, err := z.call(wire.OpSetData, q.Append)
	if err != nil || r.Err != 0 {
		return znode.Stat{}, asError(r, err)
	}
	var p wire.StatResponse
	d := jute.NewReader(r.Body)
	p.Decode(&d)
	return p.Stat, d.Err()
}

func (z *zk) sync() error {
	q := wire.SyncRequest{Path: []byte("/")}
	return asError(z.call(wire.OpSync, q.Append))
}

func (z *zk) get(path string) (string, znode.Stat, error) {
	q := wire.GetDataRequest{Path: path}
	r, err := z.call(wire.OpGetData, q.Append)
	if err != nil || r.Err != 0 {
		return "", znode.Stat{}, asError(r, err)
	}
	var p wire.DataResponse
	d := jute.NewReader(r.Body)
	p.Decode(&d)
	return string(p.Data), p.Stat, d.Err()
}

func (z *zk) exists(path string) (znode.Stat, bool, error) {
	q := wire.ExistsRequest{Path: path}
	r, err := z.call(wire.OpExists, q.Append)
	if err == nil && znode.Code(r.Err) == znode.ErrNoNode {
		return znode.Stat{}, false, nil
	}
	if err != nil || r.Err != 0 {
		return znode.Stat{}, false, asError(r, err)
	}
	var p wire.StatResponse
	d := jute.NewReader(r.Body)
	p.Decode(&d)
	return p.Stat, true, d.Err()
}

func (z *zk) children(path string) ([]string, error) {
	q := wire.GetChildrenRequest{Path: path}
	r, err := z.call(wire.OpGetChildren, q.Append)
	if err != nil || r.Err != 0 {
		return nil, asError(r, err)
	}
	var p wire.TextsResponse
	d := jute.NewReader(r.Body)
	p.Decode(&d)
	var names []string
	for name := range p.Texts.All {
		names = append(names, strings.Clone(name))
	}
	return names, d.Err()
}

// ensure creates a node, however often it takes.
func (z *zk) ensure(path, data string, mode znode.Mode) error {
	var err error
	zktest.Within(patience, func() bool {
		if z.conn == nil {
			if err = z.try(); err != nil {
				return z.expired
			}
		}
		_, _, err = z.create(path, data, mode)
		return err == nil || errors.Is(err, nodeExists)
	})
	if err != nil && !errors.Is(err, nodeExists) {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return nil
}

// close ends the session, however often it takes: an end whose answer was lost is followed by a refusal.
func (z *zk) close() error {
	var err error
	zktest.Within(patience, func() bool {
		if z.conn == nil {
			if err = z.try(); err != nil {
				return z.expired
			}
		}
		err = z.conn.CloseSession(z.patience)
		z.conn = nil
		return err == nil
	})
	if z.expired {
		return nil
	}
	return err
}
