# SPDX-License-Identifier: Apache-2.0
"""What every campaign has in common: a budget, a seed, one line of figures at the end, and the command that
repeats what went wrong.

A budget is a number of runs (`--budget 5000`) or a time (`--budget 90s`, `10m`, `8h`). A campaign that ends early
because its time is over says how much of its full figure that was; it never says that it did more than it did.
"""
import argparse
import hashlib
import json
import os
import random
import re
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
UNITS = {"s": 1, "m": 60, "h": 3600}
sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))
sys.path.insert(0, os.path.join(ROOT, "tests", "fake"))


class Budget:
    def __init__(self, text):
        found = re.fullmatch(r"(\d+)([smh]?)", text)
        if found is None:
            raise argparse.ArgumentTypeError(f"{text!r}: say a number of runs, or a time like 90s, 10m, 8h")
        self.text = text
        self.seconds = int(found[1]) * UNITS[found[2]] if found[2] else None
        self.runs = None if found[2] else int(found[1])
        self.begun = time.monotonic()

    def over(self, runs):
        if self.runs is not None:
            return runs >= self.runs
        return time.monotonic() - self.begun >= self.seconds

    def share(self, n, i):
        """The part of piece `i` of `n`, as a budget of its own that begins now."""
        if self.runs is not None:
            return Budget(str(max(1, self.runs // n + (i < self.runs % n))))
        return Budget(f"{max(1, self.seconds // n)}s")


def build_hash(build):
    """The commit, and the digest of the program that was tried."""
    said = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=10"], capture_output=True,
                          text=True, check=False).stdout.strip() or "no git"
    program = os.path.join(build, "hitherd")
    if not os.path.exists(program):
        return said
    with open(program, "rb") as f:
        return said + " hitherd " + hashlib.sha256(f.read()).hexdigest()[:12]


def ninja(folder, *targets):
    """Builds; what it says is shown when it fails, which ends the campaign."""
    done = subprocess.run(["ninja", "-C", folder, *targets], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout[-4000:]}\n{folder} does not build: ninja -C {folder}")


class Campaign:
    def __init__(self, doc, budget, full, **options):
        """`budget` is the default; `full` the number that the plan asks for, None when it has no number."""
        parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="the build folder (build)")
        parser.add_argument("--budget", type=Budget, default=Budget(budget), help=f"runs, or a time ({budget})")
        parser.add_argument("--seed", type=int, default=None, help="of everything drawn (drawn itself unless told)")
        for name, (kind, default, text) in options.items():
            parser.add_argument("--" + name.replace("_", "-"), type=kind, default=default, help=text)
        self.options = parser.parse_args()
        self.name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
        self.full = full
        self.budget = self.options.budget
        self.budget.begun = time.monotonic()
        self.seed = self.options.seed if self.options.seed is not None else random.SystemRandom().randrange(1 << 31)
        self.rng = random.Random(self.seed)
        self.build = os.path.abspath(self.options.build)
        self.hash = build_hash(self.build)
        self.runs, self.bad, self.figures = 0, [], {}
        print(f"{self.name}: seed {self.seed}, budget {self.budget.text}, build {self.hash}", flush=True)

    def program(self, name="hitherd"):
        path = os.path.join(self.build, name)
        if not os.path.exists(path):
            sys.exit(f"{path} is not there: ninja -C {self.build}")
        return path

    def over(self):
        return self.budget.over(self.runs)

    def again(self, **more):
        """The command that repeats this, with options that narrow it down."""
        words = [sys.argv[0], "--build", self.options.build, "--budget", self.budget.text, "--seed", str(self.seed)]
        for name, value in more.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        return "python3 " + shlex.join(words)

    def wrong(self, what, repeat=None):
        self.bad.append(what)
        print(f"WRONG: {what}\n  to repeat: {repeat or self.again()}", flush=True)

    def check(self, right, what, repeat=None):
        if not right:
            self.wrong(what, repeat)
        return right

    def end(self):
        """Prints the figures and ends the program: 0 when nothing was wrong and something was tried."""
        line = {"campaign": self.name, "seed": self.seed, "build": self.hash, "budget": self.budget.text,
                "runs": self.runs, "wrong": len(self.bad), "seconds": round(time.monotonic() - self.budget.begun, 1)}
        if self.full:
            line.update(full=self.full, fraction=float(f"{self.runs / self.full:.3g}"))
        line.update(self.figures)
        print(json.dumps(line), flush=True)
        sys.exit(1 if self.bad or self.runs == 0 else 0)


# --- what a process holds, from /proc -------------------------------------------------------------

def proc(pid, name, mode="r"):
    with open(f"/proc/{pid}/{name}", mode) as f:
        return f.read()


def memory_kib(pid):
    """What the process has that nobody else has: private pages, in KiB."""
    return sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+) kB", proc(pid, "smaps_rollup"), re.M))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def descendants(pid):
    """Every process below `pid`, zombies too: {pid: (name, state, parent)}."""
    every = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = proc(entry, "stat")
        except OSError:
            continue  # gone meanwhile
        rest = stat.rpartition(")")[2].split()
        every[int(entry)] = (stat[stat.index("(") + 1:stat.rindex(")")], rest[0], int(rest[1]))
    found, more = {}, [pid]
    while more:
        parent = more.pop()
        for child, what in every.items():
            if what[2] == parent and child not in found:
                found[child] = what
                more.append(child)
    return found


def roles(daemon):
    """{role: pid} of a daemon of stage.py, with boot, the engine, and helpers by the name they gave themselves."""
    found = {"boot": daemon.process.pid}
    for pid, (name, _, parent) in descendants(daemon.process.pid).items():
        try:
            words = proc(pid, "cmdline").split("\0")
        except OSError:
            continue
        if "--role" in words and parent == daemon.process.pid:
            found[words[words.index("--role") + 1]] = pid
        elif any(w.endswith(("engine.py", "llama-server")) for w in words):
            found["engine"] = pid
        else:
            found[name] = pid
    return found


def verify(campaign, daemon):
    """What `hither ledger verify` says of a daemon's ledger: True when it is whole."""
    done = subprocess.run([campaign.program("hither"), "ledger", "verify", "--json", "--state-dir",
                           daemon.path("state")], capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).strip()
