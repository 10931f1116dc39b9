package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// category is under which help lists the verbs.
const category = "Cluster"

// Commands are the verbs about servers.
func Commands() []*cli.Command {
	return []*cli.Command{statusCommand(), membersCommand(), transferLeaderCommand(), topCommand(), healthCommand(), checkCommand(), sessionsCommand(), keysCommand(), waitCommand()}
}

// row is one server in the table of status. Pointers are what may be unknown.
type row struct {
	Server  string   `json:"server"`
	ID      *int     `json:"id,omitempty"` // as the server itself says it
	State   standing `json:"state"`
	Role    string   `json:"role"`
	Outside bool     `json:"noMember,omitempty"` // it serves, and is no member of the ensemble
	Gen     *uint32  `json:"generation"`         // of zxids, which restores and imports raise; null of a stock ZooKeeper, which has none
	Epoch   uint64   `json:"epoch"`              // within the generation
	Zxid    string   `json:"zxid"`
	Lag     *uint64  `json:"lag"` // transactions behind the furthest server
	Figures figure   `json:"figures"`
	ClockMs *float64 `json:"clockOffsetMs"`
	Version string   `json:"version"`
	Alarms  []string `json:"alarms"`
	Error   string   `json:"error,omitempty"`
	Unasked string   `json:"notAsked,omitempty"` // what is not known because nobody could be asked
	zxid    uint64
}

type figure struct {
	Sessions *float64 `json:"sessions"`
	Watches  *float64 `json:"watches"`
	Znodes   *float64 `json:"znodes"`
	Disk     *float64 `json:"diskBytes"`
	P50      *float64 `json:"latencyP50Ms"` // of writes
	P99      *float64 `json:"latencyP99Ms"`
}

func statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Category: category, Usage: "one table over all servers", ArgsUsage: " ",
		Description: `Asks every address in --server by four-letter words and every one in --admin by HTTP (same order; without --admin, port 8080 of each host is
tried). The client port decides whether a server serves: ROLE is DOWN where nobody answers, NO QUORUM where a server runs and serves nobody, and
UNKNOWN where it may not tell. Works with stock ZooKeeper, where the words need 4lw.commands.whitelist=* or the AdminServer. Latencies are of writes.

   paddock status
   paddock -s zk1:2181,zk2:2181,zk3:2181 --admin zk1:8080,zk2:8080,zk3:8080 status
   paddock -o json status

Exit codes: 0 all servers answered without an alarm that needs attention, 1 some did not, 2 wrong usage, 69 none did.`,
		Flags: tool.Flags(),
		Action: action(0, 0, func(cl *cluster, _ []string) error {
			if err := cl.ask(cl.c.Context); err != nil {
				return err
			}
			rows := cl.rows()
			if err := cl.table(rows); err != nil {
				return err
			}
			return cl.verdict(rows)
		}),
	}
}

func (cl *cluster) table(rows []row) error {
	header := []string{"SERVER", "ROLE", "GEN", "EPOCH", "ZXID", "LAG", "SESSIONS", "WATCHES", "ZNODES", "DISK", "P50", "P99", "CLOCK", "VERSION", "ALARMS"}
	var text [][]string
	for _, r := range rows {
		text = append(text, r.cells())
	}
	return cl.out.Rows(rows, header, text)
}

// verdict is the exit code of status.
func (cl *cluster) verdict(rows []row) error {
	silent := 0
	var unasked []string
	for _, r := range rows {
		if r.Error != "" {
			tool.Note(cl.c, "%s", r.Error)
			silent++
		}
		if r.Unasked != "" {
			unasked = append(unasked, r.Server)
		}
	}
	if len(unasked) > 0 {
		tool.Note(cl.c, "%s: not asked for %s: give --admin HOST:PORT,...", strings.Join(unasked, ","), adminOnly)
	}
	switch {
	case silent == len(rows):
		return cli.Exit("", tool.ExitNoServer)
	case silent > 0 || slices.ContainsFunc(rows, func(r row) bool { return len(r.Alarms) > 0 }):
		return cli.Exit("", 1)
	}
	return nil
}

