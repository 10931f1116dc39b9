package offline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

func RecoverCommand() *cli.Command {
	return &cli.Command{
		Name:  "recover",
		Usage: "a majority of disks is lost for good: go on with what a survivor has",
		Description: `The last resort. While a majority of disks can be brought back, start those servers instead: then nothing acknowledged is lost. Without
--force it only looks, and says what would be lost.

   paddock recover --from /var/lib/paddock                       look
   paddock recover --from /var/lib/paddock --from /tmp/other     look: which of two survivors has more
   paddock recover --from /var/lib/paddock --data-dir /var/lib/paddock-new --force

It makes a new data folder of the survivor with the longest history, as a new incarnation in a higher generation of zxids: what comes up
again of the old servers is refused, and old fencing tokens are (docs/fencing.md says how storage is told). The old folders stay as they are.

For an ensemble, copy the one survivor's folder to each machine, run it there with the same --from folders and that server's --id, and start them
only when all have it.

Exit codes: 0 done (or looked), 1 failed or not confirmed, 2 wrong usage, or a majority is there, 130 interrupted.`,
		Flags: tool.OfflineFlags(
			&cli.StringSliceFlag{Name: "from", Usage: "data `FOLDER` of a stopped survivor; may be repeated", EnvVars: []string{"PADDOCK_RECOVER_FROM"}},
			&cli.StringFlag{Name: "log-dir", Usage: "the survivor's dataLogDir, if it has one of its own (with one --from)", EnvVars: []string{"PADDOCK_LOG_DIR"}},
			newDataDirFlag(), serverIDFlag(),
			&cli.BoolFlag{Name: "force", Usage: "do it, after asking", EnvVars: []string{"PADDOCK_RECOVER_FORCE"}}),
		Action: recoverAction,
	}
}

// survivor is a data folder that is left of an ensemble.
type survivor struct {
	Folder  string `json:"folder"`
	Server  int    `json:"server"`
	Last    string `json:"lastZxid"`      // its history ends there
	Commit  string `json:"committedZxid"` // it knew that to be committed; what is behind it may never have been acknowledged
	last    zxid.ID
	commit  zxid.ID
	lineage lineage.Lineage
}

// recoverReport says what recover would do, or has done.
type recoverReport struct {
	Survivors []survivor  `json:"survivors"`
	Chosen    string      `json:"chosen"`
	Voters    int         `json:"voters"` // of the old ensemble; 0 if its configuration does not say
	Znodes    int         `json:"znodes"`
	Sessions  int         `json:"sessions"`
	Doubtful  int         `json:"unconfirmedTransactions"`
	Done      bool        `json:"done"`
	Made      *madeReport `json:"made,omitempty"`
}

