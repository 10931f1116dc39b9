// Package data is the verbs that work on znodes: get, set, create, ls, watch, cp, multi, quotas, reconfig and the others that zkCli users know.
// The shell has the same ones, with a session that lives longer. Each verb stands in the file that says what it is about; action
// connects around a verb and checks its paths.
package data

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// Category is under which help lists the verbs.
const Category = "Data"

// Commands are the verbs that work on znodes. The shell has the same ones.
func Commands() []*cli.Command {
	return plainS([]*cli.Command{
		getCommand(), setCommand(), createCommand(), deleteCommand(), deleteallCommand(), lsCommand(), statCommand(), existsCommand(),
		getACLCommand(), setACLCommand(), getEphemeralsCommand(), countCommand(), syncCommand(), watchCommand(), addWatchCommand(), findCommand(), treeCommand(),
		cpCommand(), diffCommand(), editCommand(), subtreeCommand(), multiCommand(),
		setquotaCommand(), listquotaCommand(), delquotaCommand(), configCommand(), reconfigCommand(), whoamiCommand(),
	})
}

// plainS takes -s away from --server: behind a data verb it means the Stat, as in zkCli, or nothing. In front of the verb it is --server.
func plainS(list []*cli.Command) []*cli.Command {
	for _, c := range list {
		for _, f := range c.Flags {
			if s, ok := f.(*tool.ListFlag); ok && s.Name == "server" {
				s.Aliases = nil
			}
		}
		plainS(c.Subcommands)
	}
	return list
}

// verb is what a data verb works with: a session, the command line and the output.
type verb struct {
	*tool.Session
	c   *cli.Context
	ctx context.Context
	out tool.Out
}

// action connects around a verb that takes between least and most words; the first paths of them are checked as paths.
func action(least, most, paths int, run func(v *verb, words []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		words, err := tool.Args(c, least, most)
		if err != nil {
			return err
		}
		for i := range min(paths, len(words)) {
			if words[i], err = Path(words[i]); err != nil {
				return err
			}
		}
		out, err := tool.Output(c)
		if err != nil {
			return err
		}
		s, done, err := tool.Connect(c)
		if err != nil {
			return err
		}
		defer done()
		return run(&verb{Session: s, c: c, ctx: c.Context, out: out}, words)
	}
}

// Path checks a path before anything is sent. One slash at the end is forgiven.
func Path(p string) (string, error) {
	if !strings.HasPrefix(p, "/") {
		return "", tool.Usage("path %q does not start with /: znode paths are absolute", p)
	}
	if p == "/" {
		return p, nil
	}
	p = strings.TrimSuffix(p, "/")
	for part := range strings.SplitSeq(p[min(1, len(p)):], "/") {
		switch {
		case part == "":
			return "", tool.Usage("path %q has an empty part", p)
		case part == "." || part == "..":
			return "", tool.Usage("path %q has a part %q: znode paths are not relative", p, part)
		}
	}
	if i := strings.IndexFunc(p, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0xd800 && r <= 0xf8ff || r >= 0xfff0 && r <= 0xffff
	}); i >= 0 {
		return "", tool.Usage("path %q has a character at byte %d that ZooKeeper does not allow", p, i)
	}
	return p, nil
}

func join(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

func parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "/"
}

type node struct {
	data []byte
	stat *zk.Stat
}

func (v *verb) get(path string) (node, error) {
	return tool.Do(v.ctx, v.Session, func() (node, error) {
		d, st, err := v.Get(path)
		return node{d, st}, err
	})
}

func (v *verb) children(path string) ([]string, error) {
	names, err := tool.Do(v.ctx, v.Session, func() ([]string, error) {
		names, _, err := v.Children(path)
		return names, err
	})
	slices.Sort(names)
	return names, err
}

// stat gives zk.ErrNoNode for a node that is not there.
func (v *verb) stat(path string) (*zk.Stat, error) {
	return tool.Do(v.ctx, v.Session, func() (*zk.Stat, error) {
		ok, st, err := v.Exists(path)
		if err == nil && !ok {
			err = zk.ErrNoNode
		}
		return st, err
	})
}

func (v *verb) acl(path string) ([]zk.ACL, error) {
	return tool.Do(v.ctx, v.Session, func() ([]zk.ACL, error) {
		l, _, err := v.GetACL(path)
		return l, err
	})
}

