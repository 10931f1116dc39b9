package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// TestLogInWords: both forms of the log show a zxid, a session and an address in the same way, and numbers stay numbers.
func TestLogInWords(t *testing.T) {
	attrs := []any{"zxid", zxid.New(zxid.NewEpoch(1, 2), 3), "session", session.ID(0x1000a), "role", zab.Leading, "remote", &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5},
		"err", errors.New("why"), "leader", zab.PeerID(2), "count", 7, "at", time.Unix(0, 0).UTC(), "nothing", nil, "wrong", (*net.TCPAddr)(nil)}
	want := map[string]any{"zxid": "0x100000200000003", "session": "0x1000a", "role": "LEADING", "remote": "10.0.0.1:5", "err": "why", "leader": 2.0, "count": 7.0,
		"at": "1970-01-01T00:00:00Z", "nothing": nil, "wrong": "<nil>"}
	var out strings.Builder
	log, err := newLogger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("said", attrs...)
	var got map[string]any
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s: %v, want %v", name, got[name], v)
		}
	}
	out.Reset()
	if log, err = newLogger(&out, "text", "info"); err != nil {
		t.Fatal(err)
	}
	log.Info("said", slog.Group("in", "zxid", zxid.New(1, 1)), "role", zab.Following)
	if s := out.String(); !strings.Contains(s, "in.zxid=0x100000001 role=FOLLOWING") {
		t.Errorf("text: %s", s)
	}
}
