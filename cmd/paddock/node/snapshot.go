package node

import (
	"io"
	"net/http"
	"strconv"

	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// serveSnapshot streams an exact image of the state at its zxid now or later.
func (n *node) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	var z zxid.ID
	n.server.View(func(st *znode.State) { z = st.LastZxid() })
	c, err := n.disk.follower.ImageAt(r.Context(), z)
	if err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	sender, err := store.Send(c)
	if err != nil {
		failJSON(w, http.StatusInternalServerError, err)
		return
	}
	defer sender.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(sender.Size(), 10))
	w.Header().Set("X-Paddock-Zxid", c.Zxid.String())
	io.Copy(w, &chunks{from: sender})
}
