// Package folder is a data folder on a disk: whose it is (Identity), how a new one is made whole or not at all (Create), and how one is opened on which no
// server runs (Open). Its layout:
//
//	identity    cluster, incarnation, generation and number of the server; written last, so that a folder without it belongs to no server
//	log/        the transaction log (zab/txnlog)
//	state/      the database and the checkpoints (znode/store)
//	diverged    the mark of a folder whose state is wrong: no server starts on it
//	unfinished/ what is made aside; while it is there, the folder is not made
//
// What is done with an open folder is offline's; what keeps a folder up to date while a server runs is znode/store's.
package folder

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

// Identity says which server of which cluster a data folder belongs to. It is drawn once and stored in the file "identity"; restore and import draw a
// new incarnation and raise the generation.
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

// NewIdentity draws an identity. The servers of a static ensemble must agree without talking: their cluster id comes from the
// server lines with which the ensemble is founded; a single server draws at random.
func NewIdentity(server zab.PeerID, founders zab.Ensemble) Identity {
	var l lineage.Lineage
	if len(founders.Members) > 1 {
		h := sha256.New()
		for _, m := range founders.Members {
			fmt.Fprintf(h, "server.%d=%s:%s\n", m.ID, m.Addr, m.Role)
		}
		sum := h.Sum(nil)
		copy(l.Cluster[:], sum)
		copy(l.Incarnation[:], sum[16:])
	} else {
		rand.Read(l.Cluster[:])
		rand.Read(l.Incarnation[:])
	}
	return Identity{Format: 1, Lineage: l, Server: int(server)}
}

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
	if err := json.Unmarshal(b, &id); err != nil || id.Sum != id.sum() {
		return id, false, fmt.Errorf("%s is damaged: take it from a backup of this server, or rebuild the server with an empty folder from its ensemble", file)
	}
	if id.Format != 1 {
		return id, false, fmt.Errorf("%s has format %d, this program reads format 1: use a newer Paddock", file, id.Format)
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

// OfTokens is what tokens are bound to.
func (i *Identity) OfTokens() fencing.Lineage {
	return fencing.Lineage{Cluster: fencing.ID(i.Cluster), Incarnation: fencing.ID(i.Incarnation)}
}

// Seed is what all survivors of one incarnation have in common.
func (i *Identity) Seed() []byte { return []byte(i.Cluster.String() + i.Incarnation.String()) }
