"""Fencing tokens of docs/fencing-spec.md, for storage: read them, name scopes, judge. Standard library only.

    guard = Guard(cluster, incarnation, scope_of(cluster, "/locks/job"))
    new = guard.judge(mark, parse_token(text), "check")   # inside of the transaction of the write, under its lock
    if new is not None: ...store str(new) in the same transaction...

judge raises Refused; then the write must not take effect. mark is None, or what parse_mark gives for the stored text.
"""
import collections
import hashlib
import json
import re

DIGITS = "0123456789abcdefghijklmnopqrstuv"


class Refused(Exception):
    """reason is a word of the verdict table."""

    def __init__(self, reason, text):
        super().__init__("fencing: %s: %s" % (reason, text))
        self.reason = reason


def malformed(text):
    return Refused("malformed", text)


def format_id(raw):
    n = int.from_bytes(raw, "big") << 2  # 130 bits: 26 digits of 5
    return "".join(DIGITS[n >> shift & 31] for shift in range(125, -1, -5))


def parse_id(text):
    """26 digits of base 32, 32 of hexadecimal, or a UUID."""
    if len(text) == 26:
        n = 0
        for c in text:
            if c not in DIGITS:
                raise malformed("id %r is not base 32" % text)
            n = n << 5 | DIGITS.index(c)
        if n & 3:
            raise malformed("id %r has bits after its 128th" % text)
        return (n >> 2).to_bytes(16, "big")
    if re.fullmatch(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", text, re.A):
        text = text.replace("-", "")
    if re.fullmatch(r"[0-9a-fA-F]{32}", text, re.A):
        return bytes.fromhex(text)
    raise malformed("id %r" % text)


def scope_of(cluster, path, kind="zxid"):
    parts = path.split("/")
    if len(path) < 2 or parts[0] != "" or any(p in ("", ".", "..") or "\0" in p for p in parts[1:]):
        raise malformed("lock path %r" % path)
    tag = b"paddock/fencing/scope/v1/" + kind.encode() + b"\0"
    return hashlib.sha256(tag + cluster + path.encode()).digest()[:16]


Token = collections.namedtuple("Token", "cluster incarnation scope fence sub mode")


def valid(t):
    if not 0 < t.fence < 1 << 63 or not 0 <= t.sub < 1 << 32 or t.mode not in ("x", "s") or not all(map(any, t[:3])):
        raise malformed("a token with a fence, sub, mode or id that cannot be")
    return t


def parse_token(text):
    m = re.fullmatch(r"zk1\.([0-9a-v]{26})\.([0-9a-v]{26})\.([0-9a-v]{26})\.([0-9a-f]{16})([0-9a-f]{8})\.(.)", text, re.A)
    if not m:
        raise malformed("not the text of a token: %r" % text)
    return valid(Token(parse_id(m[1]), parse_id(m[2]), parse_id(m[3]), int(m[4], 16), int(m[5], 16), m[6]))


def once(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise malformed("a member appears twice")
    return members


def parse_json(text):
    try:
        members = json.loads(text, object_pairs_hook=once)
    except ValueError as e:
        raise malformed("not JSON: %s" % e)
    need, may = {"v", "cluster", "incarnation", "scope", "mode", "fence", "sub"}, {"path", "node", "session", "op"}
    if not isinstance(members, dict) or not need <= set(members) <= need | may:
        raise malformed("a member is missing, or is not known")
    if not all(isinstance(v, str) for v in members.values()):
        raise malformed("numbers travel as strings")
    if members["v"] != "1" or any(k in members and not re.fullmatch(r"0|[1-9][0-9]{0,19}", members[k], re.A) for k in ("fence", "sub", "op")):
        raise malformed("version or number")
    if int(members.get("op", "0")) >> 64 or "session" in members and not re.fullmatch(r"0x(0|[1-9a-f][0-9a-f]{0,15})", members["session"], re.A):
        raise malformed("op or session")
    ids = [parse_id(members[k]) for k in ("cluster", "incarnation", "scope")]
    return valid(Token(*ids, int(members["fence"]), int(members["sub"]), members["mode"]))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Mark(collections.namedtuple("Mark", "cluster incarnation scope fence sub")):
    def __str__(self):
        text = "zkw1.%s.%016x%08x" % (".".join(map(format_id, self[:3])), self.fence, self.sub)
        return text + ".%08x" % crc32c(text.encode())


def parse_mark(text):
    m = re.fullmatch(r"(zkw1\.([0-9a-v]{26})\.([0-9a-v]{26})\.([0-9a-v]{26})\.([0-9a-f]{16})([0-9a-f]{8}))\.([0-9a-f]{8})", text, re.A)
    if not m or crc32c(m[1].encode()) != int(m[7], 16):
        raise malformed("the watermark is damaged: admit nothing")
    mark = Mark(parse_id(m[2]), parse_id(m[3]), parse_id(m[4]), int(m[5], 16), int(m[6], 16))
    if mark.fence >> 63 or not all(map(any, mark[:3])):
        raise malformed("the watermark is damaged: admit nothing")
    return mark


class Guard:
    """successions is a list of (from, to, restarts)."""

    def __init__(self, cluster, incarnation, scope, successions=(), generation=0, enrol_on_seal=False, require_seal=False):
        self.cluster, self.incarnation, self.scope, self.generation = cluster, incarnation, scope, generation
        self.next = {old: (new, restarts) for old, new, restarts in successions}
        self.enrol_on_seal, self.require_seal = enrol_on_seal, require_seal

    def follows(self, old, new):
        """Whether the stated successions lead from old to new, and whether numbers began anew on the way."""
        restarts = False
        for _ in self.next:
            if old not in self.next:
                break
            old, anew = self.next[old]
            restarts = restarts or anew
            if old == new:
                return True, restarts
        return False, False

    def judge(self, mark, token, op):
        """op is check, seal, read or enrol (token None: a new resource). Returns the mark to store, or None to leave it."""
        empty = Mark(self.cluster, self.incarnation, self.scope, 0, 0)
        if token is not None:
            self.admissible(token)
        if op == "enrol":
            return self.enrol(mark, token, empty)
        created = mark is None
        if created:
            if not (self.enrol_on_seal and op == "seal"):
                raise Refused("no_watermark", "enrol the resource first")
            mark = empty
        above = self.above(mark, token)
        if self.require_seal and (op == "check" if token.mode == "s" else above and op != "seal"):
            raise Refused("not_sealed", "seal before the first read and write")
        if above and op != "read" and token.mode == "x":
            return Mark(*token[:5])
        return mark if created else None

    def admissible(self, t):
        if (t.cluster, t.scope) != (self.cluster, self.scope):
            raise Refused("wrong_scope", "a token of another lock or cluster")
        if t.incarnation != self.incarnation and not self.follows(t.incarnation, self.incarnation)[0]:
            raise Refused("unknown_lineage", "state which incarnation succeeds which")

    def enrol(self, mark, token, empty):
        if token is not None:
            if token.mode != "x":
                raise malformed("a shared token is no floor")
            if token.fence >> 56 > self.generation + 1:
                raise Refused("implausible", "more than one restore ahead")
        elif mark is not None:
            raise Refused("enrolled", "it is no new resource")
        return None if mark is not None else Mark(*token[:5]) if token else empty

    def above(self, mark, t):
        if (mark.cluster, mark.scope) != (t.cluster, t.scope):
            raise Refused("wrong_scope", "the watermark is of another lock or cluster")
        same, anew = mark.incarnation == t.incarnation, False
        if not same:
            if self.follows(t.incarnation, mark.incarnation)[0]:
                raise Refused("stale_token", "a newer incarnation was seen")
            forward, anew = self.follows(mark.incarnation, t.incarnation)
            if not forward:
                raise Refused("unknown_lineage", "state which incarnation succeeds which")
        have, seen = (t.fence, t.sub), (mark.fence, mark.sub)
        if not anew and (have < seen or have == seen and not same):
            raise Refused("stale_token", "a newer grant was seen; the lock is lost")
        if not anew and have == seen:
            return False
        if t.fence >> 56 > max(mark.fence >> 56, self.generation) + 1:
            raise Refused("implausible", "more than one restore ahead")
        return True
