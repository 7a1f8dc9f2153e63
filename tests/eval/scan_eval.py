#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of the scanner.

usage: scan_eval.py [--cmd 'scan_jsonl'] [--iou 0.5] [--show CATEGORY] [--rules] FILE.jsonl...

Each line of a FILE is {"id", "text", "spans": [{"start", "end", "type"}], "sensitive"}; the
types are mapped to categories below. The command reads {"id","text"} lines and answers with
{"id","spans":[{"start","end","category"}]}, offsets in code points.

A found span is right when a wanted span of the same category overlaps it by --iou or more
(intersection over union, characters at the edges that are spaces or punctuation not counted).
"""
import argparse
import collections
import json
import shlex
import subprocess
import sys

MAP = {
    'PERSON': 'personal.name', 'STREET_ADDRESS': 'personal.contact.address',
    'ADDRESS': 'personal.contact.address', 'ZIP_CODE': 'personal.contact.address',
    'UK_POSTCODE': 'personal.contact.address',
    'GPE': 'personal.location', 'LOCATION': 'personal.location',
    'IP_ADDRESS': 'personal.location', 'IP': 'personal.location', 'MAC': 'personal.location',
    'PHONE_NUMBER': 'personal.contact.phone', 'PHONE': 'personal.contact.phone',
    'EMAIL_ADDRESS': 'personal.contact.email', 'EMAIL': 'personal.contact.email',
    'CREDIT_CARD': 'financial.card', 'IBAN_CODE': 'financial.iban', 'CRYPTO': 'financial.account',
    'US_BANK': 'financial.account', 'ABA_ROUTING': 'financial.account',
    'US_SSN': 'personal.id.national', 'US_DRIVER_LICENSE': 'personal.id.national',
}
PREFIX = [('SECRET:', 'secret')]
# Kinds of facts that are no category of the policy language.
IGNORED = {'ORGANIZATION', 'DATE_TIME', 'NRP', 'TITLE', 'AGE', 'PREFIX', 'DOMAIN_NAME', 'URL',
           'DATE'}


def category(kind):
    for prefix, name in PREFIX:
        if kind.startswith(prefix):
            return name
    return MAP.get(kind, None if kind in IGNORED else 'personal.id')


def coarse(name):
    if name.startswith('secret.') or name == 'credentials_url':
        return 'secret'
    return name


def trim(text, start, end):
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end


def iou(a, b):
    both = min(a[1], b[1]) - max(a[0], b[0])
    return both / (max(a[1], b[1]) - min(a[0], b[0])) if both > 0 else 0.0


def run(command, rows):
    lines = ''.join(json.dumps({'id': r['id'], 'text': r['text']}) + '\n' for r in rows)
    out = subprocess.run(shlex.split(command), input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in out.stdout.decode().splitlines()]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument('--cmd', default='scan_jsonl')
    args.add_argument('--iou', type=float, default=0.5)
    args.add_argument('--show', default='', help='print misses and false alarms of a category')
    args.add_argument('--rules', action='store_true', help='recall by rule')
    args.add_argument('files', nargs='+')
    args = args.parse_args()
    for path in args.files:
        with open(path, encoding='utf-8') as f:
            rows = [json.loads(line) for line in f]
        evaluate(path, rows, run(args.cmd, rows), args)


def evaluate(path, rows, found, args):
    hit, miss, alarm = collections.Counter(), collections.Counter(), collections.Counter()
    rules = collections.defaultdict(lambda: [0, 0])
    flagged = collections.Counter()
    for row, got in zip(rows, found):
        text = row['text']
        want, ignored = [], []
        for s in row['spans']:
            c = category(s['type'])
            span = trim(text, s['start'], s['end'])
            (want if c else ignored).append((span, c, s))
        used = set()
        for g in got['spans']:
            span = trim(text, g['start'], g['end'])
            c = coarse(g['category'])
            best = None
            for i, (w, wc, _) in enumerate(want):
                same = c == wc or (wc == 'personal.id' and not c.startswith('secret'))
                if i not in used and same and iou(span, w) >= args.iou:
                    best = i
                    break
            if best is not None:
                used.add(best)
                hit[want[best][1]] += 1
            elif not any(iou(span, w) > 0 for w, _, _ in ignored):
                alarm[c] += 1
                if args.show and c.startswith(args.show):
                    print('ALARM', g['detector'], repr(text[g['start']:g['end']]), '|',
                          repr(text[max(0, g['start'] - 40):g['end'] + 30]))
        for i, (w, wc, s) in enumerate(want):
            if 'rule' in row:
                rules[row['rule']][i in used] += 1
            if 'recognizer' in row:
                rules[row['recognizer']][i in used] += 1
            if i not in used:
                miss[wc] += 1
                if args.show and wc.startswith(args.show):
                    print('MISS ', s['type'], repr(text[s['start']:s['end']]), '|',
                          repr(text[max(0, s['start'] - 60):s['end'] + 40]))
        flagged[(bool(row.get('sensitive')), bool(got['spans']))] += 1
    print(f'== {path}: {len(rows)} texts; sensitive flagged {flagged[True, True]} of '
          f'{flagged[True, True] + flagged[True, False]}, others flagged '
          f'{flagged[False, True]} of {flagged[False, True] + flagged[False, False]}')
    for c in sorted(set(hit) | set(miss) | set(alarm)) + ['all']:
        h, m, a = ((hit[c], miss[c], alarm[c]) if c != 'all' else
                   (sum(hit.values()), sum(miss.values()), sum(alarm.values())))
        p = h / (h + a) if h + a else 1.0
        r = h / (h + m) if h + m else 1.0
        print(f'{c:28} P {p:.3f}  R {r:.3f}   right {h:5} missed {m:5} false {a:5}')
    if args.rules:
        for rule, (m, h) in sorted(rules.items(), key=lambda x: x[1][1] / max(1, sum(x[1]))):
            if m:
                print(f'  {rule:40} {h}/{h + m}')


if __name__ == '__main__':
    sys.exit(main())
