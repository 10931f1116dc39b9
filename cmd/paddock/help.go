package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// withHelp completes the verbs below path: each has `help` behind it and says in its help how it ends, in its own words or in those of the verb that
// it belongs to.
func withHelp(list []*cli.Command, inherited string, path ...string) []*cli.Command {
	for _, c := range list {
		codes := exitCodes(c.Description)
		if codes == "" && inherited != "" {
			codes = inherited
			c.Description = strings.TrimPrefix(strings.TrimRight(c.Description, "\n")+"\n\n"+codes, "\n\n")
		}
		if !c.HideHelp {
			c.Subcommands = withHelp(c.Subcommands, codes, append(slices.Clone(path), c.Name)...)
		}
	}
	return append(list, helpCommand(list, path...))
}

// exitCodes is the part of a help that says how the verb ends; it is the last one.
func exitCodes(description string) string {
	if i := strings.LastIndex(description, "Exit code"); i >= 0 {
		return description[i:]
	}
	return ""
}

// helpCommand is `help` behind the verb that path names. The library's own one knows one level, and ends with a code that means "no such node" here.
func helpCommand(below []*cli.Command, path ...string) *cli.Command {
	return &cli.Command{Name: "help", Aliases: []string{"h"}, Usage: "print the help of a verb", ArgsUsage: "[VERB...]", HideHelp: true, HideHelpCommand: true,
		Action: func(c *cli.Context) error {
			list, words := below, append([]string{"paddock"}, path...)
			for _, word := range c.Args().Slice() {
				i := slices.IndexFunc(list, func(c *cli.Command) bool { return c.HasName(word) })
				if i < 0 {
					return tool.Usage("help: %s has no verb %q; see %s --help", strings.Join(words, " "), word, strings.Join(words, " "))
				}
				words, list = append(words, list[i].Name), list[i].Subcommands
			}
			return c.App.RunContext(c.Context, append(words, "--help"))
		}}
}
