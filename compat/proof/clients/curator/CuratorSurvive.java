import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.CreateMode;

/** What must outlive the server's restart: sessions, locks, leaders, caches. */
final class CuratorSurvive {
    private final CuratorMain world;

    CuratorSurvive(CuratorMain world) {
        this.world = world;
    }

    void run() {
        Harness.check("through-a-restart", () -> through("RESTART"));
        Harness.check("through-kill-9", () -> through("KILL"));
    }

    private void through(String how) throws Exception {
        String base = "/survive-" + how;
        CuratorFramework one = world.client();
        CuratorFramework two = world.client();
        ConcurrentLinkedQueue<ConnectionState> states = new ConcurrentLinkedQueue<>();
        one.getConnectionStateListenable().addListener((c, state) -> states.add(state));
        long session = one.getZookeeperClient().getZooKeeper().getSessionId();
        InterProcessMutex lock = new InterProcessMutex(one, base + "/lock");
        lock.acquire();
        CompletableFuture<Boolean> waits = Harness.async(() -> new InterProcessMutex(two, base + "/lock").acquire(Harness.PATIENCE_MS, MILLISECONDS));
        LeaderLatch latch = new LeaderLatch(one, base + "/latch", "a");
        latch.start();
        Harness.equal(latch.await(Harness.PATIENCE_MS, MILLISECONDS), true);
        PersistentNode node = new PersistentNode(one, CreateMode.EPHEMERAL, false, base + "/node", "x".getBytes());
        node.start();
        Harness.equal(node.waitForInitialCreate(Harness.PATIENCE_MS, MILLISECONDS), true);
        CuratorCache cache = CuratorCache.build(two, base);
        cache.start();
        Harness.eventually("the cache has the node", () -> cache.get(base + "/node").isPresent());
        Harness.eventually("two contenders", () -> lock.getParticipantNodes().size() == 2);

        Harness.restart(how);

        Harness.eventually("reconnected", () -> states.contains(ConnectionState.RECONNECTED));
        Harness.yes(!states.contains(ConnectionState.LOST), "the session lives: " + states);
        Harness.equal(one.getZookeeperClient().getZooKeeper().getSessionId(), session);
        Harness.equal(two.checkExists().forPath(base + "/node").getEphemeralOwner(), session);
        Harness.eventually("still the leader", latch::hasLeadership);
        Harness.equal(lock.getParticipantNodes().size(), 2);
        Harness.equal(waits.isDone(), false);
        two.create().forPath(base + "/later");
        Harness.eventually("the cache goes on", () -> cache.get(base + "/later").isPresent());
        lock.release();
        Harness.equal(Harness.get(waits), true);
        latch.close();
        node.close();
        cache.close();
    }
}
