package zab

import (
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// said is one report: the lines in short ("1=a 2=b 3=c:o": number, address, and whether it is an observer), "!" before them if the file has changed, "?" if the
// server has not caught up.
func saidBy(t *testing.T, text string) (r FileReport, ready bool) {
	t.Helper()
	text, changed := strings.CutPrefix(text, "!")
	text, late := strings.CutPrefix(text, "?")
	return FileReport{Version: zxid.New(1, 5), Changed: changed, Ensemble: inShort(t, text)}, !late
}

func inShort(t *testing.T, text string) Ensemble {
	t.Helper()
	var lines []string
	for f := range strings.FieldsSeq(text) {
		id, addr, _ := strings.Cut(f, "=")
		addr, observer := strings.CutSuffix(addr, ":o")
		role := "participant"
		if observer {
			role = "observer"
		}
		lines = append(lines, "server."+id+"="+addr+":1:1:"+role)
	}
	e, err := ParseEnsemble(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What files ask for, and when that is enough. Server 1 leads.
func TestWishes(t *testing.T) {
	for _, row := range []struct {
		name string
		now  string // the ensemble in effect
		says map[PeerID]string
		want string // the change that is made; empty: none
		step string // a part of the next step; empty: there is none
	}{
		{name: "all say what is in effect", now: "1=a 2=b 3=c", says: map[PeerID]string{1: "1=a 2=b 3=c", 2: "1=a 2=b 3=c", 3: "1=a 2=b 3=c"}},
		{name: "three to five", now: "1=a 2=b 3=c", want: "1=a 2=b 3=c 4=d 5=e",
			says: map[PeerID]string{1: "!1=a 2=b 3=c 4=d 5=e", 2: "!1=a 2=b 3=c 4=d 5=e", 3: "1=a 2=b 3=c", 4: "1=a 2=b 3=c 4=d 5=e", 5: "1=a 2=b 3=c 4=d 5=e"}},
		{name: "one of the new ones is not heard", now: "1=a 2=b 3=c", step: "start servers [5]",
			says: map[PeerID]string{1: "!1=a 2=b 3=c 4=d 5=e", 2: "!1=a 2=b 3=c 4=d 5=e", 3: "!1=a 2=b 3=c 4=d 5=e", 4: "1=a 2=b 3=c 4=d 5=e"}},
		{name: "one of the new ones has other lines", now: "1=a 2=b 3=c", step: "start servers [5]",
			says: map[PeerID]string{1: "!1=a 2=b 3=c 4=d 5=e", 2: "!1=a 2=b 3=c 4=d 5=e", 3: "!1=a 2=b 3=c 4=d 5=e", 4: "1=a 2=b 3=c 4=d 5=e", 5: "1=a 2=b 3=c 5=e"}},
		{name: "one of the new ones has not caught up", now: "1=a 2=b 3=c", step: "start servers [4]",
			says: map[PeerID]string{1: "!1=a 2=b 3=c 4=d", 2: "!1=a 2=b 3=c 4=d", 3: "!1=a 2=b 3=c 4=d", 4: "?1=a 2=b 3=c 4=d"}},
		{name: "the leader's file is the old one", now: "1=a 2=b 3=c", step: "the leader (server 1) last",
			says: map[PeerID]string{1: "1=a 2=b 3=c", 2: "!1=a 2=b 3=c 4=d", 3: "!1=a 2=b 3=c 4=d", 4: "1=a 2=b 3=c 4=d"}},
		{name: "a minority asks", now: "1=a 2=b 3=c", step: "to servers [2 3]",
			says: map[PeerID]string{1: "!1=a 2=b 3=c 4=d", 2: "1=a 2=b 3=c", 3: "1=a 2=b 3=c", 4: "1=a 2=b 3=c 4=d"}},
		{name: "those who come do not make up for those who are there", now: "1=a 2=b 3=c", step: "to servers [2 3]",
			says: map[PeerID]string{1: "!1=a 2=b 3=c 4=d 5=e", 2: "1=a 2=b 3=c", 3: "1=a 2=b 3=c", 4: "!1=a 2=b 3=c 4=d 5=e", 5: "!1=a 2=b 3=c 4=d 5=e"}},
		{name: "five to three", now: "1=a 2=b 3=c 4=d 5=e", want: "1=a 2=b 3=c",
			says: map[PeerID]string{1: "!1=a 2=b 3=c", 2: "!1=a 2=b 3=c", 3: "!1=a 2=b 3=c", 4: "1=a 2=b 3=c 4=d 5=e"}},
		{name: "five to three, half done", now: "1=a 2=b 3=c 4=d 5=e", step: "to servers [3 4 5]",
			says: map[PeerID]string{1: "!1=a 2=b 3=c", 2: "!1=a 2=b 3=c", 3: "1=a 2=b 3=c 4=d 5=e"}},
		{name: "one to three", now: "1=a", want: "1=z 2=b 3=c",
			says: map[PeerID]string{1: "!1=0.0.0.0 2=b 3=c", 2: "1=z 2=b 3=c", 3: "1=z 2=b 3=c"}},
		{name: "own lines are any address", now: "1=a 2=b 3=c", want: "1=a 2=b 3=c 4=d:o",
			says: map[PeerID]string{1: "!1=0.0.0.0 2=b 3=c 4=d:o", 2: "!1=a 2=localhost 3=c 4=d:o", 3: "1=a 2=b 3=c"}},
		{name: "two say where the leader is and differ", now: "1=a 2=b 3=c", step: "to servers [2 3]",
			says: map[PeerID]string{1: "!1=x 2=b 3=d", 2: "1=x 2=b 3=d", 3: "!1=y 2=b 3=d"}},
		{name: "a member moves", now: "1=a 2=b 3=c", want: "1=a 2=b 3=z",
			says: map[PeerID]string{1: "!1=a 2=b 3=z", 2: "!1=a 2=b 3=z"}},
		{name: "the leader has moved, and its own file says as before that it is anywhere", now: "1=a 2=b 3=c", want: "1=z 2=b 3=c",
			says: map[PeerID]string{1: "1=0.0.0.0 2=b 3=c", 2: "!1=z 2=b 3=c", 3: "!1=z 2=b 3=c"}},
		{name: "a member is replaced", now: "1=a 2=b 3=c", want: "1=a 2=b 4=d",
			says: map[PeerID]string{1: "!1=a 2=b 4=d", 2: "!1=a 2=b 4=d", 4: "1=a 2=b 4=d"}},
		{name: "old files change nothing", now: "1=a 2=b 3=c 4=d", step: "older than the ensemble",
			says: map[PeerID]string{1: "1=a 2=b 3=c", 2: "1=a 2=b 3=c", 3: "1=a 2=b 3=c", 4: "1=a 2=b 3=c 4=d"}},
		{name: "a file that changes into an old one is one wish", now: "1=a 2=b 3=c 4=d", step: "to servers [2 3 4]",
			says: map[PeerID]string{1: "!1=a 2=b 3=c", 2: "1=a 2=b 3=c", 3: "1=a 2=b 3=c", 4: "1=a 2=b 3=c 4=d"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := &wishes{self: 1, now: inShort(t, row.now), reports: map[PeerID]FileReport{}}
			w.now.Version = zxid.New(1, 5)
			for id, text := range row.says {
				r, ready := saidBy(t, text)
				if w.reports[id] = r; ready {
					w.ready.Add(uint32(id))
				}
			}
			w.weigh()
			st := w.status()
			if made := w.next.Members != nil && st.Step == ""; made != (row.want != "") || made && !sameLines(w.next, inShort(t, row.want)) {
				t.Errorf("it becomes %v (%v), want %q", w.next, made, row.want)
			}
			if row.step == "" && st.Step != "" || !strings.Contains(st.Step, row.step) {
				t.Errorf("next step: %q, want %q", st.Step, row.step)
			}
		})
	}
}

// A report of another ensemble than the one in effect asks for nothing.
func TestReportOfAnEarlierEnsemble(t *testing.T) {
	w := &wishes{self: 1, now: inShort(t, "1=a 2=b 3=c"), reports: map[PeerID]FileReport{}}
	w.now.Version = zxid.New(1, 6)
	for id := range PeerID(3) {
		w.reports[id+1], _ = saidBy(t, "!1=a 2=b 3=c 4=d:o")
	}
	own := w.reports[1]
	own.Version = w.now.Version
	w.reports[1] = own
	w.weigh()
	if st := w.status(); st.Step == "" {
		t.Errorf("it becomes %v by reports of the ensemble before", w.next)
	}
}

// What is sent is what arrives, and anything else is an error.
func TestFileReportCodec(t *testing.T) {
	r, _ := saidBy(t, "!1=a 2=b:o 3=c")
	got, err := DecodeFileReport(r.Append(nil))
	if err != nil || got.Version != r.Version || !got.Changed || !sameLines(got.Ensemble, r.Ensemble) {
		t.Errorf("%+v, %v, want %+v", got, err, r)
	}
	for _, b := range [][]byte{nil, make([]byte, 8), append(make([]byte, 8), 2), FileReport{}.Append(nil)} {
		if _, err := DecodeFileReport(b); err == nil {
			t.Errorf("%q was taken", b)
		}
	}
}
