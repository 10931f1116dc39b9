package transport

import (
	"testing"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// BenchmarkLink sends messages over one link, as fast as they are delivered: plain, sealed with a secret, and with TLS.
func BenchmarkLink(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KB", 1 << 10}, {"64KB", 64 << 10}} {
		for _, how := range []string{"plain", "secret", "tls"} {
			b.Run(how+"/"+size.name, func(b *testing.B) { benchLink(b, how, size.bytes) })
		}
	}
}

func benchLink(b *testing.B, how string, size int) {
	delivered := make(chan struct{}, 1<<10)
	two, one := Config{Deliver: func(zab.Message) { delivered <- struct{}{} }}, Config{}
	switch how {
	case "secret":
		one.Secret, two.Secret = []byte("secret"), []byte("secret")
	case "tls":
		one.TLS, two.TLS = plain(named(b, "server.1")), plain(named(b, "server.2"))
	}
	l := listen(b)
	serverTwo(b, l, two)
	from := serverOneWith(b, one, l.Addr().String())
	m := zab.Message{Type: zab.MsgForward, From: 1, To: 2, Epoch: 1, Payloads: [][]byte{make([]byte, size)}}
	for up := false; !up; {
		from.Send(&m)
		select {
		case <-delivered:
			up = true
		case <-time.After(time.Millisecond):
		}
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	window := 0
	for range b.N {
		for window >= 256 {
			<-delivered
			window--
		}
		from.Send(&m)
		window++
	}
}
