package znode

// Opcodes of the wire whose creates differ.
const (
	wireCreate          int32 = 1
	wireCreate2         int32 = 15
	wireCreateContainer int32 = 19
	wireCreateTTL       int32 = 21
)

func (m Mode) known() bool { return m >= ModePersistent && m <= ModePersistentSequentialWithTTL }

func (m Mode) Sequential() bool {
	return m == ModePersistentSequential || m == ModeEphemeralSequential || m == ModePersistentSequentialWithTTL
}

func (m Mode) ephemeral() bool { return m == ModeEphemeral || m == ModeEphemeralSequential }

func (m Mode) ttl() bool { return m == ModePersistentWithTTL || m == ModePersistentSequentialWithTTL }

// singleWire is the opcode whose rules hold for a create outside a multi. The server's own creates (Wire 0) go by their mode.
func singleWire(op *Op) int32 {
	if op.Kind != KindCreate || op.Wire != 0 {
		return op.Wire
	}
	switch {
	case op.Mode == ModeContainer:
		return wireCreateContainer
	case op.Mode.ttl():
		return wireCreateTTL
	}
	return wireCreate2
}

// place is where a create puts its node.
type place struct {
	parent     nodeID
	path, name string
	acl        []ACL
}

// create is PrepRequestProcessor.pRequest2TxnCreate and DataTree.createNode.
func (s *State) create(c *call, op *Op, wire int32, out *OpResult) Code {
	at, code := s.judgeCreate(c, op, wire, &s.scratch)
	if code != OK {
		return code
	}
	if c.flag(FlagNoGrow) {
		return ErrQuotaExceeded
	}
	s.createNode(c, at.parent, at.path, at.name, op.Data, s.acls.intern(at.acl), ownerOf(c, op, wire), out)
	return OK
}

// judgeCreate says where a create would put its node, or why it is refused, whatever room there is. The order of checks is part of the contract. It
// changes nothing but the scratch.
func (s *State) judgeCreate(c *call, op *Op, wire int32, tmp *scratch) (at place, code Code) {
	if code := checkMode(op, wire, c.txn.Flags); code != OK {
		return at, code
	}
	if code := s.checkSession(c); code != OK || c.byServer() && op.Mode.ephemeral() {
		return at, ErrSessionExpired
	}
	if op.Mode.ephemeral() && c.flag(FlagLocalSession) {
		return at, ErrEphemeralOnLocalSession
	}
	dir, _, ok := parentPath(op.Path)
	if !ok {
		return at, ErrBadArguments
	}
	if at.acl, code = tmp.expandACL(op.ACL, c.txn.Auth, c.txn.Flags); code != OK {
		return at, code
	}
	if at.parent = s.find(dir); at.parent == 0 {
		return at, ErrNoNode
	}
	p := s.nodes.at(at.parent)
	if !s.permitted(c, p, PermCreate) {
		return at, ErrNoAuth
	}
	at.path = op.Path
	if op.Mode.Sequential() {
		tmp.path = appendSequence(append(tmp.path[:0], at.path...), p.cversion)
		at.path = string(tmp.path)
	}
	if !ValidPath(at.path) || len(at.path) > maxPath {
		return at, ErrBadArguments
	}
	at.name = at.path[len(dir)+1:]
	if at.path == pathRoot || s.findChild(at.parent, at.name) != 0 {
		return at, ErrNodeExists
	}
	if ownerClass(p.owner) == ownedBySession {
		return at, ErrNoChildrenForEphemerals
	}
	return at, s.checkQuota(c, at.path, int64(len(op.Data)), 1)
}

// checkMode judges flags and ttl together, before the session is looked at (PrepRequestProcessor.validateCreateRequest). A TTL
// request without a TTL mode is refused whatever its ttl: in ZooKeeper a negative one would reach the log and stop the server.
func checkMode(op *Op, wire int32, fl Flags) Code {
	switch {
	case !op.Mode.known():
		return ErrBadArguments
	case op.Mode.ttl() && fl&FlagExtendedTypes == 0:
		return ErrUnimplemented
	case op.Mode.ttl():
		if wire != wireCreateTTL || op.TTL <= 0 || op.TTL > MaxTTL {
			return ErrBadArguments
		}
	case wire == wireCreateTTL:
		return ErrBadArguments
	}
	return OK
}

// JudgeMode is what a single create is refused with for its flags and its ttl, which no state can change; OK if they are good.
func JudgeMode(op *Op, fl Flags) Code { return checkMode(op, singleWire(op), fl) }

// ownerOf is what keeps the new node alive. The opcode decides, not the flags: create with the container flag makes a plain
// persistent node, createContainer with any flag a container.
func ownerOf(c *call, op *Op, wire int32) int64 {
	switch {
	case wire == wireCreateContainer:
		return containerOwner
	case wire == wireCreateTTL:
		return ttlOwner | op.TTL
	case op.Mode.ephemeral():
		return int64(c.txn.Session)
	}
	return 0
}

func (s *State) createNode(c *call, parent nodeID, path, name string, data []byte, acl aclID, owner int64, out *OpResult) {
	p := s.touch(parent)
	p.cversion++
	p.pzxid = c.zxid
	s.settle(p)

	id := s.newNode(parent, name, data, acl)
	n := s.nodes.at(id)
	n.czxid, n.mzxid, n.pzxid = c.zxid, c.zxid, c.zxid
	n.ctime, n.mtime, n.owner = c.time, c.time, owner
	s.attach(id)
	s.undo.note(undoCreated, id)
	out.Path, out.Stat = path, n.stat()

	s.fillQuotaStats(id, n)
	s.countQuota(path, int64(len(data)), 1)
	c.event(EventCreated, path, s.acls.list(acl))
	c.event(EventChildrenChanged, path[:len(path)-len(name)-1], s.acls.list(p.acl))
}
