package cluster

import (
	"errors"
	"fmt"
	"net/url"
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
					&cli.DurationFlag{Name: "after", Usage: "publish the new key now, and sign with it only after this time"})},
		},
	}
}

func keysList(cl *cluster, _ []string) error {
	return cl.keys(func(addr string, v any) ([]byte, error) {
		_, body, err := askHTTP(cl.c.Context, cl.target.Timeout, addr, "/paddock/keys", v)
		return body, err
	})
}

func keysRotate(cl *cluster, _ []string) error {
	q := url.Values{}
	if after := cl.c.Duration("after"); after < 0 || after > 0 && cl.c.Bool("revoke") {
		return tool.UsageOf(fmt.Errorf("keys rotate --after %v: a time ahead, and not together with --revoke (nothing could be signed until then)", after))
	} else if after > 0 {
		q.Set("after", after.String())
	}
	if cl.c.Bool("revoke") {
		if err := tool.Confirm(cl.c, "revoke the keys in use? Tokens that they signed are refused from then on"); err != nil {
			return err
		}
		q.Set("revoke", "true")
	}
	return cl.keys(func(addr string, v any) ([]byte, error) {
		_, body, err := cl.order(addr, "/paddock/keys/rotate?"+q.Encode(), v)
		return body, err
	})
}

// keys asks the first server that can say.
func (cl *cluster) keys(ask func(addr string, v any) ([]byte, error)) error {
	var failed error
	for _, n := range cl.nodes {
		if n.admin == "" {
			continue
		}
		var keys map[string]any
		body, err := ask(n.admin, &keys)
		if err != nil {
			failed = errors.Join(failed, err)
			continue // a server that does not serve cannot answer; the next one may
		}
		return cl.out.Line(keys, strings.TrimSpace(string(body)))
	}
	if denied(failed) {
		return &tool.Error{Tried: "ask for the signing keys", Happened: fmt.Sprint(failed), Code: tool.ExitDenied, Cause: failed}
	}
	return &tool.Error{Tried: "ask for the signing keys", Happened: fmt.Sprint(failed), Todo: "give --admin HOST:PORT of a Paddock server", Code: tool.ExitNoServer, Cause: failed}
}
