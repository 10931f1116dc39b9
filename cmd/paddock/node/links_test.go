package node

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/zoocfg"
	"github.com/paddock-zk/paddock/zab"
)

// A server listens for peers on one port. One whose line has addresses with several ports says at which of them nobody reaches it.
func TestAddressesWithAnotherPortAreNamed(t *testing.T) {
	for line, want := range map[string]string{
		"10.0.0.1:2888:3888|10.1.0.1:2888:3888": "",
		"10.0.0.1:2888:3888|10.1.0.1:2889:3889": "10.1.0.1:2889",
	} {
		var log bytes.Buffer
		n := &node{self: 3, cfg: &Config{Config: &zoocfg.Config{}}, logger: slog.New(slog.NewTextHandler(&log, nil))}
		addr, err := n.peerAddr(zab.Ensemble{Members: []zab.Member{{ID: 3, Addr: line}}})
		if err != nil || addr != ":2888" {
			t.Errorf("%s: listens at %q, %v", line, addr, err)
		}
		if said := log.String(); (said == "") != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%s: the log says %q, want %q in it", line, said, want)
		}
	}
}
