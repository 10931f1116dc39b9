// Package cluster is the verbs that ask the servers themselves: status, check, top, members, sessions, keys, measurements. They ask each server by words on its
// client port and by HTTP on its admin port (ask.go), and join the answers; most work with a stock ZooKeeper too.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// node is what one server answered: by words on its client port, and by HTTP on its admin port.
type node struct {
	server, admin string
	guessed       bool  // the admin address was derived, not given
	failed        error // why the client port gave no answer (or the admin port, where no client port is asked)
	adminFailed   error
	srvr          map[string]string    // the lines of srvr
	monitor       map[string]string    // mntr or /commands/monitor, names without "zk_"
	status        *adminapi.NodeStatus // Paddock's own; nil from a stock ZooKeeper
	asked         time.Duration        // how long /paddock/status took
	clock         time.Duration        // its wall clock less ours; good to within asked/2
	disk          int64                // bytes in its folders, -1 unknown
}

// standing is whether a server serves, as far as it is known.
type standing string

const (
	serving  standing = "serving"
	noQuorum standing = "no quorum" // it runs and serves nobody
	untold   standing = "unknown"   // it accepts connections, but may not answer the words
	down     standing = "down"      // nobody answers
)

// What a server may say instead of an answer to a word.
var (
	errWordNotAllowed = errors.New("not allowed there: add it to 4lw.commands.whitelist, or give --admin")
	errServesNobody   = errors.New("it runs but serves nobody: it has no leader or no quorum")
)

// standing is what the client port says. An admin port that says less good of the same server is believed as well; one that says better is not.
func (n *node) standing() standing {
	switch {
	case errors.Is(n.failed, errServesNobody):
		return noQuorum
	case errors.Is(n.failed, errWordNotAllowed):
		return untold
	case n.failed != nil:
		return down
	case n.status != nil && !n.status.Active, n.role() == "looking":
		return noQuorum
	}
	return serving
}

// FourLetterWord sends a four-letter word to a client port. All of it ends with --timeout, and with ctx.
func FourLetterWord(ctx context.Context, t *tool.Target, addr, word string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	end, _ := ctx.Deadline()
	nc, err := t.Dial(addr, time.Until(end))
	if err != nil {
		return "", fmt.Errorf("%s: %w", addr, err)
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	_ = nc.SetDeadline(end)
	if _, err = nc.Write([]byte(word)); err != nil {
		return "", fmt.Errorf("%s: send %s: %w", addr, word, err)
	}
	if tc, ok := nc.(*net.TCPConn); ok {
		_ = tc.CloseWrite()
	}
	b, err := io.ReadAll(io.LimitReader(nc, 256<<20))
	if err != nil && len(b) == 0 {
		return "", fmt.Errorf("%s: answer of %s: %w", addr, word, err)
	}
	text := string(b)
	switch {
	case strings.Contains(text, "is not executed because it is not in the whitelist"):
		return "", fmt.Errorf("%s: the word %s is %w", addr, word, errWordNotAllowed)
	case strings.Contains(text, "is not currently serving requests"):
		return "", fmt.Errorf("%s: %w", addr, errServesNobody)
	case text == "":
		return "", fmt.Errorf("%s: it closed the connection without an answer to %s", addr, word)
	}
	return text, nil
}

// askHTTP asks an admin port for a report. The answer is JSON that is decoded into v, if v is not nil; a status of 400 or more is an error.
func askHTTP(ctx context.Context, timeout time.Duration, addr, path string, v any) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := tool.Admin{Addr: addr}.Get(ctx, path)
	if err != nil {
		return 0, nil, err
	}
	return readAnswer(r, addr+path, v)
}

// order sends what changes the ensemble to an admin port, as an operator. The answer is read as that of [askHTTP].
func (cl *cluster) order(addr, path string, v any) (code int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(cl.c.Context, cl.target.Timeout)
	defer cancel()
	r, err := tool.Admin{Addr: addr, Auths: cl.target.Auths, Timeout: cl.target.Timeout}.Order(ctx, http.MethodPost, path)
	if err != nil {
		return 0, nil, err
	}
	return readAnswer(r, addr+path, v)
}

// denied says whether a server told that only an operator may have what was asked for.
func denied(err error) bool {
	var e *tool.Error
	return errors.As(err, &e) && e.Code == tool.ExitDenied
}

