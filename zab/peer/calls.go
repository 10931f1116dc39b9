package peer

import (
	"fmt"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// Propose puts payloads into the history, in order, all behind each other; on a follower they travel to the leader. The
// outcome is seen in StateMachine.Apply. The payloads must not change afterwards.
func (p *Peer) Propose(payloads [][]byte) error {
	var err error
	p.box.put(func() {
		if err = p.box.refuse; err == nil && len(p.box.mail.Proposals) >= mailboxItems {
			err = fmt.Errorf("%w: %d proposals wait", zab.ErrLimit, len(p.box.mail.Proposals))
		}
		if err == nil {
			p.box.mail.Proposals = append(p.box.mail.Proposals, payloads...)
		}
	})
	return err
}

// Deliver takes a message from the transport. Its slices belong to the peer from now on. What comes before Run waits for it.
func (p *Peer) Deliver(m zab.Message) {
	p.box.deliver(&m)
}

// call runs f in the core loop. If the peer does not run, f gets an error at once, and must not touch the core.
func (p *Peer) call(f func(error)) {
	var err error
	p.box.put(func() {
		if err = p.box.refuse; err == nil && len(p.box.mail.Calls) >= mailboxItems {
			err = fmt.Errorf("%w: %d calls wait", zab.ErrLimit, len(p.box.mail.Calls))
		}
		if err == nil {
			p.box.mail.Calls = append(p.box.mail.Calls, f)
		}
	})
	if err != nil {
		f(err)
	}
}

// ReadIndex calls done (from the apply loop) once the state has reached a zxid that a quorum confirmed after this call: a read then
// is linearizable. An error means: not confirmed, try again or drop the client.
func (p *Peer) ReadIndex(done func(error)) {
	p.call(func(err error) {
		if err != nil {
			done(err)
			return
		}
		p.waiting.ctx++
		if err := p.core.ReadIndex(p.waiting.ctx); err != nil {
			done(err)
			return
		}
		p.waiting.reads[p.waiting.ctx] = done
	})
}

// Ask sends an opaque question to the leader's state machine; done gets the answer, from the core loop, or an error: zab.ErrAskLost if the
// leader or the link to it changes before, and then what the question led to is unknown.
func (p *Peer) Ask(data []byte, done func([]byte, error)) {
	p.call(func(err error) {
		if err != nil {
			done(nil, err)
			return
		}
		p.waiting.ctx++
		if err := p.core.Ask(p.waiting.ctx, data); err != nil {
			done(nil, err)
			return
		}
		p.waiting.asks[p.waiting.ctx] = done
	})
}

// Answer answers a DeliverAsk.
func (p *Peer) Answer(to zab.PeerID, ctx uint64, data []byte) {
	p.call(func(err error) {
		if err == nil {
			p.core.Answer(to, ctx, data)
		}
	})
}

// Touch sets what goes to the leader with the next heartbeat answer.
func (p *Peer) Touch(data []byte) {
	p.call(func(err error) {
		if err == nil {
			p.core.Touch(data)
		}
	})
}

// SetDigest tells the digest of the state at an applied zxid, to be compared with that of others.
func (p *Peer) SetDigest(z zxid.ID, digest uint64) {
	p.call(func(err error) {
		if err == nil {
			p.core.SetDigest(z, digest)
		}
	})
}

// Suspect tells that the process of another server seems to have ended (see [zab.Core.Suspect]).
func (p *Peer) Suspect(id zab.PeerID) {
	p.call(func(err error) {
		if err == nil {
			p.core.Suspect(id)
		}
	})
}

// Reconfig proposes a new ensemble; extra is for the state machine. done gets an error if it was not proposed; what becomes of a
// proposed one is seen in Apply.
func (p *Peer) Reconfig(next zab.Ensemble, extra []byte, done func(error)) {
	p.call(func(err error) {
		if err != nil {
			done(err)
			return
		}
		_, err = p.core.ProposeReconfig(p.cfg.Clock.Now().UnixMilli(), next, extra)
		done(err)
	})
}

// HearFile takes what another server says of its configuration file; see zab.Core.HearFile.
func (p *Peer) HearFile(from zab.PeerID, r zab.FileReport) {
	p.call(func(err error) {
		if err == nil {
			p.core.HearFile(from, r)
		}
	})
}

// FollowFiles changes the ensemble if the configuration files of the servers ask for it, and tells done, from the core loop, what they say. Without a
// peer that runs done is not called.
func (p *Peer) FollowFiles(done func(zab.FileStatus)) {
	p.call(func(err error) {
		if err == nil {
			done(p.core.FollowFiles(p.cfg.Clock.Now().UnixMilli()))
		}
	})
}

// SetJoinList tells a joiner that is not in yet of more servers; see zab.Core.SetJoinList.
func (p *Peer) SetJoinList(e zab.Ensemble) {
	p.call(func(err error) {
		if err == nil && p.core.SetJoinList(e) {
			p.cfg.Logger.Info("gossip tells of other servers than before", "ensemble", e.String())
		}
	})
}

// Transfer hands leadership to another voter.
func (p *Peer) Transfer(to zab.PeerID, done func(error)) {
	p.call(func(err error) {
		if err != nil {
			done(err)
			return
		}
		done(p.core.Transfer(to))
	})
}

// Status describes the core; it waits for the core loop's next turn. A peer that does not run knows its own id only.
func (p *Peer) Status() zab.Status {
	out := make(chan zab.Status, 1)
	p.call(func(err error) {
		if err != nil {
			out <- zab.Status{ID: p.cfg.Core.ID}
			return
		}
		out <- p.core.Status()
	})
	return <-out
}

// ship sends an image on a goroutine of its own and reports how it went.
func (p *Peer) ship(s zab.SnapSend) {
	if p.env.Ship != nil {
		p.env.Ship(s)
		return
	}
	if p.env.Images == nil {
		p.core.ReportSnapshot(s.To, 0, false)
		return
	}
	go func() {
		z, err := p.env.Images.Send(s, p.snapshotMeta, func(m zab.SnapshotMeta) zab.Message { return p.snapMessage(s, m) })
		if err != nil {
			p.cfg.Logger.Warn("an image was not shipped", "to", s.To, "err", err)
		}
		sent := err == nil
		p.call(func(err error) {
			if err == nil {
				p.core.ReportSnapshot(s.To, z, sent)
			}
		})
	}()
}

// snapshotMeta asks the core loop for the meta of an image at z.
func (p *Peer) snapshotMeta(z zxid.ID) zab.SnapshotMeta {
	out := make(chan zab.SnapshotMeta, 1)
	p.call(func(err error) {
		if err != nil {
			out <- zab.SnapshotMeta{Zxid: z}
			return
		}
		out <- p.core.SnapshotMeta(z)
	})
	return <-out
}

// snapMessage asks the core loop for the message that announces a staged image.
func (p *Peer) snapMessage(s zab.SnapSend, meta zab.SnapshotMeta) zab.Message {
	out := make(chan zab.Message, 1)
	p.call(func(err error) {
		if err != nil {
			out <- zab.Message{}
			return
		}
		out <- p.core.SnapMessage(s, meta)
	})
	return <-out
}
