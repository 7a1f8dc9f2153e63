# SPDX-License-Identifier: Apache-2.0
"""Every client dialect against the whole daemon: an answer, a stream, a cut, a call, an error, lists.

dialects.py HITHERD [unittest arguments]
"""
import base64
import json
import os
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
EASY = "What is the capital of France?"
ANSWER = "The capital of France is Paris."
SCHEMA = {"type": "object"}
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def says(prompt):
    return [{"role": "user", "content": prompt}]


# name: path, body of a prompt, the text of a whole reply, of a stream, its end, its error, a tool
DIALECTS = {
    "chat": ("/v1/chat/completions", lambda p: {"messages": says(p)},
             lambda r: r["choices"][0]["message"]["content"],
             lambda e: e.get("choices") and e["choices"][0]["delta"].get("content") or "",
             b"data: [DONE]\n\n", b'data: {"error":{'),
    "completions": ("/v1/completions", lambda p: {"prompt": p},
                    lambda r: r["choices"][0]["text"], lambda e: e["choices"][0]["text"] if "choices" in e else "",
                    b"data: [DONE]\n\n", b'data: {"error":{'),
    "messages": ("/v1/messages", lambda p: {"max_tokens": 100, "messages": says(p)},
                 lambda r: r["content"][0]["text"], lambda e: e.get("delta", {}).get("text", ""),
                 b'event: message_stop\ndata: {"type":"message_stop"}\n\n', b"event: error\n"),
    "responses": ("/v1/responses", lambda p: {"input": p},
                  lambda r: r["output"][0]["content"][0]["text"],
                  lambda e: e["delta"] if e.get("type") == "response.output_text.delta" else "",
                  b"data: [DONE]\n\n", b"event: response.failed\n"),
    "ollama.chat": ("/api/chat", lambda p: {"messages": says(p)}, lambda r: r["message"]["content"],
                    lambda e: e.get("message", {}).get("content", ""), b'"done":true', b'{"error":"'),
    "ollama.generate": ("/api/generate", lambda p: {"prompt": p}, lambda r: r["response"],
                        lambda e: e.get("response", ""), b'"done":true', b'{"error":"'),
}


def objects(body):
    for line in body.decode().split("\n"):
        line = line.removeprefix("data: ")
        if line.startswith("{"):
            yield json.loads(line)


