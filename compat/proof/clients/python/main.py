"""kazoo against a server: client API, recipes, and both through a restart."""

import faulthandler
import logging
import sys

import harness
from kazoo.client import KazooClient


class World:
    """The clients that checks share."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.clients = []
        self.zk = self.client()

    def client(self, **options):
        options.setdefault("timeout", 30.0)
        # kazoo waits twice as long after each try in vain, up to a minute: after a restart that takes a while it would come back when its session has ended
        options.setdefault("connection_retry", {"max_tries": -1, "delay": 0.1, "max_delay": 0.5})
        # A ZooKeeper that starts may take a connection and never answer it. kazoo waits for its session timeout divided by the number of servers: with one
        # server that is as long as its session lives.
        hosts = options.pop("hosts", ",".join([self.hosts] * 4))
        zk = KazooClient(hosts=hosts, **options)
        zk.start(timeout=harness.TIMEOUT)
        self.clients.append(zk)
        return zk

    def close(self):
        for zk in self.clients:
            zk.stop()
            zk.close()


def main():
    faulthandler.dump_traceback_later(14 * 60, exit=True)  # better than to hang
    logging.basicConfig(stream=sys.stdout, level=logging.ERROR)
    import api  # noqa: F401 - registers its checks, in this order
    import recipes  # noqa: F401
    import survive  # noqa: F401

    world = World(sys.argv[1])
    harness.run(world)
    world.close()
    print("DONE", flush=True)


main()
