package data

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// showConfig prints a configuration: as its own text for people, taken apart for programs.
func showConfig(v *verb, text string) error {
	servers, version := tool.ConfigServers(text)
	if servers == nil {
		servers = []tool.ConfigServer{}
	}
	return v.out.Line(map[string]any{"version": version, "servers": servers}, strings.TrimRight(text, "\n"))
}

func configCommand() *cli.Command {
	return &cli.Command{
		Name: "config", Category: Category, Usage: "print the ensemble's replicated configuration", ArgsUsage: "[-s] [-c] [-w]",
		Description: "   paddock config\n   paddock config -c          # only a connection string\n   paddock -o json config\n\n" + tool.ExitHelp,
		Flags: tool.Flags(statFlag(), watchFlag(),
			&cli.BoolFlag{Name: "connection", Aliases: []string{"c"}, Usage: "only the client addresses, as a connection string"}),
		Action: action(0, 0, 0, func(v *verb, _ []string) error {
			return watched(v, znode.ConfigPath, false, func() error {
				n, err := v.get(znode.ConfigPath)
				if err != nil {
					return tool.Fail("config", err)
				}
				if len(n.data) == 0 {
					tool.Note(v.c, "%s is empty: a standalone server has no replicated configuration", znode.ConfigPath)
					return nil
				}
				if v.c.Bool("connection") {
					var list []string
					servers, _ := tool.ConfigServers(string(n.data))
					for _, s := range servers {
						if s.Client != "" {
							list = append(list, s.Client)
						}
					}
					if len(list) == 0 {
						return &tool.Error{Tried: "config -c", Happened: "the configuration names no client addresses", Todo: "write ;HOST:PORT behind the server lines, see reconfig", Code: 1}
					}
					return v.out.Line(list, strings.Join(list, ","))
				}
				if err := showConfig(v, string(n.data)); err != nil || !v.c.Bool("stat") {
					return err
				}
				fmt.Fprintln(v.out.Writer, tool.StatOf(n.stat).Lines())
				return nil
			})
		}),
	}
}

func reconfigCommand() *cli.Command {
	return &cli.Command{
		Name: "reconfig", Category: Category, Usage: "change the ensemble's members while it runs", ArgsUsage: "[-s] [-v VERSION] -add LINES -remove IDS | -members LINES | -file FILE",
		Description: `Needs the rights of a super user, or an ACL on /zookeeper/config. Prints the configuration that is now in force.

   paddock reconfig -add 'server.4=zk4:2888:3888:participant;2181'
   paddock reconfig -remove 4
   paddock reconfig -members 'server.1=...,server.2=...,server.3=...'

` + tool.ExitHelp,
		Flags: tool.Flags(statFlag(),
			&cli.StringFlag{Name: "version", Aliases: []string{"v"}, Usage: "only if the configuration has this `VERSION` (hexadecimal, as config prints it)"},
			&tool.ListFlag{StringFlag: cli.StringFlag{Name: "add", Usage: "server lines that join or change, separated by commas"}},
			&tool.ListFlag{StringFlag: cli.StringFlag{Name: "remove", Usage: "server numbers that leave, separated by commas"}},
			&tool.ListFlag{StringFlag: cli.StringFlag{Name: "members", Usage: "all server lines of the new ensemble"}},
			&cli.StringFlag{Name: "file", Usage: "the same from a `FILE`, one line each"}),
		Action: action(0, 0, 0, reconfig),
	}
}

func reconfig(v *verb, _ []string) error {
	q := wire.ReconfigRequest{ConfigID: -1}
	if text := v.c.String("version"); text != "" {
		n, err := strconv.ParseInt(strings.TrimPrefix(text, "0x"), 16, 64)
		if err != nil {
			return tool.Usage("reconfig: --version %q is not a hexadecimal number", text)
		}
		q.ConfigID = n
	}
	add, remove, members := v.c.String("add"), v.c.String("remove"), v.c.String("members")
	if name := v.c.String("file"); name != "" {
		if members != "" {
			return tool.Usage("reconfig: -members or -file, not both")
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return tool.Usage("reconfig: %w", err)
		}
		var lines []string
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "server.") {
				lines = append(lines, line)
			}
		}
		members = strings.Join(lines, ",")
	}
	switch {
	case members != "" && (add != "" || remove != ""):
		return tool.Usage("reconfig: -add and -remove change the ensemble, -members and -file replace it: not both")
	case members == "" && add == "" && remove == "":
		return tool.Usage("reconfig: give -add, -remove, -members or -file")
	}
	for _, f := range []struct {
		text string
		into *[]byte
	}{{add, &q.Joining}, {remove, &q.Leaving}, {members, &q.NewMembers}} {
		if f.text != "" {
			*f.into = []byte(f.text)
		}
	}
	body, err := v.Call(v.ctx, wire.OpReconfig, q.Append)
	if errors.Is(err, zk.ErrBadArguments) {
		return &tool.Error{Tried: "reconfig", Happened: "the server refused the arguments", Todo: "write server.N=HOST:PORT:PORT[:participant|:observer];[HOST:]CLIENTPORT, " +
			"all three ports, and remove only numbers that config shows; the leader's log says what it did not like", Code: 1, Cause: err}
	}
	if err != nil {
		return tool.Fail("reconfig", err)
	}
	r := jute.NewReader(body)
	var reply wire.DataResponse
	if reply.Decode(&r); r.Err() != nil {
		return tool.Fail("reconfig", r.Err())
	}
	if err := showConfig(v, string(reply.Data)); err != nil || !v.c.Bool("stat") {
		return err
	}
	fmt.Fprintln(v.out.Writer, statOf(&reply.Stat).Lines())
	return nil
}
