"""The client API of kazoo."""

import time

import harness
from harness import Calls, abandon, check, equal, eventually, raises
from kazoo import exceptions as err
from kazoo.protocol.states import EventType, KazooState
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, make_acl, make_digest_acl


@check
def start_gives_a_session(world):
    session, password = world.zk.client_id
    assert session != 0 and len(password) == 16
    equal(world.zk.state, KazooState.CONNECTED)
    equal(world.zk.connected, True)


@check
def commands(world):
    equal(world.zk.command(b"ruok"), "imok")
    assert "Mode: standalone" in world.zk.command(b"srvr")
    assert len(world.zk.server_version()) >= 3


@check
def create_get_set_delete(world):
    zk = world.zk
    equal(zk.create("/a", b"one"), "/a")
    data, stat = zk.get("/a")
    equal((data, stat.version, stat.data_length, stat.children_count), (b"one", 0, 3, 0))
    assert stat.czxid == stat.mzxid == stat.pzxid and stat.ephemeralOwner == 0
    assert abs(stat.created - time.time()) < 60
    again = zk.set("/a", b"two", version=0)
    equal((again.version, again.czxid), (1, stat.czxid))
    assert again.mzxid > stat.mzxid
    raises(err.BadVersionError, zk.set, "/a", b"x", version=0)
    raises(err.NodeExistsError, zk.create, "/a")
    raises(err.NoNodeError, zk.get, "/nope")
    raises(err.NoNodeError, zk.set, "/nope", b"")
    raises(err.BadVersionError, zk.delete, "/a", version=7)
    zk.delete("/a", version=1)
    equal(zk.exists("/a"), None)
    raises(err.NoNodeError, zk.delete, "/a")


@check
def empty_and_large_data(world):
    zk = world.zk
    zk.create("/data", b"")
    equal(zk.get("/data")[0], b"")
    large = bytes(range(256)) * 3900
    zk.set("/data", large)
    equal(zk.get("/data")[0] == large, True)
    zk.delete("/data")


@check
def too_large_data_costs_the_connection_only(world):
    zk = world.client()
    before = zk.client_id
    raises((err.ConnectionLoss, err.ConnectionDropped, OSError), zk.create, "/too-large", b"x" * (1 << 20))
    eventually("connected again", lambda: zk.connected and zk.exists("/too-large") is None)
    equal(zk.client_id[0], before[0])


@check
def create_modes(world):
    zk = world.zk
    zk.create("/modes")
    equal(zk.create("/modes/s-", sequence=True), "/modes/s-0000000000")
    equal(zk.create("/modes/s-", sequence=True), "/modes/s-0000000001")
    zk.create("/modes/plain")
    equal(zk.create("/modes/es-", ephemeral=True, sequence=True), "/modes/es-0000000003")
    zk.create("/modes/e", ephemeral=True)
    equal(zk.exists("/modes/e").ephemeralOwner, zk.client_id[0])
    raises(err.NoChildrenForEphemeralsError, zk.create, "/modes/e/child")
    path, stat = zk.create("/modes/stat", b"123", include_data=True)
    equal((path, stat.data_length), ("/modes/stat", 3))
    equal(zk.create("/modes/deep/er/still", b"", makepath=True), "/modes/deep/er/still")
    raises(err.NoNodeError, zk.create, "/modes/no/parent")
    raises(err.NotEmptyError, zk.delete, "/modes/deep")
    zk.delete("/modes", recursive=True)
    equal(zk.exists("/modes"), None)


@check
def unicode_paths(world):
    zk = world.zk
    name = "/größe-数-é"
    equal(zk.create(name, b"u"), name)
    assert name[1:] in zk.get_children("/")
    zk.delete(name)


@check
def bad_paths(world):
    for path in ("/a//b", "/a/./b", "/a/../b"):
        raises((err.BadArgumentsError, err.NoNodeError, ValueError), world.zk.create, path)


@check
def children(world):
    zk = world.zk
    zk.ensure_path("/kids/x")
    zk.ensure_path("/kids/y")
    equal(sorted(zk.get_children("/kids")), ["x", "y"])
    names, stat = zk.get_children("/kids", include_data=True)
    equal((sorted(names), stat.children_count, stat.cversion), (["x", "y"], 2, 2))
    raises(err.NoNodeError, zk.get_children, "/nokids")
    assert "zookeeper" in zk.get_children("/")
    zk.delete("/kids", recursive=True)


