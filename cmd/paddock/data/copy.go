package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func cpCommand() *cli.Command {
	return &cli.Command{
		Name: "cp", Category: Category, Usage: "copy a node or a subtree, also into another ensemble", ArgsUsage: "[-r] SOURCE DESTINATION",
		Description: `Copies data and ACLs. Ephemeral nodes are left out and counted. What exists at the destination stays, unless --overwrite.
No client can see that a node is a container or has a TTL: its copy is a plain node, which no server removes.

   paddock cp /app/config /app/config.old
   paddock cp -r /app /backup/app
   paddock cp -r --to zk9:2181 /app /app

` + tool.ExitHelp,
		Flags: tool.Flags(
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"r", "R"}, Usage: "all below it too, after asking"},
			&tool.ListFlag{StringFlag: cli.StringFlag{Name: "to", Usage: "servers of another ensemble that the copy goes to, `HOST:PORT,...`"}},
			&cli.BoolFlag{Name: "overwrite", Usage: "write over data that is there"},
			&cli.BoolFlag{Name: "no-acl", Usage: "do not copy ACLs"}),
		Action: action(2, 2, 2, cp),
	}
}

// other opens the session of a second ensemble, or gives the first one.
func (v *verb) other(flag string) (*verb, func(), error) {
	list := v.c.String(flag)
	if list == "" {
		return v, func() {}, nil
	}
	target := v.Target
	servers, err := tool.Addresses(v.c.Command.Name+" --"+flag, list)
	if err != nil {
		return nil, nil, err
	}
	target.Servers = servers
	s, err := tool.Open(v.ctx, target)
	if err != nil {
		return nil, nil, err
	}
	return &verb{Session: s, c: v.c, ctx: v.ctx, out: v.out}, s.Close, nil
}

func cp(v *verb, words []string) error {
	source, dest := words[0], words[1]
	to, done, err := v.other("to")
	if err != nil {
		return err
	}
	defer done()
	if to == v && (source == dest || v.c.Bool("recursive") && strings.HasPrefix(dest, strings.TrimSuffix(source, "/")+"/")) {
		return tool.Usage("cp: %s is %s or lies below it", dest, source)
	}
	if _, err := v.stat(source); err != nil {
		return tool.Fail("cp "+source, err)
	}
	paths := []string{source}
	if v.c.Bool("recursive") {
		if paths, err = v.subtree(source); err != nil {
			return err
		}
		paths = slices.DeleteFunc(paths, func(p string) bool {
			return source == "/" && (p == "/zookeeper" || strings.HasPrefix(p, "/zookeeper/"))
		})
		if err := tool.Confirm(v.c, fmt.Sprintf("copy %s and the %d nodes below it to %s?", source, len(paths)-1, dest)); err != nil {
			return err
		}
	}
	p := tool.Counting(v.c, "copied")
	defer p.End()
	left := 0
	for _, at := range paths {
		n, err := v.record(at, !v.c.Bool("no-acl"))
		if errors.Is(err, zk.ErrNoNode) && at != source {
			continue
		}
		if err != nil {
			return tool.Fail("cp "+at, err)
		}
		if n.Ephemeral {
			left++
			continue
		}
		into := moved(at, source, dest)
		if _, err := to.store(into, n, v.c.Bool("overwrite"), false); err != nil {
			return tool.Fail("cp to "+into, err)
		}
		p.Add(1)
	}
	p.End()
	tool.Note(v.c, "copied %d nodes, left out %d ephemeral ones; %s", p.Count, left, plainCopies)
	return nil
}

// plainCopies is said where nodes are made after others: whoever copies containers and TTL nodes must know that nothing will remove the copies.
const plainCopies = "no client can see which nodes are containers or have a TTL: their copies are plain nodes, which no server removes"

// moved is the path at, which lies in from, as a path in to.
func moved(at, from, to string) string {
	rest := strings.TrimPrefix(at, strings.TrimSuffix(from, "/"))
	if rest == "" || rest == "/" {
		return to
	}
	return strings.TrimSuffix(to, "/") + rest
}

// record is one node in a subtree file: one line of JSON.
type record struct {
	Path string `json:"path"` // from the root of the subtree; "/" is that root
	tool.Data
	ACL       []string `json:"acl,omitempty"` // SCHEME:ID:PERMS; none is world:anyone:cdrwa
	Ephemeral bool     `json:"ephemeral,omitempty"`
	Null      bool     `json:"null,omitempty"` // the data is null, not empty
	Version   int32    `json:"version"`
	Mtime     string   `json:"mtime,omitempty"`
}

// record reads a node with what a copy needs.
func (v *verb) record(at string, withACL bool) (record, error) {
	n, err := v.get(at)
	if err != nil {
		return record{}, err
	}
	r := record{Path: at, Data: tool.DataOf(n.data), Ephemeral: isEphemeral(n.stat.EphemeralOwner), Null: n.data == nil,
		Version: n.stat.Version, Mtime: tool.Time(n.stat.Mtime)}
	if withACL {
		list, err := v.acl(at)
		if err != nil {
			return r, err
		}
		if !slices.Equal(list, zk.WorldACL(zk.PermAll)) {
			for _, a := range list {
				r.ACL = append(r.ACL, a.Scheme+":"+a.ID+":"+perms(a.Perms))
			}
		}
	}
	return r, nil
}

