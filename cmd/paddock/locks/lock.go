// Package locks is the verbs lock and token: run a command under a lock, and look at or verify the fencing token that comes with it. The lock itself is
// fencing/lock, the tokens are fencing's; this room reads words and prints.
package locks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/lock"
)

// Exit codes of `paddock lock` besides the command's own.
const (
	lockExitNoServer    = 69  // no server of the ensemble could be reached in time
	lockExitNotAcquired = 75  // the lock was not granted within --timeout, or --try found it held
	lockExitLost        = 76  // the lock was lost while the command ran; it was ended
	lockExitCannotRun   = 126 // the command is not executable
	lockExitNotFound    = 127 // the command was not found
	lockExitSignal      = 128 // plus the number of the signal that ended the command
)

func LockCommand() *cli.Command {
	return &cli.Command{
		Name:      "lock",
		Usage:     "run a command while a lock is held",
		ArgsUsage: "PATH [flags] -- COMMAND [ARGS...]",
		Description: `Takes the lock at PATH, runs the command, and gives the lock back when the command has ended. The command finds in its environment:

   PADDOCK_TOKEN      the fencing token: signed by the ensemble where it can, else as text. Send it to storage with every write
   PADDOCK_FENCE      its ordered value in decimal, for storage that can only compare one number. Not set with --rw read: readers share the
                      lock, and a writer that is older than one of them may still write, so a reader's number must not be compared as a fence
   PADDOCK_LOCK_PATH  the path of the lock (of the slot, with --slots): what storage computes the scope from
   PADDOCK_LOCK_NODE  the lock node

When the lock is lost the command gets SIGTERM, and SIGKILL after --grace. SIGINT, SIGTERM and SIGHUP to paddock go on to the command.

   paddock lock /locks/backup -- pg_dump mydb
   paddock lock /locks/report --rw read --timeout 30s -- ./report
   paddock lock /locks/worker --slots 4 -- ./worker

Exit codes: that of the command; 69 no server answered within --connect-timeout; 75 not granted within --timeout (or held, with --try);
76 lost while the command ran; 126, 127 the command cannot be run, is not there; 128+n it was ended by signal n, or the wait for the lock was; 2 wrong
usage; 1 any other failure.`,
		Flags: tool.Flags(append(lockConnectFlags(),
			&cli.DurationFlag{Name: "timeout", Aliases: []string{"t"}, Usage: "give up waiting for the lock after this time; 0 waits for ever"},
			&cli.BoolFlag{Name: "try", Usage: "do not wait at all"},
			&cli.StringFlag{Name: "rw", Usage: "take a read/write lock: read or write"},
			&cli.IntFlag{Name: "slots", Usage: "take one of this many slots, so that as many commands run at once"},
			&cli.DurationFlag{Name: "grace", Usage: "time between SIGTERM and SIGKILL when the lock is lost", Value: 5 * time.Second},
		)...),
		Action: lockRun,
	}
}

// lockConnectFlags are what the lock's session needs beyond the general flags.
func lockConnectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "session-timeout", Usage: "session timeout to ask for", Value: 10 * time.Second},
		&cli.DurationFlag{Name: "connect-timeout", Usage: "give up reaching a server after this time", Value: 10 * time.Second},
		&cli.StringFlag{Name: "cluster", Usage: "cluster id for tokens, for a stock ZooKeeper (UUID, hex or base 32)", EnvVars: []string{"PADDOCK_CLUSTER"}},
		&cli.StringFlag{Name: "incarnation", Usage: "incarnation id for tokens, for a stock ZooKeeper; change it after every restore", EnvVars: []string{"PADDOCK_INCARNATION"}},
	}
}

// lockJob is a command line of `paddock lock`.
type lockJob struct {
	path    string
	command []string
}

// lockArguments takes PATH and what follows apart. cli stops at the first word that is no flag, so flags between PATH and -- are set here.
func lockArguments(c *cli.Context) (lockJob, error) {
	words := c.Args().Slice()
	if len(words) == 0 {
		return lockJob{}, tool.UsageOf(errors.New("lock: give the path of the lock and a command: paddock lock /locks/job -- command"))
	}
	job, rest := lockJob{path: words[0]}, words[1:]
	for len(rest) > 0 && rest[0] != "--" && strings.HasPrefix(rest[0], "-") {
		name, value, has := strings.Cut(strings.TrimLeft(rest[0], "-"), "=")
		flag := lockFlag(c, name)
		if flag == nil {
			return job, tool.UsageOf(fmt.Errorf("lock: flag %s is not known", rest[0]))
		}
		rest = rest[1:]
		if _, isBool := flag.(*cli.BoolFlag); isBool && !has {
			value, has = "true", true
		}
		if !has {
			if len(rest) == 0 {
				return job, tool.UsageOf(fmt.Errorf("lock: flag --%s needs a value", name))
			}
			value, rest = rest[0], rest[1:]
		}
		if err := c.Set(flag.Names()[0], value); err != nil {
			return job, tool.UsageOf(fmt.Errorf("lock: --%s: %w", name, err))
		}
	}
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return job, tool.UsageOf(errors.New("lock: no command to run; write it after --"))
	}
	job.command = rest
	return job, nil
}

