package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"
)

func cpCommand() *cli.Command {
	return &cli.Command{
		Name: "cp", Category: dataCategory, Usage: "copy a node or a subtree, also into another ensemble", ArgsUsage: "[-r] SOURCE DESTINATION",
		Description: `Copies data and ACLs. Ephemeral nodes are left out and counted. What exists at the destination stays, unless --overwrite.

   paddock cp /app/config /app/config.old
   paddock cp -r /app /backup/app
   paddock cp -r --to zk9:2181 /app /app

` + toolExitHelp,
		Flags: toolFlags(
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"r", "R"}, Usage: "all below it too, after asking"},
			&cli.StringFlag{Name: "to", Usage: "servers of another ensemble that the copy goes to, `HOST:PORT,...`"},
			&cli.BoolFlag{Name: "overwrite", Usage: "write over data that is there"},
			&cli.BoolFlag{Name: "no-acl", Usage: "do not copy ACLs"}),
		Action: dataAction(2, 2, 2, dataCp),
	}
}

// other opens the session of a second ensemble, or gives the first one.
func (v *dataVerb) other(flag string) (*dataVerb, func(), error) {
	list := v.c.String(flag)
	if list == "" {
		return v, func() {}, nil
	}
	target := v.target
	target.servers = toolList(list)
	s, err := toolOpen(v.ctx, target)
	if err != nil {
		return nil, nil, err
	}
	return &dataVerb{toolSession: s, c: v.c, ctx: v.ctx, out: v.out}, s.Close, nil
}

func dataCp(v *dataVerb, words []string) error {
	source, dest := words[0], words[1]
	to, done, err := v.other("to")
	if err != nil {
		return err
	}
	defer done()
	if to == v && (source == dest || v.c.Bool("recursive") && strings.HasPrefix(dest, strings.TrimSuffix(source, "/")+"/")) {
		return toolUsage("cp: %s is %s or lies below it", dest, source)
	}
	if _, err := v.stat(source); err != nil {
		return toolFail("cp "+source, err)
	}
	paths := []string{source}
	if v.c.Bool("recursive") {
		if paths, err = v.subtree(source); err != nil {
			return err
		}
		paths = slices.DeleteFunc(paths, func(p string) bool {
			return source == "/" && (p == "/zookeeper" || strings.HasPrefix(p, "/zookeeper/"))
		})
		if err := toolConfirm(v.c, fmt.Sprintf("copy %s and the %d nodes below it to %s?", source, len(paths)-1, dest)); err != nil {
			return err
		}
	}
	p := toolCounting(v.c, "copied")
	defer p.end()
	left := 0
	for _, at := range paths {
		n, err := v.record(at, !v.c.Bool("no-acl"))
		if errors.Is(err, zk.ErrNoNode) && at != source {
			continue
		}
		if err != nil {
			return toolFail("cp "+at, err)
		}
		if n.Ephemeral {
			left++
			continue
		}
		into := dataMoved(at, source, dest)
		if _, err := to.store(into, n, v.c.Bool("overwrite"), false); err != nil {
			return toolFail("cp to "+into, err)
		}
		p.add(1)
	}
	p.end()
	toolNote(v.c, "copied %d nodes, left out %d ephemeral ones", p.n, left)
	return nil
}

// dataMoved is the path at, which lies in from, as a path in to.
func dataMoved(at, from, to string) string {
	rest := strings.TrimPrefix(at, strings.TrimSuffix(from, "/"))
	if rest == "" || rest == "/" {
		return to
	}
	return strings.TrimSuffix(to, "/") + rest
}

// dataRecord is one node in a subtree file: one line of JSON.
type dataRecord struct {
	Path string `json:"path"` // from the root of the subtree; "/" is that root
	toolData
	ACL       []string `json:"acl,omitempty"` // SCHEME:ID:PERMS; none is world:anyone:cdrwa
	Ephemeral bool     `json:"ephemeral,omitempty"`
	Null      bool     `json:"null,omitempty"` // the data is null, not empty
	Version   int32    `json:"version"`
	Mtime     string   `json:"mtime,omitempty"`
}

// record reads a node with what a copy needs.
func (v *dataVerb) record(at string, withACL bool) (dataRecord, error) {
	n, err := v.get(at)
	if err != nil {
		return dataRecord{}, err
	}
	r := dataRecord{Path: at, toolData: toolDataOf(n.data), Ephemeral: dataIsEphemeral(n.stat.EphemeralOwner), Null: n.data == nil,
		Version: n.stat.Version, Mtime: toolTime(n.stat.Mtime)}
	if withACL {
		list, err := v.acl(at)
		if err != nil {
			return r, err
		}
		if !slices.Equal(list, zk.WorldACL(zk.PermAll)) {
			for _, a := range list {
				r.ACL = append(r.ACL, a.Scheme+":"+a.ID+":"+dataPerms(a.Perms))
			}
		}
	}
	return r, nil
}

