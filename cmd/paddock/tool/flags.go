// Package tool is what all verbs of the operator's tool share: the general flags and their values (from the line, the environment, a named
// context, or a default), the words of a line, the forms of output, errors that say what to do, exit codes, and one session with the ensemble.
//
// A verb begins with Begin (its words and its output) or, if it needs a session, with Args, Output and Connect. It runs each request through Do,
// which is bounded by --timeout and by Ctrl-C, and words what goes wrong with Fail. A wrong command line is Usage: exit code 2.
//
// The session is go-zookeeper's. A tap below it (tap.go) sends requests that go-zookeeper does not have, in the same session and order.
//
// This room knows the wire protocol, and nothing of a server.
package tool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// flag is a flag that every verb of the operator's tool understands, in front of the verb or behind it. It is resolved by hand (the
// nearest one that was given, then the environment, then the context, then the default), because a default behind the verb would hide a
// value in front of it.
type flag struct {
	name, short, usage, env, value string
	many, boolean, list            bool // list: a text with commas
}

// flagList are the general flags: those of the connection and those of the output.
func flagList() []flag {
	return []flag{
		{name: "server", short: "s", usage: "client addresses `HOST:PORT,...`", env: "PADDOCK_SERVER", value: "127.0.0.1:2181", list: true},
		{name: "admin", usage: "admin addresses `HOST:PORT,...`, for the cluster verbs", env: "PADDOCK_ADMIN", list: true},
		{name: "context", usage: "named context `NAME` (see paddock context)", env: "PADDOCK_CONTEXT"},
		{name: "timeout", usage: "give up on a connection or an answer after `DURATION`", env: "PADDOCK_TIMEOUT", value: "10s"},
		{name: "session-timeout", usage: "session timeout to ask for", env: "PADDOCK_SESSION_TIMEOUT", value: "30s"},
		{name: "auth", usage: "identity `SCHEME:CREDENTIALS`, e.g. digest:user:password; may be repeated", env: "PADDOCK_AUTH", many: true},
		{name: "tls-ca", usage: "PEM `FILE` of the authorities that signed the servers' certificates; switches TLS on", env: "PADDOCK_TLS_CA"},
		{name: "tls-cert", usage: "PEM `FILE` with the client's certificate", env: "PADDOCK_TLS_CERT"},
		{name: "tls-key", usage: "PEM `FILE` with the client's key", env: "PADDOCK_TLS_KEY"},
		{name: "tls-name", usage: "`NAME` that the servers' certificates must show, if not the host of the address", env: "PADDOCK_TLS_NAME"},
		{name: "output", short: "o", usage: "`FORMAT`: table, json, yaml or simple", env: "PADDOCK_OUTPUT"},
		{name: "yes", short: "y", usage: "do not ask for confirmation", env: "PADDOCK_YES", boolean: true},
		{name: "no-progress", usage: "no progress bars", env: "PADDOCK_NO_PROGRESS", boolean: true},
	}
}

// Flags are the flags of a verb: its own and the general ones, whose short names give way to the verb's.
func Flags(own ...cli.Flag) []cli.Flag { return flagsOf(nil, own) }

// OfflineFlags are the flags of a verb that works on files: of the general ones only those that make sense without a server.
func OfflineFlags(own ...cli.Flag) []cli.Flag {
	return flagsOf([]string{"output", "yes", "no-progress"}, own)
}

