package data

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func findCommand() *cli.Command {
	return &cli.Command{
		Name: "find", Category: Category, Usage: "look for nodes in a subtree", ArgsUsage: "[PATH] [filters]",
		Description: `All filters must hold. Prints paths. What may not be read is named on standard error and left out, and the exit code is 5.

   paddock find / --name 'lock-*'
   paddock find /app --data 'host=.*example' --newer 1h
   paddock find / --larger 100000 -o json
   paddock find / --ephemeral --owner 0x1000a3b5c0001

` + tool.ExitHelp,
		Flags: tool.Flags(
			&cli.StringFlag{Name: "name", Usage: "last part of the path matches the shell pattern `GLOB`"},
			&cli.StringFlag{Name: "path", Usage: "the whole path matches the regular expression `RE`"},
			&cli.StringFlag{Name: "data", Usage: "the data matches the regular expression `RE`"},
			&cli.Int64Flag{Name: "larger", Usage: "more than `N` bytes of data", Value: -1},
			&cli.IntFlag{Name: "children", Usage: "at least `N` children", Value: -1},
			&cli.DurationFlag{Name: "newer", Usage: "data changed within the last `DURATION` (by the server's clock)"},
			&cli.DurationFlag{Name: "older", Usage: "data not changed within the last `DURATION`"},
			&cli.BoolFlag{Name: "ephemeral", Usage: "ephemeral nodes only"},
			&cli.StringFlag{Name: "owner", Usage: "ephemeral nodes of the session `ID`"},
			&cli.IntFlag{Name: "depth", Usage: "at most `N` levels below PATH", Value: -1}),
		Action: action(0, 1, 1, func(v *verb, words []string) error {
			root := append(words, "/")[0]
			f, err := filterOf(v.c)
			if err != nil {
				return err
			}
			if _, err := v.stat(root); err != nil {
				return tool.Fail("find "+root, err)
			}
			return f.run(v, root)
		}),
	}
}

// filter decides which nodes find prints.
type filter struct {
	name            string
	path, data      *regexp.Regexp
	larger          int64
	children, depth int
	newer, older    time.Duration
	ephemeral       bool
	owner           int64
}

func filterOf(c *cli.Context) (f filter, err error) {
	f = filter{name: c.String("name"), larger: c.Int64("larger"), children: c.Int("children"), depth: c.Int("depth"),
		newer: c.Duration("newer"), older: c.Duration("older"), ephemeral: c.Bool("ephemeral")}
	if _, err := path.Match(f.name, "x"); err != nil {
		return f, tool.Usage("find: --name %q: %w", f.name, err)
	}
	for _, x := range []struct {
		flag string
		into **regexp.Regexp
	}{{"path", &f.path}, {"data", &f.data}} {
		if text := c.String(x.flag); text != "" {
			if *x.into, err = regexp.Compile(text); err != nil {
				return f, tool.Usage("find: --%s: %w", x.flag, err)
			}
		}
	}
	if text := c.String("owner"); text != "" {
		u, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
		if err != nil {
			return f, tool.Usage("find: --owner %q: a session id is hexadecimal, as in 0x1000a3b5c0001", text)
		}
		f.owner = int64(u)
	}
	return f, nil
}

// needsStat says whether the path alone does not decide.
func (f *filter) needsStat() bool {
	return f.larger >= 0 || f.children >= 0 || f.newer > 0 || f.older > 0 || f.ephemeral || f.owner != 0
}

func (f *filter) stat(s *zk.Stat, now time.Time) bool {
	age := now.Sub(time.UnixMilli(s.Mtime))
	return (f.larger < 0 || int64(s.DataLength) > f.larger) && (f.children < 0 || int(s.NumChildren) >= f.children) &&
		(f.newer <= 0 || age <= f.newer) && (f.older <= 0 || age > f.older) && (!f.ephemeral || isEphemeral(s.EphemeralOwner)) &&
		(f.owner == 0 || s.EphemeralOwner == f.owner)
}

// isEphemeral tells a session's id from the marks that containers (the lowest number) and TTL nodes (the highest byte 0xff) have in
// the owner's place.
func isEphemeral(owner int64) bool {
	return owner != 0 && owner != -1<<63 && uint64(owner)>>56 != 0xff
}

