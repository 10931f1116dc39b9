package crosscheck

import (
	"math"
	"strings"
)

// profiles are what scripts can dwell on; a seed chooses one.
func profiles() []profile {
	return []profile{
		{name: "mixed", conns: 3, burst: 8, acl: 15, odd: 3, session: 3, ops: all()},
		{name: "watches", conns: 3, burst: 10, acl: 8, odd: 1, session: 3, ops: append(watching(), writing()...)},
		{name: "acl", conns: 3, burst: 5, acl: 75, odd: 1, session: 2, ops: append(all(), weighted{8, (*gen).auth}, weighted{6, (*gen).setACL}, weighted{4, (*gen).getACL})},
		{name: "multi", conns: 2, burst: 8, acl: 12, odd: 3, session: 1, ops: append(all(), weighted{40, (*gen).multi}, weighted{10, (*gen).multiRead})},
		{name: "sessions", conns: 4, burst: 10, acl: 5, odd: 6, session: 15, ops: append(watching(), writing()...)},
		{name: "pipeline", conns: 2, burst: 60, acl: 5, odd: 2, session: 2, ops: all()},
		{name: "quota", conns: 2, burst: 0, acl: 3, odd: 1, session: 2, quota: 30, ops: append(singleWrites(), reading()...)},
		{name: "odd", conns: 2, burst: 5, acl: 20, odd: 35, session: 8, ops: all()},
	}
}

func all() []weighted { return append(append(reading(), writing()...), watching()...) }

func writing() []weighted { return append(singleWrites(), weighted{4, (*gen).multi}) }

// singleWrites is for quotas, too: ZooKeeper judges a write by the quota as it was when all earlier ones had been applied, so the parts
// of a multi, and bursts, overshoot; Paddock judges when it applies.
func singleWrites() []weighted {
	return []weighted{
		{12, (*gen).create}, {8, (*gen).create2}, {3, (*gen).createContainer}, {4, (*gen).createTTL},
		{9, (*gen).remove}, {8, (*gen).setData}, {2, (*gen).setACL},
	}
}

func reading() []weighted {
	return []weighted{
		{5, (*gen).getData}, {5, (*gen).exists}, {4, (*gen).getChildren}, {4, (*gen).getChildren2}, {3, (*gen).getACL},
		{2, (*gen).getEphemerals}, {2, (*gen).allChildren}, {2, (*gen).multiRead}, {2, (*gen).whoAmI}, {2, (*gen).sync},
		{1, (*gen).auth}, {1, (*gen).reconfig}, {1, (*gen).sasl}, {1, (*gen).ping},
	}
}

func watching() []weighted {
	return []weighted{
		{6, (*gen).getData}, {6, (*gen).exists}, {4, (*gen).getChildren}, {4, (*gen).getChildren2}, {6, (*gen).addWatch},
		{4, (*gen).removeWatches}, {3, (*gen).checkWatches}, {4, (*gen).setWatches}, {3, (*gen).setWatches2},
	}
}

func (g *gen) pathArg() strArg {
	if chance(g.r, 0.5) {
		return strArg{null: true}
	}
	return strArg{v: g.path()}
}

// notNull is for addWatch, where ZooKeeper takes a null path for a path like any other, which no client can mean.
func (g *gen) notNull() strArg { return strArg{v: g.path()} }

func (g *gen) flags() int32 {
	switch r := g.r; {
	case chance(r, 55):
		return 0
	case chance(r, 80):
		return 1 + r.Int32N(3)
	default:
		return pick(r, []int32{4, 5, 6, 7, -1, 1 << 20})
	}
}

// createPath is a path to create: with a sequential flag its last name gets a number.
func (g *gen) createPath(flags int32) strArg {
	p := g.pathArg()
	if flags == 2 || flags == 3 || flags == 6 {
		if chance(g.r, 60) {
			p = strArg{v: pick(g.r, []string{"~/s", "~/a/s", "~/a", "~/", "~/a/"})}
		}
	}
	return p
}

func (g *gen) createArgs(flags int32) []Arg {
	return []Arg{g.createPath(flags), g.data(), g.acls(), intArg{flags}}
}

func (g *gen) create() Request  { return Request{Op: opCreate, Args: g.createArgs(g.flags())} }
func (g *gen) create2() Request { return Request{Op: opCreate2, Args: g.createArgs(g.flags())} }

func (g *gen) createContainer() Request {
	flags := int32(4)
	if chance(g.r, 10) {
		// Not an ephemeral flag: what is prepared is an ephemeral node then, what is applied a container, and which of the two a
		// following request meets depends on ZooKeeper's threads.
		flags = pick(g.r, []int32{0, 2, 5, 6, 7, -1})
	}
	return Request{Op: opCreateContainer, Args: g.createArgs(flags)}
}

