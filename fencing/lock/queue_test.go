package lock

import (
	"testing"

	"github.com/paddock-zk/paddock/fencing"
)

const idA, idB, idC = "5fd3d0f8-8c9f-4e7b-9d3a-0123456789aa", "5fd3d0f8-8c9f-4e7b-9d3a-0123456789ab", "5fd3d0f8-8c9f-4e7b-9d3a-0123456789ac"

func names(list ...string) (out []fencing.NodeName) {
	for _, n := range list {
		out = append(out, fencing.ParseNodeName(n))
	}
	return out
}

func TestPredecessor(t *testing.T) {
	for _, c := range []struct {
		what, own string
		others    []string
		want      string
	}{
		{"alone", "_c_" + idA + "-lock-0000000005", nil, ""},
		{"only the one right before", "_c_" + idA + "-lock-0000000005", []string{"_c_" + idB + "-lock-0000000001", "_c_" + idC + "-lock-0000000004"}, "_c_" + idC + "-lock-0000000004"},
		{"names sort by id, the queue by number", "_c_" + idA + "-lock-0000000005", []string{"_c_" + idB + "-lock-0000000006"}, ""},
		{"kazoo's and go-zookeeper's nodes queue too", "_c_" + idA + "-lock-0000000005", []string{"5fd3d0f88c9f4e7b9d3a0123456789ab__lock__0000000003", "lock-0000000002"}, "5fd3d0f88c9f4e7b9d3a0123456789ab__lock__0000000003"},
		{"a reader passes readers", "_c_" + idA + "-__READ__0000000005", []string{"_c_" + idB + "-__READ__0000000004"}, ""},
		{"a reader waits for the last writer", "_c_" + idA + "-__READ__0000000005", []string{"_c_" + idB + "-__WRIT__0000000002", "_c_" + idC + "-__READ__0000000004"}, "_c_" + idB + "-__WRIT__0000000002"},
		{"a writer waits for readers", "_c_" + idA + "-__WRIT__0000000005", []string{"_c_" + idC + "-__READ__0000000004"}, "_c_" + idC + "-__READ__0000000004"},
		{"H5: the wrapped newcomer waits", "_c_" + idA + "-lock--2147483648", []string{"_c_" + idB + "-lock-2147483646", "_c_" + idC + "-lock-2147483647"}, "_c_" + idC + "-lock-2147483647"},
		{"H5: the holder before the wrap does not", "_c_" + idA + "-lock-2147483647", []string{"_c_" + idB + "-lock--2147483648"}, ""},
	} {
		got, _ := predecessor(fencing.ParseNodeName(c.own), names(c.others...))
		if got.Name != c.want {
			t.Errorf("%s: waits for %q, want %q", c.what, got.Name, c.want)
		}
	}
}

func TestTwinsOfALostReplyAreTold(t *testing.T) {
	r := &request{protection: idA}
	own, others := r.split(names("_c_"+idA+"-lock-0000000009", "_c_"+idB+"-lock-0000000008", "_c_"+idA+"-lock-0000000007"))
	if len(own) != 2 || own[0].Seq != 7 || len(others) != 1 {
		t.Fatalf("own %v, others %v", own, others)
	}
}