func lockFlag(c *cli.Context, name string) cli.Flag {
	for _, f := range c.Command.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func lockRun(c *cli.Context) error {
	job, err := lockArguments(c)
	if err != nil {
		return err
	}
	if rw := c.String("rw"); rw != "" && rw != "read" && rw != "write" {
		return tool.UsageOf(fmt.Errorf("lock: --rw %q: read or write", rw))
	}
	if c.Int("slots") != 0 && (c.Bool("try") || c.String("rw") != "") {
		return tool.UsageOf(errors.New("lock: --slots goes with neither --try nor --rw"))
	}
	if _, err := fencing.ScopeOf(fencing.ID{}, job.path); err != nil {
		return tool.UsageOf(err)
	}
	if err := lockTimes(c); err != nil {
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	s, g, err := lockTake(c, job.path, signals)
	if s != nil {
		defer s.Close() // the server removes what is left of a request
	}
	if err != nil {
		return err
	}
	status, err := lockHold(g, job, signals, c.Duration("grace"))
	patience := 5 * time.Second
	if status == lockExitLost {
		patience = time.Second // no server answered, most likely
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), patience)
	defer cancel()
	_ = g.Unlock(ctx) // if no server answers now, the end of the session does it
	return lockExit(status, err)
}

// lockTimes refuses times that would mean something else than they say.
func lockTimes(c *cli.Context) error {
	for _, name := range []string{"timeout", "grace"} {
		if d := c.Duration(name); d < 0 {
			return tool.UsageOf(fmt.Errorf("lock: --%s %v: not a negative time", name, d))
		}
	}
	for _, name := range []string{"session-timeout", "connect-timeout"} {
		if d := c.Duration(name); d <= 0 {
			return tool.UsageOf(fmt.Errorf("lock: --%s %v: a positive time", name, d))
		}
	}
	return nil
}

// lockTake connects and waits for the lock. A signal meanwhile ends the wait, with the exit code that a shell gives to it.
func lockTake(c *cli.Context, path string, signals <-chan os.Signal) (s *lock.Session, g *lock.Grant, err error) {
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	taken, caught := make(chan struct{}), make(chan os.Signal, 1)
	go func() {
		defer close(caught)
		select {
		case sig := <-signals:
			caught <- sig
			cancel()
		case <-taken:
		}
	}()
	if s, err = lockConnect(ctx, c); err == nil {
		g, err = lockAcquire(ctx, c, s, path)
	}
	if err == nil || ctx.Err() == nil {
		close(taken)
	} else { // the signal may have ended the context of main first
		defer time.AfterFunc(time.Second, func() { close(taken) }).Stop()
	}
	if sig, ok := <-caught; ok {
		return s, nil, cli.Exit(fmt.Sprintf("%v while waiting for %s", sig, path), lockExitSignal+int(sig.(syscall.Signal)))
	}
	return s, g, err
}

func lockExit(status int, err error) error {
	if err != nil {
		return cli.Exit(err.Error(), status)
	}
	if status != 0 {
		return cli.Exit("", status)
	}
	return nil
}

// lockConnect opens the session; flags give the lineage for a server that does not know its own.
func lockConnect(ctx context.Context, c *cli.Context) (*lock.Session, error) {
	target, err := tool.Reach(c)
	if err != nil {
		return nil, err
	}
	cfg := lock.Config{Timeout: c.Duration("session-timeout")}
	for _, id := range []struct {
		name string
		into *fencing.ID
	}{{"cluster", &cfg.Lineage.Cluster}, {"incarnation", &cfg.Lineage.Incarnation}} {
		if text := c.String(id.name); text != "" {
			v, err := fencing.ParseID(text)
			if err != nil {
				return nil, tool.UsageOf(fmt.Errorf("--%s: %w", id.name, err))
			}
			*id.into = v
		}
	}
	return lockSession(ctx, c, target, cfg)
}

// lockSession connects to a target, with its identities, within --connect-timeout.
func lockSession(ctx context.Context, c *cli.Context, target tool.Target, cfg lock.Config) (*lock.Session, error) {
	cfg.Servers = target.Servers
	cfg.Dial = func(_, addr string, within time.Duration) (net.Conn, error) { return target.Dial(addr, within) }
	ctx, cancel := context.WithTimeout(ctx, c.Duration("connect-timeout"))
	defer cancel()
	s, err := lock.Connect(ctx, cfg)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, cli.Exit(fmt.Sprintf("no server of %s answered within %v", strings.Join(target.Servers, ","), c.Duration("connect-timeout")), lockExitNoServer)
	}
	if err != nil {
		return nil, err
	}
	for _, auth := range target.Auths {
		scheme, credentials, _ := strings.Cut(auth, ":")
		if err := s.Conn().AddAuth(scheme, []byte(credentials)); err != nil {
			s.Close()
			return nil, tool.Fail("authenticate with scheme "+scheme, err)
		}
	}
	return s, nil
}

