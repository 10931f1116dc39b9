// Package zooconf reads the configuration of a ZooKeeper server: zoo.cfg, the dynamic configuration file, myid.
//
// # What it is
//
// [Load] takes a file in the syntax of java.util.Properties and gives a [Config]: every key that ZooKeeper 3.9 knows, with its default. What
// ZooKeeper takes as a Java system property is a key too, with or without the prefix "zookeeper.", as in ZooKeeper (QuorumPeerConfig
// .parseProperties turns unknown keys into system properties).
//
// # Contract
//
// A wrong value is an error that names file, line, key and what is allowed; nothing is guessed. A key that nobody knows is a warning by
// name, and otherwise harmless, as in ZooKeeper. A key that is known and has no meaning for Paddock (threads of the JVM, sizes
// of caches that do not exist) is listed in [Config].Ignored with the reason. Environment and flags are the binary's business, not this package's.
//
// # Concurrency
//
// None: a Config is a value; do not change it while others read it.
package zooconf
