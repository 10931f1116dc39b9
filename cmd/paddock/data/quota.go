package data

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

const (
	quotaRoot   = "/zookeeper/quota"
	quotaLimits = "zookeeper_limits"
	quotaStats  = "zookeeper_stats"
)

// quota is the text of a quota node, as ZooKeeper's StatsTrack reads and writes it. -1 is no limit.
type quota struct {
	Count     int64 `json:"count"`
	Bytes     int64 `json:"bytes"`
	CountHard int64 `json:"countHardLimit"`
	BytesHard int64 `json:"byteHardLimit"`
}

func noQuota() quota { return quota{-1, -1, -1, -1} }

func (q *quota) fields() map[string]*int64 {
	return map[string]*int64{"count": &q.Count, "bytes": &q.Bytes, "countHardLimit": &q.CountHard, "byteHardLimit": &q.BytesHard}
}

func (q quota) text() string {
	return fmt.Sprintf("count=%d,bytes=%d=;byteHardLimit=%d;countHardLimit=%d", q.Count, q.Bytes, q.BytesHard, q.CountHard)
}

// parseQuota reads a quota; it ignores the keys that it does not know.
func parseQuota(b []byte) quota {
	q := noQuota()
	for _, part := range strings.FieldsFunc(string(b), func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSuffix(part, "="), "=")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			if f := q.fields()[name]; f != nil {
				*f = n
			}
		}
	}
	return q
}

func quotaFlags(boolean bool) []cli.Flag {
	var out []cli.Flag
	for _, f := range [][3]string{{"count", "n", "nodes, the path itself included (soft: logged)"}, {"bytes", "b", "bytes of data (soft: logged)"},
		{"hard-count", "N", "nodes (hard: refused, where the servers enforce quotas)"}, {"hard-bytes", "B", "bytes of data (hard)"}} {
		if boolean {
			out = append(out, &cli.BoolFlag{Name: f[0], Aliases: f[1:2], Usage: "the limit of " + f[2]})
			continue
		}
		out = append(out, &cli.Int64Flag{Name: f[0], Aliases: f[1:2], Usage: "limit of " + f[2]})
	}
	return tool.Flags(out...)
}

func quotaNames() map[string]string {
	return map[string]string{"count": "count", "bytes": "bytes", "hard-count": "countHardLimit", "hard-bytes": "byteHardLimit"}
}

func setquotaCommand() *cli.Command {
	return &cli.Command{
		Name: "setquota", Category: Category, Usage: "limit the size of a subtree", ArgsUsage: "-n|-b|-N|-B NUMBER PATH",
		Description: "   paddock setquota -n 1000 -B 10000000 /app\n\n" + tool.ExitHelp,
		Flags:       quotaFlags(false),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			path := words[0]
			if path == "/" || Under(path, "/zookeeper") {
				return tool.Usage("setquota %s: / and /zookeeper take no quota", path)
			}
			if _, err := v.stat(path); err != nil {
				return tool.Fail("setquota "+path, err)
			}
			q, there, err := v.quota(path, quotaLimits)
			if err != nil {
				return err
			}
			changed := false
			for flag, field := range quotaNames() {
				if n := v.c.Int64(flag); v.c.IsSet(flag) {
					if n < 1 {
						return tool.Usage("setquota: --%s must be at least 1 (delquota takes a limit away)", flag)
					}
					*q.fields()[field], changed = n, true
				}
			}
			if !changed {
				return tool.Usage("setquota: give a limit: -n or -N nodes, -b or -B bytes")
			}
			if !there {
				if err := v.quotaClash(path); err != nil {
					return err
				}
			}
			return tool.Fail("setquota "+path, v.quotaWrite(path, q, there))
		}),
	}
}

func (v *verb) quota(path, node string) (q quota, there bool, err error) {
	at := quotaRoot + path + "/" + node
	n, err := v.get(at)
	switch {
	case errors.Is(err, zk.ErrNoNode):
		return noQuota(), false, nil
	case err != nil:
		return q, false, tool.Fail("read the quota "+at, err)
	}
	return parseQuota(n.data), true, nil
}

// quotaClash refuses a quota inside or around another one, as ZooKeeper's own tool does.
func (v *verb) quotaClash(path string) error {
	clash := func(other string) error {
		return &tool.Error{Tried: "setquota " + path, Happened: other + " has a quota, and one quota must not lie in another", Todo: "delquota that one first", Code: tool.ExitConflict}
	}
	for up := parent(path); up != "/"; up = parent(up) {
		if _, there, err := v.quota(up, quotaLimits); err != nil || there {
			if err == nil {
				err = clash(up)
			}
			return err
		}
	}
	if _, err := v.stat(quotaRoot + path); err != nil {
		return nil
	}
	below, err := v.subtree(quotaRoot + path)
	if err != nil {
		return err
	}
	for _, p := range below {
		if strings.HasSuffix(p, "/"+quotaLimits) {
			return clash(strings.TrimPrefix(strings.TrimSuffix(p, "/"+quotaLimits), quotaRoot))
		}
	}
	return nil
}

