package auth

import (
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/znode"
)

// javaNames are subjects in DER and what Java 17's X500Principal.getName() printed for them.
func javaNames() [][2]string {
	return [][2]string{
		{"306f310b3009060355040613024445310f300d06035504080c0642612d57c3bc311a30180603550407131120204c65616420616e6420747261696c2031233021060355040a0c1a412c2042202b2043203d20224422203c453e3b202346205c2047310e300c060355040b0c052368617368", "OU=\\#hash,O=A\\, B \\+ C \\= \\\"D\\\" \\<E\\>\\; \\#F \\\\ G,L=\\ \\ Lead and trail\\ ,ST=Ba-Wü,C=DE"},
		{"30819a31133011060a0992268993f22c6401191603636f6d31173015060a0992268993f22c64011916076578616d706c6531133011060a0992268993f22c6401011303626f62311e301c06092a864886f70d010901160f626f62406578616d706c652e636f6d310b3009060355040513023432311330110603550409130a4d61696e2053742e2031311330110603550403130a706c61696e206e616d65", "CN=plain name,STREET=Main St. 1,2.5.4.5=#13023432,1.2.840.113549.1.9.1=#160f626f62406578616d706c652e636f6d,UID=bob,DC=example,DC=com"},
		{"302d310c300a060355040a13034f7267311d3008060355040b13016130110603550403130a6d756c74692b706c7573", "OU=a+CN=multi\\+plus,O=Org"},
		{"30223111300f06035504031e080062006d007020ac310d300b060355040a1404743631e9", "O=t61�,CN=\\00b\\00m\\00p �"},
		{"30313118301606035504030c0f6e756c006c2a5f4021e697a5e69cac31093007060355040b1300310a3008060355040a130120", "O=\\ ,OU=,CN=nul\\00l*_@!日本"},
	}
}

