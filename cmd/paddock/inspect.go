package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

func inspectCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: "data folder", Value: "paddock-data", EnvVars: []string{"PADDOCK_DATA_DIR"}},
		&cli.StringFlag{Name: "log-dir", Usage: "its dataLogDir, if it has one of its own", EnvVars: []string{"PADDOCK_LOG_DIR"}},
	}
	return &cli.Command{
		Name:  "inspect",
		Usage: "print what a data folder holds, without changing anything",
		Subcommands: []*cli.Command{
			{Name: "log", Usage: "every record of the transaction log, with file and offset", Flags: append(flags,
				&cli.StringFlag{Name: "from", Usage: "first zxid to print (0x…)"}, &cli.StringFlag{Name: "to", Usage: "last zxid to print (0x…)"}), Action: inspectLog},
			{Name: "state", Usage: "counts of a stopped server's state, as a start would load it", Flags: flags, Action: inspectState},
		},
	}
}

func parseZxid(s string, otherwise zxid.ID) (zxid.ID, error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || n < 0 {
		return 0, usageError{fmt.Errorf("zxid %q: give it as 0x… or in decimal", s)}
	}
	return zxid.ID(n), nil
}

func inspectLog(c *cli.Context) error {
	from, err := parseZxid(c.String("from"), 0)
	to, err2 := parseZxid(c.String("to"), 1<<63-1)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	log := filepath.Join(logDirOf(c.String("data-dir"), c.String("log-dir")), "log")
	_, err = txnlog.Inspect(txnlog.OS{}, log, func(at txnlog.Location, r *txnlog.Record) error {
		if r.Kind == txnlog.RecordEntry && (r.Entry.Zxid < from || r.Entry.Zxid > to) {
			return nil
		}
		describeRecord(c.App.Writer, at, r)
		return nil
	})
	return err
}

func describeRecord(w io.Writer, at txnlog.Location, r *txnlog.Record) {
	fmt.Fprintf(w, "%s:%d ", filepath.Base(at.File), at.Offset)
	if r.Kind != txnlog.RecordEntry {
		fmt.Fprintf(w, "%v %v %+v\n", r.Kind, r.Zxid, r.State)
		return
	}
	e := &r.Entry
	var t znode.Txn
	switch {
	case e.Kind == zab.EntryNewLeader:
		fmt.Fprintf(w, "%v new leader\n", e.Zxid)
	case e.Kind == zab.EntryReconfig:
		fmt.Fprintf(w, "%v reconfig\n", e.Zxid)
	case znode.DecodeTxn(e.Data, &t) != nil:
		fmt.Fprintf(w, "%v cannot be decoded, %d bytes\n", e.Zxid, len(e.Data))
	default:
		fmt.Fprintf(w, "%v %s session %v cxid %d time %d %s\n", e.Zxid, t.Op.Kind, t.Session, t.Cxid, e.Time, t.Op.Path)
		for i := range t.Ops {
			fmt.Fprintf(w, "    %s %s\n", t.Ops[i].Kind, t.Ops[i].Path)
		}
	}
}

func inspectState(c *cli.Context) error {
	f, err := openFolder(c.String("data-dir"), c.String("log-dir"), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer f.close()
	st := f.state
	if err := st.CheckInvariants(); err != nil {
		return fmt.Errorf("the state does not hold together: %w", err)
	}
	fmt.Fprintf(c.App.Writer, "zxid %v\nznodes %d\nephemerals %d\nsessions %d\nbytes %d\ndigest %016x\n",
		st.LastZxid(), st.NodeCount(), st.EphemeralCount(), st.SessionCount(), st.DataSize(), st.Digest())
	return nil
}
