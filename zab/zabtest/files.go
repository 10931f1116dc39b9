package zabtest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// files is the operator who writes server lines into configuration files, and what may come of it. Each set of lines is newer than those before. A server gets
// the newest when it is restarted for that, or by chance when it starts; one that has lost its disk may get lines of any time; all others keep what they had.
type files struct {
	lines  []zab.Ensemble
	asked  map[zxid.ID]int // the reconfigurations that were proposed for files, and for which lines
	made   int             // the newest lines that were committed
	latest bool            // the last lines of the run are out, and must come into effect
	still  zxid.ID         // the version of the ensemble that stays as it is
	since  int64           // since when
}

// file is what one server has.
type file struct {
	lines int // which
	zab.Ensemble
	had map[int]bool // all lines with which it ever ran
}

// give puts lines into the file of a server that is down. Its own line may be any address.
func (n *node) give(lines int) {
	if n.file.lines == lines && n.file.had != nil {
		return
	}
	ens := zab.Ensemble{Version: n.sim.opt.Bootstrap, Members: slices.Clone(n.sim.files.lines[lines].Members)}
	for i := range ens.Members {
		if ens.Members[i].ID == n.id && n.sim.Chance(0.5) {
			ens.Members[i].Addr = "0.0.0.0:1:1"
		}
	}
	n.file.lines, n.file.Ensemble = lines, ens
	if n.file.had == nil {
		n.file.had = map[int]bool{}
	}
	n.file.had[lines] = true
}

// newest gives the newest lines. An empty server gets them only if a voter by them has a whole disk: else it might rightly found another ensemble.
func (n *node) newest() {
	last := len(n.sim.files.lines) - 1
	if !blank(n.disk) || n.sim.someWhole(n.sim.files.lines[last]) {
		n.give(last)
	}
}

// write makes the operator want another ensemble.
func (s *Sim) write(port int, roles func() int) {
	k := len(s.files.lines)
	next := zab.Ensemble{}
	for i := range s.nodes {
		m := zab.Member{ID: zab.PeerID(i + 1), Addr: fmt.Sprintf("h%d:1:%d", i+1, port), Weight: 1}
		switch roles() {
		case 0:
			continue
		case 1:
			m.Role = zab.Observer
		}
		next.Members = append(next.Members, m)
	}
	if next.Valid() != nil {
		return
	}
	s.trace("lines %d: %v", k, next)
	s.files.lines = append(s.files.lines, next)
}

// operate is the operator's work in one tick.
func (s *Sim) operate() {
	p := s.opt.Faults.Lines
	if p == 0 || len(s.check.history) == 0 {
		return
	}
	if s.Chance(p / 4) {
		s.write(1+len(s.files.lines)*s.Rand.IntN(2), func() int { return s.Rand.IntN(6) })
	}
	n := s.nodes[s.Rand.IntN(len(s.nodes))]
	if s.Chance(p) && n.up && n.diverged == nil {
		n.crash()
		n.newest()
		n.start()
	}
}

// followFiles tells the leader what the file of this server says, or, on the leader, does what the files say.
func (n *node) followFiles() {
	s := n.sim
	if s.opt.Faults.Lines == 0 && !s.files.latest || !n.soft.Active {
		return
	}
	if n.soft.Role != zab.Leading {
		s.nextCtx++
		_ = n.core.Ask(s.nextCtx, n.core.Status().File.Append(nil))
		return
	}
	for _, other := range s.nodes {
		if !other.up && s.now < other.away { // it has lost its disk, and must not become indispensable
			return
		}
	}
	if !n.core.FollowFiles(s.now).Made {
		return
	}
	s.Stats.ByFile++
	e := n.core.Status().Ensemble
	next, old := *e.Proposed, e.Committed
	s.trace("%d follows lines %d, in the place of %v: %v", n.id, n.file.lines, old.Version, next)
	had, lines := 0, 0
	for _, m := range old.Members {
		if k, ok := n.agrees(s.nodes[m.ID-1]); ok && m.Role == zab.Participant {
			had, lines = had+1, max(lines, k)
		}
	}
	if voters := old.Quorums().Len(); 2*had <= voters {
		s.violate("server %d changes the ensemble by lines that %d of its %d voters have ever had", n.id, had, voters)
	}
	s.files.asked[next.Version] = lines
}

// agrees says which are the newest lines that a server ever had and that say the same as those of this one, but for the own lines of both.
func (n *node) agrees(other *node) (lines int, ok bool) {
	all := n.sim.files.lines
	for k := range other.file.had {
		if slices.EqualFunc(all[k].Members, all[n.file.lines].Members, func(a, b zab.Member) bool {
			return a.ID == b.ID && a.Role == b.Role && (a.Addr == b.Addr || a.ID == n.id || a.ID == other.id)
		}) {
			lines, ok = max(lines, k), true
		}
	}
	return lines, ok
}

// appliedReconfig is called for each reconfiguration once, when the first server applies it: lines that came into effect, or older ones, never come again.
func (s *Sim) appliedReconfig(z zxid.ID) {
	lines, ok := s.files.asked[z]
	if !ok {
		return
	}
	if lines <= s.files.made {
		s.violate("lines %d change the ensemble at %v, and lines %d were in effect before", lines, z, s.files.made)
	}
	s.files.made = lines
}

// finish gives all servers the last lines of the run, once everything has settled. It says whether they are in effect.
func (s *Sim) finish(leader *node) bool {
	if s.opt.Faults.Lines == 0 && !s.files.latest {
		return true
	}
	last := len(s.files.lines) - 1
	if s.files.latest {
		e := leader.core.Status().Ensemble
		alone := len(s.nodes) == 1 // only its own line says where it is
		return alone || e.Proposed == nil && slices.Equal(e.Committed.Members, s.files.lines[last].Members)
	}
	if e := leader.core.Status().Ensemble; e.Proposed != nil || e.Committed.Version != s.files.still {
		s.files.still, s.files.since = e.Committed.Version, s.now
	}
	if s.now-s.files.since < 50*TickLen { // a crash now might find files that nobody remembers
		return false
	}
	s.files.latest, s.opt.Faults.Lines = true, 0
	s.write(1000, func() int { return 2 })
	for _, n := range s.nodes {
		n.crash()
		n.newest()
		n.start()
	}
	return false
}

// heard takes the report of another server.
func (n *node) heard(from zab.PeerID, data []byte) {
	r, err := zab.DecodeFileReport(data)
	if err != nil {
		n.sim.violate("server %d: the report of server %d: %v", n.id, from, err)
	}
	n.core.HearFile(from, r)
}

// oldLines gives a server that has lost its disk lines that it had at any time, such as those that it was founded with.
func (n *node) oldLines() {
	had := slices.Sorted(maps.Keys(n.file.had))
	if k := had[n.sim.Rand.IntN(len(had))]; n.sim.someWhole(n.sim.files.lines[k]) {
		n.give(k)
	}
}
