"""kazoo's recipes, each with the contenders it is made for."""

import threading

from harness import Calls, TIMEOUT, check, equal, eventually, raises, thread
from kazoo.exceptions import LockTimeout
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.lease import MultiNonBlockingLease, NonBlockingLease
from kazoo.recipe.watchers import PatientChildrenWatch
from kazoo.retry import KazooRetry


@check
def lock(world):
    held = world.zk.Lock("/r/lock", "first")
    waiting = world.client().Lock("/r/lock", "second")
    assert held.acquire(timeout=TIMEOUT)
    equal(waiting.acquire(blocking=False), False)
    raises(LockTimeout, waiting.acquire, timeout=0.3)
    join = thread(lambda: waiting.acquire(timeout=TIMEOUT))
    eventually("two contenders", lambda: held.contenders() == ["first", "second"])
    held.release()
    equal(join(), True)
    waiting.release()


@check
def lock_excludes(world):
    """Eight clients raise a plain counter in the lock: none is lost."""
    counter = {"value": 0, "inside": 0}

    def work():
        zk = world.client()
        mine = zk.Lock("/r/counter-lock")
        for _ in range(5):
            with mine:
                counter["inside"] += 1
                equal(counter["inside"], 1)
                counter["value"] += 1
                counter["inside"] -= 1

    for join in [thread(work) for _ in range(8)]:
        join()
    equal(counter["value"], 40)


@check
def lock_cancel(world):
    held = world.zk.Lock("/r/cancel")
    held.acquire()
    waiting = world.client().Lock("/r/cancel")
    join = thread(lambda: raises(Exception, waiting.acquire))
    eventually("a waiter", lambda: len(held.contenders()) == 2)
    waiting.cancel()
    join()
    held.release()


@check
def read_write_lock(world):
    readers = [world.client().ReadLock("/r/rw", f"r{i}") for i in range(2)]
    writer = world.client().WriteLock("/r/rw", "w")
    for reader in readers:
        assert reader.acquire(timeout=TIMEOUT)
    equal(writer.acquire(blocking=False), False)
    join = thread(lambda: writer.acquire(timeout=TIMEOUT))
    for reader in readers:
        reader.release()
    equal(join(), True)
    equal(readers[0].acquire(blocking=False), False)
    writer.release()


@check
def semaphore(world):
    holders = [world.client().Semaphore("/r/sem", f"h{i}", max_leases=2) for i in range(3)]
    assert holders[0].acquire() and holders[1].acquire()
    equal(holders[2].acquire(blocking=False), False)
    equal(sorted(holders[0].lease_holders()), ["h0", "h1"])
    join = thread(lambda: holders[2].acquire(timeout=TIMEOUT))
    holders[0].release()
    equal(join(), True)
    holders[1].release()
    holders[2].release()


@check
def election(world):
    led = Calls()
    first, second = world.client().Election("/r/elect", "a"), world.client().Election("/r/elect", "b")
    go = threading.Event()
    one = thread(first.run, lambda: (led("a"), go.wait(TIMEOUT)))
    led.wait(1)
    two = thread(second.run, led, "b")
    eventually("two contenders", lambda: first.contenders() == ["a", "b"])
    go.set()
    one()
    two()
    equal(led, ["a", "b"])


@check
def barrier(world):
    wall = world.zk.Barrier("/r/wall")
    wall.create()
    equal(wall.wait(0.2), False)
    join = thread(world.client().Barrier("/r/wall").wait, TIMEOUT)
    wall.remove()
    equal(join(), True)


@check
def double_barrier(world):
    passed = Calls()

    def work(i):
        gate = world.client().DoubleBarrier("/r/gate", 3)
        gate.enter()
        passed(i)
        gate.leave()

    joins = [thread(work, i) for i in range(2)]
    equal(len(passed), 0)
    joins.append(thread(work, 2))
    for join in joins:
        join()
    equal(sorted(passed), [0, 1, 2])


@check
def counter(world):
    def work():
        mine = world.client().Counter("/r/counter")
        for _ in range(5):
            mine += 1

    for join in [thread(work) for _ in range(4)]:
        join()
    total = world.zk.Counter("/r/counter")
    equal(total.value, 20)
    total -= 2
    equal((total.value, total.pre_value, total.post_value), (18, 20, 18))
    fractions = world.zk.Counter("/r/floats", default=1.5)
    fractions += 0.25
    equal(fractions.value, 1.75)


@check
def queue(world):
    line = world.zk.Queue("/r/queue")
    for item, priority in ((b"low", 200), (b"a", 100), (b"b", 100), (b"high", 1)):
        line.put(item, priority)
    equal(len(line), 4)
    equal([line.get() for _ in range(5)], [b"high", b"a", b"b", b"low", None])


