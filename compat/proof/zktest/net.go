package zktest

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ports handed out lie below the kernel's ephemeral range (32768 and up on Linux): an outgoing connection cannot take the port
// of a server that is down for a moment.
const firstPort, lastPort = 12000, 32000

// FreeAddr is host:port of a port that nobody listens on. The host need not be of this network namespace. It is not given out again
// while this process lives, to no test of another process either: a server that is down for a moment finds its port free.
func FreeAddr(host string) string {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if !reserve(port) {
			continue
		}
		addr := net.JoinHostPort(host, strconv.Itoa(port))
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			if strings.Contains(err.Error(), "cannot assign requested address") {
				return addr // another namespace's address
			}
			continue
		}
		listener.Close()
		return addr
	}
	panic("zktest: no free port in a thousand tries")
}

// reserve takes the port's lock file until this process ends: the descriptor is left open on purpose.
func reserve(port int) bool {
	dir := filepath.Join(os.TempDir(), "paddock-test-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		panic(fmt.Sprintf("zktest: ports are reserved in %s: %v", dir, err))
	}
	fd, err := unix.Open(filepath.Join(dir, strconv.Itoa(port)), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return false // another user's
	}
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		unix.Close(fd)
		return false
	}
	return true
}

// Handshake tells whether the server completes a client's handshake, by asking for a session that does not exist: the refusal
// is an answer, creates nothing and takes no zxid.
func Handshake(addr string, timeout time.Duration) error {
	conn, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(timeout))
	request := make([]byte, 0, 49)
	request = binary.BigEndian.AppendUint32(request, 45)
	request = binary.BigEndian.AppendUint32(request, 0)    // protocol version
	request = binary.BigEndian.AppendUint64(request, 0)    // last zxid seen
	request = binary.BigEndian.AppendUint32(request, 4000) // timeout
	request = binary.BigEndian.AppendUint64(request, 1)    // a session id that no server gives out
	request = binary.BigEndian.AppendUint32(request, 16)
	request = append(request, make([]byte, 16)...)
	request = append(request, 0) // not read-only
	if _, err := conn.Write(request); err != nil {
		return err
	}
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return fmt.Errorf("no answer to the handshake: %w", err)
	}
	return nil
}

// FourLetters sends a four-letter word and returns all that comes back.
func FourLetters(addr, word string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, word); err != nil {
		return "", err
	}
	text, err := io.ReadAll(conn)
	return string(text), err
}

// Mode is what srvr says the server is: standalone, leader, follower, observer, or "" if it does not say.
func Mode(addr string) string {
	text, err := FourLetters(addr, "srvr")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if mode, found := strings.CutPrefix(line, "Mode:"); found {
			return strings.TrimSpace(mode)
		}
	}
	return ""
}

// PromiseBroken begins the message of a checker that saw what must never be, as a lost write or a token that was given twice. `.ci/run` runs a test
// that failed once more where real processes are started, but not one that says this.
const PromiseBroken = "PROMISE BROKEN:"

// Patience is how long a test waits for what should come in a moment. It is no measure of how long that takes: a machine on which everything runs at once
// may take many times as long, and only what never comes is a failure.
const Patience = 2 * time.Minute

// Eventually asks again and again until the answer is yes, and fails the test after that long. It is for real processes,
// whose progress no channel tells; a test of our own code waits for the event itself.
func Eventually(t testing.TB, within time.Duration, what string, yes func() bool) {
	t.Helper()
	if !Within(within, yes) {
		t.Fatalf("after %v still not: %s", within, what)
	}
}

// Within asks again and again until the answer is yes, for that long.
func Within(within time.Duration, yes func() bool) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if yes() {
			return true
		}
		select {
		case <-deadline.C:
			return yes()
		case <-tick.C:
		}
	}
}
