package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

func appendStat(b []byte, r *Report, clients bool) []byte {
	b = fmt.Appendf(b, "Zookeeper version: %s\n", r.Build.Full())
	if r.Data.ReadOnly {
		b = append(b, "READ-ONLY mode; serving only read-only clients\n"...)
	}
	if clients {
		b = append(b, "Clients:\n"...)
		for _, c := range sortedConnections(r) {
			b = append(appendConnection(b, &c, true), '\n')
		}
		b = append(b, '\n')
	}
	t := &r.Traffic
	b = fmt.Appendf(b, "Latency min/avg/max: %d/%s/%d\n", t.MinLatency, javaDouble(round4(t.AvgLatency)), t.MaxLatency)
	b = fmt.Appendf(b, "Received: %d\nSent: %d\nConnections: %d\nOutstanding: %d\n", t.Received, t.Sent, t.Connections, t.Outstanding)
	b = fmt.Appendf(b, "Zxid: 0x%s\nMode: %s\nNode count: %d\n", hex(r.Data.Zxid), r.Role, r.Data.Nodes)
	if r.Leading != nil {
		b = fmt.Appendf(b, "Proposal sizes last/min/max: %s\n", r.Leading.Proposals.text())
	}
	return b
}

func appendConnections(b []byte, r *Report) []byte {
	for _, c := range sortedConnections(r) {
		b = append(appendConnection(b, &c, false), '\n')
	}
	return append(b, '\n')
}

func sortedConnections(r *Report) []Connection {
	slices.SortFunc(r.Connections, func(a, b Connection) int {
		// without a session last
		return cmp.Or(cmp.Compare(uint64(a.Session-1), uint64(b.Session-1)), strings.Compare(a.Remote, b.Remote))
	})
	return r.Connections
}

// appendConnection writes one connection (ServerCnxn.dumpConnectionInfo).
func appendConnection(b []byte, c *Connection, brief bool) []byte {
	b = fmt.Appendf(b, " /%s[%d](queued=%d,recved=%d,sent=%d", c.Remote, interest(c), c.Queued, c.Received, c.Sent)
	if brief || c.Session == 0 {
		return append(b, ')')
	}
	b = fmt.Appendf(b, ",sid=0x%s,lop=%s,est=%d,to=%d", hex(c.Session), c.Last.op(), millis(c.Established), c.Timeout)
	if c.Last.Cxid >= 0 {
		b = fmt.Appendf(b, ",lcxid=0x%s", hex(c.Last.Cxid))
	}
	return fmt.Appendf(b, ",lzxid=0x%s,lresp=%d,llat=%d,minlat=%d,avglat=%d,maxlat=%d)",
		hex(c.Last.Zxid), c.Last.response(), c.Last.Latency, c.Latency.Min, c.Latency.Avg, c.Latency.Max)
}

// interest is what java.nio calls the interest ops: 1 while requests are read.
func interest(c *Connection) int {
	if c.Reading {
		return 1
	}
	return 0
}

func (l *LastOp) op() string { return cmp.Or(l.Op, "NA") }

func (l *LastOp) response() int64 { return millis(l.Response) }

// millis is a time in ms since 1970, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// OpText is the name that cons gives to an opcode (FinalRequestProcessor's lastOp).
func OpText(op int32) string {
	switch op {
	case 1, 15, 19, 21:
		return "CREA"
	case 2, 20:
		return "DELE"
	case 3:
		return "EXIS"
	case 4:
		return "GETD"
	case 5:
		return "SETD"
	case 6:
		return "GETA"
	case 7:
		return "SETA"
	case 8, 12:
		return "GETC"
	case 9:
		return "SYNC"
	case 11:
		return "PING"
	case 13:
		return "CHEC"
	case 14:
		return "MULT"
	}
	return opTextNewer(op)
}

func opTextNewer(op int32) string {
	switch op {
	case 16:
		return "RECO"
	case 17:
		return "CHKW"
	case 18:
		return "REMW"
	case 22:
		return "MLTR"
	case 101:
		return "SETW"
	case 103:
		return "GETE"
	case 104:
		return "GETACN"
	case 105:
		return "STW2"
	case 106:
		return "ADDW"
	case 107:
		return "HOMI"
	case -10:
		return "SESS"
	case -11:
		return "CLOS"
	}
	return "NA"
}

func appendConf(b []byte, r *Report) []byte {
	c, e := &r.Config, &r.Ensemble
	b = fmt.Appendf(b, "clientPort=%d\nsecureClientPort=%d\ndataDir=%s\ndataDirSize=%d\ndataLogDir=%s\ndataLogSize=%d\n",
		c.ClientPort, c.SecureClientPort, c.DataDir, r.Dirs.Data, c.DataLogDir, r.Dirs.Log)
	b = fmt.Appendf(b, "tickTime=%d\nmaxClientCnxns=%d\nminSessionTimeout=%d\nmaxSessionTimeout=%d\nclientPortListenBacklog=%d\nserverId=%d\n",
		c.TickTime, c.MaxClientCnxns, c.MinTimeout, c.MaxTimeout, c.Backlog, c.ServerID)
	if !e.Quorum {
		return b
	}
	self := e.self()
	peerType := 0
	if self.Observer {
		peerType = 1
	}
	b = fmt.Appendf(b, "initLimit=%d\nsyncLimit=%d\nelectionAlg=3\nelectionPort=%s\nquorumPort=%s\npeerType=%d\n",
		e.Limits.Init, e.Limits.Sync, ports(self.Election), ports(self.Quorum), peerType)
	return append(append(b, "membership: \n"...), strings.TrimSuffix(e.Config, "\n")...)
}

