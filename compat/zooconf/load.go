package zooconf

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Error is a wrong value, and where it stands.
type Error struct {
	File, Key string
	Line      int
	Err       error
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s: %v", e.File, e.Key, e.Err)
	}
	return fmt.Sprintf("%s:%d: %s: %v", e.File, e.Line, e.Key, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Load reads a zoo.cfg, the dynamic file that it names, and myid in its dataDir.
func Load(file string) (*Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return LoadText(file, string(b), nil)
}

// LoadText is Load for text that is read already, with more properties ("key=value", from flags) that override it.
func LoadText(file, text string, overrides []string) (*Config, error) {
	c, err := Parse(file, text)
	if err != nil {
		return nil, err
	}
	table, useless := c.keys(), ignored()
	for _, o := range overrides {
		key, value, _ := strings.Cut(o, "=")
		if err := c.take(property{key: key, value: value}, table, useless); err != nil {
			return nil, &Error{File: "command line", Key: key, Err: err}
		}
	}
	if c.Ensemble.DynamicFile != "" {
		if err := c.loadDynamic(); err != nil {
			return nil, err
		}
	}
	if err := c.loadMyID(); err != nil {
		return nil, err
	}
	return c, c.Check()
}

// Parse reads the text of a zoo.cfg. It looks at no other file (but for passwords that the text names files for).
func Parse(file, text string) (*Config, error) {
	props, err := parseProperties(file, text)
	if err != nil {
		return nil, err
	}
	c := Default()
	c.File = file
	table, useless := c.keys(), ignored()
	for _, p := range props {
		if err := c.take(p, table, useless); err != nil {
			return nil, &Error{File: file, Key: p.key, Line: p.line, Err: err}
		}
	}
	return c, nil
}

// take puts one property where it belongs.
func (c *Config) take(p property, table map[string]setter, useless map[string]string) error {
	c.note(p)
	key := p.key
	if _, ok := table[key]; !ok {
		key = strings.TrimPrefix(key, "zookeeper.")
	}
	if set, ok := table[key]; ok {
		if err := set(p.value); err != nil {
			return fmt.Errorf("%q: %w", hide(key, p.value), err)
		}
		return nil
	}
	switch {
	case strings.HasPrefix(key, "server."):
		return c.takeServer(key, p.value)
	case strings.HasPrefix(key, "group."):
		return c.takeGroup(key, p.value)
	case strings.HasPrefix(key, "weight."):
		return c.takeWeight(key, p.value)
	case strings.HasPrefix(key, "authProvider"):
		c.Security.AuthProviders[key] = p.value
		return nil
	}
	if why, ok := lookIgnored(useless, key); ok {
		c.Ignored = append(c.Ignored, Note{p.line, p.key, why})
		return nil
	}
	c.Warnings = append(c.Warnings, Note{p.line, p.key, "unknown key; it has no effect"})
	return nil
}

func lookIgnored(useless map[string]string, key string) (string, bool) {
	if why, ok := useless[key]; ok {
		return why, true
	}
	best := ""
	for k := range useless {
		if stem, ok := strings.CutSuffix(k, "*"); ok && strings.HasPrefix(key, stem) && len(k) > len(best) {
			best = k
		}
	}
	return useless[best], best != ""
}

// note keeps the property for the conf word, without secrets.
func (c *Config) note(p property) { c.Raw = append(c.Raw, p.key+"="+hide(p.key, p.value)) }

func hide(key, value string) string {
	k := strings.ToLower(key)
	for _, s := range []string{"password", "secret", "digest", "gossipkey"} {
		if strings.Contains(k, s) && !strings.HasSuffix(k, "path") && !strings.HasSuffix(k, "file") && !strings.HasSuffix(k, "enabled") && !strings.HasSuffix(k, "alg") {
			return "***"
		}
	}
	return value
}

// takeServer reads server.N=host:quorumPort:electionPort[:role][|host:...][;[clientAddr:]clientPort].
func (c *Config) takeServer(key, value string) error {
	if c.Ensemble.DynamicFile != "" {
		return errors.New("server lines must be in the dynamic file, since dynamicConfigFile is set")
	}
	s, err := parseServer(strings.TrimPrefix(key, "server."), value)
	if err != nil {
		return err
	}
	c.Ensemble.Servers = append(slices.DeleteFunc(c.Ensemble.Servers, func(o Server) bool { return o.ID == s.ID }), s)
	slices.SortFunc(c.Ensemble.Servers, func(a, b Server) int { return a.ID - b.ID })
	return nil
}

const serverForm = "give host:quorumPort:electionPort[:participant|observer][;[clientAddress:]clientPort]"

func parseServer(id, value string) (Server, error) {
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > 254 {
		return Server{}, fmt.Errorf("server id %q: give a number from 1 to 254", id)
	}
	s := Server{ID: n, Role: "participant", Text: value}
	peers, client, hasClient := strings.Cut(value, ";")
	for one := range strings.SplitSeq(peers, "|") {
		a, role, err := parsePeer(one)
		if err != nil {
			return Server{}, err
		}
		s.Addrs = append(s.Addrs, a)
		if role != "" {
			s.Role = role
		}
	}
	if hasClient {
		client, _, _ = strings.Cut(client, ";") // 3.10: a secure port may follow
		if s.Client, err = parseClient(client); err != nil {
			return Server{}, err
		}
	}
	return s, nil
}

// parsePeer reads host:port:port[:role]; an IPv6 host stands in brackets.
func parsePeer(s string) (a PeerAddr, role string, err error) {
	rest := s
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return a, "", fmt.Errorf("%q: the bracket of the address is not closed", s)
		}
		a.Host, rest = s[1:end], strings.TrimPrefix(s[end+1:], ":")
	} else {
		a.Host, rest, _ = strings.Cut(s, ":")
	}
	parts := strings.Split(rest, ":")
	if a.Host == "" || len(parts) < 2 || len(parts) > 3 {
		return a, "", fmt.Errorf("%q: %s", s, serverForm)
	}
	if port(&a.Quorum)(parts[0]) != nil || port(&a.Elect)(parts[1]) != nil || a.Quorum == 0 || a.Elect == 0 {
		return a, "", fmt.Errorf("%q: ports are numbers from 1 to 65535: %s", s, serverForm)
	}
	if len(parts) == 3 {
		if err := oneOf(&role, "participant", "observer")(parts[2]); err != nil {
			return a, "", fmt.Errorf("role %q: %w", parts[2], err)
		}
	}
	return a, role, nil
}

