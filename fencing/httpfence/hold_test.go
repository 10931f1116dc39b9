package httpfence

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
)

// leftBehind is a server whose handler is left behind by a time-out: it writes when it is let go. begun tells that it runs.
type leftBehind struct {
	url        string
	begun, let chan struct{}
	letGo      func()
	written    atomic.Bool
}

func startLeftBehind(t *testing.T, w fencingtest.World, chain func(m *Middleware, h http.Handler) http.Handler) *leftBehind {
	t.Helper()
	s := &leftBehind{begun: make(chan struct{}), let: make(chan struct{})}
	s.letGo = sync.OnceFunc(func() { close(s.let) })
	t.Cleanup(s.letGo)
	m := &Middleware{Guard: w.Guard(), Gate: &fencing.Gate{Marks: &fencing.Memory{}, Grace: -1}}
	if err := m.Guard.Enrol(t.Context(), m.Gate.Marks, w.Token(10)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(chain(m, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(s.begun)
		<-s.let
		s.written.Store(true)
	})))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// A newer seal waits for the handler that http.TimeoutHandler left behind: its late write lands before the seal, or never.
func TestHandlerThatATimeoutLeftBehindIsInsideTheGate(t *testing.T) {
	for what, chain := range map[string]func(m *Middleware, h http.Handler) http.Handler{
		"the time-out around Wrap": func(m *Middleware, h http.Handler) http.Handler {
			return http.TimeoutHandler(m.Wrap(h), 200*time.Millisecond, "given up")
		},
		"the time-out somewhere inside, and Hold": func(m *Middleware, h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", http.TimeoutHandler(Hold(h), 200*time.Millisecond, "given up"))
			return m.Wrap(mux)
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := fencingtest.NewWorld()
			s := startLeftBehind(t, w, chain)
			resp, err := client(w.Token(10)).Post(s.url, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("the time-out answers %d", resp.StatusCode)
			}
			select {
			case <-s.begun:
			default: // given up before it had begun, so that it never will
				return
			}
			sealed := make(chan error, 1)
			go func() {
				err := Seal(context.Background(), client(w.Token(20)), s.url)
				for err != nil && !errors.Is(err, fencing.ErrStaleToken) { // the seal's own time-out
					err = Seal(context.Background(), client(w.Token(20)), s.url)
				}
				if !s.written.Load() {
					t.Error("the newer token was sealed, and an older write is still to come")
				}
				sealed <- err
			}()
			for err := error(nil); !errors.Is(err, fencing.ErrStaleToken); { // until the newer one has raised the watermark
				err = Seal(context.Background(), client(w.Token(10)), s.url)
			}
			s.letGo()
			if err := <-sealed; err != nil {
				t.Error(err)
			}
		})
	}
}

// Directly inside of Wrap a TimeoutHandler is a mistake that is told when the server is put together.
func TestTimeoutHandlerInsideOfWrap(t *testing.T) {
	defer func() {
		if s, _ := recover().(string); !strings.Contains(s, "around Wrap") {
			t.Errorf("it said %q", s)
		}
	}()
	m := &Middleware{Guard: fencingtest.NewWorld().Guard(), Gate: &fencing.Gate{Marks: &fencing.Memory{}}}
	m.Wrap(http.TimeoutHandler(http.NotFoundHandler(), time.Second, ""))
}

// A handler that a time-out gave up before it began does not begin, and outside of every Middleware none does.
func TestHoldOfARequestThatHasLeft(t *testing.T) {
	w := fencingtest.NewWorld()
	m := &Middleware{Guard: w.Guard(), Gate: &fencing.Gate{Marks: &fencing.Memory{}}}
	if err := m.Guard.Enrol(t.Context(), m.Gate.Marks, w.Token(10)); err != nil {
		t.Fatal(err)
	}
	var later *http.Request
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set(HeaderToken, w.Token(10).String())
	m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { later = r })).ServeHTTP(httptest.NewRecorder(), r)
	ran := false
	held := Hold(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
	for _, c := range []struct {
		r    *http.Request
		want int
	}{{later, http.StatusServiceUnavailable}, {r, http.StatusInternalServerError}} {
		answer := httptest.NewRecorder()
		if held.ServeHTTP(answer, c.r); ran || answer.Code != c.want {
			t.Errorf("ran %t, answered %d, want %d", ran, answer.Code, c.want)
		}
	}
}

// A stream of an older grant is ended, wherever its handler waits: for its context, for more of the body, or for a client that does not read. The newer seal is admitted then.
func TestStreamOfAnOlderGrantEnds(t *testing.T) {
	for what, wait := range map[string]func(w http.ResponseWriter, r *http.Request){
		"for its context": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"for the body":    func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"for a client that does not read": func(w http.ResponseWriter, _ *http.Request) {
			for piece := make([]byte, 1<<20); ; {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := fencingtest.NewWorld()
			begun := make(chan struct{})
			m := &Middleware{Guard: w.Guard(), Gate: &fencing.Gate{Marks: &fencing.Memory{}, Grace: 10 * time.Millisecond}}
			if err := m.Guard.Enrol(t.Context(), m.Gate.Marks, w.Token(10)); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).EnableFullDuplex()
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				close(begun)
				wait(w, r)
			})))
			defer server.Close()
			body, more := io.Pipe() // never ends by itself
			defer more.Close()
			resp, err := client(w.Token(10)).Post(server.URL, "", body)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			<-begun
			if err := Seal(t.Context(), client(w.Token(20)), server.URL); err != nil {
				t.Error(err)
			}
		})
	}
}
