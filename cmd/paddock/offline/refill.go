package offline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func RefillCommand() *cli.Command {
	return &cli.Command{
		Name:  "refill",
		Usage: "a server ended since its state was wrong: put its data aside and let the ensemble fill it anew",
		Description: `Servers compare the digests of their states. One that differs from the majority ends, and does not start again on the same data:
something has changed them that is not in the history, such as a fault of the memory, of the disk, or of the program. This command moves its log and its
state into a subfolder (evidence-ZXID), which you may keep, send or delete, and the server is filled by the others when it starts.

   paddock refill --data-dir /var/lib/paddock

Until it is filled its vote counts little, so do it while the other servers are up. Check the machine first: a disk or a memory that is broken will do the same
to the new data.

Exit codes: 0 done, 1 failed or not confirmed, 2 wrong usage.`,
		Flags:  tool.OfflineFlags(dataDirFlag("data folder of the stopped server"), logDirFlag()),
		Action: refill,
	}
}

// refillReport says where the old data is.
type refillReport struct {
	DataDir  string   `json:"dataDir"`
	Evidence []string `json:"evidence"`
}

func refill(c *cli.Context) error {
	_, out, err := tool.Begin(c, 0, 0)
	if err != nil {
		return err
	}
	dir := c.String("data-dir")
	if err := tool.Confirm(c, "put log and state of "+dir+" aside, and let the ensemble fill this server anew?"); err != nil {
		return err
	}
	evidence, err := folder.SetAside(dir, c.String("log-dir"))
	if err != nil {
		return fmt.Errorf("refill: %w", err)
	}
	return out.Line(refillReport{dir, evidence}, fmt.Sprintf("the old data is in %s\nnext: start the server, and the others fill it", strings.Join(evidence, " and ")))
}
