package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/paddock-zk/paddock/"

// leaves are vocabularies that every room of the house may speak, except those of fencing (which knows none of us).
var leaves = []string{"zab/zxid", "zab/lineage", "session"}

// mayImport is the import table: which rooms of the house each room may know. A room that is not named may know nothing of ours.
// third names the third-party modules (by prefix) that its non-test code may use; std is always allowed. why is the reason, where it is not
// that of all: imports run one way.
var mayImport = map[string]struct {
	ours, third []string
	why         string
}{
	"zab/zxid":                   {},
	"zab/lineage":                {},
	"zab/quorum":                 {},
	"zab":                        {ours: []string{"zab/quorum"}},
	"zab/txnlog":                 {ours: []string{"zab", "zab/txnlog/faultfs"}, third: []string{"golang.org/x/sys"}},
	"zab/txnlog/faultfs":         {ours: []string{"zab/txnlog"}},
	"zab/transport":              {ours: []string{"zab"}},
	"zab/gossip":                 {ours: []string{"zab"}, third: []string{"github.com/hashicorp/"}},
	"zab/peer":                   {ours: []string{"zab"}},
	"zab/zabtest":                {ours: []string{"zab", "zab/quorum", "zab/txnlog", "zab/txnlog/faultfs"}, why: "the simulator of the core runs it on the shipped log too; it knows no state machine and no network"},
	"session":                    {},
	"znode":                      {third: []string{"github.com/cespare/xxhash"}},
	"znode/watch":                {ours: []string{"znode"}, third: []string{"github.com/cespare/xxhash"}},
	"znode/store/atomicfile":     {third: []string{"golang.org/x/sys"}},
	"znode/store":                {ours: []string{"znode", "znode/store/atomicfile"}, third: []string{"github.com/dgraph-io/", "github.com/klauspost/compress", "golang.org/x/sys", "google.golang.org/protobuf"}},
	"znode/store/storetest":      {ours: []string{"znode", "znode/store"}},
	"compat/jute":                {},
	"compat/admin":               {third: []string{"github.com/prometheus/"}},
	"compat/wire":                {ours: []string{"compat/jute", "znode"}},
	"compat/datadir":             {ours: []string{"compat/jute", "znode"}, third: []string{"github.com/golang/snappy"}},
	"compat/listener":            {ours: []string{"compat/wire", "compat/jute", "znode"}, third: []string{"golang.org/x/sys"}},
	"compat/auth":                {ours: []string{"znode"}},
	"compat/audit":               {ours: []string{"compat/server", "compat/auth", "compat/wire", "znode"}},
	"compat/proof/client":        {ours: []string{"compat/wire", "compat/jute", "znode"}},
	"compat/proof/bench":         {ours: []string{"compat/proof/client", "compat/wire", "compat/jute", "znode"}, third: []string{"github.com/HdrHistogram/", "github.com/schollz/", "golang.org/x/"}},
	"compat/proof/crosscheck":    {ours: []string{"compat/proof/client", "compat/wire", "compat/jute", "znode"}},
	"compat/tokens":              {ours: []string{"znode", "zab/lineage", "fencing", "fencing/paseto"}},
	"compat/proof/zktest":        {ours: []string{"cmd/paddock/adminapi"}, third: []string{"golang.org/x/sys"}},
	"compat/proof/zktest/pgtest": {ours: []string{"compat/proof/zktest"}, third: []string{"github.com/jackc/pgx/v5"}},
	"compat/server":              {ours: []string{"zab", "zab/peer", "znode", "znode/watch", "compat/wire", "compat/jute", "compat/auth", "compat/listener", "compat/admin", "compat/zoocfg", "fencing"}},
	"fencing":                    {},
	"fencing/fencingtest":        {ours: []string{"fencing"}},
	"fencing/lock":               {ours: []string{"fencing"}, third: []string{"github.com/go-zookeeper/", "golang.org/x/sys/"}},
	"compat/server/servertest":   {ours: []string{"*"}},
	"cmd/paddock/adminapi":       {why: "both the server and its client use these shapes, so they may know neither"},
	"cmd/paddock/tool": {ours: []string{"cmd/paddock/adminapi", "compat/wire", "compat/proof/client", "znode", "znode/store/atomicfile"}, why: "what all verbs share may know no server, and no verb",
		third: []string{"github.com/urfave/cli/", "github.com/go-zookeeper/", "github.com/mattn/go-runewidth", "golang.org/x/term", "gopkg.in/yaml.v3"}},
	"cmd/paddock/data": {ours: []string{"cmd/paddock/tool", "compat/wire", "compat/jute", "znode", "znode/store/atomicfile"}, why: "a verb is a client: it knows the protocol and tool, no server and no other verbs",
		third: []string{"github.com/urfave/cli/", "github.com/go-zookeeper/"}},
	"cmd/paddock/cluster": {ours: []string{"cmd/paddock/tool", "cmd/paddock/adminapi", "compat/wire", "compat/zoocfg", "compat/proof/client", "compat/proof/bench", "znode"},
		why: "a verb is a client: it knows the protocol, tool and the admin port's shapes, no server and no other verbs", third: []string{"github.com/urfave/cli/", "github.com/beevik/ntp", "github.com/dustin/go-humanize", "golang.org/x/term"}},
	"cmd/paddock/locks": {ours: []string{"cmd/paddock/tool", "fencing", "fencing/lock", "fencing/paseto", "compat/tokens"}, why: "these verbs are clients of fencing: they know no server and no other verbs",
		third: []string{"github.com/urfave/cli/"}},
	"cmd/paddock/shell": {ours: []string{"cmd/paddock/tool", "cmd/paddock/data", "cmd/paddock/cluster", "cmd/paddock/locks", "compat/wire"}, why: "the shell joins verbs, and knows no server",
		third: []string{"github.com/urfave/cli/", "github.com/go-zookeeper/", "github.com/peterh/liner", "golang.org/x/term"}},
	"cmd/paddock/demo": {ours: []string{"cmd/paddock/tool", "fencing", "fencing/lock", "fencing/pgfence", "fencing/sqlitefence"}, why: "the demonstration does what any user of fencing could do",
		third: []string{"github.com/urfave/cli/", "github.com/jackc/pgx/", "modernc.org/sqlite"}},
	"cmd/paddock/folder": {ours: []string{"zab", "zab/txnlog", "znode", "znode/store", "znode/store/atomicfile", "compat/server", "compat/tokens"}, why: "a data folder knows its files, no running server and no verb"},
	"cmd/paddock/offline": {ours: []string{"cmd/paddock/tool", "cmd/paddock/folder", "compat/auth", "compat/datadir", "compat/tokens", "zab", "zab/txnlog", "znode", "znode/store", "znode/store/atomicfile"},
		why: "these verbs work on files: they know the folder, and no running server", third: []string{"github.com/urfave/cli/", "github.com/schollz/progressbar/", "golang.org/x/term"}},
	"cmd/paddock/node": {ours: []string{"cmd/paddock/folder", "cmd/paddock/adminapi", "zab", "zab/peer", "zab/txnlog", "zab/transport", "zab/gossip", "znode", "znode/store",
		"compat/server", "compat/listener", "compat/auth", "compat/audit", "compat/admin", "compat/tokens", "compat/zoocfg", "compat/datadir", "fencing"},
		why: "a server joins the machines; it knows no verb and no flag"},
	"cmd/paddock/measure": {ours: []string{"cmd/paddock/tool", "compat/proof/bench", "compat/proof/crosscheck"}, why: "the measuring is compat/proof's; here are only its flags", third: []string{"github.com/urfave/cli/", "golang.org/x/term"}},
}

