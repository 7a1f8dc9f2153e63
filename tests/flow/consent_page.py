# SPDX-License-Identifier: Apache-2.0
"""The loopback page: what it shows, and who gets nothing from it.

consent_page.py PAGE_AGENT [unittest arguments]
"""
import html
import html.parser
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

PROGRAM = os.path.abspath(sys.argv.pop(1))
ID = "01JD0000000000000000000000"
QUESTION = {"id": ID, "nonce": "ab" * 16, "digest": "sha256:" + "cd" * 32, "app": "<b>App</b>",
            "identity_words": "says it is this program", "destination": "far", "operator": "Far & Co", "region": "eu",
            "model": "big", "retention_days": 30, "trains": None, "proxy": None, "why": "too hard", "messages": 1,
            "attachments": 0, "bytes": 20, "body": "pay \u202eevil\u202c <script>alert(1)</script> \x1b[2J",
            "original": "pay anna@example.org", "categories": [{"name": "personal.name", "count": 2, "masked": False}],
            "price": {"currency": "EUR", "estimate": 0.001, "upper_bound": 0.004}, "budget_left": None,
            "scopes": ["once", "session"], "modes": ["redacted", "as_is"], "expires": "2026-11-20T05:00:00.000Z",
            "revoke_hint": "hither consent revoke"}


