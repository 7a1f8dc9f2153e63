# SPDX-License-Identifier: Apache-2.0
"""Several routers at the same sockets: to a program they are one.

routers.py HITHERD [unittest arguments]
"""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
EASY = "What is the capital of France?"
NAMES = ("router", "router-2")


def user(text):
    return {"role": "user", "content": text}


class Connection:
    """One that stays open, and so stays with its router."""

    def __init__(self, d, sock="hither.sock"):
        self.c = d.connect(sock)
        self.c.connect()
        self.seat = None

    def send(self, body, **headers):
        self.c.request("POST", "/v1/chat/completions", json.dumps({"model": "auto", **body}), headers)

    def receive(self):
        r = stage.Reply.of(self.c.getresponse())
        if "x-hither-decision" in r.headers:
            self.seat = int(r.headers["x-hither-decision"][-1])
        return r

    def say(self, *messages, **more):
        self.send({"messages": list(messages), **more})
        return self.receive()

    def close(self):
        self.c.close()


class Case(unittest.TestCase):
    def daemon(self, policy=None, processes=2, **more):
        d = stage.Daemon(PROGRAM, **more)
        self.addCleanup(d.close)
        d.config["daemon"] = {"router_processes": processes}
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "ask"}, "rules": [], "consent": {"timeout": "20s"}, **(policy or {})})
        return d.start()

    def one_of_each(self, d, **more):
        """A connection to each router."""
        found = {}
        for _ in range(2000):
            c = Connection(d, **more)
            self.addCleanup(c.close)
            r = c.say(user(EASY), model="local")
            self.assertEqual(r.status, 200, r.body)
            if c.seat in found:
                c.close()
            found.setdefault(c.seat, c)
            if len(found) == 2:
                return found[0], found[1]
        self.fail(f"only these routers accept: {list(found)}")

    def roles(self, d):
        return d.get("/hither/v1/status", sock="admin.sock").json["roles"]


class Together(Case):
    def test_status_shows_each(self):
        roles = self.roles(self.daemon(processes=3))
        first = roles["router"]
        for name in ("router-2", "router-3"):
            self.assertTrue(roles[name]["ready"])
            self.assertEqual({k: v for k, v in roles[name].items() if k != "pid"},
                             {k: v for k, v in first.items() if k != "pid"}, "confined as the first")
            self.assertEqual(os.readlink(f"/proc/{roles[name]['pid']}/cwd"),
                             os.readlink(f"/proc/{first['pid']}/cwd"))
        self.assertNotIn("router-4", roles)

    def test_both_serve_and_either_knows_a_decision(self):
        d = self.daemon()
        a, b = self.one_of_each(d)
        for c in (a, b, a, b):
            r = c.say(user(EASY))
            wanted = r.headers["x-hither-decision"]
            for asked in (a, b):
                asked.c.request("GET", "/hither/v1/decisions/" + wanted)
                got = stage.Reply.of(asked.c.getresponse())
                self.assertEqual((got.status, got.json["id"], got.json["outcome"]), (200, wanted, "answered"))
        for unknown in ("01ARZ3NDEKTSV4RRFFQ69G5FA0", "01ARZ3NDEKTSV4RRFFQ69G5FA1", "01ARZ3NDEKTSV4RRFFQ69G5FAZ"):
            a.c.request("GET", "/hither/v1/decisions/" + unknown)
            self.assertEqual(stage.Reply.of(a.c.getresponse()).status, 404, unknown)

    def test_a_conversation_may_change_routers(self):
        """A run of tool calls stays where it began, whoever reads its next round."""
        d = self.daemon({"default": {"cloud": "allow"}})
        a, b = self.one_of_each(d)
        tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
        asked = user(stage.HARD)
        r = a.say(asked, tools=tools)
        self.assertEqual(r.headers["x-hither-destination"], "far", r.body)
        call = {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}
        result = {"role": "tool", "tool_call_id": "call_1", "content": "Fine."}
        r = b.say(asked, call, result, tools=tools)
        self.assertEqual(r.headers["x-hither-destination"], "far")
        self.assertIn("these tool calls began there", d.decision(r)["reasons"])

    def test_the_engines_memory_is_nobody_elses(self):
        """Whose prompt a slot holds is known to both routers."""
        d = self.daemon(engine={"parallel": 1})
        a, b = self.one_of_each(d)

        def cached(connection, app):
            connection.send({"model": "local", "messages": [user("fake:shape")]}, **{"Hither-App": app})
            sent = json.loads(connection.receive().text)
            self.assertEqual(sent["id_slot"], 0)
            return sent["cache_prompt"]

        steps = [(a, "mine", False), (b, "mine", True), (a, "mine", True), (b, "theirs", False),
                 (a, "mine", False), (a, "theirs", False), (b, "theirs", True), (b, "mine", False)]
        for n, (connection, app, expected) in enumerate(steps):
            self.assertEqual(cached(connection, app), expected, f"step {n}")

    def test_a_busy_router_leaves_the_engine_to_the_other(self):
        d = self.daemon(engine={"parallel": 1})
        a, b = self.one_of_each(d)
        done = threading.Event()

        def hammer():
            while not done.is_set():
                a.say(user(EASY), model="local")
        t = threading.Thread(target=hammer)
        t.start()
        try:
            for _ in range(10):
                self.assertEqual(b.say(user(EASY), model="local").status, 200)
        finally:
            done.set()
            t.join()


