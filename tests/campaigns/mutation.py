#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the tests notice? One small mistake at a time in the code that decides what may leave, keeps the ledger and
evaluates policies; then the unit tests of that area.

Mistakes: another comparison, `&&` for `||`, a constant one more, true for false, plus for minus, a condition negated,
a statement left out. Made in a copy of the sources with a build of its own (no optimisation); a mutant that does not
compile does not count, one that makes a test fail, crash or hang is noticed.

What is not mutated, because it changes no answer: words in quotes; a call that only writes to the log; va_end; the
length of an array that is declared there, what a list grows to, and calloc of one (one more of room); SQLite's -1 for
"up to the NUL" (any negative number); the `!` of `(void)!f()` (it only says that the answer is not looked at);
equality in `a < b ? a : b` and in `if (a < b) b = a;` (either is the same then).
Other mutants that change nothing (a wider limit on a line that is never that long) stay: the score is what was
noticed of all, none taken off.

mutation.py [--area gate,ledger] [--files gate_book,perms] [--only FILE:LINE:KIND:NUMBER]

The budget counts mutants. Survivors are printed.
"""
import contextlib
import filecmp
import glob
import os
import re
import shutil
import signal
import subprocess

import campaign
from coverage import AREAS

TESTS = {"decision": ["router_plan", "router_decide", "router_facts"],
         "gate": ["gate_terms", "gate_clouds", "gate_judging", "gate_view", "gate_waiting", "gate_sending", "gate_ledger",
                  "gate_rules", "gate_answers", "gate_changes", "gate_quiet", "gate_room", "gate_bounds", "gate_faults"],
         "ledger": ["records", "ledger_edges", "consent_parts", "gate_terms", "ledger", "gate_quiet",
                    "ledger_faults"],
         "policy": ["policy_words", "policy_texts", "policy_edges", "policy_parse", "policy_decide", "policy_merge",
                    "policy_load", "policy_sign"]}
# Those that one file meets before the area's.
FIRST = {"consent/perms.c": ["perms", "refusals"], "consent/budget.c": ["budget"], "consent/inspect.c": ["inspect"],
         "consent/gate_ask.c": ["gate_judging"], "consent/gate_view.c": ["gate_view"],
         "consent/gate_question.c": ["gate_waiting"], "consent/gate_send.c": ["gate_sending"],
         "consent/gate_respond.c": ["gate_sending"], "consent/gate_book.c": ["gate_ledger"],
         "consent/gate_decided.c": ["gate_ledger"], "consent/gate_limits.c": ["gate_room"]}
HANGS_S = 120
SWAPS = [("compare", r"==", "!="), ("compare", r"!=", "=="), ("compare", r"(?<![<>\-=])<(?![<=])", "<="),
         ("compare", r"(?<![<>])<=", "<"), ("compare", r"(?<![<>\-=])>(?![>=])", ">="), ("compare", r"(?<![<>])>=", ">"),
         ("compare", r"(?<![<>\-=])<(?![<=])", ">="), ("compare", r"(?<![<>\-=])>(?![>=])", "<="),
         ("logic", r"&&", "||"), ("logic", r"\|\|", "&&"), ("true", r"\btrue\b", "false"), ("true", r"\bfalse\b", "true"),
         ("sign", r"(?<= )\+(?= )", "-"), ("sign", r"(?<= )-(?= )", "+"), ("not", r"(?<!\(void\))!(?=[\w(])(?!=)", ""),
         ("not", r"\bif \((?!!)(?=\w+\()", "if (!")]
CHOICE = re.compile(r"([\w.\->\[\]]+) (<=?|>=?) ([\w.\->\[\]]+) \? ([\w.\->\[\]]+) : ([\w.\->\[\]]+)")
GROWS = re.compile(r"\bcap = [\w.\->]*cap == 0 \? (\d+) : [\w.\->]*cap \* (\d+);$")
LIMIT = re.compile(r"\t+if \(([\w.\->\[\]]+) (?:<=?|>=?) ([\w.\->\[\]]+)\)$")
STATEMENT = re.compile(r"^\t+(?:\w[\w\->.\[\]]* (?:[+\-|&]?=) .*|\w+\(.*\)|[\w\->.\[\]]+(?:\+\+|--)|break|continue);$")
DECLARATION = re.compile(r"^\t+(?:const |static |struct |enum |union |unsigned |u?int\w* |size_t |bool |char |void |"
                         r"goto |return |uint\d)")
LEFT = ("assert(", "fault_here", "SCAN_", "va_end")
ARRAY = re.compile(r"^\t+(?:const |static |struct |enum |unsigned |u?int\w* |size_t |bool |char )[^=]*\[\d+\]")


def logged(text):
    """Lines of calls that only write to the log."""
    found, depth = set(), 0
    for n, line in enumerate(text, 1):
        if depth > 0 or re.match(r"\t+log_\w+\(", line):
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
            depth += bare.count("(") - bare.count(")")
            found.add(n)
    return found


def same_when_equal(bare, m, following):
    """Whether the comparison at `m` chooses one of its own two sides, so that equality may go either way."""
    of = next((c for c in CHOICE.finditer(bare) if c.start(2) == m.start()), None)
    if of is not None:
        return {of[1], of[3]} == {of[4], of[5]}
    of = LIMIT.match(bare)
    return of is not None and following.strip() in (f"{of[1]} = {of[2]};", f"{of[2]} = {of[1]};")


def mutants(path, text):
    """(kind, line number, which on the line, the line instead)."""
    comment, log = False, logged(text)
    for n, line in enumerate(text, 1):
        begins = "/*" in line
        if comment or begins or line.startswith(("#", "\t * ")):
            comment = (comment or begins) and "*/" not in line
            continue
        if not line.startswith("\t") or n in log or any(word in line for word in LEFT):
            continue
        bare = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', lambda m: "\0" * len(m[0]), line)
        for i, (kind, shape, instead) in enumerate(SWAPS):
            for j, m in enumerate(re.finditer(shape, bare)):
                if instead in (m[0] + "=", m[0][:-1]) and kind == "compare" and same_when_equal(bare, m, text[n] if n < len(text) else ""):
                    continue
                yield f"{kind}{i}", n, j, line[:m.start()] + instead + line[m.end():]
        for j, m in enumerate(re.finditer(r"(?<![\w.])(\d+)(?![\w.xX])", bare)):
            if ARRAY.match(line) and bare[m.start() - 1] == "[":
                continue
            if any(m.start() in (g.start(1), g.start(2)) for g in GROWS.finditer(bare)):
                continue
            if bare[:m.start()].endswith("calloc(") and m[1] == "1":
                continue
            if "sqlite3_" in text[n - 2] + line and bare[m.start() - 1] == "-":
                continue
            yield "constant", n, j, line[:m.start()] + str(int(m[1]) + 1) + line[m.end():]
        if STATEMENT.match(line) and not DECLARATION.match(line):
            yield "left out", n, 0, re.match(r"\t+", line)[0] + ";"


def tests_of(area, path):
    first = FIRST.get(path, [])
    return first + [t for t in TESTS[area] if t not in first]


class Bench:
    def __init__(self, c, folder, of):
        """`of`: (area, path) of what will be mutated."""
        self.c, self.source, self.build = c, os.path.join(folder, "source"), os.path.join(folder, "build")
        self.copy()
        if not os.path.exists(os.path.join(self.build, "build.ninja")):
            subprocess.run(["meson", "setup", self.build, self.source, "--buildtype=plain", "-Dwerror=false"],
                           check=True, stdout=subprocess.DEVNULL)
        for test in sorted({t for area, path in of for t in tests_of(area, path)}):
            if not self.make(test):
                raise SystemExit("the sources as they are do not build")
            if self.fails(test):
                raise SystemExit(f"test_{test} fails without a mistake")

    def copy(self):
        """What differs is written now, so that it is newer than what was built of the copy before."""
        files = subprocess.run(["git", "-C", campaign.ROOT, "ls-files"], capture_output=True, text=True,
                               check=True).stdout.split("\n")
        files = {f for f in filter(None, files) if os.path.isfile(os.path.join(campaign.ROOT, f))}
        for folder, _, names in os.walk(self.source):
            for name in names:
                if os.path.relpath(os.path.join(folder, name), self.source) not in files:
                    os.unlink(os.path.join(folder, name))
        for f in files:
            there, here = os.path.join(campaign.ROOT, f), os.path.join(self.source, f)
            os.makedirs(os.path.dirname(here), exist_ok=True)
            if not os.path.exists(here) or not filecmp.cmp(there, here, shallow=False):
                shutil.copyfile(there, here)
                shutil.copymode(there, here)

    def make(self, test):
        return subprocess.run(["ninja", "-C", self.build, "tests/test_" + test], capture_output=True,
                              check=False).returncode == 0

    def fails(self, test):
        fast = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}  # a sync costs nothing there
        process = subprocess.Popen([os.path.join(self.build, "tests", "test_" + test)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd=self.build, start_new_session=True,
                                   env={**os.environ, **fast, "HITHER_FAULT_EVERY": "60"})
        try:
            return process.wait(HANGS_S) != 0
        except subprocess.TimeoutExpired:
            return True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left behind, too
            process.wait()

    def noticed(self, area, path, n, line):
        """By which test; "" when by none; None when it does not compile."""
        whole = os.path.join(self.source, path)
        with open(whole, encoding="utf-8") as f:
            before = f.read()
        text = before.split("\n")
        text[n - 1] = line
        try:
            with open(whole, "w", encoding="utf-8") as f:
                f.write("\n".join(text))
            for test in tests_of(area, path):  # each is linked when its turn comes: most mistakes fail the first
                if not self.make(test):
                    return None
                if self.fails(test):
                    return test
            return ""
        finally:
            with open(whole, "w", encoding="utf-8") as f:
                f.write(before)


def main():
    c = campaign.Campaign(__doc__, "200", None, area=(str, ",".join(AREAS), "which of " + ", ".join(AREAS)),
                          files=(str, "", "only files whose name has one of these parts"),
                          only=(str, "", "FILE:LINE:KIND:NUMBER, this one alone"),
                          folder=(str, "", "where the copy is built (BUILD-mutation)"))
    every = []
    for area in c.options.area.split(","):
        for path in sorted(p for shape in AREAS[area] for p in glob.glob(os.path.join(campaign.ROOT, shape))):
            with open(path, encoding="utf-8") as f:
                text = f.read().split("\n")
            name = os.path.relpath(path, campaign.ROOT)
            if not any(part in os.path.basename(name) for part in c.options.files.split(",")):
                continue
            every += [(area, name, n, kind, j, line, text[n - 1]) for kind, n, j, line in mutants(name, text)]
    c.rng.shuffle(every)
    # As many of each area as of any other, until one has no more.
    by_area = {a: [m for m in every if m[0] == a] for a in c.options.area.split(",")}
    order = [m for i in range(max(map(len, by_area.values()))) for of in by_area.values() for m in of[i:i + 1]]
    if c.options.only:
        order = [m for m in every if f"{m[1]}:{m[2]}:{m[3]}:{m[4]}" == c.options.only]
    c.full = len(every)
    bench = Bench(c, os.path.abspath(c.options.folder or c.build + "-mutation"), {m[:2] for m in order})
    c.budget.begun = campaign.time.monotonic()
    score = {a: [0, 0] for a in by_area}
    for area, path, n, kind, j, line, was in order:
        if c.over():
            break
        by = bench.noticed(area, path, n, line)
        if by is None:
            continue
        c.runs += 1
        score[area][0] += by != ""
        score[area][1] += 1
        if by == "":
            print(f"not noticed: {path}:{n}:{kind}:{j}\n  - {was.strip()}\n  + {line.strip()}", flush=True)
    c.figures["score"] = {a: f"{k}/{n}" for a, (k, n) in score.items()}
    noticed = sum(k for k, _ in score.values())
    c.figures["percent"] = round(100 * noticed / max(1, c.runs), 1)
    c.end()


if __name__ == "__main__":
    main()
