package shell

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/cmd/paddock/data"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/wire"
)

// watches are the persistent watches of the shell's session, by path, with their modes.
type watches struct {
	mu   sync.Mutex
	of   *tool.Session
	mode map[string]int32
	end  context.CancelFunc // of the printing
}

// begin starts an empty set of watches for a session. It returns a context that ends with the session. The caller holds mu.
func (w *watches) begin(ctx context.Context, session *tool.Session) context.Context {
	ctx, w.end = context.WithCancel(ctx)
	w.of, w.mode = session, map[string]int32{}
	return ctx
}

// forget ends the watches of a session that is closed.
func (w *watches) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end != nil {
		w.end()
	}
	w.of, w.mode, w.end = nil, nil, nil
}

// addWatch is zkCli's: it returns at once, and the events are printed as they come. Without -m it is for the whole subtree.
func (s *shell) addWatch(ctx context.Context, words []string) error {
	name := "PERSISTENT_RECURSIVE"
	if i := slices.Index(words, "-m"); i >= 0 && i+1 < len(words) {
		name = words[i+1]
		words = slices.Delete(slices.Clone(words), i, i+2)
	}
	if len(words) != 1 {
		return tool.Usage("addWatch: give [-m PERSISTENT|PERSISTENT_RECURSIVE] PATH")
	}
	mode, err := data.WatchMode(name, false)
	if err != nil {
		return err
	}
	path, err := data.Path(words[0])
	if err != nil {
		return err
	}
	session, err := s.open()
	if err != nil {
		return err
	}
	if err := setWatch(ctx, session, path, mode); err != nil {
		return tool.Fail("addWatch "+path, err)
	}
	s.watches.mu.Lock()
	defer s.watches.mu.Unlock()
	if s.watches.of != session {
		life := s.watches.begin(s.ctx, session)
		go s.printEvents(life, session, session.Listen())
	}
	s.watches.mode[path] = mode
	return nil
}

func setWatch(ctx context.Context, session *tool.Session, path string, mode int32) error {
	_, err := session.Call(ctx, wire.OpAddWatch, func(b []byte) []byte { return (&wire.PathInt{Path: path, Value: mode}).Append(b) })
	return err
}

// printEvents runs until the session is closed. After a lost connection it sets the watches again: go-zookeeper knows none of them.
func (s *shell) printEvents(ctx context.Context, session *tool.Session, events *tool.Events) {
	defer session.Unlisten(events)
	lost := false
	for {
		e, err := events.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			tool.Note(s.c, "%v", err)
			continue
		}
		switch {
		case e.Type == zk.EventSession && e.State == zk.StateDisconnected:
			lost = true
		case e.Type == zk.EventSession && e.State == zk.StateHasSession && lost:
			lost = false
			for path, mode := range s.watched(session) {
				if err := setWatch(ctx, session, path, mode); err != nil {
					tool.Note(s.c, "the watch of %s is lost: %v", path, err)
				}
			}
		case e.Type > 0 && !s.quiet.Load() && covers(s.watched(session), e):
			tool.Note(s.c, "\nWATCHER::\nWatchedEvent state:SyncConnected type:%s path:%s", strings.TrimPrefix(e.Type.String(), "Event"), e.Path)
		}
	}
}

// watched copies the watches of a session.
func (s *shell) watched(session *tool.Session) map[string]int32 {
	s.watches.mu.Lock()
	defer s.watches.mu.Unlock()
	out := map[string]int32{}
	if s.watches.of == session {
		for p, m := range s.watches.mode {
			out[p] = m
		}
	}
	return out
}

func covers(watches map[string]int32, e zk.Event) bool {
	for p, mode := range watches {
		if e.Path == p || mode == wire.AddWatchPersistentRecursive && data.Under(e.Path, p) {
			return true
		}
	}
	return false
}

// removeWatches is zkCli's: all watches of this session on a node, or those for its children (-c) or its data (-d). -l is accepted: what
// cannot be removed on the server is forgotten here.
func (s *shell) removeWatches(ctx context.Context, words []string) error {
	kind, local, path := wire.WatcherAny, false, ""
	for _, w := range words {
		switch {
		case w == "-c":
			kind = wire.WatcherChildren
		case w == "-d":
			kind = wire.WatcherData
		case w == "-a":
			kind = wire.WatcherAny
		case w == "-l":
			local = true
		case path == "" && !strings.HasPrefix(w, "-"):
			path = w
		default:
			return tool.Usage("removewatches: give PATH [-c|-d|-a] [-l]")
		}
	}
	path, err := data.Path(path)
	if err != nil {
		return err
	}
	session, err := s.open()
	if err != nil {
		return err
	}
	if kind == wire.WatcherAny {
		s.watches.mu.Lock()
		delete(s.watches.mode, path)
		s.watches.mu.Unlock()
	}
	_, err = session.Call(ctx, wire.OpRemoveWatches, func(b []byte) []byte { return (&wire.PathInt{Path: path, Value: kind}).Append(b) })
	if err != nil && !local {
		return tool.Fail("removewatches "+path, err)
	}
	return nil
}
