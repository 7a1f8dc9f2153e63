# SPDX-License-Identifier: Apache-2.0
"""The chain with the real engine and model of HITHER_TEST_ENGINE and HITHER_TEST_MODEL.

real_engine.py HITHERD HITHER [unittest arguments]; exit 77 when they are not set.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import unittest

import stage

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
stage.PATIENCE_S = 240  # a cold model on a busy machine
STORY = "Write a very long story about a dog and a cat who travel around the world."


class RealEngine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, model=None)
        stage.use_real_engine(cls.d)
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def engine(self):
        return self.d.get("/hither/v1/status", sock="admin.sock").json["engine"]

    def test_a_simple_question(self):
        env = {**os.environ, "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock")}
        out = subprocess.run([COMMAND, "ask", "--json", "What is the capital of France?"], env=env,
                             capture_output=True, check=True, timeout=stage.PATIENCE_S).stdout
        a = json.loads(out)
        self.assertIn("Paris", a["text"])
        self.assertEqual((a["decision"]["route"], a["finish_reason"]), ("device", "stop"))
        self.assertGreater(a["usage"]["input_tokens"], 5)

    def test_how_sure_it_is(self):
        for stream in (False, True):
            r = self.d.chat(STORY, model="local", stream=stream, max_tokens=60,
                            headers={"Hither-Cascade": "measure"})
            self.assertEqual(r.status, 200, r.body)
            certainty = self.d.decision(r)["certainty"]
            self.assertTrue(0 < certainty < 1, certainty)
        self.assertIsNone(self.d.decision(self.d.chat(STORY, model="local", max_tokens=3))["certainty"])

    def test_a_stream_is_whole(self):
        r = self.d.chat(STORY, stream=True, max_tokens=24, stream_options={"include_usage": True})
        self.assertEqual((r.events[-1], r.cut), ("[DONE]", False))
        self.assertEqual(r.chunks[-1]["usage"]["completion_tokens"], 24)
        finish = [c["choices"][0]["finish_reason"] for c in r.chunks if c["choices"]]
        self.assertEqual([f for f in finish if f], ["length"])

    def test_an_answer_in_json(self):
        r = self.d.chat("Say the name and the age of Ann, who is 30, as JSON.", model="local", max_tokens=100,
                        response_format={"type": "json_object"})
        self.assertEqual(r.status, 200, r.body)
        if r.json["choices"][0]["finish_reason"] == "stop":
            self.assertIsInstance(json.loads(r.text), dict)
        else:
            self.assertTrue(r.text.startswith("{"), r.text)

    def test_an_answer_that_a_schema_describes(self):
        """The model's own grammar of schemas fails with this model's template; ours is held to."""
        person = {"type": "object", "additionalProperties": False, "required": ["name", "age", "mood", "pets"],
                  "properties": {"name": {"type": "string", "maxLength": 20},
                                 "age": {"type": "integer", "minimum": 0, "maximum": 120},
                                 "mood": {"enum": ["glad", "sad", 7]},
                                 "score": {"type": "number", "minimum": 0, "maximum": 1},
                                 "born": {"type": ["string", "null"], "format": "date"},
                                 "pets": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/pet"}}},
                  "$defs": {"pet": {"type": "object", "required": ["kind"], "properties": {
                      "kind": {"const": "cat"}, "friend": {"anyOf": [{"$ref": "#/$defs/pet"}, {"type": "null"}]}}}}}
        for stream in (False, True):
            r = self.d.chat("Describe Ann, who is 30 and has a cat.", model="local", max_tokens=300, stream=stream,
                            response_format={"type": "json_schema", "json_schema": {"name": "p", "schema": person}})
            self.assertEqual(r.status, 200, r.body)
            whole = r.chunks[-1] if stream else r.json
            self.assertEqual(whole["choices"][0]["finish_reason"], "stop", r.text)
            answer = json.loads(r.text)
            self.assertLessEqual({"name", "age", "mood", "pets"}, set(answer))
            self.assertIs(type(answer["age"]), int)
            self.assertTrue(0 <= answer["age"] <= 120 and len(answer["name"]) <= 20, answer)
            self.assertIn(answer["mood"], ("glad", "sad", 7))
            self.assertTrue(all(pet["kind"] == "cat" for pet in answer["pets"]) and len(answer["pets"]) <= 2, answer)

    def test_several_answers(self):
        one = self.d.chat("Name a colour.", model="local", max_tokens=6)
        r = self.d.chat("Name a colour.", model="local", max_tokens=6, n=3, seed=1, stream=True,
                        stream_options={"include_usage": True}, temperature=1)
        ends = [(c["index"], c["finish_reason"]) for o in r.chunks for c in o["choices"] if c["finish_reason"]]
        self.assertEqual([i for i, _ in ends], [0, 1, 2], r.body)
        self.assertEqual((r.events[-1], r.cut), ("[DONE]", False))
        usage = r.chunks[-1]["usage"]
        self.assertEqual(usage["prompt_tokens"], one.json["usage"]["prompt_tokens"])
        self.assertGreaterEqual(usage["completion_tokens"], 3)

    def test_what_the_engine_remembers_is_for_one_caller(self):
        """The same long prompt: reused for its own program, read afresh for another one."""
        story = [{"role": "user", "content": "Once upon a time. " * 60}]

        def cached(app):
            r = self.d.chat("", model="local", messages=story, max_tokens=1, headers={"Hither-App": app})
            self.assertEqual(r.status, 200, r.body)
            return r.json["usage"].get("prompt_tokens_details", {}).get("cached_tokens", 0)

        self.assertEqual(cached("editor"), 0)
        self.assertGreater(cached("editor"), 100)
        self.assertEqual(cached("browser"), 0)
        self.assertEqual(cached("editor"), 0)  # the slot was the browser's since
        self.assertGreater(cached("editor"), 100)

    def test_too_long_a_prompt_is_told(self):
        r = self.d.chat("word " * 6000, model="local")
        self.assertEqual(r.status, 400, r.body)
        self.assertIn("2048", r.json["error"]["message"])

    def test_the_engine_counts_near_the_limit(self):
        d = stage.Daemon(PROGRAM, model=None, engine={"context_tokens": 512})
        self.addCleanup(d.close)
        stage.use_real_engine(d)
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "allow"}})
        d.start()
        text = "How many lakes? " + "lake " * 150
        r = d.chat(text, max_tokens=8)
        self.assertEqual((r.status, r.headers["x-hither-destination"]), (200, "local"), r.body)
        counted = d.decision(r)["usage"]["input_tokens"]
        self.assertEqual(r.json["usage"]["prompt_tokens"], counted)
        r = d.chat(text, max_tokens=512 - counted + 1)
        self.assertEqual((r.status, r.headers["x-hither-destination"]), (200, "far"), r.body)
        self.assertIn(f"the prompt has {counted} tokens", d.decision(r)["reasons"][0])
        r = d.chat("How many lakes? " + "(lake);" * 200, max_tokens=8)
        self.assertEqual((r.status, r.headers["x-hither-destination"]), (200, "far"), r.body)

    def start_stream(self):
        body = json.dumps({"model": "local", "stream": True, "max_tokens": 1500,
                           "messages": [{"role": "user", "content": STORY}]}).encode()
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(stage.PATIENCE_S)
        s.connect(self.d.path("run", "hither.sock"))
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
        data = b""
        while data.count(b"data: ") < 3:
            data += s.recv(65536)
        return s, data

    def test_the_engine_dies_in_the_stream(self):
        s, data = self.start_stream()
        os.kill(self.engine()["pid"], signal.SIGKILL)
        while True:
            more = s.recv(65536)
            if not more:
                break
            data += more
        s.close()
        self.assertIn(b'"error"', data)
        self.assertNotIn(b"[DONE]", data)
        self.assertFalse(data.endswith(b"0\r\n\r\n"))
        self.assertIn("Paris", self.d.chat("What is the capital of France?").text)

    def test_a_client_that_leaves_frees_the_engine(self):
        s, _ = self.start_stream()
        s.close()
        # One slot: only when the abandoned answer was stopped can the next one be had at once.
        r = self.d.chat("What is the capital of France?", max_tokens=8)
        self.assertEqual(r.status, 200)


if __name__ == "__main__":
    if not (os.environ.get("HITHER_TEST_ENGINE") and os.environ.get("HITHER_TEST_MODEL")):
        print("skipped: HITHER_TEST_ENGINE and HITHER_TEST_MODEL are not set")
        sys.exit(77)
    unittest.main()