// errSkipTree tells walk not to look below a node.
var errSkipTree = tool.ServerCode(0)

// walk visits a subtree, parents before children, names in order. Nodes that vanish on the way are left out. children is true if visit
// wants them: a node without children costs one request.
func (v *verb) walk(root string, visit func(path string, depth int) error) error {
	return v.walkBelow(root, 0, nil, visit)
}

// denied are the nodes of a subtree that may not be read. A verb that only looks names each on standard error and goes on, as find(1) does, and
// its exit code says in the end that something is missing. The root of the subtree is not passed over.
type denied struct {
	v     *verb
	nodes int
}

// pass says whether an error is of this kind, and counts it.
func (d *denied) pass(err error, path string, depth int) bool {
	if d == nil || depth == 0 || !errors.Is(err, zk.ErrNoAuth) {
		return false
	}
	d.nodes++
	tool.Note(d.v.c, "%s: not permitted by the node's ACL: left out", path)
	return true
}

// err is how the verb ends.
func (d *denied) err(tried string) error {
	if d.nodes == 0 {
		return nil
	}
	return &tool.Error{Tried: tried, Happened: fmt.Sprintf("what may not be read was left out, with all below it (nodes: %d)", d.nodes),
		Todo: "authenticate with --auth to see them too", Code: tool.ExitDenied, Cause: zk.ErrNoAuth}
}

// look is walk for verbs that only look.
func (d *denied) look(root string, visit func(path string, depth int) error) error {
	return d.v.walkBelow(root, 0, d, visit)
}

func (v *verb) walkBelow(path string, depth int, d *denied, visit func(string, int) error) error {
	switch err := visit(path, depth); err {
	case nil:
	case errSkipTree:
		return nil
	default:
		return err
	}
	names, err := v.children(path)
	if err == zk.ErrNoNode && depth > 0 || d.pass(err, path, depth) {
		return nil
	}
	if err != nil {
		return tool.Fail("list the children of "+path, err)
	}
	for _, name := range names {
		if err := v.walkBelow(join(path, name), depth+1, d, visit); err != nil {
			return err
		}
	}
	return nil
}

// subtree lists all paths, parents first.
func (v *verb) subtree(root string) ([]string, error) { return v.listed(root, v.walk) }

func (v *verb) listed(root string, walk func(string, func(string, int) error) error) ([]string, error) {
	var out []string
	p := tool.Counting(v.c, "looking")
	defer p.End()
	err := walk(root, func(path string, _ int) error {
		out = append(out, path)
		p.Add(1)
		return nil
	})
	return out, err
}

// perms is zkCli's form of permissions.
func perms(p int32) string {
	var b strings.Builder
	for _, x := range []struct {
		bit  int32
		mark byte
	}{{zk.PermCreate, 'c'}, {zk.PermDelete, 'd'}, {zk.PermRead, 'r'}, {zk.PermWrite, 'w'}, {zk.PermAdmin, 'a'}} {
		if p&x.bit != 0 {
			b.WriteByte(x.mark)
		}
	}
	return b.String()
}

// parseACL reads SCHEME:ID:PERMS,...; the id may have colons.
func parseACL(text string) ([]zk.ACL, error) {
	var out []zk.ACL
	for entry := range strings.SplitSeq(text, ",") {
		scheme, rest, ok := strings.Cut(entry, ":")
		i := strings.LastIndexByte(rest, ':')
		if !ok || i < 0 || scheme == "" {
			return nil, tool.Usage("ACL %q: write SCHEME:ID:PERMS,..., e.g. world:anyone:cdrwa or auth::cdrwa", entry)
		}
		var perms int32
		for _, mark := range rest[i+1:] {
			bit, ok := map[rune]int32{'c': zk.PermCreate, 'd': zk.PermDelete, 'r': zk.PermRead, 'w': zk.PermWrite, 'a': zk.PermAdmin}[mark]
			if !ok {
				return nil, tool.Usage("ACL %q: permission %q is not one of c, d, r, w, a", entry, string(mark))
			}
			perms |= bit
		}
		out = append(out, zk.ACL{Perms: perms, Scheme: scheme, ID: rest[:i]})
	}
	return out, nil
}
