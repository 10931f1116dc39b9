import java.util.ArrayList;
import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryNTimes;

/** Curator's recipes against a server, then through restarts. */
public final class CuratorMain {
    private final String hosts;
    private final List<CuratorFramework> clients = new ArrayList<>();

    private CuratorMain(String hosts) {
        this.hosts = hosts;
    }

    CuratorFramework client() throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(Harness.fourTimes(hosts)).sessionTimeoutMs(30_000)
                .connectionTimeoutMs(8000).retryPolicy(new RetryNTimes(2000, 50)).build();
        client.start();
        if (!client.blockUntilConnected((int) Harness.PATIENCE_MS, java.util.concurrent.TimeUnit.MILLISECONDS)) {
            throw new AssertionError("curator does not connect");
        }
        clients.add(client);
        return client;
    }

    String hosts() {
        return hosts;
    }

    public static void main(String[] args) throws Exception {
        CuratorMain world = new CuratorMain(args[0]);
        new Framework(world).run();
        new Locks(world).run();
        new Recipes(world).run();
        new Caches(world).run();
        new CuratorSurvive(world).run();
        for (CuratorFramework client : world.clients) {
            client.close();
        }
        Harness.say("DONE");
        System.exit(0); // recipes leave executors behind
    }
}
