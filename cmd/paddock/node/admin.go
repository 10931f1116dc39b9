package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/zoocfg"
	"github.com/paddock-zk/paddock/zab"
)

// adminServer is the HTTP side of the report: ZooKeeper's commands, metrics, health, and our own verbs.
type adminServer struct {
	servers  []*http.Server
	instance string // drawn at each start: tells this process from every other
	socket   string // path of the admin socket, "" if there is none
}

// startAdmin serves HTTP. As in ZooKeeper, a port that is taken is a warning, not the end. The socket in the data folder is there whether or not
// there is a port: it is how the owner of the folder reaches his server.
func (n *node) startAdmin() error {
	n.admin = &adminServer{instance: rand.Text()}
	a, t := &n.cfg.Admin, &n.cfg.Telemetry
	own := t.HTTPPort >= 0 // the metrics provider's own port
	b, err := newBackup(n)
	if err != nil {
		return err
	}
	commands := admin.NewHandler(n.server, admin.HandlerOptions{URL: a.URL, Backup: b, NoSnapshot: !a.Snapshot, NoRestore: !a.Restore, RateInterval: time.Duration(a.RateInterval) * time.Millisecond})
	n.admin.startSocket(n, n.verbs(commands, func(h http.HandlerFunc) http.HandlerFunc { return h }))
	if a.Enabled {
		n.admin.start(n, net.JoinHostPort(a.Address, strconv.Itoa(a.Port)), n.verbs(commands, operatorOnly(b.auth)))
	}
	if own {
		mux := http.NewServeMux()
		mux.Handle("/metrics", admin.NewMetricsHandler(n.server, t.ExportJVM))
		n.admin.start(n, net.JoinHostPort(t.HTTPHost, strconv.Itoa(t.HTTPPort)), mux)
	}
	return nil
}

func (a *adminServer) start(n *node, addr string, h http.Handler) {
	sock, err := net.Listen("tcp", addr)
	if err != nil {
		n.logger.Warn("the admin port is not served; give another one by --admin or admin.serverPort", "address", addr, "err", err)
		return
	}
	a.serve(sock, h)
}

// startSocket serves the user who owns the data folder.
func (a *adminServer) startSocket(n *node, h http.Handler) {
	dir, err := filepath.Abs(n.cfg.Basics.DataDir)
	var sock net.Listener
	if err == nil {
		sock, err = adminapi.ListenSocket(dir)
	}
	if err != nil {
		n.logger.Warn("there is no admin socket in the data folder: what changes the ensemble or shows private data needs the super user's credentials on the admin port", "err", err)
		return
	}
	a.socket = adminapi.SocketPath(dir)
	a.serve(sock, h)
}

func (a *adminServer) serve(l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	a.servers = append(a.servers, s)
	go s.Serve(l)
}

func (a *adminServer) stop(ctx context.Context) {
	for _, s := range a.servers {
		s.Shutdown(ctx)
	}
	if a.socket != "" { // a folder without a server is plain files, which every tool can copy
		_ = os.Remove(a.socket)
	}
}

// verbs adds to ZooKeeper's commands what they lack, below /paddock/. What changes the ensemble or shows what is private (a snapshot holds
// the signing keys) passes guard.
func (n *node) verbs(commands http.Handler, guard func(http.HandlerFunc) http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", commands)
	mux.HandleFunc("GET /paddock/status", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, n.status()) })
	mux.HandleFunc("GET /paddock/keys", func(w http.ResponseWriter, _ *http.Request) { n.serveKeys(w) })
	mux.HandleFunc("POST /paddock/keys/rotate", n.audited("rotateKeys", guard(n.rotateKeys)))
	mux.HandleFunc("POST /paddock/transfer", n.audited("transferLeadership", guard(n.transfer)))
	mux.HandleFunc("POST /paddock/sessions/kill", n.audited("killSession", guard(n.killSession)))
	mux.HandleFunc("GET /paddock/snapshot", n.audited("snapshot", guard(n.serveSnapshot)))
	mux.HandleFunc("GET /debug/pprof/", guard(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/profile", guard(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/trace", guard(pprof.Trace))
	return mux
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(v)
}

