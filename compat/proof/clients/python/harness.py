"""How the program talks to its test: one line for each check, and requests for a restart. See ../doc.go."""

import socket
import sys
import threading
import time
import traceback

TIMEOUT = 120.0
checks = []


def check(function):
    """Registers a check under its function's name; it passes if it returns."""
    checks.append((function.__name__.replace("_", "-"), function))
    return function


def run(world):
    for name, function in checks:
        try:
            function(world)
        except Exception as problem:  # noqa: BLE001 - every failure is a finding
            where = traceback.extract_tb(problem.__traceback__)
            mine = [f for f in where if "python/" in f.filename and not f.filename.endswith("harness.py")] or where
            said = " ".join(str(problem).split()) or "no words"
            print(f"FAIL {name} line {mine[-1].lineno} `{mine[-1].line}`: {type(problem).__name__}: {said}", flush=True)
        else:
            print(f"ok {name}", flush=True)


def restart(how="RESTART"):
    print(how, flush=True)
    if sys.stdin.readline().strip() != "ready":
        raise RuntimeError("the test harness is gone")


def equal(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def raises(kinds, function, *args, **kwargs):
    try:
        got = function(*args, **kwargs)
    except kinds:
        return
    raise AssertionError(f"no {kinds}, but {got!r}")


def eventually(what, yes):
    """Asks again and again: the other side is another process."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if yes():
            return
        time.sleep(0.01)
    raise AssertionError(f"not within {TIMEOUT} s: {what}")


def abandon(zk):
    """The client falls silent as if its process had died: its session is left open."""
    zk._stopped.set()
    zk._connection._socket.shutdown(socket.SHUT_RDWR)


class Calls(list):
    """Collects what a callback is given."""

    def __init__(self):
        super().__init__()
        self._more = threading.Condition()

    __hash__ = object.__hash__  # a watcher is kept in a set, as itself

    def __bool__(self):
        return True  # kazoo asks "is there a watcher?"

    def __call__(self, *args):
        with self._more:
            self.append(args[0] if len(args) == 1 else args)
            self._more.notify_all()

    def wait(self, count):
        with self._more:
            if not self._more.wait_for(lambda: len(self) >= count, TIMEOUT):
                raise AssertionError(f"{len(self)} calls instead of {count}: {list(self)}")
        return list(self)


def thread(function, *args):
    """Starts a daemon thread; the result is a function that waits and returns what it returned."""
    box = {}

    def body():
        try:
            box["value"] = function(*args)
        except BaseException as problem:  # noqa: BLE001
            box["error"] = problem

    worker = threading.Thread(target=body, daemon=True)
    worker.start()

    def join():
        worker.join(TIMEOUT)
        if worker.is_alive():
            raise AssertionError(f"{function} still runs after {TIMEOUT} s")
        if "error" in box:
            raise box["error"]
        return box["value"]

    return join
