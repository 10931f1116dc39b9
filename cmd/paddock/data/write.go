package data

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

func versionFlag() cli.Flag {
	return &cli.IntFlag{Name: "version", Aliases: []string{"v"}, Usage: "only if the node has this version; -1 is any", Value: -1}
}

func dataFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "take the data from `FILE`, - for standard input"},
		&cli.BoolFlag{Name: "literal", Usage: "take data that begins with @, or is -, as it stands"},
	}
}

// given is the data of a create or set: the word behind the path, or the content of a file. nil means null. @FILE and - are files to some tools
// and text to others, so they are neither until somebody says which.
func given(v *verb, word *string) ([]byte, error) {
	name := v.c.String("file")
	switch {
	case word != nil && !v.c.Bool("literal") && (*word == "-" || strings.HasPrefix(*word, "@")):
		return nil, tool.Usage("%s: is %q a file, or the data itself? Say --file %s to take the data from it, or --literal to store these characters",
			v.c.Command.Name, *word, cmp.Or(strings.TrimPrefix(*word, "@"), "NAME"))
	case name != "" && word != nil:
		return nil, tool.Usage("%s: give the data or --file, not both", v.c.Command.Name)
	case name == "-":
		b, err := io.ReadAll(v.c.App.Reader)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return b, nil
	case name != "":
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, tool.Usage("--file: %w", err)
		}
		return b, nil
	case word != nil:
		return []byte(*word), nil
	}
	return nil, nil
}

func setCommand() *cli.Command {
	return &cli.Command{
		Name: "set", Category: Category, Usage: "write a node's data", ArgsUsage: "[-s] [-v VERSION] PATH DATA",
		Description: "   paddock set /app/mode fast\n   paddock set -v 3 /app/mode slow\n   paddock set /app/config --file config.json\n   paddock set /app/contact --literal @team\n\n" + tool.ExitHelp,
		Flags:       tool.Flags(append(dataFlags(), statFlag(), versionFlag())...),
		Action: action(1, 2, 1, func(v *verb, words []string) error {
			var word *string
			if len(words) == 2 {
				word = &words[1]
			}
			data, err := given(v, word)
			if err != nil {
				return err
			}
			if data == nil {
				return tool.Usage(`set: give the data, or --file FILE ("" for none)`)
			}
			st, err := tool.Do(v.ctx, v.Session, func() (*zk.Stat, error) { return v.Set(words[0], data, int32(v.c.Int("version"))) })
			if err != nil {
				return tool.Fail("set "+words[0], err)
			}
			return written(v, st)
		}),
	}
}

// written shows the Stat after a write, if -s asks for it.
func written(v *verb, st *zk.Stat) error {
	if !v.c.Bool("stat") {
		return nil
	}
	s := tool.StatOf(st)
	return v.out.Line(s, s.Lines())
}

func createCommand() *cli.Command {
	return &cli.Command{
		Name: "create", Category: Category, Usage: "create a node and print its path", ArgsUsage: "[-s] [-e] [-c] [-t MS] [-p] PATH [DATA] [ACL]",
		Description: `An ephemeral node lives as long as its session: outside the shell it is gone at once.

   paddock create /app "hello"
   paddock create -p -s /queue/jobs/job- "payload"
   paddock create /secret "s" digest:me:HASH:cdrwa,world:anyone:r

` + tool.ExitHelp,
		Flags: tool.Flags(append(dataFlags(),
			&cli.BoolFlag{Name: "sequential", Aliases: []string{"s"}, Usage: "the server adds a rising number to the name"},
			&cli.BoolFlag{Name: "ephemeral", Aliases: []string{"e"}, Usage: "the node ends with the session"},
			&cli.BoolFlag{Name: "container", Aliases: []string{"c"}, Usage: "the node goes when its last child has gone"},
			&cli.StringFlag{Name: "ttl", Aliases: []string{"t"}, Usage: "the node goes when it has not changed for so long: milliseconds, or a duration (servers need extendedTypesEnabled)"},
			&cli.BoolFlag{Name: "parents", Aliases: []string{"p"}, Usage: "create missing parents"},
			&tool.ListFlag{StringFlag: cli.StringFlag{Name: "acl", Usage: "the ACL, SCHEME:ID:PERMS,... (default: world:anyone:cdrwa)"}})...),
		Action: action(1, 3, 0, create),
	}
}

