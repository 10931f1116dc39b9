package tool

import (
	"slices"
	"testing"
)

func TestListOfAddresses(t *testing.T) {
	for text, want := range map[string][]string{
		"":                             nil,
		" , ":                          nil,
		"a:1":                          {"a:1"},
		"a:1,b:2":                      {"a:1", "b:2"},
		" a:1 b:2 , c:3,":              {"a:1", "b:2", "c:3"},
		"unix:/var/lib/my data/socket": {"unix:/var/lib/my data/socket"},
		"a:1 unix:/my data/s,unix:/b":  {"a:1", "unix:/my data/s", "unix:/b"},
	} {
		if got := List(text); !slices.Equal(got, want) {
			t.Errorf("%q is taken for %q, it should be %q", text, got, want)
		}
	}
}
