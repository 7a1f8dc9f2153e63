# SPDX-License-Identifier: Apache-2.0
"""Texts to vectors in three shapes, on this device and nowhere else.

embeddings.py HITHERD [unittest arguments]
With HITHER_TEST_ENGINE and HITHER_TEST_MODEL set, also with the real engine.
"""
import base64
import hashlib
import math
import os
import struct
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
REAL = os.environ.get("HITHER_TEST_ENGINE") and os.environ.get("HITHER_TEST_MODEL")
TEXTS = ["The cat sat on the mat.", "Bilanz des Quartals, vertraulich.", "三"]


def fake_vector(text):
    return [(b - 128) / 128 for b in hashlib.sha256(text.encode()).digest()[:8]]


def floats(text):
    raw = base64.b64decode(text, validate=True)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


class Embeddings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM)
        cls.d.policy({"hither_policy": 1, "id": "embed", "destinations": {"far": cls.d.destination()},
                      "default": {"cloud": "allow"}})
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def openai(self, **body):
        return self.d.call("POST", "/v1/embeddings", {"model": "local", **body})

    def refused(self, reply, status, code, param=None):
        self.assertEqual((reply.status, reply.json["error"]["code"]), (status, code), reply.body)
        if param is not None:
            self.assertEqual(reply.json["error"]["param"], param)
        self.assertEqual(self.d.cloud.connections, 0)

    def test_openai(self):
        for model in ("local", "auto", "local/fake"):
            r = self.openai(model=model, input=TEXTS)
            self.assertEqual(r.status, 200, r.body)
            self.assertEqual(r.json["object"], "list")
            self.assertEqual([e["index"] for e in r.json["data"]], [0, 1, 2])
            self.assertEqual([e["embedding"] for e in r.json["data"]], [fake_vector(t) for t in TEXTS])
            self.assertEqual(r.json["usage"], {"prompt_tokens": 11, "total_tokens": 11})
            self.assertEqual(r.headers["x-hither-tier"], "device")
            self.assertEqual(self.d.decision(r)["route"], "device")
        self.assertEqual(self.openai(input=TEXTS[0]).json["data"][0]["embedding"], fake_vector(TEXTS[0]))

    def test_base64_is_little_endian_float32(self):
        r = self.openai(input=TEXTS, encoding_format="base64")
        self.assertEqual([floats(e["embedding"]) for e in r.json["data"]], [fake_vector(t) for t in TEXTS])

    def test_ollama(self):
        r = self.d.call("POST", "/api/embed", {"model": "local:latest", "input": TEXTS})
        self.assertEqual(r.json["embeddings"], [fake_vector(t) for t in TEXTS])
        self.assertEqual(r.json["prompt_eval_count"], 11)
        r = self.d.call("POST", "/api/embeddings", {"model": "local", "prompt": TEXTS[1]})
        self.assertEqual(r.json, {"embedding": fake_vector(TEXTS[1])})

    def test_nothing_leaves(self):
        for model in ("far", "far/fake-large", "cloud"):
            self.refused(self.openai(model=model, input="x"), 400, "unsupported_parameter", "model")
        self.refused(self.openai(model="text-embedding-3-small", input="x"), 404, "model_not_found", "model")
        r = self.d.call("POST", "/api/embed", {"model": "far", "input": "x"})
        self.assertEqual((r.status, type(r.json["error"])), (400, str))
        self.assertEqual(self.d.cloud.connections, 0)

    def test_bad_bodies(self):
        for body, param in (({}, "input"), ({"input": []}, "input"), ({"input": [1, 2, 3]}, "input"),
                            ({"input": ""}, "input"), ({"input": ["a", ""]}, "input"), ({"input": {}}, "input"),
                            ({"input": ["a"] * 2049}, "input"), ({"input": "a", "encoding_format": "int8"},
                                                                 "encoding_format"),
                            ({"input": "a", "dimensions": 0}, "dimensions"),
                            ({"input": "a", "dimensions": 4}, "dimensions"),
                            ({"input": "a", "base_url": "http://127.0.0.1:1"}, "base_url")):
            r = self.openai(**body)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, param), r.body)
        self.assertEqual(self.openai(input="a", dimensions=8).status, 200)

    def test_what_the_engine_refuses(self):
        self.refused(self.openai(input="word " * 600), 400, "context_length_exceeded", "input")
        self.refused(self.openai(input="fake:no_embeddings"), 400, "unsupported_model", "model")
        r = self.openai(input="fake:error=500")
        self.assertEqual(r.status, 502)
        self.assertEqual(r.headers["x-should-retry"], "false")
        self.assertEqual(self.d.chat("What is the capital of France?").status, 200)

    def test_many_at_once(self):
        texts = [f"text {i}" for i in range(500)]
        jobs = [self.d.later(self.openai, input=texts) for _ in range(8)]
        for job in jobs:
            self.assertEqual([e["embedding"] for e in job.result().json["data"]],
                             [fake_vector(t) for t in texts])

    def test_chats_and_embeddings_share_the_engine(self):
        for _ in range(5):
            self.assertIn("Paris", self.d.chat("What is the capital of France?").text)
            self.assertEqual(self.openai(input="x").status, 200)

    def test_off(self):
        d = stage.Daemon(PROGRAM, engine={"embeddings": "off"}).start()
        try:
            r = d.call("POST", "/v1/embeddings", {"model": "local", "input": "x"})
            self.assertEqual((r.status, r.json["error"]["code"]), (400, "unsupported_model"))
            self.assertIn("engine.embeddings", r.json["error"]["message"])
        finally:
            d.close()

    def test_the_policy_has_its_say(self):
        d = stage.Daemon(PROGRAM, policy={"hither_policy": 1, "id": "none", "rules": [
            {"id": "not-here", "effect": "deny", "when": {"destination": ["local"]}}]}).start()
        try:
            r = d.call("POST", "/v1/embeddings", {"model": "local", "input": "x"})
            self.assertEqual((r.status, r.json["error"]["code"]), (403, "policy_denied"), r.body)
        finally:
            d.close()