func create(v *verb, words []string) error {
	seq := v.c.Bool("sequential")
	path := words[0]
	if !seq || !strings.HasSuffix(path, "/") { // a sequential name may be only its number
		var err error
		if path, err = Path(path); err != nil {
			return err
		}
	}
	var word *string
	if len(words) > 1 {
		word = &words[1]
	}
	acl := v.c.String("acl")
	if len(words) > 2 {
		acl = words[2]
	}
	if acl == "" {
		acl = "world:anyone:cdrwa"
	}
	list, err := parseACL(acl)
	if err != nil {
		return err
	}
	data, err := given(v, word)
	if err != nil {
		return err
	}
	node := creation{path: path, data: data, acl: list, sequential: seq, ephemeral: v.c.Bool("ephemeral"), container: v.c.Bool("container")}
	if text := v.c.String("ttl"); text != "" {
		if node.ttl, err = ttl(text); err != nil {
			return err
		}
	}
	if err := node.check(); err != nil {
		return err
	}
	made, err := v.create(node)
	if errors.Is(err, zk.ErrNoNode) && v.c.Bool("parents") {
		if err := v.parents(path); err != nil {
			return err
		}
		made, err = v.create(node)
	}
	if err != nil {
		return tool.Fail("create "+path, err)
	}
	return v.out.Line(map[string]any{"path": made.Path, "stat": statOf(&made.Stat)}, made.Path)
}

func ttl(text string) (int64, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms > 0 {
		return ms, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond {
		return 0, tool.Usage("--ttl %q: give milliseconds, or a duration such as 10m", text)
	}
	return d.Milliseconds(), nil
}

// creation is a node that is to be created.
type creation struct {
	path                             string
	data                             []byte
	acl                              []zk.ACL
	sequential, ephemeral, container bool
	ttl                              int64 // ms
}

func (n *creation) check() error {
	switch {
	case n.container && (n.sequential || n.ephemeral || n.ttl != 0):
		return tool.Usage("create: -c cannot be combined with -s, -e or -t")
	case n.ephemeral && n.ttl != 0:
		return tool.Usage("create: -e cannot be combined with -t: the session ends an ephemeral node")
	}
	return nil
}

// create uses the forms of create that answer with the Stat (create2, createContainer, createTTL).
func (v *verb) create(n creation) (made wire.Create2Response, err error) {
	q := wire.CreateTTLRequest{CreateRequest: wire.CreateRequest{Path: n.path, Data: n.data}, TTL: n.ttl}
	for _, a := range n.acl {
		q.ACL = append(q.ACL, znode.ACL{Perms: znode.Perm(a.Perms), Scheme: a.Scheme, ID: a.ID})
	}
	if n.ephemeral {
		q.Flags |= zk.FlagEphemeral
	}
	if n.sequential {
		q.Flags |= zk.FlagSequence
	}
	op, body := wire.OpCreate2, q.CreateRequest.Append
	switch {
	case n.container:
		op, q.Flags = wire.OpCreateContainer, zk.FlagContainer
	case n.ttl != 0 && n.sequential:
		op, q.Flags, body = wire.OpCreateTTL, zk.FlagPersistentSequentialWithTTL, q.Append
	case n.ttl != 0:
		op, q.Flags, body = wire.OpCreateTTL, zk.FlagTTL, q.Append
	}
	reply, err := v.Call(v.ctx, op, body)
	if err != nil {
		return made, err
	}
	r := jute.NewReader(reply)
	made.Decode(&r)
	return made, r.Err()
}

func statOf(s *znode.Stat) *tool.Stat {
	return tool.StatOf(&zk.Stat{Czxid: s.Czxid, Mzxid: s.Mzxid, Ctime: s.Ctime, Mtime: s.Mtime, Version: s.Version, Cversion: s.Cversion, Aversion: s.Aversion,
		EphemeralOwner: s.EphemeralOwner, DataLength: s.DataLength, NumChildren: s.NumChildren, Pzxid: s.Pzxid})
}

// parents creates what is missing above a path.
func (v *verb) parents(path string) error {
	parts := strings.Split(path[1:], "/")
	at := ""
	for _, p := range parts[:len(parts)-1] {
		at += "/" + p
		_, err := v.create(creation{path: at, acl: zk.WorldACL(zk.PermAll)})
		if errors.Is(err, zk.ErrNoAuth) { // it may be there all the same
			if _, serr := v.stat(at); serr == nil {
				continue
			}
		}
		if err != nil && !errors.Is(err, zk.ErrNodeExists) {
			return tool.Fail("create the parent "+at, err)
		}
	}
	return nil
}

func deleteCommand() *cli.Command {
	return &cli.Command{
		Name: "delete", Category: Category, Usage: "delete a node without children", ArgsUsage: "[-v VERSION] PATH",
		Description: "   paddock delete /app/old\n   paddock delete -v 3 /app/old\n\n" + tool.ExitHelp,
		Flags:       tool.Flags(versionFlag()),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			_, err := tool.Do(v.ctx, v.Session, func() (struct{}, error) {
				return struct{}{}, v.Delete(words[0], int32(v.c.Int("version")))
			})
			return tool.Fail("delete "+words[0], err)
		}),
	}
}