class Dialects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, app="org.example.App")
        cls.addClassCleanup(cls.d.close)
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": cls.d.destination()},
                      "default": {"cloud": "ask"}, "rules": [],
                      "consent": {"timeout": "20s", "no_agent": "refuse"}})
        cls.d.start()

    def ask(self, name, prompt, model="auto", headers=None, **more):
        path, body = DIALECTS[name][:2]
        return self.d.call("POST", path, {"model": model, **body(prompt), **more}, headers)

    def test_an_answer(self):
        for name, (_, _, whole, *_) in DIALECTS.items():
            with self.subTest(name):
                r = self.ask(name, EASY, stream=False)
                self.assertEqual((r.status, whole(r.json)), (200, ANSWER), r.body)
                self.assertEqual(r.headers["content-type"], "application/json")
                self.assertEqual(r.headers["x-hither-tier"], "device")

    def test_a_stream(self):
        for name, (_, _, _, piece, end, _) in DIALECTS.items():
            with self.subTest(name):
                r = self.ask(name, EASY, stream=True)
                self.assertEqual("".join(map(piece, objects(r.body))), ANSWER, r.body)
                self.assertIn(end, r.body)
                self.assertFalse(r.cut)
                kind = "application/x-ndjson" if "ollama" in name else "text/event-stream"
                self.assertEqual(r.headers["content-type"], kind)

    def test_ollama_streams_unless_told_otherwise(self):
        for name in ("ollama.chat", "ollama.generate"):
            self.assertGreater(len(list(objects(self.ask(name, EASY).body))), 2)

    def test_a_cut_is_an_error(self):
        for name, (_, _, _, _, end, error) in DIALECTS.items():
            for script in ("cut_after=3", "error_after=3"):
                with self.subTest(name, script=script):
                    r = self.ask(name, f"fake:tokens=50 fake:{script}", stream=True)
                    self.assertTrue(r.cut)
                    self.assertIn(error, r.body)
                    self.assertNotIn(end, r.body)

    def test_an_apps_own_socket_serves_the_same(self):
        sock = "apps/org.example.App.sock"
        for name, (path, body, whole, *_) in DIALECTS.items():
            with self.subTest(name):
                r = self.d.call("POST", path, {"model": "auto", **body(EASY), "stream": False}, sock=sock)
                self.assertEqual((r.status, whole(r.json)), (200, ANSWER), r.body)
        for path in ("/v1/models", "/v1/models/local", "/api/tags", "/api/ps", "/api/version", "/"):
            for method in ("GET", "HEAD"):
                r, other = self.d.call(method, path, sock=sock), self.d.call(method, path)
                self.assertEqual((r.status, r.body), (200, other.body), path)
        for path, body in (("/v1/embeddings", {"input": "a"}), ("/api/embed", {"input": "a"}), ("/api/show", {}),
                           ("/v1/messages/count_tokens", {"messages": says(EASY)})):
            self.assertEqual(self.d.call("POST", path, {"model": "local", **body}, sock=sock).status, 200, path)

    def test_a_call_that_must_be_and_is_not(self):
        tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
        for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
            r = self.d.chat(EASY, model="local", tools=[tool], tool_choice=choice)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "tool_choice"), r.body)
            r = self.d.chat("fake:tool=weather", model="local", tools=[tool], tool_choice=choice)
            self.assertEqual(r.json["choices"][0]["finish_reason"], "tool_calls", r.body)
            r = self.d.chat(EASY, model="local", tools=[tool], tool_choice=choice, stream=True)
            self.assertTrue(r.cut)
            self.assertNotIn("[DONE]", r.events)
            self.assertIn('"error"', r.events[-1])
        self.assertEqual(self.d.chat(EASY, model="local", tools=[tool]).status, 200)

    def test_a_picture_that_the_model_cannot_read(self):
        for stream in (False, True):
            for path, body in (
                    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PIXEL}}]}]}),
                    ("/v1/responses", {"input": [{"role": "user", "content": [
                        {"type": "input_image", "image_url": "data:image/png;base64," + PIXEL}]}]}),
                    ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                                     "data": PIXEL}}]}]}),
                    ("/api/chat", {"messages": [{"role": "user", "content": "x", "images": [PIXEL]}]})):
                r = self.d.call("POST", path, {"model": "local", "stream": stream, **body})
                self.assertEqual(r.status, 400, r.body)
                self.assertIn(b"reads text only", r.body)
        self.assertEqual(self.d.chat(EASY).status, 200)

    def check_logprobs(self, entries, text, top):
        self.assertEqual("".join(e["token"] for e in entries), text)
        for e in entries:
            self.assertEqual(set(e), {"token", "logprob", "bytes", "top_logprobs"})
            self.assertEqual(bytes(e["bytes"]).decode(), e["token"])
            self.assertLessEqual(e["logprob"], 0)
            self.assertEqual(len(e["top_logprobs"]), top)
            for other in e["top_logprobs"]:
                self.assertEqual(set(other), {"token", "logprob", "bytes"})

    def test_token_probabilities(self):
        for top in (0, 1):
            more = {"logprobs": True, **({"top_logprobs": top} if top else {})}
            r = self.ask("chat", EASY, **more)
            self.assertEqual(r.status, 200, r.body)
            choice = r.json["choices"][0]
            self.assertIsNone(choice["logprobs"]["refusal"])
            self.check_logprobs(choice["logprobs"]["content"], choice["message"]["content"], top)
            r = self.ask("chat", EASY, stream=True, **more)
            entries = [e for c in r.chunks for e in (c["choices"][0].get("logprobs") or {}).get("content", [])]
            self.assertEqual(r.events[-1], "[DONE]")
            self.check_logprobs(entries, r.text, top)
        self.assertIsNone(self.ask("chat", EASY).json["choices"][0]["logprobs"])

    def test_token_probabilities_keep_the_answer_here(self):
        r = self.d.chat(stage.HARD, logprobs=True)
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"))
        for name in ("far", "far/fake-large", "cloud"):
            r = self.d.chat(EASY, model=name, logprobs=True)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "logprobs"))
        self.assertEqual(self.d.cloud.connections, 0)

    def test_an_engine_without_token_probabilities(self):
        for stream in (False, True):
            r = self.d.chat("fake:no_logprobs", logprobs=True, stream=stream)
            self.assertEqual((r.status, r.json["error"]["param"]), (400, "logprobs"), r.body)

    def several(self, name, prompt=EASY, **more):
        """Every choice's text and ends, by index; usage; whether it was whole."""
        r = self.ask(name, prompt, **more)
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"), r.body)
        texts, ends, usage = {}, {}, None
        for o in r.chunks if more.get("stream") else [r.json]:
            usage = o.get("usage") or usage
            for c in o.get("choices", []):
                said = c.get("text") or (c.get("delta") or c.get("message") or {}).get("content") or ""
                texts[c["index"]] = texts.get(c["index"], "") + said
                ends.setdefault(c["index"], []).extend([c["finish_reason"]] if c["finish_reason"] else [])
        return r, texts, ends, usage

    def test_several_answers(self):
        for name in ("chat", "completions"):
            one = self.ask(name, EASY).json["usage"]
            for stream in (False, True):
                with self.subTest(name, stream=stream):
                    r, texts, ends, usage = self.several(name, n=3, stream=stream,
                                                         **({"stream_options": {"include_usage": True}} if stream else {}))
                    self.assertEqual(texts, {i: ANSWER for i in range(3)})
                    self.assertEqual(ends, {i: ["stop"] for i in range(3)})
                    self.assertEqual(usage["prompt_tokens"], one["prompt_tokens"])
                    self.assertEqual(usage["completion_tokens"], 3 * one["completion_tokens"])
                    self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])
                    counted = self.d.decision(r)["usage"]
                    self.assertEqual((counted["input_tokens"], counted["output_tokens"]),
                                     (usage["prompt_tokens"], usage["completion_tokens"]))
                    if stream:
                        self.assertEqual((r.events.count("[DONE]"), r.events[-1], r.cut), (1, "[DONE]", False))
                        if name == "chat":
                            roles = [c["choices"][0]["index"] for c in r.chunks
                                     if c["choices"] and "role" in c["choices"][0]["delta"]]
                            self.assertEqual(roles, [0, 1, 2])

    def test_several_answers_have_a_seed_each(self):
        for stream in (False, True):
            _, texts, _, _ = self.several("chat", "fake:shape", n=2, seed=41, stream=stream)
            self.assertEqual([json.loads(texts[i])["seed"] for i in (0, 1)], [41, 42])
        _, texts, _, _ = self.several("chat", "fake:shape", n=2)
        self.assertNotIn("seed", json.loads(texts[1]))

    def test_several_answers_with_calls_and_probabilities(self):
        tool = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
        for choice in ("auto", "required"):
            r = self.ask("chat", "fake:tool=f", n=2, tools=[tool], tool_choice=choice)
            self.assertEqual([(c["index"], c["finish_reason"], len(c["message"]["tool_calls"])) for c in r.json["choices"]],
                             [(0, "tool_calls", 1), (1, "tool_calls", 1)])
        r = self.ask("chat", EASY, n=2, logprobs=True)
        for c in r.json["choices"]:
            self.check_logprobs(c["logprobs"]["content"], ANSWER, 0)

    def test_a_cut_of_one_of_several_cuts_all(self):
        for name in ("chat", "completions"):
            for script in ("cut_after=2", "error_after=2"):
                with self.subTest(name, script=script):
                    prompt = f"fake:tokens=5 fake:only_seed=8 fake:{script}"
                    r = self.ask(name, prompt, n=3, seed=7, stream=True)
                    self.assertTrue(r.cut)
                    self.assertNotIn("[DONE]", r.events)
                    self.assertIn('"error"', r.events[-1])
                    self.assertNotIn('"index":2', r.body.decode())
            r = self.ask(name, "fake:only_seed=8 fake:error=500", n=3, seed=7)
            self.assertEqual((r.status, r.json["error"]["code"]), (500, "engine_failed"), r.body)
        self.assertEqual(self.d.chat(EASY).status, 200)

    def test_several_answers_stay_here_and_are_bounded(self):
        for name in ("chat", "completions"):
            for n, model in ((9, "local"), (0, "auto"), ("2", "auto"), (1.5, "auto"), (2, "far"), (2, "cloud")):
                with self.subTest(name, n=n, model=model):
                    r = self.ask(name, EASY, n=n, model=model)
                    self.assertEqual((r.status, r.json["error"]["param"]), (400, "n"), r.body)
            r = self.ask(name, stage.HARD, n=2)
            self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"))
        self.assertEqual(self.d.cloud.connections, 0)

    def test_a_queue_between_several_answers(self):
        """Others are served between one answer and the next; every one is whole."""
        import threading
        results = []

        def ask():
            results.append(self.several("chat", "fake:tokens=5 fake:delay_ms=5", n=3)[1:3])

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(results), 6)
        for texts, ends in results:
            self.assertEqual((texts, ends), ({i: "t0 t1 t2 t3 t4 " for i in range(3)}, {i: ["stop"] for i in range(3)}))

    def test_what_the_engine_is_told(self):
        """Stop texts, a seed, sampling and effort, from every dialect that has a word for them."""
        stop = ["END", "\n\n"]
        asked = {"chat": {"stop": stop, "seed": 5, "top_p": 0.5, "reasoning_effort": "low", "max_tokens": 90},
                 "completions": {"stop": stop, "seed": 5, "top_p": 0.5, "max_tokens": 90},
                 "messages": {"stop_sequences": stop, "top_p": 0.5, "max_tokens": 90, "top_k": 3},
                 "responses": {"top_p": 0.5, "max_output_tokens": 90, "reasoning": {"effort": "low"}},
                 "ollama.chat": {"options": {"stop": stop, "seed": 5, "top_p": 0.5, "num_predict": 90, "top_k": 3}},
                 "ollama.generate": {"options": {"stop": stop, "seed": 5, "top_p": 0.5, "num_predict": 90, "top_k": 3}}}
        words = {"stop": stop, "stop_sequences": stop, "seed": 5, "top_k": 3}
        for name, more in asked.items():
            with self.subTest(name):
                r = self.ask(name, "fake:shape", stream=False, **more)
                self.assertEqual(r.status, 200, r.body)
                told = json.loads(DIALECTS[name][2](r.json))
                self.assertEqual((told["top_p"], told["max_tokens"]), (0.5, 90))
                said = more.get("options", more)
                for word, value in words.items():
                    if word in said:
                        self.assertEqual(told[word.replace("_sequences", "")], value)
                if "reasoning" in str(more):
                    self.assertEqual(told["reasoning_effort"], "low")

    def test_thoughts_are_not_the_answer(self):
        places = {"chat": '"reasoning_content":', "messages": '"thinking', "responses": "reasoning",
                  "ollama.chat": '"thinking":', "ollama.generate": '"thinking":', "completions": None}
        for name, word in places.items():
            for stream in (False, True):
                with self.subTest(name, stream=stream):
                    r = self.ask(name, "fake:thinks=Let_me_see. fake:says=It_is_7.", stream=stream)
                    text = r.body.decode()
                    self.assertIn("see." if word else "7.", text)
                    self.assertEqual("see." in text, word is not None)
                    if word:
                        self.assertIn(word, text)
                    if stream:
                        self.assertEqual("".join(map(DIALECTS[name][3], objects(r.body))), "It is 7.")
                    elif name in ("chat", "completions", "ollama.chat", "ollama.generate"):
                        self.assertEqual(DIALECTS[name][2](r.json), "It is 7.")
                    else:
                        parts = r.json.get("content") or r.json["output"]
                        self.assertIn("It is 7.", str(parts[-1]))
                        self.assertNotIn("see.", str(parts[-1]))

    def test_length_is_length(self):
        words = {"chat": '"length"', "completions": '"length"', "messages": '"max_tokens"',
                 "responses": '"max_output_tokens"', "ollama.chat": '"length"', "ollama.generate": '"length"'}
        for name, word in words.items():
            for stream in (False, True):
                with self.subTest(name, stream=stream):
                    r = self.ask(name, "fake:finish=length", stream=stream)
                    self.assertIn(word, r.body.decode())

    def test_a_call(self):
        plain = {"name": "get_weather", "description": "d"}
        tools = {"chat": {"type": "function", "function": {**plain, "parameters": SCHEMA}},
                 "ollama.chat": {"type": "function", "function": {**plain, "parameters": SCHEMA}},
                 "messages": {**plain, "input_schema": SCHEMA},
                 "responses": {"type": "function", **plain, "parameters": SCHEMA}}
        for name, tool in tools.items():
            for stream in (False, True):
                with self.subTest(name, stream=stream):
                    r = self.ask(name, "fake:tool=get_weather", stream=stream, tools=[tool])
                    self.assertEqual(r.status, 200, r.body)
                    self.assertIn(b'"name":"get_weather"', r.body)
                    self.assertIn(DIALECTS[name][4] if stream else b"get_weather", r.body)

    def test_errors_have_the_shape(self):
        for name in DIALECTS:
            with self.subTest(name):
                for r, status in ((self.ask(name, EASY, model="none"), 404),
                                  (self.ask(name, EASY, api_base="http://127.0.0.1:1"), 400),
                                  (self.ask(name, EASY, model="far"), 403)):
                    self.assertEqual(r.status, status, r.body)
                    self.assertEqual(r.headers["x-should-retry"], "false")
                    if name == "messages":
                        self.assertEqual(r.json["type"], "error")
                        self.assertIsInstance(r.json["error"]["message"], str)
                    elif "ollama" in name:
                        self.assertIsInstance(r.json["error"], str)
                    else:
                        self.assertLessEqual({"message", "type", "param", "code"}, set(r.json["error"]))
        self.assertEqual(self.d.cloud.connections, 0)

    def assert_shape(self, family, body, word=None):
        if family == "ollama":
            self.assertEqual((list(body), type(body["error"])), (["error"], str))
        elif family == "anthropic":
            self.assertEqual((body["type"], set(body["error"])), ("error", {"type", "message"}))
            self.assertIn(word, (None, body["error"]["type"]))
        else:
            self.assertEqual(set(body["error"]), {"message", "type", "param", "code"})

    def test_a_request_has_an_id(self):
        for name in DIALECTS:
            for more in ({}, {"stream": True}, {"model": "none"}, {"api_base": "x"}):
                with self.subTest(name, **more):
                    r = self.ask(name, EASY, **more)
                    self.assertEqual(len(r.headers["x-request-id"]), 26)
                    self.assertEqual(r.headers.get("request-id"),
                                     r.headers["x-request-id"] if name == "messages" else None)
                    if name == "messages" and r.status != 200:
                        self.assertEqual(r.json["request_id"], r.headers["request-id"])

    def test_a_bound_that_says_nothing(self):
        for bound in ("", "Device", "none"):
            r = self.ask("chat", EASY, headers={"Hither-Max-Tier": bound})
            self.assertEqual((r.status, r.json["error"]["code"]), (400, "invalid_value"), bound)
        body = json.dumps({"model": "local", "messages": says(EASY)})
        out = self.d.raw((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
                          "Hither-Max-Tier: cloud\r\nHither-Max-Tier: device\r\n\r\n" + body).encode())
        self.assertIn(b" 400 ", out.split(b"\r\n")[0])

    def test_what_is_not_served_is_said_in_the_words_of_the_path(self):
        families = {"anthropic": ("/v1/messages/x", "/v1/messages/batches", "/v1/messages/count_tokens/x"),
                    "ollama": ("/api/nothing", "/api/chat/x", "/api"),
                    "openai": ("/v1/files", "/v1/chat/completions/x", "/v1/responses/resp_1", "/v2", "/v1/messagesx",
                               "/apix")}
        for family, paths in families.items():
            for path in paths:
                for method in ("GET", "POST", "DELETE"):
                    with self.subTest(path, method=method):
                        r = self.d.call(method, path, {} if method == "POST" else None)
                        self.assertEqual((r.status, r.headers["x-should-retry"]), (404, "false"), r.body)
                        self.assert_shape(family, r.json, "not_found_error")
        r = self.d.get("/v1/files", **{"anthropic-version": "2023-06-01"})
        self.assert_shape("anthropic", r.json, "not_found_error")

    def test_another_method(self):
        for family, path, allow in (("anthropic", "/v1/messages", "POST"), ("ollama", "/api/tags", "GET, HEAD"),
                                    ("openai", "/v1/responses", "POST")):
            r = self.d.call("DELETE", path)
            self.assertEqual((r.status, r.headers["allow"]), (405, allow))
            self.assert_shape(family, r.json)

    def test_what_the_server_itself_refuses(self):
        for family, path in (("anthropic", b"/v1/messages"), ("ollama", b"/api/chat"),
                             ("openai", b"/v1/chat/completions")):
            for status, fields in ((413, b"Content-Length: 99999999999\r\n"), (431, b"X-Long: " + b"x" * 100000),
                                   (400, b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")):
                with self.subTest(family, status=status):
                    out = self.d.raw(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
                    self.assertIn(b" %d " % status, out.split(b"\r\n")[0])
                    self.assert_shape(family, json.loads(out.split(b"\r\n\r\n", 1)[1]))

    def test_lists(self):
        ids = [m["id"] for m in self.d.get("/v1/models").json["data"]]
        r = self.d.get("/v1/models", **{"anthropic-version": "2023-06-01"}).json
        self.assertEqual([m["id"] for m in r["data"]], ids)
        self.assertEqual((r["first_id"], r["last_id"], r["has_more"]), (ids[0], ids[-1], False))
        r = self.d.get("/v1/models/none", **{"anthropic-version": "2023-06-01"})
        self.assertEqual((r.status, r.json["error"]["type"]), (404, "not_found_error"))
        names = [m["name"] for m in self.d.get("/api/tags").json["models"]]
        self.assertEqual(names, [i + ":latest" for i in ids])
        show = self.d.call("POST", "/api/show", {"model": "local/fake:latest"}).json
        self.assertIn("completion", show["capabilities"])
        self.assertEqual(self.d.call("POST", "/api/show", {"model": "none"}).status, 404)
        self.assertIn("version", self.d.get("/api/version").json)
        self.assertIn("models", self.d.get("/api/ps").json)
        self.assertEqual(self.d.get("/").body, b"Ollama is running")

    def test_latest_is_the_name_itself(self):
        self.assertEqual(self.ask("ollama.chat", EASY, model="local/fake:latest", stream=False).status, 200)
        self.assertEqual(self.ask("ollama.chat", EASY, model="fake:cloud", stream=False).status, 404)

    def test_models_are_not_changed_here(self):
        self.assertEqual(self.d.call("HEAD", "/api/blobs/sha256:0").status, 403)
        for path in ("pull", "push", "create", "copy", "blobs/sha256:0"):
            r = self.d.call("POST", "/api/" + path, {"model": "x"})
            self.assertEqual((r.status, type(r.json["error"])), (403, str), path)
        self.assertEqual(self.d.call("DELETE", "/api/delete", {"model": "x"}).status, 403)

    def test_loading(self):
        r = self.d.call("POST", "/api/generate", {"model": "local"})
        self.assertEqual((r.status, r.json["done_reason"]), (200, "load"))
        r = self.d.call("POST", "/api/chat", {"model": "local", "messages": [], "keep_alive": 0})
        self.assertEqual((r.status, r.json["done_reason"]), (200, "unload"))
        for body in ({}, {"keep_alive": 0}):
            for model, status in (("none", 404), ("x:cloud", 404), ("local/none", 404), ("local/fake:latest", 200)):
                r = self.d.call("POST", "/api/generate", {"model": model, **body})
                self.assertEqual(r.status, status, r.body)

    def test_counting(self):
        few = self.d.call("POST", "/v1/messages/count_tokens", {"model": "local", "messages": says(EASY)})
        many = self.d.call("POST", "/v1/messages/count_tokens", {"model": "local", "messages": says(EASY * 50)})
        self.assertLess(few.json["input_tokens"], many.json["input_tokens"])
        self.assertEqual(self.d.call("POST", "/v1/messages/count_tokens", {"model": "x"}).status, 400)

    def test_the_engine_counts_where_it_runs(self):
        self.assertEqual(self.d.chat(EASY).status, 200)
        requests = self.d.engine_stats()["requests"]
        for model in ("local", "auto", "local/fake"):
            r = self.d.call("POST", "/v1/messages/count_tokens", {"model": model, "messages": says("a b c " * 900)})
            self.assertEqual((r.status, r.json), (200, {"input_tokens": 2700 + 4}), "as the fake engine counts")
        far = self.d.call("POST", "/v1/messages/count_tokens", {"model": "far", "messages": says("a b c " * 900)})
        self.assertNotEqual(far.json["input_tokens"], 2704, "another tokeniser: an estimate")
        self.assertEqual(self.d.engine_stats()["requests"], requests, "nothing was generated")
        self.assertEqual(self.d.chat(EASY).status, 200)


    def test_a_question_is_returned_in_the_shape(self):
        for name in DIALECTS:
            with self.subTest(name):
                r = self.ask(name, EASY, model="far", headers={"Hither-Consent": "return"})
                self.assertEqual((r.status, r.json["consent"]["destination"]), (403, "far"), r.body)


PICTURES = {  # how each dialect sends PIXEL with a prompt, and one that would have to be fetched
    "chat": lambda p, url: {"messages": [{"role": "user", "content": [
        {"type": "text", "text": p}, {"type": "image_url", "image_url": {"url": url}}]}]},
    "responses": lambda p, url: {"input": [{"role": "user", "content": [
        {"type": "input_text", "text": p}, {"type": "input_image", "image_url": url}]}]},
    "messages": lambda p, url: {"max_tokens": 9, "messages": [{"role": "user", "content": [
        {"type": "text", "text": p}, {"type": "image", "source": {"type": "url", "url": url} if url.startswith("http") else
                                      {"type": "base64", "media_type": "image/png", "data": PIXEL}}]}]},
    "ollama.chat": lambda p, url: {"messages": [{"role": "user", "content": p,
                                                 "images": [url if url.startswith("http") else PIXEL]}]},
}


class Pictures(unittest.TestCase):
    """A model that came with a projector: the engine is given it, and pictures reach the engine."""

    def start(self, **more):
        d = stage.Daemon(PROGRAM, **more)
        self.addCleanup(d.close)
        d.install("fake", projector=b"a projector")
        return d

    def test_a_picture_is_read_on_this_device(self):
        d = self.start()
        d.start()
        for name, body in PICTURES.items():
            for stream in (False, True):
                with self.subTest(name, stream=stream):
                    path, _, whole, piece, end, _ = DIALECTS[name]
                    r = d.call("POST", path, {"model": "local", "stream": stream,
                                              **body("fake:looks", "data:image/png;base64," + PIXEL)})
                    self.assertEqual(r.status, 200, r.body)
                    said = "".join(map(piece, objects(r.body))) if stream else whole(r.json)
                    self.assertEqual(said, f"{len(base64.b64decode(PIXEL))} bytes ")
                    self.assertTrue(not stream or end in r.body)
            r = d.call("POST", DIALECTS[name][0], {"model": "local", **body("x", "http://127.0.0.1:1/x.png")})
            self.assertEqual(r.status, 400, r.body)
        argv = d.engine_stats()["argv"]
        self.assertEqual(argv[argv.index("--mmproj") + 1], d.path("models", "mmproj.gguf"))
        for name, able in (("local/fake", True), ("local", True)):
            show = d.call("POST", "/api/show", {"model": name}).json
            self.assertEqual("vision" in show["capabilities"], able, name)

    def test_a_projector_that_was_changed_is_not_used(self):
        d = self.start()
        with open(d.path("models", "mmproj.gguf"), "wb") as f:
            f.write(b"A projector")
        d.start()
        r = d.chat(EASY, model="local")
        self.assertEqual((r.status, r.json["error"]["code"]), (503, "model_damaged"), r.body)


class Silence(unittest.TestCase):
    """What a client of a stream hears while nothing comes."""

    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, limits={"keepalive_ms": 100})
        cls.addClassCleanup(cls.d.close)
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": cls.d.destination()},
                      "default": {"cloud": "allow"}, "rules": []})
        cls.d.start()

    def ask(self, name, prompt, model, stream=True):
        path, body = DIALECTS[name][:2]
        return self.d.call("POST", path, {"model": model, "stream": stream, **body(prompt)})

    def test_comments_then_the_answer(self):
        for name, (_, _, _, piece, end, _) in DIALECTS.items():
            for model, tier, where in (("far", "cloud", "far"), ("local", "device", "local")):
                with self.subTest(name, model=model):
                    r = self.ask(name, "fake:first_delay_ms=900", model)
                    self.assertEqual(("".join(map(piece, objects(r.body))), r.cut), (ANSWER, False), r.body)
                    self.assertIn(end, r.body)
                    if "ollama" in name:  # lines of JSON have no room for a remark
                        self.assertEqual(r.headers["x-hither-destination"], where)
                        continue
                    self.assertTrue(r.body.startswith(b": waiting\n\n"))
                    self.assertFalse({"x-hither-tier", "x-hither-receipt"} & set(r.headers))
                    said = [json.loads(x[9:]) for x in r.body.decode().split("\n") if x.startswith(": hither ")]
                    self.assertEqual([(x["answer"], x["destination"]) for x in said], [(tier, where)])
                    self.assertEqual("receipt" in said[0], model == "far")

    def test_an_error_after_comments(self):
        for name, (_, _, _, _, end, error) in DIALECTS.items():
            with self.subTest(name):
                r = self.ask(name, "fake:first_delay_ms=900 fake:status=500", "far")
                if "ollama" in name:
                    self.assertEqual((r.status, list(r.json)), (424, ["error"]))
                    continue
                self.assertEqual((r.status, r.cut), (200, True))
                self.assertIn(error, r.body)
                self.assertNotIn(end, r.body)

    def test_a_whole_reply_waits_without(self):
        r = self.ask("chat", "fake:first_delay_ms=500", "far", stream=False)
        self.assertEqual((r.text, r.headers["x-hither-destination"]), (ANSWER, "far"))


if __name__ == "__main__":
    unittest.main()
