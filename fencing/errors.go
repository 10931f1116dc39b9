package fencing

import (
	"errors"
	"fmt"
)

// The kinds of refusal, for errors.Is. The typed errors below carry the details, for errors.As.
var (
	// ErrStaleToken: a newer grant was seen. The lock is lost; stop.
	ErrStaleToken = errors.New("fencing: stale token")
	// ErrUnknownLineage: the token belongs to a history that nobody said succeeds the one that the watermark knows.
	ErrUnknownLineage = errors.New("fencing: unknown lineage")
	// ErrWrongScope: the token belongs to another lock or another cluster; its number means nothing here.
	ErrWrongScope = errors.New("fencing: wrong scope")
	// ErrUnverified: a signature is required, and is missing, broken or by a key that is not trusted.
	ErrUnverified = errors.New("fencing: token not verified")
	// ErrMalformed: not a token at all.
	ErrMalformed = errors.New("fencing: malformed token")
	// ErrNoWatermark: the resource has no watermark for the scope: never enrolled, or lost. Nothing is admitted until it is enrolled.
	ErrNoWatermark = errors.New("fencing: no watermark")
	// ErrImplausible: the number jumps further than an orderly restore could make it (see Policy.Generation).
	ErrImplausible = errors.New("fencing: implausible token")
	// ErrNotSealed: the token is good and was not sealed here, which this resource demands (see Policy.RequireSeal).
	ErrNotSealed = errors.New("fencing: token not sealed")
	// ErrEnrolled: a resource that has a watermark was to be enrolled as a new one.
	ErrEnrolled = errors.New("fencing: enrolled already")
)

// StaleToken refuses a token that is lower than what was seen.
type StaleToken struct {
	Token Token // as presented
	Seen  Mark  // the watermark that outranks it
}

func (e *StaleToken) Error() string {
	return fmt.Sprintf("fencing: stale token %s of %s refused: a newer grant %s was seen (incarnation %s); the lock is lost, stop and take it again",
		e.Token.Order(), e.Token.name(), e.Seen.Order(), e.Seen.Incarnation)
}

// Is matches ErrStaleToken.
func (e *StaleToken) Is(target error) bool { return target == ErrStaleToken }

// UnknownLineage refuses a token of another incarnation that no statement of the operator connects to the known one.
type UnknownLineage struct {
	Token Token
	Known ID // the incarnation that the watermark or the policy has
}

func (e *UnknownLineage) Error() string {
	return fmt.Sprintf("fencing: token of %s has incarnation %s, known is %s: after a restore the operator states which incarnation succeeds which (Policy.Successions); numbers alone cannot tell",
		e.Token.name(), e.Token.Incarnation, e.Known)
}

// Is matches ErrUnknownLineage.
func (e *UnknownLineage) Is(target error) bool { return target == ErrUnknownLineage }

// WrongScope refuses a token of another lock or cluster.
type WrongScope struct {
	Token   Token
	Cluster ID // what is protected here
	Scope   ID
}

func (e *WrongScope) Error() string {
	what, have, want := "scope", e.Token.Scope, e.Scope
	if e.Token.Cluster != e.Cluster {
		what, have, want = "cluster", e.Token.Cluster, e.Cluster
	}
	return fmt.Sprintf("fencing: token of %s is for %s %s, this resource is protected by %s %s: present the token of the lock that protects it",
		e.Token.name(), what, have, what, want)
}

// Is matches ErrWrongScope.
func (e *WrongScope) Is(target error) bool { return target == ErrWrongScope }

// Unverified refuses a token whose origin is not proven. It is given before any watermark is looked at.
type Unverified struct {
	Reason string
	Err    error // may be nil
}

func (e *Unverified) Error() string {
	if e.Err != nil {
		return "fencing: token not verified: " + e.Reason + ": " + e.Err.Error()
	}
	return "fencing: token not verified: " + e.Reason
}

// Is matches ErrUnverified.
func (e *Unverified) Is(target error) bool { return target == ErrUnverified }

// Unwrap is the cause.
func (e *Unverified) Unwrap() error { return e.Err }

// Malformed refuses bytes that are no token, with the reason.
type Malformed struct{ Reason string }

