package zab

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// FileReport is what a server says of the ensemble in its configuration file. The zero value says that no file of this server counts.
type FileReport struct {
	Version  zxid.ID  // of the committed ensemble that this server knows: a report is about the change of that one
	Changed  bool     // the file is another one than this server had when it learned of that ensemble
	Ensemble Ensemble // what the file says; no members: nothing
}

// Append encodes the report for [Core.Ask].
func (r FileReport) Append(dst []byte) []byte {
	changed := byte(0)
	if r.Changed {
		changed = 1
	}
	dst = append(binary.BigEndian.AppendUint64(dst, uint64(r.Version)), changed)
	return append(dst, r.Ensemble.String()...)
}

// DecodeFileReport is the reverse of [FileReport.Append]. Total: any bytes give a report or an error.
func DecodeFileReport(data []byte) (r FileReport, err error) {
	if len(data) < 9 || data[8] > 1 {
		return r, errors.New("zab: a report of a configuration file begins with the version of an ensemble and says whether the file has changed")
	}
	r.Version, r.Changed = zxid.ID(binary.BigEndian.Uint64(data)), data[8] == 1
	r.Ensemble, err = ParseEnsemble(string(data[9:]))
	return r, err
}

// sameLines says whether two ensembles have the same members with the same roles and addresses. The lines of some members need have the same role alone: a
// server's own line may be any address, such as 0.0.0.0.
func sameLines(a, b Ensemble, except ...PeerID) bool {
	return slices.EqualFunc(a.Members, b.Members, func(x, y Member) bool {
		if slices.Contains(except, x.ID) {
			x.Addr, x.Client, y.Addr, y.Client = "", "", "", ""
		}
		return x == y
	})
}

// digestOfFile tells files apart. 0 is no file.
func digestOfFile(e Ensemble) uint64 {
	if len(e.Members) == 0 {
		return 0
	}
	e.Version = 0
	h := fnv.New64a()
	h.Write([]byte(e.String()))
	return max(1, h.Sum64())
}

// NewerFile says whether a server whose log ends with this hard state has another configuration file than it had when it learned of the ensemble in effect.
func NewerFile(hs HardState, file Ensemble) bool {
	return hs.File != 0 && hs.File != digestOfFile(file)
}

// noteFile remembers, together with the knowledge that an ensemble of the history is committed, which file this server had then. From there on only another
// file says something new: what this one says has been done, or has been overruled. The file that is there when the first ensemble is learned says nothing new
// either, so that a server that lost its disk never asks for anything with an old file.
func (c *Core) noteFile(committed zxid.ID) {
	v := c.conf.latest().Version
	if !c.conf.recorded() || v > committed || c.hard.Commit >= v && c.hard.File != 0 {
		return
	}
	if mine := digestOfFile(c.cfg.File); c.hard.File != mine {
		c.hard.File, c.hard.dirty = mine, true
	}
}

// fileReport is what this server says of its file.
func (c *Core) fileReport() FileReport {
	if len(c.cfg.File.Members) == 0 {
		return FileReport{}
	}
	now := c.conf.change(c.commit)
	r := FileReport{Version: now.Committed.Version, Ensemble: c.cfg.File}
	r.Changed = c.conf.recorded() && now.Proposed == nil && c.hard.Commit >= r.Version && NewerFile(c.hard.HardState, c.cfg.File)
	if c.has(bugOldFileCounts) {
		r.Changed = true
	}
	return r
}

// HearFile takes the report of another server. The leader keeps it for as long as that server uses the same link and is heard.
func (c *Core) HearFile(from PeerID, r FileReport) {
	if c.role != Leading {
		return
	}
	if l := c.lead.learner(from); l != nil {
		l.file = r
	}
}

// FollowFiles makes the change of the ensemble that the configuration files of the servers ask for, if enough of them ask for the same one (see S13 in the
// manual), and says what the files say. Only a leader knows that; on any other server the status is empty. nowMs is what the wall clock says.
func (c *Core) FollowFiles(nowMs int64) FileStatus {
	if c.role != Leading || !c.lead.active || len(c.cfg.File.Members) == 0 {
		return FileStatus{}
	}
	w := c.wishes()
	st := w.status()
	if st.Step != "" || w.next.Members == nil {
		return st
	}
	if _, err := c.ProposeReconfig(nowMs, w.next, nil); err != nil {
		st.Step = "wait: the change is not made yet (" + err.Error() + ")"
		return st
	}
	st.Made = true
	return st
}

// reports are those that count at the moment, by server.
func (c *Core) reports() map[PeerID]FileReport {
	all := map[PeerID]FileReport{c.cfg.ID: c.fileReport()}
	for _, l := range c.lead.learners {
		if len(l.file.Ensemble.Members) > 0 && c.now-l.heard < int64(c.election()) {
			all[l.id] = l.file
		}
	}
	return all
}

// caughtUp are the servers that have been sent all that is committed, and are heard.
func (c *Core) caughtUp() (ready idSet) {
	ready.Add(uint32(c.cfg.ID))
	for _, l := range c.lead.learners {
		if l.state == streaming && l.next >= c.commit && c.now-l.heard < int64(c.election()) {
			ready.Add(uint32(l.id))
		}
	}
	return ready
}
