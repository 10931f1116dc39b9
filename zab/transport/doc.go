// Package transport carries the messages of zab between servers.
//
// # What it is
//
// A [Transport] listens on one peer port and dials every other server of the ensemble. Links carry messages one way, from the
// dialler to the accepter, so a link that is cut in one direction looks like what it is. Each pair has two links: the control
// lane (heartbeats, votes, acknowledgements) and the bulk lane (proposals, history, forwards, and questions that must not overtake them:
// [zab.MsgType.Bulk]), so a heartbeat never waits behind a proposal. An image of the state takes a connection of its own for each try (lane image).
// Links and images try all addresses of a server in turn, so that one of several networks may be down.
//
// # Contract
//
// Send encodes before it returns, never blocks, and drops when the link is down or its queue is full: the core repeats what
// matters. Order is kept within a lane while the link lives. Every frame has a length bound, a CRC32C of its length and one over all its bytes; a
// frame that is wrong in any way ends that link, is counted, and does nothing else. A link that breaks is dialled again, at once if it had
// lived for a while; if that fails, [Config].Gone is told that the other process has probably ended. On Linux a link whose bytes are not
// acknowledged for two seconds counts as broken. The handshake refuses another cluster, another incarnation, a
// server that is not in the ensemble (unless [Config].Admit or AdmitAll lets it in) or is not the one that was dialled, and whoever does not know the shared secret. The
// handshake proves the secret in both directions (HMAC-SHA256 over both nonces, all that was said and, with TLS, a value of that TLS connection), without
// sending it; the accepter shows its proof last. With TLS, the certificates of both sides are checked before the handshake begins, and must name the server's
// number or one of its hosts. Without TLS a secret encrypts and authenticates all that follows (sealed); without either, frames are not encrypted and not
// signed: use a network that you trust. A connection that has not finished its handshake costs about as much as its socket, and there are at most a few hundred
// of them: then the oldest is closed for the newest. A warning that strangers can cause is logged only now and then, with a count.
//
// # Concurrency
//
// All methods are safe from any goroutine. Each outgoing link has one writing goroutine, each incoming link one reading goroutine;
// [Config].Deliver is called from the latter.
package transport
