package jute

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestEveryPrimitiveComesBackAsItWent(t *testing.T) {
	b := AppendBool(nil, true)
	b = AppendBool(b, false)
	b = AppendInt(b, -2147483648)
	b = AppendLong(b, -9223372036854775808)
	b = AppendBuffer(b, nil)
	b = AppendBuffer(b, []byte{})
	b = AppendBuffer(b, []byte("data"))
	b = AppendText(b, "")
	b = AppendText(b, "/é")
	b = AppendNull(b)
	b = AppendTexts(b, []string{"a", "", "ccc"})
	b = AppendTexts(b, nil)
	r := NewReader(b)
	if !r.Bool() || r.Bool() || r.Int() != -2147483648 || r.Long() != -9223372036854775808 {
		t.Fatal("bool, int or long changed on the way")
	}
	if r.Buffer() != nil {
		t.Fatal("a null buffer must stay null")
	}
	if e := r.Buffer(); e == nil || len(e) != 0 {
		t.Fatalf("an empty buffer must stay empty and not null: %v", e)
	}
	if string(r.BufferCopy()) != "data" || r.Text() != "" || r.TextCopy() != "/é" {
		t.Fatal("buffer or string changed on the way")
	}
	if s, ok := r.NullableText(); ok || s != "" {
		t.Fatal("a null string must be seen as null")
	}
	if v := r.Vector(); !slices.Equal(v.Texts(), []string{"a", "", "ccc"}) || v.Null() {
		t.Fatalf("vector: %v", v.Texts())
	}
	if v := r.Vector(); !v.Null() || v.Len() != 0 || v.Texts() != nil {
		t.Fatal("a null vector must stay null")
	}
	if r.Err() != nil || r.Len() != 0 {
		t.Fatalf("err %v, %d bytes left", r.Err(), r.Len())
	}
}

func TestNullStringsInAVector(t *testing.T) {
	b := AppendText(AppendNull(AppendText(AppendInt(nil, 3), "a")), "")
	r := NewReader(AppendNull(AppendInt(b, 7)))
	var got []string
	for s, present := range r.NullableVector().Nullable {
		got = append(got, fmt.Sprint(s, present))
	}
	if !slices.Equal(got, []string{"atrue", "false", "true"}) || r.Int() != 7 || r.Err() != nil {
		t.Errorf("%q, %v", got, r.Err())
	}
	nulls := 0
	for _, present := range r.NullableVector().Nullable {
		if nulls++; present {
			t.Error("a null vector has a string")
		}
	}
	if nulls != 1 {
		t.Errorf("a null vector shows %d nulls, not one", nulls)
	}
	r = NewReader(b[:len(b)-2])
	if v := r.NullableVector(); r.Err() == nil || v.Len() != 0 {
		t.Error("a vector that is cut short was read")
	}
}

func TestHostileLengthsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		read func(*Reader)
		want error
	}{
		"int cut short":             {[]byte{0, 0, 0}, func(r *Reader) { r.Int() }, ErrShort},
		"buffer longer than frame":  {[]byte{0, 0, 0, 5, 1}, func(r *Reader) { r.Buffer() }, ErrLength},
		"buffer of 2 GiB":           {[]byte{0x7f, 0xff, 0xff, 0xff, 1}, func(r *Reader) { r.Buffer() }, ErrLength},
		"buffer of length -2":       {[]byte{0xff, 0xff, 0xff, 0xfe}, func(r *Reader) { r.Buffer() }, ErrLength},
		"null where text must be":   {[]byte{0xff, 0xff, 0xff, 0xff}, func(r *Reader) { r.Text() }, ErrNull},
		"vector of 2^31-1 elements": {[]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}, func(r *Reader) { r.Vector() }, ErrLength},
		"vector of 2^28 elements":   {[]byte{0x10, 0, 0, 0, 0, 0, 0, 0}, func(r *Reader) { r.Vector() }, ErrLength},
		"vector with a null string": {[]byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, func(r *Reader) { r.Vector() }, ErrNull},
	} {
		r := NewReader(c.b)
		c.read(&r)
		if !errors.Is(r.Err(), c.want) {
			t.Errorf("%s: %v, want %v", name, r.Err(), c.want)
		}
		if r.Int() != 0 || r.Buffer() != nil || r.Len() != 0 || r.Rest() != nil {
			t.Errorf("%s: reading went on after the error", name)
		}
	}
}

func TestNegativeCountReadsAsEmptyVector(t *testing.T) {
	r := NewReader([]byte{0xff, 0xff, 0xff, 0xfe})
	if v := r.Vector(); v.Null() || v.Len() != 0 || r.Err() != nil {
		t.Fatalf("%+v %v", v, r.Err())
	}
}

func TestErrorSaysWhereAndWhat(t *testing.T) {
	r := NewReader([]byte{0, 0, 0, 1, 0, 0, 0, 9, 'x'})
	r.Int()
	r.Buffer()
	if got := r.Err().Error(); !strings.Contains(got, "at byte 8 of 9") || !strings.Contains(got, "9, with 1 bytes left") {
		t.Fatal(got)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{}, []byte{0, 1, 2, 3, 4, 5, 6})
	f.Add(AppendTexts(nil, []string{"a", "b"}), []byte{5, 0})
	f.Add(AppendBuffer(nil, nil), []byte{3})
	f.Fuzz(func(t *testing.T, frame, script []byte) {
		r := NewReader(frame)
		for _, op := range script {
			switch op % 7 {
			case 0:
				r.Bool()
			case 1:
				r.Int()
			case 2:
				r.Long()
			case 3:
				if b := r.BufferCopy(); len(b) > len(frame) {
					t.Fatal("a buffer larger than its frame")
				}
			case 4:
				r.NullableText()
			case 5:
				v := r.Vector()
				if again := AppendVector(nil, v); r.Err() == nil && !v.Null() && v.Len() > 0 && !bytes.Contains(frame, again) {
					t.Fatal("a vector must be written back as it was read")
				}
			case 6:
				_ = r.TextCopy()
			}
			if r.Offset() > len(frame) {
				t.Fatal("read past the frame")
			}
		}
	})
}

func BenchmarkReadCreateLike(b *testing.B) {
	frame := AppendText(nil, "/bench/node-0000000001")
	frame = AppendBuffer(frame, make([]byte, 100))
	frame = AppendTexts(frame, []string{"world", "anyone"})
	frame = AppendInt(frame, 0)
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(frame)
		r.Text()
		r.Buffer()
		v := r.Vector()
		for s := range v.All {
			_ = s
		}
		r.Int()
		if r.Err() != nil {
			b.Fatal(r.Err())
		}
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	frame := AppendTexts(AppendBuffer(AppendText(nil, "/a"), []byte("x")), []string{"a", "b"})
	n := testing.AllocsPerRun(100, func() {
		r := NewReader(frame)
		r.Text()
		r.Buffer()
		for range r.Vector().All {
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations for one record", n)
	}
}
