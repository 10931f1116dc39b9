package tool

import (
	"strconv"
	"strings"
)

// ConfigServers reads the lines of a dynamic configuration.
func ConfigServers(text string) (servers []ConfigServer, version string) {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if key == "version" {
			version = value
		}
		id, isServer := strings.CutPrefix(key, "server.")
		if !ok || !isServer {
			continue
		}
		n, err := strconv.Atoi(id)
		if err != nil {
			continue
		}
		peer, client, _ := strings.Cut(value, ";")
		s := ConfigServer{ID: n, Peer: peer, Client: client, Role: "participant"}
		if cut := strings.TrimSuffix(peer, ":observer"); cut != peer {
			s.Peer, s.Role = cut, "observer"
		}
		s.Peer = strings.TrimSuffix(s.Peer, ":participant")
		servers = append(servers, s)
	}
	return servers, version
}

// ConfigServer is one server line.
type ConfigServer struct {
	ID     int    `json:"server"`
	Peer   string `json:"peer"`
	Role   string `json:"role"`
	Client string `json:"client"`
}
