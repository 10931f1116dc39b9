package lock

import (
	"context"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
)

const idA, idB, idC = "5fd3d0f8-8c9f-4e7b-9d3a-0123456789aa", "5fd3d0f8-8c9f-4e7b-9d3a-0123456789ab", "5fd3d0f8-8c9f-4e7b-9d3a-0123456789ac"

func names(list ...string) (out []fencing.NodeName) {
	for _, n := range list {
		out = append(out, fencing.ParseNodeName(n))
	}
	return out
}

// A token costs a round to a quorum. Who has seen that others stand between it and the holder does not ask for one when one of them goes.
func storyWaitersAskForNothing(t *testing.T, r rig) {
	ctx := ctxFor(t)
	holder, last := r.client(t), r.client(t)
	g, err := holder.NewLock("/patient").Lock(ctx)
	first := take(t, g, err)
	queue := func(n int) {
		t.Helper()
		zktest.Eventually(t, zktest.Patience, "the queue is as it should be", func() bool { return len(children(t, holder, "/patient")) == n })
	}
	var leave []context.CancelFunc
	for i := range 3 {
		c := r.client(t)
		ctx, cancel := context.WithCancel(ctx)
		leave = append(leave, cancel)
		go func() { _, _ = c.NewLock("/patient").Lock(ctx) }()
		queue(2 + i)
	}
	granted := make(chan *Grant, 1)
	go func() {
		if g, err := last.NewLock("/patient").Lock(ctx); err == nil {
			granted <- g
		}
	}()
	queue(5)
	once := 0 // the first look cannot know
	if last.known().signs {
		once = 1
	}
	for i := len(leave) - 1; i > 0; i-- {
		looks := last.p.count()
		leave[i]()
		queue(2 + i)
		zktest.Eventually(t, zktest.Patience, "the last one looks again", func() bool { return last.p.count() > looks })
	}
	leave[0]()
	queue(2)
	if n := last.p.asked(); n > once {
		t.Errorf("a waiter has asked for a token %d times", n)
	}
	if err := first.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	take(t, <-granted, nil)
}

func TestPredecessor(t *testing.T) {
	for _, c := range []struct {
		what, own string
		others    []string
		want      string
	}{
		{"alone", "_c_" + idA + "-lock-0000000005", nil, ""},
		{"only the one right before", "_c_" + idA + "-lock-0000000005", []string{"_c_" + idB + "-lock-0000000001", "_c_" + idC + "-lock-0000000004"}, "_c_" + idC + "-lock-0000000004"},
		{"names sort by id, the queue by number", "_c_" + idA + "-lock-0000000005", []string{"_c_" + idB + "-lock-0000000006"}, ""},
		{"kazoo's and go-zookeeper's nodes queue too", "_c_" + idA + "-lock-0000000005", []string{"5fd3d0f88c9f4e7b9d3a0123456789ab__lock__0000000003", "lock-0000000002"}, "5fd3d0f88c9f4e7b9d3a0123456789ab__lock__0000000003"},
		{"a reader passes readers", "_c_" + idA + "-__READ__0000000005", []string{"_c_" + idB + "-__READ__0000000004"}, ""},
		{"a reader waits for the last writer", "_c_" + idA + "-__READ__0000000005", []string{"_c_" + idB + "-__WRIT__0000000002", "_c_" + idC + "-__READ__0000000004"}, "_c_" + idB + "-__WRIT__0000000002"},
		{"a writer waits for readers", "_c_" + idA + "-__WRIT__0000000005", []string{"_c_" + idC + "-__READ__0000000004"}, "_c_" + idC + "-__READ__0000000004"},
		{"H5: the wrapped newcomer waits", "_c_" + idA + "-lock--2147483648", []string{"_c_" + idB + "-lock-2147483646", "_c_" + idC + "-lock-2147483647"}, "_c_" + idC + "-lock-2147483647"},
		{"H5: the holder before the wrap does not", "_c_" + idA + "-lock-2147483647", []string{"_c_" + idB + "-lock--2147483648"}, ""},
	} {
		got, _ := predecessor(fencing.ParseNodeName(c.own), names(c.others...))
		if got.Name != c.want {
			t.Errorf("%s: waits for %q, want %q", c.what, got.Name, c.want)
		}
	}
}

func TestTwinsOfALostReplyAreTold(t *testing.T) {
	r := &request{protection: idA}
	own, others := r.split(names("_c_"+idA+"-lock-0000000009", "_c_"+idB+"-lock-0000000008", "_c_"+idA+"-lock-0000000007"))
	if len(own) != 2 || own[0].Seq != 7 || len(others) != 1 {
		t.Fatalf("own %v, others %v", own, others)
	}
}
