// Package formats holds that this build reads what released builds wrote. It has tests only.
//
// testdata/formats has a folder for each version of the formats: files that a server and its tool of that version wrote, small and real. Each test opens
// one kind of file of each version and looks at its content, so that a change that breaks a format is seen before it is released:
//
//	folder.tar.gz    a data folder as kill -9 leaves it: identity, log, database, checkpoints; its log holds each kind of transaction
//	backup.img       made by `paddock snapshot save`
//	token.txt        a signed token of a lock's holder, and keys.json, the key set that proves it
//
// The messages between servers are in messages.txt and hello.txt beside them, which the tests of zab, zab/transport and zab/gossip read.
//
// A change of a format needs a new version number where docs/versions.md says so, and a new folder here, which the build of that version writes:
//
//	go test ./compat/proof/formats -run TestWrite -write v2
//
// A folder of a released version is never written again.
package formats
