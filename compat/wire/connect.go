package wire

import (
	"github.com/paddock-zk/paddock/compat/jute"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// PasswordSize is the length of a session's password. The C client reads a fixed layout, so it is sent on refusal too (as zeros).
const PasswordSize = 16

// ConnectRequest is the first frame of a connection. It has no header.
type ConnectRequest struct {
	Protocol int32
	LastZxid zxid.ID    // largest zxid the client has seen
	Timeout  int32      // ms, asked for
	Session  session.ID // 0 = a new one
	Password []byte     // aliases the frame
	ReadOnly bool       // the client accepts a read-only server
	// Short says that the readOnly byte was missing, as clients of the 3.3 era and several current libraries send it. The answer must
	// be short too.
	Short bool
}

// Append writes q, without the readOnly byte if q.Short.
func (q *ConnectRequest) Append(dst []byte) []byte {
	dst = jute.AppendInt(dst, q.Protocol)
	dst = jute.AppendLong(dst, int64(q.LastZxid))
	dst = jute.AppendInt(dst, q.Timeout)
	dst = jute.AppendLong(dst, int64(q.Session))
	dst = jute.AppendBuffer(dst, q.Password)
	if q.Short {
		return dst
	}
	return jute.AppendBool(dst, q.ReadOnly)
}

// Decode reads q.
func (q *ConnectRequest) Decode(r *jute.Reader) {
	q.Protocol = r.Int()
	q.LastZxid = zxid.ID(r.Long())
	q.Timeout = r.Int()
	q.Session = session.ID(r.Long())
	q.Password = r.Buffer()
	q.Short = r.Err() == nil && r.Len() == 0
	q.ReadOnly = !q.Short && r.Bool()
}

// ConnectResponse answers a ConnectRequest. Timeout 0 and Session 0 tell the client that its session is over for good: never send
// that for a passing problem, close the socket instead.
type ConnectResponse struct {
	Protocol int32
	Timeout  int32 // ms, negotiated
	Session  session.ID
	Password [PasswordSize]byte
	ReadOnly bool // this server serves reads only
	Short    bool // leave out the readOnly byte, because the request did
}

// Refusal is the answer to an unknown or expired session or a bad password.
func Refusal(short bool) ConnectResponse { return ConnectResponse{Short: short} }

// Append writes p: 37 bytes, or 36 if p.Short.
func (p *ConnectResponse) Append(dst []byte) []byte {
	dst = jute.AppendInt(dst, p.Protocol)
	dst = jute.AppendInt(dst, p.Timeout)
	dst = jute.AppendLong(dst, int64(p.Session))
	dst = jute.AppendBuffer(dst, p.Password[:])
	if p.Short {
		return dst
	}
	return jute.AppendBool(dst, p.ReadOnly)
}

// Decode reads p. A password of another length than 16 is cut or padded with zeros.
func (p *ConnectResponse) Decode(r *jute.Reader) {
	p.Protocol = r.Int()
	p.Timeout = r.Int()
	p.Session = session.ID(r.Long())
	p.Password = [PasswordSize]byte{}
	copy(p.Password[:], r.Buffer())
	p.Short = r.Err() == nil && r.Len() == 0
	p.ReadOnly = !p.Short && r.Bool()
}
