package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func multiCommand() *cli.Command {
	return &cli.Command{
		Name: "multi", Category: Category, Usage: "apply several writes in one transaction: all or none", ArgsUsage: "[FILE]",
		Description: `One operation a line, from the file or standard input; # begins a comment:

   check  PATH VERSION
   create [-s] [-e] PATH [DATA] [ACL]
   set    [-v VERSION] PATH DATA
   delete [-v VERSION] PATH

   paddock multi ops.txt
   printf 'check /app 3\nset /app new\n' | paddock multi

` + tool.ExitHelp,
		Flags:  tool.Flags(),
		Action: action(0, 1, 0, multi),
	}
}

func multi(v *verb, words []string) error {
	var in io.Reader = v.c.App.Reader
	name := "standard input"
	if len(words) == 1 && words[0] != "-" {
		f, err := os.Open(words[0])
		if err != nil {
			return tool.Usage("multi: %w", err)
		}
		defer f.Close()
		in, name = f, words[0]
	}
	ops, texts, err := multiRead(in, name)
	if err != nil {
		return err
	}
	res, err := tool.Do(v.ctx, v.Session, func() ([]zk.MultiResponse, error) { return v.Multi(ops...) })
	if err != nil {
		return multiFail(texts, res, err)
	}
	type row struct {
		Op   string `json:"op"`
		Path string `json:"path,omitempty"`
		Ver  *int32 `json:"dataVersion,omitempty"`
	}
	list, rows := []row{}, [][]string(nil)
	for i, r := range res {
		one := row{Op: texts[i], Path: r.String}
		result := r.String
		if r.Stat != nil && strings.HasPrefix(texts[i], "set") {
			one.Ver = &r.Stat.Version
			result = fmt.Sprintf("version %d", r.Stat.Version)
		}
		if result == "" {
			result = "ok"
		}
		list, rows = append(list, one), append(rows, []string{texts[i], result})
	}
	return v.out.Rows(list, []string{"OPERATION", "RESULT"}, rows)
}

// multiFail names the operation that failed: the others failed with it.
func multiFail(texts []string, res []zk.MultiResponse, err error) error {
	for i, r := range res {
		if r.Error == nil || i >= len(texts) || r.Error.Error() == "unknown error: -2" {
			continue
		}
		fail := tool.Fail(fmt.Sprintf("multi: operation %d of %d, %q", i+1, len(texts), texts[i]), r.Error)
		var e *tool.Error
		if errors.As(fail, &e) {
			e.Todo = strings.TrimPrefix(e.Todo+"; nothing was changed", "; ")
		}
		return fail
	}
	return tool.Fail("multi", err)
}

func multiRead(in io.Reader, name string) (ops []any, texts []string, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		words, err := Words(lines.Text())
		if err == nil && len(words) == 0 {
			continue
		}
		var op any
		if err == nil {
			op, err = multiOp(words)
		}
		if err != nil {
			return nil, nil, tool.Usage("multi: %s, line %d: %w", name, n, err)
		}
		ops, texts = append(ops, op), append(texts, strings.Join(words[:min(len(words), 4)], " "))
	}
	if err := lines.Err(); err != nil {
		return nil, nil, tool.Usage("multi: %s: %w", name, err)
	}
	if len(ops) == 0 {
		return nil, nil, tool.Usage("multi: %s has no operation", name)
	}
	return ops, texts, nil
}

// multiOp reads one line.
func multiOp(words []string) (any, error) {
	verb, version, flags := words[0], int32(-1), int32(0)
	var rest []string
	for i := 1; i < len(words); i++ {
		switch w := words[i]; {
		case verb == "create" && w == "-s":
			flags |= zk.FlagSequence
		case verb == "create" && w == "-e":
			flags |= zk.FlagEphemeral
		case w == "-v" && verb != "create" && i+1 < len(words):
			n, err := strconv.ParseInt(words[i+1], 10, 32)
			if err != nil {
				return nil, fmt.Errorf("version %q is no number", words[i+1])
			}
			version, i = int32(n), i+1
		default:
			rest = append(rest, w)
		}
	}
	want := map[string][2]int{"check": {1, 2}, "create": {1, 3}, "set": {2, 2}, "delete": {1, 1}}[verb]
	if want[1] == 0 {
		return nil, fmt.Errorf("%q is not check, create, set or delete", verb)
	}
	if len(rest) < want[0] || len(rest) > want[1] {
		return nil, fmt.Errorf("%s with %d arguments", verb, len(rest))
	}
	path, err := Path(rest[0])
	if err != nil {
		return nil, err
	}
	switch verb {
	case "check":
		if len(rest) == 2 {
			n, err := strconv.ParseInt(rest[1], 10, 32)
			if err != nil {
				return nil, fmt.Errorf("version %q is no number", rest[1])
			}
			version = int32(n)
		}
		return &zk.CheckVersionRequest{Path: path, Version: version}, nil
	case "set":
		return &zk.SetDataRequest{Path: path, Data: []byte(rest[1]), Version: version}, nil
	case "delete":
		return &zk.DeleteRequest{Path: path, Version: version}, nil
	}
	q := &zk.CreateRequest{Path: path, Flags: flags, Acl: zk.WorldACL(zk.PermAll)}
	if len(rest) > 1 {
		q.Data = []byte(rest[1])
	}
	if len(rest) > 2 {
		q.Acl, err = parseACL(rest[2])
	}
	return q, err
}
