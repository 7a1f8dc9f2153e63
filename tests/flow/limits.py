# SPDX-License-Identifier: Apache-2.0
"""The limits of a request at their edges, on a whole daemon: one below, at, one above.

limits.py HITHERD [unittest arguments]

HITHER_TEST_CROWD   how many connections at once try to get in (10,000 unless set, less where descriptors do not reach)
"""
import contextlib
import json
import os
import re
import resource
import signal
import socket
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
LIMITS = {"request_line_bytes": 300, "headers": 10, "header_bytes": 2048, "body_bytes": 5 << 20, "connections": 6,
          "connections_per_uid": 4}
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)
CROWD = min(int(os.environ.get("HITHER_TEST_CROWD", "10000")), DESCRIPTORS[1] - 300)
DEPTH, TOOLS, VALUES, STRING_BYTES = 64, 128, 100000, 4 << 20


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, limits=LIMITS)
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def status(self, head, body=b""):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(stage.PATIENCE_S)
        s.connect(self.d.path("run", "hither.sock"))
        try:
            s.sendall(head + body)  # also who is sent away may say it
            answer = b""
            while b"\r\n" not in answer:
                more = s.recv(4096)
                if not more:
                    break
                answer += more
        finally:
            s.close()
        return int(answer.split()[1])

    def edges(self, what, make, limit, over):
        for n in (limit - 1, limit):
            with self.subTest(f"{what} {n}"):
                self.assertEqual(self.status(*make(n)), 200)
        with self.subTest(f"{what} {limit + 1}"):
            self.assertEqual(self.status(*make(limit + 1)), over)

    def test_request_line(self):
        def make(n):  # without its end
            return (b"GET /v1/models?" + b"x" * (n - len("GET /v1/models? HTTP/1.1")) +
                    b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",)
        self.edges("request line", make, LIMITS["request_line_bytes"], 414)

    def test_fields(self):
        def make(n):
            return (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                    b"".join(b"A%d: b\r\n" % i for i in range(n - 2)) + b"\r\n",)
        self.edges("header fields", make, LIMITS["headers"], 431)

    def test_bytes_of_fields(self):
        def make(n):  # each line as it stands, with its end
            head = b"Host: x\r\nConnection: close\r\n"
            return (b"GET /v1/models HTTP/1.1\r\n" + head + b"A: " + b"b" * (n - len(head) - len(b"A: \r\n")) + b"\r\n\r\n",)
        self.edges("bytes of fields", make, LIMITS["header_bytes"], 431)

    def chat(self, body):
        return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body), body)

    def test_body(self):
        def make(n):
            body = b'{"model":"local","messages":[{"role":"user","content":"fake:echo ok "}]}'
            return self.chat(body + b" " * (n - len(body)))
        self.edges("body", make, LIMITS["body_bytes"], 413)

    def test_depth(self):
        def make(n):  # metadata lies one level below the top
            deep = b"[" * (n - 2) + b"]" * (n - 2)
            return self.chat(b'{"model":"local","messages":[{"role":"user","content":"hello"}],"x":{"y":' +
                             deep + b"}}")
        for n, over in ((DEPTH - 1, False), (DEPTH, False), (DEPTH + 1, True)):
            with self.subTest(n):
                reply = self.d.raw(b"".join(make(n)))
                self.assertEqual(b"deep" in reply or b"depth" in reply or b"nest" in reply, over, reply[-300:])

    def refusal(self, extra):
        """Why a chat with this beside its messages is refused; a field that nobody knows is no reason."""
        reply = self.d.raw(b"".join(self.chat(
            b'{"model":"local","messages":[{"role":"user","content":"fake:echo ok"}],"x":' + extra + b"}")))
        return reply if reply.split()[1] == b"400" else b""

    def test_values(self):  # seven without those of the list
        for n, over in ((VALUES - 1, False), (VALUES, False), (VALUES + 1, True)):
            with self.subTest(n):
                self.assertEqual(b"values" in self.refusal(b"[" + b",".join([b"0"] * (n - 7)) + b"]"), over)

    def test_string(self):
        for n, over in ((STRING_BYTES - 1, False), (STRING_BYTES, False), (STRING_BYTES + 1, True)):
            with self.subTest(n):
                self.assertEqual(b"string is too long" in self.refusal(b'"' + b"x" * n + b'"'), over)

    def test_tools(self):
        def make(n):
            tools = b",".join(b'{"type":"function","function":{"name":"f%d"}}' % i for i in range(n))
            return self.chat(b'{"model":"local","messages":[{"role":"user","content":"fake:echo ok"}],"tools":[' +
                             tools + b"]}")
        self.edges("tools", make, TOOLS, 400)

    def test_connections_of_one_user(self):
        held = []
        try:
            for n in range(LIMITS["connections_per_uid"]):
                s = socket.socket(socket.AF_UNIX)
                s.connect(self.d.path("run", "hither.sock"))
                s.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn(b" 200 ", s.recv(100), f"connection {n + 1}")
                held.append(s)
            self.assertEqual(self.status(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"), 503)
        finally:
            for s in held:
                s.close()
        stage.until("there is room again", lambda: self.status(
            b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == 200)


class TimeForAll(unittest.TestCase):
    """A request that takes longer than `limits.total_timeout_ms` ends in an error that no library answers by asking
    the same again, and whoever works on it is left."""
    LONG = "fake:tokens=1000000 fake:delay_ms=10"

    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, limits={"total_timeout_ms": 1000})
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": cls.d.destination()},
                      "default": {"cloud": "allow"}, "rules": []})
        cls.d.start()
        cls.answers("local")  # its engine starts with the first

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    @classmethod
    def answers(cls, model):
        stage.until("an answer in time", lambda: cls.d.chat("hello", model=model).status == 200)

    def asked(self):
        return self.d.engine_stats()["requests"] + len(self.d.cloud.requests)

    def once(self, before):
        """It was asked once, and whoever worked on it was left."""
        stage.until("the engine is left", lambda: self.d.engine_stats()["active"] == 0)
        stage.until("the provider is left", lambda: self.d.cloud.active == 0)
        self.assertEqual(self.asked(), before + 1)

    def test_whole(self):
        for model, code in (("local", "timeout"), ("far", "upstream_timeout")):
            with self.subTest(model):
                before = self.asked()
                r = self.d.chat(f"fake:cloud_hang {self.LONG}", model=model)
                self.assertEqual((r.status, r.json["error"]["code"]), (424, code), r.body)
                self.assertEqual((r.headers["x-should-retry"], "retry-after" in r.headers), ("false", False))
                self.once(before)

    def test_stream(self):
        for model, code in (("local", "timeout"), ("far", "upstream_timeout")):
            with self.subTest(model):
                before = self.asked()
                r = self.d.chat(self.LONG, model=model, stream=True)
                self.assertEqual((r.status, r.cut), (200, True))
                self.assertEqual(r.chunks[-1]["error"]["code"], code)
                self.assertNotIn("[DONE]", r.events)
                self.once(before)
                self.answers(model)