@unittest.skipUnless(REAL, "HITHER_TEST_ENGINE and HITHER_TEST_MODEL are not set")
class RealEngine(unittest.TestCase):
    def test_vectors_mean_something(self):
        d = stage.Daemon(PROGRAM, model=None)
        stage.use_real_engine(d)
        d.config["engine"]["threads"] = 1
        d.start()
        try:
            texts = ["A cat sleeps on the sofa.", "A kitten naps on the couch.",
                     "Interest rates rose by half a percent."]
            r = d.call("POST", "/v1/embeddings", {"model": "local", "input": texts})
            self.assertEqual(r.status, 200, r.body)
            a, b, c = (e["embedding"] for e in r.json["data"])
            self.assertEqual(len(a), 2048)
            for v in (a, b, c):
                self.assertAlmostEqual(math.hypot(*v), 1, 3)
            near, far = (sum(x * y for x, y in zip(a, v)) for v in (b, c))
            self.assertGreater(near, far)
            again = d.call("POST", "/v1/embeddings", {"model": "local", "input": texts[0],
                                                      "encoding_format": "base64"})
            for x, y in zip(floats(again.json["data"][0]["embedding"]), a):
                self.assertAlmostEqual(x, y, 4)
            r = d.call("POST", "/api/embed", {"model": "local", "input": texts})
            self.assertEqual(len(r.json["embeddings"]), 3)
            r = d.call("POST", "/v1/embeddings", {"model": "local", "input": "word " * 700})
            self.assertEqual((r.status, r.json["error"]["code"]), (400, "context_length_exceeded"))
            r = d.chat("What is the capital of France?", max_tokens=16)
            self.assertIn("Paris", r.text)
        finally:
            d.close()


if __name__ == "__main__":
    unittest.main(verbosity=1)
