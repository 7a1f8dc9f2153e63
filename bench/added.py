#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What hither adds to a real engine: time to the first token, time per token, tokens per second of 1, 4 and
16 clients, through hither and direct to the very engine process that hither runs. Both ways take turns in
shuffled rounds; every prompt is new, so that little is found in the engine's memory. Direct requests carry what
hither adds for a model of its catalogue: the recipe's text before the prompt, and the model's sampling.

added.py HITHERD ENGINE MODEL [--rounds N] [--tokens N] [--threads N] [--parallel N]
Prints a table of medians and ratios, then TSV of every request."""
import argparse
import hashlib
import http.client
import json
import os
import random
import socket
import statistics
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))
import stage  # noqa: E402

CLIENTS = (1, 4, 16)
WORDS = ("river stone lamp winter garden copper bridge paper market island candle forest engine mirror harbour "
         "violin desert window teacher morning").split()


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(1200)
        self.sock.connect(self.path)


def prompt():
    return "Write a short story that has these words in it: " + ", ".join(random.choices(WORDS, k=6)) + "."


def recipe_of(model):
    """What the catalogue says for any task of the model in that file: (prefix, suffix, more fields)."""
    with open(os.path.join(ROOT, "models", "catalogue.json"), encoding="utf-8") as f:
        models = json.load(f)["models"]
    digest = hashlib.sha256()
    with open(model, "rb") as f:
        for piece in iter(lambda: f.read(1 << 20), b""):
            digest.update(piece)
    for m in models:
        if m["sha256"] == digest.hexdigest():
            any_task = m.get("recipes", {}).get("any", {})
            fields = {k: v for k, v in m.get("sampling", {}).items() if k != "temperature"}
            return any_task.get("prefix", ""), any_task.get("suffix", ""), {**fields, "stop": m.get("stop", [])}
    return "", "", {}


RECIPE = ("", "", {})


def body(model, text, tokens, direct):
    before, after, fields = RECIPE if direct else ("", "", {})
    return json.dumps({"model": model, "stream": True, "temperature": 0, "max_tokens": tokens,
                       "messages": [{"role": "user", "content": before + text + after}],
                       "stream_options": {"include_usage": True}, **fields})


def ask(path, text, tokens, direct):
    """(seconds to the first token, seconds between tokens, tokens, seconds in all)"""
    c = Connection(path)
    start = time.monotonic()
    c.request("POST", "/v1/chat/completions", body("auto", text, tokens, direct),
              {"Content-Type": "application/json"})
    r = c.getresponse()
    if r.status != 200:
        raise RuntimeError(f"{r.status}: {r.read()[:300]}")
    times, used, last = [], 0, b""
    for line in r:
        if not line.startswith(b"data: {"):
            continue
        last = line
        chunk = json.loads(line[6:])
        if any(choice["delta"].get("content") for choice in chunk.get("choices") or []):
            times.append(time.monotonic())
        used = (chunk.get("usage") or {}).get("completion_tokens") or used
    end = time.monotonic()
    c.close()
    if not times:
        raise RuntimeError(f"no token came: {last[:300]}")
    gap = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else float("nan")
    return times[0] - start, gap, used or len(times), end - start


def crowd(path, n, tokens, direct):
    """All at once; (list of ask(), tokens per second of all together)"""
    out, errors = [], []

    def one():
        try:
            out.append(ask(path, prompt(), tokens, direct))
        except Exception as e:  # told below
            errors.append(e)

    threads = [threading.Thread(target=one) for _ in range(n)]
    start = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    seconds = time.monotonic() - start
    if errors:
        raise RuntimeError(f"{path} with {n}: {errors[0]!r}; {len(out)} were answered")
    return out, sum(x[2] for x in out) / seconds


def engine_socket(home):
    for folder, _, files in os.walk(home):
        for name in files:
            if name.endswith(".sock") and os.path.basename(folder) == "engine":
                return os.path.join(folder, name)
    raise RuntimeError("the engine has no socket")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("hitherd")
    p.add_argument("engine")
    p.add_argument("model")
    p.add_argument("--rounds", type=int, default=4)
    p.add_argument("--tokens", type=int, default=24)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--parallel", type=int, default=16)
    a = p.parse_args()
    global RECIPE
    RECIPE = recipe_of(a.model)
    os.environ["HITHER_TEST_ENGINE"], os.environ["HITHER_TEST_MODEL"] = a.engine, a.model
    stage.PATIENCE_S = 600
    d = stage.Daemon(a.hitherd, model=None, engine={"threads": a.threads, "context_tokens": 512 * a.parallel,
                                                    "queue": 64, "first_token_timeout_ms": 600000,
                                                    "gap_timeout_ms": 600000})
    stage.use_real_engine(d)
    index = d.path("models", "index.json")
    with open(index, encoding="utf-8") as f:
        models = json.load(f)
    models["models"][0]["context_length"] = 512 * a.parallel  # the engine divides it among its slots
    with open(index, "w", encoding="utf-8") as f:
        json.dump(models, f)
    d.config["engine"]["parallel"] = a.parallel
    d.start()
    try:
        ask(d.path("run", "hither.sock"), "Say hello.", 4, False)  # loads the model
        ways = {"direct": engine_socket(d.home), "hither": d.path("run", "hither.sock")}
        rows = {(w, n): [] for w in ways for n in CLIENTS}
        rates = {(w, n): [] for w in ways for n in CLIENTS}
        for r in range(a.rounds):
            turns = [(w, n) for w in ways for n in CLIENTS]
            random.shuffle(turns)
            for way, n in turns:
                out, rate = crowd(ways[way], n, a.tokens, way == "direct")
                rows[way, n] += out
                rates[way, n].append(rate)
                print(f"# round {r + 1} {way} {n}: {rate:.2f} tokens/s", file=sys.stderr, flush=True)
    finally:
        d.close()
    print("| clients | first token, direct ms | hither ms | added ms | per token, direct ms | hither ms | added ms "
          "| tokens/s, direct | hither | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for n in CLIENTS:
        first = [1000 * statistics.median(x[0] for x in rows[w, n]) for w in ("direct", "hither")]
        gap = [1000 * statistics.median(x[1] for x in rows[w, n]) for w in ("direct", "hither")]
        rate = [statistics.median(rates[w, n]) for w in ("direct", "hither")]
        print(f"| {n} | {first[0]:.0f} | {first[1]:.0f} | {first[1] - first[0]:+.1f} | {gap[0]:.1f} | {gap[1]:.1f} "
              f"| {gap[1] - gap[0]:+.2f} | {rate[0]:.1f} | {rate[1]:.1f} | {rate[1] / rate[0]:.3f} |")
    print("way\tclients\tfirst_s\tgap_s\ttokens\ttotal_s")
    for (way, n), list_ in rows.items():
        for x in list_:
            print(f"{way}\t{n}\t{x[0]:.6f}\t{x[1]:.6f}\t{x[2]}\t{x[3]:.6f}")


if __name__ == "__main__":
    main()
