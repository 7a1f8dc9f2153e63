#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lines and branches that the tests run, file by file: those that decide what may leave first, then the rest.

Builds with counters (gcc, --coverage) in its own folder, runs the suites, and reads the counters with gcov. An
assertion's failing side is no branch of the program: lines that assert are left out of the branches. Branches of
calls that can throw do not occur in C.

A process leaves its counters when it exits, also by _exit(2), SIGTERM and SIGINT (common/coverage/counters.c); what SIGKILL
ends leaves none. A role under coverage has no system call filter, and here finds no Landlock, or it could not open
its counter files.

coverage.py [--suites unit,flow,...] [--programs "tests/test_gate_*,tests/fault/fail_gate start"] [--missed FILE]
            [--reuse 1]
  --programs P    in place of suites: programs of the build folder, each with its arguments; * as in a shell
  --missed FILE   prints the lines of FILE (or of `areas`) that were not run, and branches that were never taken
  --reuse 1       reads the counters that are there
"""
import ctypes
import glob
import json
import os
import re
import struct
import subprocess

import campaign

AREAS = {"decision": ["router/decide.c"],
         "gate": ["consent/gate*.c", "consent/perms.c", "consent/budget.c", "consent/inspect.c"],
         "ledger": ["consent/ledger*.c", "consent/record.c", "consent/receipt.c", "consent/report.c"],
         "policy": ["policy/*.c"]}
SUITES = "unit,prop,cli,flow,web,clients,fault"
REST = ["common", "crypto", "scan", "ipc", "dialect", "models", "proc", "http", "router", "router/classify", "local",
        "consent", "cloud", "boot", "cli"]


def build(folder, suites, programs):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, campaign.ROOT, "-Db_coverage=true", "--buildtype=debug"], check=True,
                       stdout=subprocess.DEVNULL)
    commands = [command.split() for command in programs.split(",") if command]
    names = [path[:-2] for words in commands for path in glob.glob(os.path.join(folder, words[0] + ".p"))]
    campaign.ninja(folder, *(os.path.relpath(name, folder) for name in names))
    for old in glob.glob(os.path.join(folder, "**", "*.gcda"), recursive=True):
        os.unlink(old)
    os.environ["HITHER_FAULT_EVERY"] = "1"  # each point that can fail
    for words in commands:
        for path in sorted(set(glob.glob(os.path.join(folder, words[0]))) & set(names)):
            done = subprocess.run([path, *words[1:]], capture_output=True, check=False)
            print(" ".join([os.path.basename(path), *words[1:]]) + (": ok" if done.returncode == 0 else ": FAILS"),
                  flush=True)
    for suite in [] if commands else suites:
        done = subprocess.run(["meson", "test", "-C", folder, "--no-rebuild", "--suite", suite], capture_output=True,
                              text=True, check=False, env={**os.environ, "HITHER_TEST_OPEN_JAIL": "1"},
                              preexec_fn=without_landlock if suite not in ("unit", "prop") else None)
        print(suite + ": " + " ".join(re.findall(r"^(?:Ok|Fail|Timeout): +\d+", done.stdout, re.M)))
        print("\n".join(line for line in done.stdout.splitlines() if " FAIL " in line or " TIMEOUT " in line))


def without_landlock():
    """What runs from here on finds a kernel without Landlock: else no role could write its counters when it ends."""
    landlock_create_ruleset, enosys = 444, 38
    rows = [(0x20, 0, 0, 0), (0x15, 0, 1, landlock_create_ruleset), (0x06, 0, 0, 0x50000 | enosys),
            (0x06, 0, 0, 0x7fff0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in rows))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("rows", ctypes.c_void_p)]
    program = Program(len(rows), ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    pr_set_seccomp, filter_mode, pr_set_no_new_privs = 22, 2, 38
    libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0)
    libc.prctl(pr_set_seccomp, filter_mode, ctypes.byref(program), 0, 0)


def counters(folder):
    """{source: {line: count}}, {source: {(line, branch): count}} of every counter file together."""
    lines, branches = {}, {}
    found = glob.glob(os.path.join(folder, "**", "*.gcda"), recursive=True)
    for start in range(0, len(found), 50):
        out = subprocess.run(["gcov", "--json-format", "--stdout", "-b", *found[start:start + 50]], cwd=folder,
                             capture_output=True, text=True, check=True).stdout
        for text in out.splitlines():
            for f in json.loads(text)["files"]:
                path = os.path.normpath(os.path.join(folder, f["file"]))
                if not path.startswith(campaign.ROOT + os.sep):
                    continue
                name = os.path.relpath(path, campaign.ROOT)
                if name.startswith("tests" + os.sep):
                    continue
                of, taken = lines.setdefault(name, {}), branches.setdefault(name, {})
                for line in f["lines"]:
                    n = line["line_number"]
                    of[n] = of.get(n, 0) + line["count"]
                    for i, b in enumerate(line["branches"]):
                        taken[n, i] = taken.get((n, i), 0) + b["count"]
    return lines, branches


def no_branch(source):
    """Lines whose branches are an assertion's."""
    with open(os.path.join(campaign.ROOT, source), encoding="utf-8") as f:
        text = f.read().split("\n")
    found, depth = set(), 0
    for n, line in enumerate(text, 1):
        if depth > 0 or "assert(" in line:
            found.add(n)
            depth += line.count("(") - line.count(")") if depth > 0 or line.strip().startswith("assert(") else 0
    return found


