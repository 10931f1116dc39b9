package transport

import (
	"bufio"
	"errors"
	"net"
	"testing"
	"time"
)

// A flipped bit anywhere in a frame is found at once: also in its length, where a reader that believed it would wait for bytes that never
// come while the link looks well to both sides.
func TestFlippedBitEndsTheLinkAtOnce(t *testing.T) {
	frame := append(beginFrame(nil), "a heartbeat"...)
	endFrame(frame, 0)
	for bit := range 8 * len(frame) {
		damaged := append([]byte(nil), frame...)
		damaged[bit/8] ^= 1 << (bit % 8)
		near, far := net.Pipe()
		go func() { _, _ = near.Write(damaged) }() // and then nothing: the link stays open
		_ = far.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := readFrame(bufio.NewReader(far), MaxFrame); !errors.Is(err, errFrame) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
		near.Close()
		far.Close()
		if t.Failed() {
			return
		}
	}
}
