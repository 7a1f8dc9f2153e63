#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The role consent killed before, in and after each call that writes, syncs or sends (tests/fault/kill_points.py):
the chain verifies, each send has one record, nothing is sent twice. The budget counts kills."""
import glob
import os
import re
import subprocess
import sys

import campaign


def main():
    c = campaign.Campaign(__doc__, "800", 10000)
    module = glob.glob(os.path.join(c.build, "tests", "fault", "*kill_at.so"))
    if not module:
        sys.exit("kill_at is not there: ninja -C " + c.build)
    command = [sys.executable, os.path.join(campaign.ROOT, "tests", "fault", "kill_points.py"),
               c.program("tests/flow/role_consent"), module[0], c.program("hither"), "--seed", str(c.seed % 100000)]
    command += ["--minutes", str(c.budget.seconds / 60), "--kills", "1000000"] if c.budget.seconds else \
        ["--kills", str(c.budget.runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    sweeps = re.findall(r"(\d+) sweeps, (\d+) kills, (\d+) sends, (\d+) granted", done.stdout)
    if sweeps:
        c.runs = int(sweeps[-1][1])
        c.figures.update(sweeps=int(sweeps[-1][0]), sends=int(sweeps[-1][2]), granted=int(sweeps[-1][3]))
    c.check(done.returncode == 0, (done.stdout + done.stderr)[-3000:], " ".join(command))
    c.end()


if __name__ == "__main__":
    main()
