# SPDX-License-Identifier: Apache-2.0
"""An answer of which the model on this device is unsure: it is asked for elsewhere, or stays with an
offer, or stays. With a fake engine that says how sure it is of each token.

cascade.py HITHERD HITHER [unittest arguments]
"""
import json
import os
import subprocess
import sys
import unittest

import draft
import stage
from draft import CLOUD, DIALECTS, HANGS, LOCAL, MARK, SAYS, TOKENS

UNSURE = "fake:logprob=-2"
SURE = "fake:logprob=-0.05"
WHY = "the model on this device is unsure of its answer (0.14, floor 0.50)"


class Cascade(draft.Case):
    policy = {"escalate_at": 1, "cascade": "on"}

    def prepare(self, d, floor_pm=500):
        with open(d.path("models", "index.json"), encoding="utf-8") as f:
            index = json.load(f)
        index["models"][0]["floor_pm"] = floor_pm
        with open(d.path("models", "index.json"), "w", encoding="utf-8") as f:
            json.dump(index, f)

    def assert_local(self, d, r, text=LOCAL):
        self.assertEqual((r.status, r.headers["x-hither-tier"], r.text), (200, "device", text), r.body)
        self.assertEqual((d.cloud.connections, d.questions()), (0, []))

    def test_a_yes(self):
        d = self.daemon()
        for name in DIALECTS:
            with self.subTest(name):
                asker = self.ask(d, f"{SAYS} {UNSURE} {name}", name)
                question = d.question()
                self.assertIn(WHY, json.dumps(question))
                d.answer(question, "approve")
                r = asker.result()
                self.assert_whole(r, CLOUD)
                seen = d.decision(r)
                self.assertEqual((seen["route"], seen["destination"], seen["reasons"][0]), ("cloud", "far", WHY))
                self.assertEqual((seen["certainty"], seen["draft"]["became"]), (0.135, "replaced"))
        self.idle(d, requests=len(DIALECTS))
        stage.until("it is closed on record",
                    lambda: self.kinds(d)[-4:] == ["intent", "approved", "granted", "closed"])

    def test_a_no_loses_nothing(self):
        d = self.daemon()
        for name in DIALECTS:
            with self.subTest(name):
                asker = self.ask(d, f"fake:tokens=60 fake:engine_delay_ms=5 {UNSURE} {name}", name)
                d.answer(d.question(), "dismiss")
                r = asker.result()
                self.assert_whole(r, TOKENS)
                self.assertEqual(d.decision(r)["draft"], {"form": "hold", "became": "answer"})
        asker = self.ask(d, f"{SAYS} {UNSURE}", stream=False)
        d.answer(d.question(), "deny")
        self.assert_local(d, asker.result())
        self.idle(d, requests=len(DIALECTS) + 1)
        self.assertEqual(self.kinds(d)[-2:], ["intent", "refused"])

    def test_silence_and_nobody(self):
        d = self.daemon({"timeout": "1s"})
        self.assert_whole(self.ask(d, f"{SAYS} {UNSURE} 1").result(), LOCAL)
        self.person.close()
        self.assert_whole(self.ask(d, f"{SAYS} {UNSURE} 2").result(), LOCAL)
        self.idle(d, requests=2)
        self.assertEqual(d.cloud.connections, 0)

    def test_a_plain_reply(self):
        d = self.daemon()
        asker = self.ask(d, f"{SAYS} {UNSURE}", stream=False)
        d.answer(d.question(), "approve")
        r = asker.result()
        self.assertEqual((r.text, r.headers["x-hither-tier"]), (CLOUD, "cloud"))

    def test_a_sure_answer_stays(self):
        d = self.daemon()
        for stream in (True, False):
            self.assert_local(d, d.chat(f"{SAYS} {SURE}", stream=stream))
        r = d.chat(f"fake:tokens=60 {SURE}", stream=True)
        self.assert_local(d, r, TOKENS)
        self.assertEqual(d.decision(r)["certainty"], 0.951)

    def test_doubt_that_comes_late_changes_nothing(self):
        d = self.daemon()
        self.assert_local(d, d.chat(f"fake:tokens=60 {UNSURE} fake:logprob_from=48", stream=True), TOKENS)

    def test_who_may_not_be_asked_about(self):
        d = self.daemon()
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        prompt = f"{SAYS} {UNSURE}"
        for more in ({"model": "local"}, {"headers": {"Hither-Max-Tier": "device"}},
                     {"headers": {"Hither-Cascade": "off"}}, {"tools": [tool], "stream": True}):
            with self.subTest(more=more):
                self.assert_local(d, d.chat(prompt, **more))

    def test_off_and_not_calibrated(self):
        for routing, floor in (({"cascade": "off"}, 500), ({}, 0)):
            d = self.daemon(routing=routing, floor_pm=floor)
            r = d.chat(f"{SAYS} {UNSURE}")
            self.assert_local(d, r)
            self.assertIsNone(d.decision(r)["certainty"])

    def test_nowhere_to_go(self):
        d = self.daemon(rules=[{"id": "never", "effect": "deny", "when": {"tier": ["cloud"]}}])
        r = d.chat(f"{SAYS} {UNSURE}", stream=True)
        self.assert_local(d, r)
        self.assertIn(WHY + ", but nothing else is permitted", d.decision(r)["reasons"])

    def test_a_standing_rule_needs_no_question(self):
        d = self.daemon(rules=[{"id": "free", "effect": "allow", "when": {"tier": ["cloud"]}}])
        r = d.chat(f"{SAYS} {UNSURE}", stream=True)
        self.assertEqual((r.text, r.headers["x-hither-tier"]), (CLOUD, "cloud"))
        self.idle(d)

    def test_shown_while_asking(self):
        d = self.daemon()
        for answer, text in (("approve", CLOUD), ("dismiss", LOCAL)):
            asker = self.ask(d, f"{SAYS} {UNSURE} {answer}", draft="thinking").until(b"think.")
            d.answer(d.question(), answer)
            r = asker.result()
            self.assert_whole(r, text)
            self.assertEqual(r.thought, MARK + LOCAL)
            self.assertEqual(r.headers["x-hither-draft"], "thinking")

    def test_the_program_puts_the_question(self):
        d = self.daemon()
        for answer, text in (("approve", CLOUD), ("deny", LOCAL)):
            prompt, headers = f"{SAYS} {UNSURE} {answer}", {"Hither-Consent": "return"}
            r = self.ask(d, prompt, headers=headers).result()
            self.assertEqual((r.status, r.json["error"]["code"]), (403, "consent_required"))
            self.idle(d)
            d.answer(d.question(), answer)
            self.assert_whole(self.ask(d, prompt, headers=headers).result(), text)

    def test_an_offer(self):
        d = self.daemon(routing={"cascade": "offer"})
        r = d.chat(f"{SAYS} {UNSURE}")
        self.assert_local(d, r)
        self.assertEqual(r.headers["x-hither-offer"], "far/fake-large")
        r = d.chat(f"fake:tokens=60 {UNSURE}", stream=True)
        self.assert_local(d, r, TOKENS)
        self.assertIn(b': hither {"offer":"far/fake-large"}\n\n', r.body)
        seen = d.decision(r)
        self.assertEqual((seen["offer"], seen["draft"]), ("far/fake-large", None))
        self.assertIn(WHY + "; for a better answer ask far/fake-large", seen["reasons"])
        r = d.chat(f"{SAYS} {SURE}")
        self.assertNotIn("x-hither-offer", r.headers)
        self.assertIsNone(d.decision(r)["offer"])
        r = d.chat(f"{SAYS} {UNSURE}", headers={"Hither-Cascade": "on"})
        self.assert_local(d, r)  # a program cannot choose more than the policy

    def test_what_was_never_calibrated_is_measured_on_demand(self):
        d = self.daemon(floor_pm=0)
        r = d.chat(f"{SAYS} {UNSURE}", model="local", headers={"Hither-Cascade": "measure"})
        self.assert_local(d, r)
        self.assertEqual(d.decision(r)["certainty"], 0.135)

    def test_calibration_finds_the_floor(self):
        d = self.daemon(floor_pm=0)
        with open(d.path("questions"), "w", encoding="utf-8") as f:
            for i in range(24):
                f.write(json.dumps({"prompt": f"{SAYS} fake:logprob={-0.7 if i < 12 else -0.2} {i}",
                                    "answer": "Paris" if i < 12 else "Lyon"}) + "\n")
        env = {**os.environ, "HITHER_HOST": "unix:" + d.path("run", "hither.sock"),
               "XDG_DATA_HOME": d.path("home")}
        os.makedirs(d.path("home", "hither"))
        os.symlink(d.path("models"), d.path("home", "hither", "models"))
        out = subprocess.run([COMMAND, "calibrate", "--json", d.path("questions")],
                             env=env, capture_output=True, timeout=120)
        self.assertEqual(out.returncode, 0, out.stderr)
        told = json.loads(out.stdout)
        self.assertEqual((told["questions"], told["right"], told["unsure"], told["unsure_wrong"]), (24, 12, 12, 12))
        self.assertTrue(0.5 < told["floor"] < 0.8, told)
        self.assertIs(told["reached"], told["kept_right"] >= 0.8 * told["kept"], told)
        with open(d.path("models", "index.json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f)["models"][0]["floor_pm"], round(1000 * told["floor"]))
        asker = draft.stage.until("the router goes by it", lambda: self.asked(d))
        d.answer(d.question(), "approve")
        self.assert_whole(asker.result(), CLOUD)

    def asked(self, d):
        asker = self.ask(d, f"{SAYS} fake:logprob=-0.7")
        r = draft.stage.until("asked or answered", lambda: d.questions() or asker.process.poll() is not None)
        if r is not True:
            return asker
        asker.result()
        return None

    def test_the_engine_dies_while_it_is_watched(self):
        d = self.daemon()
        r = self.ask(d, f"fake:tokens=60 {SURE} fake:engine_die_after=9").result()
        self.assertEqual(r.status, 503, "nothing was promised")
        self.assertNotIn(b"t0", r.body)
        asker = self.ask(d, f"fake:tokens=60 {UNSURE} fake:engine_delay_ms=5 fake:engine_die_after=40")
        question = d.question()
        draft.stage.until("it died", lambda: d.get("/hither/v1/status", sock="admin.sock")
                          .json["engine"]["restarts"] > 1)
        d.answer(question, "approve")
        r = asker.result()
        self.assertEqual((r.status, r.cut, r.ends), (200, False, 1), r.body)
        self.assertEqual(d.decision(r)["route"], "cloud")

    def test_the_client_leaves(self):
        d = self.daemon(engine={"parallel": 1})
        asker = self.ask(d, f"fake:engine_tokens=100000 fake:engine_delay_ms=5 {UNSURE}")
        d.question()
        asker.leave()
        self.idle(d)
        draft.stage.until("nobody is asked any more", lambda: not d.questions())
        self.assertEqual(d.chat(SAYS, model="local").text, LOCAL, "the slot is free")

    def test_the_destination_cuts(self):
        d = self.daemon()
        asker = self.ask(d, f"{SAYS} {UNSURE} {HANGS}")
        d.answer(d.question(), "approve")
        r = self.cut(d, asker)
        self.assert_cut(r)
        self.assertNotIn("Lyon", r.said)
        asker = self.ask(d, f"{SAYS} {UNSURE} fake:cloud_drop")
        question = d.question()
        self.drafted(d, 2)
        d.answer(question, "approve")
        self.assert_whole(asker.result(), LOCAL)
        self.idle(d, requests=2)


if __name__ == "__main__":
    draft.PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main(verbosity=1)
