package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/proof/bench"
)

func checkPerfCommand() *cli.Command {
	return &cli.Command{
		Name: "perf", Usage: "load the servers for a while, in a subtree of its own, and judge throughput and latency", ArgsUsage: " ",
		Description: "Loads s, m, l: 2, 8, 32 connections with 1, 8, 32 requests on the way each. Do not run l on a busy cluster.\n\n   paddock check perf\n   paddock check perf --load m --duration 30s\n\n" + checkExitHelp,
		Flags: tool.Flags(checkFormatFlag(), &cli.StringFlag{Name: "load", Usage: "s, m or l", Value: "s"},
			&cli.DurationFlag{Name: "duration", Aliases: []string{"d"}, Usage: "of each workload", Value: 5 * time.Second}),
		Action: action(0, 0, checkPerf),
	}
}

func checkPerf(cl *cluster, _ []string) error {
	load, ok := map[string]struct {
		conns, flight int
		write, read   float64
	}{"s": {2, 1, 100, 1000}, "m": {8, 8, 1000, 8000}, "l": {32, 32, 4000, 20000}}[cl.c.String("load")]
	if !ok {
		return tool.Usage("check perf: --load %q: s, m or l", cl.c.String("load"))
	}
	if cl.target.TLS != nil {
		return tool.Usage("check perf: TLS is not spoken by the load generator; use a plain client port")
	}
	if s, err := tool.Open(cl.c.Context, cl.target); err != nil {
		return err
	} else {
		s.Close()
	}
	var out []checkResult
	for _, w := range []bench.Workload{bench.Set, bench.Get} {
		cfg := bench.Config{Servers: cl.target.Servers, Workload: w, Connections: load.conns, InFlight: load.flight, Duration: cl.c.Duration("duration"), Auth: strings.Join(cl.target.Auths, "")}
		finish := func() {}
		if term.IsTerminal(int(os.Stderr.Fd())) && !tool.Bool(cl.c, "no-progress") {
			cfg.Progress, finish = bench.Bar(os.Stderr)
		}
		res, err := bench.Run(cl.c.Context, cfg)
		finish()
		if err != nil {
			return &tool.Error{Tried: "check perf: " + string(w), Happened: err.Error(), Todo: "see status", Code: int(checkUnknown), Cause: err}
		}
		least, name, slow := load.write, "writes", 150.0
		if w == bench.Get {
			least, name, slow = load.read, "reads", 50.0
		}
		rate := checkResult{name + " per second", "", checkPass, res.PerSecond, "1/s", fmt.Sprintf("%.0f (wanted for this load: %.0f)", res.PerSecond, least), "look at the disks (check disk), the network (check network) and the processor"}
		if res.PerSecond < least {
			rate.State = checkWarn
		}
		if res.PerSecond < least/2 {
			rate.State = checkFail
		}
		out = append(out, rate)
		for _, l := range res.Latency {
			p99 := float64(l.P99) / 1000
			out = append(out, checkResult{name + " latency", "", checkLevel(p99, slow, 4*slow), p99, "ms", fmt.Sprintf("99%% within %.2f ms, slowest %.2f ms", p99, float64(l.Max)/1000), "one slow disk of a majority is enough: check disk on each server"})
		}
		for code, n := range res.Errors {
			out = append(out, checkResult{name + " errors", "", checkFail, float64(n), "1", fmt.Sprintf("%d answers with error %s", n, code), "see the server's log"})
		}
	}
	return checkPrint(cl.c, cl.out, out)
}

