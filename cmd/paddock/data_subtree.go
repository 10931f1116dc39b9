package main

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
)

// dataSubtreeHead is the first line of a subtree file; dataSubtreeEnd the last one, without which the file is not whole.
type dataSubtreeHead struct {
	Format string `json:"paddock"` // "subtree"
	Layout int    `json:"layout"`
	Root   string `json:"root"`
}

type dataSubtreeEnd struct {
	End   bool `json:"end"`
	Nodes int  `json:"nodes"`
}

func subtreeCommand() *cli.Command {
	return &cli.Command{
		Name: "subtree", Category: dataCategory, Usage: "write a subtree to a file of JSON lines, and read it back",
		Description: `One line for each node: path, data (text, or base64), ACL. Ephemeral nodes are written, marked, and not read back. The last line counts the
nodes, so that half a file is refused. For a whole server, exact at one zxid, see paddock snapshot.

   paddock subtree export /app > app.jsonl
   paddock subtree import /app < app.jsonl
   paddock subtree import --yes --skip-existing /copy app.jsonl`,
		Subcommands: []*cli.Command{
			{Name: "export", Usage: "write a subtree as JSON lines", ArgsUsage: "PATH [FILE]", Flags: toolFlags(&cli.BoolFlag{Name: "no-acl", Usage: "leave ACLs out"}),
				Action: dataAction(1, 2, 1, dataExport)},
			{Name: "import", Usage: "create the nodes of such a file below a path, after asking", ArgsUsage: "PATH [FILE]",
				Flags: toolFlags(&cli.BoolFlag{Name: "overwrite", Usage: "write over data that is there"},
					&cli.BoolFlag{Name: "skip-existing", Usage: "leave nodes that are there as they are"},
					&cli.BoolFlag{Name: "no-acl", Usage: "give every node world:anyone:cdrwa"}),
				Action: dataAction(1, 2, 1, dataImport)},
		},
	}
}

func dataExport(v *dataVerb, words []string) error {
	root, w := words[0], v.out.w
	if _, err := v.stat(root); err != nil {
		return toolFail("subtree export "+root, err)
	}
	if len(words) == 2 {
		f, err := os.OpenFile(words[1], os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			return &toolError{tried: "subtree export to " + words[1], happened: err.Error(), todo: "give a file that does not exist yet", code: 1, cause: err}
		}
		defer f.Close()
		w = f
	}
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(dataSubtreeHead{"subtree", 1, root}); err != nil {
		return err
	}
	p := toolCounting(v.c, "exported")
	defer p.end()
	err := v.walk(root, func(at string, _ int) error {
		if root == "/" && at == "/zookeeper" {
			return errSkipTree
		}
		if err := dataStop(v.ctx); err != nil {
			return toolFail("subtree export", err)
		}
		n, err := v.record(at, !v.c.Bool("no-acl"))
		if errors.Is(err, zk.ErrNoNode) {
			return errSkipTree
		}
		if err != nil {
			return toolFail("subtree export "+at, err)
		}
		n.Path = dataMoved(at, root, "/")
		p.add(1)
		return enc.Encode(n)
	})
	if err == nil {
		err = enc.Encode(dataSubtreeEnd{true, p.n})
	}
	if ferr := buf.Flush(); err == nil && ferr != nil {
		err = &toolError{tried: "subtree export", happened: ferr.Error(), todo: "the file is not whole: export again", code: 1, cause: ferr}
	}
	p.end()
	if err == nil {
		toolNote(v.c, "exported %d nodes", p.n)
	}
	return err
}

// dataImport checks the whole file before it writes anything.
func dataImport(v *dataVerb, words []string) error {
	if v.c.Bool("overwrite") && v.c.Bool("skip-existing") {
		return toolUsage("subtree import: --overwrite or --skip-existing, not both")
	}
	name := "standard input"
	var f *os.File
	var err error
	if len(words) == 2 && words[1] != "-" {
		name = words[1]
		if f, err = os.Open(name); err != nil {
			return toolUsage("subtree import: %w", err)
		}
	} else if f, err = dataSpool(v.c.App.Reader); err != nil {
		return fmt.Errorf("subtree import: keep standard input: %w", err)
	}
	defer f.Close()
	nodes, ephemeral := 0, 0
	if err := dataReadSubtree(f, name, func(n dataRecord) error {
		if nodes++; n.Ephemeral {
			ephemeral++
		}
		return nil
	}); err != nil {
		return err
	}
	if err := toolConfirm(v.c, fmt.Sprintf("create %d nodes at %s (%d ephemeral ones are left out)?", nodes-ephemeral, words[0], ephemeral)); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("subtree import: %w", err)
	}
	left := 0
	p := toolCounting(v.c, "imported")
	defer p.end()
	err = dataReadSubtree(f, name, func(n dataRecord) error {
		if n.Ephemeral {
			return nil
		}
		if err := dataStop(v.ctx); err != nil {
			return toolFail(fmt.Sprintf("subtree import: after %d nodes", p.n), err)
		}
		if v.c.Bool("no-acl") {
			n.ACL = nil
		}
		at := dataMoved(n.Path, "/", words[0])
		stored, err := v.store(at, n, v.c.Bool("overwrite"), v.c.Bool("skip-existing"))
		if err != nil {
			return toolFail(fmt.Sprintf("subtree import: after %d nodes, %s", p.n, at), err)
		}
		if !stored {
			left++
			return nil
		}
		p.add(1)
		return nil
	})
	p.end()
	if err == nil {
		toolNote(v.c, "imported %d nodes, left %d as they were", p.n, left)
	}
	return err
}

// dataSpool keeps a stream in a file without a name, to read it twice.
func dataSpool(r io.Reader) (*os.File, error) {
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

// dataReadSubtree reads a subtree file and refuses one that is not whole; errors name the line.
func dataReadSubtree(r io.Reader, name string, each func(dataRecord) error) error {
	bad := func(line int, format string, args ...any) error {
		return &toolError{tried: fmt.Sprintf("read %s, line %d", name, line), happened: fmt.Sprintf(format, args...), todo: "export the subtree again", code: 1}
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
			var head dataSubtreeHead
			if json.Unmarshal(text, &head) != nil || head.Format != "subtree" || head.Layout != 1 {
				return bad(line, `it is not a subtree file of paddock (the first line should say {"paddock":"subtree","layout":1})`)
			}
			continue
		}
		var end dataSubtreeEnd
		if json.Unmarshal(text, &end) == nil && end.End {
			if end.Nodes != nodes {
				return bad(line, "%d nodes are counted, %d were read", end.Nodes, nodes)
			}
			return nil
		}
		var n dataRecord
		if err := json.Unmarshal(text, &n); err != nil {
			return bad(line, "%v", err)
		}
		if _, err := dataPath(n.Path); err != nil {
			return bad(line, "%v", err)
		}
		if _, err := n.bytes(); err != nil {
			return bad(line, "%v", err)
		}
		if len(n.ACL) > 0 {
			if _, err := dataParseACL(strings.Join(n.ACL, ",")); err != nil {
				return bad(line, "%v", err)
			}
		}
		nodes++
		if err := each(n); err != nil {
			return err
		}
	}
}
