#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mixed requests for as long as it is told: answered here and sent, streamed and not, in four dialects, by several
clients at once; one in a hundred fails on purpose (engine or provider), clients leave early, the engine is killed at
intervals. At the end: memory that grew in the second half, descriptors, processes without a parent that waits for
them, and the ledger.

An answer that says that it is whole is compared with what was asked for, so that nobody gets another's. The budget
counts requests, or is a time.
"""
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import threading
import time

import campaign
import stage

CLIENTS = 6
FAULTS = ["fake:error", "fake:error_after=2", "fake:cut_after=2", "fake:cloud_status=500", "fake:cloud_no_done",
          "fake:cloud_drop", "fake:engine_die_after=2"]
ROLES = ["boot", "router", "local", "consent", "cloud"]
DRIFT_KIB = 2048  # private memory of one role, second half against its middle
KEPT_BYTES = 80  # of each release that the ledger has, for budgets (consent/budget.c); room of an array that grows is not touched
KILLS_PER_RUN = 10


class Client(threading.Thread):
    def __init__(self, soak, seed):
        super().__init__(daemon=True)
        self.soak, self.rng, self.n, self.statuses, self.faults, self.left = soak, random.Random(seed), 0, {}, 0, 0
        self.wrong = []

    def run(self):
        while not self.soak.stop:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.one()
            self.n += 1

    def leave(self, body):
        """Asks, and is gone."""
        raw = json.dumps(body).encode()
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(stage.PATIENCE_S)
        s.connect(self.soak.d.path("run", "hither.sock"))
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
            len(raw), raw[:self.rng.randrange(len(raw) + 1)] if self.rng.random() < 0.3 else raw))
        if self.rng.random() < 0.7:
            s.recv(self.rng.randrange(1, 2000))
        s.close()
        self.left += 1

    def one(self):
        rng, d = self.rng, self.soak.d
        text = f"fake:echo soak{rng.randrange(1 << 40):x} " + " ".join(f"w{i}" for i in range(rng.randrange(1, 80)))
        wanted = text.removeprefix("fake:echo ")
        fault = rng.random() < 0.01
        if fault:
            text += " " + rng.choice(FAULTS)
            self.faults += 1
        model = "far" if rng.random() < 0.3 else "local"
        stream = rng.random() < 0.5
        said = [{"role": "user", "content": text}]
        if rng.random() < 0.02:
            return self.leave({"model": model, "messages": said, "stream": stream})
        path = rng.choice(["/v1/chat/completions"] * 3 + ["/v1/messages", "/api/chat", "/v1/responses"])
        body = {"model": model, "stream": stream, "messages": said}
        if path == "/v1/messages":
            body["max_tokens"] = 200
        if path == "/v1/responses":
            body = {"model": model, "stream": stream, "input": text}
        r = d.call("POST", path, body)
        self.statuses[r.status] = self.statuses.get(r.status, 0) + 1
        if path == "/v1/chat/completions" and r.status == 200 and not r.cut:
            whole = not stream or ("[DONE]" in r.events and '"error"' not in "".join(r.events))
            if whole and r.text.strip() != wanted:
                self.wrong.append(f"asked for {wanted!r}, complete with {r.text!r} ({'fault' if fault else 'no fault'})")
        return None


class Soak:
    def __init__(self, c):
        self.c, self.stop = c, False
        self.d = stage.Daemon(c.program())
        self.d.config["engine"].update(restart_backoff_ms=20, restart_backoff_max_ms=100)
        self.d.config["log"] = {"level": "warning"}
        self.d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"},
                       "destinations": {"far": self.d.destination()}, "rules": []})
        self.d.start()
        self.kills, self.samples, self.sends = 0, [], []

    def sample(self):
        pids = campaign.roles(self.d)
        row = {}
        for role in ROLES:
            with contextlib.suppress(OSError, KeyError):
                row[role] = (pids[role], campaign.memory_kib(pids[role]), campaign.descriptors(pids[role]))
        self.samples.append(row)
        self.sends.append(len(self.d.cloud.requests))

    def zombies(self):
        return [name for name, state, _ in campaign.descendants(self.d.process.pid).values() if state == "Z"]

    def drift(self):
        """{role: (middle, end, growth)} in KiB, medians of the samples around; and who was another process."""
        half, last = self.samples[len(self.samples) // 2 - 2:len(self.samples) // 2 + 3], self.samples[-5:]
        found, again = {}, {}
        for role in ROLES:
            again[role] = len({s[role][0] for s in self.samples if role in s}) - 1
            before, after = (sorted(s[role][1] for s in rows if role in s)[len(rows) // 2] for rows in (half, last))
            found[role] = (before, after, after - before)
        return found, again

    def run(self):
        c = self.c
        begun = {role: campaign.descriptors(pid) for role, pid in campaign.roles(self.d).items() if role in ROLES}
        clients = [Client(self, c.rng.randrange(1 << 31)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        wait = max(0.2, (c.budget.seconds or 60) / 200)
        every = max(1, (200 if c.budget.seconds else 20) // KILLS_PER_RUN)
        turn = 0
        while not c.over():
            time.sleep(wait)
            c.runs, turn = sum(k.n for k in clients), turn + 1
            self.sample()
            engine = campaign.roles(self.d).get("engine")
            if turn % every == 0 and engine is not None:
                os.kill(engine, signal.SIGKILL)
                self.kills += 1
        self.stop = True
        for client in clients:
            client.join(2 * stage.PATIENCE_S)
            c.check(not client.is_alive(), "a request that does not end")
            for what in client.wrong:
                c.wrong(what)
        c.runs = sum(k.n for k in clients)
        stage.until("it answers", lambda: self.d.chat("What is the capital of France?", model="local").status == 200)
        ended = {}

        def settled():
            pids = campaign.roles(self.d)
            ended.update({role: campaign.descriptors(pids[role]) for role in ROLES})
            return all(ended[role] <= begun[role] + 8 for role in ROLES) and not self.zombies()
        with contextlib.suppress(AssertionError):
            stage.until("descriptors are given back", settled)
        c.check(settled(), f"descriptors {begun} at the start, {ended} at the end; zombies {self.zombies()}")
        drift, again = self.drift()
        kept_kib = KEPT_BYTES * (self.sends[-1] - self.sends[len(self.sends) // 2]) // 1024
        for role, (before, after, more) in drift.items():
            c.check(more < DRIFT_KIB + (kept_kib if role == "consent" else 0), f"{role} grew by {more} KiB in the second half ({before} to {after})")
        c.check(not any(again.values()), f"a role began again: {again}")
        self.d.process.send_signal(signal.SIGTERM)
        self.d.process.wait(stage.PATIENCE_S)
        whole, said = campaign.verify(c, self.d)
        c.check(whole, "ledger: " + said)
        statuses = {}
        for client in clients:
            for status, n in client.statuses.items():
                statuses[status] = statuses.get(status, 0) + n
        c.figures.update(engine_killed=self.kills, faults=sum(k.faults for k in clients),
                         left_early=sum(k.left for k in clients), statuses=statuses, sends=len(self.d.cloud.requests),
                         memory_kib={role: list(v) for role, v in drift.items()}, kept_kib=kept_kib, descriptors=[begun, ended])


def main():
    c = campaign.Campaign(__doc__, "60s", 1000000)
    soak = Soak(c)
    try:
        soak.run()
    finally:
        soak.stop = True
        soak.d.close()
    c.end()


if __name__ == "__main__":
    main()
