// Package shell is the interactive session: the data verbs with one session for all of them, and what only makes sense in such a
// session (history, connect, addauth, watches that stay). It also prints what a login shell loads to complete paddock's command lines.
package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/go-zookeeper/zk"
	"github.com/peterh/liner"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/paddock-zk/paddock/cmd/paddock/data"
	"github.com/paddock-zk/paddock/cmd/paddock/locks"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func Command() *cli.Command {
	return &cli.Command{
		Name: "shell", Category: data.Category, Usage: "work on znodes line by line, in one session, as in zkCli", ArgsUsage: "[FILE]",
		Description: `The data verbs without "paddock" in front, and addauth, connect, close, history, printwatches, help, quit. Tab completes verbs and paths. Lines come
from the terminal, from FILE, or from standard input; a script stops at the first line that fails, unless --keep-going.

   paddock shell
   paddock -s zk1:2181 shell < script.zk
   echo 'get /app' | paddock shell

Exit codes: 0 it ended, 2 wrong usage, and that of the verb on the line of a script that failed (see help VERB).`,
		Flags:  tool.Flags(&cli.BoolFlag{Name: "keep-going", Aliases: []string{"k"}, Usage: "a script goes on after a line that failed; the exit code tells"}),
		Action: run,
	}
}

// shell is one run of `paddock shell`: its session, if one is open, and the lines so far.
type shell struct {
	c       *cli.Context
	ctx     context.Context // of the session; on a terminal Ctrl-C does not end it
	target  tool.Target
	session *tool.Session
	line    *liner.State         // nil without a terminal
	modes   [2]liner.ModeApplier // of the terminal: while a verb runs, so that Ctrl-C is a signal, and while a line is edited
	history []string
	quiet   atomic.Bool // printwatches off
	number  int
	watches watches
}

// errQuit ends the shell.
var errQuit = errors.New("quit")

func run(c *cli.Context) error {
	words, err := tool.Args(c, 0, 1)
	if err != nil {
		return err
	}
	if _, err := tool.Output(c); err != nil {
		return err
	}
	s := &shell{c: c, ctx: c.Context}
	if s.target, err = tool.TargetOf(c); err != nil {
		return err
	}
	defer s.close()
	in := c.App.Reader
	if len(words) == 1 {
		f, err := os.Open(words[0])
		if err != nil {
			return tool.Usage("shell: %w", err)
		}
		defer f.Close()
		return s.script(f, words[0])
	}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return s.interactive()
	}
	return s.script(in, "standard input")
}

func (s *shell) close() {
	s.watches.forget()
	if s.session != nil {
		s.session.Close()
		s.session = nil
	}
}

// open is the session of a verb: it is opened when the first verb needs it.
func (s *shell) open() (*tool.Session, error) {
	if s.session == nil {
		fresh, err := tool.Open(s.ctx, s.target)
		if err != nil {
			return nil, err
		}
		s.session = fresh
	}
	return s.session, nil
}

func (s *shell) script(in io.Reader, name string) error {
	lines, broken := readLines(in)
	var failed error
	for n := 1; ; n++ {
		var text string
		var more bool
		select {
		case text, more = <-lines:
		case <-s.ctx.Done():
		}
		if err := data.Stop(s.ctx); err != nil {
			return tool.Fail("shell", err)
		}
		if !more {
			if err := <-broken; err != nil {
				return fmt.Errorf("shell: read %s: %w", name, err)
			}
			return failed
		}
		err := s.run(s.ctx, text)
		if errors.Is(err, errQuit) {
			return failed
		}
		if err == nil {
			continue
		}
		failed = failedAt(name, n, err)
		if !s.c.Bool("keep-going") {
			return failed
		}
		tool.Note(s.c, "paddock: %v", failed)
		failed = cli.Exit("", tool.ExitStatus(failed))
	}
}

// failedAt names the line that failed and keeps its exit code.
func failedAt(name string, line int, err error) error {
	return cli.Exit(fmt.Sprintf("%s, line %d: %v", name, line, err), tool.ExitStatus(err))
}

