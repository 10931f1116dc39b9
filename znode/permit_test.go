package znode

import "testing"

// Permits is the only rule of permission that other packages have, so every bit of it is held here.
func TestPermits(t *testing.T) {
	bob, eve := []Identity{{"ip", "10.0.0.1"}, {"digest", "bob:x"}}, []Identity{{"ip", "10.0.0.2"}, {"digest", "eve:x"}}
	list := []ACL{{PermRead, "world", "anyone"}, {PermWrite | PermAdmin, "digest", "bob:x"}, {PermCreate, "ip", "10.0.0.0/24"}}
	for _, row := range []struct {
		what string
		acl  []ACL
		perm Perm
		ids  []Identity
		fl   Flags
		want bool
	}{
		{"anyone reads", list, PermRead, nil, 0, true},
		{"anyone does not write", list, PermWrite, eve, 0, false},
		{"bob writes", list, PermWrite, bob, 0, true},
		{"bob administers", list, PermAdmin, bob, 0, true},
		{"nobody deletes", list, PermDelete, bob, 0, false},
		{"one of several bits is enough", list, PermDelete | PermWrite, bob, 0, true},
		{"an address creates", list, PermCreate, eve, 0, true},
		{"an empty list is open", nil, PermDelete, eve, 0, true},
		{"a list that grants nothing is not an empty one", []ACL{{0, "world", "anyone"}}, PermRead, eve, 0, false},
		{"the super identity may all", list, PermDelete, []Identity{{"super", ""}}, 0, true},
		{"skipACL", list, PermDelete, eve, FlagSkipACL, true},
		{"the digest scheme is switched off", list, PermWrite, bob, FlagNoDigest, false},
	} {
		if got := Permits(row.acl, row.perm, row.ids, row.fl); got != row.want {
			t.Errorf("%s: %v", row.what, got)
		}
	}
}
