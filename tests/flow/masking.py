# SPDX-License-Identifier: Apache-2.0
"""Masked on the way out, restored on the way back, in whatever dialect; the same turn after turn; and
what does not come clean does not leave.

masking.py HITHERD [unittest arguments]
"""
import json
import os
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
SCHEMA = {"type": "object", "properties": {"text": {"type": "string", "description": "as eve@example.org does"}}}
TOOL = {"name": "mail", "description": "Mails; by default to eve@example.org"}
SAID = 'Write to ann@example.org: "päron", C:\\new.'
# Behind the system prompt and the tool: eve is the first address, sam the second, ann the third.
SENT = 'Write to [EMAIL-3]: "päron", C:\\new.'
SCRIPT = "fake:echo fake:step=1 fake:tool=mail"
ADDRESSES = (b"ann@example.org", b"eve@example.org", b"sam@example.org")


def chat(messages):
    return {"messages": [{"role": "system", "content": "You are sam@example.org."}, *messages],
            "tools": [{"type": "function", "function": {**TOOL, "parameters": SCHEMA}}]}


def messages(turns):
    return {"max_tokens": 100, "system": "You are sam@example.org.", "messages": turns,
            "tools": [{**TOOL, "input_schema": SCHEMA}]}


def responses(turns):
    return {"instructions": "You are sam@example.org.", "input": turns,
            "tools": [{"type": "function", **TOOL, "parameters": SCHEMA}]}


def objects(body):
    for line in body.decode().split("\n"):
        line = line.removeprefix("data: ")
        if line.startswith("{"):
            yield json.loads(line)


def of_chat(events):
    deltas = [e["choices"][0]["delta"] for e in events if e.get("choices")]
    return ("".join(d.get("content") or "" for d in deltas),
            "".join(c["function"].get("arguments", "") for d in deltas for c in d.get("tool_calls", [])))


def of_messages(events):
    deltas = [e.get("delta", {}) for e in events]
    return ("".join(d.get("text", "") for d in deltas), "".join(d.get("partial_json", "") for d in deltas))


def of_responses(events):
    def put_together(kind):
        return "".join(e["delta"] for e in events if e.get("type") == kind)
    return put_together("response.output_text.delta"), put_together("response.function_call_arguments.delta")


def of_ollama(events):
    said = [e.get("message", {}) for e in events]
    calls = [c["function"]["arguments"] for m in said for c in m.get("tool_calls", [])]
    return "".join(m.get("content", "") for m in said), json.dumps(calls[0])


DIALECTS = {"/v1/chat/completions": (chat, of_chat), "/v1/messages": (messages, of_messages),
            "/v1/responses": (responses, of_responses), "/api/chat": (chat, of_ollama)}


