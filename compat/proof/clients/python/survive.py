"""What must outlive the server's restart: sessions, ephemerals, locks, and watches."""

import harness
from harness import Calls, abandon, check, equal, eventually, thread
from kazoo.protocol.states import EventType, KazooState


def through(world, how):
    zk, other = world.zk, world.client()
    base = f"/survive-{how.lower()}"
    zk.create(base, b"0")
    session = zk.client_id
    states = Calls()
    zk.add_listener(states)
    zk.create(base + "/e", b"mine", ephemeral=True)
    for i in range(50):
        zk.create(base + "/s-", b"", sequence=True)
    lock = zk.Lock(base + "/lock", "survivor")
    lock.acquire()
    waiting = other.Lock(base + "/lock", "next")
    join = thread(lambda: waiting.acquire(timeout=harness.TIMEOUT * 3))
    eventually("a waiter", lambda: len(lock.contenders()) == 2)
    data, kids, watched = Calls(), Calls(), Calls()
    zk.DataWatch(base, lambda d, s: data(d))
    zk.ChildrenWatch(base, lambda names: kids(len(names)))
    zk.exists(base + "/later", watch=watched)
    data.wait(1)
    kids.wait(1)

    harness.restart(how)

    eventually("connected again", lambda: zk.connected and other.connected)
    zk.retry(zk.exists, "/")
    equal(zk.client_id, session)
    assert KazooState.LOST not in states, states
    equal(zk.exists(base + "/e").ephemeralOwner, session[0])
    equal(zk.create(base + "/s-", b"", sequence=True), base + "/s-0000000052")
    other.retry(other.set, base, b"1")
    eventually("the data watch sees the change", lambda: data[-1] == b"1")
    eventually("the children watch sees the change", lambda: kids[-1] == kids[0] + 1)
    # kazoo gives up bare watchers at a disconnect, tells them so, and leaves it to its owner to watch again
    equal(watched.wait(1)[0].type, EventType.NONE)
    zk.exists(base + "/later", watch=watched)
    other.create(base + "/later")
    equal(watched.wait(2)[1].type, EventType.CREATED)
    equal(lock.contenders(), ["survivor", "next"])
    lock.release()
    equal(join(), True)
    waiting.release()
    zk.remove_listener(states)


@check
def through_a_restart(world):
    through(world, "RESTART")


@check
def through_kill_9(world):
    through(world, "KILL")


@check
def ephemerals_of_a_dead_client_go_after_the_restart(world):
    dying = world.client(timeout=3.0)
    dying.create("/survive-dead", ephemeral=True)
    abandon(dying)
    harness.restart()
    eventually("connected again", lambda: world.zk.connected)
    eventually("expired", lambda: world.zk.retry(world.zk.exists, "/survive-dead") is None)
