# SPDX-License-Identifier: Apache-2.0
"""What bad input gets, one table, against the whole daemon. After each row the daemon still serves.

bad_input.py HITHERD [unittest arguments]
"""
import json
import os
import socket
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
EASY = "What is the capital of France?"
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"


def post(body, extra=b""):
    return CHAT + extra + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def message(**more):
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": EASY}], **more}).encode()


GOOD = message()

# name, bytes, status, part of the error's message or code
HTTP = [
    ("not HTTP", b"hello\r\n\r\n", 400, ""),
    ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00", 400, ""),
    ("no Host", b"GET /v1/models HTTP/1.1\r\n\r\n", 400, "Host"),
    ("both lengths", CHAT + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""),
    ("two lengths", CHAT + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, ""),
    ("a folded field", CHAT + b"A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}", 400, ""),
    ("an underscore", CHAT + b"X_Y: b\r\nContent-Length: 2\r\n\r\n{}", 400, "underscore"),
    ("a bare LF", b"POST /v1/chat/completions HTTP/1.1\nHost: x\n\n", 400, ""),
    ("gzip as a coding", CHAT + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "coding"),
    ("a bad chunk size", CHAT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, ""),
    ("a body that ends early", CHAT + b"Content-Length: 10\r\n\r\n{}", 400, "early"),
    ("an expectation", post(GOOD, b"Expect: a pony\r\n"), 417, ""),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""),
    ("HTTP/3.0", b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", (400, 505), ""),
    ("a long target", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, ""),
    ("large fields", b"GET /v1/models HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 17000 + b"\r\n\r\n", 431, ""),
    ("many fields", b"GET /v1/models HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431, ""),
    ("a body over 8 MiB", CHAT + b"Content-Length: 8388609\r\n\r\n", 413, "too large"),
    ("a path that is not there", b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, ""),
    ("another method", b"DELETE /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, ""),
]

BODIES = [
    ("nothing", b"", 400, ""),
    ("not JSON", b"{\"model\":", 400, "line 1"),
    ("a duplicate key", b'{"model":"local","model":"far","messages":[]}', 400, "line 1"),
    ("a key that differs in case", b'{"model":"local","MODEL":"far","messages":[]}', 400, ""),
    ("a NUL escape", message().replace(b"capital", b"\\u0000"), 400, "line 1"),
    ("a lone surrogate", message().replace(b"capital", b"\\ud800"), 400, ""),
    ("invalid UTF-8", message().replace(b"capital", b"\xff"), 400, ""),
    ("too deep", b'{"model":"auto","messages":' + b"[" * 80 + b"]" * 80 + b"}", 400, ""),
    ("a number beyond a double", GOOD[:-1] + b',"seed":1e400}', 400, ""),
    ("bytes behind the end", GOOD + b"x", 400, ""),
    ("an array", b"[]", 400, ""),
    ("no messages", b'{"model":"auto"}', 400, "messages"),
    ("no model", b'{"messages":[{"role":"user","content":"hi"}]}', 400, "model"),
    ("an unknown model", message(model="gpt-4o"), 404, "model_not_found"),
    ("a cloud by another name", message(model="local:cloud"), 404, "model_not_found"),
    ("two answers from elsewhere", message(model="far", n=2), 400, "n"),
    ("nine answers", message(n=9), 400, "n"),
    ("probabilities from elsewhere", message(model="far", logprobs=True), 400, "logprobs"),
    ("too many probabilities", message(logprobs=True, top_logprobs=21), 400, "top_logprobs"),
    ("a temperature of 9", message(temperature=9), 400, "temperature"),
    ("a role that is not one", b'{"model":"auto","messages":[{"role":"root","content":"x"}]}', 400, ""),
    ("an address", message(api_base="http://127.0.0.1:1"), 400, "api_base"),
    ("an address, nested", message(metadata={"a": {"base_url": "http://127.0.0.1:1"}}), 400, "base_url"),
    ("a key", message(API_KEY="sk-x"), 400, ""),
    ("fields to add", message(extra_headers={"Host": "x"}), 400, "extra_headers"),
    ("a tier that is not one", message(hither={"max_tier": "moon"}), 400, "max_tier"),
    ("a wish of ours that is not one", message(hither={"go": "cloud"}), 400, ""),
]


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, limits={"header_timeout_ms": 300, "body_timeout_ms": 300})
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": cls.d.destination()},
                      "default": {"cloud": "allow"}, "rules": []})
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def parse(self, raw):
        head, _, body = raw.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), head.decode("latin-1").lower(), json.loads(body)["error"]

    def check(self, name, raw, status, part):
        got, head, error = self.parse(raw)
        wanted = status if isinstance(status, tuple) else (status,)
        self.assertIn(got, wanted, name)
        for key in ("message", "type", "param", "code"):
            self.assertIn(key, error, name)
        self.assertIn(part, json.dumps(error), name)
        return head

    def test_http(self):
        for name, data, status, part in HTTP:
            with self.subTest(name):
                head = self.check(name, self.d.raw(data), status, part)
                self.assertIn("connection: close", head, name)

    def test_byte_by_byte(self):
        for name, data, status, part in HTTP:
            if len(data) > 1000:
                continue
            with self.subTest(name):
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(stage.PATIENCE_S)
                s.connect(self.d.path("run", "hither.sock"))
                try:
                    for i in range(len(data)):
                        s.send(data[i:i + 1])
                    s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # refused before the end
                out = b""
                while more := s.recv(65536):
                    out += more
                s.close()
                self.check(name, out, status, part)

    def test_bodies(self):
        for name, body, status, part in BODIES:
            with self.subTest(name):
                self.check(name, self.d.raw(post(body, b"Connection: close\r\n")), status, part)
                self.check(name + ", chunked", self.d.raw(
                    CHAT + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7])
                             for i in range(0, len(body), 7)) + b"0\r\n\r\n"), status, part)
        self.assertEqual(self.d.cloud.connections, 0, "nothing of this went anywhere")

    def test_allow(self):
        r = self.d.call("PUT", "/v1/models")
        self.assertEqual((r.status, r.headers["allow"]), (405, "GET, HEAD"))
        r = self.d.get("/v1/chat/completions")
        self.assertEqual((r.status, r.headers["allow"]), (405, "POST"))

    def test_head(self):
        r = self.d.call("HEAD", "/v1/models")
        self.assertEqual((r.status, r.body), (200, b""))
        self.assertGreater(int(r.headers["content-length"]), 0)

    def test_silence(self):
        for data in (b"GET /v1/mod", post(GOOD)[:-5]):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(stage.PATIENCE_S)
            s.connect(self.d.path("run", "hither.sock"))
            s.sendall(data)
            out = b""
            while more := s.recv(65536):
                out += more
            self.assertEqual(self.parse(out)[0], 408)
            s.close()

    def test_headers_of_ours(self):
        r = self.d.chat(EASY, headers={"Hither-Max-Tier": "moon"})
        self.assertEqual(r.status, 400)
        r = self.d.chat(EASY, headers={"Authorization": "Bearer sk-canary", "X-Api-Key": "sk-canary"},
                        model="far")
        self.assertEqual(r.status, 200, r.body)
        head, body = self.d.cloud.requests[-1]
        self.assertNotIn(b"sk-canary", head + body, "credentials of the client go nowhere")
        self.d.cloud.connections = 0

    def test_decisions_are_the_callers(self):
        r = self.d.get("/hither/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV")
        self.assertEqual(r.status, 404)
        self.assertEqual(self.d.get("/hither/v1/decisions/../../etc").status, 404)

    def test_pipelined(self):
        r = self.d.raw(post(GOOD) + post(GOOD) + b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"
                       b"Connection: close\r\n\r\n")
        self.assertEqual(r.count(b"HTTP/1.1 200 OK"), 3)

    def test_zz_still_serves(self):
        self.assertEqual(self.d.chat(EASY).status, 200)
        self.assertNotIn("broken", self.d.said())


if __name__ == "__main__":
    unittest.main(verbosity=1)
