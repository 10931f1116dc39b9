package server_test

import (
	"testing"

	"github.com/paddock-zk/paddock/compat/wire"
)

// FuzzFrames sends any bytes as two frames of an open session. Whatever they are, the server answers or closes, another session goes on
// working, and the state stays sound.
func FuzzFrames(f *testing.F) {
	a := args{m: map[string]string{"path": "/x", "create": "/x,/y", "data": "d", "get": "/x"}}
	for op := int32(-12); op < 110; op++ {
		if wire.Known(op) {
			f.Add(a.body(wire.RequestHeader{Xid: 1, Op: op}.Append(nil), op), a.body(wire.RequestHeader{Xid: 2, Op: op}.Append(nil), op))
		}
	}
	w := newWorld(f, 1, nil)
	witness := opened(f, w)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		c := opened(t, w)
		c.send(one, two, wire.RequestHeader{Xid: 77, Op: wire.OpCloseSession}.Append(nil))
		for {
			if _, err := c.next(soon); err == errQuiet {
				t.Fatal("neither an answer nor a close")
			} else if err != nil {
				break
			}
		}
		c.nc.Close()
		witness.tb = t
		witness.send(wire.RequestHeader{Xid: wire.XidPing, Op: wire.OpPing}.Append(nil))
		if _, err := witness.next(soon); err != nil {
			t.Fatalf("another session was harmed: %v", err)
		}
	})
}
