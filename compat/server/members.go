package server

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/compat/zoocfg"
	"github.com/paddock-zk/paddock/zab"
)

var (
	errGroups = errors.New("an incremental change needs an ensemble without groups")
	errForm   = errors.New("a server is written server.N=host:quorumPort:electionPort[:role];[clientAddress:]clientPort")
	errPorts  = errors.New("a joining server must give its quorum, election and client ports")
	errShared = errors.New("a joining server has the address of another one")
	errNumber = errors.New("a server's number is 0 to 2147483647") // permission is looked at first, as in ZooKeeper
	errSecure = errors.New("a secure client port is no part of a server line here")
)

// wholeEnsemble reads an ensemble that replaces the one there is. Lines end with a comma or a newline.
func wholeEnsemble(text string) (zab.Ensemble, error) {
	var lines strings.Builder
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if strings.HasPrefix(key, "server.") {
			_, s, err := serverLine(key, value)
			if err != nil {
				return zab.Ensemble{}, fmt.Errorf("server %q: %w", line, err)
			}
			value = s.String()
		}
		if key != "" {
			fmt.Fprintf(&lines, "%s=%s\n", key, value)
		}
	}
	return zab.ParseEnsemble(lines.String())
}

// increment takes servers out and puts servers in.
func increment(current zab.Ensemble, q *wire.ReconfigRequest) (zab.Ensemble, error) {
	next := zab.Ensemble{Members: slices.Clone(current.Members)}
	for _, m := range current.Members {
		if m.Group != 0 {
			return next, errGroups
		}
	}
	for _, text := range splitList(string(q.Leaving), ",") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return next, fmt.Errorf("leaving server %q: %w", text, err)
		}
		next.Members = slices.DeleteFunc(next.Members, func(m zab.Member) bool { return int64(m.ID.Number()) == id })
	}
	for _, text := range splitList(string(q.Joining), ",") {
		joiner, s, err := joining(text)
		if err != nil {
			return next, fmt.Errorf("joining server %q: %w", text, err)
		}
		next.Members = slices.DeleteFunc(next.Members, func(m zab.Member) bool { return m.ID == joiner.ID })
		for _, m := range next.Members {
			if shares(s, m) {
				return next, fmt.Errorf("joining server %q and server %d: %w", text, m.ID, errShared)
			}
		}
		next.Members = append(next.Members, joiner)
	}
	slices.SortFunc(next.Members, func(a, b zab.Member) int { return a.ID.Compare(b.ID) })
	return next, nil
}

// joining reads one server that is to join. It need not be able to form a quorum: it may be an observer.
func joining(text string) (zab.Member, zoocfg.Server, error) {
	parts := splitList(text, "=")
	if len(parts) != 2 {
		return zab.Member{}, zoocfg.Server{}, errForm
	}
	m, s, err := serverLine(parts[0], parts[1])
	if err == nil && m.Client == "" {
		err = errPorts
	}
	return m, s, err
}

// serverLine reads "server.N" and what stands behind its equals sign.
func serverLine(key, value string) (zab.Member, zoocfg.Server, error) {
	number, err := strconv.ParseInt(key[strings.LastIndexByte(key, '.')+1:], 10, 64)
	if err != nil {
		return zab.Member{}, zoocfg.Server{}, errNumber
	}
	id, err := zab.PeerOf(number)
	if err != nil {
		return zab.Member{}, zoocfg.Server{}, errNumber
	}
	s, err := zoocfg.ParseServer(number, value)
	if err == nil && s.SecurePort >= 0 {
		err = errSecure
	}
	m := zab.Member{ID: id, Addr: s.Peer(), Client: s.Client(), Weight: 1}
	if s.Observer {
		m.Role = zab.Observer
	}
	return m, s, err
}

// shares says whether s has an address of m. A wildcard is nobody's address.
func shares(s zoocfg.Server, m zab.Member) bool {
	line := m.Addr
	if m.Client != "" {
		line += ";" + m.Client
	}
	other, err := zoocfg.ParseServer(int64(m.ID.Number()), line)
	if err != nil { // from a server line that is older than this rule
		return s.Peer() == m.Addr
	}
	theirs := addresses(other)
	return slices.ContainsFunc(addresses(s), func(a string) bool { return slices.Contains(theirs, a) })
}

// addresses are where peers and clients reach a server, as far as they say a host.
func addresses(s zoocfg.Server) (out []string) {
	for _, a := range s.Addresses {
		out = append(out, net.JoinHostPort(a.Host, strconv.Itoa(a.Quorum)), net.JoinHostPort(a.Host, strconv.Itoa(a.Election)))
	}
	out = append(out, s.Client())
	return slices.DeleteFunc(out, func(a string) bool {
		host, _, err := net.SplitHostPort(a)
		ip := net.ParseIP(host)
		return err != nil || ip != nil && ip.IsUnspecified()
	})
}

// splitList splits and drops what is empty, as ZooKeeper's StringUtils.split does.
func splitList(text, separator string) (out []string) {
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
