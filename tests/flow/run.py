# SPDX-License-Identifier: Apache-2.0
"""`hither run`: programs that know nothing of hither but a base address and a key; and everybody else
who finds their ports.

run.py HITHERD HITHER [unittest arguments]
"""
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
import unittest
import urllib.error
import urllib.parse
import urllib.request

import stage

EASY = "What is the capital of France?"
ANSWER = "The capital of France is Paris."


def says(prompt):
    return [{"role": "user", "content": prompt}]


# --- the programs that are run; each is this file with `--program NAME` -------------------------------


def post(url, body, **headers):
    request = urllib.request.Request(url, json.dumps(body).encode(),
                                     {"Content-Type": "application/json", **headers})
    return urllib.request.urlopen(request, timeout=stage.PATIENCE_S)


def bearer(name="OPENAI_API_KEY"):
    return {"Authorization": "Bearer " + os.environ[name]}


def ollama():
    return "http://" + os.environ["OLLAMA_HOST"]


def program_three(prompt=EASY):
    """One question to each of three vendors."""
    chat = json.load(post(os.environ["OPENAI_BASE_URL"] + "/chat/completions",
                          {"model": "auto", "messages": says(prompt)}, **bearer()))
    claude = json.load(post(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages",
                            {"model": "auto", "max_tokens": 50, "messages": says(prompt)},
                            **{"x-api-key": os.environ["ANTHROPIC_AUTH_TOKEN"]}))
    local = json.load(post(ollama() + "/api/chat",
                           {"model": "auto", "messages": says(prompt), "stream": False}))
    print(json.dumps([chat["choices"][0]["message"]["content"], claude["content"][0]["text"],
                      local["message"]["content"], os.environ["ANTHROPIC_API_KEY"]]))


def program_headers(*extra):
    """One request, its reply's status and fields."""
    more = dict(e.split("=", 1) for e in extra)
    try:
        r = post(os.environ["OPENAI_BASE_URL"] + "/chat/completions",
                 {"model": more.pop("model", "auto"), "messages": says(more.pop("prompt", EASY))},
                 **bearer(), **more)
    except urllib.error.HTTPError as e:
        r = e
    print(json.dumps([r.status, {k.lower(): v for k, v in r.headers.items()}, r.read().decode()]))


def stream(prompt):
    url = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
    c = http.client.HTTPConnection(url.hostname, url.port, timeout=stage.PATIENCE_S)
    c.request("POST", url.path + "/chat/completions",
              json.dumps({"model": "local", "messages": says(prompt), "stream": True}), bearer())
    return c, c.getresponse()


def program_leave(prompt):
    """Reads the beginning of a stream and hangs up."""
    c, r = stream(prompt)
    text = b""
    while b"t1 " not in text:
        text += r.read1(100)
    assert b"[DONE]" not in text
    print("read", flush=True)
    sys.stdin.readline()
    c.close()
    print("left", flush=True)
    sys.stdin.readline()


def program_slow(prompt):
    """Reads the beginning of a stream, waits to be told, and reads the rest."""
    c, r = stream(prompt)
    text = r.read1(100)
    print("read", flush=True)
    sys.stdin.readline()
    text += r.read()
    print(json.dumps([len(text), text.count(b"data: "), text.rstrip().endswith(b"data: [DONE]")]), flush=True)


def program_cut(prompt):
    _, r = stream(prompt)
    try:
        print(json.dumps(["whole", r.read().decode()]))
    except http.client.IncompleteRead as e:
        print(json.dumps(["cut", e.partial.decode()]))


def program_stay():
    """Tells its surroundings and stays until its input ends."""
    print(json.dumps(dict(os.environ)), flush=True)
    sys.stdin.read()


def program_orphan():
    """A grandchild whose parent is gone, in a session of its own, asks on the port without a key."""
    orphaned, end = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        os.read(orphaned[0], 1)
        os.write(1, post(ollama() + "/api/chat", {"model": "auto", "messages": says(EASY),
                                                  "stream": False}).read())
        os.write(end[1], b"x")
        os._exit(0)
    os.wait()
    os.write(orphaned[1], b"x")
    os.read(end[0], 1)


