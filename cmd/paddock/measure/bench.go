// Package measure is the verbs that measure servers: bench (how fast) and crosscheck (do two servers answer alike). The work is done by compat/proof.
package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/proof/bench"
)

// BenchCommand is `paddock bench`: load any ZooKeeper-compatible servers and measure them.
func BenchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "load ZooKeeper-compatible servers and measure them",
		ArgsUsage: "WORKLOAD...",
		Description: `Works on Paddock and on Apache ZooKeeper alike, over the client protocol, in a subtree of its own that it removes
afterwards. Options come before the workloads; several workloads run one after the other.

Workloads:
   create     persistent nodes             get        getData on random nodes
   set        setData on random nodes      mix        --reads percent gets, the rest sets
   children   getChildren of one node      multi      setData on --parts nodes at once
   ephemeral  create, then delete          watch      one writer, all others watch: who hears when
   sessions   open --connections sessions, hold them idle for --duration
   populate   create --count nodes (with --pid and --settle: memory of each)

Examples:
   paddock bench --servers 127.0.0.1:2181 create get
   paddock bench -s zk1:2181,zk2:2181,zk3:2181 -c 64 -f 32 --duration 30s --json mix
   paddock bench -s 127.0.0.1:2181 --pid $(pgrep paddock) --count 1000000 --settle 20s populate
   paddock bench -s 127.0.0.1:2181 --against 127.0.0.1:2182 --rounds 5 set

Latencies run from handing a request to the kernel to reading its reply. "client µs/op" is what this generator itself cost: where it
nears a processor's worth of the rate, the generator is what was measured. Against Apache ZooKeeper, more than 60 connections
from one address need maxClientCnxns=0 in its zoo.cfg.

Exit codes: 0 measured, 1 a server could not be asked, 2 wrong usage, 130 interrupted by Ctrl-C, 143 by SIGTERM (what was
measured until then is printed).`,
		Flags:  benchFlags(),
		Action: benchAction,
	}
}

func benchFlags() []cli.Flag {
	env := func(name string) []string { return []string{"PADDOCK_BENCH_" + name} }
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "servers", Aliases: []string{"s"}, Usage: "`HOST:PORT` of the servers, comma-separated; connections are spread over them", Value: cli.NewStringSlice("127.0.0.1:2181"), EnvVars: env("SERVERS")},
		&cli.IntFlag{Name: "connections", Aliases: []string{"c"}, Usage: "how many connections", Value: 8, EnvVars: env("CONNECTIONS")},
		&cli.IntFlag{Name: "in-flight", Aliases: []string{"f"}, Usage: "requests on the way on each connection", Value: 16, EnvVars: env("IN_FLIGHT")},
		&cli.DurationFlag{Name: "duration", Aliases: []string{"d"}, Usage: "how long to measure", Value: 10 * time.Second, EnvVars: env("DURATION")},
		&cli.Int64Flag{Name: "count", Aliases: []string{"n"}, Usage: "measure this many requests instead of a duration (no warm-up)", EnvVars: env("COUNT")},
		&cli.DurationFlag{Name: "settle", Usage: "populate: wait before the last look at the server's memory", EnvVars: env("SETTLE")},
		&cli.DurationFlag{Name: "warmup", Usage: "load before the measurement", Value: 2 * time.Second, EnvVars: env("WARMUP")},
		&cli.IntFlag{Name: "size", Usage: "bytes of data in a node", Value: 100, EnvVars: env("SIZE")},
		&cli.IntFlag{Name: "keys", Usage: "nodes that set, get, mix and multi work on", Value: 1000, EnvVars: env("KEYS")},
		&cli.IntFlag{Name: "reads", Usage: "mix: percent of gets", Value: 90, EnvVars: env("READS")},
		&cli.IntFlag{Name: "children", Usage: "children: how many the listed node has", Value: 100, EnvVars: env("CHILDREN")},
		&cli.IntFlag{Name: "parts", Usage: "multi: operations in one", Value: 10, EnvVars: env("PARTS")},
		&cli.DurationFlag{Name: "timeout", Usage: "session timeout", Value: 30 * time.Second, EnvVars: env("TIMEOUT")},
		&cli.StringFlag{Name: "path", Usage: "`PATH` below which the run makes its subtree", Value: "/paddock-bench", EnvVars: env("PATH")},
		&cli.StringFlag{Name: "auth", Usage: "`SCHEME:CREDENTIALS` for every connection, e.g. digest:user:password", EnvVars: env("AUTH")},
		&cli.IntSliceFlag{Name: "pid", Usage: "process id of a server on this machine, for its CPU and memory; may be repeated", EnvVars: env("PID")},
		&cli.BoolFlag{Name: "keep", Usage: "leave the subtree behind", EnvVars: env("KEEP")},
		&cli.Uint64Flag{Name: "seed", Usage: "of the random choices", Value: 1, EnvVars: env("SEED")},
		&cli.StringSliceFlag{Name: "against", Usage: "compare: `HOST:PORT` of a second target; both are measured in turn and ratios printed", EnvVars: env("AGAINST")},
		&cli.IntSliceFlag{Name: "against-pid", Usage: "compare: process id of the second target", EnvVars: env("AGAINST_PID")},
		&cli.IntFlag{Name: "rounds", Usage: "compare: how often", Value: 3, EnvVars: env("ROUNDS")},
		&cli.BoolFlag{Name: "json", Usage: "print JSON instead of a table", EnvVars: env("JSON")},
	}
}

