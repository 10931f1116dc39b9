package listener

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// closer closes its connection while it receives, or has another goroutine close it while it waits for a lock of that goroutine.
type closer struct {
	lock    *sync.Mutex // nil: it closes by itself
	conn    *Conn
	reading chan struct{}
	closed  chan error
}

func (k *closer) Accepted(c *Conn) Receiver            { k.conn = c; return k }
func (k *closer) Word(string) (int, bool)              { return 0, false }
func (k *closer) Command(*Conn, string, []byte) []byte { return nil }
func (k *closer) Closed(reason error)                  { k.closed <- reason }

var errTest = errors.New("test")

func (k *closer) Receive(in *Frames) Verdict {
	if k.lock == nil {
		k.conn.Close(errTest)
	} else {
		close(k.reading)
		k.lock.Lock()
		defer k.lock.Unlock()
	}
	for {
		if _, ok := in.Next(); !ok {
			return Continue
		}
	}
}

// A socket's Close waits for the read that is on it, and the Receiver runs inside of that read: closing must not wait for it.
func TestCloseFromWithinReceive(t *testing.T) {
	for name, lock := range map[string]*sync.Mutex{"by itself": nil, "under a lock that it waits for": {}} {
		t.Run(name, func(t *testing.T) {
			k := &closer{lock: lock, reading: make(chan struct{}), closed: make(chan error, 1)}
			sock, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := New(k, Options{})
			go l.Serve(sock)
			c, err := net.Dial("tcp", sock.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if lock != nil {
				lock.Lock()
			}
			if _, err := c.Write(frame("hello")); err != nil {
				t.Fatal(err)
			}
			if lock != nil {
				<-k.reading
				k.conn.Close(errTest)
				lock.Unlock()
			}
			select {
			case reason := <-k.closed:
				if !errors.Is(reason, errTest) {
					t.Errorf("closed because of %v", reason)
				}
			case <-time.After(soon):
				t.Fatal("closing waits for the Receiver, which waits for the one who closes")
			}
			sock.Close()
		})
	}
}

// refuser ends its connection with a reason at the first frame.
type refuser struct {
	conn   *Conn
	closed chan error
}

func (k *refuser) Accepted(c *Conn) Receiver            { k.conn = c; return k }
func (k *refuser) Word(string) (int, bool)              { return 0, false }
func (k *refuser) Command(*Conn, string, []byte) []byte { return nil }
func (k *refuser) Closed(reason error)                  { k.closed <- reason }
func (k *refuser) Receive(in *Frames) Verdict {
	if _, ok := in.Next(); !ok {
		return Continue
	}
	return k.conn.Refuse(errTest)
}

// A connection that its Receiver refused ends with the Receiver's reason, although the client hangs up before that.
func TestRefuseSaysWhy(t *testing.T) {
	k := &refuser{closed: make(chan error, 1)}
	sock, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := New(k, Options{})
	go l.Serve(sock)
	c, err := net.Dial("tcp", sock.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(frame("hello")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the client reads %d bytes, %v", n, err)
	}
	c.Close()
	if got := <-k.closed; !errors.Is(got, errTest) {
		t.Errorf("closed with %v", got)
	}
	l.Shutdown(t.Context())
}

// A frame is admitted once: room that somebody else takes between Ready and Next ends no connection.
func TestAFrameIsAdmittedOnce(t *testing.T) {
	asked := 0
	f := &Frames{max: 100, buf: append(frame("one"), frame("two")...), admit: func(int) error {
		if asked++; asked > 1 {
			return errTest
		}
		return nil
	}}
	f.w = len(f.buf)
	if !f.Ready() {
		t.Fatal("the first frame is not ready")
	}
	if _, ok := f.Peek(); !ok {
		t.Fatal("Peek does not see what is ready")
	}
	if b, ok := f.Next(); !ok || string(b) != "one" {
		t.Fatalf("Next gives %q, %v after Ready", b, ok)
	}
	if f.Ready() || !errors.Is(f.err, errTest) || asked != 2 {
		t.Errorf("the second frame was asked for %d times: %v", asked, f.err)
	}
}
