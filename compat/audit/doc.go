// Package audit writes ZooKeeper's audit log: one line for everything that a client of this server changed or was refused to change.
//
// A line begins with the time, as logback writes it in front of ZooKeeper's. Then come tab-separated key=value pairs in ZooKeeper's order (session,
// user, ip, operation, znode, znode_type, acl, result); what is not known is left out. What an operator does at the admin port or socket is noted
// as well, with its object (a session, a server) behind the operation. Reads are not audited. A multi that succeeded is one line for each part that changes something, one that failed is a
// single line. Ephemeral nodes that end with their session are told by every server, since every server applies that.
// (ZooKeeper: AuditHelper, ZKAuditProvider, AuditEvent; audit.enable=true)
//
// # Durability
//
// Lines are handed to the operating system within [flushEvery], not synced: the history is in the transaction log, this is who did it.
// The file is opened anew when it was renamed or removed, so that any log rotation works without a signal.
//
// # Concurrency
//
// A [Log] may be used by many goroutines. Writing never waits for the disk unless more than [mostBytes] wait: nothing is dropped.
package audit
