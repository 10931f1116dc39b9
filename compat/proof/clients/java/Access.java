import static org.apache.zookeeper.KeeperException.Code;
import static org.apache.zookeeper.ZooDefs.Ids.CREATOR_ALL_ACL;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;
import static org.apache.zookeeper.ZooDefs.Ids.READ_ACL_UNSAFE;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZKUtil;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

/** Who may do what: ACLs, authentication, the super user. */
final class Access {
    private final String hosts;
    private final ZooKeeper zk;

    Access(String hosts, Client c) {
        this.hosts = hosts;
        this.zk = c.zk;
    }

    void run() {
        Harness.check("acl", this::acl);
        Harness.check("acl-perms-one-by-one", this::perms);
        Harness.check("add-auth-and-creator-acl", this::auth);
        Harness.check("super-user", this::superUser);
        Harness.check("ip-acl", this::ip);
        Harness.check("who-am-i", this::whoAmI);
        Harness.check("unknown-scheme-fails-auth", this::unknown);
    }

    private static byte[] bytes(String text) {
        return Nodes.bytes(text);
    }

    private void acl() throws Exception {
        zk.create("/acl", bytes(""), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Stat stat = new Stat();
        Harness.equal(zk.getACL("/acl", stat), OPEN_ACL_UNSAFE);
        Harness.refused(() -> zk.setACL("/acl", OPEN_ACL_UNSAFE, 5), Code.BADVERSION);
        Harness.equal(zk.setACL("/acl", OPEN_ACL_UNSAFE, 0).getAversion(), 1);
        Harness.refused(() -> zk.setACL("/acl", Arrays.asList(new ACL(31, new Id("nonsense", "x"))), -1), Code.INVALIDACL);
        Harness.refused(() -> zk.create("/acl2", null, CREATOR_ALL_ACL, CreateMode.PERSISTENT), Code.INVALIDACL);
        Harness.refused(() -> zk.create("/acl2", null, Arrays.asList(new ACL(31, new Id("digest", "nocolon"))), CreateMode.PERSISTENT), Code.INVALIDACL);
        Harness.refused(() -> zk.getACL("/none", new Stat()), Code.NONODE);
        zk.delete("/acl", -1);
    }

    /** Each permission alone, on a node of its own. */
    private void perms() throws Exception {
        Id me = new Id("digest", DigestAuthenticationProvider.generateDigest("p:p"));
        try (Client client = new Client(hosts)) {
            client.zk.addAuthInfo("digest", bytes("p:p"));
            int[] all = {ZooDefs.Perms.READ, ZooDefs.Perms.WRITE, ZooDefs.Perms.CREATE, ZooDefs.Perms.DELETE, ZooDefs.Perms.ADMIN};
            zk.create("/perms", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            for (int perm : all) {
                String path = "/perms/" + perm;
                zk.create(path, bytes("x"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                zk.create(path + "/kid", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                zk.setACL(path, Arrays.asList(new ACL(perm, me)), -1);
                expect(perm == ZooDefs.Perms.READ, () -> client.zk.getData(path, false, null));
                expect(perm == ZooDefs.Perms.READ, () -> client.zk.getChildren(path, false));
                expect(perm == ZooDefs.Perms.READ, () -> client.zk.exists(path, false));
                expect(perm == ZooDefs.Perms.WRITE, () -> client.zk.setData(path, null, -1));
                expect(perm == ZooDefs.Perms.CREATE, () -> client.zk.create(path + "/new", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
                expect(perm == ZooDefs.Perms.DELETE, () -> client.zk.delete(path + "/kid", -1));
                expect(perm == ZooDefs.Perms.READ || perm == ZooDefs.Perms.ADMIN, () -> client.zk.getACL(path, new Stat()));
                expect(perm == ZooDefs.Perms.ADMIN, () -> client.zk.setACL(path, Arrays.asList(new ACL(perm, me)), -1));
            }
        }
    }

    private static void expect(boolean allowed, Harness.Body body) throws Exception {
        if (allowed) {
            body.run();
        } else {
            Harness.refused(body, Code.NOAUTH);
        }
    }

    private void auth() throws Exception {
        try (Client ann = new Client(hosts); Client bob = new Client(hosts)) {
            ann.zk.addAuthInfo("digest", bytes("ann:pw"));
            ann.zk.create("/anns", bytes("secret"), CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            Id id = new Id("digest", DigestAuthenticationProvider.generateDigest("ann:pw"));
            Harness.equal(ann.zk.getACL("/anns", new Stat()), Arrays.asList(new ACL(31, id)));
            bob.zk.addAuthInfo("digest", bytes("bob:pw"));
            Harness.refused(() -> bob.zk.getData("/anns", false, null), Code.NOAUTH);
            Harness.refused(() -> bob.zk.getACL("/anns", new Stat()), Code.NOAUTH);
            ann.zk.setACL("/anns", Arrays.asList(new ACL(31, id), READ_ACL_UNSAFE.get(0)), -1);
            Harness.equal(bob.zk.getACL("/anns", new Stat()).get(0).getId().getId(), "ann:x");
            ann.zk.delete("/anns", -1);
        }
    }

    private void superUser() throws Exception {
        try (Client root = new Client(hosts)) {
            Harness.refused(() -> zk.delete("/perms/1/kid", -1), Code.NOAUTH);
            root.zk.addAuthInfo("digest", bytes("super:secret"));
            ZKUtil.deleteRecursive(root.zk, "/perms");
            Harness.equal(zk.exists("/perms", false), null);
        }
    }

    private void ip() throws Exception {
        zk.create("/ip", null, Arrays.asList(new ACL(31, new Id("ip", "127.0.0.1/8"))), CreateMode.PERSISTENT);
        zk.setData("/ip", bytes("x"), -1);
        zk.create("/ip2", null, Arrays.asList(new ACL(31, new Id("ip", "10.9.8.7"))), CreateMode.PERSISTENT);
        Harness.refused(() -> zk.setData("/ip2", bytes("x"), -1), Code.NOAUTH);
        Harness.refused(() -> zk.create("/ip3", null, Arrays.asList(new ACL(31, new Id("ip", "x.y"))), CreateMode.PERSISTENT), Code.INVALIDACL);
        zk.delete("/ip", -1);
        zk.delete("/ip2", -1);
    }

    private void whoAmI() throws Exception {
        try (Client client = new Client(hosts)) {
            client.zk.addAuthInfo("digest", bytes("carl:pw"));
            Set<String> found = new HashSet<>();
            for (ClientInfo info : client.zk.whoAmI()) {
                found.add(info.getAuthScheme() + ":" + info.getUser());
            }
            Harness.equal(found, Set.of("ip:127.0.0.1", "digest:carl"));
        }
    }

    private void unknown() throws Exception {
        try (Client client = new Client(hosts)) {
            client.zk.addAuthInfo("nonsense", bytes("x"));
            client.until(Watcher.Event.KeeperState.AuthFailed);
            Harness.refused(() -> client.zk.exists("/", false), Code.AUTHFAILED);
        }
    }
}
