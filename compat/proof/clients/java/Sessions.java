import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.List;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

/** Sessions: negotiated timeouts, taking one up again, the end of one; chroot and server lists. */
final class Sessions {
    private final String hosts;
    private final ZooKeeper zk;

    Sessions(String hosts, Client c) {
        this.hosts = hosts;
        this.zk = c.zk;
    }

    void run() {
        Harness.check("timeout-is-negotiated", this::timeout);
        Harness.check("reattach-with-id-and-password", this::reattach);
        Harness.check("wrong-password-expires", this::password);
        Harness.check("close-ends-the-session", this::close);
        Harness.check("silence-ends-the-session", this::silence);
        Harness.check("chroot", this::chroot);
        Harness.check("update-server-list", this::update);
        Harness.check("read-only-client-on-a-full-server", this::readOnly);
    }

    private void timeout() throws Exception {
        int[] asked = {1, 8000, 600_000};
        int[] given = {1000, 8000, 60_000};
        for (int i = 0; i < asked.length; i++) {
            try (Client client = new Client(hosts, asked[i] == 1 ? 500 : asked[i])) {
                Harness.equal(client.zk.getSessionTimeout(), given[i]);
            }
        }
    }

    private void reattach() throws Exception {
        Client first = new Client(hosts);
        first.zk.create("/re", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        long id = first.zk.getSessionId();
        byte[] password = first.zk.getSessionPasswd();
        try (Client second = new Client(hosts, 30_000, id, password)) {
            second.connected();
            Harness.equal(second.zk.getSessionId(), id);
            Harness.equal(second.zk.getSessionPasswd(), password);
            Harness.equal(second.zk.exists("/re", false).getEphemeralOwner(), id);
        }
        Harness.equal(zk.exists("/re", false), null);
        first.close();
    }

    private void password() throws Exception {
        try (Client first = new Client(hosts); Client thief = new Client(hosts, 8000, first.zk.getSessionId(), new byte[16])) {
            thief.until(Watcher.Event.KeeperState.Expired);
            first.connected();
            Harness.eventually("the owner keeps its session", () -> first.zk.getState().isConnected());
        }
    }

    private void close() throws Exception {
        Client client = new Client(hosts);
        client.zk.create("/closing", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        long id = client.zk.getSessionId();
        byte[] password = client.zk.getSessionPasswd();
        client.close();
        Harness.equal(zk.exists("/closing", false), null);
        Harness.refused(() -> client.zk.exists("/", false), Code.SESSIONEXPIRED);
        try (Client again = new Client(hosts, 30_000, id, password)) {
            again.until(Watcher.Event.KeeperState.Expired);
        }
    }

    /** A client that stops talking without a word loses its ephemeral after its timeout, not before. */
    private void silence() throws Exception {
        Client client = new Client(hosts, 2000);
        long start = System.nanoTime(); // before its last request, from which on the server counts
        client.zk.create("/silent", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        client.zk.getTestable().closeSocket();
        client.zk.getTestable().injectSessionExpiration();
        Harness.eventually("the ephemeral is gone", () -> zk.exists("/silent", false) == null);
        long lived = (System.nanoTime() - start) / 1_000_000;
        Harness.yes(lived > 1900, "it lived for its timeout of 2 s, " + lived + " ms");
        client.close();
    }

    private void chroot() throws Exception {
        zk.create("/jail", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        try (Client in = new Client(hosts + "/jail")) {
            Harness.equal(in.zk.create("/x", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT), "/x");
            Harness.equal(in.zk.getChildren("/", false), List.of("x"));
            in.zk.exists("/x", true);
            zk.setData("/jail/x", null, -1);
            Harness.equal(in.events(1), List.of("NodeDataChanged /x"));
            in.zk.getConfig(false, null);
            in.zk.create("/e", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            Harness.equal(in.zk.getAllChildrenNumber("/"), 2);
        }
    }

    private void update() throws Exception {
        try (Client client = new Client(hosts)) {
            client.zk.updateServerList(hosts + "," + hosts);
            Harness.eventually("still works", () -> {
                try {
                    return client.zk.exists("/", false) != null;
                } catch (KeeperException.ConnectionLossException e) {
                    return false; // it may move to the other entry
                }
            });
        }
    }

    private void readOnly() throws Exception {
        ZooKeeper ro = new ZooKeeper(hosts, 8000, e -> { }, true);
        Harness.eventually("connected", () -> ro.getState() == ZooKeeper.States.CONNECTED);
        ro.create("/ro", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        ro.close();
    }
}
