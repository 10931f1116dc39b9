package httpfence

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/paddock-zk/paddock/fencing"
)

// timeoutHandler is the type of http.TimeoutHandler, which goes home before its handler does.
var timeoutHandler = reflect.TypeOf(http.TimeoutHandler(nil, 0, ""))

// Hold is put directly around a handler that something between it and Wrap may leave behind, as an http.TimeoutHandler deep in a router does: the Gate stays shut
// to newer tokens until h itself has returned, and h does not begin when its request has left the Gate.
func Hold(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := r.Context().Value(presentedKey{}).(admitted)
		if !ok {
			answer(w, http.StatusInternalServerError, fencing.ReasonStorage.String(), "httpfence: Hold stands outside of every Middleware: put Wrap around it")
			return
		}
		if a.entry != nil {
			release, ok := a.entry.Hold()
			if !ok {
				answer(w, http.StatusServiceUnavailable, fencing.ReasonStorage.String(), "httpfence: the request was given up before it began; nothing was done")
				return
			}
			defer release()
		}
		h.ServeHTTP(w, r)
	})
}

// answerTime is what a handler that was told to end has for its last words.
const answerTime = time.Second

// endWaits makes sure that a handler which is told to end, because a newer grant waits, hears it also where it waits for its client: in a read of the body, or in
// a write to a client that does not read. stop is called when the handler has returned.
func endWaits(ctx context.Context, w http.ResponseWriter) (stop func()) {
	done := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(done)
		if errors.Is(context.Cause(ctx), fencing.ErrStaleToken) {
			c, now := http.NewResponseController(w), time.Now()
			_ = c.SetReadDeadline(now) // a writer that knows no deadlines has its own ways
			_ = c.SetWriteDeadline(now.Add(answerTime))
		}
	})
	return func() {
		if !unwatch() {
			<-done
		}
	}
}
