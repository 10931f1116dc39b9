package listener

import (
	"net"
	"runtime"
	"testing"
	"time"
)

// TestGone: that a client has closed its side is known although what it sent before was not read.
func TestGone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells before all is read")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tick, end := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for name, leave := range map[string]func(*net.TCPConn) error{
		"closed":   (*net.TCPConn).Close,
		"half":     (*net.TCPConn).CloseWrite,
		"by reset": func(c *net.TCPConn) error { c.SetLinger(0); return c.Close() },
	} {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		base, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer base.Close()
		c := newConn(New(nil, Options{}), base)
		if _, err := client.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if c.Gone() {
			t.Errorf("%s: gone before it has left", name)
		}
		if err := leave(client.(*net.TCPConn)); err != nil {
			t.Fatal(err)
		}
		for !c.Gone() {
			select {
			case <-tick.C:
			case <-end:
				t.Fatalf("%s: nobody knows that it has left", name)
			}
		}
	}
}
