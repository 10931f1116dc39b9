package transport

import (
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/zab"
)

// numbered begins the name by which a certificate names a number: server.3. No host has such a name, since no top-level domain is a number.
const numbered = "server."

// names says why a certificate is not one of the server with this number, which is at these addresses. A certificate that names numbers is good for these
// alone; any other must name a host or an IP address of the server. What is compared is what is configured or was dialled, never a name that is looked up for an
// address: whoever answers for that zone could choose it (CVE-2026-24281).
func names(cert *x509.Certificate, id zab.PeerID, addrs []string) error {
	own := numbered + strconv.Itoa(id.Number())
	others := false
	for _, name := range cert.DNSNames {
		if name = strings.ToLower(name); name == own {
			return nil
		}
		if rest, ok := strings.CutPrefix(name, numbered); ok {
			_, err := strconv.ParseUint(rest, 10, 64)
			others = others || err == nil
		}
	}
	good := []string{own}
	for _, addr := range addrs {
		host, _, err := net.SplitHostPort(addr)
		if err != nil || host == "" || others {
			continue
		}
		if cert.VerifyHostname(host) == nil {
			return nil
		}
		good = append(good, host)
	}
	has := make([]string, 0, len(cert.DNSNames)+len(cert.IPAddresses))
	for _, ip := range cert.IPAddresses {
		has = append(has, ip.String())
	}
	return fmt.Errorf("the certificate of %q is not that of server %d: it names %q, and must name one of %q (subject alternative names)", cert.Subject, id, append(has, cert.DNSNames...), good)
}
