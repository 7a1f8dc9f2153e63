# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong keeps requests on the device: every row of the fail-closed table, and what a
reload does to questions and sends, against a whole daemon with a provider that counts.

fail_closed.py HITHERD HITHER LEDGER_AHEAD [unittest arguments]
"""
import contextlib
import datetime
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import unittest

import stage

PROGRAM, COMMAND, LEDGER_AHEAD = (os.path.abspath(sys.argv.pop(1)) for _ in range(3))
OPENSSL = shutil.which("openssl")
ANSWER = "The capital of France is Paris."
EASY = "What is the capital of France?"
FREE = {"cloud": "allow"}


def after(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Case(unittest.TestCase):
    def setUp(self):
        self.d = stage.Daemon(PROGRAM)
        self.addCleanup(self.d.close)

    # --- files -----------------------------------------------------------------------------

    def write(self, layer, name, content):
        folder = {"mandatory": ("etc", "mandatory.d"), "user": ("config", "policy.d")}[layer]
        os.makedirs(self.d.path(*folder), 0o755, exist_ok=True)
        path = self.d.path(*folder, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)
        return path

    def user(self, **more):
        """A person who lets everything go to the cloud."""
        return self.write("user", "10-mine.json", {"hither_policy": 1, "id": "mine", "default": FREE,
                                                   "destinations": {"far": self.d.destination()}, **more})

    def bank(self, serial=5, **more):
        """An administrator who asks before it."""
        return self.write("mandatory", "10-bank.json", {"hither_policy": 1, "id": "bank", "serial": serial,
                                                        "default": {"cloud": "ask"}, **more})

    def remove(self, path):
        os.unlink(path)

    # --- the daemon ------------------------------------------------------------------------

    def restart(self):
        self.stop()
        return self.d.start()

    def stop(self):
        if self.d.process is not None:
            self.d.process.send_signal(signal.SIGTERM)
            self.d.process.wait(stage.PATIENCE_S)

    def hither(self, *args, code=0):
        env = {**os.environ, "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "HOME": self.d.home,
               "NO_COLOR": "1"}
        done = subprocess.run([COMMAND, *args], capture_output=True, text=True, env=env,
                              timeout=4 * stage.PATIENCE_S)
        self.assertEqual(done.returncode, code, (args, done.stdout, done.stderr))
        return done

    def state(self):
        return self.d.get("/hither/v1/status", sock="admin.sock").json["policy"]["state"]

    def far(self, prompt=stage.HARD):
        found = self.d.route(prompt).json["destinations"]["far"]
        return found["verdict"], found["by"]

    def device_only(self, code="policy_denied"):
        """Easy and hard prompts are answered here, a cloud by name is refused, nothing goes out."""
        before = self.d.cloud.connections
        self.assertEqual(self.d.chat(EASY).text, ANSWER)
        self.assertEqual(self.d.chat(stage.HARD).headers["x-hither-tier"], "device")
        r = self.d.chat(stage.HARD, model="cloud")
        self.assertEqual((r.status, r.json["error"]["code"]), (403, code), r.body)
        self.assertEqual(self.d.cloud.connections, before)

    def lockdown(self):
        self.assertEqual(self.state(), "lockdown")
        self.device_only()

    def goes_out(self, prompt=stage.HARD):
        r = self.d.chat(prompt, model="far")
        self.assertEqual((r.status, r.headers.get("x-hither-tier")), (200, "cloud"), r.body)


WRONG = {"it does not parse": "{", "an unknown key": '{"hither_policy": 1, "id": "b", "ruels": []}',
         "a duplicate key": '{"hither_policy": 1, "id": "b", "id": "b"}',
         "its own tests fail": json.dumps({"hither_policy": 1, "id": "b", "tests": [
             {"name": "n", "request": {}, "expect": {"local": "deny"}}]})}


class Files(Case):
    def test_row_wrong_at_reload(self):
        """a file does not parse / unknown key / duplicate key / fails its own tests, at reload"""
        self.user()
        self.bank()
        self.d.start()
        for layer in ("user", "mandatory"):
            for what, text in WRONG.items():
                path = self.write(layer, "20-wrong.json", text)
                self.hither("policy", "reload", code=8)
                self.assertEqual((self.state(), self.far()[0]), ("degraded", "ask"), what)
                self.remove(path)
        self.hither("policy", "reload")
        self.assertEqual(self.state(), "active")

    def test_row_mandatory_wrong_at_start(self):
        """the same at start, mandatory layer: the last good one, else lockdown"""
        self.user()
        self.bank()
        self.d.start()
        self.bank(ruels=[])
        self.restart()
        self.assertEqual((self.state(), self.far()), ("degraded", ("ask", ["mandatory:default"])))
        self.stop()
        os.unlink(self.d.path("state", "policy-last-good"))
        self.d.start()
        self.lockdown()

    def test_row_lower_layer_wrong_at_start(self):
        """the same at start, user layer: skipped, built-in defaults, degraded"""
        self.user()
        for what, text in WRONG.items():
            self.write("user", "20-wrong.json", text)
            self.restart()
            self.assertEqual((self.state(), self.far()[0]), ("degraded", "allow"), what)
        self.user(ruels=[])
        self.restart()
        self.assertEqual((self.state(), list(self.d.route(stage.HARD).json["destinations"])), ("degraded", ["local"]))
        self.device_only()

    @unittest.skipIf(OPENSSL is None, "openssl is not installed")
    def test_row_signature(self):
        """trust anchor present, .sig missing or bad"""
        key = self.d.path("key.pem")
        subprocess.run([OPENSSL, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True,
                       capture_output=True)
        os.chmod(key, 0o600)
        os.mkdir(self.d.path("etc", "trust.d"), 0o755)
        subprocess.run([OPENSSL, "ec", "-in", key, "-pubout", "-out", self.d.path("etc", "trust.d", "a.pem")],
                       check=True, capture_output=True)
        self.user()
        path = self.bank()
        self.d.start()
        self.lockdown()
        self.hither("policy", "sign", "--key", key, path)
        self.hither("policy", "reload")
        self.assertEqual((self.state(), self.far()[0]), ("active", "ask"))
        self.bank(default={"cloud": "allow"})
        self.hither("policy", "reload", code=8)
        self.assertEqual((self.state(), self.far()[0]), ("degraded", "ask"))
        self.restart()
        self.assertEqual((self.state(), self.far()[0]), ("degraded", "ask"), "the last good one is still signed")

    def test_row_not_after(self):
        """not_after passed: at start, and while it runs"""
        self.user()
        self.bank(not_after=after(-60))
        self.d.start()
        self.lockdown()
        self.bank(not_after=after(2), serial=6)
        self.restart()
        stage.until("it expires by itself", lambda: self.state() == "lockdown")
        self.lockdown()

    def test_row_clock(self):
        """clock earlier than the newest ledger entry by > 24 h"""
        self.user()
        self.d.start()
        self.goes_out()
        self.stop()
        subprocess.run([LEDGER_AHEAD, self.d.path("state"), "23"], check=True)
        self.d.start()
        self.goes_out()
        self.stop()
        subprocess.run([LEDGER_AHEAD, self.d.path("state"), "25"], check=True)
        self.d.start()
        self.device_only("ledger_unavailable")
        self.assertIn("clock", self.d.get("/hither/v1/status", sock="admin.sock").json["ledger"]["problem"])
        self.restart()
        self.device_only("ledger_unavailable")
        self.hither("ledger", "acknowledge", "--yes", "--state-dir", self.d.path("state"))
        stage.until("it goes on", lambda: self.d.chat(stage.HARD, model="far").status == 200)

    def test_a_damaged_ledger(self):
        """device only until a person acknowledges, with the first bad record named"""
        self.user()
        self.d.start()
        self.goes_out()
        self.stop()
        with contextlib.closing(sqlite3.connect(self.d.path("state", "ledger", "ledger.db"))) as db, db:
            seq, body = db.execute("SELECT seq, body FROM records WHERE body LIKE '%\"granted\"%'").fetchone()
            db.execute("UPDATE records SET body = ? WHERE seq = ?", (body.replace('"far"', '"fax"', 1), seq))
        folder = ("--state-dir", self.d.path("state"))
        said = json.loads(self.hither("ledger", "verify", "--json", *folder, code=1).stdout)
        self.assertEqual((said["ok"], said["first_bad"]), (False, seq))
        self.d.start()
        self.device_only("ledger_unavailable")
        human = self.hither("status", code=10).stdout
        self.assertRegex(human, rf"ledger +BROKEN, nothing leaves this device: record {seq}\b")
        said = json.loads(self.hither("ledger", "acknowledge", "--yes", "--json", *folder).stdout)
        self.assertEqual((said["first_bad"], said["acknowledged"]), (seq, True))
        stage.until("it goes on", lambda: self.d.chat(stage.HARD, model="far").status == 200)
        self.assertNotIn("BROKEN", self.hither("status").stdout)

    def test_row_serial(self):
        """serial lower than the highest ever seen for that id"""
        self.user()
        self.bank(serial=5)
        self.d.start()
        self.bank(serial=4, default={"cloud": "allow"})
        self.hither("policy", "reload", code=8)
        self.assertEqual((self.state(), self.far()[0]), ("degraded", "ask"))
        self.restart()
        self.assertEqual((self.state(), self.far()[0]), ("degraded", "ask"), "the last good one")
        # A newer one counts as seen although another file is wrong.
        self.bank(serial=7)
        self.user(ruels=[])
        self.restart()
        self.assertEqual(self.state(), "degraded")
        self.user()
        self.bank(serial=6, default={"cloud": "allow"})
        self.restart()
        self.lockdown()

    def test_row_mandatory_vanished(self):
        """mandatory file vanished that was active at last run"""
        self.user()
        path = self.bank()
        self.d.start()
        self.remove(path)
        self.hither("policy", "reload", code=8)
        self.lockdown()
        self.restart()
        self.lockdown()
        self.hither("policy", "accept-removal", "--state-dir", self.d.path("state"), "--etc-dir", self.d.path("etc"),
                    "--lib-dir", self.d.path("lib"))
        self.hither("policy", "reload")
        self.assertEqual((self.state(), self.far()[0]), ("active", "allow"))


class Requests(Case):
    KEYS = {"id": "keys-stay", "effect": "local_only", "when": {"data": {"any": ["secret.*"]}}}

    def test_row_scanner_timed_out(self):
        """scanner failed, timed out: data unknown"""
        self.user(rules=[self.KEYS], categories={"company.slow": {"regex": "(a+)+$"}})
        self.d.start()
        self.goes_out()
        slow = stage.HARD + " " + "a" * 60 + "!"
        self.assertEqual(self.far(slow), ("deny", ["keys-stay?"]))
        sent = len(self.d.cloud.requests)
        r = self.d.chat(slow, model="far")
        self.assertEqual((r.status, r.json["error"]["code"]), (403, "policy_denied"), r.body)
        self.assertEqual(len(self.d.cloud.requests), sent)

    def test_row_scanner_input_over_its_limit(self):
        """input that nobody looks into: data unknown"""
        self.user(rules=[self.KEYS])
        self.d.start()
        r = self.d.call("POST", "/v1/chat/completions", {"model": "far", "messages": [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}]})
        self.assertEqual((r.status, r.json["error"]["code"]), (403, "policy_denied"), r.body)
        self.assertIn("keys-stay", r.json["error"]["rules"])
        self.assertEqual(self.d.cloud.connections, 0)

    def test_row_no_agent(self):
        """no agent: consent.no_agent"""
        self.user(default={"cloud": "ask"}, consent={"no_agent": "local"})
        self.d.start()
        self.assertEqual(self.d.chat(stage.HARD).headers["x-hither-tier"], "device")
        self.user(default={"cloud": "ask"}, consent={"no_agent": "refuse"})
        self.hither("policy", "reload")
        r = self.d.chat(stage.HARD)
        self.assertEqual((r.status, r.json["error"]["code"]), (403, "consent_required"), r.body)
        self.assertEqual(self.d.cloud.connections, 0)

    def test_row_ledger_not_writable(self):
        """ledger not writable: no off-device sending"""
        self.user()
        with open(self.d.path("state", "ledger"), "w", encoding="utf-8"):
            pass
        self.d.start()
        self.device_only("ledger_unavailable")
        os.unlink(self.d.path("state", "ledger"))
        stage.until("it is writable", lambda: self.d.chat(stage.HARD, model="far").status == 200)


class Detectors(Case):
    WORDS = "Project Heron\n\nbluebird\n"

    def setUp(self):
        super().setUp()
        self.words = self.d.path("words.txt")
        with open(self.words, "w", encoding="utf-8") as f:
            f.write(self.WORDS)

    def bank_words(self, path=None, **more):
        return self.bank(default=FREE, categories={"company.codename": {"dictionary": path or self.words}}, rules=[
            {"id": "codenames", "effect": "deny", "when": {"tier": ["cloud"], "data": {"any": ["company.codename"]}}},
            {"id": "keys", "effect": "deny", "when": {"tier": ["cloud"], "data": {"any": ["secret.*"]}}}], **more)

    def test_dictionaries_reach_both_scanners(self):
        self.user()
        self.bank_words()
        self.d.start()
        self.assertEqual(self.far(stage.HARD + " About project HERON."), ("deny", ["codenames"]))
        self.assertIn({"name": "company.codename", "count": 1},
                      self.d.route(stage.HARD + " About project HERON.").json["categories"])
        self.assertEqual(self.far()[0], "allow")
        self.goes_out()
        r = self.d.chat(stage.HARD + " The bluebird flies.", model="far")
        self.assertEqual((r.status, r.json["error"]["rules"]), (403, ["codenames"]), r.body)

    def test_a_dictionary_that_is_gone_or_relative(self):
        self.user()
        for path in (self.words + ".gone", "words.txt"):
            self.bank_words(path)
            self.restart()
            self.lockdown()

    def test_what_no_scanner_can_look_for_is_refused(self):
        self.user()
        self.bank()
        for category, why in (({"regex": "a[b"}, "missing terminating ]"),
                              ({"keywords": ["one two three four five six seven"]}, "longer than")):
            self.write("user", "20-more.json", {"hither_policy": 1, "id": "more", "categories": {"mine.x": category}})
            self.restart()
            self.assertEqual((self.state(), self.far()[0]), ("degraded", "ask"))
            self.assertIn("category mine.x", self.d.said())
            self.assertIn(why, self.d.said())
        os.unlink(self.d.path("config", "policy.d", "20-more.json"))
        self.bank(categories={"company.x": {"regex": "a[b"}})
        self.hither("policy", "reload", code=8)
        self.assertEqual((self.state(), self.far()[0]), ("degraded", "ask"))

    def test_a_lower_layer_takes_no_category_away(self):
        self.user(categories={"mine.everything": {"regex": "[\\s\\S]{1,500}"}, "mine.bird": {"keywords": ["bluebird"]}})
        self.bank_words()
        self.d.start()
        self.assertEqual(self.far(stage.HARD + " The bluebird flies."), ("deny", ["codenames"]))
        key = stage.HARD + " The key is AKIAZ5GXK3QTV7W2RNBD."
        self.assertEqual(self.far(key), ("deny", ["keys"]))
        r = self.d.chat(key, model="far")
        self.assertEqual((r.status, r.json["error"]["code"]), (403, "policy_denied"), r.body)
        self.assertEqual(self.d.cloud.connections, 0)


class Reload(Case):
    def test_an_open_question_is_withdrawn(self):
        self.user(default={"cloud": "ask"}, consent={"timeout": "60s"})
        self.d.start()
        agent = self.d.agent()
        later = self.d.program(stage.HARD)
        question = self.d.question()
        self.user(default={"cloud": "deny"})
        self.hither("policy", "reload")
        self.assertEqual(later.result().headers["x-hither-tier"], "device")
        self.assertEqual(self.d.questions(), [])
        self.assertNotEqual(self.d.answer(question, "approve").status, 200)
        self.assertEqual(self.d.cloud.connections, 0)
        agent.close()

    def test_a_send_under_a_revoked_rule_is_cut(self):
        def ends():
            out = self.hither("ledger", "export", "--state-dir", self.d.path("state")).stdout
            return [x["outcome"] for x in map(json.loads, out.splitlines()) if x["kind"] == "closed"]

        for i, cloud in enumerate(("deny", "ask")):
            self.user()
            if self.d.process is None:
                self.d.start()
            else:
                self.hither("policy", "reload")
            later = self.d.later(self.d.chat, "fake:tokens=100000 fake:delay_ms=5", model="far", stream=True)
            stage.until("the provider works", lambda: self.d.cloud.active == 1)
            self.user(default={"cloud": cloud})
            self.hither("policy", "reload")
            r = later.result()
            self.assertTrue(r.cut or r.status != 200, "no proper end")
            self.assertNotIn("[DONE]", r.events)
            stage.until("the provider is left alone", lambda: self.d.cloud.active == 0)
            stage.until("the end is on record", lambda: len(ends()) == i + 1)
            self.assertEqual(ends()[-1], "aborted")


if __name__ == "__main__":
    unittest.main()
