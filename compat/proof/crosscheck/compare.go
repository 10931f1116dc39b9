package crosscheck

import (
	"fmt"
	"slices"
	"strings"
)

// view makes the facts of one transcript comparable: it knows where the script began, which sessions it has, and the time of
// every transaction that was seen.
type view struct {
	t     *Transcript
	times map[int64]int64 // by zxid
}

func newView(t *Transcript) *view { return &view{t: t, times: map[int64]int64{}} }

// fact is the value of a fact as it can be compared.
func (v *view) fact(f Fact) string {
	switch f.Kind {
	case ZxidFact:
		return v.zxid(f.Num)
	case TimeFact:
		return v.time(f)
	case OwnerFact:
		return v.owner(f.Num)
	case Plain:
	}
	return f.Text
}

// zxid is counted from the transaction that made the script's root: both servers must number the same transactions. What is
// older belongs to other scripts, or to the server's own start.
func (v *view) zxid(z int64) string {
	switch {
	case z <= 0:
		return fmt.Sprint(z)
	case z < v.t.Base:
		return "before"
	}
	return fmt.Sprintf("+%d", z-v.t.Base)
}

// time is compared as the time of a transaction: all nodes that one transaction created or changed must show the same one.
func (v *view) time(f Fact) string {
	switch {
	case f.At <= 0:
		if f.Num == 0 {
			return "0"
		}
		return "not 0"
	case f.At < v.t.Base:
		return "before"
	}
	known, ok := v.times[f.At]
	if !ok {
		v.times[f.At], known = f.Num, f.Num
	}
	if known != f.Num {
		return "not the time of " + v.zxid(f.At)
	}
	return "t" + v.zxid(f.At)
}

func (v *view) owner(id int64) string {
	for known, label := range v.t.Labels {
		if int64(known) == id {
			return fmt.Sprintf("S%d", label)
		}
	}
	switch id {
	case 0:
		return "0"
	case impossibleSession:
		return "the one that never was"
	}
	return "unknown"
}

// shown is a sight in comparable form.
type shown struct {
	head   string // connection, kind and which request
	fields []string
	names  []string
}

func (v *view) show(seen []Sight) []shown {
	out := make([]shown, 0, len(seen))
	for _, s := range seen {
		head := fmt.Sprintf("c%d %s", s.Conn, s.What)
		if s.Conn < 0 {
			head = s.What
		}
		if s.What == "reply" {
			head += fmt.Sprintf(" %d", s.Req+1)
		}
		sh := shown{head: head}
		for _, f := range s.Facts {
			sh.names = append(sh.names, f.Name)
			sh.fields = append(sh.fields, f.Name+"="+v.fact(f))
		}
		out = append(out, sh)
	}
	return out
}

func (s shown) String() string { return s.head + "  " + strings.Join(s.fields, " ") }

// Difference is the first place where two transcripts part.
type Difference struct {
	Group       int      // which group of steps; beyond the last one: the tree at the end
	Left, Right []string // all that was seen from that group, comparable
	Signature   string   // what kind of difference: the request and the fields, the same for the same cause
}

// Compare returns the first difference whose signature is not to be ignored, or nil.
func Compare(steps []Step, left, right *Transcript, ignore func(signature string) bool) *Difference {
	l, r := newView(left), newView(right)
	gs := groups(steps)
	for i := range left.Groups {
		a, b := l.show(left.Groups[i]), r.show(right.Groups[i])
		if slices.EqualFunc(a, b, func(x, y shown) bool { return x.String() == y.String() }) {
			continue
		}
		var g []Step
		if i < len(gs) {
			g = gs[i]
		}
		d := &Difference{Group: i, Left: lines(a), Right: lines(b), Signature: signature(g, a, b)}
		if ignore == nil || !ignore(d.Signature) {
			return d
		}
	}
	return nil
}

func lines(s []shown) []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = s[i].String()
	}
	return out
}

// signature names a difference by the request it shows at and by what differs, without values that change from run to run.
func signature(g []Step, a, b []shown) string {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return where(g, b[i]) + ": only right has a " + kindOf(b[i])
		case i >= len(b):
			return where(g, a[i]) + ": only left has a " + kindOf(a[i])
		case kindOf(a[i]) != kindOf(b[i]):
			return where(g, a[i]) + ": " + kindOf(a[i]) + " | " + kindOf(b[i])
		case a[i].String() != b[i].String():
			return where(g, a[i]) + ": " + differing(a[i], b[i])
		}
	}
	return "?"
}

func kindOf(s shown) string {
	_, kind, ok := strings.Cut(s.head, " ")
	if !ok {
		kind = s.head
	}
	kind, _, _ = strings.Cut(kind, " ")
	return kind
}

// where is the request of the group that the sight answers, or the group's first.
func where(g []Step, s shown) string {
	if len(g) == 0 {
		return "the tree at the end"
	}
	step, n := g[0], 0
	for _, one := range g {
		if one.Act == Send {
			if n++; strings.HasSuffix(s.head, fmt.Sprintf("reply %d", n)) {
				step = one
			}
		}
	}
	switch step.Act {
	case Connect:
		return "connect"
	case Raw:
		return "raw bytes"
	case Drop:
		return "drop"
	case Send:
	}
	return opName(step.Req.Op)
}

// differing lists the fields in which two sights of one kind differ; error codes with their values.
func differing(a, b shown) string {
	var out []string
	for i := range max(len(a.fields), len(b.fields)) {
		switch {
		case i >= len(a.fields):
			out = append(out, "only right "+b.names[i])
		case i >= len(b.fields):
			out = append(out, "only left "+a.names[i])
		case a.fields[i] == b.fields[i]:
		case a.names[i] == "err" || a.names[i] == "type":
			return a.fields[i] + " | " + b.fields[i]
		default:
			out = append(out, a.names[i])
		}
		if len(out) == 3 {
			break
		}
	}
	return strings.Join(out, ", ")
}
