package wire

import "unsafe"

// cloner copies pieces into one buffer whose capacity was counted before, so that the pieces stay where they are.
type cloner struct{ buf []byte }

func (c *cloner) bytes(b []byte) []byte {
	at := len(c.buf)
	c.buf = append(c.buf, b...)
	return c.buf[at:len(c.buf):len(c.buf)]
}

func (c *cloner) text(s string) string {
	at := len(c.buf)
	c.buf = append(c.buf, s...)
	b := c.buf[at:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}