class Limits(Case):
    def open(self, d):
        s = socket.socket(socket.AF_UNIX)
        s.connect(d.path("run", "hither.sock"))
        try:
            s.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        except BrokenPipeError:
            pass  # sent away already; why can still be read
        return s, s.recv(100)

    def test_connections_of_one_user(self):
        d = self.daemon(limits={"connections_per_uid": 8})
        for _ in range(3):
            stage.until("room for all", lambda: self.fill(d, 8))

    def fill(self, d, most):
        """True: exactly `most` were served, and the one after them was not."""
        held = []
        try:
            for _ in range(most + 1):
                s, got = self.open(d)
                held.append(s)
                if b" 200 " not in got:
                    self.assertIn(b" 503 ", got)
                    break
            self.assertLessEqual(len(held) - 1, most, "too many were served")
            return len(held) - 1 == most and b" 503 " in got
        finally:
            for s in held:
                s.close()

    def test_what_a_dead_router_held_is_free(self):
        d = self.daemon(limits={"connections_per_uid": 8})
        a, b = self.one_of_each(d)
        held = [self.open(d)[0] for _ in range(5)]
        for name in NAMES:
            os.kill(self.roles(d)[name]["pid"], signal.SIGKILL)
        stage.until("both again", lambda: d.get("/readyz", sock="admin.sock").status == 200 and
                    all(self.roles(d)[n]["restarts"] == 1 for n in NAMES))
        stage.until("room for all", lambda: self.fill(d, 8))
        for s in held:
            s.close()

    def test_requests_in_progress(self):
        d = self.daemon(limits={"queue": 2})
        a, b = self.one_of_each(d)
        a.send({"model": "local", "messages": [user("fake:first_delay_ms=3600000")]})
        b.send({"model": "local", "messages": [user("fake:first_delay_ms=3600000")]})
        stage.until("both at the engine", lambda: d.engine_stats()["active"] == 2)
        self.assertEqual(d.chat(EASY).status, 503)
        a.close()
        stage.until("room again", lambda: d.chat(EASY).status == 200)


