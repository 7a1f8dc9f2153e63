#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile texts to the classifier and the scanner (tests/fault/hostile_texts.c): random bytes, crafted UTF-8, padding,
wrapping, one byte a million times, texts of up to 9 MiB. Each gets a score in its range and spans that are sound, or a
reason why there are none; none takes a minute; memory does not grow with their number. The budget counts texts."""
import re
import subprocess

import campaign

MOST_KIB = 640 << 10  # two scanners' worth of the largest text


def main():
    c = campaign.Campaign(__doc__, "1000000", 1000000, first=(int, 0, "number of the first text"))
    count = c.budget.runs or 1 << 62
    done = subprocess.run([c.program("tests/hostile_texts"), str(c.seed), str(c.options.first), str(count),
                           str(c.budget.seconds or 0)], capture_output=True, text=True, check=False)
    for number, what in re.findall(r"^WRONG: 0*(\d+) (.*)", done.stdout, re.M):
        c.wrong(f"text {number}: {what}",
                f"{c.program('tests/hostile_texts')} {c.seed} {number} 1 0")
    said = re.search(r"(\d+) texts, (\d+) unknown, (\d+) KiB held at most, (.*)", done.stdout)
    if said:
        c.runs = int(said[1])
        c.figures.update(unknown=int(said[2]), most_kib=int(said[3]), slowest=said[4])
        c.check(int(said[3]) < MOST_KIB, f"it held {said[3]} KiB")
    elif not c.bad:
        c.wrong(f"it ended with {done.returncode}: {done.stderr[-500:]}")
    c.end()


if __name__ == "__main__":
    main()
