package wire

import (
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/znode"
)

// Create2Response answers create2 (15), createContainer (19) and createTTL (21).
type Create2Response struct {
	Path string
	Stat znode.Stat
}

// Append writes p.
func (p *Create2Response) Append(dst []byte) []byte {
	return AppendStat(jute.AppendText(dst, p.Path), &p.Stat)
}

// Decode reads p.
func (p *Create2Response) Decode(r *jute.Reader) {
	p.Path = r.Text()
	DecodeStat(r, &p.Stat)
}

// StatResponse answers exists (3), setData (5) and setACL (7).
type StatResponse struct{ Stat znode.Stat }

// Append writes p.
func (p *StatResponse) Append(dst []byte) []byte { return AppendStat(dst, &p.Stat) }

// Decode reads p.
func (p *StatResponse) Decode(r *jute.Reader) { DecodeStat(r, &p.Stat) }

// DataResponse answers getData (4) and reconfig (16, the new configuration's text).
type DataResponse struct {
	Data []byte // nil is null
	Stat znode.Stat
}

// Append writes p.
func (p *DataResponse) Append(dst []byte) []byte {
	return AppendStat(jute.AppendBuffer(dst, p.Data), &p.Stat)
}

// Decode reads p.
func (p *DataResponse) Decode(r *jute.Reader) {
	p.Data = r.Buffer()
	DecodeStat(r, &p.Stat)
}

// ACLResponse answers getACL (6).
type ACLResponse struct {
	ACL  []znode.ACL
	Stat znode.Stat
}

// Append writes p.
func (p *ACLResponse) Append(dst []byte) []byte { return AppendStat(AppendACL(dst, p.ACL), &p.Stat) }

// Decode reads p, reusing p.ACL.
func (p *ACLResponse) Decode(r *jute.Reader) {
	p.ACL = DecodeACL(r, p.ACL)
	DecodeStat(r, &p.Stat)
}

// TextsResponse answers getChildren (8) and getEphemerals (103): names, in no particular order. A server that walks its children
// appends them itself between [jute.BeginVector] and [jute.EndVector].
type TextsResponse struct{ Texts jute.Vector }

type (
	// GetChildrenResponse answers getChildren (8).
	GetChildrenResponse = TextsResponse
	// GetEphemeralsResponse answers getEphemerals (103).
	GetEphemeralsResponse = TextsResponse
)

// Append writes p.
func (p *TextsResponse) Append(dst []byte) []byte { return jute.AppendVector(dst, p.Texts) }

// Decode reads p.
func (p *TextsResponse) Decode(r *jute.Reader) { p.Texts = r.Vector() }

// GetChildren2Response answers getChildren2 (12).
type GetChildren2Response struct {
	Children jute.Vector
	Stat     znode.Stat
}

// Append writes p.
func (p *GetChildren2Response) Append(dst []byte) []byte {
	return AppendStat(jute.AppendVector(dst, p.Children), &p.Stat)
}

// Decode reads p.
func (p *GetChildren2Response) Decode(r *jute.Reader) {
	p.Children = r.Vector()
	DecodeStat(r, &p.Stat)
}

// IntResponse is one int.
type IntResponse struct{ Value int32 }

type (
	// GetAllChildrenNumberResponse answers getAllChildrenNumber (104).
	GetAllChildrenNumberResponse = IntResponse
	// ErrorResponse is the body of addWatch's answer (always 0: a missing body breaks Java clients) and of a failed part of a multi.
	ErrorResponse = IntResponse
)

// Append writes p.
func (p *IntResponse) Append(dst []byte) []byte { return jute.AppendInt(dst, p.Value) }

// Decode reads p.
func (p *IntResponse) Decode(r *jute.Reader) { p.Value = r.Int() }

// ClientInfo is one identity as whoAmI shows it: without secrets.
type ClientInfo struct{ Scheme, User string }

// WhoAmIResponse answers whoAmI (107).
type WhoAmIResponse struct{ Infos []ClientInfo }

// Append writes p.
func (p *WhoAmIResponse) Append(dst []byte) []byte {
	dst = jute.AppendInt(dst, int32(len(p.Infos)))
	for _, i := range p.Infos {
		dst = jute.AppendText(jute.AppendText(dst, i.Scheme), i.User)
	}
	return dst
}

// Decode reads p, reusing p.Infos.
func (p *WhoAmIResponse) Decode(r *jute.Reader) {
	p.Infos = p.Infos[:0]
	for range r.Count(8) {
		i := ClientInfo{Scheme: r.Text(), User: r.Text()}
		if r.Err() != nil {
			return
		}
		p.Infos = append(p.Infos, i)
	}
}

// WatcherEvent is the body of a frame with xid -1.
type WatcherEvent struct {
	Type  znode.EventType
	State int32 // always StateSyncConnected from a server
	Path  string
}

// StateSyncConnected is the only state that a server puts into an event.
const StateSyncConnected int32 = 3

// Append writes e.
func (e *WatcherEvent) Append(dst []byte) []byte {
	return jute.AppendText(jute.AppendInt(jute.AppendInt(dst, int32(e.Type)), e.State), e.Path)
}

// Decode reads e.
func (e *WatcherEvent) Decode(r *jute.Reader) {
	e.Type, e.State, e.Path = znode.EventType(r.Int()), r.Int(), r.Text()
}
