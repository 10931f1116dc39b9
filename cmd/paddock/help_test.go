package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// TestEveryHelpNamesItsExitCodes: a script that calls a verb decides by its exit code.
func TestEveryHelpNamesItsExitCodes(t *testing.T) {
	verbs := 0
	var walk func(at string, list []*cli.Command)
	walk = func(at string, list []*cli.Command) {
		for _, c := range list {
			if c.Hidden || c.Name == "help" {
				continue
			}
			name := at + " " + c.Name
			verbs++
			if exitCodes(c.Description) == "" {
				t.Errorf("%s --help does not say with which exit codes it ends", name)
			}
			walk(name, c.Subcommands)
		}
	}
	walk("paddock", newApp().Commands)
	if verbs < 70 {
		t.Errorf("only %d verbs were looked at", verbs)
	}
}

// TestHelp: help leads to any verb, from in front of it and from behind, and a verb that there is not is a wrong line.
func TestHelp(t *testing.T) {
	for _, c := range []struct {
		line, says string
		code       int
	}{
		{"help", "COMMANDS:", 0},
		{"help get", "paddock get - print a node's data", 0},
		{"get help", "paddock get - print a node's data", 0},
		{"get --help", "paddock get - print a node's data", 0},
		{"help sessions", "COMMANDS:", 0},
		{"sessions help", "COMMANDS:", 0},
		{"help sessions kill", "paddock sessions kill - end a session", 0},
		{"sessions help kill", "paddock sessions kill - end a session", 0},
		{"sessions kill help", "paddock sessions kill - end a session", 0},
		{"help sessions kill", "Exit codes:", 0},
		{"help nope", `help: paddock has no verb "nope"`, 2},
		{"help get nope", `help: paddock get has no verb "nope"`, 2},
		{"help sessions nope", `help: paddock sessions has no verb "nope"; see paddock sessions --help`, 2},
		{"sessions help nope", `help: paddock sessions has no verb "nope"; see paddock sessions --help`, 2},
		{"import --from x --data-dir y --id -1", "import --id -1: a server's number is 0 to 2147483647", 2},
		{"snapshot restore --data-dir y --id 2147483648 z", "restore --id 2147483648: a server's number is", 2},
		{"recover --from x --data-dir y --force --id -3", "recover --id -3: a server's number is", 2},
		{"serve --id -1", "--id -1: give a number from 0 to 2147483647", 2},
		{"transfer-leader one", `transfer-leader "one": give the number of a server`, 2},
		{"crosscheck", "crosscheck: give --left and --right", 2},
		{"crosscheck --left 127.0.0.1:1", "crosscheck: give --right", 2},
	} {
		t.Run(c.line, func(t *testing.T) {
			app, code := newApp(), 0
			var out bytes.Buffer
			app.Writer = &out
			err := app.RunContext(t.Context(), append([]string{"paddock"}, strings.Fields(c.line)...))
			if err != nil {
				code = tool.ExitStatus(err)
				out.WriteString(err.Error())
			}
			if code != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, c.code, c.says, out.String())
			}
			if c.code != 0 && strings.Contains(out.String(), "USAGE") {
				t.Errorf("a wrong line is answered by a sentence, not by the help:\n%s", out.String())
			}
		})
	}
}
