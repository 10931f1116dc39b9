package session

// Password is what proves that a client owns a session: 16 bytes.
type Password = [16]byte

// LegacyPassword is the password Apache ZooKeeper computes for a session (anyone can compute it): only for imported sessions.
func LegacyPassword(id ID) Password { panic("stub") }

// Limits are minSessionTimeout and maxSessionTimeout, ms.
type Limits struct{ MinMs, MaxMs int32 }

// Negotiate clamps what a client asked for.
func (l Limits) Negotiate(askedMs int32) int32 { panic("stub") }

// Generator makes session ids: peer id, 40 bits of the start's clock, a counter. Not safe for concurrent use.
type Generator struct{}

// NewGenerator starts a generator for a server (1..254) that started at startMs.
func NewGenerator(peer uint8, startMs int64) *Generator { panic("stub") }

// Next is a new id.
func (g *Generator) Next() ID { panic("stub") }

// Tracker says which sessions are late. Pure: now is a monotonic time in ms that the caller passes in. Only the leader has one.
type Tracker struct{}

// NewTracker makes a tracker with buckets of tickMs.
func NewTracker(tickMs int64, nowMs int64) *Tracker { panic("stub") }

// Add begins to watch over a session with a full timeout; known ones are touched.
func (t *Tracker) Add(id ID, timeoutMs int32, nowMs int64) { panic("stub") }

// Touch gives a session its timeout again (timeoutMs <= 0: the one it has). False if it is unknown or closing.
func (t *Tracker) Touch(id ID, timeoutMs int32, nowMs int64) bool { panic("stub") }

// Remove forgets a session (its closeSession was applied).
func (t *Tracker) Remove(id ID) { panic("stub") }

// Advance returns up to max sessions that are late at nowMs, appended to dst; they are closing from then on and are named only once, until Reopen or Remove.
func (t *Tracker) Advance(nowMs int64, max int, dst []ID) []ID { panic("stub") }

// Reopen takes a closing session back with a full timeout (its close could not be proposed).
func (t *Tracker) Reopen(id ID, nowMs int64) { panic("stub") }

// Extend gives every session gapMs more: the server itself was paused.
func (t *Tracker) Extend(gapMs int64) { panic("stub") }

// NextDeadline is when Advance may next have something to say; ok is false if there is no session.
func (t *Tracker) NextDeadline() (ms int64, ok bool) { panic("stub") }

// Len is the number of sessions.
func (t *Tracker) Len() int { panic("stub") }

// SetOwner notes who speaks for a session now (opaque: peer id << 56 | connection, as the server likes).
func (t *Tracker) SetOwner(id ID, owner uint64) bool { panic("stub") }

// Owner says who speaks for a session; 0 if nobody is known.
func (t *Tracker) Owner(id ID) (owner uint64, ok bool) { panic("stub") }

// Buckets calls f for each expiry time with its sessions (the dump word), in order of time.
func (t *Tracker) Buckets(f func(expiresMs int64, ids []ID)) { panic("stub") }
