package zab

import (
	"fmt"
	"maps"
	"slices"
)

// FileStatus is what the leader knows of the members' configuration files.
type FileStatus struct {
	Differ []FileDiffers // the servers whose files say something else than the ensemble in effect, by number
	Step   string        // what has to be done, for an operator; empty if nothing has
	Made   bool          // the change that the files ask for was proposed just now
}

// FileDiffers is one server whose file says something else than the ensemble in effect.
type FileDiffers struct {
	ID       PeerID
	Changed  bool     // else its file is older than the ensemble, and asks for nothing
	Ensemble Ensemble // what it says
}

// wishes is what the files ask for, worked out from the reports that a leader has at one moment.
type wishes struct {
	self    PeerID
	now     Ensemble // in effect
	reports map[PeerID]FileReport
	founder PeerID // the server whose line in the ensemble in effect is its own, if that is known
	ready   idSet
	agree   idSet    // the servers whose files say the same as the leader's
	asks    idSet    // of these, the voters of the ensemble in effect whose files have changed
	next    Ensemble // what they ask for; nobody if they ask for nothing
	alone   bool     // planted mistake: one server that asks is enough
}

func (c *Core) wishes() *wishes {
	w := &wishes{self: c.cfg.ID, now: c.conf.change(c.commit).Committed, founder: c.conf.latest().founder, reports: c.reports(), ready: c.caughtUp(), alone: c.has(bugFileAlone)}
	w.weigh()
	return w
}

// weigh works out what is asked for, and by whom.
func (w *wishes) weigh() {
	own := w.reports[w.self]
	w.next = Ensemble{Members: slices.Clone(own.Ensemble.Members)}
	w.agree.Add(uint32(w.self))
	line := w.lineOfLeader(own)
	for id, r := range w.reports {
		theirs, _ := r.Ensemble.Member(w.self)
		if id != w.self && w.counts(id, own) && theirs == line {
			w.agree.Add(uint32(id))
		}
	}
	for i := range w.next.Members {
		if w.next.Members[i].ID == w.self {
			w.next.Members[i] = line
		}
	}
	anybody := false
	for id, r := range w.reports {
		if w.agree.Has(uint32(id)) && r.Changed && w.now.Votes(id) {
			w.asks.Add(uint32(id))
			anybody = true
		}
	}
	if !anybody || sameLines(w.next, w.now) {
		w.next = Ensemble{}
	}
}

// counts says whether the file of a server says the same as the leader's, but for the own lines of both.
func (w *wishes) counts(id PeerID, own FileReport) bool {
	r := w.reports[id]
	return r.Version == w.now.Version && sameLines(own.Ensemble, r.Ensemble, w.self, id)
}

// lineOfLeader is where the leader is by the files of the others, since its own line may be any address: what most of those say that agree otherwise. The
// own line counts if there are none.
func (w *wishes) lineOfLeader(own FileReport) Member {
	best, most := Member{}, 0
	said := map[Member]int{}
	for _, id := range slices.Sorted(maps.Keys(w.reports)) {
		if id == w.self || !w.counts(id, own) {
			continue
		}
		m, _ := w.reports[id].Ensemble.Member(w.self)
		if said[m]++; said[m] > most {
			best, most = m, said[m]
		}
	}
	if most == 0 {
		best, _ = own.Ensemble.Member(w.self)
	}
	return best
}

// joining are the voters to be that are none yet. All of them must be there before the ensemble counts on them: else it would be weaker than before.
func (w *wishes) joining() (missing []PeerID) {
	for _, m := range w.next.Members {
		if m.Role == Participant && !w.now.Votes(m.ID) && !(w.agree.Has(uint32(m.ID)) && w.ready.Has(uint32(m.ID))) {
			missing = append(missing, m.ID)
		}
	}
	return missing
}

// lacking are the voters of the ensemble in effect whose files do not ask for the change.
func (w *wishes) lacking() (ids []PeerID) {
	for _, m := range w.now.Members {
		if m.Role == Participant && !w.asks.Has(uint32(m.ID)) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// status says which files differ, and what stands in the way of what they ask for.
func (w *wishes) status() (st FileStatus) {
	var changed []PeerID
	for _, id := range slices.Sorted(maps.Keys(w.reports)) {
		r := w.reports[id]
		if w.differs(id, r) {
			st.Differ = append(st.Differ, FileDiffers{ID: id, Changed: r.Changed, Ensemble: r.Ensemble})
			if r.Changed {
				changed = append(changed, id)
			}
		}
	}
	now, next := w.now.Quorums(), w.next.Quorums()
	switch {
	case w.next.Members != nil && w.alone:
	case w.next.Members != nil && !now.Quorum(&w.asks):
		st.Step = fmt.Sprintf("give the lines of server %v to servers %v as well, and restart these", w.self, w.lacking())
	case w.next.Members != nil && len(w.joining()) > 0:
		st.Step = fmt.Sprintf("start servers %v with the same lines, or wait until they have caught up", w.joining())
	case w.next.Members != nil && !next.Quorum(&w.agree):
		st.Step = "start servers of the new ensemble with the same lines, until a majority of it is there"
	case w.next.Members != nil:
	case len(changed) > 0:
		st.Step = fmt.Sprintf("the files of servers %v ask for another ensemble: give all servers the same lines and restart them one by one, the leader (server %v) last; or give these the lines "+
			"of /zookeeper/config back", changed, w.self)
	case len(st.Differ) > 0:
		st.Step = "these files are older than the ensemble and change nothing: write the lines of /zookeeper/config into them"
	}
	return st
}

// differs says whether a file says something else than the ensemble in effect. The first ensemble of a history has the own line of the leader that founded it,
// so the files with which it was founded need say only the same members.
func (w *wishes) differs(id PeerID, r FileReport) bool {
	except := []PeerID{id, w.founder}
	if w.now.Version.Counter() == 0 && !r.Changed {
		for _, m := range w.now.Members {
			except = append(except, m.ID)
		}
	}
	return len(r.Ensemble.Members) > 0 && !sameLines(r.Ensemble, w.now, except...)
}
