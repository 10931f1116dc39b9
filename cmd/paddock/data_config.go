package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/znode"
)

// dataServers reads the lines of a dynamic configuration.
func dataServers(text string) (servers []dataServer, version string) {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if key == "version" {
			version = value
		}
		id, isServer := strings.CutPrefix(key, "server.")
		if !ok || !isServer {
			continue
		}
		n, err := strconv.Atoi(id)
		if err != nil {
			continue
		}
		peer, client, _ := strings.Cut(value, ";")
		s := dataServer{ID: n, Peer: peer, Client: client, Role: "participant"}
		if cut := strings.TrimSuffix(peer, ":observer"); cut != peer {
			s.Peer, s.Role = cut, "observer"
		}
		s.Peer = strings.TrimSuffix(s.Peer, ":participant")
		servers = append(servers, s)
	}
	return servers, version
}

// dataServer is one server line.
type dataServer struct {
	ID     int    `json:"server"`
	Peer   string `json:"peer"`
	Role   string `json:"role"`
	Client string `json:"client"`
}

// dataShowConfig prints a configuration: as its own text for people, taken apart for programs.
func dataShowConfig(v *dataVerb, text string) error {
	servers, version := dataServers(text)
	if servers == nil {
		servers = []dataServer{}
	}
	return v.out.line(map[string]any{"version": version, "servers": servers}, strings.TrimRight(text, "\n"))
}

func configCommand() *cli.Command {
	return &cli.Command{
		Name: "config", Category: dataCategory, Usage: "print the ensemble's replicated configuration", ArgsUsage: "[-s] [-c] [-w]",
		Description: "   paddock config\n   paddock config -c          # only a connection string\n   paddock -o json config\n\n" + toolExitHelp,
		Flags: toolFlags(dataStatFlag(), dataWatchFlag(),
			&cli.BoolFlag{Name: "connection", Aliases: []string{"c"}, Usage: "only the client addresses, as a connection string"}),
		Action: dataAction(0, 0, 0, func(v *dataVerb, _ []string) error {
			return dataWatched(v, znode.ConfigPath, false, func() error {
				n, err := v.get(znode.ConfigPath)
				if err != nil {
					return toolFail("config", err)
				}
				if len(n.data) == 0 {
					toolNote(v.c, "%s is empty: a standalone server has no replicated configuration", znode.ConfigPath)
					return nil
				}
				if v.c.Bool("connection") {
					var list []string
					servers, _ := dataServers(string(n.data))
					for _, s := range servers {
						if s.Client != "" {
							list = append(list, s.Client)
						}
					}
					if len(list) == 0 {
						return &toolError{tried: "config -c", happened: "the configuration names no client addresses", todo: "write ;HOST:PORT behind the server lines, see reconfig", code: 1}
					}
					return v.out.line(list, strings.Join(list, ","))
				}
				if err := dataShowConfig(v, string(n.data)); err != nil || !v.c.Bool("stat") {
					return err
				}
				fmt.Fprintln(v.out.w, toolStatOf(n.stat).lines())
				return nil
			})
		}),
	}
}

func reconfigCommand() *cli.Command {
	return &cli.Command{
		Name: "reconfig", Category: dataCategory, Usage: "change the ensemble's members while it runs", ArgsUsage: "[-s] [-v VERSION] -add LINES -remove IDS | -members LINES | -file FILE",
		Description: `Needs the rights of a super user, or an ACL on /zookeeper/config. Prints the configuration that is now in force.

   paddock reconfig -add 'server.4=zk4:2888:3888:participant;2181'
   paddock reconfig -remove 4
   paddock reconfig -members 'server.1=...,server.2=...,server.3=...'

` + toolExitHelp,
		Flags: toolFlags(dataStatFlag(),
			&cli.StringFlag{Name: "version", Aliases: []string{"v"}, Usage: "only if the configuration has this `VERSION` (hexadecimal, as config prints it)"},
			&cli.StringFlag{Name: "add", Usage: "server lines that join or change, separated by commas"},
			&cli.StringFlag{Name: "remove", Usage: "server numbers that leave, separated by commas"},
			&cli.StringFlag{Name: "members", Usage: "all server lines of the new ensemble"},
			&cli.StringFlag{Name: "file", Usage: "the same from a `FILE`, one line each"}),
		Action: dataAction(0, 0, 0, dataReconfig),
	}
}

func dataReconfig(v *dataVerb, _ []string) error {
	q := wire.ReconfigRequest{ConfigID: -1}
	if text := v.c.String("version"); text != "" {
		n, err := strconv.ParseInt(strings.TrimPrefix(text, "0x"), 16, 64)
		if err != nil {
			return toolUsage("reconfig: --version %q is not a hexadecimal number", text)
		}
		q.ConfigID = n
	}
	add, remove, members := v.c.String("add"), v.c.String("remove"), v.c.String("members")
	if name := v.c.String("file"); name != "" {
		if members != "" {
			return toolUsage("reconfig: -members or -file, not both")
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return toolUsage("reconfig: %w", err)
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
		return toolUsage("reconfig: -add and -remove change the ensemble, -members and -file replace it: not both")
	case members == "" && add == "" && remove == "":
		return toolUsage("reconfig: give -add, -remove, -members or -file")
	}
	for _, f := range []struct {
		text string
		into *[]byte
	}{{add, &q.Joining}, {remove, &q.Leaving}, {members, &q.NewMembers}} {
		if f.text != "" {
			*f.into = []byte(f.text)
		}
	}
	body, err := v.call(v.ctx, wire.OpReconfig, q.Append)
	if errors.Is(err, zk.ErrBadArguments) {
		return &toolError{tried: "reconfig", happened: "the server refused the arguments", todo: "write server.N=HOST:PORT:PORT[:participant|:observer];[HOST:]CLIENTPORT, " +
			"all three ports, and remove only numbers that config shows; the leader's log says what it did not like", code: 1, cause: err}
	}
	if err != nil {
		return toolFail("reconfig", err)
	}
	r := jute.NewReader(body)
	var reply wire.DataResponse
	if reply.Decode(&r); r.Err() != nil {
		return toolFail("reconfig", r.Err())
	}
	if err := dataShowConfig(v, string(reply.Data)); err != nil || !v.c.Bool("stat") {
		return err
	}
	fmt.Fprintln(v.out.w, dataStatOf(&reply.Stat).lines())
	return nil
}
