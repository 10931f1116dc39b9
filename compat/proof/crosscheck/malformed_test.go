package crosscheck

import (
	"maps"
	"math"
)

// malformed are scripts of requests that no client library sends, each kind of which once got another answer here than there.
func malformed() map[string][]Step {
	out := map[string][]Step{}
	for _, group := range []map[string][]Step{malformedMultis(), nullPaths(), oddACLs(), oddReads(), caughtUp()} {
		maps.Copy(out, group)
	}
	return out
}

func connectStep(n, label int) Step {
	return Step{Conn: n, Act: Connect, Hello: Hello{New: true, Session: label, Timeout: 30000, Password: 16}}
}

func sendStep(op int32, args ...Arg) Step { return Step{Act: Send, Req: Request{Op: op, Args: args}} }

func str(s string) strArg { return strArg{v: s} }

func strs(s ...string) listArg { return listArg{v: s} }

var (
	worldACL = aclArg{list: []acl{{perms: 31, scheme: "world", id: "anyone"}}}
	noACL    = aclArg{null: true}
	nullStr  = strArg{null: true}
	nullList = listArg{null: true}
	xData    = bufArg{v: []byte("x")}
)

// counted puts a create before and behind the steps, so that each zxid that they take is seen.
func counted(steps ...Step) []Step {
	out := []Step{connectStep(0, 1), sendStep(opCreate, str("~/before"), xData, worldACL, intArg{0})}
	out = append(out, steps...)
	return append(out, sendStep(opCreate, str("~/behind"), xData, worldACL, intArg{0}), sendStep(opExists, str("~/behind"), boolArg{}))
}

func multiStep(parts ...part) Step { return sendStep(opMulti, opsArg{ops: parts}) }

func malformedMultis() map[string][]Step {
	create := func(op int32, path Arg, list aclArg, flags int32) part {
		args := []Arg{path, xData, list, intArg{flags}}
		if op == opCreateTTL {
			args = append(args, longArg{1000})
		}
		return part{op, args}
	}
	good := create(opCreate, str("~/a"), worldACL, 0)
	check := part{opCheck, []Arg{str("~"), intArg{0}}}
	bad := map[string]part{
		"a read":                    {opGetData, []Arg{str("~"), boolArg{}}},
		"a sync":                    {opSync, []Arg{str("~")}},
		"a setACL":                  {opSetACL, []Arg{str("~"), worldACL, intArg{-1}}},
		"an unknown opcode":         {1000, nil},
		"delete of null":            {opDelete, []Arg{nullStr, intArg{-1}}},
		"check of null":             {opCheck, []Arg{nullStr, intArg{-1}}},
		"setData of null":           {opSetData, []Arg{nullStr, xData, intArg{-1}}},
		"an acl with a null scheme": create(opCreate, str("~/b"), aclArg{list: []acl{{perms: 31, scheme: nullText, id: "x"}}}, 0),
		"an acl with a null id":     create(opCreate, str("~/b"), aclArg{list: []acl{{perms: 31, scheme: "world", id: nullText}}}, 0),
		"a null digest id":          create(opCreate, str("~/b"), aclArg{list: []acl{{perms: 31, scheme: "digest", id: nullText}}}, 0),
		"an empty acl":              create(opCreate, str("~/b"), aclArg{}, 0),
	}
	for _, op := range []int32{opCreate, opCreate2, opCreateContainer, opCreateTTL} {
		bad["a null ACL of "+opName(op)] = create(op, str("~/b"), noACL, map[int32]int32{opCreateTTL: 5, opCreateContainer: 4}[op])
		bad["a null ACL and flags 1 of "+opName(op)] = create(op, str("~/b"), noACL, 1)
		bad["a null path of "+opName(op)] = create(op, nullStr, worldACL, map[int32]int32{opCreateTTL: 5, opCreateContainer: 4}[op])
		for _, flags := range []int32{-1, 4, 5, 6, 7, 1 << 20} {
			bad["flags "+intArg{flags}.String()+" of "+opName(op)] = create(op, str("~/b"), worldACL, flags)
			bad["flags and a null path "+intArg{flags}.String()+" of "+opName(op)] = create(op, nullStr, worldACL, flags)
			bad["flags and a null ACL "+intArg{flags}.String()+" of "+opName(op)] = create(op, str("~/b"), noACL, flags)
		}
	}
	out := map[string][]Step{}
	for name, p := range bad {
		out["multi with "+name] = counted(multiStep(p), multiStep(p, good), multiStep(good, p), multiStep(check, p, good))
	}
	for cut := range int32(40) {
		s := multiStep(good, check)
		s.Req.Cut = int(cut + 1)
		out["multi cut by "+intArg{cut + 1}.String()] = counted(s)
	}
	return out
}

