package fencing

// Claim is one presented token on its way to a watermark. Implementers of Watermarks call Scope and Judge and need nothing else.
type Claim struct {
	guard *Guard
	token Token
	op    Op
}

// Scope is the key of the watermark.
func (c Claim) Scope() ID { return c.guard.policy.Scope }

// Token is the presented token; zero for an enrolment without a floor.
func (c Claim) Token() Token { return c.token }

// Op is what the token is presented for.
func (c Claim) Op() Op { return c.op }

// SameGrant is the mark that makes Judge admit without storing anything: an implementation may ask the storage for exactly this mark first, under a
// shared lock, so that many writers of one holder do not queue behind each other.
func (c Claim) SameGrant() Mark { return c.mark() }

func (c Claim) mark() Mark {
	t := &c.token
	return Mark{Cluster: t.Cluster, Incarnation: t.Incarnation, Scope: t.Scope, Fence: t.Fence, Sub: t.Sub}
}

// Judge applies the rules to the mark that the storage has (found = false if it has none). It returns the mark to store when store is true; with an
// error nothing is stored and the write must not take effect. Pure: it may be called again with another mark.
func (c Claim) Judge(seen Mark, found bool) (next Mark, store bool, err error) {
	if found {
		if err := seen.Valid(); err != nil {
			return Mark{}, false, err
		}
	}
	if c.op == OpEnrol {
		return c.judgeEnrol(seen, found)
	}
	enrolled := false
	if !found {
		if !c.guard.policy.EnrolOnSeal || c.op != OpSeal {
			return Mark{}, false, &NoWatermark{Scope: c.Scope()}
		}
		seen, enrolled = c.emptyMark(), true
	}
	above, err := c.outranks(seen)
	if err != nil {
		return Mark{}, false, err
	}
	if c.guard.policy.RequireSeal && c.unsealed(above) {
		return Mark{}, false, &NotSealed{Token: c.token, Seen: seen}
	}
	if !above || c.op == OpRead || c.token.Mode == Shared {
		return seen, enrolled, nil
	}
	c.guard.raised.Add(1)
	return c.mark(), true, nil
}

// unsealed: the watermark does not bear this token, and this is no seal. Readers share a lock under tokens that no watermark bears.
func (c Claim) unsealed(above bool) bool {
	if c.token.Mode == Shared {
		return c.op == OpCheck
	}
	return above && c.op != OpSeal
}

func (c Claim) judgeEnrol(seen Mark, found bool) (Mark, bool, error) {
	switch {
	case found && c.token == Token{}:
		return Mark{}, false, &Enrolled{Seen: seen}
	case found:
		return Mark{}, false, nil
	case c.token == Token{}:
		return c.emptyMark(), true, nil
	}
	return c.mark(), true, nil
}

func (c Claim) emptyMark() Mark {
	p := &c.guard.policy
	return Mark{Cluster: p.Lineage.Cluster, Incarnation: p.Lineage.Incarnation, Scope: p.Scope}
}

// outranks says whether the token is above the mark (true) or equal (false); below is an error.
func (c Claim) outranks(seen Mark) (bool, error) {
	t, p := &c.token, &c.guard.policy
	if seen.Cluster != t.Cluster || seen.Scope != t.Scope {
		return false, &WrongScope{Token: *t, Cluster: seen.Cluster, Scope: seen.Scope}
	}
	restarted := false
	if seen.Incarnation != t.Incarnation {
		if back, _, _ := p.follows(t.Incarnation, seen.Incarnation); back {
			return false, &StaleToken{Token: *t, Seen: seen}
		}
		forward, restarts, _ := p.follows(seen.Incarnation, t.Incarnation)
		if !forward {
			return false, &UnknownLineage{Token: *t, Known: seen.Incarnation}
		}
		restarted = restarts
	}
	order := seen.compareTo(*t)
	switch {
	case restarted:
	case order < 0, order == 0 && seen.Incarnation != t.Incarnation:
		return false, &StaleToken{Token: *t, Seen: seen}
	case order == 0:
		return false, nil
	}
	if limit := max(generation(seen.Fence), p.Generation) + 1; generation(t.Fence) > limit {
		return false, &Implausible{Token: *t, Seen: seen, Limit: limit}
	}
	return true, nil
}
