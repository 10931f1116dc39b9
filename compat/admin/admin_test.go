package admin

import (
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestWordsOutsideTheWhitelistSaySo(t *testing.T) {
	w := NewWords(fake(RoleStandalone), []string{" ruok", "mntr "}, false)
	for word, want := range map[string]string{
		"ruok": "imok",
		"stat": "stat is not executed because it is not in the whitelist.\n",
		"isro": "isro is not executed because it is not in the whitelist.\n",
	} {
		if got := string(w.Answer(word, nil)); got != want {
			t.Errorf("%s: %q", word, got)
		}
	}
	if !strings.HasPrefix(string(w.Answer("srvr", nil)), "Zookeeper version: ") {
		t.Error("srvr is always allowed: zkServer.sh needs it")
	}
	if got := string(NewWords(fake(RoleStandalone), nil, true).Answer("isro", nil)); got != "rw" {
		t.Errorf("isro is allowed where the server may become read-only: %q", got)
	}
	if _, known := w.Word("abcd"); known {
		t.Error("abcd is no word")
	}
	if n, known := w.Word("stmk"); n != 8 || !known {
		t.Error("stmk takes eight bytes")
	}
}

func TestWordsWhileNotServing(t *testing.T) {
	src := fake(RoleFollower)
	src.r.Serving = false
	w := NewWords(src, []string{"*"}, false)
	for _, word := range wordList() {
		got := string(w.Answer(word, make([]byte, 8)))
		switch word {
		case "ruok", "envi", "gtmk", "stmk":
			if strings.Contains(got, notServing) {
				t.Errorf("%s works at any time: %q", word, got)
			}
		case "isro":
			if got != "null" {
				t.Errorf("isro: %q", got)
			}
		case "hash":
			if got != notServing {
				t.Errorf("hash: %q", got)
			}
		default:
			if got != notServing+"\n" {
				t.Errorf("%s: %q", word, got)
			}
		}
	}
	if len(src.resets) > 0 {
		t.Errorf("a server that does not serve was reset: %v", src.resets)
	}
}

func TestResetsAndTraceMask(t *testing.T) {
	src := fake(RoleLeader)
	src.m.Requests.Commits.Add(5)
	src.m.Requests.ReadLatency.ObserveDuration(time.Millisecond)
	w := NewWords(src, []string{"*"}, false)
	if got := string(w.Answer("srst", nil)) + string(w.Answer("crst", nil)); got != "Server stats reset.\nConnection stats reset.\n" {
		t.Error(got)
	}
	if src.m.Requests.Commits.Value() != 0 || src.m.Requests.ReadLatency.Totals().Count != 0 || strings.Join(src.resets, " ") != "server conns" {
		t.Errorf("%v", src.resets)
	}
	if got := string(w.Answer("stmk", []byte{0, 0, 0, 0, 0, 0, 1, 50})) + " " + string(w.Answer("gtmk", nil)); got != "306 306" {
		t.Error(got)
	}
}

func TestReadOnlyServers(t *testing.T) {
	src := fake(RoleFollower)
	src.r.Role = RoleReadOnly
	src.r.Data.ReadOnly = true
	w := NewWords(src, nil, true)
	if got := string(w.Answer("isro", nil)); got != "ro" {
		t.Error(got)
	}
	if got := string(w.Answer("srvr", nil)); !strings.Contains(got, "\nREAD-ONLY mode; serving only read-only clients\n") || !strings.Contains(got, "Mode: read-only\n") {
		t.Error(got)
	}
}

func TestOnlyWhatIsShownIsAskedFor(t *testing.T) {
	src := fake(RoleLeader)
	w := NewWords(src, []string{"*"}, false)
	for word, want := range map[string]Parts{"srvr": 0, "mntr": 0, "wchs": 0, "cons": PartConnections, "wchc": PartWatches} {
		if w.Answer(word, nil); src.want != want {
			t.Errorf("%s asked for parts %b, needs %b", word, src.want, want)
		}
	}
}

func get(t *testing.T, h http.Handler, method, url, auth string, body string) (int, string, http.Header) {
	t.Helper()
	req := httptest.NewRequest(method, url, strings.NewReader(body))
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code, w.Body.String(), w.Header()
}

func TestSnapshotAndRestoreNeedCredentials(t *testing.T) {
	now := time.Unix(0, 0)
	b := &fakeBackup{}
	src := fake(RoleStandalone)
	h := NewHandler(src, HandlerOptions{Backup: b, RateInterval: time.Minute, Now: func() time.Time { return now }})
	for _, c := range []struct {
		method, url, auth string
		want              int
	}{
		{"GET", "/commands/snapshot", "", 401},
		{"GET", "/commands/snapshot", "digest super:wrong", 401},
		{"GET", "/commands/snapshot", "digest super:secret extra", 401},
		{"GET", "/commands/snapshot", "digest bob:bob", 403},
		{"POST", "/commands/snapshot", "digest super:secret", 405},
		{"GET", "/commands/snap", "digest super:secret", 200},
		{"GET", "/commands/snapshot", "digest super:secret", 429},
		{"GET", "/commands/restore", "digest super:secret", 405},
		{"POST", "/commands/restore", "", 401},
	} {
		if code, body, _ := get(t, h, c.method, c.url, c.auth, ""); code != c.want {
			t.Errorf("%s %s as %q: %d %s", c.method, c.url, c.auth, code, body)
		}
	}
	now = now.Add(time.Minute)
	code, body, head := get(t, h, "GET", "/commands/snapshot?streaming=true", "digest super:secret", "")
	if code != 200 || body != "SNAP" || head.Get("last_zxid") != "0x23" || head.Get("snapshot_size") != "4" {
		t.Errorf("%d %q %v", code, body, head)
	}
	if code, body, _ := get(t, h, "POST", "/commands/restore", "digest super:secret", "data"); code != 200 || b.restored != "data" || !strings.Contains(body, `"last_zxid" : 66`) {
		t.Errorf("%d %s", code, body)
	}
	now = now.Add(time.Minute)
	if code, body, _ := get(t, h, "POST", "/commands/restore", "digest super:secret", "bad"); code != 500 || !strings.Contains(body, "checksum is wrong") {
		t.Errorf("%d %s", code, body)
	}
	if m := &src.m.Storage; m.RestoreErrors.Value() != 1 || m.SnapshotLimited.Value() != 1 {
		t.Error("errors and limits are counted")
	}
	if code, _, _ := get(t, NewHandler(fake(RoleStandalone), HandlerOptions{}), "GET", "/commands/snapshot", "digest super:secret", ""); code != 503 {
		t.Errorf("without a backup it is disabled: %d", code)
	}
}

// A snapshot that breaks off in the middle ends its connection: the status has been sent, and nothing else tells the client that the file is not whole.
func TestSnapshotThatBreaksOffEndsTheConnection(t *testing.T) {
	server := httptest.NewServer(NewHandler(fake(RoleStandalone), HandlerOptions{Backup: &fakeBackup{breaksOff: true}}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/commands/snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "digest super:secret")
	resp, err := server.Client().Do(req)
	if err != nil {
		return // it ended before the head was sent: the client knows as well
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a snapshot that broke off was read as a whole one of %d bytes", len(b))
	}
}

func TestPagesOfOtherSitesChangeNothing(t *testing.T) {
	src := fake(RoleStandalone)
	req := httptest.NewRequest("GET", "/commands/stat_reset", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	NewHandler(src, HandlerOptions{}).ServeHTTP(w, req)
	if w.Code != 403 || len(src.resets) > 0 {
		t.Fatalf("%d %v", w.Code, src.resets)
	}
}

func TestHealth(t *testing.T) {
	src := fake(RoleFollower)
	h := NewHandler(src, HandlerOptions{})
	if code, body, _ := get(t, h, "GET", "/health/ready", "", ""); code != 200 || body != "ready: follower\n" {
		t.Error(code, body)
	}
	if code, body, _ := get(t, h, "GET", "/health/writable", "", ""); code != 200 || body != "writable: follower\n" {
		t.Error(code, body)
	}
	src.r.Data.LowDisks = []int64{2} // another member's: the whole ensemble refuses growth
	if code, body, _ := get(t, h, "GET", "/health/ready", "", ""); code != 200 || !strings.Contains(body, "servers [2]") {
		t.Errorf("readers are served while a disk is low, and the body says what is not: %d %s", code, body)
	}
	if code, body, _ := get(t, h, "GET", "/health/writable", "", ""); code != 503 || !strings.Contains(body, "servers [2]") {
		t.Errorf("writers are not served while a disk is low: %d %s", code, body)
	}
	src.r.Data.DiskLow = true
	if code, body, _ := get(t, h, "GET", "/metrics", "", ""); code != 200 || !strings.Contains(body, "\ndisk_low 1") || !strings.Contains(body, "\nlow_disks 1") {
		t.Errorf("the alarm is not among the metrics: %d", code)
	}
	src.r.Serving = false
	for _, probe := range []string{"/health/ready", "/health/writable"} {
		if code, _, _ := get(t, h, "GET", probe, "", ""); code != 503 {
			t.Errorf("%s of a server without a leader: %d", probe, code)
		}
	}
	if code, _, _ := get(t, h, "GET", "/health/live", "", ""); code != 200 {
		t.Error("but it lives")
	}
	if code, body, _ := get(t, h, "GET", "/commands/srvr", "", ""); code != 200 || !strings.Contains(body, notServing) {
		t.Error(code, body)
	}
}

func TestEveryAliasAnswers(t *testing.T) {
	h := NewHandler(fake(RoleLeader), HandlerOptions{})
	for _, c := range commandList() {
		for _, n := range c.names {
			code, body, _ := get(t, h, "GET", "/commands/"+n, "", "")
			if want := map[bool]int{true: 401, false: 200}[c.isBackup]; code != want || !strings.Contains(body, `"command" : "`+c.names[0]+`"`) {
				t.Errorf("%s: %d %s", n, code, body)
			}
		}
	}
}

// A line of Prometheus text is a comment or a sample.
func TestMetricsAreWellFormed(t *testing.T) {
	src := fake(RoleLeader)
	src.m.Requests.Namespaces.Writes.Observe("a\"b\\\n\xff", 5)
	src.m.Requests.ReadLatency.ObserveDuration(1500 * time.Microsecond)
	_, body, _ := get(t, NewHandler(src, HandlerOptions{}), "GET", "/metrics", "", "")
	ok := regexp.MustCompile(`^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\\n]|\\.)*",?)+\})? (NaN|[-+.0-9e]+))$`)
	seen := map[string]bool{}
	for l := range strings.Lines(body) {
		l = strings.TrimSuffix(l, "\n")
		if !ok.MatchString(l) {
			t.Errorf("%q", l)
		}
		if strings.HasPrefix(l, "# TYPE") {
			if name := strings.Fields(l)[2]; seen[name] {
				t.Errorf("%s twice", name)
			} else {
				seen[name] = true
			}
		}
	}
	for _, want := range []string{"readlatency_count 1\n", "readlatency_sum 1.5\n", `readlatency{quantile="0.99"} 1.5` + "\n", "go_goroutines ", "znode_count 15\n", "learners 2\n", `fsynctime{quantile="0.5"} NaN` + "\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestSummariesCountWhatTheySaw(t *testing.T) {
	m := NewMetrics()
	s := m.Requests.ReadLatency
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				s.ObserveDuration(time.Duration(g*1000+i+1) * time.Microsecond)
			}
		})
	}
	wg.Wait()
	got := s.Totals()
	if got.Count != 8000 || math.Abs(got.Sum-32004) > 1e-6 || got.Min != 0.001 || got.Max != 8 {
		t.Fatalf("%+v", got)
	}
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
		if v, want := s.Quantile(q), 8*q; math.Abs(v-want) > want/15 {
			t.Errorf("quantile %v: %v, want about %v", q, v, want)
		}
	}
	s.Observe(-5)
	if s.Totals().Count != 8000 {
		t.Error("negative times are dropped")
	}
	m.Reset()
	if got := s.Totals(); got != (Totals{}) || s.Quantile(0.5) != 0 {
		t.Errorf("after a reset: %+v", got)
	}
}

