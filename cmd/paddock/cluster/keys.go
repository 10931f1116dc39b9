package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

func keysCommand() *cli.Command {
	return &cli.Command{
		Name: "keys", Category: category, Usage: "the keys that sign fencing tokens",
		Description: "   paddock keys list > keys.json        # for paddock token verify --keys\n   paddock keys rotate --after 1h       # verifiers learn the new key before anything is signed with it\n   paddock keys rotate --revoke         # after a theft\n\nExit codes: 0 done, 1 failed or not confirmed, 2 wrong usage, 5 not permitted, 69 no server answered.",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "print the public keys", Flags: tool.Flags(), Action: action(0, 0, keysList)},
			{Name: "rotate", Usage: "add a new signing key; what older ones have signed is still verified", Action: action(0, 0, keysRotate),
				Flags: tool.Flags(
					&cli.BoolFlag{Name: "revoke", Usage: "refuse tokens of the older keys at once"},
					&cli.DurationFlag{Name: "after", Usage: "publish the new key now, and sign with it only after this time"},
					&cli.IntFlag{Name: "serial", Usage: "only if the key set has this `SERIAL` (keys list shows it): said again after a lost answer, it does nothing"})},
		},
	}
}

func keysList(cl *cluster, _ []string) error {
	body, err := cl.firstKeys("ask for the signing keys", func(addr string) ([]byte, error) {
		_, body, err := askHTTP(cl.c.Context, cl.target.Timeout, addr, "/paddock/keys", nil)
		return body, err
	})
	if err != nil {
		return err
	}
	return cl.printKeys(body)
}

func (cl *cluster) printKeys(body []byte) error {
	var keys map[string]any
	if err := json.Unmarshal(body, &keys); err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	return cl.out.Line(keys, strings.TrimSpace(string(body)))
}

// firstKeys asks one server after the other until one can say. An error that says what to do is final.
func (cl *cluster) firstKeys(tried string, ask func(addr string) ([]byte, error)) ([]byte, error) {
	var failed error
	for _, n := range cl.nodes {
		if n.admin == "" {
			continue
		}
		body, err := ask(n.admin)
		var final *tool.Error
		if err == nil || errors.As(err, &final) && final.Todo != "" {
			return body, err
		}
		failed = errors.Join(failed, err) // a server that does not serve cannot answer; the next one may
	}
	happened := strings.ReplaceAll(fmt.Sprint(failed), "\n", "; ")
	if denied(failed) {
		return nil, &tool.Error{Tried: tried, Happened: happened, Code: tool.ExitDenied, Cause: failed}
	}
	return nil, &tool.Error{Tried: tried, Happened: happened, Todo: "give --admin HOST:PORT of a Paddock server", Code: tool.ExitNoServer, Cause: failed}
}
