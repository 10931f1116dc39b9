package store

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// Span is what the log holds: the zxid that it begins after, and its last one.
type Span struct{ Base, Last zxid.ID }

// OpenState opens the database in dir and loads the state: see [Start].
func OpenState(dir string, opt Options, log Span) (*Store, *znode.State, error) {
	opt.fill()
	s, st, err := Start(func() (*Store, error) { return Open(dir, opt) }, func() error { return Wipe(dir) }, log, opt.Logger)
	if err != nil {
		return nil, nil, fmt.Errorf("state in %s: %w", dir, err)
	}
	return s, st, nil
}

// Start opens a database and loads the state, or, if the database cannot be believed or ends before the log begins, rebuilds both from the
// newest good checkpoint. The log brings the state up to date.
func Start[D Database](open func() (D, error), wipe func() error, log Span, logger *slog.Logger) (D, *znode.State, error) {
	o := opening[D]{make: open, wipe: wipe, log: log, logger: logger}
	st, err := o.open()
	if err != nil && o.isOpen {
		err = errors.Join(err, o.db.Close())
	}
	return o.db, st, err
}

// opening is a start under way.
type opening[D Database] struct {
	make   func() (D, error)
	wipe   func() error
	log    Span
	logger *slog.Logger
	db     D
	isOpen bool
}

func (o *opening[D]) open() (*znode.State, error) {
	st := znode.NewState(znode.Options{})
	err := o.load(st)
	switch {
	case err == nil && st.LastZxid() > o.log.Last:
		return nil, fmt.Errorf("it is at %v and the log ends at %v: part of the log is missing; put it back, or, in an ensemble, empty the whole data folder and let the others rebuild this server", st.LastZxid(), o.log.Last)
	case err == nil && st.LastZxid() >= o.log.Base:
		return st, nil
	case err != nil && !errors.Is(err, ErrRebuild):
		return nil, err
	}
	o.logger.Warn("the state is rebuilt from a checkpoint and the log", "why", err, "state", st.LastZxid(), "log_after", o.log.Base)
	return o.rebuild()
}

// load opens the database and puts it into st.
func (o *opening[D]) load(st *znode.State) (err error) {
	if o.db, err = o.make(); err != nil {
		return err
	}
	o.isOpen = true
	_, err = o.db.Load(st)
	return err
}

// rebuild empties the database and fills it from the newest good checkpoint that the log reaches back to, and does not end before (an image
// from a peer is among the checkpoints a moment before the log knows of it).
func (o *opening[D]) rebuild() (*znode.State, error) {
	if o.isOpen {
		if err := o.db.Close(); err != nil {
			o.logger.Warn("closing the damaged database", "err", err)
		}
		o.isOpen = false
	}
	if err := o.wipe(); err != nil {
		return nil, err
	}
	if err := o.load(znode.NewState(znode.Options{})); err != nil {
		return nil, err
	}
	all, err := o.db.Checkpoints()
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Zxid < o.log.Base || c.Zxid > o.log.Last {
			continue
		}
		st := znode.NewState(znode.Options{})
		if err := o.db.LoadInto(c, st); err != nil {
			o.logger.Error("a checkpoint cannot be used; trying an older one", "err", err)
			continue
		}
		o.logger.Info("loaded a checkpoint", "file", c.Path, "zxid", c.Zxid)
		return st, o.db.Rebuild(st)
	}
	if o.log.Base == 0 { // the log holds everything since the beginning
		return znode.NewState(znode.Options{}), nil
	}
	return nil, fmt.Errorf("no good checkpoint between the beginning of the log, after %v, and its end, %v: transactions are missing; restore a backup into an empty folder, or empty this one and let the ensemble rebuild the server", o.log.Base, o.log.Last)
}
