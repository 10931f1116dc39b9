import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.apache.zookeeper.AsyncCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.ZooKeeper;

/** Every asynchronous form of the API, and a deep pipeline. */
final class Asynchronous {
    private static final int MANY = 2000;
    private final ZooKeeper zk;

    Asynchronous(Client c) {
        this.zk = c.zk;
    }

    void run() {
        Harness.check("async-calls", this::calls);
        Harness.check("async-pipeline-keeps-its-order", this::pipeline);
    }

    /** Runs a call and wants its code. */
    private static void expect(Code code, Consumer<CompletableFuture<Integer>> call) throws Exception {
        CompletableFuture<Integer> rc = new CompletableFuture<>();
        call.accept(rc);
        Harness.equal(Code.get(Harness.get(rc)), code);
    }

    private void calls() throws Exception {
        byte[] data = Nodes.bytes("data");
        expect(Code.OK, f -> zk.create("/as", data, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, (AsyncCallback.StringCallback) (rc, p, x, n) -> f.complete(rc), null));
        expect(Code.NODEEXISTS, f -> zk.create("/as", data, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, (AsyncCallback.Create2Callback) (rc, p, x, n, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.create("/as/t", data, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, (AsyncCallback.Create2Callback) (rc, p, x, n, s) -> f.complete(rc), null, 60_000));
        expect(Code.OK, f -> zk.exists("/as", false, (rc, p, x, s) -> f.complete(rc), null));
        expect(Code.NONODE, f -> zk.exists("/none", false, (rc, p, x, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.getData("/as", false, (rc, p, x, d, s) -> f.complete(rc), null));
        expect(Code.BADVERSION, f -> zk.setData("/as", data, 9, (rc, p, x, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.setData("/as", data, 0, (rc, p, x, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.getACL("/as", null, (rc, p, x, a, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.setACL("/as", OPEN_ACL_UNSAFE, 0, (rc, p, x, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.getChildren("/as", false, (AsyncCallback.ChildrenCallback) (rc, p, x, c) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.getChildren("/as", false, (AsyncCallback.Children2Callback) (rc, p, x, c, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.getAllChildrenNumber("/as", (rc, p, x, n) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.getEphemerals((rc, x, e) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.getEphemerals("/as", (rc, x, e) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.sync("/as", (rc, p, x) -> f.complete(rc), null));
        zk.sync("/as");
        expect(Code.OK, f -> zk.getConfig(false, (rc, p, x, d, s) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.multi(List.of(Op.delete("/as/t", -1), Op.check("/as", 1)), (rc, p, x, r) -> f.complete(rc), null));
        expect(Code.OK, f -> zk.delete("/as", -1, (rc, p, x) -> f.complete(rc), null));
        expect(Code.NONODE, f -> zk.delete("/as", -1, (rc, p, x) -> f.complete(rc), null));
    }

    /** Writes and reads mixed, all sent before the first answer: each read sees the write before it. */
    private void pipeline() throws Exception {
        zk.create("/pipe", Nodes.bytes("-"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        List<CompletableFuture<String>> seen = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            CompletableFuture<String> one = new CompletableFuture<>();
            zk.setData("/pipe", Nodes.bytes("" + i), i, (rc, p, x, s) -> {
                if (rc != 0) {
                    one.completeExceptionally(new AssertionError("setData " + Code.get(rc)));
                }
            }, null);
            zk.getData("/pipe", false, (rc, p, x, d, s) -> one.complete(rc + " " + new String(d)), null);
            seen.add(one);
        }
        for (int i = 0; i < MANY; i++) {
            Harness.equal(Harness.get(seen.get(i)), "0 " + i);
        }
        zk.delete("/pipe", MANY);
    }
}