func newSet(t *testing.T, cfg Config) *Set {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSubjectsReadAsJavaReadsThem(t *testing.T) {
	for _, c := range javaNames() {
		der, err := hex.DecodeString(c[0])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := SubjectName(der); err != nil || got != c[1] {
			t.Errorf("%v\n got  %q\n java %q", err, got, c[1])
		}
	}
}

func TestDigestIsTheHashOfThePairAndNeverFails(t *testing.T) {
	s := newSet(t, Config{Digest: Digest{Super: "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="}})
	for payload, want := range map[string][]znode.Identity{
		"bob:secret":  {{Scheme: "digest", ID: "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="}},
		"super:admin": {{Scheme: "super"}, {Scheme: "digest", ID: "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="}},
		"":            {{Scheme: "digest", ID: ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="}},
		"nocolon":     {{Scheme: "digest", ID: "nocolon:Ra+cHr2ZoHvBjtNArFGNGlVie4g="}},
	} {
		v := s.Authenticate(Peer{}, "digest", []byte(payload))
		if v.Outcome != Accept || !reflect.DeepEqual(v.IDs, want) {
			t.Errorf("%q: %+v, want %v", payload, v, want)
		}
	}
	if id := s.DigestID([]byte("nocolon")); !strings.HasPrefix(id, "nocolon:") {
		t.Error(id)
	}
	if v := s.Authenticate(Peer{}, "digest", nil); v.Outcome != Refuse {
		t.Errorf("a null payload must be refused: %+v", v)
	}
}

// The digest of the super user stands in the configuration and in no password: whoever has read it there is not the super user.
func TestTheDigestIsNotThePassword(t *testing.T) {
	const super = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="
	v := newSet(t, Config{Digest: Digest{Super: super}}).Authenticate(Peer{}, "digest", []byte(super))
	if len(v.IDs) != 1 || v.IDs[0].Scheme != SchemeDigest {
		t.Errorf("who presents the digest is %v", v.IDs)
	}
}

func TestOtherDigestAlgorithmsMustBeKnown(t *testing.T) {
	if _, err := New(Config{Digest: Digest{Algorithm: "SHA-257"}}); err == nil || !strings.Contains(err.Error(), "SHA-512") {
		t.Fatalf("%v", err)
	}
	if id := newSet(t, Config{Digest: Digest{Algorithm: "sha-256"}}).DigestID([]byte("a:b")); len(id) != len("a:")+44 {
		t.Fatal(id)
	}
}

func TestUnknownSchemesAreRefused(t *testing.T) {
	s := newSet(t, Config{Digest: Digest{Disabled: true}})
	for _, scheme := range []string{"world", "auth", "super", "nosuch", "", "digest", "x509", "sasl", "ensemble"} {
		if v := s.Authenticate(Peer{}, scheme, []byte("a:b")); v.Outcome != Refuse || v.Why == nil || len(v.IDs) != 0 {
			t.Errorf("%q: %+v", scheme, v)
		}
	}
	if v := newSet(t, Config{SASL: true}).Authenticate(Peer{}, "sasl", []byte("x")); v.Outcome != Refuse {
		t.Error("sasl must be refused even where ACLs may name it")
	}
}

func TestSecretsDoNotShowInReasons(t *testing.T) {
	s := newSet(t, Config{Ensemble: Ensemble{Enabled: true, Names: []string{"right"}}})
	if v := s.Authenticate(Peer{}, "nosuch", []byte("secret")); strings.Contains(v.Why.Error(), "secret") {
		t.Fatal(v.Why)
	}
}

func TestEnsembleNamesHangUpOnTheWrongOne(t *testing.T) {
	s := newSet(t, Config{Ensemble: Ensemble{Enabled: true, Names: []string{"one", "two"}}})
	for name, want := range map[string]Verdict{"one": {}, "": {Skipped: true}} {
		if v := s.Authenticate(Peer{}, "ensemble", []byte(name)); !reflect.DeepEqual(v, want) {
			t.Errorf("%q: %+v", name, v)
		}
	}
	if v := s.Authenticate(Peer{}, "ensemble", []byte("three")); v.Outcome != Hangup || len(v.IDs) != 0 {
		t.Errorf("%+v", v)
	}
	if v := newSet(t, Config{Ensemble: Ensemble{Enabled: true}}).Authenticate(Peer{}, "ensemble", []byte("any")); !v.Skipped || v.Outcome != Accept {
		t.Errorf("without names any passes: %+v", v)
	}
}

func TestCertificatesGiveTheirSubject(t *testing.T) {
	der, err := hex.DecodeString(javaNames()[2][0])
	if err != nil {
		t.Fatal(err)
	}
	name := javaNames()[2][1]
	s := newSet(t, Config{X509: X509{Enabled: true, Super: name}})
	peer := Peer{Addr: netip.MustParseAddr("10.0.0.1"), Cert: &x509.Certificate{RawSubject: der}}
	ids, ok := s.Accept(peer, true)
	if !ok || !reflect.DeepEqual(ids, []znode.Identity{{Scheme: "ip", ID: "10.0.0.1"}, {Scheme: "super", ID: name}, {Scheme: "x509", ID: name}}) {
		t.Fatalf("%v %v", ids, ok)
	}
	if ids, ok := s.Accept(Peer{Addr: peer.Addr}, true); !ok || len(ids) != 1 {
		t.Fatal("ssl.clientAuth=want: a client without a certificate stays, without its identity")
	}
	if _, ok := s.Accept(Peer{Addr: peer.Addr}, false); !ok {
		t.Fatal("a plain connection needs no certificate")
	}
	if s.Flags() != znode.FlagX509 {
		t.Fatal(s.Flags())
	}
}

func TestEnforcedSchemes(t *testing.T) {
	for _, bad := range []Enforce{{Enabled: true}, {Enabled: true, Schemes: []string{"x509"}}} {
		if _, err := New(Config{Enforce: bad}); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	s := newSet(t, Config{Enforce: Enforce{Enabled: true, Schemes: []string{"digest"}}})
	ids := []znode.Identity{{Scheme: "ip", ID: "::1"}}
	if s.Permitted(ids) {
		t.Fatal("an address is not enough")
	}
	if !s.Permitted(Merge(ids, s.Authenticate(Peer{}, "digest", []byte("a:b")).IDs)) {
		t.Fatal("a digest is")
	}
}

func TestWhoAmIShowsUsersOnly(t *testing.T) {
	s := newSet(t, Config{})
	var got []string
	s.WhoAmI([]znode.Identity{{Scheme: "ip", ID: "1.2.3.4"}, {Scheme: "digest", ID: "bob:hash"}, {Scheme: "super"}, {Scheme: "x509", ID: "CN=a"}},
		func(scheme, user string) { got = append(got, scheme+"="+user) })
	if strings.Join(got, " ") != "ip=1.2.3.4 digest=bob super= x509=" {
		t.Fatal(got)
	}
}

func TestMergeDoesNotDouble(t *testing.T) {
	a := []znode.Identity{{Scheme: "ip", ID: "1"}}
	if got := Merge(a, []znode.Identity{{Scheme: "ip", ID: "1"}, {Scheme: "ip", ID: "2"}}); len(got) != 2 {
		t.Fatal(got)
	}
}

// As java.net.InetAddress.getHostAddress prints them.
func TestAddressesReadAsJavaWritesThem(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "::ffff:10.1.2.3": "10.1.2.3", "::1": "0:0:0:0:0:0:0:1", "2001:db8::a0:1": "2001:db8:0:0:0:0:a0:1", "fe80::1%eth0": "fe80:0:0:0:0:0:0:1%eth0",
	} {
		if got := HostAddress(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func FuzzSubjectName(f *testing.F) {
	for _, c := range javaNames() {
		der, _ := hex.DecodeString(c[0])
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		name, err := SubjectName(der)
		if err == nil && len(name) > 200*(len(der)+1) {
			t.Fatal("the text outgrew its bytes")
		}
	})
}
