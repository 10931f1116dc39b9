package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
)

// frame is one recorded payload. testdata/wire holds them two lines each:
//
//	> hex of the payload        (">" from the client, "<" from the server; ">c" and "<c" are the handshake)
//	= its reading
type frame struct {
	dir     string
	op      Opcode // of the request; for a server frame: of the request it answers
	payload []byte
	reading string
	where   string
}

func readFrames(t testing.TB) []frame {
	t.Helper()
	files, err := filepath.Glob("../../testdata/wire/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded frames: %v", err)
	}
	var all []frame
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parseFrames(t, filepath.Base(file), string(text))...)
	}
	return all
}

func parseFrames(t testing.TB, name, text string) []frame {
	var out []frame
	ops := map[int32]Opcode{}
	for i, l := range strings.Split(text, "\n") {
		kind, rest, _ := strings.Cut(l, " ")
		switch kind {
		case ">", "<", ">c", "<c":
			payload, err := hex.DecodeString(rest)
			if err != nil {
				t.Fatalf("%s:%d: %v", name, i+1, err)
			}
			f := frame{dir: kind, payload: payload, where: fmt.Sprintf("%s:%d", name, i+1)}
			r := jute.NewReader(payload)
			xid := r.Int()
			if kind == ">" {
				ops[xid] = r.Int()
			}
			f.op = ops[xid]
			out = append(out, f)
		case "=":
			out[len(out)-1].reading = rest
		}
	}
	return out
}

func (f frame) describe() string {
	switch f.dir {
	case ">":
		return DescribeRequest(f.payload)
	case "<":
		return DescribeReply(f.payload, f.op)
	}
	return DescribeConnect(f.payload, f.dir == "<c")
}

func (f frame) reencode() ([]byte, error) {
	switch f.dir {
	case ">":
		return reencodeRequest(f.payload)
	case "<":
		return reencodeReply(f.payload, f.op)
	}
	return reencodeConnect(f.payload, f.dir == "<c")
}

func TestRecordedFramesReadAsTheyWereRead(t *testing.T) {
	seen := map[Opcode]bool{}
	for _, f := range readFrames(t) {
		if got := f.describe(); got != f.reading {
			t.Errorf("%s:\n  reads %s\n  was   %s", f.where, got, f.reading)
		}
		seen[f.op] = true
	}
	for _, op := range []Opcode{OpCreate, OpDelete, OpExists, OpGetData, OpSetData, OpGetACL, OpSetACL, OpGetChildren, OpSync, OpPing,
		OpGetChildren2, OpMulti, OpCreate2, OpReconfig, OpCheckWatches, OpRemoveWatches, OpCreateContainer, OpCreateTTL, OpMultiRead,
		OpAuth, OpSetWatches, OpSASL, OpGetEphemerals, OpGetAllChildrenNumber, OpSetWatches2, OpAddWatch, OpWhoAmI, OpCloseSession} {
		if !seen[op] {
			t.Errorf("no recorded frame of %s", OpName(op))
		}
	}
}

func TestRecordedFramesAreWrittenBackByteForByte(t *testing.T) {
	for _, f := range readFrames(t) {
		if strings.Contains(f.reading, "(at byte") || strings.Contains(f.reading, "/m/c2") {
			continue // recorded to see it refused, or rewritten
		}
		got, err := f.reencode()
		if err != nil || !bytes.Equal(got, f.payload) {
			t.Errorf("%s: %v\n  wrote %x\n  was   %x", f.where, err, got, f.payload)
		}
	}
}

func TestTruncatedFramesAreErrorsAndNothingElse(t *testing.T) {
	for _, f := range readFrames(t) {
		for n := range f.payload {
			if strings.Contains(f.reading, "(at byte") {
				continue
			}
			cut := f
			cut.payload = f.payload[:n:n]
			_, err := cut.reencode()
			short := f.dir == ">c" && n == len(f.payload)-1 || f.dir == "<c" && n == len(f.payload)-1
			headerOnly := f.dir == "<" && n == ReplyHeaderSize
			if err == nil && !short && !headerOnly {
				t.Fatalf("%s: cut to %d of %d bytes it is taken for whole: %s", f.where, n, len(f.payload), cut.describe())
			}
			cut.describe() // must not panic
		}
	}
}