func benchConfig(c *cli.Context) bench.Config {
	none := func(v int) int { // a zero on the command line means none, in Config it means the default
		if v == 0 {
			return -1
		}
		return v
	}
	config := bench.Config{
		Connections: c.Int("connections"), InFlight: c.Int("in-flight"),
		Duration: c.Duration("duration"), Count: c.Int64("count"), Warmup: c.Duration("warmup"), Settle: c.Duration("settle"),
		Root: strings.TrimSuffix(c.String("path"), "/"), Keep: c.Bool("keep"), PIDs: c.IntSlice("pid"), Auth: c.String("auth"), Seed: c.Uint64("seed"),
		Shape: bench.Shape{
			Keys: c.Int("keys"), Size: none(c.Int("size")), ReadPercent: none(c.Int("reads")),
			Children: c.Int("children"), Parts: c.Int("parts"), Timeout: c.Duration("timeout"),
		},
	}
	if config.Warmup == 0 {
		config.Warmup = -1
	}
	return config
}

func benchAction(c *cli.Context) error {
	if c.NArg() == 0 {
		names := make([]string, 0, len(bench.Workloads()))
		for _, w := range bench.Workloads() {
			names = append(names, string(w))
		}
		return tool.UsageOf(fmt.Errorf("bench: name at least one workload of: %s", strings.Join(names, " ")))
	}
	config := benchConfig(c)
	var err error
	if config.Servers, err = tool.Addresses("--servers", strings.Join(c.StringSlice("servers"), ",")); err != nil {
		return err
	}
	finish := func() {}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		config.Progress, finish = bench.Bar(os.Stderr)
	}
	defer finish()
	if against := c.StringSlice("against"); len(against) > 0 {
		return benchError(benchAgainst(c, config, against, finish))
	}
	return benchError(benchAlone(c, config, finish))
}

// benchAlone runs the workloads one after the other. What was measured is printed, also when the next one fails or Ctrl-C ends this one.
func benchAlone(c *cli.Context, config bench.Config, finish func()) error {
	var results []*bench.Result
	var failed error
	for _, name := range c.Args().Slice() {
		config.Workload = bench.Workload(name)
		result, err := bench.Run(c.Context, config)
		finish()
		if result != nil {
			results = append(results, result)
		}
		if failed = err; err != nil {
			break
		}
	}
	print := bench.Table
	if c.Bool("json") {
		print = bench.JSON
	}
	if results == nil {
		return failed
	}
	return errors.Join(failed, print(c.App.Writer, results))
}

// benchAgainst compares two targets by each workload; rounds that were ended by Ctrl-C or a failure are left out.
func benchAgainst(c *cli.Context, config bench.Config, against []string, finish func()) error {
	servers, err := tool.Addresses("--against", strings.Join(against, ","))
	if err != nil {
		return err
	}
	a := bench.Target{Name: strings.Join(config.Servers, ","), Servers: config.Servers, PIDs: config.PIDs}
	b := bench.Target{Name: strings.Join(servers, ","), Servers: servers, PIDs: c.IntSlice("against-pid")}
	if a.Name == b.Name {
		b.Name += " (" + strconv.Itoa(2) + ")"
	}
	for _, name := range c.Args().Slice() {
		config.Workload = bench.Workload(name)
		comparison, err := bench.Compare(c.Context, config, a, b, max(c.Int("rounds"), 1))
		finish()
		if comparison != nil && len(comparison.Rounds) > 0 {
			err = errors.Join(err, benchPrint(c, comparison))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func benchPrint(c *cli.Context, comparison *bench.Comparison) error {
	if c.Bool("json") {
		e := json.NewEncoder(c.App.Writer)
		e.SetIndent("", "  ")
		return e.Encode(comparison.Rounds)
	}
	return comparison.Table(c.App.Writer)
}

// benchError makes a configuration that cannot be run a usage error.
func benchError(err error) error {
	if errors.Is(err, bench.ErrConfig) {
		return tool.UsageOf(err)
	}
	return tool.Interrupted("bench", err)
}
