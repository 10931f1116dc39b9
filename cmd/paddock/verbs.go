package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/cluster"
	"github.com/paddock-zk/paddock/cmd/paddock/data"
	"github.com/paddock-zk/paddock/cmd/paddock/demo"
	"github.com/paddock-zk/paddock/cmd/paddock/locks"
	"github.com/paddock-zk/paddock/cmd/paddock/measure"
	"github.com/paddock-zk/paddock/cmd/paddock/offline"
	"github.com/paddock-zk/paddock/cmd/paddock/shell"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// commands are the verbs, in the order in which help shows them.
func commands() []*cli.Command {
	list := []*cli.Command{
		serveCommand(),
		measure.BenchCommand(),
		measure.CrosscheckCommand(),
		locks.LockCommand(),
		locks.TokenCommand(),
		demo.Command(),
		offline.SnapshotCommand(),
		offline.VerifyCommand(),
		offline.InspectCommand(),
		offline.RecoverCommand(),
		offline.RefillCommand(),
		offline.LogCommand(),
		offline.ImportCommand(),
		offline.ExportCommand(),
	}
	list = slices.Concat(list, tool.Env("PADDOCK", data.Commands()), tool.Env("PADDOCK", cluster.Commands()),
		[]*cli.Command{shell.Command(), tool.ContextCommand(), offline.CertsCommand(), shell.CompletionCommand(), shell.CompleteCommand(), versionCommand()})
	return withHelp(withUsageErrors(list), "")
}

// withUsageErrors makes a verb that is used wrongly answer with one sentence instead of its whole help.
func withUsageErrors(list []*cli.Command) []*cli.Command {
	for _, c := range list {
		c.OnUsageError = misused
		if len(c.Subcommands) > 0 && c.Action == nil {
			c.Action = chooseSubcommand
		}
		withUsageErrors(c.Subcommands)
	}
	return list
}

// misused is a flag that is not known, or has a value that it cannot have.
func misused(c *cli.Context, err error, _ bool) error {
	name := "paddock"
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return tool.UsageOf(fmt.Errorf("%s: %w; see %s --help", strings.TrimPrefix(name, "paddock "), err, name))
}

// chooseSubcommand answers a verb that was given without one of its subcommands, or with one that it does not have.
func chooseSubcommand(c *cli.Context) error {
	var names []string
	for _, s := range c.Command.Subcommands {
		if s.Name != "help" {
			names = append(names, s.Name)
		}
	}
	choice := strings.Join(names, ", ")
	if !c.Args().Present() {
		return tool.Usage("%s: give one of %s; see paddock %s --help", c.Command.Name, choice, c.Command.Name)
	}
	return tool.Usage("%s: there is no %q: give one of %s", c.Command.Name, c.Args().First(), choice)
}

// unknownVerb answers a line without a verb with the help, and one with a verb that there is not with what may be meant.
func unknownVerb(c *cli.Context) error {
	if !c.Args().Present() {
		return cli.ShowAppHelp(c)
	}
	word := c.Args().First()
	switch strings.ToLower(word) {
	case "addauth":
		return tool.Usage("addauth is a verb of paddock shell; here say --auth SCHEME:CREDENTIALS with any verb")
	case "removewatches", "printwatches", "history", "redo", "connect", "close", "quit", "exit":
		return tool.Usage("%s is a verb of paddock shell: it needs a session that lives longer than one command", word)
	case "quota":
		return tool.Usage("quota: say setquota, listquota or delquota")
	}
	if like := cli.SuggestCommand(c.App.Commands, word); like != "" {
		return tool.Usage("%q is no verb. %s See paddock --help", word, like)
	}
	return tool.Usage("%q is no verb; see paddock --help", word)
}
