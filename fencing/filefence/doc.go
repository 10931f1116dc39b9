// Package filefence guards files in a local folder.
//
// # Use
//
//	dir, err := filefence.Open("/var/lib/job")
//	_, err = guard.CheckText(ctx, dir.Writing(func(w *filefence.Writer) error {
//		return w.WriteFile("state.json", state)
//	}), token)
//
// A process that is the only way to something else (a fencing.Gate) keeps its watermarks in a folder with [OpenMarks], so that it remembers them over a restart.
//
// # Why it is atomic
//
// Everything happens under an exclusive lock (flock) of one lock file for each scope: read the watermark, judge, make the new watermark durable, then let the function replace
// files (temporary file, fsync, rename, fsync of the folder). A crash after the watermark and before the write leaves a raised watermark and no write, which is safe.
//
// # Limits
//
// The promise holds for those who go through this package: a file handed out as an open descriptor goes on accepting writes, so never hand one out; write whole
// files. A holder that is stopped inside the function keeps the flock, and newer holders wait (until their ctx ends): they stay safe, and an operator
// has to end the stopped process. Network file systems lock differently: local disks only. On Windows the lock is LockFileEx and the rename is written through; that
// half is compiled by every run of CI and was not run.
//
// # Testing
//
// The tests run fencingtest against a real folder, with separate open descriptors as separate processes would have, and with a second process that is stopped by SIGSTOP.
package filefence
