package tool

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"
)

// A burst that no reader takes is kept whole and in order; what is beyond the limit is lost with a word that says how much.
func TestEventsAreKept(t *testing.T) {
	s := &Session{}
	q := s.Listen()
	const burst = 10_000
	for i := range burst {
		s.tell(zk.Event{Path: fmt.Sprint("/", i)})
	}
	for i := range burst {
		if e, err := q.Next(t.Context()); err != nil || e.Path != fmt.Sprint("/", i) {
			t.Fatalf("event %d is %q, %v", i, e.Path, err)
		}
	}
	q.most = 3
	for i := range 5 {
		s.tell(zk.Event{Path: fmt.Sprint("/", i)})
	}
	for i := range 3 {
		if e, err := q.Next(t.Context()); err != nil || e.Path != fmt.Sprint("/", i) {
			t.Errorf("event %d is %q, %v", i, e.Path, err)
		}
	}
	if _, err := q.Next(t.Context()); err == nil || !strings.Contains(err.Error(), "2 events") {
		t.Errorf("behind two that were lost: %v", err)
	}
	s.tell(zk.Event{Path: "/later"})
	if e, err := q.Next(t.Context()); err != nil || e.Path != "/later" {
		t.Errorf("%q, %v", e.Path, err)
	}
	s.Unlisten(q)
	s.tell(zk.Event{Path: "/unheard"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e, err := q.Next(ctx); err == nil {
		t.Errorf("after Unlisten: %q", e.Path)
	}
}
