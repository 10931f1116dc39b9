package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// checkState is the outcome of one check; its number is Nagios's exit code.
type checkState int

const (
	checkPass checkState = iota
	checkWarn
	checkFail
	checkUnknown
	checkSkip // not asked: it says nothing of the server, and does not count
)

func (s checkState) String() string {
	return [...]string{"PASS", "WARN", "FAIL", "UNKNOWN", "SKIP"}[s]
}

// MarshalJSON writes the word.
func (s checkState) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// checkResult is one line of a check.
type checkResult struct {
	Name   string     `json:"check"`
	Server string     `json:"server,omitempty"`
	State  checkState `json:"state"`
	Value  float64    `json:"value"`
	Unit   string     `json:"unit,omitempty"`
	Detail string     `json:"detail"`
	Todo   string     `json:"todo,omitempty"` // for all but PASS
}

// checkLevel judges a value that should be small.
func checkLevel(v, warn, fail float64) checkState {
	switch {
	case v >= fail:
		return checkFail
	case v >= warn:
		return checkWarn
	}
	return checkPass
}

func checkFormatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT`: text, nagios, json or prometheus (default: text, or what -o says)", EnvVars: []string{"PADDOCK_CHECK_FORMAT"}}
}

const checkExitHelp = "Exit codes, as Nagios has them: 0 all passed, 1 a warning, 2 a failure (or wrong usage), 3 nothing could be asked. SKIP (not asked) does not count."

// checkPrint writes the results and gives the exit code.
func checkPrint(c *cli.Context, out tool.Out, results []checkResult) error {
	format := c.String("format")
	if format == "" {
		format = "text"
	}
	if out.Format == "yaml" || out.Format == "json" {
		format = out.Format
	}
	worst := checkPass
	if len(results) > 0 && !slices.ContainsFunc(results, func(r checkResult) bool { return r.State != checkSkip }) {
		worst = checkUnknown
	}
	for _, r := range results {
		if r.State == checkSkip {
			continue
		}
		if r.State == checkUnknown && worst == checkPass || r.State != checkUnknown && (r.State > worst || worst == checkUnknown && r.State > checkPass) {
			worst = r.State
		}
	}
	switch format {
	case "text":
		checkText(out, results)
	case "nagios":
		checkNagios(out, results, worst)
	case "prometheus":
		checkPrometheus(out, results)
	case "json", "yaml":
		out.Format = format
		if _, err := out.Structured(map[string]any{"state": worst, "checks": results}); err != nil {
			return err
		}
	default:
		return tool.Usage("--format %q: text, nagios, json or prometheus", format)
	}
	if worst != checkPass {
		return cli.Exit("", int(worst))
	}
	return nil
}

func checkText(out tool.Out, results []checkResult) {
	for _, r := range results {
		state := r.State.String()
		if out.Colour {
			state = map[checkState]string{checkPass: "\x1b[32m", checkWarn: "\x1b[33m", checkFail: "\x1b[31m", checkUnknown: "\x1b[35m", checkSkip: "\x1b[2m"}[r.State] + state + "\x1b[0m"
		}
		line := fmt.Sprintf("%-7s %s", state, r.Name)
		if r.Server != "" {
			line += " " + r.Server
		}
		fmt.Fprintln(out.Writer, line+": "+r.Detail)
		if r.State != checkPass && r.Todo != "" {
			fmt.Fprintln(out.Writer, "        -> "+r.Todo)
		}
	}
}

func checkNagios(out tool.Out, results []checkResult, worst checkState) {
	word := [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[worst]
	var bad, perf, skipped []string
	for _, r := range results {
		name := strings.TrimSpace(r.Name + " " + r.Server)
		switch r.State {
		case checkPass:
		case checkSkip:
			skipped = append(skipped, name)
		default:
			bad = append(bad, name+": "+strings.ReplaceAll(r.Detail, "|", "/"))
		}
		if r.Unit != "" {
			unit := map[string]string{"ms": "ms", "B": "B", "%": "%"}[r.Unit]
			perf = append(perf, fmt.Sprintf("'%s'=%s%s", name, strconv.FormatFloat(r.Value, 'f', -1, 64), unit))
		}
	}
	text := fmt.Sprintf("%d checks passed", len(results)-len(skipped))
	if len(bad) > 0 {
		text = strings.Join(bad, "; ")
	}
	if len(skipped) > 0 {
		text += "; not asked: " + strings.Join(skipped, ", ")
	}
	fmt.Fprintf(out.Writer, "PADDOCK %s - %s | %s\n", word, text, strings.Join(perf, " "))
}

func checkPrometheus(out tool.Out, results []checkResult) {
	fmt.Fprintln(out.Writer, "# HELP paddock_check_state 0 pass, 1 warn, 2 fail, 3 unknown\n# TYPE paddock_check_state gauge")
	label := func(r checkResult) string { return fmt.Sprintf("{check=%q,server=%q}", r.Name, r.Server) }
	results = slices.DeleteFunc(slices.Clone(results), func(r checkResult) bool { return r.State == checkSkip })
	for _, r := range results {
		fmt.Fprintf(out.Writer, "paddock_check_state%s %d\n", label(r), int(r.State))
	}
	fmt.Fprintln(out.Writer, "# HELP paddock_check_value what was measured, in the unit of the check\n# TYPE paddock_check_value gauge")
	for _, r := range results {
		if r.Unit != "" {
			fmt.Fprintf(out.Writer, "paddock_check_value%s %s\n", label(r), strconv.FormatFloat(r.Value, 'g', -1, 64))
		}
	}
}

func checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Category: category, Usage: "judge the cluster: PASS, WARN or FAIL, and what to do",
		Description: "Without a subcommand: does each server answer, who leads, lag, latency, queues, file descriptors, disk. Works with stock ZooKeeper.\n\n   paddock check\n   paddock check --format nagios\n   paddock check clock --ntp time1:123,time2:123,time3:123\n   paddock check disk --dir /var/lib/paddock\n\n" + checkExitHelp,
		Flags: tool.Flags(checkFormatFlag(),
			&cli.Float64Flag{Name: "warn-latency", Usage: "milliseconds, 99th percentile of writes (or the average where only that is told)", Value: 50},
			&cli.Float64Flag{Name: "fail-latency", Usage: "milliseconds", Value: 500},
			&cli.Float64Flag{Name: "warn-lag", Usage: "transactions behind the furthest server", Value: 1000},
			&cli.Float64Flag{Name: "fail-lag", Usage: "transactions", Value: 100000},
			&cli.Float64Flag{Name: "warn-queue", Usage: "requests without an answer yet", Value: 100},
			&cli.Float64Flag{Name: "fail-queue", Usage: "requests without an answer yet", Value: 5000}),
		Action: action(0, 0, func(cl *cluster, _ []string) error {
			if err := cl.ask(cl.c.Context); err != nil {
				return err
			}
			return checkPrint(cl.c, cl.out, cl.check())
		}),
		Subcommands: []*cli.Command{checkPerfCommand(), checkDiskCommand(), checkClockCommand(), checkNetworkCommand()},
	}
}

func (cl *cluster) check() []checkResult {
	rows := cl.rows()
	var out []checkResult
	served, leaders, standalone, unknown := 0, 0, 0, 0
	for i, n := range cl.nodes {
		r := &rows[i]
		switch r.State {
		case untold:
			out = append(out, checkResult{"answers", n.name(), checkUnknown, 0, "", strings.TrimPrefix(r.Error, n.name()+": "), "allow the word srvr there, or give --admin"})
			unknown++
			continue
		case down:
			out = append(out, checkResult{"answers", n.name(), checkFail, 0, "", strings.TrimPrefix(r.Error, n.name()+": "), "start the server, or look at its log; a majority must run"})
			continue
		case noQuorum:
			out = append(out, checkResult{"answers", n.name(), checkFail, 0, "", strings.TrimRight("it runs but serves nobody: "+r.Role, ": "), "it has no leader: start a majority of the servers, and let them reach each other"})
			continue
		}
		out = append(out, checkResult{"answers", n.name(), checkPass, 1, "", r.Role + ", " + r.Version, ""})
		served++
		switch r.Role {
		case "leader":
			leaders++
		case "standalone":
			standalone++
		}
		out = append(out, cl.checkFigures(n, r)...)
	}
	if standalone == 0 && unknown < len(rows) {
		lead := checkResult{"leader", "", checkPass, float64(leaders), "", "one server leads", ""}
		if leaders != 1 {
			lead.State, lead.Detail, lead.Todo = checkFail, fmt.Sprintf("%d of %d servers that serve lead", leaders, served), "give all servers in --server; if none leads, a majority is down or cannot talk to each other"
		}
		out = append(out, lead)
	}
	return out
}

// skipped is a check of what only the admin port of a Paddock tells, where none answered.
func (n *node) skipped(check string) checkResult {
	return checkResult{check, n.name(), checkSkip, 0, "", "not asked: only an admin port tells it, and none answered", "give --admin HOST:PORT,... of Paddock servers"}
}

// checkFigures judges the figures of one server; those that it does not tell are left out.
func (cl *cluster) checkFigures(n *node, r *row) []checkResult {
	var out []checkResult
	level := func(name string, v float64, unit, detail, flag, todo string) {
		warn, fail := cl.c.Float64("warn-"+flag), cl.c.Float64("fail-"+flag)
		out = append(out, checkResult{name, n.name(), checkLevel(v, warn, fail), v, unit, detail, todo})
	}
	if r.Lag != nil {
		level("lag", float64(*r.Lag), "transactions", fmt.Sprintf("%d transactions behind the furthest", *r.Lag), "lag", "look at its disk and network (check disk, check network); it may be catching up after a restart")
	}
	if v, ok := n.number("p99_updatelatency"); ok {
		level("latency", v, "ms", fmt.Sprintf("99%% of writes within %g ms", v), "latency", "look at the disks (check disk) and at outstanding requests")
	} else if v, ok := n.number("avg_latency"); ok {
		level("latency", v, "ms", fmt.Sprintf("%g ms on average", v), "latency", "look at the disks (check disk) and at outstanding requests")
	}
	if v, ok := n.number("outstanding_requests"); ok {
		level("queue", v, "requests", fmt.Sprintf("%g requests without an answer yet", v), "queue", "the server is slower than its clients: look at disk and processor")
	}
	open, ok1 := n.number("open_file_descriptor_count")
	most, ok2 := n.number("max_file_descriptor_count")
	if ok1 && ok2 && most > 0 {
		share := 100 * open / most
		out = append(out, checkResult{"descriptors", n.name(), checkLevel(share, 80, 95), share, "%", fmt.Sprintf("%g of %g in use", open, most), "raise the limit (ulimit -n, LimitNOFILE)"})
	}
	if low, known := n.diskLow(); known {
		disk := checkResult{"disk", n.name(), checkPass, 0, "", "enough room for writes", ""}
		if low {
			disk.State, disk.Detail, disk.Todo = checkFail, "too little room: writes that grow are refused", "make room or add disk; deletes and reads still work"
		}
		out = append(out, disk)
	} else if n.withoutAdmin() {
		out = append(out, n.skipped("disk"))
	}
	return append(out, n.checkFiles()...)
}

// checkFiles says whether the configuration files of the servers say the ensemble that is in effect; only the status tells.
func (n *node) checkFiles() []checkResult {
	switch {
	case n.status == nil && n.withoutAdmin():
		return []checkResult{n.skipped("files")}
	case n.status == nil:
		return nil
	case n.status.Files == nil:
		return []checkResult{{"files", n.name(), checkPass, 0, "", "the configuration files say the ensemble that is in effect", ""}}
	}
	f := n.status.Files
	return []checkResult{{"files", n.name(), checkWarn, 0, "", strings.Join(f.Differ, "; "), f.Next}}
}

func healthCommand() *cli.Command {
	return &cli.Command{
		Name: "health", Category: category, Usage: "tell a probe whether servers are well, by the exit code", ArgsUsage: " ",
		Description: `--live: the process answers; restart it if not. --ready (the default): it serves clients; send it traffic only then. A server that has lost its