def program_trap():
    """Says which signals it got; a second of the kind that ends it."""
    def got(number, _):
        os.write(1, signal.Signals(number).name.encode() + b"\n")  # print may not be entered twice
        if number == signal.SIGTERM:
            sys.exit(9)
    for s in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
        signal.signal(s, got)
    print("ready", flush=True)
    while True:
        signal.pause()


PROGRAMS = {n[len("program_"):]: f for n, f in list(globals().items()) if n.startswith("program_")}
if len(sys.argv) > 1 and sys.argv[1] == "--program":
    PROGRAMS[sys.argv[2]](*sys.argv[3:])
    sys.exit(0)

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))


def me(name, *args):
    return [sys.executable, os.path.abspath(__file__), "--program", name, *args]


class Stub:
    """In the daemon's place: keeps each request as it came and answers one fixed reply."""

    REPLY = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Hither-Tier: device\r\n"
             b"Set-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}")

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="hither-run-")
        self.path = os.path.join(self.home, "hither.sock")
        self.requests = []
        self.connections = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.answer, args=(c,), daemon=True).start()

    def answer(self, c):
        text = b""
        while b"\r\n\r\n" not in text:
            more = c.recv(65536)
            if not more:
                c.close()
                return
            text += more
        self.requests.append(text.decode())
        c.sendall(self.REPLY)
        c.close()

    def close(self):
        self.listener.close()
        shutil.rmtree(self.home)


class Run(unittest.TestCase):
    host = None

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        return {**env, "HITHER_HOST": "unix:" + self.host, **more}

    def begin(self, *command, options=(), **env):
        p = subprocess.Popen([COMMAND, "run", *options, "--", *command], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=self.environment(**env), start_new_session=True)

        def end():
            if p.poll() is None:
                p.kill()
            p.stdin.close()
            p.stdout.close()
            p.stderr.close()
            p.wait()

        self.addCleanup(end)
        return p

    def run_it(self, *command, options=(), code=0, text="", **env):
        done = subprocess.run([COMMAND, "run", *options, "--", *command], input=text, capture_output=True,
                              text=True, env=self.environment(**env), start_new_session=True,
                              timeout=4 * stage.PATIENCE_S)
        self.assertEqual(done.returncode, code, (command, done.stdout, done.stderr))
        return done

    def said(self, *command, **more):
        return json.loads(self.run_it(*command, **more).stdout)

    def stay(self, **more):
        p = self.begin(*me("stay"), **more)
        return p, json.loads(p.stdout.readline())


def raw(port, data):
    s = socket.create_connection(("127.0.0.1", port), timeout=stage.PATIENCE_S)
    try:
        s.sendall(data)
        out = b""
        while b"\r\n\r\n" not in out or not out.rstrip().endswith(b"}"):
            more = s.recv(65536)
            if not more:
                break
            out += more
        return out
    finally:
        s.close()


