# SPDX-License-Identifier: Apache-2.0
"""Sends to a cloud by a standing rule of the policy, through the whole daemon, beside what the ledger's disk can sync
in the same run. The cloud is engine.c on loopback: it answers at once, so what is left is hither and the disk.

cloud.py HITHERD[,HITHERD...] OUT [ROUNDS]
Usually started by cloud.sh, which builds the programs into OUT. OUT lies on the disk that is measured. Several builds
take turns, each with a daemon and a ledger of its own.

The ceiling of a row is what the disk syncs in a second, divided by the syncs that a send needed there: with many
clients a commit carries many sends, so it lies beyond what the processor can do.
"""
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

BUILDS, OUT = [os.path.realpath(x) for x in sys.argv[1].split(",")], os.path.realpath(sys.argv[2])
ROUNDS = int((sys.argv[3:4] or [5])[0])
PORT = 19481
CLIENTS = (1, 8, 32, 64)
# Streams: what load.c is told. Cloud has 64 under way at most; of 120 the others wait their turn.
STREAMS = {1: "pieces=50 every_us=5000 requests=6 warm=1", 64: "pieces=40 every_us=20000 requests=192 spread_ms=400",
           120: "pieces=20 every_us=20000 requests=360 spread_ms=400"}
CONFIG = {"limits": {"connections": 1000, "connections_per_uid": 1000, "queue": 1000},
          "cloud": {"allow_loopback": True, "concurrent": 64}, "log": {"level": "warning"}}
POLICY = {"hither_policy": 1, "id": "bench", "default": {"cloud": "allow"}, "rules": [],
          "destinations": {"far": {"tier": "cloud", "api": "openai", "operator": "Bench", "region": "eu",
                                   "base_url": f"http://127.0.0.1:{PORT}/v1", "models": ["e"],
                                   "queue": 64, "retention_days": 0, "trains": False}}}


def sync_ms(n=200):
    """One 4 KiB write over what is there, with fdatasync: what a commit to a log that is in use costs at least."""
    took = []
    with open(f"{OUT}/sync", "wb", buffering=0) as f:
        f.write(bytes(n * 4096))
        os.fsync(f.fileno())
        for i in range(n):
            start = time.monotonic()
            os.pwrite(f.fileno(), bytes(4096), i * 4096)
            os.fdatasync(f.fileno())
            took.append((time.monotonic() - start) * 1000)
    return statistics.median(took), n / (sum(took) / 1000)


def load(address, *words):
    """As load.c prints it: answered, failed, missing pieces, seconds, then microseconds."""
    out = subprocess.run([f"{OUT}/bench_load", "0", address, "model=far", *words], capture_output=True, text=True,
                         timeout=120, check=True).stdout.split()
    if float(out[0]) == 0:
        raise RuntimeError(f"nothing was answered: see {OUT}/daemon*/log")
    return [float(x) for x in out]


def plain(address, clients, seconds=3):
    out = load(address, f"connections={clients}", "warm=20", f"seconds={seconds}")
    return {"rate": out[0] / out[3], "p50": out[4] / 1000, "failed": out[1], "all": out[0] + 20}


def streams(address, n):
    out = load(address, f"connections={n}", "stream=1", "filler=32", *STREAMS[n].split())
    return {"whole": out[4] / 1000, "first": out[7] / 1000, "piece": out[10], "failed": out[1], "missing": out[2]}


def ready(d):
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{d}/runtime/admin.sock")
        s.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = s.recv(100)
        s.close()
        return b" 200 " in answer
    except OSError:
        return False


