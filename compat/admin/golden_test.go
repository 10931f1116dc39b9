package admin

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shape takes the numbers out of a text and sorts lines where ZooKeeper's order is that of a hash table, so that two moments of two
// servers can be compared.
func shape(name, s string) string {
	for _, r := range [][2]string{
		{`0x[0-9a-f]+`, "0xN"},
		{`\w{3} \w{3} \d+ \d\d:\d\d:\d\d UTC \d+`, "DATE"},
		{`-?\d+(\.\d+)?`, "N"},
		{`localhost`, "N.N.N.N"},
	} {
		s = regexp.MustCompile(r[0]).ReplaceAllString(s, r[1])
	}
	lines := strings.Split(s, "\n")
	if slices.Contains([]string{"stat", "cons", "http_server_stats", "http_stats", "http_connections"}, name) {
		for i := range lines {
			lines[i] = strings.TrimSuffix(lines[i], ",")
		}
		slices.Sort(lines)
	}
	return strings.Join(lines, "\n")
}

func recorded(t *testing.T, role Role) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/admin/" + string(role) + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing recorded of a %s: %v", role, err)
	}
	out := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".txt")] = string(b)
	}
	return out
}

func TestGoldenWordsHaveTheShapeOfZooKeepers(t *testing.T) {
	for _, role := range recordedRoles() {
		for name, want := range recorded(t, role) {
			if len(name) != 4 {
				continue
			}
			got := string(NewWords(fake(role), []string{"*"}, false).Answer(name, nil))
			if shape(name, got) != shape(name, want) {
				t.Errorf("%s of a %s\n--- Paddock\n%s\n--- ZooKeeper 3.9.5\n%s", name, role, got, want)
			}
		}
	}
}

