package data

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
)

func statFlag() cli.Flag {
	return &cli.BoolFlag{Name: "stat", Aliases: []string{"s"}, Usage: "print the Stat too"}
}

func watchFlag() cli.Flag {
	return &cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "wait for the next change and print it (in the shell: print it when it comes)"}
}

func getCommand() *cli.Command {
	return &cli.Command{
		Name: "get", Category: Category, Usage: "print a node's data", ArgsUsage: "[-s] [-w] PATH",
		Description: "   paddock get /app/config\n   paddock get -s /app/config\n   paddock -o json get -s /app/config\n\n" + tool.ExitHelp,
		Flags: tool.Flags(statFlag(), watchFlag(),
			&cli.BoolFlag{Name: "raw", Aliases: []string{"n"}, Usage: "the bytes as they are, without a line end behind them"}),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			return watched(v, words[0], false, func() error { return get(v, words[0]) })
		}),
	}
}

func get(v *verb, path string) error {
	n, err := v.get(path)
	if err != nil {
		return tool.Fail("get "+path, err)
	}
	type view struct {
		Path string `json:"path"`
		tool.Data
		Stat *tool.Stat `json:"stat,omitempty"`
	}
	out := view{Path: path, Data: tool.DataOf(n.data)}
	if v.c.Bool("stat") {
		out.Stat = tool.StatOf(n.stat)
	}
	if done, err := v.out.Structured(out); done {
		return err
	}
	end := "\n"
	if v.c.Bool("raw") {
		end = ""
	}
	if _, err := fmt.Fprintf(v.out.Writer, "%s%s", n.data, end); err != nil || out.Stat == nil {
		return err
	}
	_, err = fmt.Fprintln(v.out.Writer, out.Stat.Lines())
	return err
}

// watched runs a read with -w: the watch is set before the read, as the protocol does it, and the event is told.
func watched(v *verb, path string, children bool, read func() error) error {
	if !v.c.Bool("watch") {
		return read()
	}
	ch, err := tool.Do(v.ctx, v.Session, func() (<-chan zk.Event, error) {
		if children {
			_, _, ch, err := v.ChildrenW(path)
			return ch, err
		}
		_, _, ch, err := v.GetW(path)
		return ch, err
	})
	if err != nil {
		return tool.Fail(v.c.Command.Name+" -w "+path, err)
	}
	if err := read(); err != nil {
		return err
	}
	tell := func(e zk.Event) {
		tool.Note(v.c, "WATCHER:: %s path:%s", strings.TrimPrefix(e.Type.String(), "Event"), e.Path)
	}
	if later, ok := v.c.App.Metadata["later"].(func(<-chan zk.Event)); ok {
		later(ch)
		return nil
	}
	select {
	case e := <-ch:
		tell(e)
		return nil
	case <-v.ctx.Done():
		return tool.Fail(v.c.Command.Name+" -w "+path, errors.Join(zk.ErrClosing, v.ctx.Err()))
	}
}

func lsCommand() *cli.Command {
	return &cli.Command{
		Name: "ls", Category: Category, Usage: "list a node's children", ArgsUsage: "[-s] [-w] [-R] [-l] PATH",
		Description: "One name a line, in order. zkCli's bracketed list is printed by the shell on a terminal.\nWith -R, what may not be read is named on standard error and left out, and the exit code is 5.\n\n   paddock ls /\n   paddock ls -R /app\n   paddock ls -l /app\n\n" + tool.ExitHelp,
		Flags: tool.Flags(statFlag(), watchFlag(),
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"R"}, Usage: "list the whole subtree, as paths"},
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "a table with version, size, children, owner and time of change"}),
		Action: action(0, 1, 1, func(v *verb, words []string) error {
			path := "/"
			if len(words) == 1 {
				path = words[0]
			}
			return watched(v, path, true, func() error { return ls(v, path) })
		}),
	}
}

func ls(v *verb, path string) error {
	var names []string
	var err error
	d := denied{v: v}
	if v.c.Bool("recursive") {
		if _, err = v.stat(path); err == nil {
			names, err = v.listed(path, d.look)
		}
	} else {
		names, err = v.children(path)
	}
	if err != nil {
		return tool.Fail("ls "+path, err)
	}
	if err := show(v, path, names); err != nil {
		return err
	}
	return d.err("ls -R " + path)
}

