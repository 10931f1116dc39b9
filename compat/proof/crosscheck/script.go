package crosscheck

import (
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/compat/proof/client"
)

// Script is what is done to a server, step by step. A script names no zxid, session id or absolute path, so that it means the
// same on every server and in every run.
type Script struct {
	Seed    uint64
	Profile string
	Steps   []Step
}

// Act is what kind of thing a step does.
type Act uint8

// The acts. Each concerns the step's connection.
const (
	Connect Act = iota // open the TCP connection (closing an older one in this slot) and send the ConnectRequest
	Send               // send a request
	Raw                // send bytes that are no request, on a fresh TCP connection if there is none
	Drop               // close the TCP connection, and leave the session alone
)

// Step is one thing that is done on one connection.
type Step struct {
	Conn  int  // the slot: which of the script's connections
	Act   Act  //
	Join  bool // goes out in one write with the next step, if that is a Send on the same connection
	Hello Hello
	Req   Request
	Bytes []byte // Raw
}

// Hello says how to connect.
type Hello struct {
	Session  int   // the label that a new session gets (New), or of the session to return to; 0 = one that never was
	New      bool  //
	Wrong    bool  // with a wrong password
	Ahead    int64 // lastZxidSeen is that far ahead of the newest zxid seen; 0 = lastZxidSeen 0
	Timeout  int32 // ms
	ReadOnly client.ReadOnlyByte
	Password int // new session: length of the password to send, -1 for null
}

// String is the step in one line.
func (s Step) String() string {
	text := ""
	switch s.Act {
	case Connect:
		text = s.Hello.String()
	case Send:
		text = s.Req.String()
	case Raw:
		text = fmt.Sprintf("raw bytes %q", s.Bytes)
	case Drop:
		text = "drop the connection"
	}
	if s.Join {
		text += " +"
	}
	return fmt.Sprintf("c%d %s", s.Conn, text)
}

// String is the handshake in one line.
func (h Hello) String() string {
	var b strings.Builder
	switch {
	case h.New:
		fmt.Fprintf(&b, "connect: new session S%d", h.Session)
	case h.Session == 0:
		b.WriteString("connect: a session that never was")
	default:
		fmt.Fprintf(&b, "connect: session S%d again", h.Session)
	}
	if h.Wrong {
		b.WriteString(", wrong password")
	}
	if h.Ahead != 0 {
		fmt.Fprintf(&b, ", has seen zxid(now%+d)", h.Ahead)
	}
	fmt.Fprintf(&b, ", timeout %d", h.Timeout)
	if h.New && h.Password != 16 {
		fmt.Fprintf(&b, ", password of %d bytes", h.Password)
	}
	switch h.ReadOnly {
	case client.ReadOnlyOK:
		b.WriteString(", read-only will do")
	case client.NoReadOnlyBit:
		b.WriteString(", without the readOnly byte")
	case client.NotReadOnly:
	}
	return b.String()
}

// groups cuts the steps into what goes out in one write.
func groups(steps []Step) [][]Step {
	var out [][]Step
	for i := 0; i < len(steps); {
		j := i + 1
		for j < len(steps) && steps[j-1].Join && steps[j].Conn == steps[i].Conn && steps[j].Act == Send && steps[j-1].Act != Raw && steps[j-1].Act != Drop {
			j++
		}
		out = append(out, steps[i:j])
		i = j
	}
	return out
}

// String is the whole script, a line for each step.
func (s Script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, profile %s, %d steps\n", s.Seed, s.Profile, len(s.Steps))
	for i, step := range s.Steps {
		fmt.Fprintf(&b, "%4d %s\n", i+1, step)
	}
	return b.String()
}
