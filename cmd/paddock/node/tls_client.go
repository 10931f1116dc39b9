package node

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
)

// checkClientAddress makes t refuse a client whose certificate is not for the address that it comes from (ssl.clientHostnameVerification). A name in a
// certificate counts for nothing: it could only be compared with what a reverse look-up says, and that is said by whoever owns the address.
func checkClientAddress(t *tls.Config) {
	configure := t.GetConfigForClient
	t.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		own, err := configure(hello)
		if err != nil {
			return nil, err
		}
		remote, err := netip.ParseAddrPort(hello.Conn.RemoteAddr().String())
		if err != nil {
			return nil, fmt.Errorf("the address of a client cannot be compared with its certificate: %w", err)
		}
		own.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 { // ssl.clientAuth=want lets it in
				return nil
			}
			return isFor(s.PeerCertificates[0], remote.Addr().Unmap())
		}
		return own, nil
	}
}

// isFor compares as ZooKeeper does: the addresses among the alternative names count, and the common name if there are no alternative names.
func isFor(cert *x509.Certificate, client netip.Addr) error {
	addresses := cert.IPAddresses
	if len(cert.DNSNames) == 0 && len(cert.IPAddresses) == 0 {
		addresses = []net.IP{net.ParseIP(cert.Subject.CommonName)}
	}
	for _, ip := range addresses {
		if a, ok := netip.AddrFromSlice(ip); ok && a.Unmap() == client.WithZone("") {
			return nil
		}
	}
	return fmt.Errorf("the certificate of %q is not for %v, where the client comes from: its alternative names must have this address (ssl.clientHostnameVerification)", cert.Subject, client)
}
