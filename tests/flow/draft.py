# SPDX-License-Identifier: Apache-2.0
"""An answer of the device while somebody is asked: kept, shown as thoughts, shown as text; what
becomes of it after a yes, a no, silence, and when one of the parties goes.

draft.py HITHERD [unittest arguments]
"""
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import unittest

import stage

LOCAL = "It is Lyon I think."
CLOUD = "The capital of France is Paris."
SAYS = "fake:engine_says=" + LOCAL.replace(" ", "_")
SLOW = "fake:engine_tokens=60 fake:engine_delay_ms=20"
MARK = "Draft from this device. A better answer follows if far may be used.\n\n"
BETTER = "\n\n---\n\nBetter answer from far (fake-large):\n\n"
AGAIN = "\n\n---\n\nAnswer from this device, from its beginning:\n\n"
TOKENS = "".join(f"t{i} " for i in range(60))


def says(prompt):
    return [{"role": "user", "content": prompt}]


def chat_delta(key):
    return lambda e: (e["choices"][0]["delta"].get(key) or "") if e.get("choices") else ""


# name: path, body of a prompt, text of an event, thoughts of an event, its end
DIALECTS = {
    "chat": ("/v1/chat/completions", lambda p: {"messages": says(p)}, chat_delta("content"),
             chat_delta("reasoning_content"), b"data: [DONE]\n\n"),
    "completions": ("/v1/completions", lambda p: {"prompt": p},
                    lambda e: e["choices"][0]["text"] if "choices" in e else "", None, b"data: [DONE]\n\n"),
    "messages": ("/v1/messages", lambda p: {"max_tokens": 500, "messages": says(p)},
                 lambda e: e.get("delta", {}).get("text", ""), lambda e: e.get("delta", {}).get("thinking", ""),
                 b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
    "responses": ("/v1/responses", lambda p: {"input": p},
                  lambda e: e["delta"] if e.get("type") == "response.output_text.delta" else "",
                  lambda e: e["delta"] if e.get("type") == "response.reasoning_text.delta" else "",
                  b"data: [DONE]\n\n"),
    "ollama.chat": ("/api/chat", lambda p: {"messages": says(p)}, lambda e: e.get("message", {}).get("content", ""),
                    lambda e: e.get("message", {}).get("thinking", ""), b'"done":true'),
    "ollama.generate": ("/api/generate", lambda p: {"prompt": p}, lambda e: e.get("response", ""),
                        lambda e: e.get("thinking", ""), b'"done":true'),
}


def objects(body):
    for line in body.decode().split("\n"):
        line = line.removeprefix("data: ")
        if line.startswith("{"):
            yield json.loads(line)


class Bytes:
    def __init__(self, data):
        self.data = data

    def makefile(self, *_):
        return io.BytesIO(self.data)


class Asker:
    """A program of its own that asks; what it gets can be read as it comes."""

    def __init__(self, d, name, prompt, headers=None, **more):
        self.name = name
        path, body = DIALECTS[name][:2]
        data = json.dumps({"model": "auto", "stream": True, **body(prompt), **more})
        head = "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items())
        request = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}"
                   f"Connection: close\r\nContent-Length: {len(data)}\r\n\r\n{data}")
        self.process = subprocess.Popen([sys.executable, __file__, "--ask", d.path("run", "hither.sock")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdin.write(request.encode())
        self.process.stdin.close()
        self.data = b""

    def until(self, wanted):
        while wanted not in self.data:
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise AssertionError(f"ended without {wanted}: {self.data}")
            self.data += more
        return self

    def leave(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def result(self):
        self.data += self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait()
        response = http.client.HTTPResponse(Bytes(self.data))
        response.begin()
        r = stage.Reply.of(response)
        if r.status == 200 and not r.body.startswith(b"{\"id\"") and b"\"object\":\"chat.completion\"" not in r.body:
            _, _, text, thoughts, end = DIALECTS[self.name]
            events = list(objects(r.body))
            r.said = "".join(map(text, events))
            r.thought = "".join(map(thoughts, events)) if thoughts else ""
            r.ends = r.body.count(end)
        return r


class Case(unittest.TestCase):
    policy = {"escalate_at": 0}

    def daemon(self, consent=None, routing=None, rules=(), engine=None, other=None, **more):
        d = stage.Daemon(PROGRAM, engine=engine)
        self.addCleanup(d.close)
        places = {"far": d.destination(price={"currency": "EUR", "input_per_mtok": 1, "output_per_mtok": 1})}
        if other is not None:
            places["other"] = d.destination(base_url=other.base_url)
        d.policy({"hither_policy": 1, "id": "mine", "destinations": places,
                  "default": {"cloud": "ask"}, "rules": list(rules),
                  "consent": {"timeout": "60s", **(consent or {})},
                  "routing": {**self.policy, **(routing or {})}})
        self.prepare(d, **more)
        d.start()
        self.person = d.agent()
        self.addCleanup(self.person.close)
        return d

    def prepare(self, d):
        pass

    def ask(self, d, prompt, name="chat", draft=None, headers=None, **more):
        headers = dict(headers or {})
        if draft:
            headers["Hither-Draft"] = draft
        return Asker(d, name, prompt, headers, **more)

    def kinds(self, d):
        """What the ledger says of requests that asked, oldest first."""
        import sqlite3
        db = sqlite3.connect("file:" + d.path("state", "ledger", "ledger.db") + "?mode=ro", uri=True)
        try:
            return [json.loads(b)["kind"] for (b,) in db.execute("SELECT body FROM records ORDER BY seq")
                    if json.loads(b)["kind"] not in ("started", "policy", "decided")]
        finally:
            db.close()

    def idle(self, d, requests=None):
        """No slot is held, and the engine had so many requests."""
        stats = stage.until("the engine is idle", lambda: (lambda s: s and s["active"] == 0 and s)(d.engine_stats()))
        if requests is not None:
            self.assertEqual(stats["requests"], requests)

    def drafted(self, d, requests=1):
        stage.until("a draft was made", lambda: (lambda s: s and s["completed"] >= requests)(d.engine_stats()))

    def cut(self, d, asker):
        """In the middle of the destination's answer, once some of it was shown."""
        asker.until(b"t3 ")
        os.kill(d.role_pid("cloud"), signal.SIGKILL)
        return asker.result()

    def assert_whole(self, r, text, name="chat"):
        self.assertEqual((r.status, r.cut), (200, False), r.body)
        self.assertEqual((r.said, r.ends), (text, 1), r.body)

    def assert_cut(self, r):
        self.assertEqual((r.cut, r.ends), (True, 0), r.body)
        self.assertIn(b'"error"', r.body)


HANGS = "fake:cloud_tokens=20 fake:cloud_hang_after=8"


class Kept(Case):
    """What unmodified clients get: one answer."""

    def test_a_yes(self):
        d = self.daemon()
        for stream in (True, False):
            asker = self.ask(d, SLOW, stream=stream)
            d.answer(d.question(), "approve")
            r = asker.result()
            if stream:
                self.assert_whole(r, CLOUD)
            else:
                self.assertEqual(r.text, CLOUD)
            self.assertEqual(r.headers.get("x-hither-tier", "cloud"), "cloud")
            self.assertNotIn("x-hither-draft", r.headers)
            self.idle(d)
            seen = d.decision(r)
            self.assertEqual((seen["route"], seen["destination"]), ("cloud", "far"))
        stage.until("it is closed on record",
                    lambda: self.kinds(d)[-4:] == ["intent", "approved", "granted", "closed"])

    def test_a_no_costs_no_waiting(self):
        d = self.daemon()
        for n, stream in enumerate((True, False), 1):
            asker = self.ask(d, f"{SAYS} {n}", stream=stream)
            question = d.question()
            self.drafted(d, n)
            d.answer(question, "dismiss")
            r = asker.result()
            if stream:
                self.assert_whole(r, LOCAL)
            else:
                self.assertEqual((r.status, r.text, r.headers["x-hither-tier"]), (200, LOCAL, "device"))
                self.assertEqual(r.json["model"], "local")
            self.idle(d, requests=n)
            seen = d.decision(r)
            self.assertEqual((seen["route"], seen["draft"]), ("device", {"form": "hold", "became": "answer"}))
            self.assertIn("answered on this device instead", " ".join(seen["reasons"]))
        self.assertEqual(d.cloud.connections, 0)

    def test_a_no_in_the_middle(self):
        d = self.daemon()
        for stream in (True, False):
            asker = self.ask(d, f"{SLOW} {stream}", stream=stream)
            question = d.question()
            stage.until("the draft begins", lambda: (d.engine_stats() or {"active": 0})["active"] == 1)
            d.answer(question, "deny")
            r = asker.result()
            self.assertEqual(r.said if stream else r.text, TOKENS)
        self.idle(d)
        self.assertEqual(self.kinds(d)[:3], ["start", "intent", "refused"])

    def test_nobody(self):
        d = self.daemon({"timeout": "1s"})
        asker = self.ask(d, SAYS)
        self.assert_whole(asker.result(), LOCAL)
        self.idle(d, requests=1)
        self.person.close()
        stage.until("nobody is there", lambda: not d.get("/hither/v1/consents", sock="consent.sock").json["consents"])

    def test_no_agent(self):
        d = self.daemon()
        self.person.close()
        r = self.ask(d, SAYS).result()
        self.assert_whole(r, LOCAL)
        self.assertEqual(d.cloud.connections, 0)
        self.idle(d, requests=1)

    def test_wait_does_nothing_meanwhile(self):
        d = self.daemon(routing={"while_asking": "wait"})
        asker = self.ask(d, SAYS)
        question = d.question()
        self.assertIn((d.engine_stats() or {"requests": 0})["requests"], (0,))
        d.answer(question, "deny")
        r = asker.result()
        self.assert_whole(r, LOCAL)
        self.assertIsNone(d.decision(r)["draft"])

    def test_a_policy_that_refuses_gives_nothing_away(self):
        d = self.daemon({"on_deny": "refuse"}, {"while_asking": "thinking"})
        asker = self.ask(d, SAYS)
        question = d.question()
        self.drafted(d)
        d.answer(question, "deny")
        r = asker.result()
        self.assertEqual((r.status, r.json["error"]["code"]), (403, "consent_denied"))
        self.assertNotIn(b"Lyon", r.body)
        self.idle(d)

    def test_a_program_that_puts_the_question_itself(self):
        d = self.daemon()
        r = self.ask(d, SAYS, headers={"Hither-Consent": "return"}, draft="thinking").result()
        self.assertEqual((r.status, r.json["error"]["code"]), (403, "consent_required"))
        self.assertIn((d.engine_stats() or {"requests": 0})["requests"], (0,))

    def test_the_engine_dies(self):
        d = self.daemon()
        for answer, text in (("dismiss", LOCAL), ("approve", CLOUD)):
            asker = self.ask(d, f"{SAYS} fake:engine_die_after={2 if answer == 'approve' else 99}")
            question = d.question()
            if answer == "approve":
                stage.until("it died", lambda: d.get("/hither/v1/status", sock="admin.sock")
                            .json["engine"]["restarts"] > 0)
            d.answer(question, answer)
            self.assert_whole(asker.result(), text)

    def test_the_client_leaves(self):
        d = self.daemon(engine={"parallel": 1})
        asker = self.ask(d, "fake:engine_tokens=100000 fake:engine_delay_ms=5", draft="thinking")
        d.question()
        asker.until(b"t3 ")
        asker.leave()
        self.idle(d)
        stage.until("nobody is asked any more", lambda: not d.questions())
        self.assertEqual(d.chat(SAYS, model="local").text, LOCAL, "the slot is free")
        self.assertEqual(d.cloud.connections, 0)

    def test_consent_dies(self):
        d = self.daemon()
        asker = self.ask(d, SAYS)
        d.question()
        self.drafted(d)
        os.kill(d.role_pid("consent"), signal.SIGKILL)
        self.assert_whole(asker.result(), LOCAL)

    def test_who_waits_for_an_answer_goes_first(self):
        d = self.daemon(engine={"parallel": 1})
        asker = self.ask(d, "fake:engine_tokens=100000 fake:engine_delay_ms=5")
        question = d.question()
        stage.until("the draft begins", lambda: (d.engine_stats() or {"active": 0})["active"] == 1)
        self.assertEqual(d.chat(SAYS, model="local").text, LOCAL)
        self.idle(d)
        d.answer(question, "approve")
        self.assertIn("t0 ", self.ask(d, "fake:engine_tokens=3", draft="wait", model="local").result().said)
        r = asker.result()
        self.assert_whole(r, CLOUD)
        self.assertEqual(d.decision(r)["draft"], {"form": "hold", "became": "lost"})

    def test_the_destination_fails_after_the_yes(self):
        d = self.daemon()
        asker = self.ask(d, SAYS + " fake:cloud_status=500")
        question = d.question()
        self.drafted(d)
        d.answer(question, "approve")
        r = asker.result()
        self.assert_whole(r, LOCAL)
        self.idle(d, requests=1)
        self.assertEqual(d.decision(r)["draft"]["became"], "answer")
        asker = self.ask(d, f"{SAYS} {HANGS}")
        d.answer(d.question(), "approve")
        r = self.cut(d, asker)
        self.assert_cut(r)
        self.assertNotIn("Lyon", r.said)


class Thinking(Case):
    """Shown as thoughts: no client takes them for the answer."""

    def names(self):
        return [n for n, row in DIALECTS.items() if row[3]]

    def test_a_yes(self):
        d = self.daemon()
        for name in self.names():
            with self.subTest(name):
                whole = b"think." if "ollama" in name else b': hither {"draft":"whole"}'
                asker = self.ask(d, SAYS + " " + name, name, "thinking").until(whole)
                self.assertEqual(len(d.questions()), 1, "it is shown while the question is open")
                d.answer(d.question(), "approve")
                r = asker.result()
                self.assert_whole(r, CLOUD)
                self.assertEqual((r.thought, r.headers["x-hither-draft"]), (MARK + LOCAL, "thinking"))
                self.assertNotIn("x-hither-tier", r.headers, "not settled when the head went out")
                if "ollama" not in name:
                    self.assertEqual([line for line in r.body.split(b"\n") if line.startswith(b": hither")][1:],
                                     [whole, b': hither {"answer":"cloud","destination":"far"}'])
                self.assertEqual(d.decision(r)["draft"], {"form": "thinking", "became": "replaced"})

    def test_a_no(self):
        d = self.daemon(routing={"while_asking": "thinking"})
        for name in self.names():
            with self.subTest(name):
                asker = self.ask(d, f"{SLOW} {name}", name).until(b"t9 ")
                d.answer(d.question(), "dismiss")
                r = asker.result()
                self.assert_whole(r, TOKENS)
                self.assertTrue(r.thought.startswith(MARK + "t0 t1 "), r.thought)
                self.assertTrue((MARK + TOKENS).startswith(r.thought), r.thought)
        self.idle(d, requests=len(self.names()))

    def test_where_there_are_no_thoughts_it_is_kept(self):
        d = self.daemon(routing={"while_asking": "thinking"})
        asker = self.ask(d, SAYS, "completions")
        question = d.question()
        self.drafted(d)
        d.answer(question, "approve")
        r = asker.result()
        self.assert_whole(r, CLOUD)
        self.assertNotIn("x-hither-draft", r.headers)

    def test_a_plain_reply_has_one_answer(self):
        d = self.daemon(routing={"while_asking": "text"})
        asker = self.ask(d, SAYS, stream=False)
        d.answer(d.question(), "approve")
        self.assertEqual(asker.result().text, CLOUD)

    def test_calls_are_not_shown_and_come_once(self):
        tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
        d = self.daemon()
        for form in ("thinking", "text"):
            for answer in ("dismiss", "approve"):
                with self.subTest(form, answer=answer):
                    asker = self.ask(d, f"{SAYS} fake:tool=get_weather {answer}", draft=form, tools=[tool])
                    asker.until(b"think.")
                    question = d.question()
                    self.drafted(d)
                    self.assertNotIn(b"get_weather", asker.data)
                    d.answer(question, answer)
                    r = asker.result()
                    self.assertEqual(r.body.count(b"get_weather"), 1, r.body)
                    self.assertEqual((r.ends, r.cut), (1, False))

    def test_the_destination_fails_after_the_yes(self):
        d = self.daemon()
        asker = self.ask(d, SAYS + " fake:cloud_drop", draft="thinking").until(b"think.")
        question = d.question()
        self.drafted(d)
        d.answer(question, "approve")
        self.assert_whole(asker.result(), LOCAL)
        asker = self.ask(d, f"{SAYS} {HANGS}", draft="thinking").until(b"think.")
        d.answer(d.question(), "approve")
        self.assert_cut(self.cut(d, asker))

    def test_the_engine_dies(self):
        d = self.daemon()
        asker = self.ask(d, SAYS + " fake:engine_die_after=3", draft="thinking").until(b"Lyon")
        question = d.question()
        stage.until("it died", lambda: d.get("/hither/v1/status", sock="admin.sock").json["engine"]["restarts"] > 0)
        d.answer(question, "approve")
        r = asker.result()
        self.assert_whole(r, CLOUD)
        self.assertEqual(d.decision(r)["draft"]["became"], "replaced")


class Text(Case):
    """Shown as text, for programs and people who asked for two answers."""

    def test_a_yes(self):
        d = self.daemon()
        for name in DIALECTS:
            with self.subTest(name):
                asker = self.ask(d, SAYS + " " + name, name, "text").until(b"think.")
                d.answer(d.question(), "approve")
                r = asker.result()
                self.assert_whole(r, MARK + LOCAL + BETTER + CLOUD)
                self.assertEqual(r.thought, "")
                events = list(objects(r.body))
                if name == "messages":
                    starts = [e["index"] for e in events if e["type"] == "content_block_start"]
                    stops = [e["index"] for e in events if e["type"] == "content_block_stop"]
                    self.assertEqual((starts, stops), ([0, 1], [0, 1]))
                if name == "responses":
                    output = events[-1]["response"]["output"]
                    self.assertEqual([i["content"][0]["text"] for i in output], [MARK + LOCAL, BETTER + CLOUD])
                    self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))

    def test_a_no(self):
        d = self.daemon(routing={"while_asking": "text"})
        for name in DIALECTS:
            with self.subTest(name):
                asker = self.ask(d, f"{SLOW} {name}", name).until(b"t9 ")
                d.answer(d.question(), "dismiss")
                self.assert_whole(asker.result(), MARK + TOKENS)
        self.idle(d, requests=len(DIALECTS))

    def test_json_is_not_answered_twice(self):
        d = self.daemon(routing={"while_asking": "text"})
        asker = self.ask(d, SAYS, response_format={"type": "json_object"})
        d.answer(d.question(), "approve")
        self.assert_whole(asker.result(), CLOUD)

    def test_the_engine_dies(self):
        d = self.daemon()
        asker = self.ask(d, SAYS + " fake:engine_die_after=3", draft="text").until(b"Lyon")
        question = d.question()
        stage.until("it died", lambda: d.get("/hither/v1/status", sock="admin.sock").json["engine"]["restarts"] > 0)
        d.answer(question, "approve")
        self.assert_whole(asker.result(), MARK + "It is Lyon" + BETTER + CLOUD)

    def test_the_destination_fails_after_the_yes(self):
        d = self.daemon()
        asker = self.ask(d, SLOW + " fake:cloud_drop", draft="text").until(b"t3 ")
        d.answer(d.question(), "approve")
        r = asker.result()
        self.assertEqual((r.cut, r.ends), (False, 1))
        self.assertTrue(r.said.endswith(AGAIN + TOKENS), r.said)
        asker = self.ask(d, SAYS + " fake:cloud_drop", draft="text").until(b"think.")
        question = d.question()
        self.drafted(d, 2)
        d.answer(question, "approve")
        self.assert_whole(asker.result(), MARK + LOCAL)
        asker = self.ask(d, f"{SAYS} {HANGS}", draft="text").until(b"think.")
        d.answer(d.question(), "approve")
        self.assert_cut(self.cut(d, asker))

    def test_another_destination_after_the_yes(self):
        other = stage.FakeCloud()
        self.addCleanup(other.close)
        d = self.daemon(routing={"fallback": ["far", "other"]}, other=other)
        asker = self.ask(d, SLOW + " " + "fake:cloud_drop", draft="text").until(b"t3 ")
        first = d.question()
        d.answer(first, "approve")
        stage.until("the next question", lambda: any(q["id"] != first["id"] for q in d.questions()))
        d.answer(d.question(), "dismiss")
        r = asker.result()
        self.assertEqual((r.cut, r.ends, r.said.count(MARK)), (False, 1, 1))
        self.assertTrue(r.said.endswith(AGAIN + TOKENS), r.said)
        self.idle(d, requests=2)


def ask_raw(path):
    """One request from standard input to the socket; what comes back, as it comes."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(sys.stdin.buffer.read())
    while True:
        data = s.recv(65536)
        if not data:
            return
        os.write(1, data)


if __name__ == "__main__":
    if sys.argv[1] == "--ask":
        ask_raw(sys.argv[2])
        sys.exit(0)
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
