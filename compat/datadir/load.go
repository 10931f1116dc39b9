package datadir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// ErrNothing says that a directory holds neither a snapshot nor a log of ZooKeeper.
var ErrNothing = errors.New("no ZooKeeper data found")

// Options say where to look. The zero value of a field means what its comment says.
type Options struct {
	DataDir    string           // dataDir of zoo.cfg: the folder that holds version-2
	DataLogDir string           // dataLogDir; "" = DataDir
	AcceptLoss bool             // go on without what is missing or damaged; false: a *LossError names it
	Progress   func(p Progress) // called now and then; nil = never
	Log        *slog.Logger     // warnings; nil = none
	Context    context.Context  // ends the load early; nil = never
}

// Progress says how far a load is.
type Progress struct {
	File         string
	Done, Of     int64 // bytes of the file
	Nodes        int
	Transactions int
}

// Report says what was loaded.
type Report struct {
	Snapshot     string // file; "" = none, everything came from the logs
	SnapshotZxid zxid.ID
	Logs         []string
	Zxid         zxid.ID // last transaction
	Epoch        zxid.Epoch
	Nodes        int
	Sessions     int
	Transactions int               // replayed from the logs
	Torn         string            // the entry that ended the last log, if it was torn
	Loss         []string          // what is missing, in the order in which it was found
	Schemes      map[string]Scheme // of the ACLs, by name
}

// Scheme says how much an ACL scheme is used.
type Scheme struct {
	Nodes int    // that name it
	First string // one of them, the first by path
}

// Load reads a data directory into st (which it empties first).
func Load(o Options, st *znode.State) (*Report, error) {
	if o.DataLogDir == "" {
		o.DataLogDir = o.DataDir
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	snaps, logs, err := o.files()
	if err != nil {
		return nil, err
	}
	l := &loader{o: &o, rep: &Report{Schemes: map[string]Scheme{}}, snaps: snaps, logs: logs}
	if err := l.newestSnapshot(); err != nil {
		return nil, err
	}
	if err := l.replay(); err != nil {
		return nil, err
	}
	if err := l.judge(); err != nil {
		return nil, err
	}
	if len(l.rep.Loss) > 0 && !o.AcceptLoss {
		return l.rep, &LossError{l.rep.Loss}
	}
	l.rep.Epoch = epochOf(o.DataDir, zxid.ID(l.im.zxid).Epoch())
	return l.rep, l.fill(st)
}

// loader is one load.
type loader struct {
	o           *Options
	rep         *Report
	snaps, logs []file
	im          *image
	seen        int64            // the last transaction of which a log tells, applied or not
	sums        map[int64]uint32 // checksums of entries that a log may repeat, by zxid
}

// newestSnapshot reads the newest snapshot that is whole. Whether the logs cover what lies behind an older one, the replay sees.
func (l *loader) newestSnapshot() error {
	var damaged []error
	for _, f := range slices.Backward(l.snaps) {
		im := newImage()
		err := l.o.readFile(f, func(r io.Reader) error { return readSnapshot(r, im) })
		if err == nil {
			im.zxid, im.exact = f.zxid, f.zxid == 0
			l.im, l.rep.Snapshot, l.rep.SnapshotZxid = im, f.path, zxid.ID(f.zxid)
			return nil
		}
		if l.o.Context.Err() != nil {
			return err
		}
		damaged = append(damaged, err)
		l.o.Log.Warn("a snapshot cannot be used; trying an older one", "err", err)
	}
	if len(damaged) > 0 {
		return fmt.Errorf("datadir: no snapshot can be used; copy an intact data directory from another server of the ensemble: %w", errors.Join(damaged...))
	}
	l.im = newImage()
	l.im.exact = true
	if first := l.logs[0].zxid; first != 1 && first != 1<<32+1 { // these two begin the history of a server that never took a snapshot
		return fmt.Errorf("datadir: %w: there is no snapshot, and the oldest log, %s, begins at zxid 0x%x: all that came before is missing, so nothing can be made of it; "+
			"snapshots are in dataDir, logs in dataLogDir, and both are needed", ErrDamaged, l.logs[0].path, first)
	}
	return nil
}

// readFile opens, unpacks and reads one snapshot; errors name it.
func (o *Options) readFile(f file, read func(io.Reader) error) error {
	fd, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("datadir: %w", err)
	}
	defer fd.Close()
	r, err := unpack(f.path, o.counted(f, fd))
	if err == nil {
		err = read(r)
	}
	if ended := o.Context.Err(); ended != nil { // before anything is made of half a file
		return fmt.Errorf("datadir: %s: %w", f.path, ended)
	}
	if err != nil {
		return fmt.Errorf("datadir: %s: %w", f.path, err)
	}
	return nil
}

func (o *Options) counted(f file, r io.Reader) *counter {
	return &counter{ctx: o.Context, r: r, tell: func(n int64) { o.Progress(Progress{File: f.path, Done: n, Of: f.size}) }}
}

// counter tells how many bytes were read, once for each MiB.
type counter struct {
	ctx  context.Context
	r    io.Reader
	n    int64
	told int64
	tell func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if c.n += int64(n); c.n-c.told >= 1<<20 {
		c.told = c.n
		c.tell(c.n)
	}
	return n, err
}

// epochOf is the highest epoch that the server has seen: of its last zxid, or of its epoch files.
func epochOf(dir string, e zxid.Epoch) zxid.Epoch {
	for _, name := range []string{"currentEpoch", "acceptedEpoch"} {
		b, err := os.ReadFile(filepath.Join(dir, "version-2", name))
		if err != nil {
			continue
		}
		if v, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 31); err == nil {
			e = max(e, zxid.Epoch(v))
		}
	}
	return e
}

// fill puts the image into the state.
func (l *loader) fill(st *znode.State) error {
	st.BeginImport()
	for id, timeout := range l.im.sessions {
		if err := st.ImportSession(session.ID(id), timeout, session.LegacyPassword(session.ID(id))); err != nil {
			return fmt.Errorf("datadir: session 0x%x: %w", uint64(id), err)
		}
	}
	err := l.im.walk(func(n *znode.Image) error {
		l.rep.Nodes++
		l.rep.countSchemes(n)
		return st.ImportNode(n)
	})
	if err != nil {
		return fmt.Errorf("datadir: %w", err)
	}
	l.rep.Zxid, l.rep.Sessions = zxid.ID(l.im.zxid), len(l.im.sessions)
	return st.EndImport(zxid.ID(l.im.zxid), l.im.time)
}

func (r *Report) countSchemes(n *znode.Image) {
	seen := map[string]bool{}
	for _, a := range n.ACL {
		if seen[a.Scheme] {
			continue
		}
		seen[a.Scheme] = true
		s := r.Schemes[a.Scheme]
		if s.Nodes++; s.First == "" || n.Path < s.First {
			s.First = n.Path
		}
		r.Schemes[a.Scheme] = s
	}
}
