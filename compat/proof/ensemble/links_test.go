package ensemble

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func linkRows() []row {
	return []row{
		{6, "minority_split", false, minoritySplit},
		{7, "leader_isolated", true, leaderIsolated},
		{8, "one_way_leader_to_follower", false, oneWayToFollower},
		{9, "one_way_followers_to_leader", true, oneWayToLeader},
		{10, "bridge", false, bridge},
		{11, "chain", false, chain},
		{12, "quorum_loss", false, quorumLoss},
		{13, "constrained_election", false, constrained},
		{14, "partial_partitions_redrawn", false, redrawn},
		{15, "flapping_link", false, flapping},
		{16, "lossy_links", false, lossy},
		{17, "delays_per_direction", false, delays},
		{20, "bit_flips_between_peers", true, bitFlips},
		{21, "cut_in_frames_and_single_bytes", false, segments},
	}
}

// The minority's clients find out and move; the minority serves no write and no sync.
func minoritySplit(t *testing.T) {
	c, l := startLoaded(t, options{voters: 5})
	leader := c.leader()
	minority := []int{leader.id, leader.id%5 + 1}
	c.part(minority, c.others(minority...))
	c.leader(c.others(minority...)...)
	l.progress(patience)
	c.mute(minority...)
	l.finish()
}

// mute holds that these servers answer no write and no sync, and soon serve nobody.
func (c *cluster) mute(ids ...int) {
	c.t.Helper()
	for _, id := range ids {
		z := newZK(c.addrs(id), 0)
		z.patience = 500 * time.Millisecond
		if z.connect(500*time.Millisecond, nil) == nil {
			if err := z.sync(); !errors.Is(err, errUnknown) {
				c.t.Errorf("server %d, which is cut off, answered a sync with %v", id, err)
			}
			z.drop()
		}
	}
}

func leaderIsolated(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	for range 2 {
		spend(300 * time.Millisecond)
		old := c.leader()
		stale := newZK(c.addrs(old.id), 0)
		c.must(stale.connect(patience, nil))
		stale.patience = time.Second
		l.gap()
		c.part([]int{old.id}, c.others(old.id))
		if _, err := stale.set("/ens/eph", "zombie", -1); !errors.Is(err, errUnknown) {
			t.Errorf("the isolated leader answered a write: %v", err)
		}
		l.replaced(old)
		c.mute(old.id)
		c.heal(false)
		c.must(old.WaitReady(patience))
	}
	l.finish()
}

// The follower cannot hear its leader, while the leader hears it.
func oneWayToFollower(t *testing.T) {
	c, l := startLoaded(t, options{})
	leader, deaf := c.leader(), c.followers()[0]
	before := c.watch.epochs()
	c.cut(link{leader.id, deaf.id})
	l.progress(patience)
	spend(1500 * time.Millisecond)
	l.progress(patience)
	c.fewEpochs(before+2, "one deaf follower must not raise epoch after epoch")
	l.finish()
}

// The followers hear the leader, which hears none of them: it steps down.
func oneWayToLeader(t *testing.T) {
	c, l := startLoaded(t, options{})
	leader := c.leader()
	l.gap()
	for _, id := range c.others(leader.id) {
		c.cut(link{id, leader.id})
	}
	l.replaced(leader)
	l.finish()
}

// Two halves that only server 3 joins.
func bridge(t *testing.T) {
	c, l := startLoaded(t, options{voters: 5})
	before := c.watch.epochs()
	c.part([]int{1, 2}, []int{4, 5})
	spend(2 * time.Second)
	l.progress(patience)
	c.fewEpochs(before+2, "a bridge must not cause a chain of elections")
	l.finish()
}

// A–B–C, where A and C cannot talk: whoever leads, there is one change of leadership at most.
func chain(t *testing.T) {
	c, l := startLoaded(t, options{})
	before := c.watch.epochs()
	leader := c.leader()
	end := c.others(leader.id)[0]
	c.cut(both(leader.id, end)...)
	spend(2 * time.Second)
	l.progress(patience)
	c.fewEpochs(before+2, "a chain must not cause a chain of elections")
	l.finish()
}

