# SPDX-License-Identifier: Apache-2.0
"""A daemon with a question policy, `hither consent web` beside it, and a browser made of sockets."""
import html
import http.client
import os
import queue
import re
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
import stage  # noqa: E402

FORM = "application/x-www-form-urlencoded"


def make_daemon(program, operator="Fake", **more):
    d = stage.Daemon(program)
    d.policy({"hither_policy": 1, "id": "mine",
              "destinations": {"far": {**d.destination(price={"currency": "EUR", "input_per_mtok": 1,
                                                              "output_per_mtok": 2}),
                                       "operator": operator}},
              "default": {"cloud": "ask"},
              "rules": [{"id": "mask", "effect": "ask", "when": {"tier": ["cloud"]},
                         "with": {"redact": ["personal.contact.*"]}}],
              "consent": {"timeout": "120s", "hold_max": "10m", "max_prompts_per_hour": 1000,
                          "scopes": ["once", "session", "until", "always"],
                          "modes": ["redacted", "as_is"], **more}})
    return d.start()


class Agent:
    """The process `hither consent web`; its lines are read as they come."""

    def __init__(self, command, daemon, *options, env=None):
        self.daemon = daemon
        self.process = subprocess.Popen(
            [command, "consent", "web", *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "HITHER_HOST": "unix:" + daemon.path("run", "hither.sock"), **(env or {})})
        self.lines = queue.Queue()
        self.said = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.line("waiting for questions")

    def read(self):
        for line in self.process.stderr:
            self.said.append(line)
            self.lines.put(line)

    def line(self, what):
        """The next line with `what` in it."""
        while True:
            try:
                line = self.lines.get(timeout=stage.PATIENCE_S)
            except queue.Empty:
                raise AssertionError(f"never said {what!r}: {self.said}") from None
            if what in line:
                return line

    def link(self):
        """(question, port, secret) of the next link."""
        found = re.search(r"question (\w+): http://127\.0\.0\.1:(\d+)/l/([0-9a-f]{32})$",
                          self.line("http://").strip())
        return found[1], int(found[2]), found[3]

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(stage.PATIENCE_S)
        self.reader.join(stage.PATIENCE_S)
        self.process.stderr.close()
        for line in self.said:
            for word in ("Sanitizer", "runtime error:", "Assertion"):
                assert word not in line, self.said


class Browser:
    """Sends what a browser sends for this page; any header can be set or, with None, left out."""

    def __init__(self, port, host="127.0.0.1"):
        self.port, self.host = port, host
        self.authority = (f"[{host}]" if ":" in host else host) + f":{port}"
        self.cookie = None

    def send(self, method, path, body=None, **headers):
        fields = {"Host": self.authority}
        if method == "POST":
            fields.update({"Origin": "http://" + self.authority, "Sec-Fetch-Site": "same-origin",
                           "Content-Type": FORM})
        if self.cookie:
            fields["Cookie"] = self.cookie
        fields.update({k.replace("_", "-"): v for k, v in headers.items()})
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
        c = http.client.HTTPConnection("127.0.0.1" if self.host == "localhost" else self.host, self.port,
                                       timeout=stage.PATIENCE_S)
        try:
            c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in fields.items():
                if value is not None:
                    c.putheader(name, value)
            data = (body or "").encode()
            if method == "POST":
                c.putheader("Content-Length", str(len(data)))
            c.endheaders(data if method == "POST" else None)
            return stage.Reply.of(c.getresponse())
        finally:
            c.close()

    def open(self, secret):
        """Presses the button of the link's page; the page of the question."""
        r = self.send("POST", "/open", {"link": secret})
        assert r.status == 303, (r.status, r.body)
        self.cookie = r.headers["set-cookie"].split(";")[0]
        return Page(self, r.headers["location"])


class Page:
    def __init__(self, browser, path):
        self.browser, self.path = browser, path
        self.reply = browser.send("GET", path)
        self.html = self.reply.body.decode()

    def element(self, pattern):
        found = re.search(pattern, self.html, re.S)
        return html.unescape(found[1]) if found else None

    @property
    def sent(self):
        return re.sub("</?mark>", "", self.element(r'<pre id="sent"[^>]*>\n(.*?)</pre>'))

    @property
    def reading(self):
        """What the turns say."""
        return html.unescape(re.sub("<[^>]*>", "", re.search(
            r'<div class="reading".*?>\n(.*?)\n</div>\n<details>', self.html, re.S)[1]))

    @property
    def original(self):
        return self.element(r'<pre id="original"[^>]*>\n(.*?)</pre>')

    @property
    def form(self):
        return {n: html.unescape(v) for n, v in
                re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.html)}

    @property
    def buttons(self):
        return {html.unescape(t): v for v, t in
                re.findall(r'<button name="answer" value="([^"]*)"[^>]*>([^<]*)</button>', self.html)}

    def press(self, label, **more):
        return self.browser.send("POST", self.path, {**self.form, "answer": self.buttons[label], **more})
