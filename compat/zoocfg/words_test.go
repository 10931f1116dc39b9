package zoocfg

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// fromReading are keys of yes or no whose reading is taken from ZooKeeper's source: nothing shows it without a running server that does more
// than start.
var fromReading = map[string]string{
	"leaderServes":                              `Leader.lead: not equals("no")`,
	"clientTcpKeepAlive":                        "NIOServerCnxn: Boolean.getBoolean",
	"tcpKeepAlive":                              "QuorumCnxManager: Boolean.getBoolean",
	"readonlymode.enabled":                      "QuorumPeer: Boolean.getBoolean",
	"observer.syncEnabled":                      "QuorumPeer: Boolean.getBoolean",
	"allowSaslFailedClients":                    "ZooKeeperServer: Boolean.getBoolean",
	"enforce.auth.enabled":                      "AuthenticationHelper: Boolean.parseBoolean",
	"sessionRequireClientSASLAuth":              "AuthenticationHelper: Boolean.parseBoolean",
	"client.portUnification":                    "NettyServerCnxnFactory: Boolean.getBoolean",
	"client.certReload":                         "NettyServerCnxnFactory: Boolean.getBoolean",
	"admin.forceHttps":                          "JettyAdminServer: Boolean.getBoolean",
	"admin.needClientAuth":                      "JettyAdminServer: Boolean.getBoolean",
	"admin.portUnification":                     "JettyAdminServer: Boolean.getBoolean",
	"admin.snapshot.enabled":                    "Commands: Boolean.parseBoolean",
	"admin.restore.enabled":                     "Commands: Boolean.parseBoolean",
	"metricsProvider.exportJvmInfo":             "PrometheusMetricsProvider: Boolean.parseBoolean",
	"IPAuthenticationProvider.usexforwardedfor": "IPAuthenticationProvider: Boolean.getBoolean",
	"quorum.auth.learnerRequireSasl":            "QuorumPeerConfig.parseBoolean, with conditions on the others",
	"quorum.auth.serverRequireSasl":             "QuorumPeerConfig.parseBoolean, with conditions on the others",
	"requestThrottleDropStale":                  "a name of the manual, which no code reads",
	"requestStaleLatencyCheck":                  "a name of the manual, which no code reads",
	"requestStaleConnectionCheck":               "a name of the manual, which no code reads",
}

// TestWordsAsZooKeeper asks 3.9.5 itself what each word means for each key of yes or no, and demands the same answer, or a refusal where false
// would be less safe than what the writer of the word meant.
func TestWordsAsZooKeeper(t *testing.T) {
	zktest.Require(t, "zookeeper")
	jars, err := zktest.FindZooKeeper()
	if err != nil {
		t.Fatal(err)
	}
	list, err := filepath.Glob(filepath.Join(jars, "*.jar"))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"true", "TRUE", "yes", "YES", "no", "false", "FALSE", "1", "on", ""}
	ask := exec.Command("java", append([]string{"-Xmx128m", "-XX:+UseSerialGC", "-cp", strings.Join(list, ":"), "Ask.java", t.TempDir()}, words...)...)
	var stderr bytes.Buffer
	ask.Stderr = &stderr
	out, err := ask.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	asked := map[string]int{}
	keys := allKeys()
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 {
			continue // the log of a class
		}
		if f[0] == "prefix" {
			t.Error("a key with the prefix zookeeper. is read from a file, and we say that it is not")
			continue
		}
		k, ok := keys[f[0]]
		if !ok || k.words == noWording {
			t.Errorf("%s is no key of yes or no here", f[0])
			continue
		}
		asked[f[0]]++
		on, taken := k.words.read(f[1])
		mine := map[bool]string{true: "true", false: "false"}[on]
		switch {
		case !taken:
			mine = "refused"
		case f[2] == "taken":
			mine = "taken"
		}
		if mine != f[2] && (k.words != guarded || mine != "refused" || f[2] != "false") {
			t.Errorf("%s=%s: ZooKeeper %s, here %s", f[0], f[1], f[2], mine)
		}
	}
	for name, k := range keys {
		if _, read := fromReading[name]; k.words != noWording && asked[name] != len(words) && !read {
			t.Errorf("%s: ZooKeeper was asked for %d of %d words, and it is not among those that were taken from reading", name, asked[name], len(words))
		}
	}
}
