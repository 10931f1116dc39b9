package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/paddock-zk/paddock/zab/lineage"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// An image is a state at one zxid as a stream of bytes; checkpoints are files of it, and so is what a peer is sent.
//
//	header   magic 8 | version 4 | meta length 4 | cluster 16 | incarnation 16 | draw 16 | zxid 8 | digest 8 | zero 44 | crc 4
//	meta     as the header says, then its crc 4
//	blocks   raw length 4 | stored length 4 | records 4 | crc 4 | zstd data
//	footer   like a block with raw length 0, its data: blocks 8 | records 8 | raw bytes 8 | zxid 8 | end magic 8
//
// A block's raw data are records: key length (uvarint), value length (uvarint), key, value. Each crc covers what stands before it in its
// part and, for blocks, the data; it is seeded with the crc before it, so that parts cannot be exchanged, repeated or left out.
const (
	imageMagic   = "PADDKIMG"
	imageEnd     = "PADDKEND"
	imageVersion = 1
	imageHeader  = 128
	blockHeader  = 16
	footerSize   = 40

	blockBytes   = 128 << 10 // raw; a block ends with the record that reaches it
	maxBlock     = 256 << 20 // a sanity bound: one record may be large
	maxImageMeta = 1 << 20
)

// ImageHeader says what an image is of.
type ImageHeader struct {
	Identity lineage.Lineage
	Draw     [16]byte // drawn at random for each image: two files are pieces of the same image only if it is the same
	Zxid     zxid.ID
	Digest   uint64
	Meta     []byte // what its maker wanted to go with it (the membership at Zxid); the store does not look inside
}

// ImageError names the place where an image cannot be believed.
type ImageError struct {
	File   string // path, or what the stream is
	Offset int64
	What   string
}

// Error implements error.
func (e *ImageError) Error() string {
	return fmt.Sprintf("image %s is damaged at offset %d: %s: use an older checkpoint and the log, or a copy from a peer", e.File, e.Offset, e.What)
}

// Unwrap makes errors.Is(err, ErrImage) true.
func (e *ImageError) Unwrap() error { return ErrImage }

func (h *ImageHeader) encode() []byte {
	b := make([]byte, imageHeader, imageHeader+len(h.Meta)+4)
	le := binary.LittleEndian
	copy(b, imageMagic)
	le.PutUint32(b[8:], imageVersion)
	le.PutUint32(b[12:], uint32(len(h.Meta)))
	copy(b[16:], h.Identity.Cluster[:])
	copy(b[32:], h.Identity.Incarnation[:])
	copy(b[48:], h.Draw[:])
	le.PutUint64(b[64:], uint64(h.Zxid))
	le.PutUint64(b[72:], h.Digest)
	sum := crc32.Checksum(b[:imageHeader-4], castagnoli)
	le.PutUint32(b[imageHeader-4:], sum)
	b = append(b, h.Meta...)
	return le.AppendUint32(b, crc32.Update(sum, castagnoli, h.Meta))
}

// ImageWriter writes an image. It is for one goroutine; what it was given may be reused after each call.
type ImageWriter struct {
	w      io.Writer
	enc    *zstd.Encoder
	sum    uint32
	header ImageHeader
	raw    []byte
	out    []byte
	inRaw  uint32 // records in raw
	totals totals
}

// totals is what the footer holds the image to.
type totals struct{ blocks, records, bytes uint64 }

// NewImageWriter writes the header of an image.
func NewImageWriter(w io.Writer, h ImageHeader) (*ImageWriter, error) {
	if len(h.Meta) > maxImageMeta {
		return nil, fmt.Errorf("write an image with %d bytes of meta data: the most is %d", len(h.Meta), maxImageMeta)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(blockBytes),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("write an image: %w", err)
	}
	b := h.encode()
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("write the header of an image: %w", err)
	}
	return &ImageWriter{w: w, enc: enc, header: h, sum: binary.LittleEndian.Uint32(b[len(b)-4:])}, nil
}

