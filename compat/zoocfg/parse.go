package zoocfg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ReadFile reads a whole file; a missing one is fs.ErrNotExist.
type ReadFile func(name string) ([]byte, error)

// Load reads the configuration file, the dynamic file that it names, and dataDir/myid.
func Load(file string) (*Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("zoocfg: the configuration cannot be read: %w", err)
	}
	return Parse(file, string(text), os.ReadFile)
}

// Parse makes a Config of a file's text. file is its name, for messages; read reads the dynamic file and myid. The error joins all that
// is wrong, each as a [Note].
func Parse(file, text string, read ReadFile) (*Config, error) {
	p := &parser{cfg: defaults(), keys: allKeys(), file: file, seen: map[string]int{}}
	p.cfg.File, p.cfg.Text = file, text
	p.static(text)
	if len(p.errs) == 0 {
		p.dynamic(read)
	}
	if len(p.errs) == 0 {
		p.myid(read)
		p.finish()
	}
	return p.cfg, errors.Join(p.errs...)
}

// parser collects what is wrong instead of stopping at the first fault.
type parser struct {
	cfg  *Config
	keys map[string]key
	file string
	seen map[string]int // key → line
	errs []error
}

func (p *parser) fail(line int, key, format string, args ...any) {
	p.errs = append(p.errs, Note{p.file, line, key, fmt.Sprintf(format, args...)})
}

func (p *parser) warn(line int, key, format string, args ...any) {
	p.cfg.Warnings = append(p.cfg.Warnings, Note{p.file, line, key, fmt.Sprintf(format, args...)})
}

func (p *parser) static(text string) {
	props, err := Properties(text)
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s: %w", p.file, err))
		return
	}
	for _, prop := range props {
		written, value := strings.TrimSpace(prop.Key), strings.TrimSpace(prop.Value)
		name, prefixed := strings.CutPrefix(written, "zookeeper.")
		if before := p.seen[name]; before > 0 {
			p.warn(prop.Line, name, "was already given in line %d; the later one counts", before)
		}
		p.seen[name] = prop.Line
		if !prefixed && isMember(name) {
			p.member(prop.Line, name, value)
			continue
		}
		if on, _ := onlyYes.read(value); prefixed && name == "skipACL" && on { // closed there: it is not opened by the way a line is written
			p.fail(prop.Line, written, "is not read from a file by ZooKeeper; write skipACL=yes, without the prefix, if ACLs are to be off")
		} else if _, known := p.lookup(name); prefixed && known {
			p.warn(prop.Line, written, "counts without the prefix, which is that of a Java property; ZooKeeper itself does not read it from a file")
		}
		p.set(prop.Line, name, value)
	}
}

// isMember says whether a key belongs to the dynamic configuration. What begins like a member and is none must not be passed over: a server
// without its member lines would stand alone.
func isMember(name string) bool {
	return strings.HasPrefix(name, "server.") || strings.HasPrefix(name, "group") || strings.HasPrefix(name, "weight") || name == "version"
}

func (p *parser) set(line int, name, value string) {
	k, ok := p.lookup(name)
	switch {
	case strings.HasPrefix(name, "paddock."):
		p.cfg.Own[strings.TrimPrefix(name, "paddock.")] = value
		return
	case !ok:
		p.warn(line, name, "is not a key of ZooKeeper 3.9%s", p.nearest(name))
		return
	case !k.set(p.cfg, value):
		p.fail(line, name, "%q is not allowed; it must be %s", shown(name, value), k.allowed)
		return
	}
	if k.remark != nil {
		if text := k.remark(value); text != "" {
			p.warn(line, name, "%s", text)
		}
	}
	switch k.effect {
	case refused:
		if on, _ := k.words.read(value); on {
			p.fail(line, name, "%s cannot be had: %s", value, k.why)
		}
	case without:
		p.cfg.Ignored = append(p.cfg.Ignored, Note{p.file, line, name, "has no effect: " + k.why})
	case fixed:
		if k.agrees != nil && !k.agrees(value) {
			p.warn(line, name, "is not followed: %s", k.why)
		}
	}
}

// shown keeps passwords out of messages.
func shown(name, value string) string {
	if strings.HasSuffix(name, ".password") || strings.HasSuffix(name, "superDigest") {
		return "…"
	}
	return value
}

// lookup finds a key, also those with a free part in the name.
func (p *parser) lookup(name string) (key, bool) {
	if k, ok := p.keys[name]; ok {
		return k, true
	}
	switch {
	case strings.HasPrefix(name, "authProvider."):
		return authProvider(name), true
	case name == "superUser" || strings.HasPrefix(name, "superUser."):
		return superUser(name), true
	case strings.HasPrefix(name, "metricsProvider."):
		return ignore("the metrics provider here has no such setting", name)[0], true
	}
	return key{}, false
}

// nearest suggests a known key that is at most two letters away.
func (p *parser) nearest(name string) string {
	best, at := "", 3
	for _, known := range sortedKeys(p.keys) {
		if d := distance(strings.ToLower(name), strings.ToLower(known), at); d < at {
			best, at = known, d
		}
	}
	if best == "" {
		return "; it is not used"
	}
	return "; it is not used. Did you mean " + best + "?"
}

// distance is Levenshtein's, given up at limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (p *parser) dynamic(read ReadFile) {
	name := p.cfg.Ensemble.Dynamic.File
	if name == "" {
		return
	}
	for k, line := range p.seen {
		if isMember(k) && k != "version" {
			p.fail(line, k, "must stand in the dynamic configuration file %s, because dynamicConfigFile is set", name)
		}
	}
	if len(p.errs) > 0 {
		return
	}
	line := p.seen["dynamicConfigFile"]
	text, err := read(name)
	if err != nil {
		p.fail(line, "dynamicConfigFile", "cannot be read: %v", err)
		return
	}
	props, err := Properties(string(text))
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s: %w", name, err))
		return
	}
	static := p.file
	p.file = name
	for _, prop := range props {
		if key := strings.TrimSpace(prop.Key); key == "version" {
			p.fail(prop.Line, key, "a dynamic file shouldn't have version inside, as in ZooKeeper: take the line out; which membership is in force is in the data of the servers")
		} else if isMember(key) {
			p.member(prop.Line, key, strings.TrimSpace(prop.Value))
		} else {
			p.fail(prop.Line, key, "does not belong in a dynamic configuration; only server.N, group.N and weight.N do")
		}
	}
	p.file = static
}

// myid reads this server's number. A missing file is judged in finish: only an ensemble needs it.
func (p *parser) myid(read ReadFile) {
	name := filepath.Join(p.cfg.Basics.DataDir, "myid")
	text, err := read(name)
	if errors.Is(err, fs.ErrNotExist) || p.cfg.Basics.DataDir == "" {
		return
	}
	if err != nil {
		p.errs = append(p.errs, Note{name, 0, "", "cannot be read: " + err.Error()})
		return
	}
	line, _, _ := strings.Cut(string(text), "\n")
	id, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil || id < 0 || id > maxServerID {
		p.errs = append(p.errs, Note{name, 1, "", fmt.Sprintf("%q is not a server's number; it must be 0 to %d, and stand alone in the first line", line, maxServerID)})
		return
	}
	p.cfg.Members.ID = id
}

// maxServerID is the largest number of a server.
const maxServerID = 1<<31 - 1
