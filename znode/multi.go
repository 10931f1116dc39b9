package znode

// multi applies all parts or none. Every part sees what the parts before it did; all share one zxid and one time. Events come part by
// part, intermediate states are visible in them.
func (s *State) multi(c *call) Code {
	ops := c.txn.Ops
	if !multiDecodes(ops) {
		return ErrMarshalling
	}
	c.res.Ops = growOps(c.res.Ops, len(ops))
	s.beginUndo()
	for i := range ops {
		op, out := &ops[i], &c.res.Ops[i]
		out.Kind, out.Wire = op.Kind, multiWire(op)
		if out.Code = s.one(c, op, out.Wire, out); out.Code != OK {
			s.rollback()
			clear(c.res.Events)
			c.res.Events = c.res.Events[:0]
			FailMulti(c.res.Ops, ops, i, out.Code)
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

// FailMulti makes results those of a multi whose part at failed was refused with code: what comes before it reads OK, what comes after it was not tried.
func FailMulti(results []OpResult, ops []Op, failed int, code Code) {
	for i := range results {
		results[i] = OpResult{Kind: ops[i].Kind, Wire: ops[i].Wire}
		switch {
		case i == failed:
			results[i].Code = code
		case i > failed:
			results[i].Code = ErrRuntimeInconsistency
		}
	}
}

// multiDecodes says whether ZooKeeper's decoder of multi takes all parts; if it does not, the whole request is ErrMarshalling and no
// part has an answer (MultiOperationRecord.deserialize, CreateOptions): kinds that do not belong, and for create, create2 and
// createContainer unknown flags, TTL flags, a null ACL.
func multiDecodes(ops []Op) bool {
	for i := range ops {
		if !partDecodes(&ops[i]) {
			return false
		}
	}
	return true
}

func partDecodes(op *Op) bool {
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