@check
def locking_queue(world):
    mine, yours = world.zk.LockingQueue("/r/lq"), world.client().LockingQueue("/r/lq")
    mine.put_all([b"1", b"2"])
    mine.put(b"urgent", priority=1)
    equal(mine.get(timeout=TIMEOUT), b"urgent")
    equal((mine.holds_lock(), yours.holds_lock()), (True, False))
    equal(yours.get(timeout=TIMEOUT), b"1")
    equal(mine.consume(), True)
    yours.release()
    equal(mine.get(timeout=TIMEOUT), b"1")
    equal(mine.consume(), True)
    join = thread(lambda: [mine.get(timeout=TIMEOUT), mine.consume(), mine.get(timeout=TIMEOUT), mine.consume()])
    yours.put(b"3")
    equal(join(), [b"2", True, b"3", True])


@check
def party(world):
    first, second = world.zk.Party("/r/party", "ann"), world.client().Party("/r/party", "bob")
    first.join()
    second.join()
    equal((sorted(first), len(second)), (["ann", "bob"], 2))
    second.leave()
    equal(list(first), ["ann"])
    first.leave()
    shallow = world.zk.ShallowParty("/r/party2", "carl")
    shallow.join()
    equal(list(shallow), ["carl"])
    shallow.leave()


@check
def set_partitioner(world):
    clients = [world.client() for _ in range(2)]
    shares = {}

    def work(i):
        mine = clients[i].SetPartitioner("/r/parts", set=tuple("abcdef"), time_boundary=0.5, identifier=f"p{i}")
        while not mine.failed:
            if mine.acquired:
                shares[i] = list(mine)
                if sum(map(len, shares.values())) >= 6 and len(shares) == 2:
                    break
            if mine.release:
                mine.release_set()
            elif mine.allocating:
                mine.wait_for_acquire()
            else:
                threading.Event().wait(0.02)
        return mine

    done = [join() for join in [thread(work, i) for i in range(2)]]
    equal(sorted(shares[0] + shares[1]), list("abcdef"))
    equal((len(shares[0]), len(shares[1])), (3, 3))
    for one in done:
        one.finish()


@check
def tree_cache(world):
    zk = world.zk
    zk.ensure_path("/r/tree/a/b")
    events, faults = Calls(), Calls()
    cache = TreeCache(world.client(), "/r/tree")
    cache.listen(lambda event: events(event.event_type))
    cache.listen_fault(faults)
    cache.start()
    eventually("initialised", lambda: TreeEvent.INITIALIZED in events)
    zk.create("/r/tree/a/b/c", b"new")
    eventually("c in the cache", lambda: (d := cache.get_data("/r/tree/a/b/c")) and d.data == b"new")
    zk.set("/r/tree/a/b/c", b"newer")
    eventually("c changed", lambda: cache.get_data("/r/tree/a/b/c").data == b"newer")
    equal(cache.get_children("/r/tree/a"), frozenset(["b"]))
    zk.delete("/r/tree/a", recursive=True)
    eventually("a gone", lambda: cache.get_data("/r/tree/a") is None)
    equal(list(faults), [])
    cache.close()


@check
def data_watch(world):
    zk, seen = world.zk, Calls()
    world.client().DataWatch("/r/dw", lambda data, stat: seen(data))
    equal(seen.wait(1), [None])
    zk.create("/r/dw", b"1")
    seen.wait(2)
    for i in (2, 3):
        zk.set("/r/dw", b"%d" % i)
        seen.wait(i + 1)
    zk.delete("/r/dw")
    equal(seen.wait(5), [None, b"1", b"2", b"3", None])


@check
def children_watch(world):
    zk, seen = world.zk, Calls()
    zk.ensure_path("/r/cw")
    world.client().ChildrenWatch("/r/cw", lambda kids: seen(sorted(kids)))
    seen.wait(1)
    zk.create("/r/cw/a")
    seen.wait(2)
    zk.create("/r/cw/b")
    seen.wait(3)
    zk.delete("/r/cw/a")
    equal(seen.wait(4), [[], ["a"], ["a", "b"], ["b"]])


@check
def patient_children_watch(world):
    world.zk.ensure_path("/r/pcw/x")
    kids, _ = PatientChildrenWatch(world.zk, "/r/pcw", time_boundary=0.2).start().get(timeout=TIMEOUT)
    equal(kids, ["x"])


@check
def leases(world):
    from datetime import timedelta

    first = NonBlockingLease(world.zk, "/r/lease", timedelta(minutes=1), identifier="a")
    second = NonBlockingLease(world.client(), "/r/lease", timedelta(minutes=1), identifier="b")
    equal((bool(first), bool(second)), (True, False))
    many = [MultiNonBlockingLease(world.zk, 2, "/r/leases", timedelta(minutes=1), identifier=f"m{i}") for i in range(3)]
    equal([bool(m) for m in many], [True, True, False])


@check
def kazoo_retry(world):
    tried = Calls()

    def flaky():
        tried(1)
        if len(tried) < 3:
            from kazoo.exceptions import ConnectionLoss

            raise ConnectionLoss()
        return "done"

    equal(KazooRetry(max_tries=5, delay=0.01)(flaky), "done")
