package node

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/paddock-zk/paddock/compat/server"
	"github.com/paddock-zk/paddock/compat/tokens"
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// machine is the server as the peer sees it. A new leader founds what the replicated state of a fresh ensemble lacks.
type machine struct {
	*server.Server
	node *node
}

// SoftStateChanged implements peer.StateMachine.
func (m machine) SoftStateChanged(s zab.SoftState) {
	m.node.meter.changed(s)
	m.node.named.soft = s
	m.node.learnFirstByte() // a leader may have taken it while this server was away
	m.node.passSoft()
	m.node.claimFirstByte()
	if s.Active && s.Role == zab.Leading && s.Confirmed {
		go m.node.found()
	}
}

// Apply implements peer.StateMachine.
func (m machine) Apply(entries []zab.Entry) {
	m.Server.Apply(entries)
	m.node.meter.committed(entries)
	m.node.learn()
}

// found proposes what is missing, once everything before is applied. Two leaders may both try: the second finds it there.
func (n *node) found() {
	n.peer.ReadIndex(func(err error) {
		if err != nil {
			return // this server is not the leader any more; the next leader does it
		}
		go func() {
			if err := errors.Join(n.foundLineage(), n.foundKeys()); err != nil {
				n.logger.Error("the first records of the ensemble could not be proposed", "err", err)
			}
		}()
	})
}

// foundKeys founds the first signing key, if there is none.
func (n *node) foundKeys() error {
	var t *znode.Txn
	var err error
	n.server.View(func(st *znode.State) { t, err = tokens.Found(st, rand.Reader, time.Now()) })
	if err != nil || t == nil {
		return err
	}
	return n.peer.Propose([][]byte{znode.AppendTxn(nil, t)})
}

// serveKeys shows the public keys, as /zookeeper/keys does.
func (n *node) serveKeys(w http.ResponseWriter) {
	var b []byte
	var err error
	n.server.View(func(st *znode.State) {
		set, serr := n.virtual.KeySet(st)
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

// errOtherKeys refuses a rotation of a key set that is not the one here.
var errOtherKeys = errors.New("the signing keys are not those that the request is about")

// expected says whether the key set is the one with that serial; nil is any.
func (n *node) expected(st *znode.State, serial *uint64) error {
	if serial == nil {
		return nil
	}
	set, err := n.virtual.KeySet(st)
	if err == nil && set.Serial != *serial {
		err = fmt.Errorf("%w: their serial is %d, and not %d", errOtherKeys, set.Serial, *serial)
	}
	return err
}

// rotateKeys adds a signing key and retires (or, with ?revoke=true, revokes) the ones before. With ?after=1h it is published now and signs in an hour.
// With ?serial=N it does so only to the key set with that serial: a request whose answer was lost may be said again, here or on another server, since the
// records of one rotation of that set are written once.
func (n *node) rotateKeys(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	revoke := q.Get("revoke") == "true"
	after, bad := time.ParseDuration(cmp.Or(q.Get("after"), "0s"))
	if bad != nil || after < 0 || after > 0 && revoke {
		failJSON(w, http.StatusBadRequest, fmt.Errorf("after=%q: a duration such as 10m or 24h, and not together with revoke=true", q.Get("after")))
		return
	}
	var serial *uint64
	if text := q.Get("serial"); text != "" {
		v, bad := strconv.ParseUint(text, 10, 64)
		if bad != nil {
			failJSON(w, http.StatusBadRequest, fmt.Errorf("serial=%q: the serial of the key set, a number", text))
			return
		}
		serial = &v
	}
	if !n.peer.Soft().Active {
		failJSON(w, http.StatusServiceUnavailable, errors.New("this server is not serving: ask another one"))
		return
	}
	var txns []*znode.Txn
	var err error
	n.server.View(func(st *znode.State) {
		if err = n.expected(st, serial); err == nil {
			txns, err = tokens.Rotate(st, rand.Reader, time.Now().Add(after), revoke)
		}
	})
	if errors.Is(err, errOtherKeys) {
		failJSON(w, http.StatusConflict, err)
		return
	}
	var payloads [][]byte
	for _, t := range txns {
		payloads = append(payloads, znode.AppendTxn(nil, t))
	}
	if err == nil {
		err = n.peer.Propose(payloads)
	}
	if err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	last := txns[len(txns)-1].Op.Path // of one batch: applied behind the others
	err = settled(r.Context(), n.peer.ReadIndex, func() (shows bool) {
		n.server.View(func(st *znode.State) { shows = st.Secret(last) != nil })
		return shows
	})
	if err != nil {
		failJSON(w, http.StatusServiceUnavailable, err)
		return
	}
	n.serveKeys(w)
}
