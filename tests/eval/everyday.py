#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""everyday.py HITHER: what the default threshold does with requests written for this test.

everyday.tsv: keep or up, kind, language, text. Mails to summarise are put together from mails.txt.
kinds.tsv: kinds of requests in the order of how much a stronger model gains on them. fresh.tsv:
whether an answer needs knowledge of today. None of these
texts is in the training data; `training/train.sh` refuses to train on them. Exit 1 when a bound fails.
"""
import json
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
THRESHOLD = 0.62
ASKS = ["Summarize this mail:\n\n{}", "{}\n\nWhat do I have to do? Three bullet points.", "tl;dr please\n\n{}",
        "Write a short reply to this mail and say that I will help at the party.\n\n{}",
        "Fasse diese Mail zusammen:\n\n{}", "Résume ce courriel :\n\n{}", "Resume este correo:\n\n{}",
        "Which dates does this message mention?\n\n{}", "Correct the spelling in this mail:\n\n{}",
        "Translate this into French:\n\n{}"]


def rows(name):
    for line in (HERE / name).read_text(encoding="utf8").splitlines():
        yield [field.replace("\\n", "\n") for field in line.split("\t")]


def mails():
    rnd, lines = random.Random(11), (HERE / "mails.txt").read_text(encoding="utf8").splitlines()
    for i in range(40):
        body, words = [], rnd.randint(300, 800)
        while sum(len(s.split()) for s in body) < words:
            body += rnd.sample(lines, len(lines))
        while sum(len(s.split()) for s in body) > words + 20:
            body.pop()
        yield ["keep", "mail", "en", rnd.choice(ASKS).format(rnd.choice([" ", "\n", "\n\n"]).join(body))]


def score(hither, texts, *more):
    lines = "".join(json.dumps({"id": i, "prompt": t}) + "\n" for i, t in enumerate(texts))
    out = subprocess.run([hither, "score", "--jsonl", *more], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def check(failed, ok, sentence):
    print(("ok    " if ok else "FAILS ") + sentence)
    if not ok:
        failed.append(sentence)


def everyday(hither, failed):
    prompts = list(rows("everyday.tsv")) + list(mails())
    wrong, total = defaultdict(list), defaultdict(int)
    for (want, kind, lang, text), said in zip(prompts, score(hither, [p[3] for p in prompts])):
        total[want] += 1
        total[want, kind] += 1
        if (said["score"] >= THRESHOLD) != (want == "up"):
            wrong[want].append((said["score"], kind, lang, text))
    for want, least, words in (("keep", .98, "everyday requests stay on the device"),
                               ("up", .95, "hard requests go up")):
        share = 1 - len(wrong[want]) / total[want]
        check(failed, share >= least, "%.1f %% of %d %s, at least %.0f %%" % (100 * share, total[want], words, 100 * least))
        for s, kind, lang, text in wrong[want]:
            print("        %.2f %s %s %s" % (s, kind, lang, text[:100].replace("\n", " ")))
    check(failed, total["keep"] + total["up"] >= 200, "%d requests" % (total["keep"] + total["up"]))


def kinds(hither, failed):
    prompts = list(rows("kinds.tsv"))
    mean, tasks = defaultdict(list), defaultdict(lambda: defaultdict(int))
    for (kind, text), said in zip(prompts, score(hither, [p[1] for p in prompts])):
        mean[kind].append(said["score"])
        tasks[kind][said["task"]] += 1
    mean = {k: sum(v) / len(v) for k, v in mean.items()}
    for kind, m in sorted(mean.items(), key=lambda x: -x[1]):
        print("      %.2f %s %s" % (m, kind, dict(tasks[kind])))
    soft = max(mean[k] for k in ("writing", "roleplay", "stem", "humanities"))
    for kind in ("coding", "math", "extraction", "reasoning"):
        check(failed, mean[kind] > soft, "%s (%.2f) above writing, roles, explanations (%.2f)" % (kind, mean[kind], soft))
    check(failed, mean["coding"] == max(mean[k] for k in mean if "academic" not in k), "coding the hardest")
    check(failed, mean["academic.hard"] > 1.5 * mean["academic.easy"], "hard exam questions well above easy ones")


def fresh(hither, failed):
    prompts = list(rows("fresh.tsv"))
    said = [s["fresh"] for s in score(hither, [p[1] for p in prompts], "--explain")]
    hit = sum(s and p[0] == "yes" for p, s in zip(prompts, said))
    precision, recall = hit / max(1, sum(said)), hit / sum(p[0] == "yes" for p in prompts)
    check(failed, precision >= .85, "what is said to need knowledge of today does: %.2f, at least .85" % precision)
    check(failed, recall >= .6, "what needs knowledge of today is found: %.2f, at least .60" % recall)
    for p, s in zip(prompts, said):
        if s != (p[0] == "yes"):
            print("        %s %s" % (p[0], p[1][:100].replace("\n", " ")))


def main():
    failed = []
    fresh(sys.argv[1], failed)
    everyday(sys.argv[1], failed)
    kinds(sys.argv[1], failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
