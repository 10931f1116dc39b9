package admin

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// HandlerOptions configure [NewHandler]. The zero value gives /commands, /metrics and /health without backup.
type HandlerOptions struct {
	URL          string           // where the commands are; empty: /commands
	Backup       Backup           // nil: snapshot and restore are disabled
	NoSnapshot   bool             // admin.snapshot.enabled=false
	NoRestore    bool             // admin.restore.enabled=false
	RateInterval time.Duration    // at most one snapshot and one restore in that time; 0: no limit
	Now          func() time.Time // nil: time.Now. For the rate limit only
	NoMetrics    bool             // /metrics is served elsewhere, or not at all
}

// handler serves one server's commands.
type handler struct {
	src      Source
	opts     HandlerOptions
	commands map[string]command
	primary  []string // sorted
	mu       sync.Mutex
	last     map[string]time.Time // command → when it last ran
}

// NewHandler makes the HTTP face of a server: URL and URL/<command>, /metrics, /health/live, /health/ready and /health/writable.
func NewHandler(src Source, opts HandlerOptions) http.Handler {
	if opts.URL == "" {
		opts.URL = "/commands"
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	h := &handler{src: src, opts: opts, commands: map[string]command{}, last: map[string]time.Time{}}
	for _, c := range commandList() {
		h.primary = append(h.primary, c.names[0])
		for _, n := range c.names {
			h.commands[n] = c
		}
	}
	slices.Sort(h.primary)
	mux := http.NewServeMux()
	mux.HandleFunc(opts.URL, h.index)
	mux.HandleFunc(opts.URL+"/", h.command)
	mux.HandleFunc("/health/live", h.live)
	mux.HandleFunc("/health/ready", h.ready)
	mux.HandleFunc("/health/writable", h.writable)
	if !opts.NoMetrics {
		mux.Handle("/metrics", NewMetricsHandler(src, true))
	}
	return mux
}

// index lists links to all commands.
func (h *handler) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	for _, name := range h.primary {
		link := html.EscapeString(h.opts.URL + "/" + name)
		fmt.Fprintf(w, "<a href=\"%s\">%s</a>\n<br/>\n", link, name)
	}
}

// live says that the process answers at all: for a supervisor that restarts what hangs.
func (h *handler) live(w http.ResponseWriter, _ *http.Request) {
	h.src.Report(0)
	fmt.Fprintln(w, "live")
}

// ready says whether clients are served: for a load balancer. It says 503 while there is no leader. While a disk is low readers are served, and so it says ready, and what
// is refused.
func (h *handler) ready(w http.ResponseWriter, _ *http.Request) {
	r := h.src.Report(0)
	if why := unready(&r); why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "ready: %s\n", r.Role)
	if low := lowDisks(&r); low != "" {
		fmt.Fprintln(w, low)
	}
}

// writable says whether writes of every kind are taken: for whoever routes or starts writers. It says 503 too while a disk is low.
func (h *handler) writable(w http.ResponseWriter, _ *http.Request) {
	r := h.src.Report(0)
	why := unready(&r)
	if why == "" {
		why = lowDisks(&r)
	}
	if why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "writable: %s\n", r.Role)
}

// unready says why clients are not served here; "" if they are.
func unready(r *Report) string {
	switch {
	case !r.Serving:
		return notServing
	case r.Idle:
		return "leading: clients are left to the other servers (leaderServes=no)"
	case r.Data.ReadOnly:
		return "read-only: no majority can be reached"
	}
	return ""
}

// lowDisks says that writes are refused since disks are nearly full; "" if none is.
func lowDisks(r *Report) string {
	if len(r.Data.LowDisks) == 0 && !r.Data.DiskLow {
		return ""
	}
	return fmt.Sprintf("disk nearly full (servers %v): creates and writes that do not make their node smaller are refused, reads and deletes go on", r.Data.LowDisks)
}

func (h *handler) command(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, h.opts.URL+"/")
	if name == "" {
		h.index(w, req)
		return
	}
	c, ok := h.commands[name]
	if !ok {
		refuse(w, http.StatusOK, name, "Unknown command: "+name)
		return
	}
	name = c.names[0]
	if c.changes && req.Header.Get("Sec-Fetch-Site") == "cross-site" {
		refuse(w, http.StatusForbidden, name, "refused: the request comes from another site's page")
		return
	}
	r := h.src.Report(c.parts)
	if !c.anytime && !r.Serving {
		refuse(w, http.StatusOK, name, notServing)
		return
	}
	if c.isBackup {
		h.backup(w, req, name)
		return
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		refuse(w, http.StatusMethodNotAllowed, name, "use GET")
		return
	}
	answer(w, http.StatusOK, name, c.run(h, &r, req.URL.Query()))
}

