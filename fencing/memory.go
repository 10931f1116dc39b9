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

// Raise is the Watermarks contract for a resource without state of its own. Use Writing to make a write part of the step.
func (m *Memory) Raise(ctx context.Context, c Claim) error { return m.Writing(nil).Raise(ctx, c) }

// Writing gives the watermarks for one guarded write: guard.Check(ctx, m.Writing(write), token) checks and writes in one step, and no other token is judged by
// this Memory until write returns. An error of write comes back wrapped; the watermark stays as it was.
func (m *Memory) Writing(write func() error) Watermarks { return memoryStep{m, write} }

type memoryStep struct {
	m     *Memory
	write func() error
}

func (s memoryStep) Raise(_ context.Context, c Claim) error {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	seen, found := m.marks[c.Scope()]
	next, store, err := c.Judge(seen, found)
	if err != nil {
		return err
	}
	if s.write != nil {
		if err := s.write(); err != nil {
			return err
		}
	}
	if store {
		if m.marks == nil {
			m.marks = make(map[ID]Mark)
		}
		m.marks[c.Scope()] = next
	}
	return nil
}

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
