package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/znode"
)

// Exit codes of the operator's tool, besides 0 (done), 1 (failed) and 2 (wrong usage).
const (
	ExitNoNode    = 3   // the node does not exist
	ExitConflict  = 4   // it exists already, has another version, or has children
	ExitDenied    = 5   // the ACL, or authentication, forbids it
	ExitNoServer  = 69  // no server answered within --timeout
	ExitInterrupt = 130 // Ctrl-C
)

// ExitHelp is the paragraph about exit codes in the help of verbs.
const ExitHelp = `Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such node, 4 conflict (exists, version, not empty), 5 not permitted,
69 no server answered within --timeout, 130 interrupted by Ctrl-C, 143 by SIGTERM.`

// Error says what was tried, what happened, and what to do.
type Error struct {
	Tried, Happened, Todo string
	Code                  int
	Cause                 error
}

func (e *Error) Error() string {
	s := e.Tried + ": " + e.Happened
	if e.Todo != "" {
		s += "; " + e.Todo
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// ExitCode implements cli.ExitCoder.
func (e *Error) ExitCode() int { return e.Code }

var _ cli.ExitCoder = (*Error)(nil)

// codeError turns a server's code into the error of go-zookeeper, or one that names the code.
func codeError(code int32) error {
	known := map[znode.Code]error{
		-101: zk.ErrNoNode, -102: zk.ErrNoAuth, -103: zk.ErrBadVersion, -108: zk.ErrNoChildrenForEphemerals, -110: zk.ErrNodeExists,
		-111: zk.ErrNotEmpty, -112: zk.ErrSessionExpired, -114: zk.ErrInvalidACL, -115: zk.ErrAuthFailed, -118: zk.ErrSessionMoved,
		-8: zk.ErrBadArguments, -123: zk.ErrReconfigDisabled,
	}
	if err := known[znode.Code(code)]; err != nil {
		return err
	}
	return ServerCode(code)
}

// ServerCode is a code that go-zookeeper has no error for.
type ServerCode int32

func (c ServerCode) Error() string {
	switch c {
	case -6:
		return "the server does not know this request"
	case -5:
		return "the server could not read the request"
	case -13:
		return "a new configuration could not be agreed on: no quorum of it is connected and up to date"
	case -14:
		return "another reconfiguration is in progress"
	case -119:
		return "the server is read-only: it has lost its quorum"
	case -120:
		return "the ephemeral node belongs to another session"
	case -121:
		return "no such watch"
	case -125:
		return "the quota would be exceeded, or the server's disk is nearly full: look at listquota and at the alarms of status"
	case -127:
		return "the server is throttling requests"
	case -4:
		return "the connection to the ensemble was lost"
	}
	return fmt.Sprintf("the server answered with error %d", int32(c))
}

// Fail describes an error of a request: tried is what the user asked for, e.g. "get /a".
func Fail(tried string, err error) error {
	if err == nil {
		return nil
	}
	var ours *Error
	if errors.As(err, &ours) || errors.As(err, new(usageError)) {
		return err
	}
	e := &Error{Tried: tried, Happened: strings.TrimPrefix(err.Error(), "zk: "), Code: 1, Cause: err}
	for _, known := range knownErrors() {
		if errors.Is(err, known.err) {
			e.Happened, e.Todo, e.Code = known.happened, known.todo, known.code
			return e
		}
	}
	if text := err.Error(); strings.HasPrefix(text, "unknown error: ") { // go-zookeeper's word for a code that it has no error for
		var code int32
		if _, scan := fmt.Sscanf(text, "unknown error: %d", &code); scan == nil {
			e.Happened = ServerCode(code).Error()
		}
	}
	return e
}

// Interrupted words the error of a verb that Ctrl-C or a signal has ended, and leaves others as they are.
func Interrupted(tried string, err error) error {
	if errors.Is(err, context.Canceled) {
		return Fail(tried, context.Canceled)
	}
	return err
}

type knownError struct {
	err            error
	happened, todo string
	code           int
}

func knownErrors() []knownError {
	return []knownError{
		{zk.ErrNoNode, "the node does not exist", "look at its parent with ls (a parent must exist before its child; create --parents makes them)", ExitNoNode},
		{zk.ErrNodeExists, "the node exists already", "use set to change it, or create -s for a sequential name", ExitConflict},
		{zk.ErrBadVersion, "the node has another version now", "somebody changed it: look with get -s, and repeat with its dataVersion", ExitConflict},
		{zk.ErrNotEmpty, "the node has children", "use deleteall to delete all of them", ExitConflict},
		{zk.ErrNoChildrenForEphemerals, "the parent is ephemeral, and ephemeral nodes have no children", "", ExitConflict},
		{zk.ErrNoAuth, "not permitted by the node's ACL", "authenticate with --auth digest:USER:PASSWORD, and see getAcl and whoami", ExitDenied},
		{zk.ErrAuthFailed, "the server did not accept the identity", "check --auth (SCHEME:CREDENTIALS) and the server's authentication providers", ExitDenied},
		{zk.ErrInvalidACL, "the ACL is not valid", "write SCHEME:ID:PERMS, e.g. world:anyone:cdrwa or auth::cdrwa (which needs --auth)", 1},
		{zk.ErrInvalidPath, "the path is not valid", "paths start with / and have no empty, . or .. part and no trailing /", 2},
		{zk.ErrReconfigDisabled, "dynamic reconfiguration is switched off", "set reconfigEnabled=true on the servers", ExitDenied},
		{zk.ErrBadArguments, "the server refused the arguments", "", 1},
		{zk.ErrSessionExpired, "the session has ended", "connect again", 1},
		{zk.ErrShortBuffer, "the request is larger than the 1 MiB that servers take (jute.maxbuffer)", "keep large data elsewhere, or split it", 1},
		{zk.ErrConnectionClosed, "the connection was lost before the answer came", "a write may or may not have happened: look before you repeat it (a server also hangs up on requests over jute.maxbuffer, 1 MiB)", ExitNoServer},
		{ServerCode(-6), "the server does not know this request", "it is older, or an option is off there (TTL nodes need extendedTypesEnabled=true)", 1},
		{context.DeadlineExceeded, "no answer in time", "raise --timeout, or look at the servers with paddock status; a write may still happen", ExitNoServer},
		{context.Canceled, "interrupted", "", ExitInterrupt},
	}
}
