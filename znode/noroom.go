package znode

// LacksRoom says whether t would be refused with ErrQuotaExceeded if it were applied now with FlagNoGrow, and with which part of a multi (0 if it is
// none). A server answers such a transaction by itself while a disk is nearly full, so that it takes no place in the log: the log is what fills the disk
// by then. A setData counts as growth here even if its node keeps its size, for the log grows by its data.
//
// What would be refused for another reason lacks no room, since its client is to hear that reason. It changes nothing, so that the caller
// needs the state for reading only.
func (s *State) LacksRoom(t *Txn) (part int, lacks bool) {
	c := call{txn: t}
	var tmp scratch
	switch t.Op.Kind {
	case KindCreate:
		_, code := s.judgeCreate(&c, &t.Op, singleWire(&t.Op), &tmp)
		return 0, code == OK || code == ErrQuotaExceeded
	case KindSetData:
		_, growth, code := s.judgeSetData(&c, &t.Op)
		return 0, code == OK && growth >= 0 || code == ErrQuotaExceeded
	case KindMulti:
		return s.multiLacksRoom(&c, &tmp)
	}
	return 0, false
}

// multiLacksRoom goes through the parts. Each is judged by the state as it is, and by what the parts before it leave behind: sizes are the data of the nodes
// that they touched, and gone is the size of a node that they deleted.
func (s *State) multiLacksRoom(c *call, tmp *scratch) (part int, lacks bool) {
	ops := c.txn.Ops
	if !multiDecodes(ops) {
		return 0, false
	}
	const gone = -1
	sizes := map[string]int{}
	for i := range ops {
		op, code := &ops[i], OK
		before, touched := sizes[op.Path]
		switch op.Kind {
		case KindCreate:
			if touched && before == gone {
				return i, true // it puts back what was deleted
			}
			_, code = s.judgeCreate(c, op, multiWire(op), tmp)
			if code == OK {
				code = ErrQuotaExceeded
			}
		case KindSetData:
			if touched && before == gone {
				code = ErrNoNode
			} else if touched && len(op.Data) >= before {
				code = ErrQuotaExceeded
			} else if !touched {
				var growth int64
				if _, growth, code = s.judgeSetData(c, op); code == OK && growth >= 0 {
					code = ErrQuotaExceeded
				}
			}
			sizes[op.Path] = len(op.Data)
		case KindDelete:
			if !touched {
				_, code = s.judgeDelete(c, op)
			}
			if code == ErrNotEmpty && len(sizes) > 0 {
				code = OK // a part before it may have deleted the children
			}
			sizes[op.Path] = gone
		case KindCheck:
			if !touched {
				code = s.check(c, op)
			}
		}
		if code != OK {
			return i, code == ErrQuotaExceeded
		}
	}
	return 0, false
}
