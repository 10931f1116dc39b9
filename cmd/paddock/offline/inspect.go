package offline

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

func InspectCommand() *cli.Command {
	return &cli.Command{
		Name:  "inspect",
		Usage: "print what a data folder or a backup holds, without changing anything",
		Description: `   paddock inspect log --data-dir /var/lib/paddock --from 0x100000010
   paddock inspect state --data-dir /var/lib/paddock
   paddock inspect image backup.img

With -o json, log and image print one JSON object on each line.

Exit codes: 0 printed, 1 damaged or not readable (named with file and offset), 2 wrong usage.`,
		Subcommands: []*cli.Command{
			{Name: "log", Usage: "every record of the transaction log, with file and offset", Flags: tool.OfflineFlags(dataDirFlag("data folder"), logDirFlag(),
				&cli.StringFlag{Name: "from", Usage: "first zxid to print (0x…)", EnvVars: []string{"PADDOCK_INSPECT_LOG_FROM"}},
				&cli.StringFlag{Name: "to", Usage: "last zxid to print (0x…)", EnvVars: []string{"PADDOCK_INSPECT_LOG_TO"}}), Action: inspectLog},
			{Name: "state", Usage: "counts of a stopped server's state, as a start would load it", Flags: tool.OfflineFlags(dataDirFlag("data folder"), logDirFlag()), Action: inspectState},
			{Name: "image", Usage: "the znodes of a backup or a checkpoint", ArgsUsage: "FILE", Flags: tool.OfflineFlags(), Action: inspectImage},
		},
	}
}

func parseZxid(s string, otherwise zxid.ID) (zxid.ID, error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || n < 0 {
		return 0, tool.UsageOf(fmt.Errorf("zxid %q: give it as 0x… or in decimal", s))
	}
	return zxid.ID(n), nil
}

// logRecord is one record of the log, for programs.
type logRecord struct {
	File     string   `json:"file"`
	Offset   int64    `json:"offset"`
	Kind     string   `json:"kind"` // anchor, hard-state, base, truncate; of entries: newLeader, reconfig, skipped, undecodable, or the operation
	Zxid     string   `json:"zxid,omitempty"`
	Session  string   `json:"session,omitempty"`
	Cxid     int32    `json:"cxid,omitempty"`
	Time     string   `json:"time,omitempty"`
	Path     string   `json:"path,omitempty"`
	Multi    []string `json:"multi,omitempty"` // operation and path of each part
	Promised uint64   `json:"promised,omitempty"`
	Vote     int      `json:"vote,omitempty"`
	Commit   string   `json:"commit,omitempty"`
	Fill     string   `json:"fill,omitempty"`
}

func inspectLog(c *cli.Context) error {
	_, out, err := tool.Begin(c, 0, 0)
	from, ferr := parseZxid(c.String("from"), 0)
	to, terr := parseZxid(c.String("to"), 1<<63-1)
	if err := errors.Join(err, ferr, terr); err != nil {
		return err
	}
	if _, err := folder.IdentityOf(c.String("data-dir")); err != nil {
		return err
	}
	log := filepath.Join(folder.LogDir(c.String("data-dir"), c.String("log-dir")), "log")
	_, err = txnlog.Inspect(txnlog.OS{}, log, func(at txnlog.Location, r *txnlog.Record) error {
		if r.Kind == txnlog.RecordEntry && (r.Entry.Zxid < from || r.Entry.Zxid > to) {
			return nil
		}
		l := logRecordOf(at, r)
		return out.Record(l, l.text(r))
	})
	return err
}

// text is the record for people.
func (l *logRecord) text(r *txnlog.Record) string {
	at := fmt.Sprintf("%s:%d", l.File, l.Offset)
	switch {
	case r.Kind != txnlog.RecordEntry:
		return fmt.Sprintf("%s %v %v %+v", at, r.Kind, r.Zxid, r.State)
	case l.Kind == "newLeader":
		return fmt.Sprintf("%s %s new leader", at, l.Zxid)
	case l.Session == "": // no client's
		return fmt.Sprintf("%s %s %s", at, l.Zxid, l.Kind)
	}
	text := strings.TrimRight(fmt.Sprintf("%s %s %s session %s cxid %d time %s %s", at, l.Zxid, l.Kind, l.Session, l.Cxid, l.Time, l.Path), " ")
	for _, m := range l.Multi {
		text += "\n    " + m
	}
	return text
}

