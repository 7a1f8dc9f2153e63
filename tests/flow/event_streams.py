# SPDX-License-Identifier: Apache-2.0
"""Event streams of a provider as HTML section 9.2.6 has them, through the whole daemon: in one piece, byte by byte and
in pairs. What is whole is whole for the client, what is not never looks so.

event_streams.py HITHERD [unittest arguments]
"""
import json
import os
import socketserver
import sys
import threading
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def part(text, finish=None):
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]}).encode()


def events(end=b"\n", before=b"data: "):
    return b"".join(before + data + end + end for data in (part("one "), part("two"), part("", "stop"), b"[DONE]"))


ONE, TWO, STOP, DONE = (b"data: " + data + b"\n\n" for data in (part("one "), part("two"), part("", "stop"), b"[DONE]"))
SPLIT = part("two").replace(b", ", b",\ndata: ").replace(b'"choices"', b'\ndata:"choices"')

# name, stream, text; None: it is no whole answer
STREAMS = [
    ("LF", events(), "one two"),
    ("CRLF", events(b"\r\n"), "one two"),
    ("CR", events(b"\r"), "one two"),
    ("one of each", ONE + events(b"\r")[len(ONE):].replace(b"\r\r", b"\r\n\r", 1), "one two"),
    ("no space behind the colon", events(before=b"data:"), "one two"),
    ("a byte order mark", b"\xef\xbb\xbf" + events(), "one two"),
    ("a byte order mark and CRLF", b"\xef\xbb\xbf" + events(b"\r\n"), "one two"),
    ("a second byte order mark belongs to a name", b"\xef\xbb\xbf\xef\xbb\xbf" + ONE + events(), "one two"),
    ("comments", b": hello\n\n:\n" + ONE + b":\r\n" + TWO + b": \xff\n" + STOP + b":\n\n" + DONE, "one two"),
    ("blank lines", b"\n\r\n\r" + ONE + b"\n\n\n" + TWO + STOP + DONE, "one two"),
    ("other fields", b"id: 1\nretry: 10\nfoo: bar\nfoo\n" + ONE + b"id: \x00\nretry: x\n" + TWO + STOP + DONE, "one two"),
    ("names are whole and in lower case", b"Data: x\ndata2: y\n data: z\ndatax\n" + ONE + TWO + STOP + DONE, "one two"),
    ("data in several lines", ONE + b"data: " + SPLIT + b"\n\n" + STOP + DONE, "one two"),
    ("events of a type", events(before=b"event: message\ndata: "), "one two"),
    ("a type without data", b"event: ping\n\n" + events(), "one two"),
    ("data that is empty", b"data\n\ndata:\n\n" + ONE + b"data: \n\n" + TWO + STOP + DONE, "one two"),
    ("bytes behind the end", events() + b"data: x\n\n: y\n", "one two"),

    ("the last event has no blank line", ONE + TWO + STOP + b"data: [DONE]\n", None),
    ("the last line has no end", ONE + TWO + STOP + b"data: [DONE]", None),
    ("the last event but one has no blank line", ONE + TWO + STOP[:-1] + DONE, None),
    ("no finish", ONE + TWO + DONE, None),
    ("no end", ONE + TWO + STOP, None),
    ("data that is not JSON", ONE + b"data: {\n\n" + TWO + STOP + DONE, None),
    ("data that is not UTF-8", ONE + b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n' + STOP + DONE, None),
    ("nothing", b"", None),
    ("a page", b"<html>\n\n</html>\n", None),
]


class Provider(socketserver.ThreadingTCPServer):
    """Answers each request with `self.stream` in chunks of `self.step` bytes."""
    daemon_threads = True
    allow_reuse_address = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)
            stream, step = self.server.stream, self.server.step
            pieces = (stream[i:i + step] for i in range(0, len(stream), step))
            self.wfile.write(HEAD + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n")

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class EventStreams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.provider = Provider()
        cls.d = stage.Daemon(PROGRAM)
        base_url = "http://127.0.0.1:%d/v1" % cls.provider.server_address[1]
        cls.d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"}, "rules": [],
                      "destinations": {"far": {**cls.d.destination(), "base_url": base_url}}})
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()
        cls.provider.shutdown()
        cls.provider.server_close()

    def test_each(self):
        for name, stream, text in STREAMS:
            for step in (1 << 20, 1, 2):
                with self.subTest(name, step=step):
                    self.provider.stream, self.provider.step = stream, step
                    r = self.d.chat("hello", model="far", stream=True)
                    whole = r.status == 200 and not r.cut and r.events[-1] == "[DONE]"
                    self.assertEqual(whole, text is not None, (r.status, r.body))
                    if text is not None:
                        self.assertEqual(r.text, text)


if __name__ == "__main__":
    unittest.main(verbosity=1)
