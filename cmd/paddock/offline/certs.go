package offline

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

const (
	authorityCert = "ca.pem"
	authorityKey  = "ca.key"
)

func CertsCommand() *cli.Command {
	dir := func() cli.Flag {
		return &cli.StringFlag{Name: "dir", Usage: "folder of the authority", Value: ".", EnvVars: []string{"PADDOCK_CERTS_DIR"}}
	}
	days := func(n int) cli.Flag {
		return &cli.IntFlag{Name: "days", Usage: "how long it is valid", Value: n, EnvVars: []string{"PADDOCK_CERTS_DAYS"}}
	}
	return &cli.Command{
		Name: "certs", Category: "Settings", Usage: "make an authority and certificates of it, for an ensemble that has none",
		Description: `Where there is an authority already, use that: any PEM files will do. Nothing is overwritten.

   paddock certs authority --dir certs
   paddock certs issue --dir certs --id 1 --host a.example,10.0.0.1 a        server 1: certs/a.pem
   paddock certs issue --dir certs alice                                     a client: its x509 identity is CN=alice

A certificate's file holds the key too: give it to that server (ssl.keyStore.location, ssl.quorum.keyStore.location) or client (--tls-cert) and to nobody
else. ca.pem goes to all; ca.key stays where it is. A certificate without --host and --id is a client's: no server takes who shows it for a server. One with --id
is taken for that server alone (it names server.1), one with --host alone for any server that is at one of these hosts.

Exit codes: 0 made, 1 failed (nothing is overwritten), 2 wrong usage.`,
		Subcommands: []*cli.Command{
			{Name: "authority", Usage: "make ca.pem and ca.key", Flags: tool.OfflineFlags(dir(), days(3650),
				&cli.StringFlag{Name: "name", Usage: "its common name", Value: "Paddock", EnvVars: []string{"PADDOCK_CERTS_NAME"}}), Action: certsAuthority},
			{Name: "issue", Usage: "make NAME.pem, with a key and a certificate", ArgsUsage: "NAME", Flags: tool.OfflineFlags(dir(), days(365),
				&tool.ListFlag{StringFlag: cli.StringFlag{Name: "host", Usage: "names and addresses that a server is reached by, separated by commas, may be repeated; none for a client", EnvVars: []string{"PADDOCK_CERTS_HOST"}}},
				&tool.ListFlag{StringFlag: cli.StringFlag{Name: "id", Usage: "number of the server, as in myid; none for a client", EnvVars: []string{"PADDOCK_CERTS_ID"}}}), Action: certsIssue},
		},
	}
}

func certsAuthority(c *cli.Context) error {
	_, out, err := certBegin(c, 0, 0)
	if err != nil {
		return err
	}
	t := certTemplate(c.String("name"), c.Int("days"))
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	cert, key, err := certMake(t, nil, nil)
	if err != nil {
		return fmt.Errorf("certs authority: %w", err)
	}
	if err := os.MkdirAll(c.String("dir"), 0o700); err != nil {
		return fmt.Errorf("certs authority: %w", err)
	}
	keyFile, certFile := filepath.Join(c.String("dir"), authorityKey), filepath.Join(c.String("dir"), authorityCert)
	if err := certWrite(keyFile, 0o600, key); err != nil {
		return err
	}
	if err := certWrite(certFile, 0o644, cert); err != nil {
		return errors.Join(err, os.Remove(keyFile)) // it is no other certificate's key
	}
	return out.Line(map[string]string{"file": certFile}, certFile)
}

// certBegin reads the line of either verb before anything is written.
func certBegin(c *cli.Context, least, most int) (words []string, out tool.Out, err error) {
	words, out, err = tool.Begin(c, least, most)
	if days := c.Int("days"); err == nil && days < 1 {
		err = tool.Usage("%s --days %d: how many days it is valid, 1 or more", c.Command.Name, days)
	}
	return words, out, err
}

func certsIssue(c *cli.Context) error {
	words, out, err := certBegin(c, 1, 1)
	if err != nil {
		return err
	}
	name, dir := words[0], c.String("dir")
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") || name+".pem" == authorityCert {
		return tool.Usage("certs issue %q: a name that can be a file's, and not ca", name)
	}
	authority, err := certAuthority(dir)
	if err != nil {
		return err
	}
	t := certTemplate(name, c.Int("days"))
	t.KeyUsage = x509.KeyUsageDigitalSignature
	if err := certNames(t, tool.List(c.String("host")), tool.List(c.String("id"))); err != nil {
		return err
	}
	if t.NotAfter.After(authority.cert.NotAfter) {
		t.NotAfter = authority.cert.NotAfter
	}
	cert, key, err := certMake(t, authority.cert, authority.key)
	if err != nil {
		return fmt.Errorf("certs issue: %w", err)
	}
	file := filepath.Join(dir, name+".pem")
	if err := certWrite(file, 0o600, append(key, cert...)); err != nil {
		return err
	}
	return out.Line(map[string]string{"file": file}, file)
}

// certNames makes t the certificate of a server at these hosts and with these numbers, or that of a client if there are none.
func certNames(t *x509.Certificate, hosts, ids []string) error {
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(hosts)+len(ids) > 0 {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} // peers dial each other
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	for _, id := range ids {
		n, err := strconv.Atoi(id)
		if err != nil || n < 0 {
			return tool.Usage("certs issue --id %q: the number of a server, as in its myid", id)
		}
		t.DNSNames = append(t.DNSNames, "server."+strconv.Itoa(n))
	}
	return nil
}

// authorityPair signs certificates.
type authorityPair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certAuthority reads what certs authority has made.
func certAuthority(dir string) (a authorityPair, err error) {
	fail := func(err error) (authorityPair, error) {
		return a, &tool.Error{Tried: "read the authority in " + dir, Happened: err.Error(), Todo: "make one with paddock certs authority --dir " + dir, Code: 1, Cause: err}
	}
	var blocks [2]*pem.Block
	for i, name := range []string{authorityCert, authorityKey} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fail(err)
		}
		if blocks[i], _ = pem.Decode(b); blocks[i] == nil {
			return fail(fmt.Errorf("%s holds no PEM", name))
		}
	}
	if a.cert, err = x509.ParseCertificate(blocks[0].Bytes); err != nil {
		return fail(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(blocks[1].Bytes)
	if err != nil {
		return fail(err)
	}
	ok := false
	if a.key, ok = key.(*ecdsa.PrivateKey); !ok || !a.key.PublicKey.Equal(a.cert.PublicKey) {
		return fail(errors.New(authorityKey + " is not the key of " + authorityCert))
	}
	return a, nil
}

// certTemplate is what every certificate of ours has. It is valid from an hour ago, since clocks differ.
func certTemplate(name string, days int) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // crypto/rand does not fail
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, days)}
}

// certMake signs the template with the parent, or with its own key without one, and gives PEM.
func certMake(t, parent *x509.Certificate, signer *ecdsa.PrivateKey) (cert, key []byte, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if parent == nil {
		parent, signer = t, own
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &own.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

// certWrite writes a new file, whole or not at all; it refuses one that exists.
func certWrite(file string, mode fs.FileMode, b []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, fs.ErrExist) {
		return &tool.Error{Tried: "write " + file, Happened: "it exists already", Todo: "remove it if it is not needed any more: what it signed, or who uses it, must get another one", Code: 1, Cause: err}
	}
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("certs: %w", err), os.Remove(file)) // a half-written file would stop the next try
	}
	return nil
}
