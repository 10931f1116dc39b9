package main

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

	"github.com/paddock-zk/paddock/compat/wire"
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name: "watch", Category: dataCategory, Usage: "print the changes of a node or a subtree, or run a command for each",
		ArgsUsage: "[-R] PATH [-- COMMAND [ARGS...]]",
		Description: `Watches until Ctrl-C, --count events or --for a time. The watch is persistent: no event of it is lost between two others; after a lost connection it is
set again, and a note says that changes in between may be unseen. The command runs once for each event, one after the other, and finds:

   PADDOCK_EVENT         NodeCreated, NodeDeleted, NodeDataChanged or NodeChildrenChanged
   PADDOCK_EVENT_PATH    the node
   PADDOCK_EVENT_SERVER  the server that told it
   PADDOCK_WATCH_PATH    the PATH of the watch

   paddock watch /app
   paddock watch -R /app -- sh -c 'echo "$PADDOCK_EVENT $PADDOCK_EVENT_PATH"'

Exit codes: 0 --count or --for is reached, 1 a command failed (with --strict), 130 Ctrl-C. ` + toolExitHelp,
		Flags: toolFlags(
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"R"}, Usage: "everything below PATH too"},
			&cli.StringFlag{Name: "mode", Aliases: []string{"m"}, Usage: "zkCli's name for the same: PERSISTENT or PERSISTENT_RECURSIVE"},
			&cli.IntFlag{Name: "count", Aliases: []string{"n"}, Usage: "stop after `N` events"},
			&cli.DurationFlag{Name: "for", Usage: "stop after `DURATION`"},
			&cli.BoolFlag{Name: "strict", Usage: "stop when the command fails"}),
		Action: dataAction(1, -1, 1, dataWatch),
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

// dataEvent is one line of watch.
type dataEvent struct {
	Event string `json:"event"`
	Path  string `json:"path"`
	Time  string `json:"time"`
}

func dataWatch(v *dataVerb, words []string) error {
	mode, err := dataWatchMode(v.c.String("mode"), v.c.Bool("recursive"))
	if err != nil {
		return err
	}
	path := words[0]
	set := func() error {
		_, err := v.call(v.ctx, wire.OpAddWatch, func(b []byte) []byte { return (&wire.PathInt{Path: path, Value: mode}).Append(b) })
		return toolFail("watch "+path, err)
	}
	v.forget()
	if err := set(); err != nil {
		return err
	}
	defer v.unwatch(path, mode)
	toolNote(v.c, "watching %s; end with Ctrl-C", path)
	ctx, cancel := v.ctx, context.CancelFunc(func() {})
	if d := v.c.Duration("for"); d > 0 {
		ctx, cancel = context.WithTimeout(ctx, d)
	}
	defer cancel()
	return dataWatchLoop(ctx, v, words, set)
}

// dataWatchMode reads zkCli's name of a mode; "" is PERSISTENT.
func dataWatchMode(name string, recursive bool) (int32, error) {
	switch m := strings.ToUpper(name); {
	case m == "PERSISTENT_RECURSIVE" || recursive:
		return wire.AddWatchPersistentRecursive, nil
	case m == "" || m == "PERSISTENT":
		return wire.AddWatchPersistent, nil
	}
	return 0, toolUsage("watch: --mode %q: PERSISTENT or PERSISTENT_RECURSIVE", name)
}

// forget drops events from before the watch.
func (v *dataVerb) forget() {
	for {
		select {
		case <-v.events:
		default:
			return
		}
	}
}

// unwatch takes the watch away again: the shell's session goes on.
func (v *dataVerb) unwatch(path string, mode int32) {
	if v.c.App.Metadata["session"] == nil {
		return // the session ends with the verb
	}
	kind := wire.WatcherPersistent
	if mode == wire.AddWatchPersistentRecursive {
		kind = wire.WatcherPersistentRecursive
	}
	_, _ = v.call(context.WithoutCancel(v.ctx), wire.OpRemoveWatches, func(b []byte) []byte { return (&wire.PathInt{Path: path, Value: kind}).Append(b) })
}

func dataWatchLoop(ctx context.Context, v *dataVerb, words []string, set func() error) error {
	path, command, lost, seen := words[0], words[1:], false, 0
	for {
		var e zk.Event
		select {
		case e = <-v.events:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return cli.Exit("", toolExitInterrupt)
		}
		switch {
		case e.Type == zk.EventSession && e.State == zk.StateDisconnected:
			lost = true
			toolNote(v.c, "connection lost; looking for a server")
			continue
		case e.Type == zk.EventSession && e.State == zk.StateHasSession && lost:
			if err := set(); err != nil {
				return err
			}
			lost = false
			toolNote(v.c, "connected to %s again: changes in between may be unseen", v.Server())
			continue
		case e.Type == zk.EventSession || !dataUnder(e.Path, path):
			continue
		}
		if err := dataHeard(ctx, v, path, command, e); err != nil {
			return err
		}
		if seen++; seen == v.c.Int("count") {
			return nil
		}
	}
}

func dataUnder(p, root string) bool {
	return p == root || root == "/" || strings.HasPrefix(p, root+"/")
}

func dataHeard(ctx context.Context, v *dataVerb, path string, command []string, e zk.Event) error {
	name := strings.TrimPrefix(e.Type.String(), "Event")
	if len(command) == 0 {
		if v.out.format == "json" {
			return json.NewEncoder(v.out.w).Encode(dataEvent{name, e.Path, toolTime(time.Now().UnixMilli())}) // one line each
		}
		if v.out.format == "yaml" {
			fmt.Fprintln(v.out.w, "---")
		}
		return v.out.line(dataEvent{name, e.Path, toolTime(time.Now().UnixMilli())}, name+"\t"+e.Path)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, v.out.w, v.c.App.ErrWriter
	cmd.Env = append(os.Environ(), "PADDOCK_EVENT="+name, "PADDOCK_EVENT_PATH="+e.Path, "PADDOCK_EVENT_SERVER="+v.Server(), "PADDOCK_WATCH_PATH="+path)
	err := cmd.Run()
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case v.c.Bool("strict") || errors.Is(err, exec.ErrNotFound):
		return &toolError{tried: "run " + command[0] + " for " + name + " " + e.Path, happened: err.Error(), code: 1, cause: err}
	}
	toolNote(v.c, "%s for %s %s: %v", command[0], name, e.Path, err)
	return nil
}
