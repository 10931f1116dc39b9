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
        options.setdefault("timeout", 8.0)
        zk = KazooClient(hosts=options.pop("hosts", self.hosts), **options)
        zk.start(timeout=harness.TIMEOUT)
        self.clients.append(zk)
        return zk

    def close(self):
        for zk in self.clients:
            zk.stop()
            zk.close()


def main():
    faulthandler.dump_traceback_later(100, exit=True)  # better than to hang
    logging.basicConfig(stream=sys.stdout, level=logging.ERROR)
    import api  # noqa: F401 - registers its checks, in this order
    import recipes  # noqa: F401
    import survive  # noqa: F401

    world = World(sys.argv[1])
    harness.run(world)
    world.close()
    print("DONE", flush=True)


main()
