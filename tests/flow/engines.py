# SPDX-License-Identifier: Apache-2.0
"""Engines that somebody else runs: found, told apart, used; and none whose prompts would leave.

engines.py HITHERD HITHER [unittest arguments]
"""
import json
import os
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


if __name__ == "__main__":
    unittest.main()
