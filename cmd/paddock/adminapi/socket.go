package adminapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// A server's admin socket is for the user who owns its data folder: he may do everything. The folder that holds the socket lets nobody else in,
// so the file system is what asks who is there, and no proxy, tunnel or browser can stand in for him.
const (
	socketFolder = "admin"
	socketName   = "socket"
)

// SocketPath is where a server with this data folder has its admin socket.
func SocketPath(dataDir string) string { return filepath.Join(dataDir, socketFolder, socketName) }

// ListenSocket makes the admin socket of a data folder. The caller owns the folder: what an earlier process left there is removed.
func ListenSocket(dataDir string) (net.Listener, error) {
	path := SocketPath(dataDir)
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := os.Chmod(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var l *net.UnixListener
	err := withShortPath(path, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // its name may be the short one, which means something else later
	return l, errors.Join(os.Chmod(path, 0o600))
}

// DialSocket connects to an admin socket.
func DialSocket(ctx context.Context, path string) (c net.Conn, err error) {
	err = withShortPath(path, func(short string) (err error) {
		c, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	return c, err
}

// maxSocketPath is what every system takes for the name of a socket (sun_path: 104 bytes on macOS, 108 on Linux, with the zero at the end).
const maxSocketPath = 103

// withShortPath calls f with a name of path that a socket may have: a data folder may stand deeper than the system allows, and then the open folder
// stands for it.
func withShortPath(path string, f func(string) error) error {
	if len(path) <= maxSocketPath {
		return f(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	short := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	if _, err := os.Stat(filepath.Dir(short)); err != nil {
		return fmt.Errorf("%s is too long for the name of a socket: give a data folder with a shorter path", path)
	}
	return f(short)
}
