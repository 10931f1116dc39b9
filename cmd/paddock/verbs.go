package main

import "github.com/urfave/cli/v2"

// commands are the verbs, in the order in which help shows them.
func commands() []*cli.Command {
	return []*cli.Command{
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
}
