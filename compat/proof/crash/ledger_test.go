package crash

import (
	"fmt"
	"slices"
)

// kind is what one write does. Each but seq keeps a counter, so that what was applied can be read off the state.
type kind int

const (
	setReg  kind = iota // setData reg = n at version n-1
	multi               // multi: setData a = n, setData b = n, create m/n, delete m/(n-keep)
	eph                 // multi: create ephemeral e/n, delete e/(n-keep)
	seq                 // create a sequential node of the shared parent, named after its n
	badPath             // a multi that creates a node and then fails
	kinds
)

func (k kind) String() string {
	return [...]string{"setData", "multi", "ephemeral", "sequential", "failing multi"}[k]
}

// keep is how many of the nodes made by multi and eph stand at any time.
const keep = 3

type write struct {
	kind  kind
	n     int
	acked bool
}

// ledger is what one client knows: what it sent in this round, in order, and what held when the round began.
type ledger struct {
	sent    []write
	replies int           // how many of sent are answered
	next    [kinds]int    // the n of the next write of each kind
	base    [kinds]int    // the last applied n of each kind when the round began
	numbers map[int]int64 // seq: n → number of the node, of those that stand
	highest int64         // the largest sequential number that any client had seen when the round began
}

func newLedger() *ledger {
	l := &ledger{numbers: make(map[int]int64), highest: -1}
	for k := range l.next {
		l.next[k] = 1
	}
	return l
}

// send notes the next write of a kind and returns its n.
func (l *ledger) send(k kind) int {
	n := l.next[k]
	l.next[k]++
	l.sent = append(l.sent, write{kind: k, n: n})
	return n
}

// ack notes the next answer; number is that of a sequential node.
func (l *ledger) ack(number int64) error {
	w := &l.sent[l.replies]
	l.replies++
	w.acked = true
	if w.kind != seq {
		return nil
	}
	if number <= l.highest {
		return fmt.Errorf("sequential number %d was given again: %d was the highest before the crash", number, l.highest)
	}
	l.numbers[w.n] = number
	return nil
}

// sight is what a client finds after the crash.
type sight struct {
	reg, version int
	a, b         int
	parts        []int         // the nodes that multi made, sorted
	ephemerals   []int         // the ephemerals of this session, sorted
	sequential   map[int]int64 // n → number, of this client
	bad          int           // nodes of multis that must have failed
}

// judge compares and returns all that is wrong. The ledger then goes on from what was found.
func (l *ledger) judge(s sight) []string {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if s.version != s.reg {
		say("reg holds %d at version %d: a write was applied twice or in part", s.reg, s.version)
	}
	if s.a != s.b || !slices.Equal(s.parts, last(s.a)) {
		say("a multi is half there: a=%d b=%d, its nodes are %v", s.a, s.b, s.parts)
	}
	newest := 0
	if len(s.ephemerals) > 0 {
		newest = s.ephemerals[len(s.ephemerals)-1]
	}
	if !slices.Equal(s.ephemerals, last(newest)) {
		say("the ephemerals of the live session are %v, want %v", s.ephemerals, last(newest))
	}
	if s.bad != 0 {
		say("%d nodes of multis that failed are there", s.bad)
	}
	reached := [kinds]int{setReg: s.reg, multi: s.a, eph: newest}
	for _, k := range []kind{setReg, multi, eph} {
		if reached[k] < l.base[k] {
			say("%v went back from %d, which was there before, to %d", k, l.base[k], reached[k])
		}
		if reached[k] >= l.next[k] {
			say("%v is at %d, but only %d were sent", k, reached[k], l.next[k]-1)
		}
	}
	wrong = append(wrong, l.judgeSequential(s)...)
	wrong = append(wrong, l.judgeOrder(s, reached)...)
	l.settle(s, reached)
	return wrong
}

// judgeSequential looks for nodes that are gone, were never asked for, or changed their number.
func (l *ledger) judgeSequential(s sight) []string {
	var wrong []string
	for n, number := range l.numbers {
		if found, there := s.sequential[n]; !there || found != number {
			wrong = append(wrong, fmt.Sprintf("acknowledged sequential node %d had number %d, now %d (there: %v)", n, number, found, there))
		}
	}
	for n, number := range s.sequential {
		_, known := l.numbers[n]
		pending := slices.ContainsFunc(l.sent, func(w write) bool { return w.kind == seq && w.n == n && !w.acked })
		if !known && !pending {
			wrong = append(wrong, fmt.Sprintf("sequential node %d (number %d) was settled as not applied or deleted, and is there", n, number))
		}
		if !known && number <= l.highest {
			wrong = append(wrong, fmt.Sprintf("sequential node %d has number %d, but %d was given before", n, number, l.highest))
		}
	}
	return wrong
}

// judgeOrder wants acknowledged writes there, and those that are there to be a prefix of those sent.
func (l *ledger) judgeOrder(s sight, reached [kinds]int) []string {
	var missing *write
	for i := range l.sent {
		w := &l.sent[i]
		if w.kind == badPath {
			continue
		}
		there := w.n <= reached[w.kind]
		if w.kind == seq {
			_, there = s.sequential[w.n]
		}
		switch {
		case w.acked && !there:
			return []string{fmt.Sprintf("acknowledged %v %d is lost", w.kind, w.n)}
		case there && missing != nil:
			return []string{fmt.Sprintf("%v %d is there, but %v %d, sent before it by the same session, is not", w.kind, w.n, missing.kind, missing.n)}
		case !there && missing == nil:
			missing = w
		}
	}
	return nil
}

// settle makes what was found the base of the next round.
func (l *ledger) settle(s sight, reached [kinds]int) {
	for _, k := range []kind{setReg, multi, eph} {
		l.base[k] = reached[k]
		l.next[k] = reached[k] + 1
	}
	l.numbers = s.sequential
	l.sent, l.replies = l.sent[:0], 0
}

// last is what stands of counters 1 … n when only the newest are kept.
func last(n int) []int {
	var all []int
	for i := max(1, n-keep+1); i <= n; i++ {
		all = append(all, i)
	}
	return all
}

// top is the largest sequential number of all that the ledgers know.
func top(ledgers []*ledger) int64 {
	highest := int64(-1)
	for _, l := range ledgers {
		highest = max(highest, l.highest)
		for _, number := range l.numbers {
			highest = max(highest, number)
		}
	}
	return highest
}