func TestGoldenCommandsHaveTheShapeOfZooKeepers(t *testing.T) {
	for _, role := range recordedRoles() {
		for name, want := range recorded(t, role) {
			cmd, ok := strings.CutPrefix(name, "http_")
			if !ok || cmd == "initial_configuration" {
				continue
			}
			src := fake(role)
			src.tracing = 306
			if cmd == "connections" || cmd == "stats" { // recorded behind a reset, without the connection that asks for a word
				src.r.Connections = slices.Delete(src.r.Connections, 1, 2)
				src.r.Connections[0].Last = LastOp{Cxid: -1, Zxid: -1}
			}
			url := "/commands/" + cmd
			if cmd == "commands" {
				url = "/commands"
			}
			w := httptest.NewRecorder()
			NewHandler(src, HandlerOptions{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
			_, body, _ := strings.Cut(want, "\n")
			if want[:3] != decimal(int64(w.Code)) {
				t.Errorf("%s of a %s: status %d, ZooKeeper's %s", cmd, role, w.Code, want[:3])
			}
			if shape(name, w.Body.String()) != shape(name, body) {
				t.Errorf("%s of a %s\n--- Paddock\n%s\n--- ZooKeeper 3.9.5\n%s", cmd, role, w.Body.String(), body)
			}
		}
	}
}

// With ZooKeeper's own numbers the text is the same to the last byte.
func TestGoldenNumbersAreWrittenAsZooKeeperWritesThem(t *testing.T) {
	files := recorded(t, RoleStandalone)
	words := NewWords(fake(RoleStandalone), []string{"*"}, false)
	for _, name := range []string{"srvr", "conf", "cons", "wchs", "wchc", "wchp", "dirs"} {
		if got := string(words.Answer(name, nil)); got != files[name] {
			t.Errorf("%s\n--- Paddock\n%s\n--- ZooKeeper 3.9.5\n%s", name, got, files[name])
		}
	}
}

// notOurs are metrics of ZooKeeper that have no counterpart here.
func notOurs(name string) (why string) {
	for prefix, why := range map[string]string{
		"commit_process_time":                               "stages of the commit processor",
		"commit_commit_proc":                                "stages of the commit processor",
		"concurrent_request_processing_in_commit_processor": "stages of the commit processor",
		"read_commit_proc_":                                 "stages of the commit processor",
		"write_commit_proc_":                                "stages of the commit processor",
		"write_batch_time_in_commit_processor":              "stages of the commit processor",
		"time_waiting_empty_pool_in_commit_processor":       "stages of the commit processor",
		"request_commit_queued":                             "stages of the commit processor",
		"reads_after_write_in_session_queue":                "stages of the commit processor",
		"reads_issued_from_session_queue":                   "stages of the commit processor",
		"session_queues_drained":                            "stages of the commit processor",
		"pending_session_queue_size":                        "stages of the commit processor",
		"local_write_committed_time_ms":                     "stages of the commit processor",
		"server_write_committed_time_ms":                    "stages of the commit processor",
		"requests_not_forwarded_to_commit_processor":        "stages of the commit processor",
		"outstanding_changes":                               "requests are judged when they are applied",
		"prep_processor_":                                   "there is no queue before the proposal",
		"proposal_process_time":                             "stages of the request chain",
		"close_session_prep_time":                           "stages of the request chain",
		"sync_processor_queue_and_flush_time_ms":            "one batch is measured by sync_process_time",
		"sync_processor_queue_time_ms":                      "one batch is measured by sync_process_time",
		"sync_processor_request_queued":                     "stages of the request chain",
		"dead_watchers":                                     "there is no cleaner of watches",
		"add_dead_watcher_stall_time":                       "there is no cleaner of watches",
		"inflight_":                                         "learners are fed by one sender each",
		"learner_handler_qp":                                "learners are fed by one sender each",
		"learner_request_processor_queue_size":              "learners are fed by one sender each",
		"skip_learner_request_to_next_processor_count":      "stages of the request chain",
		"om_":                            "observers sit at the leader",
		"netty_queued_buffer_capacity":   "there is no Netty",
		"socket_closing_time":            "sockets are closed without waiting",
		"request_throttle_queue_time_ms": "throttling does not queue",
		"proposal_ack_creation_latency":  "acks are made by storage completions",
		"ack_latency":                    "kept for each peer by the transport",
		"quota_":                         "quota metrics of namespaces are not kept yet",
	} {
		if strings.HasPrefix(group(name), prefix) || strings.HasSuffix(group(name), "_"+prefix) || regexp.MustCompile(`^\d+_`+prefix).MatchString(group(name)) {
			return why
		}
	}
	return ""
}

func TestGoldenMonitorHasZooKeepersNames(t *testing.T) {
	for _, role := range []Role{RoleStandalone, RoleFollower, RoleLeader} {
		src := fake(role)
		ours := map[string]bool{}
		for l := range strings.Lines(string(appendMonitor(nil, &src.r, src.m))) {
			name, _, _ := strings.Cut(strings.TrimPrefix(l, "zk_"), "\t")
			ours[name] = true
		}
		for _, name := range strings.Fields(recorded(t, role)["mntr.names"]) {
			if strings.HasSuffix(name, "_per_namespace") {
				continue
			}
			if !ours[name] && notOurs(name) == "" {
				t.Errorf("%s: ZooKeeper's %s is missing", role, name)
			}
			delete(ours, name)
		}
		for _, own := range []string{"disk_low", "low_disks"} { // ZooKeeper ends on a full disk, and has no alarm
			if !ours[own] {
				t.Errorf("%s: Paddock's %s is missing", role, own)
			}
			delete(ours, own)
		}
		if len(ours) > 0 {
			t.Errorf("%s: names that ZooKeeper does not have: %v", role, ours)
		}
	}
}

func TestGoldenPrometheusHasZooKeepersNamesAndTypes(t *testing.T) {
	b, err := os.ReadFile("../../testdata/admin/prometheus.names.txt")
	if err != nil {
		t.Fatal(err)
	}
	src := fake(RoleObserver)
	text := string(appendPrometheus(nil, &src.r, src.m))
	for l := range strings.Lines(string(b)) {
		name, _, _ := strings.Cut(l, " ")
		if !strings.Contains(text, "# TYPE "+l) && notOurs(name) == "" {
			t.Errorf("missing: %s", l)
		}
	}
}
