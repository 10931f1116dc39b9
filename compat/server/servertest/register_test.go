package servertest_test

import (
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/paddock-zk/paddock/compat/server/servertest"
	"github.com/paddock-zk/paddock/znode"
)

// registerState is a versioned register; version -1: not created.
type registerState struct {
	version int32
	value   string
}

var register = porcupine.Model{
	Init: func() any { return registerState{version: -1} },
	Step: func(state, _, output any) (bool, any) {
		return stepRegister(state.(registerState), output.(*servertest.RegisterOp))
	},
}

func stepRegister(s registerState, op *servertest.RegisterOp) (bool, any) {
	absent := s.version < 0
	switch {
	case op.Kind == servertest.RegisterRead && op.Code == znode.OK:
		return !absent && op.Version == s.version && op.Value == s.value, s
	case op.Code == znode.ErrNoNode:
		return absent && op.Kind != servertest.RegisterCreate, s
	case op.Code == znode.ErrNodeExists:
		return !absent && op.Kind == servertest.RegisterCreate, s
	case op.Code == znode.ErrBadVersion:
		return !absent && op.Version != s.version, s
	case op.Code == znode.ErrQuotaExceeded: // a disk was low: nothing was done, whatever the register holds
		return op.Kind != servertest.RegisterRead, s
	case op.Code != znode.OK:
		return false, s
	case op.Kind == servertest.RegisterCreate:
		return absent, registerState{0, op.Value}
	}
	fits := !absent && (op.Version == -1 || op.Version == s.version) && op.NewVersion == s.version+1
	return fits, registerState{s.version + 1, op.Value}
}

func TestRegisterModel(t *testing.T) {
	op := func(kind servertest.RegisterKind, value string, version, next int32, call, end int64) servertest.RegisterOp {
		return servertest.RegisterOp{Path: "/r", Kind: kind, Value: value, Version: version, NewVersion: next, Call: call, Return: end, Known: true}
	}
	good := []servertest.RegisterOp{op(servertest.RegisterCreate, "a", -1, 0, 1, 2), op(servertest.RegisterSet, "b", 0, 1, 3, 6),
		op(servertest.RegisterRead, "a", 0, 0, 4, 5), op(servertest.RegisterRead, "b", 1, 0, 7, 8)}
	if err := linearizable(good); err != nil {
		t.Error(err)
	}
	stale := append(good[:3:3], op(servertest.RegisterRead, "a", 0, 0, 7, 8))
	if linearizable(stale) == nil {
		t.Error("a stale read passes")
	}
}