// store writes a node: creates it (and its parents), or with overwrite sets data and ACL of one that is there. With skip that one stays
// as it is, and stored is false.
func (v *verb) store(at string, n record, overwrite, skip bool) (stored bool, err error) {
	data, err := n.Bytes()
	if err != nil {
		return false, fmt.Errorf("data of %s: %w", at, err)
	}
	if n.Null {
		data = nil
	}
	acl := zk.WorldACL(zk.PermAll)
	if len(n.ACL) > 0 {
		if acl, err = parseACL(strings.Join(n.ACL, ",")); err != nil {
			return false, err
		}
	}
	_, err = v.create(creation{path: at, data: data, acl: acl})
	if errors.Is(err, zk.ErrNoNode) {
		if err := v.parents(at); err != nil {
			return false, err
		}
		_, err = v.create(creation{path: at, data: data, acl: acl})
	}
	switch {
	case !errors.Is(err, zk.ErrNodeExists) || skip || at == "/" && !overwrite:
		if errors.Is(err, zk.ErrNodeExists) {
			return false, nil
		}
		return err == nil, err
	case !overwrite:
		return false, &tool.Error{Tried: "write " + at, Happened: "it exists already", Todo: "say --overwrite to write over what is there", Code: tool.ExitConflict, Cause: err}
	}
	if _, err = tool.Do(v.ctx, v.Session, func() (*zk.Stat, error) { return v.Set(at, data, -1) }); err == nil && len(n.ACL) > 0 {
		_, err = tool.Do(v.ctx, v.Session, func() (*zk.Stat, error) { return v.SetACL(at, acl, -1) })
	}
	return err == nil, err
}

func diffCommand() *cli.Command {
	return &cli.Command{
		Name: "diff", Category: Category, Usage: "compare two subtrees, also of two ensembles", ArgsUsage: "LEFT [RIGHT]",
		Description: `Prints "- PATH" for what is only left, "+ PATH" for what is only right, "~ PATH" for what has other data (and "a PATH" for another ACL, with
--acl). Without RIGHT the same path of --against is compared. What may not be read on either side is named on standard error and left out; the exit
code is 5 then, if there is no difference in the rest.

   paddock diff /app /backup/app
   paddock diff --against zk9:2181 /app

Exit codes: 0 the same, 1 differences. ` + tool.ExitHelp,
		Flags: tool.Flags(
			&tool.ListFlag{StringFlag: cli.StringFlag{Name: "against", Usage: "servers of the ensemble that RIGHT is in, `HOST:PORT,...`"}},
			&cli.BoolFlag{Name: "acl", Usage: "compare ACLs too"}),
		Action: action(1, 2, 2, func(v *verb, words []string) error {
			if len(words) == 1 && v.c.String("against") == "" {
				return tool.Usage("diff: give a second path, or --against HOST:PORT")
			}
			right, done, err := v.other("against")
			if err != nil {
				return err
			}
			defer done()
			return diff(v, right, words[0], words[len(words)-1])
		}),
	}
}

func diff(left, right *verb, a, b string) error {
	type difference struct {
		Kind string `json:"kind"` // left, right, data or acl
		Path string `json:"path"`
	}
	list, rows := []difference{}, []string(nil)
	add := func(kind, mark, path string) {
		list, rows = append(list, difference{kind, path}), append(rows, mark+" "+path)
	}
	seen := map[string]bool{}
	unread := denied{v: left}
	lefts, err := unread.below(left, a)
	if err != nil {
		return err
	}
	rights, err := unread.below(right, b)
	if err != nil {
		return err
	}
	for _, p := range rights {
		seen[p] = true
	}
	for _, p := range lefts {
		if !seen[p] {
			add("left", "-", p)
			continue
		}
		delete(seen, p)
		data, acl, err := same(left, right, moved(p, "/", a), moved(p, "/", b))
		switch {
		case unread.pass(err, moved(p, "/", a), 1):
		case err != nil:
			return tool.Fail("diff "+p, err)
		case !data:
			add("data", "~", p)
		case !acl:
			add("acl", "a", p)
		}
	}
	for _, p := range rights {
		if seen[p] {
			add("right", "+", p)
		}
	}
	if done, err := left.out.Structured(list); err != nil || !done && len(rows) > 0 {
		if err != nil {
			return err
		}
		fmt.Fprintln(left.out.Writer, strings.Join(rows, "\n"))
	}
	if len(list) > 0 {
		return cli.Exit("", 1)
	}
	return unread.err("diff " + a + " " + b)
}

// below lists a subtree of one side as paths from its root.
func (d *denied) below(v *verb, root string) ([]string, error) {
	if _, err := v.stat(root); err != nil {
		return nil, tool.Fail("diff "+root, err)
	}
	paths, err := v.listed(root, func(root string, visit func(string, int) error) error { return v.walkBelow(root, 0, d, visit) })
	for i, p := range paths {
		paths[i] = moved(p, root, "/")
	}
	return paths, err
}

func same(left, right *verb, a, b string) (data, acl bool, err error) {
	l, err := left.get(a)
	if err != nil {
		return false, false, err
	}
	r, err := right.get(b)
	if err != nil {
		return false, false, err
	}
	acl = true
	if left.c.Bool("acl") {
		la, err := left.acl(a)
		if err != nil {
			return false, false, err
		}
		ra, err := right.acl(b)
		if err != nil {
			return false, false, err
		}
		acl = slices.Equal(la, ra)
	}
	return bytes.Equal(l.data, r.data), acl, nil
}

// Stop ends a long loop on Ctrl-C, between two nodes.
func Stop(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Canceled
	}
	return nil
}