@check
def many_children(world):
    zk = world.zk
    zk.create("/many")
    pending = [zk.create_async(f"/many/n{i:05}", b"x" * 20) for i in range(2000)]
    for one in pending:
        one.get(timeout=harness.TIMEOUT)
    equal(len(zk.get_children("/many")), 2000)
    for one in [zk.delete_async(f"/many/n{i:05}") for i in range(2000)]:
        one.get(timeout=harness.TIMEOUT)
    equal(zk.exists("/many").cversion, 4000)
    zk.delete("/many")


@check
def async_api(world):
    zk = world.zk
    calls = Calls()
    zk.create_async("/async", b"1").rawlink(calls)
    zk.get_async("/async").rawlink(calls)
    zk.exists_async("/async").rawlink(calls)
    zk.set_async("/async", b"2").rawlink(calls)
    zk.get_children_async("/").rawlink(calls)
    zk.get_acls_async("/async").rawlink(calls)
    zk.sync_async("/async").rawlink(calls)
    zk.ensure_path_async("/async/deep").rawlink(calls)
    calls.wait(8)
    for call in calls:
        call.get(timeout=harness.TIMEOUT)
    equal(zk.get("/async")[0], b"2")
    bad = zk.get_async("/async/nope")
    raises(err.NoNodeError, bad.get, timeout=10)
    zk.delete("/async", recursive=True)


@check
def sync(world):
    equal(world.zk.sync("/"), "/")


@check
def watches(world):
    zk, other = world.zk, world.client()
    seen = Calls()
    zk.exists("/w", watch=seen)
    other.create("/w", b"1")
    equal((seen.wait(1)[0].type, seen[0].path), (EventType.CREATED, "/w"))
    zk.get("/w", watch=seen)
    zk.get("/w", watch=seen)  # the same watcher twice fires once
    other.set("/w", b"2")
    equal(seen.wait(2)[1].type, EventType.CHANGED)
    zk.get_children("/w", watch=seen)
    other.create("/w/c")
    equal(seen.wait(3)[2].type, EventType.CHILD)
    other.delete("/w/c")
    zk.exists("/w", watch=seen)
    other.delete("/w")
    equal(seen.wait(4)[3].type, EventType.DELETED)
    equal(len(seen), 4)


@check
def acls(world):
    zk = world.zk
    zk.create("/acl", b"", acl=[make_acl("world", "anyone", all=True)])
    found, stat = zk.get_acls("/acl")
    equal((found, stat.aversion), (OPEN_ACL_UNSAFE, 0))
    raises(err.BadVersionError, zk.set_acls, "/acl", OPEN_ACL_UNSAFE, version=7)
    zk.set_acls("/acl", READ_ACL_UNSAFE + [make_digest_acl("bob", "pw", all=True)], version=0)
    raises(err.NoAuthError, zk.set_acls, "/acl", OPEN_ACL_UNSAFE, version=1)
    raises(err.NoAuthError, zk.set, "/acl", b"x")
    raises(err.InvalidACLError, zk.create, "/acl2", b"", acl=[make_acl("nonsense", "x", all=True)])
    raises(err.InvalidACLError, zk.create, "/acl2", b"", acl=CREATOR_ALL_ACL)
    raises(err.NoNodeError, zk.get_acls, "/nope")
    bob = world.client(auth_data=[("digest", "bob:pw")])
    bob.set("/acl", b"x")
    bob.create("/acl/mine", b"", acl=CREATOR_ALL_ACL)
    equal(bob.get_acls("/acl/mine")[0], [make_digest_acl("bob", "pw", all=True)])
    raises(err.NoAuthError, zk.get, "/acl/mine")
    raises(err.NoAuthError, zk.create, "/acl/yours")
    late = world.client()
    equal(late.add_auth("digest", "bob:pw"), True)
    late.get("/acl/mine")
    root = world.client(auth_data=[("digest", "super:secret")])
    root.delete("/acl", recursive=True)


