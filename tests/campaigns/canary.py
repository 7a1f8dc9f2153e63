#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Words that occur nowhere else, in prompts, answers and keys, through every path that ends well or badly; then
everything that the daemon left or holds is searched for them.

| word | in | may be in the memory of |
|---|---|---|
| device | prompts that policy keeps here | router, engine |
| asked | prompts about which a person was asked and said no, or nobody answered | router, consent, engine |
| sent | prompts that were sent | router, consent, cloud, engine |
| answer | what the provider says, in its errors too | router, cloud |
| broken | requests that are no requests | router |
| key | the provider's key | cloud |

None may be in a file below the daemon's folders (the file of the key aside), in the log at level debug, in a core
file, or in a command line or environment. Needs root for the memory. The budget counts requests.
"""
import contextlib
import json
import os
import re
import secrets
import select
import signal
import socket

import campaign
import stage

HOLDERS = {"device": {"router", "engine"}, "asked": {"router", "consent", "engine"},
           "sent": {"router", "consent", "cloud", "engine"}, "answer": {"router", "cloud"}, "broken": {"router"},
           "key": {"cloud"}}
CLOUD_WORDS = ["", "fake:echo", "fake:status=400", "fake:status=401", "fake:status=429", "fake:status=500",
               "fake:status=302", "fake:drop", "fake:cut_after=1", "fake:error_after=1", "fake:no_finish",
               "fake:no_done", "fake:header_bytes=70000", "fake:coding=gzip", "fake:tool=weather", "fake:cut"]
ENGINE_WORDS = ["", "fake:echo", "fake:error", "fake:error_after=1", "fake:cut_after=1", "fake:cut", "fake:tool=f",
                "fake:finish=length"] * 3 + ["fake:die_after=1"]
CLIENTS = ["/v1/chat/completions", "/v1/messages", "/api/chat", "/v1/responses"]


class Canary:
    def __init__(self, c):
        self.c, self.words = c, {kind: f"cnry{kind}{secrets.token_hex(8)}" for kind in HOLDERS}
        self.d = d = stage.Daemon(c.program())
        d.config["log"] = {"level": "debug"}
        os.makedirs(d.path("config", "secrets.d"), 0o700)
        with open(d.path("config", "secrets.d", "provider"), "w", encoding="ascii") as f:
            f.write(self.words["key"])
        os.chmod(d.path("config", "secrets.d", "provider"), 0o600)
        far = d.destination(auth={"secret": "provider"})
        d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "ask"}, "consent": {"timeout": "20s"},
                  "destinations": {"far": far, "free": far, "masked": far, "gone": {
                      **far, "base_url": "http://127.0.0.1:1/v1"}},
                  "rules": [{"id": "goes", "effect": "allow", "when": {"destination": ["free", "masked", "gone"]}},
                            {"id": "masks", "effect": "allow", "with": {"redact": ["personal.*"]},
                             "when": {"destination": ["masked"]}}]})
        d.start()
        state = d.get("/hither/v1/status", sock="admin.sock").json["policy"]["state"]
        if state != "active":
            raise AssertionError(d.said())

    def body(self, path, text, **more):
        stream = self.c.rng.random() < 0.5
        said = [{"role": "user", "content": text}]
        if path == "/v1/responses":
            return {"input": text, "stream": stream, **more}
        if path == "/v1/messages":
            return {"messages": said, "max_tokens": 50, "system": text, "stream": stream, **more}
        return {"messages": said, "stream": stream, **more}

    def call(self, path, body, headers=None):
        with contextlib.suppress(stage.http.client.HTTPException):  # an answer that was cut in its head
            return self.d.call("POST", path, body, headers).status

    # --- paths ---------------------------------------------------------------------------------

    def device(self):
        rng = self.c.rng
        text = f"{rng.choice([stage.HARD, 'What is the capital of France?'])} {self.words['device']} " + \
            rng.choice(ENGINE_WORDS)
        tools = [{"type": "function", "function": {"name": "f", "description": self.words["device"],
                                                   "parameters": {"type": "object"}}}]
        more = {"tools": tools} if rng.random() < 0.2 else {}
        path = rng.choice(CLIENTS)
        return self.call(path, self.body(path, text, model="local", **(more if path in CLIENTS[::2] else {})))

    def asked(self):
        """No, not now, or the client goes before anybody answers."""
        d, how = self.d, self.c.rng.choice(["deny", "dismiss", "gone"])
        text = f"{stage.HARD} {self.words['asked']}"
        app = f"org.example.App{self.c.runs}"  # one that was never told no
        if how == "gone":
            raw = json.dumps({"model": "far", "messages": [{"role": "user", "content": text}]}).encode()
            s = socket.socket(socket.AF_UNIX)
            s.connect(d.path("run", "hither.sock"))
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nHither-App: %s\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (app.encode(), len(raw), raw))
            if self.question(s) is not None:
                s.close()
                stage.until("it is withdrawn", lambda: not d.questions())
            return 0
        reply = d.program(text, model="far", headers={"Hither-App": app})
        if self.question(reply) is not None:
            d.answer(d.question(), how)
        return reply.result().status

    def question(self, reply):
        """The question, or None when it was answered without: so many questions a minute are enough."""
        def there():
            if self.d.questions():
                return "question"
            if isinstance(reply, socket.socket):
                return "answer" if select.select([reply], [], [], 0)[0] else None
            return None if reply.thread.is_alive() else "answer"
        return self.d.questions() if stage.until("a question or an answer", there) == "question" else None

    def sent(self):
        rng = self.c.rng
        where = rng.choice(["free", "free", "masked", "gone"])
        word = rng.choice(CLOUD_WORDS)
        text = f"{stage.HARD} {self.words['sent']} ann@example.org {word}"
        if word in ("", "fake:echo"):
            text = f"{self.words['answer']} fake:echo {self.words['sent']}"
        path = rng.choice(CLIENTS)
        return self.call(path, self.body(path, text, model=where))

    def broken(self):
        rng, word = self.c.rng, self.words["broken"]
        path = rng.choice(CLIENTS)
        raw = json.dumps({"model": "auto", "messages": [{"role": "user", "content": word}]}).encode()
        bad = rng.choice([raw[:-2], raw + b"x", b"\xef\xbb\xbf" + raw, raw.replace(b'"role"', b'"messages"', 1),
                          raw.replace(word.encode(), b"\\u0000" + word.encode()), word.encode(),
                          b'{"messages":"%s"}' % word.encode(), b'{"messages":[{"role":"%s"}]}' % word.encode(),
                          b'{"%s":1,"model":"auto"}' % word.encode(), b"[" * 70 + raw,
                          raw.replace(b"user", b"nobody"), raw.replace(b'"auto"', b"1e999"),
                          b'{"model":"auto","messages":[{"role":"user","content":[{"type":"image_url","image_url":'
                          b'{"url":"http://x/%s"}}]}]}' % word.encode()])
        how = rng.randrange(4)
        if how == 0:  # in the head
            return self.d.raw(b"POST /%s?q=%s HTTP/1.1\r\nHost: localhost\r\nX-A: %s\r\n%s\r\n\r\n" % (
                word.encode(), word.encode(), word.encode(), rng.choice([b"Bad Name: x", b"Content-Length: x",
                                                                        b"X-B: y"])))
        if how == 1:  # cut
            return self.d.raw(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n%s"
                              % (path.encode(), bad))
        return self.call(path, bad)

    def crash(self, role):
        """A fault in a process that is holding something, while it does: no core, and the next one starts."""
        pid = campaign.roles(self.d)[role]
        reply = self.d.later(self.d.chat, f"{self.words['device']} fake:tokens=400 fake:delay_ms=2", model="local")
        os.kill(pid, signal.SIGSEGV)
        with contextlib.suppress(OSError, stage.http.client.HTTPException, AssertionError):
            reply.result()

        def back():
            if role == "engine":  # it begins when somebody asks
                self.call("/v1/chat/completions", self.body("/v1/chat/completions", "hello", model="local"))
            return campaign.roles(self.d).get(role) not in (None, pid)
        stage.until(role + " is back", back)
        stage.until("ready", self.d.ready)

    # --- the search ----------------------------------------------------------------------------

    def files(self):
        """Every file, log and ledger included; returns their number."""
        n = 0
        for folder, _, names in os.walk(self.d.home):
            for name in names:
                path = os.path.join(folder, name)
                self.c.check(not name.startswith("core"), "a core file: " + path)
                if not os.path.isfile(path):
                    continue
                with open(path, "rb") as f:
                    data = f.read()
                n += 1
                for kind, word in self.words.items():
                    if word.encode() in data and not path.endswith("secrets.d/provider"):
                        at = data.index(word.encode())
                        self.c.wrong(f"{kind} in {path}: {data[max(0, at - 200):at + 50]!r}")
        for name in os.listdir("."):
            self.c.check(not re.fullmatch(r"core(\.\d+)?", name), "a core file: " + name)
        return n

    def processes(self):
        """Memory, command line and environment of each; returns how many bytes were looked at."""
        looked = 0
        everyone = {pid: role for role, pid in campaign.roles(self.d).items()}
        for pid, role in everyone.items():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # gone meanwhile
                looked += self.process(pid, role)
        return looked

    def process(self, pid, role):
        looked, found = 0, set()
        for name in ("cmdline", "environ"):
            held = campaign.proc(pid, name, "rb")
            for kind, word in self.words.items():
                self.c.check(word.encode() not in held, f"{kind} in {role}'s {name}")
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for begin, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) r", campaign.proc(pid, "maps"), re.M):
                begin, end = int(begin, 16), int(end, 16)
                try:
                    memory.seek(begin)
                    data = memory.read(end - begin)
                except (OSError, ValueError, OverflowError):
                    continue  # the kernel's own pages
                looked += len(data)
                found |= {kind for kind, word in self.words.items() if word.encode() in data}
        self.seen.setdefault(role, set()).update(found)
        for kind in found:
            self.c.check(role in HOLDERS[kind], f"{kind} in the memory of {role} ({pid})")
        return looked

    def run(self):
        c, self.seen, looked = self.c, {}, 0
        paths = [self.device] * 4 + [self.sent] * 4 + [self.broken] * 4 + [self.asked]
        statuses = {}
        agent = self.d.agent()
        while not c.over():
            c.runs += 1
            path = c.rng.choice(paths)
            status = path()
            key = f"{path.__name__} {status if isinstance(status, int) else 'raw'}"
            statuses[key] = statuses.get(key, 0) + 1
            if c.runs % 500 == 0:
                looked += self.processes()
        looked += self.processes()
        for role in ("engine", "cloud", "consent", "router"):
            if role in campaign.roles(self.d):
                self.crash(role)
        looked += self.processes()
        agent.close()
        self.files()
        c.check("cloud" in self.seen and "key" in self.seen["cloud"], "the search does not find the key in cloud")
        c.check("device" in self.seen["router"], "the search does not find a prompt in the router")
        self.d.process.send_signal(signal.SIGTERM)
        self.d.process.wait(stage.PATIENCE_S)
        c.figures.update(files=self.files(), memory_mib=looked >> 20, statuses=statuses,
                         held={role: sorted(kinds) for role, kinds in self.seen.items()})


def main():
    c = campaign.Campaign(__doc__, "400", 100000)
    if os.geteuid() != 0:
        print("skipped: needs root")
        raise SystemExit(77)
    canary = Canary(c)
    try:
        canary.run()
    finally:
        canary.d.close()
    c.end()


if __name__ == "__main__":
    main()
