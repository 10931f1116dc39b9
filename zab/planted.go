package zab

import (
	"slices"

	"github.com/paddock-zk/paddock/zab/zxid"
)

// bugs are mistakes that can be planted, to see that the checkers find them. Nothing outside of this package's tests sets them, and only a build with
// the tag "planted" contains them: in every other one the compiler drops the branches that ask for them.
type bugs uint32

const (
	bugAckBeforeDurable   bugs = 1 << iota // ZK-4646: the ack does not wait for the disk
	bugAckSyncEarly                        // ZK-3023, ZK-3911: history taken in synchronization is acknowledged before it is durable
	bugEpochBeforeHistory                  // ZK-4643: a server counts as being in the epoch before it has the epoch's history
	bugNoPreVote                           // no pre-vote, and votes are not withheld while a leader lives
	bugCountObservers                      // ZK-2959: acks of observers count
	bugReuseEpoch                          // the prospective leader does not remember the epoch that it used
	bugCommitOldEpochs                     // entries of older epochs are committed by counting
	bugVoteNotPersisted                    // a promise is given and not written down
	bugSkipPrevCheck                       // ZK-4925: entries are appended with a hole before them
	bugNoHistoryPull                       // a candidate with an older history leads without fetching the newer one
	bugNewQuorumOnly                       // a reconfiguration is committed by the new ensemble alone
	bugReadWithoutRound                    // a leader answers reads without asking whether it still leads
	bugObeyOldEpoch                        // a server obeys a leader below its promise
	bugFoundBesideData                     // a quorum of empty servers founds an ensemble at once, beside one that has data
	bugOldFileCounts                       // a file counts though it is as old as the ensemble
	bugFileAlone                           // the leader's file is enough to change the ensemble
	bugForgetReconfig                      // a reconfiguration of the history with a zxid below the version of the bootstrap does not count after a restart
)

func (c *Core) has(b bugs) bool { return planted && c.bugs&b != 0 }

// countEverybody is the planted mistake of counting the acks of observers.
func (c *Core) countEverybody(reached func(id uint32) int64) zxid.ID {
	acks := []int64{reached(uint32(c.cfg.ID))}
	for _, l := range c.lead.learners {
		acks = append(acks, int64(l.match))
	}
	slices.Sort(acks)
	need := c.conf.latest().q.Len()/2 + 1
	if len(acks) < need {
		return 0
	}
	return zxid.ID(acks[len(acks)-need])
}
