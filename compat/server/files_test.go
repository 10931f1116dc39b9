package server

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// filed is a FileFollower that says what the test wants.
type filed struct {
	heard  map[zab.PeerID]zab.FileReport
	status zab.FileStatus
}

func (f *filed) HearFile(from zab.PeerID, r zab.FileReport) { f.heard[from] = r }
func (f *filed) FollowFiles(done func(zab.FileStatus))      { done(f.status) }
func (f *filed) differs(t *testing.T, text string) zab.FileReport {
	t.Helper()
	e, err := zab.ParseEnsemble(text)
	if err != nil {
		t.Fatal(err)
	}
	f.status = zab.FileStatus{Step: "restart server 3", Differ: []zab.FileDiffers{{ID: 2, Changed: true, Ensemble: e}}}
	return zab.FileReport{Version: zxid.New(1, 0), Changed: true, Ensemble: e}
}

// The leader takes what the others say of their files, and all of them show which files say another ensemble, and the next step; the log has it once.
func TestFilesAreShown(t *testing.T) {
	var log strings.Builder
	servers, scripts, follower := [2]*Server{}, [2]*script{}, &filed{heard: map[zab.PeerID]zab.FileReport{}}
	now := int64(1000)
	for i := range servers {
		servers[i], scripts[i] = scripted(t, zab.PeerID(i+1), &now)
		servers[i].opts.Files, servers[i].opts.Log = follower, slog.New(slog.NewTextHandler(&log, nil))
		activate(servers[i])
	}
	leader, other := servers[0], servers[1]
	r := follower.differs(t, "server.1=a:1:1\nserver.2=b:1:1\nserver.4=d:1:1")
	round := func() {
		now += leader.TickEvery().Milliseconds()
		leader.Tick()
		other.Tick()
		for i, q := range scripts[1].questions {
			if q[0] != questionFiles {
				continue
			}
			leader.Deliver(zab.Delivery{Kind: zab.DeliverAsk, From: 2, Ctx: uint64(i), Data: append(q[:1:1], r.Append(nil)...)})
			a := scripts[0].answers
			scripts[1].asks[i](a[len(a)-1], nil)
		}
		scripts[1].questions, scripts[1].asks = nil, nil
	}
	round()
	if f := leader.Report(0).Files; len(f.Differ) != 0 {
		t.Errorf("shown before it is seen twice: %v", f)
	}
	for range 5 {
		round()
	}
	if got := follower.heard[2]; !got.Changed || len(got.Ensemble.Members) != 3 {
		t.Errorf("the leader heard %+v", got)
	}
	for _, s := range servers {
		if f := s.Report(0).Files; len(f.Differ) != 1 || !strings.Contains(f.Differ[0], "server 2 says server.1=a:1:1:participant server.2") || f.Next != "restart server 3" {
			t.Errorf("server %d shows %+v", s.opts.ID, f)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings of two servers:\n%s", n, log.String())
	}
	follower.status = zab.FileStatus{}
	for range 4 {
		round()
	}
	for _, s := range servers {
		if f := s.Report(0).Files; len(f.Differ) != 0 {
			t.Errorf("server %d still shows %+v", s.opts.ID, f)
		}
	}
}
