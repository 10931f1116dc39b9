package jute

// Vector is a vector of strings that was checked but not built: it points into the frame. Walk it with [Vector.All] as often as
// needed, without an allocation. The zero value is an empty vector.
type Vector struct {
	raw  []byte
	n    int
	null bool
}

// Vector reads a vector of strings. A null string inside is an error ([ErrNull]).
func (r *Reader) Vector() Vector {
	n := r.Count(4)
	if n < 0 {
		return Vector{null: true}
	}
	start := r.off
	for range n {
		r.Text()
	}
	if r.err != nil {
		return Vector{}
	}
	return Vector{raw: r.b[start:r.off:r.off], n: n}
}

// NullableVector is [Reader.Vector] that takes null strings among the others for what they are; see [Vector.Nullable].
func (r *Reader) NullableVector() Vector {
	n := r.Count(4)
	if n < 0 {
		return Vector{null: true}
	}
	start := r.off
	for range n {
		r.Buffer()
	}
	if r.err != nil {
		return Vector{}
	}
	return Vector{raw: r.b[start:r.off:r.off], n: n}
}

// Len is the number of strings.
func (v Vector) Len() int { return v.n }

// Null tells a null vector from an empty one.
func (v Vector) Null() bool { return v.null }

// All yields the strings in order; they alias the frame.
func (v Vector) All(yield func(string) bool) {
	r := NewReader(v.raw)
	for range v.n {
		if !yield(r.Text()) {
			return
		}
	}
}

// Nullable yields the strings in order, each with whether it is there: false for null. A null vector yields one null. They alias the frame.
func (v Vector) Nullable(yield func(s string, present bool) bool) {
	if v.null {
		yield("", false)
		return
	}
	r := NewReader(v.raw)
	for range v.n {
		if !yield(r.NullableText()) {
			return
		}
	}
}

// Texts builds a slice of copies; nil for a null vector.
func (v Vector) Texts() []string {
	if v.null {
		return nil
	}
	out := make([]string, 0, v.n)
	for s := range v.All {
		out = append(out, string([]byte(s)))
	}
	return out
}

// AppendVector appends v as it was read.
func AppendVector(dst []byte, v Vector) []byte {
	if v.null {
		return AppendNull(dst)
	}
	return append(AppendInt(dst, int32(v.n)), v.raw...)
}

// NewVector builds a Vector of strings, to be appended by [AppendVector]; a nil slice gives a null vector.
func NewVector(list []string) Vector {
	b := AppendTexts(nil, list)
	r := NewReader(b)
	return r.Vector()
}
