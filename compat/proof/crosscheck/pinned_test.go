package crosscheck

// pinned are the shortest scripts of differences that once were, named by what was different.
func pinned() map[string][]Step {
	connect := func(n, label int) Step {
		return Step{Conn: n, Act: Connect, Hello: Hello{New: true, Session: label, Timeout: 30000, Password: 16}}
	}
	send := func(n int, op int32, args ...Arg) Step {
		return Step{Conn: n, Act: Send, Req: Request{Op: op, Args: args}}
	}
	path := func(s string) Arg { return strArg{v: s} }
	null := strArg{null: true}
	world := aclArg{list: []acl{{31, "world", "anyone"}}}
	x := bufArg{v: []byte("x")}
	return map[string][]Step{
		"a read between a sync and a write": behindSync(),
		"a watch on the empty path never fires": {
			connect(0, 1), send(0, opSetWatches2, zxidArg{}, listArg{}, listArg{}, listArg{}, listArg{}, listArg{v: []string{""}}),
			send(0, opGetData, path(""), boolArg{true}), send(0, opGetChildren, path(""), boolArg{true}),
			send(0, opCreate, path("~/a"), x, world, intArg{0}), send(0, opCheckWatches, path("/"), intArg{1}), send(0, opCheckWatches, path(""), intArg{1}),
		},
		"a null path in setData and setACL": {
			connect(0, 1), send(0, opSetData, null, x, intArg{-1}), send(0, opSetACL, null, world, intArg{-1}), send(0, opDelete, null, intArg{-1}),
		},
		"unknown flags of createTTL in a multi": {
			connect(0, 1), send(0, opMulti, opsArg{[]part{
				{opCheck, []Arg{path("~"), intArg{0}}}, {opCreateTTL, []Arg{path("~/a"), x, world, intArg{-1}, longArg{1}}}, {opDelete, []Arg{path("~/a"), intArg{0}}},
			}}),
		},
	}
}

// behindSync is a read between a sync and a write, all in one segment: the read must not see the write.
func behindSync() []Step {
	join := func(s Step) Step { s.Join = true; return s }
	send := func(op int32, args ...Arg) Step { return Step{Act: Send, Req: Request{Op: op, Args: args}} }
	path := strArg{v: "~/a"}
	world := aclArg{list: []acl{{31, "world", "anyone"}}}
	return []Step{
		{Act: Connect, Hello: Hello{New: true, Session: 1, Timeout: 30000, Password: 16}},
		send(opCreate, path, bufArg{v: []byte("old")}, world, intArg{0}),
		join(send(opSync, path)), join(send(opGetData, path, boolArg{true})), join(send(opSetData, path, bufArg{v: []byte("new")}, intArg{-1})),
		join(send(opGetData, path, boolArg{false})), join(send(opSync, path)), join(send(opDelete, path, intArg{-1})), send(opExists, path, boolArg{true}),
	}
}
