package crosscheck

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
)

// Transcript is what a server showed while a script was played to it.
type Transcript struct {
	Base   int64     // the zxid of the transaction that made the script's root
	Groups [][]Sight // for each group of steps in order, then the tree as it was left, then the tree when all sessions had ended
	Labels map[session.ID]int
}

// Playing says how scripts are played to one server.
type Playing struct {
	Addr   string        // host:port
	Super  string        // "user:password" that the digest scheme knows as super, to look at and clean up what ACLs protect; "" = none
	Within time.Duration // silence longer than this is an observation; 0 = 5 s
}

// Play plays a script in a subtree of its own, below top ("/crosscheck-..."), and removes it afterwards. An error means that the
// server could not be asked at all; whatever it answers is in the transcript.
func Play(ctx context.Context, how Playing, top string, script []Step) (*Transcript, error) {
	if how.Within == 0 {
		how.Within = 5 * time.Second
	}
	k, err := newKeeper(ctx, how, top)
	if err != nil {
		return nil, err
	}
	defer k.conn.Close()
	p := &player{
		addr: how.Addr, root: k.root, within: how.Within, last: k.base,
		conns: make([]*slot, slots(script)), labels: map[int]identity{}, ids: map[session.ID]int{},
	}
	t := &Transcript{Base: k.base, Labels: p.ids}
	for _, g := range groups(script) {
		seen, err := p.group(ctx, g)
		if err != nil {
			return nil, err
		}
		t.Groups = append(t.Groups, seen)
	}
	for _, end := range []func() error{func() error { return nil }, func() error { return p.endSessions(ctx) }} {
		if err := end(); err != nil {
			return nil, err
		}
		seen, err := k.tree()
		if err != nil {
			return nil, err
		}
		t.Groups = append(t.Groups, seen)
	}
	return t, k.cleanUp()
}

func slots(script []Step) int {
	n := 1
	for _, s := range script {
		n = max(n, s.Conn+1)
	}
	return n
}

// endSessions closes every session that the script began, so that none expires in the middle of a later script.
func (p *player) endSessions(ctx context.Context) error {
	for n, s := range p.conns {
		if s != nil {
			p.hangUp(n, s)
		}
	}
	for label := range slices.Max(append(keys(p.labels), 0)) + 1 {
		who, ok := p.labels[label]
		if !ok {
			continue
		}
		conn, err := client.Dial(ctx, p.addr)
		if err != nil {
			return err
		}
		_, err = conn.Handshake(client.Hello{Timeout: 30000, Session: who.id, Password: who.password}, p.within)
		if err == nil {
			err = conn.CloseSession(p.within)
		}
		_, _ = err, conn.Close() // one that has ended already is refused: nothing to do
	}
	return nil
}

