package gossip

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

var writeFormats = flag.String("writeformats", "", "write the tags of this version, as v2, to testdata/formats")

// What a server of a released version says of itself in gossip is understood, and said as it was.
func TestTagsOfReleasedVersions(t *testing.T) {
	const formats = "../../testdata/formats"
	sample := self(3, 7)
	sample.Role, sample.Zxid, sample.Version = "leading", zxid.New(2, 77), "0.1.0"
	said, err := tags(sample)
	if err != nil {
		t.Fatal(err)
	}
	if *writeFormats != "" {
		text, _ := json.MarshalIndent(said, "", "  ")
		if err := os.WriteFile(filepath.Join(formats, *writeFormats, "tags.json"), append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(formats, "v*", "tags.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var was map[string]string
		if err := json.Unmarshal(text, &was); err != nil {
			t.Fatal(err)
		}
		if got, err := parse(was); err != nil || got != sample || !maps.Equal(was, said) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v\nsaid as %v", file, err, got, sample, said)
		}
	}
}
