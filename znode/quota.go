package znode

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// A quota on path is two nodes under /zookeeper/quota<path>; their formats are StatsTrack's.
const (
	limitNode = "zookeeper_limits"
	statsNode = "zookeeper_stats"
)

// quota is what is known of one limited path. It counts only while it has a limit node.
type quota struct{ limits, stats nodeID }

// noteQuotaNode keeps the table of quotas when a node comes or goes.
func (s *State) noteQuotaNode(id nodeID, n *node, present bool) {
	if n.nameLen() != len(limitNode) && n.nameLen() != len(statsNode) {
		return
	}
	name := s.name(n)
	if name != limitNode && name != statsNode {
		return
	}
	prefix, ok := strings.CutPrefix(s.path(n.parent), pathQuota+"/")
	if !ok {
		return
	}
	prefix = "/" + prefix
	q := s.quotas[prefix]
	if !present {
		id = 0
	}
	if name == limitNode {
		q.limits = id
	} else {
		q.stats = id
	}
	if q == (quota{}) {
		delete(s.quotas, prefix)
		return
	}
	s.quotas[prefix] = q
}

// quotaOf is the quota of the deepest limited path that is path or above it; there is none on "/" (getMaxPrefixWithQuota).
func (s *State) quotaOf(path string) (quota, bool) {
	if len(s.quotas) == 0 {
		return quota{}, false
	}
	for len(path) > 1 {
		if q := s.quotas[path]; q.limits != 0 {
			return q, true
		}
		path = path[:strings.LastIndexByte(path, '/')]
	}
	return quota{}, false
}

// checkQuota refuses growth beyond a hard limit if the configuration enforces quotas (ZooKeeperServer.checkQuota). Limits that cannot
// be read are ErrMarshalling, as ZooKeeper's exception becomes.
func (s *State) checkQuota(c *call, path string, bytesDiff, countDiff int64) Code {
	if !c.flag(FlagEnforceQuota) {
		return OK
	}
	q, ok := s.quotaOf(path)
	if !ok {
		return OK
	}
	limits, ok := parseStats(s.data(s.nodes.at(q.limits)))
	if !ok {
		return ErrMarshalling
	}
	checkCount := countDiff != 0 && (limits.get("count") > -1 || limits.get("countHardLimit") > -1)
	checkBytes := bytesDiff != 0 && (limits.get("bytes") > -1 || limits.get("byteHardLimit") > -1)
	if !checkCount && !checkBytes || q.stats == 0 {
		return OK
	}
	now, ok := parseStats(s.data(s.nodes.at(q.stats)))
	if !ok {
		return ErrMarshalling
	}
	if hard := limits.get("countHardLimit"); checkCount && hard > -1 && now.get("count")+countDiff > hard {
		return ErrQuotaExceeded
	}
	if hard := limits.get("byteHardLimit"); checkBytes && hard > -1 && now.get("bytes")+bytesDiff > hard {
		return ErrQuotaExceeded
	}
	return OK
}

// countQuota adds to the statistics of the quota above path, silently: no version, time or event (DataTree.updateQuotaStat).
func (s *State) countQuota(path string, bytesDiff, countDiff int64) {
	q, ok := s.quotaOf(path)
	if !ok || q.stats == 0 {
		return
	}
	stats, ok := parseStats(s.data(s.nodes.at(q.stats)))
	if !ok {
		return // unreadable: ZooKeeper's server would die here
	}
	stats.set("count", stats.get("count")+countDiff)
	stats.set("bytes", stats.get("bytes")+bytesDiff)
	s.writeStats(q.stats, stats)
}

// fillQuotaStats overwrites a statistics node that was just created with real numbers (DataTree.updateQuotaForPath).
func (s *State) fillQuotaStats(id nodeID, n *node) {
	if len(s.quotas) == 0 || n.nameLen() != len(statsNode) || s.name(n) != statsNode {
		return
	}
	prefix, ok := strings.CutPrefix(s.path(n.parent), pathQuota+"/")
	if !ok {
		return
	}
	var count, size int64
	if top := s.find("/" + prefix); top != 0 {
		s.eachBelow(top, func(_ nodeID, n *node) {
			count++
			size += int64(max(n.dataLen, 0))
		})
	}
	s.writeStats(id, quotaStats{{"bytes", size}, {"count", count}})
}

func (s *State) writeStats(id nodeID, q quotaStats) {
	s.buf = q.append(s.buf[:0])
	n := s.touch(id)
	s.replaceData(n, s.buf)
	s.settle(n)
}

// quotaStats are the numbers of a limits or statistics node.
type quotaStats []quotaStat

type quotaStat struct {
	key   string
	value int64
}

// parseStats reads "key=number" pairs separated by runs of "," and ";" as StatsTrack does. Null data and pairs without a number, which
// throw there, are not ok; an empty number is -1; the last of equal keys wins.
func parseStats(data []byte) (q quotaStats, ok bool) {
	if data == nil {
		return nil, false
	}
	text := strings.TrimRight(string(data), ",;")
	for text != "" {
		pair := text
		if i := strings.IndexAny(text, ",;"); i >= 0 {
			pair, text = text[:i], strings.TrimLeft(text[i:], ",;")
		} else {
			text = ""
		}
		parts := strings.Split(strings.TrimRight(pair, "="), "=")
		if len(parts) < 2 {
			return nil, false
		}
		value := int64(-1)
		if parts[1] != "" {
			v, err := strconv.ParseInt(parts[1], 10, 64)
			if err != nil {
				return nil, false
			}
			value = v
		}
		q.set(parts[0], value)
	}
	return q, true
}

func (q quotaStats) get(key string) int64 {
	for i := range q {
		if q[i].key == key {
			return q[i].value
		}
	}
	return -1
}

func (q *quotaStats) set(key string, value int64) {
	for i := range *q {
		if (*q)[i].key == key {
			(*q)[i].value = value
			return
		}
	}
	*q = append(*q, quotaStat{key, value})
}

// append prints as StatsTrack.toString: count and bytes first, then "=" and the rest in order, which old parsers can skip.
func (q quotaStats) append(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, "count="...), q.get("count"), 10)
	dst = strconv.AppendInt(append(dst, ",bytes="...), q.get("bytes"), 10)
	rest := slices.DeleteFunc(slices.Clone(q), func(s quotaStat) bool { return s.key == "count" || s.key == "bytes" })
	slices.SortFunc(rest, func(a, b quotaStat) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
	if len(rest) > 0 {
		dst = append(dst, '=')
	}
	for _, s := range rest {
		dst = append(append(append(dst, ';'), s.key...), '=')
		dst = strconv.AppendInt(dst, s.value, 10)
	}
	return dst
}
