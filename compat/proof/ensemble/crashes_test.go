package ensemble

import (
	"testing"
	"time"
)

func crashRows() []row {
	return []row{
		{1, "leader_killed_under_load", true, leaderKilled},
		{2, "follower_killed_in_a_loop", false, followerKilledInALoop},
		{3, "all_killed_at_once", true, allKilled},
	}
}

func leaderKilled(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	for range 2 {
		spend(400 * time.Millisecond)
		l.gap()
		old := c.leader()
		c.must(old.Kill())
		l.replaced(old)
		c.must(old.Start())
	}
	l.finish()
}

func followerKilledInALoop(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	for i := range 4 {
		spend(200 * time.Millisecond)
		f := c.followers()[i%2]
		c.must(f.Kill())
		l.progress(patience)
		c.must(f.Start())
	}
	c.fewEpochs(3, "followers that restart depose no leader")
	l.finish()
}

func allKilled(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	for _, order := range [][]int{{2, 0, 1}, {1, 2, 0}} {
		spend(400 * time.Millisecond)
		for _, m := range c.members {
			c.must(m.Kill())
		}
		for _, i := range order {
			c.must(c.members[i].Launch())
			spend(100 * time.Millisecond)
		}
		l.progress(patience)
	}
	l.finish()
}