// Add appends one record.
func (w *ImageWriter) Add(key, value []byte) error {
	w.raw = binary.AppendUvarint(w.raw, uint64(len(key)))
	w.raw = binary.AppendUvarint(w.raw, uint64(len(value)))
	w.raw = append(append(w.raw, key...), value...)
	w.inRaw++
	if len(w.raw) < blockBytes {
		return nil
	}
	return w.flush()
}

func (w *ImageWriter) flush() error {
	if len(w.raw) == 0 {
		return nil
	}
	w.totals.blocks++
	w.totals.records += uint64(w.inRaw)
	w.totals.bytes += uint64(len(w.raw))
	w.out = w.enc.EncodeAll(w.raw, append(w.out[:0], make([]byte, blockHeader)...))
	err := w.emit(uint32(len(w.raw)), w.inRaw)
	w.raw, w.inRaw = w.raw[:0], 0
	return err
}

// emit writes w.out, in which the block header is still to be filled.
func (w *ImageWriter) emit(raw, records uint32) error {
	le := binary.LittleEndian
	le.PutUint32(w.out, raw)
	le.PutUint32(w.out[4:], uint32(len(w.out)-blockHeader))
	le.PutUint32(w.out[8:], records)
	w.sum = crc32.Update(crc32.Update(w.sum, castagnoli, w.out[:12]), castagnoli, w.out[blockHeader:])
	le.PutUint32(w.out[12:], w.sum)
	if _, err := w.w.Write(w.out); err != nil {
		return fmt.Errorf("write an image: %w", err)
	}
	return nil
}

// Close writes the last block and the footer. It does not close or sync what is below.
func (w *ImageWriter) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	le := binary.LittleEndian
	w.out = append(w.out[:0], make([]byte, blockHeader)...)
	for _, v := range []uint64{w.totals.blocks, w.totals.records, w.totals.bytes, uint64(w.header.Zxid)} {
		w.out = le.AppendUint64(w.out, v)
	}
	w.out = append(w.out, imageEnd...)
	return w.emit(0, 0)
}

// ImageReader reads and checks an image from a stream of any origin.
type ImageReader struct {
	r      io.Reader
	name   string
	off    int64
	dec    *zstd.Decoder
	sum    uint32
	header ImageHeader
	stored []byte
	raw    []byte
	totals totals
}

// NewImageReader reads the header. name is what errors call the stream.
func NewImageReader(r io.Reader, name string) (*ImageReader, error) {
	ir := &ImageReader{r: r, name: name}
	if err := ir.readHeader(); err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxBlock))
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", name, err)
	}
	ir.dec = dec
	return ir, nil
}

// Header says what the image is of.
func (r *ImageReader) Header() ImageHeader { return r.header }

// Close gives the decoder's memory back.
func (r *ImageReader) Close() { r.dec.Close() }

func (r *ImageReader) damage(format string, args ...any) error {
	return &ImageError{File: r.name, Offset: r.off, What: fmt.Sprintf(format, args...)}
}

// fill reads exactly len(b) bytes.
func (r *ImageReader) fill(b []byte, part string) error {
	n, err := io.ReadFull(r.r, b)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.damage("it ends in the middle of %s: %d bytes are missing", part, len(b)-n)
	}
	if err != nil {
		return fmt.Errorf("read image %s at offset %d: %w", r.name, r.off+int64(n), err)
	}
	return nil
}

func (r *ImageReader) readHeader() error {
	b := make([]byte, imageHeader)
	if err := r.fill(b, "the header"); err != nil {
		return err
	}
	le := binary.LittleEndian
	if !bytes.HasPrefix(b, []byte(imageMagic)) {
		return r.damage("it does not begin like an image")
	}
	if v := le.Uint32(b[8:]); v > imageVersion {
		return fmt.Errorf("image %s has format %d and this program reads %d: use the version that wrote it: %w", r.name, v, imageVersion, ErrNewer)
	}
	sum := crc32.Checksum(b[:imageHeader-4], castagnoli)
	if le.Uint32(b[imageHeader-4:]) != sum {
		return r.damage("the checksum of the header does not match")
	}
	n := le.Uint32(b[12:])
	if n > maxImageMeta {
		return r.damage("%d bytes of meta data", n)
	}
	h := ImageHeader{Zxid: zxid.ID(le.Uint64(b[64:])), Digest: le.Uint64(b[72:])}
	copy(h.Identity.Cluster[:], b[16:])
	copy(h.Identity.Incarnation[:], b[32:])
	copy(h.Draw[:], b[48:])
	r.off = imageHeader
	meta := make([]byte, n+4)
	if err := r.fill(meta, "the meta data"); err != nil {
		return err
	}
	h.Meta = meta[:n:n]
	if r.sum = crc32.Update(sum, castagnoli, h.Meta); le.Uint32(meta[n:]) != r.sum {
		return r.damage("the checksum of the meta data does not match")
	}
	r.off += int64(len(meta))
	r.header = h
	return nil
}