// adapterModules are what the adapters of fencing and the verbs of the binary may use besides the table.
func allowed(room, imp string) (bool, string) {
	switch {
	case room == "cmd/paddock": // main joins all
		return true, ""
	case !strings.Contains(strings.SplitN(imp, "/", 2)[0], "."): // std
		return true, ""
	}
	rule, named := mayImport[room]
	if strings.HasPrefix(room, "fencing/") && !named { // an adapter: fencing, and the storage it is for
		if ours, ok := strings.CutPrefix(imp, module); ok {
			return strings.HasPrefix(ours, "fencing"), "an adapter knows fencing and its storage, nothing else of ours"
		}
		return true, ""
	}
	if !named {
		return false, "the room is not in the import table; add it there with what it may know"
	}
	ours, isOurs := strings.CutPrefix(imp, module)
	list := rule.third
	if isOurs {
		list = rule.ours
		if !strings.HasPrefix(room, "fencing") && room != "zab/zxid" && room != "zab/lineage" {
			list = append(list, leaves...)
		}
	}
	for _, a := range list {
		if a == "*" || isOurs && a == ours || !isOurs && strings.HasPrefix(imp, a) {
			return true, ""
		}
	}
	if rule.why != "" {
		return false, rule.why + " (see ARCHITECTURE.md); move the line to the room it belongs to"
	}
	return false, "imports run one way (see ARCHITECTURE.md); move the line to the room it belongs to"
}

