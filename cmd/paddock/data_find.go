package main

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
)

func findCommand() *cli.Command {
	return &cli.Command{
		Name: "find", Category: dataCategory, Usage: "look for nodes in a subtree", ArgsUsage: "[PATH] [filters]",
		Description: `All filters must hold. Prints paths.

   paddock find / --name 'lock-*'
   paddock find /app --data 'host=.*example' --newer 1h
   paddock find / --larger 100000 -o json
   paddock find / --ephemeral --owner 0x1000a3b5c0001

` + toolExitHelp,
		Flags: toolFlags(
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
		Action: dataAction(0, 1, 1, func(v *dataVerb, words []string) error {
			root := append(words, "/")[0]
			f, err := dataFilterOf(v.c)
			if err != nil {
				return err
			}
			if _, err := v.stat(root); err != nil {
				return toolFail("find "+root, err)
			}
			return f.run(v, root)
		}),
	}
}

// dataFilter decides which nodes find prints.
type dataFilter struct {
	name            string
	path, data      *regexp.Regexp
	larger          int64
	children, depth int
	newer, older    time.Duration
	ephemeral       bool
	owner           int64
}

func dataFilterOf(c *cli.Context) (f dataFilter, err error) {
	f = dataFilter{name: c.String("name"), larger: c.Int64("larger"), children: c.Int("children"), depth: c.Int("depth"),
		newer: c.Duration("newer"), older: c.Duration("older"), ephemeral: c.Bool("ephemeral")}
	if _, err := path.Match(f.name, "x"); err != nil {
		return f, toolUsage("find: --name %q: %w", f.name, err)
	}
	for _, x := range []struct {
		flag string
		into **regexp.Regexp
	}{{"path", &f.path}, {"data", &f.data}} {
		if text := c.String(x.flag); text != "" {
			if *x.into, err = regexp.Compile(text); err != nil {
				return f, toolUsage("find: --%s: %w", x.flag, err)
			}
		}
	}
	if text := c.String("owner"); text != "" {
		u, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
		if err != nil {
			return f, toolUsage("find: --owner %q: a session id is hexadecimal, as in 0x1000a3b5c0001", text)
		}
		f.owner = int64(u)
	}
	return f, nil
}

// needsStat says whether the path alone does not decide.
func (f *dataFilter) needsStat() bool {
	return f.larger >= 0 || f.children >= 0 || f.newer > 0 || f.older > 0 || f.ephemeral || f.owner != 0
}

func (f *dataFilter) stat(s *zk.Stat, now time.Time) bool {
	age := now.Sub(time.UnixMilli(s.Mtime))
	return (f.larger < 0 || int64(s.DataLength) > f.larger) && (f.children < 0 || int(s.NumChildren) >= f.children) &&
		(f.newer <= 0 || age <= f.newer) && (f.older <= 0 || age > f.older) && (!f.ephemeral || dataIsEphemeral(s.EphemeralOwner)) &&
		(f.owner == 0 || s.EphemeralOwner == f.owner)
}

// dataIsEphemeral tells a session's id from the marks that containers (the lowest number) and TTL nodes (the highest byte 0xff) have in
// the owner's place.
func dataIsEphemeral(owner int64) bool {
	return owner != 0 && owner != -1<<63 && uint64(owner)>>56 != 0xff
}

func (f *dataFilter) run(v *dataVerb, root string) error {
	list := []string{}
	p := toolCounting(v.c, "looking")
	defer p.end()
	err := v.walk(root, func(at string, depth int) error {
		p.add(1)
		ok, err := f.matches(v, at)
		if errors.Is(err, zk.ErrNoNode) {
			return nil
		}
		if err != nil {
			return toolFail("find "+at, err)
		}
		if ok {
			list = append(list, at)
		}
		if f.depth >= 0 && depth >= f.depth {
			return errSkipTree
		}
		return nil
	})
	p.end()
	if err != nil {
		return err
	}
	return v.out.line(list, strings.Join(list, "\n"))
}

func (f *dataFilter) matches(v *dataVerb, at string) (bool, error) {
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
		Name: "tree", Category: dataCategory, Usage: "draw a subtree", ArgsUsage: "[-L DEPTH] [-d] [PATH]",
		Description: "   paddock tree /app\n   paddock tree -L 2 -d /\n\n" + toolExitHelp,
		Flags: toolFlags(&cli.IntFlag{Name: "depth", Aliases: []string{"L"}, Usage: "at most so many levels", Value: -1},
			&cli.BoolFlag{Name: "data", Aliases: []string{"d"}, Usage: "show the beginning of the data"}),
		Action: dataAction(0, 1, 1, func(v *dataVerb, words []string) error {
			root := append(words, "/")[0]
			t, err := v.treeOf(root, root, v.c.Int("depth"))
			if err != nil {
				return toolFail("tree "+root, err)
			}
			var b strings.Builder
			t.draw(&b, "", "")
			return v.out.line(t, strings.TrimSuffix(b.String(), "\n"))
		}),
	}
}

// dataTree is a subtree as `tree` shows it.
type dataTree struct {
	Name     string     `json:"name"`
	Data     *toolData  `json:"data,omitempty"`
	Children []dataTree `json:"children,omitempty"`
	More     bool       `json:"more,omitempty"` // it has children that --depth hides
}

func (v *dataVerb) treeOf(at, name string, depth int) (dataTree, error) {
	t := dataTree{Name: name}
	if v.c.Bool("data") {
		n, err := v.get(at)
		if err != nil {
			return t, err
		}
		d := toolDataOf(n.data)
		t.Data = &d
	}
	names, err := v.children(at)
	if err != nil {
		return t, err
	}
	if depth == 0 {
		t.More = len(names) > 0
		return t, nil
	}
	for _, n := range names {
		child, err := v.treeOf(dataJoin(at, n), n, depth-1)
		if errors.Is(err, zk.ErrNoNode) {
			continue // gone meanwhile
		}
		if err != nil {
			return t, err
		}
		t.Children = append(t.Children, child)
	}
	return t, nil
}

func (t *dataTree) draw(b *strings.Builder, first, rest string) {
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
