package audit

import (
	"strings"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// event is one line to be. Empty fields are left out.
type event struct {
	session, user, ip, operation, object, znode, znodeType, acl, result string
}

// The results.
const (
	success = "success"
	failure = "failure"
	invoked = "invoked" // something was begun, and who began it will not be here to tell its end
)

func (e *event) append(b []byte) []byte {
	for _, f := range [...][2]string{
		{"session", e.session}, {"user", e.user}, {"ip", e.ip}, {"operation", e.operation}, {"object", e.object}, {"znode", e.znode},
		{"znode_type", e.znodeType}, {"acl", e.acl}, {"result", e.result},
	} {
		if f[1] != "" {
			b = append(append(b, f[0]...), '=')
			b = append(append(b, clean.Replace(f[1])...), '\t')
		}
	}
	b[len(b)-1] = '\n'
	return b
}

// clean keeps a line a line: names of users and nodes are what clients say.
var clean = strings.NewReplacer("\t", `\t`, "\n", `\n`, "\r", `\r`)

// events are the lines of one transaction.
func (l *Log) events(c *server.ClientInfo, t *znode.Txn, r *znode.Result, yield func(*event)) {
	e := event{session: c.Session.String(), user: l.users(c.IDs), ip: c.Remote.Addr().String(), result: failure}
	if t.Op.Kind != znode.KindMulti {
		if r.Code == znode.OK {
			e.result = success
		}
		if e.of(&t.Op, r.Path) {
			yield(&e)
		}
		return
	}
	if r.Code != znode.OK {
		e.operation = "multiOperation"
		yield(&e)
		return
	}
	e.result = success
	for i := range t.Ops {
		part := e
		if part.of(&t.Ops[i], r.Ops[i].Path) {
			yield(&part)
		}
	}
}

// of fills in what an operation is about; false if it is none that is audited. made is the path of a created node, suffix included.
func (e *event) of(op *znode.Op, made string) bool {
	e.znode = op.Path
	switch op.Kind {
	case znode.KindCreate:
		e.operation, e.znodeType = "create", modeText(op.Mode)
		if made != "" {
			e.znode = made
		}
	case znode.KindDelete:
		e.operation = "delete"
	case znode.KindSetData:
		e.operation = "setData"
	case znode.KindSetACL:
		e.operation, e.acl = "setAcl", aclText(op.ACL)
	case znode.KindReconfig:
		e.operation, e.znode = "reconfig", ""
	case znode.KindError:
		if op.Wire != wire.OpReconfig {
			return false // what could not be read was not tried
		}
		e.operation, e.znode = "reconfig", ""
	}
	return e.operation != ""
}

func modeText(m znode.Mode) string {
	names := [...]string{"persistent", "ephemeral", "persistent_sequential", "ephemeral_sequential", "container", "persistent_with_ttl", "persistent_sequential_with_ttl"}
	if m < 0 || int(m) >= len(names) {
		return ""
	}
	return names[m]
}

// aclText is scheme:id:perms of each entry, one behind the other. (ZKUtil.aclToString)
func aclText(acl []znode.ACL) string {
	var b strings.Builder
	for _, a := range acl {
		b.WriteString(a.Scheme + ":" + a.ID + ":")
		for _, p := range [...]struct {
			perm   znode.Perm
			letter byte
		}{{znode.PermCreate, 'c'}, {znode.PermDelete, 'd'}, {znode.PermRead, 'r'}, {znode.PermWrite, 'w'}, {znode.PermAdmin, 'a'}} {
			if a.Perms&p.perm != 0 {
				b.WriteByte(p.letter)
			}
		}
	}
	return b.String()
}
