#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the tests notice? One small mistake at a time in the code that decides what may leave, keeps the ledger and
evaluates policies; then the unit tests of that area, and those that let its allocations fail.

Mistakes: another comparison, `&&` for `||`, a constant one more, true for false, plus for minus, a condition negated,
a statement left out. Made in a copy of the sources with a build of its own (undefined behaviour, such as an index
beyond an array, ends the test); a mutant that does not compile does not count, one that makes a test fail,
crash or hang is noticed. What the tests do not notice they are asked once more under address sanitizer, as the suite
runs there, too. A test that does not run the line (by counters of a build of its own) is not asked.

What is not mutated, because it changes no answer: words in quotes; a call that only writes to the log; va_end; what says
that a function takes a format; the
length of an array that is declared there, what a list grows to, calloc of one, and what is added to the size of an
allocation (one more of room); the index in `sizeof a[0]` (each has that size); SQLite's -1 for "up to the NUL" (any
negative number); the `!` of `(void)!f()` (it only says that the answer is not looked at); equality in `a < b ? a : b`
and in `if (a < b) b = a;` (either is the same then).

Other mutants that change nothing (a wider limit on a line that is never that long) stay: the score is what was noticed
of all that compiled, none taken off. A survivor that equivalent.txt lists, with the reason why no test can see it, is
counted there too; `without_equivalent` is the score without those. Beside it: its 95 % interval (Wilson), how many did
not compile, and how many were noticed because a test did not end: ten times its processor time and ten seconds were
spent, or it slept for a minute; each of these is printed. At the end the tests run once more without a mistake: one
that fails then makes the draw worthless.

mutation.py [--area gate,ledger] [--files gate_book,perms] [--only FILE:LINE:KIND:NUMBER]

