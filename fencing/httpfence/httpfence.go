package httpfence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/paddock-zk/paddock/fencing"
)

// Headers of a request.
const (
	HeaderToken = "Paddock-Token" // the token as text, signed or plain
	HeaderSeal  = "Paddock-Seal"  // "1": a seal, the resource is not touched
)

// Middleware admits requests under one guard. Set Guard (or GuardFor) and exactly one of Gate and Storage.
type Middleware struct {
	Guard *fencing.Guard
	// GuardFor, if set, chooses the guard of a request, for resources under different locks. nil: the request is refused with 404.
	GuardFor func(*http.Request) *fencing.Guard
	// Gate makes this process the guard of the resource. Its Grace is how long requests of an older grant may go on.
	Gate *fencing.Gate
	// Storage is asked for early refusal only; the handler checks again with Presented.
	Storage fencing.Watermarks
}

type presentedKey struct{}

// admitted is what a request carries behind a Middleware.
type admitted struct {
	text  string
	entry *fencing.Entry // nil without a Gate
}

// Presented is the token of the request as it was sent. ok is false outside of a Middleware.
func Presented(ctx context.Context) (text string, ok bool) {
	a, ok := ctx.Value(presentedKey{}).(admitted)
	return a.text, ok
}

// Wrap puts the middleware in front of a handler.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if (m.Gate == nil) == (m.Storage == nil) {
		panic("httpfence: a Middleware needs exactly one of Gate and Storage")
	}
	if m.Gate != nil && reflect.TypeOf(next) == timeoutHandler {
		panic("httpfence: an http.TimeoutHandler inside of Wrap returns before its handler has ended, so that a late write could land behind a newer seal: put it around Wrap, http.TimeoutHandler(fence.Wrap(handler), …)")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard := m.Guard
		if m.GuardFor != nil {
			guard = m.GuardFor(r)
		}
		if guard == nil {
			http.NotFound(w, r)
			return
		}
		text := r.Header.Get(HeaderToken)
		if text == "" || len(r.Header.Values(HeaderToken)) > 1 {
			answer(w, http.StatusPreconditionRequired, missingToken, "this resource is guarded: send one token in the header "+HeaderToken)
			return
		}
		if v := r.Header.Get(HeaderSeal); v != "" && v != "1" { // a seal that is not understood must not become a write
			answer(w, http.StatusBadRequest, fencing.ReasonMalformed.String(), fmt.Sprintf("the header %s is %q: 1, or leave it out", HeaderSeal, v))
			return
		}
		entry, leave, err := m.admit(r.Context(), guard, text, opOf(r))
		if err != nil {
			Refuse(w, err)
			return
		}
		defer leave()
		if r.Header.Get(HeaderSeal) == "1" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		ctx := r.Context()
		if entry != nil {
			ctx = entry.Context()
			defer endWaits(ctx, w)()
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, presentedKey{}, admitted{text, entry})))
	})
}

func (m *Middleware) admit(ctx context.Context, guard *fencing.Guard, text string, op fencing.Op) (entry *fencing.Entry, leave func(), err error) {
	if m.Gate != nil {
		return m.Gate.Enter(ctx, guard, text, op)
	}
	if op == fencing.OpSeal {
		_, err = guard.SealText(ctx, m.Storage, text)
	} else {
		_, err = guard.CheckReadText(ctx, m.Storage, text)
	}
	return nil, func() {}, err
}

func opOf(r *http.Request) fencing.Op {
	switch {
	case r.Header.Get(HeaderSeal) == "1":
		return fencing.OpSeal
	case r.Method == http.MethodGet, r.Method == http.MethodHead, r.Method == http.MethodOptions:
		return fencing.OpRead
	}
	return fencing.OpCheck
}

