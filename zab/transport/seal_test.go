package transport

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// script is a connection whose writes are kept, one by one.
type script struct {
	net.Conn
	written [][]byte
}

func (s *script) Write(b []byte) (int, error) {
	s.written = append(s.written, slices.Clone(b))
	return len(b), nil
}

// talk lets one side say words and gives what goes over the line, each word by itself; other reads such bytes.
func talk(t *testing.T, words ...string) (line [][]byte, other func(line ...[]byte) ([]byte, error)) {
	t.Helper()
	cred, said := credential{secret: []byte("secret")}, transcript{[]byte("dialled"), []byte("accepted")}
	near := &script{}
	from := seal(near, nil, cred, said, fromAccepter, fromDialler)
	for _, w := range words {
		if n, err := from.Write([]byte(w)); n != len(w) || err != nil {
			t.Fatal(n, err)
		}
	}
	return near.written, func(line ...[]byte) ([]byte, error) {
		return io.ReadAll(seal(&script{}, bytes.NewReader(slices.Concat(line...)), cred, said, fromDialler, fromAccepter))
	}
}

// A sealed link gives what was said, in its order, also what is longer than a record; and whoever listens reads none of it.
func TestSealedLinkGivesWhatWasSaid(t *testing.T) {
	long := string(bytes.Repeat([]byte("0123456789abcdef"), maxRecord/8))
	line, read := talk(t, "one", "", "two", long)
	got, err := read(line...)
	if want := "onetwo" + long; err != nil || string(got) != want {
		t.Errorf("%d bytes were said, %d were read: %v", len(want), len(got), err)
	}
	if bytes.Contains(slices.Concat(line...), []byte("0123456789abcdef")) {
		t.Error("what was said can be read on the line")
	}
}

// Whatever is done to a sealed link on its way ends it, and nothing is read that was not said in this place of this link.
func TestSealedLinkIsNotChangedOnItsWay(t *testing.T) {
	line, read := talk(t, "one", "two", "six")

	back := func() []byte { // what the other side says in the same place
		near := &script{}
		_, _ = seal(near, nil, credential{secret: []byte("secret")}, transcript{[]byte("dialled"), []byte("accepted")}, fromDialler, fromAccepter).Write([]byte("one"))
		return near.written[0]
	}()
	elsewhere := func() []byte { // what was said on another link
		near := &script{}
		_, _ = seal(near, nil, credential{secret: []byte("secret")}, transcript{[]byte("another"), []byte("accepted")}, fromAccepter, fromDialler).Write([]byte("one"))
		return near.written[0]
	}()

	for what, c := range map[string]struct {
		line [][]byte
		read string
	}{
		"one is left out":               {[][]byte{line[0], line[2]}, "one"},
		"the first is left out":         {[][]byte{line[1], line[2]}, ""},
		"two are swapped":               {[][]byte{line[1], line[0], line[2]}, ""},
		"one is repeated":               {[][]byte{line[0], line[0], line[1]}, "one"},
		"the other side's is reflected": {[][]byte{back}, ""},
		"another link's is put in":      {[][]byte{elsewhere}, ""},
		"a length that is none":         {[][]byte{line[0], make([]byte, 64)}, "one"},
		"a length that is too large":    {[][]byte{line[0], bytes.Repeat([]byte{0xff}, 64)}, "one"},
	} {
		if got, err := read(c.line...); string(got) != c.read || !errors.Is(err, errFrame) {
			t.Errorf("%s: %q was read, with %v", what, got, err)
		}
	}
	for bit := range 8 * len(line[1]) {
		changed := slices.Clone(line[1])
		changed[bit/8] ^= 1 << (bit % 8)
		if got, err := read(line[0], changed, line[2]); string(got) != "one" || err == nil {
			t.Fatalf("bit %d is flipped: %q was read, with %v", bit, got, err)
		}
	}
}

// listener hands out connections that somebody listens to.
type tapped struct {
	net.Listener
	heard chan []byte
}

type tappedConn struct {
	net.Conn
	heard chan []byte
}

func (l tapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tappedConn{c, l.heard}, nil
}

func (c tappedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case c.heard <- slices.Clone(b[:n]):
	default:
	}
	return n, err
}

// Messages and images arrive with a secret as they do without one, and on the line they can be read only without.
func TestSecretSealsMessagesAndImages(t *testing.T) {
	word := make([]byte, 64)
	rand.Read(word)
	for _, secret := range []string{"", "a secret of this ensemble"} {
		l := tapped{listen(t), make(chan []byte, 1<<12)}
		delivered := make(chan zab.Message, 16)
		var got kept
		serverTwo(t, l, Config{Secret: []byte(secret), Deliver: func(m zab.Message) { delivered <- m }, Receive: func(zab.PeerID, []byte) (ImageWriter, error) { return &got, nil }})
		one := serverOneWith(t, Config{Secret: []byte(secret)}, l.Addr().String())
		m := zab.Message{Type: zab.MsgForward, From: 1, To: 2, Epoch: 1, Payloads: [][]byte{word}}
		for sent := false; !sent; {
			one.Send(&m)
			select {
			case back := <-delivered:
				sent = bytes.Equal(back.Payloads[0], word)
			case <-time.After(time.Millisecond): // the link may not be there yet
			}
		}
		if err := one.SendImage(t.Context(), 2, []byte("header"), opens(string(word)), 0); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), word) || !got.whole {
			t.Errorf("secret %q: the image is %d bytes, whole: %v", secret, got.Len(), got.whole)
		}
		var line []byte
		for more := true; more; {
			select {
			case b := <-l.heard:
				line = append(line, b...)
			default:
				more = false
			}
		}
		if open := bytes.Contains(line, word); open != (secret == "") {
			t.Errorf("secret %q: what is said can be read on the line: %v", secret, open)
		}
	}
}

// A frame that fits the checksums but not the seal is not delivered: checksums are for accidents.
func TestSealedLinkBelievesNoStrangersFrame(t *testing.T) {
	m := zab.Message{Type: zab.MsgResign, From: 1, To: 2, Epoch: 1}
	frame := zab.AppendMessage(beginFrame(nil), &m)
	endFrame(frame, 0)
	tr := &Transport{cfg: Config{Identity: server(2).me, Deliver: func(zab.Message) { t.Error("it was delivered") }}}
	s := seal(&script{}, io.MultiReader(bytes.NewReader(frame), rand.Reader), server(2).credential(), transcript{}, fromDialler, fromAccepter)
	if err := tr.readMessages(bufio.NewReader(s), 1); !errors.Is(err, errFrame) {
		t.Error(err)
	}
}
