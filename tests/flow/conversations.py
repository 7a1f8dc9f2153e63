# SPDX-License-Identifier: Apache-2.0
"""Turns of one conversation and rounds of one run of tool calls, on the whole daemon.

conversations.py HITHERD [unittest arguments]
"""
import os
import sys
import unittest

import stage

PROGRAM = os.path.abspath(sys.argv.pop(1))
EASY = "What is the capital of France?"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def calls(n):
    return {"role": "assistant", "content": None, "tool_calls": [
        {"id": f"call_{n}", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}


def result(n, text):
    return {"role": "tool", "tool_call_id": f"call_{n}", "content": text}


class Case(unittest.TestCase):
    def daemon(self, rules=(), **more):
        d = stage.Daemon(PROGRAM, **more)
        self.addCleanup(d.close)
        self.rules(d, *rules)
        return d.start()

    def rules(self, d, *rules):
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "allow"}, "rules": list(rules)})

    def say(self, d, *messages, **more):
        r = d.call("POST", "/v1/chat/completions", {"model": "auto", "messages": list(messages), **more})
        self.assertEqual(r.status, 200, r.body)
        return r.headers["x-hither-destination"], d.decision(r)

    def limit(self, decision):
        return round(decision["threshold"], 3)


class Turns(Case):
    def test_a_conversation_leans_to_where_it_is(self):
        d = self.daemon()
        first = [user(EASY), assistant("Paris."), user("And of Spain?")]
        self.assertEqual(self.limit(self.say(d, *first)[1]), 0.62, "nothing is known of it")
        self.say(d, user(EASY))
        place, dec = self.say(d, *first)
        self.assertEqual((place, self.limit(dec)), ("local", 0.7))
        self.assertIn("so far", dec["reasons"][2])
        place, dec = self.say(d, *first, assistant("Madrid."), user(stage.HARD))
        self.assertEqual(place, "far", "a hard one moves it")
        again = [*first, assistant("Madrid."), user(stage.HARD), assistant("Done."), user(EASY)]
        place, dec = self.say(d, *again)
        self.assertEqual((place, self.limit(dec)), ("local", 0.54), "an easy one moves it back")

    def test_other_programs_do_not_share_it(self):
        d = self.daemon()
        self.say(d, user(EASY))
        body = {"model": "auto", "messages": [user(EASY), assistant("Paris."), user("And of Spain?")]}
        r = d.call("POST", "/v1/chat/completions", body, {"Hither-App": "org.example.Other"})
        self.assertEqual(self.limit(d.decision(r)), 0.62)

    def test_a_dry_run_sees_it_and_leaves_it(self):
        d = self.daemon()
        self.say(d, user(stage.HARD))
        body = {"model": "auto", "messages": [user(stage.HARD), assistant("Done."), user(EASY)]}
        for _ in range(2):
            told = d.call("POST", "/hither/v1/route", body).json
            self.assertEqual(self.limit(told), 0.54)


