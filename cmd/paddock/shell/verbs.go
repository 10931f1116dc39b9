package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/cmd/paddock/cluster"
	"github.com/paddock-zk/paddock/cmd/paddock/data"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// verbs are those that only a shell has.
func (s *shell) verbs() map[string]func(context.Context, []string) error {
	return map[string]func(context.Context, []string) error{
		"quit":          func(context.Context, []string) error { return errQuit },
		"exit":          func(context.Context, []string) error { return errQuit },
		"help":          s.help,
		"history":       s.showHistory,
		"redo":          s.redo,
		"connect":       s.connect,
		"close":         func(context.Context, []string) error { s.close(); return nil },
		"addauth":       s.addauth,
		"printwatches":  s.printWatches,
		"addWatch":      s.addWatch,
		"removewatches": s.removeWatches,
		"removeWatches": s.removeWatches,
		"version":       s.version,
	}
}

func (s *shell) help(_ context.Context, words []string) error {
	if len(words) > 0 {
		for _, c := range data.Commands() {
			if c.HasName(words[0]) {
				fmt.Fprintf(s.c.App.Writer, "%s %s\n%s\n\n%s\n", c.Name, c.ArgsUsage, c.Usage, strings.ReplaceAll(c.Description, "paddock ", ""))
				return nil
			}
		}
		return tool.Usage("help: %q is no verb here", words[0])
	}
	var rows [][]string
	for _, c := range data.Commands() {
		if c.Hidden {
			continue
		}
		rows = append(rows, []string{c.Name, c.ArgsUsage, c.Usage})
	}
	rows = append(rows, [][]string{{"addauth", "SCHEME CREDENTIALS", "authenticate this session"}, {"connect", "HOST:PORT,...", "a new session with other servers"},
		{"close", "", "end the session"}, {"history", "", "the lines so far"}, {"redo", "NUMBER", "one of them again"},
		{"addWatch", "[-m MODE] PATH", "print the events of a subtree from now on (PERSISTENT: of one node)"},
		{"removewatches", "PATH [-c|-d|-a] [-l]", "remove the watches of a node"},
		{"printwatches", "on|off", "print the events of -w and addWatch"}, {"version", "", "of the tool and the server"}, {"quit", "", "end"}}...)
	_, err := fmt.Fprint(s.c.App.Writer, tool.Table([]string{"VERB", "ARGUMENTS", ""}, rows, false))
	return err
}

func (s *shell) showHistory(context.Context, []string) error {
	for i, l := range s.history {
		fmt.Fprintf(s.c.App.Writer, "%d - %s\n", i, l)
	}
	return nil
}

func (s *shell) redo(ctx context.Context, words []string) error {
	if len(words) != 1 {
		return tool.Usage("redo: give the number of a line of history")
	}
	n, err := strconv.Atoi(words[0])
	if err != nil || n < 0 || n >= len(s.history) || strings.HasPrefix(strings.TrimSpace(s.history[n]), "redo") {
		return tool.Usage("redo %s: there is no such line, or it is a redo itself; see history", words[0])
	}
	return s.run(ctx, s.history[n])
}

// connect opens a new session; the old one goes on if that fails.
func (s *shell) connect(ctx context.Context, words []string) error {
	target := s.target
	switch len(words) {
	case 0:
	case 1:
		servers, err := tool.Addresses("connect", words[0])
		if err != nil {
			return err
		}
		target.Servers = servers
	default:
		return tool.Usage("connect: give one list, HOST:PORT,HOST:PORT,...")
	}
	fresh, err := tool.Open(ctx, target)
	if err != nil {
		return err
	}
	s.close()
	s.target, s.session = target, fresh
	return nil
}

func (s *shell) addauth(ctx context.Context, words []string) error {
	if len(words) < 1 || len(words) > 2 {
		return tool.Usage("addauth: give SCHEME CREDENTIALS, e.g. addauth digest user:password")
	}
	auth := words[0] + ":"
	if len(words) == 2 {
		auth += words[1]
	}
	session, err := s.open()
	if err != nil {
		return err
	}
	if err := session.Authenticate(ctx, auth); err != nil {
		return err
	}
	s.target.Auths = append(s.target.Auths, auth)
	return nil
}

func (s *shell) printWatches(_ context.Context, words []string) error {
	switch strings.Join(words, " ") {
	case "on":
		s.quiet.Store(false)
	case "off":
		s.quiet.Store(true)
	case "":
		state := "on"
		if s.quiet.Load() {
			state = "off"
		}
		fmt.Fprintln(s.c.App.Writer, "printwatches is "+state)
	default:
		return tool.Usage("printwatches: on or off")
	}
	return nil
}

func (s *shell) version(context.Context, []string) error {
	fmt.Fprintln(s.c.App.Writer, "paddock "+s.c.App.Version)
	if s.session == nil {
		return nil
	}
	text, err := cluster.FourLetterWord(s.ctx, &s.target, s.session.Server(), "srvr")
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(text, "\n")
	fmt.Fprintln(s.c.App.Writer, line)
	return nil
}