class Deaths(Case):
    def test_one_dies(self):
        d = self.daemon()
        a, b = self.one_of_each(d)
        before = self.roles(d)
        b.send({"model": "local", "stream": True, "messages": [user("fake:tokens=40 fake:delay_ms=20")]})
        os.kill(before["router"]["pid"], signal.SIGKILL)
        r = b.receive()
        self.assertEqual((r.status, r.cut, r.events[-1]), (200, False, "[DONE]"), "the other goes on")
        self.assertEqual(len([c for c in r.chunks if c["choices"][0]["delta"].get("content")]), 40)
        with self.assertRaises(OSError):
            a.say(user(EASY))
        stage.until("it is back", lambda: self.roles(d)["router"]["ready"])
        after = self.roles(d)
        self.assertNotEqual(after["router"]["pid"], before["router"]["pid"])
        self.assertEqual(after["router"]["restarts"], 1)
        for name in ("router-2", "local", "consent", "cloud"):
            self.assertEqual(after[name], before[name], name)
        self.one_of_each(d)

    def test_its_questions_end_and_the_others_stay(self):
        d = self.daemon()
        agent = d.agent()
        self.addCleanup(agent.close)
        a, b = self.ask(d, 0, "one "), self.ask(d, 1, "two ")
        stage.until("two questions", lambda: len(d.questions()) == 2)
        os.kill(self.roles(d)["router"]["pid"], signal.SIGKILL)
        stage.until("one question", lambda: len(d.questions()) == 1)
        q = d.question()
        self.assertIn("two ", json.dumps(q))
        self.assertEqual(d.answer(q, "approve").status, 200)
        self.assertEqual(a.communicate()[0], "cut")
        status, destination, receipt = json.loads(b.communicate()[0])
        self.assertEqual((status, destination), (200, "far"))
        self.assertTrue(receipt)
        self.assertEqual(len(d.cloud.requests), 1)

    def test_of_a_dead_router_are_free(self):
        d = self.daemon(engine={"parallel": 1})
        a, b = self.one_of_each(d)
        a.send({"model": "local", "messages": [user("fake:first_delay_ms=3600000")]})
        stage.until("at the engine", lambda: d.engine_stats()["active"] == 1)
        os.kill(self.roles(d)["router"]["pid"], signal.SIGKILL)
        b.send({"model": "local", "messages": [user("fake:shape")]})
        sent = json.loads(b.receive().text)
        # Local may hear of the death before boot has freed its slot; then the engine takes one itself.
        self.assertIn(sent.get("id_slot"), (0, None))
        self.assertIs(sent["cache_prompt"], False, "nobody knows what it holds")

    def test_the_others_die_and_both_find_them_again(self):
        d = self.daemon({"default": {"cloud": "allow"}})
        a, b = self.one_of_each(d)
        for role in ("local", "consent"):
            os.kill(self.roles(d)[role]["pid"], signal.SIGKILL)
            stage.until(role, lambda: d.process.poll() is None and self.is_ready(d))
            for c in (a, b):
                r = stage.until("an answer", lambda: self.answered(c.say(user(EASY), model="local")))
                self.assertEqual(r.headers["x-hither-destination"], "local")
                r = stage.until("an answer", lambda: self.answered(c.say(user(EASY), model="far")))
                self.assertTrue(r.headers["x-hither-receipt"])

    def is_ready(self, d):
        try:
            return d.get("/readyz", sock="admin.sock").status == 200
        except OSError:
            return False

    def answered(self, r):
        return r if r.status == 200 else None

    def ask(self, d, seat, prompt):
        """A program of its own: who asks may not answer."""
        p = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--ask", d.home, str(seat),
                              prompt + stage.HARD], stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.wait)
        return p


def ask(home, seat, prompt):
    c = Connection(stage.Daemon.at(home))
    while c.say(user(EASY), model="local").status != 200 or c.seat != int(seat):
        c.close()
        c = Connection(stage.Daemon.at(home))
    try:
        r = c.say(user(prompt), model="far")
        print(json.dumps([r.status, r.headers["x-hither-destination"], r.headers["x-hither-receipt"]]), end="")
    except OSError:
        print("cut", end="")

if __name__ == "__main__":
    if PROGRAM.endswith("--ask"):
        ask(*sys.argv[1:])
    else:
        unittest.main()