// show prints what ls has found.
func show(v *verb, path string, names []string) error {
	if v.c.Bool("long") {
		return long(v, path, names)
	}
	type view struct {
		Path     string     `json:"path"`
		Children []string   `json:"children"`
		Stat     *tool.Stat `json:"stat,omitempty"`
	}
	out := view{Path: path, Children: append([]string{}, names...)}
	if v.c.Bool("stat") {
		st, err := v.stat(path)
		if err != nil {
			return tool.Fail("ls -s "+path, err)
		}
		out.Stat = tool.StatOf(st)
	}
	if done, err := v.out.Structured(out); done {
		return err
	}
	if v.c.App.Metadata["brackets"] != nil && !v.c.Bool("recursive") {
		fmt.Fprintf(v.out.Writer, "[%s]\n", strings.Join(names, ", "))
	} else {
		for _, n := range names {
			fmt.Fprintln(v.out.Writer, n)
		}
	}
	if out.Stat != nil {
		fmt.Fprintln(v.out.Writer, out.Stat.Lines())
	}
	return nil
}

func long(v *verb, path string, names []string) error {
	type row struct {
		Name string     `json:"name"`
		Stat *tool.Stat `json:"stat"`
	}
	list, rows := []row{}, [][]string(nil)
	for _, n := range names {
		full := n
		if !strings.HasPrefix(n, "/") {
			full = join(path, n)
		}
		st, err := v.stat(full)
		if errors.Is(err, zk.ErrNoNode) {
			continue // the node was deleted meanwhile
		}
		if err != nil {
			return tool.Fail("stat "+full, err)
		}
		s := tool.StatOf(st)
		owner := s.EphemeralOwner
		if st.EphemeralOwner == 0 {
			owner = "-"
		}
		list = append(list, row{n, s})
		rows = append(rows, []string{n, fmt.Sprint(s.Version), fmt.Sprint(s.DataLength), fmt.Sprint(s.NumChildren), owner, s.Mtime})
	}
	return v.out.Rows(list, []string{"NAME", "VERSION", "BYTES", "CHILDREN", "OWNER", "CHANGED"}, rows)
}

func statCommand() *cli.Command {
	return &cli.Command{
		Name: "stat", Category: Category, Usage: "print a node's Stat", ArgsUsage: "[-w] PATH",
		Description: "   paddock stat /app\n   paddock -o json stat /app\n\n" + tool.ExitHelp,
		Flags:       tool.Flags(watchFlag()),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			return watched(v, words[0], false, func() error {
				st, err := v.stat(words[0])
				if err != nil {
					return tool.Fail("stat "+words[0], err)
				}
				s := tool.StatOf(st)
				return v.out.Line(s, s.Lines())
			})
		}),
	}
}

func existsCommand() *cli.Command {
	return &cli.Command{
		Name: "exists", Category: Category, Usage: "tell whether a node exists, by the exit code too", ArgsUsage: "PATH",
		Description: "   paddock exists /app/ready && start\n\n" + tool.ExitHelp,
		Flags:       tool.Flags(),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			_, err := v.stat(words[0])
			if err != nil && !errors.Is(err, zk.ErrNoNode) {
				return tool.Fail("exists "+words[0], err)
			}
			if perr := v.out.Line(map[string]any{"path": words[0], "exists": err == nil}, fmt.Sprint(err == nil)); perr != nil || err == nil {
				return perr
			}
			return cli.Exit("", tool.ExitNoNode)
		}),
	}
}

func getACLCommand() *cli.Command {
	return &cli.Command{
		Name: "getAcl", Aliases: []string{"getacl"}, Category: Category, Usage: "print a node's ACL", ArgsUsage: "[-s] PATH",
		Description: "   paddock getAcl /app\n   paddock -o simple getAcl /app   # in the form that setAcl and create take\n\n" + tool.ExitHelp,
		Flags:       tool.Flags(statFlag()),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			list, err := v.acl(words[0])
			if err != nil {
				return tool.Fail("getAcl "+words[0], err)
			}
			type entry struct {
				Scheme string `json:"scheme"`
				ID     string `json:"id"`
				Perms  string `json:"perms"`
			}
			entries, lines := []entry{}, []string(nil)
			for _, a := range list {
				entries = append(entries, entry{a.Scheme, a.ID, perms(a.Perms)})
				lines = append(lines, a.Scheme+":"+a.ID+":"+perms(a.Perms))
			}
			if v.c.Bool("stat") {
				st, err := v.stat(words[0])
				if err != nil {
					return tool.Fail("getAcl -s "+words[0], err)
				}
				lines = append(lines, tool.StatOf(st).Lines())
			}
			return v.out.Line(entries, strings.Join(lines, "\n"))
		}),
	}
}

// texts is the answer of a request that gives a list of strings.
func texts(body []byte) ([]string, error) {
	r := jute.NewReader(body)
	var t wire.TextsResponse
	t.Decode(&r)
	return t.Texts.Texts(), r.Err()
}

