package node

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/compat/zoocfg"
)

// Config is a server's configuration: ZooKeeper's keys, and ours.
type Config struct {
	*zoocfg.Config
	Paddock own
}

// own are the keys that begin with "paddock.".
type own struct {
	PeerAddr          string        // peerAddr: host:port to listen on for peers, and where others reach a joiner; "" = as the own server line says
	PeerPort          string        // peerPort: "quorum" (default) or "election": which port of a server line is the peer port
	PeerSecret        string        // peerSecret, or the content of peerSecretFile
	GossipAddr        string        // gossipAddr: host:port to listen on, or :port on the host of the own server line; "" = off, and then join cannot be given
	GossipKey         string        // gossipKey, or the content of gossipKeyFile: base64
	Join              []string      // join: gossip addresses
	LinearizableReads bool          // linearizableReads
	MinFreeMB         int           // minFreeMB: below, writes that grow are refused; default 256
	FlushEvery        time.Duration // flushEveryMs: how often the store follows the state; default 500
	Election          time.Duration // electionTimeoutMs; default 400
	AuditFile         string        // auditFile: where audit.enable writes; default audit.log in dataDir
	LogFormat         string        // logFormat: text or json
	LogLevel          string        // logLevel: debug, info, warn, error
}

// keys is the table of our keys (docs/operate.md lists them); an error says what is allowed.
func (o *own) keys() map[string]func(string) error {
	text := func(to *string) func(string) error { return func(v string) error { *to = v; return nil } }
	file := func(to *string) func(string) error {
		return func(v string) error {
			b, err := os.ReadFile(v)
			*to = strings.TrimRight(string(b), "\r\n")
			return err
		}
	}
	word := func(to *string, words ...string) func(string) error {
		return func(v string) error {
			if *to = v; !slices.Contains(words, v) {
				return fmt.Errorf("it must be one of %s", strings.Join(words, ", "))
			}
			return nil
		}
	}
	number := func(low, high int, set func(int)) func(string) error {
		return func(v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < low || n > high {
				return fmt.Errorf("it must be a whole number from %d to %d", low, high)
			}
			set(n)
			return nil
		}
	}
	return map[string]func(string) error{
		"peerAddr": text(&o.PeerAddr), "peerPort": word(&o.PeerPort, "quorum", "election"),
		"peerSecret": text(&o.PeerSecret), "peerSecretFile": file(&o.PeerSecret),
		"gossipAddr": text(&o.GossipAddr), "gossipKey": text(&o.GossipKey), "gossipKeyFile": file(&o.GossipKey),
		"join": func(v string) error { o.Join = strings.Split(v, ","); return nil },
		"linearizableReads": func(v string) error {
			var err error
			if o.LinearizableReads, err = strconv.ParseBool(v); err != nil {
				return errors.New("it must be true or false")
			}
			return nil
		},
		"minFreeMB":         number(0, 1<<20, func(n int) { o.MinFreeMB = n }),
		"flushEveryMs":      number(1, 3_600_000, func(n int) { o.FlushEvery = time.Duration(n) * time.Millisecond }),
		"electionTimeoutMs": number(60, 600_000, func(n int) { o.Election = time.Duration(n) * time.Millisecond }),
		"auditFile":         text(&o.AuditFile),
		"logFormat":         word(&o.LogFormat, "text", "json"),
		"logLevel":          word(&o.LogLevel, "debug", "info", "warn", "error"),
	}
}

// ParseConfig reads the text of a zoo.cfg, with more properties ("key=value", from flags) that override it. id −1 is what myid says.
func ParseConfig(file, text string, overrides []string, id int) (*Config, error) {
	own := own{PeerPort: "quorum", MinFreeMB: 256, FlushEvery: 500 * time.Millisecond, LogFormat: "text", LogLevel: "info"}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	lines := strings.Count(text, "\n")
	text += strings.Join(overrides, "\n")
	read := func(name string) ([]byte, error) {
		if id >= 0 && filepath.Base(name) == "myid" {
			return []byte(strconv.Itoa(id)), nil
		}
		return os.ReadFile(name)
	}
	c, err := zoocfg.Parse(file, text, read)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c.Warnings = slices.DeleteFunc(c.Warnings, func(n zoocfg.Note) bool { return n.Line > lines }) // a flag may repeat a key
	keys := own.keys()
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(c.Own)) {
		v := c.Own[k]
		set, ok := keys[k]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: paddock.%s is not a key; there are %s", file, k, ownNames(keys)))
		} else if err := set(v); err != nil {
			errs = append(errs, fmt.Errorf("%s: paddock.%s: %q is not allowed: %w", file, k, v, err))
		}
	}
	return &Config{c, own}, errors.Join(errs...)
}

func ownNames(keys map[string]func(string) error) string {
	var names []string
	for k := range keys {
		names = append(names, k)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
