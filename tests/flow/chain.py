# SPDX-License-Identifier: Apache-2.0
"""prompt -> score -> policy -> engine, or question -> ledger -> provider; with all real roles.

chain.py HITHERD [unittest arguments]
"""
import json
import os
import signal
import socket
import sys
import time
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
EASY = "What is the capital of France?"
ANSWER = "The capital of France is Paris."


def policy(d, **more):
    return {"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
            "default": {"cloud": "ask"}, "rules": [],
            "consent": {"timeout": "20s"}, **more}


class Case(unittest.TestCase):
    ask_policy = True

    def stage(self, **more):
        d = stage.Daemon(PROGRAM, **more)
        self.addCleanup(d.close)
        return d

    def daemon(self, policy_more=None, **more):
        d = self.stage(**more)
        if self.ask_policy:
            d.policy(policy(d, **(policy_more or {})))
        return d.start()

    def refused(self, reply, status, code):
        self.assertEqual((reply.status, reply.json["error"]["code"]), (status, code), reply.body)
        for key in ("message", "type", "param", "code"):
            self.assertIn(key, reply.json["error"])


class OnTheDevice(Case):
    def test_easy_prompt_stays(self):
        d = self.daemon()
        r = d.chat(EASY)
        self.assertEqual((r.status, r.text), (200, ANSWER))
        self.assertEqual(r.headers["x-hither-tier"], "device")
        self.assertEqual(r.headers["x-hither-destination"], "local")
        self.assertLess(float(r.headers["x-hither-score"]), 0.62)
        self.assertNotIn("x-hither-receipt", r.headers)
        dec = d.decision(r)
        self.assertEqual((dec["schema"], dec["route"], dec["destination"], dec["outcome"],
                          dec["finish_reason"]),
                         ("hither.decision/1", "device", "local", "answered", "stop"))
        self.assertEqual(dec["destinations"]["far"]["verdict"], "ask")
        self.assertEqual(d.cloud.connections, 0)

    def test_streamed(self):
        d = self.daemon()
        r = d.chat(EASY, stream=True, stream_options={"include_usage": True})
        self.assertEqual((r.text, r.events[-1], r.cut), (ANSWER, "[DONE]", False))
        self.assertEqual(r.headers["content-type"], "text/event-stream")
        self.assertEqual(r.headers["cache-control"], "no-store")
        self.assertEqual(len({c["id"] for c in r.chunks}), 1)
        self.assertEqual([c["choices"] for c in r.chunks][-1], [])
        self.assertGreater(r.chunks[-1]["usage"]["completion_tokens"], 0)
        self.assertEqual([c["choices"][0]["finish_reason"] for c in r.chunks if c["choices"]].count("stop"), 1)

    def test_hard_prompt_stays_when_the_app_says_so(self):
        d = self.daemon()
        for r in (d.chat(stage.HARD, headers={"Hither-Max-Tier": "device"}),
                  d.chat(stage.HARD, hither={"max_tier": "device"}), d.chat(stage.HARD, model="local"),
                  d.chat(stage.HARD, model="local/fake")):
            self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"), r.body)
        self.assertEqual((d.cloud.connections, d.questions()), (0, []))

    def test_a_decision_says_what_it_held(self):
        rule = {"id": "stay", "effect": "deny", "when": {"data": {"any": ["personal.contact.*"]}, "tier": ["cloud"]}}
        d = self.daemon({"rules": [rule]})
        text = "Say hello to bob@example.com"
        told = d.route(text).json
        self.assertEqual((told["destinations"]["far"]["verdict"], told["destinations"]["far"]["by"]),
                         ("deny", ["stay"]))
        seen = d.decision(d.chat(text))
        for key in ("score", "categories", "data_known", "destinations", "route", "reasons"):
            self.assertEqual(seen[key], told[key], key)
        self.assertIn({"name": "personal.contact.email", "count": 1}, seen["categories"])
        # Many under way: none is kept waiting for it, and none says "deny" for want of it.
        for job in [d.later(d.chat, f"fake:tokens=20 fake:delay_ms=5 {text} {i}") for i in range(4)]:
            seen = d.decision(job.result())
            far = seen["destinations"]["far"]
            self.assertEqual((far["verdict"], far["by"]),
                             ("deny", ["stay"]) if seen["data_known"] else ("unevaluated", []))
            self.assertEqual(seen["destinations"]["local"], told["destinations"]["local"])

    def test_headers_have_words(self):
        d = self.daemon()
        for name, value in (("Hither-Consent", "xx"), ("Hither-Max-Tier", "xx"), ("Hither-Draft", "xx"),
                            ("Hither-Cascade", "xx")):
            for r in (d.chat(EASY, headers={name: value}), d.route(EASY, **{name: value})):
                self.refused(r, 400, "invalid_value")
                self.assertIn(name, r.json["error"]["message"])
                self.assertNotIn("x-hither-decision", r.headers, "there is none to look at")
        self.assertEqual(d.chat(EASY, headers={"Hither-Consent": "hold"}).status, 200)

    def test_a_format_the_model_cannot_be_held_to(self):
        d = self.daemon()
        body = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
        r = d.chat("fake:error=400", response_format=body)
        self.refused(r, 400, "unsupported_value")
        self.assertEqual(r.json["error"]["param"], "response_format")
        self.assertEqual((r.headers["x-hither-tier"], r.headers["x-hither-decision"]),
                         ("device", r.json["error"]["decision_id"]))
        for script in ("error=400", "error=500", "error=503"):
            self.assertNotIn("destination", d.chat("fake:" + script).json["error"]["message"])

    def test_a_schema_is_a_grammar_or_refused(self):
        d = self.daemon()

        def ask(schema, prompt="fake:shape", **more):
            body = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
            return d.chat(prompt, response_format=body, **more)

        r = ask({"type": "object", "properties": {"city": {"enum": ["Paris"]}}, "required": ["city"]})
        self.assertEqual(r.status, 200, r.body)
        self.assertIn('"\\"city\\"" ":" ws', json.loads(r.text)["grammar"])
        self.assertNotIn("response_format", json.loads(r.text))
        served = d.engine_stats()["requests"]
        for stream in (False, True):
            r = ask({"properties": {"p": {"type": "string", "pattern": "^a$"}}}, stream=stream)
            self.refused(r, 400, "unsupported_value")
            self.assertEqual(r.json["error"]["param"], "response_format")
            self.assertIn("'pattern' at #/properties/p", r.json["error"]["message"])
        self.assertEqual(d.engine_stats()["requests"], served, "nothing was asked of the engine")
        self.assertEqual(d.chat(EASY).status, 200)

    def test_names(self):
        d = self.daemon()
        for name in ("gpt-4o", "local/none", "far/none", "cloud/", "auto/x", "local:cloud", "cloud/far"):
            self.refused(d.chat(EASY, model=name), 404, "model_not_found")
        ids = [m["id"] for m in d.get("/v1/models").json["data"]]
        self.assertEqual(ids, ["auto", "local", "local/fake", "cloud", "far", "far/fake-large",
                               "far/fake-small"])
        self.assertEqual(d.get("/v1/models/local/fake").json["id"], "local/fake")
        self.refused(d.get("/v1/models/none"), 404, "model_not_found")

    def test_engine_dies_in_the_stream(self):
        d = self.daemon()
        r = d.chat("fake:tokens=50 fake:die_after=3", stream=True)
        self.assertEqual(r.status, 200)
        self.assertTrue(r.cut, "no final chunk")
        self.assertIn("error", r.chunks[-1])
        self.assertNotIn("[DONE]", r.events)
        self.assertEqual(r.text, "t0 t1 t2 ")

    def test_engine_cut_or_broken_streams_end_in_an_error(self):
        d = self.daemon()
        for script in ("cut_after=3", "cut", "error_after=3"):
            r = d.chat(f"fake:tokens=50 fake:{script}", stream=True)
            self.assertTrue(r.cut, script)
            self.assertIn("error", r.chunks[-1], script)
            self.assertNotIn("[DONE]", r.events)

    def test_engine_dies_before_the_answer(self):
        d = self.daemon()
        r = d.chat("fake:die_after=0")
        self.assertGreaterEqual(r.status, 500, r.body)
        self.assertIn("message", r.json["error"])
        self.assertEqual(d.chat(EASY).text, ANSWER, "and the next request is served")

    def test_length_is_told(self):
        d = self.daemon()
        self.assertEqual(d.chat("fake:finish=length").json["choices"][0]["finish_reason"], "length")

    def test_tool_call(self):
        d = self.daemon()
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
        m = d.chat("fake:tool=get_weather", tools=tools).json["choices"][0]
        self.assertEqual(m["finish_reason"], "tool_calls")
        self.assertEqual(m["message"]["tool_calls"][0]["function"]["name"], "get_weather")

    def test_no_model(self):
        d = self.daemon(model=None)
        r = d.chat(EASY)
        self.assertEqual(r.status, 503, r.body)
        self.assertIn("hither model", r.json["error"]["message"])

    def test_no_engine(self):
        d = self.daemon(engine={"binary": "/nonexistent/llama-server"})
        r = d.chat(EASY)
        self.assertEqual((r.status, r.json["error"]["code"]), (503, "engine_missing"), r.body)

    def test_client_leaves(self):
        d = self.daemon()
        for stream in (False, True):
            before = (d.engine_stats() or {"cancelled": 0})["cancelled"]
            c = d.connect()
            c.request("POST", "/v1/chat/completions", json.dumps(
                {"model": "local", "stream": stream, "messages": [
                    {"role": "user", "content": "fake:tokens=100000 fake:delay_ms=5"}]}))
            stage.until("the engine works", lambda: (d.engine_stats() or {"active": 0})["active"] == 1)
            c.close()
            stage.until("the engine was told",
                        lambda n=before: d.engine_stats()["cancelled"] == n + 1)
            stage.until("nothing is active", lambda: d.engine_stats()["active"] == 0)

    def test_local_is_replaced_while_requests_wait(self):
        d = self.daemon()
        d.install("fake", "fake:load_ms=1500")
        later = d.later(d.chat, EASY)
        pid = stage.until("local runs", lambda: d.role_pid("local"))
        time.sleep(0.2)  # on its way to local; both orders are fine
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(later.result().text, ANSWER)

    def test_local_that_ends_again_and_again_is_not_waited_for(self):
        d = self.daemon()
        d.install("fake", "fake:load_ms=600000")
        later, ended = d.later(d.chat, EASY), set()
        stage.until("it waits for the engine", lambda: d.get("/hither/v1/status", sock="admin.sock").json["engine"]["pid"])
        for _ in range(3):
            pid = stage.until("local runs", lambda: (p := d.role_pid("local")) not in ended and p)
            ended.add(pid)
            os.kill(pid, signal.SIGKILL)
        reply = later.result()
        self.assertEqual((reply.status, reply.json["error"]["code"]), (503, "engine_unavailable"))
        self.assertIn("hither status", reply.json["error"]["message"])

    def test_slow_reader(self):
        """Whoever does not read pauses the source, the engine's or the provider's; memory stays flat."""
        d = stage.Daemon(PROGRAM, limits={"output_buffer_bytes": 4096})
        self.addCleanup(d.close)
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "allow"}, "rules": []})
        d.start()
        for model, role in (("local", "local"), ("far", "cloud")):
            with self.subTest(model):
                before = {r: self.resident(d, r) for r in ("router", role)}
                s = socket.socket(socket.AF_UNIX)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.settimeout(stage.PATIENCE_S)
                s.connect(d.path("run", "hither.sock"))
                body = json.dumps({"model": model, "stream": True, "messages": [
                    {"role": "user", "content": "fake:tokens=30000"}]}).encode()
                s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                          b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                for _ in range(5):
                    self.assertEqual(d.chat(EASY).text, ANSWER, "others are served meanwhile")
                for r, bytes_before in before.items():
                    self.assertLess(self.resident(d, r) - bytes_before, 8 << 20, f"and nothing piles up in {r}")
                out = b""
                while more := s.recv(65536):
                    out += more
                s.close()
                self.assertTrue(out.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"))
                self.assertEqual(out.count(b'"content":"t'), 30000, "every token arrives")
                self.assertGreater(len(out), 5 << 20, "more than all buffers together")

    def resident(self, d, role):
        with open(f"/proc/{d.role_pid(role)}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4096

    def test_too_many_requests(self):
        d = self.daemon(limits={"queue": 2})
        jobs = [d.later(d.chat, "fake:tokens=5 fake:delay_ms=100") for _ in range(6)]
        got = sorted(j.result().status for j in jobs)
        self.assertEqual((got[0], got[-1]), (200, 503))
        r = d.chat(EASY)
        self.assertEqual(r.status, 200, "and room again afterwards")

    def test_app_socket(self):
        d = self.daemon(app="org.example.Notes", policy_more={"rules": [
            {"id": "notes-stay", "effect": "local_only", "when": {"app": ["org.example.Notes"],
                                                                  "identity": "socket"}}]})
        body = {"model": "far", "messages": [{"role": "user", "content": EASY}]}
        r = d.call("POST", "/v1/chat/completions", body, {"Hither-App": "something-else"},
                   sock="apps/org.example.Notes.sock")
        self.refused(r, 403, "policy_denied")
        self.assertIn("notes-stay", r.json["error"]["rules"])
        r = d.call("POST", "/hither/v1/route", {"prompt": stage.HARD},
                   {"Hither-App": "org.example.Notes"})
        self.assertEqual(r.json["destinations"]["far"]["verdict"], "ask", "a claim is not proof")

    def test_many_at_once(self):
        d = self.daemon()
        prompts = [f"fake:echo canary number {i} of thirty" for i in range(30)]
        for p, job in [(p, d.later(d.chat, p, stream=i % 2 == 0)) for i, p in enumerate(prompts)]:
            self.assertEqual(job.result().text.strip(), p.replace("fake:echo ", ""))


class Keys(Case):
    """A key that was taken away or changed is not used any more."""
    ask_policy = False

    def key(self, d, text, mode=0o600):
        os.makedirs(d.path("config", "secrets.d"), 0o700, exist_ok=True)
        path = d.path("config", "secrets.d", "fake_key")
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def sends(self, d):
        """The key that a request carried; None when nothing left."""
        before = len(d.cloud.requests)
        d.chat(EASY, model="far")
        if len(d.cloud.requests) == before:
            return None
        head = d.cloud.requests[-1][0].decode()
        return head.split("Authorization: Bearer ")[1].split("\r\n")[0]

    def test_key_changes(self):
        d = self.stage()
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"}, "rules": [],
                  "destinations": {"far": d.destination(auth={"secret": "fake_key"})}})
        path = self.key(d, "sk-one\n")
        d.start()
        generation = d.get("/hither/v1/status", sock="admin.sock").json["policy"]["generation"]
        self.assertEqual(self.sends(d), "sk-one")
        os.unlink(path)
        d.process.send_signal(signal.SIGHUP)
        stage.until("the removed key is forgotten", lambda: self.sends(d) is None)
        self.key(d, "sk-two\n")  # seen by itself
        stage.until("the new key is in use", lambda: self.sends(d) == "sk-two")
        os.chmod(path, 0o644)
        self.assertEqual(d.call("POST", "/hither/v1/reload", sock="admin.sock").status, 200)
        stage.until("the open key is forgotten", lambda: self.sends(d) is None)
        self.key(d, "sk-three\r\n")
        stage.until("its line end is named", lambda: "carriage return" in d.said())
        self.assertIsNone(self.sends(d))
        self.assertEqual(d.get("/hither/v1/status", sock="admin.sock").json["policy"]["generation"], generation)
        self.assertNotIn("sk-", d.said())


