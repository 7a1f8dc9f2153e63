# SPDX-License-Identifier: Apache-2.0
"""Bodies made to break or to mislead, for every route that reads one, over the socket and over TCP:
none is answered with a 500, and none opens a connection to where it says.

hostile.py HITHERD [unittest arguments]
"""
import copy
import http.client
import json
import os
import random
import re
import socket
import sys
import threading
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
SEED = int(os.environ.get("HITHER_TEST_SEED", "7"))
EACH = 1000
EASY = "What is the capital of France?"
TOOL = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")

# path: a body that uses most of what its dialect has
BODIES = {
    "/v1/chat/completions": {
        "model": "local", "max_tokens": 4, "temperature": 0.5, "stop": ["x"], "seed": 1, "stream": False,
        "messages": [{"role": "system", "content": "Be short."},
                     {"role": "user", "content": [{"type": "text", "text": EASY}]},
                     {"role": "assistant", "content": None, "tool_calls": [
                         {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
                     {"role": "tool", "tool_call_id": "c", "content": "2"}],
        "tools": [{"type": "function", "function": TOOL}], "tool_choice": "auto", "metadata": {"a": "b"},
        "response_format": {"type": "text"}, "stream_options": {"include_usage": True}},
    "/v1/completions": {"model": "local", "prompt": EASY, "max_tokens": 4, "stop": "x"},
    "/v1/responses": {
        "model": "local", "max_output_tokens": 20, "instructions": "Be short.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": EASY}]},
                  {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                  {"type": "function_call_output", "call_id": "c", "output": "2"}],
        "tools": [{"type": "function", **TOOL}], "text": {"format": {"type": "text"}}, "store": False},
    "/v1/messages": {
        "model": "local", "max_tokens": 4, "system": [{"type": "text", "text": "Be short."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": EASY}]},
                     {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "2"}]}],
        "tools": [{"name": "f", "input_schema": TOOL["parameters"]}], "stop_sequences": ["x"]},
    "/v1/messages/count_tokens": {"model": "local", "messages": [{"role": "user", "content": EASY}]},
    "/api/chat": {"model": "local", "messages": [{"role": "user", "content": EASY, "images": []}], "stream": False,
                  "options": {"num_predict": 4, "seed": 1, "stop": ["x"]}, "format": "", "keep_alive": "5m"},
    "/api/generate": {"model": "local", "prompt": EASY, "system": "Be short.", "stream": False,
                      "options": {"num_predict": 4}},
    "/v1/embeddings": {"model": "local", "input": ["a", "b"], "encoding_format": "float"},
    "/api/embed": {"model": "local", "input": ["a", "b"], "truncate": True},
    "/api/embeddings": {"model": "local", "prompt": "a"},
    "/api/show": {"model": "local"},
    "/hither/v1/route": {"prompt": EASY},
}
ODD = [None, True, False, 0, -1, 1.5, 1e308, 2**63, "", "x", "\u0000", "\ud800", "a" * 5000, [], {}, [[]], [None],
       {"": ""}, {"type": "x"}, ["x"] * 300, "local:cloud", "../..", "{\"a\":", "\r\nHost: x"]


