#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disk images as a loss of power may leave them (tests/fault/torn_writes.c), for every point of recorded runs of the
ledger: each opens and verifies with all that was promised, and no approval is used twice. The budget counts images."""
import re
import subprocess

import campaign


def main():
    c = campaign.Campaign(__doc__, "20000", 100000, only=(str, "", "SCRIPT:POINT:DRAW, this one alone"))
    command = [c.program("tests/fault/torn_writes"), "--seed", str(c.seed)]
    command += ["--seconds", str(c.budget.seconds), "--images", str(10**9)] if c.budget.seconds else \
        ["--images", str(c.budget.runs)]
    if c.options.only:
        command += ["--only", c.options.only]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for what in re.findall(r"^WRONG: (\S+) (.*)", done.stdout, re.M):
        c.wrong(" ".join(what), c.again(only=what[0]))
    said = re.search(r"(\d+) images of (\d+) points, \d+ wrong", done.stdout)
    if c.check(said is not None, f"it ended with {done.returncode}: {done.stderr[-500:]}"):
        c.runs = int(said[1])
        c.figures["points"] = int(said[2])
    c.end()


if __name__ == "__main__":
    main()
