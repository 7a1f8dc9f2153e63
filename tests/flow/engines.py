# SPDX-License-Identifier: Apache-2.0
"""Engines that somebody else runs: found, told apart, used; and none whose prompts would leave.

engines.py HITHERD HITHER [unittest arguments]
"""
import json
import os
import pty
import socket
import subprocess
import sys
import unittest

import stage
from fake_engines import Engine, MODELS

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
NAMES = {"llama-server": "llama-server", "ollama": "Ollama", "lm-studio": "LM Studio", "lemonade": "Lemonade",
         "vllm": "vLLM", "mlc": "MLC LLM", "litert": "LiteRT-LM", "foundry": "Foundry Local",
         "openai": "OpenAI-compatible server"}


class Probing(unittest.TestCase):
    def engine(self, kind, **more):
        e = Engine(kind, **more)
        self.addCleanup(e.close)
        return e

    def run_command(self, *args, code=0, **env):
        done = subprocess.run([COMMAND, "engine", *args], capture_output=True, text=True, timeout=stage.PATIENCE_S,
                              env={**os.environ, "NO_COLOR": "1", "http_proxy": "http://127.0.0.1:9", **env},
                              check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def probe(self, e, **more):
        return json.loads(self.run_command("probe", e.url, "--json", **more).stdout)

    def test_each_kind_is_recognised(self):
        self.assertEqual(sorted(NAMES), sorted(MODELS))
        for kind, name in NAMES.items():
            with Engine(kind) as e:
                found = self.probe(e)
                self.assertEqual(found["engine"], name)
                self.assertTrue(any(m["locality"] != "elsewhere" for m in found["models"]), found)
                self.assertEqual([r for r in e.requests if not r.startswith("GET ")], [])
                self.assertFalse(found["exposed"])

    def test_what_leaves_is_said_to(self):
        e = self.engine("ollama")
        found = self.probe(e)
        self.assertEqual({m["name"]: m["locality"] for m in found["models"]},
                         {"big:cloud": "elsewhere", "llama3.2:latest": "proven"})
        self.assertIs(found["cloud_off"], True)
        e.answers["/api/status"]["cloud"]["disabled"] = False
        self.assertIn("OLLAMA_NO_CLOUD=1", self.run_command("probe", e.url).stderr)
        found = self.probe(self.engine("lemonade"))
        self.assertEqual([m["locality"] for m in found["models"]], ["elsewhere", "claimed"])

    def test_context_and_state(self):
        models = {m["name"]: m for m in self.probe(self.engine("lm-studio"))["models"]}
        self.assertEqual((models["qwen"]["context_tokens"], models["qwen"]["loaded"]), (4096, True))
        self.assertIs(models["nomic"]["embeddings"], True)
        e = self.engine("llama-server")
        e.loading = True
        found = self.probe(e)
        self.assertEqual((found["engine"], found["loading"], found["models"]), ("llama-server", True, []))

    def test_one_that_listens_everywhere_is_told(self):
        e = self.engine("litert", host="0.0.0.0")
        self.assertIs(self.probe(e)["exposed"], True)
        self.assertIn("every network", self.run_command("probe", e.url).stderr)

    def test_only_loopback_is_asked(self):
        for url in ("http://10.0.0.1:11434", "https://127.0.0.1:1", "http://127.0.0.1", "example.com:80"):
            self.run_command("probe", url, code=2)
        e = self.engine("mlc")
        e.close()
        self.run_command("probe", e.url, code=1)

    def test_the_environment_names_more(self):
        e = self.engine("ollama")
        found = json.loads(self.run_command("list", "--json", OLLAMA_HOST=f"0.0.0.0:{e.port}").stdout)["engines"]
        self.assertIn(e.url, [f["url"] for f in found])
        found = json.loads(self.run_command("list", "--json", OLLAMA_HOST="http://192.0.2.1:80").stdout)["engines"]
        self.assertNotIn("http://192.0.2.1:80", [f["url"] for f in found])


def says(prompt):
    return {"messages": [{"role": "user", "content": prompt}]}


class Setup(unittest.TestCase):
    """The first run, without anybody to ask."""

    def setUp(self):
        self.d = stage.Daemon(PROGRAM, model=None)
        self.addCleanup(self.d.close)

    def run_setup(self, *args, code=0, **env):
        done = subprocess.run([COMMAND, "setup", *args], capture_output=True, text=True, check=False,
                              timeout=4 * stage.PATIENCE_S, stdin=subprocess.DEVNULL, start_new_session=True,
                              env={**os.environ, "NO_COLOR": "1", "HOME": self.d.home,
                                   "XDG_CONFIG_HOME": self.d.path("config"), "XDG_DATA_HOME": self.d.path("data"),
                                   "XDG_STATE_HOME": self.d.path("state"),
                                   "HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), **env})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def read(self, *parts):
        with open(self.d.path("config", "hither", *parts), encoding="utf-8") as f:
            return json.load(f)

    def test_with_an_engine_of_somebody_else(self):
        e = Engine("ollama")
        self.addCleanup(e.close)
        out = self.run_setup("--yes", "--engine", "ollama", "--no-cloud", OLLAMA_HOST=f"127.0.0.1:{e.port}").stdout
        self.assertIn("hither chat", out)
        self.assertEqual(self.read("policy.d", "10-mine.json")["default"]["cloud"], "deny")
        self.assertEqual(self.read("hitherd.json")["engine"], {"endpoint": e.url, "model": "llama3.2:latest"})
        for name in ("hitherd.json", os.path.join("policy.d", "10-mine.json")):
            path = self.d.path("config", "hither", name)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path, "a", encoding="utf-8") as f:
                f.write("\n")
        again = self.run_setup("--yes", "--engine", e.url, "--no-cloud").stdout
        self.assertIn("stays as it is", again)
        self.assertIn(e.url, again)
        # The daemon takes what was written.
        self.d.config["engine"] = self.read("hitherd.json")["engine"]
        self.d.policy(self.read("policy.d", "10-mine.json"))
        self.d.start()
        self.assertEqual(self.d.chat("hello").headers["x-hither-tier"], "device")

    def test_a_person_adds_a_cloud_that_is_asked_about(self):
        answers = ["n", "y", "https://cloud.example/v1", "large", "Example", "eu"]
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update({"HOME": self.d.home, "XDG_CONFIG_HOME": self.d.path("config"), "TERM": "dumb",
                               "XDG_DATA_HOME": self.d.path("data"), "HITHER_HOST": "unix:" + self.d.path("run", "x")})
            os.execv(COMMAND, [COMMAND, "setup", "--engine", "llama-server"])
        screen, answered = b"", 0
        while True:
            try:
                more = os.read(fd, 65536)
            except OSError:
                break
            screen += more
            if answered < len(answers) and screen.endswith((b"(Y/n) ", b"(y/N) ", b": ", b"] ")):
                os.write(fd, answers[answered].encode() + b"\n")
                answered += 1
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        self.assertEqual((os.waitstatus_to_exitcode(status), answered), (0, len(answers)), screen.decode())
        policy = self.read("policy.d", "10-mine.json")
        self.assertEqual((policy["default"]["cloud"], policy["destinations"]["cloud"]["base_url"]),
                         ("ask", "https://cloud.example/v1"))
        self.assertIn(b"nothing leaves without a yes from you", screen)

    def test_without_a_network_the_policy_is_written_all_the_same(self):
        self.run_setup("--yes", "--engine", "llama-server", "--no-cloud", code=1,
                       npm_config_registry="http://127.0.0.1:9", npm_config_fetch_retries="0")
        self.assertEqual(self.read("policy.d", "10-mine.json")["default"]["cloud"], "deny")

    def test_what_is_missing_is_said(self):
        self.run_setup("--yes", "--engine", "nonesuch", "--no-cloud", code=1)
        self.run_setup(code=2)
        self.assertFalse(os.path.exists(self.d.path("config", "hither")))


class Using(unittest.TestCase):
    """The daemon with engine.endpoint at one of them."""

    def daemon(self, kind, model="", answers=None, **more):
        e = Engine(kind)
        self.addCleanup(e.close)
        e.answers.update(answers or {})
        d = stage.Daemon(PROGRAM, model=None, engine={"endpoint": e.url, "binary": "/nonexistent", "model": model,
                                                      **more})
        self.addCleanup(d.close)
        return d.start(), e

    def test_descriptors_of_others_on_their_way(self):
        """A hundred that this user's other programs pass to each other and have not yet taken: the kernel counts them
        together with ours."""
        ends = socket.socketpair()
        self.addCleanup(ends[0].close)
        self.addCleanup(ends[1].close)
        for _ in range(2):
            socket.send_fds(ends[0], [b"x"], [ends[0].fileno()] * 50)
        d, _ = self.daemon("llama-server")
        r = d.chat("What is the capital of France?")
        self.assertEqual(r.status, 200, r.body)

    def test_each_kind_answers_whole_and_streamed(self):
        for kind in NAMES:
            with self.subTest(kind):
                d, e = self.daemon(kind)
                r = d.chat("What is the capital of France?")
                self.assertEqual((r.status, r.text), (200, "The capital of France is Paris."), r.body)
                self.assertEqual(r.headers["x-hither-tier"], "device")
                r = d.chat("fake:tokens=3 fake:comment x", stream=True)
                self.assertEqual((r.text, r.events[-1], r.cut), ("t0 t1 t2 ", "[DONE]", False))
                self.assertNotIn(e.chats[0]["model"], ("big:cloud", "openai.gpt", "nomic"))
                for path, body in (("/v1/messages", {"model": "auto", "max_tokens": 9, **says("x")}),
                                   ("/api/chat", {"model": "auto", "stream": False, **says("x")})):
                    self.assertEqual(d.call("POST", path, body).status, 200, path)
                self.doCleanups()

    def test_a_cut_and_an_error_inside_are_never_complete(self):
        for kind in ("ollama", "vllm", "lm-studio", "llama-server"):
            d, _ = self.daemon(kind)
            for script in ("fake:tokens=9 fake:cut_after=4", "fake:tokens=9 fake:error_after=4", "fake:late_error"):
                r = d.chat(script + " x", stream=True)
                self.assertNotIn(b"[DONE]", r.body, (kind, script))
                self.assertTrue(r.cut or r.status != 200, (kind, script, r.body))
            self.doCleanups()

    def test_tools_with_their_quirks(self):
        tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
        for kind, script in (("ollama", ""), ("vllm", ""), ("lm-studio", "fake:args_object ")):
            d, _ = self.daemon(kind)
            r = d.chat("fake:tool=weather " + script + "x", stream=True, tools=[tool])
            calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in r.chunks
                     if c.get("choices") and c["choices"][0]["delta"].get("tool_calls")]
            self.assertEqual(calls[0]["function"]["name"], "weather", r.body)
            self.assertEqual(json.loads("".join(c["function"].get("arguments", "") for c in calls)), {"city": "Paris"})
            self.doCleanups()

    def test_ollama_is_told_how_much_to_read_and_to_cut_nothing(self):
        d, e = self.daemon("ollama", context_tokens=2048)
        d.chat("hello")
        self.assertEqual(e.chats[0]["options"]["num_ctx"], 4096)  # as it is loaded already
        self.assertEqual((e.chats[0]["truncate"], e.chats[0]["shift"]), (False, False))
        r = d.chat("word " * 5000, model="local")
        self.assertEqual((r.status, r.json["error"]["code"]), (400, "engine_refused"), r.body)
        self.assertIn("4096 tokens", r.json["error"]["message"])
        d, e = self.daemon("ollama", answers={"/api/ps": {"models": []}}, context_tokens=2048)
        d.chat("hello")
        self.assertEqual(e.chats[0]["options"]["num_ctx"], 2048)
        r = d.chat("x" * 30000, model="local")  # may be few tokens; Ollama counts, and refuses
        self.assertEqual((r.status, len(e.chats)), (400, 2), r.body)

    def test_a_tool_that_ollama_would_run_elsewhere_is_refused(self):
        d, e = self.daemon("ollama")
        for name, status in (("web_search", 400), ("web_fetch", 400), ("my_search", 200)):
            r = d.chat("hello", tools=[{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}])
            self.assertEqual(r.status, status, r.body)
        self.assertEqual(len(e.chats), 1)

    def test_a_model_that_a_server_answers_for_is_never_asked(self):
        for model in ("big:cloud", "hidden"):
            d, e = self.daemon("ollama", model, {"/api/tags": {"models": [
                {"name": "big:cloud"}, {"name": "hidden:latest", "remote_host": "https://ollama.com:443"}]}})
            r = d.chat("hello", model="local")
            self.assertEqual((r.status, r.json["error"]["code"]), (503, "engine_unavailable"), r.body)
            self.assertIn("a server answers for", r.json["error"]["message"])
            self.assertEqual([x for x in e.requests if x.startswith("POST")], [])
        d, e = self.daemon("lemonade", "openai.gpt")
        self.assertEqual(d.chat("hello", model="local").status, 503)
        self.assertEqual(e.chats, [])

    def test_a_named_model_is_used_and_a_missing_one_is_said(self):
        d, e = self.daemon("ollama", "llama3.2")
        self.assertEqual(d.chat("hello").status, 200)
        self.assertEqual(e.chats[0]["model"], "llama3.2:latest")
        d, _ = self.daemon("vllm", "other")
        r = d.chat("hello", model="local")
        self.assertIn("has no model other", r.json["error"]["message"])

    def test_loading_is_waited_for(self):
        e = Engine("llama-server")
        self.addCleanup(e.close)
        e.loading = True
        d = stage.Daemon(PROGRAM, model=None, engine={"endpoint": e.url})
        self.addCleanup(d.close)
        d.start()
        waiting = d.later(d.chat, "hello", "local")
        stage.until("it is looked at", lambda: len(e.requests) > 2)
        e.loading = False
        self.assertEqual(waiting.result().status, 200)

    def test_a_kept_connection_that_the_engine_closed_is_tried_once_more(self):
        d, e = self.daemon("vllm")
        self.assertEqual(d.chat("hello").status, 200)
        r = d.chat("fake:drop x")
        self.assertEqual((r.status, len(e.chats)), (200, 2), r.body)
        self.assertEqual(e.requests.count("POST /v1/chat/completions"), 3)
        # After the first byte nothing is asked again.
        before = len(e.chats)
        d.chat("fake:tokens=9 fake:cut_after=4 x", stream=True)
        self.assertEqual(len(e.chats), before + 1)

    def test_away_and_back(self):
        d, e = self.daemon("mlc")
        self.assertEqual(d.chat("hello").status, 200)
        e.close()
        r = d.chat("hello", model="local")
        self.assertEqual((r.status, r.json["error"]["code"]), (503, "engine_unavailable"), r.body)
        self.assertIn("engine.endpoint", r.json["error"]["message"])
        again = Engine("mlc", port=e.port)
        self.addCleanup(again.close)
        stage.until("it answers", lambda: d.chat("hello", model="local").status == 200)

    def test_nothing_but_loopback_can_be_named(self):
        for url in ("http://10.0.0.1:80", "https://127.0.0.1:80", "http://127.0.0.1", "http://example.com:80"):
            d = stage.Daemon(PROGRAM, model=None, engine={"endpoint": url})
            with self.assertRaisesRegex(AssertionError, "endpoint"):
                d.start()
            d.close()

    def test_embeddings_are_refused_by_name(self):
        d, _ = self.daemon("ollama")
        r = d.call("POST", "/v1/embeddings", {"model": "local", "input": "x"})
        self.assertEqual(r.status, 400, r.body)


if __name__ == "__main__":
    unittest.main()