// goFiles walks the house: every Go file outside testdata and hidden folders, by its path from the top.
func goFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && name != "..") && p != "../.." {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".go") {
			out = append(out, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestImports holds the import table.
func TestImports(t *testing.T) {
	for _, p := range goFiles(t) {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(p)), "../../")
		for _, spec := range f.Imports {
			if ok, why := allowed(room, strings.Trim(spec.Path.Value, `"`)); !ok {
				t.Errorf("%s may not import %s: %s", strings.TrimPrefix(p, "../../"), spec.Path.Value, why)
			}
		}
	}
}

// The limits of the house. They are there for a reader, and a line that breaks one asks for another cut, never for a trick that passes below it:
//   - A function is read at one look, so it fits a screen. What is longer has steps, and each step has a name.
//   - A file holds one idea and is found by its name. What is longer holds two.
//   - The fields of a struct are kept in the head together. Where there are more, some of them form a thing of their own (a listener, a set
//     of measures) which then owns what it does. A pair that is embedded only to save a field means nothing and is worse than the field.
const (
	maxFuncLines  = 70
	maxFileLines  = 500
	maxStructSize = 20
)

// TestHouseLimits holds the sizes: functions, files and structs that fit a head, no drawers, a manual for each package.
func TestHouseLimits(t *testing.T) {
	manual := map[string]bool{}
	for _, p := range goFiles(t) {
		short := strings.TrimPrefix(filepath.ToSlash(p), "../../")
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		room := filepath.Dir(short)
		if !strings.HasSuffix(p, "_test.go") {
			manual[room] = manual[room] || f.Doc != nil
		}
		for _, msg := range limitsOf(fset, f, src) {
			t.Errorf("%s: %s", short, msg)
		}
	}
	for room, ok := range manual {
		if !ok {
			t.Errorf("%s: no package comment; every package opens with a short manual", room)
		}
	}
}

// limitsOf says which limits one file breaks.
func limitsOf(fset *token.FileSet, f *ast.File, src []byte) []string {
	var out []string
	switch f.Name.Name {
	case "util", "utils", "common", "base", "types", "misc", "helpers":
		out = append(out, "package "+f.Name.Name+" is a drawer, not a room")
	}
	if n := bytes.Count(src, []byte("\n")); n > maxFileLines {
		out = append(out, fmt.Sprintf("%d lines, at most %d", n, maxFileLines))
	}
	for _, word := range []string{"FIX" + "ME", "XX" + "X:", "TO" + "DO"} {
		if bytes.Contains(src, []byte(word)) {
			out = append(out, "left-over "+word)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if lines := fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1; lines > maxFuncLines {
				out = append(out, fmt.Sprintf("func %s has %d lines, at most %d", n.Name.Name, lines, maxFuncLines))
			}
		case *ast.TypeSpec:
			if s, ok := n.Type.(*ast.StructType); ok && s.Fields.NumFields() > maxStructSize {
				out = append(out, fmt.Sprintf("struct %s has %d fields, at most %d", n.Name.Name, s.Fields.NumFields(), maxStructSize))
			}
		}
		return true
	})
	return out
}
