package crosscheck

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// internals are metrics of stages that only ZooKeeper's own implementation has: its processors, their queues and threads.
var internals = regexp.MustCompile(`dead_watch|commit_proc|processor|outstanding_changes|inflight_|learner_request|write_committed|netty_|` +
	`om_(commit|proposal)|pending_session_queue|proposal_(ack_creation|process)|reads_(after|issued)|session_queues_drained|` +
	`request_(commit_queued|throttle_queue)|socket_closing|close_session_prep|write_batch_time|skip_learner`)

// Monitoring tools find in Paddock's four-letter words all that they find in ZooKeeper's. Paddock may say more in mntr.
func TestFourLetterWords(t *testing.T) {
	l, r := *left, *right
	if l == "" {
		l = start(t, zktest.ZooKeeper, variants()["extended"])
	}
	if r == "" {
		r = start(t, zktest.Paddock, variants()["extended"])
	}
	for _, addr := range []string{l, r} {
		c, err := client.Dial(context.Background(), addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Handshake(client.Hello{Timeout: 30000}, zktest.Patience); err != nil {
			t.Fatal(err)
		}
		w := Request{Op: opAddWatch, Args: []Arg{strArg{v: "/w"}, intArg{0}}}
		if _, err := c.Call(1, w.Op, func(b []byte) []byte { return append(b, w.appendFrame(nil, 0, place{})[8:]...) }, zktest.Patience); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := CompareWords(context.Background(), l, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "mntr: only right"), strings.HasPrefix(line, "envi: only right says go."):
		case strings.HasPrefix(line, "mntr: only left") && internals.MatchString(line):
		default:
			t.Error(line)
		}
	}
}