func recoverAction(c *cli.Context) error {
	_, out, err := tool.Begin(c, 0, 0)
	from := c.StringSlice("from")
	switch {
	case err != nil:
	case len(from) == 0:
		err = tool.Usage("recover: give --from, the data folder of a survivor; see paddock recover --help")
	case len(from) > 1 && c.String("log-dir") != "":
		err = tool.Usage("recover: --log-dir goes with one --from only: put each survivor's log folder into its data folder")
	case c.Bool("force"):
		err = needNew(c, "data-dir")
	}
	if err != nil {
		return err
	}
	if c.Bool("force") {
		if err := folder.Empty(c.String("data-dir")); err != nil { // checked before the work begins
			return fmt.Errorf("recover: %w", err)
		}
	}
	list, best, err := survivors(from, c.String("log-dir"))
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	f, err := folder.Open(list[best].Folder, c.String("log-dir"), slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	defer f.Close()
	rep := recoverReport{Survivors: list, Chosen: list[best].Folder, Znodes: f.State.NodeCount() - 1, Sessions: f.State.SessionCount()}
	voters := votersOf(f.State)
	rep.Voters = len(voters)
	if rep.Doubtful, err = f.After(list[best].commit); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if n := votesIn(list, voters); n > len(voters)/2 {
		return tool.Usage("recover: %d of the %d voting servers of this ensemble are here, which is a majority: start them with their folders, and nothing acknowledged is lost", n, len(voters))
	}
	if !c.Bool("force") {
		return out.Line(rep, rep.text()+"\nnothing was changed; with --force and --data-dir a new folder is made of it")
	}
	return recoverMake(c, out, f, rep)
}

// recoverMake asks, and makes the folder.
func recoverMake(c *cli.Context, out tool.Out, f *folder.Folder, rep recoverReport) error {
	tool.Note(c, "%s", rep.text())
	if err := tool.Confirm(c, "go on from "+rep.Chosen+", and give up what only the lost servers had?"); err != nil {
		return err
	}
	z := f.State.LastZxid()
	was, err := f.Lineage()
	if err != nil {
		return err
	}
	seed := binary.BigEndian.AppendUint64([]byte(was.Cluster.String()+was.Incarnation.String()), f.State.Digest())
	id, err := folder.Copy{Verb: "recover", Seed: seed, Zxid: z, Generation: max(z.Epoch().Generation(), f.ID.Generation) + 1, Cluster: was.Cluster}.Identity(f.State, c.Int("id"))
	if err != nil {
		return err
	}
	dir := c.String("data-dir")
	if err := folder.Create(c.Context, dir, id, f.State, zab.Ensemble{}); err != nil {
		return madeNothing(c.Context, "recover", dir, err)
	}
	b := reportOf(dir, id, f.State)
	rep.Done, rep.Made = true, &b
	return out.Line(rep, fmt.Sprintf("recovered %d znodes at zxid %s\ngeneration %d; its first leader draws the incarnation\nnext: paddock serve --data-dir %s", b.Znodes, b.Zxid, b.Generation, dir))
}

// text says what would be lost.
func (r *recoverReport) text() string {
	var b strings.Builder
	for _, s := range r.Survivors {
		fmt.Fprintf(&b, "%s: server %d, history up to zxid %s, known to be committed up to %s\n", s.Folder, s.Server, s.Last, s.Commit)
	}
	best := r.Survivors[0]
	for _, s := range r.Survivors {
		if s.Folder == r.Chosen {
			best = s
		}
	}
	fmt.Fprintf(&b, "taken:  %s, with %d znodes and %d sessions\n", r.Chosen, r.Znodes, r.Sessions)
	fmt.Fprintf(&b, "LOST:   every transaction after zxid %s that the lost servers acknowledged to clients; how many is not known here\n", best.Last)
	fmt.Fprintf(&b, "UNSURE: %d transactions after zxid %s may never have been acknowledged, and become final", r.Doubtful, best.Commit)
	return b.String()
}

// survivors reads the folders without changing what they hold. best has the longest history: the newest epoch, then the highest zxid.
func survivors(folders []string, logDir string) (list []survivor, best int, err error) {
	for _, dir := range folders {
		id, err := folder.IdentityOf(dir)
		if err != nil {
			return nil, 0, err
		}
		rep, err := txnlog.Inspect(txnlog.OS{}, filepath.Join(folder.LogDir(dir, logDir), "log"), nil)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", dir, err)
		}
		commit := max(rep.HardState.Commit, rep.Base.Zxid)
		l, err := lineageIn(dir, logDir)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", dir, err)
		}
		list = append(list, survivor{Folder: dir, Server: id.Server, Last: rep.Last.String(), Commit: commit.String(), last: rep.Last, commit: commit, lineage: l})
	}
	for i, s := range list {
		if a, b := s.lineage, list[0].lineage; a != b {
			return nil, 0, fmt.Errorf("%s is of cluster %s, incarnation %s, and %s of cluster %s, incarnation %s: these are not survivors of one ensemble",
				s.Folder, a.Cluster, a.Incarnation, list[0].Folder, b.Cluster, b.Incarnation)
		}
		if s.last > list[best].last {
			best = i
		}
	}
	return list, best, nil
}

// lineageIn is what the history of a folder says of its lineage.
func lineageIn(dir, logDir string) (l lineage.Lineage, err error) {
	f, err := folder.Open(dir, logDir, slog.New(slog.DiscardHandler))
	if err != nil {
		return l, err
	}
	l, err = f.Lineage()
	return l, errors.Join(err, f.Close())
}

// votersOf are the voting servers by the replicated configuration; none if there is none.
func votersOf(st *znode.State) map[int]bool {
	data, _, _ := st.GetData(znode.ConfigPath, nil, znode.FlagSkipACL)
	voters := map[int]bool{}
	servers, _ := tool.ConfigServers(string(data))
	for _, s := range servers {
		if s.Role == "participant" {
			voters[s.ID] = true
		}
	}
	return voters
}

// votesIn counts the voting servers among the survivors, each once.
func votesIn(list []survivor, voters map[int]bool) int {
	seen := map[int]bool{}
	for _, s := range list {
		if voters[s.Server] {
			seen[s.Server] = true
		}
	}
	return len(seen)
}
