package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

const (
	window   = 64              // writes in flight
	patience = zktest.Patience // for an answer of a server that runs
)

// worker is one client: a session that outlives the crashes, and its ledger.
type worker struct {
	id     int
	addrs  []string
	rand   *rand.Rand
	ledger *ledger

	conn     *client.Conn
	session  session.ID
	password []byte
	seen     int64 // the last zxid in a reply
	xid      int32
}

func (w *worker) path(name string) string { return fmt.Sprintf("/crash/w%d/%s", w.id, name) }

// connect opens the session, or takes it up again, on any server that serves. A session that is refused is lost, and that is final.
func (w *worker) connect() error {
	var last error
	served := zktest.Within(patience, func() bool {
		last = w.dial(w.addrs[w.rand.IntN(len(w.addrs))])
		return last == nil || errors.Is(last, client.ErrRefused)
	})
	if last != nil || !served {
		return fmt.Errorf("session %x of worker %d, which has seen zxid %x: %w", w.session, w.id, w.seen, last)
	}
	return nil
}

func (w *worker) dial(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := client.Dial(ctx, addr)
	if err != nil {
		return err
	}
	hello := client.Hello{Timeout: 40_000, Session: w.session, Password: w.password, LastZxid: w.seen}
	if w.session == 0 {
		hello.Password = make([]byte, 16)
	}
	welcome, err := conn.Handshake(hello, patience)
	if err == nil && w.session != 0 && welcome.Session != w.session {
		err = fmt.Errorf("asked for session %x and got %x: %w", w.session, welcome.Session, client.ErrRefused)
	}
	if err != nil {
		_ = conn.Close()
		return err
	}
	w.conn, w.session, w.password = conn, welcome.Session, welcome.Password
	return nil
}

// steady does something that may be done again, and does it again on a new connection if the server goes in between: after a crash an
// ensemble may elect more than once.
func (w *worker) steady(do func() error) error {
	var err error
	zktest.Within(patience, func() bool {
		if w.conn == nil {
			if err = w.connect(); err != nil {
				return true
			}
		}
		if err = do(); err == nil || !lostConnection(err) {
			return true
		}
		_ = w.conn.Close()
		w.conn = nil
		return false
	})
	return err
}

