#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded streams (tests/recorded/) cut at every byte, with two ends after each cut, through every client's writer:
none may look complete. The matrix is whole; a budget does not shorten it."""
import re
import subprocess

import campaign


def main():
    c = campaign.Campaign(__doc__, "1", 10000)
    program = c.program("tests/test_recorded")
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    cuts = re.search(r"(\d+) cuts", said)
    c.runs = int(cuts[1]) if cuts else 0
    c.figures["said"] = cuts.string[cuts.start():].splitlines()[0] if cuts else ""
    c.check(done.returncode == 0, said[-2000:], program)
    c.end()


if __name__ == "__main__":
    main()
