// Paddock is a coordination server that ZooKeeper clients use unchanged, and the tool of its operator.
//
// This folder only composes: main, the list of verbs (verbs.go), the flags of serve, and what the build says (version.go). A server is package
// node; the verbs stand in folders by what they are about. Exit codes: 0 done, 1 the command failed, 2 the
// command line is wrong, 130 and 143 it was interrupted by Ctrl-C and SIGTERM; verbs that have more codes say so in their help.
package main

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func main() {
	ctx, stop := tool.UntilSignal(context.Background())
	code := tool.ExitCode(ctx, newApp().RunContext(ctx, os.Args))
	stop()
	os.Exit(code)
}

// newApp is the command tree. A fresh one for each run, so that tests share nothing.
func newApp() *cli.App {
	return &cli.App{
		Name:                   "paddock",
		Usage:                  "a coordination server that ZooKeeper clients use unchanged, with fencing tokens",
		Version:                thisBuild().Version,
		Commands:               commands(),
		Flags:                  tool.Flags(cli.HelpFlag),
		Before:                 tool.Before,
		UseShortOptionHandling: false,
		Suggest:                true,
		ExitErrHandler:         func(*cli.Context, error) {}, // main chooses the exit code
		OnUsageError:           misused,
		Action:                 unknownVerb,
	}
}