The budget counts mutants. Survivors are printed.
"""
import contextlib
import filecmp
import glob
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile

import campaign
from coverage import AREAS

GATE_STEPS = ["ask", "allow", "together", "deny", "nobody", "limited", "yes", "no", "not_now", "kept", "redeem", "sent", "again",
              "cloud_gone", "router_gone", "device", "views", "revoke", "expire", "first_yes",
              "first_allow", "folds"]
TESTS = {"decision": ["router_plan", "router_decide", "router_facts"],
         "gate": ["gate_terms", "gate_clouds", "gate_judging", "gate_view", "gate_waiting", "gate_sending",
                  "gate_ledger", "gate_turn", "gate_rules", "gate_answers", "gate_changes", "gate_corners", "gate_shown",
                  "gate_stories", "gate_gone", "gate_edges", "gate_quiet", "gate_room", "gate_bounds", "gate_faults",
                  *("fault/fail_gate " + step for step in GATE_STEPS)],
         "ledger": ["records", "ledger_edges", "consent_parts", "gate_terms", "ledger", "gate_quiet",
                    "ledger_faults"],
         "policy": ["policy_words", "policy_texts", "policy_edges", "policy_corners", "policy_said", "policy_remarks",
                    "policy_lints", "policy_keys", "policy_limits", "policy_reasons", "policy_told", "policy_parse",
                    "policy_decide", "policy_merge", "policy_load", "policy_sign",
                    *(f"fault/fail_alloc SOURCE --only policy{of}" for of in ("", "_bad", "_load", "_line"))]}
# Those that one file meets before the area's.
FIRST = {"consent/perms.c": ["perms", "refusals"], "consent/budget.c": ["budget"], "consent/inspect.c": ["inspect"],
         "consent/gate_ask.c": ["gate_judging"], "consent/gate_view.c": ["gate_view"],
         "consent/gate_question.c": ["gate_waiting"], "consent/gate_send.c": ["gate_sending"],
         "consent/gate_respond.c": ["gate_sending"], "consent/gate_book.c": ["gate_ledger"],
         "consent/gate_decided.c": ["gate_ledger"], "consent/gate_limits.c": ["gate_room"],
         "consent/gate_turn.c": ["gate_turn"]}
ASLEEP_S, MOST_BYTES = 60, 4 << 30
SWAPS = [("compare", r"==", "!="), ("compare", r"!=", "=="), ("compare", r"(?<![<>\-=])<(?![<=])", "<="),
         ("compare", r"(?<![<>])<=", "<"), ("compare", r"(?<![<>\-=])>(?![>=])", ">="), ("compare", r"(?<![<>])>=", ">"),
         ("compare", r"(?<![<>\-=])<(?![<=])", ">="), ("compare", r"(?<![<>\-=])>(?![>=])", "<="),
         ("logic", r"&&", "||"), ("logic", r"\|\|", "&&"), ("true", r"\btrue\b", "false"), ("true", r"\bfalse\b", "true"),
         ("sign", r"(?<= )\+(?= )", "-"), ("sign", r"(?<= )-(?= )", "+"), ("not", r"(?<!\(void\))!(?=[\w(])(?!=)", ""),
         ("not", r"\bif \((?!!)(?=\w+\()", "if (!")]
CHOICE = re.compile(r"([\w.\->\[\]]+) (<=?|>=?) ([\w.\->\[\]]+) \? ([\w.\->\[\]]+) : ([\w.\->\[\]]+)")
GROWS = re.compile(r"\bcap = [\w.\->]*cap == 0 \? (\d+) : [\w.\->]*cap \* (\d+);$")
ROOM = re.compile(r"\b(?:malloc|calloc|realloc|arena_array|arena_alloc|arena_zalloc)\([^;]*\+ $")
LIMIT = re.compile(r"\t+if \(([\w.\->\[\]]+) (?:<=?|>=?) ([^&|?]+)\)$")
STATEMENT = re.compile(r"^\t+(?:\w[\w\->.\[\]]* (?:[+\-|&]?=) .*|\w+\(.*\)|[\w\->.\[\]]+(?:\+\+|--)|break|continue);$")
DECLARATION = re.compile(r"^\t+(?:const |static |struct |enum |union |unsigned |u?int\w* |size_t |bool |char |void |"
                         r"goto |return |uint\d)")
LEFT = ("assert(", "fault_here", "SCAN_", "va_end", "__attribute__((format")
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
                if (kind == "compare" and instead in (m[0] + "=", m[0][:-1]) and
                        same_when_equal(bare, m, text[n] if n < len(text) else "")):
                    continue
                yield f"{kind}{i}", n, j, line[:m.start()] + instead + line[m.end():]
        for j, m in enumerate(re.finditer(r"(?<![\w.])(\d+)(?![\w.xX])", bare)):
            if ARRAY.match(line) and bare[m.start() - 1] == "[":
                continue
            if any(m.start() in (g.start(1), g.start(2)) for g in GROWS.finditer(bare)):
                continue
            if bare[:m.start()].endswith("calloc(") and m[1] == "1" or ROOM.search(bare[:m.start()]):
                continue
            if re.search(r"sizeof [\w.>-]+\[$", bare[:m.start()]):
                continue
            if "sqlite3_" in text[n - 2] + line and bare[m.start() - 1] == "-":
                continue
            yield "constant", n, j, line[:m.start()] + str(int(m[1]) + 1) + line[m.end():]
        if STATEMENT.match(line) and not DECLARATION.match(line):
            yield "left out", n, 0, re.match(r"\t+", line)[0] + ";"


def program(test):
    """Target and arguments of a test: a unit test's name, or a program of a folder of tests/ with arguments, of
    which SOURCE is the folder of the sources."""
    name, *arguments = test.split()
    return "tests/" + (name if "/" in name else "test_" + name), arguments


def equivalents():
    """{(file, line, line instead): why} of equivalent.txt."""
    found = {}
    with open(os.path.join(campaign.HERE, "equivalent.txt"), encoding="utf-8") as f:
        for text in filter(None, (line.rstrip("\n") for line in f)):
            if text.startswith(("- ", "+ ")):
                lines.append(text[2:])
            elif text.startswith("= "):
                for i in range(0, len(lines), 2):
                    found[path, lines[i], lines[i + 1]] = text[2:]
            elif not text.startswith("#"):
                path, lines = text, []
    return found


def tests_of(area, path):
    first = FIRST.get(path, [])
    return first + [t for t in TESTS[area] if t not in first]


def bounded(seconds, strict):
    """A mistake may loop for ever, or take all the memory there is (address sanitizer's shadow is no memory)."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    if not strict:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def watch(process):
    """Its exit status; None when it waits for what never comes. A busy machine does not matter: who waits for a
    processor is not asleep, and its time is counted in processor time."""
    asleep, was = 0, None
    while True:
        try:
            return process.wait(0.02 if asleep == 0 and was is None else 1)
        except subprocess.TimeoutExpired:
            with open(f"/proc/{process.pid}/stat", encoding="utf-8") as f:
                stat = f.read().rpartition(")")[2].split()
            now = stat[11:15]  # user and system time, its own and its children's
            asleep = asleep + 1 if stat[0] == "S" and now == was else 0
            was = now
            if asleep >= ASLEEP_S:
                return None


def interval(k, n):
    """Wilson's 95 % interval of a share, in percent."""
    if n == 0:
        return [0, 100]
    z = 1.96
    middle, half = k / n + z * z / 2 / n, z * ((k / n * (1 - k / n) + z * z / 4 / n) / n) ** 0.5
    return [round(100 * (middle + side * half) / (1 + z * z / n), 1) for side in (-1, 1)]


class Bench:
    def __init__(self, c, folder, of):
        """`of`: (area, path) of what will be mutated."""
        self.source, self.build, self.hung = os.path.join(folder, "source"), os.path.join(folder, "build"), False
        self.strict = folder + "-strict"
        self.scratch = tempfile.mkdtemp(prefix="mutation-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.copy()
        self.setup(self.build, "-O1 -fsanitize=undefined -fsanitize-undefined-trap-on-error")
        self.tests = sorted({t for area, path in of for t in tests_of(area, path)})
        self.limit, self.cost = {}, {}
        for test in self.tests:
            if not self.make(test):
                raise SystemExit("the sources as they are do not build")
            if self.fails(test):
                raise SystemExit(f"{test} fails without a mistake")
            self.cost[test] = self.spent
            self.limit[test] = 10 + 10 * math.ceil(self.spent)
        self.runs = self.reached(folder + "-lines")
        # The suite runs under address sanitizer as well: one element too far and what is not given back fail there.
        self.setup(self.strict, "-O1", "-Db_sanitize=address", "-Db_lundef=false")
        self.strict_tests = [t for t in self.tests if "/" not in t and self.make(t, self.strict)
                             and not self.fails(t, self.strict)]
        print(f"{len(self.strict_tests)} of {len(self.tests)} tests under address sanitizer, too", flush=True)

    def setup(self, build, flags, *more):
        options = ["--buildtype=plain", "-Dwerror=false", "-Dc_args=" + flags, *more]
        there = os.path.exists(os.path.join(build, "build.ninja"))
        command = ["meson", "configure", build] if there else ["meson", "setup", build, self.source]
        subprocess.run(command + options, check=True, stdout=subprocess.DEVNULL)

    def reached(self, build):
        """{test: ({(path, line): run}, [(path, first, last, run) of each function])}"""
        self.setup(build, "-O0", "-Db_coverage=true")
        found = {}
        for test in self.tests:
            for old in glob.glob(os.path.join(build, "**", "*.gcda"), recursive=True):
                os.unlink(old)
            if not self.make(test, build) or self.fails(test, build):
                raise SystemExit(f"{test} fails with counters")
            counters = glob.glob(os.path.join(build, "**", "*.gcda"), recursive=True)
            out = subprocess.run(["gcov", "--json-format", "--stdout", *counters], cwd=build, capture_output=True,
                                 text=True, check=True).stdout
            lines, functions = {}, []
            for f in (f for text in out.splitlines() for f in json.loads(text)["files"]):
                path = os.path.relpath(os.path.normpath(os.path.join(build, f["file"])), self.source)
                for of in f["lines"]:
                    at = path, of["line_number"]
                    lines[at] = lines.get(at, False) or of["count"] > 0
                functions += [(path, of["start_line"], of["end_line"], of["execution_count"] > 0)
                              for of in f["functions"]]
            found[test] = lines, functions
        return found

    def reaches(self, test, path, n):
        """Whether the test runs the line; when nothing counts the line, its function; else it may."""
        lines, functions = self.runs[test]
        if (path, n) in lines:
            return lines[path, n]
        around = [ran for p, first, last, ran in functions if p == path and first <= n <= last]
        return any(around) if around else True

    def choose(self, area, path, n):
        """The tests that may notice: those named first, then by what they cost."""
        every = tests_of(area, path)
        rest = sorted(every[len(FIRST.get(path, [])):], key=self.cost.get)
        return [t for t in every[:len(FIRST.get(path, []))] + rest if self.reaches(t, path, n)]

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

    def make(self, test, build=None):
        return subprocess.run(["ninja", "-C", build or self.build, program(test)[0]], capture_output=True,
                              check=False).returncode == 0

    def fails(self, test, build=None):
        """Whether it fails. `hung` says whether that was because it did not end, `spent` its processor time."""
        build = build or self.build
        strict = build == self.strict
        before, (target, arguments) = resource.getrusage(resource.RUSAGE_CHILDREN), program(test)
        # A sync costs nothing in memory; the first check that fails ends the test.
        process = subprocess.Popen([os.path.join(build, target),
                                    *(self.source if a == "SOURCE" else a for a in arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd=build, start_new_session=True,
                                   preexec_fn=lambda: bounded(self.limit.get(test, 600) * (4 if strict else 1), strict),
                                   env={**os.environ, "TMPDIR": self.scratch, "CMOCKA_TEST_ABORT": "1",
                                        "ASAN_OPTIONS": "detect_leaks=1:hard_rss_limit_mb=4096",
                                        "HITHER_FAULT_EVERY": "60"})
        try:
            code = watch(process)
            self.hung = code in (None, -signal.SIGXCPU, -signal.SIGKILL)
            return code != 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left behind, too
            process.wait()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            for left in os.listdir(self.scratch):
                shutil.rmtree(os.path.join(self.scratch, left), ignore_errors=True)

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
            if not self.make(tests_of(area, path)[0]):
                return None
            for test in self.choose(area, path, n):  # each is linked when its turn comes: most fail the first
                if not self.make(test):
                    return None
                if self.fails(test):
                    return test
            for test in filter(self.strict_tests.__contains__, self.choose(area, path, n)):
                if self.make(test, self.strict) and self.fails(test, self.strict):
                    return test + ", address sanitizer"
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
    score, uncompiled, hung, equal, known = {a: [0, 0] for a in by_area}, 0, 0, 0, equivalents()
    for area, path, n, kind, j, line, was in order:
        if c.over():
            break
        by = bench.noticed(area, path, n, line)
        if by is None:
            uncompiled += 1
            continue
        c.runs += 1
        if by and bench.hung:
            hung += 1
            print(f"{by} did not end: {path}:{n}:{kind}:{j}\n  - {was.strip()}\n  + {line.strip()}", flush=True)
        score[area][0] += by != ""
        score[area][1] += 1
        why = known.get((path, was.strip(), line.strip())) if by == "" else None
        equal += why is not None
        if by == "":
            print(f"not noticed ({score[area][1] - score[area][0]} of {score[area][1]}): {path}:{n}:{kind}:{j}\n"
                  f"  - {was.strip()}\n  + {line.strip()}" + (f"\n  equivalent: {why}" if why else ""), flush=True)
    c.figures["score"] = {a: f"{k}/{n}" for a, (k, n) in score.items()}
    noticed = sum(k for k, _ in score.values())
    c.figures.update(percent=round(100 * noticed / max(1, c.runs), 1), interval=interval(noticed, c.runs),
                     equivalent=equal, without_equivalent=round(100 * noticed / max(1, c.runs - equal), 1),
                     did_not_compile=uncompiled, noticed_because_hung=hung)
    for test in bench.tests:
        c.check(bench.make(test) and not bench.fails(test), f"{test} fails without a mistake: the draw says nothing")
    shutil.rmtree(bench.scratch, ignore_errors=True)
    c.end()


if __name__ == "__main__":
    main()
