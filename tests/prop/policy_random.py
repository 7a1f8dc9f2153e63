# SPDX-License-Identifier: Apache-2.0
"""Random stacks and requests for comparing evaluators. Small vocabularies, so that things
meet; every condition, every effect, and the odd shapes: empty lists and objects, unknown
attributes, windows that wrap midnight, sets in patterns, groups that do not exist."""
import random

APPS = ["code", "org.a.Mail", "org.a.Web", "org.b.Edit", "x", "", "größe", "a[b", "ab", "a-c", "Code"]
APP_GLOBS = ["code", "org.a.*", "org.*", "*", "*.Edit", "?", "a?", "[ax]*", "[!o]*", "a[b", "a[a-c]",
             "a[c-a]", "[a-]*", "gr??e", "gr[ö]ße", "*[.]*", "[]x]", "[!]x]", "a*b*", "**", "*e", "c*e",
             "@team", "@mail", "@nobody", "[", "[!", "*[!a-z]", "org.[!b]*.?e*"]
TASKS = ["chat", "code.fix", "code.explain", "summarize", "embed", "code"]
TASK_GLOBS = ["chat", "code*", "code.*", "*", "s*", "?hat", "[ce]*", "none", "*.fix"]
USERS = ["alice", "bob", "böb"]
USER_GLOBS = ["alice", "b*", "*b", "b?b", "[!a]*", "root"]
GROUPS = ["staff", "dev", "ops"]
DATA = ["secret.api_key", "secret.password", "personal.name", "personal.contact.email", "personal",
        "financial.iban", "source_code", "health.condition", "company.codename", "minor", "personal.id.national"]
DATA_GLOBS = ["secret.*", "secret.password", "personal.*", "personal.contact.*", "personal", "financial.*",
              "source_code", "source_code.*", "health.*", "company.*", "minor", "personal.id.*", "pers*", "*", ".*"]
