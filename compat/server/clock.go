package server

import (
	"log/slog"
	"slices"
	"time"
)

// wallClock is what this server knows about its wall clock: what it said beside the monotonic clock, which nobody sets. Stamps of nodes are
// what the leader's wall clock said, right or wrong, as in ZooKeeper. The age of a TTL node is judged with it, and a node must never end early
// because a clock was set. It belongs to the goroutine that calls Tick.
//
// A period is the time between two steps of the clock. While this server led, it has stamped nodes with the clock of the period, and of these
// the age is known exactly, by the monotonic clock. A stamp that fits into no period is of another leader, or older than this process. Such a
// node is as old as the clock says, but of the clock as it is now and as it was for the longest time, the one that makes it younger.
type wallClock struct {
	periods []wallPeriod // the last one lasts
}

// wallPeriod is a time without a step. Times are ms of the monotonic clock.
type wallPeriod struct {
	from, until int64
	ahead       int64 // wall time less monotonic time
}

const (
	// wallStepMs is the smallest jump that is a step. What is smaller is the slow correction of a clock that runs, or a busy machine.
	wallStepMs = 1000
	// mostWallPeriods is how many periods are kept. The shortest goes: few nodes were stamped in it.
	mostWallPeriods = 16
)

// look takes what both clocks say, and logs a step. The wall clock was read between monoMs and afterMs: when these are far apart, the process
// did not run in between, and the pair says nothing.
func (w *wallClock) look(monoMs, wallMs, afterMs int64, log *slog.Logger) {
	if afterMs-monoMs > wallStepMs/4 {
		return
	}
	ahead := wallMs - monoMs
	if len(w.periods) == 0 {
		w.periods = append(w.periods, wallPeriod{from: monoMs, until: monoMs, ahead: ahead})
		return
	}
	p := &w.periods[len(w.periods)-1]
	before := p.until
	p.until = monoMs
	step := ahead - p.ahead
	if step > -wallStepMs && step < wallStepMs {
		p.ahead = ahead
		return
	}
	log.Warn("the wall clock was set, or the machine slept: ctime and mtime follow the clock; TTL nodes that were written before are judged by their age as far as it is known, and live longer rather than shorter",
		"step", time.Duration(step)*time.Millisecond, "clock", time.UnixMilli(wallMs).UTC().Format(time.RFC3339))
	// It was set at some time since the look before: the two periods overlap by that.
	w.periods = append(w.periods, wallPeriod{from: before, until: monoMs, ahead: ahead})
	if last := len(w.periods) - 1; last >= mostWallPeriods {
		shortest := 0
		for i := range w.periods[:last] {
			if w.periods[i].length() < w.periods[shortest].length() {
				shortest = i
			}
		}
		w.periods = slices.Delete(w.periods, shortest, shortest+1)
	}
}

// compareClock warns a new leader whose clock is behind the history: an earlier leader's clock was ahead, or this one's is behind. From here on
// the history bears what this clock says. A clock that is ahead of it may be right, for nothing need have been written for a while.
func (s *Server) compareClock(last int64) {
	if behind := last - s.opts.Clock.Wall(); behind >= wallStepMs {
		s.opts.Log.Warn("the wall clock of this leader is behind the newest entry of the history: one of the two leaders' clocks is wrong, and so are ctime and mtime of what was written with it",
			"behind", time.Duration(behind)*time.Millisecond, "newest", time.UnixMilli(last).UTC().Format(time.RFC3339))
	}
}

func (p *wallPeriod) length() int64 { return p.until - p.from }

// age is how long ago a node was stamped with mtimeMs, at the time of the last look: at least that long, as far as it can be known. It is never
// more than what the clock says now, for that is the time which the entry of its end will bear, and by which all servers judge it again.
func (w *wallClock) age(mtimeMs int64) int64 {
	if len(w.periods) == 0 {
		return 0
	}
	now := &w.periods[len(w.periods)-1]
	longest := now // the period that has lasted longest
	age := now.until + now.ahead - mtimeMs
	fits := false
	for i := range w.periods {
		p := &w.periods[i]
		if p.length() > longest.length() {
			longest = p
		}
		if at := mtimeMs - p.ahead; at >= p.from-wallStepMs && at <= p.until+wallStepMs { // when it was stamped, if by this clock
			fits = true
			age = min(age, now.until-at)
		}
	}
	if !fits {
		age = min(age, now.until+longest.ahead-mtimeMs)
	}
	return age
}
