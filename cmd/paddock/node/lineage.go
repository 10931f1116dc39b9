package node

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/znode"
)

// named is which cluster and incarnation the history of this server is of, as far as it is applied here. Nobody hears it before: no client is served, no
// token is signed, and neither a peer nor gossip is told, since what is not committed may yet be truncated.
type named struct {
	is      atomic.Pointer[lineage.Lineage] // nil: not yet
	source  lineage.ID                      // what the state was copied from
	awaited string                          // for whom a founding waits, as the log has said
	outside bool                            // whether the log has said that this server is no member
	first   atomic.Uint32                   // the byte that session ids of this server begin with; 0: not yet
	soft    zab.SoftState                   // the last one, which the server learns when the lineage is known; owned by the apply loop
}

// known says whether clients may be served.
func (m *named) known() bool { return m.is.Load() != nil && m.first.Load() != 0 }

func (m *named) lineage() lineage.Lineage {
	if l := m.is.Load(); l != nil {
		return *l
	}
	return lineage.Lineage{}
}

// ofTokens is what tokens are bound to.
func (m *named) ofTokens() fencing.Lineage {
	l := m.lineage()
	return fencing.Lineage{Cluster: fencing.ID(l.Cluster), Incarnation: fencing.ID(l.Incarnation)}
}

// nameAtStart takes the lineage from the state as it was stored, or from a data folder that an earlier version made or that a joiner did.
func (n *node) nameAtStart() error {
	l, ok, err := tokens.LineageOf(n.state)
	if err != nil {
		return err
	}
	o, err := tokens.OriginOf(n.state)
	if err != nil {
		return err
	}
	n.named.source = o.Source
	switch of := n.id.Lineage; {
	case !ok && of == (lineage.Lineage{}):
		return nil
	case !ok:
		l = of
	case of != (lineage.Lineage{}) && of != l:
		return fmt.Errorf("the state in %s is of cluster %s, incarnation %s, and its file %q says cluster %s, incarnation %s: they do not belong together; put back the files of this server, or "+
			"empty the whole data folder and let the others rebuild this server", n.cfg.Basics.DataDir, l.Cluster, l.Incarnation, "identity", of.Cluster, of.Incarnation)
	}
	n.named.is.Store(&l)
	n.disk.db.Name(l)
	return nil
}

// learn looks whether what was applied has told the lineage and the first byte of session ids, and lets clients in if so. It is called from the apply loop.
func (n *node) learn() {
	if n.named.known() {
		return
	}
	if n.named.is.Load() == nil {
		if n.learnLineage(); n.named.is.Load() == nil {
			return
		}
		n.claimFirstByte()
	}
	if n.learnFirstByte(); n.named.known() {
		n.passSoft()
	}
}

func (n *node) learnLineage() {
	var l lineage.Lineage
	var o tokens.Origin
	var ok bool
	var err error
	n.server.View(func(st *znode.State) {
		if l, ok, err = tokens.LineageOf(st); err == nil {
			o, err = tokens.OriginOf(st)
		}
	})
	if err != nil {
		n.failed <- err
		return
	}
	if !ok {
		return
	}
	n.named.is.Store(&l)
	n.disk.db.Name(l)
	if n.links != nil {
		n.links.transport.Name(l, o.Source)
	}
	n.logger.Info("the history of this server says what it is of", "cluster", l.Cluster, "incarnation", l.Incarnation)
}

// passSoft tells the server who leads. Before the lineage and the first byte of its session ids are known it serves nobody.
func (n *node) passSoft() {
	s := n.named.soft
	if !n.named.known() {
		s.Active, s.Confirmed = false, false
	}
	n.server.SoftStateChanged(s)
}

// foundLineage proposes the lineage, if the history has none.
func (n *node) foundLineage() error {
	var t *znode.Txn
	var err error
	n.server.View(func(st *znode.State) { t, err = tokens.FoundLineage(st, n.id.Lineage, rand.Reader) })
	if err != nil || t == nil {
		return err
	}
	return n.peer.Propose([][]byte{znode.AppendTxn(nil, t)})
}

// watchFounding goes on with a founding whose first proposal was lost, and says for whom one waits.
func (n *node) watchFounding() {
	n.claimFirstByte()
	n.freeFirstBytes()
	if n.named.is.Load() != nil {
		return
	}
	if s := n.peer.Soft(); s.Active && s.Confirmed && s.Role == zab.Leading {
		n.found()
	}
	waits := n.peer.Status().Awaited
	if said := fmt.Sprint(waits); len(waits) > 0 && said != n.named.awaited {
		n.named.awaited = said
		n.logger.Warn("a majority of the servers is empty, and of the others nothing is heard: no ensemble is founded for a while, since one of them may hold the data; start them, "+
			"or, if none holds any, make an empty file named initialize in the data folders of a majority and start these again",
			"waiting_for", said, "until", time.Duration(n.cfg.Ensemble.InitLimit*n.cfg.Basics.TickTime)*time.Millisecond)
	}
}
