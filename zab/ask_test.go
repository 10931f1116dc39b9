package zab_test

import (
	"math/rand/v2"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
)

// A late message of a server's earlier life comes behind the first one of this life, and the leader takes its link for the newer one. The server
// must be asked for a new link: its questions and touches would be refused for ever, so that no session could move to it.
func TestLinkThatWasLeftIsRenewed(t *testing.T) {
	d := zabtest.NewDisk()
	c, err := zab.New(zab.Config{ID: 1, Ensemble: ensemble(t, "server.1=a:1:1\nserver.2=b:1:1:observer"), Log: d, Rand: rand.NewPCG(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	work(t, c, d)
	epoch := c.Status().Soft.Epoch
	for _, m := range []zab.Message{
		{Type: zab.MsgPong, Link: 5},
		{Type: zab.MsgPong, Link: 7}, // the late one
		{Type: zab.MsgAsk, Link: 5, Ctx: 1, Data: []byte("?")},
	} {
		m.From, m.To, m.Epoch = 2, 1, epoch
		if err := c.Step(m); err != nil {
			t.Fatal(err)
		}
	}
	asked := false
	for _, m := range c.Ready().Messages {
		asked = asked || m.Type == zab.MsgRelink && m.To == 2 && m.Link == 5
	}
	if !asked {
		t.Error("nobody asks for a new link")
	}
	c.Advance()
	for _, m := range []zab.Message{{Type: zab.MsgAsk, Link: 9, Ctx: 2, Data: []byte("?")}} {
		m.From, m.To, m.Epoch = 2, 1, epoch
		if err := c.Step(m); err != nil {
			t.Fatal(err)
		}
	}
	if in := c.Ready().Inbox; len(in) != 1 || in[0].Ctx != 2 {
		t.Errorf("the question of the new link: %+v", in)
	}
}
