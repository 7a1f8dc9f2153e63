#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""length_eval.py HITHER ENGINE_SOCKET [N]: expected length of answers against what an engine writes.

ENGINE_SOCKET: a llama-server's Unix socket. Asks N of the prompts of everyday.tsv and kinds.tsv (every
k-th), at most 600 tokens each, and prints both lengths and by what factor they differ.
"""
import http.client
import json
import math
import socket
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST = 600


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def answer_tokens(path, prompt):
    c = Unix(path)
    c.request("POST", "/v1/chat/completions", json.dumps(
        {"messages": [{"role": "user", "content": prompt}], "max_tokens": MOST, "temperature": 0}),
        {"Content-Type": "application/json"})
    return json.loads(c.getresponse().read())["usage"]["completion_tokens"]


def main():
    hither, engine = sys.argv[1:3]
    prompts = [line.split("\t")[-1].replace("\\n", "\n") for name in ("everyday.tsv", "kinds.tsv")
               for line in (HERE / name).read_text(encoding="utf8").splitlines()]
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    prompts = prompts[::max(1, len(prompts) // n)][:n]
    lines = "".join(json.dumps({"id": i, "prompt": p}) + "\n" for i, p in enumerate(prompts))
    out = subprocess.run([hither, "score", "--jsonl", "--explain"], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    factors = []
    for p, said in zip(prompts, map(json.loads, out.stdout.splitlines())):
        wrote = answer_tokens(engine, p)
        want = min(said["output_tokens"], MOST)
        factors.append(math.log2(max(want, 1) / max(wrote, 1)))
        print("%5d expected %5d written  %-16s %s" % (want, wrote, said["task"], p[:60].replace("\n", " ")), flush=True)
    size = sorted(abs(f) for f in factors)
    print("%d prompts: off by a factor of %.1f at the median, %.1f at the 90th percentile; expected %.1f times what was "
          "written at the median" % (len(size), 2 ** statistics.median(size), 2 ** size[int(.9 * (len(size) - 1))],
                                     2 ** statistics.median(factors)))


if __name__ == "__main__":
    main()
