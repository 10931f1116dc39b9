package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"
)

// TestClockMajority: NTP servers that disagree with the majority are left out, and without a majority nothing is claimed.
func TestClockMajority(t *testing.T) {
	at := func(server string, offset, doubt float64) clockSample {
		return clockSample{server: server, offset: offset, doubt: doubt}
	}
	for _, c := range []struct {
		name    string
		samples []clockSample
		middle  float64
		agree   string
		ok      bool
	}{
		{"all agree", []clockSample{at("a", 4, 20), at("b", 6, 20), at("c", 5, 20)}, 5, "abc", true},
		{"one lies", []clockSample{at("a", 4, 10), at("b", 6000, 10), at("c", 6, 10)}, 5, "ac", true},
		{"half and half", []clockSample{at("a", 0, 10), at("b", 1000, 10)}, 0, "", false},
		{"one alone is its own majority", []clockSample{at("a", 250, 10)}, 250, "a", true},
		{"one does not answer", []clockSample{at("a", 1, 10), {server: "b", err: errors.New("no route")}, at("c", 1, 10)}, 1, "ac", true},
		{"nobody answers", []clockSample{{server: "a", err: errors.New("no route")}}, 0, "", false},
	} {
		middle, agree, ok := clockMajority(c.samples)
		if ok != c.ok || ok && middle != c.middle {
			t.Errorf("%s: middle %v ok %v, want %v %v", c.name, middle, ok, c.middle, c.ok)
		}
		for _, s := range c.samples {
			if ok && agree[s.server] != strings.Contains(c.agree, s.server) {
				t.Errorf("%s: server %s agrees: %v", c.name, s.server, agree[s.server])
			}
		}
	}
}

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
		got, err := dataWords(c.line)
		if err != nil || strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
			t.Errorf("%q: %q, %v", c.line, got, err)
		}
	}
	for _, line := range []string{`set /a "open`, `set /a 'open`, `set /a \`} {
		if _, err := dataWords(line); err == nil {
			t.Errorf("%q: no error", line)
		}
	}
}

func TestDataPath(t *testing.T) {
	for in, want := range map[string]string{"/": "/", "/a/": "/a", "/a/b": "/a/b", "/ü x": "/ü x", "a": "", "": "", "/a//b": "", "//": "", "/a/../b": "", "/./a": "", "/a\x00": "", "/a\u200b": "/a\u200b", "/\uf8ff": ""} {
		got, err := dataPath(in)
		if got != want && err == nil || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestDataMoved(t *testing.T) {
	for _, c := range [][4]string{{"/a/b", "/a", "/x", "/x/b"}, {"/a", "/a", "/x", "/x"}, {"/a/b", "/a", "/", "/b"}, {"/a", "/a", "/", "/"}, {"/b/c", "/", "/x", "/x/b/c"}, {"/", "/", "/x", "/x"}} {
		if got := dataMoved(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%s from %s to %s: %s, want %s", c[0], c[1], c[2], got, c[3])
		}
	}
}

func TestDataParseACL(t *testing.T) {
	got, err := dataParseACL("digest:me:ha:sh=:rw,auth::cdrwa")
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
		if got := dataParseQuota([]byte(text)).text(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestCheckExit: the worst state decides, and what could not be asked only if nothing is wrong.
func TestCheckExit(t *testing.T) {
	for _, c := range []struct {
		states []checkState
		code   int
	}{{nil, 0}, {[]checkState{checkPass}, 0}, {[]checkState{checkWarn, checkPass}, 1}, {[]checkState{checkWarn, checkFail}, 2}, {[]checkState{checkUnknown, checkPass}, 3},
		{[]checkState{checkUnknown, checkWarn}, 1}, {[]checkState{checkFail, checkUnknown}, 2}} {
		var results []checkResult
		for _, s := range c.states {
			results = append(results, checkResult{Name: "x", State: s})
		}
		app := cli.NewApp()
		err := checkPrint(cli.NewContext(app, nil, nil), toolOut{w: new(strings.Builder)}, results)
		if got := exitStatus(err); err == nil && c.code != 0 || err != nil && got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.states, got, c.code)
		}
	}
}

// TestToolErrors: each error says what was tried, what happened, and (where there is something) what to do.
func TestToolErrors(t *testing.T) {
	for err, code := range map[error]int{zk.ErrNoNode: 3, zk.ErrNodeExists: 4, zk.ErrBadVersion: 4, zk.ErrNotEmpty: 4, zk.ErrNoAuth: 5, zk.ErrConnectionClosed: 69, errors.New("unknown error: -125"): 1} {
		told := toolFail("set /a", err)
		if exitStatus(told) != code || !strings.HasPrefix(told.Error(), "set /a: ") {
			t.Errorf("%v: exit code %d, %q", err, exitStatus(told), told)
		}
	}
	if s := toolFail("set /a", errors.New("unknown error: -125")).Error(); !strings.Contains(s, "quota") {
		t.Errorf("a code that go-zookeeper does not know: %q", s)
	}
}

// TestShellEventsEndWithTheSession: connect and close leave nobody behind who waits for events of the session before.
func TestShellEventsEndWithTheSession(t *testing.T) {
	s, session, ended := &shell{ctx: t.Context()}, &toolSession{}, make(chan struct{})
	life := s.watches.begin(s.ctx, session)
	go func() {
		s.printEvents(life, session, make(chan zk.Event))
		close(ended)
	}()
	s.close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the printing of a closed session's events goes on")
	}
}
