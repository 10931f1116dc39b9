package transport

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/paddock-zk/paddock/zab"
)

// ImageWriter stages an image. Offset says how much of this very image (same header) is staged already, so that an interrupted
// transfer goes on where it ended. Commit verifies and makes it durable; Abort keeps what is staged for the next try.
type ImageWriter interface {
	io.Writer
	Offset() int64
	Commit() error
	Abort()
}

const imageChunk = 256 << 10

// SendImage ships an image to a server: the header names it, open gives its bytes from an offset. It returns when the receiver has
// committed it, and early if ctx ends or the transport is closed. bytesPerSecond > 0 limits the rate.
func (t *Transport) SendImage(ctx context.Context, to zab.PeerID, header []byte, open func(offset int64) (io.ReadCloser, error), bytesPerSecond int) error {
	t.mu.Lock()
	pair, ok := t.links[to]
	t.mu.Unlock()
	if !ok {
		return fmt.Errorf("transport: no link to server %d", to)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	c, err := t.connectImage(ctx, to, pair[1].addresses())
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := writeFrame(c, header); err != nil {
		return err
	}
	r := bufio.NewReaderSize(c, 256)
	answer, err := readFrame(r, 4096)
	if err != nil || len(answer) != 8 {
		return fmt.Errorf("transport: server %d did not accept the image: %w", to, err)
	}
	src, err := open(int64(binary.BigEndian.Uint64(answer)))
	if err != nil {
		return err
	}
	defer src.Close()
	if err := pour(c, src, t.cfg.WriteTimeout, bytesPerSecond); err != nil {
		return fmt.Errorf("transport: image to server %d: %w", to, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Minute)) // verifying and syncing a large image is slow work, not silence
	verdict, err := readFrame(r, 4096)
	if err != nil {
		return fmt.Errorf("transport: server %d ended the image transfer: %w", to, err)
	}
	if len(verdict) > 0 {
		return fmt.Errorf("transport: server %d refused the image: %s", to, verdict)
	}
	return nil
}

// connectImage connects to the first address that answers. A server with addresses in several networks is filled as long as one of them works.
func (t *Transport) connectImage(ctx context.Context, to zab.PeerID, addrs []string) (net.Conn, error) {
	var errs []error
	for _, addr := range addrs {
		c, err := t.connect(ctx, addr, to, laneImage)
		if err == nil {
			return c, nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// pour frames src onto c; an empty frame says that the image is whole.
func pour(c net.Conn, src io.Reader, timeout time.Duration, rate int) error {
	frame := make([]byte, frameHeader+imageChunk)
	for {
		n, err := io.ReadFull(src, frame[frameHeader:])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		b := frame[:frameHeader+n]
		endFrame(b, 0)
		_ = c.SetWriteDeadline(time.Now().Add(timeout))
		if _, err := c.Write(b); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if rate > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		}
		if n < imageChunk {
			src = eof{}
		}
	}
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// receiveImage stages what a leader ships.
func (t *Transport) receiveImage(c net.Conn, r *bufio.Reader, from zab.PeerID) error {
	header, err := readFrame(r, 1<<20)
	if err != nil {
		return err
	}
	if t.cfg.Receive == nil {
		return fmt.Errorf("transport: this server takes no images")
	}
	w, err := t.cfg.Receive(from, header)
	if err != nil {
		return err
	}
	if err := writeFrame(c, binary.BigEndian.AppendUint64(nil, uint64(w.Offset()))); err != nil {
		w.Abort()
		return err
	}
	for {
		_ = c.SetReadDeadline(time.Now().Add(t.cfg.WriteTimeout))
		chunk, err := readFrame(r, imageChunk)
		if err != nil {
			w.Abort()
			return err
		}
		if len(chunk) == 0 {
			break
		}
		if _, err := w.Write(chunk); err != nil {
			w.Abort()
			return err
		}
	}
	verdict := ""
	err = w.Commit()
	if err != nil {
		verdict = err.Error()
	}
	if werr := writeFrame(c, []byte(verdict)); err == nil {
		err = werr
	}
	return err
}
