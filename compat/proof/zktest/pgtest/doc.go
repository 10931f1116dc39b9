// Package pgtest starts a private PostgreSQL for a test, from Debian's package, on a Unix socket in a temporary folder.
//
//	dsn := pgtest.Start(t)
//
// The server ends with the test. Where PostgreSQL is missing the test is skipped loudly, or fails in CI (zktest.Require). Safe from any goroutine: each
// call starts a server of its own. To look at one that misbehaves, read the file "log" in its folder, the host of the DSN.
package pgtest
