package fencingtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/fencing"
)

// Store is a guarded storage as the suite sees it: a few named string values behind one guard.
type Store interface {
	// Seal raises the watermark for the token, durably.
	Seal(ctx context.Context, t fencing.Token) error
	// Write checks the token and sets key to value in one atomic step. between, if not nil, is called after the check and before the write takes effect, if
	// there is such a moment in the caller's process (it may be called again when the step is redone); if it returns an error the write is abandoned as
	// if the process had died there, and that error is returned.
	Write(ctx context.Context, t fencing.Token, key, value string, between func() error) error
	// Read gives the value of key, "" if it was never written.
	Read(ctx context.Context, key string) (string, error)
	// Enrol creates the watermark of the guard's scope.
	Enrol(ctx context.Context, floor fencing.Token) error
	// LoseWatermark removes the watermark and keeps the data, as a failing or badly restored storage does.
	LoseWatermark(ctx context.Context) error
}

// Transactional is a Store whose transactions can seal and read. The suite holds it to one case more: at an isolation level where a seal would be followed
// by reads from before it, the seal must fail.
type Transactional interface {
	Store
	// SealAndRead does all in one transaction: it reads key, calls begun, seals, reads key again, commits, and gives what it read last. begun may be called
	// again when the transaction is redone.
	SealAndRead(ctx context.Context, t fencing.Token, key string, begun func()) (string, error)
}

// Open gives a fresh, empty, not enrolled store behind the guard. It may register clean-up with t.
type Open func(t *testing.T, g *fencing.Guard) Store

// TB is what a case needs of *testing.T.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Case is one promise. Run runs them all; implementers may run them one by one.
type Case struct {
	Name  string
	Check func(t TB, s Store, w World)
	// Enrolled: the suite enrols the scope before the case.
	Enrolled bool
	// RequireSeal: the guard of the case demands a seal (Policy.RequireSeal).
	RequireSeal bool
}

// World makes tokens for the guard under test.
type World struct {
	Lineage fencing.Lineage
	Path    string
}

// lockPath protects the stores of the suite.
const lockPath = "/locks/conformance"

// deadline bounds every wait of the suite; a real storage answers far sooner.
const deadline = 20 * time.Second

// NewWorld is the world of the suite: a fixed lineage and lock.
func NewWorld() World {
	return World{Lineage: fencing.Lineage{Cluster: fencing.ID{15: 1}, Incarnation: fencing.ID{15: 2}}, Path: lockPath}
}

// Guard is a guard for the world's lock with the strict policy.
func (w World) Guard() *fencing.Guard { return w.guard(false) }

func (w World) guard(requireSeal bool) *fencing.Guard {
	scope, err := fencing.ScopeOf(w.Lineage.Cluster, w.Path)
	if err != nil {
		panic(err)
	}
	g, err := fencing.NewGuard(fencing.Policy{Lineage: w.Lineage, Scope: scope, RequireSeal: requireSeal})
	if err != nil {
		panic(err)
	}
	return g
}

// Token is an exclusive token of the world's lock.
func (w World) Token(fence int64) fencing.Token { return w.token(fencing.Exclusive, fence) }

// Shared is a reader's token of the world's lock.
func (w World) Shared(fence int64) fencing.Token { return w.token(fencing.Shared, fence) }

func (w World) token(m fencing.Mode, fence int64) fencing.Token {
	t, err := fencing.FromCzxid(w.Lineage, w.Path, m, fence)
	if err != nil {
		panic(err)
	}
	return t
}

// Run holds a storage to every case, each against a fresh store.
func Run(t *testing.T, open Open) {
	w := NewWorld()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			s := open(t, w.guard(c.RequireSeal))
			if c.Enrolled {
				if err := s.Enrol(t.Context(), fencing.Token{}); err != nil {
					t.Fatalf("enrol: %v", err)
				}
			}
			c.Check(t, s, w)
		})
	}
}