// parseClient reads [address:]port into host:port.
func parseClient(s string) (string, error) {
	host, p := "0.0.0.0", s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, p = strings.Trim(s[:i], "[]"), s[i+1:]
	}
	var n int
	if err := port(&n)(p); err != nil || n == 0 {
		return "", fmt.Errorf("client port %q: give a number from 1 to 65535", p)
	}
	return net.JoinHostPort(host, p), nil
}

func (c *Config) takeGroup(key, value string) error {
	var g int
	if err := number(&g, 1, 255)(strings.TrimPrefix(key, "group.")); err != nil {
		return fmt.Errorf("group id: %w", err)
	}
	for id := range strings.SplitSeq(value, ":") {
		var n int
		if err := number(&n, 1, 254)(id); err != nil {
			return fmt.Errorf("server id %q: %w", id, err)
		}
		if old, twice := c.Ensemble.Groups[n]; twice && old != g {
			return fmt.Errorf("server %d is in group %d already", n, old)
		}
		c.Ensemble.Groups[n] = g
	}
	return nil
}

func (c *Config) takeWeight(key, value string) error {
	var id, w int
	if err := number(&id, 1, 254)(strings.TrimPrefix(key, "weight.")); err != nil {
		return fmt.Errorf("server id: %w", err)
	}
	if err := number(&w, 0, 1<<20)(value); err != nil {
		return err
	}
	c.Ensemble.Weights[id] = w
	return nil
}

// loadDynamic reads the file of server, group and weight lines, and its version.
func (c *Config) loadDynamic() error {
	file := c.Ensemble.DynamicFile
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("configuration: the dynamic file that %s names: %w", c.File, err)
	}
	props, err := parseProperties(file, string(b))
	if err != nil {
		return err
	}
	static := c.Ensemble.DynamicFile
	c.Ensemble.DynamicFile = ""
	for _, p := range props {
		switch {
		case p.key == "version":
			c.Ensemble.DynamicVersion, err = strconv.ParseUint(p.value, 16, 63)
		case strings.HasPrefix(p.key, "server."), strings.HasPrefix(p.key, "group."), strings.HasPrefix(p.key, "weight."):
			err = c.take(p, nil, nil)
		default:
			err = errors.New("a dynamic file holds server, group, weight and version lines only")
		}
		if err != nil {
			return &Error{File: file, Key: p.key, Line: p.line, Err: err}
		}
	}
	c.Ensemble.DynamicFile = static
	return nil
}

// loadMyID reads dataDir/myid, which an ensemble needs.
func (c *Config) loadMyID() error {
	if c.Ensemble.MyID != 0 || c.Basics.DataDir == "" { // given by paddock.id
		return nil
	}
	file := filepath.Join(c.Basics.DataDir, "myid")
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	s := strings.TrimSpace(string(b))
	if err := number(&c.Ensemble.MyID, 1, 254)(s); err != nil {
		return &Error{File: file, Key: "myid", Line: 1, Err: fmt.Errorf("%q: %w", s, err)}
	}
	return nil
}

// Check says what does not fit together.
func (c *Config) Check() error {
	bad := func(key, format string, a ...any) error {
		return &Error{File: c.File, Key: key, Err: fmt.Errorf(format, a...)}
	}
	b, e, s := &c.Basics, &c.Ensemble, &c.Sessions
	if s.MinTimeout < 0 {
		s.MinTimeout = 2 * b.TickTime
	}
	if s.MaxTimeout < 0 {
		s.MaxTimeout = 20 * b.TickTime
	}
	switch {
	case b.DataDir == "":
		return bad("dataDir", "is not set: say in which folder the data belongs")
	case s.MinTimeout > s.MaxTimeout:
		return bad("minSessionTimeout", "%d is larger than maxSessionTimeout, %d", s.MinTimeout, s.MaxTimeout)
	case b.ClientAddr != "" && b.ClientPort == 0:
		return bad("clientPortAddress", "is set but clientPort is not")
	case b.SecureAddr != "" && b.SecurePort == 0:
		return bad("secureClientPortAddress", "is set but secureClientPort is not")
	case len(e.Servers) > 1 && e.MyID == 0:
		return bad("server.N", "there are %d servers, and %s is missing: write this server's number into it", len(e.Servers), filepath.Join(b.DataDir, "myid"))
	case len(e.Servers) > 1 && (e.InitLimit == 0 || e.SyncLimit == 0):
		return bad("initLimit", "initLimit and syncLimit must be set in an ensemble, as in ZooKeeper")
	}
	if len(e.Servers) > 1 && !slices.ContainsFunc(e.Servers, func(o Server) bool { return o.ID == e.MyID }) && len(c.Paddock.Join) == 0 {
		return bad("server.N", "this server's id is %d (myid), and no server line has it", e.MyID)
	}
	return nil
}
