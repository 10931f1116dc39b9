package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

func snapshotCommand() *cli.Command {
	return &cli.Command{
		Name:  "snapshot",
		Usage: "backups: save from a running server, look at one, restore one",
		Subcommands: []*cli.Command{
			{Name: "save", Usage: "save an exact image of the state at one zxid, from any running server", ArgsUsage: "FILE", Action: snapshotSave,
				Flags: []cli.Flag{adminFlag(), noProgressFlag()}},
			{Name: "status", Usage: "check a backup and say what it is", ArgsUsage: "FILE...", Action: func(c *cli.Context) error {
				if !c.Args().Present() {
					return usageError{errors.New("snapshot status: give the file of a backup")}
				}
				var errs []error
				for _, file := range c.Args().Slice() {
					errs = append(errs, verifyImage(c, file))
				}
				return errors.Join(errs...)
			}},
			snapshotRestoreCommand(),
		},
	}
}

func adminFlag() cli.Flag {
	return &cli.StringFlag{Name: "admin", Usage: "admin address of a server, host:port", Value: "127.0.0.1:8080", EnvVars: []string{"PADDOCK_ADMIN"}}
}

// serveSnapshot streams an exact image of the state at its zxid now or later.
func (n *node) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	var z zxid.ID
	n.server.View(func(st *znode.State) { z = st.LastZxid() })
	c, err := n.home.imageAt(r.Context(), z)
	if err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	sender, err := store.Send(c)
	if err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	defer sender.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(sender.Size(), 10))
	w.Header().Set("X-Paddock-Zxid", c.Zxid.String())
	io.Copy(w, &chunks{from: sender})
}

func snapshotSave(c *cli.Context) error {
	file := c.Args().First()
	if file == "" || c.Args().Len() > 1 {
		return usageError{errors.New("snapshot save: give the one file to write")}
	}
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("snapshot save: %s exists already: a backup is never overwritten", file)
	}
	url := "http://" + c.String("admin") + "/paddock/snapshot"
	req, err := http.NewRequestWithContext(c.Context, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("snapshot save: ask %s for an image: %w: is the server running, and is this its admin address?", c.String("admin"), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("snapshot save: %s answered %s: %s", url, resp.Status, strings.TrimSpace(string(b)))
	}
	if err := receiveBackup(c, resp, file); err != nil {
		return fmt.Errorf("snapshot save: %w", err)
	}
	return verifyImage(c, file)
}

// receiveBackup writes beside the name, syncs, checks, and renames: a half-written backup never has the name of a good one.
func receiveBackup(c *cli.Context, resp *http.Response, file string) error {
	tmp := file + ".part"
	out, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	b := bar(c, resp.ContentLength, "saving")
	n, err := io.Copy(io.MultiWriter(out, b), resp.Body)
	b.Finish()
	err = errors.Join(err, out.Sync(), out.Close())
	if err == nil && resp.ContentLength >= 0 && n != resp.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		_, err = store.VerifyImage(tmp, func(_, _ []byte) error { return nil })
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("the transfer failed and nothing was kept: %w", err)
	}
	return os.Rename(tmp, file)
}

func snapshotRestoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "make a data folder of a backup, as a new incarnation",
		ArgsUsage: "FILE",
		Description: `   paddock snapshot restore --data-dir /var/lib/paddock --last-zxid 0x1000004d2 backup.img

Zxids must never come back: fencing tokens are made of them. So the restored servers continue in a higher generation, above everything that
the old ones may have done after the backup. For that the tool must know the last zxid that the old ensemble reached: give the highest
that you find (paddock status or srvr on survivors, a watermark in your storage, the last line of a server's log), or say
--nothing-newer if the backup was the end: it refuses to guess.

For an ensemble, run it on each server with the same backup, the same --last-zxid and that server's --id. Old fencing tokens are of
another incarnation and are refused until your storage is told of the succession (docs/fencing.md).`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: "folder to make; must not exist or be empty", Required: true, EnvVars: []string{"PADDOCK_DATA_DIR"}},
			&cli.IntFlag{Name: "id", Usage: "number of the server that will run on it", Value: 1, EnvVars: []string{"PADDOCK_ID"}},
			&cli.StringFlag{Name: "last-zxid", Usage: "the highest zxid that the old ensemble is known to have reached (0x…)"},
			&cli.BoolFlag{Name: "nothing-newer", Usage: "the old ensemble did nothing after this backup"},
		},
		Action: snapshotRestore,
	}
}

func snapshotRestore(c *cli.Context) error {
	file := c.Args().First()
	if file == "" {
		return usageError{errors.New("snapshot restore: give the file of a backup")}
	}
	last, err := parseZxid(c.String("last-zxid"), 0)
	if err != nil {
		return err
	}
	if last == 0 && !c.Bool("nothing-newer") {
		return usageError{errors.New("snapshot restore: give --last-zxid, the highest zxid that the old ensemble reached, or --nothing-newer; see paddock snapshot restore --help")}
	}
	st := znode.NewState(znode.Options{})
	h, err := store.LoadCheckpoint(file, nil, st)
	if err != nil {
		return fmt.Errorf("snapshot restore: nothing was written: %w", err)
	}
	if last != 0 && last < h.Zxid {
		return usageError{fmt.Errorf("snapshot restore: --last-zxid %v is before the backup itself, which is at %v", last, h.Zxid)}
	}
	generation := max(h.Zxid, last).Epoch().Generation() + 1
	id, err := rebornIdentity("restore", h.Draw[:], max(h.Zxid, last), generation, c.Int("id"))
	if err != nil {
		return err
	}
	id.Cluster = fmt.Sprintf("%x", h.Identity.Cluster) // the cluster stays, its incarnation is new
	if err := createFolder(c.String("data-dir"), id, st, zab.Ensemble{}, slog.New(slog.DiscardHandler)); err != nil {
		return fmt.Errorf("snapshot restore: make %s (remove it before you try again): %w", c.String("data-dir"), err)
	}
	fmt.Fprintf(c.App.Writer, "restored %d znodes at zxid %v\nincarnation %s, generation %d\nnext: paddock serve --data-dir %s\n", st.NodeCount()-1, h.Zxid, id.Incarnation, generation, c.String("data-dir"))
	return nil
}
