package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// lineage is what tokens are bound to.
func (i *identity) lineage() fencing.Lineage {
	return fencing.Lineage{Cluster: i.cluster(), Incarnation: i.incarnation()}
}

// foundKeys lets a leader found the first signing key; it does nothing if there is one.
func (n *node) foundKeys() {
	if soft := n.peer.Soft(); soft.Role != zab.Leading || !soft.Active {
		return
	}
	var t *znode.Txn
	var err error
	n.server.View(func(st *znode.State) { t, err = tokens.Found(st, rand.Reader, time.Now()) })
	if err == nil && t != nil {
		err = n.relay.Propose([][]byte{znode.AppendTxn(nil, t)})
	}
	if err != nil {
		n.logger.Error("no signing key for fencing tokens", "err", err)
	}
}

// serveKeys shows the public keys, as /zookeeper/keys does.
func (n *node) serveKeys(w http.ResponseWriter) {
	var b []byte
	var err error
	n.server.View(func(st *znode.State) {
		set, serr := n.keeper.KeySet(st)
		if err = serr; err == nil {
			b, err = set.Document("")
		}
	})
	if err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(b, '\n'))
}

// rotateKeys adds a signing key and retires (or, with ?revoke=true, revokes) the ones before.
func (n *node) rotateKeys(w http.ResponseWriter, r *http.Request) {
	if !n.peer.Soft().Active {
		failJSON(w, http.StatusServiceUnavailable, errors.New("this server is not serving: ask another one"))
		return
	}
	var txns []*znode.Txn
	var err error
	n.server.View(func(st *znode.State) {
		txns, err = tokens.Rotate(st, rand.Reader, time.Now(), r.URL.Query().Get("revoke") == "true")
	})
	var payloads [][]byte
	for _, t := range txns {
		payloads = append(payloads, znode.AppendTxn(nil, t))
	}
	if err == nil {
		err = n.relay.Propose(payloads)
	}
	if err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	done := make(chan error, 1)
	n.relay.ReadIndex(func(err error) { done <- err }) // until it is applied here
	if err := <-done; err != nil {
		failJSON(w, http.StatusServiceUnavailable, err)
		return
	}
	n.serveKeys(w)
}

// foundConfig lets a leader put the server lines of the bootstrap into /zookeeper/config, once; reconfig changes them from there on.
func (n *node) foundConfig() {
	soft := n.peer.Soft()
	if !n.distributed() || soft.Role != zab.Leading || !soft.Active {
		return
	}
	missing := false
	n.server.View(func(st *znode.State) {
		data, _, c := st.GetData(znode.ConfigPath, nil, znode.FlagSkipACL)
		missing = c == znode.OK && len(data) == 0
	})
	if !missing {
		return
	}
	text := n.peer.Status().Ensemble.Committed.String()
	t := znode.Txn{Op: znode.Op{Kind: znode.KindReconfig, Path: znode.ConfigPath, Data: []byte(text), Version: -1}}
	if err := n.relay.Propose([][]byte{znode.AppendTxn(nil, &t)}); err != nil {
		n.logger.Error("/zookeeper/config is still empty", "err", err)
	}
}
