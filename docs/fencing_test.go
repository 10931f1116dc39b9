// Package docs runs what the guides show: every box of a guide is a program's words, and each is run as it stands.
package docs

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/compat/proof/zktest/pgtest"
)

// boxes are the boxes of the guide in one language, in its order.
func boxes(t *testing.T, language string) (out []string) {
	t.Helper()
	text, err := os.ReadFile("fencing.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		switch m[1] {
		case "go", "sh", "sql", "text":
		default:
			t.Fatalf("a box of %q: go, sh and sql are run, text is not:\n%s", m[1], m[2])
		}
		if m[1] == language {
			out = append(out, m[2])
		}
	}
	return out
}

// Code that stands in a line of text would be run by nobody.
func TestCodeOfTheGuideStandsInBoxes(t *testing.T) {
	text, err := os.ReadFile("fencing.md")
	if err != nil {
		t.Fatal(err)
	}
	prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(string(text), "")
	for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(prose, -1) {
		if regexp.MustCompile(`\bctx\b|:=|\b(UPDATE|INSERT|SELECT|CREATE)\b|paddock \w+ .*--`).MatchString(code) && !strings.Contains(code, "--rw read") {
			t.Errorf("%s stands in a line: put it into a box, which is run", code)
		}
	}
}

// Each Go box is, line for line, a part of a test of this folder, which compiles and runs it.
func TestGoOfTheGuide(t *testing.T) {
	var tests []string
	files, _ := filepath.Glob("*_test.go")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Test") {
				tests = append(tests, flush(string(src[fset.Position(fn.Body.Lbrace).Offset+2:fset.Position(fn.Body.Rbrace).Offset])))
			}
		}
	}
	all := strings.Join(tests, "\x00")
	shown := boxes(t, "go")
	for _, box := range shown {
		if !strings.Contains(all, flush(box)) {
			t.Errorf("no test of this folder has these lines:\n%s", box)
		}
	}
	if len(shown) < 15 {
		t.Errorf("only %d boxes were found", len(shown))
	}
}

// flush takes the indentation away, which depends on where the lines stand.
func flush(code string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(code, "")
}

// The shell boxes run in their order, in one folder, with one server that $PADDOCK_SERVER and $PADDOCK_ADMIN name.
func TestShellOfTheGuide(t *testing.T) {
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	server, dir := zktest.StartPaddock(t, zktest.Config{Admin: true}), t.TempDir()
	if err := os.Symlink(binary, filepath.Join(dir, "paddock")); err != nil {
		t.Fatal(err)
	}
	says := []*regexp.Regexp{
		regexp.MustCompile(`^lock /locks/job, fence [1-9]\d*, token v4\.public\.`),
		regexp.MustCompile(`status +verified`),
	}
	shown := boxes(t, "sh")
	if len(shown) != len(says) {
		t.Fatalf("%d boxes, and it is known what %d of them say", len(shown), len(says))
	}
	for i, box := range shown {
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", box)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "PADDOCK_SERVER="+server.Addr(), "PADDOCK_ADMIN=unix:"+adminapi.SocketPath(server.Dir()))
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if out, err := cmd.Output(); err != nil || !says[i].Match(out) {
			t.Errorf("%s%v: it said\n%s%s", box, err, out, errs.String())
		}
	}
}

// The SQL boxes are the guard of a storage that can compare one number: an older fence changes nothing after a newer one was there.
func TestSQLOfTheGuide(t *testing.T) {
	ctx := t.Context()
	c, err := pgx.Connect(ctx, pgtest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	shown := boxes(t, "sql")
	if len(shown) != 3 {
		t.Fatalf("%d boxes, and the test knows what to do with a table, a seal and a write", len(shown))
	}
	if _, err := c.Exec(ctx, shown[0]); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what  string
		query string
		fence int64
		rows  int64
	}{
		{"the first holder's seal", shown[1], 10, 1}, {"its write", shown[2], 10, 1}, {"and another", shown[2], 10, 1},
		{"a write of a newer holder that has not sealed", shown[2], 20, 1}, {"a late write of the first", shown[2], 10, 0}, {"its late seal", shown[1], 10, 0},
		{"the third holder's seal", shown[1], 1<<53 + 1, 1}, {"a late write of the second", shown[2], 1 << 53, 0}, {"the third's write", shown[2], 1<<53 + 1, 1},
	} {
		if tag, err := c.Exec(ctx, step.query, int64(1), step.fence); err != nil || tag.RowsAffected() != step.rows {
			t.Errorf("%s, fence %d: %v %v, want %d rows", step.what, step.fence, tag, err, step.rows)
		}
	}
	var state string
	if err := c.QueryRow(ctx, shown[1], int64(1), int64(1<<54)).Scan(&state); err != nil || state != "done" {
		t.Errorf("a new holder's seal reads %q, %v", state, err)
	}
}