func (v *verb) quotaWrite(path string, q quota, there bool) error {
	limits := quotaRoot + path + "/" + quotaLimits
	if there {
		_, err := tool.Do(v.ctx, v.Session, func() (*zk.Stat, error) { return v.Set(limits, []byte(q.text()), -1) })
		return err
	}
	if err := v.parents(limits); err != nil {
		return err
	}
	acl := zk.WorldACL(zk.PermAll)
	if _, err := v.create(creation{path: limits, data: []byte(q.text()), acl: acl}); err != nil {
		return err
	}
	zero := quota{CountHard: -1, BytesHard: -1} // the server counts, and overwrites this
	_, err := v.create(creation{path: quotaRoot + path + "/" + quotaStats, data: []byte(zero.text()), acl: acl})
	return err
}

func listquotaCommand() *cli.Command {
	return &cli.Command{
		Name: "listquota", Category: Category, Usage: "print the quota of a path, or all of them", ArgsUsage: "[PATH]",
		Description: "   paddock listquota\n   paddock listquota /app\n\n" + tool.ExitHelp, Flags: tool.Flags(),
		Action: action(0, 1, 1, func(v *verb, words []string) error {
			paths := words
			if len(words) == 0 {
				below, err := v.subtree(quotaRoot)
				if err != nil {
					return err
				}
				for _, p := range below {
					if strings.HasSuffix(p, "/"+quotaLimits) {
						paths = append(paths, strings.TrimPrefix(strings.TrimSuffix(p, "/"+quotaLimits), quotaRoot))
					}
				}
			}
			type row struct {
				Path   string `json:"path"`
				Limits quota  `json:"limits"`
				Used   quota  `json:"used"`
			}
			list, rows := []row{}, [][]string(nil)
			for _, p := range paths {
				limits, there, err := v.quota(p, quotaLimits)
				if err != nil {
					return err
				}
				if !there {
					return &tool.Error{Tried: "listquota " + p, Happened: "it has no quota", Todo: "set one with setquota", Code: tool.ExitNoNode}
				}
				used, _, err := v.quota(p, quotaStats)
				if err != nil {
					return err
				}
				list = append(list, row{p, limits, used})
				rows = append(rows, []string{p, limit(used.Count), limit(limits.Count), limit(limits.CountHard), limit(used.Bytes), limit(limits.Bytes), limit(limits.BytesHard)})
			}
			return v.out.Rows(list, []string{"PATH", "NODES", "SOFT", "HARD", "BYTES", "SOFT", "HARD"}, rows)
		}),
	}
}

func limit(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func delquotaCommand() *cli.Command {
	return &cli.Command{
		Name: "delquota", Category: Category, Usage: "take limits away: those named, or the whole quota", ArgsUsage: "[-n] [-b] [-N] [-B] PATH",
		Description: "   paddock delquota /app\n   paddock delquota -n /app\n\n" + tool.ExitHelp, Flags: quotaFlags(true),
		Action: action(1, 1, 1, func(v *verb, words []string) error {
			path := words[0]
			q, there, err := v.quota(path, quotaLimits)
			if err != nil {
				return err
			}
			if !there {
				return &tool.Error{Tried: "delquota " + path, Happened: "it has no quota", Code: tool.ExitNoNode}
			}
			some := false
			for flag, field := range quotaNames() {
				if v.c.Bool(flag) {
					*q.fields()[field], some = -1, true
				}
			}
			if some {
				return tool.Fail("delquota "+path, v.quotaWrite(path, q, true))
			}
			return tool.Fail("delquota "+path, v.quotaDelete(path))
		}),
	}
}

// quotaDelete takes the two nodes away and the folders above them that are empty then.
func (v *verb) quotaDelete(path string) error {
	at := quotaRoot + path
	gone := []string{at + "/" + quotaStats, at + "/" + quotaLimits}
	for up := at; up != quotaRoot; up = parent(up) {
		gone = append(gone, up)
	}
	for i, p := range gone {
		_, err := tool.Do(v.ctx, v.Session, func() (struct{}, error) { return struct{}{}, v.Delete(p, -1) })
		if errors.Is(err, zk.ErrNotEmpty) && i > 1 {
			return nil
		}
		if err != nil && !errors.Is(err, zk.ErrNoNode) {
			return err
		}
	}
	return nil
}

// Words splits a line as a shell does: blanks separate, quotes hold together, a backslash takes the next character as it is.
func Words(line string) ([]string, error) {
	var words []string
	var word []rune
	open, quote, escaped := false, rune(0), false
	for _, r := range line {
		switch {
		case escaped:
			word, escaped = append(word, r), false
		case r == '\\' && quote != '\'':
			open, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word = append(word, r)
		case r == '"' || r == '\'':
			open, quote = true, r
		case r == ' ' || r == '\t' || r == '\r':
			if open {
				words = append(words, string(word))
			}
			open, word = false, nil
		case r == '#' && !open:
			return words, nil
		default:
			open, word = true, append(word, r)
		}
	}
	if quote != 0 || escaped {
		return nil, tool.Usage("the line ends inside a quotation: %s", line)
	}
	if open {
		words = append(words, string(word))
	}
	return slices.Clip(words), nil
}
