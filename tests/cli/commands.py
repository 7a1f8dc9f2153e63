#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""commands.py HITHER: every command's --help, what slips get, completion, and what works without a daemon."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HITHER = os.path.abspath(sys.argv.pop(1))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAR = {"tier": "cloud", "api": "openai", "operator": "Far", "region": "eu", "base_url": "https://far.example/v1",
       "models": ["m"], "retention_days": 0, "trains": False}
COMMON = ("--json", "--quiet", "--plain", "--color", "--host", "--help")


class Case(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="hither-commands-")
        self.addCleanup(shutil.rmtree, self.home)
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8"}
        for name in ("CONFIG_HOME", "DATA_HOME", "STATE_HOME", "RUNTIME_DIR"):
            self.environment["XDG_" + name] = self.path(name)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def write(self, text, *names, mode=0o600):
        os.makedirs(os.path.dirname(self.path(*names)), mode=0o700, exist_ok=True)
        with open(self.path(*names), "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        os.chmod(self.path(*names), mode)
        return self.path(*names)

    def hither(self, *words, code=0, text=b"", **environment):
        done = subprocess.run([HITHER, *words], input=text, capture_output=True, check=False,
                              env={**self.environment, **environment}, timeout=60)
        self.assertEqual(done.returncode, code, (words, done))
        return done.stdout.decode(), done.stderr.decode()

    def json(self, *words, code=0, **more):
        out, _ = self.hither(*words, "--json=short", code=code, **more)
        return json.loads(out)

    def error(self, *words, code=2, **more):
        """The error as a person sees it, and as a program does: they say the same."""
        out, human = self.hither(*words, code=code, **more)
        first, *rest = human.rstrip("\n").split("\n")
        self.assertTrue(first.startswith("hither: "), human)
        told = json.loads(self.hither(*words, "--json", code=code, **more)[1])
        self.assertEqual(list(told), ["schema", "code", "message", "decision_id", "rules", "next"])
        self.assertEqual((told["schema"], "hither: " + told["message"]), ("hither.error/1", first))
        self.assertEqual(rest, ["try: " + told["next"]] if told["next"] else [])
        return told


class Help(Case):
    def commands(self, *path):
        """Every command under `path`, with its words, from the help itself."""
        for line in self.hither("help", *path)[0].splitlines():
            found = re.match("  hither " + "".join(word + " " for word in path) + r"([a-z]+) +(\S*)", line)
            if found and not path and found[1] == "help":
                continue
            if found and found[2] == "COMMAND":
                yield from self.commands(*path, found[1])
            elif found:
                yield (*path, found[1])

    def test_each_says_how_it_is_used(self):
        commands = list(self.commands())
        self.assertIn(("consent", "approve"), commands)
        self.assertIn(("policy", "check"), commands)
        self.assertGreater(len(commands), 40)
        for words in commands:
            with self.subTest(words):
                out, err = self.hither(*words, "--help")
                self.assertEqual(err, "")
                self.assertIn("usage: hither " + " ".join(words) + " [OPTIONS]", out)
                self.assertIn(":", out.splitlines()[0])
                for option in COMMON:
                    self.assertIn(option, out)
                self.assertEqual(self.hither("help", *words)[0], out)
                self.assertEqual(self.hither(*words, "-h")[0], out)
                wrong = self.error(*words, "--no-such-option")
                self.assertEqual((wrong["code"], wrong["next"]),
                                 ("invalid_request", "hither " + " ".join(words) + " --help"))
                self.assertIn("--no-such-option", wrong["message"])

    def test_of_all(self):
        out = self.hither("help")[0]
        self.assertEqual(self.hither("--help")[0], out)
        self.assertIn("hither ask [PROMPT|-]", out)
        self.assertIn("hither model pull [NAME]", self.hither("model", "--help")[0])
        self.assertEqual(self.hither("model", "-h")[0], self.hither("help", "model")[0])

    def test_topics(self):
        codes = dict(re.findall(r"^(\d+) +(.*)", self.hither("help", "exit-codes")[0], re.M))
        self.assertEqual(sorted(map(int, codes)), [*range(11), 75, 130])
        environment = self.hither("help", "environment")[0]
        for name in ("HITHER_HOST", "NO_COLOR", "XDG_RUNTIME_DIR"):
            self.assertIn(name, environment)
        self.assertIn("programs of the same user", self.hither("help", "privacy")[0])
        self.assertIn("nonsense", self.error("help", "nonsense")["message"])
        self.assertIn("nonsense", self.error("help", "model", "nonsense")["message"])

    def test_version(self):
        plain = self.hither("version")[0]
        self.assertRegex(plain, r"^hither \d+\.\d+\.\d+\n$")
        self.assertEqual(self.hither("--version")[0], plain)
        self.assertEqual(self.json("version"), {"schema": "hither.version/1", "version": plain.split()[1]})
        self.assertEqual(self.json("version"), json.loads(self.hither("--json=pretty", "version")[0]))

    @unittest.skipUnless(shutil.which("bash"), "no bash")
    def test_completion_in_bash(self):
        script = self.hither("completion", "bash")[0]

        def completed(*words):
            ask = f'{script}\nCOMP_WORDS=({" ".join(repr(w) for w in words)}) COMP_CWORD={len(words) - 1}\n' \
                  '_hither; printf "%s\\n" "${COMPREPLY[@]}"'
            return subprocess.run(["bash", "-c", ask], capture_output=True, check=True, text=True).stdout.split()
        self.assertEqual(completed("hither", "cons"), ["consent"])
        self.assertEqual(set(completed("hither", "model", "p")), {"pull", "ps"})
        self.assertEqual(completed("hither", "status", ""), [])
        self.assertEqual(completed("hither", "model", "use", "x"), [])

    def test_completion_names_all(self):
        names = {words[0] for words in self.commands()}
        for shell in ("bash", "zsh", "fish"):
            out = self.hither("completion", shell)[0]
            for words in self.commands():
                for word in words:
                    self.assertRegex(out, rf"\b{word}\b")
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=out, text=True, check=True)
        found = re.findall(r"__fish_use_subcommand -f -a (\S+) -d '[^']+'$", self.hither("completion", "fish")[0], re.M)
        self.assertEqual(set(found), names | {"help"})
        self.assertIn("bash, zsh or fish", self.error("completion", "tcsh")["message"])