class WithConsent(Case):
    def test_nobody_there(self):
        d = self.daemon()
        r = d.chat(stage.HARD)
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"), r.body)
        self.assertEqual(d.cloud.connections, 0)
        self.assertTrue(any("instead" in x for x in d.decision(r)["reasons"]))

    def test_yes(self):
        d = self.daemon()
        agent = d.agent()
        for stream in (False, True):
            later = d.program(stage.HARD + f" {stream}", stream=stream)
            q = d.question()
            self.assertEqual(d.cloud.connections, int(stream))
            self.assertEqual(d.answer(q, "approve").status, 200)
            r = later.result()
            self.assertEqual((r.status, r.text), (200, ANSWER), r.body)
            self.assertEqual((r.headers["x-hither-tier"], r.headers["x-hither-destination"]),
                             ("cloud", "far"))
            self.assertEqual(len(r.headers["x-hither-receipt"]), 26)
            head, body = d.cloud.requests[-1]
            self.assertEqual(body.decode(), q["body"], "what was shown is what was sent")
            self.assertEqual(d.decision(r)["receipt"], r.headers["x-hither-receipt"])
        self.assertEqual(len(d.cloud.requests), 2)
        agent.close()

    def test_no(self):
        d = self.daemon()
        agent = d.agent()
        later = d.program(stage.HARD)
        d.answer(d.question(), "deny")
        r = later.result()
        self.assertEqual((r.status, r.headers["x-hither-tier"]), (200, "device"))
        later = d.program(stage.HARD + " Again.", model="far")
        d.answer(d.question(), "deny")
        r = later.result()
        self.refused(r, 403, "consent_denied")
        self.assertEqual(r.json["error"]["message"], "The person said no.")
        self.assertEqual((r.headers["x-hither-decision"], r.headers["x-hither-tier"],
                          r.headers["x-hither-destination"]),
                         (r.json["error"]["decision_id"], "cloud", "far"))
        self.assertNotIn("x-hither-receipt", r.headers)
        self.assertEqual(d.cloud.connections, 0)
        agent.close()

    def test_nobody_answers(self):
        d = self.daemon({"consent": {"timeout": "1s"}})
        agent = d.agent()
        r = d.program(stage.HARD, model="far").result()
        self.refused(r, 403, "consent_timeout")
        self.assertEqual(r.json["error"]["message"], "Nobody answered in time.")
        agent.close()

    def test_question_returned(self):
        d = self.daemon()
        agent = d.agent()
        r = d.program(stage.HARD, headers={"Hither-Consent": "return"}).result()
        self.refused(r, 403, "consent_required")
        self.assertEqual(r.headers["x-should-retry"], "false")
        shown = d.question()
        self.assertEqual(r.json["consent"]["id"], shown["id"])
        self.assertEqual(r.json["consent"]["digest"], shown["digest"])
        self.assertEqual(r.json["consent"]["destination"], "far")
        d.answer(shown, "approve")
        self.assertEqual(d.program(stage.HARD).result().headers["x-hither-tier"], "cloud")
        self.assertEqual(len(d.cloud.requests), 1)
        agent.close()

    def test_provider_fails(self):
        d = self.daemon({"rules": [{"id": "free", "effect": "allow", "when": {"tier": ["cloud"]}}]})
        r = d.chat(stage.HARD + " fake:status=500")
        self.assertEqual(r.headers.get("x-hither-tier"), "device", r.body)
        r = d.chat(stage.HARD + " fake:status=500", model="far")
        self.assertNotIn(r.status, (408, 409, 429))
        self.assertLess(r.status, 500)
        self.assertEqual(r.headers["x-should-retry"], "false")
        self.assertNotIn(b"CANARY", r.body)
        r = d.chat(stage.HARD + " fake:cut_after=3", model="far", stream=True)
        if r.status == 424:  # it broke before anything had gone out: the error stands alone
            self.assertEqual(r.json["error"]["code"], "stream_cut")
        else:
            self.assertTrue(r.cut, (r.status, r.body))
            self.assertIn("error", r.chunks[-1])
        self.assertNotIn("[DONE]", r.events)

    def test_provider_redirects(self):
        d = self.daemon({"rules": [{"id": "free", "effect": "allow", "when": {"tier": ["cloud"]}}]})
        r = d.chat(stage.HARD + " fake:status=422", model="far")
        self.refused(r, 422, "upstream_bad_request")
        self.assertEqual(r.json["error"]["type"], "invalid_request_error")
        r = d.chat(stage.HARD + " fake:status=302", model="far")
        self.refused(r, 424, "upstream_redirect")
        self.assertEqual((r.json["error"]["type"], r.reason), ("server_error", "Failed Dependency"))
        self.assertEqual((r.headers["x-hither-tier"], r.headers["x-hither-destination"]), ("cloud", "far"))
        self.assertEqual(d.decision(r)["receipt"], r.headers["x-hither-receipt"], "it was sent")

    def test_provider_down(self):
        d = self.daemon({"rules": [{"id": "free", "effect": "allow", "when": {"tier": ["cloud"]}}]})
        d.cloud.close()
        r = d.chat(stage.HARD)
        self.assertEqual(r.headers["x-hither-tier"], "device")
        self.assertNotIn("x-hither-receipt", r.headers)
        r = d.chat(stage.HARD, model="far")
        self.refused(r, 502, "upstream_unreachable")
        self.assertEqual((r.headers["x-should-retry"], r.headers["x-hither-destination"]), ("false", "far"))
        self.assertNotIn("x-hither-receipt", r.headers, "nothing was sent")

    def test_consent_dies_in_the_stream(self):
        d = self.daemon({"rules": [{"id": "free", "effect": "allow", "when": {"tier": ["cloud"]}}]})
        later = d.later(d.chat, "fake:tokens=2000 fake:delay_ms=10", model="far", stream=True)
        stage.until("the provider works", lambda: d.cloud.sent_tokens > 3)
        os.kill(d.role_pid("consent"), signal.SIGKILL)
        error = later.result().chunks[-1]["error"]
        self.assertEqual((error["code"], error["type"]), ("consent_gone", "server_error"))
        self.assertIn("broke off", error["message"])

    def test_revoking_cuts_the_stream_that_it_was_given_with(self):
        d = self.daemon({"consent": {"timeout": "20s", "scopes": ["once", "session"]}})
        agent = d.agent()
        later = d.program("fake:tokens=100000 fake:delay_ms=5", model="far", stream=True)
        grant = d.answer(d.question(), "approve", scope="session").json["grant"]
        stage.until("the provider works", lambda: d.cloud.active == 1 and d.cloud.sent_tokens > 3)
        gone = d.call("DELETE", "/hither/v1/grants/" + grant, sock="consent.sock").json
        self.assertEqual(len(gone["aborted"]), 1)
        stage.until("the provider is left alone", lambda: d.cloud.active == 0)
        r = later.result()
        self.assertTrue(r.cut)
        self.assertNotIn("[DONE]", r.events)
        agent.close()

    def test_client_leaves_the_provider(self):
        d = self.daemon({"rules": [{"id": "free", "effect": "allow", "when": {"tier": ["cloud"]}}]})
        c = d.connect()
        c.request("POST", "/v1/chat/completions", json.dumps(
            {"model": "far", "stream": True, "messages": [
                {"role": "user", "content": "fake:tokens=100000 fake:delay_ms=5"}]}))
        stage.until("the provider works", lambda: d.cloud.active == 1 and d.cloud.sent_tokens > 3)
        c.close()
        c.sock and c.sock.close()
        stage.until("the provider is left alone", lambda: d.cloud.active == 0)

    def test_denied(self):
        d = self.daemon({"rules": [{"id": "never", "effect": "deny", "when": {"tier": ["cloud"]},
                                    "because": "Not from here."}]})
        r = d.chat(stage.HARD, model="far")
        self.refused(r, 403, "policy_denied")
        self.assertEqual(d.decision(r)["route"], "refused")
        self.assertNotIn("x-hither-tier", r.headers, "no place was chosen")
        self.assertIn("never", r.json["error"]["rules"])
        self.refused(d.chat(stage.HARD, model="cloud"), 403, "policy_denied")
        self.assertEqual(d.chat(stage.HARD).headers["x-hither-tier"], "device")
        self.assertEqual(d.route(stage.HARD).json["destinations"]["far"]["by"], ["never"])

    def test_masking(self):
        d = self.daemon({"rules": [{"id": "mask", "effect": "allow", "when": {"tier": ["cloud"]},
                                    "with": {"redact": ["personal.contact.*"]}}]})
        r = d.chat("fake:echo Write to ann.example@example.org about it.", model="far")
        self.assertEqual(r.status, 200, r.body)
        self.assertNotIn(b"ann.example", d.cloud.requests[0][1])
        self.assertIn(b"[EMAIL-1]", d.cloud.requests[0][1])
        self.assertIn("ann.example@example.org", r.text, "restored in the answer")
        r = d.chat("fake:echo Write to ann.example@example.org about it.", model="far", stream=True)
        self.assertIn("ann.example@example.org", r.text, "in a stream as well")

    def test_dry_run_sends_nothing(self):
        d = self.daemon()
        r = d.route(stage.HARD).json
        self.assertEqual((r["route"], r["destination"], r["question"]["model"]),
                         ("cloud", "far", "fake-large"))
        self.assertGreaterEqual(r["score"], r["threshold"])
        self.assertEqual(r["policy"]["state"], "active")
        r = d.route(EASY).json
        self.assertEqual((r["route"], r["question"]), ("device", None))
        self.assertEqual((d.cloud.connections, d.questions()), (0, []))

    def test_policy_and_price_are_the_same_everywhere(self):
        d = self.daemon()
        d.policy(policy(d, destinations={"far": d.destination(
            price={"input_per_mtok": 3, "output_per_mtok": 15, "currency": "EUR"})}))
        d.call("POST", "/hither/v1/reload", sock="admin.sock")
        status = d.get("/hither/v1/status", sock="admin.sock").json["policy"]
        route = d.route(stage.HARD).json
        for key in ("id", "serial", "sha256", "state"):
            self.assertEqual(route["policy"][key], status[key], key)
        self.assertIsNone(route["policy"]["serial"], "the file states none")
        agent = d.agent()
        r = d.program(stage.HARD, headers={"Hither-Consent": "return"}).result()
        self.refused(r, 403, "consent_required")
        self.assertRegex(route["question"]["price"], r"^0\.\d{6} EUR$")
        self.assertEqual(route["question"]["price"], r.json["consent"]["price"])
        agent.close()

    def test_a_thousand_without_consent(self):
        d = self.daemon({"consent": {"no_agent": "local"}})
        c = d.connect()
        for i in range(1000):
            prompt = f"{stage.HARD if i % 2 else EASY} {i}"
            c.request("POST", "/v1/chat/completions", json.dumps(
                {"model": "auto", "stream": i % 3 == 0,
                 "messages": [{"role": "user", "content": prompt}]}))
            r = stage.Reply.of(c.getresponse())
            self.assertEqual((r.status, r.headers["x-hither-tier"], r.text), (200, "device", ANSWER))
        c.close()
        self.assertEqual(d.cloud.connections, 0)

    def test_roles_die_in_the_stream(self):
        for role in ("router", "local", "consent", "cloud"):
            d = self.daemon({"rules": [{"id": "free", "effect": "allow", "when": {"tier": ["cloud"]}}]})
            model = "far" if role in ("cloud", "consent") else "local"
            later = d.later(d.chat, "fake:tokens=200 fake:delay_ms=10", model=model, stream=True)
            pid = d.role_pid(role)
            if model == "far":
                stage.until("the provider works", lambda: d.cloud.sent_tokens > 3)
            else:
                stage.until("the engine works",
                            lambda: (d.engine_stats() or {"active": 0})["active"] == 1)
            os.kill(pid, signal.SIGKILL)
            try:
                r = later.result()
                self.assertTrue(r.cut or r.events[-1] == "[DONE]", role)
                if role == "cloud":
                    self.assertIn("error", r.chunks[-1])
            except OSError:
                self.assertEqual(role, "router")
            stage.until("it is back", lambda r=role, p=pid: d.role_pid(r) not in (None, p))
            self.assertEqual(stage.until("served again", lambda: answered(d)), ANSWER)


def answered(d):
    try:
        r = d.chat(EASY)
        return r.text if r.status == 200 else None
    except OSError:
        return None


if __name__ == "__main__":
    unittest.main(verbosity=1)
