# SPDX-License-Identifier: Apache-2.0
"""The policy language a second time, for comparing: slow, plain, and written from the
description of the semantics rather than from the C code.

A truth value is 0 (false), 0.5 (unknown) or 1 (true), so that "and" is min, "or" is max and
"not" is 1 - x. A verdict is its place in VERDICTS.
"""
import datetime
import functools

VERDICTS = ["allow", "ask", "deny"]
TIERS = ["device", "trusted", "cloud"]
BUILT_IN = {"device": 0, "trusted": 1, "cloud": 2}
IDENTITIES = ["anonymous", "claimed", "socket", "attested"]
AUTHORITY = ["vendor_mandatory", "mandatory", "vendor", "recommended", "user"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

BENIGN = {
    "identity": "attested", "interactive": True, "modality": ["text"], "tools": False,
    "user": "alice", "groups": [], "input_tokens": 500, "score": 0.7, "confidence": 0.9,
    "time": "2026-11-18T10:00",
    "device": {"network": "unmetered", "power": "ac", "thermal": "nominal", "locked": False},
}


def truth(x):
    return 1 if x else 0


# ---------------------------------------------------------------- patterns

@functools.lru_cache(maxsize=None)
def elements(pattern):
    """A pattern as a tuple of '*', '?', single characters and (negated, ranges)."""
    out, i = [], 0
    while i < len(pattern):
        c = pattern[i]
        i += 1
        if c != "[":
            out.append(("lit", c) if c not in "*?" else c)
            continue
        body = i
        if pattern[body:body + 1] == "!":
            body += 1
        end = pattern.find("]", body + 1)
        if end < 0 or body >= len(pattern):
            out.append(("lit", "["))
            continue
        inside, ranges, k = pattern[body:end], [], 0
        while k < len(inside):
            if inside[k + 1:k + 2] == "-" and k + 2 < len(inside):
                ranges.append((inside[k], inside[k + 2]))
                k += 3
            else:
                ranges.append((inside[k], inside[k]))
                k += 1
        out.append(("set", body > i, tuple(ranges)))
        i = end + 1
    return tuple(out)


def takes(element, c):
    if element == "?":
        return True
    if element[0] == "lit":
        return element[1] == c
    return any(a <= c <= b for a, b in element[2]) != element[1]


def glob(pattern, value):
    """Positions in the pattern that can be reached, character by character."""
    parts = elements(pattern)

    def spread(at):
        seen = set()
        for p in at:
            seen.add(p)
            while p < len(parts) and parts[p] == "*":
                p += 1
                seen.add(p)
        return seen

    at = spread({0})
    for c in value:
        step = set()
        for p in at:
            if p < len(parts):
                if parts[p] == "*":
                    step.add(p)
                elif takes(parts[p], c):
                    step.add(p + 1)
        at = spread(step)
    return len(parts) in at


def covers(pattern, category):
    if pattern[-2:] == ".*":
        stem = pattern[:-2]
        return category == stem or category[:len(stem) + 1] == stem + "."
    return pattern == category


# ---------------------------------------------------------------- conditions

def on_globs(patterns, value):
    if value is None:
        return 0.5
    return truth(any(glob(p, value) for p in patterns))


def on_number(bounds, value):
    if value is None:
        return 0.5
    tests = {"lt": value < bounds.get("lt", 0), "lte": value <= bounds.get("lte", 0),
             "gt": value > bounds.get("gt", 0), "gte": value >= bounds.get("gte", 0),
             "eq": value == bounds.get("eq", 0)}
    return truth(all(tests[k] for k in bounds))


def on_data(want, found):
    if found is None:
        return 0.5
    value = 1
    if "any" in want:
        value = min(value, truth([c for c in found for p in want["any"] if covers(p, c)]))
    if "all" in want:
        value = min(value, truth(all([c for c in found if covers(p, c)] for p in want["all"])))
    if "none" in want:
        value = min(value, truth(not [c for c in found for p in want["none"] if covers(p, c)]))
    if "only" in want:
        value = min(value, truth(all([p for p in want["only"] if covers(p, c)] for c in found)))
    return value


def on_device(want, device):
    value = 1
    for name, wanted in want.items():
        have = device.get(name)
        if isinstance(wanted, dict):
            value = min(value, on_number(wanted, have))
        elif have is None:
            value = min(value, 0.5)
        else:
            value = min(value, truth(have in wanted if isinstance(wanted, list) else have == wanted))
    return value


def on_time(want, stamp):
    if stamp is None:
        return 0.5
    moment = datetime.datetime.fromisoformat(stamp)
    value = 1
    if "days" in want:
        value = min(value, truth(DAYS[moment.weekday()] in want["days"]))
    if "hours" in want:
        start, end = [int(x[:2]) * 60 + int(x[3:]) for x in want["hours"].split("-")]
        now = moment.hour * 60 + moment.minute
        inside = start <= now < end if start < end else now >= start or now < end
        value = min(value, truth(inside))
    return value


def known(value, test):
    return 0.5 if value is None else truth(test(value))


def expand(patterns, groups):
    out = []
    for p in patterns:
        out.extend(groups.get(p[1:], []) if p.startswith("@") else [p])
    return out


def evaluate(condition, q, d, groups):
    value = 1
    for key, want in condition.items():
        if key == "any":
            x = max([evaluate(c, q, d, groups) for c in want], default=0)
        elif key == "all":
            x = min([evaluate(c, q, d, groups) for c in want], default=1)
        elif key == "not":
            x = 1 - evaluate(want, q, d, groups)
        elif key == "app":
            x = on_globs(expand(want, groups), q.get("app"))
        elif key in ("user", "task"):
            x = on_globs(want, q.get(key))
        elif key == "destination":
            x = on_globs(want, d["name"])
        elif key == "region":
            x = on_globs(want, d.get("region"))
        elif key == "tier":
            x = truth(d["tier"] in want)
        elif key == "retention_days":
            x = on_number(want, d.get("retention_days"))
        elif key == "trains":
            x = known(d.get("trains"), lambda v: v == want)
        elif key == "identity":
            x = known(q.get("identity"), lambda v: IDENTITIES.index(v) >= IDENTITIES.index(want))
        elif key == "group":
            x = known(q.get("groups"), lambda v: set(v) & set(want))
        elif key == "modality":
            x = known(q.get("modality"), lambda v: set(v) & set(want))
        elif key in ("interactive", "tools"):
            x = known(q.get(key), lambda v: v == want)
        elif key in ("score", "confidence", "input_tokens"):
            x = on_number(want, q.get(key))
        elif key == "data":
            x = on_data(want, q.get("data"))
        elif key == "device":
            x = on_device(want, q.get("device") or {})
        elif key == "time":
            x = on_time(want, q.get("time"))
        else:
            raise KeyError(key)
        value = min(value, x)
    return value


# ---------------------------------------------------------------- one layer

class Layer:
    """Everything the files of one layer say about one request at one destination."""

    def __init__(self, name, files, q, d):
        self.name = name
        self.there = bool(files)
        groups = {}
        for f in files:
            groups.update(f.get("groups", {}))
        stated = [VERDICTS.index(f["default"][d["tier"]]) for f in files
                  if d["tier"] in f.get("default", {})]
        self.stated = max(stated, default=None)
        self.hits = []  # (rule, verdict or None for require, certain)
        for f in files:
            for rule in f.get("rules", []):
                self.consider(rule, q, d, groups)
        self.certain = max((v for _, v, sure in self.hits if sure and v is not None), default=None)
        self.uncertain = max((v for _, v, sure in self.hits if not sure and v is not None),
                             default=None)

    def consider(self, rule, q, d, groups):
        match = evaluate(rule.get("when", {}), q, d, groups)
        if "unless" in rule:
            match = min(match, 1 - evaluate(rule["unless"], q, d, groups))
        effect = rule["effect"]
        if effect == "local_only":
            if TIERS.index(d["tier"]) <= TIERS.index(rule.get("max_tier", "device")):
                return
            effect = "deny"
        verdict = None if effect == "require" else VERDICTS.index(effect)
        if match == 0 or (match == 0.5 and effect == "allow"):
            return
        self.hits.append((rule, verdict, match == 1))

    def ids(self, verdict):
        return [rule["id"] + ("" if sure else "?") for rule, v, sure in self.hits if v == verdict]


class Obligations:
    def __init__(self):
        self.redact, self.strip = set(), set()

    def take(self, rule):
        extra = rule.get("with", {})
        self.redact |= set(extra.get("redact", []))
        self.strip |= set(extra.get("strip", []))


# ---------------------------------------------------------------- the whole

def ceiling(layers, duties):
    """(verdict, reasons, whether a mandatory layer had an opinion)"""
    verdict, reasons, opinion = 0, [], False
    for name in ("vendor_mandatory", "mandatory"):
        layer = layers[name]
        if not layer.there:
            continue
        for rule, v, _ in layer.hits:
            if v != 2:
                duties.take(rule)
        base = layer.certain if layer.certain is not None else layer.stated
        if base is not None:
            opinion = True
        values = [v for v in (base, layer.uncertain) if v is not None]
        if not values:
            continue
        v = max(values)
        names = layer.ids(v) or [name + ":default"]
        if v > verdict:
            verdict, reasons = v, names
        elif v == verdict:
            reasons = reasons + names
    return verdict, reasons, opinion


def preference(layers, d, opinion, duties):
    verdict, reasons = None, []
    tight, tight_reasons = -1, []
    for name in ("user", "recommended", "vendor"):
        layer = layers[name]
        if layer.uncertain is not None and layer.uncertain > tight:
            tight, tight_reasons = layer.uncertain, layer.ids(layer.uncertain)
        decides = layer.certain is not None
        for rule, v, sure in layer.hits:
            if v != 2 and (decides or not sure or v is None):
                duties.take(rule)
        if decides:
            verdict, reasons = layer.certain, layer.ids(layer.certain)
            break
    if verdict is None:
        for name in ("user", "recommended", "vendor"):
            if layers[name].stated is not None:
                verdict, reasons = layers[name].stated, [name + ":default"]
                break
    if verdict is None:
        verdict, reasons = (0, []) if opinion else (BUILT_IN[d["tier"]], ["builtin:default"])
    if tight > verdict:
        return tight, tight_reasons
    return verdict, reasons


def decide(stack, q, d):
    empty = {"redact": [], "strip": []}
    if d["tier"] != "device" and (q.get("device") or {}).get("network") == "offline":
        return {"verdict": "deny", "by": ["builtin:offline"], **empty}
    layers = {name: Layer(name, stack.get(name, []), q, d) for name in AUTHORITY}
    duties = Obligations()
    verdict, reasons, opinion = ceiling(layers, duties)
    wish, wish_reasons = preference(layers, d, opinion, duties)
    if wish > verdict:
        verdict, reasons = wish, wish_reasons
    elif wish == verdict:
        reasons = reasons + [r for r in wish_reasons if r not in reasons]
    limit = (q.get("app_restrict") or {}).get("max_tier")
    if limit is not None and TIERS.index(d["tier"]) > TIERS.index(limit):
        verdict, reasons = 2, ["app:max_tier"]
    out = {"verdict": VERDICTS[verdict], "by": reasons, **empty}
    if verdict < 2:
        out.update(redact=sorted(duties.redact), strip=sorted(duties.strip))
    return out


def destinations(stack):
    found = {}
    for name in AUTHORITY:
        for f in stack.get(name, []):
            for dest, value in f.get("destinations", {}).items():
                found.setdefault(dest, {**value, "name": dest})
    found.setdefault("local", {"name": "local", "tier": "device"})
    return found


def complete(request):
    q = {**BENIGN, **request}
    device = request.get("device", {})
    q["device"] = {} if device is None else {**BENIGN["device"], **device}
    return q


def verdicts(stack, request):
    q = complete(request)
    return {name: decide(stack, q, d) for name, d in destinations(stack).items()}