class Report:
    def __init__(self, folder):
        self.lines, branches = counters(folder)
        self.branches = {}
        for source, taken in branches.items():
            skip = no_branch(source)
            self.branches[source] = {at: n for at, n in taken.items() if at[0] not in skip}

    def of(self, sources):
        """Lines, lines run, branches, branches taken."""
        lines = [n for s in sources for n in self.lines.get(s, {}).values()]
        branches = [n for s in sources for n in self.branches.get(s, {}).values()]
        return len(lines), sum(n > 0 for n in lines), len(branches), sum(n > 0 for n in branches)

    def row(self, name, sources):
        l, run, b, taken = self.of(sources)
        print(f"{name:28} {l:6} {100 * run / max(l, 1):7.2f} %  {b:6} {100 * taken / max(b, 1):7.2f} %")

    def missed(self, source):
        with open(os.path.join(campaign.ROOT, source), encoding="utf-8") as f:
            text = f.read().split("\n")
        for n, count in sorted(self.lines.get(source, {}).items()):
            never = [i for (line, i), c in self.branches[source].items() if line == n and c == 0]
            if count == 0 or never:
                print(f"{source}:{n}: {'not run' if count == 0 else f'branches {never} never'}: {text[n - 1].strip()}")


def main():
    c = campaign.Campaign(__doc__, "1", None, suites=(str, SUITES, "suites of meson to run"),
                          missed=(str, "", "a file, or `areas`"),
                          programs=(str, "", "in place of suites: programs with their arguments"),
                          reuse=(int, 0, "1: read the counters there are"))
    folder = c.build if os.path.basename(c.build) != "build" else c.build + "-cov"
    if not c.options.reuse:
        build(folder, c.options.suites.split(","), c.options.programs)
    report = Report(folder)
    print(f"{'':28} {'lines':>6} {'run':>9}  {'branches':>6} {'taken':>6}")
    areas = {}
    for area, shapes in AREAS.items():
        sources = sorted(os.path.relpath(p, campaign.ROOT) for s in shapes for p in glob.glob(os.path.join(campaign.ROOT, s)))
        for source in sources:
            report.row(source, [source])
        report.row(f"{area} together", sources)
        print()
        areas[area] = sources
        l, run, b, taken = report.of(sources)
        c.runs += l
        c.figures[area] = {"lines": l, "lines_run": run, "branches": b, "branches_taken": taken}
    every = {s for sources in areas.values() for s in sources}
    for name in REST:
        rest = [s for s in report.lines if os.path.dirname(s) == name and s.endswith(".c") and s not in every]
        report.row(name + "/ (rest)", rest)
    rest = [s for s in report.lines if s.endswith(".c") and s not in every and os.path.dirname(s) in REST]
    report.row("rest together", rest)
    l, run, b, taken = report.of(rest)
    c.figures["rest"] = {"lines": l, "lines_run": run, "branches": b, "branches_taken": taken}
    for source in sorted(every) if c.options.missed == "areas" else filter(None, [c.options.missed]):
        report.missed(source)
    c.end()


if __name__ == "__main__":
    main()
