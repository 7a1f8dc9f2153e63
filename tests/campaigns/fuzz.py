#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every libFuzzer target (tests/fuzz/) with address and undefined-behaviour sanitizers.

Builds what is not built in its own folder (clang), gives each target the same share of the budget, begins with what
the repository has of its kind (recorded streams, policies, requests, model lists), and reports executions, edges and
findings. An input that was found stays in CORPUS/TARGET; a later run goes on from there. What breaks a target is
written beside it, and the command that shows it again is printed.

fuzz.py [--target NAME,NAME] [--corpus FOLDER] [--jobs N]

The full figure is 10^9 executions, 0 findings, and no new edge in the last fifth; `late_edges` names the targets that
still found some there.
"""
import concurrent.futures
import glob
import os
import re
import subprocess

import campaign

SEEDS = {  # what a target begins with: files, and bytes to put before each
    "sse": (["tests/recorded/*.sse"], [b""]),
    "chat_events": (["tests/recorded/*.sse"], [b""]),
    "openai_chat_recv": (["tests/recorded/openai-chat*.sse"], [b"", b"\0"]),
    "upstream_recv": (["tests/recorded/*.sse", "tests/recorded/*.ndjson"],
                      [bytes([a, b]) for a in range(16) for b in (1, 3)]),
    "policy": (["config/policies/*.json"], [b""]),
    "json_gate": (["config/policies/*.json", "config/*.json", "models/*.json"], [b""]),
    "json_differential": (["config/policies/*.json", "config/*.json", "models/*.json"], [b""]),
    "models": (["models/catalogue.json"], [b""]),
    "config": (["config/hitherd.json"], [b""]),
    "markdown": (["*.md", "docs/*.md"], [b""]),
    "scan": (["tests/eval/*.tsv"], [b""]),
}
TOKENS = ["messages", "role", "content", "user", "assistant", "system", "tool", "tools", "model", "stream", "type",
          "text", "image_url", "tool_calls", "function", "name", "arguments", "input", "max_tokens", "stop",
          "response_format", "json_schema", "data: ", "[DONE]", "event: ", "choices", "delta", "finish_reason",
          "usage", "error", "message_stop", "hither_policy", "rules", "when", "effect", "destinations", "Content-Length",
          "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "Bearer ", "127.0.0.1:80", "POST",
          "/v1/chat/completions", "application/json",
          "Transfer-Encoding", "chunked", "HTTP/1.1\\x0d\\x0a", "\\x0d\\x0a\\x0d\\x0a", "\\\\u0000", "\\\\ud800"]


def build(folder):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, campaign.ROOT, "-Dfuzz=true", "-Db_sanitize=address,undefined",
                        "-Db_lundef=false"], check=True, env={**os.environ, "CC": "clang"}, stdout=subprocess.DEVNULL)
    listed = subprocess.run(["ninja", "-C", folder, "-t", "targets", "all"], capture_output=True, text=True,
                            check=True).stdout
    names = sorted(set(re.findall(r"^(tests/fuzz_\w+):", listed, re.M)))
    campaign.ninja(folder, *names)
    return {os.path.basename(n)[5:]: os.path.join(folder, n) for n in names}


def plant(name, folder):
    """The first inputs."""
    shapes, heads = SEEDS.get(name, ([], [b""]))
    n = 0
    for path in (p for shape in shapes for p in sorted(glob.glob(os.path.join(campaign.ROOT, shape)))):
        with open(path, "rb") as f:
            data = f.read()
        for head in heads:
            with open(os.path.join(folder, f"seed-{n}"), "wb") as f:
                f.write(head + data)
            n += 1
    if name in ("client_read", "openai_chat_read"):  # bodies of the flow tests, each dialect's first byte before it
        bodies = subprocess.run(["python3", "-c", "import sys, json; sys.argv = ['x', 'y']; import hostile; "
                                 "print(json.dumps(list(hostile.BODIES.values())))"], capture_output=True, text=True,
                                cwd=os.path.join(campaign.ROOT, "tests", "flow"), check=True).stdout
        import json
        for i, body in enumerate(json.loads(bodies)):
            for pick in range(10) if name == "client_read" else [None]:
                with open(os.path.join(folder, f"seed-{i}-{pick}"), "wb") as f:
                    f.write((b"" if pick is None else bytes([pick])) + json.dumps(body).encode())


def edges_late(said):
    """Did it still find edges in the last fifth of its executions?"""
    steps = [(int(n), int(cov)) for n, cov in re.findall(r"^#(\d+)\s.*?cov: (\d+)", said, re.M)]
    if len(steps) < 2:
        return False
    last = steps[-1]
    before = [cov for n, cov in steps if n <= 0.8 * last[0]]
    return not before or last[1] > before[-1]


def main():
    c = campaign.Campaign(__doc__, "3m", 10**9, target=(str, "", "only these, with commas between"),
                          corpus=(str, "", "where inputs are kept (BUILD/corpus)"), jobs=(int, os.cpu_count(), "at once"))
    folder = c.build if os.path.basename(c.build) != "build" else c.build + "-fuzz"
    targets = build(folder)
    if c.options.target:
        targets = {name: targets[name] for name in c.options.target.split(",")}
    corpus = os.path.abspath(c.options.corpus or os.path.join(folder, "corpus"))
    tokens = os.path.join(folder, "tokens")
    with open(tokens, "w", encoding="ascii") as f:
        f.writelines(f'"{t}"\n' for t in TOKENS)
    c.budget.begun = campaign.time.monotonic()
    shares = {name: c.budget.share(len(targets), i) for i, name in enumerate(targets)}
    if c.budget.seconds:
        shares = {name: campaign.Budget(f"{max(1, c.budget.seconds * c.options.jobs // len(targets))}s") for name in targets}

    def one(name):
        mine = os.path.join(corpus, name)
        os.makedirs(mine, exist_ok=True)
        plant(name, mine)
        share = shares[name]
        limit = [f"-max_total_time={share.seconds}"] if share.seconds else [f"-runs={share.runs}"]
        command = [targets[name], mine, f"-seed={c.seed % (1 << 31) or 1}", f"-dict={tokens}", "-max_len=8192",
                   "-rss_limit_mb=3000", "-timeout=20", "-print_final_stats=1", f"-artifact_prefix={mine}-", *limit]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False,
                              env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})
        return name, done.returncode, done.stderr

    late, table = [], {}
    with concurrent.futures.ThreadPoolExecutor(c.options.jobs) as pool:
        for name, code, said in pool.map(one, targets):
            executions = int((re.findall(r"number_of_executed_units: (\d+)", said) or
                              re.findall(r"^#(\d+)\s", said, re.M) or [0])[-1])
            edges = int((re.findall(r"cov: (\d+)", said) or [0])[-1])
            c.runs += executions
            table[name] = executions
            if edges_late(said):
                late.append(name)
            print(f"{name:20} {executions:>12} executions {edges:>7} edges  {'FOUND' if code else ''}", flush=True)
            artifact = re.search(r"Test unit written to (\S+)", said)
            if code:
                c.wrong(f"{name}: " + "\n".join(said.splitlines()[-40:]),
                        f"{targets[name]} {artifact[1]}" if artifact else c.again(target=name))
    c.figures.update(executions=table, late_edges=late)
    c.end()


if __name__ == "__main__":
    main()
