# SPDX-License-Identifier: Apache-2.0
"""The whole daemon on a stage: real roles, the fake engine, a fake provider that counts, a person
who answers questions. Nothing here measures time; waits end at the first success."""
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "fake"))
from cloud import FakeCloud  # noqa: E402
from machine import Machine  # noqa: E402

ENGINE = os.path.join(ROOT, "tests", "fake", "engine.py")
PATIENCE_S = 60
HARD = ("Prove that there are infinitely many primes of the form 4k+3, rigorously, by contradiction, "
        "and derive the lemma you need.")


def until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("never: " + what)
        time.sleep(0.01)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def use_real_engine(daemon):
    """The engine and model of HITHER_TEST_ENGINE and HITHER_TEST_MODEL instead of the fake ones."""
    model = os.environ["HITHER_TEST_MODEL"]
    digest = hashlib.sha256()
    with open(model, "rb") as f:
        for piece in iter(lambda: f.read(1 << 20), b""):
            digest.update(piece)
    target = daemon.path("models", "real.gguf")
    try:
        os.link(model, target)
    except OSError:
        shutil.copyfile(model, target)
    entry = {"name": "real", "bytes": os.path.getsize(model), "context_length": 2048, "memory_bytes": 1000,
             "sha256": digest.hexdigest(), "file": "real.gguf", "sampling": {"temperature": 0.0}}
    with open(daemon.path("models", "index.json"), "w", encoding="utf-8") as f:
        json.dump({"schema": "hither.models/1", "chosen": "real", "models": [entry]}, f)
    daemon.config["engine"]["binary"] = os.environ["HITHER_TEST_ENGINE"]
    daemon.config["engine"]["parallel"] = 1


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, status, headers, body, cut, reason=None):
        self.status, self.headers, self.body, self.cut = status, headers, body, cut
        self.reason = reason

    @classmethod
    def of(cls, response):
        cut = False
        try:
            body = response.read()
        except http.client.IncompleteRead as e:
            body, cut = e.partial, True
        return cls(response.status, {k.lower(): v for k, v in response.getheaders()}, body, cut,
                   response.reason)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def events(self):
        return [line[6:].decode() for line in self.body.split(b"\n") if line.startswith(b"data: ")]

    @property
    def chunks(self):
        return [json.loads(e) for e in self.events if e != "[DONE]"]

    @property
    def text(self):
        if self.body.startswith(b"{"):
            return self.json["choices"][0]["message"]["content"]
        return "".join(c["choices"][0]["delta"].get("content") or "" for c in self.chunks
                       if c.get("choices"))