func nullPaths() map[string][]Step {
	out := map[string][]Step{}
	for _, op := range []int32{opCheckWatches, opRemoveWatches} {
		for _, kind := range []int32{-1, 0, 1, 2, 3, 4, 5, 6} {
			out["null in "+opName(op)+" of type "+intArg{kind}.String()] = counted(sendStep(op, nullStr, intArg{kind}))
		}
	}
	for _, op := range []int32{opCreate, opCreate2, opCreateContainer, opCreateTTL} {
		for _, flags := range []int32{0, 1, 2, 3, 4, 5, 6, 7, -1} {
			if op == opCreateContainer && (flags == 1 || flags == 3) {
				continue
			}
			args := func(p strArg, l aclArg) []Arg {
				a := []Arg{p, xData, l, intArg{flags}}
				if op == opCreateTTL {
					a = append(a, longArg{1000})
				}
				return a
			}
			out["null in "+opName(op)+" with flags "+intArg{flags}.String()] = counted(
				sendStep(op, args(nullStr, worldACL)...), sendStep(op, args(nullStr, noACL)...), sendStep(op, args(str("~/a"), noACL)...),
			)
		}
	}
	for _, op := range []int32{opDelete, opSetData, opSetACL, opExists, opGetData, opGetChildren, opGetChildren2, opGetACL, opAllChildren, opSync, opGetEphemerals} {
		var args []Arg
		switch op {
		case opDelete:
			args = []Arg{nullStr, intArg{7}}
		case opSetData:
			args = []Arg{nullStr, xData, intArg{7}}
		case opSetACL:
			args = []Arg{nullStr, noACL, intArg{7}}
		case opExists, opGetData, opGetChildren, opGetChildren2:
			args = []Arg{nullStr, boolArg{true}}
		default:
			args = []Arg{nullStr}
		}
		out["null in "+opName(op)] = counted(sendStep(op, args...))
	}
	return out
}

func oddACLs() map[string][]Step {
	auth := acl{perms: 31, scheme: "auth"}
	world := acl{perms: 29, scheme: "world", id: "anyone"}
	null := func(scheme string) acl { return acl{perms: 31, scheme: scheme, id: nullText} }
	lists := map[string][]acl{
		"auth twice":             {auth, world, auth},
		"auth first, with null":  {null("auth"), world},
		"auth last, with null":   {world, null("auth")},
		"a null scheme":          {{perms: 31, scheme: nullText, id: "x"}},
		"a null scheme first":    {{perms: 29, scheme: nullText, id: "x"}, world},
		"a null scheme, null id": {null(nullText)},
		"digest with null":       {null("digest")},
		"ip with null":           {null("ip")},
		"world with null":        {null("world")},
		"world with null twice":  {null("world"), null("world")},
		"world with null, last":  {{perms: 31, scheme: "world", id: "anyone"}, null("world")},
		"world with null, first": {null("world"), {perms: 31, scheme: "world", id: "anyone"}},
	}
	out := map[string][]Step{}
	login := sendStep(opAuth, intArg{0}, str("digest"), bufArg{v: []byte("u1:p1")})
	for name, list := range lists {
		l := aclArg{list: list}
		steps := []Step{
			sendStep(opCreate, str("~/a"), xData, l, intArg{0}),
			sendStep(opCreateContainer, str("~/c"), bufArg{v: []byte("hello")}, l, intArg{4}),
			sendStep(opSetACL, str("~/before"), l, intArg{-1}),
			sendStep(opGetACL, str("~/before")), sendStep(opGetACL, str("~/a")),
			multiStep(part{opCreate, []Arg{str("~/m"), xData, l, intArg{0}}}),
		}
		out["ACL of "+name] = counted(steps...)
		out["ACL of "+name+", with an identity"] = counted(append([]Step{login}, steps...)...)
	}
	return out
}