class Tools(Case):
    def test_a_run_is_decided_once(self):
        d = self.daemon()
        place, _ = self.say(d, user(stage.HARD), tools=[TOOL])
        self.assertEqual(place, "far")
        run = [user(stage.HARD), calls(1), result(1, "ok")]
        place, dec = self.say(d, *run, tools=[TOOL])
        self.assertEqual((place, dec["reasons"][0]), ("far", "these tool calls began there"))
        # What a program adds to the results is no new request of a person's.
        place, _ = self.say(d, *run, calls(2), result(2, "ok"), user("Go on."), tools=[TOOL])
        self.assertEqual(place, "far")
        unknown = [user(stage.HARD), calls(1), result(1, "other"), calls(2), result(2, "ok"), user("Go on.")]
        place, _ = self.say(d, *unknown, tools=[TOOL])
        self.assertEqual(place, "local", "a round in between was never answered: judged by itself")

    def test_on_the_device_too(self):
        d = self.daemon()
        self.say(d, user(EASY), tools=[TOOL])
        hard = "Result: " + stage.HARD
        place, dec = self.say(d, user(EASY), calls(1), result(1, hard), tools=[TOOL])
        self.assertEqual((place, dec["reasons"][0]), ("local", "these tool calls began on this device"))
        place, _ = self.say(d, user(EASY), calls(1), result(1, "ok"), user(stage.HARD), tools=[TOOL])
        self.assertEqual(place, "far", "a person asked for something hard")

    def test_what_a_result_holds_keeps_it_here(self):
        rule = {"id": "stay", "effect": "local_only", "when": {"data": {"any": ["personal.contact.*"]}}}
        d = self.daemon([rule])
        self.say(d, user(stage.HARD), tools=[TOOL])
        sent = len(d.cloud.requests)
        self.assertEqual(sent, 1)
        place, dec = self.say(d, user(stage.HARD), calls(1), result(1, "write to bob@example.com"), tools=[TOOL])
        self.assertEqual((place, dec["destinations"]["far"]["by"]), ("local", ["stay"]))
        self.assertEqual(len(d.cloud.requests), sent)

    def test_later_turns_stay_too_until_that_is_lifted(self):
        """The answer may quote it in words that nothing recognizes, so the result itself needs not be there."""
        rule = {"id": "stay", "effect": "local_only", "when": {"data": {"any": ["personal.contact.*"]}}}
        d = self.daemon([rule])
        begun = user(stage.HARD + " See the mail.")
        self.assertEqual(self.say(d, begun, calls(1), result(1, "write to bob@example.com"))[0], "local")
        later = (begun, assistant("It is he, at the usual place."), user(stage.HARD))
        place, dec = self.say(d, *later)
        self.assertEqual((place, dec["categories"]), ("local", []))
        kept, = [g for g in d.get("/hither/v1/grants", sock="consent.sock").json["grants"]]
        self.assertEqual((kept["effect"], kept["keeps_from_tier"]), ("refuse", "cloud"))
        self.assertIn(kept["id"], " ".join(dec["reasons"]))
        self.assertEqual(self.say(d, user(stage.HARD + " Something else."))[0], "far", "only that conversation")
        d.process.terminate()
        d.process.wait()
        d.start()
        self.assertEqual(self.say(d, *later)[0], "local", "also after a restart")
        gone = d.call("DELETE", "/hither/v1/grants/" + kept["id"], sock="consent.sock").json
        self.assertIn("may be asked again", gone["note"])
        self.assertEqual(self.say(d, *later)[0], "far")
        self.assertEqual(len(d.cloud.requests), 2)

    def test_a_turn_too_long_to_be_looked_through_counts_as_unknown(self):
        rule = {"id": "stay", "effect": "local_only", "when": {"data": {"any": ["personal.contact.*"]}}}
        for rules, words, then in (([rule], 40000, "local"), ([rule], 10, "far"), ([], 40000, "far")):
            with self.subTest(rules=len(rules), words=words):
                d = self.daemon(rules, engine={"context_tokens": 1 << 18, "parallel": 1})
                begun = user(EASY)
                self.assertEqual(self.say(d, begun, calls(1), result(1, "some words " * words), model="local")[0], "local")
                place, dec = self.say(d, begun, assistant("So it is."), user(stage.HARD))
                self.assertEqual((place, dec["categories"]), (then, []))

    def test_also_when_the_turn_was_easy_and_the_next_one_comes_at_once(self):
        rule = {"id": "stay", "effect": "local_only", "when": {"data": {"any": ["personal.contact.*"]}}}
        d = self.daemon([rule])
        for n in range(5):
            begun = user(f"{EASY} {n}")
            r = d.call("POST", "/v1/chat/completions", {"model": "auto", "messages": [
                begun, calls(1), result(1, "write to bob@example.com")]})
            self.assertEqual(r.headers["x-hither-destination"], "local")
            place, _ = self.say(d, begun, assistant("It is he."), user(stage.HARD))
            self.assertEqual(place, "local")
        self.assertEqual(len(d.cloud.requests), 0)

    def test_a_refusal_moves_the_run(self):
        d = self.daemon()
        d.policy({"hither_policy": 1, "id": "mine", "destinations": {"far": d.destination()},
                  "default": {"cloud": "ask"}, "consent": {"timeout": "20s"}})
        d.process.send_signal(1)
        stage.until("the policy asks", lambda: d.route(EASY).json["destinations"]["far"]["verdict"] == "ask")
        place, _ = self.say(d, user(stage.HARD), tools=[TOOL])  # nobody is there to ask
        self.assertEqual(place, "local")
        place, dec = self.say(d, user(stage.HARD), calls(1), result(1, "ok"), tools=[TOOL])
        self.assertEqual((place, dec["reasons"][0]), ("local", "these tool calls began on this device"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
