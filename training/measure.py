# SPDX-License-Identifier: Apache-2.0
"""Figures from what the classifier said about rows that it was not trained on."""
import random

import numpy as np

import expand
import sources

THRESHOLD = 0.62
BENCHMARKS = ["routellm_mmlu", "routellm_gsm8k", "openai_gsm8k_6b_175b", "mmlu_pro", "arena_bench_v1"]
EVERYDAY = ["prompts_clinc150", "prompts_snips2017"]


def curve(fraction, perf):
    weak, strong = perf[0], perf[-1]
    apgr = (np.trapz(perf, fraction) - weak) / (strong - weak)
    cpt = {x: float(np.interp(weak + x / 100 * (strong - weak), perf, fraction * 100)) for x in (20, 50, 80)}
    return float(apgr), cpt


def official(score, weak, strong):
    """RouteLLM's eleven thresholds at the deciles of the scores (arXiv 2406.18665, section 5)."""
    points = []
    for i in range(11):
        t = np.quantile(score, i / 10)
        up = score > t if i == 10 else score >= t
        points.append((up.mean(), np.where(up, strong, weak).mean()))
    points.sort()
    return np.array([p for p, _ in points]), np.array([q for _, q in points])


def routing(score, weak, strong, rounds=500):
    apgr, cpt = curve(*official(score, weak, strong))
    rnd, tries = np.random.default_rng(0), []
    order = np.argsort(-score, kind="stable")
    gain, low = (strong - weak)[order], weak[order]
    grid = np.linspace(0, 1, 11)
    for _ in range(rounds):
        n = np.bincount(rnd.integers(0, len(gain), len(gain)), minlength=len(gain))
        fraction = np.concatenate([[0], np.cumsum(n)]) / n.sum()
        perf = np.concatenate([[0], np.cumsum(gain * n)]) / n.sum() + (low * n).sum() / n.sum()
        if perf[-1] > perf[0]:
            tries.append(curve(grid, np.interp(grid, fraction, perf)))
    pick = lambda f: [float(np.quantile([f(t) for t in tries], q)) for q in (.025, .975)]
    return dict(n=len(score), apgr=apgr, apgr_95=pick(lambda t: t[0]), cpt50=cpt[50], cpt50_95=pick(lambda t: t[1][50]),
                cpt80=cpt[80], weak=float(weak.mean()), strong=float(strong.mean()),
                curve=[[round(float(x), 4), round(float(y), 4)] for x, y in zip(*official(score, weak, strong))])


def auroc(score, truth):
    order = np.argsort(score, kind="stable")
    rank = np.empty(len(score))
    rank[order] = np.arange(1, len(score) + 1)
    for v in np.unique(score[np.concatenate([[False], np.diff(np.sort(score)) == 0])]):
        rank[score == v] = rank[score == v].mean()
    p = truth.sum()
    return float((rank[truth].sum() - p * (p + 1) / 2) / (p * (len(truth) - p)))


def calibration(score, fails, bins=10):
    edges, error = np.clip((score * bins).astype(int), 0, bins - 1), 0.0
    for b in range(bins):
        own = edges == b
        if own.any():
            error += own.mean() * abs(score[own].mean() - fails[own].mean())
    return float(error)


def f1(truth, said, classes):
    out = {}
    for c in classes:
        hit = int(((truth == c) & (said == c)).sum())
        wrong = int(((truth == c) != (said == c)).sum())
        out[c] = 2 * hit / (2 * hit + wrong) if hit + wrong else None
    return out


def macro_interval(truth, said, rounds=200):
    rnd = np.random.default_rng(0)
    tries = []
    for _ in range(rounds):
        i = rnd.integers(0, len(truth), len(truth))
        tries.append(np.mean(list(f1(truth[i], said[i], sources.LABELS).values())))
    return [float(np.quantile(tries, q)) for q in (.025, .975)]


def label_of(task):
    return sources.LABEL_OF.get(task, "assistant_command")


DRESSES = {
    "upper case": lambda t, r: t.upper(),
    "lower case": lambda t, r: t.lower(),
    "wide spacing": lambda t, r: "  \n" + t.replace(" ", "   ") + "\n\n",
    "look-alike letters": lambda t, r: t.translate(str.maketrans("aeopcxyAEOPCTX", "аеорсхуАЕОРСТХ")),
    "zero-width signs": lambda t, r: "\u200b".join(t),
    "padding with dots": lambda t, r: t + " " + ". " * 100,
    "a kind sentence after": lambda t, r: t + " " + r.choice(expand.PHRASES),
    "a kind sentence before": lambda t, r: r.choice(expand.PHRASES) + " " + t,
    "a harmless paragraph after": lambda t, r: t + "\n\n" + " ".join(r.sample(expand.harmless(), 3)),
    "the text twice": lambda t, r: t + "\n" + t,
    "one typing slip": lambda t, r: slip(t, r),
}


def slip(text, rnd):
    words = text.split(" ")
    long = [i for i, w in enumerate(words) if len(w) > 4]
    if long:
        i = rnd.choice(long)
        words[i] = words[i][0] + words[i][2] + words[i][1] + words[i][3:]
    return " ".join(words)


def perturbations(path, rows, share=0.06):
    import features  # needs the library that train.sh builds

    rnd = random.Random(7)
    picked = [r for r in rows if not r["made"] and (r["src"] == "own" or rnd.random() < share)]
    for name, change in DRESSES.items():
        for r, s in zip(picked, features.score(path, [change(r["text"], rnd) for r in picked])):
            r.setdefault("dresses", {})[name] = s["score"]


