package znode

// Perm is a set of permissions, as on the wire (ZooDefs.Perms).
type Perm = int32

const (
	PermRead   Perm = 1
	PermWrite  Perm = 2
	PermCreate Perm = 4
	PermDelete Perm = 8
	PermAdmin  Perm = 16
	PermAll    Perm = 31
)

// Identity is something a connection proved about itself: ("ip","127.0.0.1"), ("digest","bob:hash"), ("super",""), ...
type Identity struct{ Scheme, ID string }

// ACL grants perms to whoever matches (scheme, id). Bits outside PermAll are stored as given, as ZooKeeper does.
type ACL struct {
	Perms  Perm
	Scheme string
	ID     string
}
