package ensemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// file gives a server a zoo.cfg with the lines of these servers, as everybody has them.
func (f *founders) file(at int, ids ...int) {
	f.t.Helper()
	f.linesOf(at, ids, plain)
}

// roll restarts servers one by one with the lines of these servers, the leader last.
func (f *founders) roll(servers []int, ids ...int) {
	f.t.Helper()
	leads := func(id int) bool { return zktest.Mode(f.servers[id-1].Addr()) == "leader" }
	slices.SortStableFunc(servers, func(a, b int) int {
		switch {
		case leads(a):
			return 1
		case leads(b):
			return -1
		}
		return 0
	})
	for _, id := range servers {
		f.stop(id)
		f.file(id, ids...)
		f.start(id)
	}
}

// lacks waits until a server's node of the configuration does not have a server any more.
func (f *founders) lacks(at, id int) {
	f.t.Helper()
	line := fmt.Sprintf("server.%d=", id)
	f.config(at, "has no "+line, func(text string) bool { return !strings.Contains(text, line) })
}

// threeOfFour founds an ensemble of the first three of four servers, and writes /a.
func threeOfFour(t *testing.T) *founders {
	t.Helper()
	f := found(t, 4, plain)
	for id := range 3 {
		f.file(id+1, 1, 2, 3)
	}
	f.start(1, 2, 3)
	f.write(1, "/a")
	return f
}

// says waits until the log of one of the servers has the words.
func (f *founders) says(words string, ids ...int) {
	f.t.Helper()
	zktest.Eventually(f.t, patience, "a log says: "+words, func() bool {
		return slices.ContainsFunc(ids, func(id int) bool { return strings.Contains(f.servers[id-1].Log(), words) })
	})
}

// Five become three by a new file and a rolling restart. Half done, with two of five restarted, five go on; in the end two of three are a majority.
func TestShrinkFiveToThreeByFile(t *testing.T) {
	f := found(t, 5, plain)
	f.start(1, 2, 3, 4, 5)
	f.write(1, "/a")
	f.roll([]int{1, 2}, 1, 2, 3)
	f.says("configuration files say another ensemble than the one in effect", 1, 2, 3, 4, 5)
	f.write(1, "/half")
	f.has("/half", 1, 2, 3, 4, 5)
	f.counts(1, "server.5=")
	f.roll([]int{3}, 1, 2, 3)
	f.stop(4, 5)
	f.lacks(1, 5)
	f.must(f.servers[2].Kill())
	f.write(1, "/b")
	f.has("/b", 1, 2)
	f.has("/a", 1, 2)
}

// A member whose machine is gone is replaced by one with another number, and then all move to other ports.
func TestReplaceAndMoveByFile(t *testing.T) {
	f := threeOfFour(t)
	f.must(f.servers[2].Kill())
	f.file(4, 1, 2, 4)
	f.must(f.servers[3].Launch())
	f.roll([]int{1, 2}, 1, 2, 4)
	f.lacks(1, 3)
	f.must(f.servers[3].WaitReady(patience))
	f.has("/a", 4)
	for _, id := range []int{1, 2, 4} {
		for i := range f.ports[id-1] {
			_, f.ports[id-1][i], _ = strings.Cut(zktest.FreeAddr("127.0.0.1"), ":")
		}
	}
	for _, id := range []int{4, 1, 2} {
		f.stop(id)
		f.file(id, 1, 2, 4)
		f.must(f.servers[id-1].Launch())
	}
	for _, id := range []int{1, 2, 4} {
		f.must(f.servers[id-1].WaitReady(patience))
	}
	for _, id := range []int{1, 2, 4} {
		f.counts(1, plain(f, 1, id))
	}
	f.must(f.servers[0].Kill())
	f.write(4, "/b")
	f.has("/b", 2, 4)
}

// Members that lost their disks and are rebuilt with the lines of long ago change nothing, and the servers say so.
func TestOldFilesChangeNothing(t *testing.T) {
	f := threeOfFour(t)
	f.must(f.servers[3].Launch())
	f.roll([]int{1, 2, 3}, 1, 2, 3, 4)
	f.counts(1, "server.4=")
	for _, id := range []int{2, 3} {
		f.stop(id)
		f.empty(id)
		f.file(id, 1, 2, 3)
		f.start(id)
	}
	f.says("older than the ensemble", 1, 2, 3, 4)
	f.counts(1, "server.4=")
	f.stop(1)
	f.file(1, 1, 2, 3) // one that is not empty asks for it: that is a minority
	f.start(1)
	f.says("that of server 1 says", 1, 2, 3, 4)
	f.counts(1, "server.4=")
	f.has("/a", 1, 2, 3, 4)
}