def figures(rows):
    out = dict(routing={}, sources={}, threshold=THRESHOLD)
    score = np.array([r["said"]["score"] for r in rows])
    src = np.array([r["src"] for r in rows])
    for b in BENCHMARKS:
        own = np.array([i for i, r in enumerate(rows) if r["src"] == b and not r["excluded"]])
        out["routing"][b] = routing(score[own], np.array([rows[i]["weak"] for i in own], float),
                                    np.array([rows[i]["strong"] for i in own], float))
    for s in sorted(set(src)):
        if s != "own":
            out["sources"][s] = spread(score[src == s])
    for task in sorted({r["task"] for r in rows if r["id"].startswith("middle")}):
        own = np.array([r["id"].startswith("middle") and r["task"] == task for r in rows])
        out["sources"]["own middle " + task] = spread(score[own])
    for task_level in ("easy", "middle", "hard", "given", "pasted", "deep", "work", "form"):
        own = np.array([r["src"] == "own" and r["id"].startswith(task_level) for r in rows])
        out["sources"]["own " + task_level] = spread(score[own])
    out["everyday_kept"] = float((score[np.isin(src, EVERYDAY)] < THRESHOLD).mean())
    fails = np.array([np.nan if r["fails"] is None or r["src"] == "own" else r["fails"] for r in rows])
    known = ~np.isnan(fails)
    out["auroc_fails"] = auroc(score[known], fails[known] >= .5)
    out["calibration_error"] = calibration(score[known], fails[known])
    outcomes = known & ~np.isin(src, EVERYDAY)
    out["auroc_fails_outcomes"] = auroc(score[outcomes], fails[outcomes] >= .5)
    out["calibration_error_outcomes"] = calibration(score[outcomes], fails[outcomes])
    tasks(out, rows)
    dresses(out, rows)
    return out


def spread(s):
    return dict(n=len(s), mean=float(s.mean()), p5=float(np.quantile(s, .05)), p95=float(np.quantile(s, .95)),
                up=float((s >= THRESHOLD).mean()))


def tasks(out, rows):
    labelled = [r for r in rows if r["label"] in sources.LABELS]
    truth = np.array([r["label"] for r in labelled])
    said = np.array([label_of(r["said"]["task"]) for r in labelled])
    out["label_f1"] = f1(truth, said, sources.LABELS)
    out["label_accuracy"] = float((truth == said).mean())
    out["label_macro_f1"] = float(np.mean(list(out["label_f1"].values())))
    out["label_macro_f1_95"] = macro_interval(truth, said)
    out["task_macro_f1"] = float(np.mean([v for k, v in out["label_f1"].items() if k != "chat"]))
    own = [r for r in rows if r["src"] == "own" and not r["made"]]
    truth, said = np.array([r["task"] for r in own]), np.array([r["said"]["task"] for r in own])
    out["task_f1_own"] = f1(truth, said, sources.TASKS)
    every = [r for r in rows if r["task"]]
    out["task_accuracy_all"] = float(np.mean([r["task"] == r["said"]["task"] for r in every]))
    latin = [r for r in own if r["lang"] in expand.STOPWORDS]
    out["language_accuracy_own"] = float(np.mean([r["said"]["language"] == r["lang"] for r in latin]))
    for key, picked in (("fresh_f1", [r for r in rows if r["src"] in EVERYDAY]),
                        ("fresh_f1_own", [r for r in rows if r["id"].startswith("fresh-")])):
        out[key] = f1(np.array([bool(r["fresh"]) for r in picked]),
                      np.array([r["said"]["fresh"] for r in picked]), [True])[True]


def dresses(out, rows):
    out["flips"] = {}
    for name in DRESSES:
        pairs = [(r["said"]["score"], r["dresses"][name]) for r in rows if "dresses" in r]
        a, b = (np.array(x) for x in zip(*pairs))
        out["flips"][name] = dict(n=len(a), flipped=float(((a >= THRESHOLD) != (b >= THRESHOLD)).mean()),
                                  moved=float(np.abs(a - b).mean()))


def show(f):
    for b, r in f["routing"].items():
        print("%-22s n %5d  APGR %.3f [%.3f, %.3f]  CPT50 %.1f [%.1f, %.1f]  CPT80 %.1f" %
              (b, r["n"], r["apgr"], *r["apgr_95"], r["cpt50"], *r["cpt50_95"], r["cpt80"]))
    for s, r in f["sources"].items():
        print("%-26s n %5d  mean %.2f  5%% %.2f  95%% %.2f  at or above the threshold %.3f" %
              (s, r["n"], r["mean"], r["p5"], r["p95"], r["up"]))
    for k in ("everyday_kept", "auroc_fails", "calibration_error", "auroc_fails_outcomes",
              "calibration_error_outcomes", "label_accuracy", "label_macro_f1", "label_macro_f1_95",
              "task_macro_f1", "label_f1",
              "task_accuracy_all", "task_f1_own", "language_accuracy_own", "fresh_f1",
              "fresh_f1_own"):
        print(k, f[k])
    for name, r in f["flips"].items():
        print("%-24s n %5d  flipped %.4f  moved %.3f" % (name, r["n"], r["flipped"], r["moved"]))
