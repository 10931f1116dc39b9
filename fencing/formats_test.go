package fencing

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var writeFormats = flag.String("writeformats", "", "write the tokens of this version, as v2, to testdata/formats")

// Tokens and watermarks of released versions are read, and written as they were: a watermark lies in somebody's storage for years.
func TestTokensOfReleasedVersions(t *testing.T) {
	const formats = "../testdata/formats"
	token := Token{Cluster: ID{1}, Incarnation: ID{2}, Scope: ID{15: 3}, Fence: 0x100000007, Sub: 5, Mode: Exclusive}
	mark := Mark{Cluster: ID{1}, Incarnation: ID{2}, Scope: ID{15: 3}, Fence: 0x100000007, Sub: 5}
	binary, err1 := token.MarshalBinary()
	object, err2 := json.Marshal(token)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	now := fmt.Sprintf("%s\n%x\n%s\n%s\n", token, binary, object, mark)
	if *writeFormats != "" {
		if err := os.WriteFile(filepath.Join(formats, *writeFormats, "tokens.txt"), []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(formats, "v*", "tokens.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		if len(lines) < 4 {
			t.Fatalf("%s has %d lines", file, len(lines))
		}
		raw, _ := hex.DecodeString(lines[1])
		one, err1 := ParseToken(lines[0])
		two, err2 := ParseBinary(raw)
		var three Token
		err3 := three.UnmarshalJSON([]byte(lines[2]))
		watermark, err4 := ParseMark(lines[3])
		if one != token || two != token || three != token || watermark != mark || now != string(text) {
			t.Errorf("%s: %v %v %v %v\n%+v\n%+v\n%+v\n%+v\nwritten as\n%s", file, err1, err2, err3, err4, one, two, three, watermark, now)
		}
	}
}
