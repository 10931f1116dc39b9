package tool

import (
	"slices"
	"strings"
	"testing"
)

// TestAddresses: a port may be left out, an IPv6 address stands with or without brackets, and what is no address is refused. A chroot is
// refused too: left out in silence, it would make every path another one.
func TestAddresses(t *testing.T) {
	for text, want := range map[string][]string{
		"a:1":                     {"a:1"},
		"a, b:3":                  {"a:2181", "b:3"},
		"127.0.0.1":               {"127.0.0.1:2181"},
		"::1":                     {"[::1]:2181"},
		"[::1]":                   {"[::1]:2181"},
		"[::1]:3":                 {"[::1]:3"},
		"fe80::1%eth0,2001:db8::": {"[fe80::1%eth0]:2181", "[2001:db8::]:2181"},
		"one:two:three":           nil,
		"a:":                      nil,
		":2181":                   {":2181"},
		"[a]":                     nil,
		"[::1":                    nil,
		"a:1/app":                 nil,
		"a/app":                   nil,
		"":                        nil,
		" , ":                     nil,
	} {
		got, err := Addresses("--server", text)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
		if err != nil && (ExitStatus(err) != 2 || !strings.HasPrefix(err.Error(), "--server")) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string][]string{
		"":                               nil,
		"a,b:1,::1,[::1]:2":              {"a:8080", "b:1", "[::1]:8080", "[::1]:2"},
		"http://a/x,https://[::1]:3":     {"http://a/x", "https://[::1]:3"},
		"unix:/var/lib/my data/socket,a": {"unix:/var/lib/my data/socket", "a:8080"},
	} {
		if got, err := AdminAddresses("--admin", text); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := AdminAddresses("--admin", "a:b:c"); ExitStatus(err) != 2 {
		t.Errorf("a:b:c: %v", err)
	}
}
