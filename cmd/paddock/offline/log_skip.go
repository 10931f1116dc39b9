package offline

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// skippedEntry takes the place of a skipped transaction. It is no transaction in any format version, so every server takes its zxid and does
// nothing, as with anything that cannot be decoded.
const skippedEntry = "\x00skipped by paddock log skip"

// skipMost bounds how much history behind the entry is written again, in one piece.
const skipMost = 256 << 20

func LogCommand() *cli.Command {
	return &cli.Command{
		Name:  "log",
		Usage: "mend the transaction log of a stopped server",
		Description: `   paddock inspect log --data-dir /var/lib/paddock --from 0x100000010
   paddock log skip --data-dir /var/lib/paddock 0x100000012

Exit codes: 0 done, 1 failed or not confirmed, 2 wrong usage; see log skip for its own.`,
		Subcommands: []*cli.Command{{
			Name: "skip", Usage: "make one transaction do nothing: it stops every server at every start", ArgsUsage: "ZXID",
			Description: `For a poison entry: a transaction on which servers end as often as they start. It keeps its zxid, and does nothing. Its client may have been told
that it was done.

All servers must skip the same: stop the whole ensemble, run it on each server that has the entry, and start them again. A server that skipped and one
that did not have different states, and the one that notices stops and says so.

   paddock log skip --data-dir /var/lib/paddock 0x100000012

Exit codes: 0 done, 1 failed or not confirmed, 2 wrong usage, 3 the log has no such transaction, 4 the state holds it already.`,
			Flags: tool.OfflineFlags(dataDirFlag("data folder of a stopped server"), logDirFlag()), Action: logSkip,
		}},
	}
}

func logSkip(c *cli.Context) error {
	words, out, err := tool.Begin(c, 1, 1)
	if err != nil {
		return err
	}
	z, err := parseZxid(words[0], 0)
	if err != nil {
		return err
	}
	f, err := folder.OpenStored(c.String("data-dir"), c.String("log-dir"), slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("log skip: %w", err)
	}
	defer f.Close()
	tail, err := poison(f, z)
	if err != nil {
		return err
	}
	what, kept := skipDescribe(&tail[0]), len(tail)-1
	if string(tail[0].Data) == skippedEntry {
		tool.Note(c, "%v is skipped already", z)
		return nil
	}
	if err := tool.Confirm(c, fmt.Sprintf("skip %v, %s, on this server (the %d entries behind it stay)?", z, what, kept)); err != nil {
		return err
	}
	tail[0].Data = []byte(skippedEntry)
	if err := f.Log.Append(zab.Persist{Truncate: &tail[0].Prev, Entries: tail}); err != nil {
		return fmt.Errorf("log skip: %w", err)
	}
	return out.Line(map[string]any{"zxid": z.String(), "skipped": what, "kept": kept}, fmt.Sprintf("skipped %v, %s; do the same on every other server before any of them starts", z, what))
}

// poison gives the entry at z and all behind it, if it can be skipped.
func poison(f *folder.Folder, z zxid.ID) ([]zab.Entry, error) {
	fail := func(code int, happened, todo string) error {
		return &tool.Error{Tried: fmt.Sprintf("log skip %v", z), Happened: happened, Todo: todo, Code: code}
	}
	if at := f.State.LastZxid(); z <= at {
		return nil, fail(tool.ExitConflict, fmt.Sprintf("the stored state is at %v already and holds what it did", at), "undo it with ordinary writes")
	}
	tail, err := f.Log.Entries(f.Log.Floor(z-1), skipMost)
	if errors.Is(err, zab.ErrCompacted) || err == nil && len(tail) == 0 {
		return nil, fail(tool.ExitNoNode, "the log has no such transaction", "look with paddock inspect log")
	}
	if err != nil {
		return nil, fmt.Errorf("log skip: %w", err)
	}
	switch {
	case tail[0].Zxid != z:
		return nil, fail(tool.ExitNoNode, "the log has no such transaction", "look with paddock inspect log")
	case tail[0].Kind == zab.EntryNewLeader || tail[0].Kind == zab.EntryReconfig:
		return nil, fail(tool.ExitConflict, "it begins an epoch or changes the members, and is no client's transaction", "an ensemble that cannot be started with it is restored from a backup, see paddock snapshot restore")
	case tail[len(tail)-1].Zxid != f.Log.Last():
		return nil, fail(1, "more history lies behind it than can be written again in one piece", "restore a backup of before, see paddock snapshot restore")
	}
	return tail, nil
}

func skipDescribe(e *zab.Entry) string {
	var t znode.Txn
	if znode.DecodeTxn(e.Data, &t) != nil {
		return fmt.Sprintf("%d bytes that cannot be decoded", len(e.Data))
	}
	return fmt.Sprintf("%s %s of session %v", t.Op.Kind, t.Op.Path, t.Session)
}
