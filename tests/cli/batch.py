#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""batch.py HITHER: the batch forms of score and scan, and what they say about bad lines."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

HITHER = sys.argv.pop(1)


class Batch(unittest.TestCase):
    def hither(self, command, lines, want):
        data = b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines)
        done = subprocess.run([HITHER, command, "--jsonl"], input=data, capture_output=True)
        self.assertEqual(done.returncode, want, done.stderr)
        return [json.loads(x) for x in done.stdout.decode().splitlines()]

    def test_scores(self):
        easy, hard = self.hither("score", [{"id": "a", "prompt": "set a timer for ten minutes"},
                                           {"id": 2, "prompt": "Prove that the harmonic series diverges."}], 0)
        self.assertEqual([set(easy), easy["id"], hard["id"]], [{"id", "score", "task", "confidence"}, "a", 2])
        self.assertTrue(0 <= easy["score"] < hard["score"] <= 1)

    def test_offsets_are_code_points(self):
        said, = self.hither("scan", [{"id": 1, "text": "\U0001F600é: bob@example.com"}], 0)
        self.assertEqual(said["spans"], [{"start": 4, "end": 19, "category": "personal.contact.email",
                                          "detector": "email"}])

    def test_edges(self):
        long = "x" * (8 << 20)
        said = self.hither("scan", [{"id": 1, "text": ""}, {"id": 2, "text": long}, {"id": 3, "text": long + "x"}], 1)
        self.assertEqual([said[0]["spans"], said[1]["spans"]], [[], []])
        self.assertIn("too long", said[2]["error"])
        said = self.hither("score", [{"id": 1, "prompt": ""}, {"id": 2, "prompt": long}], 0)
        self.assertTrue(all(0 <= x["score"] <= 1 for x in said))

    def test_a_line_has_a_bound(self):
        most = 49 << 20
        for command, key in ((["score"], "prompt"), (["scan"], "text"), (["policy", "eval"], "request")):
            head = b'{"id":"edge","x":"", "%s":' % key.encode()
            begin, end = head[:-len(b'", "%s":' % key.encode())], b'", "%s":1' % key.encode()
            with tempfile.TemporaryFile() as file:
                file.write(b"\n")
                for tail in (b"}\n", b"2}\n"):  # in pieces: what this process held would count below
                    file.write(begin)
                    left = most - len(begin) - len(end) - 1
                    while left > 0:
                        left -= file.write(b"y" * min(left, 1 << 20))
                    file.write(end + tail)
                for _ in range(49 << 4):
                    file.write(b" " * (1 << 16))
                file.write(b" \n\n")
                for _ in range(200):
                    file.write(head * (1 << 20 >> 5))
                file.seek(0)
                done = subprocess.Popen([HITHER, *command, "--jsonl"], stdin=file, stdout=subprocess.PIPE)
                with done.stdout:
                    said = [json.loads(x) for x in done.stdout]
                _, status, used = os.wait4(done.pid, 0)
                done.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(done.returncode, 1)
            self.assertEqual([x["id"] for x in said[1:]], ["edge", None, "edge"])
            self.assertNotIn("49 MiB", json.dumps(said[0]))
            self.assertIn("line 3 is longer than 49 MiB", said[1]["error"])
            self.assertIn("line 4 is longer than 49 MiB", said[2]["error"])
            self.assertIn("line 6 is longer than 49 MiB", said[3]["error"])
            self.assertLess(used.ru_maxrss, 160 << 10, "a line of 200 MiB is not held")

    def test_what_is_no_text_is_scored(self):
        same = [b"a\xef\xbf\xbdb", b"a\xffb", b"a\\u0000b", b"a\\ud800b", b"a\\udfffb", b"a\\uFFFDb"]
        said = self.hither("score", [b'{"id":%d,"prompt":"%s"}' % x for x in enumerate(same)], 0)
        self.assertEqual(said, [{**said[0], "id": i} for i in range(len(same))])
        # A backslash that is escaped, pairs and other escapes are left alone.
        said = self.hither("score", [b'{"id":1,"prompt":"\\\\u0000 \\ud83d\\ude00\\n\xff"}',
                                     {"id": 1, "prompt": "\\u0000 \U0001f600\n\ufffd"}], 0)
        self.assertEqual(said[0], said[1])
        for broken in (b'{"id":1,"prompt":"\xff', b'{"id":1,"prompt":"\xff\\', b'{"id":1,"prompt":"\xff\\\xff"}',
                       b'{"id":1,"prompt":"\xff\\u00"}', b'{"id":1,"prompt":"\xff","id":2}'):
            self.assertIn("error", self.hither("score", [broken], 1)[0])

    def test_eight_megabytes_of_anything_are_scored(self):
        for one in ('"', "\x01", "\0", "\ud800", "\u00e9"):
            many = (8 << 20) // len(one.encode("utf8", "replace"))
            said = self.hither("score", [{"id": 1, "prompt": one * many}], 0)
            self.assertTrue(0 <= said[0]["score"] <= 1)
        self.hither("score", [b'{"id":1,"prompt":"' + b"\xff" * (8 << 20) + b'"}'], 0)

    def test_bad_lines_keep_their_place_and_id(self):
        bad = [(b'{"id":"nul","%s":"a\\u0000b"}', "nul", True), (b'{"%s":"\\ud800","id":7}', 7, True),
               (b'{"x":{"id":1},"id":"\xc3\xa9","%s":"\xff"}', "é", True),
               (b'{"id":"a","id":"b","%s":""}', "a", False),
               (b'{"id":[1],"%s":"\\u0000","%s":1}', None, False), (b'{"id":"open', None, False), (b'{"id"', None, False),
               (b'{"id":"\\u0000","%s":""}', None, True), (b'{"a":"\\"id\\":1","%s":"\xff",}', None, False),
               (b"[1]", None, False), (b"what", None, False), (b'{"id":3}', 3, False), (b'{"id":4,"%s":5}', 4, False)]
        for command, key in (("score", b"prompt"), ("scan", b"text")):
            rows = [x for x in bad if command == "scan" or not x[2]]
            lines = [line.replace(b"%s", key) for line, _, _ in rows]
            said = self.hither(command, [x for line in lines for x in (line, {"id": "ok", key.decode(): "hello"})], 1)
            self.assertEqual([x["id"] for x in said[::2]], [want for _, want, _ in rows])
            self.assertTrue(all(set(x) == {"id", "error"} for x in said[::2]))
            self.assertTrue(all(x["id"] == "ok" and "error" not in x for x in said[1::2]))


if __name__ == "__main__":
    unittest.main()
