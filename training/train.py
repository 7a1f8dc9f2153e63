#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains models/classifier.bin and writes the figures of docs/classifier.md.

  train.py --data DIR --out FILE [--pin HEADER] [--report JSON] [--folds 3] [--every N]

Linear models over hashed pieces of words, one per column of the weights file; see
router/classify/trained.c for how they are put together. Convex problems with fixed seeds:
a second run gives the same file. Cross-validation trains the whole model again for each
fold, writes a weights file, and lets the C code judge the rows left out.
"""
import argparse
import hashlib
import json
import multiprocessing
import random
import re
import struct
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression, Ridge

import expand
import features
import measure
import sources

COLUMNS, KNOWN = 48, 47
BASE, EXPERT, KIND, TASK = 0, 1, 4, 7
FRESH = TASK + len(sources.TASKS)
LANGUAGE = FRESH + 1
KINDS = ["routellm_mmlu", "mmlu_pro", "gsm8k"]
# Found by cross-validation; see the model card.
RIDGE_BASE, RIDGE_EXPERT, RIDGE_KIND, COUNT_WEIGHT = 3.0, 3.0, 1.0, 0.1
GAIN, BLEND = 0.9, 0.35
# Added to the logit: requests that were not seen in training come out nearer to the middle than
# those that were, and the models that people run are smaller than those with known outcomes.
LEAN = 0.5


def log(*words):
    print(f"[{time.process_time():6.1f} s]", *words, flush=True)


class Fit:
    """One column: weights of pieces and counts, in the scale of the C code."""

    def __init__(self, rows, rows_counts, what):
        self.w, self.c, self.b = rows, rows_counts, what


def idf_of(X):
    n, df = X.shape[0], X.astype(bool).sum(0).A1
    return ((np.log((n + 1) / (df + 1)) + .5) / 6).astype(np.float32)


class Space:
    """Rows of training texts, scaled for fitting, and back."""

    def __init__(self, X, C):
        self.idf = idf_of(X)
        self.mean, self.std = C.mean(0), C.std(0) + 1e-3
        counts = (C - self.mean) / self.std * COUNT_WEIGHT
        self.Z = sp.hstack([X @ sp.diags(self.idf), sp.csr_matrix(counts)]).tocsr().astype(np.float32)

    def unscaled(self, coef, intercept):
        rows = coef[: features.ROWS] * self.idf
        counts = coef[features.ROWS:] * COUNT_WEIGHT / self.std
        return rows, counts, float(intercept - counts @ self.mean)

    def ridge(self, y, alpha, weight):
        keep = weight > 0
        m = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-4, max_iter=400)
        m.fit(self.Z[keep], y[keep], sample_weight=weight[keep])
        return self.unscaled(m.coef_, m.intercept_)

    def votes(self, labels, classes, weight, C):
        """One against the rest, for columns of which the highest wins."""
        keep = weight > 0
        for c in classes:
            y = (labels[keep] == c).astype(int)
            if y.sum() == 0:
                yield np.zeros(features.ROWS), np.zeros(features.COUNTS), -9.0
                continue
            m = LogisticRegression(C=C, solver="liblinear", tol=1e-3, random_state=0, intercept_scaling=4.0)
            m.fit(self.Z[keep], y, sample_weight=weight[keep])
            yield self.unscaled(m.coef_[0], m.intercept_[0])


def logistic_1d(x, y, weight=None):
    m = LogisticRegression(C=1e4, random_state=0).fit(x.reshape(-1, 1), y, sample_weight=weight)
    return float(m.coef_[0, 0]), float(m.intercept_[0])


class Model:
    def __init__(self):
        self.rows = np.zeros((features.ROWS, COLUMNS), np.float64)
        self.count = np.zeros((features.COUNTS, COLUMNS), np.float64)
        self.bias = np.zeros(COLUMNS, np.float64)
        self.kinds, self.slope, self.offset, self.fresh_above = [], 1.0, 0.0, 0.0

    def put(self, column, fit):
        self.rows[:, column], self.count[:, column], self.bias[column] = fit

    def quantise(self, seen):
        """int8 rows: the scale of a column covers all but its most extreme weights."""
        self.scale = np.ones(COLUMNS, np.float64)
        self.q = np.zeros((features.ROWS, COLUMNS), np.int8)
        for c in range(COLUMNS):
            top = np.quantile(np.abs(self.rows[seen, c]), .9995)
            if top > 0:
                self.scale[c] = top / 127
                self.q[:, c] = np.clip(np.rint(self.rows[:, c] / self.scale[c]), -127, 127)
        self.q[:, KNOWN], self.scale[KNOWN] = seen.astype(np.int8), 1.0
        self.scale, self.bias, self.count = (a.astype(np.float32) for a in (self.scale, self.bias, self.count))

    def columns(self, X, C):
        return (X @ self.q.astype(np.float32)) * self.scale + self.bias + C @ self.count

    def difficulty(self, E):
        g = np.stack([1 / (1 + np.exp(-(k["slope"] * E[:, KIND + i] + k["offset"]))) for i, k in enumerate(self.kinds)], 1)
        total = g.sum(1)
        g /= np.maximum(total, 1)[:, None]
        base = E[:, BASE]
        v = np.stack([k["level"] + k["gain"] * (E[:, EXPERT + i] - k["mean"]) + k["blend"] * (base - k["level"])
                      for i, k in enumerate(self.kinds)], 1)
        return np.maximum(1 - total, 0) * base + (g * v).sum(1)

    def write(self, path, name):
        head = struct.pack("<8s6I32s", b"HITHERCL", 1, features.VERSION, features.BITS, COLUMNS, features.COUNTS,
                           len(sources.TASKS) + 1, name.encode())
        floats = [self.scale, self.bias, self.count, self.count_mean, [self.words_mean]]
        for k in self.kinds:
            floats.append([k[x] for x in ("slope", "offset", "level", "mean", "gain", "blend")])
        floats += [[self.slope, self.offset, self.fresh_above], np.zeros(18)]
        body = head + b"".join(np.asarray(f, "<f4").tobytes() for f in floats) + self.q.tobytes()
        digest = hashlib.sha256(body)
        Path(path).write_bytes(body + digest.digest())
        return digest.hexdigest()


def with_dresses(rows, seed):
    """Rows and, for some, the same in another dress: the score must not hang on it."""
    rnd = random.Random(seed)
    more = []
    for r in rows:
        times = 3 if r["src"] == "own" and not r["made"] else 1 if rnd.random() < .15 else 0
        more += [dict(r, text=expand.perturbed(r["text"], rnd), weight=r["weight"] * .4, dressed=True)
                 for _ in range(times)]
    return rows + more


def fit_kinds(model, E, rows):
    src = np.array([r["kind"] for r in rows])
    plain = np.array([not r["dressed"] for r in rows])
    for i, name in enumerate(KINDS):
        slope, offset = logistic_1d(E[:, KIND + i], (src == name).astype(int))
        own = (src == name) & plain
        # The expert tells gain; scaled so that its spread is that of the base it replaces.
        e, b = E[own, EXPERT + i], E[own, BASE]
        model.kinds.append(dict(slope=slope, offset=offset, level=float(b.mean()), mean=float(e.mean()),
                                gain=float(GAIN * b.std() / e.std()), blend=BLEND))


def fit_scale(model, z, rows):
    """Difficulty to probability: small models failed, everyday requests count as done."""
    y = np.array([np.nan if r["fails"] is None else r["fails"] for r in rows])
    w = np.array([r["scale_weight"] for r in rows])
    keep = ~np.isnan(y) & (w > 0)
    z, y, w = z[keep], y[keep], w[keep]
    model.slope, model.offset = logistic_1d(np.concatenate([z, z]), np.repeat([1, 0], len(z)),
                                            np.concatenate([w * y, w * (1 - y)]) + 1e-9)
    model.offset += LEAN


def train(rows, seed=1):
    rows = with_dresses(rows, seed)
    X, C = features.read([r["text"] for r in rows])
    space = Space(X, C)
    seen = (X.astype(bool).sum(0).A1 >= 2)
    model = Model()
    of = lambda key: np.array([np.nan if r[key] is None else r[key] for r in rows], float)
    weight = of("weight")
    level = of("level")
    # A line break after every word must not change the score.
    hard = C * (np.arange(features.COUNTS) != features.COUNT_LINES)
    plain = Space(X, hard)
    model.put(BASE, plain.ridge(np.nan_to_num(level), RIDGE_BASE, weight * ~np.isnan(level)))
    kind = np.array([r["kind"] for r in rows])
    gain = of("gain")
    for i, name in enumerate(KINDS):
        own = (kind == name) & ~np.isnan(gain)
        part = Space(X[own], hard[own])
        model.put(EXPERT + i, part.ridge(gain[own], RIDGE_EXPERT, np.where([r["dressed"] for r in rows], .3, 1.)[own]))
        model.put(KIND + i, plain.ridge((kind == name).astype(float), RIDGE_KIND, np.ones(len(rows))))
    log("difficulty fitted")
    label = np.array([r["task"] or "" for r in rows])
    balance = of("task_weight") * (label != "")
    for i, fit in enumerate(space.votes(label, sources.TASKS, balance, 20.0)):
        model.put(TASK + i, fit)
    fresh = of("fresh")
    for fit in space.votes(np.nan_to_num(fresh), [1.0], (~np.isnan(fresh)).astype(float), 10.0):
        model.put(FRESH, fit)
    language(model)
    model.quantise(seen)
    E = model.columns(X, C)
    fit_kinds(model, E, rows)
    fit_scale(model, model.difficulty(E), rows)
    model.count_mean = C.mean(0)
    model.words_mean = float(np.mean((X @ model.q[:, BASE].astype(np.float32)) * model.scale[BASE]))
    log("votes fitted, scale", round(model.slope, 2), round(model.offset, 2))
    return model


def language(model):
    pairs = list(expand.language_rows(random.Random(3)))
    pairs += [(r["lang"], r["text"]) for r in expand.own_rows() if r["lang"] in expand.STOPWORDS]
    X, C = features.read([t for _, t in pairs])
    space = Space(X, C * 0)
    labels = np.array([lang for lang, _ in pairs])
    for i, fit in enumerate(space.votes(labels, list(expand.STOPWORDS), np.ones(len(pairs)), 10.0)):
        model.put(LANGUAGE + i, fit)


def judged_fold(rows, f):
    """What a model trained without a fold says about that fold, and about it in other dresses."""
    test = [r for r in rows if r["fold"] == f]
    with tempfile.TemporaryDirectory() as d:
        path = Path(d) / "fold.bin"
        train([r for r in rows if r["fold"] != f]).write(path, "fold")
        for r, s in zip(test, features.score(path, [r["text"] for r in test])):
            r["said"] = s
        measure.perturbations(path, test)
    log("fold", f, "judged", len(test))
    return [{k: r[k] for k in ("said", "dresses") if k in r} for r in test]


def cross_validate(rows, folds):
    with ProcessPoolExecutor(folds, multiprocessing.get_context("fork")) as pool:
        for f, said in enumerate(pool.map(judged_fold, [rows] * folds, range(folds))):
            for r, s in zip([r for r in rows if r["fold"] == f], said):
                r.update(s)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True, help="folder with the routing/*.jsonl files")
    ap.add_argument("--out", help="weights file to write")
    ap.add_argument("--pin", help="C header that gets the digest")
    ap.add_argument("--report", help="JSON file for the figures of cross-validation")
    ap.add_argument("--folds", type=int, default=3, help="0: no cross-validation")
    ap.add_argument("--every", type=int, default=1, help="train on every N-th row only, to try things quickly")
    ap.add_argument("--name", default="hashed-2")
    a = ap.parse_args()
    rows = sources.load(Path(a.data), a.folds or 3)
    rows = rows[:: a.every]
    log(len(rows), "rows")
    if a.folds:
        cross_validate(rows, a.folds)
        figures = measure.figures(rows)
        measure.show(figures)
        if a.report:
            Path(a.report).write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    if a.out:
        digest = train(rows).write(a.out, a.name)
        if a.pin:
            text = Path(a.pin).read_text()
            Path(a.pin).write_text(re.sub(r'(WEIGHTS_SHA256 ")[0-9a-f]{64}', r"\g<1>" + digest, text))
        log("written", a.out, digest)


if __name__ == "__main__":
    sys.exit(main())
