package peer

import "time"

// patience says how long an election timeout should be now, as a multiple of the configured one. It is pure: times are passed in.
//
// A timeout must be longer than the delays of the moment. Two signs tell of delays: the ticks of this process come late, or leaders do not
// last. Both signs fade.
type patience struct {
	base    time.Duration // the configured timeout
	late    time.Duration // the worst lateness of the last while
	lateAt  time.Time
	factor  int // from short reigns
	reignAt time.Time
	active  bool
}

const (
	patienceMost = 8                // times the configured timeout
	patienceFade = 10 * time.Second // a sign is forgotten after this time
	shortReign   = 10 * time.Second // a leader that is lost sooner was elected too hastily
)

// tick notes that a tick came late by d.
func (p *patience) tick(now time.Time, d time.Duration) {
	if d >= p.late || now.Sub(p.lateAt) > patienceFade {
		p.late, p.lateAt = max(d, 0), now
	}
	if p.active && p.factor > 1 && now.Sub(p.reignAt) > patienceFade {
		p.factor, p.reignAt = p.factor/2, now
	}
}

// leader notes that there is a leader now, or none any more.
func (p *patience) leader(now time.Time, active bool) {
	if active == p.active {
		return
	}
	if p.active && now.Sub(p.reignAt) < shortReign {
		p.factor = min(2*max(p.factor, 1), patienceMost)
	}
	p.active, p.reignAt = active, now
}

// times is the multiple.
func (p *patience) times() int {
	k := 1
	if p.base > 0 {
		k += int(3 * p.late / p.base)
	}
	return min(max(k, p.factor, 1), patienceMost)
}
