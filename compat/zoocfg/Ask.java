// Asks the classes of the real ZooKeeper what they make of a word for each key of yes or no. It is started by TestWordsAsZooKeeper:
//   java -cp ZOOKEEPER_JARS Ask.java FOLDER WORD...
// and prints "key TAB word TAB true|false|refused". Most keys are read once, when a class is loaded, so each word has a class loader.
import java.io.File;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class Ask {
    interface Probe { boolean ask() throws Exception; }

    static final String[] PARSED = {
        "localSessionsEnabled", "localSessionsUpgradingEnabled", "quorumListenOnAllIPs", "syncEnabled", "standaloneEnabled", "reconfigEnabled",
        "sslQuorum", "portUnification", "sslQuorumReloadCertFiles", "quorum.auth.enableSasl", "jvm.pause.monitor", "multiAddress.enabled",
        "multiAddress.reachabilityCheckEnabled"};
    static final String[] GETTERS = {
        "areLocalSessionsEnabled", "isLocalSessionsUpgradingEnabled", "getQuorumListenOnAllIPs", "getSyncEnabled", "isStandaloneEnabled", "isReconfigEnabled",
        "isSslQuorum", "shouldUsePortUnification", null, null, "isJvmPauseMonitorToRun", "isMultiAddressEnabled",
        "isMultiAddressReachabilityCheckEnabled"};

    static ClassLoader loader;
    static final String P = "org.apache.zookeeper.";

    static Class<?> c(String name) throws Exception { return Class.forName(P + name, true, loader); }

    static Object field(Class<?> type, Object of, String name) throws Exception {
        Field f = type.getDeclaredField(name);
        f.setAccessible(true);
        return f.get(of);
    }

    static Object call(Class<?> type, Object of, String name) throws Exception {
        Method m = type.getDeclaredMethod(name);
        m.setAccessible(true);
        return m.invoke(of);
    }

    static Map<String, Probe> probes(File dir) {
        Map<String, Probe> out = new LinkedHashMap<>();
        for (String[] f : new String[][] {
            {"skipACL", "server.ZooKeeperServer", "skipACL"}, {"enforceQuota", "server.ZooKeeperServer", "enforceQuota"},
            {"enableEagerACLCheck", "server.ZooKeeperServer", "enableEagerACLCheck"}, {"request_throttle_drop_stale", "server.RequestThrottler", "dropStaleRequests"},
            {"request_stale_connection_check", "server.Request", "staleConnectionCheck"}, {"request_stale_latency_check", "server.Request", "staleLatencyCheck"},
            {"connection_throttle_weight_enabled", "server.BlueThrottle", "connectionWeightEnabled"}}) {
            out.put(f[0], () -> (Boolean) field(c(f[1]), null, f[2]));
        }
        for (String[] m : new String[][] {
            {"digest.enabled", "server.ZooKeeperServer", "isDigestEnabled"}, {"closeSessionTxn.enabled", "server.ZooKeeperServer", "isCloseSessionTxnEnabled"},
            {"serializeLastProcessedZxid.enabled", "server.ZooKeeperServer", "isSerializeLastProcessedZxidEnabled"},
            {"extendedTypesEnabled", "server.EphemeralType", "extendedEphemeralTypesEnabled"},
            {"DigestAuthenticationProvider.enabled", "server.auth.DigestAuthenticationProvider", "isEnabled"}, {"audit.enable", "audit.ZKAuditProvider", "isAuditEnabled"}}) {
            out.put(m[0], () -> (Boolean) call(c(m[1]), null, m[2]));
        }
        out.put("admin.enableServer", () -> !call(c("server.admin.AdminServerFactory"), null, "createAdminServer").getClass().getSimpleName().startsWith("Dummy"));
        out.put("forceSync", () -> {
            Object log = c("server.persistence.FileTxnLog").getConstructor(File.class).newInstance(dir);
            return (Boolean) call(log.getClass(), log, "isForceSync");
        });
        for (String[] f : new String[][] {{"snapshot.trust.empty", "trustEmptySnapshot"}, {"db.autocreate", "autoCreateDB"}}) {
            out.put(f[0], () -> {
                new File(dir, "version-2").mkdirs();
                Object log = c("server.persistence.FileTxnSnapLog").getConstructor(File.class, File.class).newInstance(dir, dir);
                return (Boolean) field(log.getClass(), log, f[1]);
            });
        }
        out.put("datadir.autocreate", () -> {
            File missing = Files.createTempDirectory(dir.toPath(), "missing").resolve("data").toFile();
            try {
                c("server.persistence.FileTxnSnapLog").getConstructor(File.class, File.class).newInstance(missing, missing);
            } catch (java.lang.reflect.InvocationTargetException e) {
                return false;
            }
            return true;
        });
        for (String name : new String[] {"ssl.crl", "ssl.ocsp", "ssl.hostnameVerification", "ssl.clientHostnameVerification", "ssl.allowReverseDnsLookup",
            "ssl.quorum.crl", "ssl.quorum.ocsp", "ssl.quorum.hostnameVerification", "ssl.quorum.clientHostnameVerification", "ssl.quorum.allowReverseDnsLookup"}) {
            out.put(name, () -> {
                Object config = c("common.ZKConfig").getConstructor().newInstance();
                return (Boolean) config.getClass().getMethod("getBoolean", String.class).invoke(config, "zookeeper." + name);
            });
        }
        return out;
    }

    static Object parse(File dir, List<String> lines) throws Exception {
        Path file = dir.toPath().resolve("zoo.cfg");
        Files.write(file, lines);
        Object config = c("server.quorum.QuorumPeerConfig").getConstructor().newInstance();
        config.getClass().getMethod("parse", String.class).invoke(config, file.toString());
        return config;
    }

    public static void main(String[] args) throws Exception {
        File dir = new File(args[0]);
        List<URL> jars = new ArrayList<>();
        for (String jar : System.getProperty("java.class.path").split(File.pathSeparator)) {
            jars.add(new File(jar).toURI().toURL());
        }
        for (int i = 1; i < args.length; i++) {
            String word = args[i];
            loader = new URLClassLoader(jars.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
            List<String> base = List.of("dataDir=" + dir, "clientPort=1", "server.1=a:1:2", "server.2=b:1:2", "initLimit=5", "syncLimit=5");
            Files.writeString(dir.toPath().resolve("myid"), "1\n");
            List<String> all = new ArrayList<>(List.of("dataDir=" + dir, "clientPort=1", "zookeeper.bitHashCacheSize=77"));
            Map<String, Probe> probes = probes(dir);
            for (String key : probes.keySet()) {
                all.add(key + "=" + word);
            }
            parse(dir, all);
            if (System.getProperty("zookeeper.bitHashCacheSize") != null) {
                System.out.println("prefix\t" + word + "\ttrue"); // a prefixed key of the file would be the property itself
            }
            for (Map.Entry<String, Probe> e : probes.entrySet()) {
                System.out.println(e.getKey() + "\t" + word + "\t" + e.getValue().ask());
            }
            for (int k = 0; k < PARSED.length; k++) {
                List<String> lines = new ArrayList<>(base);
                lines.add(PARSED[k] + "=" + word);
                String answer;
                try {
                    Object config = parse(dir, lines);
                    answer = GETTERS[k] == null ? "taken" : String.valueOf(config.getClass().getMethod(GETTERS[k]).invoke(config));
                } catch (java.lang.reflect.InvocationTargetException e) {
                    answer = "refused";
                }
                System.out.println(PARSED[k] + "\t" + word + "\t" + answer);
            }
        }
    }
}