func (e *Malformed) Error() string { return "fencing: malformed token: " + e.Reason }

// Is matches ErrMalformed.
func (e *Malformed) Is(target error) bool { return target == ErrMalformed }

func malformed(format string, args ...any) error {
	return &Malformed{Reason: fmt.Sprintf(format, args...)}
}

// NoWatermark refuses everything for a scope without a watermark: a lost one must not let old writers in (H30, H31).
type NoWatermark struct{ Scope ID }

func (e *NoWatermark) Error() string {
	return fmt.Sprintf("fencing: scope %s has no watermark here: it was never enrolled, or it was lost (restore, failover, deletion); take the lock anew and enrol with that token (Guard.Enrol)", e.Scope)
}

// Is matches ErrNoWatermark.
func (e *NoWatermark) Is(target error) bool { return target == ErrNoWatermark }

// Implausible refuses a number more than one generation above the watermark: believing it would lock everybody out (H29).
type Implausible struct {
	Token Token
	Seen  Mark
	Limit uint8 // highest generation that is believed now
}

func (e *Implausible) Error() string {
	return fmt.Sprintf("fencing: token %s of %s is of generation %d, above %d which is the highest that is believed here: a restore raises it by one; after more restores set Policy.Generation",
		e.Token.Order(), e.Token.name(), generation(e.Token.Fence), e.Limit)
}

// Is matches ErrImplausible.
func (e *Implausible) Is(target error) bool { return target == ErrImplausible }

// NotSealed refuses a token that would raise the watermark by something else than a seal.
type NotSealed struct {
	Token Token
	Seen  Mark
}

func (e *NotSealed) Error() string {
	if e.Token.Mode == Shared {
		return fmt.Sprintf("fencing: shared token %s of %s refused for a write: this resource demands a seal, and a reader's token cannot be sealed; write under an exclusive lock", e.Token.Order(), e.Token.name())
	}
	return fmt.Sprintf("fencing: token %s of %s was not sealed here (the watermark is %s): seal the resource before the first read and the first write", e.Token.Order(), e.Token.name(), e.Seen.Order())
}

// Is matches ErrNotSealed.
func (e *NotSealed) Is(target error) bool { return target == ErrNotSealed }

// Enrolled refuses to enrol as new what has a watermark already. Nothing was changed.
type Enrolled struct{ Seen Mark }

func (e *Enrolled) Error() string {
	return fmt.Sprintf("fencing: scope %s is enrolled already (the watermark is %s): a resource is enrolled as new once, when it is made, and not at each start", e.Seen.Scope, e.Seen.Order())
}

// Is matches ErrEnrolled.
func (e *Enrolled) Is(target error) bool { return target == ErrEnrolled }

// Reason is the kind of a refusal, for counters and logs.
type Reason uint8

// The reasons, in the order of the sentinels; ReasonStorage is a failure of the watermark storage itself.
const (
	ReasonNone Reason = iota
	ReasonStale
	ReasonUnknownLineage
	ReasonWrongScope
	ReasonUnverified
	ReasonMalformed
	ReasonNoWatermark
	ReasonImplausible
	ReasonNotSealed
	ReasonEnrolled
	ReasonStorage
	reasonCount
)

// String is a short stable word, fit for a metric label.
func (r Reason) String() string {
	names := [reasonCount]string{"none", "stale_token", "unknown_lineage", "wrong_scope", "unverified", "malformed", "no_watermark", "implausible", "not_sealed", "enrolled", "storage"}
	if r < reasonCount {
		return names[r]
	}
	return "unknown"
}

// ReasonOf classifies an error of this package; any other error is ReasonStorage, nil is ReasonNone.
func ReasonOf(err error) Reason {
	if err == nil {
		return ReasonNone
	}
	for i, target := range []error{ErrStaleToken, ErrUnknownLineage, ErrWrongScope, ErrUnverified, ErrMalformed, ErrNoWatermark, ErrImplausible, ErrNotSealed, ErrEnrolled} {
		if errors.Is(err, target) {
			return Reason(i + 1)
		}
	}
	return ReasonStorage
}
