#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""score_eval.py HITHER FILE.jsonl...: what `hither score` says about prompts with known outcomes.

Rows as in the training data: id, prompt, and weak_score/strong_score or a task label. Prints
APGR, CPT50 and CPT80 with 95 % intervals, the share below the threshold, and F1 per label.
Rows that the shipped weights were trained on flatter them; docs/classifier.md has the figures
of cross-validation.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))
import measure  # noqa: E402
import sources  # noqa: E402


def said_about(hither, rows):
    lines = "".join(json.dumps(dict(id=i, prompt=r["prompt"])) + "\n" for i, r in enumerate(rows))
    out = subprocess.run([hither, "score", "--jsonl"], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def main():
    hither, *paths = sys.argv[1:]
    for path in paths:
        rows = [json.loads(line) for line in open(path, encoding="utf8")]
        said = said_about(hither, rows)
        score = np.array([s["score"] for s in said])
        print("%s: %d rows, %.1f %% below %.2f, mean %.3f" % (Path(path).stem, len(rows), 100 * (
            score < measure.THRESHOLD).mean(), measure.THRESHOLD, score.mean()))
        own = np.array([i for i, r in enumerate(rows) if r.get("weak_score") is not None
                        and r.get("strong_score") is not None and not r.get("routellm_excluded")], int)
        if len(own) > 20:
            f = measure.routing(score[own], np.array([rows[i]["weak_score"] for i in own], float),
                                np.array([rows[i]["strong_score"] for i in own], float))
            print("  APGR %.3f [%.3f, %.3f]  CPT50 %.1f  CPT80 %.1f" % (f["apgr"], *f["apgr_95"], f["cpt50"], f["cpt80"]))
        truth = np.array([r.get("task", "") for r in rows])
        tasks = np.array([measure.label_of(s["task"]) for s in said])
        f1 = measure.f1(truth, tasks, [c for c in sources.LABELS if (truth == c).any()])
        print("  " + ", ".join("%s F1 %.3f" % p for p in f1.items()))


if __name__ == "__main__":
    main()
