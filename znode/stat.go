package znode

// Stat is what a client sees of a node, in the order of ZooKeeper's wire (data.Stat): 68 bytes.
type Stat struct {
	Czxid          int64 // zxid that created the node
	Mzxid          int64 // zxid of the last change of its data
	Ctime          int64 // ms since 1970, leader's wall clock
	Mtime          int64 // ms since 1970, leader's wall clock
	Version        int32 // changes of the data
	Cversion       int32 // creates and deletes of children: 2*raw - NumChildren, wrapping
	Aversion       int32 // changes of the ACL
	EphemeralOwner int64 // session id; 0 for persistent, container and TTL nodes
	DataLength     int32 // bytes
	NumChildren    int32
	Pzxid          int64 // zxid of the last create or delete of a child
}
