package tool

import (
	"net"
	"net/netip"
	"strings"
)

// Addresses reads a list of client addresses: HOST:PORT, or HOST alone for ZooKeeper's port. An IPv6 address may stand with or without
// brackets. what is the flag or verb that a wrong one is reported for.
func Addresses(what, text string) ([]string, error) {
	var list []string
	for _, a := range List(text) {
		if _, chroot, has := strings.Cut(a, "/"); has {
			return nil, Usage("%s %q: a chroot is not taken: leave out /%s, and begin the paths with it", what, a, chroot)
		}
		full, ok := withPort(a, "2181")
		if !ok {
			return nil, Usage("%s %q: write HOST:PORT,HOST:PORT,... ([ADDRESS]:PORT for IPv6)", what, a)
		}
		list = append(list, full)
	}
	if len(list) == 0 {
		return nil, Usage("%s is empty: give HOST:PORT,HOST:PORT,...", what)
	}
	return list, nil
}

// AdminAddresses reads a list of admin addresses: as those of clients, or URLs, or sockets (unix:/path).
func AdminAddresses(what, text string) ([]string, error) {
	list := List(text)
	for i, a := range list {
		if strings.Contains(a, "://") || strings.HasPrefix(a, "unix:") {
			continue
		}
		full, ok := withPort(a, "8080")
		if !ok {
			return nil, Usage("%s %q: write HOST:PORT ([ADDRESS]:PORT for IPv6), a URL, or unix:/PATH", what, a)
		}
		list[i] = full
	}
	return list, nil
}

// withPort completes an address that has no port. ok is false for one that cannot be an address.
func withPort(a, port string) (full string, ok bool) {
	if _, p, err := net.SplitHostPort(a); err == nil {
		return a, p != ""
	}
	bare := a
	if strings.HasPrefix(a, "[") && strings.HasSuffix(a, "]") {
		bare = a[1 : len(a)-1]
	}
	if ip, err := netip.ParseAddr(bare); err == nil && ip.Is6() {
		return net.JoinHostPort(bare, port), true
	}
	if bare != a || strings.Contains(a, ":") {
		return a, false
	}
	return net.JoinHostPort(a, port), true
}