// readLines reads in the background, so that Ctrl-C need not wait for the next line. broken gives one error, or nil at the end.
func readLines(in io.Reader) (lines <-chan string, broken <-chan error) {
	out, end := make(chan string), make(chan error, 1)
	go func() {
		scan := bufio.NewScanner(in)
		scan.Buffer(nil, 4<<20)
		for scan.Scan() {
			out <- scan.Text()
		}
		end <- scan.Err()
		close(out)
	}()
	return out, end
}

// interactive reads lines from the terminal.
func (s *shell) interactive() error {
	var err error
	if s.modes[0], err = liner.TerminalMode(); err != nil {
		return fmt.Errorf("shell: look at the terminal: %w", err)
	}
	s.line = liner.NewLiner()
	defer func() { s.line.Close(); s.line = nil }()
	if s.modes[1], err = liner.TerminalMode(); err != nil {
		return fmt.Errorf("shell: look at the terminal: %w", err)
	}
	s.ctx = context.WithoutCancel(s.c.Context)
	s.endOnSignal()
	s.line.SetCtrlCAborts(true)
	s.line.SetTabCompletionStyle(liner.TabPrints)
	s.line.SetWordCompleter(s.complete)
	s.loadHistory()
	defer s.saveHistory()
	tool.Note(s.c, "paddock %s; help lists the verbs, Tab completes, quit or Ctrl-D ends", s.c.App.Version)
	if _, err := s.open(); err != nil {
		tool.Note(s.c, "paddock: %v", err)
	}
	for {
		text, err := s.line.Prompt(s.prompt())
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			continue // Ctrl-C on the prompt
		case errors.Is(err, io.EOF):
			fmt.Fprintln(s.c.App.ErrWriter)
			return nil
		case err != nil:
			return fmt.Errorf("shell: %w", err)
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		s.number++
		s.line.AppendHistory(text)
		s.history = append(s.history, text)
		err = s.runLine(text)
		if errors.Is(err, errQuit) {
			return nil
		}
		if err != nil && err.Error() != "" {
			tool.Note(s.c, "%v", err)
		}
	}
}

// endOnSignal keeps the history and puts the terminal back in order when the process is told to end while it waits for a key.
func (s *shell) endOnSignal() {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		sig := <-ch
		s.saveHistory()
		_ = s.modes[0].ApplyMode()
		os.Exit(128 + int(sig.(syscall.Signal)))
	}()
}

// runLine runs a line of the terminal: Ctrl-C ends it, and not the shell.
func (s *shell) runLine(text string) error {
	_ = s.modes[0].ApplyMode()
	defer func() { _ = s.modes[1].ApplyMode() }()
	ctx, stop := signal.NotifyContext(s.ctx, os.Interrupt)
	defer stop()
	return s.run(ctx, text)
}

// ask puts a question while a verb runs.
func (s *shell) ask(question string) (string, error) {
	_ = s.modes[1].ApplyMode()
	defer func() { _ = s.modes[0].ApplyMode() }()
	return s.line.Prompt(question)
}

func (s *shell) prompt() string {
	where := "closed"
	if s.session != nil {
		where = s.session.Server()
		if s.session.State() != zk.StateHasSession {
			where += " (connecting)"
		}
	}
	return "[paddock " + where + " " + strconv.Itoa(s.number) + "] "
}

func historyPath() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "paddock", "history")
}

func (s *shell) loadHistory() {
	f, err := os.Open(historyPath())
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = s.line.ReadHistory(f)
}

// saveHistory forgets lines with credentials.
func (s *shell) saveHistory() {
	name := historyPath()
	if name == "" || os.MkdirAll(filepath.Dir(name), 0o700) != nil {
		return
	}
	var kept strings.Builder
	if _, err := s.line.WriteHistory(&kept); err != nil {
		return
	}
	lines := slices.DeleteFunc(strings.SplitAfter(kept.String(), "\n"), func(l string) bool {
		return strings.Contains(l, "addauth") || strings.Contains(l, "--auth")
	})
	_ = os.WriteFile(name, []byte(strings.Join(lines[max(0, len(lines)-1000):], "")), 0o600)
}

