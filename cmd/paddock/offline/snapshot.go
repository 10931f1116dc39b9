package offline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
	"github.com/paddock-zk/paddock/znode/store/atomicfile"
)

func SnapshotCommand() *cli.Command {
	return &cli.Command{
		Name:  "snapshot",
		Usage: "backups: save from a running server, look at one, restore one",
		Description: `   paddock snapshot save backup.img
   paddock snapshot status backup.img
   paddock snapshot restore --data-dir /var/lib/paddock --last-zxid 0x1000004d2 backup.img

Exit codes: 0 done, 1 failed (nothing is kept) or damaged, 2 wrong usage, 130 interrupted.`,
		Subcommands: []*cli.Command{
			{Name: "save", Usage: "save an exact image of the state at one zxid, from any running server", ArgsUsage: "FILE", Action: snapshotSave,
				Description: `   paddock snapshot save --admin 127.0.0.1:8080 backup.img

An image holds the signing keys. So run it on a server's own machine as the user who owns its data folder, or give the super user's
credentials with --auth digest:super:PASSWORD. Of several addresses in --admin the first that answers is asked. The file gets its name only
when it is whole and checked.

Exit codes: 0 saved, 1 failed (nothing is kept), 2 wrong usage, 5 not allowed, 69 no server answered, 130 interrupted.`,
				Flags: tool.Flags()},
			{Name: "status", Usage: "check backups and say what they are", ArgsUsage: "FILE...", Flags: tool.OfflineFlags(), Action: func(c *cli.Context) error {
				words, out, err := tool.Begin(c, 1, -1)
				if err != nil {
					return err
				}
				return verifyFiles(out, words)
			}},
			snapshotRestoreCommand(),
		},
	}
}

func snapshotSave(c *cli.Context) error {
	words, out, err := tool.Begin(c, 1, 1)
	if err != nil {
		return err
	}
	file := words[0]
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("snapshot save: %s exists already: a backup is never overwritten: give another name", file)
	}
	timeout, err := tool.Duration(c, "timeout")
	if err != nil {
		return err
	}
	admins, err := tool.AdminAddresses("--admin", tool.String(c, "admin"))
	if err != nil {
		return err
	}
	if len(admins) == 0 {
		admins = []string{"127.0.0.1:8080"}
	}
	most := time.Duration(0)
	if c.IsSet("timeout") { // else it waits for as long as it takes to make an image, which may be minutes
		most = timeout
	}
	quiet := newSilence(c.Context, most)
	defer quiet.end()
	resp, err := snapshotAsk(quiet, admins, tool.Values(c, "auth"), timeout)
	if broken := quiet.broken(c.Context); broken != nil {
		return broken
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := receiveBackup(c, resp, quiet.reader(resp.Body), file); err != nil {
		if broken := quiet.broken(c.Context); broken != nil {
			return broken
		}
		if c.Context.Err() != nil {
			err = &tool.Error{Tried: "snapshot save", Happened: "interrupted: nothing was kept", Code: tool.ExitInterrupt, Cause: err}
		}
		return err
	}
	return verifyFiles(out, []string{file})
}

// snapshotAsk gets an image of the first server that answers. It waits as long as ctx lets it, but not to connect.
func snapshotAsk(ctx context.Context, admins, auths []string, timeout time.Duration) (*http.Response, error) {
	var failed []string
	for _, a := range admins {
		resp, err := tool.Admin{Addr: a, Auths: auths, Timeout: timeout}.Order(ctx, http.MethodGet, "/paddock/snapshot")
		if ctx.Err() != nil {
			return nil, tool.Fail("snapshot save", context.Canceled)
		}
		if refused := new(tool.Error); errors.As(err, &refused) {
			return nil, err
		}
		if err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", a, err))
			continue
		}
		if resp.StatusCode == http.StatusOK && resp.Header.Get("X-Paddock-Zxid") != "" {
			return resp, nil
		}
		var answer struct{ Error string }
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		resp.Body.Close()
		if json.Unmarshal(b, &answer) != nil || answer.Error == "" {
			answer.Error = resp.Status + ": it is not the admin port of a Paddock server"
		}
		code := 1
		if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
			code = tool.ExitDenied
		}
		return nil, &tool.Error{Tried: "snapshot save: ask " + a + " for an image", Happened: answer.Error, Todo: "see --admin in paddock snapshot save --help", Code: code}
	}
	return nil, &tool.Error{Tried: "snapshot save", Happened: "no server answered: " + strings.Join(failed, "; "), Todo: "is the server running, and is this its admin address? Give --admin HOST:PORT", Code: tool.ExitNoServer}
}