func checkDiskCommand() *cli.Command {
	return &cli.Command{
		Name: "disk", Usage: "how fast a folder of this machine is made durable, and what the servers say of theirs", ArgsUsage: " ",
		Description: "   paddock check disk --dir /var/lib/paddock      # on the server's machine\n   paddock --admin zk1:8080,zk2:8080 check disk   # what the servers measure\n\n" + checkExitHelp,
		Flags: tool.Flags(checkFormatFlag(), &cli.StringFlag{Name: "dir", Usage: "measure the disk of this `FOLDER`"},
			&cli.IntFlag{Name: "writes", Usage: "how many to measure", Value: 200}),
		Action: action(0, 0, func(cl *cluster, _ []string) error {
			if dir := cl.c.String("dir"); dir != "" {
				out, err := checkFolder(cl.c.Context, dir, cl.c.Int("writes"))
				if err != nil {
					return err
				}
				return checkPrint(cl.c, cl.out, out)
			}
			if err := cl.ask(cl.c.Context); err != nil {
				return err
			}
			var out []checkResult
			for _, n := range cl.nodes {
				out = append(out, n.checkDisk()...)
			}
			return checkPrint(cl.c, cl.out, out)
		}),
	}
}

// checkDisk judges what one server tells of its disk.
func (n *node) checkDisk() []checkResult {
	if n.failed != nil {
		return []checkResult{{"disk", n.name(), checkUnknown, 0, "", n.failed.Error(), "start the server, or give other addresses"}}
	}
	var out []checkResult
	if avg, ok := n.number("avg_fsynctime"); ok {
		worst, _ := n.number("max_fsynctime")
		out = append(out, checkResult{"fsync", n.name(), checkLevel(avg, 20, 100), avg, "ms", fmt.Sprintf("%.2f ms on average, %.0f ms at worst", avg, worst), "put the log on a disk of its own, with a write cache that survives power loss"})
	} else {
		out = append(out, checkResult{"fsync", n.name(), checkUnknown, 0, "", "the server does not tell its figures", "allow the word mntr (4lw.commands.whitelist), give --admin, or run check disk --dir on its machine"})
	}
	if low, known := n.diskLow(); known {
		r := checkResult{"room", n.name(), checkPass, 0, "", "enough", "make room: writes that grow are refused"}
		if low {
			r.State, r.Detail = checkFail, "too little"
		}
		out = append(out, r)
	} else if n.withoutAdmin() {
		out = append(out, n.skipped("room"))
	}
	if n.disk >= 0 {
		out = append(out, checkResult{"used", n.name(), checkPass, float64(n.disk), "B", humanize.IBytes(uint64(n.disk)), ""})
	}
	return out
}

