package ensemble

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

type regState struct {
	value   string
	version int32
}

// registerModel is a set of registers that are written with an expected version. A write without an answer may have taken effect
// at any later time, or never: placed at the very end it does no harm.
func registerModel() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			parts := make([][]porcupine.Operation, registers)
			for _, op := range history {
				key := op.Input.(regOp).key
				parts[key] = append(parts[key], op)
			}
			return parts
		},
		Init: func() any { return regState{value: "0"} },
		Step: func(state, input, output any) (bool, any) {
			s, op, out := state.(regState), input.(regOp), output.(regOut)
			after := regState{op.value, s.version + 1}
			switch {
			case !op.write:
				return out.value == s.value && out.version == s.version, s
			case out.unknown:
				if op.version != s.version {
					return true, s
				}
				return true, after
			case out.refused:
				return op.version != s.version, s
			default:
				return op.version == s.version && out.version == after.version, after
			}
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// finish is the end of a row: everything is healed, the load stops, and what the clients saw is judged.
func (l *load) finish() {
	c := l.c
	c.t.Helper()
	c.recover()
	l.settle()
}

// settle is finish for a row that has brought back by itself what is to come back. Only the given servers need to agree.
func (l *load) settle(agree ...*member) {
	c := l.c
	c.t.Helper()
	l.progress(patience)
	l.halt()
	var wrong []string
	for _, w := range l.workers {
		wrong = append(wrong, w.wrong...)
		if !w.expired {
			wrong = append(wrong, w.look()...)
		}
	}
	for _, k := range l.lockers {
		wrong = append(wrong, k.wrong...)
		if k.backward != "" {
			wrong = append(wrong, k.backward)
		}
		was := k.expired
		_ = k.close()
		k.expired = was
	}
	wrong = append(wrong, l.linearizable()...)
	wrong = append(wrong, sequentialOrder(l.workers)...)
	wrong = append(wrong, tokens(l.lockers)...)
	wrong = append(wrong, l.leave(agree)...)
	c.watch.mu.Lock()
	wrong = append(wrong, c.watch.wrong...)
	c.watch.mu.Unlock()
	for _, text := range wrong {
		c.t.Errorf("%s %s", zktest.PromiseBroken, text)
	}
	c.agree(agree...)
	ops := 0
	for _, w := range l.workers {
		ops += len(w.history) + len(w.made)
	}
	c.t.Logf("%d operations, %d acknowledged writes, epochs seen: %d", ops, l.acked.Load(), c.watch.epochs())
}

// look takes the session up once more: it must live, have its ephemeral node, and find all that was acknowledged.
func (w *worker) look() (wrong []string) {
	say := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("worker %d: ", w.id)+fmt.Sprintf(format, args...))
	}
	var names []string
	var owner int64
	look := func() error {
		if err := errors.Join(w.connect(patience, nil), w.sync()); err != nil {
			return err
		}
		st, _, err := w.exists(w.ephemeral())
		if err != nil {
			return err
		}
		owner = st.EphemeralOwner
		names, err = w.children("/ens/seq")
		return err
	}
	var err error
	zktest.Within(patience, func() bool { err = look(); return err == nil || w.expired })
	if w.expired && w.load.mayEnd {
		return wrong
	}
	if err != nil {
		w.load.c.t.Errorf("worker %d: its session %v cannot be used any more: %v", w.id, w.session, err) // on a starved machine it may have expired
		return wrong
	}
	if owner != int64(w.session) {
		say("its session %v lives and its ephemeral node is of session %x", w.session, owner)
	}
	there := make(map[string]bool, len(names))
	prefixes := map[string]int{}
	for _, name := range names {
		there[name] = true
		prefixes[name[:len(name)-10]]++
	}
	acked := map[string]bool{}
	for _, m := range w.made {
		acked[m.name[:len(m.name)-10]] = true
		if !there[m.name] {
			say("the acknowledged %s is lost", m.name)
		}
	}
	for prefix, n := range prefixes {
		if strings.HasPrefix(prefix, fmt.Sprintf("w%d.", w.id)) && (n > 1 || !acked[prefix] && !w.ghosts[prefix]) {
			say("%s was made %d times", prefix, n)
		}
	}
	if w.backward != "" {
		say("%s", w.backward)
	}
	return wrong
}