func keys(m map[int]identity) []int {
	out := make([]int, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// keeper owns the subtree of one run: it makes it, looks at it when the script is over, and removes it.
type keeper struct {
	conn   *client.Conn
	top    string // holds the root, and the siblings that sequential creates of the root make
	root   string // what "~" stands for
	within time.Duration
	base   int64
	xid    int32
	paths  []string // of the last look, parents first
}

func newKeeper(ctx context.Context, how Playing, top string) (*keeper, error) {
	conn, err := client.Dial(ctx, how.Addr)
	if err != nil {
		return nil, err
	}
	k := &keeper{conn: conn, top: top, root: top + "/r", within: how.Within + 10*time.Second}
	if _, err := conn.Handshake(client.Hello{Timeout: 30000}, k.within); err != nil {
		return nil, err
	}
	if how.Super != "" {
		r, err := conn.Call(wire.XidAuth, opAuth, func(b []byte) []byte {
			return appendStr(appendStr(appendInt(b, 0), "digest"), how.Super)
		}, k.within)
		if err != nil || r.Err != 0 {
			return nil, fmt.Errorf("crosscheck: authenticating as super at %s: error %d, %w", how.Addr, r.Err, err)
		}
	}
	const nodeExists = -110
	everybody := aclArg{list: []acl{{31, "world", "anyone"}}}
	for _, path := range []string{k.quota(), k.top, k.root} {
		r, err := k.call(opCreate, strArg{v: path}, bufArg{v: []byte{}}, everybody, intArg{0})
		if err != nil {
			return nil, err
		}
		if r.Err == nodeExists && path != k.quota() {
			return nil, fmt.Errorf("crosscheck: %s is at %s already: left and right are one server, or servers of one ensemble; give two that do not share their data", path, how.Addr)
		}
		if r.Err != 0 && path != k.quota() {
			return nil, fmt.Errorf("crosscheck: creating %s at %s: error %d", path, how.Addr, r.Err)
		}
		k.base = r.Zxid
	}
	return k, nil
}

// quota is where quotas of the subtree are set: its parent is made beforehand, so that scripts need not.
func (k *keeper) quota() string { return "/zookeeper/quota" + k.top }

func (k *keeper) call(op int32, args ...Arg) (client.Reply, error) {
	k.xid++
	r := Request{Op: op, Args: args}
	return k.conn.Call(k.xid, op, func(b []byte) []byte {
		return append(b, r.appendFrame(nil, 0, place{root: k.root})[8:]...)
	}, k.within)
}

// tree looks at every node of the subtree, and at the quota nodes that belong to it.
func (k *keeper) tree() ([]Sight, error) {
	var seen []Sight
	k.paths = nil
	for todo := []string{k.top, k.quota()}; len(todo) > 0; todo = todo[1:] {
		path := todo[0]
		children, err := k.look(path, &seen)
		if err != nil {
			return nil, err
		}
		for _, name := range children {
			todo = append(todo, path+"/"+name)
		}
		if children != nil {
			k.paths = append(k.paths, path)
		}
	}
	return seen, nil
}

// look notes data, ACL and children of one node. Children are nil if it does not exist or may not be read.
func (k *keeper) look(path string, seen *[]Sight) (children []string, err error) {
	for _, op := range []int32{opGetData, opGetACL, opGetChildren2} {
		args := []Arg{strArg{v: path}}
		if op != opGetACL {
			args = append(args, boolArg{false})
		}
		r, err := k.call(op, args...)
		if err != nil {
			return nil, err
		}
		head := Fact{Name: "node", Text: strings.ReplaceAll(strings.ReplaceAll(path, k.root, "/~"), k.top, "/top")}
		facts := slices.DeleteFunc(readReply(r, op, r.Xid, k.root), func(f Fact) bool { return f.Name == "zxid" })
		*seen = append(*seen, Sight{Conn: -1, What: "tree", Facts: append([]Fact{head, {Name: "op", Text: opName(op)}}, facts...)})
		if op == opGetChildren2 && r.Err == 0 {
			children = []string{}
			s := scanner{b: r.Body}
			n, _ := s.count(4)
			for range n {
				children = append(children, string(s.take(int(s.int()))))
			}
			slices.Sort(children)
		}
	}
	return children, nil
}

// cleanUp deletes what the last look found, and ends the keeper's session.
func (k *keeper) cleanUp() error {
	for _, path := range slices.Backward(k.paths) {
		if _, err := k.call(opDelete, strArg{v: path}, intArg{-1}); err != nil {
			return err
		}
	}
	return k.conn.CloseSession(k.within)
}

// endsSession says whether a group ends a session, and with it deletes its ephemeral nodes in an order that ZooKeeper leaves open.
func endsSession(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Act == Send && s.Req.Op == opCloseSession })
}

// sortSameZxid orders the events of one transaction on one connection. ZooKeeper walks the ephemerals of a session in hash order,
// so only which events there are can be compared, not their order.
func sortSameZxid(seen []Sight) {
	for i := 0; i < len(seen); {
		j := i + 1
		for j < len(seen) && seen[i].What == "event" && seen[j].What == "event" && seen[j].Conn == seen[i].Conn && zxidOf(seen[j]) == zxidOf(seen[i]) {
			j++
		}
		slices.SortStableFunc(seen[i:j], func(a, b Sight) int { return cmp.Compare(textOf(a), textOf(b)) })
		i = j
	}
}

func zxidOf(s Sight) int64 {
	for _, f := range s.Facts {
		if f.Kind == ZxidFact {
			return f.Num
		}
	}
	return 0
}

func textOf(s Sight) string {
	var b strings.Builder
	for _, f := range s.Facts {
		b.WriteString(f.Text + " ")
	}
	return b.String()
}
