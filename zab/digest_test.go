package zab_test

import (
	"errors"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zabtest"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// A server whose state was wrong, and that took the image of another, is right: what it once told is no reason to end.
func TestDigestsEndWithTheState(t *testing.T) {
	for _, image := range []bool{false, true} {
		d := zabtest.NewDisk()
		old := zxid.New(1, 1)
		d.Write(zab.Persist{Seq: 1, HardState: &zab.HardState{Promised: 1}, Entries: []zab.Entry{
			{Zxid: zxid.New(1, 0), Kind: zab.EntryNewLeader}, {Zxid: old, Prev: zxid.New(1, 0), Kind: zab.EntryTxn}}})
		d.Sync(1)
		c := begin(t, 1, three, d)
		c.SetDigest(old, 5)
		step(t, c, zab.Message{Type: zab.MsgPing, Epoch: 2, Prev: zxid.New(2, 0)})
		hear(c, d)
		if image {
			d.Stage(zxid.New(2, 1), nil)
			step(t, c, zab.Message{Type: zab.MsgSnap, Epoch: 2, Zxid: zxid.New(2, 1), Data: []byte(ensemble(t, three).String())})
			hear(c, d)
			if got := c.Status().Last; got != zxid.New(2, 1) {
				t.Fatalf("the image was not taken: the history ends at %v", got)
			}
		}
		step(t, c, zab.Message{Type: zab.MsgDiverged, Epoch: 2, Seq: 2, Ctx: 3, DigestZxid: old, Digest: 6})
		s := hear(c, d)
		if wrong := new(zab.DivergedError); errors.As(s.fatal, &wrong) == image {
			t.Errorf("with an image: %v; it ends with %v", image, s.fatal)
		}
	}
}

// Nor does a leader tell a server to end for what it said before it lost its disk.
func TestDigestsEndWithTheDisk(t *testing.T) {
	for _, lost := range []bool{false, true} {
		c, d := leads(t, zab.Limits{})
		e := c.Status().Soft.Epoch
		z := zxid.New(e, 0)
		c.SetDigest(z, 5)
		step(t, c, zab.Message{Type: zab.MsgPong, Epoch: e, Zxid: z, Prev: z, DigestZxid: z, Digest: 6})
		if lost {
			step(t, c, zab.Message{Type: zab.MsgPong, Epoch: e})
		}
		step(t, c, zab.Message{Type: zab.MsgJoin, Epoch: e, From: 3})
		step(t, c, zab.Message{Type: zab.MsgPong, Epoch: e, From: 3, Zxid: z, Prev: z, DigestZxid: z, Digest: 5})
		if s := hear(c, d); len(s.of(zab.MsgDiverged)) > 0 == lost {
			t.Errorf("its disk was lost: %v; said: %v", lost, s.messages)
		}
	}
}
