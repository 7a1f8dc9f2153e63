# SPDX-License-Identifier: Apache-2.0
"""`hither ledger` on a ledger whose sends are known: what left, for people, and records that stand
for many.

ledger.py HITHER MAKE_SENDS [unittest arguments]
"""
import html.parser
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
import unittest

COMMAND, MAKE = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))


class Balanced(html.parser.HTMLParser):
    """Every element that was opened is closed, and none of them is a script or asks for anything."""
    VOID = {"meta", "link", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


class Ledger(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name
        os.chmod(self.state, 0o700)
        now = time.time()
        self.days = [time.strftime("%Y-%m-%d", time.localtime(now - back)) for back in (2 * 86400, 60)]
        subprocess.run([MAKE, self.state, str(int(now * 1000))], check=True)

    def run_command(self, *args, code=0):
        done = subprocess.run([COMMAND, *args, "--state-dir", self.state], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def rows(self, text, heading):
        block = text.split(heading + "\n")[1].split("\n\n")[0]
        return [line.split("\t") for line in block.split("\n") if line]

    def test_what_left_by_everything(self):
        text = self.run_command("ledger", "left")
        self.assertIn("3 requests left this device, 13.5 KB in all. 3 stayed here.", text.split("\n")[0])
        self.assertEqual(self.rows(text, "By day"),
                         [[self.days[0], "2", "12.8 KB", "200, and 1 request not known", "EUR 0.0025, and 1 request not known"],
                          [self.days[1], "1", "700 bytes", "14", "USD 0.0010"]])
        self.assertEqual(self.rows(text, "By program"),
                         [["mail", "2", "13.0 KB", "214", "EUR 0.0025 + USD 0.0010"],
                          ["e<U+202E RIGHT-TO-LEFT OVERRIDE><b>dit", "1", "500 bytes", "unknown", "unknown"]])
        self.assertEqual([r[0] for r in self.rows(text, "By destination")], ["mistral", "other"])
        self.assertEqual({r[0]: r[1] for r in self.rows(text, "By kind of data that was found")},
                         {"personal.contact.email": "2", "source_code": "2", "(nothing sensitive)": "1"})

    def test_one_table_and_json(self):
        self.assertEqual([line.split("\t")[0] for line in self.run_command("ledger", "left", "--by", "app")
                          .strip().split("\n")][0], "mail")
        left = json.loads(self.run_command("--json", "ledger", "left", "--by", "app"))
        mail = left["groups"][0]
        self.assertEqual((left["schema"], left["by"], mail["name"], mail["sends"], mail["bytes"], mail["tokens"]),
                         ("hither.left/1", "app", "mail", 2, 13045, 214))
        self.assertEqual(mail["costs"], [{"currency": "EUR", "amount": 0.0025}, {"currency": "USD", "amount": 0.001}])
        unknown = left["groups"][1]
        self.assertEqual((mail["sends_with_unknown_cost"], unknown["sends_with_unknown_cost"], unknown["cost"]),
                         (0, 1, None), "what is not known is not zero")
        self.assertEqual(json.loads(self.run_command("--json", "ledger", "left"))["by"], "destination")
        self.run_command("ledger", "left", "--by", "weather", code=2)

    def test_the_page(self):
        path = os.path.join(self.state, "left.html")
        self.run_command("ledger", "left", "--html", path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, encoding="utf-8") as f:
            page = f.read()
        parser = Balanced()
        parser.feed(page)
        parser.close()
        self.assertEqual(parser.open, [])
        tags = {tag for tag, _ in parser.seen}
        self.assertFalse(tags & {"script", "img", "link", "iframe", "b"}, "nothing is fetched, nothing runs")
        self.assertNotIn("http://", page)
        self.assertNotIn("\u202e", page)
        text = "".join(parser.text)
        for word in ("3 requests left this device", "By day", self.days[0], "By program", "<b>dit", "By destination",
                     "mistral", "By kind of data", "personal.contact.email", "EUR 0.0025 + USD 0.0010",
                     "200, and 1 request not known"):
            self.assertIn(word, text)
        self.run_command("ledger", "left", "--html", os.path.join(self.state, "no", "where.html"), code=1)

    def test_exports(self):
        lines = self.run_command("ledger", "export", "--format", "csv").split("\n")
        self.assertTrue(lines[0].endswith(",bytes,tokens_in,tokens_out"))
        self.assertTrue(lines[1].endswith(',12345,,'), "an unknown number is an empty cell")
        self.assertTrue(lines[2].endswith(',,100,100'))
        receipts = [json.loads(x) for x in self.run_command("ledger", "export", "--format", "27560").splitlines()]
        self.assertEqual([r["events"][0]["event_state"] for r in receipts], ["released"] * 4)
        self.assertTrue(all(len(r["receipt_metadata"]["ledger_hash"]) == 64 for r in receipts))
        self.run_command("ledger", "export", "--format", "xml", code=2)

    def test_pruned_in_json(self):
        said = json.loads(self.run_command("--json", "ledger", "prune", "--older-than", "400d"))
        self.assertEqual(said, {"schema": "hither.pruned/1", "removed": 0})

    def test_nothing_left(self):
        text = self.run_command("ledger", "left", "--since", "1s")
        self.assertRegex(text, r"nothing left this device\. 0 requests stayed here\.")

    def test_a_record_that_stands_for_many_is_shown_as_many(self):
        lines = [line for line in self.run_command("ledger", "tail").split("\n") if " decided " in line]
        self.assertEqual([line.split("decided")[1].split("->")[0].strip() for line in lines],
                         ["one", "two", "three"])
        self.assertEqual(len({line.split()[0] for line in lines}), 1, "all with the number of their record")
        self.assertEqual(len(self.run_command("ledger", "query", "--app", "two").strip().split("\n")), 1)
        records = json.loads(self.run_command("--json", "ledger", "query", "--kind", "decided"))["records"]
        self.assertEqual([r["app"] for r in records], ["one", "two", "three"])
        self.assertTrue(all("decisions" not in r and "count" not in r for r in records))
        self.assertEqual(len(self.run_command("ledger", "query", "--kind", "decided", "--jsonl").strip().split("\n")),
                         3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
