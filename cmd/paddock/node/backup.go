package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// backup is what the AdminServer's snapshot and restore commands ask of a server.
type backup struct {
	node *node
	auth *auth.Set
}

func newBackup(n *node) (*backup, error) {
	set, err := auth.New(authConfig(n.cfg))
	return &backup{n, set}, err
}

// Authorize implements admin.Backup. (Commands.authenticate; ZooKeeper is content with any permission on "/", here all are needed.)
func (b *backup) Authorize(r *http.Request, scheme string, credentials []byte) error {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return fmt.Errorf("%w: address %q: %w", admin.ErrNotAuthenticated, r.RemoteAddr, err)
	}
	v := b.auth.Authenticate(auth.Peer{Addr: addr.Addr().Unmap()}, scheme, credentials)
	if v.Outcome != auth.Accept || len(v.IDs) == 0 {
		return fmt.Errorf("%w: %v", admin.ErrNotAuthenticated, v.Why)
	}
	var acl []znode.ACL
	b.node.server.View(func(st *znode.State) { _, acl, _ = st.Node("/") })
	flags := b.node.features(b.auth.Flags()).Flags
	for _, perm := range []znode.Perm{znode.PermRead, znode.PermWrite, znode.PermCreate, znode.PermDelete, znode.PermAdmin} {
		if !znode.Permits(acl, perm, v.IDs, flags) {
			return admin.ErrNotAuthorized
		}
	}
	return nil
}

// Snapshot implements admin.Backup. It goes by way of a checkpoint, which is exact and holds nobody up, and a file without a name.
func (b *backup) Snapshot(ctx context.Context) (z, size int64, body io.ReadCloser, err error) {
	var at zxid.ID
	b.node.server.View(func(st *znode.State) { at = st.LastZxid() })
	c, err := b.node.disk.follower.ImageAt(ctx, at)
	if err != nil {
		return 0, 0, nil, err
	}
	st := znode.NewState(znode.Options{})
	if _, err := store.LoadCheckpoint(c.Path, nil, st); err != nil {
		return 0, 0, nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(c.Path), "snapshot-*.tmp")
	if err != nil {
		return 0, 0, nil, err
	}
	err = errors.Join(os.Remove(f.Name()), datadir.WriteSnapshot(f, st))
	if err == nil {
		size, err = f.Seek(0, io.SeekEnd)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return 0, 0, nil, errors.Join(err, f.Close())
	}
	return int64(st.LastZxid()), size, f, nil
}

// errRestore says why a running server takes no image from outside. ZooKeeper swaps the tree of one server, and its operators repeat
// that on every member with clients locked out; zxids go back to those of the snapshot. Here they never do: a fencing token is one, and
// all servers must have the same history.
var errRestore = fmt.Errorf("%w: zxids would go back, and fencing tokens with them, and this server would differ from the others; make new data folders instead: `paddock import --from DIR` of a ZooKeeper snapshot in DIR/version-2, or `paddock snapshot restore` of a backup that `paddock snapshot save` made", admin.ErrUnavailable)

// Restore implements admin.Backup: always refused.
func (b *backup) Restore(context.Context, io.Reader) (int64, error) { return 0, errRestore }
