package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

const (
	flushEvery = 100 * time.Millisecond
	mostBytes  = 4 << 20 // that wait; above, who has something to say writes it himself
	// what stands before the pairs in ZooKeeper's audit log too: logback's date, the level, and who writes
	lineStart = "2006-01-02 15:04:05,000 INFO audit: "
)

// Log is an audit log in a file. It implements server.AuditLog.
type Log struct {
	path   string
	auth   *auth.Set
	logger *slog.Logger
	self   string // who runs this server
	now    func() time.Time
	stop   chan struct{}
	done   sync.WaitGroup

	lines sync.Mutex
	wait  []byte // lines to be written

	out    sync.Mutex // the file; taken before lines
	file   *os.File
	spare  []byte
	failed bool // the last write failed, and that was said
}

// Open appends to the file at path, which is made with mode 0600 if it is missing, and notes that the server starts. now is the wall clock that
// each line begins with.
func Open(path string, who *auth.Set, now func() time.Time, logger *slog.Logger) (*Log, error) {
	l := &Log{path: path, auth: who, now: now, logger: logger, self: "unknown", stop: make(chan struct{})}
	if u, err := user.Current(); err == nil {
		l.self = u.Username
	}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l.add(&event{user: l.self, operation: "serverStart", result: success})
	l.done.Go(l.run)
	return l, nil
}

// Close notes that the server stops and writes what waits.
func (l *Log) Close() error {
	l.add(&event{user: l.self, operation: "serverStop", result: invoked})
	close(l.stop)
	l.done.Wait()
	l.flush()
	return l.file.Close()
}

// Applied implements server.AuditLog.
func (l *Log) Applied(c *server.ClientInfo, t *znode.Txn, r *znode.Result) {
	l.events(c, t, r, l.add)
}

// Closed implements server.AuditLog.
func (l *Log) Closed(id session.ID, ephemerals []string) {
	for _, path := range ephemerals {
		l.add(&event{
			session: id.String(), user: l.self, operation: "ephemeralZNodeDeletionOnSessionCloseOrExpire", znode: path, result: success,
		})
	}
}

// Operator notes an act of an operator at the admin port or socket: who is his name, "" for whoever runs the server; object is what it was about
// (a session, a server), "" if the operation says it all.
func (l *Log) Operator(who, ip, operation, object string, ok bool) {
	e := event{user: cmp.Or(who, l.self), ip: ip, operation: operation, object: object, result: failure}
	if ok {
		e.result = success
	}
	l.add(&e)
}

// users names the identities as whoAmI does. (Request.getUsersForAudit)
func (l *Log) users(ids []znode.Identity) string {
	var names []string
	l.auth.WhoAmI(ids, func(_, user string) {
		if strings.TrimSpace(user) != "" {
			names = append(names, user)
		}
	})
	return strings.Join(names, ",")
}

func (l *Log) add(e *event) {
	l.lines.Lock()
	l.wait = e.append(l.now().AppendFormat(l.wait, lineStart))
	full := len(l.wait) > mostBytes
	l.lines.Unlock()
	if full {
		l.flush()
	}
}

func (l *Log) run() {
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-t.C:
			l.flush()
		}
	}
}

// flush writes what waits. What a full disk does not take is lost, and the server's log says so once.
func (l *Log) flush() {
	l.out.Lock()
	defer l.out.Unlock()
	l.lines.Lock()
	b := l.wait
	l.wait = l.spare[:0]
	l.lines.Unlock()
	if l.spare = b; len(b) == 0 {
		return
	}
	err := l.reopen()
	if err == nil {
		_, err = l.file.Write(b)
	}
	if err != nil && !l.failed {
		l.logger.Error("the audit log cannot be written: lines are missing from here on; make room, or give another file by paddock.auditFile", "file", l.path, "err", err)
	}
	l.failed = err != nil
}

// reopen opens the file again if it is not at its path any more.
func (l *Log) reopen() error {
	at, err := os.Stat(l.path)
	if err == nil {
		mine, err := l.file.Stat()
		if err == nil && os.SameFile(at, mine) {
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.file.Close()
	return l.open()
}

func (l *Log) open() (err error) {
	l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return err
}
