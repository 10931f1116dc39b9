package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/lineage"
)

// end is one side of a handshake.
type end struct {
	me      Identity
	secret  string
	channel string
}

func server(id zab.PeerID) end {
	return end{me: Identity{Lineage: lineage.Lineage{Cluster: lineage.ID{1}, Incarnation: lineage.ID{2}}, ID: id}, secret: "secret"}
}

// copied is a server without a lineage, whose state was made of a source, or which is empty.
func copied(id zab.PeerID, source byte) end {
	return end{me: Identity{Source: lineage.ID{source}, ID: id}, secret: "secret"}
}

func everybody(*hello) error { return nil }

func (e end) credential() credential {
	return credential{secret: []byte(e.secret), channel: []byte(e.channel)}
}

// shake lets from dial to, and gives what each side thinks of it. A side that refuses hangs up.
func shake(from end, to zab.PeerID, at end, judge func(*hello) error) (dialled, accepted error) {
	near, far := net.Pipe()
	done := make(chan error, 1)
	go func() {
		_, _, err := greet(near, bufio.NewReader(near), from.me, "", to, laneBulk, from.credential())
		near.Close()
		done <- err
	}()
	_, _, accepted = receive(far, bufio.NewReader(far), at.me, at.credential(), judge)
	far.Close()
	return <-done, accepted
}

// Two servers link if they are of one ensemble, know its secret, and are who they say that they are; in every other case both sides refuse.
func TestHandshake(t *testing.T) {
	changed := func(e end, change func(*end)) end { change(&e); return e }
	for what, c := range map[string]struct {
		from  end
		to    zab.PeerID
		at    end
		judge func(*hello) error
		good  bool
	}{
		"two of one ensemble":                         {server(1), 2, server(2), everybody, true},
		"another cluster":                             {changed(server(1), func(e *end) { e.me.Cluster[0]++ }), 2, server(2), everybody, false},
		"one of them was restored":                    {changed(server(1), func(e *end) { e.me.Incarnation[0]++ }), 2, server(2), everybody, false},
		"one has no lineage yet":                      {changed(server(1), func(e *end) { e.me.Lineage = lineage.Lineage{} }), 2, server(2), everybody, true},
		"the other has none yet":                      {server(1), 2, changed(server(2), func(e *end) { e.me.Lineage = lineage.Lineage{} }), everybody, true},
		"neither has one":                             {copied(1, 0), 2, copied(2, 0), everybody, true},
		"two copies of one source":                    {copied(1, 7), 2, copied(2, 7), everybody, true},
		"a copy, and an empty server":                 {copied(1, 7), 2, copied(2, 0), everybody, true},
		"copies of two sources":                       {copied(1, 7), 2, copied(2, 8), everybody, false},
		"a copy, late, of the same source":            {copied(1, 7), 2, changed(server(2), func(e *end) { e.me.Source = lineage.ID{7} }), everybody, true},
		"a copy where it does not belong":             {copied(1, 7), 2, server(2), everybody, false},
		"dialled by who has a lineage":                {server(1), 2, copied(2, 7), everybody, false},
		"two with one id":                             {server(2), 2, server(2), everybody, false},
		"another server at this address":              {server(1), 3, server(2), everybody, false},
		"a stranger":                                  {server(9), 2, server(2), func(h *hello) error { return fmt.Errorf("server %d is not in the ensemble", h.from) }, false},
		"who dials has another secret":                {changed(server(1), func(e *end) { e.secret = "guess" }), 2, server(2), everybody, false},
		"what one says is carried to another channel": {changed(server(1), func(e *end) { e.channel = "to a relay" }), 2, changed(server(2), func(e *end) { e.channel = "from a relay" }), everybody, false},
		"who is dialled has another secret":           {server(1), 2, changed(server(2), func(e *end) { e.secret = "guess" }), everybody, false},
	} {
		dialled, accepted := shake(c.from, c.to, c.at, c.judge)
		if good := dialled == nil && accepted == nil; good != c.good || !c.good && (dialled == nil || accepted == nil) {
			t.Errorf("%s: the dialler says %v, the accepter %v", what, dialled, accepted)
		}
	}
}

