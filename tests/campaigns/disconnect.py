#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that leave at a moment that is drawn: in the middle of the head or of the body, while they wait, at the first
byte, in the middle of a stream, while a person is asked. Whoever was answering, engine or provider, never ends by
itself, so its connection must be closed by hither: the figure is how long after the client had gone (or after the
request had come, where the client was faster). At the end: no question open, descriptors given back, and as many
requests at once as before are answered by each of the two. The budget counts clients."""
import contextlib
import json
import random
import re
import select
import socket
import threading
import time

import campaign
import replies
import stage

CLIENTS = 4
AT_ONCE = 4  # engine.parallel; the provider may have more (cloud.concurrent)
HELD = {"router": 4, "consent": 4, "cloud": 8, "local": 4}  # descriptors kept ready for the next request
MOMENTS = ["head", "body", "waiting", "first byte", "stream", "stream", "stream"]
PATHS = {"/v1/chat/completions": {}, "/v1/messages": {"max_tokens": 100000}, "/api/chat": {}}


class Endless(replies.Server):
    """Answers with one token each five milliseconds until it is left, and keeps when that was."""

    def __init__(self):
        super().__init__()
        self.came, self.left, self.together = {}, {}, threading.Barrier(AT_ONCE)

    def answer(self, s, body):
        if b"gather" in body:
            self.together.wait(stage.PATIENCE_S)
            return super().answer(s, b"bad:good")
        name = re.search(rb"leaves([0-9]+)", body)[1].decode()
        self.came[name] = time.monotonic()
        s.sendall(replies.CHUNKED)
        with contextlib.suppress(OSError):
            while not select.select([s], [], [], 0.005)[0]:
                s.sendall(replies.chunk(replies.EVENT % b"word "))
        self.left[name] = time.monotonic()
        return None


class Scene:
    def __init__(self, c):
        self.c, self.lock, self.times_ms, self.moments = c, threading.Lock(), [], {}
        self.places = {"local": Endless(), "far": Endless()}
        self.d = d = stage.Daemon(c.program(), model=None)
        d.config["engine"] = {"endpoint": f"http://127.0.0.1:{self.places['local'].port}", "parallel": AT_ONCE,
                              "queue": 64}
        d.config["limits"] = {"connections": 128, "connections_per_uid": 64}
        far = d.destination(base_url=f"http://127.0.0.1:{self.places['far'].port}/v1")
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"}, "destinations": {
            "far": far, "asks": far}, "rules": [{"id": "asks", "effect": "ask", "when": {"destination": ["asks"]}}]})
        d.start()
        self.n = 0

    def name(self):
        with self.lock:
            self.n += 1
            return str(self.n)

    def took(self, moment, ms):
        with self.lock:
            self.moments[moment] = self.moments.get(moment, 0) + 1
            if ms is not None:
                self.times_ms.append(ms)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(stage.PATIENCE_S)
        s.connect(self.d.path("run", "hither.sock"))
        return s

    def one(self, rng):
        name, place, moment, path = self.name(), rng.choice(list(self.places)), rng.choice(MOMENTS), rng.choice(list(PATHS))
        stream = moment == "stream" or rng.random() < 0.5
        body = json.dumps({"model": place, "stream": stream, **PATHS[path],
                           "messages": [{"role": "user", "content": f"fake:leaves{name} " + "x" * rng.randrange(2000)}]}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with contextlib.closing(self.connect()) as s:
            if moment == "head":
                s.sendall(head[:rng.randrange(len(head))])
            elif moment == "body":
                s.sendall(head + body[:rng.randrange(len(body))])
            else:
                s.sendall(head + body)
                if moment == "waiting" or not stream:
                    time.sleep(rng.random() * 0.03)
                else:
                    s.recv(1 if moment == "first byte" else rng.randrange(1, 5000))
                    if moment == "stream":
                        time.sleep(rng.random() * 0.05)
            left = time.monotonic()
            if rng.random() < 0.5:
                s.shutdown(socket.SHUT_RDWR)
                time.sleep(rng.random() * 0.02)
        self.took(moment, self.closed(self.places[place], name, left, moment in ("head", "body")))

    def closed(self, server, name, left, never):
        """Milliseconds; None where nobody was asked yet."""
        over = time.monotonic() + stage.PATIENCE_S
        grace = time.monotonic() + 0.2
        while name not in server.left:
            if name not in server.came and time.monotonic() > grace:
                return None
            if time.monotonic() > over:
                self.c.wrong(f"the connection of request {name} is still open")
                return None
            time.sleep(0.002)
        self.c.check(not never, f"request {name} was passed on before it was whole")
        took_ms = 1000 * (server.left[name] - max(left, server.came[name]))
        self.c.check(took_ms >= 0, f"request {name} ended {-took_ms} ms before its client left")
        return took_ms

    def question(self):
        """Who left is asked for no more."""
        d = self.d
        agent = d.agent()
        body = json.dumps({"model": "asks", "messages": [{"role": "user", "content": f"leaves{self.name()}"}]}).encode()
        with contextlib.closing(self.connect()) as s:
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body),
                                                                                                         body))
            stage.until("a question", d.questions)
        with contextlib.suppress(AssertionError):
            stage.until("no question", lambda: not d.questions())
        self.c.check(not d.questions(), "a question of who has left is still open")
        self.took("question", None)
        agent.close()

    def clients(self):
        c = self.c

        def client(rng):
            while not c.over():
                try:
                    self.one(rng)
                except Exception as e:  # noqa: BLE001 a thread that ends would be missed by nobody
                    c.wrong(f"a client: {e!r}")
                with self.lock:
                    c.runs += 1
        threads = [threading.Thread(target=client, args=(random.Random(c.rng.randrange(1 << 31)),))
                   for _ in range(CLIENTS)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            self.question()
            with self.lock:
                c.runs += 1
            time.sleep(0.2)
        for t in threads:
            t.join()

    def gather(self, place):
        """As many at once as there is room for: each waits at its server for the others."""
        later = [self.d.later(self.d.chat, f"gather {i}", model=place, stream=True) for i in range(AT_ONCE)]
        for one in later:
            r = one.result()
            self.c.check(r.status == 200 and r.text == replies.SAID.decode(), f"{place}: {AT_ONCE} at once: {r.body[-300:]!r}")

    def run(self):
        c = self.c
        for place in self.places:
            self.gather(place)
        pids = campaign.roles(self.d)
        before = {role: campaign.descriptors(pids[role]) for role in HELD}
        self.clients()
        for place in self.places:
            self.gather(place)
        after = {}

        def settled():
            after.update({role: campaign.descriptors(pids[role]) for role in HELD})
            return all(after[role] <= before[role] + room for role, room in HELD.items())
        with contextlib.suppress(AssertionError):
            stage.until("descriptors are given back", settled)
        c.check(settled(), f"descriptors {before} at the start, {after} at the end")
        c.check(campaign.roles(self.d) == pids, "a role began again")
        ranked = sorted(self.times_ms)
        c.figures.update(moments=self.moments, closed=len(ranked), descriptors=[before, after],
                         ms={f"p{p}": round(ranked[min(len(ranked) - 1, len(ranked) * p // 100)], 1) for p in (50, 90, 99, 100)},
                         over_100_ms=sum(ms > 100 for ms in ranked))


def main():
    c = campaign.Campaign(__doc__, "200", 1000)
    scene = Scene(c)
    try:
        scene.run()
    finally:
        scene.d.close()
    c.end()


if __name__ == "__main__":
    main()