// Refuse answers a request with a refusal of fencing; handlers use it for the refusal of their storage.
func Refuse(w http.ResponseWriter, err error) {
	reason := fencing.ReasonOf(err)
	status := http.StatusServiceUnavailable
	switch reason {
	case fencing.ReasonStale:
		status = http.StatusPreconditionFailed
	case fencing.ReasonMalformed:
		status = http.StatusBadRequest
	case fencing.ReasonUnverified:
		status = http.StatusUnauthorized
	case fencing.ReasonWrongScope:
		status = http.StatusForbidden
	case fencing.ReasonUnknownLineage, fencing.ReasonNoWatermark, fencing.ReasonImplausible, fencing.ReasonNotSealed, fencing.ReasonEnrolled:
		status = http.StatusConflict
	}
	answer(w, status, reason.String(), err.Error())
}

// missingToken is the reason of an answer to a request without a token.
const missingToken = "missing_token"

type body struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

func answer(w http.ResponseWriter, status int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body{reason, message})
}

// Refused is a server's refusal, as the client sees it.
type Refused struct {
	Status  int
	Reason  string // a word of fencing.Reason, or missing_token
	Message string // the server's sentence
}

func (e *Refused) Error() string {
	return fmt.Sprintf("httpfence: refused with %d %s: %s", e.Status, e.Reason, e.Message)
}

// Is matches the sentinel of fencing that stands for the reason.
func (e *Refused) Is(target error) bool {
	r := fencing.ReasonOf(target)
	return r != fencing.ReasonStorage && r != fencing.ReasonNone && r.String() == e.Reason
}

// Transport sends a token with every request and turns refusals into errors. It never retries.
type Transport struct {
	// Token gives the text to send: the signed token of a grant, or its text form. An error ends the request (the lock is lost).
	Token func() (string, error)
	// Base sends the requests; nil means http.DefaultTransport.
	Base http.RoundTripper
}

// RoundTrip is the http.RoundTripper contract; the error of a refused request is *Refused. A redirect to another host is not followed: whoever has the
// token can write as this holder.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	text, err := t.token(r)
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set(HeaderToken, text)
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := refusalOf(resp); err != nil {
		return nil, err
	}
	return resp, nil
}

func (t *Transport) token(r *http.Request) (string, error) {
	if from := r.Response; from != nil && from.Request != nil && from.Request.URL.Host != r.URL.Host {
		return "", fmt.Errorf("httpfence: %s redirects to another host, %s, which gets no token: give the transport of that host its own client", from.Request.URL.Host, r.URL.Host)
	}
	text, err := t.Token()
	if err != nil {
		return "", fmt.Errorf("httpfence: no token to send: %w", err)
	}
	return text, nil
}

// maxRefusal bounds what is read of an answer to find out whether it is a refusal.
const maxRefusal = 64 << 10

// refusalOf recognizes an answer of Refuse and closes it; any other answer, also one in JSON, is the caller's, whole.
func refusalOf(resp *http.Response) error {
	switch resp.StatusCode {
	case 400, 401, 403, 409, 412, 428, 503:
	default:
		return nil
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	var b body
	if err != nil || json.Unmarshal(raw, &b) != nil || !isReason(b.Error) {
		resp.Body = restored{io.MultiReader(bytes.NewReader(raw), resp.Body), resp.Body}
		return nil
	}
	resp.Body.Close()
	return &Refused{Status: resp.StatusCode, Reason: b.Error, Message: b.Message}
}

// restored is a body of which the beginning was read already.
type restored struct {
	io.Reader
	io.Closer
}

func isReason(word string) bool {
	for r := fencing.ReasonStale; r.String() != "unknown"; r++ {
		if r.String() == word {
			return true
		}
	}
	return word == missingToken
}

// Seal announces a grant to a guarded URL: after it returns nil no write with a lower token takes effect there any more.
func Seal(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return fmt.Errorf("httpfence: seal: %w", err)
	}
	r.Header.Set(HeaderSeal, "1")
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("httpfence: seal %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("httpfence: seal %s: the answer was %s", url, resp.Status)
	}
	return nil
}
