package offline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/datadir"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

func ImportCommand() *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "take over the data directory of an Apache ZooKeeper server",
		Description: `Reads snapshots and transaction logs (3.4 to 3.9, plain, gzip and snappy) of a stopped ZooKeeper server and makes a Paddock data
folder of them: zxids, versions, cversions, ACLs, times, ephemerals and their sessions are kept, so clients with a live
session go on with it. The source is only read.

What is damaged or missing in the source is named, with file, offset and zxid, and nothing is written: take the folder of another
server of the ensemble, or go on without it with --accept-loss. ACLs of a scheme in which nobody can identify himself to this
server (sasl) would lock their owners out: their nodes are counted, and nothing is written without --accept-acls.

   paddock import --from /var/lib/zookeeper --data-dir /var/lib/paddock
   paddock serve --data-dir /var/lib/paddock

For an ensemble, run it on each server with the same source and that server's --id; start them only when all have it.

Exit codes: 0 made, 1 failed or refused (nothing is kept), 2 wrong usage, 130 interrupted.`,
		Flags: tool.OfflineFlags(
			&cli.StringFlag{Name: "from", Usage: "dataDir of ZooKeeper (the folder that holds version-2)", EnvVars: []string{"PADDOCK_IMPORT_FROM"}},
			&cli.StringFlag{Name: "from-log", Usage: "dataLogDir of ZooKeeper, if it has one of its own", EnvVars: []string{"PADDOCK_IMPORT_FROM_LOG"}},
			&cli.BoolFlag{Name: "accept-loss", Usage: "go on without what is damaged or missing; say it once without this flag to see what that is", EnvVars: []string{"PADDOCK_IMPORT_ACCEPT_LOSS"}},
			&cli.BoolFlag{Name: "accept-acls", Usage: "take nodes whose ACLs name a scheme in which nobody can identify himself to this server", EnvVars: []string{"PADDOCK_IMPORT_ACCEPT_ACLS"}},
			newDataDirFlag(), serverIDFlag()),
		Action: importAction,
	}
}

func importAction(c *cli.Context) error {
	_, out, err := tool.Begin(c, 0, 0)
	if err == nil {
		err = needNew(c, "from", "data-dir")
	}
	if err != nil {
		return err
	}
	dir := c.String("data-dir")
	if err := folder.Empty(dir); err != nil { // checked before the work begins
		return fmt.Errorf("import: %w", err)
	}
	st := znode.NewState(znode.Options{})
	rep, err := importLoad(c, st)
	switch {
	case c.Context.Err() != nil:
		return madeNothing(c.Context, "import", dir, c.Context.Err())
	case err != nil:
		return fmt.Errorf("import: nothing was written: %w%s", err, lossAdvice(err))
	case rep.Zxid == 0: // it has been started and never written to
		return &tool.Error{Tried: "import from " + c.String("from"), Happened: "it holds no transaction, so there is nothing to take over", Todo: "start with an empty folder: paddock serve --data-dir " + dir, Code: 1}
	}
	foreign := foreignACLs(rep)
	if foreign != "" && !c.Bool("accept-acls") {
		return &tool.Error{Tried: "import from " + c.String("from"), Happened: foreign + "; nothing was written",
			Todo: "say --accept-acls to take them as they are: the superuser (DigestAuthenticationProvider.superDigest) can give them other ACLs", Code: 1}
	}
	seed := binary.BigEndian.AppendUint64(nil, st.Digest())
	id, err := folder.Copy{Verb: "import", Seed: seed, Zxid: rep.Zxid, Generation: rep.Epoch.Generation() + 1}.Identity(st, c.Int("id"))
	if err != nil {
		return err
	}
	if err := folder.Create(c.Context, dir, id, st, zab.Ensemble{}); err != nil {
		return madeNothing(c.Context, "import", dir, err)
	}
	text := fmt.Sprintf("imported %d znodes and %d sessions up to zxid %v\n", rep.Nodes, rep.Sessions, rep.Zxid)
	if rep.Snapshot != "" {
		text += fmt.Sprintf("from %s and %d transactions in %d logs behind it", rep.Snapshot, rep.Transactions, len(rep.Logs))
	} else {
		text += fmt.Sprintf("from %d transactions in %d logs", rep.Transactions, len(rep.Logs))
	}
	if rep.Torn != "" {
		text += "\nleft out, as it was not acknowledged: " + rep.Torn
	}
	for _, loss := range rep.Loss {
		text += "\nlost: " + loss
	}
	if foreign != "" {
		text += "\n" + foreign
	}
	b := reportOf(dir, id, st)
	b.Znodes = rep.Nodes
	return b.print(out, text)
}

// lossAdvice says how to go on after a refusal.
func lossAdvice(err error) string {
	if loss := (*datadir.LossError)(nil); !errors.As(err, &loss) {
		return ""
	}
	return "\nTake the folder of another server of the ensemble, which may be whole; or say --accept-loss to go on without what is named here."
}

// foreignACLs describes the nodes whose ACLs name schemes of which no client can prove an identity here; empty if there are none.
func foreignACLs(rep *datadir.Report) string {
	var parts []string
	for _, scheme := range slices.Sorted(maps.Keys(rep.Schemes)) {
		if !auth.Provable(scheme) {
			parts = append(parts, fmt.Sprintf("%d nodes have ACLs of scheme %q, in which nobody can identify himself to this server, so those whom they name are locked out (the first is %s)",
				rep.Schemes[scheme].Nodes, scheme, rep.Schemes[scheme].First))
		}
	}
	return strings.Join(parts, "; ")
}

// importLoad reads the source with a progress bar for each of its files.
func importLoad(c *cli.Context, st *znode.State) (*datadir.Report, error) {
	b := bar(c, -1, "reading")
	defer b.Finish()
	var file string
	return datadir.Load(datadir.Options{
		DataDir: c.String("from"), DataLogDir: c.String("from-log"), AcceptLoss: c.Bool("accept-loss"), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Context: c.Context,
		Progress: func(p datadir.Progress) {
			if p.File != file {
				file = p.File
				b.Describe(filepath.Base(file))
				b.ChangeMax64(p.Of)
			}
			b.Set64(min(p.Done, p.Of))
		},
	}, st)
}
