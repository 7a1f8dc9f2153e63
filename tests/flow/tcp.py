# SPDX-License-Identifier: Apache-2.0
"""The optional loopback TCP listener on a whole daemon: who gets in, what a browser can do, what the
daemon refuses to be configured to.

tcp.py HITHERD [unittest arguments]
"""
import http.client
import json
import os
import re
import socket
import stat
import subprocess
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
EASY = "What is the capital of France?"
CHAT = "/v1/chat/completions"


def can_listen(family, address):
    try:
        with socket.socket(family) as s:
            s.bind((address, 0))
        return True
    except OSError:
        return False


HAVE_V6 = can_listen(socket.AF_INET6, "::1")


class TcpDaemon(stage.Daemon):
    def __init__(self, listen="127.0.0.1:0"):
        super().__init__(PROGRAM)
        self.config["listen"] = {"tcp": listen}
        known = [{"id": f"only-{level}", "effect": "deny",
                  "when": {"not": {"identity": level}, "destination": [name]}}
                 for name, level in (("claims", "claimed"), ("sockets", "socket"))]
        self.policy({"hither_policy": 1, "id": "tcp",
                     "destinations": {n: self.destination() for n in ("far", "claims", "sockets", "asked")},
                     "default": {"cloud": "allow"},
                     "rules": known + [{"id": "ask", "effect": "ask", "when": {"destination": ["asked"]}}]})

    def addresses(self):
        return re.findall(r"boot\.tcp.*?address=(\S+)", self.said())

    @property
    def port(self):
        return int(self.addresses()[-1].rpartition(":")[2])

    @property
    def token(self):
        with open(self.path("state", "tcp.token"), encoding="ascii") as f:
            return f.read().strip()

    def tcp(self, method, path, body=None, headers=None, address="127.0.0.1", skip_host=False):
        """One request with exactly these headers; a list of pairs may name one twice."""
        c = http.client.HTTPConnection(address, self.port, timeout=stage.PATIENCE_S)
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        try:
            c.putrequest(method, path, skip_accept_encoding=True,
                         skip_host=skip_host or any(k.lower() == "host" for k, _ in pairs))
            for name, value in pairs:
                c.putheader(name, value)
            if data is not None:
                c.putheader("Content-Length", str(len(data)))
            c.endheaders(data)
            return stage.Reply.of(c.getresponse())
        finally:
            c.close()

    def good(self, **more):
        return {"Authorization": "Bearer " + self.token, "Content-Type": "application/json", **more}


def body(**more):
    return {"model": "auto", "messages": [{"role": "user", "content": EASY}], **more}