func readAnswer(r *http.Response, what string, v any) (code int, body []byte, err error) {
	defer r.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(r.Body, 256<<20)); err != nil {
		return r.StatusCode, body, fmt.Errorf("%s: %w", what, err)
	}
	if r.StatusCode >= 400 {
		var answer struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(body, &answer)
		if answer.Error == "" {
			answer.Error = r.Status
		}
		if r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden {
			return r.StatusCode, body, &tool.Error{Tried: what, Happened: answer.Error, Code: tool.ExitDenied}
		}
		return r.StatusCode, body, fmt.Errorf("%s: %s", what, answer.Error)
	}
	if v != nil {
		if err := json.Unmarshal(body, v); err != nil {
			return r.StatusCode, body, fmt.Errorf("%s: %w", what, err)
		}
	}
	return r.StatusCode, body, nil
}

// cluster is the servers that a cluster verb asks.
type cluster struct {
	c      *cli.Context
	target tool.Target
	out    tool.Out
	nodes  []*node
}

// newCluster pairs --server and --admin by their position. Without --admin, port 8080 of each host is tried; without --server (but with
// --admin) no client port is.
func newCluster(c *cli.Context) (*cluster, error) {
	cl := &cluster{c: c}
	var err error
	if cl.target, err = tool.TargetOf(c); err != nil {
		return nil, err
	}
	if cl.out, err = tool.Output(c); err != nil {
		return nil, err
	}
	admins, err := tool.AdminAddresses("--admin", tool.String(c, "admin"))
	if err != nil {
		return nil, err
	}
	servers := cl.target.Servers
	if len(admins) > 0 && !tool.ServersGiven(c) {
		servers = nil
	}
	if len(admins) > 0 && len(servers) > 0 && len(admins) != len(servers) {
		return nil, tool.Usage("%d addresses in --server and %d in --admin: give as many, in the same order", len(servers), len(admins))
	}
	hosts := map[string]bool{}
	for i := range max(len(admins), len(servers)) {
		n := &node{disk: -1}
		if i < len(servers) {
			n.server = servers[i]
		}
		if i < len(admins) {
			n.admin = admins[i]
		} else if host, _, _ := net.SplitHostPort(n.server); !hosts[host] {
			hosts[host], n.guessed, n.admin = true, true, net.JoinHostPort(host, "8080")
		}
		cl.nodes = append(cl.nodes, n)
	}
	return cl, nil
}

// action runs a cluster verb.
func action(least, most int, run func(cl *cluster, words []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		words, err := tool.Args(c, least, most)
		if err != nil {
			return err
		}
		cl, err := newCluster(c)
		if err != nil {
			return err
		}
		if err = run(cl, words); err != nil && c.Context.Err() != nil { // it says what the end of the context has broken
			return tool.Fail(c.Command.Name, context.Cause(c.Context))
		}
		return err
	}
}

// ask asks all servers at once, each by all that it has, within --timeout. The error is that of a signal meanwhile.
func (cl *cluster) ask(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, cl.target.Timeout)
	defer cancel()
	cl.each(func(_ int, n *node) { n.ask(bounded, &cl.target) })
	if ctx.Err() != nil {
		return tool.Fail("ask "+strings.Join(cl.names(), ","), context.Cause(ctx))
	}
	return nil
}

// each does something with all servers at once.
func (cl *cluster) each(do func(i int, n *node)) {
	var wg sync.WaitGroup
	for i, n := range cl.nodes {
		wg.Go(func() { do(i, n) })
	}
	wg.Wait()
}

func (cl *cluster) names() []string {
	list := make([]string, 0, len(cl.nodes))
	for _, n := range cl.nodes {
		list = append(list, n.name())
	}
	return list
}

// ask fills in what one server tells. Both ports are asked at once, so that one that is silent takes no time from the other. The client port
// decides whether it serves; the admin port adds to it, and decides only where no client port is asked. One exception: a client port that
// answers, but not to words, leaves it to the admin port to tell.
func (n *node) ask(ctx context.Context, t *tool.Target) {
	n.failed, n.adminFailed, n.monitor, n.srvr, n.status, n.disk = nil, nil, nil, nil, nil, -1
	var both sync.WaitGroup
	if n.server != "" {
		both.Go(func() { n.askWords(ctx, t) })
	}
	if n.admin != "" {
		both.Go(func() { n.askAdmin(ctx, t) })
	}
	both.Wait()
	if n.admin != "" && n.adminFailed == nil && n.monitor == nil {
		n.askMonitor(ctx, t)
	}
	switch {
	case n.server == "":
		n.failed = n.adminFailed
	case errors.Is(n.failed, errWordNotAllowed) && (n.status != nil || n.monitor != nil):
		n.failed = nil
	}
}

