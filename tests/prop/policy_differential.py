# SPDX-License-Identifier: Apache-2.0
"""Compare the batch evaluator with the oracle on random (stack, request, destination).

usage: policy_differential.py EVALUATOR [--triples N] [--seed S]

EVALUATOR is a program, with its arguments, that takes lines on stdin as `hither policy eval
--jsonl` does. Prints the figures; exit 1 when an answer differs."""
import argparse
import json
import shlex
import subprocess
import sys

import policy_oracle
import policy_random


def batch(generator, size):
    """Some requests to each stack: making stacks is the slow part."""
    lines = []
    while len(lines) < size:
        stack = generator.stack()
        for _ in range(4):
            lines.append({"id": len(lines), "layers": stack, "request": generator.request()})
    return lines


def compare(command, lines, oracle):
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    run = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=False)
    answers = run.stdout.decode().splitlines()
    if len(answers) != len(lines):
        sys.exit("%d answers to %d lines" % (len(answers), len(lines)))
    triples, different = 0, []
    for line, answer in zip(lines, answers):
        got = json.loads(answer)
        want = {"id": line["id"], "verdicts": oracle(line["layers"], line["request"])}
        triples += len(want["verdicts"])
        if got != want:
            different.append((line, got, want))
    return triples, different


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluator")
    parser.add_argument("--triples", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    command, triples, seed, failed = shlex.split(a.evaluator), 0, a.seed, 0
    while triples < a.triples:
        for habit, options in policy_random.HABITS.items():
            generator = policy_random.Generator("%s %d" % (habit, seed), **options)
            n, different = compare(command, batch(generator, 80), policy_oracle.verdicts)
            triples += n
            failed += len(different)
            for line, got, want in different[:3]:
                print("habit %s seed %d\n  line %s\n  got  %s\n  want %s" % (
                    habit, seed, json.dumps(line), json.dumps(got), json.dumps(want)))
        seed += 1
    print("%d triples, seeds %d..%d, habits %s: %d lines differ" % (
        triples, a.seed, seed - 1, " ".join(policy_random.HABITS), failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
