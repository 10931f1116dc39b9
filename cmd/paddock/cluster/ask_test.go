package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// The host of the fake servers: nobody has an admin port on it, so that a guess of one leads nowhere.
const host = "127.0.0.77"

// fakeServer answers four-letter words as it is told, and hangs up on others.
func fakeServer(t *testing.T, answers map[string]string) (addr string) {
	t.Helper()
	return slowServer(t, answers, func() {})
}

// slowServer is a fakeServer that does something before each answer.
func slowServer(t *testing.T, answers map[string]string, before func()) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				word := make([]byte, 4)
				if _, err := io.ReadFull(nc, word); err == nil {
					before()
					_, _ = io.WriteString(nc, answers[string(word)])
				}
			}()
		}
	}()
	return l.Addr().String()
}

// deadServer is an address where nobody listens.
func deadServer(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fakeAdmin is the admin port of a Paddock.
func fakeAdmin(t *testing.T, st adminapi.NodeStatus) (addr string) {
	t.Helper()
	return slowAdmin(t, st, func() {})
}

// slowAdmin is a fakeAdmin that does something before its status.
func slowAdmin(t *testing.T, st adminapi.NodeStatus, before func()) (addr string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/paddock/status", func(w http.ResponseWriter, _ *http.Request) {
		before()
		st.Wall = time.Now().UnixMilli()
		_ = json.NewEncoder(w).Encode(st)
	})
	mux.HandleFunc("/health/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready: standalone") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// wordsOf are the words of a server that is well.
func wordsOf(role string) map[string]string {
	return map[string]string{"srvr": "Zookeeper version: 3.9.5-paddock-1.0.0, built on 2026-01-01\nZxid: 0x100000007\nMode: " + role + "\nNode count: 7\n", "mntr": "zk_avg_latency\t0\n"}
}

var withoutQuorum = map[string]string{"srvr": "This ZooKeeper instance is not currently serving requests\n", "mntr": "This ZooKeeper instance is not currently serving requests\n"}

// verb runs a command line and gives what it printed and its exit code.
func verb(t *testing.T, line ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	app := &cli.App{Name: "paddock", Commands: Commands(), Flags: tool.Flags(), Writer: &out, ErrWriter: &errs, ExitErrHandler: func(*cli.Context, error) {}}
	if err := app.RunContext(t.Context(), append([]string{"paddock"}, line...)); err != nil {
		code = tool.ExitStatus(err)
		fmt.Fprintln(&errs, err)
	}
	return out.String(), errs.String(), code
}

// TestTheClientPortDecides: a server is well only if its client port says so, whatever an admin port says or whether there is one.
func TestTheClientPortDecides(t *testing.T) {
	well, dead, lost := fakeServer(t, wordsOf("standalone")), deadServer(t), fakeServer(t, withoutQuorum)
	leader, follower := fakeServer(t, wordsOf("leader")), fakeServer(t, wordsOf("follower"))
	admin := fakeAdmin(t, adminapi.NodeStatus{Server: 1, Role: "leading", Active: true, Zxid: "0x100000007", Version: "1.0.0"})
	refused := fakeServer(t, map[string]string{"srvr": "srvr is not executed because it is not in the whitelist.\n", "ruok": "imok"})
	for _, c := range []struct {
		name                  string
		server, admin         string
		status, check, health int
		says                  string // in the table of status
		nagios                string
	}{
		{name: "one that is well", server: well, says: "standalone", nagios: "OK"},
		{name: "nobody listens", server: dead, status: 69, check: 2, health: 1, says: "DOWN", nagios: "CRITICAL"},
		{name: "nobody listens, and the admin port says that all is well", server: dead, admin: admin, status: 69, check: 2, health: 1, says: "DOWN", nagios: "CRITICAL"},
		{name: "no quorum", server: lost, status: 1, check: 2, health: 1, says: "NO QUORUM", nagios: "CRITICAL"},
		{name: "no quorum, and the admin port says that all is well", server: lost, admin: admin, status: 1, check: 2, health: 1, says: "NO QUORUM", nagios: "CRITICAL"},
		{name: "one of three is dead", server: leader + "," + dead + "," + follower, status: 1, check: 2, health: 1, says: "DOWN", nagios: "CRITICAL"},
		{name: "one of three has no quorum", server: leader + "," + lost + "," + follower, status: 1, check: 2, health: 1, says: "NO QUORUM", nagios: "CRITICAL"},
		{name: "three are dead", server: dead + "," + deadServer(t) + "," + deadServer(t), status: 69, check: 2, health: 1, says: "DOWN", nagios: "CRITICAL"},
		{name: "the words are not allowed, and nobody else tells", server: refused, status: 69, check: 3, health: 1, says: "UNKNOWN", nagios: "UNKNOWN"},
		{name: "the words are not allowed, and the admin port tells", server: refused, admin: admin, says: "leader", nagios: "OK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			flags := []string{"--server", c.server, "--timeout", "2s"}
			if c.admin != "" {
				flags = append(flags, "--admin", c.admin)
			}
			out, errs, code := verb(t, append(flags, "-o", "table", "status")...)
			if code != c.status || !strings.Contains(out, c.says) {
				t.Errorf("status: exit code %d, want %d with %q:\n%s%s", code, c.status, c.says, out, errs)
			}
			if _, errs, code := verb(t, append(flags, "check")...); code != c.check {
				t.Errorf("check: exit code %d, want %d: %s", code, c.check, errs)
			}
			if out, _, code := verb(t, append(flags, "check", "--format", "nagios")...); code != c.check || !strings.HasPrefix(out, "PADDOCK "+c.nagios) {
				t.Errorf("check --format nagios: exit code %d, want %d and %s: %s", code, c.check, c.nagios, out)
			}
			if out, _, code := verb(t, append(flags, "health")...); code != c.health {
				t.Errorf("health: exit code %d, want %d: %s", code, c.health, out)
			}
		})
	}
}