// failJSON says what went wrong in the shape that ZooKeeper's commands use.
func failJSON(w http.ResponseWriter, code int, err error) {
	writeJSON(w, code, map[string]any{"error": err.Error()})
}

func roleName(r zab.Role) string {
	return [...]string{"looking", "following", "leading", "observing"}[r]
}

// leaderNumber is the number of the leader, -1 if none is known.
func leaderNumber(id zab.PeerID) int {
	if id == 0 {
		return -1
	}
	return id.Number()
}

func (n *node) status() adminapi.NodeStatus {
	st, rep := n.peer.Status(), n.server.Report(0)
	out := adminapi.NodeStatus{
		Server: n.self.Number(), Version: n.program.Version, Lineage: adminapi.Lineage{Cluster: n.named.lineage().Cluster.String(), Incarnation: n.named.lineage().Incarnation.String(), Generation: n.id.Generation},
		Role: roleName(st.Soft.Role), Leader: leaderNumber(st.Soft.Leader), Epoch: uint32(st.Soft.Epoch), Active: st.Soft.Active,
		Zxid: "0x" + strconv.FormatInt(rep.Data.Zxid, 16), Durable: st.Durable.String(), Committed: st.Commit.String(), Membership: adminapi.Membership{Ensemble: st.Ensemble.Committed.String(), NoMember: n.outside(st)},
		DiskLow: rep.Data.DiskLow, LowDisks: rep.Data.LowDisks, Counts: adminapi.NodeCounts{Sessions: rep.SessionInfo.Global, Znodes: rep.Data.Nodes, Watches: rep.Watches.Count},
		Uptime: time.Since(n.meter.begun).Seconds(), Wall: time.Now().UnixMilli(),
		Instance: n.admin.instance, AdminSocket: n.admin.socket,
	}
	if f := rep.Files; len(f.Differ) > 0 {
		out.Files = &adminapi.FilesStatus{Differ: f.Differ, Next: f.Next}
	}
	for _, l := range st.Learners {
		out.Learners = append(out.Learners, adminapi.LearnerStatus{Server: l.ID.Number(), State: l.State, Voter: l.Voter, Acked: l.Acked.String(), Lag: int64(st.Last - l.Acked)})
	}
	if n.gossip != nil {
		for _, m := range n.gossip.Members() {
			out.Gossip = append(out.Gossip, adminapi.GossipStatus{Server: m.ID.Number(), Peer: m.PeerAddr, Client: m.ClientAddr, Member: m.Member, Role: m.Role,
				Zxid: m.Zxid.String(), Version: m.Version, Alive: m.Alive, RTT: float64(m.RTT.Microseconds()) / 1000})
		}
	}
	return out
}

// transfer hands leadership to the server that ?to= names.
func (n *node) transfer(w http.ResponseWriter, r *http.Request) {
	to, err := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
	id, bad := zab.PeerOf(to)
	if err != nil || bad != nil {
		failJSON(w, http.StatusBadRequest, errors.New("give ?to=N, the number of a voting server"))
		return
	}
	done := make(chan error, 1)
	n.peer.Transfer(id, func(err error) { done <- err })
	if err := <-done; err != nil {
		failJSON(w, http.StatusConflict, err)
		return
	}
	writeJSON(w, http.StatusAccepted, map[string]any{"to": to})
}

// fourLetters answers words on the client port.
type fourLetters struct{ *admin.Words }

func (f fourLetters) Command(word string, args []byte, _ *listener.Conn) []byte {
	return f.Answer(strings.ToLower(word), args)
}

// reportedID is 0 for a server that stands alone, whatever its myid says, as in ZooKeeper.
func (n *node) reportedID() int64 {
	if n.distributed() {
		return int64(n.self.Number())
	}
	return 0
}

