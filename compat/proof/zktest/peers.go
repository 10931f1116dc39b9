package zktest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// ZooKeeperVersion is the version that Paddock is compared with.
const ZooKeeperVersion = "3.9.5"

// Peers is the folder that .ci/peers.sh installs to: $PADDOCK_PEERS, or paddock in the user's cache folder.
func Peers() (string, error) {
	if dir := os.Getenv("PADDOCK_PEERS"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("zktest: no cache folder (set PADDOCK_PEERS): %w", err)
	}
	return filepath.Join(cache, "paddock"), nil
}

// FindZooKeeper is the folder with the jars of the real ZooKeeper.
func FindZooKeeper() (string, error) {
	dir := os.Getenv("PADDOCK_ZOOKEEPER_DIR")
	if dir == "" {
		return peerFolder("zookeeper-" + ZooKeeperVersion)
	}
	if jars, _ := filepath.Glob(filepath.Join(dir, "zookeeper-3*.jar")); len(jars) == 0 {
		return "", fmt.Errorf("no zookeeper-3*.jar in PADDOCK_ZOOKEEPER_DIR=%s", dir)
	}
	return dir, nil
}

// FindCurator is the folder with the jars of Curator and of the ZooKeeper client it uses.
func FindCurator() (string, error) { return peerFolder("curator") }

// FindKazoo is the folder to put into PYTHONPATH for kazoo.
func FindKazoo() (string, error) { return peerFolder("kazoo") }

func peerFolder(name string) (string, error) {
	cache, err := Peers()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("%w: run .ci/peers.sh", err)
	}
	return dir, nil
}

// Require skips the test, loudly, if something it needs is not on this machine, and fails it in CI. Known names:
// zookeeper (a JVM and the jars), paddock, java, javac, kazoo, curator, libzookeeper (headers and gcc), postgres, redis, nft,
// ip (namespaces; needs root), root, or any other program's name, looked up in PATH.
func Require(t testing.TB, what ...string) {
	t.Helper()
	for _, name := range what {
		if err := find(name); err != nil {
			Missing(t, name, err)
		}
	}
}

// Missing skips the test with the loud line, or fails it in CI. [Require] does this for the peers it knows.
func Missing(t testing.TB, what string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("PEER MISSING: %s: %v (CI must have run .ci/peers.sh)", what, err)
	}
	fmt.Printf("SKIPPED PEER MISSING: %s needs %s: %v\n", t.Name(), what, err)
	leftOut("tests that need "+what, ".ci/peers.sh installs it")
	t.Skipf("SKIPPED PEER MISSING: %s: %v", what, err)
}

// LeftOut skips a test that is run only when it is asked for. What is a plural that tells what is left out, as "the longer faults";
// how says how it is run, as "go test ./compat/proof/ensemble -faults=all".
func LeftOut(t testing.TB, what, how string) {
	t.Helper()
	leftOut(what, how)
	t.Skipf("%s: %s", what, how)
}

func find(what string) error {
	switch what {
	case "zookeeper":
		if _, err := FindZooKeeper(); err != nil {
			return err
		}
		return inPath("java")
	case "curator":
		if _, err := FindCurator(); err != nil {
			return err
		}
		return inPath("java", "javac")
	case "kazoo":
		if _, err := FindKazoo(); err != nil {
			return err
		}
		return inPath("python3")
	case "paddock":
		return nil // it is this repository: a build that fails is a failure, not a missing peer
	case "libzookeeper":
		if _, err := os.Stat("/usr/include/zookeeper/zookeeper.h"); err != nil {
			return err
		}
		return inPath("gcc")
	case "redis":
		return inPath("redis-server")
	case "postgres":
		if _, err := FindPostgres(); err != nil {
			return err
		}
		return nil
	case "ip":
		if err := inPath("ip"); err != nil {
			return err
		}
		return find("root")
	case "root":
		if os.Geteuid() != 0 {
			return fmt.Errorf("not root")
		}
		return nil
	default:
		return inPath(what)
	}
}

func inPath(programs ...string) error {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	return nil
}

// FindPostgres is the newest folder with PostgreSQL's initdb and postgres, which Debian keeps out of PATH.
func FindPostgres() (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(folders)
	for _, dir := range slices.Backward(folders) {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("no /usr/lib/postgresql/*/bin/initdb and none in PATH")
	}
	return filepath.Dir(initdb), nil
}

// ports are the addresses of one server.
type ports struct{ client, admin, quorum, election string }

func newPorts(host string) ports {
	if host == "" {
		host = "127.0.0.1"
	}
	return ports{FreeAddr(host), FreeAddr(host), FreeAddr(host), FreeAddr(host)}
}

func host(addr string) string { h, _, _ := net.SplitHostPort(addr); return h }
func port(addr string) string { _, p, _ := net.SplitHostPort(addr); return p }
