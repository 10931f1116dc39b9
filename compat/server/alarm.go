package server

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// alarm is which members have too little room on their disks. Every server takes every write, so one member's low disk is the business of
// all: while any member is low, the ensemble refuses writes that grow (znode.FlagNoGrow).
//
// Each server knows of its own disk from its owner (SetFlag). A follower repeats its alarm with each report to the leader, and the leader puts
// the flag on every proposal, its own and those that others forward (Vet). Followers ask the leader who is low, to show it in their reports and
// to take the data off writes that will be refused (noroom.go): a refused write takes its place in every log too.
//
// The alarm of a member ends when it says that it has room again. It also ends when nothing was heard of it for alarmTicks calls of Tick, and
// when it is no member any more: a server that has died, or was removed, must not block the ensemble for ever. It applies nothing meanwhile,
// and it raises the alarm again when it comes back and is still low. Observers of the ensemble count as well as voters do; who has only asked to
// join does not.
type alarm struct {
	mu       sync.Mutex
	leads    bool                       // this server leads
	own      bool                       // the disk of this server is low
	reported bool                       // and the leader has heard so from this server
	reports  map[zab.PeerID]alarmReport // on the leader: others that are low
	members  []zab.PeerID               // who is low, for reports, by number
	ask      question                   // who is low
}

// alarmReport is what the leader has heard of a server whose disk is low.
type alarmReport struct {
	ticks  int  // for so many Ticks it is still believed
	member bool // it is one; until that is known its disk is nobody's business
}

// alarmTicks is how many Ticks of the leader a member's alarm lasts without being repeated. Members repeat it with every Tick, and a report
// may be lost on the way.
const alarmTicks = 6

// alarmSession stands in a report where the number of a session stands. It is the number of none; behind it comes whether the disk is low.
const alarmSession session.ID = 0

// SetFlag turns flags of all future transactions on or off. With znode.FlagNoGrow it says whether the disk of this server is nearly full, and
// the ensemble hears of that.
func (s *Server) SetFlag(f znode.Flags, on bool) {
	if rest := f &^ znode.FlagNoGrow; rest != 0 {
		s.setFlags(rest, on)
	}
	if f&znode.FlagNoGrow != 0 {
		a := &s.alarm
		a.mu.Lock()
		defer a.mu.Unlock()
		a.own = on
		s.alarmChanged()
	}
}

// setFlags changes flags of all future transactions that this server proposes or, as the leader, lets pass.
func (s *Server) setFlags(f znode.Flags, on bool) {
	for {
		old := s.flags.Load()
		now := old &^ uint32(f)
		if on {
			now = old | uint32(f)
		}
		if s.flags.CompareAndSwap(old, now) {
			return
		}
	}
}

// alarmChanged works out what follows from what is known. mu is held.
func (s *Server) alarmChanged() {
	a := &s.alarm
	if a.leads {
		s.showAlarm(a.low(s.opts.ID))
	}
	s.setFlags(znode.FlagNoGrow, a.own || len(a.members) > 0)
}

// low lists who is low as the leader knows it. mu is held.
func (a *alarm) low(self zab.PeerID) (list []zab.PeerID) {
	for id, r := range a.reports {
		if r.member {
			list = append(list, id)
		}
	}
	if a.own {
		list = append(list, self)
	}
	slices.SortFunc(list, zab.PeerID.Compare)
	return list
}

// showAlarm takes over who is low, and logs it when it is news. mu is held.
func (s *Server) showAlarm(list []zab.PeerID) {
	a := &s.alarm
	switch {
	case slices.Equal(list, a.members):
		return
	case len(list) > 0:
		s.opts.Log.Error("disks are nearly full: the ensemble refuses writes that grow until they have room", "servers", fmt.Sprint(list))
	default:
		s.opts.Log.Info("no server that runs reports a low disk any more: the ensemble takes all writes")
	}
	a.members = list
}

// report is what a follower's report says about its disk: nothing while there is room, and once that there is room again.
func (a *alarm) report() (low, say bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	say = a.own || a.reported
	a.reported = a.own
	return a.own, say
}

