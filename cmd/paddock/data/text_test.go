package data

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"
)

func TestDataWords(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{`create /a "two words"`, []string{"create", "/a", "two words"}},
		{`set /a 'it is "so"' # why`, []string{"set", "/a", `it is "so"`}},
		{`set /a#b x`, []string{"set", "/a#b", "x"}},
		{`set /a ""`, []string{"set", "/a", ""}},
		{`set /a a\ b\"c`, []string{"set", "/a", `a b"c`}},
		{"  ", nil},
		{"# nothing", nil},
	} {
		got, err := Words(c.line)
		if err != nil || strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
			t.Errorf("%q: %q, %v", c.line, got, err)
		}
	}
	for _, line := range []string{`set /a "open`, `set /a 'open`, `set /a \`} {
		if _, err := Words(line); err == nil {
			t.Errorf("%q: no error", line)
		}
	}
}

func TestDataPath(t *testing.T) {
	for in, want := range map[string]string{"/": "/", "/a/": "/a", "/a/b": "/a/b", "/ü x": "/ü x", "a": "", "": "", "/a//b": "", "//": "", "/a/../b": "", "/./a": "", "/a\x00": "", "/a\u200b": "/a\u200b", "/\uf8ff": ""} {
		got, err := Path(in)
		if got != want && err == nil || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestDataMoved(t *testing.T) {
	for _, c := range [][4]string{{"/a/b", "/a", "/x", "/x/b"}, {"/a", "/a", "/x", "/x"}, {"/a/b", "/a", "/", "/b"}, {"/a", "/a", "/", "/"}, {"/b/c", "/", "/x", "/x/b/c"}, {"/", "/", "/x", "/x"}} {
		if got := moved(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%s from %s to %s: %s, want %s", c[0], c[1], c[2], got, c[3])
		}
	}
}

func TestDataParseACL(t *testing.T) {
	got, err := parseACL("digest:me:ha:sh=:rw,auth::cdrwa")
	want := []zk.ACL{{Perms: zk.PermRead | zk.PermWrite, Scheme: "digest", ID: "me:ha:sh="}, {Perms: zk.PermAll, Scheme: "auth"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestQuotaText: the text of a quota node is read and written as ZooKeeper's StatsTrack does.
func TestQuotaText(t *testing.T) {
	for text, want := range map[string]string{
		"count=5,bytes=10":                         "count=5,bytes=10=;byteHardLimit=-1;countHardLimit=-1",
		"count=1,bytes=9=;byteHardLimit=4;other=7": "count=1,bytes=9=;byteHardLimit=4;countHardLimit=-1",
		"": "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1",
		"count=x,bytes=-1=;countHardLimit=3;bytes=what": "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3",
	} {
		if got := parseQuota([]byte(text)).text(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
