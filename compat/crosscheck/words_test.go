package crosscheck

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/client"
	"github.com/paddock-zk/paddock/compat/zktest"
)

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
		if _, err := c.Handshake(client.Hello{Timeout: 30000}, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		w := Request{Op: opAddWatch, Args: []Arg{strArg{v: "/w"}, intArg{0}}}
		if _, err := c.Call(1, w.Op, func(b []byte) []byte { return append(b, w.appendFrame(nil, 0, place{})[8:]...) }, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := CompareWords(context.Background(), l, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "mntr: only right") {
			t.Error(line)
		}
	}
}
