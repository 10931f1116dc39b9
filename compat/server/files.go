package server

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/zab"
)

// FileFollower makes the ensemble follow the configuration files of its servers: peer.Peer. What counts, and when the ensemble changes, is zab's (S13 in its
// manual); here the reports travel, and what the files say is told to operators.
type FileFollower interface {
	// HearFile takes the report of another server.
	HearFile(from zab.PeerID, r zab.FileReport)
	// FollowFiles changes the ensemble if the files ask for it, and tells done what they say. done comes from another goroutine.
	FollowFiles(done func(zab.FileStatus))
}

// files is what this server knows of the configuration files of all. The leader works it out at each Tick; the others tell it what their files say, and get
// what it knows for an answer.
type files struct {
	mu    sync.Mutex
	last  zab.FileStatus // as of the last Tick: it counts when the next one says the same, for a new leader hears the others one by one
	known zab.FileStatus // as shown
	ask   question       // what this server's file says, and what the leader knows
}

// tickFiles is a part of Tick.
func (s *Server) tickFiles(leading bool, nowNs int64) {
	if s.opts.Files == nil || !s.is(modeServing) {
		return
	}
	if leading {
		if s.opts.Features.ReconfigEnabled && !withoutAddress(s.opts.Orderer.Status().Ensemble.Committed) {
			return // the history alone decides
		}
		s.opts.Files.FollowFiles(func(st zab.FileStatus) { s.opts.Go(func() { s.showFiles(st) }) })
		return
	}
	s.askAgain(&s.files.ask, nowNs, func() []byte { return s.opts.Orderer.Status().File.Append([]byte{questionFiles}) }, s.tellFiles)
}

// withoutAddress says whether an ensemble is that of a server that stood alone. Its first server lines count with reconfigEnabled too: nobody could add a server
// to it before the others know where it is.
func withoutAddress(e zab.Ensemble) bool {
	return slices.ContainsFunc(e.Members, func(m zab.Member) bool { return m.Addr == "" })
}

// answerFiles is the leader's side: it takes a report, and says what it knows. A server whose file says nothing only asks.
func (s *Server) answerFiles(d zab.Delivery) {
	if s.opts.Files == nil {
		return
	}
	if r, err := zab.DecodeFileReport(d.Data[1:]); err == nil {
		s.opts.Files.HearFile(d.From, r)
	}
	f := &s.files
	f.mu.Lock()
	answer, err := json.Marshal(f.known)
	f.mu.Unlock()
	if err == nil {
		s.opts.Orderer.Answer(d.From, d.Ctx, answer)
	}
}

// tellFiles takes the leader's answer.
func (s *Server) tellFiles(answer []byte, err error) {
	var st zab.FileStatus
	if err == nil {
		err = json.Unmarshal(answer, &st)
	}
	if err == nil {
		s.showFiles(st)
	}
}

// showFiles takes over what the files say, and logs it when it is news.
func (s *Server) showFiles(st zab.FileStatus) {
	f := &s.files
	f.mu.Lock()
	defer f.mu.Unlock()
	made := st.Made
	st.Made = false
	if made {
		s.opts.Log.Info("the ensemble changes: the configuration files of enough servers ask for it", "files", strings.Join(fileTexts(st), "; "))
	}
	settled := reflect.DeepEqual(st, f.last)
	f.last = st
	if !settled || made || reflect.DeepEqual(st, f.known) {
		return
	}
	f.known = st
	if len(st.Differ) == 0 {
		s.opts.Log.Info("the configuration files of all servers that are heard say the ensemble that is in effect")
		return
	}
	s.opts.Log.Warn("configuration files say another ensemble than the one in effect, which goes on", "files", strings.Join(fileTexts(st), "; "), "next", st.Step)
}

// fileTexts are the files that differ, in words.
func fileTexts(st zab.FileStatus) (texts []string) {
	for _, d := range st.Differ {
		kind := "that of server %v, which is older than the ensemble, says %s"
		if d.Changed {
			kind = "that of server %v says %s"
		}
		lines := strings.Split(d.Ensemble.String(), "\n")
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "version=") })
		texts = append(texts, fmt.Sprintf(kind, d.ID, strings.Join(lines, " ")))
	}
	return texts
}

// reportFiles is for reports: what the files say, while this server has a leader.
func (s *Server) reportFiles() admin.Files {
	f := &s.files
	f.mu.Lock()
	defer f.mu.Unlock()
	if !s.is(modeServing) || len(f.known.Differ) == 0 {
		return admin.Files{}
	}
	return admin.Files{Differ: fileTexts(f.known), Next: f.known.Step}
}
