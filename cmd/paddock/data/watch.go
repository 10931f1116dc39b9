package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/wire"
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name: "watch", Category: Category, Usage: "print the changes of a node or a subtree, or run a command for each",
		ArgsUsage: "[-R] PATH [-- COMMAND [ARGS...]]",
		Description: `Watches until Ctrl-C, --count events or --for a time. The watch is persistent: no event of it is lost between two others; after a lost connection it is
set again, and a note says that changes in between may be unseen. The command runs once for each event, one after the other, and finds:

   PADDOCK_EVENT         NodeCreated, NodeDeleted, NodeDataChanged or NodeChildrenChanged
   PADDOCK_EVENT_PATH    the node
   PADDOCK_EVENT_SERVER  the server that told it
   PADDOCK_WATCH_PATH    the PATH of the watch

   paddock watch /app
   paddock watch -R /app -- sh -c 'echo "$PADDOCK_EVENT $PADDOCK_EVENT_PATH"'

Exit codes: 0 --count or --for is reached, 1 a command failed (with --strict), 130 Ctrl-C. ` + tool.ExitHelp,
		Flags: tool.Flags(
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"R"}, Usage: "everything below PATH too"},
			&cli.StringFlag{Name: "mode", Aliases: []string{"m"}, Usage: "zkCli's name for the same: PERSISTENT or PERSISTENT_RECURSIVE"},
			&cli.IntFlag{Name: "count", Aliases: []string{"n"}, Usage: "stop after `N` events"},
			&cli.DurationFlag{Name: "for", Usage: "stop after `DURATION`"},
			&cli.BoolFlag{Name: "strict", Usage: "stop when the command fails"}),
		Action: action(1, -1, 1, watch),
	}
}

// addWatchCommand is watch under zkCli's name, and with its default: the whole subtree. In the shell it does not wait (see shell.addWatch).
func addWatchCommand() *cli.Command {
	c := watchCommand()
	c.Name, c.Usage, c.Hidden = "addWatch", "watch, with zkCli's name and default: PERSISTENT_RECURSIVE", true
	for _, f := range c.Flags {
		if mode, ok := f.(*cli.StringFlag); ok && mode.Name == "mode" {
			mode.Value = "PERSISTENT_RECURSIVE"
		}
	}
	return c
}

// event is one line of watch.
type event struct {
	Event string `json:"event"`
	Path  string `json:"path"`
	Time  string `json:"time"`
}

func watch(v *verb, words []string) error {
	mode, err := WatchMode(v.c.String("mode"), v.c.Bool("recursive"))
	if err != nil {
		return err
	}
	path := words[0]
	set := func() error {
		_, err := v.Call(v.ctx, wire.OpAddWatch, func(b []byte) []byte { return (&wire.PathInt{Path: path, Value: mode}).Append(b) })
		return tool.Fail("watch "+path, err)
	}
	events := v.Listen()
	defer v.Unlisten(events)
	if err := set(); err != nil {
		return err
	}
	defer v.unwatch(path, mode)
	tool.Note(v.c, "watching %s; end with Ctrl-C", path)
	ctx, cancel := v.ctx, context.CancelFunc(func() {})
	if d := v.c.Duration("for"); d > 0 {
		ctx, cancel = context.WithTimeout(ctx, d)
	}
	defer cancel()
	return watchLoop(ctx, v, events, words, set)
}

// WatchMode reads zkCli's name of a mode; "" is PERSISTENT.
func WatchMode(name string, recursive bool) (int32, error) {
	switch m := strings.ToUpper(name); {
	case m == "PERSISTENT_RECURSIVE" || recursive:
		return wire.AddWatchPersistentRecursive, nil
	case m == "" || m == "PERSISTENT":
		return wire.AddWatchPersistent, nil
	}
	return 0, tool.Usage("watch: --mode %q: PERSISTENT or PERSISTENT_RECURSIVE", name)
}

// unwatch takes the watch away again: the shell's session goes on.
func (v *verb) unwatch(path string, mode int32) {
	if v.c.App.Metadata["session"] == nil {
		return // the session ends with the verb
	}
	kind := wire.WatcherPersistent
	if mode == wire.AddWatchPersistentRecursive {
		kind = wire.WatcherPersistentRecursive
	}
	_, _ = v.Call(context.WithoutCancel(v.ctx), wire.OpRemoveWatches, func(b []byte) []byte { return (&wire.PathInt{Path: path, Value: kind}).Append(b) })
}

func watchLoop(ctx context.Context, v *verb, events *tool.Events, words []string, set func() error) error {
	path, command, lost, seen := words[0], words[1:], false, 0
	for {
		e, err := events.Next(ctx)
		switch {
		case err == nil:
		case errors.Is(err, context.DeadlineExceeded):
			return nil
		case ctx.Err() != nil:
			return cli.Exit("", tool.ExitInterrupt)
		default:
			return err
		}
		switch {
		case e.Type == zk.EventSession && e.State == zk.StateDisconnected:
			lost = true
			tool.Note(v.c, "connection lost; looking for a server")
			continue
		case e.Type == zk.EventSession && e.State == zk.StateHasSession && lost:
			if err := set(); err != nil {
				return err
			}
			lost = false
			tool.Note(v.c, "connected to %s again: changes in between may be unseen", v.Server())
			continue
		case e.Type == zk.EventSession || !Under(e.Path, path):
			continue
		}
		if err := heard(ctx, v, path, command, e); err != nil {
			return err
		}
		if seen++; seen == v.c.Int("count") {
			return nil
		}
	}
}

func Under(p, root string) bool {
	return p == root || root == "/" || strings.HasPrefix(p, root+"/")
}

func heard(ctx context.Context, v *verb, path string, command []string, e zk.Event) error {
	name := strings.TrimPrefix(e.Type.String(), "Event")
	if len(command) == 0 {
		if v.out.Format == "json" {
			return json.NewEncoder(v.out.Writer).Encode(event{name, e.Path, tool.Time(time.Now().UnixMilli())}) // one line each
		}
		if v.out.Format == "yaml" {
			fmt.Fprintln(v.out.Writer, "---")
		}
		return v.out.Line(event{name, e.Path, tool.Time(time.Now().UnixMilli())}, name+"\t"+e.Path)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, v.out.Writer, v.c.App.ErrWriter
	cmd.Env = append(os.Environ(), "PADDOCK_EVENT="+name, "PADDOCK_EVENT_PATH="+e.Path, "PADDOCK_EVENT_SERVER="+v.Server(), "PADDOCK_WATCH_PATH="+path)
	err := cmd.Run()
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case v.c.Bool("strict") || errors.Is(err, exec.ErrNotFound):
		return &tool.Error{Tried: "run " + command[0] + " for " + name + " " + e.Path, Happened: err.Error(), Code: 1, Cause: err}
	}
	tool.Note(v.c, "%s for %s %s: %v", command[0], name, e.Path, err)
	return nil
}
