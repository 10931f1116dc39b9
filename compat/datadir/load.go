package datadir

import (
	"cmp"
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
	Transactions int    // replayed from the logs
	Torn         string // the entry that ended the last log, if it was torn
}

// file is a snapshot or a log, and the zxid in its name.
type file struct {
	path string
	zxid int64
	size int64
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
	snaps, err := list(o.DataDir, "snapshot.")
	if err != nil {
		return nil, err
	}
	logs, err := list(o.DataLogDir, "log.")
	if err != nil {
		return nil, err
	}
	if len(snaps)+len(logs) == 0 {
		return nil, fmt.Errorf("datadir: %w in %s (looked for version-2/snapshot.* and version-2/log.*): give the dataDir of zoo.cfg", ErrNothing, o.DataDir)
	}
	rep := &Report{}
	im, err := o.newestSnapshot(snaps, logs, rep)
	if err != nil {
		return nil, err
	}
	if err := o.replay(im, logs, rep); err != nil {
		return nil, err
	}
	rep.Epoch = epochOf(o.DataDir, zxid.ID(im.zxid).Epoch())
	return rep, fill(st, im, rep)
}

// list finds version-2/prefix<hex>[.gz|.snappy], oldest first.
func list(dir, prefix string) ([]file, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "version-2"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("datadir: %w", err)
	}
	var out []file
	for _, e := range entries {
		hex, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		hex = strings.TrimSuffix(strings.TrimSuffix(hex, ".gz"), ".snappy")
		z, err := strconv.ParseInt(hex, 16, 64)
		info, ierr := e.Info()
		if err != nil || ierr != nil {
			continue
		}
		out = append(out, file{filepath.Join(dir, "version-2", e.Name()), z, info.Size()})
	}
	slices.SortFunc(out, func(a, b file) int { return cmp.Compare(a.zxid, b.zxid) })
	return out, nil
}

// newestSnapshot reads the newest snapshot that is whole. An older one will do only if the logs reach back to it.
func (o *Options) newestSnapshot(snaps, logs []file, rep *Report) (*image, error) {
	var damaged []error
	for _, f := range slices.Backward(snaps) {
		if len(damaged) > 0 && !covers(logs, f.zxid) {
			break
		}
		im := newImage()
		err := o.readFile(f, func(r io.Reader) error { return readSnapshot(r, im) })
		if err == nil {
			im.zxid = f.zxid
			rep.Snapshot, rep.SnapshotZxid = f.path, zxid.ID(f.zxid)
			return im, nil
		}
		if o.Context.Err() != nil {
			return nil, err
		}
		damaged = append(damaged, err)
		o.Log.Warn("a snapshot cannot be used; trying an older one", "err", err)
	}
	if len(snaps) == 0 && logs[0].zxid&0xffffffff <= 1 { // a server that never took a snapshot
		return newImage(), nil
	}
	if len(damaged) == 0 {
		return nil, fmt.Errorf("datadir: %w: no snapshot, and the oldest log begins at 0x%x: earlier transactions are missing", ErrDamaged, logs[0].zxid)
	}
	return nil, fmt.Errorf("datadir: no usable snapshot whose gap the logs cover; copy an intact one from another server of the ensemble: %w", errors.Join(damaged...))
}

// covers says whether the logs hold what came right after z.
func covers(logs []file, z int64) bool {
	return len(logs) > 0 && logs[0].zxid <= z+1
}

// readFile opens, unpacks and reads one file; errors name it.
func (o *Options) readFile(f file, read func(io.Reader) error) error {
	fd, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("datadir: %w", err)
	}
	defer fd.Close()
	counted := &counter{ctx: o.Context, r: fd, tell: func(n int64) { o.Progress(Progress{File: f.path, Done: n, Of: f.size}) }}
	r, err := unpack(f.path, counted)
	if err == nil {
		err = read(r)
	}
	if ended := o.Context.Err(); ended != nil { // before anything is made of half a file
		return fmt.Errorf("datadir: %s: %w", f.path, ended)
	}
	var torn *errTorn
	if errors.As(err, &torn) {
		return torn
	}
	if err != nil {
		return fmt.Errorf("datadir: %s: %w", f.path, err)
	}
	return nil
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

// replay applies what the logs hold behind the snapshot.
func (o *Options) replay(im *image, logs []file, rep *Report) error {
	from := im.zxid
	for i, f := range logs {
		if i+1 < len(logs) && logs[i+1].zxid <= from+1 {
			continue // the next one begins early enough
		}
		err := o.readFile(f, func(r io.Reader) error {
			return readLog(r, func(t *logTxn) error {
				if t.zxid > from {
					im.apply(t)
					rep.Transactions++
				}
				return nil
			})
		})
		var torn *errTorn
		switch {
		case errors.As(err, &torn) && i == len(logs)-1:
			rep.Torn = fmt.Sprintf("%s: %v", f.path, torn)
			o.Log.Warn("the last log ends in a torn entry, which was never acknowledged; it is left out", "file", f.path, "offset", torn.at)
		case o.Context.Err() != nil:
			return err
		case err != nil:
			return fmt.Errorf("datadir: %s: %w: copy an intact data directory from another server of the ensemble", f.path, err)
		}
		rep.Logs = append(rep.Logs, f.path)
	}
	return nil
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
func fill(st *znode.State, im *image, rep *Report) error {
	st.BeginImport()
	for id, timeout := range im.sessions {
		if err := st.ImportSession(session.ID(id), timeout, session.LegacyPassword(session.ID(id))); err != nil {
			return fmt.Errorf("datadir: session 0x%x: %w", uint64(id), err)
		}
	}
	if err := im.walk(st.ImportNode); err != nil {
		return fmt.Errorf("datadir: %w", err)
	}
	rep.Zxid, rep.Nodes, rep.Sessions = zxid.ID(im.zxid), len(im.nodes), len(im.sessions)
	return st.EndImport(zxid.ID(im.zxid), im.time)
}
