package redisfence

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// startRedis runs a private server on a Unix socket in a temporary folder.
func startRedis(t testing.TB) *redis.Client {
	t.Helper()
	zktest.Require(t, "redis")
	dir, err := os.MkdirTemp("", "rdf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	t.Cleanup(func() { client.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for client.Ping(ctx).Err() != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("redis-server does not answer")
		}
	}
	return client
}

type store struct {
	g      *fencing.Guard
	s      *Store
	client *redis.Client
}

func open(t testing.TB, g *fencing.Guard, client *redis.Client) store {
	t.Helper()
	if err := client.FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(client, "test")
	if err != nil {
		t.Fatal(err)
	}
	return store{g, s, client}
}

func key(k string) string { return "{test}:" + k }

func (s store) Seal(ctx context.Context, t fencing.Token) error {
	return s.g.Seal(ctx, s.s.Writing(), t)
}

func (s store) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, s.s.Writing(), floor)
}

// Write has no moment between check and write in this process: both are one script.
func (s store) Write(ctx context.Context, t fencing.Token, k, v string, _ func() error) error {
	return s.g.Check(ctx, s.s.Writing(Command{"SET", key(k), v}), t)
}

func (s store) Read(ctx context.Context, k string) (string, error) {
	v, err := s.client.Get(ctx, key(k)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return v, err
}

func (s store) LoseWatermark(ctx context.Context) error {
	return s.client.Del(ctx, s.s.MarkKey(s.g.Scope())).Err()
}

func TestConformance(t *testing.T) {
	client := startRedis(t)
	fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return open(t, g, client) })
	t.Run("several commands, all or none of them checked", func(t *testing.T) { several(t, client) })
	t.Run("warnings", func(t *testing.T) { warnings(t, client) })
}

func several(t *testing.T, client *redis.Client) {
	ctx, w := t.Context(), fencingtest.NewWorld()
	s := open(t, w.Guard(), client)
	if err := s.Enrol(ctx, w.Token(5)); err != nil {
		t.Fatal(err)
	}
	do := func(fence int64) error {
		return s.g.Check(ctx, s.s.Writing(Command{"SET", key("a"), "1"}, Command{"RPUSH", key("l"), "x", "y"}), w.Token(fence))
	}
	if err := do(5); err != nil {
		t.Fatal(err)
	}
	if err := do(4); !errors.Is(err, fencing.ErrStaleToken) {
		t.Fatalf("got %v", err)
	}
	if n := client.LLen(ctx, key("l")).Val(); n != 2 {
		t.Fatalf("the list has %d elements", n)
	}
	if err := s.g.Check(ctx, s.s.Writing(Command{"SET", "elsewhere", "1"}), w.Token(5)); err == nil || !strings.Contains(err.Error(), "{test}") {
		t.Fatalf("a key of another slot: %v", err)
	}
}

func warnings(t *testing.T, client *redis.Client) {
	ctx := t.Context()
	s, err := Open(client, "test")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Warnings(ctx); err != nil || len(got) != 0 {
		t.Fatalf("a careful server: %q, %v", got, err)
	}
	client.ConfigSet(ctx, "maxmemory-policy", "allkeys-lru")
	client.ConfigSet(ctx, "appendfsync", "everysec")
	if got, err := s.Warnings(ctx); err != nil || len(got) != 2 {
		t.Fatalf("a careless server: %q, %v", got, err)
	}
}
