package locks

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/lock"
	"github.com/paddock-zk/paddock/fencing/paseto"
)

func TokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "look at fencing tokens and verify them",
		Description: `A token is taken from the argument, from standard input for "-", or from $PADDOCK_TOKEN (set by paddock lock).

   paddock lock /locks/job -- paddock token show
   paddock token inspect zk1.…  or  v4.public.…
   paddock token verify --keys keys.json --root BASE64URL --path /locks/job v4.public.…
   paddock token verify --server 127.0.0.1:2181 --path /locks/job v4.public.…

Exit codes: 0 as asked; 1 not a token, or not verified; 2 wrong usage; 69 no server answered.`,
		Subcommands: []*cli.Command{
			{Name: "show", Usage: "print the token as it is to be sent to storage", ArgsUsage: "[TOKEN]", Action: tokenShow},
			{Name: "inspect", Usage: "print what is in a token, without verifying it", ArgsUsage: "[TOKEN]", Flags: []cli.Flag{tokenJSONFlag()}, Action: tokenInspect},
			{
				Name: "verify", Usage: "verify a signed token", ArgsUsage: "[TOKEN]",
				Flags: tool.Flags(
					tokenJSONFlag(),
					&cli.StringFlag{Name: "keys", Usage: "file with the key set, as served at /zookeeper/keys"},
					&tool.ListFlag{StringFlag: cli.StringFlag{Name: "server", Aliases: []string{"s"}, Usage: "ask these servers for the key set instead, host:port separated by commas"}},
					&cli.DurationFlag{Name: "connect-timeout", Usage: "give up reaching a server after this time", Value: 10 * time.Second},
					&cli.StringFlag{Name: "root", Usage: "pinned root key, base64url; without it the key set itself is believed"},
					&cli.StringFlag{Name: "path", Usage: "the lock that the token must be for"},
					&cli.StringFlag{Name: "audience", Usage: "the audience that the token must be for"},
				),
				Action: tokenVerify,
			},
		},
	}
}

func tokenJSONFlag() cli.Flag { return &cli.BoolFlag{Name: "json", Usage: "print JSON"} }

// tokenText finds the token that a verb is about.
func tokenText(c *cli.Context) (string, error) {
	text := c.Args().First()
	switch {
	case c.Args().Len() > 1:
		return "", tool.UsageOf(errors.New("token: one token at a time; flags come before it"))
	case text == "-":
		b, err := io.ReadAll(io.LimitReader(c.App.Reader, 64<<10))
		if err != nil {
			return "", fmt.Errorf("token: read standard input: %w", err)
		}
		text = string(b)
	case text == "":
		text = os.Getenv("PADDOCK_TOKEN")
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", tool.UsageOf(errors.New("token: none given, and $PADDOCK_TOKEN is not set"))
	}
	return text, nil
}

// tokenRead reads either form, unverified. kid is "" for a plain one.
func tokenRead(text string) (t fencing.Token, kid string, err error) {
	if strings.HasPrefix(text, "v4.public.") {
		return paseto.Inspect(text)
	}
	if strings.HasPrefix(text, "{") {
		err = json.Unmarshal([]byte(text), &t)
		return t, "", err
	}
	t, err = fencing.ParseToken(text)
	return t, "", err
}

func tokenShow(c *cli.Context) error {
	text, err := tokenText(c)
	if err != nil {
		return err
	}
	if _, _, err := tokenRead(text); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.App.Writer, text)
	return err
}

func tokenInspect(c *cli.Context) error {
	text, err := tokenText(c)
	if err != nil {
		return err
	}
	t, kid, err := tokenRead(text)
	if err != nil {
		return err
	}
	state := "plain: nothing proves where it came from"
	if kid != "" {
		state = "signed by key " + kid + " (not verified here)"
	}
	return tokenPrint(c, t, state)
}

func tokenVerify(c *cli.Context) error {
	text, err := tokenText(c)
	if err != nil {
		return err
	}
	v, warning, err := tokenVerifier(c)
	if err != nil {
		return err
	}
	t, err := v.Verify(text)
	if err != nil {
		return err
	}
	if path := c.String("path"); path != "" {
		scope, err := fencing.ScopeOf(t.Cluster, path)
		if err != nil {
			return tool.UsageOf(err)
		}
		if scope != t.Scope {
			return &fencing.WrongScope{Token: t, Cluster: t.Cluster, Scope: scope}
		}
	}
	return tokenPrint(c, t, "verified"+warning)
}

func tokenVerifier(c *cli.Context) (v *paseto.Verifier, warning string, err error) {
	document, from, err := tokenKeys(c)
	if err != nil {
		return nil, "", err
	}
	var keys paseto.KeySet
	if err := json.Unmarshal(document, &keys); err != nil {
		return nil, "", fmt.Errorf("token: %s: %w", from, err)
	}
	cfg := paseto.Config{Cluster: keys.Cluster, Audience: c.String("audience")}
	if root := c.String("root"); root != "" {
		raw, err := base64.RawURLEncoding.DecodeString(root)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, "", tool.UsageOf(errors.New("token: --root: 32 bytes of unpadded base64url"))
		}
		cfg.Root = raw
		if v, err = paseto.NewVerifier(cfg); err != nil {
			return nil, "", err
		}
		return v, "", v.Update(document)
	}
	cfg.Keys = keys
	v, err = paseto.NewVerifier(cfg)
	return v, " (by a key set that no pinned root has signed)", err
}

// tokenKeys finds the key set: in a file, or at a server.
func tokenKeys(c *cli.Context) (document []byte, from string, err error) {
	file, server := c.String("keys"), c.String("server")
	if (file == "") == (server == "") {
		return nil, "", tool.UsageOf(errors.New("token verify: give --keys FILE or --server HOST:PORT"))
	}
	if file != "" {
		if document, err = os.ReadFile(file); err != nil {
			err = fmt.Errorf("token: key set: %w", err)
		}
		return document, file, err
	}
	target, err := tool.Reach(c)
	if err != nil {
		return nil, server, err
	}
	s, err := lockSession(c.Context, c, target, lock.Config{Timeout: c.Duration("connect-timeout")})
	if err != nil {
		return nil, server, err
	}
	defer s.Close()
	if document, _, err = s.Conn().Get(tokens.KeysPath); err != nil {
		err = fmt.Errorf("token: read %s from %s: %w", tokens.KeysPath, server, err)
	}
	return document, server, err
}

func tokenPrint(c *cli.Context, t fencing.Token, state string) error {
	if c.Bool("json") {
		b, err := json.Marshal(t)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.App.Writer, "%s\n", b)
		return err
	}
	mode := "exclusive"
	if t.Mode == fencing.Shared {
		mode = "shared"
	}
	lines := [][2]string{{"status", state}, {"fence", fmt.Sprintf("%d (%#x)", t.Fence, t.Fence)}, {"sub", fmt.Sprint(t.Sub)}, {"mode", mode},
		{"cluster", t.Cluster.String()}, {"incarnation", t.Incarnation.String()}, {"scope", t.Scope.String()}}
	if t.Audit.Path != "" {
		lines = append(lines, [2]string{"lock path", t.Audit.Path}, [2]string{"lock node", t.Audit.Node}, [2]string{"session", fmt.Sprintf("%#x", uint64(t.Audit.Session))})
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(c.App.Writer, "%-12s %s\n", l[0], l[1]); err != nil {
			return err
		}
	}
	return nil
}
