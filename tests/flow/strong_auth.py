# SPDX-License-Identifier: Apache-2.0
"""Data for which people prove who they are: a daemon, a system bus with a polkit on it, and programs that answer.

strong_auth.py HITHERD HITHER bus|no-bus [unittest arguments]     no-bus: built without libsystemd
"""
import http.client
import json
import os
import subprocess
import sys
import threading
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
COMMAND = os.path.abspath(sys.argv.pop(1))
BUS = {"bus": True, "no-bus": False}[sys.argv.pop(1)]
from machine import STRONG, Polkit  # noqa: E402  (stage has set the path)

MAIL = stage.HARD + " Send it to anna.example@example.com."
YES, NO = (True, False, {}), (False, False, {})


@unittest.skipUnless(BUS, "built without libsystemd")
class StrongAuth(unittest.TestCase):
    def daemon(self, decide, actions=(STRONG,), polkit=True):
        d = stage.Daemon(PROGRAM)
        self.addCleanup(d.close)
        d.machine.services()
        if polkit:
            d.machine.bus.polkit = Polkit(decide, actions)
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "ask"},
                  "destinations": {"far": d.destination()},
                  "consent": {"strong_auth_for": ["personal.*"], "timeout": "60s", "prefer": "as_is"}})
        d.start()
        stage.until("strong_auth", lambda: self.possible(d) == (polkit and STRONG in actions))
        return d

    @staticmethod
    def possible(d):
        status = d.get("/hither/v1/status", sock="admin.sock").json
        return status["device"]["locked"] is not None and status["strong_auth"]["possible"]

    def command(self, d, *words):
        return subprocess.run([COMMAND, *words, "--host", "unix:" + d.path("run", "hither.sock")],
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def asked(self, d):
        """A request that waits, and its question."""
        self.addCleanup(d.agent().close)
        waiting = d.program(MAIL)
        return waiting, d.question()

    def approve(self, d, question):
        said = self.command(d, "consent", "approve", question, "--json")
        return said.returncode, said.stdout, said.stderr

    def test_who_proves_it_lets_it_go(self):
        d = self.daemon(lambda subject, action: YES)
        waiting, q = self.asked(d)
        self.assertTrue(q["strong_auth"])
        code, out, err = self.approve(d, q["id"])
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)["outcome"], "granted")
        self.assertEqual(waiting.result().headers["x-hither-tier"], "cloud")
        kind, subject, action, details, flags = d.machine.bus.polkit.asked[0]
        self.assertEqual((kind, action, details, flags), ("unix-process", STRONG, 0, 1))
        self.assertEqual(subject["uid"], os.getuid())
        self.assertNotIn(subject["pid"], (os.getpid(), 0))
        self.assertGreater(subject["start-time"], 0)
        rows = [json.loads(line) for line in
                self.command(d, "ledger", "tail", "--jsonl", "--state-dir", d.path("state")).stdout.splitlines()]
        self.assertEqual([r["basis"] for r in rows if r["kind"] == "approved"], ["strong_auth"])

    def refused(self, said, code, words):
        d = self.daemon(lambda subject, action: said)
        _, q = self.asked(d)
        status, _, err = self.approve(d, q["id"])
        self.assertNotEqual(status, 0)
        error = json.loads(err)
        self.assertEqual(error["code"], code)
        self.assertIn(words, error["message"])
        self.assertEqual(d.cloud.connections, 0)
        self.assertEqual(d.questions()[0]["id"], q["id"])  # it can still be answered
        self.assertEqual(d.answer(q, "deny").status, 200)

    def test_who_is_not_recognised_does_not(self):
        self.refused(NO, "strong_auth_refused", "not recognised")

    def test_nobody_to_ask_for_the_password(self):
        self.refused((False, True, {}), "strong_auth_refused", "pkttyagent")

    def test_a_closed_dialog(self):
        self.refused((False, False, {"polkit.dismissed": "true"}), "strong_auth_cancelled", "closed")

    def test_polkit_fails(self):
        self.refused("org.freedesktop.DBus.Error.NoReply", "strong_auth_unavailable", "polkit")

    def test_without_polkit_it_stays_here_and_doctor_says_so(self):
        for how in ({"polkit": False}, {"actions": ("org.example.another",)}):
            with self.subTest(how=how):
                d = self.daemon(lambda subject, action: YES, **how)
                answer = d.chat(MAIL)
                self.assertEqual(answer.headers["x-hither-tier"], "device")
                said = d.chat(MAIL, model="far")
                self.assertEqual(said.status, 403)
                self.assertIn("hither doctor", said.json["error"]["message"])
                report = json.loads(self.command(d, "doctor", "--json").stdout)
                line = [c for c in report["checks"] if c["check"] == "strong"][0]
                self.assertEqual(line["status"], "WARN")
                self.assertIn("org.hither.consent.policy", line["fix"])
                self.assertEqual(d.cloud.connections, 0)

    def test_an_answer_whose_program_went_away(self):
        """It hangs up while polkit asks: the dialog is closed and nothing leaves, whatever is said after that."""
        said = threading.Event()

        def decide(subject, action):
            said.wait(stage.PATIENCE_S)
            return YES

        d = self.daemon(decide)
        _, q = self.asked(d)
        c = d.connect("consent.sock")
        c.request("POST", "/hither/v1/consents/" + q["id"],
                  json.dumps({"nonce": q["nonce"], "digest": q["digest"], "decision": "approve"}))
        stage.until("polkit was asked", lambda: d.machine.bus.polkit.asked)
        c.close()
        self.assertTrue(d.machine.bus.polkit.cancelled.wait(stage.PATIENCE_S))
        said.set()
        self.assertEqual(d.cloud.connections, 0)
        self.assertEqual(d.questions()[0]["state"], "open")

    def test_a_process_that_ended_proves_nothing(self):
        """The connection lives on in a child; the program that connected is gone before polkit has decided."""
        def decide(subject, action):
            os.kill(subject["pid"], 9)
            while os.path.exists(f"/proc/{subject['pid']}/stat"):
                try:
                    os.waitpid(subject["pid"], 0)
                except ChildProcessError:
                    break
            return YES

        d = self.daemon(decide)
        _, q = self.asked(d)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            self.answer_and_hand_on(d, q, theirs)
        os.close(theirs)
        with os.fdopen(ours) as out:
            said = json.loads(out.read())
        self.assertEqual(said["error"]["code"], "strong_auth_gone")
        self.assertEqual(d.cloud.connections, 0)

    @staticmethod
    def answer_and_hand_on(d, q, out):
        """In a child: connects, has its own child hold the connection and read the reply."""
        c = d.connect("consent.sock")
        c.request("POST", "/hither/v1/consents/" + q["id"],
                  json.dumps({"nonce": q["nonce"], "digest": q["digest"], "decision": "approve"}))
        if os.fork() == 0:
            r = http.client.HTTPResponse(c.sock)
            r.begin()
            os.write(out, r.read())
        else:
            signal_pause()
        os._exit(0)

    def test_one_dialog_at_a_time(self):
        go = threading.Event()

        def decide(subject, action):
            go.wait(stage.PATIENCE_S)
            return YES

        d = self.daemon(decide)
        waiting, q = self.asked(d)
        first = d.later(self.approve, d, q["id"])
        stage.until("polkit was asked", lambda: d.machine.bus.polkit.asked)
        code, _, err = self.approve(d, q["id"])
        self.assertEqual(json.loads(err)["code"], "strong_auth_busy")
        self.assertNotEqual(code, 0)
        go.set()
        self.assertEqual(first.result()[0], 0)
        self.assertEqual(waiting.result().headers["x-hither-tier"], "cloud")
        self.assertEqual(len(d.machine.bus.polkit.asked), 1)

    def test_local_dies_while_it_asks(self):
        go = threading.Event()
        self.addCleanup(go.set)

        def decide(subject, action):
            go.wait(stage.PATIENCE_S)
            return YES

        d = self.daemon(decide)
        _, q = self.asked(d)
        first = d.later(self.approve, d, q["id"])
        stage.until("polkit was asked", lambda: d.machine.bus.polkit.asked)
        os.kill(d.role_pid("local"), 9)
        code, _, err = first.result()
        self.assertNotEqual(code, 0)
        self.assertIn(json.loads(err)["code"], ("strong_auth_unavailable", "already_decided"))
        self.assertEqual(d.cloud.connections, 0)


def signal_pause():
    import signal
    signal.pause()


if __name__ == "__main__":
    unittest.main()