// Records calls each for every record to the end of the image, which it checks too. key and value are good during the call only.
func (r *ImageReader) Records(each func(key, value []byte) error) error {
	for {
		more, err := r.block(each)
		if err != nil || !more {
			return err
		}
	}
}

// block reads one block; more is false after the footer.
func (r *ImageReader) block(each func(key, value []byte) error) (more bool, err error) {
	var head [blockHeader]byte
	if err := r.fill(head[:], "a block"); err != nil {
		return false, err
	}
	le := binary.LittleEndian
	raw, stored, records := le.Uint32(head[:]), le.Uint32(head[4:]), le.Uint32(head[8:])
	if raw > maxBlock || stored > maxBlock || raw == 0 && stored != footerSize {
		return false, r.damage("a block of %d bytes, %d stored", raw, stored)
	}
	if r.stored, err = r.grow(r.stored[:0], stored); err != nil {
		return false, err
	}
	r.sum = crc32.Update(crc32.Update(r.sum, castagnoli, head[:12]), castagnoli, r.stored)
	if le.Uint32(head[12:]) != r.sum {
		return false, r.damage("the checksum of a block of %d bytes does not match", stored)
	}
	if raw == 0 {
		return false, r.footer()
	}
	if r.raw, err = r.dec.DecodeAll(r.stored, r.raw[:0]); err != nil || len(r.raw) != int(raw) {
		return false, r.damage("a block does not decompress to %d bytes: %v", raw, err)
	}
	if err := r.split(records, each); err != nil {
		return false, err
	}
	r.totals.blocks++
	r.totals.records += uint64(records)
	r.totals.bytes += uint64(raw)
	r.off += blockHeader + int64(stored)
	return true, nil
}

// grow reads n bytes to the end of b, in steps, so that a length that lies costs no more memory than there are bytes.
func (r *ImageReader) grow(b []byte, n uint32) ([]byte, error) {
	for left := int(n); left > 0; {
		step := min(left, 4*blockBytes)
		at := len(b)
		b = append(b, make([]byte, step)...)
		if err := r.fill(b[at:], "a block"); err != nil {
			return b, err
		}
		left -= step
	}
	return b, nil
}

func (r *ImageReader) split(records uint32, each func(key, value []byte) error) error {
	b := r.raw
	for range records {
		kl, n := binary.Uvarint(b)
		if n <= 0 {
			return r.damage("a record without a length")
		}
		b = b[n:]
		vl, n := binary.Uvarint(b)
		if n <= 0 || kl > uint64(len(b)-n) || vl > uint64(len(b)-n)-kl {
			return r.damage("a record longer than its block")
		}
		b = b[n:]
		if err := each(b[:kl:kl], b[kl:kl+vl:kl+vl]); err != nil {
			return err
		}
		b = b[kl+vl:]
	}
	if len(b) > 0 {
		return r.damage("%d bytes after the last record of a block", len(b))
	}
	return nil
}

func (r *ImageReader) footer() error {
	le := binary.LittleEndian
	got := totals{le.Uint64(r.stored), le.Uint64(r.stored[8:]), le.Uint64(r.stored[16:])}
	if got != r.totals || zxid.ID(le.Uint64(r.stored[24:])) != r.header.Zxid || string(r.stored[32:]) != imageEnd {
		return r.damage("the footer says %+v, and %+v were read", got, r.totals)
	}
	r.off += blockHeader + footerSize
	var b [1]byte
	if n, _ := io.ReadFull(r.r, b[:]); n > 0 {
		return r.damage("bytes after the footer")
	}
	return nil
}
