package redisfence

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/paddock-zk/paddock/fencing"
)

// Command is one Redis command with its arguments; the second word is its key, which contains the store's {tag}.
type Command []string

// Store is the watermarks of one hash slot. Safe from any goroutine.
type Store struct {
	client redis.Scripter
	raw    redis.Cmdable
	tag    string
	script *redis.Script
}

// Open names the hash slot; tag is the text between the braces of every key.
func Open(client redis.UniversalClient, tag string) (*Store, error) {
	if tag == "" || strings.ContainsAny(tag, "{}") {
		return nil, fmt.Errorf("redisfence: tag %q: a word without braces", tag)
	}
	return &Store{client: client, raw: client, tag: tag, script: redis.NewScript(source)}, nil
}

// source compares and writes. KEYS: the mark, then the key of each command. ARGV: the mark that was judged ("" for none), the mark to
// store ("" to leave it), then for each command its length and words. It answers {"done"} or {"mark", what is there}.
const source = `
local seen = redis.call('GET', KEYS[1]) or ''
if seen ~= ARGV[1] then return {'mark', seen} end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('PERSIST', KEYS[1]) end
local at = 3
while at <= #ARGV do
	local n = tonumber(ARGV[at])
	local words = {}
	for i = 1, n do words[i] = ARGV[at + i] end
	local reply = redis.pcall(unpack(words))
	if type(reply) == 'table' and reply.err then return redis.error_reply(reply.err) end
	at = at + n + 1
end
return {'done', ''}`

// Writing gives the watermarks for one guarded step of commands; none to seal or enrol.
func (s *Store) Writing(commands ...Command) fencing.Watermarks { return step{s, commands} }

type step struct {
	store    *Store
	commands []Command
}

// maxTries bounds the redone steps; each means that another token was faster.
const maxTries = 100

// Raise is the fencing.Watermarks contract.
func (s step) Raise(ctx context.Context, c fencing.Claim) error {
	keys, words, err := s.words(c.Scope())
	if err != nil {
		return err
	}
	// Most writes come with a sealed token: say so at once, and let the script disagree.
	seen, first := c.SameGrant().String(), true
	if c.Op() == fencing.OpEnrol {
		seen = ""
	}
	for range maxTries {
		next := ""
		if !first || c.Op() == fencing.OpEnrol {
			if next, err = judge(c, seen); err != nil {
				return err
			}
		}
		first = false
		reply, err := s.store.script.Run(ctx, s.store.client, keys, append([]any{seen, next}, words...)...).StringSlice()
		if err != nil {
			return fmt.Errorf("redisfence: guarded step of %s: %w", c.Scope(), err)
		}
		if len(reply) != 2 {
			return fmt.Errorf("redisfence: the script answered %q", reply)
		}
		if reply[0] == "done" {
			return nil
		}
		seen = reply[1]
	}
	return fmt.Errorf("redisfence: %d times another token was faster", maxTries)
}

// judge asks the rules about a mark as Redis has it and gives the text to store, "" to leave it.
func judge(c fencing.Claim, seen string) (string, error) {
	var m fencing.Mark
	if seen != "" {
		var err error
		if m, err = fencing.ParseMark(seen); err != nil {
			return "", err
		}
	}
	next, store, err := c.Judge(m, seen != "")
	if err != nil || !store {
		return "", err
	}
	return next.String(), nil
}

func (s step) words(scope fencing.ID) (keys []string, words []any, err error) {
	keys = []string{s.store.MarkKey(scope)}
	for _, c := range s.commands {
		if len(c) < 2 || !strings.Contains(c[1], "{"+s.store.tag+"}") {
			return nil, nil, fmt.Errorf("redisfence: command %q: its key must contain {%s}, or check and write may be on different servers", c, s.store.tag)
		}
		keys = append(keys, c[1])
		words = append(words, len(c))
		for _, w := range c {
			words = append(words, w)
		}
	}
	return keys, words, nil
}

// MarkKey is the key of a scope's watermark. It has no TTL and is never deleted.
func (s *Store) MarkKey(scope fencing.ID) string {
	return "paddock:fence:{" + s.tag + "}:" + scope.String()
}

// Warnings names the settings of the server that make the loss of a watermark likely, in sentences for an operator. A server that does not let
// its settings be read is an error.
func (s *Store) Warnings(ctx context.Context) ([]string, error) {
	var out []string
	for _, check := range []struct {
		name, want, why string
	}{
		{"maxmemory-policy", "noeviction", "a watermark may be evicted: nothing is admitted then until it is enrolled again"},
		{"appendonly", "yes", "a restart loses the newest watermarks"},
		{"appendfsync", "always", "a power cut loses the newest watermarks"},
	} {
		got, err := s.raw.ConfigGet(ctx, check.name).Result()
		if err != nil {
			return nil, fmt.Errorf("redisfence: read %s: %w", check.name, err)
		}
		if got[check.name] != check.want {
			out = append(out, fmt.Sprintf("%s is %q, not %q: %s", check.name, got[check.name], check.want, check.why))
		}
	}
	info, err := s.raw.Info(ctx, "replication").Result()
	if err != nil {
		return nil, errors.Join(errors.New("redisfence: read replication"), err)
	}
	if !strings.Contains(info, "connected_slaves:0") || strings.Contains(info, "role:slave") {
		out = append(out, "the server replicates asynchronously: a failover may lose the newest watermarks")
	}
	return out, nil
}
