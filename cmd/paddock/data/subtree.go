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
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// subtreeHead is the first line of a subtree file; subtreeEnd the last one, without which the file is not whole.
type subtreeHead struct {
	Format string `json:"paddock"` // "subtree"
	Layout int    `json:"layout"`
	Root   string `json:"root"`
}

type subtreeEnd struct {
	End    bool `json:"end"`
	Nodes  int  `json:"nodes"`
	Denied int  `json:"denied,omitempty"` // so many nodes could not be read, and are left out with all below them
}

func subtreeCommand() *cli.Command {
	return &cli.Command{
		Name: "subtree", Category: Category, Usage: "write a subtree to a file of JSON lines, and read it back",
		Description: `One line for each node: path, data (text, or base64), ACL. Ephemeral nodes are written, marked, and not read back. The last line counts the
nodes, so that half a file is refused, and FILE gets its name only when it is whole. Nodes that may not be read are named, and nothing is exported
unless --skip-denied leaves them out, with all below them. For a whole server, exact at one zxid, see paddock snapshot.
No client can see that a node is a container or has a TTL: its copy is a plain node, which no server removes.

   paddock subtree export /app > app.jsonl
   paddock subtree import /app < app.jsonl
   paddock subtree import --yes --skip-existing /copy app.jsonl

` + tool.ExitHelp,
		Subcommands: []*cli.Command{
			{Name: "export", Usage: "write a subtree as JSON lines", ArgsUsage: "PATH [FILE]", Flags: tool.Flags(&cli.BoolFlag{Name: "no-acl", Usage: "leave ACLs out"},
				&cli.BoolFlag{Name: "skip-denied", Usage: "leave out what may not be read; the exit code is 5 all the same"}),
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
	root, tried := words[0], "subtree export "+words[0]
	if _, err := v.stat(root); err != nil {
		return tool.Fail(tried, err)
	}
	if len(words) == 1 {
		return v.export(root, v.out.Writer)
	}
	file := words[1]
	if _, err := os.Lstat(file); err == nil {
		return &tool.Error{Tried: tried + " to " + file, Happened: "the file exists", Todo: "give a file that does not exist yet", Code: 1}
	}
	var partial error // the file is whole, and some nodes are left out of it
	_, err := atomicfile.Write(atomicfile.OS{}, file, 0o600, func(w io.Writer) error {
		err := v.export(root, w)
		if errors.As(err, new(leftOut)) {
			partial, err = err, nil
		}
		return err
	})
	var e *tool.Error
	if err != nil && !errors.As(err, &e) {
		err = &tool.Error{Tried: tried, Happened: strings.ReplaceAll(err.Error(), "\n", "; "), Todo: "nothing was kept: give a file that can be written", Code: 1, Cause: err}
	}
	return errors.Join(err, partial)
}

// leftOut is the end of an export that is whole but for what may not be read.
type leftOut struct{ error }

func (e leftOut) Unwrap() error { return e.error }

// export writes a subtree. Without --skip-denied it looks at all of it, to name everything that may not be read, and then has no last line.
func (v *verb) export(root string, w io.Writer) error {
	tried := "subtree export " + root
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(subtreeHead{"subtree", 1, root}); err != nil {
		return err
	}
	p, d := tool.Counting(v.c, "exported"), &denied{v: v}
	defer p.End()
	err := d.look(root, func(at string, depth int) error {
		if root == "/" && at == "/zookeeper" {
			return errSkipTree
		}
		if err := Stop(v.ctx); err != nil {
			return tool.Fail(tried, err)
		}
		n, err := v.record(at, !v.c.Bool("no-acl"))
		if errors.Is(err, zk.ErrNoNode) || d.pass(err, at, depth) {
			return errSkipTree
		}
		if err != nil {
			return tool.Fail("subtree export "+at, err)
		}
		n.Path = moved(at, root, "/")
		p.Add(1)
		return enc.Encode(n)
	})
	whole := d.nodes == 0 || v.c.Bool("skip-denied")
	if err == nil && whole {
		err = enc.Encode(subtreeEnd{true, p.Count, d.nodes})
	}
	if ferr := buf.Flush(); err == nil && ferr != nil {
		err = &tool.Error{Tried: tried, Happened: ferr.Error(), Todo: "what was written is not whole: export again", Code: 1, Cause: ferr}
	}
	p.End()
	switch {
	case err != nil:
		return err
	case !whole:
		return &tool.Error{Tried: tried, Happened: fmt.Sprintf("some of it may not be read (nodes: %d), so nothing is exported", d.nodes),
			Todo: "authenticate with --auth to export them too, or say --skip-denied to leave them out", Code: tool.ExitDenied, Cause: zk.ErrNoAuth}
	}
	tool.Note(v.c, "exported %d nodes", p.Count)
	if err := d.err(tried); err != nil {
		return leftOut{err}
	}
	return nil
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
	end, err := readSubtree(f, name, func(n record) error {
		if nodes++; n.Ephemeral {
			ephemeral++
		}
		return nil
	})
	if err != nil {
		return err
	}
	missing := ""
	if end.Denied > 0 {
		missing = fmt.Sprintf("; the file lacks %d nodes, and all below them, that could not be read when it was made", end.Denied)
	}
	if err := tool.Confirm(v.c, fmt.Sprintf("create %d nodes at %s (%d ephemeral ones are left out%s)?", nodes-ephemeral, words[0], ephemeral, missing)); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("subtree import: %w", err)
	}
	left := 0
	p := tool.Counting(v.c, "imported")
	defer p.End()
	_, err = readSubtree(f, name, func(n record) error {
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
		tool.Note(v.c, "imported %d nodes, left %d as they were%s; %s", p.Count, left, missing, plainCopies)
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
func readSubtree(r io.Reader, name string, each func(record) error) (end subtreeEnd, err error) {
	bad := func(line int, format string, args ...any) (subtreeEnd, error) {
		return end, &tool.Error{Tried: fmt.Sprintf("read %s, line %d", name, line), Happened: fmt.Sprintf(format, args...), Todo: "export the subtree again", Code: 1}
	}
	in := bufio.NewReader(r)
	nodes := 0
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if len(text) == 0 && err != nil {
			if err != io.EOF {
				return end, fmt.Errorf("read %s: %w", name, err)
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
		if json.Unmarshal(text, &end) == nil && end.End {
			if end.Nodes != nodes {
				return bad(line, "%d nodes are counted, %d were read", end.Nodes, nodes)
			}
			return end, nil
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
			return end, err
		}
	}
}