// askWords asks the client port.
func (n *node) askWords(ctx context.Context, t *tool.Target) {
	text, err := FourLetterWord(ctx, t, n.server, "srvr")
	if n.failed = err; err != nil {
		return
	}
	n.srvr = linesOf(text, ":")
	if text, err := FourLetterWord(ctx, t, n.server, "mntr"); err == nil {
		n.monitor = linesOf(text, "\t")
	}
}

// askAdmin asks the admin port for what words do not tell.
func (n *node) askAdmin(ctx context.Context, t *tool.Target) {
	if n.guessed && n.server != "" && !n.sameServer(ctx, t) { // port 8080 of that host belongs to another server, or to nobody
		n.admin = ""
		return
	}
	st, begin := &adminapi.NodeStatus{}, time.Now()
	code, _, err := askHTTP(ctx, t.Timeout, n.admin, "/paddock/status", st)
	n.asked = time.Since(begin)
	switch {
	case err == nil:
		n.status = st
		n.clock = time.UnixMilli(st.Wall).Sub(begin.Add(n.asked / 2))
	case code != http.StatusNotFound:
		if n.adminFailed = err; n.guessed {
			n.adminFailed, n.admin = nil, ""
		}
		return
	}
	var dirs struct {
		Data int64 `json:"datadir_size"`
		Log  int64 `json:"logdir_size"`
	}
	if _, _, err := askHTTP(ctx, t.Timeout, n.admin, "/commands/dirs", &dirs); err == nil && dirs.Data+dirs.Log > 0 {
		n.disk = dirs.Data + dirs.Log
	}
}

// askMonitor asks the admin port for the figures that the client port did not tell.
func (n *node) askMonitor(ctx context.Context, t *tool.Target) {
	var raw map[string]any
	if _, _, err := askHTTP(ctx, t.Timeout, n.admin, "/commands/monitor", &raw); err == nil {
		n.monitor = map[string]string{}
		for k, v := range raw {
			n.monitor[k] = textOf(v)
		}
	} else if n.status == nil && !n.guessed {
		n.adminFailed = err
	}
}

// sameServer says whether a guessed admin port is of the server that has our client port.
func (n *node) sameServer(ctx context.Context, t *tool.Target) bool {
	var conf struct {
		Port int `json:"client_port"`
	}
	_, port, _ := net.SplitHostPort(n.server)
	_, _, err := askHTTP(ctx, min(t.Timeout, 2*time.Second), n.admin, "/commands/configuration", &conf)
	return err == nil && strconv.Itoa(conf.Port) == port
}

func textOf(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// linesOf reads "name: value" lines.
func linesOf(text, sep string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), sep); ok {
			out[strings.TrimPrefix(strings.TrimSpace(k), "zk_")] = strings.TrimSpace(v)
		}
	}
	return out
}

func (n *node) name() string {
	if n.server != "" {
		return n.server
	}
	return n.admin
}

// role is leader, follower, observer, standalone, looking, or "" if unknown.
func (n *node) role() string {
	if m := n.srvr["Mode"]; m != "" {
		return m
	}
	if m := n.monitor["server_state"]; m != "" {
		return m
	}
	if n.status != nil {
		return map[string]string{"leading": "leader", "following": "follower", "observing": "observer"}[n.status.Role] + map[bool]string{true: "looking"}[n.status.Role == "looking"]
	}
	return ""
}

// zxid is the last one that the server has applied; 0 if unknown.
func (n *node) zxid() uint64 {
	text := n.srvr["Zxid"]
	if n.status != nil {
		text = n.status.Zxid
	}
	z, _ := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
	return z
}

// number is a figure of the monitor.
func (n *node) number(names ...string) (float64, bool) {
	for _, name := range names {
		if f, err := strconv.ParseFloat(n.monitor[name], 64); err == nil {
			return f, true
		}
	}
	return 0, false
}

// versionText is the version without the build.
func (n *node) versionText() string {
	if n.status != nil {
		return "paddock " + n.status.Version
	}
	text := n.monitor["version"]
	if text == "" {
		text = n.srvr["Zookeeper version"]
	}
	return regexp.MustCompile(`^[0-9.]+(-paddock-[^ ,]+)?`).FindString(text)
}

// withoutAdmin says whether this is a Paddock whose admin port was not asked: what only that tells is not known.
func (n *node) withoutAdmin() bool {
	return n.status == nil && strings.Contains(n.versionText(), "-paddock-")
}

// diskLow says whether the server's disk is nearly full: as its admin port tells, or else its word mntr. known is false where neither does, as on a stock ZooKeeper.
func (n *node) diskLow() (low, known bool) {
	if n.status != nil {
		return n.status.DiskLow, true
	}
	v, known := n.number("disk_low")
	return v != 0, known
}