func (g *gen) createTTL() Request {
	flags, ttl := pick(g.r, []int32{5, 5, 6}), pick(g.r, []int64{1_000_000, 1_000_000, 1<<40 - 1, 1})
	switch {
	case chance(g.r, 10):
		ttl = pick(g.r, []int64{0, -1, 1 << 40, 1 << 62, -1 << 63})
	case chance(g.r, 10):
		// Never with a negative ttl: ZooKeeper 3.9.5 logs that one and fails when it applies it.
		flags, ttl = g.flags(), pick(g.r, []int64{0, 1, 1000})
	}
	return Request{Op: opCreateTTL, Args: append(g.createArgs(flags), longArg{ttl})}
}

func (g *gen) remove() Request {
	return Request{Op: opDelete, Args: []Arg{g.pathArg(), intArg{g.version()}}}
}

func (g *gen) setData() Request {
	return Request{Op: opSetData, Args: []Arg{g.pathArg(), g.data(), intArg{g.version()}}}
}

func (g *gen) setACL() Request {
	p := g.pathArg()
	if p.v == "/" || len(p.v) > 10 && p.v[:10] == "/zookeeper" {
		p.v = "~/a" // locking everybody out of "/" would end the run
	}
	return Request{Op: opSetACL, Args: []Arg{p, g.acls(), intArg{g.version()}}}
}

func (g *gen) watched(op int32) Request {
	return Request{Op: op, Args: []Arg{g.pathArg(), boolArg{chance(g.r, 50)}}}
}

func (g *gen) getData() Request      { return g.watched(opGetData) }
func (g *gen) exists() Request       { return g.watched(opExists) }
func (g *gen) getChildren() Request  { return g.watched(opGetChildren) }
func (g *gen) getChildren2() Request { return g.watched(opGetChildren2) }
func (g *gen) getACL() Request       { return Request{Op: opGetACL, Args: []Arg{g.pathArg()}} }
func (g *gen) sync() Request         { return Request{Op: opSync, Args: []Arg{g.pathArg()}} }
func (g *gen) allChildren() Request  { return Request{Op: opAllChildren, Args: []Arg{g.pathArg()}} }
func (g *gen) whoAmI() Request       { return Request{Op: opWhoAmI} }
func (g *gen) ping() Request         { return Request{Op: opPing} }

func (g *gen) getEphemerals() Request {
	p := strArg{v: pick(g.r, []string{"", "/", " ", "~", "~/a", "~/", "a", "~/s"}), null: chance(g.r, 10)}
	return Request{Op: opGetEphemerals, Args: []Arg{p}}
}

func (g *gen) auth() Request {
	scheme, auth := g.credentials()
	return Request{Op: opAuth, Args: []Arg{intArg{0}, strArg{v: scheme}, bufArg{v: []byte(auth)}}}
}

func (g *gen) sasl() Request {
	return Request{Op: opSASL, Args: []Arg{pick(g.r, []bufArg{{}, {v: []byte{}}, {v: []byte("token")}})}}
}

func (g *gen) reconfig() Request {
	text := func() strArg {
		return pick(g.r, []strArg{{null: true}, {v: ""}, {v: "server.1=127.0.0.1:1:2:participant;127.0.0.1:3"}, {v: "nonsense"}})
	}
	return Request{Op: opReconfig, Args: []Arg{text(), text(), text(), longArg{pick(g.r, []int64{-1, 0, 5})}}}
}

func (g *gen) addWatch() Request {
	mode := g.r.Int32N(2)
	if chance(g.r, 4) {
		mode = pick(g.r, []int32{2, -1, 100})
	}
	return Request{Op: opAddWatch, Args: []Arg{g.notNull(), intArg{mode}}}
}

func (g *gen) watcherType() intArg {
	if chance(g.r, 4) {
		return intArg{pick(g.r, []int32{0, 6, -1})}
	}
	return intArg{1 + g.r.Int32N(5)}
}

func (g *gen) askWatches(op int32) Request {
	return Request{Op: op, Args: []Arg{strArg{v: g.path(), null: chance(g.r, 3)}, g.watcherType()}}
}

func (g *gen) removeWatches() Request { return g.askWatches(opRemoveWatches) }
func (g *gen) checkWatches() Request  { return g.askWatches(opCheckWatches) }

func (g *gen) watchLists(n int) []Arg {
	since := zxidArg{delta: pick(g.r, []int64{0, 0, -1, -2, -3, -5, -8, -13, -1000, 1000})}
	if chance(g.r, 5) {
		since = zxidArg{delta: pick(g.r, []int64{0, -1, math.MinInt64, math.MaxInt64}), fixed: true}
	}
	args := []Arg{since}
	for which := range n {
		list := make([]string, g.r.IntN(3))
		for i := range list {
			if list[i] = g.path(); which < 3 && chance(g.r, 1) { // among the persistent ones ZooKeeper watches null
				list[i] = nullText
			}
		}
		args = append(args, listArg{v: list, null: chance(g.r, 1)})
	}
	return args
}

