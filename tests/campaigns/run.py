#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The campaigns, one command each.

run.py                            what there is
run.py NAME [--budget 10m] [--seed 7] [--build build] [...]
run.py all --budget 60s           every one in turn, each with that budget; a table at the end

A budget is a number of runs or a time (90s, 10m, 8h). Each prints its seed, the build, one line of JSON with its
figures, and for everything that went wrong the command that repeats it. 0: nothing wrong; 1: something; 77: it
needs what is not here, and says what.
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CAMPAIGNS = {  # name: (default budget, what one run is, what it tries)
    "fuzz": ("3m", "an execution", "every parser and translator, with sanitizers"),
    "texts": ("1000000", "a text", "hostile texts to the classifier and the scanner"),
    "alloc": ("all", "a failed allocation", "each allocation of each scenario fails, alone and from there on"),
    "syscalls": ("200", "a failed system call", "each call of each role of a whole daemon fails, one errno at a time"),
    "kills": ("800", "a kill", "consent dies before, in and after each write, sync and send"),
    "torn": ("20000", "a disk image", "the ledger after the power went: writes lost, torn, in another order"),
    "ticket": ("4000", "a message", "the hand-over to cloud: bits, fields, replays, races"),
    "hostile_router": ("20000", "a message", "a router that lies to consent"),
    "hostile_cloud": ("60", "a reply", "providers that drip, flood, cut and lie"),
    "hostile_engine": ("60", "a reply", "an engine that drips, floods, cuts and lies"),
    "hostile_client": ("200", "a connection", "clients that smuggle, drip, flood and leave"),
    "disconnect": ("200", "a client", "clients that leave at any moment; whoever answered must be left alone"),
    "races": ("2000", "a connect", "another user connects while sockets are bound"),
    "cuts": ("all", "a cut", "recorded streams cut at every byte"),
    "egress": ("300", "a request", "local-only in a namespace where every packet is seen"),
    "canary": ("400", "a request", "words of prompts, answers and keys, looked for in all that is left or held"),
    "soak": ("60s", "a request", "mixed requests with faults; memory, descriptors, processes, ledger"),
    "analysis": ("all", "a source, program or test", "clang-tidy, cppcheck, hardening, the unit tests under memcheck"),
    "coverage": ("all", "a line", "lines and branches of decision, gate, ledger and policy"),
    "mutation": ("200", "a mutant", "small mistakes made on purpose in the same; do the tests notice?"),
}


def run(name, arguments):
    script = os.path.join(HERE, name + ".py")
    done = subprocess.Popen([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True)
    last = {}
    for line in done.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith('{"campaign"'):
            last = json.loads(line)
    return done.wait(), last


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help", "list"):
        print(__doc__)
        for name, (budget, unit, what) in CAMPAIGNS.items():
            print(f"  {name:15} {what}\n  {'':15} a run is {unit}; budget unless told: {budget}")
        return 0
    name, *arguments = sys.argv[1:]
    if name != "all":
        if name not in CAMPAIGNS:
            print(f"there is no campaign {name}; run.py alone lists them", file=sys.stderr)
            return 2
        return run(name, arguments)[0]
    results = {name: run(name, arguments) for name in CAMPAIGNS}
    print(f"\n{'campaign':15} {'runs':>10} {'wrong':>6} {'seconds':>8}  fraction of the full figure")
    for name, (code, line) in results.items():
        said = "skipped" if code == 77 else "" if line else f"ended with {code}"
        print(f"{name:15} {line.get('runs', 0):>10} {line.get('wrong', '-'):>6} {line.get('seconds', 0):>8}  "
              f"{line.get('fraction', said)}")
    return max(1 if code not in (0, 77) else 0 for code, _ in results.values())


if __name__ == "__main__":
    sys.exit(main())
