package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/zab/txnlog"
)

// openLog finds out whose folder it is and opens the log; founded is false if this start founds the folder. A first start may end at any moment,
// and the next one does what is left: the log comes first, and while no identity is kept beside it, a log that holds nothing is begun anew.
func (n *node) openLog(ctx context.Context, dir, logDir string) (founded bool, err error) {
	id, founded, err := folder.LoadIdentity(dir)
	if err == nil {
		err = folder.ClearUnfinished(dir, founded)
	}
	if err == nil && !founded {
		err = n.checkBeforeFounding()
	}
	if err != nil {
		return founded, err
	}
	switch {
	case founded && id.Server != n.self.Number():
		return founded, fmt.Errorf("%s holds the data of server %d and this is server %d: check myid or --data-dir", dir, id.Server, n.self)
	case !founded && n.joins():
		if n.joining, err = n.ask(ctx, nil); err != nil {
			return founded, err
		}
	}
	if !founded {
		id = n.foundIdentity()
	}
	n.id = id
	if err := logThere(logDir, founded); err != nil {
		return founded, err
	}
	opt := id.LogOptions(n.logger)
	opt.Founding = !founded
	if n.log, err = txnlog.Open(timedDisk{txnlog.OS{}, n.meter.syncs}, logDir, opt); err != nil {
		return founded, fmt.Errorf("transaction log: %w", err)
	}
	if !founded { // the log's lock is ours: nobody else founds here
		if err := id.Save(dir); err != nil {
			return founded, fmt.Errorf("write the identity of the data folder: %w", err)
		}
	}
	return founded, nil
}

// logThere refuses a folder whose log is gone: an empty one would forget votes and acknowledged writes.
func logThere(dir string, founded bool) error {
	segments, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || !founded || len(segments) > 0 {
		return err
	}
	return fmt.Errorf("the transaction log is missing: there is no file in %s. Put it back (is dataLogDir right?), or, in an ensemble, empty the whole data folder and let the others rebuild this server", dir)
}

// checkLines looks whether this server is among its server lines, and whether it can listen there.
func (n *node) checkLines() error {
	if !n.distributed() || n.joins() {
		return nil
	}
	e, err := n.ensemble()
	if err != nil {
		return err
	}
	addr, err := n.peerAddr(e)
	if err != nil {
		return err
	}
	sock, err := net.Listen("tcp", addr)
	if unresolved := (*net.DNSError)(nil); errors.As(err, &unresolved) {
		return nil // it may resolve later, and is waited for
	}
	if err != nil {
		return fmt.Errorf("peers cannot be accepted on %s: %w", addr, err)
	}
	return sock.Close()
}

// checkBeforeFounding looks at what would end the start later on, so that a start that cannot succeed leaves an empty folder empty.
func (n *node) checkBeforeFounding() error {
	if _, err := auth.New(authConfig(n.cfg)); err != nil {
		return err
	}
	if _, err := clientTLS(n.cfg, n.logger); err != nil {
		return err
	}
	if err := n.checkLines(); err != nil {
		return err
	}
	addrs := []string{n.clientAddr()}
	if b := &n.cfg.Basics; b.SecurePort >= 0 {
		addrs = append(addrs, net.JoinHostPort(b.SecureAddress, strconv.Itoa(b.SecurePort)))
	}
	for _, addr := range addrs {
		if addr == "" {
			continue
		}
		sock, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("clients cannot be accepted on %s: %w", addr, err)
		}
		if err := sock.Close(); err != nil {
			return err
		}
	}
	return nil
}