func (g *gen) setWatches() Request  { return Request{Op: opSetWatches, Args: g.watchLists(3)} }
func (g *gen) setWatches2() Request { return Request{Op: opSetWatches2, Args: g.watchLists(5)} }

func (g *gen) multi() Request {
	var ops []part
	g.inMulti = true
	defer func() { g.inMulti = false }()
	for range pick(g.r, []int{0, 1, 2, 2, 3, 3, 4, 6}) {
		var req Request
		switch n := g.r.IntN(100); {
		case n < 25:
			req = g.create()
		case n < 40:
			req = g.create2()
		case n < 45:
			req = g.createContainer()
		case n < 50:
			req = g.createTTL()
		case n < 65:
			req = g.remove()
		case n < 80:
			req = g.setData()
		case n < 98:
			req = Request{Op: opCheck, Args: []Arg{g.pathArg(), intArg{g.version()}}}
		default:
			req = g.misplaced()
		}
		g.tame(req.Args)
		ops = append(ops, part{req.Op, req.Args})
	}
	return Request{Op: opMulti, Args: []Arg{opsArg{ops}}}
}

// misplaced is a request that has no business inside a multi.
func (g *gen) misplaced() Request {
	return pick(g.r, []func(*gen) Request{(*gen).getData, (*gen).setACL, (*gen).exists, (*gen).sync, (*gen).ping, (*gen).getChildren})(g)
}

func (g *gen) multiRead() Request {
	var ops []part
	g.inMulti = true
	defer func() { g.inMulti = false }()
	wrong := pick(g.r, []float64{2, 2, 2, 30, 100}) // chance of a part that reads no data and no children; writes alone are another thing than a mixture
	for range pick(g.r, []int{0, 1, 2, 2, 3, 5}) {
		req := pick(g.r, []func(*gen) Request{(*gen).getData, (*gen).getChildren})(g)
		if chance(g.r, wrong) {
			req = pick(g.r, []func(*gen) Request{(*gen).exists, (*gen).create, (*gen).create, (*gen).createTTL, (*gen).remove, (*gen).setData, (*gen).getChildren2})(g)
		}
		g.tame(req.Args)
		ops = append(ops, part{req.Op, req.Args})
	}
	return Request{Op: opMultiRead, Args: []Arg{opsArg{ops}}}
}

// tame gives the nodes that hold quotas a text that can be read. Any other text, as any client may write it, kills ZooKeeper 3.9.5:
// the thread that applies the transaction dies while it parses it (ArrayIndexOutOfBoundsException in StatsTrack).
func (g *gen) tame(args []Arg) {
	if len(args) < 2 {
		return
	}
	path, _ := args[0].(strArg)
	if _, ok := args[1].(bufArg); !ok {
		return
	}
	switch {
	case strings.HasSuffix(path.v, "/zookeeper_limits"):
		args[1] = g.limits()
	case strings.HasSuffix(path.v, "/zookeeper_stats"):
		args[1] = bufArg{v: []byte("count=0,bytes=0")}
	}
}

func (g *gen) limits() bufArg {
	return bufArg{v: []byte(pick(g.r, []string{
		"count=3,bytes=20", "count=-1,bytes=30", "count=2,bytes=-1=;byteHardLimit=-1;countHardLimit=4",
		"count=-1,bytes=-1=;byteHardLimit=25;countHardLimit=-1", "count=100,bytes=1000=;byteHardLimit=40;countHardLimit=6",
	}))}
}

// quotaRequest is about a quota of the run's root or of its child a.
func (g *gen) quotaRequest() Request {
	base := pick(g.r, []string{"/zookeeper/quota/~", "/zookeeper/quota/~/a"})
	world := aclArg{list: []acl{{31, "world", "anyone"}}}
	make := func(path string, data bufArg) Request {
		return Request{Op: opCreate, Args: []Arg{strArg{v: path}, data, world, intArg{0}}}
	}
	switch n := g.r.IntN(100); {
	case n < 25:
		return make(base, bufArg{v: []byte{}})
	case n < 45:
		return make(base+"/zookeeper_limits", g.limits())
	case n < 60:
		return make(base+"/zookeeper_stats", bufArg{v: []byte("count=0,bytes=0")})
	case n < 70:
		return Request{Op: opSetData, Args: []Arg{strArg{v: base + "/zookeeper_limits"}, g.limits(), intArg{-1}}}
	case n < 74:
		return Request{Op: opDelete, Args: []Arg{strArg{v: base + "/zookeeper_limits"}, intArg{-1}}}
	default:
		return Request{Op: opGetData, Args: []Arg{strArg{v: base + "/zookeeper_stats"}, boolArg{chance(g.r, 30)}}}
	}
}