func (r *row) cells() []string {
	figure := func(p *float64, format func(float64) string) string {
		if p == nil {
			return "-"
		}
		return format(*p)
	}
	whole := func(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }
	ms := func(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) + "ms" }
	lag := "-"
	if r.Lag != nil {
		lag = strconv.FormatUint(*r.Lag, 10)
	}
	name := r.Server
	if r.ID != nil {
		name += " (" + strconv.Itoa(*r.ID) + ")"
	}
	alarms := strings.Join(r.Alarms, ", ")
	role, gen, epoch, zxid := r.Role, "-", strconv.FormatUint(r.Epoch, 10), r.Zxid
	if r.Gen != nil {
		gen = strconv.Itoa(int(*r.Gen))
	}
	if r.Outside {
		role += ", no member"
	}
	if r.State != serving {
		role = strings.ToUpper(string(r.State))
	}
	if r.zxid == 0 {
		gen, epoch, zxid = "-", "-", "-"
	}
	f := &r.Figures
	return []string{name, role, gen, epoch, zxid, lag, figure(f.Sessions, whole), figure(f.Watches, whole), figure(f.Znodes, whole),
		figure(f.Disk, func(v float64) string { return humanize.IBytes(uint64(v)) }), figure(f.P50, ms), figure(f.P99, ms),
		figure(r.ClockMs, func(v float64) string { return fmt.Sprintf("%+dms", int(math.Round(v))) }), r.Version, alarms}
}

// rows judges the answers of the servers.
func (cl *cluster) rows() []row {
	var rows []row
	for _, n := range cl.nodes {
		rows = append(rows, n.row())
	}
	var last uint64
	leaders := 0
	for _, r := range rows {
		last = max(last, r.zxid)
		if r.Role == "leader" && r.State == serving {
			leaders++
		}
	}
	for i := range rows {
		r := &rows[i]
		if r.Error != "" || r.zxid == 0 {
			continue
		}
		lag := last - r.zxid
		if r.zxid>>32 != last>>32 { // another epoch: the distance is no number of transactions
			lag = last & 0xffffffff
		}
		r.Lag = &lag
		if lag > 10000 {
			r.Alarms = append(r.Alarms, "lags behind")
		}
		if leaders > 1 && r.Role == "leader" {
			r.Alarms = append(r.Alarms, "two leaders answer: one of them is about to step down, or these are two ensembles")
		}
		if r.Role == "follower" && leaders == 0 && len(rows) > 1 {
			r.Alarms = append(r.Alarms, "no leader among these servers")
		}
	}
	return rows
}

// adminOnly is what only the admin port of a Paddock tells.
const adminOnly = "the alarm of the disk, the clock and the number of the server"

func (n *node) row() row {
	r := row{Server: n.name(), State: n.standing(), Alarms: []string{}}
	switch r.State {
	case down, untold:
		r.Error = n.failed.Error()
		return r
	case noQuorum:
		r.Alarms = append(r.Alarms, "serves nobody: it has no leader or no quorum")
	}
	if n.withoutAdmin() {
		r.Unasked = adminOnly
	}
	r.zxid = n.zxid()
	r.Role, r.Zxid, r.Version = n.role(), fmt.Sprintf("0x%x", r.zxid), n.versionText()
	r.epoch(n)
	for _, f := range []struct {
		into  **float64
		names []string
	}{{&r.Figures.Sessions, []string{"global_sessions", "num_alive_connections"}}, {&r.Figures.Watches, []string{"watch_count"}}, {&r.Figures.Znodes, []string{"znode_count"}},
		{&r.Figures.P50, []string{"p50_updatelatency"}}, {&r.Figures.P99, []string{"p99_updatelatency"}}} {
		if v, ok := n.number(f.names...); ok {
			*f.into = &v
		}
	}
	if v, err := strconv.ParseFloat(n.srvr["Node count"], 64); err == nil && r.Figures.Znodes == nil {
		r.Figures.Znodes = &v
	}
	if n.disk >= 0 {
		v := float64(n.disk)
		r.Figures.Disk = &v
	}
	if n.adminFailed != nil {
		r.Alarms = append(r.Alarms, "admin port: "+shorten(n.adminFailed))
	}
	if st := n.status; st != nil {
		ms := float64(n.clock.Microseconds()) / 1000
		r.ID, r.ClockMs, r.Outside = &st.Server, &ms, st.NoMember
		if st.DiskLow {
			r.Alarms = append(r.Alarms, "disk low: writes that grow are refused")
		}
		for _, id := range st.LowDisks {
			if id != int64(st.Server) {
				r.Alarms = append(r.Alarms, fmt.Sprintf("the disk of server %d is low: writes that grow are refused", id))
			}
		}
		if f := st.Files; f != nil {
			r.Alarms = append(r.Alarms, "configuration files say another ensemble: "+strings.Join(f.Differ, "; ")+". Next: "+f.Next)
		}
		if off := n.clock.Abs(); off > 500*time.Millisecond+n.asked/2 {
			r.Alarms = append(r.Alarms, "clock differs from this machine's")
		}
	}
	return r
}

