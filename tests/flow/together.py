# SPDX-License-Identifier: Apache-2.0
"""Many requests at once that a rule lets go: their grants share commits, and each is still one record, one request at
the cloud, one answer; the ledger verifies, also when consent is killed while they are under way.

together.py HITHERD HITHER [unittest arguments]
"""
import hashlib
import json
import os
import signal
import subprocess
import sys
import unittest

import stage
from cloud import ANSWER

PROGRAM, HITHER = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
MANY = 64
ALL = 200  # on the device and in the cloud together


class Together(unittest.TestCase):
    def start(self, **more):
        d = self.d = stage.Daemon(PROGRAM, engine={"queue": ALL},
                                  limits={"connections": ALL, "connections_per_uid": ALL, "queue": ALL})
        self.addCleanup(d.close)
        d.config["cloud"]["concurrent"] = MANY
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "allow"}, "rules": [], **more})
        d.start()

    def ask(self, n, **more):
        jobs = [self.d.later(self.d.chat, f"{stage.HARD} number-{i}-", model="cloud", stream=i % 2 == 0, **more)
                for i in range(n)]
        return [j.result() for j in jobs]

    def records(self):
        out = subprocess.run([HITHER, "ledger", "export", "--state-dir", self.d.path("state")], check=True,
                             capture_output=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    def settled(self):
        """The records, once each release has exactly one end."""
        def look():
            found = self.records()
            return sorted(r["id"] for r in found if r["kind"] == "granted") == \
                sorted(r["ref"] for r in found if r["kind"] == "closed") and found
        return stage.until("every release has ended", look)

    def one_record_each(self, found):
        """Each request that cloud got is one release of these bytes; returns how many it got."""
        granted = [r["digest"] for r in found if r["kind"] == "granted"]
        got = ["sha256:" + hashlib.sha256(body).hexdigest() for _, body in self.d.cloud.requests]
        self.assertEqual(len(set(granted)), len(granted))
        self.assertEqual(len(set(got)), len(got), "sent twice")
        self.assertLessEqual(set(got), set(granted))
        said = subprocess.run([HITHER, "ledger", "verify", "--json", "--state-dir", self.d.path("state")],
                              capture_output=True, check=False)
        self.assertTrue(json.loads(said.stdout)["ok"], said.stdout)
        return len(got)

    def test_each_has_its_record_and_its_answer(self):
        self.start()
        replies = self.ask(MANY)
        for i, r in enumerate(replies):
            self.assertEqual((r.status, r.text, r.cut), (200, ANSWER, False), r.body)
            self.assertEqual(r.headers["x-hither-tier"], "cloud")
            if i % 2 == 0:
                self.assertEqual(r.events[-1], "[DONE]")
        found = self.settled()
        granted = {r["id"]: r for r in found if r["kind"] == "granted"}
        self.assertEqual(set(granted), {r.headers["x-hither-receipt"] for r in replies})
        self.assertEqual([r["outcome"] for r in found if r["kind"] == "closed"], ["complete"] * MANY)
        intents = {r["id"]: r["seq"] for r in found if r["kind"] == "intent"}
        for r in granted.values():
            self.assertEqual(intents[r["ref"]] + 1, r["seq"])
        self.assertEqual(self.one_record_each(found), MANY)

    def test_nobody_gets_what_is_anothers(self):
        self.start()
        prompts = [f"fake:echo canary-{i:03}-{'xyz'[i % 3] * i}" for i in range(ALL)]
        jobs = [self.d.later(self.d.chat, p, model=("local", "cloud")[i % 2], stream=i % 4 < 2)
                for i, p in enumerate(prompts)]
        for i, (p, job) in enumerate(zip(prompts, jobs)):
            r = job.result()
            self.assertEqual((r.status, r.text.strip(), r.cut), (200, p.replace("fake:echo ", ""), False), r.body)
            self.assertEqual(r.headers["x-hither-tier"], ("device", "cloud")[i % 2])
            self.assertEqual(r.body.count(b"canary-"), 1, "in pieces of words")
        self.assertEqual(len(self.d.cloud.requests), ALL // 2)

    def test_a_budget_is_taken_by_so_many(self):
        self.start(budgets=[{"id": "few", "scope": ["user"], "window": "day", "max_requests": 7,
                             "on_exceed": "refuse"}])
        replies = self.ask(MANY)
        self.assertEqual(sorted(r.status for r in replies), [200] * 7 + [403] * (MANY - 7))
        found = self.settled()
        self.assertEqual(len([r for r in found if r["kind"] == "granted"]), 7)
        self.assertEqual(self.one_record_each(found), 7)

    def test_consent_killed_while_they_are_under_way(self):
        self.start()
        for lot in range(3):
            consent = self.d.role_pid("consent")
            jobs = [self.d.later(self.d.chat, f"{stage.HARD} lot-{lot}-number-{i}-", model="cloud", stream=i % 2 == 0)
                    for i in range(MANY)]
            stage.until("some have gone", lambda: len(self.d.cloud.requests) > lot * MANY // 4)
            os.kill(consent, signal.SIGKILL)
            for j in jobs:
                j.result()  # whatever it is: there is one for each
            stage.until("consent is back", lambda: self.d.ready() and self.d.role_pid("consent") not in (None, consent))
        found = self.settled()
        self.one_record_each(found)
        self.assertEqual(self.d.chat(stage.HARD + " again", model="cloud").status, 200)


if __name__ == "__main__":
    unittest.main()
