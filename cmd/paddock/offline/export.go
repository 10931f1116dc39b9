package offline

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

func ExportCommand() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write the data of a stopped server as a snapshot that Apache ZooKeeper 3.9 loads",
		Description: `   paddock export --data-dir /var/lib/paddock --zookeeper /var/lib/zookeeper

makes /var/lib/zookeeper/version-2/snapshot.<zxid>: give that folder to a ZooKeeper server as its dataDir. Sessions and their
ephemerals come along. Private records (the signing keys of fencing tokens) stay behind.

Exit codes: 0 written, 1 failed, 2 wrong usage, 130 interrupted.`,
		Flags: tool.OfflineFlags(dataDirFlag("data folder of a stopped Paddock server"), logDirFlag(),
			&cli.StringFlag{Name: "zookeeper", Usage: "folder to make (ZooKeeper's dataDir)", EnvVars: []string{"PADDOCK_EXPORT_TO"}}),
		Action: exportAction,
	}
}

func exportAction(c *cli.Context) error {
	_, out, err := tool.Begin(c, 0, 0)
	if err == nil {
		err = tool.Need(c, "zookeeper")
	}
	if err != nil {
		return err
	}
	dir := filepath.Join(c.String("zookeeper"), "version-2")
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("export: %s holds data already: give a folder that does not exist yet", dir)
	}
	f, err := folder.Open(c.String("data-dir"), c.String("log-dir"), slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer f.Close()
	name := filepath.Join(dir, datadir.SnapshotName(int64(f.State.LastZxid())))
	if err := writeSnapshotFile(name, f); err != nil {
		return fmt.Errorf("export: write %s: %w", name, err)
	}
	st := f.State
	return out.Line(struct {
		File     string `json:"file"`
		Znodes   int    `json:"znodes"`
		Sessions int    `json:"sessions"`
		Zxid     string `json:"zxid"`
	}{name, st.NodeCount() - 1, st.SessionCount(), st.LastZxid().String()},
		fmt.Sprintf("exported %d znodes and %d sessions at zxid %v to %s", st.NodeCount()-1, st.SessionCount(), st.LastZxid(), name))
}

// writeSnapshotFile makes the file in one step, so that ZooKeeper never meets half a file.
func writeSnapshotFile(name string, f *folder.Folder) error {
	if err := (txnlog.OS{}).MkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	_, err := atomicfile.Write(atomicfile.OS{}, name, 0o644, func(w io.Writer) error { return datadir.WriteSnapshot(w, f.State) })
	return err
}
