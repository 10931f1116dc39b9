// Package crosscheck asks two servers the same questions and compares every answer, event and field: the real ZooKeeper is the
// authority for what Paddock must do.
//
// A [Script] is made from a seed: a few hundred steps on two to four connections, with every opcode a client may send, paths and
// ACLs and versions good and bad, all kinds of watches, multis that fail in the middle, sessions that are dropped, taken over,
// closed, refused, and bytes that are no request at all. [Play] plays it to one server in a subtree of its own and writes down
// what every connection saw. [Compare] finds the first place where two transcripts part. [Check] does it for many seeds and
// shrinks each kind of difference to the shortest script that shows it.
//
// # What is equal
//
// Everything on the wire, but for what two correct servers may do differently:
//
//   - zxids are counted from the transaction that made the script's root. So both servers must number the same transactions, also
//     failed ones; where numbers start is their own business.
//   - ctime and mtime are compared as the time of a transaction: the value is free, but whatever one transaction touched must show
//     the same one.
//   - session ids go by the label that the script gives a session; of passwords only the length and whether they stay the same.
//   - children, ephemerals and whoAmI's ids are sorted: ZooKeeper lists them in hash order.
//   - neighbours in an ACL that "auth" may have made are sorted: the identities of a connection are a set.
//   - paths that are not UTF-8, or beyond U+FFFF, and are only echoed: ZooKeeper's pass through Java's strings.
//   - events of one closeSession on one connection are sorted: ZooKeeper deletes a session's ephemerals in hash order.
//   - replies behind a closeSession are ignored: whether they are still sent is a race of ZooKeeper's threads.
//
// One group of steps goes out in one write. Then a ping on every connection, and all that comes before its answer, belongs to that
// group: so an event is compared with the step that caused it, and its place before or behind replies of the same connection too.
//
// # What is left out
//
// What would harm ZooKeeper 3.9.5 itself, or where it does what no client can mean:
//
//   - internal opcodes (20, -10), which Paddock refuses and ZooKeeper obeys;
//   - createTTL with a negative ttl and a mode without one, which ZooKeeper logs and cannot apply;
//   - limits and stats of a quota whose text cannot be read, which kill the thread that applies them;
//   - createContainer with an ephemeral flag: ZooKeeper prepares an ephemeral node and applies a container;
//   - multis and bursts where a quota is enforced, which overshoot in ZooKeeper and do not in Paddock;
//   - requests sent right behind a setACL: while that waits to be applied, ZooKeeper judges them by the list before, or by the new one,
//     as its threads run;
//   - null paths in addWatch and among setWatches2's persistent watches (ZooKeeper watches null);
//   - null strings in an ACL of more than one entry, where ZooKeeper's comparison of two entries decides (compat/DIVERGENCE.md);
//   - characters beyond U+FFFF in ACLs, which an ensemble of ZooKeepers garbles, and, in an ensemble, truncated writes, which stop it;
//   - anything that depends on time passing (expiry, containers, TTLs), since zxids must not move by themselves: servers to be
//     compared run with a container check interval of days.
//
// # Concurrency and use
//
// A check plays one script at a time, to both servers at once, and wants them for itself: other clients' writes move the zxids.
// With Generating.Exclusive both servers must also have started empty and seen only the same checks, since "/" is then looked at.
//
//	go test ./compat/proof/crosscheck -seeds 500 -requests 200        the real ZooKeeper against this tree's Paddock
//	paddock crosscheck --left host:port --right host:port       any two servers
//
// # Debugging
//
// A finding prints the shortest script and both answers. The same seed with the same options is the same script on any machine; a
// difference that does not show twice says so. The tests put a proxy between checker and server that alters one field, to show
// that the checker sees it, and compare ZooKeeper with ZooKeeper, to show that it sees nothing else.
package crosscheck
