package main

import (
	"context"
	"slices"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"
)

// dataCategory is under which help lists the verbs.
const dataCategory = "Data"

// dataCommands are the verbs that work on znodes. The shell has the same ones.
func dataCommands() []*cli.Command {
	return dataPlainS([]*cli.Command{
		getCommand(), setCommand(), createCommand(), deleteCommand(), deleteallCommand(), lsCommand(), statCommand(), existsCommand(),
		getACLCommand(), setACLCommand(), getEphemeralsCommand(), countCommand(), syncCommand(), watchCommand(), addWatchCommand(), findCommand(), treeCommand(),
		cpCommand(), diffCommand(), editCommand(), subtreeCommand(), multiCommand(),
		setquotaCommand(), listquotaCommand(), delquotaCommand(), configCommand(), reconfigCommand(), whoamiCommand(),
	})
}

// dataPlainS takes -s away from --server: behind a data verb it means the Stat, as in zkCli, or nothing. In front of the verb it is --server.
func dataPlainS(list []*cli.Command) []*cli.Command {
	for _, c := range list {
		for _, f := range c.Flags {
			if s, ok := f.(*cli.StringFlag); ok && s.Name == "server" {
				s.Aliases = nil
			}
		}
		dataPlainS(c.Subcommands)
	}
	return list
}

// dataVerb is what a data verb works with.
type dataVerb struct {
	*toolSession
	c   *cli.Context
	ctx context.Context
	out toolOut
}

// dataAction connects around a verb that takes between least and most words; the first paths of them are checked as paths.
func dataAction(least, most, paths int, run func(v *dataVerb, words []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		words, err := toolArgs(c, least, most)
		if err != nil {
			return err
		}
		for i := range min(paths, len(words)) {
			if words[i], err = dataPath(words[i]); err != nil {
				return err
			}
		}
		out, err := toolOutput(c)
		if err != nil {
			return err
		}
		s, done, err := toolConnect(c)
		if err != nil {
			return err
		}
		defer done()
		return run(&dataVerb{toolSession: s, c: c, ctx: c.Context, out: out}, words)
	}
}

// dataPath checks a path before anything is sent. One slash at the end is forgiven.
func dataPath(p string) (string, error) {
	if !strings.HasPrefix(p, "/") {
		return "", toolUsage("path %q does not start with /: znode paths are absolute", p)
	}
	if p == "/" {
		return p, nil
	}
	p = strings.TrimSuffix(p, "/")
	for part := range strings.SplitSeq(p[min(1, len(p)):], "/") {
		switch {
		case part == "":
			return "", toolUsage("path %q has an empty part", p)
		case part == "." || part == "..":
			return "", toolUsage("path %q has a part %q: znode paths are not relative", p, part)
		}
	}
	if i := strings.IndexFunc(p, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0xd800 && r <= 0xf8ff || r >= 0xfff0 && r <= 0xffff
	}); i >= 0 {
		return "", toolUsage("path %q has a character at byte %d that ZooKeeper does not allow", p, i)
	}
	return p, nil
}

func dataJoin(parent, name string) string {
	if parent == "/" {
		return "/" + name
	}
	return parent + "/" + name
}

func dataParent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "/"
}

type dataNode struct {
	data []byte
	stat *zk.Stat
}

func (v *dataVerb) get(path string) (dataNode, error) {
	return toolDo(v.ctx, v.toolSession, func() (dataNode, error) {
		d, st, err := v.Get(path)
		return dataNode{d, st}, err
	})
}

func (v *dataVerb) children(path string) ([]string, error) {
	names, err := toolDo(v.ctx, v.toolSession, func() ([]string, error) {
		names, _, err := v.Children(path)
		return names, err
	})
	slices.Sort(names)
	return names, err
}

// stat gives zk.ErrNoNode for a node that is not there.
func (v *dataVerb) stat(path string) (*zk.Stat, error) {
	return toolDo(v.ctx, v.toolSession, func() (*zk.Stat, error) {
		ok, st, err := v.Exists(path)
		if err == nil && !ok {
			err = zk.ErrNoNode
		}
		return st, err
	})
}

func (v *dataVerb) acl(path string) ([]zk.ACL, error) {
	return toolDo(v.ctx, v.toolSession, func() ([]zk.ACL, error) {
		l, _, err := v.GetACL(path)
		return l, err
	})
}

// errSkipTree tells walk not to look below a node.
var errSkipTree = toolServerCode(0)

// walk visits a subtree, parents before children, names in order. Nodes that vanish on the way are left out. children is true if visit
// wants them: a node without children costs one request.
func (v *dataVerb) walk(root string, visit func(path string, depth int) error) error {
	return v.walkBelow(root, 0, visit)
}

func (v *dataVerb) walkBelow(path string, depth int, visit func(string, int) error) error {
	switch err := visit(path, depth); err {
	case nil:
	case errSkipTree:
		return nil
	default:
		return err
	}
	names, err := v.children(path)
	if err == zk.ErrNoNode && depth > 0 {
		return nil
	}
	if err != nil {
		return toolFail("list the children of "+path, err)
	}
	for _, name := range names {
		if err := v.walkBelow(dataJoin(path, name), depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}

// subtree lists all paths, parents first.
func (v *dataVerb) subtree(root string) ([]string, error) {
	var out []string
	p := toolCounting(v.c, "looking")
	defer p.end()
	err := v.walk(root, func(path string, _ int) error {
		out = append(out, path)
		p.add(1)
		return nil
	})
	return out, err
}

// dataPerms is zkCli's form of permissions.
func dataPerms(p int32) string {
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

// dataParseACL reads SCHEME:ID:PERMS,...; the id may have colons.
func dataParseACL(text string) ([]zk.ACL, error) {
	var out []zk.ACL
	for entry := range strings.SplitSeq(text, ",") {
		scheme, rest, ok := strings.Cut(entry, ":")
		i := strings.LastIndexByte(rest, ':')
		if !ok || i < 0 || scheme == "" {
			return nil, toolUsage("ACL %q: write SCHEME:ID:PERMS,..., e.g. world:anyone:cdrwa or auth::cdrwa", entry)
		}
		var perms int32
		for _, mark := range rest[i+1:] {
			bit, ok := map[rune]int32{'c': zk.PermCreate, 'd': zk.PermDelete, 'r': zk.PermRead, 'w': zk.PermWrite, 'a': zk.PermAdmin}[mark]
			if !ok {
				return nil, toolUsage("ACL %q: permission %q is not one of c, d, r, w, a", entry, string(mark))
			}
			perms |= bit
		}
		out = append(out, zk.ACL{Perms: perms, Scheme: scheme, ID: rest[:i]})
	}
	return out, nil
}
