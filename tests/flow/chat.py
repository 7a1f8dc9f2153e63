# SPDX-License-Identifier: Apache-2.0
"""`hither chat` on a terminal of its own, and with its input from a pipe, against a whole daemon with a
fake engine and a provider that counts.

chat.py HITHERD HITHER edit|plain [unittest arguments]
"""
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading
import unittest

import stage

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
EDITS = sys.argv.pop(1) == "edit"  # built with libedit
ANSWER = "The capital of France is Paris."
EASY = "What is the capital of France?"


class Terminal:
    """A person's terminal: types, and waits for what appears after what was typed."""

    def __init__(self, env, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(COMMAND, [COMMAND, "chat", *args], env)
        self.screen = b""
        self.seen = 0
        self.code = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                return
            if not more:
                return
            self.screen += more

    def type(self, text):
        self.seen = len(self.screen)
        os.write(self.fd, text.encode())

    def see(self, text):
        def there():
            return text.encode() in self.screen[self.seen:]
        try:
            stage.until(text, there)
        except AssertionError:
            raise AssertionError(f"never {text!r} in {self.screen[self.seen:].decode()!r}") from None
        return self.screen[self.seen:].decode()

    def prompt(self):
        """The program waits for the person again."""
        stage.until("a prompt", lambda: self.screen.rstrip(b"\x1b[K\r").endswith(b"> "))

    def say(self, text, answer):
        self.prompt()
        self.type(text + "\r")
        return self.see(answer)

    def wait(self):
        if self.code is None:
            _, status = os.waitpid(self.pid, 0)
            self.code = os.waitstatus_to_exitcode(status)
            self.reader.join(stage.PATIENCE_S)
            os.close(self.fd)
        return self.code

    def leave(self):
        self.prompt()
        self.type("/quit\r")
        return self.wait()


class Chat(unittest.TestCase):
    def setUp(self):
        self.d = stage.Daemon(PROGRAM)
        self.addCleanup(self.d.close)
        self.policy()
        self.d.start()

    def policy(self, **more):
        self.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": self.d.destination()},
                       "default": {"cloud": "ask"}, "rules": [],
                       "consent": {"timeout": "30s", "scopes": ["once", "session"]}, **more})

    def environment(self, **more):
        return {**os.environ, "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "HOME": self.d.home,
                "XDG_STATE_HOME": self.d.path("state"), "TERM": "xterm", "LC_ALL": "C.UTF-8", **more}

    def terminal(self, *args, **env):
        t = Terminal(self.environment(**env), *args)
        self.addCleanup(lambda: t.code is None and (os.kill(t.pid, 9), t.wait()))
        return t

    def pipe(self, text, *args, code=0, **env):
        done = subprocess.run([COMMAND, "chat", *args], input=text, capture_output=True, text=True,
                              env=self.environment(NO_COLOR="1", **env), start_new_session=True,
                              timeout=4 * stage.PATIENCE_S)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr, self.d.said()))
        return done

    def kept(self):
        return self.d.path("state", "hither", "conversation.json")

    # --- talking ---------------------------------------------------------------------------

    def test_a_talk(self):
        t = self.terminal()
        t.say(EASY, ANSWER)
        t.see("on this device · ")
        t.say("/why", "because ")
        t.say("/route Prove it rigorously", "far")
        t.say("/receipt", "nothing of it left")
        t.say("/nonsense", "/help lists them")
        t.say("/help", "/receipt")
        t.say("fake:echo again", "again")
        self.assertEqual(t.leave(), 0)
        self.assertFalse(os.path.exists(self.kept()))
        self.assertEqual(self.d.cloud.connections, 0)

    def test_ctrl_c_stops_the_answer_and_not_the_chat(self):
        t = self.terminal()
        t.prompt()
        t.type("fake:tokens=5000 fake:delay_ms=20\r")
        t.see("t3 ")
        os.write(t.fd, b"\x03")
        t.see("(stopped)")
        stage.until("the engine stopped", lambda: self.d.engine_stats()["cancelled"] == 1)
        t.say("/clear", "forgotten")
        t.prompt()
        t.type("half a line\x03")
        t.see("\n> ")
        t.prompt()
        t.type("fake:echo whole line\r")
        t.see("on this device")
        self.assertEqual(t.screen[t.seen:].decode().count("whole line"), 2)  # typed, answered
        self.assertNotIn(b"half", t.screen[t.seen:])
        t.prompt()
        t.type("\x04")
        self.assertEqual(t.wait(), 0)

    def test_one_message_of_several_lines(self):
        t = self.terminal("--save")
        t.prompt()
        t.type("fake:echo one\\\r")
        t.see("… ")
        t.type("two\r")
        t.see("on this device")
        t.prompt()
        t.type("fake:echo pasted\rtwo\rthree\r")
        t.see("on this device")
        self.assertEqual(t.leave(), 0)
        with open(self.kept(), encoding="utf-8") as f:
            said = [m["content"] for m in json.load(f)["messages"]]
        self.assertEqual(said[0], "fake:echo one\ntwo")
        self.assertEqual(said[2], "fake:echo pasted\ntwo\nthree")

    @unittest.skipUnless(EDITS, "built without libedit")
    def test_editing_and_earlier_lines(self):
        t = self.terminal()
        t.say("fake:echo wrxng\x02\x02\x7fo", "wrong")  # back over "ng", delete, type
        t.prompt()
        t.type("\x1b[A\r")  # the line before
        t.see("wrong")
        t.see("on this device")
        t.say("fake:echo héé\x7fllo", "hé")
        t.see("hello" if False else "héllo")
        self.assertEqual(t.leave(), 0)

    # --- questions -------------------------------------------------------------------------

    def test_a_yes_in_the_talk(self):
        t = self.terminal()
        t.say(EASY, ANSWER)
        t.prompt()
        t.type(stage.HARD + "\r")
        t.see("keep it on this device (default)")
        t.see("why am I asked")
        self.assertEqual(self.d.cloud.connections, 0)
        t.prompt()
        t.type("r\r")
        t.see("CLOUD far")
        t.say("/receipt", "fake-large")
        self.assertEqual(t.leave(), 0)
        self.assertEqual(len(self.d.cloud.requests), 1)
        sent = json.loads(self.d.cloud.requests[0][1])
        self.assertEqual([m["role"] for m in sent["messages"]], ["user", "assistant", "user"])
        self.assertEqual(sent["messages"][1]["content"], ANSWER)

    def test_enter_alone_keeps_it_here(self):
        t = self.terminal()
        t.prompt()
        t.type(stage.HARD + "\r")
        t.see("why am I asked")
        t.prompt()
        t.type("\r")
        t.see("on this device · ")
        self.assertEqual(t.leave(), 0)
        self.assertEqual(self.d.cloud.connections, 0)

    def test_local_and_cloud(self):
        t = self.terminal()
        t.say("/local", "on this device only")
        t.prompt()
        t.type(stage.HARD + "\r")
        t.see("on this device · ")
        t.say("/cloud", "with your consent")
        t.prompt()
        t.type(EASY + "\r")
        t.see("why am I asked")
        t.prompt()
        t.type("r\r")
        t.see("CLOUD far")
        self.assertEqual(t.leave(), 0)
        self.assertEqual(len(self.d.cloud.requests), 1)

    def test_a_draft_is_marked(self):
        self.policy(routing={"while_asking": "thinking"})
        self.d.process.send_signal(signal.SIGHUP)
        stage.until("the policy", lambda: "generation=2" in self.d.said())
        agent = self.d.agent()
        self.addCleanup(agent.close)
        talk = self.d.later(self.pipe, "fake:tokens=20 " + stage.HARD + "\n")
        q = self.d.question()
        stage.until("a draft", lambda: (self.d.engine_stats() or {"completed": 0})["completed"] == 1)
        self.d.answer(q, "deny")
        done = talk.result()
        self.assertIn("[draft] ", done.stderr)
        self.assertTrue(done.stdout.startswith("t0 t1 "), done.stdout)
        self.assertNotIn("draft", done.stdout)

    # --- what is shown ---------------------------------------------------------------------

    def test_markdown_and_its_absence(self):
        text = "fake:echo a **strong** `word`\n"
        self.assertEqual(self.pipe(text).stdout, "a **strong** `word`\n")
        coloured = self.pipe(text, "--color=always").stdout
        self.assertIn("\033[1mstrong\033[0m", coloured)
        self.assertNotIn("**", coloured)
        self.assertEqual(self.pipe(text, "--plain", CLICOLOR_FORCE="1").stdout, "a **strong** `word`\n")
        t = self.terminal("--plain")
        t.say("fake:echo a **strong** word", "a **strong** word")
        t.leave()
        self.assertNotIn(b"\033", t.screen)

    def test_the_words_of_a_model_drive_no_terminal(self):
        hostile = "fake:echo x \033]0;title\007 \033[2J \u202e y \x9b31m\n"
        for args in ((), ("--color=always",)):
            out = self.pipe(hostile, *args).stdout
            for bad in ("\033]", "\007", "\033[2J", "\u202e", "\x9b"):
                self.assertNotIn(bad, out)
            self.assertIn("<U+001B ESCAPE>]0;title", out)
            self.assertIn("U+202E", out)

    def test_failures_are_told_and_taken_back(self):
        done = self.pipe("fake:error=500\n" + EASY + "\n", "--save")
        self.assertIn("hither:", done.stderr)
        self.assertEqual(done.stdout.strip(), ANSWER)
        with open(self.kept(), encoding="utf-8") as f:
            self.assertEqual([m["content"] for m in json.load(f)["messages"]], [EASY, ANSWER])
        done = self.pipe("fake:tokens=9 fake:cut_after=4\n", code=75)
        self.assertIn("not the whole answer", done.stderr)

    # --- what is kept ----------------------------------------------------------------------

    def test_what_is_saved_and_gone_on_with(self):
        self.pipe("", "--continue", code=1)
        self.pipe(EASY + "\n", "--save")
        self.assertEqual(stat.S_IMODE(os.stat(self.kept()).st_mode), 0o600)
        done = self.pipe("fake:echo more\n", "-c")
        self.assertIn("after 2 messages", done.stderr)
        with open(self.kept(), encoding="utf-8") as f:
            self.assertEqual([m["content"] for m in json.load(f)["messages"]],
                             [EASY, ANSWER, "fake:echo more", "more"])
        os.chmod(self.kept(), 0o644)
        self.assertIn("0600", self.pipe("", "-c", code=1).stderr)
        os.chmod(self.kept(), 0o600)
        self.pipe("/clear\n", "-c")
        with open(self.kept(), encoding="utf-8") as f:
            self.assertEqual(json.load(f)["messages"], [])

    def test_usage(self):
        self.pipe("", "a prompt", code=2)
        self.pipe("", "--json", code=2)
        self.pipe(EASY + "\n", code=3, HITHER_HOST="unix:/nonexistent/hither.sock")


if __name__ == "__main__":
    unittest.main()
