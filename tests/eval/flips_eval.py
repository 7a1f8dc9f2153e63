#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""flips_eval.py HITHER ROUTING: of the prompts that go up, how many stay when something harmless stands
around them, by source; ROUTING holds prompts_*.jsonl. Shipped weights, 600 prompts of a source."""
import json
import random
import sys
from pathlib import Path

from everyday import THRESHOLD, score

CHANGES = {
    "sentence behind": lambda t: t + " Thank you so much, I hope you have a lovely day and the weather is nice.",
    "greeting before": lambda t: "Hi there! Hope you are well. Quick one for you: " + t,
    "question behind": lambda t: t + "\n\nHow are you today? I hope all is well.",
    "paragraph behind": lambda t: t + "\n\nWe had a lovely lunch on Sunday. The weather was nice and the kids "
                                      "played in the garden all day.",
    "a word a line": lambda t: t.replace(" ", "\n"),
}


def main():
    hither, folder = sys.argv[1], Path(sys.argv[2])
    print("source\tup\t" + "\t".join(CHANGES))
    for name in ("prompts_arena_hard_v01", "prompts_arena_hard_v2", "prompts_agieval", "prompts_humaneval", "mmlu_pro"):
        with open(folder / (name + ".jsonl"), encoding="utf8") as f:
            texts = [json.loads(line)["prompt"] for line in f]
        random.Random(5).shuffle(texts)
        up = [t for t, s in zip(texts[:600], score(hither, texts[:600])) if s["score"] >= THRESHOLD]
        down = [sum(s["score"] < THRESHOLD for s in score(hither, [change(t) for t in up])) / len(up)
                for change in CHANGES.values()]
        print(name, len(up), *(f"{x:.1%}" for x in down), sep="\t")


if __name__ == "__main__":
    main()