// TestOnlyAnOperatorMay: an order that a server refuses since nobody proved to be an operator ends with the exit code of that, and not with advice
// about another address or server.
func TestOnlyAnOperatorMay(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /paddock/status", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(adminapi.NodeStatus{Server: 1, Role: "leading", Active: true, Leader: 1, Zxid: "0x1"})
	})
	mux.HandleFunc("GET /paddock/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"serial": "1"}`) })
	mux.HandleFunc("POST /paddock/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error": "only an operator may"}`)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	for _, line := range [][]string{{"keys", "rotate"}, {"transfer-leader", "2"}} {
		_, errs, code := verb(t, append([]string{"--admin", s.Listener.Addr().String(), "--server", deadServer(t), "--timeout", "2s"}, line...)...)
		if code != tool.ExitDenied || !strings.Contains(errs, "only an operator may") || strings.Contains(errs, "; ") {
			t.Errorf("%v: exit code %d, want %d: %s", line, code, tool.ExitDenied, errs)
		}
	}
}

// TestNotAsked: what only the admin port tells is shown as not asked where there is none, and is no failure.
func TestNotAsked(t *testing.T) {
	well := fakeServer(t, wordsOf("standalone"))
	out, _, code := verb(t, "--server", well, "check")
	if code != 0 || !strings.Contains(out, "SKIP    disk "+well+": not asked") {
		t.Errorf("check: exit code %d:\n%s", code, out)
	}
	if out, _, code := verb(t, "--server", well, "check", "--format", "nagios"); code != 0 || !strings.Contains(out, "not asked: disk "+well) {
		t.Errorf("check --format nagios: exit code %d:\n%s", code, out)
	}
	out, errs, code := verb(t, "--server", well, "-o", "json", "status")
	if code != 0 || !strings.Contains(out, `"notAsked"`) || !strings.Contains(errs, "--admin") {
		t.Errorf("status: exit code %d:\n%s%s", code, out, errs)
	}
	if _, errs, code := verb(t, "--server", well, "check", "clock", "--ntp", "none"); code != 3 {
		t.Errorf("check clock with nobody to ask: exit code %d: %s", code, errs)
	}
	for _, c := range [][2]string{{"disk", "SKIP    room "}, {"network", "SKIP    peers "}} {
		if out, _, _ := verb(t, "--server", well, "check", c[0]); !strings.Contains(out, c[1]+well+": not asked") {
			t.Errorf("check %s:\n%s", c[0], out)
		}
	}
	words := wordsOf("standalone")
	words["mntr"] += "zk_disk_low\t1\nzk_low_disks\t1\n"
	full := fakeServer(t, words)
	for _, c := range [][]string{{"check"}, {"check", "disk"}} { // the alarm is among the words' figures
		if out, _, code := verb(t, append([]string{"--server", full}, c...)...); code == 0 || !strings.Contains(out, "too little") {
			t.Errorf("%v of a server whose disk is low: exit code %d:\n%s", c, code, out)
		}
	}
	stock := fakeServer(t, map[string]string{"srvr": "Zookeeper version: 3.9.5-1, built on 2026-01-01\nZxid: 0x7\nMode: standalone\n", "mntr": "zk_avg_latency\t0\n"})
	if out, _, code := verb(t, "--server", stock, "check"); code != 0 || strings.Contains(out, "SKIP") {
		t.Errorf("a stock ZooKeeper has no alarm of its disk to be asked: exit code %d:\n%s", code, out)
	}
}

// TestEpochAndGeneration: the upper bits of a Paddock's epoch are the generation of its zxids, and are shown as that. A stock ZooKeeper has none.
func TestEpochAndGeneration(t *testing.T) {
	words := wordsOf("standalone")
	words["srvr"] = strings.ReplaceAll(words["srvr"], "0x100000007", "0x200000500000007")
	server := fakeServer(t, words)
	stock := fakeServer(t, map[string]string{"srvr": "Zookeeper version: 3.9.5-1, built on 2026-01-01\nZxid: 0x200000500000007\nMode: standalone\n"})
	admin := fakeAdmin(t, adminapi.NodeStatus{Server: 1, Role: "leading", Active: true, Epoch: 2<<24 | 6, Zxid: "0x200000500000007", Version: "1.0.0"})
	for _, c := range []struct {
		line, want string
	}{
		{"--server " + server, `"generation": 2,"epoch": 5,`},
		{"--server " + server + " --admin " + admin, `"generation": 2,"epoch": 6,`}, // it has led nothing in that epoch yet
		{"--server " + stock, `"generation": null,"epoch": 33554437,`},
	} {
		out, errs, _ := verb(t, append(strings.Fields(c.line), "-o", "json", "status")...)
		if text := regexp.MustCompile(`\n\s*`).ReplaceAllString(out, ""); !strings.Contains(text, c.want) {
			t.Errorf("%s: no %s in\n%s%s", c.line, c.want, out, errs)
		}
	}
}
