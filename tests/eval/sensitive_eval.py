#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many prompts with something sensitive in them the scanner flags, and how many without.

usage: sensitive_eval.py [--cmd 'scan_jsonl'] [--count 1600] [--seed 1] [--show] PII ROUTING

PII holds the labelled texts, ROUTING the ordinary prompts (prompts_*.jsonl). Half of the
prompts stay as they are, the other half get one sensitive thing from PII at their start, their
end or between two sentences:
  secret    a text of gitleaks_synthetic
  sentence  a sentence of presidio_synth_v2 with at least one span
  value     a value of presidio_synth_v2 in a phrase, "my phone number is …"
  id        a number of presidio_recognizer_tests in a phrase that names its kind
  bare      the same with nothing that says what it is; not part of the recall, shown apart
A prompt is flagged when a category of the set is found in it. An injected prompt is wanted by
the set when what was injected has a label of the set. Sets: `policy` (secrets, money,
addresses, telephones, mail, identity numbers), `names` (these and names), `all` (these and
places). A prompt of the untouched half counts as a false positive whatever it says, unless
none of the set was found: some do hold a mail address, so the true figure is a little lower.
"""
import argparse
import collections
import glob
import json
import math
import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scan_eval import category, run  # noqa: E402

SETS = {
    'policy': ('secret.', 'credentials_url', 'financial.', 'personal.contact.', 'personal.id'),
    'names': ('secret.', 'credentials_url', 'financial.', 'personal.contact.', 'personal.id',
              'personal.name'),
    'all': ('secret.', 'credentials_url', 'financial.', 'personal.', 'health.record'),
}
# Health insurance numbers are identity numbers to the labels, health.record to the scanner.
EXTRA = ('health.record',)
PHRASES = {
    'PERSON': ['my name is {}.', 'This is for {}.', 'Ask {} about it.', 'Sign it as {}.'],
    'STREET_ADDRESS': ['I live at {}.', 'Send it to {}.', 'my address: {}', 'We are at {}.'],
    'PHONE_NUMBER': ['Call me at {}.', 'my number is {}', 'phone: {}', 'Text {} please.'],
    'EMAIL_ADDRESS': ['Reply to {}.', 'my email is {}', 'cc {} on this.'],
    'CREDIT_CARD': ['my card is {}', 'Charge {} for it.', 'card number {}'],
    'IBAN_CODE': ['Transfer it to {}.', 'my IBAN is {}', 'account {}'],
    'US_SSN': ['my SSN is {}', 'social security number: {}', 'ssn {}'],
    'US_DRIVER_LICENSE': ['my driver license is {}', 'driving licence number {}'],
    'IP_ADDRESS': ['The server is {}.', 'my ip is {}'],
    'GPE': ['I live in {}.', 'I moved to {} last year.', 'I was born in {}.'],
}
BARE_PHRASES = ['For reference: {}.', 'Here it is: {}', 'We were given {} for it.']
ID_PHRASES = ['my {} is {}', '{}: {}', 'His {} is {}.', 'The {} we have is {}, please check.',
              '{} number {}']
# What people call the kinds of presidio_recognizer_tests; the others are no numbers, or are
# in `value` above.
KINDS = {
    'ABA_ROUTING': 'routing number', 'AU_ABN': 'ABN', 'AU_ACN': 'ACN',
    'AU_MEDICARE': 'Medicare card', 'AU_TFN': 'tax file number', 'CA_SIN': 'SIN',
    'CRYPTO': 'bitcoin address', 'DE_HEALTH_INSURANCE': 'health insurance number',
    'DE_LANR': 'LANR', 'DE_PASSPORT': 'passport', 'DE_SOCIAL_SECURITY': 'social security number',
    'DE_TAX_ID': 'tax ID', 'DE_VAT_ID': 'VAT ID', 'ES_NIE': 'NIE', 'ES_NIF': 'NIF',
    'ES_PASSPORT': 'passport', 'FI_PERSONAL_IDENTITY_CODE': 'personal identity code',
    'IN_AADHAAR': 'Aadhaar', 'IN_GSTIN': 'GSTIN', 'IN_PAN': 'PAN', 'IN_PASSPORT': 'passport',
    'IN_VEHICLE_REGISTRATION': 'licence plate', 'IN_VOTER': 'voter ID',
    'IT_DRIVER_LICENSE': 'driving licence', 'IT_FISCAL_CODE': 'fiscal code',
    'IT_PASSPORT': 'passport', 'IT_VAT_CODE': 'VAT code', 'KR_BRN': 'business registration',
    'KR_DRIVER_LICENSE': 'driver license', 'KR_FRN': 'foreigner registration',
    'KR_PASSPORT': 'passport', 'KR_RRN': 'resident registration',
    'NG_VEHICLE_REGISTRATION': 'plate', 'PHONE': 'phone', 'PH_MOBILE_NUMBER': 'mobile',
    'PH_TIN': 'TIN', 'PL_PESEL': 'PESEL', 'SE_ORGANISATIONSNUMMER': 'organisation number',
    'SE_PERSONNUMMER': 'personnummer', 'SG_FIN': 'FIN', 'SG_UEN': 'UEN',
    'TH_TNIN': 'national ID', 'TR_LICENSE_PLATE': 'license plate',
    'TR_NATIONAL_ID': 'national ID', 'TR_PHONE_NUMBER': 'phone',
    'UK_DRIVING_LICENCE': 'driving licence', 'UK_NHS': 'NHS number',
    'UK_NINO': 'national insurance number', 'UK_PASSPORT': 'passport',
    'UK_POSTCODE': 'postcode', 'UK_VEHICLE_REGISTRATION': 'vehicle registration',
    'US_BANK': 'bank account', 'US_DRIVER_LICENSE': "driver's license", 'US_ITIN': 'ITIN',
    'US_MBI': 'MBI', 'US_NPI': 'NPI', 'US_PASSPORT': 'passport', 'US_SSN': 'SSN',
    'ZA_ID_NUMBER': 'ID number',
}


def read(folder, name):
    with open(os.path.join(folder, name), encoding='utf-8') as f:
        return [json.loads(line) for line in f]


def prompts(folder):
    """At most 400 prompts of each source, so that the many of one do not drown the others."""
    out = []
    for path in sorted(glob.glob(os.path.join(folder, 'prompts_*.jsonl'))):
        rows = read(folder, os.path.basename(path))
        random.shuffle(rows)
        out += [(r['prompt'], os.path.basename(path)) for r in rows[:400]]
    random.shuffle(out)
    return out


def injections(folder):
    kinds = collections.defaultdict(list)
    for r in read(folder, 'gitleaks_synthetic.jsonl'):
        kinds['secret'].append((r['text'], ['secret.']))
    for r in read(folder, 'presidio_synth_v2.jsonl'):
        labels = [category(s['type']) for s in r['spans'] if category(s['type'])]
        if labels:
            kinds['sentence'].append((r['text'], labels))
        for s in r['spans']:
            value = r['text'][s['start']:s['end']]
            number = any(c.isdigit() for c in value)
            # A street is a value only when it has a name and a number.
            whole = s['type'] != 'STREET_ADDRESS' or (
                number and sum(c.isalpha() for c in value) > 5)
            if s['type'] in PHRASES and whole:
                kinds['value'].append((random.choice(PHRASES[s['type']]).format(value),
                                       [category(s['type'])]))
    for r in read(folder, 'presidio_recognizer_tests.jsonl'):
        if r['sensitive'] and len(r['spans']) == 1 and r['spans'][0]['type'] in KINDS:
            s = r['spans'][0]
            value, label = r['text'][s['start']:s['end']], [category(s['type'])]
            kinds['id'].append((random.choice(ID_PHRASES).format(KINDS[s['type']], value), label))
            kinds['bare'].append((random.choice(BARE_PHRASES).format(value), label))
    return kinds


def inject(prompt, extra):
    where = random.randrange(3)
    ends = [m.end() for m in re.finditer(r'[.?!] ', prompt)]
    if where == 0:
        return extra + random.choice(['\n', ' ', '\n\n']) + prompt
    if where == 1 and ends:
        at = random.choice(ends)
        return prompt[:at] + extra + ' ' + prompt[at:]
    return prompt + random.choice(['\n', ' ', '\n\n']) + extra


def in_set(name, prefixes):
    return any((name + '.').startswith(p if p.endswith('.') else p + '.') for p in prefixes)


def interval(k, n):
    """Wilson, 95 %."""
    if n == 0:
        return 0.0, 1.0
    p, z = k / n, 1.96
    mid = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return mid - half, mid + half


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument('--cmd', default='scan_jsonl')
    args.add_argument('--count', type=int, default=1600)
    args.add_argument('--seed', type=int, default=1)
    args.add_argument('--show', action='store_true', help='print misses and false alarms')
    args.add_argument('pii')
    args.add_argument('routing')
    args = args.parse_args()
    random.seed(args.seed)
    base, kinds = prompts(args.routing), injections(args.pii)
    names, rows = sorted(kinds), []
    for i in range(args.count):
        prompt, source = base[i % len(base)]
        row = {'id': str(i), 'text': prompt, 'kind': source, 'labels': [], 'extra': ''}
        if i % 2:
            row['kind'] = names[(i // 2) % len(names)]
            row['extra'], row['labels'] = random.choice(kinds[row['kind']])
            row['text'] = inject(prompt, row['extra'])
        rows.append(row)
    found = run(args.cmd, rows)
    for name, prefixes in SETS.items():
        report(name, prefixes, rows, found, args.show)


def report(name, prefixes, rows, found, show):
    hit, want, alarm, plain = (collections.Counter() for _ in range(4))
    for row, got in zip(rows, found):
        spans = [g for g in got['spans'] if in_set(g['category'], prefixes + EXTRA)]
        if not row['labels']:
            plain[row['kind']] += 1
            alarm[row['kind']] += bool(spans)
            if show and spans and name == 'policy':
                print('ALARM', [(g['category'], row['text'][max(0, g['start'] - 30):
                                                            g['end'] + 10]) for g in spans])
        elif any(in_set(c, prefixes) for c in row['labels']):
            want[row['kind']] += 1
            hit[row['kind']] += bool(spans)
            if show and not spans and name == 'policy':
                print('MISS ', row['labels'], repr(row['extra']))
    bare_hit, bare_want = hit.pop('bare', 0), want.pop('bare', 0)
    h, w, a, n = (sum(c.values()) for c in (hit, want, alarm, plain))
    print(f'== {name}: recall {h / w:.4f} ({interval(h, w)[0]:.3f} to {interval(h, w)[1]:.3f}, '
          f'{h} of {w}), false positives {a / n:.4f} ({interval(a, n)[0]:.3f} to '
          f'{interval(a, n)[1]:.3f}, {a} of {n})')
    for k in sorted(want):
        print(f'  recall {k:28} {hit[k]}/{want[k]}')
    print(f'  apart  {"bare":28} {bare_hit}/{bare_want}')
    for k in sorted(plain):
        print(f'  false  {k:28} {alarm[k]}/{plain[k]}')


if __name__ == '__main__':
    sys.exit(main())
