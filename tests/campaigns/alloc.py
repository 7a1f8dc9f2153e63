#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each allocation of each scenario (tests/fault/fail_alloc.c) fails, alone and from there on: nothing crashes, nothing
stays allocated, and what says that it succeeded has the result that it has when nothing fails. The matrix is whole; a
budget does not shorten it. For the role consent with its ledger the same is unit/gate_faults'
`whatever_fails_nothing_leaves_unrecorded`."""
import re
import subprocess

import campaign


def main():
    c = campaign.Campaign(__doc__, "1", 100000, only=(str, "", "SCENARIO.VARIANT:N:alone|onwards, this one alone"))
    command = [c.program("tests/fault/fail_alloc"), campaign.ROOT]
    if c.options.only:
        command += ["--only", c.options.only]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = re.search(r"(\d+) scenarios, (\d+) allocations, (\d+) runs, (\d+) wrong", done.stdout)
    for what in re.findall(r"^WRONG: (\S+) (.*)", done.stdout, re.M):
        c.wrong(" ".join(what), c.again(only=what[0]))
    if said:
        c.runs = int(said[3])
        c.figures.update(scenarios=int(said[1]), allocations=int(said[2]))
    else:  # it died: the last one that it named
        c.wrong(f"it ended with {done.returncode}", c.again(only=done.stderr.split("\r")[-1].strip()))
    c.end()


if __name__ == "__main__":
    main()
