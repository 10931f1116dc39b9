package zab

// SetJoinList replaces the list of servers that a joiner asks for a leader. A server that joins begins with the addresses it was given (Config.Ensemble), and
// these may be too few or out of date; what it learns later, by gossip say, may be better. It works only while this server looks for a leader, has no
// vote, and has no ensemble in its history; nobody gets a vote by it. It returns whether the list was taken.
func (c *Core) SetJoinList(e Ensemble) bool {
	e.Version = 0
	m, inside := e.Member(c.cfg.ID)
	switch {
	case c.role != Looking, c.votes(c.cfg.ID), inside && m.Role == Participant, e.Valid() != nil:
		return false
	case c.conf.recorded() || c.conf.latest().Version != 0:
		return false
	case e.String() == c.conf.latest().Ensemble.String():
		return false
	}
	c.conf.configs[0] = newConfig(e)
	c.out.ensemble = true
	return true
}
