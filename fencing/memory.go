package fencing

import (
	"context"
	"sync"
)

// Memory keeps watermarks in memory, for resources that live in the same process and die with it. The zero value is empty and ready.
type Memory struct {
	mu    sync.Mutex
	marks map[ID]Mark
}

// Raise is the Watermarks contract. It protects nothing beyond itself: use Do to make a write part of the step.
func (m *Memory) Raise(_ context.Context, c Claim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.raise(c)
}

func (m *Memory) raise(c Claim) error {
	seen, found := m.marks[c.Scope()]
	next, store, err := c.Judge(seen, found)
	if err == nil && store {
		if m.marks == nil {
			m.marks = make(map[ID]Mark)
		}
		m.marks[c.Scope()] = next
	}
	return err
}

// Do checks the token and runs write in one step: no other token is judged by this Memory until write returns. An error of write is returned
// as it is; the watermark stays raised.
func (m *Memory) Do(ctx context.Context, g *Guard, t Token, write func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := g.Check(ctx, heldMemory{m}, t); err != nil {
		return err
	}
	return write()
}

// heldMemory is Memory whose lock the caller holds.
type heldMemory struct{ m *Memory }

func (h heldMemory) Raise(_ context.Context, c Claim) error { return h.m.raise(c) }

// Mark is the watermark of a scope, for display.
func (m *Memory) Mark(scope ID) (Mark, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mark, ok := m.marks[scope]
	return mark, ok
}

// Forget removes a watermark as a failing storage would. For tests only: a watermark is never deleted.
func (m *Memory) Forget(scope ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.marks, scope)
}
