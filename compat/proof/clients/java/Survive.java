import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.TreeSet;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;

/** What must outlive the server's restart: the session, its ephemerals, its authentication, its watches of every mode. */
final class Survive {
    private final String hosts;

    Survive(String hosts) {
        this.hosts = hosts;
    }

    void run() {
        Harness.check("through-a-restart", () -> through("RESTART"));
        Harness.check("through-kill-9", () -> through("KILL"));
    }

    private static <T> T again(Callable<T> call) throws Exception {
        for (int i = 0;; i++) {
            try {
                return call.call();
            } catch (KeeperException.ConnectionLossException e) {
                if (i == 5000) {
                    throw e;
                }
                Thread.sleep(20);
            }
        }
    }

    private void through(String how) throws Exception {
        String base = "/java-" + how;
        try (Client c = new Client(hosts); Client other = new Client(hosts)) {
            long id = c.zk.getSessionId();
            c.zk.addAuthInfo("digest", Nodes.bytes("sue:pw"));
            c.zk.create(base, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            c.zk.create(base + "/e", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            c.zk.create(base + "/mine", null, org.apache.zookeeper.ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            c.zk.create(base + "/data", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            c.zk.create(base + "/rec", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            c.zk.create(base + "/ttl", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, null, 600_000);
            int version = 0;
            for (int i = 0; i < 20; i++) {
                version = c.zk.setData(base + "/mine", Nodes.bytes("" + i), -1).getVersion();
            }
            c.zk.getData(base + "/data", true, null);
            c.zk.getChildren(base + "/data", true);
            c.zk.exists(base + "/later", true);
            c.zk.addWatch(base + "/per", AddWatchMode.PERSISTENT);
            c.zk.addWatch(base + "/rec", AddWatchMode.PERSISTENT_RECURSIVE);

            Harness.restart(how);

            Harness.equal(again(() -> c.zk.exists(base + "/e", false)).getEphemeralOwner(), id);
            Harness.equal(c.zk.getSessionId(), id);
            Harness.equal(again(() -> c.zk.exists(base + "/mine", false)).getVersion(), version);
            Harness.equal(again(() -> other.zk.exists(base + "/e", false)).getEphemeralOwner(), id);
            Harness.yes(other.zk.exists(base + "/ttl", false) != null, "the ttl node has time left");
            for (String path : new String[] {"/later", "/per", "/per/kid", "/rec/kid", "/data/kid"}) {
                other.zk.create(base + path, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            }
            other.zk.setData(base + "/data", null, -1);
            Harness.equal(new TreeSet<>(c.events(6)), new TreeSet<>(List.of("NodeCreated " + base + "/later", "NodeCreated " + base + "/per",
                    "NodeChildrenChanged " + base + "/per", "NodeCreated " + base + "/rec/kid", "NodeChildrenChanged " + base + "/data",
                    "NodeDataChanged " + base + "/data")));
            c.zk.delete(base + "/mine", -1);
        }
    }
}
