package znode

import (
	"cmp"
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// call is one transaction on its way through the state.
type call struct {
	zxid int64
	time int64
	txn  *Txn
	res  *Result
}

// byServer says that the server itself asks: neither its session nor its permissions are checked.
func (c *call) byServer() bool { return c.txn.Session == 0 }

func (c *call) flag(f Flags) bool { return c.txn.Flags&f != 0 }

func (c *call) event(t EventType, path string, acl []ACL) {
	c.res.Events = append(c.res.Events, Event{Type: t, Path: eventPath(path), ACL: acl})
}

// Apply judges and applies one committed transaction and leaves the outcome in r (which it resets first). It is total: every
// transaction has a defined outcome. Strings and bytes in r may alias t. Txn.Session 0 is the server itself: neither its session nor
// its permissions are checked. timeMs is the entry's time (leader's wall clock).
func (s *State) Apply(z zxid.ID, timeMs int64, t *Txn, r *Result) {
	r.Reset()
	r.Zxid, r.Time = z, timeMs
	c := call{zxid: int64(z), time: timeMs, txn: t, res: r}
	switch t.Op.Kind {
	case KindMulti:
		r.Code = s.multi(&c)
	case KindCreateSession:
		r.Code = s.createSession(&c)
	case KindCloseSession:
		r.Code = s.closeSession(&c)
	case KindPutSecret:
		r.Code = s.putSecret(&c)
	case KindError:
		r.Code = t.Op.Err
		if r.Code == OK {
			r.Code = ErrSystem
		}
	default:
		var out OpResult
		r.Code = s.one(&c, &t.Op, singleWire(&t.Op), &out)
		r.Path, r.Stat = out.Path, out.Stat
	}
	s.Advance(z, timeMs)
}

// ApplyUndecodable is Apply for an entry whose payload DecodeTxn refuses: it takes the zxid and answers ErrMarshalling.
func (s *State) ApplyUndecodable(z zxid.ID, timeMs int64, r *Result) {
	r.Reset()
	r.Zxid, r.Time, r.Code = z, timeMs, ErrMarshalling
	s.Advance(z, timeMs)
}

// Advance notes that the history reached z without a transaction for the state (new-leader entries).
func (s *State) Advance(z zxid.ID, timeMs int64) { s.zxid, s.time = z, timeMs }

// one judges and applies a single operation; wire is the opcode whose rules hold.
func (s *State) one(c *call, op *Op, wire int32, out *OpResult) Code {
	switch op.Kind {
	case KindCreate:
		return s.create(c, op, wire, out)
	case KindDelete:
		return s.delete(c, op)
	case KindSetData:
		return s.setData(c, op, out)
	case KindSetACL:
		return s.setACL(c, op, out)
	case KindCheck:
		return s.check(c, op)
	case KindDeleteContainer:
		return s.deleteContainer(c, op)
	case KindReconfig:
		return s.reconfig(c, op, out)
	}
	return ErrUnimplemented
}

// checkSession refuses requests of sessions that have ended (SessionTracker.checkSession). A local session is its server's to vouch for.
func (s *State) checkSession(c *call) Code {
	if !c.byServer() && !c.flag(FlagLocalSession) && s.sessions[c.txn.Session] == nil {
		return ErrSessionExpired
	}
	return OK
}

func (s *State) permitted(c *call, n *node, perm Perm) bool {
	return c.byServer() || s.allowed(n.acl, perm, c.txn.Auth, c.txn.Flags)
}

func (s *State) delete(c *call, op *Op) Code {
	id, code := s.judgeDelete(c, op)
	if code == OK {
		s.deleteNode(c, id, op.Path)
	}
	return code
}

// judgeDelete is PrepRequestProcessor's delete; its order of checks is part of the contract.
func (s *State) judgeDelete(c *call, op *Op) (id nodeID, code Code) {
	if code := s.checkSession(c); code != OK {
		return 0, code
	}
	dir, _, ok := parentPath(op.Path)
	if !ok || reservedPath(op.Path) {
		return 0, ErrBadArguments
	}
	parent := s.find(dir)
	if parent == 0 {
		return 0, ErrNoNode
	}
	if !s.permitted(c, s.nodes.at(parent), PermDelete) {
		return 0, ErrNoAuth
	}
	if id = s.find(op.Path); id == 0 {
		return 0, ErrNoNode
	}
	n := s.nodes.at(id)
	if op.Version != -1 && op.Version != n.version {
		return 0, ErrBadVersion
	}
	if n.children > 0 {
		return 0, ErrNotEmpty
	}
	return id, OK
}

// deleteContainer collects an empty container or a TTL node that ran out, by the times in the history alone: the leader has judged its age by
// what it knows of the clocks before it proposed this. The proposal may be older than the state: a container that
// is in use, was never used, or a TTL node that was written again stays (ErrBadVersion). ZooKeeper deletes any childless node that
// is no ephemeral here; we do not.
func (s *State) deleteContainer(c *call, op *Op) Code {
	dir, _, ok := parentPath(op.Path)
	if !ok || reservedPath(op.Path) {
		return ErrBadArguments
	}
	id := s.find(op.Path)
	if id == 0 || s.find(dir) == 0 {
		return ErrNoNode
	}
	n := s.nodes.at(id)
	if n.children > 0 {
		return ErrNotEmpty
	}
	if !n.spent(c.time-n.mtime, op.TTL) {
		return ErrBadVersion
	}
	s.deleteNode(c, id, op.Path)
	return OK
}

// deleteNode is DataTree.deleteNode: pzxid of the parent, quotas, then the node's and the parent's event.
func (s *State) deleteNode(c *call, id nodeID, path string) {
	n := s.nodes.at(id)
	parent := s.touch(n.parent)
	parent.pzxid = c.zxid
	s.settle(parent)

	acl, parentACL := s.acls.list(n.acl), s.acls.list(parent.acl)
	size := int64(max(n.dataLen, 0))
	s.undo.note(undoDeleted, id)
	s.detach(id)
	s.countQuota(path, -size, -1)
	s.releaseNode(id)
	c.event(EventDeleted, path, acl)
	c.event(EventChildrenChanged, path[:strings.LastIndexByte(path, '/')], parentACL)
}

func (s *State) setData(c *call, op *Op, out *OpResult) Code {
	id, growth, code := s.judgeSetData(c, op)
	if code != OK {
		return code
	}
	if growth > 0 && c.flag(FlagNoGrow) {
		return ErrQuotaExceeded
	}
	s.writeData(c, id, op.Data, s.nodes.at(id).version+1, out)
	s.countQuota(op.Path, growth, 0)
	c.event(EventDataChanged, op.Path, s.acls.list(s.nodes.at(id).acl))
	return OK
}

// judgeSetData says which node a setData would change and by how many bytes it grows, or why it is refused, whatever room there is.
func (s *State) judgeSetData(c *call, op *Op) (id nodeID, growth int64, code Code) {
	if code := s.checkSession(c); code != OK {
		return 0, 0, code
	}
	if !ValidPath(op.Path) {
		return 0, 0, ErrBadArguments
	}
	if id = s.find(op.Path); id == 0 {
		return 0, 0, ErrNoNode
	}
	n := s.nodes.at(id)
	if !s.permitted(c, n, PermWrite) {
		return 0, 0, ErrNoAuth
	}
	growth = int64(len(op.Data)) - int64(max(n.dataLen, 0))
	if code := s.checkQuota(c, op.Path, growth, 0); code != OK {
		return 0, 0, code
	}
	if op.Version != -1 && op.Version != n.version {
		return 0, 0, ErrBadVersion
	}
	return id, growth, OK
}

func (s *State) writeData(c *call, id nodeID, data []byte, version int32, out *OpResult) {
	n := s.touch(id)
	s.replaceData(n, data)
	n.version, n.mtime, n.mzxid = version, c.time, c.zxid
	s.settle(n)
	out.Stat = n.stat()
}

// reconfig puts the text that the proposer made of the new ensemble into /zookeeper/config. Its version stays -1 for ever.
func (s *State) reconfig(c *call, op *Op, out *OpResult) Code {
	if code := s.checkSession(c); code != OK {
		return code
	}
	id := s.find(ConfigPath)
	if id == 0 {
		return ErrNoNode
	}
	n := s.nodes.at(id)
	if !s.permitted(c, n, PermWrite) {
		return ErrNoAuth
	}
	growth := int64(len(op.Data)) - int64(max(n.dataLen, 0))
	s.writeData(c, id, op.Data, -1, out)
	s.countQuota(ConfigPath, growth, 0)
	c.event(EventDataChanged, ConfigPath, s.acls.list(n.acl))
	out.Path, c.res.Data = ConfigPath, op.Data
	return OK
}

func (s *State) setACL(c *call, op *Op, out *OpResult) Code {
	if code := s.checkSession(c); code != OK {
		return code
	}
	if !ValidPath(op.Path) {
		return ErrBadArguments
	}
	acl, code := s.scratch.expandACL(op.ACL, c.txn.Auth, c.txn.Flags)
	if code != OK {
		return code
	}
	id := s.find(op.Path)
	if id == 0 {
		return ErrNoNode
	}
	n := s.nodes.at(id)
	if !s.permitted(c, n, PermAdmin) {
		return ErrNoAuth
	}
	if op.Version != -1 && op.Version != n.aversion {
		return ErrBadVersion
	}
	s.touch(id)
	old := n.acl
	n.acl = s.acls.intern(acl)
	s.acls.ref(n.acl)
	n.aversion++
	s.settle(n)
	s.releaseACL(old)
	out.Stat = n.stat()
	return OK
}

func (s *State) check(c *call, op *Op) Code {
	if code := s.checkSession(c); code != OK {
		return code
	}
	if !ValidPath(op.Path) {
		return ErrBadArguments
	}
	id := s.find(op.Path)
	if id == 0 {
		return ErrNoNode
	}
	n := s.nodes.at(id)
	if !s.permitted(c, n, PermRead) {
		return ErrNoAuth
	}
	if op.Version != -1 && op.Version != n.version {
		return ErrBadVersion
	}
	return OK
}

// createSession begins a session. A replay of the same one is fine and only sets the timeout; another password for a session that
// exists is refused, so that an id can never be taken over.
func (s *State) createSession(c *call) Code {
	op := &c.txn.Op
	if !sessionIDValid(c.txn.Session) || len(op.Password) != 16 || op.Timeout <= 0 {
		return ErrBadArguments
	}
	password := [16]byte(op.Password)
	if rec := s.sessions[c.txn.Session]; rec != nil {
		if rec.password != password {
			return ErrBadArguments
		}
	}
	s.putSession(c.txn.Session, op.Timeout, password)
	return OK
}

func (s *State) putSession(id session.ID, timeoutMs int32, password [16]byte) {
	rec := s.sessions[id]
	if rec == nil {
		rec = &sessionRecord{}
		s.sessions[id] = rec
	} else {
		s.totals.sum -= sessionHash(id, rec.timeoutMs, &rec.password)
	}
	rec.timeoutMs, rec.password = timeoutMs, password
	s.totals.sum += sessionHash(id, timeoutMs, &password)
	s.markSession(id, rec)
}

// closeSession ends a session and deletes its ephemerals in the order of their creation (ZooKeeper promises no order, but all servers
// must agree on one). Closing what is closed is fine.
func (s *State) closeSession(c *call) Code {
	id := c.txn.Session
	rec := s.sessions[id]
	if rec == nil {
		return OK
	}
	for _, e := range s.inCreationOrder(rec.owned) {
		s.deleteNode(c, e.id, e.path)
		c.res.Closed = append(c.res.Closed, e.path)
	}
	s.totals.sum -= sessionHash(id, rec.timeoutMs, &rec.password)
	s.markSession(id, rec)
	delete(s.sessions, id)
	return OK
}

type createdNode struct {
	id    nodeID
	czxid int64
	path  string
}

func (s *State) inCreationOrder(ids []nodeID) []createdNode {
	list := make([]createdNode, len(ids))
	for i, id := range ids {
		list[i] = createdNode{id, s.nodes.at(id).czxid, s.path(id)}
	}
	slices.SortFunc(list, func(a, b createdNode) int {
		return cmp.Or(cmp.Compare(a.czxid, b.czxid), cmp.Compare(a.path, b.path))
	})
	return list
}

// putSecret stores a private record of the ensemble; nil data removes it. Version 0 only founds it: two leaders may both try to.
func (s *State) putSecret(c *call) Code {
	op := &c.txn.Op
	if op.Path == "" || len(op.Path) > maxSecretName || !c.byServer() {
		return ErrBadArguments
	}
	name := strings.Clone(op.Path)
	old, ok := s.secrets[name]
	if ok && op.Version == 0 {
		return ErrNodeExists
	}
	s.keepSecret(name, old, op.Data)
	return OK
}

func (s *State) keepSecret(name string, old, data []byte) {
	if old != nil {
		s.totals.sum -= secretHash(name, old)
		delete(s.secrets, name)
	}
	if data != nil {
		s.secrets[name] = slices.Clone(data)
		s.totals.sum += secretHash(name, data)
	}
	s.feed.secrets = append(s.feed.secrets, name)
}

// SetSecret changes a private record without a transaction, nil data removes it: for a copy of a state that begins a life of its own, before a history
// runs on it.
func (s *State) SetSecret(name string, data []byte) {
	name = strings.Clone(name)
	s.keepSecret(name, s.secrets[name], data)
}
