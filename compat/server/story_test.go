package server_test

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// TestStories plays testdata/server: each file is one claim about what a client can rely on. Commands:
//
//	world [servers=N] [options]      a fresh world; options: readonly local upgrade reconfig linearizable enforce limit=N throttle=N opwait=ms tokens=N
//	                                 large=bytes largebytes=N
//	connect C [to=N] [timeout=ms] [short] [session=C2] [password=bad] [lastZxid=n] [ro] [quiet]
//	send C                           lines of requests; they leave in one write
//	read C [n]                       n replies (default: as many as came), or "closed"
//	hold / commit [n] / release      transactions wait; some are applied; all are
//	proposed n                       wait until so many wait
//	waiting                          how many do wait
//	lose                             what waits is lost on the way
//	tick ms                          time passes, with a Tick every 250 ms
//	pause ms                         time passes and nobody ticks
//	ensemble                         what the servers are told about their ensemble, as lines of a dynamic configuration
//	soft server down|up|relink       the ensemble changes
//	disk server low|room             what the server says of its disk
//	low                              what each server says of all disks
//	drop C                           the client closes its socket
func TestStories(t *testing.T) {
	datadriven.Walk(t, filepath.Join("..", "..", "testdata", "server"), func(t *testing.T, path string) {
		s := &story{t: t, clients: map[string]*client{}}
		datadriven.RunTest(t, path, s.run)
	})
}

type story struct {
	t       *testing.T
	w       *world
	clients map[string]*client
	names   map[session.ID]string
}

type client struct {
	*raw
	xid int32
	ops map[int32][]int32 // opcodes by xid, in order of sending
	id  session.ID
	pw  []byte
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	switch d.Cmd {
	case "world":
		return s.world(d)
	case "connect":
		return s.connect(d)
	case "send":
		c := s.client(d)
		var frames [][]byte
		for _, line := range strings.Split(d.Input, "\n") {
			frames = append(frames, c.request(t, line))
		}
		c.send(frames...)
		return ""
	case "read":
		return s.read(d)
	case "hold":
		s.w.history.Hold()
	case "commit":
		s.commit(d)
	case "proposed":
		n, _ := strconv.Atoi(d.CmdArgs[0].Key)
		s.proposed(n)
	case "waiting": // how many writes got through to the history
		before := -1
		for n := s.w.history.Waiting(); n != before; n = s.w.history.Waiting() {
			before = n
			<-time.After(60 * time.Millisecond)
		}
		return fmt.Sprintln(before)
	case "lose":
		s.w.history.Lose()
	case "release":
		s.w.history.Release()
	case "tick":
		ms, _ := strconv.Atoi(d.CmdArgs[0].Key)
		for ; ms > 250; ms -= 250 {
			s.tick(250)
		}
		s.tick(ms)
	case "pause":
		ms, _ := strconv.Atoi(d.CmdArgs[0].Key)
		s.tick(ms)
	case "ensemble":
		e, err := zab.ParseEnsemble(d.Input)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.w.history.SetEnsemble(e)
	case "soft":
		s.soft(d)
	case "disk":
		i, _ := strconv.Atoi(d.CmdArgs[0].Key)
		s.w.nodes[i-1].SetFlag(znode.FlagNoGrow, d.CmdArgs[1].Key == "low")
	case "low":
		return s.low()
	case "drop":
		s.client(d).nc.Close()
	default:
		t.Fatalf("%s: no such command", d.Cmd)
	}
	return ""
}

// low is who has a low disk, as each server says.
func (s *story) low() string {
	s.w.history.Settle()
	var b strings.Builder
	for i, n := range s.w.nodes {
		fmt.Fprintf(&b, "server %d: %v\n", i+1, n.Report(0).Data.LowDisks)
	}
	return b.String()
}

func (s *story) tick(ms int) {
	s.w.clock.advance(time.Duration(ms) * time.Millisecond)
	for _, n := range s.w.nodes {
		n.Tick()
	}
	s.w.history.Settle()
}

func (s *story) client(d *datadriven.TestData) *client {
	c := s.clients[d.CmdArgs[0].Key]
	if c == nil {
		d.Fatalf(s.t, "no client %s", d.CmdArgs[0].Key)
	}
	return c
}

func (s *story) world(d *datadriven.TestData) string {
	servers := 1
	d.MaybeScanArgs(s.t, "servers", &servers)
	s.clients, s.names = map[string]*client{}, map[session.ID]string{}
	s.w = newWorld(s.t, servers, func(o *server.Options) {
		o.Go = func(work func()) { work() } // on the history's goroutine, for which Settle waits: what follows a command is done before the next one
		o.Features.Standalone = servers == 1
		o.Features.ReadOnlyMode = d.HasArg("readonly")
		o.Features.ReconfigEnabled = d.HasArg("reconfig")
		o.Features.LinearizableReads = d.HasArg("linearizable")
		o.Sessions.Local, o.Sessions.LocalUpgrade = d.HasArg("local"), d.HasArg("upgrade")
		d.MaybeScanArgs(s.t, "limit", &o.Limits.GlobalOutstanding)
		d.MaybeScanArgs(s.t, "throttle", &o.Limits.ThrottleRequests)
		d.MaybeScanArgs(s.t, "opwait", &o.Limits.ThrottledOpWaitMs)
		d.MaybeScanArgs(s.t, "tokens", &o.Limits.Connection.Tokens)
		d.MaybeScanArgs(s.t, "large", &o.Limits.LargeThreshold)
		d.MaybeScanArgs(s.t, "largebytes", &o.Limits.LargeMaxBytes)
		o.Features.StandaloneEnabled = true
		if d.HasArg("enforce") {
			o.Auth, _ = auth.New(auth.Config{Enforce: auth.Enforce{Enabled: true, Schemes: []string{"digest"}}})
		}
	})
	return ""
}

