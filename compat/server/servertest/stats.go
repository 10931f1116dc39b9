package servertest

import "reflect"

// SimStats count what a run has seen.
type SimStats struct {
	Events int
	Time   int64 // simulated, µs
	FaultStats
	DiskStats
	OrderStats
	RequestStats
	SessionStats
	WatchStats
}

// FaultStats count what was done to the servers.
type FaultStats struct {
	Crashes, TornWrites, Pauses, Partitions, Transfers, Reconfigs int
}

// DiskStats count what befell the durable states.
type DiskStats struct {
	Commits, NoSpace, Backups, GivenUp        int
	Compactions, TornCompactions, DiedInStore int
	Damages, Rebuilds                         int // records lost; states that were rebuilt since
	LowDisks, UnderAlarm, AlarmsKnown         int // disks that were low; growth that came meanwhile; leaders that were asked
}

// OrderStats count what the ensemble went through.
type OrderStats struct {
	LeaderChanges, Relinks, Installed, SnapInterrupted, Truncs, HistoryPulls int
}

// RequestStats count what clients asked.
type RequestStats struct {
	Requests, Answers int
	ReadsBehind       int // reads that were sent behind an unanswered write of their session
	SyncsInDoubt      int // sent first on a new connection, behind a write whose outcome is unknown
	Asks              int // questions to the leader: sessions that are validated again
	Tokens            int // fencing tokens told
	TokensAtChange    int // asked for, within 20 ticks of a change of leadership
}

// SessionStats count lives.
type SessionStats struct {
	Sessions, Closes   int
	Moves, MovedServer int // on purpose; to another server, for whatever reason
	Zombies            int // connections left behind
	Reattached         int
	Refusals           int // clients that were told that their session is over
	MovedRefused       int // writes refused because the session speaks through another server
	Expiries, Expired  int // proposed; in the history
	ExpiredAtChange    int // within 20 ticks of a change of leadership
	ExpiredAlive       int // of clients that had not died: cut off, asleep, or unlucky with their servers
}

// WatchStats count events.
type WatchStats struct {
	WatchEvents, Rewatches, Missed int
}

// Add sums statistics over runs.
func (a *SimStats) Add(b *SimStats) {
	x, y := counters(reflect.ValueOf(a).Elem()), counters(reflect.ValueOf(b).Elem())
	for i := range x {
		x[i].value.SetInt(x[i].value.Int() + y[i].value.Int())
	}
}

// Never lists the counters that are zero: where the runs have not been.
func (a *SimStats) Never() (names []string) {
	for _, c := range counters(reflect.ValueOf(a).Elem()) {
		if c.value.Int() == 0 {
			names = append(names, c.name)
		}
	}
	return names
}

type counter struct {
	name  string
	value reflect.Value
}

// counters are all numbers of a struct and of those inside it.
func counters(v reflect.Value) (all []counter) {
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct {
			all = append(all, counters(f)...)
		} else {
			all = append(all, counter{v.Type().Field(i).Name, f})
		}
	}
	return all
}

// count adds what a life of a core has seen.
func (a *SimStats) count(n *simNode) {
	c := n.core.Status().Counters
	a.Truncs += c.Truncs
	a.HistoryPulls += c.HistoryPulls
}

func (a *SimStats) add(nodes []*simNode) {
	for _, n := range nodes {
		if n.Up() {
			a.count(n)
		}
	}
}
