#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the router's time goes: shares and microseconds for each request, by what the code is for.

HITHERD=PROGRAM profile.py OUT [load's words]     after bench/run.sh, which leaves programs and configuration in OUT

perf samples the router while bench_load runs; each sample counts for the first line below that
names one of its functions. The whole is the processor time of the router for one request."""
import collections
import os
import subprocess
import sys
import time

KERNEL = [
    ("kernel: write to the engine", {"write_request"}),
    ("kernel: write to the client", {"write", "writev"}),
    ("kernel: read from both", {"read"}),
    ("kernel: epoll_wait", {"epoll_wait"}),
    ("kernel: facts to consent", {"sendmsg"}),
    ("kernel: other", None),
]
PROGRAM = [
    ("score: classifier", {"facts_judge", "classify", "classify_trained", "features_read",
                           "read_piece", "word_ends", "on_mark", "reasons_find"}),
    ("strict JSON gate, of body and reply", {"json_check"}),
    ("body to tree to request", {"reading_run", "json_parse", "reading_parse"}),
    ("policy, plan", {"facts_decide", "facts_policy_request", "decide_plan"}),
    ("body for the engine", {"prepare"}),
    ("reply to events to the client's JSON", {"on_body", "reader_end", "reader_bytes",
                                              "reply_sink", "reply_begin_source"}),
    ("facts: ring and ledger", {"decision_record", "tell_consent", "tell_add"}),
    ("HTTP: heads of reply", {"http_reply", "http_begin", "reply_flush"}),
    ("HTTP: parsing", {"http_parser_feed", "llhttp__internal_execute"}),
    ("requests, connections, loop", None),
]


def children(pid):
    out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return {open(f"/proc/{p}/comm").read().strip(): int(p) for p in out.split()}


def cpu_us(pid):
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0]) / 1e3


def bucket(frames):
    names = {f.split(".")[0] for f in frames}  # without what the compiler adds
    if "entry_SYSCALL_64_after_hwframe" in names:
        calls = {f.removeprefix("__x64_sys_").removeprefix("ksys_").removeprefix("do_")
                 .removeprefix("__GI___libc_").removeprefix("__GI___").removeprefix("__libc_")
                 for f in names}
        return next(k for k, of in KERNEL if of is None or calls & of)
    return next(k for k, of in PROGRAM if of is None or names & of)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-") or "HITHERD" not in os.environ:
        sys.exit(__doc__)
    out, words = os.path.realpath(sys.argv[1]), sys.argv[2:] or ["connections=32", "warm=500"]
    folders = [x for name in ("runtime", "state", "config", "data", "etc", "lib")
               for x in (f"--{name}-dir", f"{out}/hither/{name}")]
    engine = subprocess.Popen([f"{out}/bench_engine", "0", f"unix:{out}/engine.sock"])
    time.sleep(0.2)
    daemon = subprocess.Popen(["taskset", "-c", "1", os.environ["HITHERD"], "--user", "--config",
                               f"{out}/hither.json", *folders], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1.5)
        pids = children(daemon.pid)
        router = pids["hither-router"]
        before = {n: cpu_us(p) for n, p in pids.items()}
        load = subprocess.Popen(
            [f"{out}/bench_load", "0", f"unix:{out}/hither/runtime/hither.sock", "model=auto",
             "seconds=3", *words], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        subprocess.run(["perf", "record", "-q", "-F", "1500", "--call-graph", "dwarf,4096", "-p",
                        str(router), "-o", f"{out}/perf.data", "--", "sleep", "1.5"],
                       stderr=subprocess.DEVNULL, check=True)
        done = float(load.communicate()[0].split()[0])
        time.sleep(1)
        used = {n: cpu_us(p) - before[n] for n, p in pids.items()}
    finally:
        daemon.terminate()
        daemon.wait()
        engine.terminate()
        engine.wait()
    text = subprocess.run(["perf", "script", "-i", f"{out}/perf.data", "--no-inline", "-F",
                           "ip,sym"], capture_output=True, text=True).stdout
    counts = collections.Counter()
    for sample in text.split("\n\n"):
        frames = [line.split(None, 1)[1].strip() for line in sample.strip().split("\n")
                  if len(line.split(None, 1)) > 1]
        if frames:
            counts[bucket(frames)] += 1
    each = used["hither-router"] / done
    print(f"{done:.0f} requests; microseconds of processor each: "
          + ", ".join(f"{n.removeprefix('hither-')} {u / done:.2f}" for n, u in used.items()))
    print("\n| router | share | µs |\n|---|---|---|")
    for name, _ in KERNEL + PROGRAM:
        share = counts[name] / max(1, sum(counts.values()))
        print(f"| {name} | {share:.1%} | {share * each:.2f} |")


main()
