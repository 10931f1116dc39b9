package measure

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/proof/crosscheck"
)

// CrosscheckCommand is `paddock crosscheck`: the same requests to two servers, every field of the answers compared.
func CrosscheckCommand() *cli.Command {
	return &cli.Command{
		Name:  "crosscheck",
		Usage: "send the same requests to two servers and compare every answer",
		Description: `Plays random but repeatable scripts of requests to both servers and compares every reply, event and field; zxids by their
distance, times and session ids by what they refer to. Each difference is shrunk to the shortest script that shows it.

Both servers should be idle, and have a container check interval of days (other writes move the zxids):
   java -Dznode.container.checkIntervalMs=2000000000 ... for Apache ZooKeeper, whose zoo.cfg should allow maxClientCnxns=0.
What a configuration decides must be the same on both: extendedTypesEnabled and zookeeper.emulate353TTLNodes (TTL nodes), enforceQuota, skipACL,
DigestAuthenticationProvider.superDigest (and --super), reconfigEnabled, jute.maxbuffer, readonlymode.enabled, localSessionsEnabled, tickTime,
minSessionTimeout and maxSessionTimeout (at least 20000 and 600000: the scripts ask for such sessions).

Examples:
   paddock crosscheck --left 127.0.0.1:2181 --right 127.0.0.1:2182
   paddock crosscheck --left zk:2181 --right paddock:2181 --seeds 500 --requests 200 --exclusive
   paddock crosscheck --left zk:2181 --right paddock:2181 --first-seed 42 --seeds 1 --script

Exit codes: 0 no difference, 1 a server could not be asked, 2 wrong usage, 3 differences, 130 interrupted by Ctrl-C, 143 by SIGTERM.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "left", Usage: "`HOST:PORT` of the one server, the authority", EnvVars: []string{"PADDOCK_CROSSCHECK_LEFT"}},
			&cli.StringFlag{Name: "right", Usage: "`HOST:PORT` of the other", EnvVars: []string{"PADDOCK_CROSSCHECK_RIGHT"}},
			&cli.IntFlag{Name: "seeds", Usage: "how many scripts", Value: 50, EnvVars: []string{"PADDOCK_CROSSCHECK_SEEDS"}},
			&cli.Uint64Flag{Name: "first-seed", Usage: "the seed of the first script", Value: 1, EnvVars: []string{"PADDOCK_CROSSCHECK_FIRST_SEED"}},
			&cli.IntFlag{Name: "requests", Usage: "steps in each script", Value: 100, EnvVars: []string{"PADDOCK_CROSSCHECK_REQUESTS"}},
			&cli.StringFlag{Name: "super", Usage: "`USER:PASSWORD` that both servers' digest scheme takes as super, to look behind ACLs", EnvVars: []string{"PADDOCK_CROSSCHECK_SUPER"}},
			&cli.BoolFlag{Name: "exclusive", Usage: "both servers started empty and have no other clients: compare / and /zookeeper as well", EnvVars: []string{"PADDOCK_CROSSCHECK_EXCLUSIVE"}},
			&cli.IntFlag{Name: "stop", Usage: "stop after so many kinds of difference", Value: 20, EnvVars: []string{"PADDOCK_CROSSCHECK_STOP"}},
			&cli.BoolFlag{Name: "script", Usage: "print the scripts and play nothing", EnvVars: []string{"PADDOCK_CROSSCHECK_SCRIPT"}},
			&cli.BoolFlag{Name: "outcomes", Usage: "print how often the left server answered what", EnvVars: []string{"PADDOCK_CROSSCHECK_OUTCOMES"}},
		},
		Action: crosscheckAction,
	}
}

// sides are the addresses of the two servers; scripts that are only printed need none.
func sides(c *cli.Context) (left, right string, err error) {
	if c.Bool("script") {
		return "", "", nil
	}
	if err := tool.Need(c, "left", "right"); err != nil {
		return "", "", err
	}
	lefts, err := tool.Addresses("--left", c.String("left"))
	if err != nil {
		return "", "", err
	}
	rights, err := tool.Addresses("--right", c.String("right"))
	if err == nil && len(lefts)+len(rights) > 2 {
		err = tool.Usage("crosscheck: one server on each side")
	}
	if err != nil {
		return "", "", err
	}
	return lefts[0], rights[0], nil
}

func crosscheckAction(c *cli.Context) error {
	if c.NArg() > 0 || c.Int("seeds") < 1 || c.Int("requests") < 1 {
		return tool.UsageOf(errors.New("crosscheck: takes options only, with at least one seed and one request"))
	}
	left, right, err := sides(c)
	if err != nil {
		return err
	}
	o := crosscheck.Options{
		Left:      crosscheck.Playing{Addr: left, Super: c.String("super")},
		Right:     crosscheck.Playing{Addr: right, Super: c.String("super")},
		FirstSeed: c.Uint64("first-seed"), Seeds: c.Int("seeds"), Stop: c.Int("stop"),
		Generating: crosscheck.Generating{Requests: c.Int("requests"), Exclusive: c.Bool("exclusive"), Super: c.String("super")},
		Run:        strconv.FormatInt(time.Now().UnixNano(), 36),
		Log:        os.Stderr,
	}
	if c.Bool("script") {
		for seed := o.FirstSeed; seed < o.FirstSeed+uint64(o.Seeds); seed++ {
			fmt.Fprint(c.App.Writer, crosscheck.Generate(seed, o.Generating))
		}
		return nil
	}
	report, err := crosscheck.Check(c.Context, o)
	if report != nil {
		if c.Bool("outcomes") {
			names := make([]string, 0, len(report.Outcomes))
			for name := range report.Outcomes {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				fmt.Fprintf(c.App.Writer, "%8d %s\n", report.Outcomes[name], name)
			}
		}
		report.Print(c.App.Writer, "left", "right")
	}
	if err != nil {
		return err
	}
	if len(report.Findings) > 0 {
		return cli.Exit("", 3)
	}
	return nil
}
