package lineage

import (
	"encoding/json"
	"testing"
)

func TestTextForms(t *testing.T) {
	l := Lineage{Cluster: ID{1, 15: 0xff}, Incarnation: ID{0xab}}
	b, err := json.Marshal(l)
	want := `{"cluster":"010000000000000000000000000000ff","incarnation":"ab000000000000000000000000000000"}`
	if err != nil || string(b) != want {
		t.Fatalf("%s, %v; want %s", b, err, want)
	}
	var again Lineage
	if err := json.Unmarshal(b, &again); err != nil || again != l {
		t.Errorf("%+v, %v", again, err)
	}
	for _, bad := range []string{"", "0", "010000000000000000000000000000f", "010000000000000000000000000000fff", "010000000000000000000000000000fg"} {
		var id ID
		if id.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is taken for %v", bad, id)
		}
	}
}
