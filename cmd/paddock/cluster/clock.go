package cluster

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/beevik/ntp"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func checkClockCommand() *cli.Command {
	return &cli.Command{
		Name: "clock", Usage: "compare this machine's clock with NTP servers and with the servers' clocks", ArgsUsage: " ",
		Description: `Decisions never depend on wall clocks; ctime, mtime, TTLs, logs and certificates do. NTP servers that disagree with the majority of them are left
out. A second look after --watch tells drift and steps. The servers' clocks come from --admin.

   paddock check clock
   paddock --admin zk1:8080,zk2:8080,zk3:8080 check clock --ntp time1,time2,time3 --watch 30s

` + checkExitHelp,
		Flags: tool.Flags(checkFormatFlag(),
			&tool.ListFlag{StringFlag: cli.StringFlag{Name: "ntp", Usage: "NTP servers `HOST[:PORT],...`; none to leave them out", Value: "0.pool.ntp.org,1.pool.ntp.org,2.pool.ntp.org", EnvVars: []string{"PADDOCK_NTP"}}},
			&cli.DurationFlag{Name: "warn", Usage: "offset that warns", Value: 100 * time.Millisecond},
			&cli.DurationFlag{Name: "fail", Usage: "offset that fails", Value: time.Second},
			&cli.DurationFlag{Name: "watch", Usage: "look again after `DURATION`, for drift and steps"}),
		Action: action(0, 0, checkClock),
	}
}

func checkClock(cl *cluster, _ []string) error {
	warn, fail := ms(cl.c.Duration("warn")), ms(cl.c.Duration("fail"))
	var servers []string
	if list := cl.c.String("ntp"); list != "none" {
		servers = tool.List(list)
	}
	begin := time.Now()
	samples := clockAsk(servers, cl.target.Timeout)
	out := clockJudge(samples, warn, fail)
	if err := cl.ask(cl.c.Context); err != nil {
		return err
	}
	var offsets []float64
	for _, n := range cl.nodes {
		if n.status != nil {
			offsets = append(offsets, ms(n.clock))
			out = append(out, clockServer(n, warn, fail))
		} else if n.failed != nil || n.withoutAdmin() {
			out = append(out, n.skipped("clock"))
		}
	}
	if len(offsets) > 1 {
		spread := slices.Max(offsets) - slices.Min(offsets)
		out = append(out, checkResult{"clock spread", "", checkLevel(spread, warn, fail), spread, "ms", fmt.Sprintf("%.1f ms between the servers", spread), "run chronyd or ntpd on every server, with the same sources"})
	}
	if again := cl.c.Duration("watch"); again > 0 {
		timer := time.NewTimer(again)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-cl.c.Context.Done():
			return tool.Fail("check clock", cl.c.Context.Err())
		}
		out = append(out, clockDrift(samples, clockAsk(servers, cl.target.Timeout), begin, time.Now())...)
	}
	if !slices.ContainsFunc(out, func(r checkResult) bool { return r.State != checkSkip }) {
		return &tool.Error{Tried: "check clock", Happened: "no NTP server is named and no admin port of a Paddock server answers", Todo: "give --ntp or --admin", Code: int(checkUnknown)}
	}
	return checkPrint(cl.c, cl.out, out)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func clockServer(n *node, warn, fail float64) checkResult {
	off, doubt := ms(n.clock), ms(n.asked)/2
	level := checkLevel(math.Max(0, math.Abs(off)-doubt), warn, fail)
	return checkResult{"clock", n.name(), level, off, "ms", fmt.Sprintf("%+.1f ms from this machine's (to within %.1f ms)", off, doubt), "compare both with NTP; run chronyd or ntpd there"}
}

// clockSample is the answer of one NTP server: how far its clock is ahead of ours, and how exact that is.
type clockSample struct {
	server        string
	offset, doubt float64 // ms
	err           error
}

func clockAsk(servers []string, timeout time.Duration) []clockSample {
	out := make([]clockSample, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() {
			out[i].server = s
			r, err := ntp.QueryWithOptions(s, ntp.QueryOptions{Timeout: min(timeout, 5*time.Second)})
			if err == nil {
				err = r.Validate()
			}
			if out[i].err = err; err == nil {
				out[i].offset, out[i].doubt = ms(r.ClockOffset), ms(r.RootDistance)
			}
		})
	}
	wg.Wait()
	return out
}

