package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/zoocfg"
	"github.com/paddock-zk/paddock/znode"
)

// member is one server as the replicated configuration and gossip see it.
type member struct {
	ID       int      `json:"server"`
	Role     string   `json:"role"` // in the configuration; "" if it is not in it
	Peer     string   `json:"peer"`
	Client   string   `json:"client"`
	Link     string   `json:"link"`   // the leader's link to it: leads, stream, snap, probe; "" if the leader was not asked
	Gossip   string   `json:"gossip"` // alive, failed, or "" if gossip has not heard of it
	Says     string   `json:"gossipRole"`
	Zxid     string   `json:"zxid"`
	RTTMs    float64  `json:"rttMs"`
	Version  string   `json:"version"`
	Problems []string `json:"disagreements"`
}

func membersCommand() *cli.Command {
	return &cli.Command{
		Name: "members", Category: category, Usage: "the members by the replicated configuration and by gossip, and where they disagree", ArgsUsage: " ",
		Description: `The configuration decides; gossip is a hint. With a stock ZooKeeper only the configuration is known.

   paddock --admin zk1:8080 members

Exit codes: 0 they agree, 1 they disagree or a member is not heard, 2 wrong usage, 69 no server answered.`,
		Flags: tool.Flags(),
		Action: action(0, 0, func(cl *cluster, _ []string) error {
			if err := cl.ask(cl.c.Context); err != nil {
				return err
			}
			list, err := cl.members()
			if err != nil {
				return err
			}
			var rows [][]string
			disagree := false
			for _, m := range list {
				rows = append(rows, []string{strconv.Itoa(m.ID), dash(m.Role), dash(m.Peer), dash(m.Client), dash(m.Link), dash(m.Gossip), dash(m.Says), dash(m.Zxid),
					strconv.FormatFloat(m.RTTMs, 'f', -1, 64), dash(m.Version), strings.Join(m.Problems, "; ")})
				disagree = disagree || len(m.Problems) > 0
			}
			if err := cl.out.Rows(list, []string{"ID", "ROLE", "PEER", "CLIENT", "LINK", "GOSSIP", "SAYS", "ZXID", "RTT ms", "VERSION", "DISAGREEMENT"}, rows); err != nil {
				return err
			}
			for _, n := range cl.nodes {
				if n.status != nil && n.status.Files != nil {
					disagree = true
					tool.Note(cl.c, "%s: configuration files say another ensemble: %s. Next: %s", n.name(), strings.Join(n.status.Files.Differ, "; "), n.status.Files.Next)
				}
				if n.failed != nil {
					tool.Note(cl.c, "not asked: %v", n.failed)
				} else if n.withoutAdmin() {
					tool.Note(cl.c, "%s: not asked for gossip and links: give --admin HOST:PORT,...", n.name())
				}
			}
			if disagree {
				return cli.Exit("", 1)
			}
			return nil
		}),
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// members joins the configuration of the first server that tells it with what all servers hear by gossip.
func (cl *cluster) members() ([]member, error) {
	text, gossip, links := "", map[int][]adminapi.GossipStatus{}, map[int]string{}
	distributed, several := false, len(cl.answered()) > 1
	for _, n := range cl.nodes {
		if n.status == nil {
			continue
		}
		if text == "" {
			text = n.status.Ensemble
		}
		for _, l := range n.status.Learners {
			links[l.Server] = l.State
		}
		if n.status.Role == "leading" {
			links[n.status.Server] = "leads"
		}
		for _, g := range n.status.Gossip {
			distributed = true
			if several && g.Server == n.status.Server {
				continue // a server always hears itself
			}
			gossip[g.Server] = heard(gossip[g.Server], g)
		}
	}
	if text == "" {
		if !slices.ContainsFunc(cl.nodes, func(n *node) bool { return n.standing() != down }) {
			return nil, cl.nobody("read the configuration")
		}
		var err error
		if text, err = cl.configText(); err != nil {
			return nil, err
		}
	}
	servers, _ := tool.ConfigServers(text)
	list := []member{}
	for _, s := range servers {
		m := member{ID: s.ID, Role: s.Role, Peer: s.Peer, Client: s.Client, Link: links[s.ID], Problems: []string{}}
		if m.Link == "probe" {
			m.Problems = append(m.Problems, "in the configuration, but the leader does not reach it")
		}
		if g, ok := gossip[s.ID]; ok {
			m.hear(g, links)
			delete(gossip, s.ID)
		} else if distributed {
			m.Problems = append(m.Problems, "in the configuration, but gossip has not heard of it")
		}
		list = append(list, m)
	}
	for id, g := range gossip {
		m := member{ID: id, Problems: []string{"gossip hears it, but it is not in the configuration: add it with reconfig, or stop it"}}
		m.hear(g, links)
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b member) int { return a.ID - b.ID })
	return list, nil
}

// nobody is the error of a verb that no server answers.
func (cl *cluster) nobody(tried string) error {
	var why []string
	for _, n := range cl.nodes {
		if n.failed != nil {
			why = append(why, n.failed.Error())
		}
	}
	return &tool.Error{Tried: tried, Happened: "no server answered (" + strings.Join(why, "; ") + ")", Todo: "check --server and --admin, and that the servers run", Code: tool.ExitNoServer}
}

// answered are the nodes that told their status.
func (cl *cluster) answered() []*node {
	return slices.DeleteFunc(slices.Clone(cl.nodes), func(n *node) bool { return n.status == nil })
}

// heard adds what one server has heard of a member to what others have. Whom somebody hears is alive, and who was at another address
// before is of no interest as long as somebody is alive.
func heard(list []adminapi.GossipStatus, g adminapi.GossipStatus) []adminapi.GossipStatus {
	for i, old := range list {
		if old.Peer == g.Peer {
			if g.Alive && !old.Alive {
				list[i] = g
			}
			return list
		}
	}
	list = append(list, g)
	if slices.ContainsFunc(list, func(g adminapi.GossipStatus) bool { return g.Alive }) {
		list = slices.DeleteFunc(list, func(g adminapi.GossipStatus) bool { return !g.Alive })
	}
	return list
}

// hear compares the configuration with those that say that they are this member: one, if all is well.
func (m *member) hear(all []adminapi.GossipStatus, links map[int]string) {
	known := func(g adminapi.GossipStatus) bool {
		return m.Peer == "" || slices.ContainsFunc(slices.Concat(zoocfg.PeerAddrs(m.Peer, "quorum"), zoocfg.PeerAddrs(m.Peer, "election")), func(a string) bool { return sameAddr(a, g.Peer) })
	}
	g := all[max(0, slices.IndexFunc(all, known))]
	m.Gossip, m.Says, m.Zxid, m.RTTMs, m.Version = "alive", g.Role, g.Zxid, g.RTT, g.Version
	if !g.Alive {
		m.Gossip = "failed"
		m.Problems = append(m.Problems, "gossip does not hear it any more")
	}
	for _, g := range all {
		if !known(g) {
			m.Problems = append(m.Problems, "peer address: configuration "+m.Peer+", gossip "+g.Peer)
		}
		if g.Alive && g.Role == "leading" && len(links) > 0 && links[m.ID] != "leads" {
			m.Problems = append(m.Problems, "gossip at "+g.Peer+" says that it leads, and it does not")
		}
	}
	if len(all) > 1 {
		m.Problems = append(m.Problems, fmt.Sprintf("%d servers gossip that they are server %d: stop the wrong ones, or change the gossip key", len(all), m.ID))
	}
	if m.Client != "" && g.Client != "" && !samePort(m.Client, g.Client) {
		m.Problems = append(m.Problems, "client address: configuration "+m.Client+", gossip "+g.Client)
	}
}

// sameAddr compares addresses: a name may stand for any address.
func sameAddr(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	return portA == portB && (hostA == hostB || net.ParseIP(hostA) == nil || net.ParseIP(hostB) == nil)
}

// samePort compares ports: an address may be written 0.0.0.0 in one place and by name in the other.
func samePort(a, b string) bool {
	return a[strings.LastIndexByte(a, ':')+1:] == b[strings.LastIndexByte(b, ':')+1:]
}

// configText reads /zookeeper/config through a client port.
func (cl *cluster) configText() (string, error) {
	s, err := tool.Open(cl.c.Context, cl.target)
	if err != nil {
		return "", err
	}
	defer s.Close()
	text, err := tool.Do(cl.c.Context, s, func() (string, error) {
		b, _, err := s.Get(znode.ConfigPath)
		return string(b), err
	})
	return text, tool.Fail("read "+znode.ConfigPath, err)
}

func transferLeaderCommand() *cli.Command {
	return &cli.Command{
		Name: "transfer-leader", Category: category, Usage: "hand leadership to another server", ArgsUsage: "SERVER_ID",
		Description: `Asks the leader, found among --admin, and waits until the other one leads. Clients keep their sessions. Paddock only.

   paddock --admin zk1:8080,zk2:8080,zk3:8080 transfer-leader 2

Exit codes: 0 it leads, 1 it does not, 2 wrong usage, 5 not permitted, 69 no server answered.`,
		Flags:  tool.Flags(),
		Action: action(1, 1, transferLeader),
	}
}

func transferLeader(cl *cluster, words []string) error {
	to, err := strconv.Atoi(words[0])
	if err != nil || to < 0 {
		return tool.Usage("transfer-leader %q: give the number of a server, as in status and members", words[0])
	}
	leader, err := cl.leader()
	if err != nil {
		return err
	}
	if leader.status.Server == to {
		tool.Note(cl.c, "server %d leads already", to)
		return nil
	}
	tried := fmt.Sprintf("transfer leadership from server %d to %d", leader.status.Server, to)
	if _, _, err := cl.order(leader.admin, "/paddock/transfer?to="+url.QueryEscape(words[0]), nil); denied(err) {
		return &tool.Error{Tried: tried, Happened: err.Error(), Code: tool.ExitDenied, Cause: err}
	} else if err != nil {
		return &tool.Error{Tried: tried, Happened: err.Error(), Todo: "the target must be a voting server that is up to date: see status", Code: 1, Cause: err}
	}
	tick, end := time.NewTicker(100*time.Millisecond), time.NewTimer(cl.target.Timeout)
	defer tick.Stop()
	defer end.Stop()
	for {
		select {
		case <-tick.C:
		case <-end.C:
			return &tool.Error{Tried: tried, Happened: fmt.Sprintf("it does not lead after %v", cl.target.Timeout), Todo: "look with status who leads now", Code: 1}
		case <-cl.c.Context.Done():
			return tool.Fail(tried, cl.c.Context.Err())
		}
		if err := cl.ask(cl.c.Context); err != nil {
			return err
		}
		for _, n := range cl.nodes {
			if n.status != nil && n.status.Leader == to && n.status.Active {
				tool.Note(cl.c, "server %d leads", to)
				return nil
			}
		}
	}
}

// leader is the node that leads and that we can ask by HTTP.
func (cl *cluster) leader() (*node, error) {
	if err := cl.ask(cl.c.Context); err != nil {
		return nil, err
	}
	var last error
	known := -1
	for _, n := range cl.nodes {
		if n.status != nil && n.status.Role == "leading" {
			return n, nil
		}
		if n.status != nil && n.status.Leader >= 0 {
			known = n.status.Leader
		}
		last = errors.Join(last, n.adminFailed)
	}
	if known >= 0 {
		return nil, &tool.Error{Tried: "find the leader", Happened: fmt.Sprintf("it is server %d, whose admin address is not among those given", known), Todo: "give --admin for every server", Code: 1}
	}
	happened := "no admin port of a Paddock server answered"
	if last != nil {
		happened += " (" + strings.ReplaceAll(last.Error(), "\n", "; ") + ")"
	}
	return nil, &tool.Error{Tried: "find the leader", Happened: happened, Todo: "give --admin HOST:PORT,... of every server", Code: tool.ExitNoServer, Cause: last}
}
