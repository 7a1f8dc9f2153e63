#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""golden.py WEIGHTS > tests/unit/classify_golden.inc: what the weights say today, to the bit."""
import json
import struct
import sys

import features

PROMPTS = [
    "", "a", "What is the capital of France?", "Prove that there are infinitely many primes.",
    "Erinnere mich an den Termin um zehn", "¿Qué tiempo hace hoy?", "请总结这封邮件", "\U0001F600 ok",
    "def f(x):\n    return x ** 2\n\nWhy is this slow?",
    "Natalia sold 48 clips in April and half as many in May. How many clips did she sell?",
    "Which gas do plants take in?\nA. Oxygen\nB. Carbon dioxide\nC. Helium\nD. Neon\nAnswer:",
    "Summarize: " + "the meeting moved to Tuesday at nine. " * 40,
]


def bits(x):
    return "0x%08x" % struct.unpack("<I", struct.pack("<f", x))[0]


def main():
    for text, r in zip(PROMPTS, features.score(sys.argv[1], PROMPTS)):
        quoted = "".join(c if 32 <= ord(c) < 127 and c not in '"\\?' else "".join("\\%03o" % b for b in c.encode())
                         for c in text)
        print('{ "%s", %s, %s, "%s", %s },' % (quoted, bits(r["score"]), bits(r["confidence"]), r["task"],
                                            json.dumps(r["language"])))


if __name__ == "__main__":
    main()
