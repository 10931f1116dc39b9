// Package jute is ZooKeeper's primitive encoding: big-endian integers, length-prefixed buffers and strings, counted vectors.
//
// # What it is
//
// Encoders append to a slice and return it ([AppendInt], [AppendString], ...). Decoding goes through a [Reader] over one frame.
// A record is its fields one after another: no tag, no length, no padding. package wire lists the records.
//
// # Contract
//
//   - Total: any bytes give either a value or an error, never a panic, never a loop longer than the frame. Every length is compared
//     with what is left of the frame, so the frame limit (jute.maxbuffer) bounds every field.
//   - The first error sticks: later reads give zero values. Read all fields, then ask [Reader.Err] once.
//   - null and empty are two things. A null buffer is a nil slice, an empty one is not nil. A null string is seen by
//     [Reader.NullableText]; [Reader.Text] takes a null string for an error ([ErrNull]), as ZooKeeper answers -5 to a null path.
//   - Bytes behind a complete record are ignored by servers; [Reader.Rest] shows them.
//
// # Aliasing
//
// [Reader.Buffer], [Reader.Text] and [Vector] point into the frame. The caller keeps the frame unchanged as long as any of them
// lives, or copies: [Reader.BufferCopy], [Reader.TextCopy], strings.Clone.
//
// # Concurrency
//
// No state beyond the Reader's own; a Reader belongs to one goroutine.
//
// # Debugging and testing
//
// An error says at which offset of the frame it happened, what was read and what is allowed. FuzzReader drives every method with
// arbitrary bytes; the benchmarks assert that nothing is allocated.
package jute
