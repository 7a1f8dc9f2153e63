#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rounds of every scenario over every peer, shuffled; medians over rounds; ratios to nginx of
the same round. The peer under test has processor 1, engine and clients share processor 0.

run.py HITHERD OUT [--rounds N] [--peers a,b] [--scenarios a,b] [--cold N] [--model NAME] [--routers N]
--routers N: a peer `routers` besides, the same daemon with that many router processes. It and `hither` then have
every processor but 0, and of two both.
Usually started by run.sh, which builds the programs into OUT."""
import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time

NGINX = """daemon off; worker_processes 1; pid {d}/nginx.pid; error_log stderr error;
worker_rlimit_nofile 16384; events {{ worker_connections 8192; multi_accept on; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
 client_max_body_size 64m; client_body_buffer_size 1m; client_body_temp_path {d}/t;
 proxy_temp_path {d}/t; fastcgi_temp_path {d}/t; uwsgi_temp_path {d}/t; scgi_temp_path {d}/t;
 upstream engine {{ server {engine}; keepalive 2048; keepalive_requests 1000000000; }}
 server {{ listen unix:{d}/nginx.sock backlog=4096; location / {{ proxy_pass http://engine;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }} }}
"""
HAPROXY = """global
 nbthread 1
 maxconn 8000
defaults
 mode http
 timeout connect 5s
 timeout client 300s
 timeout server 300s
 option http-keep-alive
 option http-no-delay
 http-reuse always
frontend f
 bind unix@{d}/haproxy.sock backlog 4096
 default_backend b
backend b
 server s {engine}
"""
HITHER = {"limits": {"connections": 12000, "connections_per_uid": 12000, "queue": 4096},
          "engine": {"parallel": 4096, "queue": 1024, "idle_stop_s": 0},
          "log": {"level": "warning"}}

# name: (load's words, what it is)
SCENARIOS = {
    "plain_1": ("connections=1", "plain, 1 connection, 256 B prompt"),
    "plain_32": ("connections=32 warm=500", "plain, 32 connections, 256 B prompt"),
    "plain_256": ("connections=256 warm=2000", "plain, 256 connections, 256 B prompt"),
    "prompt_100k": ("connections=8 prompt=102400 warm=20", "plain, 8 connections, 100 KB prompt"),
    "new_connection": ("connections=8 fresh=1", "plain, 8 clients, a connection for each request"),
    "stream_1": ("connections=1 stream=1 pieces=50 every_us=5000 filler=32 warm=1",
                 "1 stream, 50 pieces, 5 ms apart"),
    "stream_64": ("connections=64 stream=1 pieces=40 every_us=20000 filler=32 warm=0 requests=192"
                  " seconds=4 spread_ms=400", "64 streams, 40 pieces, 20 ms apart"),
    "stream_512": ("connections=512 stream=1 pieces=20 every_us=100000 filler=32 warm=0"
                   " requests=512 seconds=4 spread_ms=1000", "512 streams, 20 pieces, 100 ms apart"),
    "stream_2000": ("connections=2000 stream=1 pieces=12 every_us=250000 filler=32 warm=0"
                    " requests=2000 seconds=6 spread_ms=2000",
                    "2,000 streams, 12 pieces, 250 ms apart"),
}
FIELDS = ["answered", "failed", "missing", "seconds", "p50_us", "p90_us", "p99_us", "first_p50_us",
          "first_p90_us", "first_p99_us", "piece_p50_us", "piece_p90_us", "piece_p99_us"]


def pin(processors):
    return lambda: os.sched_setaffinity(0, processors)


class Peer:
    def __init__(self, name, address, command=None):
        self.name, self.address, self.command = name, address, command
        self.processors = {1 % os.cpu_count()}
        self.process = None

    def start(self):
        """Milliseconds from exec to the first answer."""
        if self.command is None:
            return 0.0
        with open(f"{OUT}/{self.name}.log", "ab") as log:
            began = time.monotonic()
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, preexec_fn=pin(self.processors))
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - began > 20:
                raise RuntimeError(f"{self.name} does not answer: see {OUT}/{self.name}.log")
            time.sleep(0.001)
        return (time.monotonic() - began) * 1000

    def answers(self):
        body = json.dumps({"model": "local", "messages": [{"role": "user", "content": "@1,0,1@"}]})
        try:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(5)
            s.connect(self.address[5:])
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                      b"Content-Type: application/json\r\nConnection: close\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body.encode())
            first = s.recv(4096)
            s.close()
            return first.startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def pids(self):
        if self.process is None:
            return []
        parents = {}
        for d in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{d}/stat") as f:
                    parents[int(d)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
        found = [self.process.pid]
        for p in found:
            found += [c for c, parent in parents.items() if parent == p]
        return found

    def cpu_ns(self):
        total = 0
        for p in self.pids():
            for t in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{t}/schedstat") as f:
                    total += int(f.read().split()[0])
        return total

    def memory_mib(self):
        """Resident and proportional, of all its processes."""
        rss = pss = 0
        for p in self.pids():
            with open(f"/proc/{p}/smaps_rollup") as f:
                for line in f:
                    key, _, value = line.partition(":")
                    rss += int(value.split()[0]) if key == "Rss" else 0
                    pss += int(value.split()[0]) if key == "Pss" else 0
        return rss / 1024, pss / 1024

    def settle(self):
        """What it still has to write down must not disturb the next one."""
        for _ in range(30):
            before = self.cpu_ns()
            time.sleep(0.1)
            if self.cpu_ns() - before < 2e6:
                return


def peers(hitherd, engine_tcp, engine_unix, routers):
    def conf(name, text):
        with open(f"{OUT}/{name}", "w") as f:
            f.write(text)
        return f"{OUT}/{name}"

    os.makedirs(f"{OUT}/t", exist_ok=True)
    there = f"127.0.0.1:{engine_tcp}"

    def daemon(name, n):
        os.makedirs(f"{OUT}/{name}", exist_ok=True)
        config = conf(f"{name}.json", json.dumps(
            {**HITHER, "engine": {**HITHER["engine"], "endpoint": engine_unix},
             "daemon": {"router_processes": n}}))
        folders = [x for f in ("runtime", "state", "config", "data", "etc", "lib")
                   for x in (f"--{f}-dir", f"{OUT}/{name}/{f}")]
        p = Peer(name, f"unix:{OUT}/{name}/runtime/hither.sock",
                 [hitherd, "--user", "--config", config, *folders])
        if routers > 1:
            p.processors = set(range(1, os.cpu_count())) if os.cpu_count() > 2 else {0, 1}
        return p

    listed = [
        Peer("direct", engine_unix),
        Peer("relay", f"unix:{OUT}/relay.sock",
             [f"{OUT}/bench_relay", "1", f"unix:{OUT}/relay.sock", f"tcp:{engine_tcp}"]),
        Peer("nginx", f"unix:{OUT}/nginx.sock",
             ["nginx", "-e", "stderr", "-c", conf("nginx.conf", NGINX.format(d=OUT, engine=there))]),
        Peer("haproxy", f"unix:{OUT}/haproxy.sock",
             ["haproxy", "-db", "-f", conf("haproxy.cfg", HAPROXY.format(d=OUT, engine=there))]),
        daemon("hither", 1),
    ]
    if routers > 1:
        listed.append(daemon("routers", routers))
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    for p in listed:
        if p.command and shutil.which(p.command[0], path=path):
            p.command[0] = shutil.which(p.command[0], path=path)
    return {p.name: p for p in listed if not p.command or os.path.exists(p.command[0])}


def measure(peer, scenario, model):
    before, began = peer.cpu_ns(), time.monotonic()
    out = subprocess.run([f"{OUT}/bench_load", "0", peer.address, f"model={model}",
                          *SCENARIOS[scenario][0].split()], capture_output=True, text=True,
                         timeout=60, check=True).stdout
    row = dict(zip(FIELDS, map(float, out.split())))
    used_us = (peer.cpu_ns() - before) / 1e3
    words = dict(w.split("=") for w in SCENARIOS[scenario][0].split())
    done = row["answered"] + row["failed"] + float(words.get("warm", 100))
    row["cpu_us"] = used_us / max(done, 1)
    row["cpu_us_per_piece"] = used_us / max(done * float(words.get("pieces", 1)), 1)
    row["rate"] = row["answered"] / max(row["seconds"], 1e-9)
    row["rss_mib"], row["pss_mib"] = peer.memory_mib()
    row["wall_s"] = time.monotonic() - began
    return row


def idle_connections(peer, n):
    """Memory with n connections that said nothing, and whether a request passes meanwhile."""
    held = []
    for _ in range(n):
        s = socket.socket(socket.AF_UNIX)
        s.connect(peer.address[5:])
        held.append(s)
    time.sleep(0.5)
    rss, pss = peer.memory_mib()
    answers = peer.answers()
    for s in held:
        s.close()
    return rss, pss, answers


class Table:
    def __init__(self, rows):
        self.rows = rows

    def of(self, scenario, peer, key):
        return [(r["round"], r[key]) for r in self.rows
                if r["scenario"] == scenario and r["peer"] == peer]

    def median(self, scenario, peer, key):
        values = [v for _, v in self.of(scenario, peer, key)]
        return statistics.median(values) if values else None

    def ratio(self, scenario, peer, key):
        """To nginx, round by round."""
        base = dict(self.of(scenario, "nginx", key))
        values = [v / base[n] for n, v in self.of(scenario, peer, key) if base.get(n)]
        return statistics.median(values) if values else None


def cell(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def print_table(rows, order, scenarios):
    t = Table(rows)
    for s in scenarios:
        streamed = "stream=1" in SCENARIOS[s][0]
        keys = ([("piece_p50_us", "piece"), ("cpu_us_per_piece", "CPU per piece"),
                 ("first_p50_us", "first piece")] if streamed
                else [("p50_us", "p50"), ("cpu_us", "CPU")])
        shown = ([("first_p50_us", 1), ("piece_p50_us", 1), ("piece_p99_us", 0),
                  ("cpu_us_per_piece", 2)] if streamed
                 else [("p50_us", 1), ("p99_us", 0), ("rate", 0), ("cpu_us", 2)])
        print(f"\n### {SCENARIOS[s][1]}\n")
        head = [f"{word} / nginx" for _, word in keys] + [k for k, _ in shown]
        head += ["RSS MiB", "PSS MiB", "failed", "lost"]
        print("| peer | " + " | ".join(head) + " |\n|---|" + "---|" * len(head))
        for p in order:
            bare = p == "direct"
            cells = [cell(None if bare and "cpu" in k else t.ratio(s, p, k), 2) for k, _ in keys]
            cells += [cell(None if bare and "cpu" in k else t.median(s, p, k), d)
                      for k, d in shown]
            cells += [cell(None if bare else t.median(s, p, k), 1) for k in ("rss_mib", "pss_mib")]
            cells += [str(int(sum(v for _, v in t.of(s, p, k)))) for k in ("failed", "missing")]
            print(f"| {p} | " + " | ".join(cells) + " |")


def write_rows(rows):
    keys = ["round", "scenario", "peer", *FIELDS, "rate", "cpu_us", "cpu_us_per_piece", "rss_mib",
            "pss_mib", "wall_s"]
    with open(f"{OUT}/rows.tsv", "w") as f:
        f.write("\t".join(keys) + "\n")
        for r in rows:
            f.write("\t".join(f"{r[k]:.3f}" if isinstance(r[k], float) else str(r[k])
                              for k in keys) + "\n")


def starts(all_peers, order, n):
    print(f"\n### From exec to the first answer, {n} starts, and memory after it\n\n"
          "| peer | ms, median | ms, least | RSS MiB | PSS MiB |\n|---|---|---|---|---|")
    for name in order:
        p, ms, memory = all_peers[name], [], (0, 0)
        for _ in range(n if p.command else 0):
            ms.append(p.start())
            time.sleep(0.3)
            memory = p.memory_mib()
            p.stop()
        if ms:
            print(f"| {name} | {statistics.median(ms):.1f} | {min(ms):.1f} | {memory[0]:.1f} |"
                  f" {memory[1]:.1f} |")


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("hitherd")
    a.add_argument("out")
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--peers", default="direct,relay,nginx,haproxy,hither")
    a.add_argument("--scenarios", default=",".join(SCENARIOS))
    a.add_argument("--cold", type=int, default=5)
    a.add_argument("--idle", type=int, default=10000)
    a.add_argument("--model", default="auto")
    a.add_argument("--routers", type=int, default=1)
    o = a.parse_args()
    global OUT
    OUT = os.path.realpath(o.out)
    engine_unix, engine_tcp = f"unix:{OUT}/engine.sock", 19480
    engine = subprocess.Popen([f"{OUT}/bench_engine", "0", engine_unix, f"tcp:{engine_tcp}"])
    time.sleep(0.2)
    all_peers = peers(o.hitherd, engine_tcp, engine_unix, o.routers)
    order = [p for p in o.peers.split(",") + ["routers"] if p in all_peers]
    scenarios = o.scenarios.split(",")
    rows, dice = [], random.Random(1)
    try:
        starts(all_peers, order, o.cold)
        for p in order:
            all_peers[p].start()
        for n in range(o.rounds):
            for s in scenarios:
                for p in dice.sample(order, len(order)):
                    row = {"round": n, "scenario": s, "peer": p,
                           **measure(all_peers[p], s, o.model)}
                    rows.append(row)
                    print(n, s, p, f"p50={row['p50_us']:.1f} cpu={row['cpu_us']:.2f}",
                          file=sys.stderr)
                    all_peers[p].settle()
        print_table(rows, order, scenarios)
        write_rows(rows)
        if o.idle and "hither" in order:
            rss, pss, answers = idle_connections(all_peers["hither"], o.idle)
            print(f"\n{o.idle:,} idle connections to hither: RSS {rss:.1f} MiB, PSS {pss:.1f} MiB,"
                  f" a request meanwhile {'is answered' if answers else 'FAILS'}")
    finally:
        for p in all_peers.values():
            p.stop()
        engine.terminate()
        engine.wait()


main()
