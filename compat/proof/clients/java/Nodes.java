import static org.apache.zookeeper.KeeperException.Code;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Transaction;
import org.apache.zookeeper.ZKUtil;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** Nodes: create in every mode, read, write, delete, children, multi. */
final class Nodes {
    private final String hosts;
    private final ZooKeeper zk;
    private final Client c;
    private final ZooKeeper other;

    Nodes(String hosts, Client c, Client other) {
        this.hosts = hosts;
        this.c = c;
        this.zk = c.zk;
        this.other = other.zk;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    void run() {
        Harness.check("create-get-set-delete", this::basics);
        Harness.check("null-empty-and-large-data", this::data);
        Harness.check("create-modes", this::modes);
        Harness.check("ttl-and-container-nodes-are-swept", this::sweep);
        Harness.check("bad-paths-and-reserved-nodes", this::paths);
        Harness.check("children-and-counts", this::children);
        Harness.check("ephemerals", this::ephemerals);
        Harness.check("multi", this::multi);
        Harness.check("multi-fails-as-a-whole", this::failingMulti);
        Harness.check("transaction", this::transaction);
        Harness.check("multi-read", this::multiRead);
        Harness.check("config-and-reconfig", this::config);
        Harness.check("delete-recursive", this::recursive);
        Harness.check("versions-and-stats", this::stats);
    }

    private String create(String path, CreateMode mode) throws Exception {
        return zk.create(path, bytes(""), OPEN_ACL_UNSAFE, mode);
    }

    private void basics() throws Exception {
        Stat made = new Stat();
        Harness.equal(zk.create("/j", bytes("one"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, made), "/j");
        Stat stat = zk.exists("/j", false);
        Harness.equal(stat, made);
        Harness.equal(zk.getData("/j", false, stat), bytes("one"));
        Stat after = zk.setData("/j", bytes("two"), 0);
        Harness.equal(after.getVersion(), 1);
        Harness.yes(after.getMzxid() > made.getMzxid() && after.getCzxid() == made.getCzxid(), "mzxid grows, czxid stays");
        Harness.refused(() -> zk.setData("/j", bytes("x"), 0), Code.BADVERSION);
        Harness.refused(() -> zk.delete("/j", 0), Code.BADVERSION);
        Harness.refused(() -> create("/j", CreateMode.PERSISTENT), Code.NODEEXISTS);
        Harness.refused(() -> create("/no/parent", CreateMode.PERSISTENT), Code.NONODE);
        zk.delete("/j", 1);
        Harness.equal(zk.exists("/j", false), null);
        Harness.refused(() -> zk.delete("/j", -1), Code.NONODE);
        Harness.refused(() -> zk.getData("/j", false, null), Code.NONODE);
        Harness.refused(() -> zk.setData("/j", bytes(""), -1), Code.NONODE);
    }

    private void data() throws Exception {
        zk.create("/d", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Harness.equal(zk.getData("/d", false, null), null);
        zk.setData("/d", new byte[0], -1);
        Harness.equal(zk.getData("/d", false, null), new byte[0]);
        byte[] large = new byte[1_000_000];
        Arrays.fill(large, (byte) 7);
        zk.setData("/d", large, -1);
        Harness.equal(zk.getData("/d", false, null), large);
        Harness.refused(() -> zk.setData("/d", new byte[1 << 20], -1), Code.CONNECTIONLOSS);
        c.connected();
        Harness.eventually("reads work again", () -> {
            try {
                return zk.exists("/d", false).getDataLength() == 1_000_000;
            } catch (KeeperException.ConnectionLossException e) {
                return false;
            }
        });
        zk.delete("/d", -1);
    }

    private void modes() throws Exception {
        create("/m", CreateMode.PERSISTENT);
        Harness.equal(create("/m/s-", CreateMode.PERSISTENT_SEQUENTIAL), "/m/s-0000000000");
        Harness.equal(create("/m/es-", CreateMode.EPHEMERAL_SEQUENTIAL), "/m/es-0000000001");
        Harness.equal(create("/m/e", CreateMode.EPHEMERAL), "/m/e");
        Harness.equal(zk.exists("/m/e", false).getEphemeralOwner(), zk.getSessionId());
        Harness.refused(() -> create("/m/e/kid", CreateMode.PERSISTENT), Code.NOCHILDRENFOREPHEMERALS);
        Harness.equal(create("/m/c", CreateMode.CONTAINER), "/m/c");
        Harness.equal(zk.exists("/m/c", false).getEphemeralOwner(), 0L);
        Stat made = new Stat();
        Harness.equal(zk.create("/m/t", bytes("x"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, made, 60_000), "/m/t");
        Harness.equal(made.getEphemeralOwner(), 0L);
        Harness.equal(zk.create("/m/ts-", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, null, 60_000), "/m/ts-0000000005");
        Harness.equal(create("/m/", CreateMode.PERSISTENT_SEQUENTIAL), "/m/0000000006");
    }

    private void sweep() throws Exception {
        zk.create("/m/short", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, null, 100);
        create("/m/c/kid", CreateMode.PERSISTENT);
        zk.delete("/m/c/kid", -1);
        Harness.eventually("ttl node and container gone", () -> zk.exists("/m/short", false) == null && zk.exists("/m/c", false) == null);
        Harness.yes(zk.exists("/m/t", false) != null, "a ttl node with time left stays");
    }

    private void paths() throws Exception {
        for (String path : new String[] {"", "a", "/a/", "/a//b", "/a/./b", "/a/../b", "/a\u0001"}) {
            Harness.fails(IllegalArgumentException.class, () -> create(path, CreateMode.PERSISTENT));
        }
        Harness.refused(() -> create("/", CreateMode.PERSISTENT), Code.NODEEXISTS);
        Harness.refused(() -> zk.delete("/", -1), Code.BADARGUMENTS);
        Harness.refused(() -> zk.delete("/zookeeper", -1), Code.BADARGUMENTS);
        Harness.refused(() -> zk.delete("/zookeeper/quota", -1), Code.BADARGUMENTS);
        Harness.equal(create("/grün-数", CreateMode.PERSISTENT), "/grün-数");
        zk.delete("/grün-数", -1);
    }

    private void children() throws Exception {
        create("/k", CreateMode.PERSISTENT);
        for (String name : new String[] {"x", "y", "x/deep", "x/deep/er"}) {
            create("/k/" + name, CreateMode.PERSISTENT);
        }
        Stat stat = new Stat();
        Harness.equal(new TreeSet<>(zk.getChildren("/k", false, stat)), new TreeSet<>(List.of("x", "y")));
        Harness.equal(stat.getNumChildren(), 2);
        Harness.equal(new TreeSet<>(zk.getChildren("/k", false)), new TreeSet<>(List.of("x", "y")));
        Harness.equal(zk.getAllChildrenNumber("/k"), 4);
        Harness.refused(() -> zk.getAllChildrenNumber("/none"), Code.NONODE);
        Harness.refused(() -> zk.getChildren("/none", false), Code.NONODE);
        Harness.refused(() -> zk.delete("/k", -1), Code.NOTEMPTY);
    }

    private void ephemerals() throws Exception {
        create("/m/e2", CreateMode.EPHEMERAL);
        List<String> all = zk.getEphemerals();
        Harness.yes(all.contains("/m/e") && all.contains("/m/e2"), "all of " + all);
        Harness.equal(zk.getEphemerals("/m/e2"), List.of("/m/e2"));
        Harness.equal(zk.getEphemerals("/none"), List.of());
        Harness.equal(other.getEphemerals(), List.of());
    }

    private void multi() throws Exception {
        List<OpResult> results = zk.multi(List.of(
                Op.create("/mu", bytes("0"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.check("/mu", 0),
                Op.setData("/mu", bytes("1"), 0),
                Op.create("/mu/s-", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL),
                Op.create("/mu/c", null, OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
                Op.create("/mu/t", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 60_000),
                Op.delete("/mu/c", -1)));
        Harness.equal(((OpResult.CreateResult) results.get(0)).getPath(), "/mu");
        Harness.yes(results.get(1) instanceof OpResult.CheckResult, "a check result");
        Harness.equal(((OpResult.SetDataResult) results.get(2)).getStat().getVersion(), 1);
        Harness.equal(((OpResult.CreateResult) results.get(3)).getPath(), "/mu/s-0000000000");
        Harness.equal(((OpResult.CreateResult) results.get(4)).getPath(), "/mu/c");
        Harness.equal(((OpResult.CreateResult) results.get(5)).getPath(), "/mu/t");
        Harness.yes(results.get(6) instanceof OpResult.DeleteResult, "a delete result");
        Stat a = zk.exists("/mu", false);
        Harness.equal(zk.exists("/mu/t", false).getCzxid(), a.getCzxid());
        Harness.equal(zk.multi(Collections.emptyList()), List.of());
    }

    private void failingMulti() throws Exception {
        try {
            zk.multi(List.of(Op.setData("/mu", bytes("9"), -1), Op.check("/mu", 99), Op.delete("/mu", -1)));
            throw new AssertionError("the multi passed");
        } catch (KeeperException.BadVersionException e) {
            List<Integer> codes = new ArrayList<>();
            for (OpResult result : e.getResults()) {
                codes.add(((OpResult.ErrorResult) result).getErr());
            }
            Harness.equal(codes, List.of(0, Code.BADVERSION.intValue(), Code.RUNTIMEINCONSISTENCY.intValue()));
        }
        Harness.equal(zk.getData("/mu", false, null), bytes("1"));
    }

    private void transaction() throws Exception {
        Transaction work = zk.transaction();
        work.create("/tr", bytes(""), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        work.setData("/tr", bytes("x"), 0);
        work.check("/tr", 1);
        work.delete("/tr", 1);
        Harness.equal(work.commit().size(), 4);
        Harness.equal(zk.exists("/tr", false), null);
    }

    private void multiRead() throws Exception {
        List<OpResult> got = zk.multi(List.of(Op.getData("/mu"), Op.getChildren("/k"), Op.getData("/none")));
        Harness.equal(((OpResult.GetDataResult) got.get(0)).getData(), bytes("1"));
        Harness.equal(new TreeSet<>(((OpResult.GetChildrenResult) got.get(1)).getChildren()), new TreeSet<>(List.of("x", "y")));
        Harness.equal(((OpResult.ErrorResult) got.get(2)).getErr(), Code.NONODE.intValue());
    }

    private void config() throws Exception {
        org.apache.zookeeper.admin.ZooKeeperAdmin admin = new org.apache.zookeeper.admin.ZooKeeperAdmin(hosts, 8000, e -> { });
        try {
            Stat stat = new Stat();
            admin.getConfig(false, stat);
            Harness.yes(stat.getVersion() <= 0, "the version of the config node");
            Harness.refused(() -> admin.reconfigure("server.9=127.0.0.1:1:2;3", null, null, -1, null), Code.RECONFIGDISABLED, Code.UNIMPLEMENTED);
        } finally {
            admin.close();
        }
        Harness.refused(() -> zk.setData("/zookeeper/config", bytes("x"), -1), Code.NOAUTH);
    }

    private void recursive() throws Exception {
        Harness.yes(ZKUtil.deleteRecursive(zk, "/k", 10), "delete all below /k");
        Harness.equal(zk.exists("/k", false), null);
        ZKUtil.deleteRecursive(zk, "/mu");
        ZKUtil.deleteRecursive(zk, "/m");
    }

    private void stats() throws Exception {
        create("/st", CreateMode.PERSISTENT);
        Stat before = zk.exists("/st", false);
        create("/st/a", CreateMode.PERSISTENT);
        create("/st/b", CreateMode.PERSISTENT);
        zk.delete("/st/a", -1);
        Stat after = zk.exists("/st", false);
        Harness.equal(after.getCversion(), 3);
        Harness.equal(after.getNumChildren(), 1);
        Harness.equal(after.getMzxid(), before.getMzxid());
        Harness.equal(after.getVersion(), 0);
        Harness.yes(after.getPzxid() > before.getPzxid(), "pzxid grows");
        Harness.yes(Math.abs(after.getCtime() - System.currentTimeMillis()) < 60_000, "ctime is now");
        zk.setACL("/st", OPEN_ACL_UNSAFE, 0);
        Harness.equal(zk.exists("/st", false).getAversion(), 1);
        ZKUtil.deleteRecursive(zk, "/st");
    }
}
