# SPDX-License-Identifier: Apache-2.0
"""Sends to a cloud by a standing rule of the policy, through the whole daemon, beside what the ledger's disk can sync
in the same run. The cloud is engine.c on loopback: it answers at once, so what is left is hither and the disk.

cloud.py HITHERD OUT [ROUNDS]
Usually started by cloud.sh, which builds the programs into OUT. OUT lies on the disk that is measured.
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

HITHERD, OUT = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])
ROUNDS = int((sys.argv[3:4] or [5])[0])
PORT = 19481
CLIENTS = (1, 16, 64)
CONFIG = {"limits": {"connections": 1000, "connections_per_uid": 1000, "queue": 1000},
          "cloud": {"allow_loopback": True, "concurrent": 64}, "log": {"level": "warning"}}
POLICY = {"hither_policy": 1, "id": "bench", "default": {"cloud": "allow"}, "rules": [],
          "destinations": {"far": {"tier": "cloud", "api": "openai", "operator": "Bench", "region": "eu",
                                   "base_url": f"http://127.0.0.1:{PORT}/v1", "models": ["e"],
                                   "retention_days": 0, "trains": False}}}


def sync_ms(n=200):
    """One 4 KiB write over what is there, with fdatasync: what a commit to a log that is in use costs at least."""
    took = []
    with open(f"{OUT}/daemon/sync", "wb", buffering=0) as f:
        f.write(bytes(n * 4096))
        os.fsync(f.fileno())
        for i in range(n):
            start = time.monotonic()
            os.pwrite(f.fileno(), bytes(4096), i * 4096)
            os.fdatasync(f.fileno())
            took.append((time.monotonic() - start) * 1000)
    return statistics.median(took), n / (sum(took) / 1000)


def load(address, clients, seconds=3):
    out = subprocess.run([f"{OUT}/bench_load", "0", address, "model=far", f"connections={clients}", "warm=20",
                          f"seconds={seconds}"], capture_output=True, text=True, timeout=120, check=True).stdout.split()
    answered, failed, took, p50 = float(out[0]), float(out[1]), float(out[3]), float(out[4]) / 1000
    return answered / took, p50, failed, answered + 20


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


def start():
    d = f"{OUT}/daemon"
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
        p = subprocess.Popen([HITHERD, "--user", "--config", f"{d}/hitherd.json", *folders], stderr=log, stdout=log)
    while not ready(d):
        if p.poll() is not None:
            raise RuntimeError(f"hitherd ended: see {d}/log")
        time.sleep(0.01)
    return p


def consent_of(daemon):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if parent == daemon.pid and b"\0consent\0" in f.read():
                    return pid
        except OSError:
            pass
    raise RuntimeError("no consent")


def commits(daemon, clients, address):
    """Syncs that consent makes for each send, counted by strace; None without it."""
    if shutil.which("strace") is None:
        return None
    trace = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fdatasync,fsync", "-o", f"{OUT}/strace",
                              "-p", consent_of(daemon)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    sends = load(address, clients, 2)[3]
    trace.send_signal(2)
    trace.wait()
    with open(f"{OUT}/strace", encoding="ascii") as f:
        syncs = sum(int(m) for m in re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*sync$", f.read(), re.M))
    return syncs / sends


def main():
    engine = subprocess.Popen([f"{OUT}/bench_engine", "0", f"tcp:{PORT}"])
    daemon = start()
    far = f"unix:{OUT}/daemon/runtime/hither.sock"
    rows = {c: [] for c in CLIENTS}
    syncs, dice = [], random.Random(1)
    try:
        for _ in range(ROUNDS):
            for clients in dice.sample(CLIENTS, len(CLIENTS)):
                before = sync_ms()
                direct = load(f"tcp:{PORT}", clients, 1)
                ours = load(far, clients)
                after = sync_ms()
                sync = ((before[0] + after[0]) / 2, (before[1] + after[1]) / 2)
                syncs.append(sync)
                rows[clients].append((ours[0], ours[0] / sync[1], ours[1] - direct[1], ours[1] - direct[1] - sync[0],
                                      ours[2]))
        p50, rate = (statistics.median(s[i] for s in syncs) for i in (0, 1))
        print(f"disk: {rate:.0f} syncs a second, p50 {p50:.2f} ms\n")
        print("| clients | sends a second | of the disk's syncs | p50 over direct, ms | of it beyond one sync, ms |"
              " syncs for each send | failed |\n|---|---|---|---|---|---|---|")
        for c in CLIENTS:
            m = [statistics.median(r[i] for r in rows[c]) for i in range(4)]
            n = commits(daemon, c, far)
            print(f"| {c} | {m[0]:.0f} | {m[1]:.2f} | {m[2]:.2f} | {m[3]:.2f} | {'-' if n is None else f'{n:.2f}'} |"
                  f" {sum(r[4] for r in rows[c]):.0f} |")
    finally:
        daemon.terminate()
        daemon.wait()
        engine.terminate()
        engine.wait()


main()
