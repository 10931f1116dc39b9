import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.zookeeper.CreateMode;

/** Barriers, queues, counters, nodes that keep themselves alive, service discovery. */
final class Recipes {
    private final CuratorMain world;
    private final CuratorFramework one;
    private final CuratorFramework two;

    Recipes(CuratorMain world) throws Exception {
        this.world = world;
        this.one = world.client();
        this.two = world.client();
    }

    void run() {
        Harness.check("barrier", this::barrier);
        Harness.check("double-barrier", this::doubleBarrier);
        Harness.check("queue", this::queue);
        Harness.check("priority-queue", this::priority);
        Harness.check("id-queue", this::idQueue);
        Harness.check("delay-queue", this::delay);
        Harness.check("simple-queue", this::simple);
        Harness.check("shared-count-and-value", this::shared);
        Harness.check("atomic-long", this::atomic);
        Harness.check("persistent-node", this::persistentNode);
        Harness.check("persistent-ttl-node", this::persistentTtl);
        Harness.check("group-member", this::group);
        Harness.check("service-discovery", this::discovery);
    }

    private void barrier() throws Exception {
        DistributedBarrier wall = new DistributedBarrier(one, "/c/wall");
        wall.setBarrier();
        DistributedBarrier same = new DistributedBarrier(two, "/c/wall");
        Harness.equal(same.waitOnBarrier(200, MILLISECONDS), false);
        CompletableFuture<Boolean> waits = Harness.async(() -> same.waitOnBarrier(Harness.PATIENCE_MS, MILLISECONDS));
        wall.removeBarrier();
        Harness.equal(Harness.get(waits), true);
    }

