package cluster

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// meeting lets those who call it go on when so many have called it.
func meeting(t *testing.T, of int) func() {
	t.Helper()
	all, over := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(over) })
	var mu sync.Mutex
	return func() {
		mu.Lock()
		if of--; of == 0 {
			close(all)
		}
		mu.Unlock()
		select {
		case <-all:
		case <-over:
		}
	}
}

// TestAllAreAskedTogether: no server and no port waits for another one. Each of them answers only when all have been asked, so whoever asks
// one after the other gets no answer within --timeout.
func TestAllAreAskedTogether(t *testing.T) {
	status := adminapi.NodeStatus{Server: 1, Role: "leading", Active: true, Zxid: "0x100000007", Version: "1.0.0", Membership: adminapi.Membership{Ensemble: "server.1=a:1:2:participant;0.0.0.0:2181\nversion=100000000"}}
	for _, line := range []string{"status", "check", "members", "top --count 1"} {
		t.Run(line, func(t *testing.T) {
			meet := meeting(t, 4)
			server := slowServer(t, wordsOf("leader"), meet) + "," + slowServer(t, wordsOf("follower"), meet)
			admin := slowAdmin(t, status, meet) + "," + slowAdmin(t, status, meet)
			words := append([]string{"--server", server, "--admin", admin, "--timeout", "4s"}, strings.Fields(line)...)
			if out, errs, code := verb(t, words...); strings.Contains(out+errs, "timeout") || strings.Contains(out+errs, "deadline") {
				t.Errorf("exit code %d:\n%s%s", code, out, errs)
			}
		})
	}
	for _, line := range []string{"health", "health --live", "sessions list"} {
		t.Run(line, func(t *testing.T) {
			meet := meeting(t, 3)
			words := wordsOf("follower")
			words["ruok"], words["dump"], words["cons"] = "imok", "SessionTracker dump:\n", " \n"
			server := slowServer(t, words, meet) + "," + slowServer(t, words, meet) + "," + slowServer(t, words, meet)
			out, errs, code := verb(t, append([]string{"--server", server, "--timeout", "4s"}, strings.Fields(line)...)...)
			if code != 0 || strings.Contains(errs, "timeout") {
				t.Errorf("exit code %d:\n%s%s", code, out, errs)
			}
		})
	}
}

// TestAStoppedServerIsNotLive: the kernel accepts connections for a process that has been stopped; what it does not do is answer. One that says
// that the word is not allowed has answered.
func TestAStoppedServerIsNotLive(t *testing.T) {
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if out, _, code := verb(t, "--server", l.Addr().String(), "--timeout", "100ms", "health", "--live"); code != 1 {
		t.Errorf("a server that does not answer is live: exit code %d: %s", code, out)
	}
	words := map[string]string{"ruok": "ruok is not executed because it is not in the whitelist.\n"}
	if out, errs, code := verb(t, "--server", fakeServer(t, words), "health", "--live"); code != 0 {
		t.Errorf("a server that allows no word is not live: exit code %d: %s%s", code, out, errs)
	}
}

// TestNobodyIsAskedTwice: a verb that has found no server does not wait for one again.
func TestNobodyIsAskedTwice(t *testing.T) {
	asked := make(chan struct{}, 100)
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			word := make([]byte, 4)
			if _, err := io.ReadFull(nc, word); err == nil && string(word) != "srvr" {
				asked <- struct{}{}
			}
		}
	}()
	if _, errs, code := verb(t, "--server", l.Addr().String(), "--timeout", "100ms", "members"); code != tool.ExitNoServer || !strings.Contains(errs, "no server answered") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if len(asked) > 0 {
		t.Error("a session was asked for where nobody answers")
	}
}
