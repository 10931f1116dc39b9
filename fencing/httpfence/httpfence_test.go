package httpfence

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/fencingtest"
	"github.com/paddock-zk/paddock/fencing/sqlitefence"
)

// server is a key-value store over HTTP. The between function of a write cannot travel, so it waits here by its number.
type server struct {
	g       *fencing.Guard
	marks   *fencing.Memory // with a Gate
	db      *sql.DB         // with storage that checks
	url     string
	mu      sync.Mutex
	data    map[string]string
	between map[string]func() error
}

var errAbandoned = errors.New("abandoned")

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	value, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	between := s.between[r.URL.RawQuery]
	s.mu.Unlock()
	var err error
	if s.db == nil {
		if between != nil {
			err = between()
		}
		if err == nil {
			s.mu.Lock()
			s.data[r.URL.Path] = string(value)
			s.mu.Unlock()
		}
	} else {
		err = s.store(r.Context(), r.URL.Path, string(value), between)
	}
	switch {
	case errors.Is(err, errAbandoned):
		w.WriteHeader(http.StatusTeapot)
	case err != nil:
		Refuse(w, err)
	}
}

func (s *server) store(ctx context.Context, key, value string, between func() error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	text, _ := Presented(ctx)
	if _, err := s.g.CheckText(ctx, sqlitefence.In(tx), text); err != nil {
		return err
	}
	if between != nil {
		if err := between(); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`, key, value); err != nil {
		return err
	}
	return tx.Commit()
}

// txMarks opens a transaction of its own for each step: what the middleware asks for early refusal and seals.
type txMarks struct{ db *sql.DB }

func (m txMarks) Raise(ctx context.Context, c fencing.Claim) error {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := sqlitefence.In(tx).Raise(ctx, c); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *server) watermarks() fencing.Watermarks {
	if s.db != nil {
		return txMarks{s.db}
	}
	return s.marks
}

func client(t fencing.Token) *http.Client {
	return &http.Client{Transport: &Transport{Token: func() (string, error) { b, err := t.MarshalText(); return string(b), err }}}
}

func (s *server) Seal(ctx context.Context, t fencing.Token) error { return Seal(ctx, client(t), s.url) }

func (s *server) Enrol(ctx context.Context, floor fencing.Token) error {
	return s.g.Enrol(ctx, s.watermarks(), floor)
}

func (s *server) Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error {
	id := t.Order() + key + value
	if between != nil {
		s.mu.Lock()
		s.between[id] = func() error {
			if err := between(); err != nil {
				return errors.Join(errAbandoned, err)
			}
			return nil
		}
		s.mu.Unlock()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.url+"/"+key+"?"+id, strings.NewReader(value))
	if err != nil {
		return err
	}
	resp, err := client(t).Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusTeapot {
		return between() // the error of the crash, again
	}
	return nil
}

func (s *server) Read(ctx context.Context, key string) (v string, err error) {
	if s.db == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.data["/"+key], nil
	}
	err = s.db.QueryRowContext(ctx, `SELECT v FROM kv WHERE k = ?`, "/"+key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

func (s *server) LoseWatermark(ctx context.Context) error {
	if s.db == nil {
		s.marks.Forget(s.g.Scope())
		return nil
	}
	_, err := s.db.ExecContext(ctx, `DELETE FROM paddock_fence`)
	return err
}

func start(t *testing.T, g *fencing.Guard, withStorage bool) *server {
	t.Helper()
	s := &server{g: g, marks: &fencing.Memory{}, data: map[string]string{}, between: map[string]func() error{}}
	m := &Middleware{Guard: g}
	if withStorage {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "db")+"?_pragma=busy_timeout(15000)&_pragma=journal_mode(WAL)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		if _, err := db.Exec(sqlitefence.Schema + `; CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT)`); err != nil {
			t.Fatal(err)
		}
		s.db, m.Storage = db, txMarks{db}
	} else {
		m.Gate = &fencing.Gate{Marks: s.marks}
	}
	h := httptest.NewServer(m.Wrap(s))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func TestConformance(t *testing.T) {
	for name, withStorage := range map[string]bool{"gate": false, "storage that checks": true} {
		t.Run(name, func(t *testing.T) {
			fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return start(t, g, withStorage) })
		})
	}
}

func TestAnswers(t *testing.T) {
	w := fencingtest.NewWorld()
	s := start(t, w.Guard(), false)
	other, _ := fencing.FromCzxid(w.Lineage, "/locks/other", fencing.Exclusive, 5)
	get := func(token string, seal string) int {
		r, _ := http.NewRequest(http.MethodPost, s.url, nil)
		if token != "" {
			r.Header.Set(HeaderToken, token)
		}
		r.Header.Set(HeaderSeal, seal)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := get(w.Token(5).String(), "1"); got != 409 {
		t.Errorf("no watermark: %d", got)
	}
	if err := s.Enrol(t.Context(), w.Token(5)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, token string
		want        int
	}{{"none", "", 428}, {"malformed", "42", 400}, {"another lock", other.String(), 403}, {"stale", w.Token(4).String(), 412}, {"good", w.Token(5).String(), 204}} {
		if got := get(c.token, "1"); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
	if got := get(w.Token(5).String(), "true"); got != 400 {
		t.Errorf("a seal that is not understood: %d", got)
	}
	err := Seal(t.Context(), client(w.Token(4)), s.url)
	var refused *Refused
	if !errors.As(err, &refused) || !errors.Is(err, fencing.ErrStaleToken) || errors.Is(err, fencing.ErrMalformed) {
		t.Errorf("client sees %v", err)
	}
}

// TestAnswersOfTheApplicationAreTheCallers: what is not a refusal of ours comes through whole, though it has the same status and is JSON too.
func TestAnswersOfTheApplicationAreTheCallers(t *testing.T) {
	const own = `{"error":"exists","message":"of the application"}`
	for _, text := range []string{own, "no JSON", `{"error":"exists","more":"` + strings.Repeat("x", 100<<10) + `"}`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, text)
		}))
		resp, err := client(fencingtest.NewWorld().Token(5)).Post(s.URL, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if resp.Body.Close(); err != nil || string(got) != text || resp.StatusCode != http.StatusConflict {
			t.Errorf("%d characters with %d, %v; want %d", len(got), resp.StatusCode, err, len(text))
		}
		s.Close()
	}
}

// TestTokenGoesToNoOtherHost: a token is the credential of a grant, and a redirect is not a reason to show it to a stranger.
func TestTokenGoesToNoOtherHost(t *testing.T) {
	asked := make(chan string, 1)
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get(HeaderToken) }))
	defer stranger.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/here" {
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
		} else if r.URL.Path != "/there" {
			http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer home.Close()
	c := client(fencingtest.NewWorld().Token(5))
	if _, err := c.Get(home.URL); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("a redirect to another host: %v", err)
	}
	if resp, err := c.Get(home.URL + "/here"); err != nil {
		t.Errorf("a redirect at home: %v", err)
	} else {
		resp.Body.Close()
	}
	select {
	case text := <-asked:
		t.Errorf("the stranger was asked, with token %q", text)
	default:
	}
}
