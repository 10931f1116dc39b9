package badgerfence_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/badgerfence"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// The check and the write are in one transaction, which is run again when another one was faster.
func ExampleUpdate() {
	db, err := badger.Open(badger.DefaultOptions("").WithInMemory(true).WithLogger(nil))
	if err != nil {
		panic(err)
	}
	defer db.Close()
	world := fencingtest.NewWorld() // in a program: a guard made by fencing.NewGuard, tokens from the lock
	ctx, guard := context.Background(), world.Guard()
	write := func(t fencing.Token, value string) error {
		return badgerfence.Update(ctx, db, func(txn *badger.Txn) error {
			if err := guard.Check(ctx, badgerfence.In(txn), t); err != nil {
				return err // the lock is lost: stop
			}
			return txn.Set([]byte("job"), []byte(value))
		})
	}
	err = badgerfence.Update(ctx, db, func(txn *badger.Txn) error { return guard.Enrol(ctx, badgerfence.In(txn), fencing.Token{}) }) // once
	fmt.Println(err, write(world.Token(9), "by the newer"))
	fmt.Println(errors.Is(write(world.Token(5), "late"), fencing.ErrStaleToken))
	// Output:
	// <nil> <nil>
	// true
}
