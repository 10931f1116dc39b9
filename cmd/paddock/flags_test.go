package main

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// isList finds the flags whose help says that the value is a list.
var isList = regexp.MustCompile(`separated|,\.\.\.|repeat|all server lines`)

// TestListsMayBeGivenTwice: a flag that takes a list takes it in pieces too. One that kept the last piece alone made certificates without half of
// their names.
func TestListsMayBeGivenTwice(t *testing.T) {
	seen := 0
	var walk func(at string, list []*cli.Command)
	walk = func(at string, list []*cli.Command) {
		for _, c := range list {
			for _, f := range c.Flags {
				d, ok := f.(cli.DocGenerationFlag)
				if !ok || !isList.MatchString(d.GetUsage()) {
					continue
				}
				seen++
				if s, ok := f.(cli.DocGenerationSliceFlag); !ok || !s.IsSliceFlag() {
					t.Errorf("%s %s --%s: %q, and the flag keeps one value alone", at, c.Name, f.Names()[0], d.GetUsage())
				}
			}
			walk(at+" "+c.Name, c.Subcommands)
		}
	}
	app := newApp()
	walk("paddock", append(app.Commands, &cli.Command{Flags: app.Flags}))
	if seen < 10 {
		t.Errorf("only %d flags are lists", seen)
	}
}

// TestListFlag: pieces are joined in order, under either name, and what is given replaces the environment and the default.
func TestListFlag(t *testing.T) {
	for _, c := range []struct {
		env, want string
		line      []string
	}{
		{"", "default", nil},
		{"x,y", "x,y", nil},
		{"x", "a,b,c", []string{"--host", "a", "--host", "b,c"}},
		{"", "a,b", []string{"-h", "a", "-h", "b"}},
		{"", "a,b,c", []string{"--host=a", "word", "--host", "b", "-h", "c"}},
	} {
		t.Run(fmt.Sprint(c.env, c.line), func(t *testing.T) {
			if c.env != "" {
				t.Setenv("PADDOCK_TEST_HOST", c.env)
			}
			got := ""
			app := &cli.App{HideHelp: true, Flags: []cli.Flag{}, Commands: []*cli.Command{{Name: "verb", HideHelp: true,
				Flags: []cli.Flag{&tool.ListFlag{StringFlag: cli.StringFlag{Name: "host", Aliases: []string{"h"}, Value: "default", EnvVars: []string{"PADDOCK_TEST_HOST"}}}},
				Action: func(x *cli.Context) error {
					_, err := tool.Args(x, 0, 1)
					got = x.String("host")
					return err
				}}}}
			if err := app.Run(append([]string{"paddock", "verb"}, c.line...)); err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}
