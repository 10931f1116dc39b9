package server_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
)

// TestRecordedConversations sends what was sent to ZooKeeper 3.9.5 and compares the answers with those it gave, one conversation after
// the other. Sessions, passwords and times differ, and zxids count from another start: they are compared by rank.
func TestRecordedConversations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "wire", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			want, got := replay(t, newWorld(t, 1, recordedWith), strings.Split(string(b), "\n"))
			w, g := byRank(want), byRank(got)
			for i := range w {
				if w[i] != g[i] {
					t.Errorf("frame %d:\n  ZooKeeper %s\n  here      %s\n  raw       %s", i, w[i], g[i], got[i])
				}
			}
		})
	}
}

// recordedWith is how the recorded server was configured.
func recordedWith(o *server.Options) { o.Features.ReconfigEnabled = true }

// replay plays a recording; both results are renderings of the frames that came from the server.
func replay(t *testing.T, w *world, lines []string) (want, got []string) {
	var c *client
	var id int64
	var pw []byte
	for _, line := range lines {
		kind, text, _ := strings.Cut(line, " ")
		payload, err := hex.DecodeString(text)
		if err != nil || !strings.ContainsAny(line[:min(1, len(line))], "<>") {
			continue
		}
		switch kind {
		case ">c":
			c = &client{raw: w.dial(0), ops: map[int32][]int32{}}
			var q wire.ConnectRequest
			r := jute.NewReader(payload)
			q.Decode(&r)
			if q.Session != 0 {
				q.Session = 0
				copy(payload[16:24], jute.AppendLong(nil, id))
				if string(q.Password) != string(make([]byte, 16)) {
					copy(payload[28:44], pw)
				}
			}
			c.send(payload)
		case "<c":
			f, err := c.next(soon)
			if err != nil {
				t.Fatalf("handshake: %v", err)
			}
			var p wire.ConnectResponse
			r := jute.NewReader(f)
			if p.Decode(&r); p.Session != 0 {
				id, pw = int64(p.Session), append([]byte(nil), p.Password[:]...)
			}
			want, got = append(want, mask(wire.DescribeConnect(payload, true))), append(got, mask(wire.DescribeConnect(f, true)))
		case ">":
			var h wire.RequestHeader
			r := jute.NewReader(payload)
			h.Decode(&r)
			xid := h.Xid
			if h.Op == wire.OpPing {
				xid = wire.XidPing
			}
			c.ops[xid] = append(c.ops[xid], h.Op)
			c.send(payload)
		case "<":
			f, err := c.next(soon)
			text := fmt.Sprint(err)
			op := wire.OpPing
			var h wire.ReplyHeader
			r := jute.NewReader(payload)
			h.Decode(&r)
			if list := c.ops[h.Xid]; len(list) > 0 {
				op, c.ops[h.Xid] = list[0], list[1:]
			}
			if err == nil {
				text = wire.DescribeReply(f, op)
			}
			want, got = append(want, mask(wire.DescribeReply(payload, op))), append(got, mask(text))
		}
	}
	return want, got
}

var (
	times    = regexp.MustCompile(` (c|m)=\d+`)
	sessions = regexp.MustCompile(`(session|owner)=0x[1-9a-f][0-9a-f]*`)
	password = regexp.MustCompile(`password=[0-9a-f]*[1-9a-f][0-9a-f]*`)
	zxids    = regexp.MustCompile(`(zxid|cz|mz|pz)=0x([0-9a-f]+)`)
	vectors  = regexp.MustCompile(`(names=\[[^\]]*\]|whoAmI \[[^\]]*\])`)
	timeouts = regexp.MustCompile(`timeout=\d\d+`)
)

// mask hides what differs from run to run, and sorts lists that have no promised order.
func mask(s string) string {
	s = times.ReplaceAllString(s, " $1=T")
	s = sessions.ReplaceAllString(s, "$1=S")
	s = password.ReplaceAllString(s, "password=P")
	s = timeouts.ReplaceAllString(s, "timeout=N")
	return vectors.ReplaceAllStringFunc(s, func(v string) string {
		open := strings.Index(v, "[")
		words := strings.FieldsFunc(v[open:], func(r rune) bool { return strings.ContainsRune("[] ", r) })
		sort.Strings(words)
		return v[:open] + "[" + strings.Join(words, " ") + "]"
	})
}

// byRank replaces zxids by their rank among all of the conversation; 0 and -1 stay.
func byRank(lines []string) []string {
	seen := map[uint64]bool{}
	for _, l := range lines {
		for _, m := range zxids.FindAllStringSubmatch(l, -1) {
			n, _ := strconv.ParseUint(m[2], 16, 64)
			seen[n] = true
		}
	}
	var all []uint64
	for n := range seen {
		if n != 0 && n != 1<<64-1 {
			all = append(all, n)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = zxids.ReplaceAllStringFunc(l, func(m string) string {
			name, hexa, _ := strings.Cut(m, "=0x")
			n, _ := strconv.ParseUint(hexa, 16, 64)
			if n == 0 || n == 1<<64-1 {
				return m
			}
			return fmt.Sprintf("%s=#%d", name, sort.Search(len(all), func(i int) bool { return all[i] >= n }))
		})
	}
	return out
}