def places(value, path=()):
    """Where something can be changed: every member and element."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield path + (key,)
        yield from places(inner, path + (key,))


def mutate(body, rng):
    body = copy.deepcopy(body)
    for _ in range(rng.randrange(1, 4)):
        found = list(places(body))
        if not found:
            break
        *way, key = rng.choice(found)
        at = body
        for step in way:
            at = at[step]
        what = rng.randrange(5)
        if what == 0:
            del at[key]
        elif what == 1 and isinstance(at, dict):
            at[rng.choice(["x", "type", "role", "content", "index", "stream", "n", "", "a" * 300])] = rng.choice(ODD)
        elif what == 2:
            for _ in range(rng.randrange(1, 70)):
                at[key] = [at[key]] if rng.random() < .5 else {"a": at[key]}
        else:
            at[key] = copy.deepcopy(rng.choice(ODD))
    raw = bytearray(json.dumps(body).encode())
    if rng.random() < .3:
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(raw) + 1)
            cut = rng.randrange(3)
            if cut == 0:
                raw[at:at + rng.randrange(20)] = b""
            elif cut == 1:
                raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 5)))
            else:
                raw[at:at] = raw[:rng.randrange(50)]
    return bytes(raw)


class Trap:
    """A server on loopback that only counts who comes."""

    def __init__(self):
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            c.close()


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM)
        cls.d.config["listen"] = {"tcp": "127.0.0.1:0"}
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": cls.d.destination()},
                      "default": {"cloud": "allow"}, "rules": []})
        cls.d.start()
        cls.port = int(re.search(r"boot\.tcp.*?address=\S+:(\d+)", cls.d.said()).group(1))
        with open(cls.d.path("state", "tcp.token"), encoding="ascii") as f:
            cls.token = f.read().strip()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def ways(self):
        """One connection of each kind, opened again when the daemon closed it."""
        return {"socket": (self.d.connect, {}),
                "tcp": (lambda: http.client.HTTPConnection("127.0.0.1", self.port, timeout=stage.PATIENCE_S),
                        {"x-api-key": self.token})}

    def post(self, way, path, raw, kept={}):
        make, headers = self.ways()[way]
        for attempt in (1, 2):
            c = kept.pop(way, None) or make()
            try:
                c.request("POST", path, raw, {"Content-Type": "application/json", **headers})
                r = stage.Reply.of(c.getresponse())
                if r.headers.get("connection") != "close" and not r.cut:
                    kept[way] = c
                else:
                    c.close()
                return r
            except (http.client.HTTPException, OSError):
                c.close()
                if attempt == 2:
                    raise

    def shape(self, path, r):
        error = r.json["error"]
        if path.startswith("/api/"):
            self.assertIsInstance(error, str)
        elif path.startswith("/v1/messages"):
            self.assertEqual(r.json["type"], "error")
            self.assertIn("message", error)
        else:
            self.assertLessEqual({"message", "type", "param", "code"}, set(error))

    def test_a_thousand_bodies_each(self):
        rng = random.Random(SEED)
        counts = {}
        for path, body in BODIES.items():
            seen = counts.setdefault(path, {})
            for i in range(EACH):
                raw = mutate(body, rng)
                r = self.post("tcp" if i % 4 == 3 else "socket", path, raw)
                seen[r.status] = seen.get(r.status, 0) + 1
                self.assertIn(r.status, (200, 400, 403, 404, 413), f"seed {SEED} {path} {raw[:2000]!r} {r.body!r}")
                if r.status != 200:
                    self.shape(path, r)
        for path, seen in counts.items():
            print(f"{path}: " + ", ".join(f"{n} x {status}" for status, n in sorted(seen.items())))
        self.assertEqual(self.d.chat(EASY).status, 200)
        self.assertNotIn("broken", self.d.said())
        self.d.cloud.connections = 0

    def smuggled(self, trap):
        """path, body: an address, a key or a header where it might be believed."""
        url = f"http://127.0.0.1:{trap.port}/v1"
        fields = {"base_url": url, "api_base": url, "baseURL": url, "endpoint": url, "api_key": "sk-x",
                  "apiKey": "sk-x", "api_version": "1", "extra_headers": {"Host": "x"}, "headers": {"Host": "x"},
                  "extra_body": {"url": url}, "proxy": url, "azure_endpoint": url, "organization": "x",
                  "Authorization": "Bearer x", "authorization": "Bearer x", "host": "x"}
        for path, body in BODIES.items():
            for name, value in fields.items():
                yield path, {**body, name: value}
            deep = copy.deepcopy(body)
            deep["metadata"] = {"a": [{"base_url": url}]}
            yield path, deep
            for name in (url, f"far@{url}", f"far/{url}", "far/../admin", "far/x?api-key=y", "far\r\nHost: x",
                         "openai/gpt-4o", "gpt-4o:cloud", "local:cloud", "local@far", "FAR", "far ", "cloud/far"):
                if path != "/hither/v1/route":
                    yield path, {**body, "model": name}
        picture = f"http://127.0.0.1:{trap.port}/x.png"
        yield "/v1/chat/completions", {"model": "local", "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": picture}}]}]}
        yield "/v1/chat/completions", {"model": "local", "messages": [{"role": "user", "content": [
            {"type": "file", "file": {"file_id": "f"}}]}]}
        yield "/v1/responses", {"model": "local", "input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": picture}, {"type": "input_file", "file_url": picture}]}]}
        yield "/v1/responses", {"model": "local", "input": "x", "tools": [{"type": "mcp", "server_url": picture}]}
        yield "/v1/responses", {"model": "local", "input": "x", "tools": [{"type": "web_search"}]}
        yield "/v1/messages", {"model": "local", "max_tokens": 4, "mcp_servers": [{"url": picture}],
                               "messages": [{"role": "user", "content": "x"}]}
        yield "/v1/messages", {"model": "local", "max_tokens": 4, "messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": picture}}]}]}
        yield "/api/chat", {"model": "local", "messages": [{"role": "user", "content": "x", "images": [picture]}]}

    def test_nothing_is_smuggled(self):
        trap, tried = Trap(), 0
        self.d.cloud.connections = 0
        for path, body in self.smuggled(trap):
            for way in ("socket", "tcp"):
                r = self.post(way, path, json.dumps(body))
                tried += 1
                self.assertIn(r.status, (200, 400, 403, 404), f"{path} {body} {r.body}")
                if r.status == 200 and path != "/hither/v1/route":
                    self.assertIn(r.headers.get("x-hither-tier", "device"), "device")
        headers = {"X-Forwarded-Host": "x", "Forwarded": "host=x", "X-Api-Base": "http://x", "Api-Key": "sk-x",
                   "OpenAI-Organization": "x", "Hither-Destination": "far", "Proxy-Authorization": "Basic eA==",
                   "Cookie": "a=b", "X-Original-URL": "/v1/x", "X-Http-Method-Override": "DELETE"}
        for name, value in headers.items():
            r = self.d.chat(EASY, model="local", headers={name: value})
            tried += 1
            self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"))
        print(f"{tried} attempts to smuggle, connections opened:", trap.connections + self.d.cloud.connections)
        self.assertGreaterEqual(tried, 200)
        self.assertEqual((trap.connections, self.d.cloud.connections), (0, 0))
        trap.socket.close()


if __name__ == "__main__":
    unittest.main(verbosity=1)
