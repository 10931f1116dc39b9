import static org.apache.zookeeper.KeeperException.Code;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.List;
import java.util.TreeSet;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooKeeper;

/** Watches in every mode: what fires, what does not, in which order, and how they are taken away. */
final class Watches {
    private final String hosts;
    private final Client c;
    private final ZooKeeper zk;
    private final ZooKeeper other;

    Watches(String hosts, Client c, Client other) {
        this.hosts = hosts;
        this.c = c;
        this.zk = c.zk;
        this.other = other.zk;
    }

    void run() {
        Harness.check("one-shot-watches", this::oneShot);
        Harness.check("one-event-for-data-and-child-watch", this::both);
        Harness.check("persistent-watch", this::persistent);
        Harness.check("persistent-recursive-watch", this::recursive);
        Harness.check("modes-add-up", this::modes);
        Harness.check("multi-fires-each-step", this::multi);
        Harness.check("event-carries-its-zxid", this::zxid);
        Harness.check("remove-watches", this::remove);
        Harness.check("watch-on-session-end", this::sessionEnd);
        Harness.check("event-comes-before-the-reply", this::order);
    }

    private void create(String path) throws Exception {
        other.create(path, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }

    /** A write of the watching client itself: when it is answered, all earlier events are here. */
    private void settle() throws Exception {
        other.sync("/");
        zk.exists("/", false);
    }

    private void oneShot() throws Exception {
        c.forget();
        zk.exists("/w", true);
        create("/w");
        c.events(1);
        zk.getData("/w", true, null);
        zk.getData("/w", true, null);
        other.setData("/w", null, -1);
        other.setData("/w", null, -1);
        c.events(2);
        zk.getChildren("/w", true);
        create("/w/k");
        other.setData("/w/k", null, -1);
        c.events(3);
        zk.exists("/w/k", true);
        other.delete("/w/k", -1);
        c.events(4);
        settle();
        Harness.equal(c.events(4), List.of("NodeCreated /w", "NodeDataChanged /w", "NodeChildrenChanged /w", "NodeDeleted /w/k"));
    }

    private void both() throws Exception {
        c.forget();
        create("/w/k");
        zk.getData("/w/k", true, null);
        zk.getChildren("/w/k", true);
        zk.getChildren("/w", true);
        other.delete("/w/k", -1);
        c.events(2);
        settle();
        Harness.equal(c.events(2), List.of("NodeDeleted /w/k", "NodeChildrenChanged /w"));
    }

    private void persistent() throws Exception {
        try (Client p = new Client(hosts)) {
            p.zk.addWatch("/w/p", AddWatchMode.PERSISTENT);
            create("/w/p");
            other.setData("/w/p", null, -1);
            create("/w/p/k");
            other.setData("/w/p/k", null, -1);
            other.delete("/w/p/k", -1);
            other.delete("/w/p", -1);
            create("/w/p");
            Harness.equal(p.events(6), List.of("NodeCreated /w/p", "NodeDataChanged /w/p", "NodeChildrenChanged /w/p",
                    "NodeChildrenChanged /w/p", "NodeDeleted /w/p", "NodeCreated /w/p"));
        }
    }

    private void recursive() throws Exception {
        try (Client r = new Client(hosts)) {
            r.zk.addWatch("/w/p", r, AddWatchMode.PERSISTENT_RECURSIVE);
            create("/w/p/a");
            create("/w/p/a/b");
            other.setData("/w/p/a/b", null, -1);
            other.delete("/w/p/a/b", -1);
            other.delete("/w/p/a", -1);
            other.delete("/w/p", -1);
            Harness.equal(r.events(6), List.of("NodeCreated /w/p/a", "NodeCreated /w/p/a/b", "NodeDataChanged /w/p/a/b",
                    "NodeDeleted /w/p/a/b", "NodeDeleted /w/p/a", "NodeDeleted /w/p"));
        }
    }

    private void modes() throws Exception {
        try (Client m = new Client(hosts)) {
            create("/w/m");
            m.zk.addWatch("/w/m", AddWatchMode.PERSISTENT);
            m.zk.addWatch("/w", AddWatchMode.PERSISTENT_RECURSIVE);
            m.zk.getData("/w/m", true, null);
            other.setData("/w/m", null, -1);
            m.events(1);
            other.setData("/w/m", null, -1);
            m.events(2);
            other.delete("/w/m", -1);
            Harness.equal(new TreeSet<>(m.events(3)), new TreeSet<>(List.of("NodeDataChanged /w/m", "NodeDeleted /w/m")));
        }
    }

    private void multi() throws Exception {
        try (Client m = new Client(hosts)) {
            m.zk.addWatch("/w/multi", AddWatchMode.PERSISTENT);
            other.multi(List.of(Op.create("/w/multi", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                    Op.setData("/w/multi", null, 0), Op.delete("/w/multi", 1)));
            Harness.equal(m.events(3), List.of("NodeCreated /w/multi", "NodeDataChanged /w/multi", "NodeDeleted /w/multi"));
            Harness.equal(m.event(0).getZxid(), m.event(2).getZxid());
        }
    }

    private void zxid() throws Exception {
        c.forget();
        zk.exists("/w/z", true);
        create("/w/z");
        c.events(1);
        Harness.equal(c.event(0).getZxid(), other.exists("/w/z", false).getCzxid());
        other.delete("/w/z", -1);
    }

    private void remove() throws Exception {
        try (Client r = new Client(hosts)) {
            Watcher mine = r;
            r.zk.exists("/w", mine);
            r.zk.getChildren("/w", mine);
            r.zk.removeWatches("/w", mine, WatcherType.Children, false);
            Harness.refused(() -> r.zk.removeWatches("/w", mine, WatcherType.Children, false), Code.NOWATCHER);
            r.zk.removeAllWatches("/w", WatcherType.Any, false);
            Harness.refused(() -> r.zk.removeAllWatches("/w", WatcherType.Any, false), Code.NOWATCHER);
            r.zk.addWatch("/w", mine, AddWatchMode.PERSISTENT);
            r.zk.addWatch("/w/x", mine, AddWatchMode.PERSISTENT_RECURSIVE);
            r.zk.removeWatches("/w", mine, WatcherType.Persistent, false);
            r.zk.removeWatches("/w/x", mine, WatcherType.PersistentRecursive, false);
            Harness.equal(r.events(4), List.of("ChildWatchRemoved /w", "DataWatchRemoved /w",
                    "PersistentWatchRemoved /w", "PersistentWatchRemoved /w/x"));
            other.setData("/w", null, -1);
            create("/w/x");
            other.delete("/w/x", -1);
            other.sync("/");
            r.zk.exists("/", false);
            Harness.equal(r.events(4).size(), 4);
        }
    }

    private void sessionEnd() throws Exception {
        c.forget();
        Client dying = new Client(hosts);
        dying.zk.create("/w/e", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        zk.exists("/w/e", true);
        zk.getChildren("/w", true);
        dying.close();
        Harness.equal(c.events(2), List.of("NodeDeleted /w/e", "NodeChildrenChanged /w"));
    }

    private void order() throws Exception {
        try (Client o = new Client(hosts)) {
            for (int i = 1; i <= 50; i++) {
                o.zk.exists("/w", true);
                o.zk.setData("/w", null, -1);
                o.zk.exists("/w", false);
            }
            Harness.equal(o.events(50).size(), 50);
        }
    }
}
