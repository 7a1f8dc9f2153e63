#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that smuggle, drip, flood and leave, against a whole daemon with short timeouts: every connection ends, no
request hides in another, none is answered with a 500, the router stays the size that it was and gets its descriptors
back. Then a thousand that say nothing. Bodies made to mislead are `tests/flow/hostile.py`. The budget counts connections."""
import contextlib
import json
import re
import resource
import socket
import time

import campaign
import stage

BODY = json.dumps({"model": "local", "messages": [{"role": "user", "content": "What is the capital of France?"}]}).encode()
LONG = json.dumps({"model": "local", "stream": True, "messages": [{"role": "user", "content": "fake:tokens=20000"}]}).encode()
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
INNER = b"GET /hither/v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
N = len(BODY)
IDLE = 1000


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


# What RFC 9112 sections 2.2, 3, 5, 6 and 7 forbid, or leave to be refused: none is answered with 200.
VECTORS = {
    "length and chunked": LINE + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BODY) + INNER,
    "chunked and length": LINE + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked(BODY) + INNER,
    "two lengths": LINE + HOST + b"Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % N + BODY + INNER,
    "a list of lengths": LINE + HOST + b"Content-Length: %d, 0\r\n\r\n" % N + BODY,
    "a signed length": LINE + HOST + b"Content-Length: +%d\r\n\r\n" % N + BODY,
    "a negative length": LINE + HOST + b"Content-Length: -1\r\n\r\n" + BODY,
    "a length in hex": LINE + HOST + b"Content-Length: 0x%x\r\n\r\n" % N + BODY,
    "a length beyond 64 bits": LINE + HOST + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY,
    "an empty length": LINE + HOST + b"Content-Length:\r\n\r\n" + BODY,
    "chunked twice": LINE + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked(BODY),
    "chunked not last": LINE + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + chunked(BODY),
    "an unknown coding": LINE + HOST + b"Transfer-Encoding: xchunked\r\n\r\n" + chunked(BODY),
    "a coding with a tab": LINE + HOST + b"Transfer-Encoding:\tchunked\x0b\r\n\r\n" + chunked(BODY),
    "a space before the colon": LINE + HOST + b"Content-Length : %d\r\n\r\n" % N + BODY,
    "a folded field": LINE + HOST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + chunked(BODY),
    "a line without carriage return": LINE + HOST + b"X-A: b\nContent-Length: %d\r\n\r\n" % N + BODY,
    "a bare carriage return": LINE + HOST + b"X-A: b\rContent-Length: %d\r\n\r\n" % N + BODY,
    "a NUL in a field": LINE + HOST + b"X-A: b\0c\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "a name with an underscore": LINE + HOST + b"X_A: b\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "no name": LINE + HOST + b": b\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "two hosts": LINE + HOST + b"Host: other\r\nContent-Length: %d\r\n\r\n" % N + BODY,
    "no host": LINE + b"Content-Length: %d\r\n\r\n" % N + BODY,
    "version 2": LINE.replace(b"1.1", b"2.0") + HOST + b"Content-Length: %d\r\n\r\n" % N + BODY,
    "version 1.2": LINE.replace(b"1.1", b"1.2") + HOST + b"Content-Length: %d\r\n\r\n" % N + BODY,
    "no version": b"POST /v1/chat/completions\r\n" + HOST + b"\r\n",
    "a chunk size that overflows": LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n" + BODY,
    "a chunk size with a sign": LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + BODY,
    "a chunk without its end": LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%sXX0\r\n\r\n" % (N, BODY),
    "a trailer that frames": LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nContent-Length: 9\r\n\r\n"
    % (N - 1, BODY[:-1]),
    "CONNECT": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 100,
    "a long line": b"POST /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many fields": LINE + HOST + b"X-A: b\r\n" * 101 + b"\r\n",
    "long fields": LINE + HOST + b"X-A: " + b"b" * 17000 + b"\r\n\r\n",
    "a long body": LINE + HOST + b"Content-Length: 9000000\r\n\r\n",
}


class Hostile:
    def __init__(self, c):
        self.c, self.d = c, stage.Daemon(c.program())
        self.d.config["limits"] = {"header_timeout_ms": 700, "body_timeout_ms": 700, "idle_timeout_ms": 700}
        self.d.start()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(stage.PATIENCE_S)

        def there():
            with contextlib.suppress(BlockingIOError):  # the queue of those who wait is full
                s.connect(self.d.path("run", "hither.sock"))
                return True
            return False
        stage.until("a connection", there)
        return s

    @staticmethod
    def rest(s):
        out = b""
        with contextlib.suppress(ConnectionError):
            while more := s.recv(65536):
                out = (out + more)[-100000:]
        return out

    def vector(self):
        name = self.c.rng.choice(list(VECTORS))
        with contextlib.closing(self.connect()) as s:
            with contextlib.suppress(OSError):
                s.sendall(VECTORS[name])
            out = self.rest(s)
        statuses = [int(x) for x in re.findall(rb"HTTP/1\.1 (\d{3}) ", out)]  # a body may end without a line's end
        if statuses == [503] and b"too many connections" in out:
            return "turned away"
        self.c.check(all(400 <= x < 500 or x == 505 or x == 501 for x in statuses) and len(statuses) <= 1,
                     f"{name}: {statuses} {out[:300]!r}")
        return "vector"

    def drip(self):
        """Byte by byte, for longer than is allowed."""
        data = self.c.rng.choice([LINE + b"X-A: " + b"a" * 100, LINE + HOST + b"Content-Length: 999\r\n\r\n" + b"a" * 100])
        with contextlib.closing(self.connect()) as s:
            s.setblocking(False)
            begun = time.monotonic()
            with contextlib.suppress(OSError):
                for i in range(10000):
                    s.send(data[i:i + 1] if i < len(data) else b"a")
                    time.sleep(0.01)
                    with contextlib.suppress(BlockingIOError):
                        if s.recv(65536) == b"":
                            break
                    if time.monotonic() - begun > stage.PATIENCE_S:
                        self.c.wrong("a connection that drips is still open")
                        break
        return "drip"

    def silent(self):
        with contextlib.closing(self.connect()) as s:
            s.sendall(self.c.rng.choice([b"", b"P", LINE, LINE + HOST + b"Content-Length: 9\r\n\r\n", LINE + HOST + b"\r"]))
            self.rest(s)
        return "silent"

    def leaves(self):
        with contextlib.closing(self.connect()) as s:
            s.sendall(LINE + HOST + b"Content-Length: %d\r\n\r\n" % len(LONG) + LONG)
            for _ in range(self.c.rng.randrange(4)):
                s.recv(4096)
        return "leaves"

    def slow_reader(self):
        """A long answer that nobody reads for a while: the engine waits, the router does not fill."""
        with contextlib.closing(self.connect()) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.sendall(LINE + HOST + b"Content-Length: %d\r\n\r\n" % len(LONG) + LONG)
            time.sleep(self.c.rng.random() / 2)
            self.grown()
            for _ in range(100):
                s.recv(1024)
        return "slow reader"

    def crowd(self):
        """More connections than are allowed at once."""
        many = []
        with contextlib.suppress(OSError):
            for _ in range(200):
                s = socket.socket(socket.AF_UNIX)
                s.setblocking(False)
                many.append(s)
                s.connect(self.d.path("run", "hither.sock"))
        self.grown()
        for s in many:
            s.close()
        return "crowd"

    def pipelined(self):
        """Two requests at once are two answers, or one and an end; never one answer for both."""
        whole = LINE + HOST + b"Content-Length: %d\r\n\r\n" % N + BODY
        with contextlib.closing(self.connect()) as s:
            s.sendall(whole * 2)
            s.shutdown(socket.SHUT_WR)
            out = self.rest(s)
        if b"too many connections" in out:
            return "turned away"
        self.c.check(0 < out.count(b"HTTP/1.1 200") <= 2, f"pipelined: {out[:300]!r}")
        return "pipelined"

    def grown(self):
        self.most = max(self.most, campaign.memory_kib(self.pid))

    def run(self):
        c = self.c
        self.d.chat("What is the capital of France?", model="local")
        self.pid = campaign.roles(self.d)["router"]
        fds, begun = campaign.descriptors(self.pid), campaign.memory_kib(self.pid)
        self.most, seen = begun, {}
        ways = [self.vector] * 12 + [self.leaves, self.slow_reader, self.pipelined, self.crowd, self.silent, self.drip]
        while not c.over():
            c.runs += 1
            name = c.rng.choice(ways)()
            seen[name] = seen.get(name, 0) + 1
            self.grown()
        stage.until("it answers", lambda: self.d.chat("What is the capital of France?", model="local").status == 200)
        c.check(campaign.roles(self.d)["router"] == self.pid, "the router began again")
        with contextlib.suppress(AssertionError):
            stage.until("descriptors are given back", lambda: campaign.descriptors(self.pid) <= fds + 6)
        c.check(campaign.descriptors(self.pid) <= fds + 6, f"{fds} descriptors, now {campaign.descriptors(self.pid)}")
        cap = 128 * 256 + 8192  # connections as allowed, 256 KiB each, and one body
        c.check(self.most - begun < cap, f"the router grew from {begun} to {self.most} KiB")
        c.figures.update(vectors=len(VECTORS), seen=seen, most_kib=[begun, self.most], descriptors=[fds,
                         campaign.descriptors(self.pid)])


def idle(c):
    """A thousand connections that say nothing: what each costs, and that all of it comes back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, IDLE + 200)), hard))
    d = stage.Daemon(c.program(), limits={"connections": IDLE + 100, "connections_per_uid": IDLE + 100})
    with contextlib.closing(d), contextlib.ExitStack() as open_ones:
        d.start()
        pid = campaign.roles(d)["router"]
        fds, before = campaign.descriptors(pid), campaign.memory_kib(pid)
        for _ in range(IDLE):
            s = open_ones.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(d.path("run", "hither.sock"))
        stage.until("all are taken", lambda: campaign.descriptors(pid) >= fds + IDLE)
        grown = campaign.memory_kib(pid) - before
        c.check(grown < 256 * IDLE, f"{IDLE} idle connections take {grown} KiB")
        c.check(d.chat("What is the capital of France?", model="local").status == 200, "it does not answer beside them")
        open_ones.close()
        with contextlib.suppress(AssertionError):
            stage.until("descriptors are given back", lambda: campaign.descriptors(pid) <= fds + 6)
        c.check(campaign.descriptors(pid) <= fds + 6, f"{fds} descriptors, now {campaign.descriptors(pid)}")
        c.figures.update(idle=IDLE, idle_kib_each=round(grown / IDLE, 1))


def main():
    c = campaign.Campaign(__doc__, "200", None)
    hostile = Hostile(c)
    try:
        hostile.run()
    finally:
        hostile.d.close()
    idle(c)
    c.end()


if __name__ == "__main__":
    main()
