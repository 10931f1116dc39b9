package httpfence_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
	"github.com/paddock-zk/paddock/fencing/filefence"
	"github.com/paddock-zk/paddock/fencing/httpfence"
)

// A server that is the only way to its resource, and two holders of the lock that protects it.
func ExampleMiddleware() {
	world := fencingtest.NewWorld() // in a program: a guard made by fencing.NewGuard, tokens from the lock
	guard := world.Guard()
	folder, err := os.MkdirTemp("", "fence") // in a program: a folder that stays
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	marks, err := filefence.OpenMarks(folder)
	if err != nil {
		panic(err)
	}
	defer marks.Close()
	if err := guard.Enrol(context.Background(), marks, fencing.Token{}); err != nil { // once, when the resource is made, and not at each start
		panic(err)
	}
	gate := &fencing.Gate{Marks: marks}
	fence := &httpfence.Middleware{Guard: guard, Gate: gate}
	server := httptest.NewServer(fence.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") })))
	defer server.Close()

	client := func(t fencing.Token) *http.Client { // with a grant of fencing/lock: Token: grant.Presented
		return &http.Client{Transport: &httpfence.Transport{Token: func() (string, error) { return t.String(), nil }}}
	}
	older, newer := client(world.Token(5)), client(world.Token(9))
	fmt.Println(httpfence.Seal(context.Background(), newer, server.URL))
	_, err = older.Post(server.URL, "", nil)
	fmt.Println(errors.Is(err, fencing.ErrStaleToken))
	resp, err := newer.Post(server.URL, "", nil)
	if err == nil {
		resp.Body.Close()
	}
	fmt.Println(err)
	// Output:
	// <nil>
	// true
	// <nil>
}
