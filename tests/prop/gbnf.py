# SPDX-License-Identifier: Apache-2.0
"""Grammars in GBNF (llama.cpp, grammars/README.md), read and matched; the part that is written here."""
import random
import re

TOKEN = re.compile(r'\s*(?:(?P<lit>"(?:\\.|[^"\\])*")|(?P<cls>\[(?:\\.|[^\]\\])*\])|(?P<name>[a-zA-Z][a-zA-Z0-9-]*)'
                   r'|(?P<rep>\{\d+(?:,\d*)?\}|[*+?])|(?P<op>[()|]))')


def unescape(text):
    def one(m):
        e = m.group(1)
        return chr(int(e[1:], 16)) if e[0] == "x" else {"n": "\n", "t": "\t", "r": "\r"}.get(e, e)
    return re.sub(r"\\(x[0-9A-Fa-f]{2}|.)", one, text, flags=re.S)


class Grammar:
    """Nodes: ("lit", text) ("cls", negated, ranges) ("ref", name) ("seq", nodes) ("alt", nodes) ("rep", node, min, max)."""

    def __init__(self, text):
        self.rules = {}
        for line in text.splitlines():
            name, body = line.split(" ::= ", 1) if " ::= " in line else (line.removesuffix(" ::="), "")
            assert name not in self.rules, name
            tokens, at = [], 0
            while body[at:].strip():
                m = TOKEN.match(body, at)
                assert m, (name, body[at:])
                tokens.append((m.lastgroup, m.group(m.lastgroup)))
                at = m.end()
            self.rules[name] = self.alternatives(tokens)
            assert not tokens, (name, tokens)
        for node in self.rules.values():
            self.check(node)

    def check(self, node):
        if node[0] == "ref":
            assert node[1] in self.rules, node[1]
        for kid in node[1] if node[0] in ("seq", "alt") else [node[1]] if node[0] == "rep" else []:
            self.check(kid)

    def alternatives(self, tokens):
        found = [self.sequence(tokens)]
        while tokens and tokens[0] == ("op", "|"):
            tokens.pop(0)
            found.append(self.sequence(tokens))
        return found[0] if len(found) == 1 else ("alt", found)

    def sequence(self, tokens):
        found = []
        while tokens and tokens[0] not in (("op", "|"), ("op", ")")):
            kind, text = tokens.pop(0)
            if kind == "rep":
                low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(text) or self.times(text)
                assert (high if high is not None else low) < 2000, "llama.cpp takes no more"
                found[-1] = ("rep", found[-1], low, high)
            elif kind == "lit":
                found.append(("lit", unescape(text[1:-1])))
            elif kind == "cls":
                found.append(self.letters(text[1:-1]))
            elif kind == "name":
                found.append(("ref", text))
            else:
                found.append(self.alternatives(tokens))
                assert tokens.pop(0) == ("op", ")")
        return found[0] if len(found) == 1 else ("seq", found)

    @staticmethod
    def times(text):
        low, comma, high = text[1:-1].partition(",")
        return int(low), int(high) if high else None if comma else int(low)

    @staticmethod
    def letters(text):
        negated = text.startswith("^")
        units = [unescape(u) for u in re.findall(r"\\x[0-9A-Fa-f]{2}|\\.|.", text[negated:], re.S)]
        ranges, i = [], 0
        while i < len(units):
            if i + 2 < len(units) and units[i + 1] == "-":
                ranges.append((units[i], units[i + 2]))
                i += 3
            else:
                ranges.append((units[i], units[i]))
                i += 1
        return ("cls", negated, ranges)

    def matches(self, text):
        self.text, self.known, self.open = text, {}, set()
        return len(text) in self.ends(("ref", "root"), 0)

    def ends(self, node, at):
        """All places where `node` may end when it begins at `at`."""
        if node[0] == "lit":
            return {at + len(node[1])} if self.text.startswith(node[1], at) else set()
        if node[0] == "cls":
            inside = at < len(self.text) and any(a <= self.text[at] <= b for a, b in node[2]) != node[1]
            return {at + 1} if inside else set()
        if node[0] == "alt":
            return set().union(*(self.ends(kid, at) for kid in node[1]))
        if node[0] == "seq":
            now = {at}
            for kid in node[1]:
                now = set().union(*(self.ends(kid, i) for i in now))
            return now
        if node[0] == "rep":
            return self.repeated(node, at)
        key = (node[1], at)
        if key not in self.known:
            assert key not in self.open, "a rule begins with itself: " + node[1]
            self.open.add(key)
            self.known[key] = self.ends(self.rules[node[1]], at)
            self.open.remove(key)
        return self.known[key]

    def repeated(self, node, at):
        _, kid, low, high = node
        now, found, n = {at}, {at} if low == 0 else set(), 0
        while now and (high is None or n < high):
            now = set().union(*(self.ends(kid, i) for i in now))
            n += 1
            if n >= low:
                if now <= found:
                    break
                found |= now
        return found

    def derive(self, rng, node=("ref", "root"), depth=0):
        """A random text of the grammar; RecursionError when it grows too deep."""
        if depth > 120:
            raise RecursionError
        if node[0] == "lit":
            return node[1]
        if node[0] == "cls":
            if node[1]:
                return rng.choice("ab \u00e9\U0001f600/")
            a, b = rng.choice(node[2])
            return chr(rng.randint(ord(a), ord(b)))
        if node[0] == "alt":
            return self.derive(rng, rng.choice(node[1]), depth + 1)
        if node[0] == "seq":
            return "".join(self.derive(rng, kid, depth + 1) for kid in node[1])
        if node[0] == "rep":
            most = node[3] if node[3] is not None else node[2] + 3
            n = rng.choice((node[2], most, rng.randint(node[2], most)))
            return "".join(self.derive(rng, node[1], depth + 1) for _ in range(n))
        return self.derive(rng, self.rules[node[1]], depth + 1)


if __name__ == "__main__":
    import sys
    print(Grammar(sys.stdin.read()).derive(random.Random()))
