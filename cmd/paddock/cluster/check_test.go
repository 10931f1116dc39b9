package cluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
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

// TestCheckExit: the worst state decides, and what could not be asked only if nothing is wrong.
func TestCheckExit(t *testing.T) {
	for _, c := range []struct {
		states []checkState
		code   int
	}{{nil, 0}, {[]checkState{checkPass}, 0}, {[]checkState{checkWarn, checkPass}, 1}, {[]checkState{checkWarn, checkFail}, 2}, {[]checkState{checkUnknown, checkPass}, 3},
		{[]checkState{checkUnknown, checkWarn}, 1}, {[]checkState{checkFail, checkUnknown}, 2}, {[]checkState{checkSkip, checkPass}, 0}, {[]checkState{checkSkip}, 3}} {
		var results []checkResult
		for _, s := range c.states {
			results = append(results, checkResult{Name: "x", State: s})
		}
		app := cli.NewApp()
		err := checkPrint(cli.NewContext(app, nil, nil), tool.Out{Writer: new(strings.Builder)}, results)
		if got := tool.ExitStatus(err); err == nil && c.code != 0 || err != nil && got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.states, got, c.code)
		}
	}
}
