import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryNTimes;

/** The time from one holder's release to the next holder's acquire, in microseconds, of that many handovers between two clients. */
public final class HandoverMain {
    private HandoverMain() {}

    private static CuratorFramework client(String hosts) {
        CuratorFramework client = CuratorFrameworkFactory.newClient(hosts, 20000, 8000, new RetryNTimes(300, 50));
        client.start();
        return client;
    }

    public static void main(String[] args) throws Exception {
        CuratorFramework[] clients = {client(args[0]), client(args[0])};
        int warm = Integer.parseInt(args[1]);
        long[] took = new long[Integer.parseInt(args[2])];
        for (int i = -warm; i < took.length; i++) {
            took[Math.max(i, 0)] = once(clients[(i & 1)], clients[1 - (i & 1)]) / 1000;
        }
        Arrays.sort(took);
        System.out.println("HANDOVER " + took[took.length / 2] + " " + took[took.length * 99 / 100]);
        System.exit(0);
    }

    private static long once(CuratorFramework one, CuratorFramework two) throws Exception {
        InterProcessMutex mine = new InterProcessMutex(one, "/bench/curator");
        InterProcessMutex yours = new InterProcessMutex(two, "/bench/curator");
        mine.acquire();
        CompletableFuture<Long> granted = CompletableFuture.supplyAsync(() -> {
            try {
                yours.acquire();
                long at = System.nanoTime();
                yours.release();
                return at;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        while (mine.getParticipantNodes().size() < 2) {
            Thread.onSpinWait();
        }
        Thread.sleep(2); // its watch is set by now
        long start = System.nanoTime();
        mine.release();
        return granted.get() - start;
    }
}
