package zabtest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/zab"
)

// Story is a small ensemble in which things happen one after the other, told by commands in plain words. Disks are done at once
// unless they are stalled; messages arrive when the story says `deliver`, or with `run`.
//
//	tick N [id ...]     N ticks pass at these servers (all)
//	deliver             whatever is on the way arrives, and what that causes, until nothing is on the way
//	run N               N times: a tick everywhere, then deliver
//	campaign id         ticks at one server until it is not quiet any more
//	propose id op ...   entries are proposed at a server (forwarded if it follows)
//	read id             a linearizable read
//	cut a b, oneway a b links are cut (both ways, or from a to b)
//	heal                all links work
//	crash id, start id, stall id, unstall id, pause id N
//	wipe id             a server that is down loses its disk
//	suspect id of       one server takes another for gone
//	digest id n         the state that a server has applied by now has this digest
//	transfer id to, resign id, reconfig id text, compact id
//	status, history     what everyone thinks; what everyone has applied
type Story struct {
	w    *world
	cut  map[[2]uint8]bool
	log  []string
	nRd  uint64
	last map[int]string
}

// NewStory starts an ensemble; lastCounter, if not 0, makes epochs short.
func NewStory(voters, observers int, lastCounter uint32, onCore func(*zab.Core)) *Story {
	s := &Story{cut: map[[2]uint8]bool{}, last: map[int]string{}}
	x := &Explore{Servers: voters + observers, OnCore: onCore, Limits: zab.Limits{LastCounter: lastCounter}, Election: 4}
	s.w = &world{x: x, links: map[[2]uint8][]zab.Message{}, leaders: map[uint32]zab.PeerID{}}
	text := ""
	for i := 1; i <= voters+observers; i++ {
		role := "participant"
		if i > voters {
			role = "observer"
		}
		text += fmt.Sprintf("server.%d=h%d:1:1:%s\n", i, i, role)
	}
	s.w.ens, s.w.err = zab.ParseEnsemble(text)
	for i := range voters + observers {
		s.w.servers = append(s.w.servers, &server{disk: NewDisk()})
		s.w.start(i)
	}
	s.changes()
	s.log = nil
	return s
}

// Do runs the commands of one paragraph, one a line, and returns what changed.
func (s *Story) Do(text string) string {
	s.log = nil
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		f := strings.Fields(line)
		if err := s.command(f[0], f[1:]); err != nil {
			s.say("%s: %v", line, err)
		}
		if s.w.err != nil {
			s.say("VIOLATION %v", s.w.err)
			s.w.err = nil
		}
		s.changes()
	}
	if len(s.log) == 0 {
		return "ok\n"
	}
	return strings.Join(s.log, "\n") + "\n"
}

// Leader is the active leader with the highest epoch, and that epoch; 0, 0 if there is none.
func (s *Story) Leader() (id zab.PeerID, epoch uint32) {
	for _, sv := range s.w.servers {
		if sv.core == nil {
			continue
		}
		if st := sv.core.Status().Soft; st.Role == zab.Leading && st.Active && uint32(st.Epoch) > epoch {
			id, epoch = st.Leader, uint32(st.Epoch)
		}
	}
	return id, epoch
}

