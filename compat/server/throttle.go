package server

import (
	"math/rand/v2"
	"sync"
)

// ThrottleOptions are the tokens that new connections cost (connection_throttle_*). Tokens 0 = off.
type ThrottleOptions struct {
	Tokens       int   // connection_throttle_tokens
	FillTimeMs   int64 // connection_throttle_fill_time; 0 = 1
	FillCount    int   // connection_throttle_fill_count; 0 = 1
	FreezeTimeMs int64 // connection_throttle_freeze_time; 0 or below = no dropping by chance
	DropIncrease float64
	DropDecrease float64
	DropRatio    float64 // connection_throttle_decrease_ratio
	Weighted     bool    // connection_throttle_weight_enabled: costs below instead of 1
	GlobalCost   int     // 0 = 3
	RenewCost    int     // 0 = 2
}

// throttle is a token bucket with a chance of refusal that rises while the bucket is low (ZooKeeper's BlueThrottle).
type throttle struct {
	o    ThrottleOptions
	dice lockedRand

	mu         sync.Mutex
	tokens     int
	lastFill   int64
	lastFreeze int64
	drop       float64
}

// lockedRand throws the dice of the throttle; nothing secret comes from it.
type lockedRand struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (l *lockedRand) float() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Float64()
}

func newThrottle(o ThrottleOptions) *throttle {
	or := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	or(&o.GlobalCost, 3)
	or(&o.RenewCost, 2)
	or(&o.FillCount, 1)
	if o.FillTimeMs <= 0 {
		o.FillTimeMs = 1
	}
	if o.Weighted {
		o.Tokens *= o.GlobalCost
		o.FillCount *= o.GlobalCost
	}
	return &throttle{o: o, tokens: o.Tokens}
}

// admit takes the tokens of one connection. chance is a random number in [0,1).
func (t *throttle) admit(renew bool, nowMs int64, chance float64) bool {
	if t.o.Tokens == 0 {
		return true
	}
	need := 1
	if t.o.Weighted {
		if need = t.o.GlobalCost; renew {
			need = t.o.RenewCost
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if passed := nowMs - t.lastFill; passed > t.o.FillTimeMs {
		t.lastFill = nowMs
		full := int64(t.o.Tokens)*t.o.FillTimeMs + 1 // more time than this fills any bucket, and cannot overflow
		t.tokens = int(min(int64(t.o.Tokens), int64(t.tokens)+min(passed, full)*int64(t.o.FillCount)/t.o.FillTimeMs))
	}
	if t.o.FreezeTimeMs > 0 && !t.freeze(nowMs, chance) {
		return false
	}
	if t.tokens < need {
		return false
	}
	t.tokens -= need
	return true
}

// freeze moves the chance of refusal once in each freeze time, and throws the dice.
func (t *throttle) freeze(nowMs int64, chance float64) bool {
	if nowMs-t.lastFreeze > t.o.FreezeTimeMs {
		t.lastFreeze = nowMs
		switch missing := t.o.Tokens - t.tokens; {
		case missing == t.o.Tokens:
			t.drop = min(1, t.drop+t.o.DropIncrease)
		case float64(missing) <= float64(t.o.Tokens)*t.o.DropRatio:
			t.drop = max(0, t.drop-t.o.DropDecrease)
		}
	}
	return chance >= t.drop
}

// deficit is how many tokens are missing, for the metrics.
func (t *throttle) deficit() (missing int, drop float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.o.Tokens - t.tokens, t.drop
}
