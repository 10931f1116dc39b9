package shell

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// CompleteCommand answers what login shells ask when Tab is pressed: the words of a line behind "paddock", the last of which is being written. It
// prints what may stand in its place, one on a line, and nothing where file names are meant. It never fails: a person is typing.
func CompleteCommand() *cli.Command {
	return &cli.Command{
		Name: "complete", Hidden: true, Flags: tool.Flags(), HideHelp: true, HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			l := readLine(c.App, c.Args().Slice())
			list := l.candidates()
			if strings.HasPrefix(l.last, "/") && l.takesPaths() {
				list = l.paths(c)
			}
			for _, text := range list {
				if strings.HasPrefix(text, l.last) && !strings.ContainsAny(text, "\n\r") {
					fmt.Fprintln(c.App.Writer, text)
				}
			}
			return nil
		},
	}
}

// line is a command line that is being written.
type line struct {
	app   *cli.App
	verbs []*cli.Command // that may stand here; nil behind a verb that has none
	chain []string       // the verbs so far
	flags []cli.Flag     // of the innermost verb
	value cli.Flag       // whose value the last word is, or nil
	given [][2]string    // flags with their values
	words int            // that are neither verbs nor flags
	plain bool           // behind "--": no flags any more
	last  string
}

// readLine takes a line apart as the verbs do it.
func readLine(app *cli.App, words []string) *line {
	l := &line{app: app, verbs: app.Commands, flags: app.Flags}
	if len(words) == 0 {
		return l
	}
	l.last = words[len(words)-1]
	for _, word := range words[:len(words)-1] {
		l.read(word)
	}
	return l
}

func (l *line) read(word string) {
	switch {
	case l.value != nil:
		l.given = append(l.given, [2]string{l.value.Names()[0], word})
		l.value = nil
	case l.plain:
		l.words++
	case word == "--":
		l.plain = true
	case strings.HasPrefix(word, "-") && len(word) > 1:
		name, value, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
		i := slices.IndexFunc(l.flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
		switch {
		case i < 0:
		case has || isBool(l.flags[i]):
			l.given = append(l.given, [2]string{l.flags[i].Names()[0], value})
		default:
			l.value = l.flags[i]
		}
	default:
		i := slices.IndexFunc(l.verbs, func(c *cli.Command) bool { return c.HasName(word) })
		if l.words > 0 || i < 0 {
			l.words++
			return
		}
		c := l.verbs[i]
		l.chain, l.flags = append(l.chain, c.Name), c.Flags
		if c.Name != "help" { // which stands in front of a verb
			l.verbs = c.Subcommands
		}
	}
}

func isBool(f cli.Flag) bool {
	_, is := f.(*cli.BoolFlag)
	return is
}

// candidates are the words that may stand last, but for paths of znodes.
func (l *line) candidates() []string {
	switch {
	case l.value != nil:
		return l.values(l.value.Names()[0])
	case l.plain:
		return nil
	case strings.HasPrefix(l.last, "-"):
		return l.flagNames()
	case l.words > 0:
		return nil
	}
	var list []string
	for _, c := range l.verbs {
		if !c.Hidden && (c.Name != "help" || len(l.verbs) > 1) {
			list = append(list, c.Name)
		}
	}
	switch strings.Join(l.chain, " ") {
	case "context use", "context remove":
		list = tool.ContextNames()
	case "context add":
		list = nil
	case "completion":
		list = []string{"bash", "zsh", "fish"}
	}
	slices.Sort(list)
	return list
}

// values are those of a flag that has a choice.
func (l *line) values(flag string) []string {
	switch flag {
	case "context":
		return tool.ContextNames()
	case "output":
		return []string{"json", "simple", "table", "yaml"}
	case "format":
		return []string{"json", "nagios", "prometheus", "text"}
	}
	return nil
}

// flagNames are the flags that have not been given yet; a single dash stands for the long ones too.
func (l *line) flagNames() []string {
	var list []string
	for _, f := range append(slices.Clone(l.flags), cli.HelpFlag) {
		slice, ok := f.(cli.DocGenerationSliceFlag)
		again := ok && slice.IsSliceFlag()
		if !again && slices.ContainsFunc(l.given, func(g [2]string) bool { return g[0] == f.Names()[0] }) {
			continue
		}
		for _, name := range f.Names() {
			if len(name) > 1 {
				list = append(list, "--"+name)
			} else if l.last == "-" || l.last == "-"+name {
				list = append(list, "-"+name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// takesPaths says whether a word that begins with a slash may be a znode here, and is not the value of a flag or a command to be run.
func (l *line) takesPaths() bool {
	if l.value != nil || l.plain || len(l.chain) == 0 {
		return false
	}
	return slices.ContainsFunc(l.flags, func(f cli.Flag) bool { return f.Names()[0] == "server" }) // the verbs that speak with a server as a client
}

// paths asks the server that the line means.
func (l *line) paths(c *cli.Context) []string {
	for _, g := range append(l.given, [2]string{"timeout", "2s"}) { // flags of the connection; others are not known here, which is no harm
		_ = c.Set(g[0], g[1])
	}
	s, done, err := tool.Connect(c)
	if err != nil {
		return nil
	}
	defer done()
	return paths(s, l.last)
}