// flagsOf adds the general flags, or those with the names given.
func flagsOf(names []string, own []cli.Flag) []cli.Flag {
	taken := map[string]bool{}
	for _, f := range own {
		for _, n := range f.Names() {
			taken[n] = true
		}
	}
	for _, f := range flagList() {
		if taken[f.name] || names != nil && !slices.Contains(names, f.name) {
			continue
		}
		var aliases []string
		if f.short != "" && !taken[f.short] {
			aliases = []string{f.short}
		}
		usage := f.usage + " [$" + f.env + "]"
		if f.value != "" {
			usage += " (default: " + f.value + ")"
		}
		switch {
		case f.boolean:
			own = append(own, &cli.BoolFlag{Name: f.name, Aliases: aliases, Usage: usage, Category: "Connection and output"})
		case f.many:
			own = append(own, &cli.StringSliceFlag{Name: f.name, Aliases: aliases, Usage: usage, Category: "Connection and output"})
		case f.list:
			own = append(own, &ListFlag{cli.StringFlag{Name: f.name, Aliases: aliases, Usage: usage, Category: "Connection and output"}})
		default:
			own = append(own, &cli.StringFlag{Name: f.name, Aliases: aliases, Usage: usage, Category: "Connection and output"})
		}
	}
	return own
}

// Env gives every flag of the verbs' own an environment variable: PADDOCK_VERB_FLAG.
func Env(prefix string, list []*cli.Command) []*cli.Command {
	word := strings.NewReplacer("-", "_")
	for _, c := range list {
		verb := prefix + "_" + strings.ToUpper(word.Replace(c.Name))
		for _, f := range c.Flags {
			if g, ok := f.(cli.CategorizableFlag); ok && g.GetCategory() != "" {
				continue // a general flag
			}
			env := []string{verb + "_" + strings.ToUpper(word.Replace(f.Names()[0]))}
			var into *[]string
			switch f := f.(type) {
			case *cli.StringFlag:
				into = &f.EnvVars
			case *ListFlag:
				into = &f.EnvVars
			case *cli.BoolFlag:
				into = &f.EnvVars
			case *cli.IntFlag:
				into = &f.EnvVars
			case *cli.Int64Flag:
				into = &f.EnvVars
			case *cli.Float64Flag:
				into = &f.EnvVars
			case *cli.DurationFlag:
				into = &f.EnvVars
			}
			if into != nil && len(*into) == 0 {
				*into = env
			}
		}
		Env(verb, c.Subcommands)
	}
	return list
}

// Values finds the values of a general flag; one that may not be repeated has at most one. The list is empty if nothing was given.
func Values(c *cli.Context, name string) []string {
	list := flagList()
	f := list[slices.IndexFunc(list, func(f flag) bool { return f.name == name })]
	for _, x := range c.Lineage() {
		if x.Command == nil || !x.IsSet(name) {
			continue
		}
		switch {
		case f.many:
			return x.StringSlice(name)
		case f.boolean:
			return []string{fmt.Sprint(x.Bool(name))}
		}
		return []string{x.String(name)}
	}
	if v := os.Getenv(f.env); v != "" {
		if f.many {
			return strings.Split(v, ",")
		}
		return []string{v}
	}
	if name != "context" {
		if v := contextValues(c, name); len(v) > 0 {
			return v
		}
	}
	if f.value != "" {
		return []string{f.value}
	}
	return nil
}

// ServersGiven says whether --server has a value other than its default.
func ServersGiven(c *cli.Context) bool {
	for _, f := range flagList() {
		if f.name == "server" {
			v := Values(c, "server")
			return len(v) > 0 && v[0] != f.value
		}
	}
	return false
}

// Before hands a --server in front of the verb on to the commands that lock runs.
func Before(c *cli.Context) error {
	if c.IsSet("server") {
		return os.Setenv("PADDOCK_SERVER", c.String("server"))
	}
	return nil
}

func String(c *cli.Context, name string) string {
	if v := Values(c, name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func Bool(c *cli.Context, name string) bool {
	v := strings.ToLower(String(c, name))
	return v == "true" || v == "1" || v == "yes" || v == "on"
}

func Duration(c *cli.Context, name string) (time.Duration, error) {
	text := String(c, name)
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, Usage("--%s %q: give a duration such as 500ms, 10s or 2m", name, text)
	}
	return d, nil
}

// List splits an option that is a list of addresses, at commas and blanks. The path of a socket (unix:/var/lib/my data/admin/socket) may have
// blanks in it, so it goes to the next comma.
func List(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		before, path, socket := strings.Cut(part, "unix:")
		list = append(list, strings.Fields(before)...)
		if socket {
			list = append(list, "unix:"+path)
		}
	}
	return list
}

