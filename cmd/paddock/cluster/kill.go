package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/proof/client"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/session"
)

func killSession(cl *cluster, words []string) error {
	s, err := cl.session("kill", words[0])
	if err != nil {
		return err
	}
	who := "a client that is not connected"
	if s.Client != "" {
		who = "the client " + s.Client
	}
	if err := tool.Confirm(cl.c, fmt.Sprintf("end session %s of %s, and delete its %d ephemeral nodes?", s.ID, who, len(s.Ephemerals))); err != nil {
		return err
	}
	if err := cl.kill(s); err != nil {
		return err
	}
	return cl.out.Line(map[string]any{"session": s.ID, "ephemerals": s.Ephemerals}, fmt.Sprintf("ended %s, deleted %d ephemeral nodes", s.ID, len(s.Ephemerals)))
}

// kill asks the admin ports, and where there is no Paddock behind them the client ports.
func (cl *cluster) kill(s clientSession) error {
	fail := func(happened, todo string, code int, err error) error {
		return &tool.Error{Tried: "sessions kill " + s.ID, Happened: happened, Todo: todo, Code: code, Cause: err}
	}
	var failed error
	for _, n := range cl.nodes {
		if n.admin == "" || n.guessed && !n.sameServer(cl.c.Context, &cl.target) {
			continue
		}
		code, _, err := cl.order(n.admin, "/paddock/sessions/kill?id="+s.ID, nil)
		switch code {
		case http.StatusOK:
			return nil
		case http.StatusGone:
			return fail("it has ended meanwhile", "", tool.ExitNoNode, err)
		case http.StatusForbidden, http.StatusUnauthorized:
			return fail(err.Error(), "", tool.ExitDenied, err)
		case http.StatusNotFound, http.StatusMethodNotAllowed: // not Paddock
		default:
			failed = errors.Join(failed, err)
		}
	}
	for _, n := range cl.nodes {
		if n.server == "" || s.Server != "" && s.Server != n.server {
			continue
		}
		var err error
		for range 3 { // its client may take the session back in between
			if err = cl.killStock(cl.c.Context, n.server, s.ID); err == nil {
				break
			}
		}
		if err == nil {
			return nil
		}
		failed = errors.Join(failed, err)
	}
	return fail(strings.ReplaceAll(fmt.Sprint(failed), "\n", "; "), "give --admin of a Paddock server, and run it on that server's own machine", 1, failed)
}

// killStock takes a session of a stock ZooKeeper over and closes it: there the password follows from the id. (SessionTrackerImpl and
// ZooKeeperServer.generatePasswd: it keeps clients apart, and is no secret.)
func (cl *cluster) killStock(ctx context.Context, addr, name string) error {
	id, err := strconv.ParseUint(strings.TrimPrefix(name, "0x"), 16, 64)
	if err != nil {
		return err
	}
	nc, err := cl.target.Dial(addr, cl.target.Timeout)
	if err != nil {
		return fmt.Errorf("%s: %w", addr, err)
	}
	c := client.New(nc)
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	password := session.LegacyPassword(session.ID(id))
	c.StageHello(client.Hello{Timeout: 30_000, Session: session.ID(id), Password: password[:]})
	c.Stage(1, int32(wire.OpCloseSession), func(b []byte) []byte { return b }) // in one write: its client connects again at once
	if err := errors.Join(c.Flush(), c.SetReadDeadline(time.Now().Add(cl.target.Timeout))); err != nil {
		return fmt.Errorf("%s: %w", addr, err)
	}
	welcome, err := c.ReadWelcome()
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", addr, err)
	case welcome.Timeout <= 0: // there is no such session any more; a Paddock, whose passwords are secret, says the same
		text, err := FourLetterWord(ctx, &cl.target, addr, "srvr")
		if err == nil && strings.Contains(text, "-paddock-") {
			err = fmt.Errorf("%s: it is a Paddock: sessions are ended by its admin port", addr)
		}
		return err
	}
	if _, err := c.Read(); err != nil {
		return fmt.Errorf("%s: %w", addr, err)
	}
	return nil
}
