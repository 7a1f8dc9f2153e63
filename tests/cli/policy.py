# SPDX-License-Identifier: Apache-2.0
"""`hither policy …` as a person and an administrator use it, without a daemon.

usage: policy.py HITHER SOURCE_ROOT MAKE_LEDGER"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HITHER, ROOT, MAKE_LEDGER = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
POLICIES = ROOT / "config/policies"
GOOD = '{"hither_policy": 1, "id": "good", "default": {"cloud": "deny"}}\n'
OPENSSL = shutil.which("openssl")


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hither-policy-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.env = {**os.environ, "XDG_CONFIG_HOME": str(self.dir / "xdg"), "HOME": str(self.dir),
                    "XDG_RUNTIME_DIR": str(self.dir), "NO_COLOR": "1"}
        for folder in ("lib", "etc", "config", "state"):
            (self.dir / folder).mkdir()

    def file(self, name, text=GOOD):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def hither(self, *args, text="", want=0, folders=False):
        command = [HITHER, "policy", *map(str, args)]
        if folders:
            for name in ("lib", "etc", "config"):
                command += ["--%s-dir" % name, str(self.dir / name)]
        run = subprocess.run(command, input=text, capture_output=True, text=True, env=self.env, check=False)
        self.assertEqual(run.returncode, want, "%s\n%s%s" % (command, run.stdout, run.stderr))
        return run.stdout, run.stderr

    def keys(self, name="key"):
        private, public = self.dir / (name + ".pem"), self.dir / (name + ".pub")
        subprocess.run([OPENSSL, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private], check=True)
        subprocess.run([OPENSSL, "ec", "-in", private, "-pubout", "-out", public], check=True, stderr=subprocess.DEVNULL)
        private.chmod(0o600)
        return private, public


class Reading(Case):
    def test_examples_pass(self):
        for stack, number in (("person", 18), ("assistant", 19), ("enterprise", 32)):
            out, _ = self.hither("test", *sorted(POLICIES.glob(stack + ".*.json")))
            self.assertIn("%d passed, 0 failed" % number, out)

    def test_a_failing_test_is_8(self):
        text = GOOD.replace('"default"', '"tests": [{"name": "n", "request": {}, "expect": {"local": "deny"}}], "default"')
        out, _ = self.hither("test", self.file("a.json", text), want=8)
        self.assertIn("FAIL  n", out)
        self.assertIn("0 passed, 1 failed", out)
        self.hither("check", self.dir / "a.json", want=8)

    def test_check_says_where(self):
        path = self.file("a.json", '{"hither_policy": 1,\n "id": "a",\n "ruels": []}')
        _, err = self.hither("check", path, want=8)
        self.assertIn('a.json:3:2: unknown key "ruels"', err)
        self.assertIn('did you mean "rules"', err)
        _, err = self.hither("check", "--json", path, want=8)
        self.assertEqual(json.loads(err)["code"], "policy_invalid")

    def test_check_remarks(self):
        text = GOOD.replace('"default"', '"rules": [{"id": "r", "effect": "allow"}], "default"')
        out, _ = self.hither("check", "--json", self.file("a.json", text))
        codes = [lint["code"] for lint in json.loads(out)["lints"]]
        self.assertEqual(codes, ["allow-without-tier", "no-tests"])

    def test_check_tries_regexes(self):
        text = '{"hither_policy": 1, "id": "a", "categories": {\n"company.a": {"regex": "\\\\b(x"}}}'
        out, err = self.hither("check", self.file("a.json", text), want=8)
        self.assertIn("a.json:2:24: regex-invalid: category company.a", out)
        self.assertIn("1 regexes cannot be used", err)
        self.hither("check", self.file("b.json", text.replace("(x", "(x)\\\\b")))

    def test_layer_of_a_file(self):
        path = self.file("a.json", GOOD)
        out, _ = self.hither("show", "--json", "mandatory=%s" % path)
        self.assertEqual(json.loads(out)["files"][0]["layer"], "mandatory")
        out, _ = self.hither("show", "--json", self.file("b.vendor.json"), "--layer", "user")
        self.assertEqual(json.loads(out)["files"][0]["layer"], "vendor")
        out, _ = self.hither("show", "--json", path)
        self.assertEqual(json.loads(out)["files"][0]["layer"], "user")
        self.hither("show", path, "--layer", "boss", want=2)
        for name, layer in (("x/mandatory.d/a.json", "mandatory"), ("lib/x/mandatory.d/a.json", "vendor_mandatory"),
                            ("x/recommended.d/a.json", "recommended"), ("x/policy.d/a.json", "user"),
                            ("lib/x/policy.d/a.json", "vendor"), ("x/a-vendor_mandatory.json", "vendor_mandatory")):
            out, _ = self.hither("show", "--json", self.file(name))
            self.assertEqual(json.loads(out)["files"][0]["layer"], layer, name)
        out, _ = self.hither("show", "--json", self.file("o.json", GOOD.replace('"id"', '"only_destinations": true, "id"')))
        self.assertEqual(json.loads(out)["files"][0]["layer"], "mandatory")

    def test_installed(self):
        self.file("etc/mandatory.d/10.json", GOOD)
        self.file("config/policy.d/20.json", GOOD.replace("good", "mine"))
        out, _ = self.hither("show", "--json", folders=True)
        shown = json.loads(out)
        self.assertEqual([f["layer"] for f in shown["files"]], ["mandatory", "user"])
        self.assertEqual(shown["state"], "active")
        out, _ = self.hither("show", "--effective", folders=True)
        self.assertIn("deny  (mandatory 10.json)", out)
        self.file("config/policy.d/30.json", "{")
        _, err = self.hither("check", "--installed", folders=True, want=8)
        self.assertIn("30.json", err)

    def test_explain(self):
        person = POLICIES / "person.user.json"
        out, _ = self.hither("explain", person, "--app", "code", "--task", "code.fix", "--data", "source_code")
        self.assertIn("ALLOW  code-may-go", out)
        self.hither("explain", person, "--data", "none", "--verdict", "eu-cloud", "--app", "x", "--task", "chat", want=7)
        self.hither("explain", person, "--data", "secret.token", "--verdict", "basement", want=5)
        self.hither("explain", person, "--data", "none", "--verdict", "local")
        self.hither("explain", person, "--verdict", "nowhere", want=2)
        _, err = self.hither("explain", person, "--network", "slow", want=2)
        self.assertIn("offline, metered, unmetered", err)
        out, _ = self.hither("explain", "--json", person, "--data", "health.record,minor", "--max-tier", "cloud")
        self.assertEqual(json.loads(out)["request"]["data"], ["health.record", "minor"])

    def test_eval(self):
        lines = [{"id": 1, "layers": {"user": [{"default": {"device": "ask"}}]}, "request": {}}, {"id": 2}]
        out, _ = self.hither("eval", "--jsonl", text="".join(json.dumps(x) + "\n" for x in lines), want=1)
        answers = [json.loads(x) for x in out.splitlines()]
        self.assertEqual(answers[0]["verdicts"]["local"],
                         {"verdict": "ask", "by": ["user:default"], "redact": [], "strip": []})
        self.assertEqual(answers[1]["id"], 2)
        self.assertIn("error", answers[1])
        self.hither("eval", "--jsonl", text=json.dumps(lines[0]))
        self.hither("eval", "--jsonl", "--strict", text=json.dumps(lines[0]), want=1)
        self.hither("eval", want=2)

    def test_diff(self):
        old, new = self.file("old/a.json"), self.file("new/a.json", GOOD.replace("deny", "ask"))
        out, _ = self.hither("diff", old.parent, new.parent)
        self.assertIn("~ user              good                 default cloud", out)
        out, _ = self.hither("diff", old, old)
        self.assertEqual(out, "")
        out, _ = self.hither("diff", "--json", old, new)
        self.assertEqual(json.loads(out)["differences"], 1)
        self.hither("diff", old, want=2)

    def test_fmt(self):
        path = self.file("a.json", '{"hither_policy":1, "id":"a" // why\n}')
        out, _ = self.hither("fmt", path)
        self.assertEqual(out, '{\n  "hither_policy": 1,\n  "id": "a"  // why\n}\n')
        out, _ = self.hither("fmt", "--check", path, want=1)
        self.assertIn("a.json", out)
        self.hither("fmt", "--overwrite", path)
        self.hither("fmt", "--check", path)
        self.hither("fmt", self.file("b.json", "{,}"), want=8)

    def test_replay_needs_a_ledger(self):
        self.hither("replay", POLICIES / "person.user.json", "--state-dir", self.dir / "state", want=1)
        self.hither("replay", POLICIES / "person.user.json", "--since", "soon", want=2)


class History(Case):
    """Four requests: code, a token in the text, one whose scan did not finish, and an easy one
    that stayed here without a look at its data."""

    def setUp(self):
        super().setUp()
        subprocess.run([MAKE_LEDGER, self.dir / "state"], check=True)
        self.person = POLICIES / "person.user.json"

    def test_replay(self):
        out, err = self.hither("replay", self.person, "--state-dir", self.dir / "state", "--json")
        replay = json.loads(out)
        self.assertEqual((replay["requests"], replay["stayed_here"]), (4, 1))
        self.assertEqual(replay["destinations"]["eu-cloud"], {"allow": 1, "ask": 0, "deny": 2, "not_looked_at": 1})
        self.assertEqual(replay["destinations"]["basement"], {"allow": 1, "ask": 0, "deny": 2, "not_looked_at": 1})
        self.assertEqual(replay["destinations"]["local"], {"allow": 4, "ask": 0, "deny": 0, "not_looked_at": 0})
        out, err = self.hither("replay", "--policy", self.person, "--since", "7d", "--state-dir", self.dir / "state")
        self.assertIn("4 requests; nothing was sent", err)
        self.assertIn("1 of them stayed on this device", err)
        self.assertIn("not looked at:", err)
        deny = self.file("c.json", json.dumps({**json.loads(GOOD), "default": {"cloud": "deny"}, "destinations": {
            "far": {"tier": "cloud", "api": "openai"}}}))
        out, err = self.hither("replay", deny, "--state-dir", self.dir / "state", "--json")
        self.assertEqual(json.loads(out)["destinations"]["far"], {"allow": 0, "ask": 0, "deny": 4, "not_looked_at": 0},
                         "what does not depend on the data is counted as it is")

    def test_diff_since(self):
        stricter = self.file("b.json", self.person.read_text().replace('"code-may-go",\n      "effect": "allow"',
                                                                      '"code-may-go",\n      "effect": "deny"'))
        out, _ = self.hither("diff", "--since", "1d", "--state-dir", self.dir / "state", self.person, stricter)
        self.assertIn("~ user              mine                 rule code-may-go", out)
        self.assertIn("1 of 4 past requests would have met another answer", out)

    def test_explain_a_past_decision(self):
        shutil.copy(self.person, self.file("config/policy.d/10.json"))
        out, _ = self.hither("explain", "01J00000000000000000000002", "--state-dir", self.dir / "state", folders=True)
        self.assertIn("data secret.token", out)
        self.assertIn("DENY   keys-stay", out)
        self.hither("explain", "01J00000000000000000000009", "--state-dir", self.dir / "state", folders=True, want=1)


@unittest.skipIf(OPENSSL is None, "openssl is not installed")
class Signing(Case):
    def test_sign_and_verify(self):
        private, public = self.keys()
        path = self.file("a.json")
        self.file("trust/a.pem", public.read_text())
        self.hither("sign", "--key", private, path)
        out, _ = self.hither("verify", "--trust", self.dir / "trust", path)
        self.assertIn("signed by", out)
        path.write_text(GOOD + " ")
        self.hither("verify", "--trust", self.dir / "trust", path, want=8)
        self.hither("verify", "--trust", self.dir / "nowhere", path, want=1)

    def test_a_key_that_others_can_read_is_not_used(self):
        private, _ = self.keys()
        private.chmod(0o644)
        self.hither("sign", "--key", private, self.file("a.json"), want=4)

    def test_openssl_by_hand(self):
        private, public = self.keys()
        path = self.file("a.json")
        self.file("trust/a.pem", public.read_text())
        self.hither("sign", "--key", private, path)
        made = json.loads((self.dir / "a.json.sig").read_text())
        raw = subprocess.run([OPENSSL, "dgst", "-sha256", "-sign", private, path], capture_output=True, check=True).stdout
        made["sig"] = __import__("base64").b64encode(raw).decode()
        self.file("a.json.sig", json.dumps(made))
        self.hither("verify", "--trust", self.dir / "trust", path)

    def test_two_of_three(self):
        keys = [self.keys("k%d" % i) for i in range(3)]
        for i, (_, public) in enumerate(keys):
            self.file("trust/%d.pem" % i, public.read_text())
        self.file("trust/threshold", "2\n")
        path = self.file("a.json")
        self.hither("sign", "--key", keys[0][0], path)
        self.hither("verify", "--trust", self.dir / "trust", path, want=8)
        self.hither("sign", "--add", "--key", keys[2][0], path)
        self.hither("verify", "--trust", self.dir / "trust", path)

    def test_install(self):
        private, public = self.keys()
        self.file("etc/trust.d/a.pem", public.read_text())
        path = self.file("10-x.mandatory.json", GOOD.replace('"id"', '"serial": 5, "id"'))
        target = self.dir / "etc/mandatory.d/10-x.mandatory.json"
        self.hither("install", path, folders=True, want=8)
        self.assertFalse(target.exists())
        self.hither("sign", "--key", private, path)
        self.hither("install", path, folders=True)
        self.assertEqual(target.read_text(), path.read_text())
        out, _ = self.hither("show", "--json", folders=True)
        self.assertEqual(len(json.loads(out)["files"][0]["signed_by"]), 16)
        path.write_text(path.read_text().replace("5", "4"))
        self.hither("sign", "--key", private, path)
        _, err = self.hither("install", path, folders=True, want=8)
        self.assertIn("serial 4 is lower", err)
        self.assertIn('"serial": 5', target.read_text())

    def test_install_refuses_what_does_not_load(self):
        self.file("config/policy.d/10.json", GOOD.replace('"default"', '"destinations": {"x": {"tier": "cloud", "api": "openai"}}, "default"'))
        path = self.file("20.json", GOOD.replace('"default"', '"destinations": {"x": {"tier": "cloud", "api": "openai"}}, "default"'))
        _, err = self.hither("install", path, folders=True, want=8)
        self.assertIn("already defined", err)
        self.assertFalse((self.dir / "config/policy.d/20.json").exists())

    def test_rotation(self):
        (old, old_public), (_, new_public) = self.keys("old"), self.keys("new")
        self.file("etc/trust.d/old.pem", old_public.read_text())
        pem = self.file("next.pem", new_public.read_text())
        self.hither("install", pem, folders=True, want=8)
        self.hither("sign", "--key", old, pem)
        self.hither("install", pem, folders=True)
        self.assertTrue((self.dir / "etc/trust.d/next.pem").exists())


class Changing(Case):
    def editor(self, script):
        path = self.file("editor", "#!/bin/sh\n" + script)
        path.chmod(0o755)
        self.env["EDITOR"] = self.env["VISUAL"] = str(path)

    def test_edit_saves_what_is_valid(self):
        self.editor("sed -i 's/My policy/Changed/' \"$1\"\n")
        self.hither("edit", folders=True)
        text = (self.dir / "config/policy.d/10-mine.json").read_text()
        self.assertIn("Changed", text)
        self.hither("check", self.dir / "config/policy.d/10-mine.json")

    def test_edit_keeps_what_was_there(self):
        path = self.file("config/policy.d/10-mine.json")
        self.editor("echo '{' > \"$1\"\n")
        _, err = self.hither("edit", folders=True, want=8)
        self.assertIn("nothing was saved", err)
        self.assertEqual(path.read_text(), GOOD)
        self.assertEqual(list(path.parent.glob(".*")), [])

    def test_edit_without_change(self):
        self.file("config/policy.d/10-mine.json")
        self.editor("exit 0\n")
        _, err = self.hither("edit", folders=True)
        self.assertIn("nothing changed", err)
        self.editor("exit 3\n")
        self.hither("edit", folders=True, want=1)

    def test_accept_removal(self):
        self.file("etc/mandatory.d/10.json")
        seen = self.file("state/policy-seen.json", json.dumps({"serials": {"a": 3}, "mandatory": [
            {"layer": "mandatory", "name": "10.json"}, {"layer": "mandatory", "name": "20.json"}]}))
        out, _ = self.hither("accept-removal", "--state-dir", self.dir / "state", folders=True)
        self.assertIn("20.json is no longer expected", out)
        self.assertEqual(json.loads(seen.read_text()), {
            "serials": {"a": 3}, "mandatory": [{"layer": "mandatory", "name": "10.json"}]})
        _, err = self.hither("accept-removal", "--state-dir", self.dir / "state", folders=True)
        self.assertIn("no mandatory file is missing", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