// receiveBackup writes beside the name, syncs, checks, and renames: a half-written backup never has the name of a good one.
func receiveBackup(c *cli.Context, resp *http.Response, body io.Reader, file string) error {
	tmp := file + ".part"
	out, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("snapshot save: %w: give a file in a folder that exists and that you may write to", err)
	}
	b := bar(c, resp.ContentLength, "saving")
	n, err := io.Copy(io.MultiWriter(out, b), body)
	b.Finish()
	err = errors.Join(err, out.Sync(), out.Close())
	if err == nil && resp.ContentLength >= 0 && n != resp.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		_, err = store.VerifyImage(tmp, znode.NewChecker(), nil)
	}
	if err == nil {
		if err = atomicfile.Move(atomicfile.OS{}, tmp, file); err == nil {
			return nil
		}
	}
	os.Remove(tmp)
	todo := "try again"
	if errors.Is(err, syscall.ENOSPC) {
		todo = fmt.Sprintf("make room for %d bytes there, or give a file on another disk", resp.ContentLength)
	}
	return &tool.Error{Tried: "snapshot save to " + file, Happened: strings.ReplaceAll(err.Error(), "\n", "; ") + "; nothing was kept", Todo: todo, Code: 1, Cause: err}
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
		Flags: tool.OfflineFlags(newDataDirFlag(), serverIDFlag(),
			&cli.StringFlag{Name: "last-zxid", Usage: "the highest zxid that the old ensemble is known to have reached (0x…)", EnvVars: []string{"PADDOCK_LAST_ZXID"}},
			&cli.BoolFlag{Name: "nothing-newer", Usage: "the old ensemble did nothing after this backup", EnvVars: []string{"PADDOCK_NOTHING_NEWER"}}),
		Action: snapshotRestore,
	}
}

func snapshotRestore(c *cli.Context) error {
	words, out, err := tool.Begin(c, 1, 1)
	if err == nil {
		err = needNew(c, "data-dir")
	}
	if err != nil {
		return err
	}
	last, err := parseZxid(c.String("last-zxid"), 0)
	if err != nil {
		return err
	}
	if (last == 0) == !c.Bool("nothing-newer") {
		return tool.Usage("snapshot restore: give --last-zxid, the highest zxid that the old ensemble reached, or --nothing-newer (one of them); see paddock snapshot restore --help")
	}
	dir := c.String("data-dir")
	if err := folder.Empty(dir); err != nil { // checked before the work begins
		return fmt.Errorf("snapshot restore: %w", err)
	}
	st := znode.NewState(znode.Options{})
	h, err := store.LoadCheckpoint(words[0], nil, st)
	if err != nil {
		return fmt.Errorf("snapshot restore: nothing was written: %w", err)
	}
	if last != 0 && last < h.Zxid {
		return tool.Usage("snapshot restore: --last-zxid %v is before the backup itself, which is at %v", last, h.Zxid)
	}
	was, known, err := tokens.LineageOf(st)
	if err != nil {
		return fmt.Errorf("snapshot restore: nothing was written: %w", err)
	}
	if !known { // an earlier version made the backup
		was = h.Identity
	}
	last = max(h.Zxid, last)
	id, err := folder.Copy{Verb: "restore", Seed: h.Draw[:], Zxid: last, Generation: last.Epoch().Generation() + 1, Cluster: was.Cluster}.Identity(st, c.Int("id"))
	if err != nil {
		return err
	}
	if err := folder.Create(c.Context, dir, id, st, zab.Ensemble{}); err != nil {
		return madeNothing(c.Context, "snapshot restore", dir, err)
	}
	b := reportOf(dir, id, st)
	return b.print(out, fmt.Sprintf("restored %d znodes at zxid %s", b.Znodes, b.Zxid))
}
