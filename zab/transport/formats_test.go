package transport

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
)

var writeFormats = flag.String("writeformats", "", "write the first words of this version, as v2, to testdata/formats")

// The first frame that one server sends another is that of released versions, byte by byte.
func TestHelloOfReleasedVersions(t *testing.T) {
	const formats = "../../testdata/formats"
	sample := hello{lane: laneBulk, from: 300, to: zab.Server0, who: Identity{Lineage: lineage.Lineage{Cluster: lineage.ID{1, 2, 3}, Incarnation: lineage.ID{15: 9}}, ID: 300}, nonce: [16]byte{7: 7}}
	frame := sample.append(beginFrame(nil))
	endFrame(frame, 0)
	if *writeFormats != "" {
		if err := os.WriteFile(filepath.Join(formats, *writeFormats, "hello.txt"), []byte(hex.EncodeToString(frame)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(formats, "v*", "hello.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		was, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := readFrame(bufio.NewReader(bytes.NewReader(was)), 1<<12)
		var got hello
		if err == nil {
			err = got.decode(body)
		}
		if err != nil || got != sample || !bytes.Equal(was, frame) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v\nwritten as %x", file, err, got, sample, frame)
		}
	}
}
