package fencing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/filefence"
)

// lineage of a stock ZooKeeper, chosen by its operator; Paddock shows its own at /zookeeper/lineage.
func lineage() fencing.Lineage {
	l, err := fencing.ParseLineage([]byte(`{"cluster": "7f8a1c52-0d2e-4b5c-9a61-3f0e8c1d2b4a", "incarnation": "c0ffee00-1111-4222-8333-444455556666"}`))
	if err != nil {
		panic(err)
	}
	return l
}

func guard() *fencing.Guard {
	l := lineage()
	scope, err := fencing.ScopeOf(l.Cluster, "/locks/job")
	if err != nil {
		panic(err)
	}
	g, err := fencing.NewGuard(fencing.Policy{Lineage: l, Scope: scope})
	if err != nil {
		panic(err)
	}
	return g
}

func token(czxid int64) fencing.Token {
	t, err := fencing.FromCzxid(lineage(), "/locks/job", fencing.Exclusive, czxid)
	if err != nil {
		panic(err)
	}
	return t
}

// A new holder seals before it reads; from then on the old holder's writes are refused.
func ExampleGuard() {
	ctx, g, state := context.Background(), guard(), "empty"
	var marks fencing.Memory
	write := func(t fencing.Token, value string) error {
		return g.Check(ctx, marks.Writing(func() error { state = value; return nil }), t)
	}
	if err := g.Enrol(ctx, &marks, fencing.Token{}); err != nil { // once, when the resource is set up
		panic(err)
	}

	older, newer := token(0x100000005), token(0x100000009)
	fmt.Println(write(older, "by the first holder"))
	fmt.Println(g.Seal(ctx, &marks, newer))
	err := write(older, "by the first holder, late")
	var stale *fencing.StaleToken
	fmt.Println(errors.Is(err, fencing.ErrStaleToken), errors.As(err, &stale), stale.Seen.Order())
	fmt.Println(state)
	// Output:
	// <nil>
	// <nil>
	// true true 000000010000000900000000
	// by the first holder
}

// Numbers travel as strings: many JSON readers keep 53 bits only.
func ExampleToken_MarshalJSON() {
	b, err := json.Marshal(token(1<<53 + 1))
	if err != nil {
		panic(err)
	}
	var fields struct{ Fence, Mode string }
	_ = json.Unmarshal(b, &fields)
	fmt.Println(fields.Fence, fields.Mode)
	// Output: 9007199254740993 x
}

// cversion is a fence only together with its parent's czxid.
func ExampleFromParent() {
	_, err := fencing.FromCversion(12)
	fmt.Println(errors.Is(err, fencing.ErrMalformed))
	first, _ := fencing.FromParent(lineage(), "/locks/job", fencing.Exclusive, 0x100000002, 2_000_000)
	reborn, _ := fencing.FromParent(lineage(), "/locks/job", fencing.Exclusive, 0x200000001, 1) // the parent was deleted and made anew
	fmt.Println(first.Compare(reborn))
	// Output:
	// true
	// -1
}

// The server's side of signed tokens: who holds, by the facts of the tree.
func ExampleIssuer_Issue() {
	first := fencing.LockNode{Name: "lock-0000000004", Czxid: 0x100000005, Owner: 0xa}
	second := fencing.LockNode{Name: "lock-0000000005", Czxid: 0x100000009, Owner: 0xb}
	issuer := fencing.Issuer{Lineage: lineage()}
	queue := []fencing.LockNode{first, second}

	t, err := issuer.Issue(fencing.Facts{NodePath: "/locks/job/lock-0000000004", Caller: 0xa, Node: first, Siblings: queue})
	fmt.Println(t.Order(), err)
	_, err = issuer.Issue(fencing.Facts{NodePath: "/locks/job/lock-0000000005", Caller: 0xb, Node: second, Siblings: queue})
	fmt.Println(errors.Is(err, fencing.ErrNotHolder))
	_, err = issuer.Issue(fencing.Facts{NodePath: "/locks/job/lock-0000000004", Caller: 0xb, Node: first, Siblings: queue})
	fmt.Println(errors.Is(err, fencing.ErrNotOwner))
	// Output:
	// 000000010000000500000000 <nil>
	// true
	// true
}

// A proxy in front of something that cannot check: the newer holder is let in when the older requests have left.
func ExampleGate() {
	ctx, g := context.Background(), guard()
	folder, err := os.MkdirTemp("", "fence") // in a program: a folder that stays
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	marks, err := filefence.OpenMarks(folder) // the next process finds there what this one has seen
	if err != nil {
		panic(err)
	}
	defer marks.Close()
	if err := g.Enrol(ctx, marks, fencing.Token{}); err != nil { // once, when the resource is made, and not at each start
		panic(err)
	}
	gate := &fencing.Gate{Marks: marks}
	_, leave, err := gate.Enter(ctx, g, token(5).String(), fencing.OpSeal)
	fmt.Println(err)
	leave()
	_, leave, err = gate.Enter(ctx, g, token(6).String(), fencing.OpCheck)
	fmt.Println(err)
	defer leave()
	_, _, err = gate.Enter(ctx, g, token(5).String(), fencing.OpCheck)
	fmt.Println(errors.Is(err, fencing.ErrStaleToken))
	// Output:
	// <nil>
	// <nil>
	// true
}
