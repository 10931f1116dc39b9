// Package admin shows a server to its operators: one [Report], rendered as ZooKeeper's four-letter words, as the AdminServer's JSON
// commands and as Prometheus text.
//
// # What it is
//
//   - [Report] is plain data that the server fills ([Source.Report]). It says nothing about sockets, trees or peers' types.
//   - [Words] answers four-letter words: what 3.9.5 prints, byte for byte, with its whitelist and its sentences.
//   - [NewHandler] is an http.Handler: /commands and /commands/<name> with ZooKeeper's names, aliases and fields; /metrics; and two
//     routes of our own, /health/live, /health/ready and /health/writable.
//   - [Metrics] are the counters and summaries a server feeds; they are what mntr, /commands/monitor and /metrics show, under
//     ZooKeeper's names, plus gauges taken from the Report. One set for each server, nothing global.
//
// # Contract
//
//   - Output text follows ZooKeeper 3.9.5. testdata/admin holds what the real server printed; tests render the same Report and
//     compare its shape (numbers and addresses taken out), and for a standalone server the bytes. Deliberate differences: lists are sorted (ZooKeeper prints hash order), Go runtime metrics stand where the JVM's stood,
//     and stage metrics of ZooKeeper's request chain that have no counterpart are absent (see notOurs in golden_test.go).
//   - Nothing secret is rendered. Snapshot and restore need credentials ([Backup.Authorize]); everything else is for whoever reaches
//     the port, therefore whoever serves it begins with the loopback address and not with ZooKeeper's 0.0.0.0.
//   - A Report is taken when a word or command asks for it, and only the costly parts that it shows ([Parts]).
//
// # Concurrency
//
// Counters and summaries may be fed from any goroutine: atomics in a few shards, no locks, no allocation. Words and Handler hold no
// state but the Source and are safe for concurrent use.
//
// # Debugging and testing
//
// go test ./compat/admin -run Golden prints both sides where Paddock and the recorded ZooKeeper differ. To record anew, ask a real server
// the words and commands by their names and put the answers into testdata/admin/<role>.
package admin
