package zab_test

import (
	"path/filepath"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/paddock-zk/paddock/zab/zabtest"
)

// Stories in testdata/zab; regenerate with -rewrite and read the difference.
func TestStories(t *testing.T) {
	datadriven.Walk(t, filepath.Join("..", "testdata", "zab"), func(t *testing.T, path string) {
		var s *zabtest.Story
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "ensemble" {
				voters, observers, last := 3, 0, 0
				d.MaybeScanArgs(t, "voters", &voters)
				d.MaybeScanArgs(t, "observers", &observers)
				d.MaybeScanArgs(t, "last-counter", &last)
				s = zabtest.NewStory(voters, observers, uint32(last), nil)
				return "ok\n"
			}
			return s.Do(d.Input)
		})
	})
}

// flap cuts one follower off again and again, and counts the epochs that it costs.
func flap(s *zabtest.Story) (epochs uint32) {
	s.Do("campaign 1\nrun 3")
	_, first := s.Leader()
	for range 5 {
		s.Do("cut 1 3\ncut 2 3\nrun 12\nheal\nrun 6")
	}
	_, last := s.Leader()
	return last - first
}

// Liveness: a server that comes and goes disturbs nobody. Without pre-vote and withheld votes it does.
func TestPreVoteKeepsTheLeader(t *testing.T) {
	if n := flap(zabtest.NewStory(3, 0, 0, nil)); n != 0 {
		t.Errorf("a flapping follower cost %d epochs", n)
	}
}