// Cases lists the promises in the order of the guide.
func Cases() []Case {
	return []Case{
		{Name: "lower is stale, equal is the same grant, higher raises", Check: checkOrder, Enrolled: true},
		{Name: "large numbers keep every bit", Check: checkWidth, Enrolled: true},
		{Name: "shared tokens are checked and never raise", Check: checkShared, Enrolled: true},
		{Name: "seal before read: a delayed write is refused", Check: checkDelayed, Enrolled: true},
		{Name: "nothing is admitted without a watermark", Check: checkNotEnrolled},
		{Name: "loss of the watermark fails closed", Check: checkLoss, Enrolled: true},
		{Name: "enrolling twice does not lower", Check: checkEnrolTwice, Enrolled: true},
		{Name: "where a seal is required nothing else raises", Check: checkRequireSeal, Enrolled: true, RequireSeal: true},
		{Name: "tokens of another lock, cluster or incarnation are refused", Check: checkMixups, Enrolled: true},
		{Name: "a crash between check and write leaves no write", Check: checkCrash, Enrolled: true},
		{Name: "a write that was checked before a newer seal does not take effect after it", Check: checkPaused, Enrolled: true},
		{Name: "a transaction that seals and reads sees all that was written before its seal", Check: checkSealAndRead, Enrolled: true},
		{Name: "first writers race, the highest wins", Check: checkFirstRace, Enrolled: true},
		{Name: "writers of one grant run side by side", Check: checkSameGrant, Enrolled: true},
		{Name: "concurrent grants: no write lands after a newer seal", Check: checkConcurrent, Enrolled: true},
	}
}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), deadline)
}

// must fails the case when an admitted operation was refused.
func must(t TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// mustRefuse fails the case when err is not the refusal that the rules demand.
func mustRefuse(t TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want a refusal: %v", what, err, want)
	}
}

func mustRead(ctx context.Context, t TB, s Store, key, want string) {
	t.Helper()
	got, err := s.Read(ctx, key)
	must(t, "read "+key, err)
	if got != want {
		t.Fatalf("%s is %q, want %q", key, got, want)
	}
}

func checkOrder(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "first write", s.Write(ctx, w.Token(100), "k", "a", nil))
	must(t, "equal token", s.Write(ctx, w.Token(100), "k", "b", nil))
	must(t, "higher token", s.Write(ctx, w.Token(101), "k", "c", nil))
	err := s.Write(ctx, w.Token(100), "k", "stale", nil)
	mustRefuse(t, "lower token", err, fencing.ErrStaleToken)
	if !strings.Contains(err.Error(), w.Token(101).Order()) {
		t.Fatalf("the refusal does not say what was seen: %v", err)
	}
	mustRefuse(t, "seal with a lower token", s.Seal(ctx, w.Token(99)), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "c")
	sub := w.Token(101)
	sub.Sub = 1
	must(t, "higher sub", s.Seal(ctx, sub))
	mustRefuse(t, "lower sub", s.Write(ctx, w.Token(101), "k", "stale", nil), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "c")
}

func checkWidth(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	// Neighbours above 2^53, which a float64 cannot tell apart; and a fence whose lower half is larger than the next one's.
	const big = 1<<55 + 1
	must(t, "2^55+1", s.Write(ctx, w.Token(big), "k", "a", nil))
	mustRefuse(t, "2^55", s.Write(ctx, w.Token(big-1), "k", "stale", nil), fencing.ErrStaleToken)
	must(t, "2^55+2", s.Write(ctx, w.Token(big+1), "k", "b", nil))
	mustRefuse(t, "2^55+1 again", s.Write(ctx, w.Token(big), "k", "stale", nil), fencing.ErrStaleToken)
	must(t, "upper half ends", s.Seal(ctx, w.Token(1<<55|0xffffffff)))
	must(t, "upper half goes on", s.Write(ctx, w.Token(1<<55|1<<32), "k", "c", nil))
	mustRefuse(t, "lower half is larger, upper smaller", s.Write(ctx, w.Token(1<<55|0xffffffff), "k", "stale", nil), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "c")
	mustRefuse(t, "2^63-1", s.Write(ctx, w.Token(1<<63-1), "k", "poison", nil), fencing.ErrImplausible)
	must(t, "the holder after a poisoning attempt", s.Write(ctx, w.Token(1<<55|1<<32), "k", "d", nil))
}

