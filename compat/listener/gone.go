package listener

import "syscall"

// Gone says whether the client has closed its side of the connection, so that nobody waits for what is answered to what it sent before. Its end of the
// stream stands behind those requests: while they are not read, only this tells.
func (c *Conn) Gone() (gone bool) {
	switch s := c.base.(type) {
	case *handEnd:
		return s.gone
	case syscall.Conn:
		raw, err := s.SyscallConn()
		if err != nil {
			return true // it is closed
		}
		if err := raw.Control(func(fd uintptr) { gone = hungUp(int(fd)) }); err != nil {
			return true
		}
	}
	return gone
}
