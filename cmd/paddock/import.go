package main

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

func importCommand() *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "take over the data directory of an Apache ZooKeeper server",
		Description: `Reads snapshots and transaction logs (3.4 to 3.9, plain, gzip and snappy) of a stopped ZooKeeper server and makes a Paddock data
folder of them: zxids, versions, cversions, ACLs, times, ephemerals and their sessions are kept, so clients with a live
session go on with it. The source is only read.

   paddock import --from /var/lib/zookeeper --data-dir /var/lib/paddock
   paddock serve --data-dir /var/lib/paddock

For an ensemble, run it on each server with the same source and that server's --id; start them only when all have it.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "dataDir of ZooKeeper (the folder that holds version-2)", Required: true, EnvVars: []string{"PADDOCK_IMPORT_FROM"}},
			&cli.StringFlag{Name: "from-log", Usage: "dataLogDir of ZooKeeper, if it has one of its own", EnvVars: []string{"PADDOCK_IMPORT_FROM_LOG"}},
			&cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: "folder to make; must not exist or be empty", Required: true, EnvVars: []string{"PADDOCK_DATA_DIR"}},
			&cli.IntFlag{Name: "id", Usage: "number of the server that will run on it", Value: 1, EnvVars: []string{"PADDOCK_ID"}},
			noProgressFlag(),
		},
		Action: importAction,
	}
}

func noProgressFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-progress", Usage: "no progress bar", EnvVars: []string{"PADDOCK_NO_PROGRESS"}}
}

func importAction(c *cli.Context) error {
	st := znode.NewState(znode.Options{})
	b := bar(c, -1, "reading")
	var file string
	rep, err := datadir.Load(datadir.Options{
		DataDir: c.String("from"), DataLogDir: c.String("from-log"), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Progress: func(p datadir.Progress) {
			if p.File != file {
				file = p.File
				b.Describe(filepath.Base(file))
				b.ChangeMax64(p.Of)
			}
			b.Set64(min(p.Done, p.Of))
		},
	}, st)
	b.Finish()
	if err != nil {
		return fmt.Errorf("import: nothing was written: %w", err)
	}
	generation := rep.Epoch.Generation() + 1
	seed := binary.BigEndian.AppendUint64(nil, st.Digest())
	id, err := rebornIdentity("import", seed, rep.Zxid, generation, c.Int("id"))
	if err != nil {
		return err
	}
	if err := createFolder(c.String("data-dir"), id, st, zab.Ensemble{}, slog.New(slog.DiscardHandler)); err != nil {
		return fmt.Errorf("import: make %s (remove it before you try again): %w", c.String("data-dir"), err)
	}
	fmt.Fprintf(c.App.Writer, "imported %d znodes and %d sessions up to zxid %v\n", rep.Nodes, rep.Sessions, rep.Zxid)
	if rep.Snapshot != "" {
		fmt.Fprintf(c.App.Writer, "from %s and %d transactions in %d logs behind it\n", rep.Snapshot, rep.Transactions, len(rep.Logs))
	} else {
		fmt.Fprintf(c.App.Writer, "from %d transactions in %d logs\n", rep.Transactions, len(rep.Logs))
	}
	if rep.Torn != "" {
		fmt.Fprintf(c.App.Writer, "left out, torn and never acknowledged: %s\n", rep.Torn)
	}
	fmt.Fprintf(c.App.Writer, "next: paddock serve --data-dir %s\n", c.String("data-dir"))
	return nil
}
