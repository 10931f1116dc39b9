package cluster

import (
	"encoding/binary"
	"net"
	"testing"
	"time"
)

// fakeNTP answers as an NTP server whose clock is ahead by so much.
func fakeNTP(t *testing.T, ahead time.Duration) (addr string) {
	t.Helper()
	sock, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close() })
	stamp := func(b []byte, at time.Time) { // seconds since 1900, and a fraction of 2^32
		binary.BigEndian.PutUint32(b, uint32(at.Unix()+2208988800))
		binary.BigEndian.PutUint32(b[4:], uint32(uint64(at.Nanosecond())<<32/1e9))
	}
	go func() {
		for q := make([]byte, 512); ; {
			n, from, err := sock.ReadFrom(q)
			if err != nil {
				return
			}
			if n < 48 {
				continue
			}
			now := time.Now().Add(ahead)
			a := make([]byte, 48)
			a[0], a[1], a[2], a[3] = 4<<3|4, 1, 6, 0xec // version 4, server; stratum 1; poll; precision
			copy(a[12:], "GPS\x00")
			stamp(a[16:], now.Add(-time.Second))
			copy(a[24:32], q[40:48])
			stamp(a[32:], now)
			stamp(a[40:], now)
			_, _ = sock.WriteTo(a, from)
		}
	}()
	return sock.LocalAddr().String()
}

// TestClockAsksServers: three real exchanges; the liar is named and not believed, and our own offset is judged by the other two.
func TestClockAsksServers(t *testing.T) {
	honest, also, liar := fakeNTP(t, 0), fakeNTP(t, time.Millisecond), fakeNTP(t, 5*time.Second)
	samples := clockAsk([]string{honest, liar, also}, time.Minute)
	states := map[string]checkState{}
	for _, r := range clockJudge(samples, 100, 1000) {
		states[r.Name+" "+r.Server] = r.State
	}
	want := map[string]checkState{"ntp " + honest: checkPass, "ntp " + also: checkPass, "ntp " + liar: checkWarn, "clock offset ": checkPass}
	for name, state := range want {
		if got, ok := states[name]; !ok || got != state {
			t.Errorf("%s: %v (said: %v), want %v; samples %+v", name, got, ok, state, samples)
		}
	}
	ahead := clockAsk([]string{fakeNTP(t, 3*time.Second)}, time.Minute)
	for _, r := range clockJudge(ahead, 100, 1000) {
		if r.Name == "clock offset" && r.State != checkFail {
			t.Errorf("three seconds off: %+v", r)
		}
	}
}

// TestClockDrift: a wall clock that jumped is told from one that drifts.
func TestClockDrift(t *testing.T) {
	begin := time.Now()
	at := func(offset float64) []clockSample { return []clockSample{{server: "a", offset: offset, doubt: 1}} }
	for _, r := range clockDrift(at(0), at(60), begin, begin.Add(10*time.Second)) {
		if r.Name == "clock drift" && r.State != checkFail {
			t.Errorf("60 ms in 10 s: %+v", r)
		}
		if r.Name == "clock step" && r.State != checkPass {
			t.Errorf("no step: %+v", r)
		}
	}
}
