package lock

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

func TestTrustCountsFromTheSendingOfWhatWasAnswered(t *testing.T) {
	const sec = time.Second
	var tr trust
	tr.connected()
	tr.wrote(0, 1*sec) // handshake
	tr.answered(0)
	if got := tr.until(9 * sec); got != 7*sec {
		t.Fatalf("trusted until %v, want 1s + 6s", got)
	}
	tr.wrote(1, 2*sec)
	tr.wrote(xidPing, 3*sec)
	tr.wrote(2, 4*sec)
	if tr.answered(xidEvent) {
		t.Fatal("a watch event proves nothing about what the server heard")
	}
	if !tr.answered(xidPing) || tr.heard != 3*sec {
		t.Fatalf("heard %v", tr.heard)
	}
	if tr.answered(1) || tr.heard != 3*sec {
		t.Fatalf("the answer to an older request must not take trust back: heard %v", tr.heard)
	}
	tr.connected() // request 2 was never answered on the old connection
	if tr.answered(2) || tr.heard != 3*sec {
		t.Fatalf("an answer without a request on this connection: heard %v", tr.heard)
	}
}

func frame(body ...byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func TestFramerFindsFramesInAnyPieces(t *testing.T) {
	stream := append(frame(make([]byte, 40)...), frame(0, 0, 0, 7, 1)...)
	stream = append(stream, frame()...)
	stream = append(stream, frame(255, 255, 255, 254, 0, 0, 0, 11)...)
	for size := 1; size <= len(stream); size++ {
		var f framer
		var heads []int
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			f.feed(rest[:n], func(head []byte, n int64) { heads = append(heads, len(head)) })
			rest = rest[n:]
		}
		if len(heads) != 4 || heads[0] != 16 || heads[1] != 5 || heads[2] != 0 || heads[3] != 8 {
			t.Fatalf("pieces of %d: heads %v", size, heads)
		}
	}
}

func FuzzFramer(f *testing.F) {
	f.Add(frame(1, 2, 3), 2)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		var whole, pieces framer
		var a, c int64
		whole.feed(b, func(head []byte, n int64) { a = a*31 + int64(len(head)) + n })
		for size = max(1, size&15); len(b) > 0; {
			n := min(size, len(b))
			pieces.feed(b[:n], func(head []byte, n int64) { c = c*31 + int64(len(head)) + n })
			b = b[n:]
		}
		if a != c || whole.count != pieces.count {
			t.Fatal("pieces change what is found")
		}
	})
}

func TestConnectNeedsATimeout(t *testing.T) {
	if _, err := Connect(t.Context(), Config{Servers: []string{"127.0.0.1:1"}, Lineage: testLineage()}); err == nil || !strings.Contains(err.Error(), "Config.Timeout") {
		t.Fatalf("got %v", err)
	}
}
