package fencing

import (
	"errors"
	"testing"
)

func TestNodeNamesOfTheKnownRecipes(t *testing.T) {
	const uuid, hex = "5fd3d0f8-8c9f-4e7b-9d3a-0123456789ab", "5fd3d0f88c9f4e7b9d3a0123456789ab"
	for _, c := range []struct {
		name string
		role Role
		seq  int32
		id   string
	}{
		{"_c_" + uuid + "-lock-0000000007", RoleWriter, 7, uuid},
		{"_c_" + hex + "-lock-0000000007", RoleWriter, 7, hex},
		{"_c_" + uuid + "-latch-0000000001", RoleWriter, 1, uuid},
		{"_c_" + uuid + "-__WRIT__0000000003", RoleWriter, 3, uuid},
		{"_c_" + uuid + "-__READ__0000000004", RoleReader, 4, uuid},
		{"_c_" + uuid + "-lock--2147483648", RoleWriter, -1 << 31, uuid},
		{hex + "__lock__0000000009", RoleWriter, 9, hex},
		{hex + "__rlock__0000000009", RoleReader, 9, hex},
		{hex + "__lock__-2147483640", RoleWriter, -2147483640, hex},
		{"lock-0000000001", RoleWriter, 1, ""}, {"n_0000000001", RoleWriter, 1, ""}, {uuid + "-n_0000000001", RoleWriter, 1, uuid},
		{"worker-0000000001", RoleNone, 0, ""}, {"lock-1", RoleNone, 0, ""}, {"", RoleNone, 0, ""}, {"0000000001", RoleNone, 0, ""},
		{"block-0000000001", RoleNone, 0, ""}, {"lock-9999999999", RoleNone, 0, ""}, {"evil-lock-0000000001", RoleNone, 0, ""},
	} {
		got := ParseNodeName(c.name)
		if got.Role != c.role || got.Seq != c.seq || got.Protection != c.id {
			t.Errorf("%q: got %+v", c.name, got)
		}
	}
}

func TestSequenceOrderSurvivesTheWrap(t *testing.T) {
	last, wrapped := ParseNodeName("lock-2147483647"), ParseNodeName("_c_5fd3d0f88c9f4e7b9d3a0123456789ab-lock--2147483648")
	if !last.Before(wrapped) || wrapped.Before(last) {
		t.Fatal("the newcomer with the wrapped suffix sorts before the holder: it would be granted at once")
	}
}

