package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/urfave/cli/v2"
)

const (
	dataQuotaRoot   = "/zookeeper/quota"
	dataQuotaLimits = "zookeeper_limits"
	dataQuotaStats  = "zookeeper_stats"
)

// dataQuota is the text of a quota node, as ZooKeeper's StatsTrack reads and writes it. -1 is no limit.
type dataQuota struct {
	Count     int64 `json:"count"`
	Bytes     int64 `json:"bytes"`
	CountHard int64 `json:"countHardLimit"`
	BytesHard int64 `json:"byteHardLimit"`
}

func dataNoQuota() dataQuota { return dataQuota{-1, -1, -1, -1} }

func (q *dataQuota) fields() map[string]*int64 {
	return map[string]*int64{"count": &q.Count, "bytes": &q.Bytes, "countHardLimit": &q.CountHard, "byteHardLimit": &q.BytesHard}
}

func (q dataQuota) text() string {
	return fmt.Sprintf("count=%d,bytes=%d=;byteHardLimit=%d;countHardLimit=%d", q.Count, q.Bytes, q.BytesHard, q.CountHard)
}

// dataParseQuota passes over what it does not know.
func dataParseQuota(b []byte) dataQuota {
	q := dataNoQuota()
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

func dataQuotaFlags(boolean bool) []cli.Flag {
	var out []cli.Flag
	for _, f := range [][3]string{{"count", "n", "nodes, the path itself included (soft: logged)"}, {"bytes", "b", "bytes of data (soft: logged)"},
		{"hard-count", "N", "nodes (hard: refused, where the servers enforce quotas)"}, {"hard-bytes", "B", "bytes of data (hard)"}} {
		if boolean {
			out = append(out, &cli.BoolFlag{Name: f[0], Aliases: f[1:2], Usage: "the limit of " + f[2]})
			continue
		}
		out = append(out, &cli.Int64Flag{Name: f[0], Aliases: f[1:2], Usage: "limit of " + f[2]})
	}
	return toolFlags(out...)
}

func dataQuotaNames() map[string]string {
	return map[string]string{"count": "count", "bytes": "bytes", "hard-count": "countHardLimit", "hard-bytes": "byteHardLimit"}
}

func setquotaCommand() *cli.Command {
	return &cli.Command{
		Name: "setquota", Category: dataCategory, Usage: "limit the size of a subtree", ArgsUsage: "-n|-b|-N|-B NUMBER PATH",
		Description: "   paddock setquota -n 1000 -B 10000000 /app\n\n" + toolExitHelp,
		Flags:       dataQuotaFlags(false),
		Action: dataAction(1, 1, 1, func(v *dataVerb, words []string) error {
			path := words[0]
			if path == "/" || dataUnder(path, "/zookeeper") {
				return toolUsage("setquota %s: / and /zookeeper take no quota", path)
			}
			if _, err := v.stat(path); err != nil {
				return toolFail("setquota "+path, err)
			}
			q, there, err := v.quota(path, dataQuotaLimits)
			if err != nil {
				return err
			}
			changed := false
			for flag, field := range dataQuotaNames() {
				if n := v.c.Int64(flag); v.c.IsSet(flag) {
					if n < 1 {
						return toolUsage("setquota: --%s must be at least 1 (delquota takes a limit away)", flag)
					}
					*q.fields()[field], changed = n, true
				}
			}
			if !changed {
				return toolUsage("setquota: give a limit: -n or -N nodes, -b or -B bytes")
			}
			if !there {
				if err := v.quotaClash(path); err != nil {
					return err
				}
			}
			return toolFail("setquota "+path, v.quotaWrite(path, q, there))
		}),
	}
}

func (v *dataVerb) quota(path, node string) (q dataQuota, there bool, err error) {
	at := dataQuotaRoot + path + "/" + node
	n, err := v.get(at)
	switch {
	case errors.Is(err, zk.ErrNoNode):
		return dataNoQuota(), false, nil
	case err != nil:
		return q, false, toolFail("read the quota "+at, err)
	}
	return dataParseQuota(n.data), true, nil
}

// quotaClash refuses a quota inside or around another one, as ZooKeeper's own tool does.
func (v *dataVerb) quotaClash(path string) error {
	clash := func(other string) error {
		return &toolError{tried: "setquota " + path, happened: other + " has a quota, and one quota must not lie in another", todo: "delquota that one first", code: toolExitConflict}
	}
	for up := dataParent(path); up != "/"; up = dataParent(up) {
		if _, there, err := v.quota(up, dataQuotaLimits); err != nil || there {
			if err == nil {
				err = clash(up)
			}
			return err
		}
	}
	if _, err := v.stat(dataQuotaRoot + path); err != nil {
		return nil
	}
	below, err := v.subtree(dataQuotaRoot + path)
	if err != nil {
		return err
	}
	for _, p := range below {
		if strings.HasSuffix(p, "/"+dataQuotaLimits) {
			return clash(strings.TrimPrefix(strings.TrimSuffix(p, "/"+dataQuotaLimits), dataQuotaRoot))
		}
	}
	return nil
}

func (v *dataVerb) quotaWrite(path string, q dataQuota, there bool) error {
	limits := dataQuotaRoot + path + "/" + dataQuotaLimits
	if there {
		_, err := toolDo(v.ctx, v.toolSession, func() (*zk.Stat, error) { return v.Set(limits, []byte(q.text()), -1) })
		return err
	}
	if err := v.parents(limits); err != nil {
		return err
	}
	acl := zk.WorldACL(zk.PermAll)
	if _, err := v.create(dataCreation{path: limits, data: []byte(q.text()), acl: acl}); err != nil {
		return err
	}
	zero := dataQuota{CountHard: -1, BytesHard: -1} // the server counts, and writes over it
	_, err := v.create(dataCreation{path: dataQuotaRoot + path + "/" + dataQuotaStats, data: []byte(zero.text()), acl: acl})
	return err
}

func listquotaCommand() *cli.Command {
	return &cli.Command{
		Name: "listquota", Category: dataCategory, Usage: "print the quota of a path, or all of them", ArgsUsage: "[PATH]",
		Description: "   paddock listquota\n   paddock listquota /app\n\n" + toolExitHelp, Flags: toolFlags(),
		Action: dataAction(0, 1, 1, func(v *dataVerb, words []string) error {
			paths := words
			if len(words) == 0 {
				below, err := v.subtree(dataQuotaRoot)
				if err != nil {
					return err
				}
				for _, p := range below {
					if strings.HasSuffix(p, "/"+dataQuotaLimits) {
						paths = append(paths, strings.TrimPrefix(strings.TrimSuffix(p, "/"+dataQuotaLimits), dataQuotaRoot))
					}
				}
			}
			type row struct {
				Path   string    `json:"path"`
				Limits dataQuota `json:"limits"`
				Used   dataQuota `json:"used"`
			}
			list, rows := []row{}, [][]string(nil)
			for _, p := range paths {
				limits, there, err := v.quota(p, dataQuotaLimits)
				if err != nil {
					return err
				}
				if !there {
					return &toolError{tried: "listquota " + p, happened: "it has no quota", todo: "set one with setquota", code: toolExitNoNode}
				}
				used, _, err := v.quota(p, dataQuotaStats)
				if err != nil {
					return err
				}
				list = append(list, row{p, limits, used})
				rows = append(rows, []string{p, dataLimit(used.Count), dataLimit(limits.Count), dataLimit(limits.CountHard), dataLimit(used.Bytes), dataLimit(limits.Bytes), dataLimit(limits.BytesHard)})
			}
			return v.out.rows(list, []string{"PATH", "NODES", "SOFT", "HARD", "BYTES", "SOFT", "HARD"}, rows)
		}),
	}
}

func dataLimit(n int64) string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func delquotaCommand() *cli.Command {
	return &cli.Command{
		Name: "delquota", Category: dataCategory, Usage: "take limits away: those named, or the whole quota", ArgsUsage: "[-n] [-b] [-N] [-B] PATH",
		Description: "   paddock delquota /app\n   paddock delquota -n /app\n\n" + toolExitHelp, Flags: dataQuotaFlags(true),
		Action: dataAction(1, 1, 1, func(v *dataVerb, words []string) error {
			path := words[0]
			q, there, err := v.quota(path, dataQuotaLimits)
			if err != nil {
				return err
			}
			if !there {
				return &toolError{tried: "delquota " + path, happened: "it has no quota", code: toolExitNoNode}
			}
			some := false
			for flag, field := range dataQuotaNames() {
				if v.c.Bool(flag) {
					*q.fields()[field], some = -1, true
				}
			}
			if some {
				return toolFail("delquota "+path, v.quotaWrite(path, q, true))
			}
			return toolFail("delquota "+path, v.quotaDelete(path))
		}),
	}
}

// quotaDelete takes the two nodes away and the folders above them that are empty then.
func (v *dataVerb) quotaDelete(path string) error {
	at := dataQuotaRoot + path
	gone := []string{at + "/" + dataQuotaStats, at + "/" + dataQuotaLimits}
	for up := at; up != dataQuotaRoot; up = dataParent(up) {
		gone = append(gone, up)
	}
	for i, p := range gone {
		_, err := toolDo(v.ctx, v.toolSession, func() (struct{}, error) { return struct{}{}, v.Delete(p, -1) })
		if errors.Is(err, zk.ErrNotEmpty) && i > 1 {
			return nil
		}
		if err != nil && !errors.Is(err, zk.ErrNoNode) {
			return err
		}
	}
	return nil
}

// dataWords splits a line as a shell does: blanks separate, quotes hold together, a backslash takes the next character as it is.
func dataWords(line string) ([]string, error) {
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
		return nil, toolUsage("the line ends inside a quotation: %s", line)
	}
	if open {
		words = append(words, string(word))
	}
	return slices.Clip(words), nil
}
