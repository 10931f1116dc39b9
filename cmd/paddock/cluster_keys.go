package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"
)

func keysCommand() *cli.Command {
	return &cli.Command{
		Name: "keys", Category: clusterCategory, Usage: "the keys that sign fencing tokens",
		Description: "   paddock keys list > keys.json        # for paddock token verify --keys\n   paddock keys rotate --after 1h       # verifiers learn the new key before anything is signed with it\n   paddock keys rotate --revoke         # after a theft",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "print the public keys", Flags: toolFlags(), Action: clusterAction(0, 0, func(cl *cluster, _ []string) error { return cl.keys("GET", "/paddock/keys") })},
			{Name: "rotate", Usage: "add a new signing key; what older ones have signed is still verified", Action: clusterAction(0, 0, keysRotate),
				Flags: toolFlags(
					&cli.BoolFlag{Name: "revoke", Usage: "refuse tokens of the older keys at once"},
					&cli.DurationFlag{Name: "after", Usage: "publish the new key now, and sign with it only after this time"})},
		},
	}
}

func keysRotate(cl *cluster, _ []string) error {
	q := url.Values{}
	if after := cl.c.Duration("after"); after < 0 || after > 0 && cl.c.Bool("revoke") {
		return toolUsageOf(fmt.Errorf("keys rotate --after %v: a time ahead, and not together with --revoke (nothing could be signed until then)", after))
	} else if after > 0 {
		q.Set("after", after.String())
	}
	if cl.c.Bool("revoke") {
		if err := toolConfirm(cl.c, "revoke the keys in use? Tokens that they signed are refused from then on"); err != nil {
			return err
		}
		q.Set("revoke", "true")
	}
	return cl.keys("POST", "/paddock/keys/rotate?"+q.Encode())
}

// keys asks the first server that can say.
func (cl *cluster) keys(method, path string) error {
	var failed error
	for _, n := range cl.nodes {
		if n.admin == "" {
			continue
		}
		var keys map[string]any
		_, body, err := clusterHTTP(cl.c.Context, cl.target.timeout, method, n.admin, path, &keys)
		if err != nil {
			failed = errors.Join(failed, err)
			continue // a server that does not serve cannot say: the next one may
		}
		return cl.out.line(keys, strings.TrimSpace(string(body)))
	}
	return &toolError{tried: "ask for the signing keys", happened: fmt.Sprint(failed), todo: "give --admin HOST:PORT of a Paddock server", code: toolExitNoServer, cause: failed}
}
