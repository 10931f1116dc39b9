// Paddock is a coordination server that ZooKeeper clients use unchanged, and the tool of its operator.
//
// This folder only composes: main, the list of verbs (verbs.go), the flags of serve, and what the build says (version.go). A server is package
// node; the verbs stand in folders by what they are about. Exit codes: 0 done, 1 the command failed, 2 the
// command line is wrong; verbs that have more codes say so in their help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newApp().RunContext(ctx, os.Args)
	stop()
	os.Exit(tool.ExitCode(err))
}

// newApp is the command tree. A fresh one for each run, so that tests share nothing.
func newApp() *cli.App {
	return &cli.App{
		Name:                   "paddock",
		Usage:                  "a coordination server that ZooKeeper clients use unchanged, with fencing tokens",
		Version:                thisBuild().Version,
		Commands:               commands(),
		Flags:                  tool.Flags(),
		Before:                 tool.Before,
		EnableBashCompletion:   true,
		UseShortOptionHandling: false,
		Suggest:                true,
		ExitErrHandler:         func(*cli.Context, error) {}, // main chooses the exit code
		OnUsageError:           misused,
		Action:                 unknownVerb,
	}
}
