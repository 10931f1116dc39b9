package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

// kept is an image in memory.
type kept struct {
	bytes.Buffer
	whole bool
}

func (k *kept) Offset() int64 { return int64(k.Len()) }
func (k *kept) Commit() error { k.whole = true; return nil }
func (k *kept) Abort()        {}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serverTwo is a transport of server 2 that listens on l; it knows server 1.
func serverTwo(t testing.TB, l net.Listener, cfg Config) *Transport {
	t.Helper()
	cfg.Identity, cfg.Listener = Identity{ID: 2}, l
	cfg.Resolve = func(zab.Member) []string { return nil }
	if cfg.Deliver == nil {
		cfg.Deliver = func(zab.Message) {}
	}
	two := New(cfg)
	t.Cleanup(two.Close)
	two.EnsembleChanged(zab.EnsembleChange{Committed: zab.Ensemble{Members: []zab.Member{{ID: 1}, {ID: 2}}}})
	return two
}

// serverOne is a transport of server 1 that reaches server 2 at addrs.
func serverOne(t *testing.T, addrs ...string) *Transport {
	t.Helper()
	return serverOneWith(t, Config{}, addrs...)
}

// serverOneWith is serverOne with more of its configuration.
func serverOneWith(t testing.TB, cfg Config, addrs ...string) *Transport {
	t.Helper()
	cfg.Identity, cfg.Listener, cfg.Deliver = Identity{ID: 1}, listen(t), func(zab.Message) {}
	cfg.Resolve = func(zab.Member) []string { return addrs }
	one := New(cfg)
	t.Cleanup(one.Close)
	one.EnsembleChanged(zab.EnsembleChange{Committed: zab.Ensemble{Members: []zab.Member{{ID: 1}, {ID: 2}}}})
	return one
}

func opens(image string) func(int64) (io.ReadCloser, error) {
	return func(off int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader([]byte(image)[off:])), nil
	}
}

// A server whose first network is down is filled by its second one.
func TestImageGoesToAnAddressThatAnswers(t *testing.T) {
	var got kept
	l, down := listen(t), listen(t)
	down.Close()
	serverTwo(t, l, Config{Receive: func(zab.PeerID, []byte) (ImageWriter, error) { return &got, nil }})
	one := serverOne(t, down.Addr().String(), l.Addr().String())
	if err := one.SendImage(t.Context(), 2, []byte("header"), opens("the state"), 0); err != nil {
		t.Fatal(err)
	}
	if got.String() != "the state" || !got.whole {
		t.Errorf("received %q, whole: %v", got.String(), got.whole)
	}
}

// An image that nobody takes any more ends with its context, not when the other side has read it.
func TestImageEndsWithItsContext(t *testing.T) {
	l := listen(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	defer close(goOn)
	serverTwo(t, l, Config{Receive: func(zab.PeerID, []byte) (ImageWriter, error) {
		close(asked)
		<-goOn
		return nil, errors.New("too late")
	}})
	one := serverOne(t, l.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- one.SendImage(ctx, 2, []byte("header"), opens("the state"), 0) }()
	<-asked
	cancel()
	within(t, "SendImage returns", func() {
		if err := <-done; err == nil {
			t.Error("an image that was given up counts as sent")
		}
	})
}
