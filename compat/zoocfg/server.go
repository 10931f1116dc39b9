package zoocfg

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Server is one server.N line.
type Server struct {
	ID            int64
	Addresses     []Address // at least one; several are joined by "|"
	Observer      bool
	ClientAddress string // host of the ";client" part; empty: 0.0.0.0
	ClientPort    int    // -1: none
	SecureAddress string // of the second ";" part (3.10)
	SecurePort    int    // -1: none
}

// Address is where one server is reached by its peers.
type Address struct {
	Host     string
	Quorum   int // port
	Election int // port
}

// String is the line's value as ZooKeeper writes it: the addresses by host, the role once behind them all.
func (s Server) String() string {
	role := ":participant"
	if s.Observer {
		role = ":observer"
	}
	if client := s.Client(); client != "" {
		return s.Peer() + role + ";" + client
	}
	return s.Peer() + role
}

// Peer is what stands before the role: where the server's peers reach it.
func (s Server) Peer() string {
	addresses := slices.Clone(s.Addresses)
	slices.SortStableFunc(addresses, func(a, b Address) int { return strings.Compare(a.Host, b.Host) })
	parts := make([]string, len(addresses))
	for i, a := range addresses {
		parts[i] = net.JoinHostPort(a.Host, strconv.Itoa(a.Quorum)) + ":" + strconv.Itoa(a.Election)
	}
	return strings.Join(parts, "|")
}

// Client is what stands behind the semicolon; empty without a client port.
func (s Server) Client() string {
	if s.ClientPort < 0 {
		return ""
	}
	host := s.ClientAddress
	if host == "" {
		host = "0.0.0.0"
	}
	return net.JoinHostPort(host, strconv.Itoa(s.ClientPort))
}

const serverForm = "host:quorumPort:electionPort[:participant|observer][|host:…][;[clientAddress:]clientPort[;[secureAddress:]securePort]]"

// ParseServer reads the value of a server.N line. Addresses of IPv6 stand in brackets.
func ParseServer(id int64, value string) (Server, error) {
	s := Server{ID: id, ClientPort: -1, SecurePort: -1}
	parts := strings.Split(strings.TrimSpace(value), ";")
	if len(parts) > 3 {
		return s, fmt.Errorf("%q has too many parts; it should be %s", value, serverForm)
	}
	role := ""
	for one := range strings.SplitSeq(parts[0], "|") {
		a, r, err := peerAddress(one)
		if err != nil {
			return s, err
		}
		if r != "" && role != "" && r != role {
			return s, fmt.Errorf("%q gives several roles; all addresses of a server share one", value)
		}
		role = cmp.Or(r, role) // one address may name it for all
		s.Addresses = append(s.Addresses, a)
	}
	s.Observer = role == "observer"
	var err error
	if len(parts) > 1 {
		if s.ClientAddress, s.ClientPort, err = clientAddress(parts[1]); err != nil {
			return s, err
		}
	}
	if len(parts) > 2 {
		s.SecureAddress, s.SecurePort, err = clientAddress(parts[2])
	}
	return s, err
}

func peerAddress(text string) (a Address, role string, err error) {
	f, err := fields(text)
	if err != nil || len(f) < 3 || len(f) > 4 || f[0] == "" {
		return a, "", fmt.Errorf("%q is not a peer's address; it should be %s", text, serverForm)
	}
	a.Host = f[0]
	if a.Quorum, err = portNumber(f[1]); err != nil {
		return a, "", fmt.Errorf("quorum port: %w", err)
	}
	if a.Election, err = portNumber(f[2]); err != nil {
		return a, "", fmt.Errorf("election port: %w", err)
	}
	if a.Quorum == a.Election {
		return a, "", fmt.Errorf("%q has one port for quorum and election; they must differ", text)
	}
	if len(f) == 4 {
		role = strings.ToLower(f[3])
		if role != "participant" && role != "observer" {
			return a, "", fmt.Errorf("role %q is neither participant nor observer", f[3])
		}
	}
	return a, role, nil
}

func clientAddress(text string) (host string, p int, err error) {
	f, err := fields(text)
	if err != nil || len(f) > 2 {
		return "", -1, fmt.Errorf("%q is not a client address; it should be [address:]port", text)
	}
	if p, err = portNumber(f[len(f)-1]); err != nil {
		return "", -1, fmt.Errorf("client port: %w", err)
	}
	if len(f) == 2 {
		host = f[0]
	}
	return host, p, nil
}

// fields cuts at ":"; a first field in brackets is an IPv6 address.
func fields(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "[") {
		return strings.Split(text, ":"), nil
	}
	end := strings.IndexByte(text, ']')
	if end < 0 {
		return nil, fmt.Errorf("%q opens a bracket and does not close it", text)
	}
	if end+1 == len(text) {
		return []string{text[1:end]}, nil
	}
	if text[end+1] != ':' {
		return nil, fmt.Errorf("%q: after ] a colon is expected", text)
	}
	return append([]string{text[1:end]}, strings.Split(text[end+2:], ":")...), nil
}

func portNumber(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > 65535 {
		return 0, fmt.Errorf("%q is not a port; ports are 0 to 65535", s)
	}
	return n, nil
}
