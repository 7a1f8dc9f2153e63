# SPDX-License-Identifier: Apache-2.0
"""The whole daemon and every vendor's wire: paths, keys, answers, calls, ends, errors, cuts, usage, in streams and
whole. One destination and one fake provider for each row of VENDORS.

clouds.py HITHERD [unittest arguments]
"""
import json
import os
import sys
import unittest

import stage
from cloud import ANSWER

PROGRAM = os.path.abspath(sys.argv.pop(1))
MODEL = "far-large"
BEARER = "Authorization: Bearer "
CHAT = "/v1/chat/completions"


class Vendor:
    def __init__(self, api, path, key_field=BEARER, wire=None, streamed=None, cached=4, **more):
        self.api, self.path, self.key_field, self.wire = api, path, key_field, wire or api
        self.streamed = streamed or path
        self.cached = cached
        self.more = more


VENDORS = {
    "openai": Vendor("openai", CHAT),
    "responses": Vendor("openai-responses", "/v1/responses"),
    "anthropic": Vendor("anthropic", "/v1/messages", "x-api-key: "),
    "gemini": Vendor("gemini", f"/v1/models/{MODEL}:generateContent", "x-goog-api-key: ",
                     streamed=f"/v1/models/{MODEL}:streamGenerateContent?alt=sse"),
    "azure": Vendor("azure-openai", CHAT, "api-key: "),
    "azure-deployment": Vendor("azure-openai", f"/v1/deployments/{MODEL}/chat/completions?api-version=2024-10-21",
                               "api-key: ", api_version="2024-10-21"),
    "mistral": Vendor("mistral", CHAT),
    "openrouter": Vendor("openrouter", CHAT),
    "deepseek": Vendor("openai", CHAT, wire="deepseek"),
    "xai": Vendor("openai", CHAT, wire="xai"),
    "bedrock": Vendor("openai", CHAT),
    "ollama": Vendor("ollama", "/v1/api/chat", cached=None),
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def each(test):
    """The test for every vendor, whole and streamed."""
    def run(self):
        for name in VENDORS:
            for stream in (False, True):
                with self.subTest(name, stream=stream):
                    test(self, name, stream)
    return run


class Clouds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM)
        cls.addClassCleanup(cls.d.close)
        cls.clouds = {}
        destinations = {}
        os.makedirs(cls.d.path("config", "secrets.d"), 0o700, exist_ok=True)
        for name, v in VENDORS.items():
            cloud = cls.clouds[name] = stage.FakeCloud(wire=v.wire)
            cls.addClassCleanup(cloud.close)
            destinations[name] = cls.d.destination(
                api=v.api, base_url=cloud.base_url, models=[MODEL], auth={"secret": name}, **v.more)
            with open(cls.d.path("config", "secrets.d", name), "w", encoding="ascii") as f:
                f.write("sk-" + name)
            os.chmod(f.name, 0o600)
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": destinations,
                      "default": {"cloud": "allow"}, "rules": []})
        cls.d.start()

    def ask(self, name, prompt, stream, **more):
        return self.d.chat(prompt, model=name, stream=stream, **more)

    @staticmethod
    def finish(r):
        if r.body.startswith(b"{"):
            return r.json["choices"][0]["finish_reason"]
        ends = [c["choices"][0]["finish_reason"] for c in r.chunks if c.get("choices")]
        return [e for e in ends if e]

    # --- what goes out -------------------------------------------------------------------

    @each
    def test_path_key_and_nothing_else(self, name, stream):
        v = VENDORS[name]
        self.assertEqual(self.ask(name, "hello", stream).status, 200)
        head, body = self.clouds[name].requests[-1]
        lines = head.decode().split("\r\n")
        self.assertEqual(lines[0], f"POST {v.streamed if stream else v.path} HTTP/1.1")
        self.assertIn(f"{v.key_field}sk-{name}", lines)
        fields = sorted(line.split(":")[0].lower() for line in lines[1:] if line)
        extra = ["anthropic-version"] if name == "anthropic" else []
        self.assertEqual(fields, sorted(["accept", "content-length", "content-type", "host", "user-agent",
                                         v.key_field.split(":")[0].lower()] + extra))
        self.assertEqual(json.loads(body).get("model"), None if name == "gemini" else MODEL)

    def test_the_ledger_says_where_it_went(self):
        for name in VENDORS:
            with self.subTest(name):
                r = self.ask(name, "hello", False)
                receipt = self.d.get("/hither/v1/receipts/" + r.headers["x-hither-receipt"],
                                     sock="consent.sock")
                self.assertIn(MODEL, receipt.body.decode())
                self.assertEqual(r.headers["x-hither-destination"], name)

    def test_a_model_that_is_not_listed_opens_nothing(self):
        for name in VENDORS:
            for model in ("other", "../x", "x?key=1", "x:y"):
                with self.subTest(name, model=model):
                    before = self.clouds[name].connections
                    r = self.d.chat("hello", model=f"{name}/{model}")
                    self.assertEqual((r.status, self.clouds[name].connections), (404, before))

    def test_nothing_in_a_request_chooses_where_it_goes(self):
        """Addresses, keys and header fields in bodies, in model names and in header fields: no socket is opened."""
        trap = stage.FakeCloud()
        self.addCleanup(trap.close)
        url = trap.base_url
        keys = ["api_base", "base_url", "baseURL", "api-base", "apiBase", "api_key", "apiKey", "api-key", "headers",
                "extra_headers", "extraHeaders", "extra_body", "extra_query", "proxy", "proxies", "http_proxy",
                "https_proxy", "fallbacks", "organization", "azure_endpoint", "openai_api_base", "authorization",
                "custom_llm_provider", "vertex_credentials", "litellm_params", "default_headers"]
        paths = {CHAT: {"messages": [{"role": "user", "content": "x"}]},
                 "/v1/completions": {"prompt": "x"}, "/v1/responses": {"input": "x"},
                 "/v1/messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]},
                 "/api/chat": {"messages": [{"role": "user", "content": "x"}]}, "/api/generate": {"prompt": "x"}}
        models = [url, url + "/x", "http://127.0.0.1", "openai/" + url, "openai@" + url, "openai?base=" + url,
                  "openai#" + url, "openai/%2e%2e/x", "gemini/../../v1/x", "openai:cloud", "openai\r\nHost: x",
                  "openai/far-large?key=1", "//" + url.split("//")[1], "unix:/run/x", "file:///etc/passwd"]
        before = {n: c.connections for n, c in self.clouds.items()}
        tried = 0
        for path, body in paths.items():
            for key in keys:
                for where in ({key: url}, {"metadata": {"a": [{key: url}]}}):
                    r = self.d.call("POST", path, {"model": "openai", "stream": False, **body, **where})
                    self.assertEqual(r.status, 400, (path, where, r.body))
                    tried += 1
            for model in models:
                r = self.d.call("POST", path, {"model": model, "stream": False, **body})
                self.assertIn(r.status, (400, 404), (path, model, r.body))
                tried += 1
        self.assertGreaterEqual(tried, 200)
        self.assertEqual(trap.connections, 0)
        self.assertEqual({n: c.connections for n, c in self.clouds.items()}, before)
        for name in ("Authorization", "x-api-key", "api-key", "x-goog-api-key", "OpenAI-Organization", "X-Base-Url"):
            r = self.d.chat("x", model="azure", headers={name: "Bearer sk-of-the-client"})
            self.assertEqual(r.status, 200)
            self.assertNotIn(b"sk-of-the-client", b"".join(self.clouds["azure"].requests[-1]))

    def test_what_a_destination_cannot_be_told(self):
        tool = {"tools": [TOOL], "tool_choice": "required"}
        for name, more, field in (("responses", {"stop": ["x"]}, "stop"),
                                  ("responses", {"max_tokens": 5}, "max_tokens"),
                                  ("anthropic", {"presence_penalty": 1}, "presence_penalty"),
                                  ("anthropic", {"response_format": {"type": "json_object"}}, "response_format"),
                                  ("gemini", {"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
                                  ("ollama", tool, "tool_choice")):
            with self.subTest(name, field=field):
                before = self.clouds[name].connections
                r = self.ask(name, "hello", False, **more)
                self.assertEqual((r.status, r.json["error"]["param"], r.headers["x-should-retry"]),
                                 (400, field, "false"), r.body)
                self.assertEqual(self.clouds[name].connections, before)

    # --- what comes back -----------------------------------------------------------------

    @each
    def test_an_answer(self, name, stream):
        r = self.ask(name, "hello", stream)
        self.assertEqual((r.status, r.text, r.cut), (200, ANSWER, False), r.body)
        self.assertEqual(self.finish(r), ["stop"] if stream else "stop")
        if stream:
            self.assertEqual(r.events[-1], "[DONE]")

    @each
    def test_usage_with_the_cache(self, name, stream):
        r = self.ask(name, "hello", stream, **({"stream_options": {"include_usage": True}} if stream else {}))
        usage = r.chunks[-1]["usage"] if stream else r.json["usage"]
        self.assertEqual((usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]),
                         (9, 7, 16), r.body)
        if VENDORS[name].cached is not None:
            self.assertEqual(usage["prompt_tokens_details"]["cached_tokens"], VENDORS[name].cached)

    @each
    def test_a_call(self, name, stream):
        r = self.ask(name, "fake:tool=weather", stream, tools=[TOOL])
        self.assertEqual(self.finish(r), ["tool_calls"] if stream else "tool_calls", r.body)
        if stream:
            calls = [c for k in r.chunks if k.get("choices")
                     for c in k["choices"][0]["delta"].get("tool_calls", [])]
            self.assertEqual([c["function"]["name"] for c in calls if "id" in c], ["weather"])
        else:
            calls = r.json["choices"][0]["message"]["tool_calls"]
        arguments = "".join(c["function"].get("arguments", "") for c in calls)
        self.assertEqual(json.loads(arguments), {"city": "Paris"})

    @each
    def test_length_is_length_and_filter_is_filter(self, name, stream):
        for word in ("length", "content_filter"):
            if name == "ollama" and word == "content_filter":
                continue  # it has no word for it
            r = self.ask(name, f"fake:finish={word}", stream)
            self.assertEqual((r.status, self.finish(r)), (200, [word] if stream else word), r.body)

    def test_every_client_hears_every_vendor(self):
        says = [{"role": "user", "content": "hello"}]
        cut = [{"role": "user", "content": "fake:cut_after=3 fake:delay_ms=2"}]
        clients = {"/v1/messages": (lambda m: {"max_tokens": 99, "messages": m}, b"message_stop", b"event: error"),
                   "/v1/responses": (lambda m: {"input": m}, b"event: response.completed", b"event: response.failed"),
                   "/api/chat": (lambda m: {"messages": m}, b'"done":true', b'{"error":"')}
        for path, (body, end, error) in clients.items():
            for name in VENDORS:
                with self.subTest(path, vendor=name):
                    r = self.d.call("POST", path, {"model": name, "stream": True, **body(says)})
                    self.assertEqual((r.status, r.cut), (200, False), r.body)
                    self.assertIn(end, r.body)
                    for word in ANSWER.split():
                        self.assertIn(word.encode(), r.body)
                    r = self.d.call("POST", path, {"model": name, "stream": True, **body(cut)})
                    self.assertNotIn(end, r.body)
                    if r.status == 200:
                        self.assertTrue(r.cut)
                        self.assertIn(error, r.body)
                    else:
                        self.assertEqual(r.status, 424, r.body)

    # --- what goes wrong -----------------------------------------------------------------

    @each
    def test_errors_before_the_stream(self, name, stream):
        rows = {400: 400, 401: 401, 403: 403, 404: 404, 413: 413, 422: 422}
        spent = 424  # what a client would repeat by itself
        types = {401: "authentication_error", 403: "permission_error", spent: "server_error"}
        rows.update(dict.fromkeys((302, 408, 409, 425, 429, 500, 502, 503, 504, 529), spent))
        for status, want in rows.items():
            r = self.ask(name, f"fake:status={status}", stream)
            self.assertEqual(r.status, want, (status, r.body))
            self.assertEqual(r.headers["x-should-retry"], "false")
            self.assertLessEqual({"message", "type", "param", "code"}, set(r.json["error"]))
            self.assertEqual(r.json["error"]["type"], types.get(want, "invalid_request_error"))
            self.assertNotIn(b"CANARY", r.body)

    def assert_broken(self, r, codes):
        """An error as far as it can still be said, and nothing that ends well."""
        self.assertNotIn(b"CANARY", r.body)
        self.assertNotIn(b"[DONE]", r.body)
        if r.status == 200:
            self.assertTrue(r.cut, r.body)
            events = [json.loads(e) for e in r.events]
            self.assertEqual([c["choices"][0]["finish_reason"] for c in events if c.get("choices")
                              and c["choices"][0]["finish_reason"]], [])
            self.assertIn(events[-1]["error"]["code"], codes)
        else:
            self.assertEqual(r.status, 424, r.body)
            self.assertIn(r.json["error"]["code"], codes)

    def test_an_error_inside_the_stream(self):
        for name in VENDORS:
            for after in (0, 3):
                with self.subTest(name, after=after):
                    self.assert_broken(self.ask(name, f"fake:error_after={after} fake:delay_ms=2", True),
                                       ("upstream_error", "upstream_busy"))

    def test_a_cut_is_an_error(self):
        for name in VENDORS:
            words = ["fake:cut_after=3", "fake:no_finish"]
            if VENDORS[name].wire not in ("gemini", "ollama", "openai-responses"):
                words.append("fake:no_done")  # the others' last word is in their end
            for word in words:
                with self.subTest(name, word=word):
                    # Anthropic's block stays open without an end: that is no stream of its kind.
                    self.assert_broken(self.ask(name, word + " fake:delay_ms=2", True),
                                       ("stream_cut", "upstream_malformed"))

    def test_a_whole_reply_that_is_not(self):
        for name in VENDORS:
            with self.subTest(name):
                self.assert_broken(self.ask(name, "fake:cut", False), ("stream_cut",))


if __name__ == "__main__":
    unittest.main()
