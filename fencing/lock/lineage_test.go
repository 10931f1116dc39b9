package lock

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
)

// TestLineageThatAClientHasCreated: on a stock ZooKeeper everybody can create /zookeeper/lineage. It is not the word of the server: it neither makes a lineage
// nor keeps out who has one from the operator.
func TestLineageThatAClientHasCreated(t *testing.T) {
	zktest.Require(t, "zookeeper")
	addr := zktest.StartZooKeeper(t, zktest.Config{}).Addr()
	own := testLineage()
	c := rig{t, addr, own}.client(t)
	forged, err := json.Marshal(fencing.Lineage{Cluster: fencing.ID{7}, Incarnation: fencing.ID{8}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.Create("/zookeeper/lineage", forged, 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatalf("a stock ZooKeeper lets everybody create it: %v", err)
	}
	s, err := Connect(ctxFor(t), Config{Servers: []string{addr}, Timeout: 10 * time.Second})
	if err == nil {
		s.Close()
		t.Errorf("the lineage of a stranger is believed: %v", s.Lineage())
	} else if !strings.Contains(err.Error(), "a client has created") {
		t.Errorf("got %v", err)
	}
	s, err = Connect(ctxFor(t), Config{Servers: []string{addr}, Timeout: 10 * time.Second, Lineage: own})
	if err != nil {
		t.Fatalf("a stranger's node keeps out who knows the lineage: %v", err)
	}
	defer s.Close()
	if l := s.known(); l.lineage != own || l.signs {
		t.Errorf("learned %+v", l)
	}
}
