package tool

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"

	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// contextFile is the user's file of named contexts. A context holds values of the general flags.
type contextFile struct {
	Current  string                         `yaml:"current,omitempty"`
	Contexts map[string]map[string][]string `yaml:"contexts,omitempty"`
}

func contextPath() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "paddock", "contexts.yaml"), err
}

// contextLoad gives an empty file if there is none.
func contextLoad() (f contextFile, err error) {
	name, err := contextPath()
	if err != nil {
		return f, nil // without a home directory there are no contexts
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = yaml.Unmarshal(b, &f)
	}
	if err != nil {
		return f, &Error{Tried: "read the contexts in " + name, Happened: err.Error(), Todo: "mend or remove the file", Code: 1, Cause: err}
	}
	return f, nil
}

// save replaces the file in one step. It may hold credentials: only the user reads it.
func (f *contextFile) save() error {
	name, err := contextPath()
	if err != nil {
		return fmt.Errorf("context: %w", err)
	}
	b, err := yaml.Marshal(f)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(name), 0o700)
	}
	if err == nil {
		err = atomicfile.WriteBytes(name, 0o600, b)
	}
	if err != nil {
		return &Error{Tried: "write the contexts to " + name, Happened: err.Error(), Code: 1, Cause: err}
	}
	return nil
}

// contextChosen is the context in force: "" is none. A name that was asked for must exist.
func contextChosen(c *cli.Context) (string, map[string][]string, error) {
	name := String(c, "context")
	f, err := contextLoad()
	if err != nil {
		return "", nil, err
	}
	asked := name != ""
	if !asked {
		name = f.Current
	}
	values, ok := f.Contexts[name]
	if asked && !ok {
		return "", nil, Usage("--context %q does not exist: see paddock context list, or make it with paddock context add %s --server HOST:PORT", name, name)
	}
	return name, values, nil
}

// contextValues is what the context in force says of a flag. Errors are told where the target is read.
func contextValues(c *cli.Context, flag string) []string {
	_, values, err := contextChosen(c)
	if err != nil {
		return nil
	}
	return values[flag]
}

// ContextNames are the names of the contexts, in order; none if they cannot be read.
func ContextNames() []string {
	f, err := contextLoad()
	if err != nil {
		return nil
	}
	return f.names()
}

func (f *contextFile) names() []string { return slices.Sorted(maps.Keys(f.Contexts)) }

func ContextCommand() *cli.Command {
	return &cli.Command{
		Name: "context", Usage: "name clusters, with their addresses, identities and certificates", Category: "Settings",
		Description: `Contexts are kept in the user's configuration folder (contexts.yaml, readable by the user only). The one in use gives the flags that neither the
command line nor the environment gives.

   paddock context add prod --server zk1:2181,zk2:2181,zk3:2181 --admin zk1:8080,zk2:8080,zk3:8080 --auth digest:me:secret
   paddock context use prod
   paddock --context prod status
   paddock context list

Exit codes: 0 done, 1 the file cannot be read or written, 2 wrong usage, or there is no such context.`,
		Subcommands: []*cli.Command{
			{Name: "add", Usage: "add a context, or change it", ArgsUsage: "NAME [flags]", Flags: Flags(), Action: contextAdd},
			{Name: "use", Usage: "use a context from now on; - for none", ArgsUsage: "NAME", Flags: Flags(), Action: contextUse},
			{Name: "list", Aliases: []string{"ls"}, Usage: "list the contexts", Flags: Flags(), Action: contextList},
			{Name: "remove", Aliases: []string{"rm"}, Usage: "remove a context", ArgsUsage: "NAME", Flags: Flags(), Action: contextRemove},
		},
	}
}

// contextNamed reads what the verbs about one context have: its name, and the file.
func contextNamed(c *cli.Context) (name string, f contextFile, err error) {
	words, err := Args(c, 1, 1)
	if err != nil {
		return "", f, err
	}
	f, err = contextLoad()
	return words[0], f, err
}

func contextAdd(c *cli.Context) error {
	name, f, err := contextNamed(c)
	if err != nil {
		return err
	}
	values := map[string][]string{}
	for _, flag := range flagList() {
		set := flag.name != "context" && flag.name != "yes" && slices.ContainsFunc(c.Lineage(), func(x *cli.Context) bool { return x.Command != nil && x.IsSet(flag.name) })
		if !set {
			continue
		}
		values[flag.name] = Values(c, flag.name)
		if strings.HasPrefix(flag.name, "tls-") && flag.name != "tls-name" { // it must be found from any folder
			if abs, err := filepath.Abs(values[flag.name][0]); err == nil {
				values[flag.name] = []string{abs}
			}
		}
	}
	if len(values) == 0 {
		return Usage("context add %s: give what it stands for, e.g. --server HOST:PORT", name)
	}
	if f.Contexts == nil {
		f.Contexts = map[string]map[string][]string{}
	}
	f.Contexts[name] = values
	if err := f.save(); err != nil {
		return err
	}
	Note(c, "context %s is kept; use it with: paddock context use %s", name, name)
	return nil
}

func contextUse(c *cli.Context) error {
	name, f, err := contextNamed(c)
	if err != nil {
		return err
	}
	if name == "-" {
		name = ""
	} else if _, ok := f.Contexts[name]; !ok {
		return Usage("context use: %q does not exist; see paddock context list", name)
	}
	f.Current = name
	return f.save()
}

func contextList(c *cli.Context) error {
	out, err := Output(c)
	if err != nil {
		return err
	}
	f, err := contextLoad()
	if err != nil {
		return err
	}
	type row struct {
		Name    string `json:"name"`
		Current bool   `json:"current"`
		Server  string `json:"server"`
		Admin   string `json:"admin"`
		Auth    int    `json:"identities"`
		TLS     bool   `json:"tls"`
	}
	list, rows := []row{}, [][]string(nil)
	for _, name := range f.names() {
		v := f.Contexts[name]
		r := row{name, name == f.Current, strings.Join(v["server"], ","), strings.Join(v["admin"], ","), len(v["auth"]), len(v["tls-ca"])+len(v["tls-cert"])+len(v["tls-key"]) > 0}
		mark := ""
		if r.Current {
			mark = "*"
		}
		list, rows = append(list, r), append(rows, []string{mark, name, r.Server, r.Admin, fmt.Sprint(r.Auth), fmt.Sprint(r.TLS)})
	}
	return out.Rows(list, []string{"", "NAME", "SERVERS", "ADMIN", "IDENTITIES", "TLS"}, rows)
}

func contextRemove(c *cli.Context) error {
	name, f, err := contextNamed(c)
	if err != nil {
		return err
	}
	if _, ok := f.Contexts[name]; !ok {
		return Usage("context remove: %q does not exist; see paddock context list", name)
	}
	delete(f.Contexts, name)
	if f.Current == name {
		f.Current = ""
	}
	return f.save()
}
