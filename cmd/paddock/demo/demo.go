// Package demo shows on one machine what a promise means: `demo fencing` stops a lock holder, lets another take over, and lets the first one write.
// The workers are processes of the same program (worker.go), which share an account (account.go).
package demo

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// lockPath protects the account of the demonstration.
const lockPath = "/locks/demo-account"

func Command() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "see on your own machine what a promise means",
		Description: `   paddock demo fencing

Exit codes: 0 it happened as told, 1 it did not, 2 wrong usage.`,
		Subcommands: []*cli.Command{
			{
				Name:  "fencing",
				Usage: "stop a lock holder, let another take over, and let the first one write",
				Description: `Two real processes share an account in a real SQLite file (or a PostgreSQL database) under one lock. The first is stopped by SIGSTOP between looking at its lock and
writing. Its session ends, the second takes the lock and writes; then the first goes on. Shown twice: without the guard the account is
wrong afterwards, with it the late write is refused. Takes about half a minute.

Exit codes: 0 both happened as told, 1 they did not, 2 wrong usage.`,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "server", Aliases: []string{"s"}, Usage: "a running server; without it one is started for the demonstration"},
					&cli.StringFlag{Name: "postgres", Usage: "keep the account in this PostgreSQL `DSN` instead of a file, in a schema of its own that is removed afterwards"},
				},
				Action: runFencing,
			},
			{Name: "worker", Hidden: true, Flags: workerFlags(), Action: worker},
		},
	}
}

// demonstration is where the demonstration plays.
type demonstration struct {
	out      io.Writer
	server   string
	dir      string
	postgres string // DSN; "" keeps accounts in files of dir
	start    time.Time
	spawn    func(args ...string) *exec.Cmd // a process of this program
}

func runFencing(c *cli.Context) error {
	dir, err := os.MkdirTemp("", "paddock-demo")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	server := c.String("server")
	if server != "" {
		list, err := tool.Addresses("--server", server)
		if err != nil {
			return err
		}
		server = list[0]
	}
	stage := &demonstration{out: c.App.Writer, server: server, dir: dir, postgres: c.String("postgres"),
		spawn: func(args ...string) *exec.Cmd { return exec.Command(self, args...) }}
	if stage.server == "" {
		stop, err := stage.startServer()
		if err != nil {
			return err
		}
		defer stop()
	}
	return stage.play(c.Context)
}

// startServer runs this program's own server on a free port of the loopback interface.
func (d *demonstration) startServer() (stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	d.server = l.Addr().String()
	l.Close()
	cmd := d.spawn("serve", "--data-dir", filepath.Join(d.dir, "server"), "--client", d.server, "--admin", "off", "--log-level", "error")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("demo: start a server: %w", err)
	}
	return func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }, nil
}

// play runs both acts and checks that they went as told.
func (d *demonstration) play(ctx context.Context) error {
	fmt.Fprintf(d.out, "An account of 100. A withdraws 30, B deposits 50; both take the lock %s first. It should end at 120.\n", lockPath)
	for _, act := range []struct {
		title   string
		guarded bool
		want    int
		moral   string
	}{
		{"Act 1: a lock, but no guard", false, 70, "The account is 70, not 120: A overwrote what B had done. The deposit is gone, and nobody was told."},
		{"Act 2: the same, with the guard", true, 120, "The account is 120. A was told that it was late, took the lock again, read again, and did its work on what is true now."},
	} {
		fmt.Fprintf(d.out, "\n%s\n", act.title)
		got, err := d.act(ctx, act.guarded)
		if err != nil {
			return err
		}
		if got != act.want {
			return fmt.Errorf("demo: the account is %d, the story says %d", got, act.want)
		}
		fmt.Fprintf(d.out, "  => %s\n", act.moral)
	}
	return nil
}

// tell prints one line of the timeline.
func (d *demonstration) tell(who, format string, args ...any) {
	fmt.Fprintf(d.out, "  %5.1fs  %-7s %s\n", time.Since(d.start).Seconds(), who, fmt.Sprintf(format, args...))
}

// act lets the story happen once and gives the final balance.
func (d *demonstration) act(ctx context.Context, guarded bool) (balance int, err error) {
	store := accountStore{file: filepath.Join(d.dir, fmt.Sprintf("account-%t.db", guarded)), postgres: d.postgres, schema: "paddock_demo_" + strings.ToLower(rand.Text()[:10])}
	account, err := store.open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.remove(context.WithoutCancel(ctx), account)) }()
	if err := account.create(ctx); err != nil {
		return 0, err
	}
	if err := d.race(store, guarded); err != nil {
		return 0, err
	}
	return account.balance(ctx)
}

// race is the story itself: A is stopped, B takes over, A goes on.
func (d *demonstration) race(store accountStore, guarded bool) error {
	d.start = time.Now()
	a, err := d.worker("A", -30, store, guarded)
	if err != nil {
		return err
	}
	defer a.end()
	if err := a.expect("checked"); err != nil {
		return err
	}
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("demo: stop A: %w", err)
	}
	d.tell("", "--- A is stopped (SIGSTOP): it has looked at its lock and is about to write ---")
	b, err := d.worker("B", 50, store, guarded)
	if err != nil {
		return err
	}
	defer b.end()
	if err := b.expect("checked"); err != nil {
		return err
	}
	b.goOn()
	if err := b.expect("done"); err != nil {
		return err
	}
	d.tell("", "--- A continues (SIGCONT), right where it was ---")
	if err := a.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("demo: continue A: %w", err)
	}
	a.goOn()
	return a.expect("done")
}

// actor is one worker process, seen from outside.
type actor struct {
	name  string
	stage *demonstration
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

func (d *demonstration) worker(name string, add int, store accountStore, guarded bool) (*actor, error) {
	cmd := d.spawn(append([]string{"demo", "worker", "--server", d.server, "--add", fmt.Sprint(add), fmt.Sprintf("--guard=%t", guarded)}, store.flags()...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("demo: start %s: %w", name, err)
	}
	a := &actor{name: name, stage: d, cmd: cmd, in: in, lines: make(chan string, 16)}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			a.lines <- s.Text()
		}
		close(a.lines)
	}()
	return a, nil
}

// patience bounds the wait for one step of an actor.
const patience = 60 * time.Second

// expect shows what the actor says until it has said the word.
func (a *actor) expect(word string) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case line, ok := <-a.lines:
			if !ok {
				return fmt.Errorf("demo: %s ended before it was %s", a.name, word)
			}
			key, text, _ := strings.Cut(line, " ")
			if text != "" {
				a.stage.tell(a.name, "%s", text)
			}
			if key == word {
				return nil
			}
		case <-timer.C:
			return fmt.Errorf("demo: %s was not %s within %v", a.name, word, patience)
		}
	}
}

func (a *actor) goOn() { _, _ = io.WriteString(a.in, "go\n") }

func (a *actor) end() {
	a.in.Close()
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
}
