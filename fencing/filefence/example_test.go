package filefence_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
	"github.com/paddock-zk/paddock/fencing/filefence"
)

// A new holder seals the folder; the late write of the one before is refused, and the file is as the new holder found it.
func ExampleDir_Writing() {
	path, err := os.MkdirTemp("", "job")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(path)
	world := fencingtest.NewWorld() // in a program: a guard made by fencing.NewGuard, tokens from the lock
	ctx, guard := context.Background(), world.Guard()
	dir, err := filefence.Open(path)
	if err != nil {
		panic(err)
	}
	write := func(t fencing.Token, text string) error {
		return guard.Check(ctx, dir.Writing(func(w *filefence.Writer) error { return w.WriteFile("state", []byte(text)) }), t)
	}
	older, newer := world.Token(5), world.Token(9)
	fmt.Println(guard.Enrol(ctx, dir.Writing(nil), fencing.Token{})) // once
	fmt.Println(write(older, "first"))
	fmt.Println(guard.Seal(ctx, dir.Writing(nil), newer))
	fmt.Println(errors.Is(write(older, "late"), fencing.ErrStaleToken))
	state, _ := os.ReadFile(filepath.Join(path, "state"))
	fmt.Println(string(state))
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// true
	// first
}
