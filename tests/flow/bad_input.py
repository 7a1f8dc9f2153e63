# SPDX-License-Identifier: Apache-2.0
"""What bad input gets, one table, against the whole daemon. After each row the daemon still serves.

bad_input.py HITHERD [unittest arguments]
"""
import contextlib
import json
import os
import re
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


GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"
CHUNKED = CHAT + b"Transfer-Encoding: chunked\r\n\r\n"

# What another server on the way might end elsewhere than we do: one refusal, the connection closed, and what
# follows is no request.
FRAMING = [
    CHAT + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    CHAT + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    CHAT + b"Content-Length: 0, 44\r\n\r\n",
    CHAT + b"Content-Length: +0\r\n\r\n",
    CHAT + b"Content-Length: -0\r\n\r\n",
    CHAT + b"Content-Length: 0x0\r\n\r\n",
    CHAT + b"Content-Length: 0_0\r\n\r\n",
    CHAT + b"Content-Length: 0 0\r\n\r\n",
    CHAT + b"Content-Length: \x0b0\r\n\r\n",
    CHAT + b"Content-Length : 0\r\n\r\n",
    CHAT + b"Content-Length\t: 0\r\n\r\n",
    CHAT + b"Content_Length: 0\r\n\r\n",
    CHAT + b"Content-Length:\r\n 0\r\n\r\n",
    CHAT + b"Content-Length\x00: 0\r\n\r\n",
    CHAT + b"Content-Length: 0\x00\r\n\r\n",
    CHAT + b"Content-Length: 18446744073709551616\r\n\r\n",
    CHAT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: identity\r\n\r\n",
    CHAT + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    CHAT + b"Transfer-Encoding:\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    CHUNKED + b"0x0\r\n\r\n",
    CHUNKED + b"-1\r\nx\r\n0\r\n\r\n",
    CHUNKED + b"+0\r\n\r\n",
    CHUNKED + b"0 \r\n\r\n",
    CHUNKED + b" 0\r\n\r\n",
    CHUNKED + b"\r\n0\r\n\r\n",
    CHUNKED + b"0\n\r\n",
    CHUNKED + b"0\r\r\n\r\n",
    CHUNKED + b"0;\n\r\n",
    CHUNKED + b"0;a\rb\r\n\r\n",
    CHUNKED + b"0;a=\"\n\"\r\n\r\n",
    CHUNKED + b"10000000000000000\r\n\r\n",
    CHUNKED + b"1\r\nxx0\r\n\r\n",
    CHUNKED + b"1\r\nx\n0\r\n\r\n",
    CHUNKED + b"0\r\nContent-Length: 44\r\n\r\n",
    CHUNKED + b"0\r\n folded\r\n\r\n",
    CHUNKED + b"0\r\nno colon\r\n\r\n",
    GET + b"A: b\nContent-Length: 44\r\n\r\n",
    GET + b"A: b\rContent-Length: 44\r\n\r\n",
    GET + b"A: b\x00c\r\n\r\n",
    GET + b"A: b\x07\r\n\r\n",
    GET + b"A: b\x7f\r\n\r\n",
    GET + b"A[]: b\r\n\r\n",
    GET + b"A\xe4: b\r\n\r\n",
    GET + b": b\r\n\r\n",
    GET + b"A b: c\r\n\r\n",
    GET + b"A\r\n\r\n",
    GET + b"\r\r\n",
    GET + b"\n",
    GET + b"\rA: b\r\n\r\n",
    GET + b"Host: y\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: a:b\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: a/b\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: a@b\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\n Host: x\r\n\r\n",
    b"GET /v1/models HTTP/1.1 \r\nHost: x\r\n\r\n",
    b"GET  /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/models  HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET\t/v1/models\tHTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/models HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /v1/models HTTP/1.10\r\nHost: x\r\n\r\n",
    b"GET /v1/models http/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/models\r\nHost: x\r\n\r\n",
    b"GET /v1/models#a HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"get /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b" GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"x\r\nGET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\nGET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\rGET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\xef\xbb\xbfGET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
]

# What must be answered with 200, and leaves the connection to the next request.
FRAMED = [
    GET + b"\r\n",
    b"\r\n" + GET + b"\r\n",
    b"GET /v1/models HTTP/1.1\r\nhoSt:\texample.com\t \r\nempty:\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost:\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    b"GET http://anything/v1/models HTTP/1.1\r\nHost: anything\r\n\r\n",
    b"GET /v1/models?a=b?c HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/models HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    GET + b"Content-Length: 0\r\n\r\n",
    GET + b"Content-Length: 3\r\n\r\nabc",
    GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    GET + b"A: \xe4\xff\r\nA: 2\r\n\r\n",
    GET + b"!#$%&'*+-.^`|~9: \"token\"\r\n\r\n",
    GET + b"Transfer-Encoding: Chunked\r\n\r\n00000\r\n\r\n",
    GET + b"Transfer-Encoding: chunked\r\n\r\nC;a;b=c;d=\"e;\\\"\"\r\nHello\r\nWorld\r\n0;f\r\nX: y\r\n\r\n",
    post(GOOD, b"Expect: 100-Continue\r\n"),
]


def said(raw):
    """The statuses of the final answers in `raw`, whose bodies have a length."""
    found = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if status >= 200:
            found.append(status)
            raw = raw[int(length[1]):]
    return found


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

    def talk(self, data, step):
        """What is answered to `data`, sent in such steps, up to the daemon's close; the writing side stays open."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            s.settimeout(stage.PATIENCE_S)
            s.connect(self.d.path("run", "hither.sock"))
            with contextlib.suppress(OSError):  # refused before the end
                for i in range(0, len(data), step):
                    s.send(data[i:i + step])
            out = b""
            while more := s.recv(65536):
                out += more
            return out

    def test_framing(self):
        after = GET + b"\r\n"
        for data in FRAMING:
            for step in (1 << 20, 1):
                with self.subTest(data, step=step):
                    out = self.talk(data + after, step)
                    self.assertIn(said(out), ([400], [505]), out)
                    self.assertIn(b"\r\nconnection: close\r\n", out.lower())

    def test_framed(self):
        last = GET + b"Connection: close\r\n\r\n"
        for data in FRAMED:
            for step in (1 << 20, 1):
                with self.subTest(data, step=step):
                    self.assertEqual(said(self.talk(data + data + last + last, step)), [200, 200, 200])

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
