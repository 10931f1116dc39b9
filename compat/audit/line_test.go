package audit

import (
	"strings"
	"testing"
)

// A line of the log is one line with one meaning, whatever a client calls itself and its nodes.
func TestClientsWriteNoLinesOfTheirOwn(t *testing.T) {
	e := event{session: "0x1", user: "eve\nsession=0x2\tuser=root", operation: "create", znode: "/a\tresult=success\r\n", result: failure}
	line := string(e.append(nil))
	if strings.Count(line, "\n") != 1 || strings.Contains(line, "\r") || strings.Count(line, "\t") != 4 {
		t.Errorf("%q", line)
	}
}