class Alone(Run):
    """Against a stub: what may reach the daemon, and what the program gets to see of it all."""

    def setUp(self):
        self.stub = Stub()
        self.host = self.stub.path
        self.addCleanup(self.stub.close)

    def test_its_surroundings(self):
        p, env = self.stay(OPENAI_API_KEY="sk-a-real-one", ANTHROPIC_API_KEY="sk-ant-a-real-one",
                           OPENAI_API_BASE="https://api.example.com", NO_PROXY="example.com")
        token = env["OPENAI_API_KEY"]
        port = urllib.parse.urlsplit(env["ANTHROPIC_BASE_URL"]).port
        self.assertRegex(token, "^[0-9a-f]{64}$")
        self.assertEqual(env["OPENAI_BASE_URL"], f"http://127.0.0.1:{port}/v1")
        self.assertEqual(env["OPENAI_API_BASE"], env["OPENAI_BASE_URL"])
        self.assertEqual(env["ANTHROPIC_BASE_URL"], f"http://127.0.0.1:{port}")
        self.assertEqual((env["ANTHROPIC_AUTH_TOKEN"], env["ANTHROPIC_API_KEY"]), (token, ""))
        self.assertRegex(env["OLLAMA_HOST"], r"^127\.0\.0\.1:\d+$")
        self.assertNotEqual(env["OLLAMA_HOST"], f"127.0.0.1:{port}")
        self.assertEqual(env["NO_PROXY"], "example.com,127.0.0.1,localhost")
        self.assertEqual(env["no_proxy"], "127.0.0.1,localhost")
        _, other = self.stay()
        self.assertNotEqual(other["OPENAI_API_KEY"], token)  # one each
        self.assertEqual(self.stub.connections, 2)  # only to see that somebody is there
        p.stdin.close()
        self.assertEqual(p.wait(stage.PATIENCE_S), 0)
        for address in (port, int(env["OLLAMA_HOST"].split(":")[1])):
            with self.assertRaises(ConnectionRefusedError):
                raw(address, b"GET / HTTP/1.1\r\n\r\n")

    def test_only_known_fields_go_on(self):
        status, fields, _ = self.said(*me("headers", "Cookie=a=b", "X-Forwarded-For=1.2.3.4",
                                          "Hither-App=somebody-else", "Hither-Consent=return",
                                          "x-api-key="), options=("--app", "builder"))
        self.assertEqual((status, fields["x-hither-tier"], fields["set-cookie"]), (200, "device", "a=b"))
        head = self.stub.requests[-1].split("\r\n\r\n")[0].split("\r\n")
        self.assertEqual(head[0], "POST /v1/chat/completions HTTP/1.1")
        self.assertEqual(sorted(line.split(":")[0].lower() for line in head[1:]),
                         ["content-length", "content-type", "hither-app", "hither-consent", "host"])
        self.assertIn("Host: localhost", head)
        self.assertIn("Hither-App: builder", head)

    def tier(self, option, asked):
        options = ("--max-tier", option) if option else ()
        self.run_it(*me("headers", *(["Hither-Max-Tier=" + asked] if asked else [])), options=options)
        line = [x for x in self.stub.requests[-1].split("\r\n") if x.startswith("Hither-Max-Tier")]
        return line[0].split(": ")[1] if line else None

    def test_the_narrower_tier_counts(self):
        for option, asked, want in ((None, None, None), (None, "trusted", "trusted"),
                                    ("device", None, "device"), ("device", "cloud", "device"),
                                    ("trusted", "device", "device"), ("cloud", "trusted", "trusted"),
                                    ("device", "nonsense", "nonsense")):
            self.assertEqual(self.tier(option, asked), want, (option, asked))
        self.run_it("true", options=("--max-tier", "moon"), code=2)

    def test_the_name_of_an_app(self):
        def app(**more):
            self.run_it(*me("headers"), **more)
            return [x for x in self.stub.requests[-1].split("\r\n") if x.startswith("Hither-App")][0][12:]

        self.assertEqual(app(), os.path.basename(sys.executable))
        self.assertEqual(app(HITHER_APP="outer"), "outer")
        self.assertEqual(app(HITHER_APP="outer", options=("--app", "inner")), "inner")
        self.run_it("true", options=("--app", "a\r\nHither-Max-Tier: cloud"), code=2)
        self.run_it("true", options=("--app", "x" * 129), code=2)

    def test_an_app_with_a_socket_of_its_own_uses_it(self):
        theirs = Stub()
        self.addCleanup(theirs.close)
        os.mkdir(os.path.join(self.stub.home, "apps"))
        os.symlink(theirs.path, os.path.join(self.stub.home, "apps", "mine.sock"))
        self.run_it(*me("headers"), options=("--app", "mine"))
        self.assertEqual((len(theirs.requests), len(self.stub.requests)), (1, 0))

    def test_codes_and_signals(self):
        self.run_it("sh", "-c", "exit 7", code=7)
        self.run_it("sh", "-c", "kill -9 $$", code=137)
        self.assertIn("no such", self.run_it("/no/such/program", code=127).stderr.lower())
        self.run_it(self.stub.home, code=126)
        self.run_it(code=2)
        self.run_it("sh", "-c", 'test "$1" = --json', "sh", "--json")  # its options are its own
        p = self.begin(*me("trap"))
        self.assertEqual(p.stdout.readline(), "ready\n")
        for s in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):
            p.send_signal(s)
            self.assertEqual(p.stdout.readline().strip(), s.name)
        self.assertEqual(p.wait(stage.PATIENCE_S), 9)

    def test_options_need_no_dashes_before_the_program(self):
        done = subprocess.run([COMMAND, "run", "--app", "x", "sh", "-c", "echo $HITHER_APP"],
                              capture_output=True, text=True, env=self.environment(), check=True,
                              timeout=stage.PATIENCE_S)
        self.assertEqual(done.stdout, "x\n")

    def test_without_a_daemon_nothing_is_started(self):
        self.host = "/nonexistent/hither.sock"
        done = self.run_it("sh", "-c", "echo started", code=3)
        self.assertEqual(done.stdout, "")
        self.assertIn("hitherd", done.stderr)

    # --- everybody else ------------------------------------------------------------------------

    def test_who_has_no_key_or_comes_from_a_web_page_gets_nothing(self):
        _, env = self.stay()
        token = env["OPENAI_API_KEY"]
        port = urllib.parse.urlsplit(env["ANTHROPIC_BASE_URL"]).port
        here = f"127.0.0.1:{port}"
        good = [("Host", here), ("Authorization", "Bearer " + token)]
        almost = token[:-1] + ("0" if token[-1] != "0" else "1")
        wrong = [("Host", here)]
        rows = []  # (status, fields)
        for value in ("", "Bearer", "Bearer ", "Bearer x", "Bearer " + almost, "Bearer " + token[:-1],
                      "Bearer " + token + "0", "Bearer " + token.upper() + "x", "Basic " + token, token,
                      "Bearer " + token + " " + token, "Bearer " + token + "," + token, "bearer:" + token,
                      "Token " + token, "Bearer\t" + almost):
            rows.append((401, wrong + [("Authorization", value)]))
        for value in ("", "x", almost, token + "0", token[1:], "sk-ant-" + token):
            rows.append((401, wrong + [("x-api-key", value)]))
        rows.append((401, wrong))
        rows.append((401, wrong + [("Cookie", "token=" + token)]))
        rows.append((401, good + [("x-api-key", almost)]))
        rows.append((401, wrong + [("Authorization", "Bearer " + almost), ("x-api-key", token)]))
        rows.append((400, good + [("Authorization", "Bearer " + almost)]))
        rows.append((400, good + [("Authorization", "Bearer " + token)]))
        rows.append((400, wrong + [("x-api-key", token), ("x-api-key", token)]))
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}",
                     "localhost", f"localhost.:{port}", f"[::1]:{port}", f"127.1:{port}", f"0.0.0.0:{port}",
                     f"2130706433:{port}", f"127.0.0.2:{port}", f"127.0.0.1.:{port}", f"LOCALHOST:{port}",
                     f"127.0.0.1.nip.io:{port}", "hither", f"{here}0", f"0177.0.0.1:{port}"):
            rows.append((403, [("Host", host), good[1]]))
        for origin in ("http://evil.example", "null", f"http://{here}", f"http://localhost:{port}", "",
                       "file://", "chrome-extension://abc"):
            rows.append((403, good + [("Origin", origin)]))
        for site in ("cross-site", "same-site", "same-origin", "none"):
            rows.append((403, good + [("Sec-Fetch-Site", site)]))
        self.assertGreaterEqual(len(rows), 50)
        for method, path in (("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("OPTIONS", "/v1/messages")):
            for status, fields in rows:
                head = "".join(f"{k}: {v}\r\n" for k, v in fields)
                body = "{}" if method == "POST" else ""
                answer = raw(port, f"{method} {path} HTTP/1.1\r\n{head}Content-Type: text/plain\r\n"
                                   f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
                self.assertTrue(answer.startswith(f"HTTP/1.1 {status} ".encode()), (method, fields, answer))
                self.assertNotIn(token.encode(), answer)
                self.assertNotIn(b"access-control", answer.lower())
                shape = json.loads(answer.split(b"\r\n\r\n")[1])
                self.assertEqual("type" in shape, path == "/v1/messages", shape)
        self.assertEqual((self.stub.connections, self.stub.requests), (1, []))
        self.assertTrue(raw(port, f"GET /v1/models HTTP/1.1\r\nHost: {here}\r\nx-api-key: {token}\r\n"
                                  "Connection: close\r\n\r\n".encode()).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(len(self.stub.requests), 1)

    def test_malformed_requests_end_here(self):
        _, env = self.stay()
        port = urllib.parse.urlsplit(env["ANTHROPIC_BASE_URL"]).port
        head = f"Host: 127.0.0.1:{port}\r\nx-api-key: {env['OPENAI_API_KEY']}\r\n"
        for text in (f"POST / HTTP/1.1\r\n{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{{}}",
                     f"POST / HTTP/1.1\r\n{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}",
                     f"GET / HTTP/1.1\n{head}\n", f"GET / HTTP/1.1\r\n{head}Host: other\r\n\r\n",
                     f"GET / HTTP/1.1\r\n{head} folded\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9):
            self.assertTrue(raw(port, text.encode("latin-1")).startswith(b"HTTP/1.1 400 "), text)
        self.assertEqual(self.stub.requests, [])

    def test_nobody_else_uses_the_port_without_a_key(self):
        p, env = self.stay()
        port = int(env["OLLAMA_HOST"].split(":")[1])
        ask = f"GET /api/tags HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        for more in ("", f"Authorization: Bearer {env['OPENAI_API_KEY']}\r\n"):
            answer = raw(port, (ask + more + "\r\n").encode())
            self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
            self.assertIn(b"hither run", answer)
        self.assertEqual(self.stub.requests, [])
        # The program itself, through a shell of its own, and not from a web page it shows.
        script = (f'printf "%s" "$(curl -s http://$OLLAMA_HOST/api/tags)"; '
                  f'curl -s -o /dev/null -w "%{{http_code}}" -H "Origin: http://x" http://$OLLAMA_HOST/api/tags')
        self.assertEqual(self.run_it("sh", "-c", script).stdout, "{}403")
        self.assertEqual(len(self.stub.requests), 1)
        self.assertIsNone(p.poll())

    def test_what_the_program_left_running_still_belongs_to_it(self):
        done = self.run_it(*me("orphan"))
        self.assertEqual(done.stdout, "{}")

    def test_a_daemon_that_went_is_said_to_be_gone(self):
        self.stub.REPLY = b""
        status, _, body = self.said(*me("headers"))
        self.assertEqual((status, json.loads(body)["error"]["code"]), (502, "daemon_gone"))
        p, env = self.stay()
        os.unlink(self.stub.path)
        port = urllib.parse.urlsplit(env["ANTHROPIC_BASE_URL"]).port
        answer = raw(port, f"GET /v1/models HTTP/1.1\r\nHost: localhost:{port}\r\nx-api-key: "
                           f"{env['OPENAI_API_KEY']}\r\n\r\n".encode())
        self.assertIn(b"daemon_not_running", answer)
        self.assertIsNone(p.poll())


class Whole(Run):
    """Against a whole daemon with the fake engine and a provider that counts."""

    @classmethod
    def setUpClass(cls):
        cls.d = stage.Daemon(PROGRAM, app="known")
        cls.addClassCleanup(cls.d.close)
        cls.d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": cls.d.destination()},
                      "default": {"cloud": "allow"}, "rules": [
                          {"id": "known-only", "effect": "deny", "when": {"tier": ["cloud"], "app": ["known"]}}]})
        cls.d.start()
        cls.host = cls.d.path("run", "hither.sock")

    def test_three_vendors_one_answer(self):
        # A proxy in the environment is not asked: it would read the prompts.
        got = self.said(*me("three"), http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9",
                        ANTHROPIC_API_KEY="sk-ant-x")
        self.assertEqual(got, [ANSWER, ANSWER, ANSWER, ""])

    def test_curl(self):
        script = ('curl -sN "$OPENAI_BASE_URL/chat/completions" -H "Authorization: Bearer $OPENAI_API_KEY" '
                  '-H "Content-Type: application/json" -d "$1" && curl -sI "http://$OLLAMA_HOST/"')
        out = self.run_it("sh", "-c", script, "sh", json.dumps({"model": "local", "messages": says("fake:tokens=3 x"),
                                                               "stream": True})).stdout
        self.assertIn('"content":"t2 "', out)
        self.assertIn("data: [DONE]\n\nHTTP/1.1 200 OK", out)

    def test_a_stream_comes_as_it_is_made_and_leaving_stops_it(self):
        before = (self.d.engine_stats() or {"cancelled": 0})["cancelled"]
        p = self.begin(*me("leave", "fake:tokens=5000 fake:delay_ms=20 x"))
        self.assertEqual(p.stdout.readline(), "read\n")  # long before its end
        p.stdin.write("\n")
        p.stdin.flush()
        self.assertEqual(p.stdout.readline(), "left\n")
        stage.until("stopped", lambda: self.d.engine_stats()["cancelled"] == before + 1)
        self.assertIsNone(p.poll())

    def test_a_program_that_ends_stops_its_streams(self):
        before = (self.d.engine_stats() or {"cancelled": 0})["cancelled"]
        p = self.begin(*me("leave", "fake:tokens=5000 fake:delay_ms=20 x"))
        self.assertEqual(p.stdout.readline(), "read\n")
        p.terminate()
        self.assertEqual(p.wait(stage.PATIENCE_S), 128 + signal.SIGTERM)
        stage.until("stopped", lambda: self.d.engine_stats()["cancelled"] == before + 1)

    def test_a_cut_stream_stays_cut(self):
        for script in ("fake:tokens=9 fake:cut_after=4 x", "fake:tokens=9 fake:error_after=4 x",
                       "fake:tokens=9 fake:cut x"):
            how, text = self.said(*me("cut", script))
            self.assertNotIn("[DONE]", text, script)
            self.assertIn('"error"', text, script)
            self.assertEqual(how, "cut", script)

    def test_a_slow_reader_costs_no_memory(self):
        tokens = 60000  # some 12 MB of events, more than sockets hold
        p = self.begin(*me("slow", f"fake:tokens={tokens} x"))
        self.assertEqual(p.stdout.readline(), "read\n")

        def resident():
            with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
                return [int(line.split()[1]) for line in f if line.startswith("VmRSS")][0]

        def held_up():
            """The engine is not read any more: nothing moves on the way."""
            def cpu():
                with open(f"/proc/{p.pid}/stat", encoding="ascii") as f:
                    return f.read().split()[13:15]
            was = cpu()
            time.sleep(0.3)
            return was == cpu()

        stage.until("held up", held_up)
        before = resident()
        p.stdin.write("\n")
        p.stdin.flush()
        size, events, whole = json.loads(p.stdout.readline())
        self.assertGreater(size, 8 << 20)
        self.assertEqual((events >= tokens, whole), (True, True))
        self.assertLess(resident(), before + 8192)
        self.assertLess(before, 65536)

    def test_its_decisions_bear_its_name_and_its_limit(self):
        status, fields, body = self.said(*me("headers", "model=far", "prompt=" + EASY))
        self.assertEqual((status, fields["x-hither-tier"]), (200, "cloud"), body)
        sent = self.d.cloud.connections
        status, _, body = self.said(*me("headers", "model=far", "prompt=" + EASY), options=("--max-tier", "device"))
        self.assertEqual(status, 403, body)
        status, _, body = self.said(*me("headers", "model=far", "prompt=" + EASY), options=("--app", "known"))
        self.assertEqual(status, 403, body)
        self.assertIn("known-only", body)
        self.assertEqual(self.d.cloud.connections, sent)


if __name__ == "__main__":
    unittest.main()