// lostConnection says that a connection ended, rather than that a server is silent or wrong.
func lostConnection(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// call is for preparing and for looking: one request, one answer.
func (w *worker) call(op wire.Opcode, body interface{ Append([]byte) []byte }) (client.Reply, error) {
	w.xid++
	reply, err := w.conn.Call(w.xid, op, body.Append, patience)
	if err != nil {
		return reply, err
	}
	return reply, w.advance(reply)
}

// advance holds that zxids only grow.
func (w *worker) advance(reply client.Reply) error {
	if reply.Zxid < w.seen {
		return fmt.Errorf("worker %d: a reply with zxid %x after one with %x", w.id, reply.Zxid, w.seen)
	}
	w.seen = reply.Zxid
	return nil
}

func everybody() []znode.ACL {
	return []znode.ACL{{Perms: 31, Scheme: "world", ID: "anyone"}}
}

// prepare makes the folders of this worker.
func (w *worker) prepare() error {
	for _, path := range []string{"/crash", "/crash/seq", w.path(""), w.path("reg"), w.path("a"), w.path("b"), w.path("m"), w.path("e"), w.path("bad")} {
		path = strings.TrimSuffix(path, "/")
		reply, err := w.call(wire.OpCreate, &wire.CreateRequest{Path: path, Data: []byte("0"), ACL: everybody()})
		if err != nil {
			return err
		}
		if code := znode.Code(reply.Err); code != znode.OK && code != znode.ErrNodeExists {
			return fmt.Errorf("create %s: %v", path, code)
		}
	}
	return nil
}

// load writes until the connection breaks, or until stop is closed and all that was sent is answered.
func (w *worker) load(stop <-chan struct{}) error {
	if err := w.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	for {
		stopped := false
		select {
		case <-stop:
			stopped = true
		default:
		}
		if stopped && w.ledger.replies == len(w.ledger.sent) {
			return nil
		}
		for !stopped && len(w.ledger.sent)-w.ledger.replies < window {
			w.stage(kind(w.rand.IntN(int(kinds))))
		}
		if err := w.conn.Flush(); err != nil {
			return broken(err)
		}
		_ = w.conn.SetReadDeadline(time.Now().Add(patience))
		for first := true; first || w.conn.Buffered(); first = false {
			reply, err := w.conn.Read()
			if err != nil {
				return broken(err)
			}
			if err := w.answered(reply); err != nil {
				return err
			}
		}
	}
}

// broken passes over what a crash does to a connection. A server that is silent is not that.
func broken(err error) error {
	if lostConnection(err) {
		return nil
	}
	return fmt.Errorf("no answer within %v, or a broken one: %w", patience, err)
}

// stage writes one request into the connection's buffer and the ledger. The xid is the place in the ledger.
func (w *worker) stage(k kind) {
	n := w.ledger.send(k)
	xid := int32(len(w.ledger.sent))
	data := []byte(strconv.Itoa(n))
	set := func(name string, version int) znode.Op {
		return znode.Op{Kind: znode.KindSetData, Wire: wire.OpSetData, Path: w.path(name), Data: data, Version: int32(version)}
	}
	create := func(name string, mode znode.Mode) znode.Op {
		return znode.Op{Kind: znode.KindCreate, Wire: wire.OpCreate, Path: w.path(name), Data: data, ACL: everybody(), Mode: mode}
	}
	ring := func(folder string, mode znode.Mode) []znode.Op {
		ops := []znode.Op{create(fmt.Sprintf("%s/%d", folder, n), mode)}
		if n > keep {
			ops = append(ops, znode.Op{Kind: znode.KindDelete, Wire: wire.OpDelete, Path: w.path(fmt.Sprintf("%s/%d", folder, n-keep)), Version: -1})
		}
		return ops
	}
	var ops []znode.Op
	switch k {
	case setReg:
		q := wire.SetDataRequest{Path: w.path("reg"), Data: data, Version: int32(n - 1)}
		w.conn.Stage(xid, wire.OpSetData, q.Append)
		return
	case seq:
		q := wire.CreateRequest{Path: fmt.Sprintf("/crash/seq/w%d.%d-", w.id, n), Data: data, ACL: everybody(), Flags: int32(znode.ModePersistentSequential)}
		w.conn.Stage(xid, wire.OpCreate, q.Append)
		return
	case multi:
		ops = append([]znode.Op{set("a", -1), set("b", -1)}, ring("m", 0)...)
	case eph:
		ops = ring("e", znode.ModeEphemeral)
	case badPath:
		ops = []znode.Op{create(fmt.Sprintf("bad/%d", n), 0), set("a", 1<<30)}
	}
	w.conn.Stage(xid, wire.OpMulti, func(dst []byte) []byte { return wire.AppendMulti(dst, ops) })
}

// answered checks a reply against the write that it must be for.
func (w *worker) answered(reply client.Reply) error {
	at := w.ledger.replies
	if reply.Xid != int32(at+1) {
		return fmt.Errorf("worker %d: the reply has xid %d, the oldest request in flight has %d", w.id, reply.Xid, at+1)
	}
	sent := w.ledger.sent[at]
	if reply.Zxid <= w.seen {
		return fmt.Errorf("worker %d: the write %v %d was answered with zxid %x, after %x", w.id, sent.kind, sent.n, reply.Zxid, w.seen)
	}
	if err := w.advance(reply); err != nil {
		return err
	}
	if reply.Err != 0 {
		return fmt.Errorf("worker %d: %v %d was refused with %v", w.id, sent.kind, sent.n, znode.Code(reply.Err))
	}
	r := jute.NewReader(reply.Body)
	number := int64(-1)
	switch sent.kind {
	case setReg:
		var got wire.StatResponse
		got.Decode(&r)
		if int(got.Stat.Version) != sent.n {
			return fmt.Errorf("worker %d: setData %d gave version %d", w.id, sent.n, got.Stat.Version)
		}
	case seq:
		var got wire.CreateResponse
		got.Decode(&r)
		n, num, err := w.parse(strings.TrimPrefix(got.Path, "/crash/seq/"))
		if err != nil || n != sent.n {
			return fmt.Errorf("worker %d: sequential create %d made %q", w.id, sent.n, got.Path)
		}
		number = num
	default:
		if err := multiAnswer(&r, sent.kind == badPath); err != nil {
			return fmt.Errorf("worker %d: %v %d: %w", w.id, sent.kind, sent.n, err)
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	return w.ledger.ack(number)
}

func multiAnswer(r *jute.Reader, mustFail bool) error {
	var part wire.MultiResult
	var codes []znode.Code
	failed := false
	for !part.Decode(r) {
		if part.Type == wire.OpError {
			failed = true
			codes = append(codes, part.Code)
		}
	}
	if failed != mustFail {
		return fmt.Errorf("answered %v", codes)
	}
	if mustFail && !slices.Equal(codes, []znode.Code{znode.OK, znode.ErrBadVersion}) {
		return fmt.Errorf("answered %v", codes)
	}
	return nil
}

// parse reads "wID.N-NUMBER".
func (w *worker) parse(name string) (n int, number int64, err error) {
	mine, num, found := strings.Cut(strings.TrimPrefix(name, fmt.Sprintf("w%d.", w.id)), "-")
	if !found || mine == name {
		return 0, 0, fmt.Errorf("%q is not of worker %d", name, w.id)
	}
	if n, err = strconv.Atoi(mine); err != nil {
		return 0, 0, err
	}
	number, err = strconv.ParseInt(num, 10, 64)
	return n, number, err
}

// look reads all that this worker has written, on a server that has caught up.
func (w *worker) look() (s sight, err error) {
	if _, err = w.call(wire.OpSync, &wire.SyncRequest{Path: []byte("/")}); err != nil {
		return s, err
	}
	var stat znode.Stat
	if s.reg, stat, err = w.number("reg"); err != nil {
		return s, err
	}
	s.version = int(stat.Version)
	if s.a, _, err = w.number("a"); err != nil {
		return s, err
	}
	if s.b, _, err = w.number("b"); err != nil {
		return s, err
	}
	if s.parts, err = w.numbers("m"); err != nil {
		return s, err
	}
	if s.ephemerals, err = w.numbers("e"); err != nil {
		return s, err
	}
	for _, n := range s.ephemerals {
		_, stat, err := w.number(fmt.Sprintf("e/%d", n))
		if err != nil || stat.EphemeralOwner != int64(w.session) {
			return s, fmt.Errorf("worker %d: ephemeral %d is of session %x, not %x (%v)", w.id, n, stat.EphemeralOwner, w.session, err)
		}
	}
	bad, err := w.numbers("bad")
	s.bad = len(bad)
	if err != nil {
		return s, err
	}
	s.sequential, err = w.listSequential()
	return s, err
}

func (w *worker) number(name string) (int, znode.Stat, error) {
	reply, err := w.call(wire.OpGetData, &wire.GetDataRequest{Path: w.path(name)})
	if err != nil {
		return 0, znode.Stat{}, err
	}
	if reply.Err != 0 {
		return 0, znode.Stat{}, fmt.Errorf("worker %d: getData %s: %v", w.id, name, znode.Code(reply.Err))
	}
	var got wire.DataResponse
	r := jute.NewReader(reply.Body)
	got.Decode(&r)
	n, err := strconv.Atoi(string(got.Data))
	return n, got.Stat, errors.Join(err, r.Err())
}

func (w *worker) children(path string) ([]string, error) {
	reply, err := w.call(wire.OpGetChildren, &wire.GetChildrenRequest{Path: path})
	if err != nil {
		return nil, err
	}
	if reply.Err != 0 {
		return nil, fmt.Errorf("getChildren %s: %v", path, znode.Code(reply.Err))
	}
	var got wire.TextsResponse
	r := jute.NewReader(reply.Body)
	got.Decode(&r)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("getChildren %s: %w", path, err)
	}
	var names []string
	for name := range got.Texts.All {
		names = append(names, strings.Clone(name))
	}
	return names, nil
}

func (w *worker) numbers(name string) ([]int, error) {
	names, err := w.children(w.path(name))
	if err != nil {
		return nil, err
	}
	var all []int
	for _, name := range names {
		n, err := strconv.Atoi(name)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all, nil
}

func (w *worker) listSequential() (map[int]int64, error) {
	names, err := w.children("/crash/seq")
	if err != nil {
		return nil, err
	}
	mine := make(map[int]int64)
	for _, name := range names {
		if !strings.HasPrefix(name, fmt.Sprintf("w%d.", w.id)) {
			continue
		}
		n, number, err := w.parse(name)
		if err != nil {
			return nil, err
		}
		if _, twice := mine[n]; twice {
			return nil, fmt.Errorf("worker %d: sequential create %d was applied twice", w.id, n)
		}
		mine[n] = number
	}
	return mine, nil
}

// sweep deletes the sequential nodes that have been judged; they must stay away.
func (w *worker) sweep() error {
	for n, number := range w.ledger.numbers {
		w.xid++
		q := wire.DeleteRequest{Path: fmt.Sprintf("/crash/seq/w%d.%d-%010d", w.id, n, number), Version: -1}
		w.conn.Stage(w.xid, wire.OpDelete, q.Append)
	}
	if err := w.conn.Flush(); err != nil {
		return err
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	for range w.ledger.numbers {
		reply, err := w.conn.Read()
		if err != nil {
			return err
		}
		if code := znode.Code(reply.Err); code != znode.OK && code != znode.ErrNoNode { // it may be the second time
			return fmt.Errorf("worker %d: deleting a sequential node: %v", w.id, code)
		}
		if err := w.advance(reply); err != nil {
			return err
		}
	}
	w.ledger.highest = max(w.ledger.highest, top([]*ledger{w.ledger}))
	clear(w.ledger.numbers)
	return nil
}
