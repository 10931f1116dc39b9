package main

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
	toolExitNoNode    = 3   // the node does not exist
	toolExitConflict  = 4   // it exists already, has another version, or has children
	toolExitDenied    = 5   // the ACL, or authentication, forbids it
	toolExitNoServer  = 69  // no server answered within --timeout
	toolExitInterrupt = 130 // Ctrl-C
)

// toolExitHelp tells the codes in the help of verbs.
const toolExitHelp = `Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such node, 4 conflict (exists, version, not empty), 5 not permitted,
69 no server answered within --timeout, 130 interrupted.`

// toolError says what was tried, what happened, and what to do.
type toolError struct {
	tried, happened, todo string
	code                  int
	cause                 error
}

func (e *toolError) Error() string {
	s := e.tried + ": " + e.happened
	if e.todo != "" {
		s += "; " + e.todo
	}
	return s
}

func (e *toolError) Unwrap() error { return e.cause }

// ExitCode implements cli.ExitCoder.
func (e *toolError) ExitCode() int { return e.code }

var _ cli.ExitCoder = (*toolError)(nil)

// toolCodeError turns a server's code into the error of go-zookeeper, or one that names the code.
func toolCodeError(code int32) error {
	known := map[znode.Code]error{
		-101: zk.ErrNoNode, -102: zk.ErrNoAuth, -103: zk.ErrBadVersion, -108: zk.ErrNoChildrenForEphemerals, -110: zk.ErrNodeExists,
		-111: zk.ErrNotEmpty, -112: zk.ErrSessionExpired, -114: zk.ErrInvalidACL, -115: zk.ErrAuthFailed, -118: zk.ErrSessionMoved,
		-8: zk.ErrBadArguments, -123: zk.ErrReconfigDisabled,
	}
	if err := known[znode.Code(code)]; err != nil {
		return err
	}
	return toolServerCode(code)
}

// toolServerCode is a code that go-zookeeper has no error for.
type toolServerCode int32

func (c toolServerCode) Error() string {
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

// toolFail words an error of a request: tried is what the user asked for, e.g. "get /a".
func toolFail(tried string, err error) error {
	if err == nil {
		return nil
	}
	var told *toolError
	if errors.As(err, &told) || errors.As(err, new(usageError)) {
		return err
	}
	e := &toolError{tried: tried, happened: strings.TrimPrefix(err.Error(), "zk: "), code: 1, cause: err}
	for _, known := range toolKnown() {
		if errors.Is(err, known.err) {
			e.happened, e.todo, e.code = known.happened, known.todo, known.code
			return e
		}
	}
	if text := err.Error(); strings.HasPrefix(text, "unknown error: ") { // go-zookeeper's word for a code that it has no error for
		var code int32
		if _, scan := fmt.Sscanf(text, "unknown error: %d", &code); scan == nil {
			e.happened = toolServerCode(code).Error()
		}
	}
	return e
}

type toolKnownError struct {
	err            error
	happened, todo string
	code           int
}

func toolKnown() []toolKnownError {
	return []toolKnownError{
		{zk.ErrNoNode, "the node does not exist", "look at its parent with ls (a parent must exist before its child; create --parents makes them)", toolExitNoNode},
		{zk.ErrNodeExists, "the node exists already", "use set to change it, or create -s for a sequential name", toolExitConflict},
		{zk.ErrBadVersion, "the node has another version now", "somebody changed it: look with get -s, and repeat with its dataVersion", toolExitConflict},
		{zk.ErrNotEmpty, "the node has children", "use deleteall to delete all of them", toolExitConflict},
		{zk.ErrNoChildrenForEphemerals, "the parent is ephemeral, and ephemeral nodes have no children", "", toolExitConflict},
		{zk.ErrNoAuth, "not permitted by the node's ACL", "authenticate with --auth digest:USER:PASSWORD, and see getAcl and whoami", toolExitDenied},
		{zk.ErrAuthFailed, "the server did not accept the identity", "check --auth (SCHEME:CREDENTIALS) and the server's authentication providers", toolExitDenied},
		{zk.ErrInvalidACL, "the ACL is not valid", "write SCHEME:ID:PERMS, e.g. world:anyone:cdrwa or auth::cdrwa (which needs --auth)", 1},
		{zk.ErrInvalidPath, "the path is not valid", "paths start with / and have no empty, . or .. part and no trailing /", 2},
		{zk.ErrReconfigDisabled, "dynamic reconfiguration is switched off", "set reconfigEnabled=true on the servers", toolExitDenied},
		{zk.ErrBadArguments, "the server refused the arguments", "", 1},
		{zk.ErrSessionExpired, "the session has ended", "connect again", 1},
		{zk.ErrShortBuffer, "the request is larger than the 1 MiB that servers take (jute.maxbuffer)", "keep large data elsewhere, or split it", 1},
		{zk.ErrConnectionClosed, "the connection was lost before the answer came", "a write may or may not have happened: look before you repeat it (a server also hangs up on requests over jute.maxbuffer, 1 MiB)", toolExitNoServer},
		{toolServerCode(-6), "the server does not know this request", "it is older, or an option is off there (TTL nodes need extendedTypesEnabled=true)", 1},
		{context.DeadlineExceeded, "no answer in time", "raise --timeout, or look at the servers with paddock status; a write may still happen", toolExitNoServer},
		{context.Canceled, "interrupted", "", toolExitInterrupt},
	}
}
