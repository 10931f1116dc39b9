// Package gossip finds servers and spreads hints about them, by Serf.
//
// # What it is
//
// A [Gossip] tells the others who this server is (id, peer address, client address, role, last zxid, version, cluster) and lists what
// the others say of themselves, with an estimate of the round trip to each. A new server that is given one address of a
// running ensemble learns all others from it, and members learn where the new one is.
//
// # Contract
//
// All of it is a hint. Whoever holds the gossip key (or, without one, whoever reaches the port) can say anything here. Nothing of it
// elects, expires a session, or changes a quorum: it supplies addresses to dial, and the handshake of the peer links decides
// whether the one who answers is believed. Members of another cluster are not listed, except to a joiner, which has none yet. What is said
// must fit into 512 bytes (memberlist); what does not is shortened or left out, and what cannot be printed is not believed.
//
// # Concurrency
//
// All methods are safe from any goroutine. [Config].Changed is called from a goroutine of the package, never concurrently.
package gossip