// clockMajority finds the largest set of samples whose intervals (offset ± doubt, at least 10 ms) have a point in common, and its middle:
// Marzullo's algorithm, as NTP uses it. agree tells which samples are in it; ok is false without a majority of those that answered.
func clockMajority(samples []clockSample) (middle float64, agree map[string]bool, ok bool) {
	type edge struct {
		at   float64
		into int
	}
	var edges []edge
	answered := 0
	for _, s := range samples {
		if s.err == nil {
			answered++
			d := max(s.doubt, 10)
			edges = append(edges, edge{s.offset - d, 1}, edge{s.offset + d, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if a.at != b.at {
			return int(math.Copysign(1, a.at-b.at))
		}
		return b.into - a.into
	})
	depth, best, lo, hi := 0, 0, 0.0, 0.0
	for i, e := range edges {
		if depth += e.into; depth > best {
			best, lo = depth, e.at
			hi = edges[i+1].at
		}
	}
	middle = (lo + hi) / 2
	agree = map[string]bool{}
	for _, s := range samples {
		d := max(s.doubt, 10)
		if s.err == nil && best > 0 && s.offset-d <= lo && s.offset+d >= lo {
			agree[s.server] = true
		}
	}
	return middle, agree, answered > 0 && 2*best > answered
}

func clockJudge(samples []clockSample, warn, fail float64) []checkResult {
	if len(samples) == 0 {
		return nil
	}
	var out []checkResult
	middle, agree, ok := clockMajority(samples)
	answered := 0
	for _, s := range samples {
		switch {
		case s.err != nil:
			out = append(out, checkResult{"ntp", s.server, checkUnknown, 0, "", clockError(s.err), "name NTP servers that this machine can reach (UDP port 123) with --ntp"})
			continue
		case ok && !agree[s.server]:
			out = append(out, checkResult{"ntp", s.server, checkWarn, s.offset, "ms", fmt.Sprintf("says %+.1f ms, against the majority's %+.1f ms: not believed", s.offset, middle), "take it out of the time sources"})
		default:
			out = append(out, checkResult{"ntp", s.server, checkPass, s.offset, "ms", fmt.Sprintf("says %+.1f ms (to within %.1f ms)", s.offset, s.doubt), ""})
		}
		answered++
	}
	switch {
	case answered == 0:
	case !ok:
		out = append(out, checkResult{"clock offset", "", checkUnknown, 0, "", fmt.Sprintf("no majority of the %d NTP servers agrees", answered), "name more NTP servers: at least three, better five"})
	default:
		out = append(out, checkResult{"clock offset", "", checkLevel(math.Abs(middle), warn, fail), middle, "ms",
			fmt.Sprintf("this machine's clock is off by %+.1f ms, by %d of %d NTP servers", -middle, len(agree), answered), "run chronyd or ntpd; let it slew, do not step the clock of a running server"})
	}
	return out
}

func clockError(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return strings.TrimSpace(err.Error())
}

// clockDrift compares two looks: the wall clock with the monotonic one for a step, and the offsets for drift.
func clockDrift(before, after []clockSample, begin, end time.Time) []checkResult {
	elapsed := end.Sub(begin)
	step := ms(end.Round(0).Sub(begin.Round(0)) - elapsed)
	out := []checkResult{{"clock step", "", checkLevel(math.Abs(step), 10, 500), step, "ms", fmt.Sprintf("wall clock against monotonic clock: %+.2f ms in %v", step, elapsed.Round(time.Millisecond)), "something steps the clock: let chronyd or ntpd slew it"}}
	a, _, ok1 := clockMajority(before)
	b, _, ok2 := clockMajority(after)
	if ok1 && ok2 {
		ppm := (b - a) / ms(elapsed) * 1e6
		level := checkLevel(math.Abs(ppm), 500, 5000)
		if math.Abs(b-a) < 10 { // within what NTP over a network can tell
			level = checkPass
		}
		out = append(out, checkResult{"clock drift", "", level, ppm, "ppm", fmt.Sprintf("%+.2f ms in %v", b-a, elapsed.Round(time.Millisecond)), "no time daemon disciplines the clock"})
	}
	return out
}
