// Package folder is a data folder on a disk: whose it is (Identity), how a new one is made whole or not at all (Create), and how one is opened on which no
// server runs (Open). Its layout:
//
//	identity    number of the server, and the generation of its zxids; written last, so that a folder without it belongs to no server
//	log/        the transaction log (zab/txnlog)
//	state/      the database and the checkpoints (znode/store)
//	diverged    the mark of a folder whose state is wrong: no server starts on it
//	unfinished/ what is made aside; while it is there, the folder is not made
//
// What is done with an open folder is offline's; what keeps a folder up to date while a server runs is znode/store's.
package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// Identity says which server a data folder belongs to, in the file "identity". In format 1, which earlier versions made and joiners still do, it says the
// cluster and the incarnation too; in format 2 both are zero, and the state says them. Restore, import and recover raise the generation.
type Identity struct {
	Format int `json:"format"`
	lineage.Lineage
	Generation uint32 `json:"generation"`
	Server     int    `json:"server"`
	Sum        string `json:"sum"` // CRC32 of the fields above, hex: a damaged file must not found another cluster
}

const IdentityFile = "identity"

func (i *Identity) sum() string {
	text := fmt.Sprintf("%d %s %s %d %d", i.Format, i.Cluster, i.Incarnation, i.Generation, i.Server)
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
}

// NewIdentity is the identity of a new folder. Which cluster and incarnation its history is of is not written here: the first leader of the ensemble draws
// them, and the history says it (compat/tokens.LineageOf).
func NewIdentity(server zab.PeerID) Identity { return Identity{Format: 2, Server: server.Number()} }

// LoadIdentity reads the identity of a folder; ok is false if it has none yet.
func LoadIdentity(dir string) (id Identity, ok bool, err error) {
	file := filepath.Join(dir, IdentityFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return id, false, nil
	}
	if err != nil {
		return id, false, fmt.Errorf("read the identity of the data folder: %w", err)
	}
	if err := json.Unmarshal(b, &id); err != nil || id.Sum != id.sum() || id.Format == 1 && id.Lineage == (lineage.Lineage{}) || id.Format == 2 && id.Lineage != (lineage.Lineage{}) {
		return id, false, fmt.Errorf("%s is damaged: take it from a backup of this server, or rebuild the server with an empty folder from its ensemble", file)
	}
	if _, bad := zab.PeerOf(int64(id.Server)); bad != nil {
		return id, false, fmt.Errorf("%s is damaged: %w", file, bad)
	}
	if id.Format != 1 && id.Format != 2 {
		return id, false, fmt.Errorf("%s has format %d, this program reads formats 1 and 2: use a newer Paddock", file, id.Format)
	}
	return id, true, nil
}

// Save writes the identity durably.
func (i Identity) Save(dir string) error {
	i.Sum = i.sum()
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, IdentityFile), 0o600, append(b, '\n'))
}
