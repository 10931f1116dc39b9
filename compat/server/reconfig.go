package server

import (
	"errors"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/compat/listener"
	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
)

// reconfig takes a change of the ensemble. What is refused takes a zxid as an error, like every failed write. The order of the checks
// shows outside: enabled, standalone, in progress, version, parsing, size, quorum; permission is judged when it is applied.
// (PrepRequestProcessor, OpCode.reconfig)
func (t *turn) reconfig(h wire.RequestHeader, r *jute.Reader, large int) listener.Verdict {
	s, c := t.s, t.c
	var q wire.ReconfigRequest
	q.Decode(r)
	switch {
	case r.Err() != nil:
		t.code(h, znode.ErrMarshalling, false, large)
		return listener.Continue
	case !s.opts.Features.ReconfigEnabled:
		t.refuseWrite(h, znode.ErrReconfigDisabled, large)
		return listener.Continue
	case s.opts.Features.Standalone:
		t.refuseWrite(h, znode.ErrUnimplemented, large)
		return listener.Continue
	}
	t.setOp(znode.Op{Kind: znode.KindReconfig, Path: znode.ConfigPath, Wire: wire.OpReconfig})
	payload := t.order(h, false, large)
	seq := t.txn.Origin.Seq
	question := append([]byte{questionReconfig}, jute.AppendBuffer(q.Append(nil), payload)...)
	t.flushProposals() // what was sent before it comes before it
	c.asked.Store(t.now)
	s.opts.Orderer.Ask(question, func(answer []byte, err error) {
		defer func() { // the session's next write must come behind this one in the history
			c.asked.Store(0)
			c.lc.Resume()
		}()
		if errors.Is(err, zab.ErrAskLost) { // it may be in the history, or not: no second outcome for one request
			c.lc.Close(errors.Join(errProposal, err))
			return
		}
		code := znode.ErrOperationTimeout
		if ar := jute.NewReader(answer); err == nil {
			code = znode.Code(ar.Int())
		}
		if code == znode.OK {
			return // it is in the history, and its reply comes when it is applied
		}
		var x znode.Txn
		if derr := znode.DecodeTxn(payload, &x); derr != nil {
			c.lc.Close(errors.Join(errProposal, derr))
			return
		}
		x.Op, x.Origin.Seq = znode.Op{Kind: znode.KindError, Wire: wire.OpReconfig, Err: code}, seq
		if perr := s.opts.Orderer.Propose([][]byte{znode.AppendTxn(nil, &x)}); perr != nil {
			c.lc.Close(errors.Join(errProposal, perr))
		}
	})
	return listener.Pause
}

// refuseWrite proposes an error: a failed write takes a zxid.
func (t *turn) refuseWrite(h wire.RequestHeader, code znode.Code, large int) {
	t.setOp(znode.Op{Kind: znode.KindError, Wire: h.Op, Err: code})
	t.propose(h, false, large)
}

// answerReconfig is the leader's side: it judges what does not depend on the state and proposes.
func (s *Server) answerReconfig(d zab.Delivery) {
	reply := func(code znode.Code) { s.opts.Orderer.Answer(d.From, d.Ctx, jute.AppendInt(nil, int32(code))) }
	var q wire.ReconfigRequest
	r := jute.NewReader(d.Data[1:])
	q.Decode(&r)
	payload := r.BufferCopy()
	if r.Err() != nil {
		reply(znode.ErrMarshalling)
		return
	}
	s.opts.Go(func() { // Status waits for the protocol's goroutine
		next, code, err := s.nextEnsemble(s.opts.Orderer.Status(), &q)
		if (code == znode.OK || errors.Is(err, errNumber)) && !s.mayReconfig(payload) {
			code = znode.ErrNoAuth // judged here, not when it is applied: then the ensemble has changed already
		}
		if code != znode.OK {
			reply(code)
			return
		}
		s.opts.Orderer.Reconfig(next, payload, func(err error) {
			switch {
			case errors.Is(err, zab.ErrReconfigInProgress):
				reply(znode.ErrReconfigInProgress)
			case errors.Is(err, zab.ErrNewConfigNoQuorum):
				reply(znode.ErrNewConfigNoQuorum)
			case err != nil:
				reply(znode.ErrOperationTimeout)
			default:
				reply(znode.OK)
			}
		})
	})
}

// FirstVersion is how clients see the version of an ensemble that was never reconfigured and may be: the zxid at which its first leader
// began. To the history the server lines are version 0. (Leader.lead, ZOOKEEPER-1783)
const FirstVersion = zxid.ID(1 << 32)

// mayReconfig says whether the client may write /zookeeper/config.
func (s *Server) mayReconfig(payload []byte) bool {
	var t znode.Txn
	if znode.DecodeTxn(payload, &t) != nil {
		return false
	}
	s.state.RLock()
	_, acl, ok := s.state.st.Node(znode.ConfigPath)
	s.state.RUnlock()
	return ok && znode.Permits(acl, znode.PermWrite, t.Auth, t.Flags)
}

// nextEnsemble works out what a request asks for; err says what is wrong with its text.
func (s *Server) nextEnsemble(now zab.Status, q *wire.ReconfigRequest) (next zab.Ensemble, code znode.Code, err error) {
	current := now.Ensemble.Committed
	switch {
	case now.Ensemble.Proposed != nil:
		return current, znode.ErrReconfigInProgress, nil
	case q.ConfigID != -1 && q.ConfigID != int64(current.Version) && (current.Version != 0 || q.ConfigID != int64(FirstVersion)):
		return current, znode.ErrBadVersion, nil
	case q.NewMembers != nil:
		next, err = wholeEnsemble(string(q.NewMembers))
	default:
		next, err = increment(current, q)
	}
	if err != nil {
		s.opts.Log.Warn("reconfig refused", "err", err)
		return current, znode.ErrBadArguments, err
	}
	voters := 0
	for _, m := range next.Members {
		if m.Role == zab.Participant {
			voters++
		}
	}
	if voters < 1 || s.opts.Features.StandaloneEnabled && voters < 2 {
		return current, znode.ErrBadArguments, nil
	}
	return next, znode.OK, nil
}