func TestBucketsHoldTheirValues(t *testing.T) {
	for _, v := range []int64{0, 1, 7, 8, 15, 16, 17, 1000, 1 << 20, 1<<40 + 12345, math.MaxInt64} {
		i := bucketOf(v)
		mid := bucketMid(i)
		if bucketOf(mid) != i || math.Abs(float64(mid-v)) > float64(v)/15+1 {
			t.Errorf("%d falls into bucket %d, whose middle is %d in bucket %d", v, i, mid, bucketOf(mid))
		}
	}
}

func TestKeysOfASetAreBounded(t *testing.T) {
	s := &SummarySet{}
	for i := range 3 * maxKeys {
		s.Observe(decimal(int64(i)), 1)
	}
	n, other := 0, int64(0)
	s.each(func(key string, sum *Summary) {
		if n++; key == "other" {
			other = sum.Totals().Count
		}
	})
	if n != maxKeys+1 || other != 2*maxKeys {
		t.Fatalf("%d keys, %d in other", n, other)
	}
}

// As Java's Double.toString prints them.
func TestDoublesReadAsJavaWritesThem(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 14: "14.0", 1.3492: "1.3492", 0.0758: "0.0758", 0.001: "0.001", 0.0001: "1.0E-4", 9999999: "9999999.0", 12345678: "1.2345678E7",
		-2.5: "-2.5", math.NaN(): "NaN", math.Inf(1): "Infinity",
	} {
		if got := javaDouble(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := NewMetrics()
	m.Requests.Namespaces.Reads.Observe("app", 1)
	if n := testing.AllocsPerRun(1000, func() {
		m.Requests.ReadLatency.Observe(12345)
		m.Requests.Commits.Inc()
		m.Requests.Namespaces.Reads.Observe("app", 1)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkCounter(b *testing.B) {
	c := &Counter{}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Inc()
		}
	})
}

func BenchmarkLatency(b *testing.B) {
	s := NewMetrics().Requests.ReadLatency
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for v := int64(1000); pb.Next(); v += 7 {
			s.Observe(v)
		}
	})
}

func BenchmarkMonitor(b *testing.B) {
	src := fake(RoleLeader)
	w := NewWords(src, []string{"*"}, false)
	b.ReportAllocs()
	for b.Loop() {
		w.Answer("mntr", nil)
	}
}
