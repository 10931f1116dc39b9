package datadir

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// LossError says what is missing or damaged; Options.AcceptLoss goes on without it.
type LossError struct{ Loss []string }

func (e *LossError) Error() string {
	return "datadir: the data is not whole:\n  " + strings.Join(e.Loss, "\n  ")
}

// Unwrap makes every loss damage.
func (e *LossError) Unwrap() error { return ErrDamaged }

func (l *loader) lose(format string, args ...any) {
	l.rep.Loss = append(l.rep.Loss, fmt.Sprintf(format, args...))
}

// judge looks at what only the whole of what was read can tell.
func (l *loader) judge() error {
	if n := len(l.snaps); n > 0 && l.snaps[n-1].zxid > l.im.zxid {
		l.lose("%s says that there were transactions up to %v, and what could be read ends at %v", l.snaps[n-1].path, zxid.ID(l.snaps[n-1].zxid), zxid.ID(l.im.zxid))
	}
	if l.im.reach > l.im.zxid {
		l.lose("%s was written while transactions went on, and holds some of their changes up to %v; the logs that tell all of them end at %v",
			l.rep.Snapshot, zxid.ID(l.im.reach), zxid.ID(l.im.zxid))
		l.im.zxid = l.im.reach // or a node would have changed in the future
	}
	l.judgeNoLog()
	l.judgeUnexplained()
	l.judgeACLs()
	return l.judgeStrays()
}

const whereLogsAre = "a server keeps its logs in dataLogDir, if its zoo.cfg has that key, and else beside its snapshots"

// judgeNoLog: a snapshot alone is what an export or a backup consists of. A server has logs too, and in the folder of one their absence
// means that the wrong folder was given, or one of two.
func (l *loader) judgeNoLog() {
	if l.rep.SnapshotZxid == 0 || l.seen >= int64(l.rep.SnapshotZxid) {
		return
	}
	sign := l.signOf("myid", "zookeeper_server.pid", "version-2/currentEpoch", "version-2/acceptedEpoch")
	switch member := l.signOf("version-2/currentEpoch"); {
	case len(l.logs) > 0 && member == "":
		l.lose("the logs end at zxid %v, and %s is from later: a server writes a transaction to its log before it is in a snapshot, so these are other logs, and whatever came after the snapshot is missing (%s)",
			zxid.ID(l.seen), l.rep.Snapshot, whereLogsAre)
	case len(l.logs) > 0:
		l.o.Log.Warn("the logs end before the snapshot: so it is on a server that got the snapshot from its leader, and on any other the logs are missing; "+whereLogsAre, "snapshot", l.rep.Snapshot, "logs", zxid.ID(l.seen))
	case sign != "":
		l.lose("there is no transaction log, though a server ran in %s, as %s shows: whatever came after %s is missing (%s)", l.o.DataDir, sign, l.rep.Snapshot, whereLogsAre)
	case len(l.snaps) > 1:
		l.lose("there is no transaction log, though a server ran in %s, as its %d snapshots show: whatever came after %s is missing (%s)", l.o.DataDir, len(l.snaps), l.rep.Snapshot, whereLogsAre)
	default:
		l.o.Log.Warn("there is a snapshot and no transaction log: what came after the snapshot, if anything did, is not here; "+whereLogsAre, "snapshot", l.rep.Snapshot)
	}
}

// signOf is the first of the files that is there, empty without one.
func (l *loader) signOf(names ...string) string {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(l.o.DataDir, name)); err == nil {
			return name
		}
	}
	return ""
}

// judgeStrays names files of later transactions in the folder that is meant for the other kind: ZooKeeper does not start with such files,
// and the one of the two folders that was given may be the wrong one.
func (l *loader) judgeStrays() error {
	if filepath.Clean(l.o.DataDir) == filepath.Clean(l.o.DataLogDir) {
		return nil
	}
	logs, err := l.o.list(l.o.DataDir, "log.")
	if err != nil {
		return err
	}
	snaps, err := l.o.list(l.o.DataLogDir, "snapshot.", ".gz", ".snappy")
	if err != nil {
		return err
	}
	for _, f := range append(logs, snaps...) {
		if f.zxid > l.im.zxid {
			l.lose("%s tells of transactions from zxid %v on, was not read, and what was read ends at %v: it lies in the folder that was given for the other kind of files",
				f.path, zxid.ID(f.zxid), zxid.ID(l.im.zxid))
		}
	}
	return nil
}

// judgeUnexplained names the operations that met a tree in which they cannot have happened.
func (l *loader) judgeUnexplained() {
	var all []oddity
	for _, list := range l.im.pending {
		all = append(all, list)
	}
	all = append(all, l.im.odd...)
	if len(all) == 0 {
		return
	}
	first := slices.MinFunc(all, func(a, b oddity) int { return int(min(1, max(-1, a.at.zxid-b.at.zxid))) })
	l.lose("%d transactions do not fit what was read before them, so something is missing there; the first is at zxid %v, offset %d of %s: %s",
		len(all), zxid.ID(first.at.zxid), first.at.offset, first.at.file, first.what)
}

// judgeACLs names the nodes whose ACL list nothing tells, and closes them to everybody but a superuser.
func (l *loader) judgeACLs() {
	first, n := "", 0
	for path, r := range l.im.nodes {
		if r.lostACL == 0 {
			continue
		}
		if n++; first == "" || path < first {
			first = path
		}
		r.ACL = []znode.ACL{{Perms: 0, Scheme: "world", ID: "anyone"}}
	}
	if n > 0 {
		l.lose("%d nodes name an ACL list that neither %s nor a log behind it holds, so nobody knows who may use them (only a superuser will); the first is %s, list %d",
			n, l.rep.Snapshot, first, l.im.nodes[first].lostACL)
	}
}
