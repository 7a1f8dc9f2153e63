# SPDX-License-Identifier: Apache-2.0
"""Whether a prompt fits the on-device model: bounds first, the engine's own count near the limit.

fit.py HITHERD [unittest arguments]. The stand-in engine counts words, and 4 for its template.
"""
import os
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
EASY = "What is the capital of France?"


class Case(unittest.TestCase):
    def daemon(self, default="allow", script=""):
        d = stage.Daemon(PROGRAM)
        self.addCleanup(d.close)
        d.install("fake", script)
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": default}})
        return d.start()

    def place(self, reply):
        self.assertEqual(reply.status, 200, reply.body)
        return reply.headers["x-hither-destination"]

    def counts(self, d):
        return d.engine_stats()["counts"]


class Fit(Case):
    def test_a_short_prompt_is_not_counted(self):
        d = self.daemon()
        self.assertEqual(self.place(d.chat(EASY)), "local")
        self.assertEqual(self.counts(d), 0)

    def test_near_the_limit_the_engine_counts(self):
        d = self.daemon()
        fits = "Summarize: " + "lake and snow " * 300  # 4,000 bytes, about 900 tokens
        r = d.chat(fits, max_tokens=20)
        self.assertEqual(self.place(r), "local")
        self.assertEqual(self.counts(d), 1)
        self.assertEqual(d.decision(r)["usage"]["input_tokens"], 905)
        tight = d.chat(fits, max_tokens=2048 - 905)
        self.assertEqual(self.place(tight), "local", "to the token")
        over = d.chat(fits, max_tokens=2048 - 904)
        self.assertEqual(self.place(over), "far")
        self.assertIn("the prompt has 905 tokens", d.decision(over)["reasons"][0])
        self.assertEqual(self.counts(d), 3)
        self.assertEqual(self.place(d.chat(fits, max_tokens=20, stream=True)), "local")

    def test_what_cannot_fit_is_not_counted(self):
        d = self.daemon()
        self.place(d.chat(EASY))
        self.assertEqual(self.place(d.chat("Summarize: " + "lake " * 2100)), "far")
        self.assertEqual(self.counts(d), 0)

    def test_too_long_and_nowhere_to_go(self):
        d = self.daemon(default="deny")
        r = d.chat("Summarize: " + "a " * 3000)
        self.assertEqual((r.status, r.json["error"]["code"]), (400, "context_length_exceeded"), r.body)
        self.assertIn("2048", r.json["error"]["message"])
        self.assertEqual(len(d.cloud.requests), 0)

    def test_a_no_is_followed_by_the_limit(self):
        d = self.daemon(default="ask")
        r = d.chat("Summarize: " + "lake and snow " * 700)  # nobody is there to ask
        self.assertEqual((r.status, r.json["error"]["code"]), (400, "context_length_exceeded"), r.body)
        self.assertEqual(len(d.cloud.requests), 0)

    def test_an_engine_that_cannot_count(self):
        d = self.daemon(script="fake:no_count")
        fits = "Summarize: " + "lake and snow " * 300
        self.assertEqual(self.place(d.chat(fits, max_tokens=20)), "local")
        long = "Summarize: " + "a " * 2044  # 2,049 tokens by its count, 1,030 by estimate
        self.assertEqual(self.place(d.chat(long, max_tokens=20)), "far", "its refusal tells")
        self.assertEqual(self.counts(d), 1, "it is asked once")

    def test_by_name_it_is_told_the_limit(self):
        d = self.daemon()
        r = d.chat("Summarize: " + "a " * 2044, model="local")
        self.assertEqual((r.status, r.json["error"]["code"]), (400, "context_length_exceeded"), r.body)
        self.assertEqual((self.counts(d), len(d.cloud.requests)), (0, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
