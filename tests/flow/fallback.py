# SPDX-License-Identifier: Apache-2.0
"""The whole daemon when a destination fails: the next one of routing.fallback is decided and asked about anew, or this
device answers; retries, the breaker and the queue from end to end; the ledger says all of it.

fallback.py HITHERD HITHER [unittest arguments]
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import unittest

import stage
from cloud import ANSWER

PROGRAM, HITHER = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
DOWN = "fake:status=500"


class Fallback(unittest.TestCase):
    def start(self, names=("first", "second", "third"), cloud="allow", fallback=None, rules=(), **more):
        d = self.d = stage.Daemon(PROGRAM)
        self.addCleanup(d.close)
        self.clouds = {}
        destinations = {}
        for i, name in enumerate(names):
            self.clouds[name] = stage.FakeCloud()
            self.addCleanup(self.clouds[name].close)
            # the first is the cheapest: the one that is chosen
            destinations[name] = d.destination(base_url=self.clouds[name].base_url, models=[name + "-large"], price={
                "currency": "EUR", "input_per_mtok": i + 1, "output_per_mtok": i + 1}, **more.get(name, {}))
        d.policy({"hither_policy": 1, "id": "mine", "destinations": destinations, "default": {"cloud": cloud},
                  "rules": list(rules), "routing": {"fallback": fallback if fallback is not None else list(names)},
                  "consent": {"timeout": "20s", "no_agent": "hold"}})
        d.start()

    def fails(self, *names):
        """Those fail whatever they are asked."""
        for name in names:
            self.clouds[name].broken = 500

    def counts(self):
        return [len(c.requests) for c in self.clouds.values()]

    def records(self):
        out = subprocess.run([HITHER, "ledger", "export", "--state-dir", self.d.path("state")], check=True,
                             capture_output=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    def ledger(self, *kinds):
        """Records of these kinds, once each release has an end: that is written after the answer."""
        def settled():
            found = self.records()
            grants = [r["id"] for r in found if r["kind"] == "granted"]
            return sorted(grants) == sorted(r["ref"] for r in found if r["kind"] == "closed") and found
        return [r for r in stage.until("every release has ended", settled) if r["kind"] in kinds]

    # --- stepping --------------------------------------------------------------------------

    def test_the_next_one_answers(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.start()
                self.fails("first")
                r = self.d.chat(stage.HARD, model="cloud", stream=stream)
                self.assertEqual(r.status, 200, r.body)
                self.assertEqual(r.text, ANSWER)
                self.assertEqual(r.headers["x-hither-destination"], "second")
                self.assertEqual(self.counts(), [1, 1, 0])
                granted = self.ledger("granted")
                self.assertEqual([g["destination"] for g in granted], ["first", "second"])
                self.assertEqual([c["outcome"] for c in self.ledger("closed")], ["failed", "complete"])
                self.assertEqual(len({g["digest"] for g in granted}), 2)  # the model in the body is another
                self.assertEqual(granted[1]["id"], r.headers["x-hither-receipt"])

    def test_in_the_order_of_the_list_and_each_once(self):
        self.start(fallback=["third", "first", "gone", "second"])
        self.fails("first", "third")
        r = self.d.chat(stage.HARD, model="cloud")
        self.assertEqual(r.headers["x-hither-destination"], "second")
        self.assertEqual([g["destination"] for g in self.ledger("granted")], ["first", "third", "second"])
        self.assertIn("third failed", " ".join(self.d.decision(r)["reasons"]))

    def test_after_all_of_them_this_device_answers(self):
        self.start()
        self.fails("first", "second", "third")
        r = self.d.chat(stage.HARD, model="auto")
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"))
        self.assertEqual(self.counts(), [1, 1, 1])
        r = self.d.chat(stage.HARD, model="cloud")
        self.assertEqual(r.status, 424, r.body)
        self.assertEqual(r.headers["x-should-retry"], "false")

    def test_what_was_asked_for_by_name_is_never_another(self):
        self.start()
        self.fails("first")
        for model in ("first", "first/first-large"):
            r = self.d.chat(stage.HARD, model=model)
            self.assertEqual(r.status, 424, r.body)
        self.assertEqual(self.counts(), [2, 0, 0])

    def test_after_the_first_word_there_is_no_other(self):
        self.start()
        r = self.d.chat("fake:cut_after=3 fake:delay_ms=5 " + stage.HARD, model="cloud", stream=True)
        self.assertTrue(r.cut)
        self.assertEqual(self.counts(), [1, 0, 0])

    def test_a_filter_is_no_failure(self):
        self.start()
        r = self.d.chat("fake:status=400 fake:code=content_filter " + stage.HARD, model="cloud")
        self.assertEqual((r.status, self.counts()), (400, [1, 0, 0]))

    def test_without_a_list_there_is_no_step(self):
        self.start(fallback=[])
        self.fails("first")
        self.assertEqual(self.d.chat(stage.HARD, model="cloud").status, 424)
        self.assertEqual(self.counts(), [1, 0, 0])

    # --- consent ---------------------------------------------------------------------------

    def test_each_step_is_a_question_of_its_own(self):
        self.start(cloud="ask")
        self.fails("first")
        agent = self.d.agent()
        self.addCleanup(agent.close)
        asked = self.d.program(stage.HARD, model="cloud")
        one = self.d.question()
        self.assertEqual(one["destination"], "first")
        self.assertEqual(self.d.answer(one, "approve").status, 200)
        stage.until("another question", lambda: [q for q in self.d.questions() if q["id"] != one["id"]])
        two = self.d.question()
        self.assertEqual(two["destination"], "second")
        self.assertIn("first failed", two["why"])
        self.assertNotEqual(two["digest"], one["digest"])
        self.assertEqual(self.counts(), [1, 0, 0])
        self.assertEqual(self.d.answer(two, "approve").status, 200)
        r = asked.result()
        self.assertEqual((r.status, r.headers["x-hither-destination"]), (200, "second"))

    def test_a_no_ends_it(self):
        self.start(cloud="ask")
        self.fails("first")
        agent = self.d.agent()
        self.addCleanup(agent.close)
        asked = self.d.program(stage.HARD, model="auto")
        one = self.d.question()
        self.d.answer(one, "approve")
        stage.until("another question", lambda: [q for q in self.d.questions() if q["id"] != one["id"]])
        self.d.answer(self.d.question(), "deny")
        r = asked.result()
        self.assertEqual((r.status, r.headers["x-hither-tier"], self.counts()), (200, "device", [1, 0, 0]))

    def test_a_step_the_policy_denies_is_passed_over(self):
        self.start(rules=[{"id": "never", "effect": "deny", "when": {"destination": ["second"]}}])
        self.fails("first")
        r = self.d.chat(stage.HARD, model="cloud")
        self.assertEqual((r.headers["x-hither-destination"], self.counts()), ("third", [1, 0, 1]))

    def test_masking_is_each_destinations_own(self):
        text = "Write to eve.miller@example.org: " + stage.HARD
        self.start(rules=[{"id": "mask", "effect": "require", "when": {"destination": ["first"]},
                           "with": {"redact": ["personal.*"]}}])
        self.fails("first")
        self.assertEqual(self.d.chat(text, model="cloud").status, 200)
        self.assertNotIn(b"eve.miller", self.clouds["first"].requests[0][1])
        self.assertIn(b"eve.miller", self.clouds["second"].requests[0][1])

    # --- what cloud keeps of a destination ---------------------------------------------------

    def test_a_retry_is_on_record(self):
        self.start(names=("first",), first={"retry": {"attempts": 2}})
        r = self.d.chat("fake:status=429 fake:retry_after=0 fake:times=2 " + stage.HARD, model="cloud")
        self.assertEqual((r.status, r.text, self.counts()), (200, ANSWER, [3]))
        kinds = [x["kind"] for x in self.ledger("granted", "retried", "closed")]
        self.assertEqual(kinds, ["granted", "retried", "retried", "closed"])
        retried = self.ledger("retried")
        self.assertEqual([(x["count"], x["http_status"], x["outcome"]) for x in retried],
                         [(1, 429, "not_acted_upon"), (2, 429, "not_acted_upon")])
        self.assertEqual({x["ref"] for x in retried}, {self.ledger("granted")[0]["id"]})
        self.assertEqual(len(set(self.clouds["first"].requests)), 1)
        verify = subprocess.run([HITHER, "ledger", "verify", "--json", "--state-dir", self.d.path("state")],
                                capture_output=True, check=True)
        self.assertTrue(json.loads(verify.stdout)["ok"])

    def test_a_resting_destination_is_stepped_over_without_a_connection(self):
        self.start(first={"breaker": {"failures": 2, "rest": "5m"}})
        self.fails("first")
        for _ in range(2):
            self.assertEqual(self.d.chat(stage.HARD, model="cloud").headers["x-hither-destination"], "second")
        self.assertEqual(self.d.chat(stage.HARD, model="cloud").headers["x-hither-destination"], "second")
        self.assertEqual(self.counts(), [2, 3, 0])
        self.assertEqual([c["bytes_out"] for c in self.ledger("closed")
                          if c["destination"] == "first" and c["outcome"] == "refused"], [0])

    def test_it_waits_its_turn(self):
        self.start(names=("first",), first={"concurrent": 1, "queue": 4})
        slow = self.d.later(self.d.chat, "fake:tokens=20 fake:delay_ms=10 " + stage.HARD, model="cloud")
        stage.until("the first is there", lambda: self.counts() == [1])
        others = [self.d.later(self.d.chat, stage.HARD, model="cloud") for _ in range(3)]
        self.assertEqual([o.result().status for o in [slow, *others]], [200] * 4)
        self.assertEqual(self.counts(), [4])

    # --- a budget's limit ------------------------------------------------------------------

    def test_64_at_once_let_exactly_as_many_pass_as_the_budget_has_left(self):
        """More than are sent at once (8), so that some wait for their turn with their share reserved."""
        d = self.d = stage.Daemon(PROGRAM, limits={"connections_per_uid": 128})
        self.addCleanup(d.close)
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "allow"},
                  "budgets": [{"id": "mine", "scope": ["host"], "window": "month", "max_requests": 21,
                               "on_exceed": "refuse"}]})
        d.start()
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            replies = list(pool.map(lambda i: d.chat(f"fake:tokens=20 fake:delay_ms=20 number {i}", model="far",
                                                     stream=i % 2 == 0), range(64)))
        self.assertEqual(sorted({r.status for r in replies}), [200, 403])
        refused = [r.json["error"]["code"] for r in replies if r.status == 403]
        self.assertEqual(refused, ["budget_exceeded"] * (64 - 21))
        self.assertEqual(len(d.cloud.requests), 21)


if __name__ == "__main__":
    unittest.main()