func logRecordOf(at txnlog.Location, r *txnlog.Record) logRecord {
	l := logRecord{File: filepath.Base(at.File), Offset: at.Offset, Kind: r.Kind.String()}
	if r.Kind != txnlog.RecordEntry {
		if r.Zxid != 0 {
			l.Zxid = r.Zxid.String()
		}
		l.Promised, l.Vote = uint64(r.State.Promised), int(r.State.Vote)
		if r.State.Commit != 0 {
			l.Commit = r.State.Commit.String()
		}
		if r.State.Fill != 0 {
			l.Fill = r.State.Fill.String()
		}
		return l
	}
	e := &r.Entry
	l.Zxid, l.Time = e.Zxid.String(), tool.Time(e.Time)
	var t znode.Txn
	switch {
	case e.Kind == zab.EntryNewLeader:
		l.Kind = "newLeader"
	case e.Kind == zab.EntryReconfig:
		l.Kind = "reconfig"
	case string(e.Data) == skippedEntry:
		l.Kind = "skipped"
	case znode.DecodeTxn(e.Data, &t) != nil:
		l.Kind = "undecodable"
	default:
		l.Kind, l.Session, l.Cxid, l.Path = t.Op.Kind.String(), t.Session.String(), t.Cxid, t.Op.Path
		for i := range t.Ops {
			l.Multi = append(l.Multi, t.Ops[i].Kind.String()+" "+t.Ops[i].Path)
		}
	}
	return l
}

// stateReport is what inspect state counts.
type stateReport struct {
	Zxid       string `json:"zxid"`
	Znodes     int    `json:"znodes"`
	Ephemerals int    `json:"ephemerals"`
	Sessions   int    `json:"sessions"`
	Bytes      int64  `json:"bytes"`
	Digest     string `json:"digest"`
}

func inspectState(c *cli.Context) error {
	_, out, err := tool.Begin(c, 0, 0)
	if err != nil {
		return err
	}
	f, err := folder.Open(c.String("data-dir"), c.String("log-dir"), slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("inspect state: %w", err)
	}
	defer f.Close()
	st := f.State
	if err := st.CheckInvariants(); err != nil {
		return fmt.Errorf("the state does not hold together: %w", err)
	}
	r := stateReport{st.LastZxid().String(), st.NodeCount(), st.EphemeralCount(), st.SessionCount(), int64(st.DataSize()), fmt.Sprintf("%016x", st.Digest())}
	return out.Line(r, fmt.Sprintf("zxid %s\nznodes %d\nephemerals %d\nsessions %d\nbytes %d\ndigest %s", r.Zxid, r.Znodes, r.Ephemerals, r.Sessions, r.Bytes, r.Digest))
}

// imageNode is one znode of an image, for programs.
type imageNode struct {
	Path           string `json:"path"`
	Czxid          string `json:"czxid"`
	Mzxid          string `json:"mzxid"`
	Version        int32  `json:"dataVersion"`
	EphemeralOwner string `json:"ephemeralOwner"`
	DataLength     int    `json:"dataLength"`
}

// inspectImage loads the image, so that what it prints is what a restore would make of it. Private records are no znodes and stay unseen.
func inspectImage(c *cli.Context) error {
	words, out, err := tool.Begin(c, 1, 1)
	if err != nil {
		return err
	}
	st := znode.NewState(znode.Options{})
	if _, err := store.LoadCheckpoint(words[0], nil, st); err != nil {
		return fmt.Errorf("inspect image: %w", err)
	}
	return st.Walk(func(n *znode.Image) error {
		r := imageNode{n.Path, tool.Hex(n.Czxid), tool.Hex(n.Mzxid), n.Version, tool.Hex(n.EphemeralOwner), len(n.Data)}
		return out.Record(r, fmt.Sprintf("%s\t%s\t%s\t%d\t%s\t%d", r.Path, r.Czxid, r.Mzxid, r.Version, r.EphemeralOwner, r.DataLength))
	})
}
