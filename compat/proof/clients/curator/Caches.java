import static org.apache.curator.framework.recipes.cache.PathChildrenCache.StartMode.POST_INITIALIZED_EVENT;

import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCacheEvent;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;

/** Caches of every generation, on one-shot and on persistent watches. */
@SuppressWarnings("deprecation")
final class Caches {
    private final CuratorFramework one;
    private final CuratorFramework two;

    Caches(CuratorMain world) throws Exception {
        this.one = world.client();
        this.two = world.client();
    }

    void run() {
        Harness.check("curator-cache", this::curatorCache);
        Harness.check("path-children-cache", this::pathChildren);
        Harness.check("tree-cache", this::tree);
        Harness.check("node-cache", this::node);
        Harness.check("persistent-watcher", this::persistent);
    }

    private void curatorCache() throws Exception {
        one.create().creatingParentsIfNeeded().forPath("/k/cc/a", "1".getBytes());
        CuratorCache cache = CuratorCache.build(two, "/k/cc");
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        cache.listenable().addListener(CuratorCacheListener.builder()
                .forCreates(n -> seen.add("+" + n.getPath()))
                .forChanges((before, n) -> seen.add("~" + n.getPath()))
                .forDeletes(n -> seen.add("-" + n.getPath()))
                .forInitialized(() -> seen.add("initialized")).build());
        cache.start();
        Harness.eventually("initialized", () -> seen.contains("initialized"));
        Harness.yes(seen.contains("+/k/cc") && seen.contains("+/k/cc/a"), "all that was there: " + seen);
        one.create().forPath("/k/cc/a/b", "2".getBytes());
        one.setData().forPath("/k/cc/a/b", "3".getBytes());
        Harness.eventually("b changed", () -> cache.get("/k/cc/a/b").map(n -> "3".equals(new String(n.getData()))).orElse(false));
        one.delete().deletingChildrenIfNeeded().forPath("/k/cc/a");
        Harness.eventually("a and b gone", () -> seen.contains("-/k/cc/a/b") && seen.contains("-/k/cc/a") && cache.size() == 1);
        cache.close();
    }

    private void pathChildren() throws Exception {
        one.create().creatingParentsIfNeeded().forPath("/k/pc/a");
        PathChildrenCache cache = new PathChildrenCache(two, "/k/pc", true);
        ConcurrentLinkedQueue<PathChildrenCacheEvent.Type> seen = new ConcurrentLinkedQueue<>();
        cache.getListenable().addListener((c, event) -> seen.add(event.getType()));
        cache.start(POST_INITIALIZED_EVENT);
        Harness.eventually("initialized", () -> seen.contains(PathChildrenCacheEvent.Type.INITIALIZED));
        one.create().forPath("/k/pc/b", "x".getBytes());
        Harness.eventually("two children", () -> cache.getCurrentData().size() == 2);
        one.setData().forPath("/k/pc/a", "y".getBytes());
        Harness.eventually("updated", () -> seen.contains(PathChildrenCacheEvent.Type.CHILD_UPDATED));
        one.delete().forPath("/k/pc/a");
        Harness.eventually("removed", () -> cache.getCurrentData("/k/pc/a") == null);
        cache.close();
    }

    private void tree() throws Exception {
        one.create().creatingParentsIfNeeded().forPath("/k/tc/a/b");
        TreeCache cache = TreeCache.newBuilder(two, "/k/tc").build();
        cache.start();
        Harness.eventually("all of it", () -> cache.getCurrentData("/k/tc/a/b") != null);
        one.create().forPath("/k/tc/a/c", "z".getBytes());
        Harness.eventually("c", () -> cache.getCurrentData("/k/tc/a/c") != null);
        one.delete().deletingChildrenIfNeeded().forPath("/k/tc/a");
        Harness.eventually("nothing", () -> cache.getCurrentData("/k/tc/a") == null);
        cache.close();
    }

    private void node() throws Exception {
        NodeCache cache = new NodeCache(two, "/k/nc");
        cache.start(true);
        Harness.equal(cache.getCurrentData(), null);
        one.create().forPath("/k/nc", "1".getBytes());
        Harness.eventually("made", () -> cache.getCurrentData() != null);
        one.setData().forPath("/k/nc", "2".getBytes());
        Harness.eventually("changed", () -> "2".equals(new String(cache.getCurrentData().getData())));
        one.delete().forPath("/k/nc");
        Harness.eventually("gone", () -> cache.getCurrentData() == null);
        cache.close();
    }

    private void persistent() throws Exception {
        one.create().creatingParentsIfNeeded().forPath("/k/pw");
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        try (PersistentWatcher watcher = new PersistentWatcher(two, "/k/pw", true)) {
            watcher.getListenable().addListener(event -> seen.add(event.getType() + " " + event.getPath()));
            java.util.concurrent.CountDownLatch set = new java.util.concurrent.CountDownLatch(1);
            watcher.getResetListenable().addListener(set::countDown);
            watcher.start();
            Harness.yes(set.await(Harness.PATIENCE_MS, java.util.concurrent.TimeUnit.MILLISECONDS), "the watch is set");
            for (int i = 0; i < 5; i++) {
                one.create().forPath("/k/pw/" + i);
            }
            Harness.eventually("five events", () -> seen.size() == 5);
        }
    }
}
