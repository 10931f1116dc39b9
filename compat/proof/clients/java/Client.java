import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

/** A client, and all that its watchers were told. */
final class Client implements Watcher, AutoCloseable {
    final ZooKeeper zk;
    private final List<WatchedEvent> events = new ArrayList<>();
    private Event.KeeperState state;

    Client(String hosts) throws Exception {
        this(hosts, 30_000);
    }

    Client(String hosts, int timeout) throws Exception {
        zk = new ZooKeeper(Harness.fourTimes(hosts), timeout, this);
        connected();
    }

    Client(String hosts, int timeout, long id, byte[] password) throws Exception {
        zk = new ZooKeeper(Harness.fourTimes(hosts), timeout, this, id, password);
    }

    @Override
    public synchronized void process(WatchedEvent event) {
        if (event.getType() == Event.EventType.None) {
            state = event.getState();
        } else {
            events.add(event);
        }
        notifyAll();
    }

    void connected() throws Exception {
        until(Event.KeeperState.SyncConnected);
    }

    synchronized void until(Event.KeeperState wanted) throws Exception {
        long deadline = System.currentTimeMillis() + Harness.PATIENCE_MS;
        while (state != wanted) {
            long left = deadline - System.currentTimeMillis();
            if (left <= 0) {
                throw new AssertionError("the client is " + state + ", not " + wanted);
            }
            wait(left);
        }
    }

    /** The events so far, once there are that many, as "Type path". */
    synchronized List<String> events(int count) throws Exception {
        long deadline = System.currentTimeMillis() + Harness.PATIENCE_MS;
        while (events.size() < count) {
            long left = deadline - System.currentTimeMillis();
            if (left <= 0) {
                throw new AssertionError(events.size() + " events instead of " + count + ": " + events);
            }
            wait(left);
        }
        List<String> said = new ArrayList<>();
        for (WatchedEvent event : events) {
            said.add(event.getType() + " " + event.getPath());
        }
        return said;
    }

    synchronized WatchedEvent event(int i) {
        return events.get(i);
    }

    synchronized void forget() {
        events.clear();
    }

    @Override
    public void close() throws InterruptedException {
        zk.close();
    }
}
