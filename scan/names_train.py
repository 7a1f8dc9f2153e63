#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes names_model.c: how much an unknown word looks like the name of a person.

usage: names_train.py PROMPTS_FOLDER > scan/names_model.c

A logistic regression over hashed runs of one to four letters of the folded word with its ends
marked. Names are the given and family names of words*.c. What is not a name: the other words of
words*.c, and the words of the prompts (prompts_*.jsonl, field "prompt")
that no list knows and that stand in lower case somewhere. Every tenth word is held out; figures
go to stderr. Nothing of the labelled texts of tests/eval is used.
"""
import collections
import glob
import json
import math
import os
import random
import re
import sys
import unicodedata
import zlib

BUCKETS = 8192
EPOCHS = 12
DECAY = 3e-5
HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = {'ø': 'o', 'æ': 'ae', 'ß': 'ss', 'ł': 'l', 'đ': 'd', 'þ': 'th', 'ð': 'd', 'ı': 'i',
         'œ': 'oe', '’': "'"}


def fold(word):
    word = ''.join(PLAIN.get(c, c) for c in word.lower())
    return ''.join(c for c in unicodedata.normalize('NFKD', word) if not unicodedata.combining(c))


def grams(word):
    """Bucket of each run; the same as names_like() in names.c."""
    s = ('<' + word + '>').encode()
    out = []
    for at in range(len(s)):
        h = 2166136261
        for n in range(1, 5):
            if at + n > len(s):
                break
            h = ((h ^ s[at + n - 1]) * 16777619) & 0xffffffff
            out.append((h ^ h >> 15) % BUCKETS)
    return out


def lists():
    kinds = collections.defaultdict(set)
    for name in ('words.c', 'words_names.c', 'words_ordinary.c'):
        with open(os.path.join(HERE, name), encoding='utf-8') as f:
            text = f.read()
        for m in re.finditer(r'\{ (LEXICON_\w+),\s*((?:"[^"]*"\s*)+)\}', text):
            for word in ''.join(re.findall(r'"([^"]*)"', m[2])).split():
                kinds[word].add(m[1][len('LEXICON_'):])
    return kinds


def prompt_words(folder, kinds):
    seen = collections.Counter()
    for path in sorted(glob.glob(os.path.join(folder, 'prompts_*.jsonl'))):
        with open(path, encoding='utf-8') as f:
            for line in f:
                for word in set(re.findall(r"[^\W\d_]{4,20}", json.loads(line)['prompt'])):
                    if word.islower() and fold(word) not in kinds:
                        seen[fold(word)] += 1
    return sorted(seen)


def train(rows, names):
    """Stochastic gradient descent; returns the weights' mean over the last half."""
    w, total, steps = [0.0] * (BUCKETS + 1), [0.0] * (BUCKETS + 1), 0
    order = list(range(len(rows)))
    rng = random.Random(7)
    balance = (len(names) - sum(names)) / sum(names)
    for epoch in range(EPOCHS):
        rng.shuffle(order)
        rate = 0.08 / (1 + epoch / 3)
        for i in order:
            z = w[BUCKETS] + sum(w[g] for g in rows[i])
            p = 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))
            step = rate * (names[i] - p) * (balance if names[i] else 1.0) ** 0.5
            w[BUCKETS] += step
            for g in rows[i]:
                w[g] += step - rate * DECAY * w[g]
        if epoch >= EPOCHS // 2:
            steps += 1
            total = [a + b for a, b in zip(total, w)]
    return [v / steps for v in total]


def scores(w, rows):
    return [w[BUCKETS] + sum(w[g] for g in row) for row in rows]


def auroc(pairs):
    """Share of pairs (name, other) in the right order, by ranks."""
    pairs = sorted(pairs)
    ranks = sum(i + 1 for i, (_, name) in enumerate(pairs) if name)
    n = sum(name for _, name in pairs)
    return (ranks - n * (n + 1) / 2) / (n * (len(pairs) - n))


def share(score, names, which, at):
    chosen = [s for s, name in zip(score, names) if name == which]
    return sum(s >= at for s in chosen) / len(chosen)


def main():
    kinds = lists()
    ok = re.compile(r"[a-z'-]{4,24}").fullmatch
    known = sorted(w for w, k in kinds.items() if ok(w) and k <= {'FIRST', 'LAST'})
    others = sorted(w for w, k in kinds.items() if ok(w) and not k & {'FIRST', 'LAST'})
    unknown = [w for w in prompt_words(sys.argv[1], kinds) if ok(w)]
    words = known + others + unknown
    names = [1] * len(known) + [0] * (len(words) - len(known))
    rows = [sorted(set(grams(w))) for w in words]
    held = [zlib.crc32(w.encode()) % 10 == 0 for w in words]

    def part(values, which):
        return [v for v, h in zip(values, held) if h == which]

    w = train(part(rows, False), part(names, False))
    score, truth = scores(w, part(rows, True)), part(names, True)
    scale = 127 / max(abs(v) for v in w)
    print(f'{len(known)} names, {len(others)} other words, {len(unknown)} unknown words; held '
          f'out AUROC {auroc(list(zip(score, truth))):.3f}', file=sys.stderr)
    for at in range(0, 101, 20):
        print(f'held out, from {at}: names {share(score, truth, 1, at / scale):.3f}, '
              f'others {share(score, truth, 0, at / scale):.3f}', file=sys.stderr)
    w = train(rows, names)
    scale = 127 / max(abs(v) for v in w)
    print('/* SPDX-License-Identifier: Apache-2.0 */\n/*\n * Weights of runs of letters, '
          'written by names_train.py.\n */\n#include "scan/names.h"\n\n/* clang-format off */')
    print(f'const int names_bias = {round(w[BUCKETS] * scale)};\n')
    print('const int8_t names_weights[NAMES_BUCKETS] = {')
    for i in range(0, BUCKETS, 32):
        print('\t' + ', '.join(str(round(v * scale)) for v in w[i:i + 32]) + ',')
    print('};')


if __name__ == '__main__':
    sys.exit(main())
