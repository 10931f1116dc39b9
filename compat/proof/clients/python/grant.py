"""Takes kazoo's own lock, reads its signed token, and says both; gives the lock back when told."""

import sys

from kazoo.client import KazooClient


def main():
    zk = KazooClient(hosts=sys.argv[1], timeout=30.0)
    zk.start(timeout=120)
    with zk.Lock("/locks/report", "python") as _:
        pass  # taken and given back once, so that the second grant is not the first of its lock
    lock = zk.Lock("/locks/report", "python")
    with lock:
        node = "/locks/report/" + lock.node
        token, _ = zk.get("/zookeeper/token" + node)
        print("TOKEN", zk.exists(node).czxid, node, token.decode("ascii"), flush=True)
        sys.stdin.readline()
    zk.stop()
    zk.close()
    print("DONE", flush=True)


if __name__ == "__main__":
    main()
