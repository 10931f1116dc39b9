package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// clientSession is a session as the words dump and cons show it.
type clientSession struct {
	ID         string            `json:"session"`
	Server     string            `json:"server"` // the one that its client is connected to; "" if none of those asked
	Client     string            `json:"client"`
	Timeout    string            `json:"timeoutMs"`
	Ephemerals []string          `json:"ephemerals"`
	Connection map[string]string `json:"connection,omitempty"` // all that cons says
}

func sessionsCommand() *cli.Command {
	flags := func() []cli.Flag { return tool.Flags() }
	return &cli.Command{
		Name: "sessions", Category: category, Usage: "the sessions, their clients and their ephemeral nodes",
		Description: `From the words dump and cons of every server in --server (or the same commands of --admin). Ephemeral nodes are known to the leader and to
standalone servers, connections to the server that has them: ask all servers.

   paddock -s zk1:2181,zk2:2181,zk3:2181 sessions list
   paddock sessions show 0x1000a3b5c0001
   paddock sessions kill 0x1000a3b5c0001

Exit codes: 0 done, 1 failed or not confirmed, 2 wrong usage, 3 no such session, 5 not permitted, 69 no server answered.`,
		Subcommands: []*cli.Command{
			{Name: "list", Aliases: []string{"ls"}, Usage: "list all sessions", Flags: flags(), Action: action(0, 0, listSessions)},
			{Name: "show", Usage: "all that is known of one session", ArgsUsage: "SESSION_ID", Flags: flags(), Action: action(1, 1, showSession)},
			{Name: "kill", Usage: "end a session: its ephemeral nodes go, its client is told that it has expired", ArgsUsage: "SESSION_ID", Flags: flags(), Action: action(1, 1, killSession),
				Description: `Asks first, with the number of ephemeral nodes. A client that lives makes a new session; it does not get its locks back.

   paddock sessions kill 0x1000a3b5c0001

With Paddock --admin must lead to a server of the ensemble, from that server's own machine. With a stock ZooKeeper the session is taken over by the client
port and closed.`},
		},
	}
}

func listSessions(cl *cluster, _ []string) error {
	list, err := cl.sessions()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.ID, dash(s.Server), dash(s.Client), dash(s.Timeout), strconv.Itoa(len(s.Ephemerals))})
	}
	return cl.out.Rows(list, []string{"SESSION", "SERVER", "CLIENT", "TIMEOUT ms", "EPHEMERALS"}, rows)
}

func showSession(cl *cluster, words []string) error {
	s, err := cl.session("show", words[0])
	if err != nil {
		return err
	}
	text := fmt.Sprintf("session     %s\nserver      %s\nclient      %s\ntimeout     %s ms", s.ID, dash(s.Server), dash(s.Client), dash(s.Timeout))
	keys := make([]string, 0, len(s.Connection))
	for k := range s.Connection {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		text += fmt.Sprintf("\n%-11s %s", k, s.Connection[k])
	}
	for _, e := range s.Ephemerals {
		text += "\nephemeral   " + e
	}
	return cl.out.Line(s, text)
}

// session finds one session.
func (cl *cluster) session(verb, word string) (clientSession, error) {
	id, err := strconv.ParseUint(strings.TrimPrefix(word, "0x"), 16, 64)
	if err != nil {
		return clientSession{}, tool.Usage("sessions %s %q: a session id is hexadecimal, as in sessions list", verb, word)
	}
	list, err := cl.sessions()
	if err != nil {
		return clientSession{}, err
	}
	name := fmt.Sprintf("0x%x", id)
	if i := slices.IndexFunc(list, func(s clientSession) bool { return s.ID == name }); i >= 0 {
		return list[i], nil
	}
	return clientSession{}, &tool.Error{Tried: "sessions " + verb + " " + name, Happened: "no server that was asked knows it", Todo: "it has ended, or --server does not name all servers", Code: tool.ExitNoNode}
}

// sessions joins what all servers tell.
func (cl *cluster) sessions() ([]clientSession, error) {
	found := map[string]*clientSession{}
	var failed error
	asked := false
	texts := make([]sessionTexts, len(cl.nodes))
	cl.each(func(i int, n *node) { texts[i] = cl.sessionTexts(cl.c.Context, n) })
	if cl.c.Context.Err() != nil {
		return nil, tool.Fail("list the sessions", context.Cause(cl.c.Context))
	}
	for i, t := range texts {
		if t.err != nil {
			failed = errors.Join(failed, t.err)
			continue
		}
		asked = true
		t.read(cl.nodes[i].server, found)
	}
	if !asked {
		return nil, &tool.Error{Tried: "list the sessions", Happened: strings.ReplaceAll(fmt.Sprint(failed), "\n", "; "), Todo: "check --server", Code: tool.ExitNoServer, Cause: failed}
	}
	if failed != nil {
		tool.Note(cl.c, "not all servers answered, so sessions may be missing: %v", failed)
	}
	list := []clientSession{}
	for _, s := range found {
		slices.Sort(s.Ephemerals)
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b clientSession) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// sessionTexts is what one server tells of sessions.
type sessionTexts struct {
	dump, cons string
	err        error
}

func (cl *cluster) sessionTexts(ctx context.Context, n *node) (t sessionTexts) {
	if n.server == "" {
		return sessionTexts{err: fmt.Errorf("%s: sessions are asked by words: give --server", n.admin)}
	}
	ctx, cancel := context.WithTimeout(ctx, cl.target.Timeout) // of both words together
	defer cancel()
	if t.dump, t.err = FourLetterWord(ctx, &cl.target, n.server, "dump"); t.err == nil {
		t.cons, t.err = FourLetterWord(ctx, &cl.target, n.server, "cons")
	}
	return t
}

// read adds the sessions of one server to those that were found.
func (t *sessionTexts) read(addr string, found map[string]*clientSession) {
	get := func(id string) *clientSession {
		if found[id] == nil {
			found[id] = &clientSession{ID: id, Ephemerals: []string{}}
		}
		return found[id]
	}
	readDump(t.dump, get)
	readCons(t.cons, addr, get)
}

// readDump reads the word dump: session ids stand alone on their lines, or in front of their ephemeral nodes.
func readDump(text string, get func(id string) *clientSession) {
	id := regexp.MustCompile(`^\s*(0x[0-9a-fA-F]+):?\s*$`)
	var at *clientSession
	for line := range strings.Lines(text) {
		if m := id.FindStringSubmatch(line); m != nil {
			at = get(strings.ToLower(m[1]))
			continue
		}
		if path := strings.TrimSpace(line); at != nil && strings.HasPrefix(path, "/") {
			if !slices.Contains(at.Ephemerals, path) {
				at.Ephemerals = append(at.Ephemerals, path)
			}
		}
	}
}

// readCons reads the word cons: " /127.0.0.1:5000[1](queued=0,recved=1,...,sid=0x1,...)".
func readCons(text, server string, get func(id string) *clientSession) {
	form := regexp.MustCompile(`^\s*/?(.*?)\[[0-9a-f]*\]\((.*)\)\s*$`)
	for line := range strings.Lines(text) {
		m := form.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		values := map[string]string{}
		for pair := range strings.SplitSeq(m[2], ",") {
			k, v, _ := strings.Cut(pair, "=")
			values[k] = v
		}
		if values["sid"] == "" || values["sid"] == "0x0" {
			continue // a connection without a session, such as the one that asks
		}
		s := get(strings.ToLower(values["sid"]))
		s.Server, s.Client, s.Timeout, s.Connection = server, m[1], values["to"], values
	}
}
