//go:build planted

package zab

import "slices"

// Planted names every mistake that can be planted; only this package's tests see it.
var Planted = map[string]bugs{
	"ack before durable":           bugAckBeforeDurable,
	"ack of synchronization early": bugAckSyncEarly,
	"epoch before history":         bugEpochBeforeHistory,
	"no pre-vote":                  bugNoPreVote,
	"observers counted":            bugCountObservers,
	"epoch used twice":             bugReuseEpoch,
	"old epochs by counting":       bugCommitOldEpochs,
	"vote not persisted":           bugVoteNotPersisted,
	"prev check skipped":           bugSkipPrevCheck,
	"no history pull":              bugNoHistoryPull,
	"reconfig by new quorum only":  bugNewQuorumOnly,
	"read without a round":         bugReadWithoutRound,
	"old epoch obeyed":             bugObeyOldEpoch,
	"reconfig forgotten":           bugForgetReconfig,
	"old file counts":              bugOldFileCounts,
	"file without a majority":      bugFileAlone,
	"empty majority founds":        bugFoundBesideData,
}

// Plant plants a mistake.
func Plant(c *Core, name string) {
	b, ok := Planted[name]
	if !ok {
		panic("no such bug: " + name)
	}
	c.bugs |= b
	if b == bugForgetReconfig {
		first := c.conf.configs[0].Version
		c.conf.configs = slices.DeleteFunc(c.conf.configs, func(k config) bool { return k.Version < first })
	}
}