func TestIssuer(t *testing.T) {
	const me, other = 0x1000, 0x2000
	iss := Issuer{Lineage: testLineage()}
	node := func(name string, czxid, owner int64) LockNode { return LockNode{name, czxid, owner} }
	for _, c := range []struct {
		what     string
		path     string
		node     LockNode
		siblings []LockNode
		fence    int64
		want     error
		fenceIs  int64
		mode     Mode
	}{
		{"alone in the queue", "/l/lock-0000000001", node("lock-0000000001", 9, me), nil, 0, nil, 9, Exclusive},
		{"first in the queue", "/l/lock-0000000001", node("lock-0000000001", 9, me), []LockNode{node("lock-0000000002", 10, other)}, 0, nil, 9, Exclusive},
		{"waits", "/l/lock-0000000002", node("lock-0000000002", 10, me), []LockNode{node("lock-0000000001", 9, other)}, 0, ErrNotHolder, 0, 0},
		{"another session asks", "/l/lock-0000000001", node("lock-0000000001", 9, other), nil, 0, ErrNotOwner, 0, 0},
		{"a persistent node", "/l/lock-0000000001", node("lock-0000000001", 9, 0), nil, 0, ErrNotOwner, 0, 0},
		{"two nodes of one multi", "/l/lock-0000000001", node("lock-0000000001", 9, me), []LockNode{node("lock-0000000002", 9, other)}, 0, ErrAmbiguousGrant, 0, 0},
		{"wrapped suffix sorts first as text, was created later", "/l/lock--2147483648", node("lock--2147483648", 99, me), []LockNode{node("lock-2147483647", 98, other)}, 0, ErrNotHolder, 0, 0},
		{"wrapped suffix with protection", "/l/_c_5fd3d0f88c9f4e7b9d3a0123456789ab-lock--2147483648", node("_c_5fd3d0f88c9f4e7b9d3a0123456789ab-lock--2147483648", 99, me), []LockNode{node("lock-2147483647", 98, other)}, 0, ErrNotHolder, 0, 0},
		{"reader beside readers", "/l/x", node("5fd3d0f88c9f4e7b9d3a0123456789ab__rlock__0000000005", 12, me), []LockNode{node("5fd3d0f88c9f4e7b9d3a0123456789ac__rlock__0000000004", 11, other)}, 0, nil, 12, Shared},
		{"reader behind a writer", "/l/x", node("5fd3d0f88c9f4e7b9d3a0123456789ab__rlock__0000000005", 12, me), []LockNode{node("5fd3d0f88c9f4e7b9d3a0123456789ac__lock__0000000004", 11, other)}, 0, ErrNotHolder, 0, 0},
		{"writer behind a reader", "/l/x", node("5fd3d0f88c9f4e7b9d3a0123456789ab__lock__0000000005", 12, me), []LockNode{node("5fd3d0f88c9f4e7b9d3a0123456789ac__rlock__0000000004", 11, other)}, 0, ErrNotHolder, 0, 0},
		{"a stranger in the folder", "/l/lock-0000000001", node("lock-0000000001", 9, me), []LockNode{node("config", 1, 0)}, 0, nil, 9, Exclusive},
		{"sequential, unknown recipe", "/l/worker-0000000001", node("worker-0000000001", 9, me), nil, 0, ErrNotALock, 0, 0},
		{"single ephemeral node", "/controller", node("controller", 9, me), nil, 0, nil, 9, Exclusive},
		{"slot, granted", "/sem/slots/slot-2", node("slot-2", 44, me), nil, 44, nil, 44, Exclusive},
		{"slot, without the grant's record", "/sem/slots/slot-2", node("slot-2", 44, me), nil, 40, ErrNotHolder, 0, 0},
		{"slot, whose fence node was written later", "/sem/slots/slot-2", node("slot-2", 44, me), nil, 48, ErrNotHolder, 0, 0},
		{"slot, without a fence node", "/sem/slots/slot-2", node("slot-2", 44, me), nil, 0, ErrNotHolder, 0, 0},
		{"facts of another path", "/l/lock-0000000003", node("lock-0000000001", 9, me), nil, 0, ErrMalformed, 0, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			path := c.path
			if path == "/l/x" {
				path = "/l/" + c.node.Name
			}
			tok, err := iss.Issue(Facts{NodePath: path, Caller: me, Node: c.node, Siblings: append(c.siblings, c.node), FenceMzxid: c.fence})
			if !errors.Is(err, c.want) || tok.Fence != c.fenceIs || tok.Mode != c.mode {
				t.Fatalf("got %v (fence %d, mode %q), want %v", err, tok.Fence, byte(tok.Mode), c.want)
			}
		})
	}
}

func TestMillionGrantsAreUniqueAndRise(t *testing.T) {
	// Grants of one lock over leader changes, counter rollover, restores and re-created parents: only the zxid orders them.
	iss := Issuer{Lineage: testLineage()}
	const me = 1
	z, last := int64(1)<<32|1, Token{}
	for n := range 1_000_000 {
		switch {
		case n%100_000 == 99_999: // restore: the generation rises
			z = (z>>56 + 1) << 56
		case n%1000 == 999: // election
			z = (z>>32 + 1) << 32
		}
		z += 3
		seq := "lock-" + tenDigits(n%5000) // the parent is re-created every 5000 grants
		tok, err := iss.Issue(Facts{NodePath: "/l/" + seq, Caller: me, Node: LockNode{seq, z, me}})
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && last.Compare(tok) >= 0 {
			t.Fatalf("grant %d: %s is not after %s", n, tok.Order(), last.Order())
		}
		last = tok
	}
}

func tenDigits(n int) string {
	b := []byte("0000000000")
	for i := 9; n > 0; i, n = i-1, n/10 {
		b[i] = byte('0' + n%10)
	}
	return string(b)
}

func FuzzParseNodeName(f *testing.F) {
	f.Add("_c_5fd3d0f8-8c9f-4e7b-9d3a-0123456789ab-lock--2147483648")
	f.Fuzz(func(t *testing.T, s string) {
		if n := ParseNodeName(s); n.Name != s || n.Role > RoleReader {
			t.Fatalf("%q: %+v", s, n)
		}
	})
}
