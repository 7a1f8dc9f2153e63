# SPDX-License-Identifier: Apache-2.0
"""The loopback page against a whole daemon with a fake engine and a provider that counts.

page.py HITHERD HITHER [unittest arguments]
"""
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import threading
import unittest

import agent
import hidden
from agent import stage

PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
PROMPT = stage.HARD + " Write to ann.example@example.org about it."
HEADERS = {"content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
                                      "frame-ancestors 'none'; base-uri 'none'",
           "x-frame-options": "DENY", "cross-origin-opener-policy": "same-origin",
           "referrer-policy": "same-origin", "cache-control": "no-store",
           "x-content-type-options": "nosniff"}


def listening(pid):
    """The (address, port) of every TCP socket on which that process listens."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    found = set()
    for table, family in ("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6):
        if not os.path.exists(f"/proc/{pid}/net/{table}"):
            continue
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as f:
            rows = [line.split() for line in f][1:]
        for row in rows:
            if row[3] == "0A" and f"socket:[{row[9]}]" in inodes:  # TCP_LISTEN
                address, port = row[1].split(":")
                words = struct.iter_unpack(">I", bytes.fromhex(address))  # each in the machine's order
                found.add((socket.inet_ntop(family, b"".join(struct.pack("=I", w) for w, in words)),
                           int(port, 16)))
    return found


class Web(unittest.TestCase):
    def start(self, *options, **policy):
        self.d = agent.make_daemon(PROGRAM, **policy)
        self.addCleanup(self.d.close)
        self.a = agent.Agent(COMMAND, self.d, *options)
        self.addCleanup(self.a.close)

    def question(self, prompt=PROMPT, **more):
        """A program asks; (its result to come, a browser at the page, the link's secret)."""
        waiting = self.d.program(prompt, **more)
        self.id, port, secret = self.a.link()
        return waiting, agent.Browser(port), secret

    def test_a_yes_sends_exactly_what_was_shown(self):
        self.start()
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        self.assertEqual(self.d.cloud.connections, 0)
        self.assertIn("[EMAIL-1]", page.sent)
        self.assertIn("<mark>[EMAIL-1]</mark>", page.html)
        self.assertNotIn("ann.example", page.sent)
        self.assertIn("ann.example@example.org", page.original)
        r = page.press("Send masked, once")
        self.assertEqual(r.status, 200)
        self.assertIn(b"<h1>Sent, once</h1>", r.body)
        answered = waiting.result()
        self.assertEqual((answered.status, answered.headers["x-hither-tier"]), (200, "cloud"))
        self.assertEqual([body for _, body in self.d.cloud.requests], [page.sent.encode()])
        record = subprocess.run([COMMAND, "ledger", "query", "--kind", "approved", "--json", "--state-dir",
                                 self.d.path("state")], capture_output=True, text=True, check=True).stdout
        self.assertIn('"web"', record)

    def test_the_original_leaves_only_when_it_is_chosen(self):
        self.start()
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        page.press("Send the original, once")
        self.assertEqual(waiting.result().headers["x-hither-tier"], "cloud")
        self.assertEqual([body for _, body in self.d.cloud.requests], [page.original.encode()])

    def test_a_no_keeps_it_here(self):
        self.start()
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        self.assertIn(b"<h1>Kept on this device</h1>", page.press("Keep on this device").body)
        answered = waiting.result()
        self.assertEqual((answered.status, answered.headers["x-hither-tier"]), (200, "device"))
        self.assertEqual(self.d.cloud.connections, 0)
        late = page.press("Send masked, once")
        self.assertIn(late.status, (404, 409))
        self.assertEqual(self.d.cloud.connections, 0)

    def test_everything_is_said_in_order(self):
        self.start()
        _, browser, secret = self.question(headers={"Hither-App": "org.example.Builder"})
        page = browser.open(secret)
        order = ["org.example.Builder</bdi> asks", "Who", "says it is", "Where to", "Fake", "eu", "far",
                 "fake-large", "keeps no text", "does not train", "Why not here", "too hard", "What exactly",
                 "1 message", "What would be sent, turn by turn", "1. You or your program", "would be sent",
                 "[EMAIL-1]", "the original, stays here", "ann.example@example.org",
                 "The exact bytes as they would be sent", "The original's bytes",
                 "What was found",
                 "personal.contact.email", "masked", "Cost", "EUR", "at most", "How long", "revoke",
                 "Keep on this device", "Send masked, once", "More answers", "60 seconds more"]
        at = -1
        for word in order:
            found = page.html.find(word, at + 1)
            self.assertGreater(found, at, (word, page.html))
            at = found
        first = re.search(r"<(button|select|a)\b[^>]*>", page.html)[0]
        self.assertIn('value="deny once -" autofocus', first, "Enter means the first button")
        self.assertEqual(page.html.count("autofocus"), 1)
        self.assertEqual(re.findall(r"<script|\bon\w+=|style=|javascript:|https?://", page.html), [])
        self.assertIn('role="alertdialog" aria-labelledby="title" aria-describedby="summary"', page.html)
        for name, value in HEADERS.items():
            self.assertEqual(page.reply.headers[name], value)
        style = browser.send("GET", "/style.css")
        self.assertEqual((style.status, style.headers["content-type"]), (200, "text/css; charset=utf-8"))
        page.press("Keep on this device")

    def test_sixty_seconds_more(self):
        self.start()
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        before = self.d.question()["expires"]
        r = page.press("60 seconds more")
        self.assertEqual((r.status, r.headers["location"]), (303, page.path))
        self.assertGreater(self.d.question()["expires"], before)
        renewed = r.headers["set-cookie"].split(";")[0]
        self.assertNotEqual(renewed, browser.cookie)
        self.assertEqual(r.headers["set-cookie"][len(renewed):],
                         "; Path=/; Max-Age=300; HttpOnly; SameSite=Strict")
        browser.cookie = renewed
        page = agent.Page(browser, r.headers["location"])
        page.press("Not now")
        self.assertEqual(waiting.result().headers["x-hither-tier"], "device")

    def test_permissions_that_last(self):
        self.start()
        waiting, browser, secret = self.question()
        r = browser.open(secret).press("Send, for that long", until="1h")
        self.assertIn(b"hither consent revoke g-", r.body)
        waiting.result()
        self.assertEqual(self.d.program(PROMPT + " Again.").result().headers["x-hither-tier"], "cloud")
        grants = self.d.get("/hither/v1/grants", sock="consent.sock").json["grants"]
        self.assertEqual([g["scope"] for g in grants], ["until"])

    def test_a_reason_where_policy_wants_one(self):
        self.start(require_reason=True)
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        self.assertIn("wants a reason", page.press("Send masked, once").body.decode())
        self.assertEqual(self.d.cloud.connections, 0)
        page.press("Send masked, once", reason="ä & ü")
        self.assertEqual(waiting.result().headers["x-hither-tier"], "cloud")

    def test_what_policy_leaves_out_has_no_button(self):
        self.start(scopes=["once"], modes=["redacted"])
        _, browser, secret = self.question()
        page = browser.open(secret)
        self.assertEqual(list(page.buttons), ["Keep on this device", "Send masked, once", "Not now",
                                              "Never for this program there", "60 seconds more"])
        page.press("Keep on this device")

    def test_the_original_is_not_offered_when_it_holds_a_key(self):
        self.start()
        waiting, browser, secret = self.question(PROMPT + " The key is AKIAQYLPMN5HFIQR7XYZ.")
        page = browser.open(secret)
        self.assertIn("secret.api_key", page.html)
        self.assertIn("Send masked, once", page.buttons)
        self.assertNotIn("Send the original, once", page.buttons)
        words = {**page.form, "answer": "approve once as_is"}
        self.assertEqual(browser.send("POST", page.path, words).status, 422)
        page.press("Keep on this device")
        waiting.result()
        self.assertEqual(self.d.cloud.connections, 0)

    def test_it_listens_only_while_a_question_is_open(self):
        self.start("--once")
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        v6 = agent.Browser(browser.port, "::1")
        if socket.has_ipv6 and has_loopback_v6():
            self.assertEqual(v6.send("GET", "/style.css").status, 200)
        self.assertEqual(agent.Browser(browser.port, "localhost").send("GET", "/style.css").status, 200)
        both = {("127.0.0.1", browser.port)} | ({("::1", browser.port)} if has_loopback_v6() else set())
        self.assertEqual(listening(self.a.process.pid), both)
        page.press("Keep on this device")
        waiting.result()
        self.assertEqual(self.a.process.wait(stage.PATIENCE_S), 0)
        self.assertRaises(OSError, browser.send, "GET", "/style.css")

    def test_an_answer_elsewhere_takes_the_question_away(self):
        self.start()
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        self.d.answer(self.d.question(), "deny")
        waiting.result()
        stage.until("gone", lambda: page.press("Send masked, once").status in (404, 409))
        self.assertEqual(self.d.cloud.connections, 0)

    def test_two_questions_one_after_the_other(self):
        self.start()
        first, browser, secret = self.question()
        page = browser.open(secret)
        second = self.d.program(PROMPT + " And a second one.", headers={"Hither-App": "org.example.Other"})
        other, port, _ = self.a.link()
        self.assertEqual(port, browser.port)
        self.assertIn(f"/q/{other}", page.press("Keep on this device").body.decode())
        self.assertEqual(first.result().headers["x-hither-tier"], "device")
        agent.Page(browser, "/q/" + other).press("Send masked, once")
        self.assertEqual(second.result().headers["x-hither-tier"], "cloud")

    def test_the_daemon_ends(self):
        self.start()
        self.d.process.terminate()
        self.d.process.wait()
        self.assertEqual(self.a.process.wait(stage.PATIENCE_S), 3)

    # --- requests that did not come from the page ---------------------------------------------

    def refusals(self, port, cookie, secret, used, question, form):
        """[(what, method, path, body, headers, statuses)]: each as a hostile page, name or user
        could send it, with everything else right."""
        authority, name, value = f"127.0.0.1:{port}", *cookie.split("=")
        path = "/q/" + question
        yes = {**form, "answer": "approve once redacted"}
        hosts = ["evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}",
                 f"127.0.0.1.:{port}", "localhost", f"LOCALHOST:{port}", f"localhost.:{port}",
                 f"127.0.0.1:0{port}", f"127.1:{port}", f"2130706433:{port}", f"0.0.0.0:{port}",
                 f"[::]:{port}", f"[::ffff:127.0.0.1]:{port}", f"::1:{port}",
                 f"127.0.0.1.evil.example:{port}", f"user@127.0.0.1:{port}",
                 f"localhost:{port}.evil.example"]
        out = [(f"host {h}", "GET", path, None, {"Host": h}, (400, 403)) for h in hosts]
        out += [(f"host {h}, same origin", "POST", path, yes, {"Host": h, "Origin": "http://" + h}, (400, 403))
                for h in hosts[:4]]
        out += [("no host", "GET", path, None, {"Host": None}, (400, 403))]
        origins = [None, "null", "", "http://evil.example", f"http://evil.example:{port}",
                   f"https://{authority}", "http://127.0.0.1", f"http://127.0.0.1:{port + 1}",
                   f"http://localhost:{port}", f"http://[::1]:{port}", f"http://{authority}/",
                   f"HTTP://{authority}", f"http://{authority} http://evil.example", "file://",
                   f"http://{authority}.evil.example"]
        out += [(f"origin {o}", "POST", path, yes, {"Origin": o}, (403,)) for o in origins]
        out += [(f"site {s}", "POST", path, yes, {"Sec-Fetch-Site": s}, (403,))
                for s in (None, "", "cross-site", "same-site", "same-origin, cross-site", "SAME-ORIGIN")]
        cookies = [None, f"{name}=", f"{name}={'0' * 32}", f"{name}={value[:-1]}", f"{name}={value.upper()}!",
                   f"hither={value}", f"x{name}={value}", f"{name}={secret}", f"{name}={used}",
                   f"{name}={value}0"]
        for c in cookies:
            out.append((f"cookie {c}", "GET", path, None, {"Cookie": c}, (403,)))
            out.append((f"cookie {c}", "POST", path, yes, {"Cookie": c}, (403,)))
        out += [(f"method {m}", m, p, None, h, (400, 405))
                for m in ("OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")
                for p, h in ((path, {}), ("/open", {"Access-Control-Request-Method": "POST",
                                                    "Origin": "http://evil.example"}))]
        out += [(f"type {t}", "POST", path, yes, {"Content-Type": t}, (415,))
                for t in (None, "text/plain", "application/json", "multipart/form-data; boundary=x",
                          agent.FORM + "x", "text/plain; " + agent.FORM)]
        out += [(f"used link {m}", m, p, b, {}, (403,)) for m, p, b in
                (("POST", "/open", {"link": used}), ("GET", "/l/" + used, None),
                 ("POST", "/open", {"link": "0" * 32}), ("POST", "/open", {"link": ""}),
                 ("POST", "/open", {}), ("GET", "/l/", None), ("POST", "/open?link=" + secret, {}))]
        out += [("cross-site use of a link", "POST", "/open", {"link": secret}, h, (403,)) for h in
                ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": None})]
        out += [(f"form without {k}", "POST", path, {n: v for n, v in yes.items() if n != k}, {}, (400,))
                for k in yes]
        out += [("stale nonce", "POST", path, {**yes, "nonce": "0" * 32}, {}, (409,)),
                ("other digest", "POST", path, {**yes, "digest": "sha256:" + "0" * 64}, {}, (409,)),
                ("other question", "POST", "/q/" + "0" * 26, yes, {}, (404,)),
                ("deeper path", "POST", path + "/x", yes, {}, (404,)),
                ("post to the start", "POST", "/", yes, {}, (404,)),
                ("answer in the address", "POST", path + "?answer=approve+once+redacted", form, {}, (400,))]
        return out

    def test_requests_from_elsewhere_are_refused(self):
        self.start()
        waiting, browser, used = self.question()
        page = browser.open(used)
        second = self.d.program(PROMPT + " And a second one.", headers={"Hither-App": "org.example.Other"})
        _, _, secret = self.a.link()
        tries = self.refusals(browser.port, browser.cookie, secret, used, self.id, page.form)
        self.assertGreaterEqual(len(tries), 50)
        for what, method, path, body, headers, statuses in tries:
            r = browser.send(method, path, body, **headers)
            self.assertIn(r.status, statuses, (what, r.body))
            self.assertNotIn("set-cookie", r.headers, what)
            self.assertEqual([h for h in r.headers if h.startswith("access-control")], [], what)
            for shown in (page.form["nonce"].encode(), b"4k+3", b"ann.example"):
                self.assertNotIn(shown, r.body, what)
        asked = browser.send("GET", page.path + "?answer=approve+once+redacted")
        self.assertEqual(asked.status, 200, "an address decides nothing")
        self.assertEqual(self.d.cloud.connections, 0)
        self.assertEqual({q["state"] for q in self.d.questions()} - {"open", "queued"}, set())
        self.assertEqual(len(self.d.questions()), 2)
        print(f"{len(tries)} requests refused", file=sys.stderr)
        page.press("Keep on this device")
        self.assertEqual(waiting.result().headers["x-hither-tier"], "device")
        agent.Page(browser, browser.send("GET", "/").headers["location"]).press("Keep on this device")
        second.result()

    def test_two_origins_in_one_request(self):
        self.start()
        waiting, browser, secret = self.question()
        page = browser.open(secret)
        body = ("&".join(f"{k}={v}" for k, v in page.form.items()) + "&answer=approve+once+redacted").encode()
        for first, second in (("http://evil.example", "http://" + browser.authority),
                              ("http://" + browser.authority, "http://evil.example")):
            s = socket.create_connection(("127.0.0.1", browser.port), stage.PATIENCE_S)
            s.sendall(f"POST {page.path} HTTP/1.1\r\nHost: {browser.authority}\r\nOrigin: {first}\r\n"
                      f"Origin: {second}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {agent.FORM}\r\n"
                      f"Cookie: {browser.cookie}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            first_bytes = s.recv(100)
            s.close()
            self.assertRegex(first_bytes, rb"^HTTP/1.1 400 ")
        self.assertEqual(self.d.cloud.connections, 0)
        page.press("Keep on this device")
        waiting.result()

    @unittest.skipIf(os.getuid() != 0, "only root can be somebody else")
    def test_another_user_of_the_machine(self):
        self.start()
        waiting, browser, secret = self.question()
        script = ("import http.client,sys\n"
                  f"c = http.client.HTTPConnection('127.0.0.1', {browser.port})\n"
                  f"c.request('POST', '/open', 'link={secret}', {{'Origin': 'http://{browser.authority}',"
                  f" 'Sec-Fetch-Site': 'same-origin', 'Content-Type': '{agent.FORM}'}})\n"
                  "print(c.getresponse().status)\n")
        out = subprocess.run(["/usr/bin/env", "python3", "-c", script], capture_output=True, text=True, check=False,
                             user=65534, group=65534, extra_groups=[], cwd="/")
        if out.returncode != 0:
            self.skipTest("another user cannot run python3 here: " + out.stderr[-200:])
        self.assertEqual(out.stdout, "403\n")
        browser.open(secret).press("Keep on this device")
        waiting.result()

    # --- hidden characters --------------------------------------------------------------------

    def test_hidden_characters_show_on_the_page_and_in_the_terminal(self):
        texts = hidden.strings()
        self.start(operator="Fa\u202eke\u200b")
        prompt = stage.HARD + "".join(f"\n{i:04d}|{t}|" for i, (t, _) in enumerate(texts))
        waiting, browser, secret = self.question(prompt)
        page = browser.open(secret)
        self.check_hidden(page.html, page.sent, texts)
        self.check_hidden(page.html, page.reading, texts)
        self.assertIn("Fa<U+202E RIGHT-TO-LEFT OVERRIDE>ke<U+200B ZERO WIDTH SPACE>",
                      page.html.replace("&lt;", "<").replace("&gt;", ">"))
        self.assertEqual(self.d.answer(self.d.question(), "dismiss").status, 200)
        waiting.result()
        self.a.close()
        screen = self.terminal(prompt).replace("\r\n", "\n")
        turns, exact = screen.split("--- exactly these bytes")
        self.assertIn("--- what would be sent, turn by turn ---", turns)
        self.check_hidden(screen, re.sub(r"\n    \| (?!\d{4}\|)", "", turns), texts)
        self.check_hidden(screen, exact, texts)
        print(f"{len(texts)} texts in two agents, two views each", file=sys.stderr)

    def check_hidden(self, whole, text, texts):
        for i, (original, character) in enumerate(texts):
            shown = re.search(rf"{i:04d}\|(.*?)\|", text, re.S)
            self.assertIsNotNone(shown, i)
            escaped = json.dumps(character)[1:-1]
            self.assertTrue(f"<U+{ord(character):04X}" in shown[1] or
                            (ord(character) < 0x20 and escaped in shown[1].replace("\\\\", "\\")),
                            (i, hex(ord(character)), shown[1]))
            self.assertNotEqual(shown[1], original)
        left = {hex(ord(c)) for c in whole} & {hex(ord(c)) for _, c in texts}
        self.assertEqual(left, set())

    def terminal(self, prompt):
        """What `hither consent watch` shows of the question with its exact text."""
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update({"HITHER_HOST": "unix:" + self.d.path("run", "hither.sock"), "TERM": "dumb"})
            os.execv(COMMAND, [COMMAND, "consent", "watch"])
        screen, keys, done = [], [b"v\n", b"b\n", b"k\n"], threading.Event()

        def read():
            while True:
                try:
                    more = os.read(fd, 65536)
                except OSError:
                    return
                screen.append(more)
                so_far = b"".join(screen)
                if b"watching" in so_far:
                    done.set()
                if keys and so_far.endswith(b"> "):
                    os.write(fd, keys.pop(0))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.assertTrue(done.wait(stage.PATIENCE_S))
        self.assertEqual(self.d.program(prompt + "\nonce more").result().headers["x-hither-tier"], "device")
        os.kill(pid, 15)
        os.waitpid(pid, 0)
        reader.join(stage.PATIENCE_S)
        os.close(fd)
        return b"".join(screen).decode()


def has_loopback_v6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
