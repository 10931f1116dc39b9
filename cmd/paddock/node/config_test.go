package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// initial_configuration shows the file as it is: flags are behind it, and no empty line is between them.
func TestConfigurationTextIsTheFile(t *testing.T) {
	const file = "dataDir=/d\nclientPort=2181\n"
	for _, text := range []string{file, file[:len(file)-1]} {
		c, err := ParseConfig("zoo.cfg", text, nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		if c.Text != file {
			t.Errorf("%q is shown as %q", text, c.Text)
		}
	}
	c, err := ParseConfig("zoo.cfg", file, []string{"clientPort=2182"}, 1)
	if err != nil || c.Text != file+"clientPort=2182" || len(c.Warnings) != 0 {
		t.Errorf("with a flag: %v, %q, warnings %v", err, c.Text, c.Warnings)
	}
}

// A server that stands alone is number 0 to those who ask, whatever its myid says.
func TestReportedID(t *testing.T) {
	for text, want := range map[string]int64{
		"dataDir=/d\nclientPort=2181\n": 0,
		"dataDir=/d\nclientPort=2181\ninitLimit=5\nsyncLimit=2\nserver.1=a:1:2\nserver.7=b:1:2\n": 7,
	} {
		c, err := ParseConfig("zoo.cfg", text, nil, 7)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&node{cfg: c, self: 7}).reportedID(); got != want {
			t.Errorf("%q: server %d, want %d", text, got, want)
		}
	}
}

// Every key of our own is in the operator's manual, and what a key cannot be is said.
func TestOwnKeys(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for k := range (&own{}).keys() {
		if !strings.Contains(string(manual), "`paddock."+k+"`") {
			t.Errorf("docs/operate.md does not tell of paddock.%s", k)
		}
	}
	for line, want := range map[string]string{
		"paddock.linearizableReads=yes": "true or false",
		"paddock.electionTimeoutMs=5":   "from 60 to 600000",
		"paddock.peerport=quorum":       "is not a key",
	} {
		if _, err := ParseConfig("zoo.cfg", "dataDir=/d\nclientPort=2181\n"+line+"\n", nil, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

// With datadir.autocreate=false a folder that is missing (a disk that is not mounted) is no reason to begin with nothing.
func TestMissingFolderIsNotMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	c, err := ParseConfig("zoo.cfg", "dataDir="+dir+"\nclientPort=2181\ndatadir.autocreate=false\n", nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&node{cfg: c, self: 1}).openData(t.Context()); err == nil || !strings.Contains(err.Error(), "datadir.autocreate") {
		t.Errorf("a missing folder: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
}
