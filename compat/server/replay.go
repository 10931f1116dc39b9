package server

import (
	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/znode"
)

// Replay applies committed entries to a state without a server, for tools that work on a data folder: same decoding, same Apply, no clients.
// Entries at or below the state's zxid are passed over.
func Replay(st *znode.State, entries []zab.Entry) {
	var a applier
	for i := range entries {
		if e := &entries[i]; e.Zxid > st.LastZxid() {
			a.change(st, e)
		}
	}
}