func (s *Story) say(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

// changes tells what is new about roles.
func (s *Story) changes() {
	for i, sv := range s.w.servers {
		now := "down"
		if sv.fatal != nil {
			s.say("%d: ends: %v", i+1, sv.fatal)
			sv.fatal = nil
		}
		if sv.core != nil {
			now = sv.core.Status().Soft.String()
		}
		if s.last[i] != now {
			s.say("%d: %s", i+1, now)
			s.last[i] = now
		}
		for _, r := range sv.reads {
			s.say("%d: read %d at %v %v", i+1, r.Ctx, r.Zxid, errText(r.Err))
		}
		for _, d := range sv.differ {
			s.say("%d: at %v its digest is %x, and that of %d is %x", i+1, d.Zxid, d.Mine, d.Peer, d.Theirs)
		}
		sv.reads, sv.differ = nil, nil
	}
}

func errText(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

func (s *Story) command(name string, args []string) error {
	var ids []int
	for _, a := range args {
		n, _ := strconv.Atoi(a)
		ids = append(ids, n)
	}
	arg := func(i int) int { return ids[min(i, len(ids)-1)] }
	switch name {
	case "tick":
		for range arg(0) {
			s.tick(ids[1:])
		}
	case "deliver":
		s.deliver()
	case "run":
		for range arg(0) {
			s.tick(nil)
			s.deliver()
			s.changes()
		}
	case "cut", "oneway":
		s.cut[[2]uint8{uint8(arg(0) - 1), uint8(arg(1) - 1)}] = true
		s.cut[[2]uint8{uint8(arg(1) - 1), uint8(arg(0) - 1)}] = name == "cut"
	case "heal":
		clear(s.cut)
	case "status", "history":
		for i, sv := range s.w.servers {
			s.tell(name, i, sv)
		}
	default:
		if len(ids) == 0 || arg(0) < 1 || arg(0) > len(s.w.servers) {
			return fmt.Errorf("unknown command or server")
		}
		return s.server(name, arg(0)-1, ids, args)
	}
	return nil
}

func (s *Story) tell(what string, i int, sv *server) {
	if what == "history" {
		line := ""
		for _, a := range sv.applied {
			if a.Kind == zab.EntryTxn {
				line += fmt.Sprintf(" %v=%d", a.Zxid, a.Op)
			}
		}
		s.say("%d:%s", i+1, line)
		return
	}
	if sv.core != nil {
		st := sv.core.Status()
		s.say("%v", st)
	}
}

// server commands.
func (s *Story) server(name string, i int, ids []int, args []string) error {
	sv := s.w.servers[i]
	if sv.core == nil && name != "start" && name != "wipe" {
		return fmt.Errorf("server is down")
	}
	var err error
	switch name {
	case "wipe":
		if sv.core != nil {
			return fmt.Errorf("server is up")
		}
		*sv = server{disk: NewDisk()}
		return nil
	case "campaign":
		for n := 0; n < 20 && len(s.w.links) < 99; n++ {
			sv.core.Tick(1)
			s.w.work(i)
			if s.busy() {
				break
			}
		}
	case "propose":
		var ops [][]byte
		for _, op := range ids[1:] {
			ops = append(ops, Op(uint64(op), 8))
		}
		if sv.core.Status().Soft.Role == zab.Leading {
			_, err = sv.core.Propose(0, ops)
		} else {
			err = sv.core.Forward(ops)
		}
	case "read":
		s.nRd++
		err = sv.core.ReadIndex(s.nRd)
	case "crash":
		sv.disk.Crash(-1)
		sv.core, sv.after, sv.stalled = nil, nil, false
		return nil
	case "start":
		s.w.start(i)
	case "stall":
		sv.stalled = true
	case "unstall":
		sv.stalled = false
		s.w.sync(i)
	case "pause":
		sv.core.Tick(ids[1])
	case "digest":
		a := sv.applied
		sv.core.SetDigest(a[len(a)-1].Zxid, uint64(ids[1]))
	case "suspect":
		sv.core.Suspect(zab.PeerID(ids[1]))
	case "transfer":
		err = sv.core.Transfer(zab.PeerID(ids[1]))
	case "resign":
		sv.core.Resign()
	case "compact":
		a := sv.applied
		sv.disk.Compact(sv.core.SnapshotMeta(a[len(a)-1].Zxid), a)
	case "reconfig":
		var ens zab.Ensemble
		if ens, err = zab.ParseEnsemble(strings.Join(args[1:], "\n")); err == nil {
			_, err = sv.core.ProposeReconfig(0, ens, nil)
		}
	default:
		return fmt.Errorf("unknown command")
	}
	s.w.work(i)
	return err
}

func (s *Story) tick(ids []int) {
	for i, sv := range s.w.servers {
		if sv.core == nil || len(ids) > 0 && !contains(ids, i+1) {
			continue
		}
		sv.core.Tick(1)
		s.w.work(i)
	}
}

func contains(ids []int, id int) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}

func (s *Story) busy() bool {
	for _, q := range s.w.links {
		if len(q) > 0 {
			return true
		}
	}
	return false
}

func (s *Story) deliver() {
	for round := 0; s.busy() && round < 200; round++ {
		for from := range s.w.servers {
			for to := range s.w.servers {
				k := [2]uint8{uint8(from), uint8(to)}
				for n := len(s.w.links[k]); n > 0; n-- {
					if s.cut[k] {
						s.w.links[k] = s.w.links[k][1:]
						continue
					}
					s.w.deliver(k[0], k[1], 0)
				}
			}
		}
	}
}