class Crowd(unittest.TestCase):
    """Many more connections at once than are allowed, all kept open by who made them."""
    ALLOWED = 64
    HELLO = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"

    def setUp(self):
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(DESCRIPTORS[0], CROWD + 300), DESCRIPTORS[1]))

    def weighs(self, pid):
        """(descriptors, KiB of its own)"""
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"RssAnon:\s+(\d+)", f.read())[1])

    def status(self, s):
        s.sendall(self.HELLO)
        return self.heard(s)

    def heard(self, s):
        head = b""
        while b"\r\n" not in head:
            more = s.recv(65536)
            if not more:
                break
            head += more
        return int(head.split()[1])

    def crowd(self, d, n, into):
        """How many are turned away; each is told so without having said a word."""
        away = 0
        for _ in range(n):
            s = into.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(stage.PATIENCE_S)
            s.connect(d.path("run", "hither.sock"))
            self.assertEqual(self.heard(s), 503)
            away += 1
        return away

    def test_all_beyond_the_limit_are_turned_away(self):
        d = stage.Daemon(PROGRAM, limits={"connections": self.ALLOWED, "connections_per_uid": self.ALLOWED})
        self.addCleanup(d.close)
        d.start()
        router = d.role_pid("router")
        with contextlib.ExitStack() as inside, contextlib.ExitStack() as outside:
            held = []
            for n in range(self.ALLOWED):
                s = inside.enter_context(socket.socket(socket.AF_UNIX))
                s.settimeout(stage.PATIENCE_S)
                s.connect(d.path("run", "hither.sock"))
                self.assertEqual(self.status(s), 200, n)
                held.append(s)
            fds, _ = self.weighs(router)
            away = self.crowd(d, CROWD // 10, outside)
            _, warm = self.weighs(router)
            away += self.crowd(d, CROWD - CROWD // 10, outside)
            stage.until("none of them is kept", lambda: self.weighs(router)[0] <= fds)
            _, kib = self.weighs(router)
            print(f"{away} of {CROWD} turned away beside {self.ALLOWED}; the router: {warm} KiB after a tenth, then {kib}",
                  file=sys.stderr)
            with open(f"/proc/{router}/maps", encoding="ascii", errors="replace") as f:
                keeps_what_was_freed = "libasan" in f.read()  # the sanitizer does, for a while
            if not keeps_what_was_freed:
                self.assertLess(kib - warm, 8192)  # less than one KiB of each
            for s in held:
                self.assertEqual(self.status(s), 200, "who was in is served")
        stage.until("there is room again", lambda: self.room(d))
        self.assertEqual(d.role_pid("router"), router)

    def room(self, d):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            s.settimeout(stage.PATIENCE_S)
            s.connect(d.path("run", "hither.sock"))
            with contextlib.suppress(OSError):
                return self.status(s) == 200
        return False


class Overload(unittest.TestCase):
    """Who is sent away learns it at once; who runs the daemon reads how many, and for want of what."""

    def daemon(self, **limits):
        d = stage.Daemon(PROGRAM, limits=limits)
        self.addCleanup(d.close)
        return d.start()

    def counted(self, d, cause):
        page = d.get("/metrics", sock="admin.sock").body.decode()
        return int(page.split('hither_overload_total{cause="%s"} ' % cause)[1].split()[0])

    def is_told(self, d, cause, n):
        stage.until("the metrics have it", lambda: self.counted(d, cause) == n)
        self.assertEqual(sum(int(line.split(cause + "=")[1].split()[0])
                             for line in d.said().splitlines() if "router.overload" in line), n)

    def test_requests_in_progress(self):
        d = self.daemon(queue=1)
        c = d.connect()
        self.addCleanup(c.close)
        c.request("POST", "/v1/chat/completions", json.dumps(
            {"model": "local", "messages": [{"role": "user", "content": "fake:first_delay_ms=3600000"}]}))
        stage.until("it is at the engine", lambda: (d.engine_stats() or {"active": 0})["active"] == 1)
        for _ in range(3):
            r = d.chat("hello")
            self.assertEqual((r.status, r.headers["retry-after"], r.json["error"]["code"]), (503, "1", "overloaded"))
        self.is_told(d, "queue", 3)
        self.assertEqual((self.counted(d, "ledger"), self.counted(d, "memory")), (0, 0))

    def test_records_of_earlier_requests(self):
        d = self.daemon()
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "deny"}, "rules": []})
        stage.until("the policy counts", lambda: d.chat("hello", model="far").status == 403)
        body = json.dumps({"model": "far", "messages": [{"role": "user", "content": "hello"}]}).encode()
        # each is refused by the policy, which is a record, of a program with a long name
        one = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               b"Hither-App: %s\r\nContent-Length: %d\r\n\r\n" % (b"a" * 100, len(body))) + body
        consent = d.role_pid("consent")
        os.kill(consent, signal.SIGSTOP)
        try:
            refused = self.until_refused(d, one)
        finally:
            os.kill(consent, signal.SIGCONT)
        self.assertIn(b"Retry-After: 1\r\n", refused)
        self.assertIn(b"The ledger is behind", refused)
        stage.until("it caught up", lambda: d.chat("hello").status == 200)
        stage.until("the metrics have it", lambda: self.counted(d, "ledger") > 0)
        self.is_told(d, "ledger", self.counted(d, "ledger"))

    def until_refused(self, d, one):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(stage.PATIENCE_S)
        s.connect(d.path("run", "hither.sock"))
        with s, s.makefile("rb") as replies:
            for _ in range(100000):
                s.sendall(one)
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = replies.readline()
                    self.assertTrue(line, "cut")
                    head += line
                size = int(head.lower().split(b"content-length:")[1].split()[0])
                body = replies.read(size)
                if head.split()[1] == b"503":
                    return head + body
        self.fail("consent takes nothing and the router goes on")


if __name__ == "__main__":
    unittest.main()
