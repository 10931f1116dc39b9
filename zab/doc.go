// Package zab is the order of transactions: one server's part of a ZAB-like atomic broadcast, as a pure state machine.
//
// This comment is the manual. A newcomer should be able to write the owner of a [Core] from it, and, with the names of the
// messages, the core itself.
//
// # What it does
//
// An ensemble of servers agrees on one history of entries. An entry has a zxid (epoch, counter) and the zxid before it. One
// leader at a time numbers entries; an entry is committed when a quorum of voters has made it durable; every server applies the
// committed entries, each once, in zxid order. zab does not look into entries, except for the two kinds of its own: NEWLEADER
// (epoch, 0), which opens an epoch, and RECONFIG, which changes the ensemble.
//
// # Words
//
//   - history: the entries of one server, chained by Entry.Prev. Two histories that share a zxid are equal up to it.
//   - promise: "I obey no leader below epoch e" ([HardState].Promised; ZooKeeper: acceptedEpoch). It never goes down.
//   - current epoch: the epoch of the last entry of the history. There is no separate record of it which a crash could tear off.
//   - quorum: enough voters (package quorum); any two quorums share a voter. During a reconfiguration: a quorum of both ensembles.
//   - learner: whoever receives the history from a leader: follower (votes) or observer (does not).
//   - active: NEWLEADER of the epoch is committed and durable here; clients may be served.
//
// # The owner's duties
//
// One goroutine owns a core and calls everything. It calls [Core.Tick] from a ticker with the number of ticks that really have
// passed, [Core.Step] for every message, [Core.Propose] and the like for its clients, and after each of these, as long as
// [Core.HasReady], does what [Core.Ready] says and calls [Core.Advance]. The one durability contract:
//
//	Ready.Persist    goes to the log, in order; when it is durable: send Ready.After, then call Core.Persisted(Seq)
//	Ready.Messages   may go at once, even before the log has begun
//	Ready.Committed  is applied, in order; it is durable here already
//
// The core may be asked for more while batches are in flight; that is the normal case, and how the leader's own write runs beside
// those of its followers. A server must keep nothing else than its log and its state: a restart is [New] with the same log, and
// Config.Applied saying what the state holds (anything committed; Committed goes on behind it).
//
// The owner tells the digest of its state at agreed zxids ([Core.SetDigest]). The leader compares them, and a server whose state differs from that of
// the majority ends with a [DivergedError] as its Ready.Fatal: its log may be as wrong as its state, so it must not be started with them again.
//
// Messages may be lost, doubled, delayed and overtake each other; the transport checks their bytes and that they are from the
// server they name. When a log write fails the process ends. When Ready.Fatal is set the process ends.
//
// # The phases
//
// Election (election.go). A server without a leader waits a random time, then asks everyone whether it could win ([MsgPreVote]).
// No one who hears a leader says yes, nor does anyone with a newer history who could lead itself. With a quorum of yes it picks an
// epoch above all it has heard of, promises it to itself, durably, and asks for the same promise ([MsgVote]). An ensemble of one
// has its quorum at once, in New.
//
// Discovery (discovery.go). A promise names the history of the promiser ([MsgVoteResp]). With a quorum of promises the candidate
// takes the newest of these histories for its own ([MsgPull], [MsgHistory]) and leads.
//
// Synchronization (synchronization.go). The leader appends NEWLEADER and sends to each learner what follows the last zxid that
// both have. It starts from the learner's last zxid: if it has that one too, the missing entries follow (DIFF). If not, it offers
// the greatest of its own below, the learner answers with the greatest of its own below that ([MsgAck] with Reject), until they
// meet; what the learner has behind that point goes as soon as the next entry arrives (TRUNC). If they would meet below the
// leader's log, an image is sent (SNAP). There is no other way into a history than appending behind a zxid that is there.
//
// Broadcast (broadcast.go). The leader appends, sends, and counts cumulative acks, its own disk being one voter like the others.
// What it commits must be of its own epoch; older entries are committed with its NEWLEADER, by position.
//
// # Why it is safe
//
// S1, one leader for an epoch. To lead e takes a quorum of durable promises of e, each to one server only ([HardState].Vote).
// Two quorums share a voter.
//
// S2, histories that share a zxid are equal up to it. A zxid is made once: by the one leader of its epoch, which counts upwards
// and, before it sends anything of e, has its own promise of e on disk, so that after a crash it can only lead a higher one. And
// an entry is appended only behind the entry it was made behind. By induction along Prev the histories are equal.
//
// S3, a leader's history holds everything that was committed in lower epochs. Let z be committed in d < e. A quorum acknowledged
// in epoch d something at or after z; it shares a voter v with the quorum that promised e. The ack came before the promise (after
// it, v refuses d), and from then on v's history holds z: v truncates only for a leader of an epoch between d and e, and that
// one's history holds z, by induction over epochs. So the newest history of the promise quorum has a last entry of an epoch f with
// d <= f < e. If f = d, it is at or after v's entry of d and both are of the same leader: it holds z. If f > d it begins with what
// the leader of f had, which holds z by induction. Pulling that history is why a candidate with an old history may win at all.
//
// S4, what is committed is never truncated: by S3 it is in every later leader's history, and a server truncates only what its
// leader does not have. An image replaces a history only if the common part ends below the leader's log, and an image is never
// older than the start of that log: nothing that both had is lost, acknowledged or not.
//
// S5, acks and promises are true. They leave in Ready.After, behind the batch that makes them true, and batches are durable in
// order; a promise therefore also vouches for the history it names.
//
// S6, entries of older epochs are not committed by counting: a quorum may hold such an entry and still lose it to a later leader
// of a history without it but with a higher last epoch. Behind a NEWLEADER of this epoch on a quorum that cannot happen (S3).
//
// S7, reconfiguration. One at a time, and only when the leader has committed in its own epoch. The entry r and all behind it need a
// quorum of the old ensemble and of the new until r is committed; from then on the new one alone decides. A candidate needs
// quorums of the newest ensemble in its history and, unless it knows that one to be committed, of the one before. If its history
// lacks r, a quorum of the old ensemble promises, shares a voter with the old quorum that holds r, and r comes with the pulled
// history; then the new ensemble is asked as well. So there are never two quorums that do not meet.
//
// S8, reads. A leader that has committed in its own epoch knows everything that was ever acknowledged. It notes its commit point
// when the question arrives, and answers when a quorum has answered a ping sent later: so nobody else led at that moment.
//
// S9, observers are in no quorum: package quorum looks at voters only.
//
// S10, reuse after restore. Epochs carry a generation; a restore raises it (Config.Generation), so no zxid of the old life returns.
//
// S11, lost disks. A server whose disk is empty, or was when it found a leader that it then lost before it was filled up to where that leader had
// committed, or when it began to fetch the newest history of a quorum as a candidate and did not get to its end, is blank: it may have acknowledged
// what it no longer has. While a majority of disks has survived, a quorum of others holds
// no fewer committed entries than S3 needs: so the promises of blank servers count only beside a quorum of whole ones, or if all voters promise and each
// ensemble in effect has a whole one among them. (An ensemble of the past without a whole voter proves nothing: its voters may have acknowledged the next one, and
// with it all that a majority of that one still has.) If all are blank, that founds the ensemble. If a quorum is blank, nothing was committed or a majority of disks is lost; yet the server that is not heard may hold
// all of the data, as the first one does that is given others beside it. So a quorum of blank servers founds only after it has waited for the others
// (Timing.Found), once, and never when somebody has said that it holds a history; [Status].Awaited says for whom it waits. An operator who knows better says so
// (Config.Founder). What a blank server has promised in its earlier life is forgotten as well; that it stays away for longer than a candidate waits is
// taken for granted.
//
// S12, identity. S2 and S3 are about one history, so servers of two histories must not meet. Which history it is (package lineage) is drawn at random by
// the first leader and is the first transaction of the state: a function of the history, which is committed, truncated, copied in images and replayed like
// everything else. A second leader that draws as well finds the first one's when its transaction is applied, on every server alike. The owner uses it only when
// it is applied: until then it serves no client and tells no peer, so that nobody holds what a truncation would take back. Links join servers that say the
// same, and let in one that says nothing: it is empty, or the ensemble is being founded and has acknowledged nothing to anybody. Such a link ends when
// what its sides are turns out to differ. A state that was copied to begin a life of its own says nothing either, but what it was copied from, and meets only
// those that began with the same; so two lives that begin with one copy differ from their first transaction on.
//
// S13, changes by configuration files. The ensemble is part of the history from its first entry on: the first leader puts the configuration that elected it into
// its NEWLEADER, which the rules of S7 commit like a reconfiguration, and no file counts any more for a server that has any history. So servers whose files differ never
// elect by them, whatever order they are restarted in. What the files say is a wish ([FileReport], told with [Core.Ask]): the leader makes the change
// ([Core.FollowFiles]) when its own file and those of a quorum of the voters in effect say the same, these have changed, and those of a quorum of the voters to come
// and of all that are new among them say so too and have caught up. The change is one reconfiguration, so S7 makes it safe; all else here is about whose word it
// is. Files agree if they have the same members with the same roles and addresses, but for the own lines of the two servers that are compared, since an own line may
// be any address; where the leader is say the others. A file has changed if it is another one than its server had when it learned that the ensemble in effect was
// committed (HardState.File, durable together with that knowledge). Old files therefore undo nothing: a change to next was made by a quorum of the voters of next with
// files that say so, every later change needs a quorum of them with files that have changed since, the two share a voter, and that one's file was changed after
// the change. A server that has lost its disk has no file from before, so its file asks for nothing, and a report of another version of the ensemble than the one in
// effect is passed over.
//
// # Why it goes on
//
// Nobody who is fine is disturbed: a follower that hears its leader neither votes for others nor asks for votes. A leader that a
// quorum does not answer steps down by itself, so that those who hear only it become free. A server that no quorum answers does
// not refuse the vote to others: if only one server reaches a majority, it wins, whatever its history, and pulls the newest. One
// who has promised more than the leader's epoch tells it ([MsgHigher]), and the leader opens a higher epoch in place. A stalled
// disk makes a leader step down, then end. The election timeout follows the delays of the moment (patience.go), and is cut short by the hint that
// the leader's process has ended ([Core.Suspect]). A paused process does not count its pause as silence of the others; as a leader it is
// not Confirmed until a quorum has answered again.
//
// A counter that runs out opens the next epoch the same way, by promises asked for by the leader itself: no election, links and
// reads stay, proposals wait for one round ([ErrBusy]).
//
// # Requests of followers
//
// [Core.Forward] numbers batches within a link. The leader takes them in order and without holes, or asks for a new link; a hole at
// the end is found by the counts in pings. When SoftState.Link changes, the outcome of what was forwarded before is unknown
// until it is seen in Committed. [Core.Ask], [Core.Answer] and [Core.Touch] carry bytes of the shell and may be lost; a question ends with its link at the
// latest ([ErrAskLost]). A question does not overtake what was forwarded before it; a read index ([Core.ReadIndex]) may.
//
// # When something is wrong
//
// [Message], [Ready] and [Status] have a String of one line each; log them. Status().Why is the reason of the last change of role.
// Panics are promises of somebody's code that did not hold: their text names the rule. [Core.CheckInvariants] checks all rules.
//
// # Tests
//
// testdata/zab holds stories. Package zabtest is the simulator: a seed is a whole run with its own mix of faults, and
// `go test ./zab/zabtest -run Simulate -args -first=N -seeds=1 -trace` shows every event of run N. Mistakes that were made in real
// implementations can be planted in a build with the tag "planted", and a test shows that each is caught: `go test -tags planted ./zab`. zabtest.Explore walks through all orders of events of a
// small ensemble.
package zab