// self is this server's line; empty if it has none.
func (e *Ensemble) self() Member {
	for _, m := range e.Members {
		if m.Self {
			return m
		}
	}
	return Member{}
}

// ports are the ports of some addresses, joined by "|".
func ports(addrs []string) string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a[strings.LastIndexByte(a, ':')+1:]
	}
	return strings.Join(out, "|")
}

func appendDump(b []byte, r *Report) []byte {
	b = append(b, "SessionTracker dump:\n"...)
	if r.Role == RoleLeader || r.Role == RoleStandalone {
		b = appendExpiries(b, "Session ", r.Sessions, func(s Session) (time.Time, string) { return s.Expires, "0x" + hex(s.ID) })
	} else {
		slices.SortFunc(r.Sessions, func(a, b Session) int { return cmp.Compare(a.ID, b.ID) })
		b = fmt.Appendf(b, "Global Sessions(%d):\n", len(r.Sessions))
		for _, s := range r.Sessions {
			b = fmt.Appendf(b, "0x%s\t%dms\n", hex(s.ID), s.Timeout)
		}
	}
	b = fmt.Appendf(b, "ephemeral nodes dump:\nSessions with Ephemerals (%d):\n", len(r.Ephemerals))
	slices.SortFunc(r.Ephemerals, func(a, b Ephemerals) int { return cmp.Compare(a.Session, b.Session) })
	for _, e := range r.Ephemerals {
		b = fmt.Appendf(b, "0x%s:\n", hex(e.Session))
		slices.Sort(e.Paths)
		for _, p := range e.Paths {
			b = fmt.Appendf(b, "\t%s\n", p)
		}
	}
	b = append(b, "Connections dump:\n"...)
	return appendExpiries(b, "Connections ", r.Connections, func(c Connection) (time.Time, string) {
		return c.Expires, "ip: /" + c.Remote + " sessionId: 0x" + hex(c.Session)
	})
}

// appendExpiries writes things in groups of those that end at the same second (ExpiryQueue.dump).
func appendExpiries[T any](b []byte, what string, list []T, of func(T) (time.Time, string)) []byte {
	groups := map[time.Time][]string{}
	for _, x := range list {
		at, text := of(x)
		groups[at] = append(groups[at], text)
	}
	b = fmt.Appendf(b, "%sSets (%d)/(%d):\n", what, len(groups), len(list))
	times := make([]time.Time, 0, len(groups))
	for t := range groups {
		times = append(times, t)
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, t := range times {
		slices.Sort(groups[t])
		b = fmt.Appendf(b, "%d expire at %s:\n", len(groups[t]), javaDate(t))
		for _, text := range groups[t] {
			b = fmt.Appendf(b, "\t%s\n", text)
		}
	}
	return b
}

func appendWatchSummary(b []byte, r *Report) []byte {
	s := &r.Watches.Summary
	return fmt.Appendf(b, "%d connections watching %d paths\nTotal watches:%d\n", s.Clients, s.Paths, s.Watches)
}

func appendWatchesByPath(b []byte, r *Report) []byte {
	for _, w := range sortedWatches(r) {
		b = append(append(b, w.Path...), '\n')
		for _, s := range w.Sessions {
			b = fmt.Appendf(b, "\t0x%s\n", hex(s))
		}
	}
	return append(b, '\n')
}

func appendWatchesBySession(b []byte, r *Report) []byte {
	sessions, paths := bySession(r)
	for _, s := range sessions {
		b = fmt.Appendf(b, "0x%s\n", hex(s))
		for _, p := range paths[s] {
			b = fmt.Appendf(b, "\t%s\n", p)
		}
	}
	return append(b, '\n')
}

func sortedWatches(r *Report) []Watched {
	slices.SortFunc(r.Watches.ByPath, func(a, b Watched) int { return strings.Compare(a.Path, b.Path) })
	for _, w := range r.Watches.ByPath {
		slices.Sort(w.Sessions)
	}
	return r.Watches.ByPath
}

func bySession(r *Report) (sessions []int64, paths map[int64][]string) {
	paths = map[int64][]string{}
	for _, w := range sortedWatches(r) {
		for _, s := range w.Sessions {
			if paths[s] == nil {
				sessions = append(sessions, s)
			}
			paths[s] = append(paths[s], w.Path)
		}
	}
	slices.Sort(sessions)
	return sessions, paths
}

func appendDigests(b []byte, r *Report) []byte {
	for _, d := range r.Data.Digests {
		b = fmt.Appendf(b, "%s: %d\n", hex(d.Zxid), int64(d.Digest))
	}
	return b
}
