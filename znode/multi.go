package znode

// multi applies all parts or none. Every part sees what the parts before it did; all share one zxid and one time. Events come part by
// part, intermediate states are visible in them.
func (s *State) multi(c *call) Code {
	ops := c.txn.Ops
	for i := range ops {
		if !multiDecodes(&ops[i]) {
			return ErrMarshalling
		}
	}
	c.res.Ops = growOps(c.res.Ops, len(ops))
	s.beginUndo()
	for i := range ops {
		op, out := &ops[i], &c.res.Ops[i]
		out.Kind, out.Wire = op.Kind, multiWire(op)
		if out.Code = s.one(c, op, out.Wire, out); out.Code != OK {
			s.rollback()
			failMulti(c, i)
			return out.Code
		}
	}
	s.commitUndo()
	return OK
}

func growOps(ops []OpResult, n int) []OpResult {
	if cap(ops) < n {
		return make([]OpResult, n)
	}
	return ops[:n]
}

// failMulti makes the result that of a multi whose part i failed: what came before reads OK, what comes after was not tried.
func failMulti(c *call, failed int) {
	clear(c.res.Events)
	c.res.Events = c.res.Events[:0]
	for i := range c.res.Ops {
		out := &c.res.Ops[i]
		*out = OpResult{Kind: c.txn.Ops[i].Kind, Wire: c.txn.Ops[i].Wire, Code: out.Code}
		if i > failed {
			out.Code = ErrRuntimeInconsistency
		}
	}
}

// multiDecodes says whether ZooKeeper's decoder of multi takes the part; if it does not, the whole request is ErrMarshalling and no
// part has an answer (MultiOperationRecord.deserialize, CreateOptions): kinds that do not belong, and for create, create2 and
// createContainer unknown flags, TTL flags, a null ACL.
func multiDecodes(op *Op) bool {
	switch op.Kind {
	case KindDelete, KindSetData, KindCheck:
		return true
	case KindSetACL:
		return op.Wire == 0 // only the server's own
	case KindCreate:
		if op.Wire == wireCreateTTL || op.Wire == 0 {
			return true
		}
		return op.Mode.known() && !op.Mode.ttl() && op.ACL != nil
	}
	return false
}

// multiWire is the opcode whose rules hold for a part, which also shapes its answer: in a multi the flags decide more than the
// opcode does (Op.Create.getOpcode). The container flag makes a container of any create; createTTL without a TTL flag is a create.
func multiWire(op *Op) int32 {
	switch {
	case op.Kind != KindCreate || op.Wire == 0:
		return singleWire(op)
	case op.Mode == ModeContainer:
		return wireCreateContainer
	case op.Wire == wireCreateTTL && !op.Mode.ttl():
		return wireCreate
	}
	return op.Wire
}