class Tcp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = TcpDaemon("localhost:0" if HAVE_V6 else "127.0.0.1:0").start()

    @classmethod
    def tearDownClass(cls):
        cls.d.close()

    def test_serves_all_dialects(self):
        d, shapes = self.d, [
            (CHAT, body()), ("/v1/completions", {"model": "auto", "prompt": EASY}),
            ("/v1/responses", {"model": "auto", "input": EASY}),
            ("/v1/messages", body(max_tokens=16)), ("/api/chat", body(stream=False)),
            ("/api/generate", {"model": "auto", "prompt": EASY, "stream": False})]
        for path, request in shapes:
            for form, where, headers in (
                    ("bearer", path, d.good()),
                    ("x-api-key", path, {"x-api-key": d.token, "Content-Type": "application/json"}),
                    ("path", f"/t/{d.token}{path}", {"Content-Type": "application/json"})):
                with self.subTest(path + " " + form):
                    r = d.tcp("POST", where, request, headers)
                    self.assertEqual(r.status, 200, r.body)
                    self.assertIn(b"Paris", r.body)
                    self.assertEqual(r.headers["x-hither-tier"], "device")

    def test_streams(self):
        r = self.d.tcp("POST", CHAT, body(stream=True), self.d.good())
        self.assertEqual(r.events[-1], "[DONE]")
        self.assertIn("Paris", r.text)

    def test_both_addresses_and_all_their_names(self):
        d = self.d
        self.assertEqual(len(d.addresses()), 2 if HAVE_V6 else 1)
        for address in ("127.0.0.1", "::1") if HAVE_V6 else ("127.0.0.1",):
            for host in ("127.0.0.1", "[::1]", "localhost"):
                r = d.tcp("GET", "/v1/models", headers=d.good(Host=f"{host}:{d.port}"), address=address)
                self.assertEqual(r.status, 200, host)

    def test_only_loopback(self):
        """The kernel's table of listening sockets has this port at 127.0.0.1 and nowhere else."""
        with open("/proc/net/tcp", encoding="ascii") as f:
            local = [line.split()[1] for line in f.readlines()[1:] if line.split()[3] == "0A"]
        here = [a for a in local if int(a.split(":")[1], 16) == self.d.port]
        self.assertEqual(here, ["0100007F:%04X" % self.d.port])

    def test_the_caller_is_claimed_at_most(self):
        """By the policy above `claims` takes a claimed name and `sockets` a proven one."""
        for headers, claims in (({"Hither-App": "org.example.Notes"}, "allow"), ({}, "deny")):
            r = self.d.tcp("POST", "/hither/v1/route", {"prompt": EASY}, self.d.good(**headers))
            there = r.json["destinations"]
            self.assertEqual((there["claims"]["verdict"], there["sockets"]["verdict"]), (claims, "deny"))

    def test_a_decision_can_be_asked_for(self):
        r = self.d.tcp("POST", CHAT, body(), self.d.good())
        for again in (self.d.tcp("GET", "/hither/v1/decisions/" + r.headers["x-hither-decision"],
                                 headers=self.d.good()),
                      self.d.get("/hither/v1/decisions/" + r.headers["x-hither-decision"])):
            self.assertEqual(again.status, 200)

    def asks(self, outcome):
        """A program asks over TCP; who has its connection is found, and may not answer."""
        d = self.d
        agent = d.agent()
        script = ("import http.client, json, sys\n"
                  "port, token, answer = int(sys.argv[1]), sys.argv[2], sys.argv[3]\n"
                  "c = http.client.HTTPConnection('127.0.0.1', port)\n"
                  "c.request('POST', '/v1/chat/completions', json.dumps({'model': 'asked', 'messages':"
                  " [{'role': 'user', 'content': 'hello'}]}), {'x-api-key': token,"
                  " 'Content-Type': 'application/json'})\n"
                  "if answer != 'no':\n"
                  "    sys.path.insert(0, answer)\n"
                  "    import stage\n"
                  "    d = stage.Daemon.at(sys.argv[4])\n"
                  "    r = d.answer(d.question(), 'approve')\n"
                  "    print(r.status, r.json['error']['code'] if r.status != 200 else '')\n"
                  "    sys.exit()\n"
                  "r = c.getresponse()\n"
                  "print(r.status, r.getheader('x-hither-destination'))\n")
        p = subprocess.Popen([sys.executable, "-c", script, str(d.port), d.token, outcome, d.home],
                             stdout=subprocess.PIPE, text=True)
        try:
            if outcome == "no":
                question = d.question()
                self.assertEqual(question["pid"], p.pid)
                self.assertEqual(d.answer(question, "approve").status, 200)
            return p.communicate(timeout=stage.PATIENCE_S)[0].strip()
        finally:
            p.kill()
            p.wait()
            agent.close()

    def test_a_program_that_asks_over_tcp_cannot_answer_itself(self):
        self.assertEqual(self.asks(os.path.dirname(os.path.abspath(stage.__file__))), "403 same_program")
        stage.until("the question is gone with its asker", lambda: not self.d.questions())

    def test_another_program_can(self):
        self.assertEqual(self.asks("no"), "200 asked")
        self.d.cloud.connections = 0

    def test_the_token_is_a_secret(self):
        d = self.d
        path = d.path("state", "tcp.token")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(len(d.token), 64)
        d.tcp("GET", f"/t/{d.token}/nowhere")
        self.assertNotIn(d.token, d.said())
        for role in ("router", "local", "consent"):
            pid = d.role_pid(role)
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as f:
                        self.assertNotIn(d.token.encode(), f.read())
                except PermissionError:
                    pass

    def test_errors_have_the_dialects_shape(self):
        d = self.d
        r = d.tcp("POST", CHAT, body(), {"Content-Type": "application/json"})
        self.assertEqual((r.status, r.json["error"]["code"]), (401, "invalid_api_key"))
        self.assertEqual(r.headers["www-authenticate"], "Bearer")
        r = d.tcp("POST", "/v1/messages", body(), {"Content-Type": "application/json"})
        self.assertEqual((r.status, r.json["error"]["type"]), (401, "authentication_error"))
        r = d.tcp("POST", "/api/chat", body(), {"Content-Type": "application/json"})
        self.assertIsInstance(r.json["error"], str)
        r = d.tcp("POST", "/t/wrong/api/chat", body(), {"Content-Type": "application/json"})
        self.assertEqual((r.status, type(r.json["error"])), (401, str))

    def attacks(self):
        """name, method, path, body, headers: what a page in a browser can have it send, and what a
        program without the token can. With the right token wherever the place is what is wrong."""
        d, data = self.d, json.dumps(body(model="far")).encode()
        here = f"127.0.0.1:{d.port}"
        token = ("Authorization", "Bearer " + d.token)
        ctype = ("Content-Type", "application/json")
        for host in ("attacker.example", f"attacker.example:{d.port}", f"127.0.0.1.attacker.example:{d.port}",
                     f"localhost.attacker.example:{d.port}", "127.0.0.1", "localhost", "[::1]",
                     f"127.0.0.1:{d.port + 1}", f"127.0.0.1:{d.port}0", f"127.1:{d.port}", f"0.0.0.0:{d.port}",
                     f"2130706433:{d.port}", f"127.0.0.2:{d.port}", f"0x7f.1:{d.port}", f"LOCALHOST:{d.port}",
                     f"localhost.:{d.port}", f"[0:0:0:0:0:0:0:1]:{d.port}", f"[::ffff:127.0.0.1]:{d.port}",
                     f"user@127.0.0.1:{d.port}", f"127.0.0.1:0{d.port}", f"127.0.0.1:{d.port},attacker.example",
                     f"1.0.0.127.in-addr.arpa:{d.port}", f"rbndr.example:{d.port}", ""):
            yield "Host " + host, "POST", CHAT, data, [("Host", host), token, ctype]
        for origin in ("https://attacker.example", "http://attacker.example", "null", "", "file://",
                       f"http://127.0.0.1:{d.port + 1}", f"https://{here}", f"http://{here}.attacker.example",
                       f"http://{here}/", f"http://localhost:{d.port}", "chrome-extension://abc",
                       "moz-extension://abc", f"http://user@{here}", "http://localhost", "*"):
            yield "Origin " + origin, "POST", CHAT, data, [("Host", here), token, ctype, ("Origin", origin)]
        for site in ("cross-site", "same-site", "", "Same-Origin", "none, cross-site"):
            yield "Sec-Fetch-Site " + site, "POST", CHAT, data, [("Host", here), token, ctype,
                                                                 ("Sec-Fetch-Site", site)]
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain",
                     "text/plain; charset=utf-8", "", "application/csp-report", "application/json2",
                     "text/plain;application/json", "application/x-json"):
            yield "type " + kind, "POST", CHAT, data, [("Host", here), token, ("Content-Type", kind)]
            yield "ollama, type " + kind, "POST", "/api/chat", data, [("Host", here), token,
                                                                      ("Content-Type", kind)]
        yield "no type", "POST", "/api/chat", data, [("Host", here), token]
        for path in (CHAT, "/v1/responses", "/v1/messages", "/api/chat", "/hither/v1/route", "/nowhere", "*"):
            yield "preflight " + path, "OPTIONS", path, None, [
                ("Host", here), ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "authorization,content-type"),
                ("Access-Control-Request-Private-Network", "true")]
        for wrong in (None, "Bearer", "Bearer ", "Bearer x", "Bearer " + d.token[:-1], "Bearer " + d.token + "0",
                      "Bearer " + d.token.upper() + "x", "Basic " + d.token, d.token, "Bearer null",
                      "Bearer " + d.token + "," + d.token):
            yield f"token {wrong!r:.20}", "POST", CHAT, data, [("Host", here), ctype] + (
                [("Authorization", wrong)] if wrong is not None else [])
        for path in ("/t/", "/t/x", "/t/x/api/chat", "/t//api/chat", "/T/" + d.token + "/api/chat",
                     "/t/" + d.token[:-1] + "/api/chat", "/%74/" + d.token + "/api/chat", "//t/" + d.token,
                     "/api/chat?token=" + d.token, "/api/chat/t/" + d.token):
            yield "path " + path[:20], "POST", path, data, [("Host", here), ctype]
        for name, value in (("Cookie", "token=" + d.token), ("Proxy-Authorization", "Bearer " + d.token),
                            ("X-Api-Key", "x"), ("Api-Key", d.token)):
            yield "token in " + name, "POST", CHAT, data, [("Host", here), ctype, (name, value)]
        for name in ("Host", "Origin", "Authorization", "Content-Type", "Sec-Fetch-Site"):
            value = {"Host": here, "Origin": "http://" + here, "Authorization": token[1],
                     "Content-Type": ctype[1], "Sec-Fetch-Site": "none"}[name]
            others = [p for p in (("Host", here), token, ctype) if p[0] != name]
            yield name + " twice", "POST", CHAT, data, others + [(name, value), (name, value)]
            yield name + " twice, second bad", "POST", CHAT, data, others + [(name, value), (name, "evil")]

    def test_no_page_and_no_stranger_gets_anything_done(self):
        d = self.d
        self.assertEqual(d.chat(EASY).status, 200)
        before, tried = d.engine_stats()["requests"], 0
        for name, method, path, data, headers in self.attacks():
            with self.subTest(name):
                r = d.tcp(method, path, data, headers)
                tried += 1
                self.assertIn(r.status, (400, 401, 403, 405, 415), name)
                self.assertFalse([h for h in r.headers if h.startswith("access-control")], name)
                self.assertNotIn("x-hither-decision", r.headers, name)
                self.assertNotIn(b"Paris", r.body)
        self.assertGreaterEqual(tried, 100)
        print(f"{tried} requests of pages and strangers, effects:",
              d.engine_stats()["requests"] - before + d.cloud.connections)
        self.assertEqual(d.engine_stats()["requests"], before)
        self.assertEqual(d.cloud.connections, 0)
        self.assertEqual(d.questions(), [])
        self.assertEqual(d.tcp("POST", CHAT, body(), d.good()).status, 200, "and it still serves")

    def test_connections_are_bounded(self):
        d, held = self.d, []
        try:
            for _ in range(40):
                s = socket.create_connection(("127.0.0.1", d.port), timeout=stage.PATIENCE_S)
                held.append(s)
            last = held[-1]
            self.assertIn(b"503", last.recv(1000))
            self.assertEqual(d.chat(EASY).status, 200, "the Unix socket is not shut with it")
        finally:
            for s in held:
                s.close()
        stage.until("room again", lambda: d.tcp("GET", "/v1/models", headers=d.good()).status == 200)


