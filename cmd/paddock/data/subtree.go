package data

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// subtreeHead is the first line of a subtree file; subtreeEnd the last one, without which the file is not whole.
type subtreeHead struct {
	Format string `json:"paddock"` // "subtree"
	Layout int    `json:"layout"`
	Root   string `json:"root"`
}

type subtreeEnd struct {
	End   bool `json:"end"`
	Nodes int  `json:"nodes"`
}

func subtreeCommand() *cli.Command {
	return &cli.Command{
		Name: "subtree", Category: Category, Usage: "write a subtree to a file of JSON lines, and read it back",
		Description: `One line for each node: path, data (text, or base64), ACL. Ephemeral nodes are written, marked, and not read back. The last line counts the
nodes, so that half a file is refused. For a whole server, exact at one zxid, see paddock snapshot.
No client can see that a node is a container or has a TTL: its copy is a plain node, which no server removes.

   paddock subtree export /app > app.jsonl
   paddock subtree import /app < app.jsonl
   paddock subtree import --yes --skip-existing /copy app.jsonl

` + tool.ExitHelp,
		Subcommands: []*cli.Command{
			{Name: "export", Usage: "write a subtree as JSON lines", ArgsUsage: "PATH [FILE]", Flags: tool.Flags(&cli.BoolFlag{Name: "no-acl", Usage: "leave ACLs out"}),
				Action: action(1, 2, 1, exportSubtree)},
			{Name: "import", Usage: "create the nodes of such a file below a path, after asking", ArgsUsage: "PATH [FILE]",
				Flags: tool.Flags(&cli.BoolFlag{Name: "overwrite", Usage: "write over data that is there"},
					&cli.BoolFlag{Name: "skip-existing", Usage: "leave nodes that are there as they are"},
					&cli.BoolFlag{Name: "no-acl", Usage: "give every node world:anyone:cdrwa"}),
				Action: action(1, 2, 1, importSubtree)},
		},
	}
}

func exportSubtree(v *verb, words []string) error {
	root, w := words[0], v.out.Writer
	if _, err := v.stat(root); err != nil {
		return tool.Fail("subtree export "+root, err)
	}
	if len(words) == 2 {
		f, err := os.OpenFile(words[1], os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			return &tool.Error{Tried: "subtree export to " + words[1], Happened: err.Error(), Todo: "give a file that does not exist yet", Code: 1, Cause: err}
		}
		defer f.Close()
		w = f
	}
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(subtreeHead{"subtree", 1, root}); err != nil {
		return err
	}
	p := tool.Counting(v.c, "exported")
	defer p.End()
	err := v.walk(root, func(at string, _ int) error {
		if root == "/" && at == "/zookeeper" {
			return errSkipTree
		}
		if err := Stop(v.ctx); err != nil {
			return tool.Fail("subtree export", err)
		}
		n, err := v.record(at, !v.c.Bool("no-acl"))
		if errors.Is(err, zk.ErrNoNode) {
			return errSkipTree
		}
		if err != nil {
			return tool.Fail("subtree export "+at, err)
		}
		n.Path = moved(at, root, "/")
		p.Add(1)
		return enc.Encode(n)
	})
	if err == nil {
		err = enc.Encode(subtreeEnd{true, p.Count})
	}
	if ferr := buf.Flush(); err == nil && ferr != nil {
		err = &tool.Error{Tried: "subtree export", Happened: ferr.Error(), Todo: "the file is not whole: export again", Code: 1, Cause: ferr}
	}
	p.End()
	if err == nil {
		tool.Note(v.c, "exported %d nodes", p.Count)
	}
	return err
}

// importSubtree checks the whole file before it writes anything.
func importSubtree(v *verb, words []string) error {
	if v.c.Bool("overwrite") && v.c.Bool("skip-existing") {
		return tool.Usage("subtree import: --overwrite or --skip-existing, not both")
	}
	name := "standard input"
	var f *os.File
	var err error
	if len(words) == 2 && words[1] != "-" {
		name = words[1]
		if f, err = os.Open(name); err != nil {
			return tool.Usage("subtree import: %w", err)
		}
	} else if f, err = spool(v.c.App.Reader); err != nil {
		return fmt.Errorf("subtree import: keep standard input: %w", err)
	}
	defer f.Close()
	nodes, ephemeral := 0, 0
	if err := readSubtree(f, name, func(n record) error {
		if nodes++; n.Ephemeral {
			ephemeral++
		}
		return nil
	}); err != nil {
		return err
	}
	if err := tool.Confirm(v.c, fmt.Sprintf("create %d nodes at %s (%d ephemeral ones are left out)?", nodes-ephemeral, words[0], ephemeral)); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("subtree import: %w", err)
	}
	left := 0
	p := tool.Counting(v.c, "imported")
	defer p.End()
	err = readSubtree(f, name, func(n record) error {
		if n.Ephemeral {
			return nil
		}
		if err := Stop(v.ctx); err != nil {
			return tool.Fail(fmt.Sprintf("subtree import: after %d nodes", p.Count), err)
		}
		if v.c.Bool("no-acl") {
			n.ACL = nil
		}
		at := moved(n.Path, "/", words[0])
		stored, err := v.store(at, n, v.c.Bool("overwrite"), v.c.Bool("skip-existing"))
		if err != nil {
			return tool.Fail(fmt.Sprintf("subtree import: after %d nodes, %s", p.Count, at), err)
		}
		if !stored {
			left++
			return nil
		}
		p.Add(1)
		return nil
	})
	p.End()
	if err == nil {
		tool.Note(v.c, "imported %d nodes, left %d as they were", p.Count, left)
	}
	return err
}

// spool keeps a stream in a file without a name, to read it twice.
func spool(r io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "paddock-import")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	if _, err = io.Copy(f, r); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readSubtree reads a subtree file and refuses one that is not whole; errors name the line.
func readSubtree(r io.Reader, name string, each func(record) error) error {
	bad := func(line int, format string, args ...any) error {
		return &tool.Error{Tried: fmt.Sprintf("read %s, line %d", name, line), Happened: fmt.Sprintf(format, args...), Todo: "export the subtree again", Code: 1}
	}
	in := bufio.NewReader(r)
	nodes := 0
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if len(text) == 0 && err != nil {
			if err != io.EOF {
				return fmt.Errorf("read %s: %w", name, err)
			}
			return bad(line, "the file ends without its last line: it is not whole")
		}
		if line == 1 {
			var head subtreeHead
			if json.Unmarshal(text, &head) != nil || head.Format != "subtree" || head.Layout != 1 {
				return bad(line, `it is not a subtree file of paddock (the first line should say {"paddock":"subtree","layout":1})`)
			}
			continue
		}
		var end subtreeEnd
		if json.Unmarshal(text, &end) == nil && end.End {
			if end.Nodes != nodes {
				return bad(line, "%d nodes are counted, %d were read", end.Nodes, nodes)
			}
			return nil
		}
		var n record
		if err := json.Unmarshal(text, &n); err != nil {
			return bad(line, "%v", err)
		}
		if _, err := Path(n.Path); err != nil {
			return bad(line, "%v", err)
		}
		if _, err := n.Bytes(); err != nil {
			return bad(line, "%v", err)
		}
		if len(n.ACL) > 0 {
			if _, err := parseACL(strings.Join(n.ACL, ",")); err != nil {
				return bad(line, "%v", err)
			}
		}
		nodes++
		if err := each(n); err != nil {
			return err
		}
	}
}
