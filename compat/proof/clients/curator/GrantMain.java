import java.nio.charset.StandardCharsets;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryNTimes;

/** Takes Curator's own lock, reads its signed token, and says both; gives the lock back when told. */
public final class GrantMain {
    private GrantMain() {}

    public static void main(String[] args) throws Exception {
        try (CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], 8000, 8000, new RetryNTimes(300, 50))) {
            client.start();
            InterProcessMutex lock = new InterProcessMutex(client, "/locks/report");
            lock.acquire();
            lock.release(); // once before, so that the second grant is not the first of its lock
            lock.acquire();
            String node = lock.getParticipantNodes().iterator().next(); // the holder comes first, and that is us
            byte[] token = client.getData().forPath("/zookeeper/token" + node);
            long czxid = client.checkExists().forPath(node).getCzxid();
            Harness.say("TOKEN " + czxid + " " + node + " " + new String(token, StandardCharsets.US_ASCII));
            System.in.read();
            lock.release();
        }
        Harness.say("DONE");
        System.exit(0);
    }
}
