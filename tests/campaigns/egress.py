#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Local-only means that nothing leaves: a daemon in a network namespace of its own, where whatever left would be seen.

The namespace has a default route, a name server that everything would ask, and loopback; every interface is
listened to, loopback included, and everything on them counts. Requests are easy and hard, plain and streamed, in
each dialect, for a cloud by name, while the engine answers, fails, hangs up and is killed. At the end the watch
itself is tried: a question to the name server, and a request that may leave, must both be seen.

Needs root (a namespace, raw sockets). The budget counts requests.
"""
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import campaign
import stage

CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE, MS_BIND = 0x20000, 0x40000000, 0x4000, 0x40000, 0x1000
ETH_P_ALL, OUTGOING = 3, 4
ASK = {"role": "user"}
WORDS = ["", "", "", " fake:tokens=20", " fake:error", " fake:error_after=1", " fake:cut_after=1", " fake:cut",
         " fake:finish=length"]
KILL_EVERY, DIE_EVERY = 197, 211  # the engine, from outside, and by itself in the middle of an answer
LIBC = ctypes.CDLL(None, use_errno=True)


def must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def own_network():
    must(LIBC.unshare(CLONE_NEWNET | CLONE_NEWNS))
    must(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    for command in ("link set lo up", "link add out0 type veth peer name out1", "addr add 10.9.9.1/24 dev out0",
                    "link set out0 multicast off addrgenmode none up",
                    "link set out1 multicast off addrgenmode none up", "route add default via 10.9.9.2"):
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.NamedTemporaryFile("w", delete=False) as f:
        f.write("nameserver 10.9.9.2\noptions timeout:1 attempts:1\n")
    os.chmod(f.name, 0o644)
    must(LIBC.mount(f.name.encode(), os.path.realpath("/etc/resolv.conf").encode(), None, MS_BIND, None))
    os.unlink(f.name)


class Watch:
    """Counts every frame on every interface: (interface, what it is)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.seen, self.names, self.stop = {}, 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stop:
            if not select.select([self.socket], [], [], 0.05)[0]:
                continue
            frame, where = self.socket.recvfrom(65536)
            kind = f"{where[0]} type {where[1]:#x}"
            if where[1] == 0x800 and len(frame) > 38:
                to = socket.inet_ntoa(frame[30:34])
                port = struct.unpack("!H", frame[36:38])[0]
                kind = f"{where[0]} protocol {frame[23]} to {to} port {port}"
                self.names += port == 53
            self.seen[kind] = self.seen.get(kind, 0) + 1

    def total(self):
        time.sleep(0.2)  # what is on its way
        return sum(self.seen.values())


def request(d, rng, n):
    hard = rng.random() < 0.5
    text = (stage.HARD if hard else "What is the capital of France?") + rng.choice(WORDS)
    if n % DIE_EVERY == 0:
        text += " fake:die_after=1"
    model = rng.choice(["auto", "auto", "local", "far", "byname", "cloud"])
    stream = rng.random() < 0.5
    way = rng.randrange(4)
    if way == 0:
        return d.call("POST", "/v1/messages", {"model": model, "max_tokens": 20, "stream": stream,
                                               "messages": [{**ASK, "content": text}]})
    if way == 1:
        return d.call("POST", "/api/chat", {"model": model, "stream": stream, "messages": [{**ASK, "content": text}]})
    if way == 2:
        return d.call("POST", "/v1/responses", {"model": model, "stream": stream, "input": text})
    return d.chat(text, model=model, stream=stream)


def main():
    c = campaign.Campaign(__doc__, "300", 10000)
    if os.geteuid() != 0:
        print("skipped: needs root")
        raise SystemExit(77)
    own_network()
    d = stage.Daemon(c.program())
    try:
        statuses, watch, kills = {}, Watch(), 0
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"},
                  "destinations": {"far": d.destination(), "byname": d.destination(
                      base_url="https://api.example.com/v1")},
                  "rules": [{"id": "stays", "effect": "local_only", "when": {}}]})
        d.start()
        while not c.over():
            c.runs += 1
            if c.runs % KILL_EVERY == 0 and "engine" in campaign.roles(d):
                os.kill(campaign.roles(d)["engine"], signal.SIGKILL)
                kills += 1
                for _ in range(10):  # without one
                    r = request(d, c.rng, 1)
                    statuses[r.status] = statuses.get(r.status, 0) + 1
                stage.until("an engine", lambda: d.chat("What is the capital of France?", model="local").status == 200)
            r = request(d, c.rng, c.runs)
            statuses[r.status] = statuses.get(r.status, 0) + 1
        packets, names = watch.total(), watch.names
        c.check(packets == 0 and names == 0, f"seen: {watch.seen}")
        c.check(d.cloud.connections == 0, f"{d.cloud.connections} connections to the provider")
        c.figures.update(packets=packets, dns=names, engine_killed=kills, statuses=statuses)
        # The watch is no watch if it does not see this.
        try:
            socket.getaddrinfo("api.example.com", 443)
        except OSError:
            pass
        asked = watch.total()
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"},
                  "destinations": {"far": d.destination()}, "rules": []})
        d.call("POST", "/hither/v1/reload", sock="admin.sock")
        r = d.chat("What is the capital of France?", model="far")
        sent = watch.total() - asked
        c.check(asked > 0, "the watch does not see a question to the name server")
        c.check(r.status == 200 and sent > 0, f"the watch does not see a send ({r.status}, {sent} frames)")
        c.figures["control_frames"] = [asked, sent]
    finally:
        d.close()
    c.end()


if __name__ == "__main__":
    main()