func checkShared(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "writer seals", s.Seal(ctx, w.Token(50)))
	must(t, "later reader", s.Seal(ctx, w.Shared(60)))
	must(t, "reader before that one", s.Seal(ctx, w.Shared(55)))
	mustRefuse(t, "reader older than the writer", s.Seal(ctx, w.Shared(49)), fencing.ErrStaleToken)
	must(t, "the writer is not shut out by readers", s.Write(ctx, w.Token(50), "k", "v", nil))
	must(t, "next writer", s.Seal(ctx, w.Token(70)))
	mustRefuse(t, "reader older than the next writer", s.Write(ctx, w.Shared(60), "k", "stale", nil), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "v")
}

func checkDelayed(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "old holder seals", s.Seal(ctx, w.Token(10)))
	must(t, "old holder writes", s.Write(ctx, w.Token(10), "k", "1", nil))
	must(t, "delayed write before the seal is harmless", s.Write(ctx, w.Token(10), "k", "2", nil))
	must(t, "new holder seals", s.Seal(ctx, w.Token(20)))
	mustRead(ctx, t, s, "k", "2")
	mustRefuse(t, "delayed write after the seal", s.Write(ctx, w.Token(10), "k", "3", nil), fencing.ErrStaleToken)
	must(t, "new holder writes what it computed from its read", s.Write(ctx, w.Token(20), "k", "2+1", nil))
	mustRefuse(t, "another key under the same lock", s.Write(ctx, w.Token(10), "other", "x", nil), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "2+1")
	mustRead(ctx, t, s, "other", "")
}

func checkNotEnrolled(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	mustRefuse(t, "write", s.Write(ctx, w.Token(5), "k", "v", nil), fencing.ErrNoWatermark)
	mustRefuse(t, "seal", s.Seal(ctx, w.Token(5)), fencing.ErrNoWatermark)
	mustRead(ctx, t, s, "k", "")
}

func checkLoss(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "write", s.Write(ctx, w.Token(30), "k", "v", nil))
	must(t, "lose the watermark", s.LoseWatermark(ctx))
	mustRefuse(t, "an old writer", s.Write(ctx, w.Token(20), "k", "stale", nil), fencing.ErrNoWatermark)
	mustRefuse(t, "the holder itself", s.Write(ctx, w.Token(30), "k", "w", nil), fencing.ErrNoWatermark)
	must(t, "reseal with a token granted after the loss", s.Enrol(ctx, w.Token(40)))
	mustRefuse(t, "an old writer after the reseal", s.Write(ctx, w.Token(30), "k", "stale", nil), fencing.ErrStaleToken)
	must(t, "the new holder", s.Write(ctx, w.Token(40), "k", "new", nil))
	mustRead(ctx, t, s, "k", "new")
}

func checkEnrolTwice(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "write", s.Write(ctx, w.Token(30), "k", "v", nil))
	mustRefuse(t, "enrol again as new", s.Enrol(ctx, fencing.Token{}), fencing.ErrEnrolled)
	must(t, "enrol again with a floor", s.Enrol(ctx, w.Token(10)))
	mustRefuse(t, "lower", s.Write(ctx, w.Token(29), "k", "stale", nil), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "v")
}

