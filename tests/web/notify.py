# SPDX-License-Identifier: Apache-2.0
"""The desktop notification, on a session bus and with a notification server of its own. Exit 77 with
the reason when there is no dbus-daemon.

notify.py HITHERD HITHER FAKE_NOTIFICATIONS [unittest arguments]
"""
import os
import queue
import shutil
import stat
import subprocess
import sys
import threading
import unittest

import agent
from agent import stage

PROGRAM, COMMAND, FAKE = (os.path.abspath(sys.argv.pop(1)) for _ in range(3))
if shutil.which("dbus-daemon") is None:
    print("skipped: dbus-daemon is not installed")
    sys.exit(77)
SECRET_WORD = "zanzibar"
PROMPT = stage.HARD + " Mention " + SECRET_WORD + "."


class Server:
    """The notification server; what it is told comes out of a queue."""

    def __init__(self, env, *capabilities):
        self.process = subprocess.Popen([FAKE, *capabilities], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=env)
        assert self.process.stdout.readline() == "ready\n"
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def next(self):
        try:
            return self.lines.get(timeout=stage.PATIENCE_S)
        except queue.Empty:
            raise AssertionError("the server was told nothing") from None

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join(stage.PATIENCE_S)
        self.process.stdin.close()
        self.process.stdout.close()


class Notify(unittest.TestCase):
    def start(self, *capabilities, operator="A & B <Cloud>", server=True):
        self.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address"],
                                    stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end_bus)
        self.d = agent.make_daemon(PROGRAM, operator=operator)
        self.addCleanup(self.d.close)
        opener = self.d.path("xdg-open")
        with open(opener, "w", encoding="utf-8") as f:
            f.write('#!/bin/sh\necho "$1" >>"$0.opened"\n')
        os.chmod(opener, os.stat(opener).st_mode | stat.S_IXUSR)
        env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.bus.stdout.readline().strip(),
               "PATH": self.d.home + ":" + os.environ["PATH"]}
        if server:
            self.server = Server(env, *capabilities)
            self.addCleanup(self.server.close)
        self.a = agent.Agent(COMMAND, self.d, "--notify", env=env)
        self.addCleanup(self.a.close)

    def end_bus(self):
        self.bus.terminate()
        self.bus.wait()
        self.bus.stdout.close()

    def ask(self, app="org.example.Builder"):
        """(the program's result to come, number, timeout, actions, summary, body)"""
        waiting = self.d.program(PROMPT, headers={"Hither-App": app})
        self.link = self.a.link()
        head, summary, body = self.server.next().split("|", 2)
        word, number, timeout, actions = head.split(" ", 3)
        self.assertEqual(word, "notify")
        return waiting, number, int(timeout), actions, summary, body

    def outcome(self, waiting):
        self.assertEqual(waiting.result().headers["x-hither-tier"], "device")
        self.assertEqual(self.d.cloud.connections, 0)
        out = subprocess.run([COMMAND, "ledger", "query", "--json", "--state-dir", self.d.path("state")],
                             capture_output=True, text=True, check=True).stdout
        return [k for k in ("refused", "dismissed", "approved") if f'"{k}"' in out]

    def test_who_and_where_but_never_the_text(self):
        self.start("actions", "body", "body-markup")
        waiting, number, timeout, actions, summary, body = self.ask()
        self.assertEqual(actions, "review,Look at it,local,Keep on this device,")
        self.assertIn("org.example.Builder (says it is", body)
        self.assertIn("wants to use A &amp; B &lt;Cloud&gt; (eu).", body)
        for text in (SECRET_WORD, "primes"):
            self.assertNotIn(text, summary + body)
        self.assertGreater(timeout, 0)
        self.assertLessEqual(timeout, 120000, "the question's own time")
        self.server.say(f"action {number} local")
        self.assertEqual(self.outcome(waiting), ["refused"])

    def test_review_opens_the_page_with_a_fresh_link(self):
        self.start("actions", "body-markup")
        waiting, number, *_ = self.ask()
        _, port, first = self.link
        self.server.say(f"action {number} review")
        self.server.say(f"closed {number} 2")  # as servers do after an action: no answer
        _, _, second = self.a.link()
        self.assertNotEqual(first, second)
        opened = self.d.path("xdg-open.opened")
        stage.until("opened", lambda: os.path.exists(opened) and os.path.getsize(opened) > 0)
        with open(opened, encoding="utf-8") as f:
            self.assertEqual(f.read(), f"http://127.0.0.1:{port}/l/{second}\n")
        browser = agent.Browser(port)
        self.assertEqual(browser.send("POST", "/open", {"link": first}).status, 403)
        browser.open(second).press("Send, once")
        self.assertEqual(waiting.result().headers["x-hither-tier"], "cloud")

    def test_waved_away_is_not_now(self):
        self.start("actions", "body-markup")
        waiting, number, *_ = self.ask()
        self.server.say(f"closed {number} 2")
        self.assertEqual(self.outcome(waiting), ["dismissed"])

    def test_run_out_is_no_answer(self):
        self.start("actions", "body-markup")
        waiting, number, *_ = self.ask()
        self.server.say(f"closed {number} 1")
        self.server.say("action 999 local")  # not ours
        self.assertEqual([q["state"] for q in self.d.questions()], ["open"])
        agent.Browser(self.link[1]).open(self.link[2]).press("Keep on this device")
        self.assertEqual(self.outcome(waiting), ["refused"])

    def test_answered_elsewhere_takes_it_away(self):
        self.start("actions", "body-markup")
        waiting, number, *_ = self.ask()
        self.d.answer(self.d.question(), "deny")
        self.assertEqual(self.server.next(), "close " + number)
        self.assertEqual(self.outcome(waiting), ["refused"])

    def test_a_server_without_markup_and_actions(self):
        self.start("body")
        waiting, number, _, actions, _, body = self.ask()
        self.assertEqual(actions, "")
        self.assertIn("wants to use A  B Cloud (eu). Answer with: hither consent watch", body)
        self.server.say(f"closed {number} 2")
        self.assertEqual(self.outcome(waiting), ["dismissed"])

    def test_hidden_characters(self):
        self.start("actions", "body-markup", operator="Fa\u202eke")
        waiting, number, *_, body = self.ask()
        self.assertIn("Fa&lt;U+202E RIGHT-TO-LEFT OVERRIDE&gt;ke", body)
        self.server.say(f"action {number} local")
        waiting.result()

    def test_no_server_and_no_bus(self):
        self.start(server=False)
        self.assertIn("no notification server", "".join(self.a.said))
        waiting = self.d.program(PROMPT)
        _, port, secret = self.a.link()
        self.end_bus_early()
        agent.Browser(port).open(secret).press("Keep on this device")
        waiting.result()

    def end_bus_early(self):
        self.bus.terminate()
        self.bus.wait()

    def test_the_bus_ends(self):
        self.start("actions", "body-markup")
        waiting, *_ = self.ask()
        self.end_bus_early()
        _, port, secret = self.link
        agent.Browser(port).open(secret).press("Keep on this device")
        self.assertEqual(self.outcome(waiting), ["refused"])
        waiting = self.d.program(PROMPT + " Again.", headers={"Hither-App": "org.example.Other"})
        _, port, secret = self.a.link()
        agent.Browser(port).open(secret).press("Keep on this device")
        waiting.result()


if __name__ == "__main__":
    unittest.main()
