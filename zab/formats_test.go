package zab_test

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
)

var writeFormats = flag.String("writeformats", "", "write the messages of this version, as v2, to testdata/formats")

// Messages of a released version are read as they were meant, and written byte by byte as they were: servers of both releases are peers for the time of an
// upgrade. See compat/proof/formats for the files on disks.
func TestMessagesOfReleasedVersions(t *testing.T) {
	const formats = "../testdata/formats"
	samples := sampleMessages(t)
	if *writeFormats != "" {
		var text strings.Builder
		for i := range samples {
			text.WriteString(hex.EncodeToString(zab.AppendMessage(nil, &samples[i])) + "\n")
		}
		if err := os.WriteFile(filepath.Join(formats, *writeFormats, "messages.txt"), []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(formats, "v*", "messages.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(string(text))
		if len(lines) < 6 || len(lines) > len(samples) {
			t.Fatalf("%s has %d messages, and %d are known", file, len(lines), len(samples))
		}
		for i, line := range lines {
			b, err := hex.DecodeString(line)
			if err != nil {
				t.Fatal(err)
			}
			var got zab.Message
			if err := zab.DecodeMessage(b, &got); err != nil || !reflect.DeepEqual(got, samples[i]) {
				t.Errorf("%s, message %d: %v\ngot  %+v\nwant %+v", file, i+1, err, got, samples[i])
			}
			if now := hex.EncodeToString(zab.AppendMessage(nil, &samples[i])); now != line {
				t.Errorf("%s, message %d is written as\n%s, was\n%s", file, i+1, now, line)
			}
		}
	}
}
