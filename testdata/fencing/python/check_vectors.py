"""Runs the vectors of testdata/fencing through paddock_fence: python3 check_vectors.py FOLDER"""
import json
import pathlib
import sys

import paddock_fence as pf

folder = pathlib.Path(sys.argv[1])
count, wrong = 0, []


def check(vector, said):
    """said() gives the members that the vector must have beside its input."""
    global count
    count += 1
    try:
        got = said()
    except pf.Refused as e:
        got = {"refused": e.reason}
    want = {k: vector[k] for k in vector if k in ("refused", "cluster", "incarnation", "scope", "fence", "sub", "mode", "verdict", "store")}
    if "path" in vector:
        del want["cluster"]
    if got != want:
        wrong.append("%s\n  is %s" % (vector, got))


def fields(t):
    out = {k: pf.format_id(getattr(t, k)) for k in ("cluster", "incarnation", "scope")}
    out.update(fence=str(t.fence), sub=str(t.sub))
    if hasattr(t, "mode"):
        out["mode"] = t.mode
    return out


def judge(v):
    p = dict(verdicts["policies"][v["policy"]])
    for k in ("cluster", "incarnation", "scope"):
        p[k] = pf.parse_id(p[k])
    p["successions"] = [(pf.parse_id(s["from"]), pf.parse_id(s["to"]), s.get("restarts", False)) for s in p.get("successions", [])]
    try:
        new = pf.Guard(**p).judge(pf.parse_mark(v["mark"]) if v["mark"] else None, pf.parse_token(v["token"]) if v["token"] else None, v["op"])
    except pf.Refused as e:
        return {"verdict": e.reason}
    return {"verdict": "admitted", "store": str(new)} if new else {"verdict": "admitted"}


def load(name):
    return json.loads((folder / (name + ".json")).read_text(encoding="utf-8"))


for v in load("tokens"):
    check(v, lambda: fields(pf.parse_json(v["json"]) if "json" in v else pf.parse_token(v.get("text", ""))))
for v in load("scopes"):
    check(v, lambda: {"scope": pf.format_id(pf.scope_of(pf.parse_id(v["cluster"]), v["path"], v["kind"]))})
for v in load("marks"):
    check(v, lambda: fields(pf.parse_mark(v["text"])))
verdicts = load("verdicts")
for v in verdicts["verdicts"]:
    check(v, lambda: judge(v))
print("%d vectors, %d wrong" % (count, len(wrong)))
print("\n".join(wrong[:10]))
sys.exit(1 if wrong or count < 100 else 0)