// heardAlarm takes what a server reports about its disk. Whether it is a member is asked elsewhere: this may be the goroutine of the protocol.
func (s *Server) heardAlarm(from zab.PeerID, low bool) {
	if s.noteAlarm(from, low) {
		s.opts.Go(func() { s.vetAlarm(from) })
	}
}

// noteAlarm notes a report, and says whether it must be found out whether the server is a member.
func (s *Server) noteAlarm(from zab.PeerID, low bool) (vet bool) {
	a := &s.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.leads {
		return false
	}
	if low {
		r := a.reports[from]
		r.ticks = alarmTicks
		a.reports[from] = r
		return !r.member
	}
	delete(a.reports, from)
	s.alarmChanged()
	return false
}

// vetAlarm believes a server whose disk is low if it is a member. One that has asked to join, or was removed and still runs, blocks nobody.
func (s *Server) vetAlarm(from zab.PeerID) {
	_, member := s.opts.Orderer.Status().Ensemble.Committed.Member(from)
	a := &s.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	r, low := a.reports[from]
	if !low {
		return // it has room again, or this server leads no longer
	}
	if r.member = member; member {
		a.reports[from] = r
	} else {
		delete(a.reports, from)
	}
	s.alarmChanged()
}

// tickAlarm is the leader's part of Tick: alarms of members that are silent, or gone, end.
func (s *Server) tickAlarm() {
	a := &s.alarm
	a.mu.Lock()
	none := len(a.reports) == 0
	a.mu.Unlock()
	if none {
		return
	}
	ensemble := s.opts.Orderer.Status().Ensemble.Committed // waits for the goroutine of the protocol
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, r := range a.reports {
		_, member := ensemble.Member(id)
		if r.ticks == 0 || !member {
			delete(a.reports, id)
			if r.member {
				s.opts.Log.Warn("the alarm of a low disk ends, although its server has not said that there is room: it has died, cannot be reached, or is no member any more",
					"server", id, "member", member)
			}
			continue
		}
		a.reports[id] = alarmReport{r.ticks - 1, member}
	}
	s.alarmChanged()
}

// askAlarm is a follower's part of Tick: it asks the leader who is low.
func (s *Server) askAlarm(nowNs int64) {
	s.askAgain(&s.alarm.ask, nowNs, func() []byte { return []byte{questionAlarm} }, s.tellAlarm)
}

// tellAlarm takes the leader's answer to askAlarm.
func (s *Server) tellAlarm(answer []byte, err error) {
	a := &s.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil || a.leads {
		return
	}
	list := make([]zab.PeerID, len(answer)/4)
	for i := range list {
		list[i] = zab.PeerID(binary.BigEndian.Uint32(answer[4*i:]))
	}
	s.showAlarm(list)
	s.alarmChanged()
}

// answerAlarm is the leader's side of askAlarm: four bytes for each member that is low.
func (s *Server) answerAlarm(d zab.Delivery) {
	a := &s.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.leads {
		return
	}
	var answer []byte
	for _, id := range a.members {
		answer = binary.BigEndian.AppendUint32(answer, uint32(id))
	}
	s.opts.Orderer.Answer(d.From, d.Ctx, answer)
}

// alarmLeads is a new leadership. It begins with what the leader before has answered, so that no write slips in until the members report again.
func (s *Server) alarmLeads() {
	a := &s.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leads, a.reports = true, map[zab.PeerID]alarmReport{}
	for _, id := range a.members {
		if id != s.opts.ID {
			a.reports[id] = alarmReport{alarmTicks, true}
		}
	}
	s.alarmChanged()
}

// alarmFollows ends what only a leader knows. Who was low is kept, for the next leader may be this server.
func (s *Server) alarmFollows() {
	a := &s.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leads, a.reports = false, nil
	s.alarmChanged()
}

// lowDisks is for reports: whether the disk of this server is low, and all members whose disks are. Without a leader a server knows of its
// own disk alone.
func (s *Server) lowDisks() (own bool, members []int64) {
	a := &s.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.members {
		if s.is(modeServing) || s.is(modeIdle) {
			members = append(members, int64(id.Number()))
		}
	}
	if self := int64(s.opts.ID.Number()); a.own && !slices.Contains(members, self) {
		members = append(members, self)
		slices.Sort(members)
	}
	return a.own, members
}
