#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""card.py REPORT.json CARD.md: writes the figures between the marks in the model card."""
import json
import re
import sys
from pathlib import Path

NAMES = {"routellm_mmlu": "MMLU, Mixtral-8x7B to GPT-4", "routellm_gsm8k": "GSM8K, Mixtral-8x7B to GPT-4",
         "openai_gsm8k_6b_175b": "GSM8K, GPT-3 6B to 175B", "mmlu_pro": "MMLU-Pro, Phi-3-mini to GPT-4o",
         "arena_bench_v1": "Arena questions, Mixtral-8x7B to GPT-4"}


def routing(f):
    yield "| benchmark | prompts | APGR [95 %] | CPT50 [95 %] | CPT80 |"
    yield "|---|---|---|---|---|"
    for name, r in f["routing"].items():
        yield "| %s | %d | %.3f [%.3f, %.3f] | %.1f %% [%.1f, %.1f] | %.1f %% |" % (
            NAMES[name], r["n"], r["apgr"], *r["apgr_95"], r["cpt50"], *r["cpt50_95"], r["cpt80"])
    yield ""
    yield "- Failures of models of at most 8 billion parameters (MMLU-Pro, GSM8K): AUROC %.3f, calibration error " \
          "%.3f (10 bins); with everyday requests counted as done, %.3f and %.3f." % (
              f["auroc_fails_outcomes"], f["calibration_error_outcomes"], f["auroc_fails"], f["calibration_error"])
    yield "- CLINC150 and SNIPS kept on the device at the default threshold of %.2f: %.2f %%." % (
        f["threshold"], 100 * f["everyday_kept"])


def spreads(f):
    yield "| source | prompts | mean score | 5 % | 95 % | escalated |"
    yield "|---|---|---|---|---|---|"
    for name, r in f["sources"].items():
        yield "| %s | %d | %.2f | %.2f | %.2f | %.1f %% |" % (name.replace("_", " "), r["n"], r["mean"], r["p5"],
                                                            r["p95"], 100 * r["up"])


def tasks(f):
    yield "| label | F1 |"
    yield "|---|---|"
    for name, v in f["label_f1"].items():
        yield "| %s | %.3f |" % (name, v)
    yield "| **mean of the labels (macro-F1)** | **%.3f** [%.3f, %.3f] |" % (f["label_macro_f1"], *f["label_macro_f1_95"])
    yield "| mean of the seven that name a task (without chat) | %.3f |" % f["task_macro_f1"]
    yield ""
    yield "Accuracy over these labels %.3f; over the finer task names %.3f. Needs fresh knowledge: F1 %.3f " \
          "on CLINC150 and SNIPS, %.3f on forms written for this project. " \
          "Language of the prompts written for this project (Latin script): %.3f right." % (
              f["label_accuracy"], f["task_accuracy_all"], f["fresh_f1"], f["fresh_f1_own"], f["language_accuracy_own"])


def flips(f):
    yield "| change | prompts | decisions that flip | mean move of the score |"
    yield "|---|---|---|---|"
    for name, r in f["flips"].items():
        yield "| %s | %d | %.2f %% | %.3f |" % (name, r["n"], 100 * r["flipped"], r["moved"])


def main():
    f, card = json.load(open(sys.argv[1])), Path(sys.argv[2])
    text = card.read_text(encoding="utf8")
    for mark, lines in (("routing", routing), ("spreads", spreads), ("tasks", tasks), ("flips", flips)):
        text = re.sub(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda m: m.group(1) + "\n".join(lines(f)) + "\n" + m.group(2),
                      text, flags=re.S)
    card.write_text(text, encoding="utf8")


if __name__ == "__main__":
    main()
