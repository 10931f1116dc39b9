package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/node"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// defaultWords may be asked without a configuration file: everything that dashboards and probes use. wchc and wchp list every watch and
// stay off, as in every guide for operators. With a zoo.cfg its own 4lw.commands.whitelist counts, as in ZooKeeper.
const defaultWords = "ruok,srvr,stat,mntr,conf,cons,envi,dirs,dump,isro,crst,srst,wchs,hash,gtmk"

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run a server",
		Description: `Without flags: a durable server for clients on 127.0.0.1:2181, with its data in ./paddock-data.
An unmodified zoo.cfg works too; flags override it.

   paddock serve
   paddock serve --data-dir /var/lib/paddock --client 0.0.0.0:2181
   paddock serve --config /etc/zookeeper/conf/zoo.cfg

The server stops cleanly on SIGTERM or SIGINT; sessions survive it.

Exit codes: 0 stopped, 1 it could not start or had to stop, 2 wrong usage.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "read a zoo.cfg", EnvVars: []string{"PADDOCK_CONFIG"}},
			&cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: "folder of the data (dataDir)", DefaultText: "paddock-data", EnvVars: []string{"PADDOCK_DATA_DIR"}},
			&cli.StringFlag{Name: "client", Usage: "address for clients, host:port", DefaultText: "127.0.0.1:2181", EnvVars: []string{"PADDOCK_CLIENT"}},
			&cli.StringFlag{Name: "admin", Usage: "address of the admin HTTP server and /metrics, host:port, or \"off\"", DefaultText: "127.0.0.1:8080", EnvVars: []string{"PADDOCK_ADMIN"}},
			&cli.IntFlag{Name: "id", Usage: "number of this server, 0 to 2147483647 (the myid file)", EnvVars: []string{"PADDOCK_ID"}},
			&cli.StringSliceFlag{Name: "server", Usage: "a server line of the ensemble, N=host:port:port[:role][;clientPort]; repeat it", EnvVars: []string{"PADDOCK_SERVERS"}},
			&cli.StringFlag{Name: "peer", Usage: "address for peers, host:port, with --join", EnvVars: []string{"PADDOCK_PEER"}},
			&cli.StringSliceFlag{Name: "join", Usage: "gossip address of a server of a running ensemble; this one joins it as an observer", EnvVars: []string{"PADDOCK_JOIN"}},
			&cli.StringFlag{Name: "gossip", Usage: "address for gossip, host:port, or :port on the host of the own server line", EnvVars: []string{"PADDOCK_GOSSIP"}},
			&cli.StringFlag{Name: "peer-secret-file", Usage: "file with the secret that the servers share", EnvVars: []string{"PADDOCK_PEER_SECRET_FILE"}},
			&cli.StringSliceFlag{Name: "set", Usage: "any zoo.cfg key, key=value; repeat it", EnvVars: []string{"PADDOCK_SET"}},
			&cli.StringFlag{Name: "log-format", Usage: "text or json", DefaultText: "text", EnvVars: []string{"PADDOCK_LOG_FORMAT"}},
			&cli.StringFlag{Name: "log-level", Usage: "debug, info, warn or error", DefaultText: "info", EnvVars: []string{"PADDOCK_LOG_LEVEL"}},
		},
		Action: serve,
	}
}

// serve runs until a signal ends it or until the server must stop by itself.
func serve(c *cli.Context) error {
	if c.Args().Len() > 0 {
		return tool.UsageOf(fmt.Errorf("serve takes no arguments, only flags; got %q", c.Args().First()))
	}
	cfg, err := serveConfig(c)
	if err != nil {
		return err
	}
	log, err := newLogger(os.Stderr, cfg.Paddock.LogFormat, cfg.Paddock.LogLevel)
	if err != nil {
		return tool.UsageOf(err)
	}
	for _, n := range cfg.Warnings {
		log.Warn("configuration: "+n.Text, "key", n.Key, "line", n.Line)
	}
	for _, n := range cfg.Ignored {
		log.Info("configuration: "+n.Text, "key", n.Key, "line", n.Line)
	}
	// The tree is kept outside of what the collector scans, so a denser heap costs it little: see docs/benchmarks.md.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(30)
	}
	if most := limitMemory(os.DirFS("/"), os.Getenv("GOMEMLIMIT")); most > 0 {
		log.Info("the collector keeps memory below a part of what the control group allows; GOMEMLIMIT sets another limit", "limit", most)
	}
	b := thisBuild()
	return node.Run(c.Context, cfg, node.Program{Version: b.Version, Report: b.report()}, log)
}

// serveConfig joins defaults, the file, the environment and the flags; what comes later wins.
func serveConfig(c *cli.Context) (*node.Config, error) {
	text := ""
	file := c.String("config")
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		text = string(b)
	} else {
		file, text = "(no file)", "dataDir=./paddock-data\nclientPort=2181\nclientPortAddress=127.0.0.1\ninitLimit=10\nsyncLimit=5\n4lw.commands.whitelist="+defaultWords+"\n"
	}
	over, err := overrides(c)
	if err != nil {
		return nil, tool.UsageOf(err)
	}
	id := -1
	if c.IsSet("id") {
		if id = c.Int("id"); id < 0 {
			return nil, tool.Usage("--id %d: give a number from 0 to 2147483647", id)
		}
	}
	return node.ParseConfig(file, text, over, id)
}

// overrides turns flags into keys of zoo.cfg.
func overrides(c *cli.Context) ([]string, error) {
	var out []string
	set := func(key, value string) { out = append(out, key+"="+value) }
	for flag, key := range map[string]string{
		"data-dir": "dataDir", "gossip": "paddock.gossipAddr", "peer-secret-file": "paddock.peerSecretFile", "peer": "paddock.peerAddr",
		"log-format": "paddock.logFormat", "log-level": "paddock.logLevel",
	} {
		if c.IsSet(flag) {
			set(key, c.String(flag))
		}
	}
	if c.IsSet("client") {
		host, port, err := net.SplitHostPort(c.String("client"))
		if err != nil {
			return nil, fmt.Errorf("--client %q: give host:port", c.String("client"))
		}
		set("clientPortAddress", host)
		set("clientPort", port)
	}
	if v := c.String("admin"); v == "off" {
		set("admin.enableServer", "false")
	} else if v != "" {
		host, port, err := net.SplitHostPort(v)
		if err != nil {
			return nil, fmt.Errorf("--admin %q: give host:port or off", v)
		}
		set("admin.serverAddress", host)
		set("admin.serverPort", port)
	}
	if c.IsSet("join") {
		set("paddock.join", strings.Join(c.StringSlice("join"), ","))
	}
	for _, s := range c.StringSlice("server") {
		id, rest, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("--server %q: give N=host:port:port[:role][;clientPort]", s)
		}
		set("server."+strings.TrimPrefix(id, "server."), rest)
	}
	for _, s := range c.StringSlice("set") {
		if !strings.Contains(s, "=") {
			return nil, fmt.Errorf("--set %q: give key=value", s)
		}
		out = append(out, s)
	}
	return out, nil
}

// inWords makes the JSON log show what has a text of its own (zxids, session ids, modes, addresses) as the text log shows it, and not as the number
// or the fields that it is made of.
func inWords(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindAny {
		return a
	}
	switch v := a.Value.Any().(type) {
	case json.Marshaler, error:
	case fmt.Stringer:
		a.Value = slog.StringValue(v.String())
	}
	return a
}

// newLogger writes text or JSON lines.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: give debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: inWords}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, fmt.Errorf("log format %q: give text or json", format)
}