// Everybody talks with the hub only, and the leader is not the hub: it has lost its quorum and another must lead.
func quorumLoss(t *testing.T) {
	c, l := startLoaded(t, options{voters: 5})
	leader := c.leader()
	hub := c.others(leader.id)[0]
	c.star(hub)
	if got := c.leader(hub); got.id != hub {
		t.Errorf("server %d leads, only %d can", got.id, hub)
	}
	l.progress(patience)
	l.finish()
}

// star leaves only the links with the hub.
func (c *cluster) star(hub int) {
	var links []link
	for _, a := range c.others(hub) {
		for _, b := range c.others(hub) {
			if a < b {
				links = append(links, both(a, b)...)
			}
		}
	}
	c.cut(links...)
}

// The hub of the star has missed the newest writes: it must fetch them before it leads.
func constrained(t *testing.T) {
	c := startCluster(t, options{voters: 5})
	l := startLoad(c, 4, 2)
	spend(200 * time.Millisecond)
	leader := c.leader()
	hub := c.others(leader.id)[0]
	c.part([]int{hub}, c.others(hub))
	spend(500 * time.Millisecond)
	l.progress(patience)
	c.mu.Lock()
	clear(c.faults)
	c.mu.Unlock()
	c.star(hub)
	c.must(leader.Kill())
	c.leader(hub)
	l.progress(patience)
	l.finish()
}

func redrawn(t *testing.T) {
	c := startCluster(t, options{voters: 5})
	l := startLoad(c, 4, 2)
	for range 8 {
		var cut []link
		for _, a := range c.ids() {
			for _, b := range c.others(a) {
				if rand.IntN(4) == 0 {
					cut = append(cut, link{a, b})
				}
			}
		}
		c.heal(rand.IntN(2) == 0)
		c.cut(cut...)
		spend(400 * time.Millisecond)
	}
	l.finish()
}

func flapping(t *testing.T) {
	c, l := startLoaded(t, options{})
	leader, f := c.leader(), c.followers()[0]
	before := c.watch.epochs()
	for range 12 {
		c.cut(both(leader.id, f.id)...)
		spend(time.Duration(50+rand.IntN(200)) * time.Millisecond)
		c.heal(true)
		spend(time.Duration(50+rand.IntN(100)) * time.Millisecond)
	}
	l.progress(patience)
	c.fewEpochs(before+2, "a flapping link must not depose the leader")
	l.finish()
}

// Connections break in the middle of what they say, again and again: what was under way is lost, or sent twice.
func lossy(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	for _, a := range c.ids() {
		for _, b := range c.others(a) {
			c.set(fault{lose: 0.003, jitter: 2 * time.Millisecond}, link{a, b})
		}
	}
	spend(2500 * time.Millisecond)
	l.progress(patience)
	l.finish()
}

func delays(t *testing.T) {
	c := startCluster(t, options{extra: []string{"paddock.electionTimeoutMs=1000"}})
	l := startLoad(c, 4, 2)
	for _, a := range c.ids() {
		for _, b := range c.others(a) {
			c.set(fault{delay: time.Duration(10+30*rand.IntN(4)) * time.Millisecond, jitter: 50 * time.Millisecond}, link{a, b})
		}
	}
	spend(time.Second)
	before := c.watch.epochs()
	spend(2 * time.Second)
	l.progress(patience)
	c.fewEpochs(before, "delays below the election timeout depose no leader")
	l.finish()
}

func bitFlips(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	for _, a := range c.ids() {
		for _, b := range c.others(a) {
			c.set(fault{flip: 0.005}, link{a, b})
		}
	}
	spend(2 * time.Second)
	c.heal(false)
	c.logged("damaged frame")
	l.finish()
}

func segments(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2, c.vias()...)
	for _, a := range c.ids() {
		for _, b := range c.others(a) {
			c.set(fault{segment: 7}, link{a, b})
		}
		c.set(fault{segment: 1, lose: 0.002}, link{client, a}, link{a, client})
	}
	spend(2 * time.Second)
	l.progress(patience)
	l.finish()
}
