# SPDX-License-Identifier: Apache-2.0
"""What a person does with the command `hither`, against a whole daemon with a fake engine and a
provider that counts.

command.py HITHERD HITHER [unittest arguments]
"""
import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
import unittest

import stage

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))


class Commands(unittest.TestCase):
    def setUp(self):
        self.d = stage.Daemon(PROGRAM)
        self.addCleanup(self.d.close)
        self.write_policy()
        self.d.start()

    def write_policy(self, **more):
        self.d.policy({"hither_policy": 1, "id": "mine",
                       "destinations": {"far": self.d.destination(
                           price={"currency": "EUR", "input_per_mtok": 1, "output_per_mtok": 2})},
                       "default": {"cloud": "ask"},
                       "rules": [{"id": "secrets-stay", "effect": "local_only",
                                  "when": {"data": {"any": ["secret.*"]}}}],
                       "consent": {"timeout": "30s", "scopes": ["once", "session"]}, **more})

    def change_policy(self, **more):
        """The same with a rule whose name is new, and until it is in force."""
        before = self.json("status")["policy"]["generation"]
        self.write_policy(**{"rules": [{"id": "changed", "effect": "ask", "when": {"tier": ["cloud"]}}], **more})
        stage.until("the policy", lambda: self.json("status")["policy"]["generation"] > before and
                    self.json("route", stage.HARD)["destinations"]["far"]["by"] == ["changed"])

    def run_command(self, *args, code=0, text=None, env=()):
        env = {**os.environ, "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"),
               "HOME": self.d.home, "XDG_CONFIG_HOME": self.d.path("config"), "NO_COLOR": "1",
               "XDG_DATA_HOME": self.d.path("data"), "XDG_STATE_HOME": self.d.path("state"), **dict(env)}
        done = subprocess.run([COMMAND, *args], input=text, capture_output=True, text=True, env=env,
                              start_new_session=True, timeout=4 * stage.PATIENCE_S)
        self.assertEqual(done.returncode, code, (args, done.stdout, done.stderr, self.d.said()))
        return done

    def json(self, *args, code=0, text=None, env=()):
        done = self.run_command(*args, "--json", code=code, text=text, env=env)
        return json.loads(done.stderr if code else done.stdout)

    def ledger(self):
        out = self.run_command("ledger", "export", "--state-dir", self.d.path("state")).stdout
        return [json.loads(line) for line in out.splitlines()]

    # --- answers ---------------------------------------------------------------------------

    def test_an_answer_says_where_it_comes_from(self):
        a = self.json("ask", "What is the capital of France?")
        self.assertEqual((a["schema"], a["text"], a["finish_reason"], a["receipt"], a["cost"]),
                         ("hither.answer/1", "The capital of France is Paris.", "stop", None, None))
        decision = a["decision"]
        self.assertEqual((decision["schema"], decision["route"], decision["destination"]),
                         ("hither.decision/1", "device", "local"))
        self.assertEqual(set(decision) & {"id", "score", "confidence", "task", "categories", "model",
                                          "reasons", "destinations"},
                         {"id", "score", "confidence", "task", "categories", "model", "reasons",
                          "destinations"})
        self.assertGreater(a["usage"]["output_tokens"], 0)
        plain = self.run_command("ask", "What is the capital of France?")
        self.assertEqual(plain.stdout, "The capital of France is Paris.\n")
        self.assertIn("on this device", plain.stderr)
        self.assertEqual(self.run_command("ask", "-q", "-", text="capital of France?").stderr, "")

    def test_the_place_in_the_queue(self):
        self.d = stage.Daemon(PROGRAM, engine={"parallel": 1}, limits={"keepalive_ms": 100})
        self.addCleanup(self.d.close)
        self.d.start()
        held = self.d.connect()
        self.addCleanup(held.close)
        held.request("POST", "/v1/chat/completions", json.dumps({"model": "local", "stream": True, "messages": [
            {"role": "user", "content": "fake:first_delay_ms=3600000"}]}))
        stage.until("it is at the engine", lambda: (self.d.engine_stats() or {"active": 0})["active"] == 1)
        asked = []
        for n in range(2):
            asked.append(subprocess.Popen(
                [COMMAND, "ask", "hello"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                start_new_session=True, env={**os.environ, "HOME": self.d.home, "NO_COLOR": "1",
                                             "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock")}))
            self.addCleanup(asked[n].kill)
            stage.until("it waits", lambda n=n: self.json("status")["engine"]["queued"] == n + 1)
        self.assertEqual(asked[1].stderr.readline(), "waiting, number 2 in the queue\n")
        held.close()
        for one in asked:
            out, err = one.communicate(timeout=stage.PATIENCE_S)
            self.assertEqual((one.returncode, "number" in err), (0, False), out + err)
            self.assertIn("on this device", err)

    def test_an_answer_and_a_dry_run_say_the_same(self):
        text = "Say hello to bob@example.com"
        told, did = self.json("route", text), self.json("ask", text)["decision"]
        for key in ("score", "categories", "destination", "destinations", "route", "reasons"):
            self.assertEqual(did[key], told[key], key)
        self.assertEqual([c["name"] for c in told["categories"]], ["personal.contact.email"])
        record = stage.until("it is written down", lambda: next(
            (r for r in self.ledger() if r.get("decision_id") == did["id"]), None))
        self.assertIn("personal.contact.email", json.dumps(record["categories"]))

    def test_a_dry_run_names_every_destination(self):
        d = self.json("route", stage.HARD)
        self.assertEqual((d["schema"], d["route"], d["destinations"]["far"]["verdict"]),
                         ("hither.decision/1", "cloud", "ask"))
        d = self.json("route", "my key is AKIAQ3EGUJZ5L7XDKPWF; " + stage.HARD)
        self.assertEqual((d["destinations"]["far"]["verdict"], d["destinations"]["far"]["by"]),
                         ("deny", ["secrets-stay"]))
        self.assertIn("secret.api_key", [c["name"] for c in d["categories"]])
        human = self.run_command("--host", "unix:" + self.d.path("run", "hither.sock"), "route", stage.HARD)
        self.assertIn("nothing was sent", human.stdout)
        self.assertIn("you would be asked", human.stdout)
        self.change_policy(rules=[{"id": "changed", "effect": "allow", "when": {"tier": ["cloud"]}}])
        human = self.run_command("--host", "unix:" + self.d.path("run", "hither.sock"), "route", stage.HARD)
        self.assertIn("allows this without a question", human.stdout)
        self.assertNotIn("you would be asked", human.stdout)
        self.assertEqual(self.d.cloud.connections, 0)

    def test_status_and_doctor(self):
        # The cloud's role starts last.
        stage.until("all roles ready", lambda: self.d.get("/readyz", sock="admin.sock").status == 200)
        s = self.json("status")
        self.assertEqual((s["schema"], s["ready"], s["pending_consents"], s["policy"]["id"],
                          s["policy"]["state"]), ("hither.status/1", True, 0, "mine", "active"))
        for role in ("router", "local", "consent", "cloud"):
            self.assertGreater(s["roles"][role]["pid"], 0)
        self.assertIn("READY", self.run_command("status").stdout)
        self.assertRegex(s["classifier"]["name"], r"^hashed-\d-[0-9a-f]{8}$")
        self.assertIsNone(s["classifier"]["problem"])
        self.assertIn("scores  by " + s["classifier"]["name"], self.run_command("status").stdout)
        bare = os.environ.get("HITHER_TEST_OPEN_JAIL")  # a build whose roles have no filter: that is said
        report = json.loads(self.run_command("doctor", "--json", code=10 if bare else 0).stdout)
        self.assertEqual((report["schema"], report["ok"]), ("hither.doctor/1", True))
        alone = json.loads(self.run_command("doctor", "--json", "--offline", "--host",
                                            "unix:" + self.d.path("config", "hither", "x"), code=10).stdout)
        self.assertIn("WARN", [c["status"] for c in alone["checks"]])
        report["checks"] += alone["checks"]
        self.assertEqual([c["status"] for c in report["checks"] if c["check"] == "daemon"], ["OK"])
        unfixed = [c["check"] for c in report["checks"] if c["status"] != "OK" and not c["fix"]]
        self.assertEqual(set(unfixed) - ({"roles", "kernel"} if bare else set()), set(), report)

    def test_an_export_that_nobody_does_is_said_to_be_none(self):
        self.write_policy(ledger={"export": {"otlp": "https://otel.example:4318"}})
        self.run_command("policy", "reload")
        self.assertEqual(self.json("status")["policy"]["not_done"], ["ledger.export"])
        said = json.loads(self.run_command("doctor", "--json", code=10).stdout)["checks"]
        self.assertIn(("WARN", "hither ledger export --format jsonl, from a timer of yours"),
                      [(c["status"], c["fix"]) for c in said])
        self.assertIn("hither ledger export", self.run_command("policy", "show", "--effective", "--config-dir", self.d.path("config")).stdout)
        self.assertIn("consent.export", self.d.said())

    def test_weights_that_do_not_fit_are_said_to(self):
        """Cut short, with one bit turned, something else: judged by the documented rules, and said so."""
        weights = os.path.join(os.path.dirname(PROGRAM), "router", "classify", "classifier.bin")
        with open(weights, "rb") as f:
            whole = f.read()
        turned = bytearray(whole)
        turned[70000] ^= 1
        for content in (whole[:-1], bytes(turned), b"not weights", b"", None):
            path = self.d.path("other.bin")
            if content is None:
                os.unlink(path)
            else:
                with open(path, "wb") as f:
                    f.write(content)
            d = stage.Daemon(PROGRAM)
            self.addCleanup(d.close)
            d.config["routing"] = {"classifier": path}
            d.start()
            c = d.get("/hither/v1/status", sock="admin.sock").json["classifier"]
            self.assertEqual(c["name"], "linear-1")
            self.assertIn("other.bin", c["problem"])
            self.assertIn("documented rules", c["problem"])
            self.assertEqual(d.chat("What is the capital of France?").headers["x-hither-destination"], "local")

    def test_no_daemon(self):
        self.d.process.terminate()
        self.d.process.wait()
        for args in (("status",), ("ask", "hello"), ("route", "hello"), ("consent", "list")):
            e = self.json(*args, code=3)
            self.assertEqual((e["schema"], e["code"]), ("hither.error/1", "daemon_not_running"))
            self.assertIn("hitherd", e["next"])

    def test_folders_are_where_the_daemons_own_file_says(self):
        def checks(code, **env):
            done = self.run_command("doctor", "--json", "--offline", code=code, env=env)
            return {c["check"]: c["message"] for c in json.loads(done.stdout)["checks"]}, done.stderr

        os.makedirs(self.d.path("elsewhere", "hither"))
        own = self.d.path("elsewhere", "hither", "hitherd.json")
        paths = {"models_dir": self.d.path("shelf"), "runtime_dir": self.d.path("run")}
        with open(own, "w") as f:
            json.dump({"paths": paths}, f)
        for env in ({"HITHER_CONFIG": own}, {"XDG_CONFIG_HOME": self.d.path("elsewhere")}):
            said, complaints = checks(1, **env)
            self.assertIn(self.d.path("shelf"), said["model"])
            self.assertEqual(complaints, "")
        with open(own, "w") as f:
            json.dump({"paths": {"model_dir": self.d.path("shelf")}}, f)
        complaints = checks(0, HITHER_CONFIG=own)[1]  # the daemon is then another's
        self.assertIn(own + ": ", complaints)
        self.assertIn("models_dir", complaints)
        self.assertIn("the usual folders are used", complaints)
        self.assertIn(own, checks(0, HITHER_CONFIG=own + ".gone")[1])

    def test_what_is_wrong_on_the_command_line(self):
        for args in (("stauts",), ("consent",), ("consent", "approve"), ("consent", "show", "x"),
                     ("ask", "--frobnicate", "x"), ("ledger", "query", "--kind", "nonsense"),
                     ("ledger", "query", "--since", "yesterday"), ("ask",), ("policy", "frob")):
            done = self.run_command(*args, code=2, text="")
            self.assertTrue(done.stderr.startswith("hither: "), args)
            self.assertIn("try: ", done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertIn("did you mean \"status\"", self.run_command("stauts", code=2).stderr)
        e = self.json("ask", "-m", "nonsense", "hello", code=2)
        self.assertEqual(e["code"], "model_not_found")

    # --- questions -------------------------------------------------------------------------

    def hard(self, prompt, **more):
        """Asked by a program of its own that wants to hear of the question at once."""
        return self.d.program(prompt, headers={"Hither-Consent": "return"}, **more)

    def test_exactly_what_was_shown_arrives_once(self):
        prompt = "fake:echo " + stage.HARD + " my mail is ann@example.com, \u202etxet neddih"
        refused = self.hard(prompt).result()
        self.assertEqual((refused.status, refused.json["error"]["code"]), (403, "consent_required"))
        listed = self.json("consent", "list")["consents"]
        self.assertEqual([q["id"] for q in listed], [refused.json["consent"]["id"]])
        question = listed[0]["id"]
        shown = self.json("consent", "show", question)
        self.assertEqual(self.d.cloud.connections, 0)
        human = self.run_command("consent", "show", question).stdout
        self.assertIn("U+202E", human)
        self.assertNotIn("\u202e", human)
        self.json("consent", "approve", question)
        answered = self.hard(prompt).result()
        self.assertEqual((answered.status, answered.headers["x-hither-tier"]), (200, "cloud"))
        self.assertEqual([body for _, body in self.d.cloud.requests], [shown["body"].encode()])
        again = self.hard(prompt).result()  # one yes is for one sending
        self.assertEqual((again.status, len(self.d.cloud.requests)), (403, 1))
        kinds = [r["kind"] for r in self.ledger() if r["kind"] in ("intent", "approved", "granted", "closed")]
        self.assertEqual(kinds[:4], ["intent", "approved", "granted", "closed"])
        verify = self.json("ledger", "verify", "--state-dir", self.d.path("state"))
        self.assertEqual((verify["schema"], verify["ok"]), ("hither.verify/1", True))
        left = self.json("ledger", "left", "--state-dir", self.d.path("state"))
        self.assertEqual([(g["name"], g["sends"]) for g in left["groups"]], [("far", 1)])

    def test_who_lists_a_moment_later_is_there_in_time(self):
        waiting = self.d.program(stage.HARD)  # holds; nobody was there when it asked
        question = stage.until("a question", lambda: self.json("consent", "list")["consents"])[0]["id"]
        time.sleep(1.5)  # longer than anybody waits for nobody
        self.run_command("consent", "approve", question)
        self.assertEqual(waiting.result().headers["x-hither-tier"], "cloud")
        self.assertEqual(len(self.d.cloud.requests), 1)

    def test_a_no_keeps_it_here(self):
        refused = self.hard(stage.HARD).result()
        self.run_command("consent", "deny", refused.json["consent"]["id"])
        again = self.hard(stage.HARD).result()
        self.assertNotEqual(again.headers.get("x-hither-tier"), "cloud")
        self.assertEqual(self.d.cloud.connections, 0)
        e = self.json("consent", "approve", refused.json["consent"]["id"], code=1)
        self.assertEqual(e["schema"], "hither.error/1")
        self.assertEqual(self.d.cloud.connections, 0)

    def test_a_session_permission_and_its_end(self):
        self.run_command("consent", "approve", self.hard(stage.HARD).result().json["consent"]["id"],
                         "--scope", "session")
        for n in range(2):
            self.assertEqual(self.hard(stage.HARD).result().headers["x-hither-tier"], "cloud", n)
        grants = self.json("consent", "grants")["grants"]
        self.assertEqual(len(grants), 1)
        self.run_command("consent", "revoke", grants[0]["id"])
        self.assertEqual(self.hard(stage.HARD).result().status, 403)
        self.assertEqual(len(self.d.cloud.requests), 2)
        receipts = self.json("consent", "receipts")["receipts"]
        self.assertGreaterEqual(len(receipts), 3)
        one = self.json("consent", "receipt", receipts[-1]["id"])
        self.assertEqual(one["schema"], "hither.receipt/1")
        given = next(r for r in receipts if r["decision"] == "given")
        text = self.run_command("consent", "receipt", given["id"]).stdout
        order = [text.index(w) for w in ("Receipt " + given["id"], "  what      you said yes", "  when ", "  who ",
                                         "  to        Fake, eu", "keeps no text", "  sends ", "sha256:", "  policy ",
                                         "  ledger    record")]
        self.assertEqual(order, sorted(order))
        self.assertNotIn("primes", text, "a receipt never has the text")
        for form, key in (("27560", "pii_principal_id"), ("kantara", "piiPrincipalId")):
            self.assertIn(key, json.loads(self.run_command("consent", "receipt", given["id"], "--format", form).stdout))

    def rows(self, *args):
        """What a table is when it goes into a pipe."""
        return [line.split("\t") for line in self.run_command(*args).stdout.splitlines()]

    def test_questions_and_permissions_for_people(self):
        for words, empty in ((["list"], "question"), (["grants"], "permission"), (["receipts"], "receipt")):
            said = self.run_command("consent", *words)
            self.assertEqual(said.stdout, "")
            self.assertIn(empty, said.stderr)
            self.assertEqual(self.run_command("consent", *words, "--quiet").stderr, "")
        question = self.hard(stage.HARD).result().json["consent"]["id"]
        listed, = self.rows("consent", "list")
        self.assertEqual(listed[0], question)
        self.assertIn("far", listed)
        for words in (["--scope", "never"], ["--until", "soon"], ["--scope", "until"]):
            self.json("consent", "approve", question, *words, code=2)
        self.assertEqual(self.d.cloud.connections, 0)
        said = self.run_command("consent", "approve", question, "--scope", "session").stdout
        self.assertEqual(self.hard(stage.HARD).result().headers["x-hither-tier"], "cloud")
        granted, = self.rows("consent", "grants")
        self.assertEqual(said, f"approved; take it back with: hither consent revoke {granted[0]}\n")
        self.assertIn(question, [row[0] for row in self.rows("consent", "receipts")] + [question])
        self.assertEqual(self.json("consent", "receipts", "--since", "1d")["receipts"],
                         self.json("consent", "receipts")["receipts"])

        self.assertIn("no such permission", self.run_command("consent", "revoke", "--app", "nobody").stderr)
        self.json("consent", "revoke", "g-nothing", code=2)
        said = self.run_command("consent", "revoke", "--all").stdout
        self.assertIn("revoked " + granted[0], said)
        self.assertIn("1 request had left", said)
        self.assertEqual(self.json("consent", "grants")["grants"], [])

    def watching(self, *words):
        """`consent watch` without a terminal: for scripts that answer by other commands."""
        env = {**os.environ, "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "HOME": self.d.home}
        p = subprocess.Popen([COMMAND, "consent", "watch", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
        self.addCleanup(lambda: (p.terminate(), p.communicate()))
        return p

    def test_a_watch_without_a_terminal(self):
        p = self.watching()
        self.assertIn("watching for questions", p.stderr.readline())
        asked = self.d.program(stage.HARD)
        question = stage.until("a question", lambda: self.json("consent", "list")["consents"])[0]["id"]
        self.assertIn("question  " + question, p.stdout.readline() + p.stdout.readline())
        self.run_command("consent", "deny", question)
        self.assertEqual(p.stderr.readline(), f"question {question}: it was kept on this device\n")
        self.assertNotEqual(asked.result().headers.get("x-hither-tier"), "cloud")

        p = self.watching("--json")
        self.assertIn("watching for questions", p.stderr.readline())
        asked = self.d.program(stage.HARD + " Once more.")
        event = json.loads(p.stdout.readline())
        self.assertEqual(event["event"], "request")
        self.run_command("consent", "deny", event["data"]["id"])
        ended = json.loads(p.stdout.readline())
        self.assertEqual(ended["data"]["id"], event["data"]["id"])
        asked.result()
        self.d.process.terminate()
        out, err = p.communicate(timeout=stage.PATIENCE_S)
        self.assertEqual(p.returncode, 3, (out, err))
        self.assertEqual(json.loads(err)["code"], "daemon_not_running")

    def test_the_engine_for_people(self):
        self.json("ask", "What is the capital of France?")
        told = self.json("model", "ps")
        self.assertEqual((told["schema"], told["engine"]["model"]), ("hither.engine/1", "fake"))
        row, = self.rows("model", "ps")
        self.assertEqual(row[:2], ["fake", told["engine"]["state"]])
        self.assertIn(str(told["engine"]["pid"]), row)

    def test_what_goes_along_with_a_prompt(self):
        self.write_policy(default={"cloud": "allow"})
        self.run_command("policy", "reload")
        paths = [self.d.path("a.txt"), self.d.path("b.txt")]
        for path, text in zip(paths, ("one file", "another file")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        said = self.json("ask", "--model", "far", "--system", "Be brief.", "--file", paths[0], "--file", paths[1],
                         "--max-tokens", "7", "--app", "notes", "fake:tokens=50", "and", "more")
        body = json.loads(self.d.cloud.requests[-1][1])
        self.assertEqual([(m["role"], m["content"]) for m in body["messages"]],
                         [("system", "Be brief."), ("user", "fake:tokens=50 and more\n\none file\n\nanother file")])
        self.assertIn(7, (body.get("max_tokens"), body.get("max_completion_tokens")))
        self.assertEqual(said["decision"]["destination"], "far")
        self.assertEqual(self.json("ask", "-", text="from standard input", env={"HITHER_MAX_TIER": "cloud"})["schema"],
                         "hither.answer/1")
        for words in (["--local"], ["--max-tier", "device"]):
            self.assertEqual(self.json("ask", *words, stage.HARD)["decision"]["route"], "device")
        cut = self.json("ask", "--local", "--max-tokens", "3", "fake:tokens=50")
        self.assertEqual(cut["finish_reason"], "length")

    def test_what_left_says_what_it_cost(self):
        self.write_policy(rules=[{"id": "go", "effect": "allow", "when": {"destination": ["far"]}}],
                          budgets=[{"id": "mine", "scope": ["host"], "window": "month", "max_cost": {"amount": 5, "currency": "EUR"},
                                    "max_requests": 100, "on_exceed": "refuse"}])
        self.run_command("policy", "reload")
        a = self.json("ask", stage.HARD)
        self.assertEqual((a["decision"]["route"], a["cost"]["currency"]), ("cloud", "EUR"))
        own = self.json("consent", "receipt", a["receipt"])
        self.assertEqual(own["outcome"]["result"], "complete")
        self.assertEqual(a["cost"]["amount"], own["cost"]["actual"])
        usage = own["outcome"]["input_tokens"] * 1 + own["outcome"]["output_tokens"] * 2
        self.assertAlmostEqual(a["cost"]["amount"], usage / 1e6)
        self.assertRegex(self.run_command("ask", stage.HARD).stderr, r"CLOUD far .* EUR 0\.0\d+ · receipt 01")
        budget, = self.json("budget", "show")["budgets"]
        self.assertEqual((budget["id"], budget["requests"], budget["max_requests"], budget["on_exceed"],
                          budget["scope"], budget["window"]["unit"]), ("mine", 2, 100, "refuse", ["host"], "month"))
        self.assertAlmostEqual(budget["cost"], 2 * a["cost"]["amount"])
        human = self.run_command("budget", "show").stdout
        self.assertIn("2 of 100", human)
        self.assertIn("of 5.00 EUR", human)

    def test_old_records_go_while_the_daemon_runs(self):
        """The daemon is the one writer of its ledger; in the default folder the command asks it."""
        home = {"XDG_STATE_HOME": self.d.path("data")}
        os.symlink(self.d.path("state"), self.d.path("data", "hither"))
        stage.until("there is a ledger", self.ledger)
        said = self.json("ledger", "prune", "--older-than", "1s", env=home)
        self.assertEqual(said, {"schema": "hither.pruned/1", "removed": 0}, "the last 40 days stay")
        self.assertTrue(self.json("ledger", "verify", "--state-dir", self.d.path("state"))["ok"])
        self.assertEqual(self.hard(stage.HARD).result().status, 403, "questions go on")
        self.assertTrue(self.json("ledger", "verify", "--state-dir", self.d.path("state"))["ok"])
        self.run_command("ledger", "prune", "--older-than", "1s", "--state-dir", self.d.path("state"), code=1)
        bad = self.d.call("POST", "/hither/v1/ledger/prune", {"before_ms": 1e15}, sock="admin.sock")
        self.assertEqual(bad.status, 400)

    def test_a_policy_without_budgets_has_none_to_show(self):
        self.assertEqual(self.json("budget", "show"), {"schema": "hither.budgets/1", "budgets": []})
        self.assertIn("no budgets", self.run_command("budget", "show").stdout)

    def watch(self, *keys, before=b""):
        """`consent watch` on a terminal of its own; types `before` at once and a key whenever it is
        prompted."""
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update({"HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "TERM": "dumb"})
            os.execv(COMMAND, [COMMAND, "consent", "watch"])
        screen = []

        def read():
            left = list(keys)
            while True:
                try:
                    more = os.read(fd, 65536)
                except OSError:
                    return
                screen.append(more)
                if left and b"".join(screen).endswith(b"> "):
                    os.write(fd, left.pop(0) + b"\n")

        threading.Thread(target=read, daemon=True).start()
        stage.until("watching", lambda: b"watching" in b"".join(screen))
        os.write(fd, before)

        def end():
            os.kill(pid, 15)
            os.waitpid(pid, 0)
            os.close(fd)

        self.addCleanup(end)
        return screen

    def test_a_person_at_a_terminal_says_yes(self):
        screen = self.watch(b"v", b"b", b"r")
        r = self.d.program(stage.HARD).result()
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "cloud"), r.body)
        text = b"".join(screen).decode()
        for word in ("Fake", "eu", "fake-large", "too hard", "turn by turn", "1. You or your program",
                     "exactly these bytes", '{"model":"fake-large"', "keep it on this device", "released"):
            self.assertIn(word, text)
        order = [text.index(w) for w in ("asks to use", "  to ", "  why", "  sends", "  found", "  cost")]
        self.assertEqual(order, sorted(order))

    def test_enter_alone_keeps_it_here(self):
        self.watch(b"")
        r = self.d.program(stage.HARD).result()
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"), r.body)
        self.assertEqual(self.d.cloud.connections, 0)

    def test_a_letter_that_sends_nothing(self):
        """What is not offered, is too long or asks for more time leaves the question open."""
        screen = self.watch(b"yes", b"rr", b"r" * 200, b"?", b"a", b"t", b"l")
        r = self.d.program(stage.HARD).result()
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"), r.body)
        self.assertEqual(self.d.cloud.connections, 0)
        stage.until("the end", lambda: b"put aside" in b"".join(screen))
        text = b"".join(screen).decode()
        self.assertEqual(text.count("one letter, please"), 3)
        self.assertIn("Enter alone keeps it here", text)
        self.assertGreater(int(re.search(r"(\d+) seconds left", text)[1]), 60)
        self.assertNotIn("[a]", text, "nothing was masked, so there is no other form")

    def test_what_was_typed_before_the_question_does_not_count(self):
        screen = self.watch(b"", before=b"r\nr\nr")
        r = self.d.program(stage.HARD).result()
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"), r.body)
        self.assertEqual(self.d.cloud.connections, 0)
        stage.until("the end", lambda: b"kept on this device" in b"".join(screen))

    def test_nobody_answers(self):
        self.change_policy(consent={"timeout": "2s"})
        screen = self.watch()
        r = self.d.program(stage.HARD).result()
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"), r.body)
        stage.until("that is said", lambda: b"nobody answered in time" in b"".join(screen))
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update({"HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "TERM": "dumb"})
            os.execv(COMMAND, [COMMAND, "ask", stage.HARD + " Once more."])
        said = b""
        while True:
            try:
                said += os.read(fd, 65536)
            except OSError:
                break
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, said)
        self.assertIn(b"answered on this device because nobody answered", said)
        self.assertEqual(self.d.cloud.connections, 0)

    def test_a_reason_where_policy_asks_for_one(self):
        self.change_policy(consent={"timeout": "30s", "require_reason": True})
        screen = self.watch(b"r", b"", b"r", b"it is needed")
        r = self.d.program(stage.HARD).result()
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "cloud"), r.body)
        self.assertEqual(b"".join(screen).count(b"why may it be sent?"), 2)

    def test_plain_words_for_a_screen_reader(self):
        self.change_policy(rules=[{"id": "changed", "effect": "ask", "when": {"tier": ["cloud"]},
                                  "with": {"redact": ["personal.contact.*"]}}],
                          consent={"timeout": "30s", "modes": ["redacted", "as_is"]})
        waiting = self.d.program(stage.HARD + " Write to ann@example.org.")
        stage.until("a question", lambda: self.json("consent", "list")["consents"])
        id = self.json("consent", "list")["consents"][0]["id"]
        text = self.run_command("--plain", "consent", "show", id).stdout
        self.assertIn("    would be sent:\n    | Prove", text)
        self.assertIn("    the original, which stays here:\n    | Prove", text)
        self.assertIn("Write to [EMAIL-1].", text)
        self.assertNotIn("\x1b", text)
        self.run_command("consent", "deny", id)
        waiting.result()
        self.assertIn("it was kept on this device", self.run_command("consent", "show", id).stderr)

    def test_asking_in_the_same_terminal(self):
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update({"HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "TERM": "dumb"})
            os.execv(COMMAND, [COMMAND, "ask", stage.HARD])
        screen = b""
        answered = False
        while True:
            try:
                more = os.read(fd, 65536)
            except OSError:
                break
            screen += more
            if not answered and screen.endswith(b"> "):
                os.write(fd, b"r\n")
                answered = True
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, screen)
        self.assertIn(b"CLOUD far", screen)
        self.assertEqual(len(self.d.cloud.requests), 1)

    def ask_at_a_terminal(self, prompt, until, keys):
        """The screen; `keys` are typed when it first holds `until` after a prompt."""
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update({"HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "TERM": "dumb"})
            os.execv(COMMAND, [COMMAND, "ask", prompt])
        screen = b""
        left = list(zip(until, keys))
        while True:
            try:
                more = os.read(fd, 65536)
            except OSError:
                break
            screen += more
            if left and left[0][0] in screen and (left[0][0] != b"> " or screen.endswith(b"> ")):
                os.write(fd, left.pop(0)[1])
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, screen)
        return screen.decode().replace("\r\n", "\n")

    def test_a_draft_to_read_before_the_question(self):
        said = "fake:engine_says=It_is_Lyon_I_think."
        for key, answer in ((b"r\n", "The capital of France is Paris."), (b"\n", "It is Lyon I think.")):
            screen = self.ask_at_a_terminal(f"{stage.HARD} {said} {len(answer)}", [b"> "], [key])
            draft, question, after = (screen.index("Draft from this device."), screen.index("asks to use"),
                                      screen.rindex(answer))
            self.assertTrue(draft < screen.index("It is Lyon I think.") < question < after, screen)
        self.assertEqual(len(self.d.cloud.requests), 1)

    def test_enter_ends_the_reading_and_answers_nothing(self):
        prompt = f"{stage.HARD} fake:engine_tokens=100000 fake:engine_delay_ms=5"
        screen = self.ask_at_a_terminal(prompt, [b"t9 ", b"> "], [b"r\n", b"r\n"])
        self.assertIn("The capital of France is Paris.\n", screen)
        self.assertIn("CLOUD far", screen)
        self.assertEqual(len(self.d.cloud.requests), 1)

    # --- policy ------------------------------------------------------------------------------

    def test_a_change_of_policy_counts_at_once_and_a_broken_one_does_not(self):
        self.write_policy(rules=[{"id": "nothing-leaves", "effect": "deny", "when": {"tier": ["cloud"]}}])
        stage.until("the new policy", lambda: self.json("route", stage.HARD)["destinations"]["far"]["by"] ==
                    ["nothing-leaves"])
        with open(self.d.path("config", "policy.d", "10-mine.json"), "a", encoding="utf-8") as f:
            f.write("{ broken")
        stage.until("degraded", lambda: self.json("status")["policy"]["state"] == "degraded"
                    if self.run_status() else False)
        self.assertEqual(self.json("route", stage.HARD)["destinations"]["far"]["by"], ["nothing-leaves"])

    def run_status(self):
        time.sleep(0.05)
        return True


if __name__ == "__main__":
    unittest.main()
