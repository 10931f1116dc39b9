package peer

import (
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	now := time.Unix(1000, 0)
	p := patience{base: 160 * time.Millisecond}
	p.tick(now, 5*time.Millisecond)
	if p.times() != 1 {
		t.Errorf("a calm process waits %d times as long", p.times())
	}
	p.tick(now, 200*time.Millisecond)
	if p.times() != 4 {
		t.Errorf("ticks that are 200 ms late: %d times as long, want 4", p.times())
	}
	p.tick(now, 10*time.Second)
	if p.times() != patienceMost {
		t.Errorf("no bound: %d", p.times())
	}
	now = now.Add(patienceFade + time.Second)
	p.tick(now, 0)
	if p.times() != 1 {
		t.Errorf("an old delay is not forgotten: %d", p.times())
	}
}

func TestShortReignsAreWaitedOut(t *testing.T) {
	now := time.Unix(1000, 0)
	p := patience{base: 160 * time.Millisecond}
	for range 3 {
		p.leader(now, true)
		now = now.Add(time.Second)
		p.leader(now, false)
	}
	if p.times() != patienceMost {
		t.Errorf("after three short reigns: %d times as long, want %d", p.times(), patienceMost)
	}
	p.leader(now, true)
	for range 40 {
		now = now.Add(time.Second)
		p.tick(now, 0)
	}
	if p.times() != 1 {
		t.Errorf("a long reign does not calm down: %d", p.times())
	}
	now = now.Add(time.Minute)
	p.leader(now, false)
	if p.times() != 1 {
		t.Errorf("the end of a long reign counts as a short one: %d", p.times())
	}
}
