// Paddock is a coordination server that ZooKeeper clients use unchanged, and the tool of its operator.
//
// This folder only composes: each verb stands in its own file, builds what it needs from the other rooms and runs it. Exit codes:
// 0 done, 1 the command failed, 2 the command line is wrong; verbs that have more say so in their help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// version is what `paddock version` says and what the four-letter words report behind ZooKeeper's own version.
const version = "0.1.0"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newApp().RunContext(ctx, os.Args)
	stop()
	os.Exit(exitCode(err))
}

// newApp is the command tree. A fresh one for each run, so that tests share nothing.
func newApp() *cli.App {
	return &cli.App{
		Name:                   "paddock",
		Usage:                  "a coordination server that ZooKeeper clients use unchanged, with fencing tokens",
		Version:                version,
		Commands:               commands(),
		Flags:                  toolFlags(),
		Before:                 toolBefore,
		EnableBashCompletion:   true,
		UseShortOptionHandling: false,
		Suggest:                true,
		ExitErrHandler:         func(*cli.Context, error) {}, // main decides
		OnUsageError:           misused,
		Action:                 unknownVerb,
	}
}

// usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitCode prints the error, once, on standard error, and chooses the code of the process.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if s := err.Error(); s != "" {
		fmt.Fprintln(os.Stderr, "paddock:", s)
	}
	var coder cli.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}