func (l *load) linearizable() []string {
	var history []porcupine.Operation
	for _, w := range l.workers {
		history = append(history, w.history...)
	}
	result, info := porcupine.CheckOperationsVerbose(registerModel(), history, 20*time.Second)
	switch result {
	case porcupine.Illegal:
		file := l.c.t.Name()
		file = "/tmp/" + strings.ReplaceAll(file, "/", "_") + ".html"
		_ = porcupine.VisualizePath(registerModel(), info, file)
		return []string{"the registers' history is not linearizable; see " + file}
	case porcupine.Unknown:
		l.c.t.Logf("porcupine did not finish %d operations", len(history))
	}
	return nil
}

// sequentialOrder holds that numbers are unique, and that a create that began after another had ended has the larger number.
func sequentialOrder(workers []*worker) (wrong []string) {
	var all []made
	for _, w := range workers {
		all = append(all, w.made...)
	}
	slices.SortFunc(all, func(a, b made) int { return cmp.Compare(a.number, b.number) })
	var latest made // of the smaller numbers, the one that was called last
	for i, m := range all {
		if i > 0 && all[i-1].number == m.number {
			wrong = append(wrong, fmt.Sprintf("%s and %s have one number", all[i-1].name, m.name))
		}
		if m.end < latest.call {
			wrong = append(wrong, fmt.Sprintf("%s was answered before %s was asked for", m.name, latest.name))
		}
		if m.call > latest.call {
			latest = m
		}
	}
	return wrong
}

// tokens holds that lock tokens are unique and grow from grant to grant, and that no two grants overlap, as long as no session ended.
func tokens(lockers []*locker) (wrong []string) {
	var all []grant
	ended := false
	for _, k := range lockers {
		all = append(all, k.grants...)
		ended = ended || k.expired
	}
	slices.SortFunc(all, func(a, b grant) int { return cmp.Compare(a.token, b.token) })
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if a.token == b.token {
			wrong = append(wrong, fmt.Sprintf("two grants have the token %x", a.token))
		}
		if !ended && b.from < a.end {
			wrong = append(wrong, fmt.Sprintf("the grant with token %x began before the one with %x ended", b.token, a.token))
		}
	}
	return wrong
}

// leave closes all sessions; their ephemeral nodes are gone then, on every server.
func (l *load) leave(on []*member) (wrong []string) {
	for _, w := range l.workers {
		was := w.expired
		if err := w.close(); err != nil {
			l.c.t.Errorf("closing session %v: %v", w.session, err)
		}
		w.expired = was
	}
	if len(on) == 0 {
		on = l.c.members
	}
	for _, m := range on {
		z := newZK([]string{m.Addr()}, 0)
		if !zktest.Within(patience, func() bool { return (z.conn != nil || z.try() == nil) && z.sync() == nil }) {
			l.c.t.Errorf("server %d answers no sync", m.id)
			continue
		}
		for _, w := range l.workers {
			if w.expired {
				continue
			}
			var found bool
			var err error
			if !zktest.Within(patience, func() bool {
				if z.conn == nil && z.try() != nil {
					return false
				}
				_, found, err = z.exists(w.ephemeral())
				return err == nil
			}) {
				l.c.t.Errorf("server %d does not answer whether it has the ephemeral node of %v: %v", m.id, w.session, err)
			}
			if found {
				wrong = append(wrong, fmt.Sprintf("server %d has the ephemeral node of the closed session %v", m.id, w.session))
			}
		}
		_ = z.close()
	}
	return wrong
}