func lockAcquire(ctx context.Context, c *cli.Context, s *lock.Session, path string) (*lock.Grant, error) {
	if t := c.Duration("timeout"); t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	take, err := lockRecipe(c, s, path)
	if err != nil {
		return nil, err
	}
	g, err := take(ctx)
	switch {
	case errors.Is(err, lock.ErrNotAcquired):
		return nil, cli.Exit(path+" is held by another", lockExitNotAcquired)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, cli.Exit(fmt.Sprintf("%s was not granted within %v", path, c.Duration("timeout")), lockExitNotAcquired)
	}
	return g, err
}

func lockRecipe(c *cli.Context, s *lock.Session, path string) (func(context.Context) (*lock.Grant, error), error) {
	if n := c.Int("slots"); n != 0 {
		sem, err := s.NewSemaphore(path, n)
		if err != nil {
			return nil, tool.UsageOf(err)
		}
		return sem.Acquire, nil
	}
	plain, rw := s.NewLock(path), s.NewRWLock(path)
	return map[string]func(context.Context) (*lock.Grant, error){
		"false":      plain.Lock,
		"true":       plain.TryLock,
		"readfalse":  rw.ReadLock,
		"readtrue":   rw.TryReadLock,
		"writefalse": rw.WriteLock,
		"writetrue":  rw.TryWriteLock,
	}[c.String("rw")+strconv.FormatBool(c.Bool("try"))], nil
}

// lockHold runs the command under the grant and gives the exit status.
func lockHold(g *lock.Grant, job lockJob, signals <-chan os.Signal, grace time.Duration) (int, error) {
	token, err := g.Presented()
	if err != nil {
		return lockExitLost, err
	}
	// The kernel ends the command if paddock itself is killed; it knows us by the thread that started the command.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(job.command[0], job.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: !lockOnTerminal()}
	cmd.Env = lockEnvironment(os.Environ(), g.Token(), token, g.Path())
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return lockExitNotFound, fmt.Errorf("lock: %w", err)
		}
		return lockExitCannotRun, fmt.Errorf("lock: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	return lockWatch(g, cmd, done, signals, grace)
}

// lockEnvironment is what the command finds. What an outer paddock lock has set is of another lock, and a shared token has no fence.
func lockEnvironment(outer []string, t fencing.Token, presented, node string) []string {
	env := slices.DeleteFunc(slices.Clone(outer), func(v string) bool { return strings.HasPrefix(v, "PADDOCK_FENCE=") })
	env = append(env, "PADDOCK_TOKEN="+presented, "PADDOCK_LOCK_PATH="+t.Audit.Path, "PADDOCK_LOCK_NODE="+node)
	if t.Mode == fencing.Exclusive {
		env = append(env, "PADDOCK_FENCE="+strconv.FormatInt(t.Fence, 10))
	}
	return env
}

// lockOnTerminal: a command in a process group of its own could not read the terminal.
func lockOnTerminal() bool {
	info, err := os.Stdin.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func lockWatch(g *lock.Grant, cmd *exec.Cmd, done <-chan error, signals <-chan os.Signal, grace time.Duration) (int, error) {
	for {
		select {
		case err := <-done:
			return lockStatus(err)
		case sig := <-signals:
			lockSignal(cmd, sig.(syscall.Signal))
		case <-g.Lost():
			lockSignal(cmd, syscall.SIGTERM)
			timer := time.NewTimer(grace)
			defer timer.Stop()
			select {
			case <-done:
			case <-timer.C:
				lockSignal(cmd, syscall.SIGKILL)
				<-done
			}
			return lockExitLost, fmt.Errorf("lock: %s was lost; the command was ended", g.Path())
		}
	}
}

func lockSignal(cmd *exec.Cmd, sig syscall.Signal) {
	if cmd.SysProcAttr.Setpgid {
		_ = syscall.Kill(-cmd.Process.Pid, sig)
		return
	}
	_ = cmd.Process.Signal(sig)
}

func lockStatus(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 1, fmt.Errorf("lock: %w", err)
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return lockExitSignal + int(ws.Signal()), nil
	}
	return exit.ExitCode(), nil
}
