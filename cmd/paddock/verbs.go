package main

import (
	"slices"

	"github.com/urfave/cli/v2"
)

// commands are the verbs, in the order in which help shows them.
func commands() []*cli.Command {
	list := []*cli.Command{
		serveCommand(),
		benchCommand(),
		crosscheckCommand(),
		lockCommand(),
		tokenCommand(),
		demoCommand(),
		snapshotCommand(),
		verifyCommand(),
		inspectCommand(),
		importCommand(),
		exportCommand(),
	}
	list = slices.Concat(list, toolEnv("PADDOCK", dataCommands()), toolEnv("PADDOCK", clusterCommands()),
		[]*cli.Command{shellCommand(), contextCommand(), completionCommand(), completePathCommand()})
	return told(list)
}

// told makes each verb's wrong usage an error of ours, one sentence instead of the whole help.
func told(list []*cli.Command) []*cli.Command {
	for _, c := range list {
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return usageError{err} }
		told(c.Subcommands)
	}
	return list
}
