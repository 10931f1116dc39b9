package wire

import (
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// CreateRequest is create (1), create2 (15) and createContainer (19).
type CreateRequest struct {
	Path  string
	Data  []byte // nil is null
	ACL   []znode.ACL
	Flags int32 // znode.Mode, any value
}

// Append writes q.
func (q *CreateRequest) Append(dst []byte) []byte {
	dst = jute.AppendText(dst, q.Path)
	dst = jute.AppendBuffer(dst, q.Data)
	dst = AppendACL(dst, q.ACL)
	return jute.AppendInt(dst, q.Flags)
}

// Decode reads q, reusing q.ACL.
func (q *CreateRequest) Decode(r *jute.Reader) {
	q.Path = r.Text()
	q.Data = r.Buffer()
	q.ACL = DecodeACL(r, q.ACL)
	q.Flags = r.Int()
}

// CreateTTLRequest is createTTL (21).
type CreateTTLRequest struct {
	CreateRequest
	TTL int64 // ms
}

// Append writes q.
func (q *CreateTTLRequest) Append(dst []byte) []byte {
	return jute.AppendLong(q.CreateRequest.Append(dst), q.TTL)
}

// Decode reads q.
func (q *CreateTTLRequest) Decode(r *jute.Reader) {
	q.CreateRequest.Decode(r)
	q.TTL = r.Long()
}

// PathVersion is a path and an expected version (-1: any).
type PathVersion struct {
	Path    string
	Version int32
}

type (
	// DeleteRequest is delete (2).
	DeleteRequest = PathVersion
	// CheckRequest is check (13), inside a multi only.
	CheckRequest = PathVersion
)

// Append writes q.
func (q *PathVersion) Append(dst []byte) []byte {
	return jute.AppendInt(jute.AppendText(dst, q.Path), q.Version)
}

// Decode reads q.
func (q *PathVersion) Decode(r *jute.Reader) { q.Path, q.Version = r.Text(), r.Int() }

// PathWatch is a path and whether to leave a watch.
type PathWatch struct {
	Path  string
	Watch bool
}

type (
	// ExistsRequest is exists (3).
	ExistsRequest = PathWatch
	// GetDataRequest is getData (4).
	GetDataRequest = PathWatch
	// GetChildrenRequest is getChildren (8) and getChildren2 (12).
	GetChildrenRequest = PathWatch
)

// Append writes q.
func (q *PathWatch) Append(dst []byte) []byte {
	return jute.AppendBool(jute.AppendText(dst, q.Path), q.Watch)
}

// Decode reads q.
func (q *PathWatch) Decode(r *jute.Reader) { q.Path, q.Watch = r.Text(), r.Bool() }

// PathOnly is a path.
type PathOnly struct{ Path string }

type (
	// GetACLRequest is getACL (6).
	GetACLRequest = PathOnly
	// GetAllChildrenNumberRequest is getAllChildrenNumber (104).
	GetAllChildrenNumberRequest = PathOnly
	// CreateResponse answers create (1).
	CreateResponse = PathOnly
)

// Append writes q.
func (q *PathOnly) Append(dst []byte) []byte { return jute.AppendText(dst, q.Path) }

// Decode reads q.
func (q *PathOnly) Decode(r *jute.Reader) { q.Path = r.Text() }

// NullablePath is a path that may be null (nil).
type NullablePath struct{ Path []byte }

type (
	// SyncRequest is sync (9). The path is not interpreted: it is echoed, and null stays null.
	SyncRequest = NullablePath
	// SyncResponse answers sync.
	SyncResponse = NullablePath
	// GetEphemeralsRequest is getEphemerals (103): a string prefix; null, empty and "/" mean all.
	GetEphemeralsRequest = NullablePath
)

// Append writes q.
func (q *NullablePath) Append(dst []byte) []byte { return jute.AppendBuffer(dst, q.Path) }

// Decode reads q.
func (q *NullablePath) Decode(r *jute.Reader) { q.Path = r.Buffer() }

// SetDataRequest is setData (5).
type SetDataRequest struct {
	Path    string
	Data    []byte // nil is null
	Version int32
}

// Append writes q.
func (q *SetDataRequest) Append(dst []byte) []byte {
	return jute.AppendInt(jute.AppendBuffer(jute.AppendText(dst, q.Path), q.Data), q.Version)
}

// Decode reads q.
func (q *SetDataRequest) Decode(r *jute.Reader) {
	q.Path, q.Data, q.Version = r.Text(), r.Buffer(), r.Int()
}

// SetACLRequest is setACL (7).
type SetACLRequest struct {
	Path    string
	ACL     []znode.ACL
	Version int32 // expected aversion
}

// Append writes q.
func (q *SetACLRequest) Append(dst []byte) []byte {
	return jute.AppendInt(AppendACL(jute.AppendText(dst, q.Path), q.ACL), q.Version)
}

// Decode reads q, reusing q.ACL.
func (q *SetACLRequest) Decode(r *jute.Reader) {
	q.Path = r.Text()
	q.ACL = DecodeACL(r, q.ACL)
	q.Version = r.Int()
}

// ReconfigRequest is reconfig (16). The three lists are nullable strings of server lines joined by commas.
type ReconfigRequest struct {
	Joining, Leaving, NewMembers []byte
	ConfigID                     int64 // expected version of the configuration; -1 any
}

// Append writes q.
func (q *ReconfigRequest) Append(dst []byte) []byte {
	dst = jute.AppendBuffer(dst, q.Joining)
	dst = jute.AppendBuffer(dst, q.Leaving)
	dst = jute.AppendBuffer(dst, q.NewMembers)
	return jute.AppendLong(dst, q.ConfigID)
}

// Decode reads q.
func (q *ReconfigRequest) Decode(r *jute.Reader) {
	q.Joining, q.Leaving, q.NewMembers = r.Buffer(), r.Buffer(), r.Buffer()
	q.ConfigID = r.Long()
}