// run runs one line.
func (s *shell) run(ctx context.Context, text string) error {
	words, err := data.Words(text)
	if err != nil || len(words) == 0 {
		return err
	}
	if own := s.verbs()[words[0]]; own != nil {
		return own(ctx, words[1:])
	}
	app := s.app()
	if !slices.ContainsFunc(app.Commands, func(c *cli.Command) bool { return c.HasName(words[0]) }) {
		return tool.Usage("%q is no verb here; help lists them", words[0])
	}
	return app.RunContext(ctx, append([]string{"paddock"}, words...))
}

// app holds the data verbs, with the shell's session in place of one for each verb. The flags that the shell was started with hold.
func (s *shell) app() *cli.App {
	out := tool.String(s.c, "output")
	app := &cli.App{
		Name: "paddock", HelpName: "", Commands: append(data.Commands(), locks.LockCommand()), HideVersion: true, HideHelpCommand: true,
		Reader: s.c.App.Reader, Writer: s.c.App.Writer, ErrWriter: s.c.App.ErrWriter, ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return tool.UsageOf(err) },
		Metadata:     map[string]any{"session": s.open, "later": s.later},
	}
	for _, c := range app.Commands {
		c.OnUsageError = app.OnUsageError
		for _, sub := range c.Subcommands {
			sub.OnUsageError = app.OnUsageError
		}
	}
	app.Flags = tool.Flags()
	app.Before = func(c *cli.Context) error { // as if they had been given on the line
		if out != "" {
			_ = c.Set("output", out)
		}
		if tool.Bool(s.c, "yes") {
			_ = c.Set("yes", "true")
		}
		for _, name := range []string{"server", "auth", "tls-ca", "tls-cert", "tls-key", "tls-name"} { // for lock, which has a session of its own
			for _, v := range tool.Values(s.c, name) {
				_ = c.Set(name, v)
			}
		}
		return nil
	}
	if s.line != nil {
		app.Metadata["brackets"] = true
		app.Metadata["ask"] = s.ask
	}
	return app
}

// later prints the event of a one-shot watch when it comes.
func (s *shell) later(ch <-chan zk.Event) {
	go func() {
		if e, ok := <-ch; ok && !s.quiet.Load() && e.Type > 0 {
			tool.Note(s.c, "\nWATCHER::\nWatchedEvent state:SyncConnected type:%s path:%s", strings.TrimPrefix(e.Type.String(), "Event"), e.Path)
		}
	}()
}

// complete offers verbs for the first word and znode paths for the others.
func (s *shell) complete(text string, pos int) (head string, list []string, tail string) {
	head, tail = text[:pos], text[pos:]
	i := strings.LastIndexByte(head, ' ') + 1
	word := head[i:]
	head = head[:i]
	if strings.TrimSpace(head) == "" {
		return head, matching(s.names(), word, " "), tail
	}
	if !strings.HasPrefix(word, "/") || s.session == nil {
		return head, nil, tail
	}
	return head, paths(s.session, word), tail
}

func matching(names []string, prefix, end string) []string {
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n+end)
		}
	}
	return out
}

// paths are the nodes whose path begins with word.
func paths(s *tool.Session, word string) []string {
	cut := strings.LastIndexByte(word, '/')
	parent := word[:cut]
	if parent == "" {
		parent = "/"
	}
	names, err := tool.Do(context.Background(), s, func() ([]string, error) {
		names, _, err := s.Children(parent)
		return names, err
	})
	if err != nil {
		return nil
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = word[:cut+1] + n
	}
	return matching(names, word, "")
}

func (s *shell) names() []string {
	var out []string
	for _, c := range data.Commands() {
		out = append(out, c.Name)
	}
	for name := range s.verbs() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