TIERS = ["device", "trusted", "cloud"]
REGIONS = ["eu", "eu-fra", "us", "home", ""]
REGION_GLOBS = ["eu", "eu-*", "us", "*", "?u", "[eu]*"]
STRIPS = ["attachments", "tools", "system_prompt", "images", "metadata"]
DESTS = ["mistral", "azure-eu", "home", "pool", "d.1"]
DEST_GLOBS = ["mistral", "azure-*", "*", "h?me", "local", "[!l]*", "d.[0-9]"]
LAYERS = ["vendor_mandatory", "mandatory", "vendor", "recommended", "user"]
NETWORKS, POWERS = ["offline", "metered", "unmetered"], ["ac", "battery"]
THERMALS = ["nominal", "fair", "serious", "critical"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Generator:
    def __init__(self, seed, depth=2, rules=5, unknown=0.15, odd=0.1):
        self.r = random.Random(seed)
        self.depth, self.rules, self.unknown, self.odd = depth, rules, unknown, odd
        self.count = 0

    def some(self, words, most=3):
        low = 0 if self.r.random() < self.odd else 1
        return [self.r.choice(words) for _ in range(self.r.randint(low, most))]

    def bounds(self, values):
        keys = self.r.sample(["lt", "lte", "gt", "gte", "eq"], self.r.choice([1, 1, 1, 2]))
        return {k: self.r.choice(values) for k in keys}

    def flag(self):
        return self.r.random() < 0.5

    def data(self):
        keys = self.r.sample(["any", "all", "none", "only"], self.r.choice([1, 1, 1, 2, 4]))
        return {k: self.some(DATA_GLOBS) for k in keys}

    def device(self):
        out = {}
        for _ in range(self.r.choice([0, 1, 1, 1, 2])):
            k = self.r.choice(["power", "network", "thermal", "locked", "vpn", "battery_pct"])
            if k in ("locked", "vpn"):
                out[k] = self.flag()
            elif k == "battery_pct":
                out[k] = self.bounds([10, 20, 50]) if self.flag() else self.r.choice([20, 50])
            else:
                words = {"power": POWERS, "network": NETWORKS, "thermal": THERMALS}[k]
                out[k] = self.some(words, 2) if self.flag() else self.r.choice(words)
        return out

    def hours(self):
        def clock():
            return "%02d:%02d" % (self.r.choice([0, 6, 8, 10, 12, 20, 22, 23]), self.r.choice([0, 0, 15, 30]))
        return clock() + "-" + clock()

    def time(self):
        out = {}
        if self.flag():
            out["days"] = self.some(DAYS)
        if self.flag():
            out["hours"] = self.hours()
        return out

    def leaf(self):
        r = self.r
        kind = r.choice(["app", "app", "identity", "user", "group", "interactive", "task", "data", "data",
                         "score", "confidence", "input_tokens", "modality", "tools", "tier", "tier",
                         "destination", "region", "retention_days", "trains", "device", "device", "time"])
        value = {
            "app": lambda: self.some(APP_GLOBS), "identity": lambda: r.choice(["claimed", "socket", "attested"]),
            "user": lambda: self.some(USER_GLOBS), "group": lambda: self.some(GROUPS),
            "interactive": self.flag, "task": lambda: self.some(TASK_GLOBS), "data": self.data,
            "score": lambda: self.bounds([0.25, 0.5, 0.7, 0.9]), "confidence": lambda: self.bounds([0.5, 0.9]),
            "input_tokens": lambda: self.bounds([100, 500, 8000]),
            "modality": lambda: self.some(["text", "image", "audio"]), "tools": self.flag,
            "tier": lambda: self.some(TIERS, 2), "destination": lambda: self.some(DEST_GLOBS),
            "region": lambda: self.some(REGION_GLOBS), "retention_days": lambda: self.bounds([0, 1, 30]),
            "trains": self.flag, "device": self.device, "time": self.time,
        }[kind]()
        return {kind: value}

    def condition(self, depth=0):
        out = {}
        for _ in range(self.r.choice([0, 1, 1, 1, 2, 2, 3])):
            if depth < self.depth and self.r.random() < 0.3:
                kind = self.r.choice(["not", "any", "all"])
                if kind == "not":
                    out["not"] = self.condition(depth + 1)
                else:
                    out[kind] = [self.condition(depth + 1) for _ in range(self.r.choice([0, 1, 2, 2, 3]))]
            else:
                out.update(self.leaf())
        return out

    def duties(self):
        out = {}
        if self.flag():
            out["redact"] = self.some(DATA_GLOBS)
        if self.flag():
            out["strip"] = self.some(STRIPS)
        if self.r.random() < 0.3:
            out["max_input_tokens"] = self.r.choice([0, 1000, 32000])
        if self.r.random() < 0.3:
            out["max_output_tokens"] = self.r.choice([100, 2000])
        if self.r.random() < 0.3:
            out["log"] = self.r.choice(["metadata", "digest", "full"])
        if self.r.random() < 0.3:
            out["notify"] = self.r.choice(["none", "after"])
        return out

    def rule(self):
        self.count += 1
        out = {"id": "r%d" % self.count,
               "effect": self.r.choice(["allow", "allow", "ask", "ask", "deny", "local_only", "require"])}
        if self.r.random() < 0.9:
            out["when"] = self.condition()
        if self.r.random() < 0.25:
            out["unless"] = self.condition()
        if out["effect"] == "local_only" and self.flag():
            out["max_tier"] = self.r.choice(["device", "trusted"])
        if self.r.random() < 0.4:
            out["with"] = self.duties()
        if self.r.random() < 0.1:
            out["because"] = "“why”, said the \\ author"
        return out

    def destination(self):
        out = {"tier": self.r.choice(TIERS), "api": self.r.choice(["openai", "anthropic", "ollama", "llamacpp"])}
        if self.flag():
            out["region"] = self.r.choice(REGIONS)
        if self.flag():
            out["retention_days"] = self.r.choice([0, 1, 30])
        if self.flag():
            out["trains"] = self.flag()
        return out

    def file(self, layer, names, taken):
        self.count += 1
        out = {"hither_policy": 1, "id": "f%d" % self.count,
               "rules": [self.rule() for _ in range(self.r.randint(0, self.rules))]}
        if self.r.random() < 0.6:
            out["default"] = {t: self.r.choice(["allow", "ask", "deny"]) for t in TIERS if self.r.random() < 0.6}
        if self.r.random() < 0.4:
            out["groups"] = {g: self.some(APP_GLOBS[:26]) for g in ["team", "mail"] if self.flag()}
        for n in names:
            if n not in taken and self.r.random() < 0.4:
                taken.add(n)
                out.setdefault("destinations", {})[n] = self.destination()
        return out

    def stack(self):
        taken, stack = set(), {}
        names = self.r.sample(DESTS, 4)
        for layer in LAYERS:
            n = self.r.choice([0, 1, 1, 1, 2])
            if n > 0 or self.r.random() < 0.2:
                stack[layer] = [self.file(layer, names, taken) for _ in range(n)]
        return stack

    def request(self):
        r = self.r
        q = {"app": r.choice(APPS), "task": r.choice(TASKS), "data": r.sample(DATA, r.choice([0, 0, 1, 2, 4]))}
        options = {
            "identity": lambda: r.choice(["anonymous", "claimed", "socket", "attested"]),
            "user": lambda: r.choice(USERS), "groups": lambda: r.sample(GROUPS, r.randint(0, 3)),
            "interactive": self.flag, "score": lambda: r.choice([0.1, 0.25, 0.5, 0.7, 0.95]),
            "confidence": lambda: r.choice([0.3, 0.5, 0.9]), "input_tokens": lambda: r.choice([1, 100, 500, 9000]),
            "modality": lambda: r.sample(["text", "image", "audio"], r.randint(0, 2)), "tools": self.flag,
            "time": lambda: "2026-%02d-%02dT%02d:%02d" % (r.randint(1, 12), r.randint(1, 28), r.randint(0, 23),
                                                        r.choice([0, 15, 30, 59])),
            "app_restrict": lambda: r.choice([None, {"max_tier": r.choice(TIERS)}]),
        }
        for k, make in options.items():
            if self.flag():
                q[k] = make()
        device = {"power": POWERS, "network": NETWORKS[1:] * 4 + NETWORKS[:1], "thermal": THERMALS,
                  "locked": [True, False], "vpn": [True, False], "battery_pct": [5, 20, 90]}
        if self.flag():
            q["device"] = {k: r.choice(v) for k, v in device.items() if self.flag()}
        for k in list(q):
            if r.random() < self.unknown and k not in ("device", "app_restrict"):
                q[k] = None
        for k in list(q.get("device", {})):
            if r.random() < self.unknown:
                q["device"][k] = None
        if r.random() < self.odd / 2:
            q = {k: None for k in ["app", "task", "data", "identity", "user", "groups", "interactive", "score",
                                   "confidence", "input_tokens", "modality", "tools", "time"]}
            q["device"] = {k: None for k in device}
        if r.random() < self.odd / 2:
            for k in ("app", "task", "data"):
                q.pop(k, None)
        return q


# Different habits, so that one generator's blind spots are another's main road.
HABITS = {
    "plain": dict(depth=2, rules=5, unknown=0.15, odd=0.1),
    "deep": dict(depth=5, rules=3, unknown=0.1, odd=0.1),
    "dark": dict(depth=2, rules=4, unknown=0.6, odd=0.3),
    "crowded": dict(depth=1, rules=25, unknown=0.05, odd=0.05),
    "odd": dict(depth=3, rules=4, unknown=0.2, odd=0.7),
}