class Configuration(unittest.TestCase):
    def refused(self, listen, *flags):
        d = TcpDaemon(listen)
        try:
            with open(d.path("hitherd.json"), "w", encoding="utf-8") as f:
                json.dump(d.config, f)
            folders = [f"--{n}-dir={d.path(n if n != 'runtime' else 'run')}" for n in
                       ("runtime", "state", "config", "data", "models", "etc", "lib")]
            done = subprocess.run([PROGRAM, "--config", d.path("hitherd.json"), *folders, *flags],
                                  capture_output=True, text=True, timeout=stage.PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            return done.stderr
        finally:
            d.close()

    def test_other_addresses(self):
        for listen in ("0.0.0.0:11435", "[::]:11435", "192.168.1.2:11435", "11435", ":11435", "127.0.0.1",
                       "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:011", "localhost.:1",
                       "example.org:11435", "127.0.0.2:1", "[::1]", "127.0.0.1:1 ", "*:11435"):
            with self.subTest(listen):
                said = self.refused(listen, "--user", "--check")
                self.assertIn("127.0.0.1:PORT", said)

    def test_a_system_daemon_has_no_port(self):
        self.assertIn("--user", self.refused("127.0.0.1:0", "--system", "--check"))

    def test_a_port_that_is_taken(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            self.assertIn("choose another port",
                          self.refused(f"127.0.0.1:{s.getsockname()[1]}", "--user"))

    def test_off_unless_asked_for(self):
        d = stage.Daemon(PROGRAM).start()
        try:
            self.assertNotIn("boot.tcp", d.said())
            self.assertFalse(os.path.exists(d.path("state", "tcp.token")))
        finally:
            d.close()

    def test_the_token_stays_and_can_be_renewed(self):
        d = TcpDaemon().start()
        try:
            first = d.token
            self.restart(d)
            self.assertEqual(d.token, first)
            os.unlink(d.path("state", "tcp.token"))
            self.restart(d)
            self.assertNotEqual(d.token, first)
            self.assertEqual(d.tcp("GET", "/v1/models", headers=d.good()).status, 200)
            self.assertEqual(d.tcp("GET", "/v1/models", headers={"x-api-key": first}).status, 401)
        finally:
            d.close()

    @staticmethod
    def restart(d):
        d.process.terminate()
        d.process.wait(stage.PATIENCE_S)
        d.start()

    def test_a_token_that_others_may_read_is_refused(self):
        for mode, text in ((0o644, "a" * 40), (0o600, "short"), (0o600, "a b" * 20), (0o600, "")):
            d = TcpDaemon()
            try:
                with open(d.path("state", "tcp.token"), "w", encoding="ascii") as f:
                    f.write(text + "\n")
                os.chmod(d.path("state", "tcp.token"), mode)
                with self.assertRaises(AssertionError) as said:
                    d.start()
                self.assertIn("tcp.token", str(said.exception))
            finally:
                d.close()

    def test_a_digest_in_the_file_counts_for_nothing(self):
        d = TcpDaemon()
        known = "a" * 40
        d.config["listen"]["token_sha256"] = stage.hashlib.sha256(known.encode()).hexdigest()
        d.start()
        try:
            self.assertEqual(d.tcp("GET", "/v1/models", headers={"x-api-key": known}).status, 401)
            self.assertEqual(d.tcp("GET", "/v1/models", headers=d.good()).status, 200)
        finally:
            d.close()


if __name__ == "__main__":
    unittest.main(verbosity=1)
