# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: Chromium without a window, driven by chromedriver. The accessibility
rules are axe-core, fetched once as the lock file pins it. Exit 77 with the reason when something
is missing. With HITHER_TEST_SCREENS=DIR the screens are kept as pictures.

browser.py HITHERD HITHER [unittest arguments]
"""
import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import agent
from agent import stage

HERE = os.path.dirname(os.path.abspath(__file__))
AXE = os.path.join(HERE, "node_modules", "axe-core", "axe.min.js")
PROGRAM, COMMAND = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
SCREENS = os.environ.get("HITHER_TEST_SCREENS")
TAB, ENTER, SPACE = "\ue004", "\ue007", " "
PROMPT = (stage.HARD + " Write to ann.example@example.org and to bob@example.net about it; "
          "their numbers are +49 30 901820 and +49 30 901821." + " Think about each step." * 60)


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def need_axe():
    lock = os.path.join(HERE, "package-lock.json")
    if not os.path.exists(AXE) or os.path.getmtime(AXE) < os.path.getmtime(lock):
        if shutil.which("npm") is None:
            skip("npm is not installed")
        if subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE,
                          stdout=sys.stderr, check=False).returncode != 0:
            skip("npm could not fetch the accessibility rules")
        os.utime(AXE)
    with open(AXE, encoding="utf-8") as f:
        return f.read()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
if CHROMIUM is None or DRIVER is None:
    skip("chromium and chromedriver are not installed")
AXE_SOURCE = need_axe()


class Driver:
    """As much of WebDriver as is needed here."""

    def __init__(self):
        self.process = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        self.port = None
        for line in self.process.stdout:
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                self.port = int(found[1])
                break
        self.profile = tempfile.mkdtemp(prefix="hither-browser-")
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
                     "--user-data-dir=" + self.profile]
        try:
            made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"binary": CHROMIUM, "args": arguments}}}})
        except BaseException:
            self.end()
            raise
        self.session = "/session/" + made["sessionId"]

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None,
                      {"Content-Type": "application/json"})
            r = c.getresponse()
            value = json.loads(r.read())["value"]
        finally:
            c.close()
        if r.status != 200:
            raise AssertionError((path, value))
        return value

    def do(self, path, **body):
        return self.call("POST", self.session + path, body)

    def get(self, path):
        return self.call("GET", self.session + path)

    def run(self, script, *args):
        return self.do("/execute/sync", script=script, args=list(args))

    def devtools(self, command, **params):
        return self.do("/goog/cdp/execute", cmd=command, params=params)

    def keys(self, text):
        self.do("/actions", actions=[{"type": "key", "id": "keyboard", "actions": [
            {"type": kind, "value": c} for c in text for kind in ("keyDown", "keyUp")]}])

    def screen(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=False)

    def media(self, **features):
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def picture(self, name):
        if SCREENS:
            os.makedirs(SCREENS, exist_ok=True)
            with open(os.path.join(SCREENS, name + ".png"), "wb") as f:
                f.write(base64.b64decode(self.get("/screenshot")))

    def text(self):
        return self.run("return document.body ? document.body.innerText : ''")

    def close(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.end()

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)


class Browser(unittest.TestCase):
    def setUp(self):
        self.undecided = {}
        self.d = agent.make_daemon(PROGRAM)
        self.addCleanup(self.d.close)
        self.a = agent.Agent(COMMAND, self.d)
        self.addCleanup(self.a.close)
        self.b = Driver()
        self.addCleanup(self.b.close)
        self.b.screen(800, 900)
        self.waiting = self.d.program(PROMPT, headers={"Hither-App": "org.example.Builder"})
        _, self.port, secret = self.a.link()
        self.b.do("/url", url=f"http://127.0.0.1:{self.port}/l/{secret}")

    def violations(self, what):
        found = self.b.do("/execute/async", args=[], script=AXE_SOURCE + """
            const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ["violations", "passes", "incomplete"]}).then(
                r => done({violations: r.violations.map(v => [v.id, v.help, v.nodes.map(n => n.html)]),
                           passes: r.passes.length, open: r.incomplete.map(v => v.id)}),
                e => done({violations: [String(e)]}));""")
        self.assertEqual(found["violations"], [], what)
        self.assertGreater(found["passes"], 5, what)
        self.undecided.update({what: found["open"]})
        print(f"{what}: {found['passes']} rules pass, 0 violations, undecided: {found['open']}", file=sys.stderr)

    def focus(self):
        return self.b.run("const e = document.activeElement; return e.tagName + ' ' + e.innerText;")

    def open(self):
        """By keyboard: the focus is on the link page's button."""
        stage.until("the focus", lambda: self.focus() == "BUTTON Show the question")
        self.b.keys(ENTER)
        stage.until("the question", lambda: "org.example.Builder asks" in self.b.text())
        stage.until("the focus", lambda: self.focus() == "BUTTON Keep on this device")

    def test_accessibility_rules_and_looks(self):
        self.violations("link page")
        self.b.picture("link")
        self.open()
        for name, width, height, media in (
                ("narrow", 320, 640, {}), ("zoomed", 320, 256, {}), ("low", 320, 480, {}),
                ("low-wide", 800, 480, {}), ("middle", 800, 900, {}),
                ("wide", 1280, 900, {}), ("dark", 800, 900, {"prefers_color_scheme": "dark"}),
                ("zoomed-dark", 320, 256, {"prefers_color_scheme": "dark"}),
                ("narrow-dark", 320, 640, {"prefers_color_scheme": "dark"}),
                ("contrast", 800, 900, {"prefers_contrast": "more"}),
                ("forced", 800, 900, {"forced_colors": "active"})):
            self.b.screen(width, height)
            self.b.media(**media)
            self.b.do("/refresh")
            stage.until("the focus", lambda: self.focus() == "BUTTON Keep on this device")
            self.violations(name)
            self.assertLessEqual(self.b.run("return document.scrollingElement.scrollWidth"), width, name)
            self.b.picture(name)
            self.assertEqual(self.b.run("return window.scrollY"), 0, "the focus hides nothing")
            self.b.run("document.querySelectorAll('details').forEach(d => d.open = true)")
            self.violations(name + ", all open")
            self.assertLessEqual(self.b.run("return document.scrollingElement.scrollWidth"), width, name)
            self.b.picture(name + "-open")
        self.b.screen(800, 900)
        self.b.media()
        self.b.do("/refresh")
        stage.until("the focus", lambda: self.focus() == "BUTTON Keep on this device")
        for name in ("zoomed", "zoomed-dark"):  # nothing is clipped there, so every colour was judged
            self.assertEqual(self.undecided[name + ", all open"], [])
        sizes = self.b.run("return [...document.querySelectorAll('form > .buttons:first-of-type button')].map("
                           "b => {const r = b.getBoundingClientRect(), s = getComputedStyle(b); return [r.width, "
                           "r.height, s.color, s.backgroundColor, s.fontWeight, s.borderColor].join(' ')})")
        self.assertEqual((len(sizes), len(set(sizes))), (2, 1), "both answers look alike: " + str(sizes))
        self.b.keys(ENTER)
        stage.until("the end", lambda: "Kept on this device" in self.b.text() and
                    "asks to use" not in self.b.text())
        self.violations("last page")
        self.b.picture("kept")
        self.assertEqual(self.waiting.result().headers["x-hither-tier"], "device")
        said = [line["message"] for line in self.b.do("/se/log", type="browser")
                if "favicon" not in line["message"]]
        self.assertEqual(said, [], "the policy of contents is kept and nothing is missing")

    def test_keyboard_alone(self):
        self.open()
        before = self.focus()
        seen = [before]
        for _ in range(30):
            self.b.keys(TAB)
            seen.append(self.focus())
            if len(seen) > 3 and seen[-1] == before:
                break
        for what in ("SUMMARY The exact bytes as they would be sent (", "SUMMARY The original's bytes (",
                     "BUTTON Keep on this device", "BUTTON Send masked, once", "SUMMARY More answers",
                     "BUTTON 60 seconds more"):
            self.assertTrue(any(s.startswith(what) for s in seen), (what, seen))
        self.assertTrue(any(s.startswith("DIV 1. You") for s in seen), seen)
        self.assertEqual(self.focus(), before)
        self.b.keys(TAB)
        self.assertEqual(self.focus(), "BUTTON Send masked, once")
        self.b.keys(SPACE)
        answered = self.waiting.result()
        self.assertEqual(answered.headers["x-hither-tier"], "cloud")
        self.assertIn(b"[EMAIL-2]", self.d.cloud.requests[0][1])

    def test_every_control_is_seen_where_there_is_little_room(self):
        self.open()
        for width, height in ((320, 256), (320, 480), (320, 200), (640, 240)):
            self.b.screen(width, height)
            self.b.do("/refresh")
            stage.until("the focus", lambda: self.focus() == "BUTTON Keep on this device")
            stage.until("the first moment is over", lambda: self.b.run(
                "return document.activeElement.getAnimations().length") == 0)
            self.b.run("document.querySelectorAll('details').forEach(d => d.open = true)")
            seen = []
            for _ in range(40):
                self.b.keys(TAB)
                what, tall, inside = self.b.run("""
                    const e = document.activeElement, r = e.getBoundingClientRect();
                    const x = r.left + r.width / 2, y = Math.max(r.top, 0) + Math.min(r.height, 20) / 2;
                    const top = document.elementFromPoint(x, y);
                    return [e.tagName + ' ' + e.innerText.slice(0, 30), r.height > innerHeight - 20,
                            r.top >= -1 && r.bottom <= innerHeight + 1 && top !== null &&
                            (e.contains(top) || top.contains(e))];""")
                self.assertTrue(tall or inside or what.startswith(("BODY", "HTML", "DIV", "PRE")),
                                (width, height, what))
                seen.append(what)
                if what.startswith("BUTTON Keep"):
                    break
            for what in ("BUTTON Keep", "BUTTON Send masked", "BUTTON Send, for that long", "SELECT", "BUTTON 60"):
                self.assertTrue(any(s.startswith(what) for s in seen), (width, height, what, seen))

    def said_to_readers(self):
        """(role, name) of what a screen reader finds in the live region."""
        nodes = {n["nodeId"]: n for n in self.b.devtools("Accessibility.getFullAXTree")["nodes"]}
        live = [n for n in nodes.values() if {"name": "live", "value": {"type": "token", "value": "polite"}}
                in n.get("properties", []) and n["role"]["value"] == "status"]
        self.assertEqual(len(live), 1)
        found, todo = [], list(live[0].get("childIds", []))
        while todo:
            n = nodes.get(todo.pop(0), {})
            todo += n.get("childIds", [])
            if n.get("role", {}).get("value") == "StaticText":
                found.append(n["name"]["value"])
        return found

    def test_the_time_that_is_left_is_said_without_scripts(self):
        short = agent.make_daemon(PROGRAM, timeout="13s")
        self.addCleanup(short.close)
        a = agent.Agent(COMMAND, short)
        self.addCleanup(a.close)
        self.b.devtools("Emulation.setScriptExecutionDisabled", value=True)
        self.b.devtools("Accessibility.enable")
        waiting = short.program(PROMPT)
        _, port, secret = a.link()
        self.b.do("/url", url=f"http://127.0.0.1:{port}/l/{secret}")
        self.b.get("/screenshot")
        self.b.keys(ENTER)
        stage.until("the question", lambda: "[EMAIL-1]" in self.source())
        self.assertEqual(self.said_to_readers(), [], "nothing is said before it is time")
        stage.until("ten seconds", lambda: self.said_to_readers() == ["10 seconds left."])
        stage.until("the end", lambda: len(self.said_to_readers()) == 2)
        self.assertIn("The time is over.", self.said_to_readers()[1])
        self.assertEqual(waiting.result().headers["x-hither-tier"], "device")
        self.assertEqual(short.cloud.connections, 0)

    def test_without_scripts(self):
        self.b.devtools("Emulation.setScriptExecutionDisabled", value=True)
        self.b.do("/url", url=self.b.get("/url"))
        self.b.get("/screenshot")  # the focus is set when the page is drawn
        self.b.keys(ENTER)
        stage.until("the question", lambda: "[EMAIL-1]" in self.source())
        self.b.get("/screenshot")
        self.b.keys(TAB)
        self.b.keys(ENTER)
        self.assertEqual(self.waiting.result().headers["x-hither-tier"], "cloud")
        stage.until("the end", lambda: "Sent, once" in self.source())
        self.assertEqual(len(self.d.cloud.requests), 1)

    def source(self):
        tree = self.b.devtools("DOM.getDocument", depth=0)
        return self.b.devtools("DOM.getOuterHTML", nodeId=tree["root"]["nodeId"])["outerHTML"]


if __name__ == "__main__":
    unittest.main()
