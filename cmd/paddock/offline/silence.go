package offline

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// silence bounds how long a server may say nothing while it makes and sends an image: one whose disk is full may never come to an end.
type silence struct {
	context.Context // ends when the server has been silent for too long
	most            time.Duration
	timer           *time.Timer // nil: there is no bound
	cancel          context.CancelFunc
}

// newSilence begins to wait; most 0 waits for ever.
func newSilence(ctx context.Context, most time.Duration) *silence {
	s := &silence{most: most}
	s.Context, s.cancel = context.WithCancel(ctx)
	if most > 0 {
		s.timer = time.AfterFunc(most, s.cancel)
	}
	return s
}

// heard says that the server has said something.
func (s *silence) heard() {
	if s.timer != nil {
		s.timer.Reset(s.most)
	}
}

func (s *silence) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.cancel()
}

// broken is the error of a server that was silent for too long; nil if it was not, or if somebody else has ended ctx, in which it was asked.
func (s *silence) broken(ctx context.Context) error {
	if ctx.Err() != nil || s.Err() == nil {
		return nil
	}
	return &tool.Error{Tried: "snapshot save", Happened: fmt.Sprintf("the server has said nothing for %v (--timeout): nothing was kept", s.most),
		Todo: "look at its disk (paddock check): a full one may keep it from making an image; save from another server, or wait longer", Code: tool.ExitNoServer}
}

// reader is r, heard.
func (s *silence) reader(r io.Reader) io.Reader { return &heardReader{r, s} }

type heardReader struct {
	io.Reader
	s *silence
}

func (h *heardReader) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	if n > 0 {
		h.s.heard()
	}
	return n, err
}
