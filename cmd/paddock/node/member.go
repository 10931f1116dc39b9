package node

import (
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// outside says whether this server follows an ensemble that it is no member of: it came to be added, or it was removed. As in ZooKeeper it serves on,
// and counts nowhere. The replicated configuration says who is one: the lines of its own file may have this server, and nobody else's.
func (n *node) outside(st zab.Status) bool {
	if !n.distributed() || !st.Soft.Active {
		return false
	}
	var e zab.Ensemble
	known := false
	n.server.View(func(*znode.State) { e, known = n.recall() })
	if !known {
		e = st.Ensemble.Committed
	}
	_, member := e.Member(n.self)
	return !member
}

// watchMembership says it once when this server is no member any more, or not yet, and when it is one again.
func (n *node) watchMembership() {
	st := n.peer.Status()
	if out := n.outside(st); st.Soft.Active && out != n.named.outside {
		if n.named.outside = out; out {
			n.logger.Warn("this server is no member of the ensemble: it observes and serves clients, and has no vote. If it was removed, stop it; reconfig --add makes it a member",
				"ensemble_version", st.Ensemble.Committed.Version.String())
		} else {
			n.logger.Info("this server is a member of the ensemble", "ensemble_version", st.Ensemble.Committed.Version.String())
		}
	}
}