func (s *story) connect(d *datadriven.TestData) string {
	name, to := d.CmdArgs[0].Key, 1
	q := wire.ConnectRequest{Timeout: 4000, Password: make([]byte, 16), Short: d.HasArg("short"), ReadOnly: d.HasArg("ro")}
	d.MaybeScanArgs(s.t, "to", &to)
	var timeout, last int64
	var as, pw string
	d.MaybeScanArgs(s.t, "timeout", &timeout)
	d.MaybeScanArgs(s.t, "lastZxid", &last)
	d.MaybeScanArgs(s.t, "session", &as)
	d.MaybeScanArgs(s.t, "password", &pw)
	if timeout != 0 {
		q.Timeout = int32(timeout)
	}
	q.LastZxid = zxid.ID(last)
	if o := s.clients[as]; o != nil {
		q.Session, q.Password = o.id, o.pw
	} else if as != "" {
		n, _ := strconv.ParseInt(as, 0, 64)
		q.Session = session.ID(n)
	}
	if pw != "" {
		q.Password = []byte(pw)
	}
	c := &client{raw: s.w.dial(to - 1), ops: map[int32][]int32{}}
	s.clients[name] = c
	frames := [][]byte{q.Append(nil)}
	if d.Input != "" {
		for _, line := range strings.Split(d.Input, "\n") {
			frames = append(frames, c.request(s.t, line))
		}
	}
	c.send(frames...)
	if d.HasArg("quiet") {
		return ""
	}
	return s.welcome(name)
}

// welcome reads the answer to a handshake.
func (s *story) welcome(name string) string {
	c := s.clients[name]
	f, err := c.next(soon)
	if err != nil {
		return says(err)
	}
	var p wire.ConnectResponse
	r := jute.NewReader(f)
	p.Decode(&r)
	c.id, c.pw = p.Session, append([]byte(nil), p.Password[:]...)
	who := "none"
	if p.Session != 0 {
		if s.names[p.Session] == "" {
			s.names[p.Session] = name
		}
		who = s.names[p.Session]
	}
	return fmt.Sprintf("%d bytes: timeout=%d session=%s zeros=%v ro=%v\n", len(f), p.Timeout, who, p.Password == [16]byte{}, p.ReadOnly)
}

func says(err error) string {
	if err == io.EOF {
		return "closed\n"
	}
	return "nothing\n"
}

// read prints what came. Without a number it reads as many as the story expects, and then until nothing comes for a moment.
func (s *story) read(d *datadriven.TestData) string {
	c := s.client(d)
	if d.HasArg("welcome") {
		return s.welcome(d.CmdArgs[0].Key)
	}
	most, due := 1<<30, strings.Count(d.Expected, "\n")
	if len(d.CmdArgs) > 1 {
		most, _ = strconv.Atoi(d.CmdArgs[1].Key)
		due = most
	}
	if d.Expected == "nothing\n" {
		due = 0
	}
	var out strings.Builder
	for i := range most {
		patience := 60 * time.Millisecond
		if i < due {
			patience = soon
		}
		f, err := c.next(patience)
		if err == errQuiet && out.Len() > 0 {
			break
		}
		if err != nil {
			out.WriteString(says(err))
			break
		}
		out.WriteString(s.describe(c, f) + "\n")
	}
	return out.String()
}

// describe renders a reply with the opcode of the request it answers; sessions get the names of their clients.
func (s *story) describe(c *client, f []byte) string {
	r := jute.NewReader(f)
	var h wire.ReplyHeader
	h.Decode(&r)
	op := wire.OpPing
	if list := c.ops[h.Xid]; len(list) > 0 {
		op, c.ops[h.Xid] = list[0], list[1:]
	}
	text := wire.DescribeReply(f, op)
	for id, name := range s.names {
		text = strings.ReplaceAll(text, fmt.Sprintf("owner=%#x", uint64(id)), "owner="+name)
	}
	return text
}

func (s *story) commit(d *datadriven.TestData) {
	n := 1 << 30
	if len(d.CmdArgs) > 0 {
		n, _ = strconv.Atoi(d.CmdArgs[0].Key)
	}
	s.proposed(1)
	s.w.history.Commit(n)
}

// proposed waits until n steps are held.
func (s *story) proposed(n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(soon)
	for s.w.history.Waiting() < n {
		select {
		case <-tick.C:
		case <-end:
			s.t.Fatalf("%d proposals wait, not %d", s.w.history.Waiting(), n)
		}
	}
}

func (s *story) soft(d *datadriven.TestData) {
	i, _ := strconv.Atoi(d.CmdArgs[0].Key)
	m := s.w.nodes[i-1].member
	st := m.Active()
	switch d.CmdArgs[1].Key {
	case "down":
		st = zab.SoftState{}
	case "relink":
		st.Link++
	}
	m.Soft(st)
}
