import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.CuratorEvent;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.data.Stat;

/** The framework itself: its builders, background calls, transactions, namespaces. */
final class Framework {
    private final CuratorMain world;
    private CuratorFramework zk;

    Framework(CuratorMain world) throws Exception {
        this.world = world;
        this.zk = world.client();
    }

    void run() {
        Harness.check("create-read-update-delete", this::basics);
        Harness.check("create-with-protection", this::protection);
        Harness.check("create-or-set-and-idempotent", this::orSet);
        Harness.check("background", this::background);
        Harness.check("transactions", this::transactions);
        Harness.check("namespace", this::namespace);
        Harness.check("watchers", this::watchers);
        Harness.check("ttl-and-container", this::ttl);
    }

    private void basics() throws Exception {
        zk.create().creatingParentsIfNeeded().forPath("/f/a/b", "x".getBytes());
        Stat stat = new Stat();
        Harness.equal(zk.getData().storingStatIn(stat).forPath("/f/a/b"), "x".getBytes());
        Harness.equal(zk.setData().withVersion(0).forPath("/f/a/b", "y".getBytes()).getVersion(), 1);
        Harness.fails(KeeperException.BadVersionException.class, () -> zk.setData().withVersion(0).forPath("/f/a/b"));
        Harness.equal(zk.getChildren().forPath("/f"), List.of("a"));
        Harness.equal(zk.checkExists().forPath("/none"), null);
        zk.sync().forPath("/f");
        zk.delete().guaranteed().deletingChildrenIfNeeded().forPath("/f");
        Harness.equal(zk.checkExists().forPath("/f"), null);
    }

    private void protection() throws Exception {
        String path = zk.create().creatingParentContainersIfNeeded().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/f/p-");
        Harness.yes(path.startsWith("/f/_c_") && path.endsWith("-p-0000000000"), path);
        zk.delete().forPath(path);
    }

    private void orSet() throws Exception {
        zk.create().orSetData().creatingParentsIfNeeded().forPath("/f/os", "1".getBytes());
        zk.create().orSetData().forPath("/f/os", "2".getBytes());
        Harness.equal(zk.getData().forPath("/f/os"), "2".getBytes());
        zk.create().idempotent().forPath("/f/idem", "1".getBytes());
        zk.create().idempotent().forPath("/f/idem", "1".getBytes());
        zk.delete().quietly().forPath("/f/none");
    }

    private void background() throws Exception {
        BlockingQueue<CuratorEvent> events = new LinkedBlockingQueue<>();
        zk.create().inBackground((c, event) -> events.add(event)).forPath("/f/bg");
        zk.getData().inBackground((c, event) -> events.add(event)).forPath("/f/bg");
        zk.delete().inBackground((c, event) -> events.add(event)).forPath("/f/bg");
        for (int i = 0; i < 3; i++) {
            CuratorEvent event = events.poll(Harness.PATIENCE_MS, TimeUnit.MILLISECONDS);
            Harness.yes(event != null && event.getResultCode() == 0, "answer " + i + ": " + event);
        }
    }

    private void transactions() throws Exception {
        List<CuratorTransactionResult> done = zk.transaction().forOperations(
                zk.transactionOp().create().forPath("/f/t", "0".getBytes()),
                zk.transactionOp().check().withVersion(0).forPath("/f/t"),
                zk.transactionOp().setData().withVersion(0).forPath("/f/t", "1".getBytes()),
                zk.transactionOp().create().withMode(CreateMode.PERSISTENT_SEQUENTIAL).forPath("/f/t/s-"));
        Harness.equal(done.get(3).getResultPath(), "/f/t/s-0000000000");
        Harness.fails(KeeperException.BadVersionException.class, () -> zk.transaction().forOperations(
                zk.transactionOp().delete().forPath("/f/t/s-0000000000"),
                zk.transactionOp().check().withVersion(9).forPath("/f/t")));
        Harness.yes(zk.checkExists().forPath("/f/t/s-0000000000") != null, "nothing of the failed one is done");
    }

    private void namespace() throws Exception {
        CuratorFramework inside = zk.usingNamespace("ns");
        inside.create().forPath("/x");
        Harness.yes(zk.checkExists().forPath("/ns/x") != null, "/ns/x");
        inside.delete().forPath("/x");
    }

    private void watchers() throws Exception {
        BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
        zk.getData().usingWatcher((org.apache.curator.framework.api.CuratorWatcher) events::add).forPath("/f/os");
        zk.setData().forPath("/f/os", "3".getBytes());
        Harness.equal(events.poll(Harness.PATIENCE_MS, TimeUnit.MILLISECONDS).getPath(), "/f/os");
        org.apache.zookeeper.Watcher persistent = events::add;
        zk.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE).usingWatcher(persistent).forPath("/f/os");
        zk.create().forPath("/f/os/kid");
        Harness.equal(events.poll(Harness.PATIENCE_MS, TimeUnit.MILLISECONDS).getPath(), "/f/os/kid");
        zk.watchers().remove(persistent).forPath("/f/os");
    }

    private void ttl() throws Exception {
        zk.create().withTtl(100).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/f/ttl");
        zk.createContainers("/f/con/tainer");
        zk.create().forPath("/f/con/tainer/kid");
        zk.delete().forPath("/f/con/tainer/kid");
        Harness.eventually("swept", () -> zk.checkExists().forPath("/f/ttl") == null && zk.checkExists().forPath("/f/con/tainer") == null);
    }
}
