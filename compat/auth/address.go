package auth

import (
	"net/netip"
	"strconv"
	"strings"
)

// HostAddress writes an address as Java's InetAddress.getHostAddress does, because that text is the id of the ip scheme: IPv4 in dots (also
// when it came as ::ffff:1.2.3.4), IPv6 as eight groups without leading zeros and without "::", then %zone.
func HostAddress(a netip.Addr) string {
	a = a.Unmap()
	if !a.Is6() {
		return a.String()
	}
	b := a.As16()
	groups := make([]string, 8)
	for i := range groups {
		groups[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
	}
	s := strings.Join(groups, ":")
	if a.Zone() != "" {
		s += "%" + a.Zone()
	}
	return s
}
