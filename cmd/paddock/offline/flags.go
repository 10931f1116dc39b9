package offline

import (
	"os"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// bar is a progress bar on a terminal, and nothing elsewhere.
func bar(c *cli.Context, total int64, what string) *progressbar.ProgressBar {
	if tool.Bool(c, "no-progress") || !term.IsTerminal(int(os.Stderr.Fd())) {
		return progressbar.DefaultSilent(total, what)
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100_000_000))
}

func dataDirFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: usage, Value: "paddock-data", EnvVars: []string{"PADDOCK_DATA_DIR"}}
}

func logDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "log-dir", Usage: "its dataLogDir, if it has one of its own", EnvVars: []string{"PADDOCK_LOG_DIR"}}
}

func newDataDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: "folder to make; must not exist or be empty", EnvVars: []string{"PADDOCK_DATA_DIR"}}
}

func serverIDFlag() cli.Flag {
	return &cli.IntFlag{Name: "id", Usage: "number of the server that will run on it, 0 to 2147483647 (its myid)", Value: 1, EnvVars: []string{"PADDOCK_ID"}}
}

// needNew refuses the making of a folder without the flags that it needs, or for a number that no server can have, before anything is read.
func needNew(c *cli.Context, names ...string) error {
	if err := tool.Need(c, names...); err != nil {
		return err
	}
	if id := c.Int("id"); id < 0 || id > 1<<31-1 {
		return tool.Usage("%s --id %d: a server's number is 0 to 2147483647", c.Command.Name, id)
	}
	return nil
}
