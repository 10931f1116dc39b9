package admin

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
)

// value is a named number: an int64 or a float64, or a string for the few that are text.
type value struct {
	name string
	v    any
}

func (v value) text() string {
	switch x := v.v.(type) {
	case float64:
		return javaDouble(x)
	case string:
		return x
	}
	return fmt.Sprint(v.v)
}

// identity are the values of mntr that are not metrics (dumpMonitorValues).
func identity(r *Report) []value {
	out := []value{{"version", r.Build.Full()}, {"server_state", string(r.Role)}}
	if r.Ensemble.Quorum {
		out = append(out, value{"peer_state", peerState(r)})
	}
	if r.Role == RoleObserver {
		out = append(out, value{"observer_master_id", r.Ensemble.MasterID})
	}
	return out
}

func peerState(r *Report) string {
	state := map[Role]string{RoleLeader: "leading", RoleFollower: "following", RoleObserver: "observing"}[r.Role]
	if state == "" || r.Ensemble.Phase == PhaseElection {
		return "looking"
	}
	return state + " - " + string(r.Ensemble.Phase)
}

// yes is 1 or 0. disk_low and low_disks are of Paddock: whether this server's disk is nearly full, and on how many members one is. While there is one, writes that
// grow are refused.
func yes(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// gauges are the values taken from the Report.
func gauges(r *Report) []value {
	t, d := &r.Traffic, &r.Data
	open, limit := files()
	out := []value{
		{"approximate_data_size", d.Bytes},
		{"auth_failed_count", t.AuthFailed},
		{"avg_latency", round4(t.AvgLatency)},
		{"connection_drop_probability", t.DropProbability},
		{"disk_low", yes(d.DiskLow)},
		{"ephemerals_count", int64(d.Ephemerals)},
		{"global_sessions", int64(r.SessionInfo.Global)},
		{"last_client_response_size", t.Responses.Last},
		{"local_sessions", int64(r.SessionInfo.Local)},
		{"low_disks", int64(len(d.LowDisks))},
		{"max_client_response_size", t.Responses.Max},
		{"max_file_descriptor_count", limit},
		{"max_latency", t.MaxLatency},
		{"min_client_response_size", t.Responses.Min},
		{"min_latency", t.MinLatency},
		{"non_mtls_local_conn_count", t.Plain.Local},
		{"non_mtls_remote_conn_count", t.Plain.Remote},
		{"num_alive_connections", int64(t.Connections)},
		{"open_file_descriptor_count", open},
		{"outstanding_requests", t.Outstanding},
		{"outstanding_tls_handshake", t.TLSHandshakes},
		{"packets_received", t.Received},
		{"packets_sent", t.Sent},
		{"uptime", t.Uptime.Milliseconds()},
		{"watch_count", int64(r.Watches.Count)},
		{"znode_count", int64(d.Nodes)},
	}
	if r.Ensemble.Quorum {
		out = append(out, value{"quorum_size", int64(len(r.Ensemble.voters()))})
	}
	if n := len(r.Files.Differ); n > 0 { // Paddock's own, and there only while something is wrong: else mntr has ZooKeeper's names alone
		out = append(out, value{"config_files_differ", int64(n)})
	}
	return append(out, leaderGauges(r)...)
}

func leaderGauges(r *Report) []value {
	l := r.Leading
	if l == nil {
		return nil
	}
	return []value{
		{"last_proposal_size", l.Proposals.Last},
		{"leader_uptime", l.Uptime.Milliseconds()},
		{"learners", int64(l.Learners)},
		{"max_proposal_size", l.Proposals.Max},
		{"min_proposal_size", l.Proposals.Min},
		{"pending_syncs", int64(l.PendingSyncs)},
		{"synced_followers", int64(l.SyncedFollowers)},
		{"synced_non_voting_followers", int64(l.SyncedNonVoting)},
		{"synced_observers", int64(l.SyncedObservers)},
	}
}

func (e *Ensemble) voters() []Member {
	return slices.DeleteFunc(slices.Clone(e.Members), func(m Member) bool { return m.Observer })
}

// metricValues are the counters and summaries under the names of mntr (AvgMinMaxCounter.values and its relatives).
func metricValues(m *Metrics) []value {
	var out []value
	for _, e := range m.entries {
		switch {
		case e.counter != nil:
			out = append(out, value{e.name, e.counter.Value()})
		case e.summary != nil:
			out = append(out, summaryValues(e.name, e.summary)...)
		default:
			e.set.each(func(key string, s *Summary) { out = append(out, summaryValues(key+"_"+e.name, s)...) })
		}
	}
	return out
}

func summaryValues(name string, s *Summary) []value {
	t := s.Totals()
	out := []value{
		{"avg_" + name, round4(t.Avg())},
		{"min_" + name, whole(t.Min)},
		{"max_" + name, whole(t.Max)},
		{"cnt_" + name, t.Count},
		{"sum_" + name, whole(t.Sum)},
	}
	if !s.detailed {
		return out
	}
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50_", 0.5}, {"p95_", 0.95}, {"p99_", 0.99}, {"p999_", 0.999}} {
		out = append(out, value{q.name + name, whole(s.Quantile(q.q))})
	}
	return out
}

func whole(v float64) int64 { return int64(math.Round(v)) }

// monitorValues is everything that mntr and the monitor command show.
func monitorValues(r *Report, m *Metrics) []value {
	numbers := append(gauges(r), metricValues(m)...)
	slices.SortStableFunc(numbers, func(a, b value) int { return strings.Compare(group(a.name), group(b.name)) })
	return append(identity(r), numbers...)
}

// group keeps the values of one summary together when names are sorted.
func group(name string) string {
	for _, p := range []string{"avg_", "min_", "max_", "cnt_", "sum_", "p50_", "p95_", "p99_", "p999_"} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest
		}
	}
	return name
}

func appendMonitor(b []byte, r *Report, m *Metrics) []byte {
	for _, v := range monitorValues(r, m) {
		b = append(b, "zk_"+v.name+"\t"+v.text()+"\n"...)
	}
	return b
}

// environment are the lines of envi. What ZooKeeper tells of the JVM is told of Go.
func environment(build Build) []value {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	host, name := hostAndUser()
	return []value{
		{"zookeeper.version", build.Full()},
		{"host.name", host},
		{"go.version", strings.TrimPrefix(runtime.Version(), "go")},
		{"os.name", osName()},
		{"os.arch", runtime.GOARCH},
		{"os.version", kernel()},
		{"user.name", name.user},
		{"user.home", name.home},
		{"user.dir", name.dir},
		{"os.memory.free", megabytes(mem.HeapIdle - mem.HeapReleased)},
		{"os.memory.max", megabytes(memoryLimit())},
		{"os.memory.total", megabytes(mem.Sys)},
	}
}

func megabytes(n uint64) string { return fmt.Sprintf("%dMB", n>>20) }

func appendEnv(b []byte, build Build) []byte {
	b = append(b, "Environment:\n"...)
	for _, v := range environment(build) {
		b = append(b, v.name+"="+v.text()+"\n"...)
	}
	return b
}
