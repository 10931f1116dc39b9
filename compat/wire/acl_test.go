package wire

import (
	"errors"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// A null id is refused only where somebody would have looked at it.
func TestNullInACL(t *testing.T) {
	const null = -1
	acl := func(scheme, id func([]byte) []byte) []byte {
		return id(scheme(jute.AppendInt(jute.AppendInt(nil, 1), 31)))
	}
	nothing := func(b []byte) []byte { return jute.AppendInt(b, null) }
	text := func(s string) func([]byte) []byte {
		return func(b []byte) []byte { return jute.AppendText(b, s) }
	}
	cases := []struct {
		name string
		body []byte
		want znode.ACL
		err  error
	}{
		{"auth without id, as kazoo sends it", acl(text("auth"), nothing), znode.ACL{Perms: 31, Scheme: "auth"}, nil},
		{"no scheme", acl(nothing, text("x")), znode.ACL{Perms: 31, ID: "x"}, nil},
		{"neither", acl(nothing, nothing), znode.ACL{Perms: 31}, nil},
		{"world without id", acl(text("world"), nothing), znode.ACL{}, jute.ErrNull},
		{"digest without id", acl(text("digest"), nothing), znode.ACL{}, jute.ErrNull},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := jute.NewReader(c.body)
			got := DecodeACL(&r, nil)
			if !errors.Is(r.Err(), c.err) {
				t.Fatalf("error %v, want %v", r.Err(), c.err)
			}
			if c.err == nil && (len(got) != 1 || got[0] != c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
