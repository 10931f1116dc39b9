// Package fencingtest holds an implementation of fencing.Watermarks, together with the storage that it guards, to the promises of package fencing.
//
// # Use
//
// Write an adapter from your storage to [Store] (four short methods) and run the suite against the real storage, not against a mock of it:
//
//	func TestConformance(t *testing.T) {
//		fencingtest.Run(t, func(t *testing.T, g *fencing.Guard) fencingtest.Store { return open(t, g) })
//	}
//
// # What is held
//
// Equal, lower and higher tokens; shared tokens; seal before read and delayed writes; the race of first writes; concurrent writers; a crash between check
// and write; the loss of a watermark, which must refuse everything; tokens of another lock, cluster or incarnation. Above all: a write
// whose check passed before a newer holder's seal must not take effect after it. For this the suite stops a write between its check and its effect
// (the between function) and seals with a higher token meanwhile. A guard that checks and writes in two steps fails; a test of this package plants such a guard and sees it fail.
//
// # Concurrency
//
// Store methods are called from many goroutines at once. The suite uses no sleeps; it waits on channels with deadlines.
package fencingtest