@check
def default_acl(world):
    zk = world.client(auth_data=[("digest", "ann:pw")], default_acl=[make_digest_acl("ann", "pw", all=True)])
    zk.create("/mine")
    raises(err.NoAuthError, world.zk.get_children, "/mine")
    zk.delete("/mine")


@check
def unknown_auth_scheme_is_refused(world):
    zk = world.client()
    raises((err.AuthFailedError, err.ConnectionLoss, err.ConnectionClosedError, err.SessionExpiredError), zk.add_auth, "nonsense", "x")
    equal(zk.connected, False)


@check
def transactions(world):
    zk = world.zk
    work = zk.transaction()
    work.create("/t", b"0")
    work.check("/t", 0)
    work.set_data("/t", b"1")
    work.create("/t/s-", sequence=True)
    work.create("/t/e", ephemeral=True)
    work.delete("/t/e")
    results = work.commit()
    equal(results[0], "/t")
    equal(results[1], True)
    equal(results[2].version, 1)
    equal(results[3:], ["/t/s-0000000000", "/t/e", True])
    failing = zk.transaction()
    failing.set_data("/t", b"2")
    failing.check("/t", 77)
    failing.delete("/t")
    equal([type(r) for r in failing.commit()], [err.RolledBackError, err.BadVersionError, err.RuntimeInconsistency])
    equal(zk.get("/t")[0], b"1")
    with zk.transaction() as work:
        work.delete("/t/s-0000000000")
        work.delete("/t")
    equal(zk.exists("/t"), None)
    equal(zk.transaction().commit(), [])


@check
def chroot(world):
    zk = world.zk
    zk.ensure_path("/jail")
    jailed = world.client(hosts=world.hosts + "/jail")
    equal(jailed.create("/in"), "/in")
    equal(jailed.get_children("/"), ["in"])
    equal(jailed.create("/s-", sequence=True), "/s-0000000001")
    seen = Calls()
    jailed.get("/in", watch=seen)
    zk.set("/jail/in", b"x")
    equal(seen.wait(1)[0].path, "/in")
    equal(jailed.unchroot("/jail/in"), "/in")
    zk.delete("/jail", recursive=True)


@check
def sessions_end_with_close(world):
    other = world.client()
    other.create("/gone", ephemeral=True)
    seen = Calls()
    assert world.zk.exists("/gone", watch=seen)
    other.stop()
    equal(seen.wait(1)[0].type, EventType.DELETED)
    equal(world.zk.exists("/gone"), None)


@check
def session_is_taken_up_by_id_and_password(world):
    first = world.client()
    first.create("/moved", ephemeral=True)
    session = first.client_id
    abandon(first)
    second = world.client(client_id=session)
    equal(second.client_id, session)
    equal(second.exists("/moved").ephemeralOwner, session[0])
    second.delete("/moved")


@check
def a_wrong_password_is_refused(world):
    first = world.client()
    session = first.client_id[0]
    thief = world.client(client_id=(session, b"0123456789abcdef"))
    eventually("a session of its own", lambda: (mine := thief.client_id) and mine[0] not in (0, session))
    # the server may cut the owner's connection before it looks at the thief's password; the session stays the owner's
    eventually("the owner keeps it", lambda: first.connected and (mine := first.client_id) and mine[0] == session)


@check
def read_only_client_on_a_full_server(world):
    zk = world.client(read_only=True)
    equal(zk.create("/ro", ephemeral=True), "/ro")


@check
def reconfig_is_refused(world):
    raises((err.ReconfigDisabledError, err.UnimplementedError), world.zk.reconfig, joining="server.9=127.0.0.1:1:2;3", leaving=None, new_members=None)


@check
def several_hosts_one_dead(world):
    zk = world.client(hosts="127.0.0.1:1," + world.hosts)
    assert zk.exists("/")
    zk.set_hosts(world.hosts)


@check
def retry(world):
    equal(world.zk.retry(world.zk.exists, "/") is not None, True)


@check
def restarted_client_has_a_new_session(world):
    zk = world.client()
    before = zk.client_id
    zk.restart()
    assert zk.client_id[0] != before[0]
