package node

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// killSession ends the session that ?id=0x… names, as if it had expired, and answers when that is done here.
func (n *node) killSession(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(strings.TrimPrefix(r.URL.Query().Get("id"), "0x"), 16, 64)
	if err != nil {
		failJSON(w, http.StatusBadRequest, errors.New("give ?id=0x…, the id of a session"))
		return
	}
	if !n.peer.Soft().Active {
		failJSON(w, http.StatusServiceUnavailable, errors.New("this server is not serving: ask another one"))
		return
	}
	ended := func() (ended bool) {
		n.server.View(func(st *znode.State) {
			_, _, known := st.Session(session.ID(id))
			ended = !known
		})
		return ended
	}
	if ended() {
		failJSON(w, http.StatusGone, fmt.Errorf("there is no session 0x%x", id))
		return
	}
	t := znode.Txn{Session: session.ID(id), Op: znode.Op{Kind: znode.KindCloseSession}}
	if err := n.peer.Propose([][]byte{znode.AppendTxn(nil, &t)}); err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	if err := settled(r.Context(), n.peer.ReadIndex, ended); err != nil {
		failJSON(w, http.StatusServiceUnavailable, err)
		return
	}
	n.logger.Warn("a session was ended by an operator", "session", session.ID(id), "from", asker(r))
	writeJSON(w, http.StatusOK, map[string]any{"session": session.ID(id).String()})
}