func getEphemeralsCommand() *cli.Command {
	return &cli.Command{
		Name: "getEphemerals", Aliases: []string{"getephemerals"}, Category: Category, Usage: "list ephemeral nodes", ArgsUsage: "[PREFIX]",
		Description: `Lists the ephemeral nodes of this session, which makes sense in the shell; with --all those of every session below PREFIX (a walk over the
subtree), with their sessions. What may not be read is named on standard error and left out then, and the exit code is 5.

   paddock getEphemerals --all /services

` + tool.ExitHelp,
		Flags: tool.Flags(&cli.BoolFlag{Name: "all", Usage: "those of every session, found by a walk over the subtree"}),
		Action: action(0, 1, 1, func(v *verb, words []string) error {
			prefix := "/"
			if len(words) == 1 {
				prefix = words[0]
			}
			type row struct {
				Path    string `json:"path"`
				Session string `json:"session"`
			}
			list, rows := []row{}, [][]string(nil)
			add := func(path string, owner int64) {
				list, rows = append(list, row{path, tool.Hex(owner)}), append(rows, []string{path, tool.Hex(owner)})
			}
			var err error
			d := denied{v: v}
			if v.c.Bool("all") {
				err = d.look(prefix, func(path string, depth int) error {
					st, err := v.stat(path)
					if err == nil && isEphemeral(st.EphemeralOwner) {
						add(path, st.EphemeralOwner)
					}
					if d.pass(err, path, depth) {
						return errSkipTree
					}
					if errors.Is(err, zk.ErrNoNode) {
						err = nil
					}
					return err
				})
			} else {
				var body []byte
				body, err = v.Call(v.ctx, wire.OpGetEphemerals, func(b []byte) []byte { return (&wire.NullablePath{Path: []byte(prefix)}).Append(b) })
				var paths []string
				if err == nil {
					paths, err = texts(body)
				}
				slices.Sort(paths)
				for _, p := range paths {
					add(p, v.SessionID())
				}
			}
			if err != nil {
				return tool.Fail("getEphemerals "+prefix, err)
			}
			if err := v.out.Rows(list, []string{"PATH", "SESSION"}, rows); err != nil {
				return err
			}
			return d.err("getEphemerals --all " + prefix)
		}),
	}
}

func countCommand() *cli.Command {
	return &cli.Command{
		Name: "count", Aliases: []string{"getAllChildrenNumber"}, Category: Category, Usage: "count the nodes below a node", ArgsUsage: "[PATH]",
		Description: "All of them, not only the children; the server counts.\n\n   paddock count /app\n\n" + tool.ExitHelp,
		Flags:       tool.Flags(),
		Action: action(0, 1, 1, func(v *verb, words []string) error {
			path := "/"
			if len(words) == 1 {
				path = words[0]
			}
			body, err := v.Call(v.ctx, wire.OpGetAllChildrenNumber, func(b []byte) []byte { return (&wire.PathOnly{Path: path}).Append(b) })
			var n wire.IntResponse
			if err == nil {
				r := jute.NewReader(body)
				n.Decode(&r)
				err = r.Err()
			}
			if err != nil {
				return tool.Fail("count "+path, err)
			}
			return v.out.Line(map[string]any{"path": path, "count": n.Value}, fmt.Sprint(n.Value))
		}),
	}
}

func syncCommand() *cli.Command {
	return &cli.Command{
		Name: "sync", Category: Category, Usage: "let the server catch up with the leader", ArgsUsage: "[PATH]",
		Description: "   paddock sync /\n\n" + tool.ExitHelp, Flags: tool.Flags(),
		Action: action(0, 1, 1, func(v *verb, words []string) error {
			path := append(words, "/")[0]
			if _, err := tool.Do(v.ctx, v.Session, func() (string, error) { return v.Sync(path) }); err != nil {
				return tool.Fail("sync "+path, err)
			}
			tool.Note(v.c, "Sync is OK")
			return nil
		}),
	}
}

func whoamiCommand() *cli.Command {
	return &cli.Command{
		Name: "whoami", Category: Category, Usage: "print the identities that the server sees in this session", ArgsUsage: " ",
		Description: "   paddock --auth digest:me:secret whoami\n\n" + tool.ExitHelp, Flags: tool.Flags(),
		Action: action(0, 0, 0, func(v *verb, _ []string) error {
			body, err := v.Call(v.ctx, wire.OpWhoAmI, nil)
			var who wire.WhoAmIResponse
			if err == nil {
				r := jute.NewReader(body)
				who.Decode(&r)
				err = r.Err()
			}
			if err != nil {
				return tool.Fail("whoami", err)
			}
			type row struct {
				Scheme string `json:"scheme"`
				User   string `json:"user"`
			}
			list, rows := []row{}, [][]string(nil)
			slices.SortFunc(who.Infos, func(a, b wire.ClientInfo) int { return strings.Compare(a.Scheme+":"+a.User, b.Scheme+":"+b.User) })
			for _, i := range who.Infos {
				list, rows = append(list, row{i.Scheme, i.User}), append(rows, []string{i.Scheme, i.User})
			}
			return v.out.Rows(list, []string{"SCHEME", "USER"}, rows)
		}),
	}
}