class Daemon:
    def __init__(self, hitherd, at):
        self.dir = d = f"{OUT}/daemon{at}"
        shutil.rmtree(d, ignore_errors=True)
        os.makedirs(f"{d}/config/policy.d", 0o700)
        with open(f"{d}/hitherd.json", "w", encoding="ascii") as f:
            json.dump(CONFIG, f)
        with open(f"{d}/config/policy.d/10.json", "w", opener=lambda p, flags: os.open(p, flags, 0o600),
                  encoding="ascii") as f:
            json.dump(POLICY, f)
        folders = [x for n in ("runtime", "state", "config", "data", "models", "etc", "lib")
                   for x in (f"--{n}-dir", f"{d}/{n}")]
        with open(f"{d}/log", "wb") as log:
            self.process = subprocess.Popen([hitherd, "--user", "--config", f"{d}/hitherd.json", *folders],
                                            stderr=log, stdout=log)
        while not ready(d):
            if self.process.poll() is not None:
                raise RuntimeError(f"hitherd ended: see {d}/log")
            time.sleep(0.01)
        self.address = f"unix:{d}/runtime/hither.sock"

    def consent(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
                    parent = int(f.read().rpartition(")")[2].split()[1])
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if parent == self.process.pid and b"\0consent\0" in f.read():
                        return pid
            except OSError:
                pass
        raise RuntimeError("no consent")

    def commits(self, clients):
        """Syncs that consent makes for each send, counted by strace; None without it."""
        if shutil.which("strace") is None:
            return None
        trace = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fdatasync,fsync", "-o", f"{OUT}/strace",
                                  "-p", self.consent()], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        sends = plain(self.address, clients, 2)["all"]
        time.sleep(0.5)
        trace.send_signal(2)
        trace.wait()
        with open(f"{OUT}/strace", encoding="ascii") as f:
            syncs = sum(int(m) for m in re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*sync$", f.read(), re.M))
        return syncs / sends

    def end(self):
        self.process.terminate()
        self.process.wait()


def print_plain(rows, counted):
    print("| clients | build | sends a second | disk's syncs a second | syncs for each send | of that ceiling |"
          " p50, ms | over direct | beyond one sync | failed |\n" + "|---" * 10 + "|")
    for (clients, build), all_rounds in sorted(rows.items()):
        m = {k: statistics.median(r[k] for r in all_rounds) for k in all_rounds[0]}
        n = counted[clients, build]
        said = ("-", "-") if n is None else (f"{n:.2f}", f"{m['rate'] * n / m['syncs']:.2f}")
        print(f"| {clients} | {build} | {m['rate']:.0f} | {m['syncs']:.0f} | {said[0]} | {said[1]} | {m['p50']:.2f} |"
              f" {m['over']:.2f} | {m['beyond']:.2f} | {sum(r['failed'] for r in all_rounds):.0f} |")


def print_streams(rows):
    print("\n| streams | build | first piece, ms, direct | ours | time of a piece, µs, direct | ours | whole, ms, direct |"
          " ours | missing pieces | failed |\n" + "|---" * 10 + "|")
    for (n, build), all_rounds in sorted(rows.items()):
        m = {k: statistics.median(r[k] for r in all_rounds) for k in all_rounds[0]}
        lost = [sum(r[k] for r in all_rounds) for k in ("missing", "failed")]
        print(f"| {n} | {build} | {m['direct_first']:.2f} | {m['first']:.2f} | {m['direct_piece']:.0f} | {m['piece']:.0f} |"
              f" {m['direct_whole']:.0f} | {m['whole']:.0f} | {lost[0]:.0f} | {lost[1]:.0f} |")


def one_plain(daemon, clients):
    before = sync_ms()
    direct = plain(f"tcp:{PORT}", clients, 1)
    ours = plain(daemon.address, clients)
    after = sync_ms()
    ours["syncs"] = (before[1] + after[1]) / 2
    ours["over"] = ours["p50"] - direct["p50"]
    ours["beyond"] = ours["over"] - (before[0] + after[0]) / 2
    return ours


def one_stream(daemon, n):
    direct = {"direct_" + k: v for k, v in streams(f"tcp:{PORT}", n).items()}
    return {**streams(daemon.address, n), **direct}


def main():
    engine = subprocess.Popen([f"{OUT}/bench_engine", "0", f"tcp:{PORT}"])
    daemons = [Daemon(b, i) for i, b in enumerate(BUILDS)]
    rows, streamed, dice = {}, {}, random.Random(1)
    try:
        for _ in range(ROUNDS):
            turns = [(one_plain, rows, c, b) for c in CLIENTS for b in range(len(BUILDS))]
            turns += [(one_stream, streamed, n, b) for n in STREAMS for b in range(len(BUILDS))]
            for run, into, n, b in dice.sample(turns, len(turns)):
                into.setdefault((n, b), []).append(run(daemons[b], n))
        print_plain(rows, {(c, b): daemons[b].commits(c) for c, b in rows})
        print_streams(streamed)
    finally:
        for p in daemons:
            p.end()
        engine.terminate()
        engine.wait()


main()