func oddReads() map[string][]Step {
	get := part{opGetData, []Arg{str("~"), boolArg{}}}
	list := part{opGetChildren, []Arg{str("~"), boolArg{}}}
	out := map[string][]Step{}
	for name, p := range map[string]part{
		"create":                {opCreate, []Arg{str("~/a"), xData, worldACL, intArg{0}}},
		"create, null ACL":      {opCreate, []Arg{str("~/a"), xData, noACL, intArg{0}}},
		"createTTL":             {opCreateTTL, []Arg{str("~/a"), xData, worldACL, intArg{5}, longArg{1000}}},
		"delete":                {opDelete, []Arg{str("~/a"), intArg{-1}}},
		"setData":               {opSetData, []Arg{str("~/a"), xData, intArg{-1}}},
		"check":                 {opCheck, []Arg{str("~"), intArg{-1}}},
		"exists":                {opExists, []Arg{str("~"), boolArg{}}},
		"getChildren2":          {opGetChildren2, []Arg{str("~"), boolArg{}}},
		"setACL":                {opSetACL, []Arg{str("~"), worldACL, intArg{-1}}},
		"an unknown":            {1000, nil},
		"getData of null":       {opGetData, []Arg{nullStr, boolArg{}}},
		"getChildren of null":   {opGetChildren, []Arg{nullStr, boolArg{}}},
		"getData of nothing":    {opGetData, []Arg{str("~/none"), boolArg{}}},
		"getData of a bad path": {opGetData, []Arg{str("~//"), boolArg{}}},
		"delete of null":        {opDelete, []Arg{nullStr, intArg{-1}}},
	} {
		s := func(parts ...part) Step { return sendStep(opMultiRead, opsArg{ops: parts}) }
		out["multiRead with "+name] = counted(s(p), s(get, list, p), s(get, p, list), s(p, get))
	}
	for cut := range int32(40) {
		s := sendStep(opMultiRead, opsArg{ops: []part{get, list}})
		s.Req.Cut = int(cut + 1)
		out["multiRead cut by "+intArg{cut + 1}.String()] = counted(s)
	}
	return out
}

func caughtUp() map[string][]Step {
	out := map[string][]Step{}
	full := [][]string{{"~/before", "~/gone"}, {"~/before", "~/none"}, {"~", "~/gone"}, {"~/before"}, {"~/before"}}
	at := func(op int32, since zxidArg, odd listArg, which int) Step {
		n := 3
		if op == opSetWatches2 {
			n = 5
		}
		args := []Arg{since}
		for i := range n {
			if i == which {
				args = append(args, odd)
			} else {
				args = append(args, listArg{v: full[i]})
			}
		}
		return sendStep(op, args...)
	}
	odds := map[string]listArg{
		"null": nullList, "empty path": strs(""), "double slash": strs("//"), "root": strs("/"), "zookeeper": strs("/zookeeper"), "quota": strs("/zookeeper/quota"),
		"config": strs("/zookeeper/config"), "below quota": strs("/zookeeper/quota/none"), "trailing": strs("~/before/"), "relative": strs("a/b"), "double": strs("~//before"), "dots": strs("~/../x"),
		"below zookeeper": strs("/zookeeper/none"), "triple": strs("///"), "zk slash": strs("/zookeeper/"), "null among others": strs("~/gone", nullText, "~/none"), "one invalid": strs("~/before", "", "~/gone"),
		"slash root":    strs("//zookeeper"),
		"invalid UTF-8": strs("~/\xff\xfe"), "surrogates": strs("~/\xed\xa0\x80"), "beyond": strs("~/\U0001F600"), "cut": strs("~/\xe2\x82", "~/\xf0\x9f\x98"), "overlong": strs("~/\xc0\x80\xe0\x80\x80"),
	}
	for name, odd := range odds {
		for which := range 5 {
			for _, op := range []int32{opSetWatches, opSetWatches2} {
				if op == opSetWatches && which > 2 {
					continue
				}
				var steps []Step
				for _, since := range []zxidArg{{}, {delta: -8}, {delta: 0, fixed: true}, {delta: -1, fixed: true}, {delta: math.MinInt64, fixed: true}} {
					steps = append(steps, at(op, since, odd, which), sendStep(opSetData, str("~/before"), xData, intArg{-1}),
						sendStep(opCreate, str("~/none"), xData, worldACL, intArg{0}), sendStep(opDelete, str("~/none"), intArg{-1}))
				}
				for _, ty := range []int32{1, 2, 4, 5} {
					steps = append(steps, sendStep(opCheckWatches, str("~"), intArg{ty}), sendStep(opCheckWatches, str("~/gone"), intArg{ty}))
					if len(odd.v) == 1 {
						steps = append(steps, sendStep(opCheckWatches, str(odd.v[0]), intArg{ty}))
					}
				}
				out[opName(op)+" with "+name+" in list "+intArg{int32(which)}.String()] = counted(steps...)
			}
		}
		if name != "null" {
			out["sync of "+name] = counted(sendStep(opSync, str(odd.v[0])))
		}
	}
	return out
}
