package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/znode"
)

// The schemes.
const (
	SchemeIP       = "ip"
	SchemeDigest   = "digest"
	SchemeX509     = "x509"
	SchemeSASL     = "sasl"
	SchemeEnsemble = "ensemble"
	SchemeSuper    = "super" // an identity that passes every check; not a scheme to authenticate with
)

// Provable says whether a client can have an identity of a scheme here, if the scheme is configured. ACLs may name others: sasl is known
// and no mechanism is there, and a tree that was imported may name what another server's plugin knew.
func Provable(scheme string) bool {
	return slices.Contains([]string{"world", SchemeIP, SchemeDigest, SchemeX509, SchemeSuper}, scheme)
}

// Config says which schemes exist and who is privileged. The zero value is ZooKeeper's default: ip and digest, no super user.
type Config struct {
	Digest   Digest
	X509     X509
	SASL     bool     // a sasl provider is configured, so ACLs may name the scheme; every exchange is refused all the same
	Ensemble Ensemble // authProvider with the ensemble provider
	Enforce  Enforce
}

// Digest configures user:password identities.
type Digest struct {
	Disabled  bool   // DigestAuthenticationProvider.enabled=false: the scheme is unknown
	Super     string // DigestAuthenticationProvider.superDigest, "user:base64"; empty: there is none
	Algorithm string // DigestAuthenticationProvider.digestAlg; empty: SHA1. Must be the same on every server
}

// X509 configures identities from TLS client certificates.
type X509 struct {
	Enabled bool
	Super   string // X509AuthenticationProvider.superUser: the subject that is also super; empty: there is none
}

// Ensemble configures the check that a client reached the ensemble it meant.
type Ensemble struct {
	Enabled bool
	Names   []string // ensembleAuthName; nil: any name passes
}

// Enforce closes connections that did not authenticate (enforce.auth.*).
type Enforce struct {
	Enabled bool
	Schemes []string // one of them is enough
}

// Set is the configured providers.
type Set struct {
	cfg  Config
	hash hashFunc
}

// New checks cfg.
func New(cfg Config) (*Set, error) {
	hash, err := algorithm(cfg.Digest.Algorithm)
	if err != nil {
		return nil, err
	}
	s := &Set{cfg: cfg, hash: hash}
	if !cfg.Enforce.Enabled {
		return s, nil
	}
	if len(cfg.Enforce.Schemes) == 0 {
		return nil, errors.New("auth: enforce.auth.enabled is true but enforce.auth.schemes names no scheme; name one, for example digest")
	}
	for _, scheme := range cfg.Enforce.Schemes {
		if !s.known(scheme) {
			return nil, fmt.Errorf("auth: enforce.auth.schemes names %q, which is not configured; known are %s", scheme, strings.Join(s.Schemes(), ", "))
		}
	}
	return s, nil
}

// Schemes are the schemes that a client can authenticate with, in a fixed order.
func (s *Set) Schemes() []string {
	all := []string{SchemeIP}
	for _, c := range []struct {
		on   bool
		name string
	}{{!s.cfg.Digest.Disabled, SchemeDigest}, {s.cfg.X509.Enabled, SchemeX509}, {s.cfg.SASL, SchemeSASL}, {s.cfg.Ensemble.Enabled, SchemeEnsemble}} {
		if c.on {
			all = append(all, c.name)
		}
	}
	return all
}

func (s *Set) known(scheme string) bool { return slices.Contains(s.Schemes(), scheme) }

// Flags are the bits that tell every server, through a transaction, which schemes its ACLs may name.
func (s *Set) Flags() znode.Flags {
	var f znode.Flags
	if s.cfg.X509.Enabled {
		f |= znode.FlagX509
	}
	if s.cfg.SASL {
		f |= znode.FlagSASL
	}
	if s.cfg.Digest.Disabled {
		f |= znode.FlagNoDigest
	}
	return f
}

// Peer is what is known of a connection before it says anything.
type Peer struct {
	Addr netip.Addr        // the remote address
	Cert *x509.Certificate // the client's certificate if TLS verified one; nil otherwise. Never an unverified one
}

// Outcome is how an auth packet ends.
type Outcome uint8

// The outcomes.
const (
	Accept Outcome = iota // answer 0; Verdict.IDs are added to the connection
	Refuse                // answer -115, then close the connection; the session lives on until its timeout
	Hangup                // close the connection without an answer
)