// checkFolder writes and syncs small blocks, as a log does, and looks at free space.
func checkFolder(ctx context.Context, dir string, writes int) ([]checkResult, error) {
	f, err := os.CreateTemp(dir, ".paddock-check-*")
	if err != nil {
		return nil, &tool.Error{Tried: "check disk " + dir, Happened: err.Error(), Todo: "give a folder that you may write to", Code: int(checkUnknown), Cause: err}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	if _, err := f.Write(make([]byte, 1<<20)); err != nil { // a log writes into space that is there
		return nil, fmt.Errorf("check disk: write to %s: %w", f.Name(), err)
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("check disk: sync %s: %w", f.Name(), err)
	}
	var took []time.Duration
	for i := range max(writes, 10) {
		if ctx.Err() != nil {
			return nil, tool.Fail("check disk", ctx.Err())
		}
		begin := time.Now()
		if _, err := f.WriteAt(block, int64(i%256)*4096); err != nil {
			return nil, fmt.Errorf("check disk: write to %s: %w", f.Name(), err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return nil, fmt.Errorf("check disk: sync %s: %w", f.Name(), err)
		}
		took = append(took, time.Since(begin))
	}
	p50, p99 := checkQuantile(took, 0.5), checkQuantile(took, 0.99)
	out := []checkResult{{"sync", dir, checkLevel(p99, 20, 100), p99, "ms", fmt.Sprintf("4 KiB durable in %.2f ms (median), 99%% within %.2f ms", p50, p99), "use a local SSD with a write cache that survives power loss; not a network file system, not a disk that others load"}}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Clean(dir), &fs); err == nil && fs.Blocks > 0 {
		free := 100 * float64(fs.Bavail) / float64(fs.Blocks)
		bytes := fs.Bavail * uint64(fs.Bsize)
		out = append(out, checkResult{"free", dir, max(checkLevel(-free, -15, -5), checkLevel(-float64(bytes), -2<<30, -512<<20)), free, "%", fmt.Sprintf("%.1f %% free (%s)", free, humanize.IBytes(bytes)), "make room before the server has to refuse writes"})
	}
	return out, nil
}

func checkNetworkCommand() *cli.Command {
	return &cli.Command{
		Name: "network", Usage: "round trips to each server, and between the servers as they measure them", ArgsUsage: " ",
		Description: "   paddock -s zk1:2181,zk2:2181,zk3:2181 --admin zk1:8080,zk2:8080,zk3:8080 check network\n\n" + checkExitHelp,
		Flags:       tool.Flags(checkFormatFlag(), &cli.IntFlag{Name: "rounds", Usage: "how often each server is asked", Value: 10}),
		Action: action(0, 0, func(cl *cluster, _ []string) error {
			rounds := make([]checkResult, len(cl.nodes))
			cl.each(func(i int, n *node) {
				if n.server != "" {
					rounds[i] = cl.checkRound(n)
				}
			})
			out := slices.DeleteFunc(rounds, func(r checkResult) bool { return r.Name == "" })
			if err := cl.ask(cl.c.Context); err != nil {
				return err
			}
			for _, n := range cl.nodes {
				out = append(out, n.checkPeers()...)
			}
			return checkPrint(cl.c, cl.out, out)
		}),
	}
}

// checkRound measures connecting to one server.
func (cl *cluster) checkRound(n *node) checkResult {
	var took []time.Duration
	lost := 0
	var last error
	rounds := max(cl.c.Int("rounds"), 1)
	for range rounds {
		begin := time.Now()
		nc, err := cl.target.Dial(n.server, min(cl.target.Timeout, 3*time.Second))
		if err != nil {
			lost, last = lost+1, err
			if len(took) == 0 && lost == 2 {
				break
			}
			continue
		}
		took = append(took, time.Since(begin))
		nc.Close()
	}
	p50, p99 := checkQuantile(took, 0.5), checkQuantile(took, 0.99)
	r := checkResult{"connect", n.server, checkLevel(p99, 50, 500), p99, "ms", fmt.Sprintf("%.2f ms (median), %.2f ms at worst, %d of %d failed", p50, p99, lost, rounds), "look for loss on the way, and for a full accept queue"}
	switch {
	case len(took) == 0:
		r.State, r.Detail, r.Todo = checkFail, last.Error(), "start the server, or look at firewalls and routes"
	case lost > 0:
		r.State = checkFail
	}
	return r
}

// checkPeers judges what one server measures of the others.
func (n *node) checkPeers() []checkResult {
	if n.status == nil {
		if n.failed != nil || n.withoutAdmin() {
			return []checkResult{n.skipped("peers")}
		}
		return nil // a stock ZooKeeper measures none
	}
	var out []checkResult
	from := fmt.Sprintf("%s to server ", n.name())
	for _, g := range n.status.Gossip {
		if g.Server == n.status.Server {
			continue
		}
		r := checkResult{"peer", from + fmt.Sprint(g.Server), checkLevel(g.RTT, 50, 500), g.RTT, "ms", fmt.Sprintf("%.2f ms round trip by gossip", g.RTT), "election and sync limits must be several round trips"}
		if !g.Alive {
			r.State, r.Detail, r.Todo = checkFail, "gossip does not hear it", "start it, or open the gossip port between the two"
		}
		out = append(out, r)
	}
	for _, l := range n.status.Learners {
		r := checkResult{"link", from + fmt.Sprint(l.Server), checkPass, float64(l.Lag), "transactions", l.State, "the leader cannot reach it: look at the peer port between the two"}
		if l.State == "probe" {
			r.State = checkWarn
		}
		out = append(out, r)
	}
	return out
}
