package listener

import "errors"

var errWord = errors.New("four-letter word answered")

// word compares the first four bytes with the four-letter words. handled = they were one; over = and it is done.
func (c *Conn) word() (over, handled bool) {
	f := c.in
	w := string(f.buf[f.r : f.r+4])
	n, known := c.l.handler.Word(w)
	if !known {
		return false, false
	}
	if f.w-f.r < 4+n {
		c.worded = false // its arguments are still under way
		return false, true
	}
	answer := c.l.handler.Command(c, w, f.buf[f.r+4:f.r+4+n])
	f.r = f.w
	c.reason = errWord
	c.End(append(c.Begin(), answer...))
	return !c.closeGracefully(), true
}