// epoch takes the epoch of the last zxid apart, or the one that the server is in as it says: a Paddock keeps a generation in its upper bits.
func (r *row) epoch(n *node) {
	r.Epoch = r.zxid >> 32
	if n.status != nil {
		r.Epoch = uint64(n.status.Epoch)
	}
	if n.status != nil || n.withoutAdmin() {
		e := zxid.Epoch(r.Epoch)
		gen := e.Generation()
		r.Gen, r.Epoch = &gen, uint64(e.Term())
	}
}

func shorten(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err.Error()
}

func topCommand() *cli.Command {
	return &cli.Command{
		Name: "top", Category: category, Usage: "status, live, with requests per second", ArgsUsage: " ",
		Description: "   paddock top\n   paddock top --interval 5s\n   paddock top --count 3 > log\n\nEnds with Ctrl-C or after --count.\n\nExit codes: 0 ended, 2 wrong usage.",
		Flags: tool.Flags(&cli.DurationFlag{Name: "interval", Aliases: []string{"i"}, Usage: "time between two looks", Value: 2 * time.Second},
			&cli.IntFlag{Name: "count", Aliases: []string{"n"}, Usage: "stop after `N` looks"}),
		Action: action(0, 0, top),
	}
}

func top(cl *cluster, _ []string) error {
	every := cl.c.Duration("interval")
	if every < 100*time.Millisecond {
		return tool.Usage("top: --interval must be at least 100ms")
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	before, at := map[string]float64{}, time.Now()
	for n := 1; ; n++ {
		if cl.ask(cl.c.Context) != nil { // Ctrl-C
			return nil
		}
		now := time.Now()
		rows := cl.rows()
		if cl.out.Colour {
			fmt.Fprint(cl.out.Writer, "\x1b[H\x1b[2J")
		}
		if cl.out.Format == "table" {
			fmt.Fprintf(cl.out.Writer, "%s   every %v   Ctrl-C ends\n\n", now.Format("15:04:05"), every)
		}
		if err := cl.table(rows); err != nil {
			return err
		}
		if cl.out.Format == "table" {
			cl.rates(before, now.Sub(at), n > 1)
		}
		at = now
		if n == cl.c.Int("count") {
			return nil
		}
		select {
		case <-tick.C:
		case <-cl.c.Context.Done():
			return nil
		}
	}
}

// rates adds how fast the counters of each server move.
func (cl *cluster) rates(before map[string]float64, since time.Duration, known bool) {
	var rows [][]string
	for _, n := range cl.nodes {
		cells := []string{n.name()}
		for _, name := range []string{"packets_received", "packets_sent", "commit_count"} {
			v, ok := n.number(name)
			key := n.name() + " " + name
			rate := "-"
			if ok && known {
				rate = strconv.FormatFloat(max(0, v-before[key])/since.Seconds(), 'f', 0, 64)
			}
			before[key] = v
			cells = append(cells, rate)
		}
		for _, name := range []string{"outstanding_requests", "num_alive_connections", "max_latency"} {
			text := n.monitor[name]
			if text == "" {
				text = "-"
			}
			cells = append(cells, text)
		}
		rows = append(rows, cells)
	}
	fmt.Fprint(cl.out.Writer, "\n"+tool.Table([]string{"SERVER", "RECEIVED/s", "SENT/s", "COMMITS/s", "OUTSTANDING", "CONNECTIONS", "MAX LATENCY ms"}, rows, cl.out.Colour))
}

func waitCommand() *cli.Command {
	return &cli.Command{
		Name: "wait", Category: category, Usage: "wait until the servers serve", ArgsUsage: " ",
		Description: "Returns when one server gives a session (with --all: every address in --server), or fails after --timeout.\n\n   paddock wait --timeout 60s && paddock get /app\n\nExit codes: 0 serving, 2 wrong usage, 69 not in time.",
		Flags:       tool.Flags(&cli.BoolFlag{Name: "all", Usage: "every server, not only one of them"}),
		Action: func(c *cli.Context) error {
			if _, err := tool.Args(c, 0, 0); err != nil {
				return err
			}
			target, err := tool.TargetOf(c)
			if err != nil {
				return err
			}
			lists := [][]string{target.Servers}
			if c.Bool("all") {
				lists = slices.Collect(slices.Chunk(target.Servers, 1))
			}
			ctx, cancel := context.WithTimeout(c.Context, target.Timeout)
			defer cancel()
			for _, list := range lists {
				t := target
				t.Servers = list
				s, err := tool.Open(ctx, t)
				if err != nil {
					if c.Context.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
						err = &tool.Error{Tried: "wait for " + strings.Join(list, ","), Happened: fmt.Sprintf("not serving after %v", target.Timeout), Todo: "look with paddock status", Code: tool.ExitNoServer}
					}
					return err
				}
				tool.Note(c, "%s serves", s.Server())
				s.Close()
			}
			return nil
		},
	}
}
