package lock

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/fencing"
)

// heldClock is time that moves when the test says so. Whoever wants to be woken is woken then, or not at all: a process that is stopped
// sees its timers late.
type heldClock struct {
	now   time.Duration
	wakes []func()
}

func (c *heldClock) Now() time.Duration { return c.now }
func (c *heldClock) Wake(_ time.Duration, fn func()) func() {
	c.wakes = append(c.wakes, fn)
	return func() {}
}

const pauseTimeout = 9 * time.Second // trusted for 6 s

// paused is a session of its own wire, which has just been attached, and a grant of it.
func paused(t *testing.T) (*Session, *heldClock, *Grant) {
	t.Helper()
	c := &heldClock{now: time.Hour}
	s := &Session{cfg: Config{Clock: c}, changed: make(chan struct{})}
	head := binary.BigEndian.AppendUint32(nil, 0)
	head = binary.BigEndian.AppendUint32(head, uint32(pauseTimeout.Milliseconds()))
	head = binary.BigEndian.AppendUint64(head, 77)
	s.trust.connected()
	s.trust.wrote(0, c.now)
	s.trust.answered(0)
	s.onHandshake(&link{s: s}, head)
	token, err := fencing.FromCzxid(lineageFor("zookeeper"), "/l", fencing.Exclusive, 5)
	if err != nil {
		t.Fatal(err)
	}
	g := &Grant{s: s, life: s.life, node: "/l/lock-0000000001", token: token, lost: make(chan struct{}), released: make(chan struct{})}
	if !g.Held() {
		t.Fatal("a fresh grant is not held")
	}
	return s, c, g
}

func lost(g *Grant) bool {
	select {
	case <-g.Lost():
		return true
	default:
		return false
	}
}

// A process that was stopped for longer than its session may be trusted finds that out at its first question, before any timer rings and before
// any reply comes.
func TestAStoppedProcessDoesNotBelieveThatItHolds(t *testing.T) {
	_, c, g := paused(t)
	c.now += 6*time.Second - 1
	if _, err := g.Presented(); err != nil || !g.Held() {
		t.Errorf("before the end of trust: %v", err)
	}
	c.now++
	if text, err := g.Presented(); !errors.Is(err, ErrLost) || text != "" {
		t.Errorf("after the pause the token is presented: %q, %v", text, err)
	}
	if g.Held() || !lost(g) {
		t.Error("the grant is believed after the pause")
	}
	c.now = time.Hour // whatever the clock does, it stays lost
	if g.Held() {
		t.Error("a grant that was lost is held again")
	}
}

// The timer of a stopped process rings late; then the life ends, and everybody who waits for it hears of it.
func TestALateTimerEndsTheLife(t *testing.T) {
	s, c, g := paused(t)
	c.now += time.Minute
	c.wakes[len(c.wakes)-1]()
	if !g.life.isLost() || s.trusted(g.life) {
		t.Error("the life goes on after its alarm")
	}
}

// A reply that lay in the socket while the process was stopped proves only what was true when its request was sent.
func TestAReplyFromBeforeThePauseProvesNothing(t *testing.T) {
	s, c, g := paused(t)
	s.trust.wrote(1, c.now+time.Second)
	c.now += time.Minute
	s.mu.Lock()
	if s.trust.answered(1) {
		s.setAlarm()
	}
	s.mu.Unlock()
	if g.Held() {
		t.Error("an old reply makes the grant trusted again")
	}
}

// A request that was stopped between its look at the queue and the grant does not become a grant.
func TestAPauseBeforeTheGrantIsNoGrant(t *testing.T) {
	s, c, g := paused(t)
	r := &request{s: s, dir: "/l", node: g.node, life: s.life}
	look := watched{stat: &zk.Stat{Czxid: 5, EphemeralOwner: 77}}
	if _, err := r.hold(t.Context(), look); err != nil {
		t.Fatalf("without a pause: %v", err)
	}
	c.now += time.Minute
	if _, err := r.hold(t.Context(), look); !errors.Is(err, errReborn) {
		t.Errorf("after a pause: %v", err)
	}
}
