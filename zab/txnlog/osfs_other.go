//go:build !linux

package txnlog

import "os"

// reserve extends the file; the zeros written afterwards take the blocks.
func reserve(f *os.File, size int64) error { return f.Truncate(size) }

// datasync falls back to a full sync where there is no fdatasync.
func datasync(f *os.File) error { return f.Sync() }

// writeBack leaves it to the sync at the end where there is no better way.
func writeBack(*os.File, int64, int64) error { return nil }
