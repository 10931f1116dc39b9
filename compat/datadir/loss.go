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
func (l *loader) judge() {
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
}

// judgeNoLog: a snapshot alone is what an export or a backup consists of. A server has logs too, and in the folder of one their absence
// means that the wrong folder was given, or one of two.
func (l *loader) judgeNoLog() {
	if l.rep.SnapshotZxid == 0 || len(l.logs) > 0 {
		return
	}
	const where = "a server keeps its logs in dataLogDir, if its zoo.cfg has that key, and else beside its snapshots"
	sign := ""
	for _, name := range []string{"myid", "zookeeper_server.pid", "version-2/currentEpoch", "version-2/acceptedEpoch"} {
		if _, err := os.Stat(filepath.Join(l.o.DataDir, name)); err == nil {
			sign = name
		}
	}
	switch {
	case sign != "":
		l.lose("there is no transaction log, though a server ran in %s, as %s shows: whatever came after %s is missing (%s)", l.o.DataDir, sign, l.rep.Snapshot, where)
	case len(l.snaps) > 1:
		l.lose("there is no transaction log, though a server ran in %s, as its %d snapshots show: whatever came after %s is missing (%s)", l.o.DataDir, len(l.snaps), l.rep.Snapshot, where)
	default:
		l.o.Log.Warn("there is a snapshot and no transaction log: what came after the snapshot, if anything did, is not here; "+where, "snapshot", l.rep.Snapshot)
	}
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
