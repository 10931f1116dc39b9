package server_test

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// request makes a frame of a line: op [path] [key=value]...
func (c *client) request(t *testing.T, line string) []byte {
	words := strings.Fields(line)
	if words[0] == "hex" {
		b, err := hex.DecodeString(strings.Join(words[1:], ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := args{t: t, m: map[string]string{}}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		if strings.HasPrefix(k, "/") || k == `""` {
			k, v = "path", strings.Trim(w, `"`)
		}
		a.m[k] = v
	}
	op := opByName(t, words[0])
	c.xid++
	xid := c.xid
	switch op {
	case wire.OpPing:
		xid = wire.XidPing
	case wire.OpAuth:
		xid = wire.XidAuth
	case wire.OpSetWatches, wire.OpSetWatches2:
		xid = wire.XidSetWatches
	}
	if v, ok := a.m["xid"]; ok {
		n, _ := strconv.Atoi(v)
		xid = int32(n)
	}
	if xid != c.xid && xid < 0 {
		c.xid--
	}
	c.ops[xid] = append(c.ops[xid], op)
	b := wire.RequestHeader{Xid: xid, Op: op}.Append(nil)
	b = a.body(b, op)
	if cut, ok := a.m["cut"]; ok {
		n, _ := strconv.Atoi(cut)
		b = b[:len(b)-n]
	}
	return b
}

func opByName(t *testing.T, name string) int32 {
	for op := int32(-20); op < 200; op++ {
		if wire.OpName(op) == name {
			return op
		}
	}
	t.Fatalf("no operation %q", name)
	return 0
}

// args are the words of a request line.
type args struct {
	t *testing.T
	m map[string]string
}

func (a args) num(key string, def int64) int64 {
	v, ok := a.m[key]
	if !ok {
		return def
	}
	n, err := strconv.ParseInt(v, 0, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

func (a args) has(key string) bool { _, ok := a.m[key]; return ok }

func (a args) data() []byte {
	if v, ok := a.m["data"]; ok {
		return []byte(v)
	}
	return nil
}

func (a args) list(key string) jute.Vector {
	if v := a.m[key]; v != "" {
		return jute.NewVector(strings.Split(v, ","))
	}
	return jute.NewVector([]string{})
}

func (a args) acl() []znode.ACL {
	switch a.m["acl"] {
	case "":
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "world", ID: "anyone"}}
	case "auth":
		return []znode.ACL{{Perms: znode.PermAll, Scheme: "auth"}}
	}
	n, _ := strconv.Atoi(a.m["acl"])
	return []znode.ACL{{Perms: znode.Perm(n), Scheme: "world", ID: "anyone"}}
}

func (a args) body(b []byte, op int32) []byte {
	path := a.m["path"]
	o := znode.Op{Kind: znode.KindCreate, Wire: op, Path: path, Data: a.data(), ACL: a.acl(), Mode: znode.Mode(a.num("flags", 0)),
		TTL: a.num("ttl", 0), Version: int32(a.num("version", -1))}
	switch op {
	case wire.OpCreate, wire.OpCreate2, wire.OpCreateContainer, wire.OpCreateTTL, wire.OpDelete, wire.OpCheck, wire.OpSetData, wire.OpSetACL:
		return wire.AppendOp(b, &o)
	case wire.OpExists, wire.OpGetData, wire.OpGetChildren, wire.OpGetChildren2:
		return (&wire.PathWatch{Path: path, Watch: a.has("watch")}).Append(b)
	case wire.OpGetACL, wire.OpGetAllChildrenNumber:
		return (&wire.PathOnly{Path: path}).Append(b)
	case wire.OpSync, wire.OpGetEphemerals:
		if !a.has("path") {
			return jute.AppendNull(b)
		}
		return jute.AppendText(b, path)
	case wire.OpAddWatch:
		return (&wire.PathInt{Path: path, Value: int32(a.num("mode", 0))}).Append(b)
	case wire.OpCheckWatches, wire.OpRemoveWatches:
		return (&wire.PathInt{Path: path, Value: int32(a.num("type", 3))}).Append(b)
	case wire.OpSetWatches, wire.OpSetWatches2:
		q := wire.SetWatches{RelativeZxid: zxid.ID(a.num("since", 0)), Data: a.list("data"), Exist: a.list("exist"), Child: a.list("child"),
			Persistent: a.list("persistent"), PersistentRecurs: a.list("recursive")}
		return q.Append(b, op)
	case wire.OpAuth:
		return (&wire.AuthPacket{Scheme: a.m["scheme"], Auth: []byte(a.m["id"])}).Append(b)
	case wire.OpSASL:
		return (&wire.SASLToken{Token: []byte("hello")}).Append(b)
	case wire.OpReconfig:
		q := wire.ReconfigRequest{ConfigID: a.num("version", -1)}
		for key, field := range map[string]*[]byte{"members": &q.NewMembers, "join": &q.Joining, "leave": &q.Leaving} {
			if a.has(key) {
				*field = []byte(a.m[key])
			}
		}
		return q.Append(b)
	case wire.OpMulti:
		return a.multi(b)
	case wire.OpMultiRead:
		var ops []wire.ReadOp
		for _, p := range strings.Split(a.m["get"], ",") {
			ops = append(ops, wire.ReadOp{Op: wire.OpGetData, Path: p})
		}
		return wire.AppendMultiRead(b, ops)
	}
	return b
}

// multi understands create=/a,/b set=/c check=/d:3 delete=/e in this order.
func (a args) multi(b []byte) []byte {
	var ops []znode.Op
	for _, key := range []string{"create", "create2", "ephemeral", "set", "check", "delete"} {
		for _, p := range strings.Split(a.m[key], ",") {
			if p == "" {
				continue
			}
			p, v, _ := strings.Cut(p, ":")
			o := znode.Op{Path: p, ACL: a.acl(), Version: -1}
			if v != "" {
				n, _ := strconv.Atoi(v)
				o.Version = int32(n)
			}
			switch key {
			case "create":
				o.Kind, o.Wire = znode.KindCreate, wire.OpCreate
			case "ephemeral":
				o.Kind, o.Wire, o.Mode = znode.KindCreate, wire.OpCreate, znode.ModeEphemeral
			case "create2":
				o.Kind, o.Wire = znode.KindCreate, wire.OpCreate2
			case "set":
				o.Kind, o.Wire = znode.KindSetData, wire.OpSetData
			case "check":
				o.Kind, o.Wire = znode.KindCheck, wire.OpCheck
			case "delete":
				o.Kind, o.Wire = znode.KindDelete, wire.OpDelete
			}
			ops = append(ops, o)
		}
	}
	return wire.AppendMulti(b, ops)
}
