package tool

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"
)

// TestToolErrors: each error says what was tried, what happened, and (where there is something) what to do.
func TestToolErrors(t *testing.T) {
	for err, code := range map[error]int{zk.ErrNoNode: 3, zk.ErrNodeExists: 4, zk.ErrBadVersion: 4, zk.ErrNotEmpty: 4, zk.ErrNoAuth: 5, zk.ErrConnectionClosed: 69, errors.New("unknown error: -125"): 1} {
		got := Fail("set /a", err)
		if ExitStatus(got) != code || !strings.HasPrefix(got.Error(), "set /a: ") {
			t.Errorf("%v: exit code %d, %q", err, ExitStatus(got), got)
		}
	}
	if s := Fail("set /a", errors.New("unknown error: -125")).Error(); !strings.Contains(s, "quota") {
		t.Errorf("a code that go-zookeeper does not know: %q", s)
	}
}
