package zoocfg

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// member reads one line of the dynamic configuration.
func (p *parser) member(line int, name, value string) {
	kind, rest, _ := strings.Cut(name, ".")
	if kind == "version" {
		v, err := strconv.ParseInt(value, 16, 64)
		if err != nil {
			p.fail(line, name, "%q is not a version; it must be a number in hex", value)
		}
		p.cfg.Members.Version = v
		return
	}
	id, err := strconv.ParseInt(rest, 10, 64)
	if err != nil || id < 0 || kind == "server" && id > maxServerID {
		p.fail(line, name, "%q is not a number from 0 to %d", rest, maxServerID)
		return
	}
	switch kind {
	case "server":
		s, err := ParseServer(id, value)
		if err != nil {
			p.fail(line, name, "%v", err)
			return
		}
		m := &p.cfg.Members
		m.Servers = slices.DeleteFunc(m.Servers, func(old Server) bool { return old.ID == id })
		m.Servers = append(m.Servers, s)
	case "group":
		p.group(line, name, id, value)
	case "weight":
		w, err := strconv.ParseInt(value, 10, 32)
		if err != nil || w < 0 {
			p.fail(line, name, "%q is not a weight; it must be an integer of at least 0", value)
		}
		p.cfg.Members.Weights[id] = w
	}
}

func (p *parser) group(line int, name string, id int64, value string) {
	var members []int64
	for one := range strings.SplitSeq(value, ":") {
		n, err := strconv.ParseInt(strings.TrimSpace(one), 10, 64)
		if err != nil {
			p.fail(line, name, "%q is not a list of server numbers with colons between them", value)
			return
		}
		for other, list := range p.cfg.Members.Groups {
			if other != id && slices.Contains(list, n) {
				p.fail(line, name, "server %d is in group %d already; a server belongs to one group", n, other)
			}
		}
		members = append(members, n)
	}
	p.cfg.Members.Groups[id] = members
}

// Self is this server's own line; ok is false without one.
func (c *Config) Self() (s Server, ok bool) {
	i := slices.IndexFunc(c.Members.Servers, func(s Server) bool { return s.ID == c.Members.ID })
	if i < 0 {
		return Server{}, false
	}
	return c.Members.Servers[i], true
}

// Voters counts the servers that vote.
func (c *Config) Voters() int {
	n := 0
	for _, s := range c.Members.Servers {
		if !s.Observer {
			n++
		}
	}
	return n
}

// Distributed says whether this server is one of an ensemble. One voter alone is an ensemble only if standaloneEnabled is false.
func (c *Config) Distributed() bool {
	return c.Voters() > 1 || c.Voters() == 1 && !c.Ensemble.Dynamic.Standalone
}

// DynamicText is the membership as ZooKeeper writes it into /zookeeper/config, without the version line. Servers are in the order of
// their numbers.
func (c *Config) DynamicText() string {
	servers := slices.Clone(c.Members.Servers)
	slices.SortFunc(servers, func(a, b Server) int { return int(a.ID - b.ID) })
	var b strings.Builder
	for _, s := range servers {
		b.WriteString("server." + strconv.FormatInt(s.ID, 10) + "=" + s.String() + "\n")
	}
	for _, id := range sortedIDs(c.Members.Groups) {
		parts := make([]string, len(c.Members.Groups[id]))
		for i, n := range c.Members.Groups[id] {
			parts[i] = strconv.FormatInt(n, 10)
		}
		b.WriteString("group." + strconv.FormatInt(id, 10) + "=" + strings.Join(parts, ":") + "\n")
	}
	for _, id := range sortedIDs(c.Members.Weights) {
		b.WriteString("weight." + strconv.FormatInt(id, 10) + "=" + strconv.FormatInt(c.Members.Weights[id], 10) + "\n")
	}
	return b.String()
}

func sortedIDs[V any](m map[int64]V) []int64 {
	out := make([]int64, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// PeerAddrs reads the peer part of a server line, "host:quorumPort:electionPort|...": one address for each alternative, with the "quorum" or the
// "election" port.
func PeerAddrs(text, which string) []string {
	var out []string
	for one := range strings.SplitSeq(text, "|") {
		i := strings.LastIndexByte(one, ':')
		if i < 0 {
			continue
		}
		rest, elect := one[:i], one[i+1:]
		j := strings.LastIndexByte(rest, ':')
		if j < 0 {
			continue
		}
		host, quorum := strings.Trim(rest[:j], "[]"), rest[j+1:]
		port := quorum
		if which == "election" {
			port = elect
		}
		if _, err := strconv.ParseUint(port, 10, 16); err == nil {
			out = append(out, net.JoinHostPort(host, port))
		}
	}
	return out
}