class Masking(unittest.TestCase):
    def setUp(self):
        self.d = stage.Daemon(PROGRAM)
        self.addCleanup(self.d.close)
        self.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": self.d.destination()},
                       "rules": [{"id": "mask", "effect": "allow", "when": {"tier": ["cloud"]},
                                  "with": {"redact": ["personal.*", "secret.*", "financial.*"]}}]})
        self.d.start()

    def ask(self, path, body, **more):
        return self.d.call("POST", path, {"model": "far", "stream": True, **body, **more})

    def sent(self, number=-1):
        body = self.d.cloud.requests[number][1]
        for address in ADDRESSES:
            self.assertNotIn(address, body)
        return json.loads(body)

    def test_text_and_arguments_in_every_dialect(self):
        for path, (body, read) in DIALECTS.items():
            for stream in (True, False):
                with self.subTest(path, stream=stream):
                    r = self.ask(path, body([{"role": "user", "content": f"{SCRIPT} {SAID}"}]), stream=stream)
                    self.assertEqual(r.status, 200, r.body)
                    self.assertEqual(self.sent()["messages"][-1]["content"], f"{SCRIPT} {SENT}")
                    self.assertNotIn(b"[EMAIL-3]", r.body)
                    if stream:
                        text, arguments = read(list(objects(r.body)))
                        self.assertEqual((text.strip(), json.loads(arguments)["text"].strip()), (SAID, SAID))
                    else:
                        self.assertGreaterEqual(r.body.count(b"ann@example.org"), 2, "text and arguments")

    def test_results_and_arguments_of_earlier_turns(self):
        turns = [{"role": "user", "content": SAID},
                 {"role": "assistant", "content": "Done, ann@example.org has it.", "tool_calls": [
                     {"id": "a", "type": "function", "function": {
                         "name": "mail", "arguments": '{"to":"ann\\u0040example.org","card":4111111111111111,'
                                                      '"note":"4111 1111\\u00201111 1111"}'}}]},
                 {"role": "tool", "tool_call_id": "a", "content": '{"sent_to":"ann@example.org"}'},
                 {"role": "user", "content": "fake:echo Was it ann@example.org?"}]
        r = self.ask("/v1/chat/completions", chat(turns))
        self.assertEqual(r.status, 200, r.body)
        sent = self.sent()
        self.assertNotIn(b"4111", self.d.cloud.requests[-1][1])
        call = json.loads(sent["messages"][2]["tool_calls"][0]["function"]["arguments"])
        self.assertEqual(call["to"], "[EMAIL-3]")
        self.assertTrue(call["card"].startswith("[CARD-"))
        self.assertEqual(sent["messages"][3]["content"], '{"sent_to":"[EMAIL-3]"}')
        self.assertEqual(of_chat(list(objects(r.body)))[0].strip(), "Was it ann@example.org?")

    def test_the_same_turn_after_turn(self):
        said, before = [], []
        for person in ("bob@example.org", "ann@example.org", "bob@example.org", "cat@example.org"):
            said.append({"role": "user", "content": f"fake:echo And {person}? Or dan@example.org?"})
            r = self.ask("/v1/chat/completions", {"messages": said}, stream=False)
            self.assertEqual(r.text.strip(), said[-1]["content"].removeprefix("fake:echo "))
            sent = [m["content"] for m in json.loads(self.d.cloud.requests[-1][1])["messages"]]
            self.assertNotIn("@", "".join(sent))
            self.assertEqual(sent[:len(before)], before, "what was said is sent as it was sent")
            before = sent + [sent[-1].removeprefix("fake:echo ")]
            said.append({"role": "assistant", "content": r.text})

    def test_what_was_recognized_once_is_masked_everywhere(self):
        turns = [{"role": "user", "content": "Dear Wanda Wolkenstein, thank you."},
                 {"role": "assistant", "content": "wanda? xx Wanda Wolkenstein xx"},
                 {"role": "user", "content": "x"}]
        self.assertEqual(self.ask("/v1/chat/completions", {"messages": turns}).status, 200)
        self.assertNotIn("Wolkenstein", json.dumps(self.sent()["messages"]))

    def test_what_does_not_come_clean_stays(self):
        """A call's id is its name for the provider and is not masked: what is found in one stays here."""
        key = "AKIAQYLPMN5HFIQR7XYZ"
        turns = [{"role": "user", "content": "x"},
                 {"role": "assistant", "content": None, "tool_calls": [
                     {"id": key, "type": "function", "function": {"name": "mail", "arguments": "{}"}}]},
                 {"role": "tool", "tool_call_id": key, "content": "y"}]
        r = self.ask("/v1/chat/completions", chat(turns))
        self.assertEqual((r.status, r.json["error"]["code"]), (403, "policy_denied"), r.body)
        self.assertEqual(self.d.cloud.connections, 0)
        # The same in places that are masked: system prompt, arguments, results, tools, stop texts.
        turns = json.loads(json.dumps(turns).replace(key, "id1"))
        turns[1]["tool_calls"][0]["function"]["arguments"] = json.dumps({"aws": key})
        turns[2]["content"] = f"key {key}"
        r = self.ask("/v1/chat/completions", chat(turns), stop=["x", key])
        self.assertEqual(r.status, 200, r.body)
        self.assertNotIn(key.encode(), self.d.cloud.requests[-1][1])


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


class Stripping(unittest.TestCase):
    """What a rule says must not go along stays here; the rest goes."""

    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM)
        whats = ("attachments", "images", "tools", "system_prompt", "metadata")
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": {w: cls.d.destination() for w in whats},
                      "rules": [{"id": w.replace("_", "-"), "effect": "allow", "when": {"destination": [w]},
                                 "with": {"strip": [w]}} for w in whats]})
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def sent(self, what):
        turns = [{"role": "system", "content": "You are brief."}, {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "What is on this picture?"}, IMAGE]}]
        r = self.d.call("POST", "/v1/chat/completions", {
            "model": what, "messages": turns, "user": "ann-4711", "tools": [
                {"type": "function", "function": {"name": "mail", "parameters": {"type": "object"}}}]})
        self.assertEqual(r.status, 200, r.body)
        self.assertEqual(r.headers["x-hither-destination"], what)
        return json.loads(self.d.cloud.requests[-1][1])

    def test_each(self):
        for what in ("attachments", "images", "tools", "system_prompt", "metadata"):
            with self.subTest(what):
                body = self.sent(what)
                text = json.dumps(body)
                self.assertIn("What is on this picture?", text)
                self.assertEqual("image_url" in text, what not in ("attachments", "images"))
                self.assertEqual("tools" in body, what != "tools")
                self.assertEqual([m["role"] for m in body["messages"]],
                                 ["user"] if what == "system_prompt" else ["system", "user"])
                if what == "metadata":
                    self.assertNotIn("ann", text)


class AnotherPolicyMeanwhile(unittest.TestCase):
    def test_what_was_found_keeps_its_name(self):
        """A question is open while the detectors that found something are replaced."""
        d = stage.Daemon(PROGRAM)
        self.addCleanup(d.close)
        named = {"company.project": {"regex": "FALCON-[0-9]{4}"}}

        def policy(name, categories):
            d.policy({"hither_policy": 1, "id": name, "destinations": {"far": d.destination()},
                      "default": {"cloud": "ask"}, "rules": [], "categories": categories})
        policy("first", named)
        d.start()
        agent = d.agent()
        self.addCleanup(agent.close)
        asked = d.program("Tell them that FALCON-2026 is late.", model="far")
        q = stage.until("a question", d.question)
        for n in range(4):
            policy(f"next-{n}", {f"company.other{n}{i}": {"keywords": [f"eagle{i}"]} for i in range(8)})
            self.assertEqual(d.call("POST", "/hither/v1/reload", sock="admin.sock").status, 200)
        d.answer(q, "deny")
        reply = asked.result()
        self.assertIn("company.project", [c["name"] for c in d.decision(reply)["categories"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
