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
		e := &entries[i]
		if e.Zxid <= st.LastZxid() {
			continue
		}
		decoded := a.decode(e)
		switch {
		case e.Kind == zab.EntryNewLeader:
			st.Advance(e.Zxid, e.Time)
		case !decoded:
			st.ApplyUndecodable(e.Zxid, e.Time, &a.res)
		default:
			st.Apply(e.Zxid, e.Time, &a.txn, &a.res)
		}
	}
}