// refuse answers with an error and nothing else.
func refuse(w http.ResponseWriter, status int, name, text string) {
	answer(w, status, name, object{{"command", name}, {"error", text}})
}

// answer writes an object and, behind it, the fields that every answer has.
func answer(w http.ResponseWriter, status int, name string, o object) {
	if !o.has("command") {
		o.put("command", name)
	}
	if !o.has("error") {
		o.put("error", nil)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(appendJSON(nil, o, 0))
}

// backup serves snapshot and restore: credentials, then the switch, then the rate, then the work. (Commands.runCommand)
func (h *handler) backup(w http.ResponseWriter, req *http.Request, name string) {
	if status, text := h.authorize(req); status != http.StatusOK {
		refuse(w, status, name, text)
		return
	}
	restore := name == "restore"
	if want := map[bool]string{true: http.MethodPost, false: http.MethodGet}[restore]; req.Method != want {
		refuse(w, http.StatusMethodNotAllowed, name, "use "+want)
		return
	}
	if h.opts.Backup == nil || restore && h.opts.NoRestore || !restore && h.opts.NoSnapshot {
		answer(w, http.StatusServiceUnavailable, name, nil)
		return
	}
	m := &h.src.Metrics().Storage
	if !h.allow(name) {
		map[bool]*Counter{true: m.RestoreLimited, false: m.SnapshotLimited}[restore].Inc()
		answer(w, http.StatusTooManyRequests, name, nil)
		return
	}
	start := h.opts.Now()
	var err error
	if restore {
		err = h.restore(w, req)
		m.RestoreTime.ObserveDuration(h.opts.Now().Sub(start))
	} else {
		err = h.snapshot(w, req)
	}
	if err != nil {
		map[bool]*Counter{true: m.RestoreErrors, false: m.SnapshotErrors}[restore].Inc()
		status := http.StatusInternalServerError
		if errors.Is(err, ErrUnavailable) {
			status = http.StatusServiceUnavailable
		}
		refuse(w, status, name, err.Error())
	}
}

func (h *handler) authorize(req *http.Request) (status int, text string) {
	header := req.Header.Get("Authorization")
	if header == "" {
		return http.StatusUnauthorized, "Auth info is missing for the command"
	}
	if h.opts.Backup == nil {
		return http.StatusOK, ""
	}
	parts := strings.Split(header, " ")
	if len(parts) > 2 {
		return http.StatusUnauthorized, "Not authenticated"
	}
	var credentials []byte
	if len(parts) == 2 {
		credentials = []byte(parts[1])
	}
	switch err := h.opts.Backup.Authorize(req, parts[0], credentials); {
	case err == nil:
		return http.StatusOK, ""
	case errors.Is(err, ErrNotAuthenticated):
		return http.StatusUnauthorized, "Not authenticated"
	case errors.Is(err, ErrNotAuthorized):
		return http.StatusForbidden, "Not authorized"
	}
	return http.StatusInternalServerError, "Error occurred during auth"
}

// allow keeps one run per interval and command.
func (h *handler) allow(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.opts.Now()
	if last, ok := h.last[name]; ok && now.Sub(last) < h.opts.RateInterval {
		return false
	}
	h.last[name] = now
	return true
}

func (h *handler) snapshot(w http.ResponseWriter, req *http.Request) error {
	zxid, size, body, err := h.opts.Backup.Snapshot(req.Context())
	if err != nil {
		return fmt.Errorf("the snapshot could not be taken: %w", err)
	}
	defer body.Close()
	w.Header().Set("last_zxid", "0x"+hex(zxid))
	if size >= 0 {
		w.Header().Set("snapshot_size", decimal(size))
	}
	if q := req.URL.Query(); q.Has("streaming") && !strings.EqualFold(q.Get("streaming"), "true") {
		answer(w, http.StatusOK, "snapshot", nil)
		return nil
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if size >= 0 {
		w.Header().Set("Content-Length", decimal(size))
	}
	if _, err := io.Copy(w, body); err != nil {
		h.src.Metrics().Storage.SnapshotErrors.Inc()
		panic(http.ErrAbortHandler) // the status is out: only a broken connection can say that the file is incomplete
	}
	return nil
}

func (h *handler) restore(w http.ResponseWriter, req *http.Request) error {
	zxid, err := h.opts.Backup.Restore(req.Context(), req.Body)
	if err != nil {
		return fmt.Errorf("the snapshot was not restored: %w", err)
	}
	answer(w, http.StatusOK, "restore", object{{"last_zxid", zxid}})
	return nil
}
