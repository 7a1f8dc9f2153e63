#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What can be said of the sources and programs without running a scenario: clang-tidy with the checks of .clang-tidy
and cppcheck on every source of the programs, the hardening of the built programs (check_hardening.py), and the unit
tests under valgrind's memcheck, with leaks counted. A run is one source, program or test. What is not installed is
said and is wrong: this campaign is for a machine that has all three (clang-tidy, cppcheck, valgrind). The whole is one
pass; a budget does not shorten it.

analysis.py [--only tidy,cppcheck,hardening,memcheck] [--jobs N]

Left out of memcheck: tests that install a system call filter in a child, or that draw for minutes (--all has them);
and the one that makes memory run out with a malloc of its own, in whose place valgrind puts its own. Messages that a
hostile router sends are a quarter there."""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess

import campaign

# Processes of their own with filters, or so many draws that memcheck would take an hour.
NOT_UNDER_MEMCHECK = {"jail", "jail_sweep", "child_jail", "cloud_names", "egress", "recorded"}
OWN_MALLOC = {"ledger_faults"}
CPPCHECK = ["--enable=warning,portability,performance", "--inline-suppr", "--std=c11", "--quiet",
            "--error-exitcode=1", "--template={file}:{line}: {id}: {message}",
            "--suppress=missingIncludeSystem", "--suppress=unusedStructMember",
            # Not understood by it: a number in hexadecimal floating point; text that snprintf writes into an array;
            # ownership that goes into an array's element; NULL, which is a pointer here, among variadic arguments.
            "--suppress=incorrectLogicOperator:*common/json_read.c", "--suppress=uninitvar:*common/json_gate.c",
            "--suppress=memleak:*cli/conversation.c", "--suppress=varFuncNullUB:*cloud/fetch.c",
            "--suppress=ctuuninitvar"]


def sources(build):
    """The sources of what is shipped, as they were compiled."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        files = {os.path.normpath(os.path.join(c["directory"], c["file"])) for c in json.load(f)}
    apart = tuple(os.path.join(campaign.ROOT, name) for name in ("tests", "bench", os.path.basename(build)))
    return sorted(f for f in files if f.endswith(".c") and not f.startswith(apart))


def call(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, cwd=campaign.ROOT, **more)
    return done.returncode, done.stdout + done.stderr


def tidy(c, name):
    code, said = call("clang-tidy", "-p", c.build, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                      "--extra-arg=-Qunused-arguments", name)
    return "\n".join(re.findall(r".*(?:warning|error): .*", said)) if code else ""


def cppcheck(c, names):
    """All at once: it looks across files. {source: what it says}"""
    folder = os.path.join(c.build, "cppcheck")
    os.makedirs(folder, exist_ok=True)
    ignored = [a for name in ("tests", "bench", os.path.basename(c.build)) for a in ("-i", os.path.join(campaign.ROOT, name))]
    code, said = call("cppcheck", "--project=" + os.path.join(c.build, "compile_commands.json"), *ignored,
                      "--cppcheck-build-dir=" + folder, f"-j{c.options.jobs}", *CPPCHECK)
    lines = said.replace(campaign.ROOT + os.sep, "").splitlines()
    found = {name: "\n".join(line for line in lines if line.startswith(os.path.relpath(name, campaign.ROOT) + ":"))
             for name in names}
    if code and not any(found.values()):
        found[names[0]] = said
    return found


def hardening(_, name):
    code, said = call("python3", os.path.join("tests", "check_hardening.py"), name)
    return said if code else ""


def memcheck(_, name):
    code, said = call("valgrind", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite",
                      "--trace-children=no", "--quiet", name, env=dict(os.environ, HITHER_HOSTILE="5000"))
    return said[-3000:] if code else ""


def main():
    c = campaign.Campaign(__doc__, "1", None, only=(str, "tidy,cppcheck,hardening,memcheck", "these, commas between"),
                          jobs=(int, os.cpu_count(), "at once"), all=(int, 0, "1: every unit test under memcheck"))
    tests = [t for t in sorted(glob.glob(os.path.join(c.build, "**", "test_*"), recursive=True))
             if os.path.isfile(t) and os.access(t, os.X_OK) and os.path.basename(t)[5:] not in OWN_MALLOC and
             (c.options.all or os.path.basename(t)[5:] not in NOT_UNDER_MEMCHECK)]
    programs = [c.program(p) for p in ("hither", "hitherd", "hitherd-local", "hitherd-cloud")]
    plan = {"tidy": (tidy, "clang-tidy", sources(c.build)), "cppcheck": (None, "cppcheck", sources(c.build)),
            "hardening": (hardening, "readelf", programs), "memcheck": (memcheck, "valgrind", tests)}
    for kind in c.options.only.split(","):
        function, tool, names = plan[kind]
        if shutil.which(tool) is None:
            c.wrong(f"{kind}: {tool} is not installed", f"apt install {tool}")
            continue
        if kind == "cppcheck":
            said = cppcheck(c, names)
        else:
            with concurrent.futures.ThreadPoolExecutor(c.options.jobs) as pool:
                said = dict(zip(names, pool.map(lambda n, f=function: f(c, n), names)))
        for name in names:
            c.runs += 1
            c.check(not said[name], f"{kind}: {os.path.relpath(name, campaign.ROOT)}\n{said[name]}", c.again(only=kind))
        c.figures[kind] = len(names)
        print(f"{kind}: {len(names)} looked at", flush=True)
    c.end()


if __name__ == "__main__":
    main()
