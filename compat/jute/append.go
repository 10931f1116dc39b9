package jute

import "encoding/binary"

// AppendBool appends one byte, 0 or 1.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendInt appends 4 bytes.
func AppendInt(dst []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(v))
}

// AppendLong appends 8 bytes.
func AppendLong(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(v))
}

// AppendBuffer appends a length and the bytes; a nil slice becomes null (length -1).
func AppendBuffer(dst, v []byte) []byte {
	if v == nil {
		return AppendNull(dst)
	}
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendText appends a string: a length in bytes and its UTF-8. It cannot be null; see [AppendNull].
func AppendText(dst []byte, v string) []byte {
	return append(AppendInt(dst, int32(len(v))), v...)
}

// AppendNull appends the length -1: a null buffer, string or vector.
func AppendNull(dst []byte) []byte { return AppendInt(dst, -1) }

// AppendTexts appends a vector of strings; a nil slice becomes null.
func AppendTexts(dst []byte, v []string) []byte {
	if v == nil {
		return AppendNull(dst)
	}
	dst = AppendInt(dst, int32(len(v)))
	for _, s := range v {
		dst = AppendText(dst, s)
	}
	return dst
}

// BeginVector reserves the count of a vector whose length is not known yet. The elements are appended behind it, then
// [EndVector] writes the count at mark.
func BeginVector(dst []byte) (grown []byte, mark int) {
	return AppendInt(dst, 0), len(dst)
}

// EndVector writes the count n at mark, where [BeginVector] reserved it.
func EndVector(dst []byte, mark, n int) {
	binary.BigEndian.PutUint32(dst[mark:mark+4], uint32(int32(n)))
}