func (f *filter) run(v *verb, root string) error {
	list := []string{}
	p := tool.Counting(v.c, "looking")
	defer p.End()
	d := denied{v: v}
	err := d.look(root, func(at string, depth int) error {
		p.Add(1)
		ok, err := f.matches(v, at)
		if errors.Is(err, zk.ErrNoNode) {
			return nil
		}
		if d.pass(err, at, depth) {
			return errSkipTree // whoever may not read the data may not list the children
		}
		if err != nil {
			return tool.Fail("find "+at, err)
		}
		if ok {
			list = append(list, at)
		}
		if f.depth >= 0 && depth >= f.depth {
			return errSkipTree
		}
		return nil
	})
	p.End()
	if err != nil {
		return err
	}
	if err := v.out.Line(list, strings.Join(list, "\n")); err != nil {
		return err
	}
	return d.err("find " + root)
}

func (f *filter) matches(v *verb, at string) (bool, error) {
	if f.name != "" {
		if ok, _ := path.Match(f.name, at[strings.LastIndexByte(at, '/')+1:]); !ok {
			return false, nil
		}
	}
	if f.path != nil && !f.path.MatchString(at) {
		return false, nil
	}
	if f.needsStat() {
		st, err := v.stat(at)
		if err != nil || !f.stat(st, time.Now()) {
			return false, err
		}
	}
	if f.data != nil {
		n, err := v.get(at)
		if err != nil || !f.data.Match(n.data) {
			return false, err
		}
	}
	return true, nil
}

func treeCommand() *cli.Command {
	return &cli.Command{
		Name: "tree", Category: Category, Usage: "draw a subtree", ArgsUsage: "[-L DEPTH] [-d] [PATH]",
		Description: "What may not be read is named on standard error and left out, and the exit code is 5.\n\n   paddock tree /app\n   paddock tree -L 2 -d /\n\n" + tool.ExitHelp,
		Flags: tool.Flags(&cli.IntFlag{Name: "depth", Aliases: []string{"L"}, Usage: "at most so many levels", Value: -1},
			&cli.BoolFlag{Name: "data", Aliases: []string{"d"}, Usage: "show the beginning of the data"}),
		Action: action(0, 1, 1, func(v *verb, words []string) error {
			root := append(words, "/")[0]
			d := denied{v: v}
			t, err := d.treeOf(root, root, 0)
			if err != nil {
				return tool.Fail("tree "+root, err)
			}
			var b strings.Builder
			t.draw(&b, "", "")
			if err := v.out.Line(t, strings.TrimSuffix(b.String(), "\n")); err != nil {
				return err
			}
			return d.err("tree " + root)
		}),
	}
}

// tree is a subtree as `tree` shows it.
type tree struct {
	Name     string     `json:"name"`
	Data     *tool.Data `json:"data,omitempty"`
	Children []tree     `json:"children,omitempty"`
	More     bool       `json:"more,omitempty"` // it has children that --depth hides, or may have some that may not be listed
}

func (d *denied) treeOf(at, name string, depth int) (tree, error) {
	t, v := tree{Name: name}, d.v
	if v.c.Bool("data") {
		n, err := v.get(at)
		if d.pass(err, at, depth) {
			t.More = true
			return t, nil
		}
		if err != nil {
			return t, err
		}
		data := tool.DataOf(n.data)
		t.Data = &data
	}
	names, err := v.children(at)
	if d.pass(err, at, depth) {
		t.More = true
		return t, nil
	}
	if err != nil {
		return t, err
	}
	if depth == v.c.Int("depth") {
		t.More = len(names) > 0
		return t, nil
	}
	for _, n := range names {
		child, err := d.treeOf(join(at, n), n, depth+1)
		if errors.Is(err, zk.ErrNoNode) {
			continue // the node was deleted meanwhile
		}
		if err != nil {
			return t, err
		}
		t.Children = append(t.Children, child)
	}
	return t, nil
}

func (t *tree) draw(b *strings.Builder, first, rest string) {
	b.WriteString(first + t.Name)
	if t.Data != nil && t.Data.Data != "" {
		text := []rune(t.Data.Data)
		more := ""
		if len(text) > 60 {
			text, more = text[:60], "…"
		}
		fmt.Fprintf(b, "  %s%s", strings.Trim(strconv.Quote(string(text)), `"`), more)
	}
	if t.More {
		b.WriteString("  …")
	}
	b.WriteByte('\n')
	for i := range t.Children {
		if i == len(t.Children)-1 {
			t.Children[i].draw(b, rest+"└── ", rest+"    ")
			continue
		}
		t.Children[i].draw(b, rest+"├── ", rest+"│   ")
	}
}