    private void doubleBarrier() throws Exception {
        List<CompletableFuture<Boolean>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            CuratorFramework client = i % 2 == 0 ? one : two;
            all.add(Harness.async(() -> {
                DistributedDoubleBarrier gate = new DistributedDoubleBarrier(client, "/c/gate", 3);
                return gate.enter(Harness.PATIENCE_MS, MILLISECONDS) && gate.leave(Harness.PATIENCE_MS, MILLISECONDS);
            }));
        }
        for (CompletableFuture<Boolean> passed : all) {
            Harness.equal(Harness.get(passed), true);
        }
    }

    /** A consumer that collects. */
    private static final class Collector implements QueueConsumer<String> {
        final BlockingQueue<String> got = new LinkedBlockingQueue<>();

        @Override
        public void consumeMessage(String message) {
            got.add(message);
        }

        @Override
        public void stateChanged(CuratorFramework client, ConnectionState state) {}

        List<String> take(int count) throws Exception {
            List<String> taken = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                taken.add(got.poll(Harness.PATIENCE_MS, MILLISECONDS));
            }
            return taken;
        }
    }

    private static final QueueSerializer<String> TEXT = new QueueSerializer<>() {
        @Override
        public byte[] serialize(String item) {
            return item.getBytes();
        }

        @Override
        public String deserialize(byte[] bytes) {
            return new String(bytes);
        }
    };

    private void queue() throws Exception {
        Collector collector = new Collector();
        DistributedQueue<String> in = QueueBuilder.builder(one, null, TEXT, "/c/queue").buildQueue();
        in.start();
        DistributedQueue<String> out = QueueBuilder.builder(two, collector, TEXT, "/c/queue").lockPath("/c/queue-lock").buildQueue();
        for (int i = 0; i < 5; i++) {
            in.put("m" + i);
        }
        in.flushPuts(Harness.PATIENCE_MS, MILLISECONDS);
        out.start();
        Harness.equal(collector.take(5), Arrays.asList("m0", "m1", "m2", "m3", "m4"));
        out.close();
        in.close();
    }

    private void priority() throws Exception {
        Collector collector = new Collector();
        DistributedPriorityQueue<String> in = QueueBuilder.builder(one, null, TEXT, "/c/pqueue").buildPriorityQueue(0);
        in.start();
        in.put("late", 9);
        in.put("soon", 1);
        in.put("middle", 5);
        in.flushPuts(Harness.PATIENCE_MS, MILLISECONDS);
        DistributedPriorityQueue<String> out = QueueBuilder.builder(two, collector, TEXT, "/c/pqueue").buildPriorityQueue(0);
        out.start();
        Harness.equal(collector.take(3), Arrays.asList("soon", "middle", "late"));
        out.close();
        in.close();
    }

    private void idQueue() throws Exception {
        DistributedIdQueue<String> in = QueueBuilder.builder(one, null, TEXT, "/c/idqueue").buildIdQueue();
        in.start();
        in.put("a", "id-a");
        in.flushPuts(Harness.PATIENCE_MS, MILLISECONDS);
        Harness.equal(in.remove("id-a"), 1);
        Harness.equal(in.remove("id-a"), 0);
        in.close();
    }

    private void delay() throws Exception {
        Collector collector = new Collector();
        DistributedDelayQueue<String> queue = QueueBuilder.builder(one, collector, TEXT, "/c/dqueue").buildDelayQueue();
        queue.start();
        long now = System.currentTimeMillis();
        queue.put("second", now + 600);
        queue.put("first", now + 200);
        Harness.equal(collector.take(2), Arrays.asList("first", "second"));
        queue.close();
    }

    private void simple() throws Exception {
        SimpleDistributedQueue queue = new SimpleDistributedQueue(one, "/c/squeue");
        queue.offer("a".getBytes());
        queue.offer("b".getBytes());
        Harness.equal(queue.peek(), "a".getBytes());
        Harness.equal(queue.poll(), "a".getBytes());
        Harness.equal(queue.remove(), "b".getBytes());
        CompletableFuture<byte[]> waits = Harness.async(() -> new SimpleDistributedQueue(two, "/c/squeue").poll(Harness.PATIENCE_MS, MILLISECONDS));
        queue.offer("c".getBytes());
        Harness.equal(Harness.get(waits), "c".getBytes());
    }

    private void shared() throws Exception {
        SharedCount a = new SharedCount(one, "/c/count", 0);
        SharedCount b = new SharedCount(two, "/c/count", 0);
        a.start();
        b.start();
        a.setCount(7);
        Harness.eventually("the other sees it", () -> b.getCount() == 7);
        Harness.equal(b.trySetCount(b.getVersionedValue(), 8), true);
        Harness.eventually("back again", () -> a.getCount() == 8);
        a.close();
        b.close();
        SharedValue value = new SharedValue(one, "/c/value", "x".getBytes());
        value.start();
        value.setValue("y".getBytes());
        Harness.equal(value.getValue(), "y".getBytes());
        value.close();
    }

    private void atomic() throws Exception {
        List<CompletableFuture<Void>> workers = new ArrayList<>();
        for (CuratorFramework client : new CuratorFramework[] {one, two}) {
            workers.add(Harness.async(() -> {
                DistributedAtomicLong mine = new DistributedAtomicLong(client, "/c/long", new RetryNTimes(100, 5));
                for (int i = 0; i < 20; i++) {
                    Harness.yes(mine.increment().succeeded(), "increment");
                }
                return null;
            }));
        }
        for (CompletableFuture<Void> worker : workers) {
            Harness.get(worker);
        }
        DistributedAtomicLong total = new DistributedAtomicLong(one, "/c/long", new RetryNTimes(10, 10));
        Harness.equal(total.get().postValue(), 40L);
        AtomicValue<Long> swapped = total.compareAndSet(40L, 1L);
        Harness.equal(swapped.succeeded() && swapped.postValue() == 1L, true);
        PromotedToLock promoted = PromotedToLock.builder().lockPath("/c/int-lock").retryPolicy(new RetryNTimes(3, 10)).build();
        DistributedAtomicInteger number = new DistributedAtomicInteger(one, "/c/int", new RetryNTimes(3, 10), promoted);
        Harness.equal(number.initialize(5), true);
        Harness.equal(number.add(3).postValue(), 8);
    }

    private void persistentNode() throws Exception {
        CuratorFramework own = world.client();
        PersistentNode node = new PersistentNode(own, CreateMode.EPHEMERAL, false, "/c/pnode", "x".getBytes());
        node.start();
        Harness.equal(node.waitForInitialCreate(Harness.PATIENCE_MS, MILLISECONDS), true);
        long owner = one.checkExists().forPath(node.getActualPath()).getEphemeralOwner();
        Harness.equal(owner, own.getZookeeperClient().getZooKeeper().getSessionId());
        one.delete().forPath("/c/pnode");
        Harness.eventually("it comes back", () -> one.checkExists().forPath("/c/pnode") != null);
        node.setData("y".getBytes());
        Harness.eventually("data", () -> Arrays.equals(one.getData().forPath("/c/pnode"), "y".getBytes()));
        node.close();
        Harness.eventually("it goes", () -> one.checkExists().forPath("/c/pnode") == null);
    }

    private void persistentTtl() throws Exception {
        PersistentTtlNode node = new PersistentTtlNode(one, "/c/tnode", 1500, "x".getBytes());
        node.start();
        Harness.equal(node.waitForInitialCreate(Harness.PATIENCE_MS, MILLISECONDS), true);
        Thread.sleep(2500);
        Harness.yes(two.checkExists().forPath("/c/tnode") != null, "it is kept alive by its touch node");
        node.close();
        Harness.eventually("it is swept", () -> two.checkExists().forPath("/c/tnode") == null);
    }

    private void group() throws Exception {
        GroupMember a = new GroupMember(one, "/c/group", "a", "1".getBytes());
        GroupMember b = new GroupMember(two, "/c/group", "b", "2".getBytes());
        a.start();
        b.start();
        Harness.eventually("both", () -> a.getCurrentMembers().keySet().equals(Set.of("a", "b")));
        b.close();
        Harness.eventually("one", () -> a.getCurrentMembers().keySet().equals(Set.of("a")));
        a.close();
    }

    private void discovery() throws Exception {
        ServiceInstance<Void> here = ServiceInstance.<Void>builder().name("web").address("localhost").port(80).id("i1").build();
        ServiceDiscovery<Void> a = ServiceDiscoveryBuilder.builder(Void.class).client(one).basePath("/c/sd").thisInstance(here).build();
        a.start();
        ServiceDiscovery<Void> b = ServiceDiscoveryBuilder.builder(Void.class).client(two).basePath("/c/sd").build();
        b.start();
        Harness.equal(b.queryForNames(), Arrays.asList("web"));
        ServiceCache<Void> cache = b.serviceCacheBuilder().name("web").build();
        cache.start();
        Harness.equal(cache.getInstances().size(), 1);
        a.unregisterService(here);
        Harness.eventually("gone from the cache", () -> cache.getInstances().isEmpty());
        cache.close();
        a.close();
        b.close();
    }
}
