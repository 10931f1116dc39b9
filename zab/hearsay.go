package zab

// Hearsay replaces the ensemble with which a server without a vote began (Config.Ensemble) while it looks for a leader, as long as its own
// history tells of none: a joiner that was told of too few servers, or of wrong ones, must be able to hear better. It gives no vote and
// takes none, and says whether it was of use.
func (c *Core) Hearsay(e Ensemble) bool {
	e.Version = 0
	m, inside := e.Member(c.cfg.ID)
	switch {
	case c.role != Looking, c.votes(c.cfg.ID), inside && m.Role == Participant, e.Valid() != nil:
		return false
	case len(c.conf.configs) != 1 || c.conf.latest().Version != 0 || len(c.cfg.Log.Base().Ensemble.Members) > 0:
		return false
	case e.String() == c.conf.latest().Ensemble.String():
		return false
	}
	c.conf.configs[0] = newConfig(e)
	c.out.ensemble = true
	return true
}
