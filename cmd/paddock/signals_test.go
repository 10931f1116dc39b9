package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// silence is a port that takes connections and answers nothing; each connection is told.
func silence(t *testing.T) (addr string, connected <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan struct{}, 1000)
	var open []net.Conn // until the test ends: a connection that is collected is closed
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, nc)
			came <- struct{}{}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, nc := range open {
			nc.Close()
		}
	})
	return l.Addr().String(), came
}

// TestSignals: a verb that is interrupted while it waits for a server ends with 128 and the number of the signal, whatever it was about to do,
// and does not call the server dead.
func TestSignals(t *testing.T) {
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"get /a", "status", "check", "check network", "check clock --ntp none", "members", "sessions list", "keys list", "transfer-leader 2", "wait", "watch /a",
		"find /", "shell", "lock /a -- true", "token verify --server SERVER TOKEN", "snapshot save IMAGE"} {
		t.Run(line, func(t *testing.T) {
			for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
				addr, connected := silence(t)
				cmd := exec.Command(binary, strings.Fields(strings.NewReplacer("IMAGE", t.TempDir()+"/image", "SERVER", addr).Replace(line))...)
				cmd.Env = append(os.Environ(), "PADDOCK_SERVER="+addr, "PADDOCK_ADMIN="+addr, "PADDOCK_TIMEOUT=10m", "XDG_CONFIG_HOME="+t.TempDir())
				cmd.Stdin = strings.NewReader("get /a\n")
				var errs strings.Builder
				cmd.Stderr = &errs
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case <-connected:
					if err := cmd.Process.Signal(sig); err != nil {
						t.Fatal(err)
					}
					<-ended
				case <-ended:
				}
				if got := cmd.ProcessState.ExitCode(); got != code {
					t.Errorf("%v: exit code %d, want %d: %s", sig, got, code, errs.String())
				}
			}
		})
	}
}

// TestBenchInterrupted: Ctrl-C ends the load, and what was measured until then is printed.
func TestBenchInterrupted(t *testing.T) {
	binary, err := zktest.PaddockBinary()
	if err != nil {
		t.Fatal(err)
	}
	s := zktest.StartPaddock(t, zktest.Config{})
	cmd := exec.Command(binary, "bench", "--servers", s.Addr(), "--warmup", "0", "--duration", "1h", "--keys", "10", "--json", "get", "set")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !zktest.Within(zktest.Patience, func() bool { return received(s.Addr()) > 2000 }) { // far more than the preparation takes
		t.Error("the server was not loaded")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(out.String(), `"workload": "get"`) || !strings.Contains(errs.String(), "paddock: bench: interrupted") {
		t.Errorf("exit code %d, want 130:\n%s%s", code, out.String(), errs.String())
	}
}

// received is how many packets a server says that it has received.
func received(addr string) (n int) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("srvr")); err != nil {
		return 0
	}
	text, _ := io.ReadAll(nc)
	_, rest, _ := strings.Cut(string(text), "Received: ")
	n, _ = strconv.Atoi(strings.SplitN(rest, "\n", 2)[0])
	return n
}
