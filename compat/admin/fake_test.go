package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing/iotest"
	"time"
)

// fakeSource tells what the recorded ZooKeeper of one role told.
type fakeSource struct {
	r       Report
	want    Parts // of the last Report
	m       *Metrics
	resets  []string
	tracing int64
}

func (f *fakeSource) Report(want Parts) Report {
	f.want = want
	r := f.r
	r.TraceMask = f.tracing
	return r
}
func (f *fakeSource) Metrics() *Metrics       { return f.m }
func (f *fakeSource) ResetServerStats()       { f.resets = append(f.resets, "server") }
func (f *fakeSource) ResetConnStats()         { f.resets = append(f.resets, "conns") }
func (f *fakeSource) ResetObserverStats()     { f.resets = append(f.resets, "observers") }
func (f *fakeSource) SetTraceMask(mask int64) { f.tracing = mask }

// recordedRoles are the folders of testdata/admin.
func recordedRoles() []Role { return []Role{RoleStandalone, RoleFollower, RoleLeader, RoleObserver} }

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func second(h, m, s int) time.Time { return time.Date(2026, 11, 23, h, m, s, 0, time.UTC) }

func fake(role Role) *fakeSource {
	r := Report{
		Serving: true, Role: role,
		Build: Build{"3.9.5-293c895a8d966a3ecb92872be4a1daf87d725da2", "2026-02-11 20:18 UTC"},
		Config: Config{ClientPort: 34181, SecureClientPort: -1, DataDir: "/var/lib/zookeeper/version-2", DataLogDir: "/var/lib/zookeeper/version-2",
			TickTime: 2000, MaxClientCnxns: 60, MinTimeout: 4000, MaxTimeout: 40000, Backlog: -1},
		Traffic:    Traffic{AvgLatency: 1.34919, MaxLatency: 9, Received: 71, Sent: 78, Connections: 3, Responses: Sizes{-1, -1, -1}},
		Data:       Data{Zxid: 0x23, Nodes: 15, LastSnapshot: SnapshotInfo{0, at(1795440218000)}},
		Dirs:       Dirs{67109358, 67109358},
		Watches:    Watches{Count: 2, Summary: WatchSummary{1, 1, 1}, ByPath: []Watched{{"/adm", []int64{0x100002bdae30005}}}},
		Sessions:   []Session{{0x100002bdae30005, second(13, 29, 16), 30000}},
		Ephemerals: []Ephemerals{{0x100002bdae30005, []string{"/adm/eph"}}},
		Connections: []Connection{
			{Remote: "127.0.0.1:37474", Reading: true, Received: 5, Sent: 5, Session: 0x100002bdae30005, Timeout: 30000, Established: at(1795440525884),
				Expires: second(13, 29, 24), Last: LastOp{Op: OpText(8), Cxid: 4, Zxid: 0x23, Response: at(3181470), Latency: 1}, Latency: Latency{0, 0, 1}},
			{Remote: "127.0.0.1:37532", Received: 1, Expires: second(13, 29, 4), Last: LastOp{Cxid: -1, Zxid: -1}},
			{Remote: "127.0.0.1:37490", Reading: true, Expires: second(13, 29, 4), Last: LastOp{Cxid: -1, Zxid: -1}},
		},
	}
	if role != RoleStandalone {
		fakeEnsemble(&r)
	}
	return &fakeSource{r: r, m: NewMetrics()}
}

func fakeEnsemble(r *Report) {
	r.Config.ServerID = map[Role]int64{RoleFollower: 1, RoleLeader: 2, RoleObserver: 3}[r.Role]
	r.Ensemble = Ensemble{Quorum: true, Phase: PhaseBroadcast, LeaderID: 2, LeaderAddr: "127.0.0.1", MasterID: 2, Limits: Limits{10, 5}, Voting: r.Role != RoleObserver,
		Members: []Member{
			{ID: 1, Quorum: []string{"127.0.0.1:34301"}, Election: []string{"127.0.0.1:34311"}},
			{ID: 2, Quorum: []string{"127.0.0.1:34302"}, Election: []string{"127.0.0.1:34312"}},
			{ID: 3, Quorum: []string{"127.0.0.1:34303"}, Election: []string{"127.0.0.1:34313"}, Observer: true},
		},
		Config: "server.1=127.0.0.1:34301:34311:participant\nserver.2=127.0.0.1:34302:34312:participant\nserver.3=127.0.0.1:34303:34313:observer\nversion=0\n",
	}
	self := &r.Ensemble.Members[r.Config.ServerID-1]
	self.Self, self.Client = true, "0.0.0.0:34281"
	r.Sessions = nil
	for i := range map[Role]int{RoleFollower: 1, RoleLeader: 2, RoleObserver: 3}[r.Role] {
		s := Session{ID: int64(i+1)<<56 + 0x31356b0000, Timeout: 30000}
		if r.Role == RoleLeader {
			s.Expires = second(13, 30, 2*i)
		}
		r.Sessions = append(r.Sessions, s)
	}
	if r.Role == RoleLeader {
		r.Leading = &Leading{Learners: 2, SyncedFollowers: 1, SyncedObservers: 1, Proposals: Sizes{36, 36, 93}}
		r.Ensemble.Observers = []Observer{{ID: 3, Addr: "127.0.0.1:43498", Since: at(1795440569781), QueuedBytes: -191, Received: 4, Sent: 8, LastZxid: 4294967302}}
	}
}

// fakeBackup takes "digest super:secret".
type fakeBackup struct {
	restored  string
	breaksOff bool // a snapshot, in the middle; its size is not known before
}

func (*fakeBackup) Authorize(_ *http.Request, scheme string, c []byte) error {
	switch scheme + " " + string(c) {
	case "digest super:secret":
		return nil
	case "digest bob:bob":
		return ErrNotAuthorized
	}
	return ErrNotAuthenticated
}

func (f *fakeBackup) Snapshot(context.Context) (int64, int64, io.ReadCloser, error) {
	if f.breaksOff {
		return 0x23, -1, io.NopCloser(io.MultiReader(strings.NewReader("SN"), iotest.ErrReader(errors.New("the disk is gone")))), nil
	}
	return 0x23, 4, io.NopCloser(strings.NewReader("SNAP")), nil
}

func (f *fakeBackup) Restore(_ context.Context, body io.Reader) (int64, error) {
	b, err := io.ReadAll(body)
	if f.restored = string(b); f.restored == "bad" {
		err = errors.New("checksum is wrong")
	}
	return 0x42, err
}
