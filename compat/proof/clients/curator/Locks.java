import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;

/** Locks, semaphores, leaders. */
final class Locks {
    private final CuratorMain world;
    private final CuratorFramework one;
    private final CuratorFramework two;

    Locks(CuratorMain world) throws Exception {
        this.world = world;
        this.one = world.client();
        this.two = world.client();
    }

    void run() {
        Harness.check("mutex", this::mutex);
        Harness.check("mutex-excludes", this::excludes);
        Harness.check("semaphore-mutex", this::semaphoreMutex);
        Harness.check("read-write-lock", this::readWrite);
        Harness.check("semaphore-v2", this::semaphore);
        Harness.check("multi-lock", this::multi);
        Harness.check("leader-latch", this::latch);
        Harness.check("leader-selector", this::selector);
    }

    private void mutex() throws Exception {
        InterProcessMutex mine = new InterProcessMutex(one, "/l/mutex");
        InterProcessMutex yours = new InterProcessMutex(two, "/l/mutex");
        mine.acquire();
        mine.acquire(); // it may be taken twice by its holder
        Harness.equal(yours.acquire(200, MILLISECONDS), false);
        CompletableFuture<Boolean> waits = Harness.async(() -> {
            boolean got = yours.acquire(Harness.PATIENCE_MS, MILLISECONDS);
            yours.release();
            return got;
        });
        Harness.eventually("two contenders", () -> mine.getParticipantNodes().size() == 2);
        mine.release();
        mine.release();
        Harness.equal(Harness.get(waits), true);
    }

    private void excludes() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        int[] counter = {0};
        List<CompletableFuture<Void>> workers = new ArrayList<>();
        for (int w = 0; w < 6; w++) {
            CuratorFramework client = w % 2 == 0 ? one : two;
            workers.add(Harness.async(() -> {
                InterProcessMutex lock = new InterProcessMutex(client, "/l/count");
                for (int i = 0; i < 10; i++) {
                    lock.acquire();
                    Harness.equal(inside.incrementAndGet(), 1);
                    counter[0]++;
                    inside.decrementAndGet();
                    lock.release();
                }
                return null;
            }));
        }
        for (CompletableFuture<Void> worker : workers) {
            Harness.get(worker);
        }
        Harness.equal(counter[0], 60);
    }

    private void semaphoreMutex() throws Exception {
        InterProcessSemaphoreMutex mine = new InterProcessSemaphoreMutex(one, "/l/smutex");
        InterProcessSemaphoreMutex yours = new InterProcessSemaphoreMutex(two, "/l/smutex");
        Harness.equal(mine.acquire(Harness.PATIENCE_MS, MILLISECONDS), true);
        Harness.equal(yours.acquire(200, MILLISECONDS), false);
        mine.release();
        Harness.equal(yours.acquire(Harness.PATIENCE_MS, MILLISECONDS), true);
        yours.release();
    }

    private void readWrite() throws Exception {
        InterProcessReadWriteLock a = new InterProcessReadWriteLock(one, "/l/rw");
        InterProcessReadWriteLock b = new InterProcessReadWriteLock(two, "/l/rw");
        Harness.equal(a.readLock().acquire(Harness.PATIENCE_MS, MILLISECONDS), true);
        Harness.equal(b.readLock().acquire(Harness.PATIENCE_MS, MILLISECONDS), true);
        Harness.equal(a.writeLock().acquire(200, MILLISECONDS), false);
        a.readLock().release();
        b.readLock().release();
        Harness.equal(a.writeLock().acquire(Harness.PATIENCE_MS, MILLISECONDS), true);
        Harness.equal(b.readLock().acquire(200, MILLISECONDS), false);
        Harness.equal(a.readLock().acquire(Harness.PATIENCE_MS, MILLISECONDS), true); // a writer may also read
        a.writeLock().release();
        a.readLock().release();
    }

    private void semaphore() throws Exception {
        InterProcessSemaphoreV2 a = new InterProcessSemaphoreV2(one, "/l/sem", 2);
        InterProcessSemaphoreV2 b = new InterProcessSemaphoreV2(two, "/l/sem", 2);
        Lease first = a.acquire();
        Lease second = b.acquire();
        Harness.equal(b.acquire(300, MILLISECONDS), null);
        Harness.equal(a.getParticipantNodes().size(), 2);
        a.returnLease(first);
        Lease third = b.acquire(Harness.PATIENCE_MS, MILLISECONDS);
        Harness.yes(third != null, "a lease that was given back can be had");
        b.returnAll(Arrays.asList(second, third));
    }

    private void multi() throws Exception {
        InterProcessMultiLock all = new InterProcessMultiLock(one, Arrays.asList("/l/m1", "/l/m2"));
        InterProcessMutex part = new InterProcessMutex(two, "/l/m2");
        all.acquire();
        Harness.equal(part.acquire(200, MILLISECONDS), false);
        all.release();
        Harness.equal(part.acquire(Harness.PATIENCE_MS, MILLISECONDS), true);
        Harness.equal(all.acquire(200, MILLISECONDS), false);
        part.release();
    }

    private void latch() throws Exception {
        LeaderLatch a = new LeaderLatch(one, "/l/latch", "a");
        LeaderLatch b = new LeaderLatch(two, "/l/latch", "b");
        a.start();
        Harness.equal(a.await(Harness.PATIENCE_MS, MILLISECONDS), true);
        b.start();
        Harness.eventually("both take part", () -> a.getParticipants().size() == 2);
        Harness.equal(b.hasLeadership(), false);
        Harness.equal(b.getLeader().getId(), "a");
        a.close();
        Harness.equal(b.await(Harness.PATIENCE_MS, MILLISECONDS), true);
        b.close();
    }

    private void selector() throws Exception {
        AtomicInteger terms = new AtomicInteger();
        List<LeaderSelector> selectors = new ArrayList<>();
        for (CuratorFramework client : new CuratorFramework[] {one, two}) {
            LeaderSelector selector = new LeaderSelector(client, "/l/selector", new LeaderSelectorListenerAdapter() {
                @Override
                public void takeLeadership(CuratorFramework c) {
                    terms.incrementAndGet();
                }
            });
            selector.autoRequeue();
            selector.start();
            selectors.add(selector);
        }
        Harness.eventually("six terms", () -> terms.get() >= 6);
        for (LeaderSelector selector : selectors) {
            selector.close();
        }
    }
}
