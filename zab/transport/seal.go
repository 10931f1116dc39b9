package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// sealed is a link without TLS between two servers that share a secret: what each says after the handshake is encrypted and authenticated
// (AES-256-GCM) with a key of its own for that direction of that connection, and numbered. Whoever sits on the way can read none of it, and can
// change, repeat, leave out or put in none of it either: the link ends. He can end the link in any case. Unlike TLS it does not protect what was recorded
// from somebody who learns the secret later.
//
// A record is the length of what was said (4 bytes, big-endian), and that much encrypted with the tag behind it.
type sealed struct {
	net.Conn
	in, out direction

	from   io.Reader // of Conn, with what the handshake has read ahead
	record []byte    // the one that was read last
	plain  []byte    // what is left of it
	batch  []byte    // the records of one Write
}

const (
	maxRecord  = 64 << 10 // bytes that are said in one record
	recordHead = 4
)

// direction seals or opens the records of one side, in their order.
type direction struct {
	aead  cipher.AEAD
	nonce [12]byte // ends with the number of the next record; the key is used on this connection alone
}

func newDirection(key []byte) direction {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // a key of 32 bytes is always taken
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return direction{aead: aead}
}

// count goes on to the next record.
func (d *direction) count() {
	binary.BigEndian.PutUint64(d.nonce[4:], binary.BigEndian.Uint64(d.nonce[4:])+1)
}

const (
	fromDialler  = "key of what the dialler says"
	fromAccepter = "key of what the accepter says"
)

// seal protects c after a handshake, for the side whose words are encrypted with the key out. from reads c.
func seal(c net.Conn, from io.Reader, cred credential, said transcript, in, out string) *sealed {
	return &sealed{Conn: c, from: from, in: newDirection(cred.derive(in, said)), out: newDirection(cred.derive(out, said))}
}

// Write seals b and sends it with one write.
func (s *sealed) Write(b []byte) (int, error) {
	s.batch = s.batch[:0]
	for rest := b; len(rest) > 0; {
		n := min(len(rest), maxRecord)
		at := len(s.batch)
		s.batch = binary.BigEndian.AppendUint32(s.batch, uint32(n))
		s.batch = s.out.aead.Seal(s.batch, s.out.nonce[:], rest[:n], s.batch[at:at+recordHead])
		s.out.count()
		rest = rest[n:]
	}
	if _, err := s.Conn.Write(s.batch); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Read gives what the other side has said, once its record is known to be whole and the next one.
func (s *sealed) Read(b []byte) (int, error) {
	if len(s.plain) == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

// next opens a record. Its length is only believed as far as it costs nothing.
func (s *sealed) next() error {
	if s.record == nil {
		s.record = make([]byte, recordHead+maxRecord+s.in.aead.Overhead())
	}
	head := s.record[:recordHead]
	if _, err := io.ReadFull(s.from, head); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(head))
	if n < 1 || n > maxRecord {
		return fmt.Errorf("%w: a record of %d bytes, at most %d", errFrame, n, maxRecord)
	}
	body := s.record[recordHead : recordHead+n+s.in.aead.Overhead()]
	if _, err := io.ReadFull(s.from, body); err != nil {
		return err
	}
	plain, err := s.in.aead.Open(body[:0], s.in.nonce[:], body, head)
	if err != nil {
		return fmt.Errorf("%w: it is not the next one that the other server has sealed with the shared secret", errFrame)
	}
	s.in.count()
	s.plain = plain
	return nil
}