class Outline(html.parser.HTMLParser):
    """Tags in order, checked for balance; forms with their fields."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.fields, self.text = [], [], {}, ""

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in ("meta", "input", "link"):
            self.open.append(tag)
        if tag in ("input", "button") and "name" in attrs:
            self.fields.setdefault(attrs["name"], []).append(attrs.get("value"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text += data


class Page(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hither-page-")
        self.put("hither_v1_consents", {"consents": [QUESTION]})
        self.put("hither_v1_consents_" + ID, QUESTION)
        self.process = subprocess.Popen([PROGRAM, self.dir], stdout=subprocess.PIPE, text=True)
        self.url = urllib.parse.urlsplit(self.process.stdout.readline().strip())
        self.token = urllib.parse.parse_qs(self.url.query)["t"][0]
        self.host = self.url.netloc
        self.cookie = None

    def tearDown(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(30), 0)
        self.process.stdout.close()
        shutil.rmtree(self.dir)

    def put(self, name, content):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
            json.dump(content, f)

    def posted(self):
        path = os.path.join(self.dir, "posted")
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as f:
            return json.load(f)

    def call(self, method, path, form=None, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.url.port, timeout=30)
        sent = {"Host": self.host}
        if self.cookie:
            sent["Cookie"] = self.cookie
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            sent.update({"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://" + self.host,
                         "Sec-Fetch-Site": "same-origin"})
        sent.update({k.replace("_", "-"): v for k, v in headers.items()})
        sent = {k: v for k, v in sent.items() if v is not None}
        c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for k, v in sent.items():
            c.putheader(k, v)
        if body is not None:
            c.putheader("Content-Length", str(len(body)))
        c.endheaders(body.encode() if body is not None else None)
        r = c.getresponse()
        text = r.read().decode()
        c.close()
        return r, text

    def enter(self):
        r, _ = self.call("POST", "/start", {"t": self.token})
        self.assertEqual(r.status, 200)
        flags = r.getheader("Set-Cookie")
        for want in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=300"):
            self.assertIn(want, flags)
        self.cookie = flags.split(";")[0]

    def test_shows_everything_and_hides_nothing(self):
        self.enter()
        r, text = self.call("GET", "/")
        self.assertIn("/q/" + ID, text)
        r, text = self.call("GET", "/q/" + ID)
        self.assertEqual(r.status, 200)
        outline = Outline()
        outline.feed(text)
        self.assertEqual(outline.open, [])
        names = [t for t, _ in outline.tags]
        self.assertNotIn("script", names)
        self.assertNotIn("b", names)
        self.assertEqual(names.count("h1"), 1)
        self.assertEqual(dict(outline.tags[0][1]), {"lang": "en"})
        for want in ("<b>App</b>", "Far & Co", "keeps text 30 days", "unknown", "too hard", "<script>alert(1)</script>",
                     "<U+202E RIGHT-TO-LEFT OVERRIDE>evil", "<U+001B ESCAPE>[2J", "pay anna@example.org",
                     "personal.name, 2 times: NOT masked", "at most 0.0040 EUR"):
            self.assertIn(want, outline.text)
        self.assertEqual(outline.fields["choice"], ["keep", "once", "session", "as_is", "later", "more_time"])
        focus = [a.get("value") for t, a in outline.tags if "autofocus" in a]
        self.assertEqual(focus, ["keep"])
        policy = r.getheader("Content-Security-Policy")
        for want in ("default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'",
                     "base-uri 'none'"):
            self.assertIn(want, policy)
        for name, want in (("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
                           ("Cache-Control", "no-store"), ("Cross-Origin-Opener-Policy", "same-origin")):
            self.assertEqual(r.getheader(name), want)
        self.assertFalse([h for h, _ in r.getheaders() if h.lower().startswith("access-control")])
        self.assertEqual(self.call("GET", "/style.css")[0].getheader("Content-Type"), "text/css; charset=utf-8")

    def test_answers(self):
        self.enter()
        wants = {"keep": ("deny", "once", None), "once": ("approve", "once", "redacted"),
                 "session": ("approve", "session", "redacted"), "as_is": ("approve", "once", "as_is"),
                 "later": ("dismiss", None, None), "more_time": ("extend", None, None)}
        for choice, want in wants.items():
            r, text = self.call("POST", "/q/" + ID, {"nonce": QUESTION["nonce"], "digest": QUESTION["digest"],
                                                     "choice": choice})
            self.assertEqual(r.status, 200)
            self.assertIn("the daemon heard it", text)
            said = self.posted()
            self.assertEqual((said["decision"], said.get("scope"), said.get("mode")), want)
            self.assertEqual((said["nonce"], said["digest"]), (QUESTION["nonce"], QUESTION["digest"]))

    def test_who_gets_nothing(self):
        form = {"nonce": QUESTION["nonce"], "digest": QUESTION["digest"], "choice": "once"}
        port = self.url.port
        self.enter()
        tricks = []
        for host in ("evil.example", "evil.example:%d" % port, "127.0.0.1", "127.0.0.1:1", "localhost", "[::1]",
                     "127.0.0.1:%d.evil.example" % port, "127.0.0.1.nip.io:%d" % port, "0.0.0.0:%d" % port,
                     "127.1:%d" % port, "2130706433:%d" % port, "LOCALHOST.:%d" % port, "[::ffff:127.0.0.1]:%d" % port):
            tricks += [("GET", "/", None, {"Host": host}), ("GET", "/q/" + ID, None, {"Host": host}),
                       ("POST", "/q/" + ID, form, {"Host": host, "Origin": "http://" + host})]
        for origin in (None, "null", "http://evil.example", "https://" + self.host, "http://127.0.0.1",
                       "http://localhost:%d" % port, "http://" + self.host + "/", "http://%s.evil.example" % self.host):
            tricks.append(("POST", "/q/" + ID, form, {"Origin": origin}))
        for site in ("cross-site", "same-site", "x"):
            tricks.append(("POST", "/q/" + ID, form, {"Sec_Fetch_Site": site}))
        for kind in (None, "text/plain", "application/json", "multipart/form-data; boundary=x"):
            tricks.append(("POST", "/q/" + ID, form, {"Content_Type": kind}))
        for method in ("OPTIONS", "PUT", "DELETE", "PATCH"):
            tricks.append((method, "/q/" + ID, None, {}))
        for cookie in (None, "hither=", "hither=" + "0" * 32, "x" + self.cookie, self.cookie[:-1], self.cookie + "0"):
            tricks += [("GET", "/", None, {"Cookie": cookie}), ("GET", "/q/" + ID, None, {"Cookie": cookie}),
                       ("POST", "/q/" + ID, form, {"Cookie": cookie})]
        self.assertGreaterEqual(len(tricks), 50)
        for method, path, body, headers in tricks:
            r, text = self.call(method, path, body, **headers)
            self.assertIn(r.status, (400, 403, 405), (method, path, headers))
            self.assertNotIn(QUESTION["nonce"], text)
            self.assertIsNone(self.posted(), (method, path, headers))

    def test_the_link_works_once(self):
        self.enter()
        self.cookie = None
        self.assertEqual(self.call("POST", "/start", {"t": self.token})[0].status, 403)
        self.assertEqual(self.call("GET", "/")[0].status, 403)

    def test_guessing_ends_the_link(self):
        for _ in range(3):
            self.assertEqual(self.call("POST", "/start", {"t": "0" * 32})[0].status, 403)
        self.assertEqual(self.call("POST", "/start", {"t": self.token})[0].status, 403)

    def test_start_only_shows_a_button(self):
        r, text = self.call("GET", "/start?t=" + self.token)
        self.assertEqual(r.status, 200)
        self.assertIsNone(r.getheader("Set-Cookie"))
        _, text = self.call("GET", "/start?t=%22%3E%3Cscript%3E")
        self.assertNotIn("<script>", text)
        self.assertIn(html.escape("\"><script>"), text)

    def test_a_question_that_is_over(self):
        self.enter()
        self.assertEqual(self.call("GET", "/q/01JD0000000000000000000001")[0].status, 404)
        self.assertEqual(self.call("GET", "/q/../../x")[0].status, 404)
        self.assertEqual(self.call("POST", "/q/" + ID, {"choice": "once"})[0].status, 400)
        self.assertEqual(self.call("POST", "/q/" + ID, {"choice": "yes", "nonce": "x", "digest": "y"})[0].status, 400)


if __name__ == "__main__":
    unittest.main()