func deleteallCommand() *cli.Command {
	return &cli.Command{
		Name: "deleteall", Aliases: []string{"rmr"}, Category: Category, Usage: "delete a node and all below it, after asking", ArgsUsage: "[--yes] [-b BATCH] PATH",
		Description: "   paddock deleteall /app/old\n   paddock deleteall --yes /app/old\n\n" + tool.ExitHelp,
		Flags:       tool.Flags(&cli.IntFlag{Name: "batch", Aliases: []string{"b"}, Usage: "nodes in one transaction", Value: 500}),
		Action:      action(1, 1, 1, deleteAll),
	}
}

func deleteAll(v *verb, words []string) error {
	root := words[0]
	if root == "/" || root == "/zookeeper" || strings.HasPrefix(root, "/zookeeper/") {
		return tool.Usage("deleteall %s: the root and ZooKeeper's own nodes are not deleted", root)
	}
	if v.c.Int("batch") < 1 {
		return tool.Usage("deleteall: --batch must be at least 1")
	}
	if _, err := v.stat(root); err != nil {
		return tool.Fail("deleteall "+root, err)
	}
	paths, err := v.subtree(root)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("delete %s and the %d nodes below it?", root, len(paths)-1)
	if len(paths) == 1 {
		question = fmt.Sprintf("delete %s, which has no nodes below it?", root)
	}
	if err := tool.Confirm(v.c, question); err != nil {
		return err
	}
	slices.Reverse(paths)
	p := tool.Counting(v.c, "deleted")
	defer p.End()
	for batch := range slices.Chunk(paths, v.c.Int("batch")) {
		if err := v.deleteBatch(batch); err != nil {
			return &tool.Error{Tried: "deleteall " + root, Happened: fmt.Sprintf("after %d of %d nodes: %v", p.Count, len(paths), err), Todo: "the rest is still there; run it again", Code: toolExitOf(err), Cause: err}
		}
		p.Add(len(batch))
	}
	p.End()
	tool.Note(v.c, "deleted %d nodes", len(paths))
	return nil
}

func toolExitOf(err error) int {
	var e *tool.Error
	if errors.As(tool.Fail("", err), &e) {
		return e.Code
	}
	return 1
}

// deleteBatch deletes in one transaction, or one by one if that fails: a node that is gone already is no failure.
func (v *verb) deleteBatch(paths []string) error {
	ops := make([]any, len(paths))
	for i, p := range paths {
		ops[i] = &zk.DeleteRequest{Path: p, Version: -1}
	}
	if _, err := tool.Do(v.ctx, v.Session, func() ([]zk.MultiResponse, error) { return v.Multi(ops...) }); err == nil {
		return nil
	}
	for _, p := range paths {
		_, err := tool.Do(v.ctx, v.Session, func() (struct{}, error) { return struct{}{}, v.Delete(p, -1) })
		if err != nil && !errors.Is(err, zk.ErrNoNode) {
			return tool.Fail("delete "+p, err)
		}
	}
	return nil
}

func setACLCommand() *cli.Command {
	return &cli.Command{
		Name: "setAcl", Aliases: []string{"setacl"}, Category: Category, Usage: "set a node's ACL", ArgsUsage: "[-s] [-v VERSION] [-R] PATH ACL",
		Description: "   paddock setAcl /app world:anyone:r,digest:me:HASH:cdrwa\n   paddock --auth digest:me:secret setAcl -R /app auth::cdrwa\n\n" + tool.ExitHelp,
		Flags: tool.Flags(statFlag(), &cli.IntFlag{Name: "version", Aliases: []string{"v"}, Usage: "only if the ACL has this version; -1 is any", Value: -1},
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"R"}, Usage: "the whole subtree, after asking"}),
		Action: action(2, 2, 1, func(v *verb, words []string) error {
			list, err := parseACL(words[1])
			if err != nil {
				return err
			}
			paths := words[:1]
			if v.c.Bool("recursive") {
				if paths, err = v.subtree(words[0]); err != nil {
					return err
				}
				if err := tool.Confirm(v.c, fmt.Sprintf("set the ACL of %d nodes?", len(paths))); err != nil {
					return err
				}
			}
			var st *zk.Stat
			for _, p := range paths {
				st, err = tool.Do(v.ctx, v.Session, func() (*zk.Stat, error) { return v.SetACL(p, list, int32(v.c.Int("version"))) })
				if errors.Is(err, zk.ErrNoNode) && p != words[0] {
					continue
				}
				if err != nil {
					return tool.Fail("setAcl "+p, err)
				}
			}
			return written(v, st)
		}),
	}
}
