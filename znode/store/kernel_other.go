//go:build !linux

package store

// pageout does nothing where the kernel does not know the advice.
func pageout(uintptr, uintptr) {}
