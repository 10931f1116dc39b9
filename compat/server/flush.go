package server

import "sync"

// inlineFlushes is how many connections the apply goroutine flushes itself: for a few, handing them over costs more than the write.
const inlineFlushes = 2

// flushers write to sockets so that the apply goroutine does not have to.
type flushers struct {
	work  chan []*conn
	spare sync.Pool // *[]*conn
	wg    sync.WaitGroup
	none  bool // Apply flushes all by itself
}

func (f *flushers) start(n int) {
	f.work, f.none = make(chan []*conn, 64), n < 0
	for range max(0, n) {
		f.wg.Go(func() {
			for list := range f.work {
				for i, c := range list {
					c.lc.Flush()
					list[i] = nil
				}
				list = list[:0]
				f.spare.Put(&list)
			}
		})
	}
}

func (f *flushers) stop() {
	close(f.work)
	f.wg.Wait()
}

// give takes the connections that have output and returns an empty list for the next round.
func (f *flushers) give(list []*conn) []*conn {
	if len(list) <= inlineFlushes || f.none {
		for i, c := range list {
			c.lc.Flush()
			list[i] = nil
		}
		return list[:0]
	}
	// Shared out in two halves, so that two flushers can work at once.
	half := len(list) / 2
	first := append(f.empty(), list[:half]...)
	f.work <- first
	f.work <- list[half:]
	return f.empty()
}

func (f *flushers) empty() []*conn {
	if p, _ := f.spare.Get().(*[]*conn); p != nil {
		return *p
	}
	return nil
}
