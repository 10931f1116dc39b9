package node

import (
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/zab"
)

// file is what the configuration file of this server says of the ensemble. A server that joins by gossip has no lines, and says nothing. One that stands
// alone says that: its lines have changed when it gets some.
func (n *node) file(lines zab.Ensemble) zab.Ensemble {
	if n.joins() {
		return zab.Ensemble{}
	}
	return lines
}

// recorded is the newest ensemble in the log of this server; ok is false if there is none.
func (n *node) recorded() (e zab.Ensemble, ok bool) {
	if list := n.log.Reconfigs(); len(list) > 0 {
		e, ok, err := list[len(list)-1].Ensemble()
		return e, ok && err == nil
	}
	e = n.log.Base().Ensemble
	return e, e.Version != 0
}

// refuseAlone ends the start of a member of an ensemble whose file has no server lines any more: the others may go on without it, and then there would be two
// histories of one cluster.
func (n *node) refuseAlone() error {
	e, ok := n.recorded()
	if n.distributed() || !ok {
		return nil
	}
	voters := 0
	for _, m := range e.Members {
		if m.Role == zab.Participant && m.ID != n.self {
			voters++
		}
	}
	if voters == 0 {
		return nil
	}
	return fmt.Errorf("%s holds the data of a member of an ensemble (%s), and its configuration has no server lines, so that this server would stand alone beside the others: put the server lines "+
		"back; or, if the others are gone for good, make a folder for a single server of it with paddock recover",
		n.cfg.Basics.DataDir, strings.Join(strings.Fields(e.String()), " "))
}