// A server that is in no ensemble is let in if somebody announced it, or, where all may come to observe, if it says where it is.
func TestHandshakeRefusesStrangers(t *testing.T) {
	for what, c := range map[string]struct {
		at    Config
		where string
		good  bool
	}{
		"nobody may come":                   {Config{}, "", false},
		"nobody may come, and it says more": {Config{}, "127.0.0.1:2888", false},
		"it was announced":                  {Config{Admit: func(id zab.PeerID) bool { return id == 9 }}, "", true},
		"all may come, and it says nothing": {Config{AdmitAll: all}, "", false},
		"all may come, and it says where":   {Config{AdmitAll: all}, "127.0.0.1:2888", true},
	} {
		l := listen(t)
		serverTwo(t, l, c.at)
		stranger := New(Config{Identity: Identity{ID: 9}, Listener: listen(t), Where: c.where})
		link, err := stranger.connect(t.Context(), l.Addr().String(), 2, laneControl)
		if err == nil {
			link.Close()
		}
		stranger.Close()
		if (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Who does not know the secret is not let in, whatever he sends as his proof: nothing, a guess, or a proof that is the other side's to show. He sees
// nothing that was made with the secret either: guesses could be tried on it, as many as one likes.
func TestHandshakeDemandsAProofOfItsOwn(t *testing.T) {
	at := server(2)
	for what, forge := range map[string]func(theirs []byte) []byte{
		"nothing": func([]byte) []byte { return nil },
		"a guess": func(theirs []byte) []byte { return make([]byte, len(theirs)) },
		"the proof for the other side": func(theirs []byte) []byte {
			mine := hello{lane: laneBulk, from: 1, to: 2, who: server(1).me}
			return at.credential().derive(acceptersProof, transcript{mine.append(nil), theirs})
		},
	} {
		near, far := net.Pipe()
		heard, more := make(chan []byte, 1), make(chan []byte, 1)
		go func() { // hears all the time, whatever is said meanwhile
			r := bufio.NewReader(near)
			theirs, _ := readFrame(r, 1<<12)
			heard <- theirs
			rest, _ := io.ReadAll(r)
			more <- rest
		}()
		go func() {
			mine := hello{lane: laneBulk, from: 1, to: 2, who: server(1).me}
			_ = writeFrame(near, mine.append(nil))
			_ = writeFrame(near, forge(<-heard))
		}()
		if _, _, err := receive(far, bufio.NewReader(far), at.me, at.credential(), everybody); err == nil {
			t.Errorf("a server that sent %s for a proof was let in", what)
		}
		far.Close()
		if rest := <-more; len(rest) > 0 {
			t.Errorf("a server that sent %s for a proof was shown %d bytes that are made with the secret", what, len(rest))
		}
		near.Close()
	}
}

// A server that is dialled and does not know the secret is not believed either: it would be told what is written.
func TestHandshakeDemandsTheProofOfWhoIsDialled(t *testing.T) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		r := bufio.NewReader(far)
		if _, err := readFrame(r, 1<<12); err != nil {
			return
		}
		mine := hello{lane: laneBulk, from: 2, to: 1, who: server(2).me}
		if writeFrame(far, mine.append(nil)) != nil {
			return
		}
		if _, err := readFrame(r, 64); err != nil || writeFrame(far, make([]byte, 32)) != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	from := server(1)
	if _, _, err := greet(near, bufio.NewReader(near), from.me, "", 2, laneBulk, from.credential()); err == nil {
		t.Error("a server without the secret was believed")
	}
	near.Close()
}

// A server speaks for itself on its link, and to whom it is linked with.
func TestHandshakeBindsALinkToItsServer(t *testing.T) {
	for what, m := range map[string]struct {
		message zab.Message
		good    bool
	}{
		"of itself":         {zab.Message{Type: zab.MsgResign, From: 1, To: 2, Epoch: 1}, true},
		"of another server": {zab.Message{Type: zab.MsgResign, From: 3, To: 2, Epoch: 1}, false},
		"to another server": {zab.Message{Type: zab.MsgResign, From: 1, To: 3, Epoch: 1}, false},
	} {
		delivered := 0
		tr := &Transport{cfg: Config{Identity: server(2).me, Deliver: func(zab.Message) { delivered++ }}}
		b := zab.AppendMessage(beginFrame(nil), &m.message)
		endFrame(b, 0)
		err := tr.readMessages(bufio.NewReader(bytes.NewReader(b)), 1)
		if (delivered == 1) != m.good || errors.Is(err, errFrame) == m.good {
			t.Errorf("a message %s: delivered %d times, %v", what, delivered, err)
		}
	}
}

// What waits for a link that does not take it is bounded; the rest is dropped and counted.
func TestQueueOfALinkIsBounded(t *testing.T) {
	const most = 10_000
	k := &link{t: &Transport{cfg: Config{QueueBytes: most}}, up: true, wake: make(chan struct{}, 1)}
	m := zab.Message{Type: zab.MsgForward, From: 1, To: 2, Epoch: 1, Payloads: [][]byte{make([]byte, 1000)}}
	for range 100 {
		k.send(&m)
	}
	if len(k.buf) > most+2000 || k.t.count.dropped.Load() == 0 {
		t.Errorf("%d bytes wait, with a limit of %d; %d messages were dropped", len(k.buf), most, k.t.count.dropped.Load())
	}
}

// FuzzHello: what is decoded of the first words of a stranger is what they say.
func FuzzHello(f *testing.F) {
	f.Add((&hello{lane: laneBulk, from: 1, to: 2, who: server(1).me, where: "a.example:2888"}).append(nil))
	f.Add((&hello{lane: laneImage, from: 1, to: 254, who: copied(1, 7).me}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h hello
		if h.decode(b) == nil && !bytes.Equal(h.append(nil), b) {
			t.Errorf("%x was read as %+v", b, h)
		}
	})
}

func all() bool { return true }
