package filefence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/paddock-zk/paddock/fencing"
)

// ErrInUse: another process has the watermarks of this folder.
var ErrInUse = errors.New("filefence: another process keeps its watermarks in this folder")

// Marks keeps watermarks in a folder for a process that is itself the only way to a resource: the durable memory of a fencing.Gate. Safe from any goroutine.
type Marks struct {
	mu   sync.Mutex // the steps of one process wait here, not at the file lock
	dir  *Dir
	hold *os.File // the lock of the process; nil after Close
}

// OpenMarks opens the folder, and makes it if it is not there, for this process alone: two gates beside each other would not see each other's requests. It is
// ErrInUse while another process has it; that ends with the process, however it ends.
func OpenMarks(path string) (*Marks, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("filefence: %w", err)
	}
	dir, err := Open(path)
	if err != nil {
		return nil, err
	}
	hold, err := os.OpenFile(filepath.Join(path, stateDir, "gate.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("filefence: %w", err)
	}
	if held, err := tryLock(hold); err != nil {
		hold.Close()
		return nil, fmt.Errorf("filefence: lock %s: %w", hold.Name(), err)
	} else if !held {
		hold.Close()
		return nil, fmt.Errorf("%w: %s: end that one first", ErrInUse, path)
	}
	return &Marks{dir: dir, hold: hold}, nil
}

// Raise is the fencing.Watermarks contract. A watermark is on the disk before the token is admitted.
func (m *Marks) Raise(ctx context.Context, c fencing.Claim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hold == nil {
		return errors.New("filefence: the watermarks were closed")
	}
	return m.dir.Writing(nil).Raise(ctx, c)
}

// Close gives the folder to the next process. Call it when no request is inside of the gate any more.
func (m *Marks) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hold == nil {
		return nil
	}
	err := m.hold.Close()
	m.hold = nil
	return err
}