quorum is live but not ready. The words ruok and srvr are asked on the client port, and the endpoints /health/live and /health/ready of --admin; where
both are given both must say so.

   paddock health --live
   paddock --admin 127.0.0.1:8080 health --ready

Exit codes: 0 every server asked is well, 1 one is not, 2 wrong usage.`,
		Flags: tool.Flags(&cli.BoolFlag{Name: "live", Usage: "only that the process answers"}, &cli.BoolFlag{Name: "ready", Usage: "that it serves clients (default)"}),
		Action: action(0, 0, func(cl *cluster, _ []string) error {
			if cl.c.Bool("live") && cl.c.Bool("ready") {
				return tool.Usage("health: --live or --ready, not both")
			}
			type row struct {
				Server string `json:"server"`
				Well   bool   `json:"well"`
				Detail string `json:"detail"`
			}
			list, rows, bad := []row{}, [][]string(nil), false
			said := make([]string, len(cl.nodes))
			cl.each(func(i int, n *node) { said[i], n.failed = cl.health(n, cl.c.Bool("live")) })
			for i, n := range cl.nodes {
				detail, err := said[i], n.failed
				if err != nil {
					detail, bad = err.Error(), true
				}
				list, rows = append(list, row{n.name(), err == nil, detail}), append(rows, []string{n.name(), strconv.FormatBool(err == nil), detail})
			}
			if err := cl.out.Rows(list, []string{"SERVER", "WELL", "DETAIL"}, rows); err != nil {
				return err
			}
			if bad {
				return cli.Exit("", 1)
			}
			return nil
		}),
	}
}

func (cl *cluster) health(n *node, live bool) (string, error) {
	ctx, timeout := cl.c.Context, cl.target.Timeout
	said, failed := "", error(nil)
	if n.server != "" {
		said, failed = cl.healthByWords(n, live)
	}
	if failed != nil && !errors.Is(failed, errWordNotAllowed) {
		return "", failed
	}
	if n.admin != "" && !n.guessed {
		path := map[bool]string{true: "/health/live", false: "/health/ready"}[live]
		code, body, err := askHTTP(ctx, timeout, n.admin, path, nil)
		if code != 404 { // a stock ZooKeeper has no such endpoint
			if err != nil && len(body) > 0 {
				err = fmt.Errorf("%s: %s", n.admin, strings.TrimSpace(string(body)))
			}
			return strings.TrimSpace(string(body)), err
		}
		if n.server == "" {
			var ruok map[string]any
			word := map[bool]string{true: "ruok", false: "srvr"}[live]
			if _, _, err := askHTTP(ctx, timeout, n.admin, "/commands/"+word, &ruok); err != nil {
				return "", err
			}
			if ruok["error"] != nil {
				return "", fmt.Errorf("%s: %v", n.admin, ruok["error"])
			}
			return "answers", nil
		}
	}
	return said, failed
}

// healthByWords asks the client port.
func (cl *cluster) healthByWords(n *node, live bool) (string, error) {
	ctx := cl.c.Context
	if live {
		text, err := FourLetterWord(ctx, &cl.target, n.server, "ruok")
		if errors.Is(err, errWordNotAllowed) { // it says so, and so it lives; that a connection is accepted is the kernel's word, not the server's
			return "answers", nil
		}
		return strings.TrimSpace(text), err
	}
	text, err := FourLetterWord(ctx, &cl.target, n.server, "srvr")
	if err != nil {
		return "", err
	}
	return linesOf(text, ":")["Mode"], nil
}

// checkQuantile is the q-th part of durations, which it sorts, in milliseconds.
func checkQuantile(list []time.Duration, q float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return float64(list[min(len(list)-1, int(q*float64(len(list))))].Microseconds()) / 1000
}