// Verdict is the judgement on an auth packet.
type Verdict struct {
	Outcome Outcome
	IDs     []znode.Identity
	Skipped bool  // ensemble: there was nothing to compare (ensemble_auth_skip)
	Why     error // why not; safe to log
}

// Accept is who a connection is at once: its address, and on a TLS port with a verified certificate its subject. A client that was asked
// for a certificate and has none stays, without that identity: where one is needed, the TLS handshake has refused already. ok is false
// if the subject cannot be read. (NettyServerCnxnFactory.CertificateVerifier)
func (s *Set) Accept(p Peer, tls bool) (ids []znode.Identity, ok bool) {
	ids = []znode.Identity{{Scheme: SchemeIP, ID: HostAddress(p.Addr)}}
	if !tls || !s.cfg.X509.Enabled || p.Cert == nil {
		return ids, true
	}
	v := s.x509(p)
	return append(ids, v.IDs...), v.Outcome == Accept
}

// Authenticate judges an auth packet. payload nil is null. It is not kept.
func (s *Set) Authenticate(p Peer, scheme string, payload []byte) Verdict {
	if !s.known(scheme) {
		return Verdict{Outcome: Refuse, Why: fmt.Errorf("auth: scheme %q is not configured; known are %s", scheme, strings.Join(s.Schemes(), ", "))}
	}
	switch scheme {
	case SchemeIP:
		return Verdict{IDs: []znode.Identity{{Scheme: SchemeIP, ID: HostAddress(p.Addr)}}}
	case SchemeDigest:
		return s.digest(payload)
	case SchemeX509:
		return s.x509(p)
	case SchemeEnsemble:
		return s.ensemble(payload)
	}
	return Verdict{Outcome: Refuse, Why: errors.New("auth: sasl is not an auth scheme of its own: it is negotiated, and this server offers no mechanism")}
}

func (s *Set) x509(p Peer) Verdict {
	if p.Cert == nil {
		return Verdict{Outcome: Refuse, Why: errors.New("auth: x509 needs a verified client certificate: connect to the TLS port with one")}
	}
	name, err := SubjectName(p.Cert.RawSubject)
	if err != nil {
		return Verdict{Outcome: Refuse, Why: fmt.Errorf("auth: x509 subject: %w", err)}
	}
	var ids []znode.Identity
	if s.cfg.X509.Super != "" && name == s.cfg.X509.Super {
		ids = append(ids, znode.Identity{Scheme: SchemeSuper, ID: name})
	}
	return Verdict{IDs: append(ids, znode.Identity{Scheme: SchemeX509, ID: name})}
}

func (s *Set) ensemble(name []byte) Verdict {
	if len(name) == 0 || s.cfg.Ensemble.Names == nil {
		return Verdict{Skipped: true}
	}
	if slices.Contains(s.cfg.Ensemble.Names, string(name)) {
		return Verdict{}
	}
	return Verdict{Outcome: Hangup, Why: fmt.Errorf("auth: the client wants ensemble %.64q; this one is %s", name, strings.Join(s.cfg.Ensemble.Names, ", "))}
}

// Permitted says whether a connection with these identities may send requests other than auth. If not: answer zxid 0, error -124,
// and close. Pings are requests too. (AuthenticationHelper.enforceAuthentication)
func (s *Set) Permitted(ids []znode.Identity) bool {
	if !s.cfg.Enforce.Enabled {
		return true
	}
	return slices.ContainsFunc(ids, func(id znode.Identity) bool { return slices.Contains(s.cfg.Enforce.Schemes, id.Scheme) })
}

// Merge adds what ids does not have yet. It may grow ids in place: connections own their list.
func Merge(ids, more []znode.Identity) []znode.Identity {
	for _, id := range more {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// WhoAmI yields scheme and user as whoAmI shows them: of a digest what stands before the colon, of super nothing.
func (s *Set) WhoAmI(ids []znode.Identity, yield func(scheme, user string)) {
	for _, id := range ids {
		user := id.ID
		switch {
		case !s.known(id.Scheme):
			user = ""
		case id.Scheme == SchemeDigest:
			user, _, _ = strings.Cut(user, ":")
		}
		yield(id.Scheme, user)
	}
}
