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
        most = 16 << 20
        for command, key in ((["score"], "prompt"), (["scan"], "text"), (["policy", "eval"], "request")):
            head = b'{"id":"edge","x":"", "%s":' % key.encode()
            fits = head.replace(b'""', b'"%s"' % (b"y" * (most - len(head) - 2))) + b"1}"
            self.assertEqual(len(fits), most)
            with tempfile.TemporaryFile() as file:
                for line in (b"", fits, fits.replace(b"1}", b"12}"), b" " * (most + 1), b""):
                    file.write(line + b"\n")
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
            self.assertNotIn("16 MiB", json.dumps(said[0]))
            self.assertIn("line 3 is longer than 16 MiB", said[1]["error"])
            self.assertIn("line 4 is longer than 16 MiB", said[2]["error"])
            self.assertIn("line 6 is longer than 16 MiB", said[3]["error"])
            self.assertLess(used.ru_maxrss, 160 << 10, "a line of 200 MiB is not held")

    def test_bad_lines_keep_their_place_and_id(self):
        bad = [(b'{"id":"nul","%s":"a\\u0000b"}', "nul"), (b'{"%s":"\\ud800","id":7}', 7),
               (b'{"x":{"id":1},"id":"\xc3\xa9","%s":"\xff"}', "é"), (b'{"id":"a","id":"b","%s":""}', "a"),
               (b'{"id":[1],"%s":"\\u0000"}', None), (b'{"id":"open', None), (b'{"id"', None),
               (b'{"id":"\\u0000","%s":""}', None), (b'{"a":"\\"id\\":1","%s":"\xff"}', None), (b"[1]", None),
               (b"what", None), (b'{"id":3}', 3), (b'{"id":4,"%s":5}', 4)]
        for command, key in (("score", b"prompt"), ("scan", b"text")):
            lines = [line.replace(b"%s", key) for line, _ in bad]
            said = self.hither(command, [x for line in lines for x in (line, {"id": "ok", key.decode(): "hello"})], 1)
            self.assertEqual([x["id"] for x in said[::2]], [want for _, want in bad])
            self.assertTrue(all(set(x) == {"id", "error"} for x in said[::2]))
            self.assertTrue(all(x["id"] == "ok" and "error" not in x for x in said[1::2]))


if __name__ == "__main__":
    unittest.main()