class Daemon:
    kind = "--user"

    def __init__(self, program, policy=None, engine=None, limits=None, model="fake", app=None,
                 user=None):
        self.executable = program
        self.home = tempfile.mkdtemp(prefix="hither-chain-")
        self.cloud = FakeCloud()
        self.process = None
        self.user = user  # whom it runs as; only root can choose
        self.model = model
        for name in ("run", "state", "config", "data", "models", "etc", "lib"):
            os.mkdir(self.path(name), 0o700)
        self.machine = Machine(self.path("machine"))
        self.config = {"engine": {"binary": ENGINE, "parallel": 4, "queue": 64, "context_tokens": 2048,
                                  "restart_backoff_ms": 20, "restart_backoff_max_ms": 100,
                                  **(engine or {})},
                       "cloud": {"allow_loopback": True}, "limits": limits or {},
                       "log": {"level": os.environ.get("HITHER_TEST_LOG", "info")},
                       "daemon": {"router_processes": int(os.environ.get("HITHER_TEST_ROUTERS", "1"))}}
        if app is not None:
            os.mkdir(self.path("config", "apps"), 0o700)
            with open(self.path("config", "apps", app + ".json"), "w", encoding="utf-8") as f:
                f.write("{}")
        if model is not None:
            self.install(model)
        if policy is not None:
            self.policy(policy)

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    def install(self, name, script="", projector=None):
        content = f"model {name} {script}".encode().ljust(4096)
        with open(self.path("models", name + ".gguf"), "wb") as f:
            f.write(content)
        entry = {"name": name, "bytes": len(content), "context_length": max(2048, self.config["engine"]["context_tokens"]),
                 "memory_bytes": 1000,
                 "sha256": hashlib.sha256(content).hexdigest(), "file": name + ".gguf"}
        if projector is not None:
            with open(self.path("models", "mmproj.gguf"), "wb") as f:
                f.write(projector)
            entry["projector"] = {"file": "mmproj.gguf", "bytes": len(projector),
                                  "sha256": hashlib.sha256(projector).hexdigest()}
        with open(self.path("models", "index.json"), "w", encoding="utf-8") as f:
            json.dump({"schema": "hither.models/1", "chosen": name, "models": [entry]}, f)

    def policy(self, policy, name="10-mine.json"):
        os.makedirs(self.path("config", "policy.d"), 0o700, exist_ok=True)
        with open(self.path("config", "policy.d", name), "w", encoding="utf-8") as f:
            json.dump(policy, f)
        os.chmod(self.path("config", "policy.d", name), 0o600)

    def destination(self, **more):
        return {"tier": "cloud", "api": "openai", "operator": "Fake", "region": "eu",
                "base_url": self.cloud.base_url, "models": ["fake-large", "fake-small"],
                "retention_days": 0, "trains": False, **more}

    def start(self):
        config = {k: v for k, v in self.config.items() if v}
        with open(self.path("hitherd.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        command = [self.executable, self.kind, "--config", self.path("hitherd.json")]
        for name in ("runtime:run", "state:state", "config:config", "data:data", "models:models",
                     "etc:etc", "lib:lib"):
            flag, directory = name.split(":")
            command += [f"--{flag}-dir", self.path(directory)]
        command += ["--sys-dir", self.path("machine")]
        if self.user is not None:
            for folder, _, files in os.walk(self.home):
                for path in [folder] + [os.path.join(folder, f) for f in files]:
                    os.chown(path, self.user, -1)
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, stdout=log,
                                            user=self.user, extra_groups=None if self.user is None else [])
        until("ready", self.ready)
        return self

    def said(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("the daemon ended: " + self.said())
        try:
            return self.get("/readyz", sock="admin.sock").status == 200 and \
                self.knows_its_models()
        except OSError:
            return False

    def knows_its_models(self):
        """Local tells router of the models a moment after both are ready."""
        reply = self.get("/v1/models")
        return reply.status == 200 and (not self.model or f'"local/{self.model}"' in reply.body.decode())

    # What no log may have at the end; a test that breaks wires on purpose takes the last one out.
    never = ("AddressSanitizer", "runtime error:", "Assertion", "service.broken")

    @classmethod
    def at(cls, home):
        """To talk to a daemon that somebody else runs."""
        d = cls.__new__(cls)
        d.home = home
        return d

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if not self.cloud.stopping.is_set():
            self.cloud.close()
        self.machine.close()
        said = self.said() if os.path.exists(self.path("log")) else ""
        shutil.rmtree(self.home)
        for word in self.never:
            if word in said:
                raise AssertionError(said)

    # --- talking -------------------------------------------------------------------------

    def connect(self, sock="hither.sock"):
        return UnixConnection(self.path("run", sock))

    def call(self, method, path, body=None, headers=None, sock="hither.sock"):
        c = self.connect(sock)
        try:
            if isinstance(body, dict):
                body = json.dumps(body)
            c.request(method, path, body, headers or {})
            return Reply.of(c.getresponse())
        finally:
            c.close()

    def get(self, path, sock="hither.sock", **headers):
        return self.call("GET", path, headers=headers, sock=sock)

    def chat(self, prompt, model="auto", headers=None, **more):
        return self.call("POST", "/v1/chat/completions",
                         {"model": model, "messages": [{"role": "user", "content": prompt}], **more},
                         headers)

    def program(self, prompt, **more):
        """The same, asked by a program of its own: who asks may not answer the question."""
        return Later(self.run_program, (prompt,), more)

    def run_program(self, prompt, **more):
        out = subprocess.run([sys.executable, __file__, self.home, json.dumps([prompt, more])],
                             capture_output=True, check=True, timeout=4 * PATIENCE_S).stdout
        status, headers, body, cut = json.loads(out)
        return Reply(status, headers, body.encode("latin-1"), cut)

    def route(self, prompt, **headers):
        return self.call("POST", "/hither/v1/route", {"prompt": prompt}, headers)

    def decision(self, reply):
        return self.get("/hither/v1/decisions/" + reply.headers["x-hither-decision"]).json

    def raw(self, data, sock="hither.sock"):
        """Bytes in, bytes out until the daemon closes."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        s.connect(self.path("run", sock))
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        out = b""
        while True:
            more = s.recv(65536)
            if not more:
                s.close()
                return out
            out += more

    def later(self, function, *args, **more):
        """Runs in a thread; .result() waits for it."""
        return Later(function, args, more)

    # --- the person ----------------------------------------------------------------------

    def questions(self):
        return self.get("/hither/v1/consents", sock="consent.sock").json["consents"]

    def question(self):
        found = until("a question", self.questions)
        return self.get("/hither/v1/consents/" + found[0]["id"], sock="consent.sock").json

    def answer(self, question, decision, **more):
        body = {"nonce": question["nonce"], "digest": question["digest"], "decision": decision,
                "scope": "once", "mode": "redacted", **more}
        return self.call("POST", "/hither/v1/consents/" + question["id"], body, sock="consent.sock")

    def agent(self):
        """Somebody is there who could answer."""
        r = self.call("POST", "/hither/v1/agents", {"kind": "terminal", "name": "test", "locale": "C",
                                                    "caps": ["full_text"]}, sock="consent.sock")
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        s.connect(self.path("run", "consent.sock"))
        s.sendall(f"GET /hither/v1/agents/{r.json['agent']}/events HTTP/1.1\r\n"
                  "Host: localhost\r\n\r\n".encode())
        s.recv(1000)
        return s

    def engine_stats(self):
        """From the engine's own socket, wherever local put it."""
        for folder, _, files in os.walk(self.home):
            for name in files:
                if "engine" in folder and name.endswith(".sock"):
                    c = UnixConnection(os.path.join(folder, name))
                    try:
                        c.request("GET", "/fake/stats")
                        return json.loads(c.getresponse().read())
                    except OSError:
                        return None
                    finally:
                        c.close()
        return None

    def role_pid(self, role):
        wanted = f"\0--role\0{role}\0".encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", "rb") as f:
                    parent = int(f.read().rpartition(b")")[2].split()[1])
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    arguments = f.read()
            except OSError:  # it has just ended
                continue
            if parent == self.process.pid and wanted in arguments:
                return int(pid)
        return None


class Later:
    def __init__(self, function, args, more):
        self.value = self.error = None
        self.thread = threading.Thread(target=self.run, args=(function, args, more), daemon=True)
        self.thread.start()

    def run(self, function, args, more):
        try:
            self.value = function(*args, **more)
        except Exception as e:  # given back by result()
            self.error = e

    def result(self):
        self.thread.join(PATIENCE_S)
        if self.thread.is_alive():
            raise AssertionError("no result")
        if self.error is not None:
            raise self.error
        return self.value


if __name__ == "__main__":
    prompt_, more_ = json.loads(sys.argv[2])
    reply = Daemon.at(sys.argv[1]).chat(prompt_, **more_)
    json.dump([reply.status, reply.headers, reply.body.decode("latin-1"), reply.cut], sys.stdout)
