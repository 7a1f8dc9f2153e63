#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""flips_eval.py HITHER ROUTING [WEIGHTS]: of the prompts that go up, how many stay when something harmless stands
around them, by source; ROUTING holds prompts_*.jsonl. 600 prompts of a source; the shipped weights when
none are named."""
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
    "please around": lambda t: "please " + t + " please",
    "letters apart": lambda t: " ".join(t),
    "accents": lambda t: "".join(c + "\u0301" if c.isalpha() else c for c in t),
    "chat behind": lambda t: t + " We had soup for lunch and our neighbour walked the dog along the river.",
    "cheer behind": lambda t: t + " Cheers mate, you are a star!",
    "other cheer behind": lambda t: t + " Tu es un ange tomb\u00e9 du ciel!",
    "cheer before": lambda t: "Wassup legend! " + t,
    "chat before": lambda t: "Yesterday my sister baked an apple cake for the kids. " + t,
}


def main():
    hither, folder = sys.argv[1], Path(sys.argv[2])
    more = ("--weights", sys.argv[3]) if len(sys.argv) > 3 else ()
    print("source\tup\t" + "\t".join(CHANGES))
    for name in ("prompts_arena_hard_v01", "prompts_arena_hard_v2", "prompts_agieval", "prompts_humaneval", "mmlu_pro"):
        with open(folder / (name + ".jsonl"), encoding="utf8") as f:
            texts = [json.loads(line)["prompt"] for line in f]
        random.Random(5).shuffle(texts)
        up = [t for t, s in zip(texts[:600], score(hither, texts[:600], *more)) if s["score"] >= THRESHOLD]
        down = [sum(s["score"] < THRESHOLD for s in score(hither, [change(t) for t in up], *more)) / len(up)
                for change in CHANGES.values()]
        print(name, len(up), *(f"{x:.1%}" for x in down), sep="\t")


if __name__ == "__main__":
    main()