func checkRequireSeal(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	mustRefuse(t, "a write before the first seal", s.Write(ctx, w.Token(10), "k", "unsealed", nil), fencing.ErrNotSealed)
	must(t, "seal", s.Seal(ctx, w.Token(10)))
	must(t, "write", s.Write(ctx, w.Token(10), "k", "v", nil))
	mustRefuse(t, "a newer holder that has not sealed", s.Write(ctx, w.Token(20), "k", "unsealed", nil), fencing.ErrNotSealed)
	must(t, "that one has raised nothing", s.Write(ctx, w.Token(10), "k", "w", nil))
	mustRefuse(t, "a reader that writes", s.Write(ctx, w.Shared(20), "k", "unsealed", nil), fencing.ErrNotSealed)
	mustRead(ctx, t, s, "k", "w")
	must(t, "the newer holder's seal", s.Seal(ctx, w.Token(20)))
	must(t, "its write", s.Write(ctx, w.Token(20), "k", "x", nil))
	mustRefuse(t, "a late write", s.Write(ctx, w.Token(10), "k", "stale", nil), fencing.ErrStaleToken)
	mustRead(ctx, t, s, "k", "x")
}

func checkMixups(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "write", s.Write(ctx, w.Token(30), "k", "v", nil))
	otherLock, err := fencing.FromCzxid(w.Lineage, lockPath+"2", fencing.Exclusive, 99)
	must(t, "token", err)
	otherCluster, err := fencing.FromCzxid(fencing.Lineage{Cluster: fencing.ID{9}, Incarnation: w.Lineage.Incarnation}, lockPath, fencing.Exclusive, 99)
	must(t, "token", err)
	pair, err := fencing.FromParent(w.Lineage, lockPath, fencing.Exclusive, 99, 7)
	must(t, "token", err)
	otherLife := w.Token(99)
	otherLife.Incarnation = fencing.ID{8}
	broken := w.Token(99)
	broken.Fence = -broken.Fence
	for _, c := range []struct {
		what  string
		token fencing.Token
		want  error
	}{
		{"another lock", otherLock, fencing.ErrWrongScope}, {"another cluster", otherCluster, fencing.ErrWrongScope},
		{"a pair token of this lock", pair, fencing.ErrWrongScope}, {"another incarnation", otherLife, fencing.ErrUnknownLineage},
		{"a negative fence", broken, fencing.ErrMalformed}, {"the zero token", fencing.Token{}, fencing.ErrMalformed},
	} {
		mustRefuse(t, "write: "+c.what, s.Write(ctx, c.token, "k", "stale", nil), c.want)
		mustRefuse(t, "seal: "+c.what, s.Seal(ctx, c.token), c.want)
	}
	must(t, "none of them raised the watermark", s.Write(ctx, w.Token(30), "k", "w", nil))
	mustRead(ctx, t, s, "k", "w")
}

func checkFirstRace(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	const writers = 8
	admitted := make([]bool, writers+1)
	var wg sync.WaitGroup
	for i := 1; i <= writers; i++ {
		wg.Go(func() {
			err := s.Write(ctx, w.Token(int64(i)), "k", fmt.Sprint(i), nil)
			admitted[i] = err == nil
			if err != nil && !errors.Is(err, fencing.ErrStaleToken) {
				t.Logf("writer %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if !admitted[writers] {
		t.Fatalf("the highest token was refused in the race of first writes")
	}
	mustRead(ctx, t, s, "k", fmt.Sprint(writers))
	mustRefuse(t, "lower after the race", s.Write(ctx, w.Token(writers-1), "k", "stale", nil), fencing.ErrStaleToken)
}

func checkSameGrant(t TB, s Store, w World) {
	ctx, cancel := within()
	defer cancel()
	must(t, "seal", s.Seal(ctx, w.Token(5)))
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = s.Write(ctx, w.Token(5), fmt.Sprint("k", i), "v", nil) })
	}
	wg.Wait()
	for i, err := range errs {
		must(t, fmt.Sprint("writer ", i, " of the same grant"), err)
		mustRead(ctx, t, s, fmt.Sprint("k", i), "v")
	}
}