// store writes a node: creates it (and its parents), or with overwrite sets data and ACL of one that is there. With skip that one stays
// as it is, and stored is false.
func (v *dataVerb) store(at string, n dataRecord, overwrite, skip bool) (stored bool, err error) {
	data, err := n.bytes()
	if err != nil {
		return false, fmt.Errorf("data of %s: %w", at, err)
	}
	if n.Null {
		data = nil
	}
	acl := zk.WorldACL(zk.PermAll)
	if len(n.ACL) > 0 {
		if acl, err = dataParseACL(strings.Join(n.ACL, ",")); err != nil {
			return false, err
		}
	}
	_, err = v.create(dataCreation{path: at, data: data, acl: acl})
	if errors.Is(err, zk.ErrNoNode) {
		if err := v.parents(at); err != nil {
			return false, err
		}
		_, err = v.create(dataCreation{path: at, data: data, acl: acl})
	}
	switch {
	case !errors.Is(err, zk.ErrNodeExists) || skip || at == "/" && !overwrite:
		if errors.Is(err, zk.ErrNodeExists) {
			return false, nil
		}
		return err == nil, err
	case !overwrite:
		return false, &toolError{tried: "write " + at, happened: "it exists already", todo: "say --overwrite to write over what is there", code: toolExitConflict, cause: err}
	}
	if _, err = toolDo(v.ctx, v.toolSession, func() (*zk.Stat, error) { return v.Set(at, data, -1) }); err == nil && len(n.ACL) > 0 {
		_, err = toolDo(v.ctx, v.toolSession, func() (*zk.Stat, error) { return v.SetACL(at, acl, -1) })
	}
	return err == nil, err
}

func diffCommand() *cli.Command {
	return &cli.Command{
		Name: "diff", Category: dataCategory, Usage: "compare two subtrees, also of two ensembles", ArgsUsage: "LEFT [RIGHT]",
		Description: `Prints "- PATH" for what is only left, "+ PATH" for what is only right, "~ PATH" for what has other data (and "a PATH" for another ACL, with
--acl). Without RIGHT the same path of --against is compared.

   paddock diff /app /backup/app
   paddock diff --against zk9:2181 /app

Exit codes: 0 the same, 1 differences. ` + toolExitHelp,
		Flags: toolFlags(
			&cli.StringFlag{Name: "against", Usage: "servers of the ensemble that RIGHT is in, `HOST:PORT,...`"},
			&cli.BoolFlag{Name: "acl", Usage: "compare ACLs too"}),
		Action: dataAction(1, 2, 2, func(v *dataVerb, words []string) error {
			if len(words) == 1 && v.c.String("against") == "" {
				return toolUsage("diff: give a second path, or --against HOST:PORT")
			}
			right, done, err := v.other("against")
			if err != nil {
				return err
			}
			defer done()
			return dataDiff(v, right, words[0], words[len(words)-1])
		}),
	}
}

func dataDiff(left, right *dataVerb, a, b string) error {
	type difference struct {
		Kind string `json:"kind"` // left, right, data or acl
		Path string `json:"path"`
	}
	list, rows := []difference{}, []string(nil)
	add := func(kind, mark, path string) {
		list, rows = append(list, difference{kind, path}), append(rows, mark+" "+path)
	}
	seen := map[string]bool{}
	lefts, err := dataBelow(left, a)
	if err != nil {
		return err
	}
	rights, err := dataBelow(right, b)
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
		data, acl, err := dataSame(left, right, dataMoved(p, "/", a), dataMoved(p, "/", b))
		switch {
		case err != nil:
			return toolFail("diff "+p, err)
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
	if done, err := left.out.structured(list); err != nil || !done && len(rows) > 0 {
		if err != nil {
			return err
		}
		fmt.Fprintln(left.out.w, strings.Join(rows, "\n"))
	}
	if len(list) > 0 {
		return cli.Exit("", 1)
	}
	return nil
}

// dataBelow lists a subtree as paths from its root.
func dataBelow(v *dataVerb, root string) ([]string, error) {
	if _, err := v.stat(root); err != nil {
		return nil, toolFail("diff "+root, err)
	}
	paths, err := v.subtree(root)
	for i, p := range paths {
		paths[i] = dataMoved(p, root, "/")
	}
	return paths, err
}

func dataSame(left, right *dataVerb, a, b string) (data, acl bool, err error) {
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

// dataStop ends a long loop on Ctrl-C, between two nodes.
func dataStop(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Canceled
	}
	return nil
}