// UsageOf makes an error that of a command line that cannot be understood.
func UsageOf(err error) error { return usageError{err} }

// Usage is a command line that cannot be understood.
func Usage(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// Args are the words of a verb that are no flags. cli stops at the first such word; zkCli's users write flags behind the path too, so
// those are set here. "--" ends the flags. A verb takes at least least and at most most words (most < 0: any number).
func Args(c *cli.Context, least, most int) ([]string, error) {
	words, rest := []string(nil), c.Args().Slice()
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		if word == "--" {
			words = append(words, rest...)
			break
		}
		if len(word) < 2 || word[0] != '-' || word[1] >= '0' && word[1] <= '9' {
			words = append(words, word)
			continue
		}
		var err error
		if rest, err = setFlag(c, word, rest); err != nil {
			return nil, err
		}
	}
	name, usage := c.Command.Name, c.Command.HelpName+" "+c.Command.ArgsUsage
	switch {
	case len(words) < least:
		return nil, Usage("%s: %d of %d arguments given; usage: %s", name, len(words), least, usage)
	case most >= 0 && len(words) > most:
		return nil, Usage("%s: %q is one argument too many; usage: %s (quote data that has blanks)", name, words[most], usage)
	}
	return words, nil
}

// Need says which of the flags that a verb cannot do without are missing.
func Need(c *cli.Context, names ...string) error {
	missing := slices.DeleteFunc(names, func(n string) bool { return c.String(n) != "" })
	if len(missing) == 0 {
		return nil
	}
	return Usage("%s: give --%s; see paddock %s --help", c.Command.Name, strings.Join(missing, " and --"), strings.TrimPrefix(c.Command.HelpName, "paddock "))
}

// setFlag sets a flag that stands behind the first argument, and gives back what is left of the line.
func setFlag(c *cli.Context, word string, rest []string) ([]string, error) {
	name, value, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
	i := slices.IndexFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil, Usage("%s: flag %s is not known; see help %s", c.Command.Name, word, c.Command.Name)
	}
	flag := c.Command.Flags[i]
	if _, isBool := flag.(*cli.BoolFlag); isBool && !has {
		value, has = "true", true
	}
	if !has {
		if len(rest) == 0 {
			return nil, Usage("%s: flag %s needs a value", c.Command.Name, word)
		}
		value, rest = rest[0], rest[1:]
	}
	if err := c.Set(flag.Names()[0], value); err != nil {
		return nil, Usage("%s: %s: %v", c.Command.Name, word, err)
	}
	return rest, nil
}

// Confirm asks before something that cannot be undone. Where nobody can answer, --yes is required.
func Confirm(c *cli.Context, question string) error {
	if Bool(c, "yes") {
		return nil
	}
	if t, ok := c.App.Metadata["ask"].(func(string) (string, error)); ok { // the shell's own line editor
		answer, err := t(question + " [y/N] ")
		if err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
			return nil
		}
		return errors.New("not confirmed: nothing was changed")
	}
	f, ok := c.App.Reader.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Usage("%s; nobody can be asked here, so nothing was changed: say --yes if that is meant", strings.TrimSuffix(question, "?"))
	}
	fmt.Fprint(c.App.ErrWriter, question+" [y/N] ")
	answer, err := readLine(f)
	if err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return errors.New("not confirmed: nothing was changed")
	}
	return nil
}

// readLine reads one line byte by byte, so that nothing behind it is taken away from whoever reads next.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' {
			return string(line), nil
		}
		if err != nil {
			return string(line), err
		}
		line = append(line, b[:n]...)
	}
}
