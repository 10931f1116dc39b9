package crosscheck

import (
	"math"
	"math/rand/v2"
)

// The pools are small, so that requests of one script meet: a create finds its node there, a delete finds children under it.

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// chance is true in n of 100 cases.
func chance(r *rand.Rand, n float64) bool { return r.Float64()*100 < n }

// path is one that a recent request was about, or a fresh one.
func (g *gen) path() string {
	if len(g.recent) > 0 && chance(g.r, 45) {
		return pick(g.r, g.recent)
	}
	p := g.freshPath()
	if g.recent = append(g.recent, p); len(g.recent) > 5 {
		g.recent = g.recent[1:]
	}
	return p
}

// freshPath is a path of the run's own subtree, most of the time one that exists or could.
func (g *gen) freshPath() string {
	switch r := g.r; {
	case chance(r, 3):
		return "~"
	case chance(r, 55):
		return "~/" + pick(r, names())
	case chance(r, 75):
		return "~/" + pick(r, names()) + "/" + pick(r, names())
	case chance(r, 60):
		return "~/" + pick(r, names()) + "/" + pick(r, names()) + "/" + pick(r, names())
	case g.profile.quota > 0 && chance(r, 60):
		return g.quotaPath()
	default:
		return pick(r, g.oddPaths())
	}
}

func names() []string { return []string{"a", "a", "b", "b", "c", "ab", "s0000000001", "a0000000000"} }

func (g *gen) quotaPath() string {
	base := "/zookeeper/quota/~"
	if chance(g.r, 40) {
		base += "/a"
	}
	return base + pick(g.r, []string{"", "/zookeeper_limits", "/zookeeper_stats", "/zookeeper_stats"})
}

// oddPaths are paths that servers treat in special ways, or should not accept.
func (g *gen) oddPaths() []string {
	odd := []string{
		"a", "~/", "~/a/", "~//a", "~/./a", "~/../a", "~/a/..", "~/a/.", "a/b", "//", "/./", "~/...", "~/.a", "~/ ",
		"~/a\x00b", "~/\x01", "~/\x1f", "~/\x7f", "~/é", "~/名前", "~/\u0085", "~/\uf000", "~/\ufff0", "~/\ufeff", "~/\ud7ff",
		"~/\U0001F600", "~/\xff\xfe", "~/\xed\xa0\x80", "/no such", "/zookeeper/quota/~", "/zookeeper/~", "~/a/b/c/d/e/f",
	}
	if g.opt.Exclusive {
		odd = append(odd, "", "", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/")
	}
	return odd
}

func (g *gen) data() bufArg {
	switch r := g.r; {
	case chance(r, 10):
		return bufArg{}
	case chance(r, 10):
		return bufArg{v: []byte{}}
	case !g.quiet && chance(r, 1): // in a burst a frame that is too long would end the connection in the middle
		return bufArg{fill: pick(r, []int{100_000, 1_000_000, 1_048_400})}
	case chance(r, 20):
		return bufArg{v: []byte("\x00\xff binary")}
	default:
		return bufArg{v: []byte(pick(r, []string{"x", "hello", "a longer value than the other ones", "2"}))}
	}
}

func (g *gen) version() int32 {
	switch r := g.r; {
	case chance(r, 45):
		return -1
	case chance(r, 85):
		return r.Int32N(4)
	default:
		return pick(r, []int32{-2, 100, math.MaxInt32, math.MinInt32})
	}
}

// The digests of u1:p1 and u2:p2: base64(sha1(user:password)) behind the user's name.
const (
	digestU1 = "u1:fpT/y03U+EjItKZOSLGvjnJlyng="
	digestU2 = "u2:o9NxcCGDPOlcV7JVhmKHOf5ctVE="
)

func (g *gen) acls() aclArg {
	r := g.r
	if !chance(r, g.profile.acl) {
		return aclArg{list: []acl{{31, "world", "anyone"}}}
	}
	if chance(r, 4) && !g.inMulti { // in a multi the table of malformed requests has it; beside other nulls it differs (DIVERGENCE.md)
		return aclArg{null: true}
	}
	if chance(r, 3) && !g.inMulti { // alone: beside others it matters which two ZooKeeper compares
		return aclArg{list: []acl{pick(r, []acl{
			{31, "auth", nullText}, {31, "world", nullText}, {31, "digest", nullText}, {31, "ip", nullText}, {31, nullText, "x"}, {31, nullText, nullText},
		})}}
	}
	list := make([]acl, 0, 3)
	for range pick(r, []int{1, 1, 1, 2, 2, 3, 0}) {
		list = append(list, g.acl())
	}
	if len(list) > 0 && chance(r, 10) {
		list = append(list, list[0])
	}
	return aclArg{list: list}
}

func (g *gen) acl() acl {
	r := g.r
	perms := pick(r, []int32{31, 31, 31, 1, 2, 4, 8, 16, 3, 5, 9, 15, 17, 30, 0, 63, -1})
	if chance(r, 70) {
		return pick(r, []acl{
			{perms, "world", "anyone"}, {perms, "world", "anyone"}, {perms, "auth", ""}, {perms, "auth", "ignored"},
			{perms, "digest", digestU1}, {perms, "digest", digestU1}, {perms, "digest", digestU2},
			{perms, "ip", "127.0.0.1"}, {perms, "ip", "127.0.0.0/8"},
		})
	}
	return pick(r, []acl{
		{perms, "ip", "10.0.0.1"}, {perms, "ip", "0.0.0.0/0"}, {perms, "ip", "127.0.0.1/33"}, {perms, "ip", "127.0.0.1/-1"},
		{perms, "ip", "127.0.0"}, {perms, "ip", "::1"}, {perms, "ip", "fe80::/10"}, {perms, "ip", "1.2.3.4.5"}, {perms, "ip", ""},
		{perms, "ip", "127.0.0.1/"}, {perms, "ip", "127.0.0.256"}, {perms, "ip", "127.0.0.1/08"}, {perms, "ip", "a.b.c.d"},
		{perms, "world", "somebody"}, {perms, "world", ""}, {perms, "digest", "nocolon"}, {perms, "digest", "u1:"},
		{perms, "digest", "a:b:c"}, {perms, "digest", ":"}, {perms, "digest", ""}, {perms, "sasl", "u1"}, {perms, "x509", "CN=u1"},
		{perms, "super", ""}, {perms, "", ""}, {perms, "nope", "x"}, {perms, "World", "anyone"}, {perms, "digest", "ü:名"},
	})
}

// credentials for auth requests that succeed.
func (g *gen) credentials() (scheme, auth string) {
	type pair struct{ scheme, auth string }
	p := pick(g.r, []pair{
		{"digest", "u1:p1"}, {"digest", "u1:p1"}, {"digest", "u2:p2"}, {"digest", "u1:wrong"}, {"digest", "nocolon"},
		{"digest", ""}, {"digest", ":"}, {"ip", ""}, {"ip", "10.0.0.1"},
	})
	if g.opt.Super != "" && chance(g.r, 15) {
		return "digest", g.opt.Super
	}
	return p.scheme, p.auth
}