class Slips(Case):
    # words, part of the message
    ROWS = [
        (["statuss"], 'did you mean "status"?'),
        (["modle", "list"], 'did you mean "model"?'),
        (["nonsense"], "hither ask nonsense"),
        (["model"], "hither model --help"),
        (["model", "lst"], 'did you mean "list"?'),
        (["model", "nonsense"], 'hither model has no command "nonsense"'),
        (["status", "--host", "tcp:127.0.0.1:80"], "unix:PATH"),
        (["status", "--host", "unix:x"], "full path"),
        (["ask", "hi", *["--file=x"] * 80], "too many options"),
        (["version", "x"], "no arguments"),
        (["status", "x"], "no arguments"),
        (["doctor", "x"], "no arguments"),
        (["setup", "x"], "no arguments"),
        (["chat", "x"], "hither ask"),
        (["score"], "--jsonl"),
        (["scan", "--jsonl", "x"], "--jsonl"),
        (["run"], "which program?"),
        (["ask", "hi", "--max-tier", "moon"], "moon"),
        (["ask", "hi", "--max-tokens", "many"], "max-tokens"),
        (["ask", "hi", "--max-tokens", "0"], "max-tokens"),
        (["route", "hi", "--max-tokens", "5x"], "max-tokens"),
        (["ask"], "prompt"),
        (["ask", "hi", "--file", "/nowhere/at/all"], "/nowhere/at/all"),
        (["model", "list", "x"], "no arguments"),
        (["model", "show"], "which model?"),
        (["model", "use"], "which model?"),
        (["model", "rm"], "which model?"),
        (["model", "import"], "which file?"),
        (["model", "ps", "x"], "no arguments"),
        (["consent", "list", "x"], "no arguments"),
        (["consent", "grants", "x"], "no arguments"),
        (["consent", "watch", "x"], "no arguments"),
        (["consent", "web", "x"], "no arguments"),
        (["consent", "show"], "which question?"),
        (["consent", "show", "../x"], "which question?"),
        (["consent", "approve"], "which question?"),
        (["consent", "deny"], "which question?"),
        (["consent", "receipts", "x"], "receipts"),
        (["consent", "receipts", "--since", "3x"], "12h or 30d"),
        (["consent", "receipt"], "which receipt?"),
        (["consent", "receipt", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--format", "xml"], "27560 or kantara"),
        (["consent", "revoke"], "which permission?"),
        (["ledger", "tail", "x"], "no arguments"),
        (["ledger", "query", "x"], "options only"),
        (["ledger", "query", "--since", "3x"], "12h or 30d"),
        (["ledger", "verify", "x"], "options only"),
        (["ledger", "acknowledge", "x"], "no arguments"),
        (["ledger", "export", "--format", "xml"], "jsonl, csv or 27560"),
        (["ledger", "prune"], "how old?"),
        (["ledger", "prune", "--older-than", "3x"], "400d"),
        (["policy", "test", "--watch"], "FILE"),
        (["calibrate", "a", "b"], "one file"),
        (["calibrate", "--keep-quality", "3"], "between 0 and 1"),
        (["calibrate", "--keep-local", "x"], "between 0 and 1"),
        (["engine", "probe"], "which address?"),
    ]

    def test_each_says_what_was_meant(self):
        for words, part in self.ROWS:
            with self.subTest(words):
                wrong = self.error(*words)
                self.assertEqual(wrong["code"], "invalid_request")
                self.assertIn(part, wrong["message"])

    def test_no_chat_in_json(self):
        told = json.loads(self.hither("chat", "--json", code=2)[1])
        self.assertIn("hither ask --json", told["message"])
        self.assertIn('"-5"', self.hither("chat", "--max-tokens=-5", code=2)[1])

    def test_what_run_would_hand_on(self):
        for words, environment in ((["--max-tier", "moon"], {}), ([], {"HITHER_MAX_TIER": "moon"})):
            self.assertIn('"moon"', self.hither("run", *words, "true", code=2, **environment)[1])
        self.assertIn('"moon"', self.error("ask", "hi", HITHER_MAX_TIER="moon")["message"])

    def test_an_option_without_its_value(self):
        self.assertIn("--host needs a value", self.hither("status", "--host", code=2)[1])

    def test_json_has_two_shapes(self):
        told = json.loads(self.hither("status", "--json=nice", code=2)[1])
        self.assertIn('"nice"', told["message"])

    def test_options_before_the_command(self):
        short = self.hither("--json=short", "model", "list")[0]
        self.assertEqual(short, self.hither("model", "list", "--json=short")[0])
        told = json.loads(self.hither("--host", "unix:/nowhere/h.sock", "--json", "consent", "list", code=3)[1])
        self.assertEqual(told["code"], "daemon_not_running")
        self.assertIn("/nowhere/h.sock", told["message"])
        told = json.loads(self.hither("--quiet", "--json", "consent", code=2)[1])
        self.assertEqual(told["next"], "hither consent --help")

    def test_who_is_asked(self):
        for place, words in (("/a/h.sock", {"HITHER_HOST": "unix:/a/h.sock"}), ("/b/h.sock", {"HITHER_HOST": "/b/h.sock"}),
                             (self.path("RUNTIME_DIR", "hither", "hither.sock"), {"HITHER_HOST": ""})):
            wrong = self.error("status", code=3, **words)
            self.assertEqual((wrong["code"], wrong["next"]), ("daemon_not_running", "hitherd --user &"))
            self.assertIn(place, wrong["message"])
        place = f"/tmp/hither-{os.getuid()}/hither.sock"
        if os.path.exists(place):
            self.skipTest("a daemon of this user has the socket that nobody should answer at")
        self.environment.pop("XDG_RUNTIME_DIR")
        self.assertIn(place, self.error("status", code=3)["message"])

    def test_all_that_needs_a_daemon_says_so(self):
        ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
        for words in (["ask", "hi"], ["route", "hi"], ["what is the time"], ["status"], ["model", "ps"], ["budget", "show"],
                      ["consent", "list"], ["consent", "show", ulid], ["consent", "approve", ulid], ["consent", "watch"],
                      ["consent", "deny", ulid], ["consent", "grants"], ["consent", "receipts"], ["consent", "revoke", ulid],
                      ["consent", "revoke", "--all"], ["consent", "receipt", ulid], ["policy", "reload"]):
            with self.subTest(words):
                wrong = self.error(*words, code=3, text=b"")
                self.assertEqual(wrong["code"], "daemon_not_running")

    def test_a_prompt_from_standard_input(self):
        self.assertEqual(self.error(code=3, text=b"what is the time")["code"], "daemon_not_running")
        self.assertIn("prompt", self.error(code=2, text=b"")["message"])

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([HITHER, "version"], stdout=full, stderr=subprocess.PIPE, env=self.environment, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"could not be written whole", done.stderr)


class WithoutDaemon(Case):
    def test_score_with_an_explanation(self):
        line = b'{"id":1,"prompt":"Prove that the harmonic series diverges."}'
        said = json.loads(self.hither("score", "--jsonl", "--explain", text=line)[0])
        self.assertEqual(set(said), {"id", "score", "task", "confidence", "output_tokens", "fresh", "language", "reasons"})
        self.assertEqual(said["language"], "en")
        self.assertTrue(said["reasons"])
        out, err = self.hither("score", "--jsonl", "--weights", "/nowhere/at/all", text=line)
        self.assertTrue(0 <= json.loads(out)["score"] <= 1)
        self.assertIn("linear rules", err)
        # The daemon's own file says which weights it judges with.
        with tempfile.NamedTemporaryFile("w", suffix=".json") as own:
            json.dump({"routing": {"classifier": "/elsewhere/weights.bin"}}, own)
            own.flush()
            self.assertIn("/elsewhere/weights.bin", self.hither("score", "--jsonl", text=line, HITHER_CONFIG=own.name)[1])
        self.assertEqual(self.hither("score", "--jsonl", text=line)[1], "")

    def test_models(self):
        listed = self.json("model", "list")
        self.assertEqual((listed["schema"], listed["chosen"]), ("hither.model_list/1", ""))
        name = listed["models"][0]["name"]
        self.assertEqual({m["state"] for m in listed["models"]}, {"available"})
        self.assertEqual(self.hither("model", "list")[0].splitlines()[0].split("\t")[:2], [name, "available"])
        one = self.json("model", "show", name)
        self.assertEqual((one["schema"], one["model"]["name"]), ("hither.model/1", name))
        shown = self.hither("model", "show", name)[0]
        self.assertIn(one["model"]["title"], shown)
        self.assertIn("https://", shown)
        self.assertIn("top_p", shown)
        wrong = self.error("model", "show", name[:-1], code=1)
        self.assertEqual(wrong["code"], "model_not_found")
        self.assertIn(name, wrong["message"] + wrong["next"])
        for words in (["use", "nothing"], ["rm", "nothing"]):
            self.assertEqual(self.error("model", *words, code=1)["code"], "model_not_found")
        self.assertEqual(self.error("calibrate", "--reset", code=1)["code"], "model_not_found")
        self.assertIn("/nowhere/at/all.gguf", self.error("model", "import", "/nowhere/at/all.gguf", code=1)["message"])

    def check(self, report, name):
        return [(c["status"], c["message"]) for c in report["checks"] if c["check"] == name]

    def doctor(self, code, **environment):
        report = self.json("doctor", "--offline", code=code, **environment)
        self.assertEqual((report["schema"], report["ok"]), ("hither.doctor/1", code != 1))
        self.assertEqual(report["failures"], sum(c["status"] == "FAIL" for c in report["checks"]))
        self.assertEqual(report["warnings"], sum(c["status"] == "WARN" for c in report["checks"]))
        human = self.hither("doctor", "--offline", code=code, **environment)[0]
        for c in report["checks"]:
            self.assertIn(c["status"], human)
            self.assertEqual(c["fix"] is not None and c["status"] != "OK", c["fix"] is not None and "mend: " + c["fix"] in human)
        return report

    def model(self, chosen="m", **more):
        self.write("x" * 10, "DATA_HOME", "hither", "models", "m.gguf")
        entry = {"name": "m", "bytes": 10, "context_length": 2048, "memory_bytes": 1000, "sha256": "0" * 64,
                 "file": "m.gguf", **more}
        self.write({"schema": "hither.models/1", "chosen": chosen, "models": [entry]},
                   "DATA_HOME", "hither", "models", "index.json")

    def test_doctor_looks_at_files(self):
        report = self.doctor(1)
        self.assertEqual(self.check(report, "sockets")[0][0], "WARN")
        self.assertIn("no on-device model", self.check(report, "model")[0][1])
        self.assertIn("nothing was ever recorded", self.check(report, "ledger")[0][1])
        self.assertIn("0 provider keys", self.check(report, "secrets")[0][1])
        self.assertEqual(self.check(report, "proxy")[0][0], "OK")

        self.model()
        os.makedirs(self.path("RUNTIME_DIR", "hither"), mode=0o700)
        report = self.doctor(10, https_proxy="http://127.0.0.1:1")
        self.assertEqual(self.check(report, "model"), [("OK", "m, 0 MB")])
        self.assertEqual([s for s, _ in self.check(report, "sockets")], ["WARN"] * 3)
        self.assertIn("https_proxy is set", self.check(report, "proxy")[0][1])

    def test_doctor_finds_a_model_that_is_not_whole(self):
        for more, level, part in (({"bytes": 11}, "FAIL", "10 bytes instead of 11"), ({"file": "gone.gguf"}, "FAIL", "missing"),
                                  ({"chosen": ""}, "WARN", "none chosen")):
            self.model(**more)
            (status, message), = self.check(self.doctor(1 if level == "FAIL" else 10), "model")
            self.assertEqual(status, level)
            self.assertIn(part, message)

    def test_doctor_finds_what_others_could_read(self):
        self.model()
        os.makedirs(self.path("RUNTIME_DIR", "hither"))
        os.chmod(self.path("RUNTIME_DIR", "hither"), 0o755)
        self.assertIn("mode 0755", self.check(self.doctor(1), "sockets")[0][1])
        os.chmod(self.path("RUNTIME_DIR", "hither"), 0o700)
        self.write("", "RUNTIME_DIR", "hither", "hither.sock", mode=0o666)
        self.write("", "RUNTIME_DIR", "hither", "admin.sock")
        report = self.doctor(1)
        self.assertEqual([s for s, _ in self.check(report, "sockets")], ["FAIL", "WARN", "OK"])

        self.write("sk", "CONFIG_HOME", "hither", "secrets.d", "good")
        self.write("sk", "CONFIG_HOME", "hither", "secrets.d", "open", mode=0o644)
        os.symlink("good", self.path("CONFIG_HOME", "hither", "secrets.d", "link"))
        self.write({"hither_policy": 1, "id": "p", "destinations": {"far": {**FAR, "auth": {"secret": "none"}}}},
                   "CONFIG_HOME", "hither", "policy.d", "p.json")
        found = self.check(self.doctor(1), "secrets")
        self.assertEqual(sorted(s for s, _ in found), ["FAIL", "FAIL", "OK", "WARN"], found)
        self.assertIn(("OK", "1 provider key in " + self.path("CONFIG_HOME", "hither", "secrets.d")), found)
        self.assertTrue(any("far needs the key none" in message for _, message in found), found)

    def test_the_ledger_that_is_none(self):
        for words in (["tail"], ["query"], ["verify"], ["export"]):
            with self.subTest(words):
                wrong = self.error("ledger", *words, code=1)
                self.assertEqual(wrong["code"], "no_ledger")
        self.assertIn("nothing to acknowledge", self.hither("ledger", "acknowledge", text=b"yes\n")[1])
        for answer in (b"no\n", b""):
            told = json.loads(self.hither("ledger", "acknowledge", "--json", text=answer, code=1)[1])
            self.assertEqual(told["code"], "cancelled")

    def test_policy_test_in_json(self):
        rules = [{"id": "hit", "effect": "local_only", "when": {"data": {"any": ["secret.*"]}}},
                 {"id": "never-hit", "effect": "deny", "when": {"app": ["game"]}}]
        tests = [{"name": "t", "request": {"app": "x", "data": ["secret.api_key"]}, "expect": {"far": "deny"}},
                 {"name": "u", "request": {"app": "x", "data": []}, "expect": {"far": "allow"}}]
        file = self.write({"hither_policy": 1, "id": "p", "default": {"cloud": "deny"}, "destinations": {"far": FAR},
                           "rules": rules, "tests": tests}, "p.json")
        said = self.json("policy", "test", file, code=8)
        self.assertEqual((said["passed"], said["failed"], said["rules"], said["uncovered"]), (1, 1, 2, 1), said)
        self.assertEqual([(t["test"], t["destination"], t["ok"]) for t in said["results"]],
                         [("t", "far", True), ("u", "far", False)])
        out = self.hither("policy", "test", file, "--coverage", code=8)[0]
        self.assertIn("1 of 2 rules hit by a test", out)
        self.assertIn('no test hits rule "never-hit"', out)


if __name__ == "__main__":
    unittest.main()