// describe adds to a report what the server does not know: configuration, folders, the ensemble.
func (n *node) describe(r *admin.Report, want admin.Parts) {
	c := n.cfg
	r.Build = n.program.Report
	r.Config = admin.Config{
		ClientPort: c.Basics.ClientPort, SecureClientPort: c.Basics.SecurePort,
		DataDir: filepath.Join(c.Basics.DataDir, "version-2"), DataLogDir: filepath.Join(c.Basics.DataLogDir, "version-2"),
		TickTime: c.Basics.TickTime, MaxClientCnxns: c.Basics.MaxClientCnxns, MinTimeout: c.Sessions.MinTimeout, MaxTimeout: c.Sessions.MaxTimeout,
		Backlog: c.Basics.Backlog, ServerID: n.reportedID(), Initial: c.Text,
	}
	n.meter.sockets(&r.Traffic)
	r.Traffic.SlowSyncs = n.meter.syncs.exceeded()
	r.Data.LastSnapshot = n.newestImage()
	if want&admin.PartDirs != 0 {
		r.Dirs = admin.Dirs{Data: sizeOf(filepath.Join(c.Basics.DataDir, "state")), Log: sizeOf(filepath.Join(c.Basics.DataLogDir, "log"))}
	}
	if n.distributed() && n.peer != nil {
		n.describeEnsemble(r)
	}
}

func (n *node) describeEnsemble(r *admin.Report) {
	st := n.peer.Status()
	e := &r.Ensemble
	*e = admin.Ensemble{Quorum: true, LeaderID: int64(st.Soft.Leader.Number()), MasterID: int64(st.Soft.Leader.Number()), Limits: admin.Limits{Init: n.cfg.Ensemble.InitLimit, Sync: n.cfg.Ensemble.SyncLimit},
		Voting: st.Ensemble.Committed.Votes(n.self), Config: st.Ensemble.Committed.String(), Phase: admin.PhaseElection}
	if st.Soft.Active {
		e.Phase = admin.PhaseBroadcast
	} else if st.Soft.Leader != 0 {
		e.Phase = admin.PhaseSynchronization
	}
	connected := map[zab.PeerID]bool{n.self: true}
	if st.Soft.Role == zab.Leading {
		r.Leading = &admin.Leading{}
		n.meter.leader(r.Leading)
		for _, l := range st.Learners {
			connected[l.ID] = l.State != "probe"
			switch {
			case l.State == "probe":
			case l.Voter:
				r.Leading.SyncedFollowers++
				r.Leading.Learners++
			default:
				r.Leading.SyncedObservers++
				r.Leading.Learners++
				e.Observers = append(e.Observers, admin.Observer{ID: int64(l.ID.Number())})
			}
		}
	} else if st.Soft.Leader != 0 {
		connected[st.Soft.Leader] = true
	}
	for _, m := range st.Ensemble.Committed.Members {
		e.Members = append(e.Members, admin.Member{ID: int64(m.ID.Number()), Quorum: zoocfg.PeerAddrs(m.Addr, "quorum"), Election: zoocfg.PeerAddrs(m.Addr, "election"), Client: m.Client,
			Observer: m.Role == zab.Observer, Self: m.ID == n.self, Connected: connected[m.ID]})
		if m.ID == st.Soft.Leader {
			if a := zoocfg.PeerAddrs(m.Addr, "quorum"); len(a) > 0 {
				e.LeaderAddr, _, _ = net.SplitHostPort(a[0])
			}
		}
	}
}

// sizeOf adds up the files of a folder, as they are on the disk.
func sizeOf(dir string) (total int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// words makes the four-letter words, which report on the server.
func (n *node) words(s *server.Server) server.Words {
	return fourLetters{admin.NewWords(s, n.cfg.Limits.WhitelistedWords, n.cfg.Sessions.ReadOnlyMode)}
}
