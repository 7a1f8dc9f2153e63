# SPDX-License-Identifier: Apache-2.0
"""Grammars made of JSON Schemas, held against a validator of their own kind.

schema_grammar.py SCHEMA_PRINT [--schemas N] [--seed N]

Random schemas. Sound: whatever a grammar can say is JSON and valid. Complete: an instance in the
schema's own order is accepted; one that was changed is accepted only when it is valid.
"""
import argparse
import datetime
import json
import random
import re
import string
import subprocess
import uuid

from gbnf import Grammar

FORMATS = ("date", "time", "date-time", "uuid", "email", "ipv4")
NAMES = ("a", "b", "kind", "next", "na\"me", "\u00e9", "x y", "back\\slash")
REFUSED = (  # schema, the keyword named
    ({"type": "string", "pattern": "^a$"}, "pattern"), ({"type": "number", "multipleOf": 2}, "multipleOf"),
    ({"not": {}}, "not"), ({"if": {}}, "if"), ({"nonsense": 1}, "nonsense"), ({"type": "text"}, "type"),
    ({"type": ["string", "text"]}, "type"), ({"enum": []}, "enum"), ({"enum": 7}, "enum"),
    ({"type": "string", "enum": [1]}, "enum"), ({"type": "string", "enum": ["a"], "maxLength": 1}, "maxLength"),
    ({"anyOf": []}, "anyOf"), ({"anyOf": [{}], "type": "string"}, "type"), ({"allOf": [{}, {}]}, "allOf"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
    ({"oneOf": [{"type": "string"}, {"const": "a"}]}, "oneOf"),
    ({"oneOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"a": {"const": 2}}}]}, "oneOf"),
    ({"$ref": "#"}, "$ref"), ({"$ref": "http://127.0.0.1/x"}, "$ref"), ({"$ref": "#/$defs/x"}, "$ref"),
    ({"$ref": "#/$defs/x", "$defs": {"x": {}}, "minLength": 1}, "minLength"),
    ({"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}}}, "$ref"),
    ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "$ref"),
    ({"anyOf": [{"properties": {"p": {"$ref": "#/$defs/b"}}}, {"$ref": "#/$defs/b"}],
      "$defs": {"b": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}, "$ref"),
    ({"type": "object", "required": ["n"], "properties": {"n": {"$ref": "#"}}}, "$ref"),
    ({"type": "array", "minItems": 1, "items": {"$ref": "#"}}, "$ref"),
    ({"anyOf": [{"required": ["a"], "properties": {"a": {"$ref": "#"}}},
                {"required": ["b"], "properties": {"b": {"$ref": "#"}}}]}, "$ref"),
    ({"type": "object", "required": ["n"], "additionalProperties": False}, "required"),
    ({"type": "object", "required": [1]}, "required"), ({"properties": []}, "properties"),
    ({"type": "object", "properties": {"a": {}}, "additionalProperties": {}}, "additionalProperties"),
    ({"type": "object", "minProperties": 1}, "minProperties"), ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    ({"type": "array", "prefixItems": []}, "prefixItems"), ({"type": "array", "minItems": 2, "maxItems": 1}, "maxItems"),
    ({"type": "array", "minItems": -1}, "minItems"), ({"type": "string", "maxLength": 1.5}, "maxLength"),
    ({"type": "string", "maxLength": 20001}, "maxLength"), ({"type": "string", "format": "uri"}, "format"),
    ({"type": "string", "format": "date", "maxLength": 9}, "format"),
    ({"type": "string", "minLength": 2, "maxLength": 1}, "maxLength"),
    ({"type": "number", "minimum": 0.5}, "minimum"), ({"type": "integer", "minimum": 2, "maximum": 1}, "minimum"),
    ({"type": "integer", "exclusiveMinimum": True}, "exclusiveMinimum"),
    ({"type": "object", "properties": {"a": {"$id": "x"}}}, "$id"),
    ({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "pattern": "x"}}}}, "pattern"),
)
SPEAKS = {"string": ("minLength", "maxLength", "format"), "array": ("items", "minItems", "maxItems"),
          "object": ("properties", "required", "additionalProperties"),
          "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")}


class Maker:
    """Random schemas within what is held, and instances of them."""

    def __init__(self, rng):
        self.rng = rng
        self.defs = {}

    def schema(self, depth=0):
        leaf = depth >= 3
        kind = self.rng.choice(("string", "integer", "number", "boolean", "null", "literal", "types", "any") +
                               (() if leaf else ("object", "object", "object", "array", "anyOf", "oneOf", "map", "ref")))
        made = getattr(self, "make_" + kind)(depth)
        if isinstance(made, dict) and self.rng.random() < 0.2:
            made["description"] = "pattern"
        return made

    def make_any(self, _):
        return self.rng.choice(({}, True, {"title": "x"}))

    def make_boolean(self, _):
        return {"type": "boolean"}

    def make_null(self, _):
        return {"type": "null"}

    def bounds(self, low, high, keywords, most=1.0):
        a, b = sorted((self.rng.randint(low, high), self.rng.randint(low, high)))
        made = {}
        if self.rng.random() < 0.6 * most:
            made[keywords[0]] = a
        if self.rng.random() < 0.6 * most:
            made[keywords[1]] = b
        return made

    def make_string(self, _):
        if self.rng.random() < 0.3:
            return {"type": "string", "format": self.rng.choice(FORMATS)}
        return {"type": "string", **self.bounds(0, self.rng.choice((3, 9, 1600)), ("minLength", "maxLength"))}

    def make_integer(self, _):
        reach = self.rng.choice((1, 30, 5000, 10 ** 12, 2 ** 53 - 1))
        made = self.bounds(-reach, reach, ("minimum", "maximum"))
        if self.rng.random() < 0.2:
            made["exclusiveMinimum"] = -reach - 3
        return {"type": "integer", **made}

    def make_number(self, _):
        reach = self.rng.choice((1, 30, 5000, 10 ** 9 - 1))
        made = self.bounds(-reach, reach, ("minimum", "maximum"))
        if "maximum" in made and self.rng.random() < 0.5:
            made["exclusiveMaximum"] = made.pop("maximum") + 1
        if "minimum" in made and self.rng.random() < 0.5:
            made["exclusiveMinimum"] = made.pop("minimum") - 1
        return {"type": "number", **made}

    def make_literal(self, _):
        values = [self.rng.choice((1, -2.5, "a", "q\"\\\n", "\u00e9", None, True, [1, "x"], {"k": {}})) for _ in range(3)]
        return {"const": values[0]} if self.rng.random() < 0.4 else {"enum": values}

    def make_types(self, depth):
        a, b = self.rng.sample(("string", "integer", "null", "boolean", "array"), 2)
        made = {"type": [a, b]}
        for kind in (a, b):
            made.update({k: v for k, v in getattr(self, "make_" + kind)(depth).items() if k in SPEAKS.get(
                "number" if kind == "integer" else kind, ())})
        return made

    def make_array(self, depth):
        return {"type": "array", **self.bounds(0, 4, ("minItems", "maxItems")),
                **({"items": self.schema(depth + 1)} if self.rng.random() < 0.8 else {})}

    def make_object(self, depth):
        names = self.rng.sample(NAMES, self.rng.randint(0, 4))
        made = {"type": "object", "properties": {n: self.schema(depth + 1) for n in names},
                "required": [n for n in names if self.rng.random() < 0.5]}
        if self.rng.random() < 0.6:
            made["additionalProperties"] = self.rng.random() < 0.2
        elif self.rng.random() < 0.2:
            made["required"].append("undescribed")
        return made

    def make_map(self, depth):
        return {"type": "object", "additionalProperties": self.schema(depth + 1)}

    def make_anyOf(self, depth):
        return {self.rng.choice(("anyOf",)): [self.schema(depth + 1) for _ in range(self.rng.randint(1, 3))]}

    def make_oneOf(self, depth):
        if self.rng.random() < 0.5:
            return {"oneOf": [{"type": "null"}, self.make_array(depth + 1), self.make_string(depth), {"enum": [1, 2]}]}
        return {"oneOf": [{"type": "object", "required": ["kind"], "properties": {
            "kind": {"const": n}, "b": self.schema(depth + 1)}} for n in range(2)]}

    def make_ref(self, depth):
        name = self.rng.choice(("t", "u/~v"))
        if name not in self.defs:
            self.defs[name] = None  # may refer to itself, below something that may be left out
            self.defs[name] = {"type": "object", "properties": {
                "next": {"anyOf": [{"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")}, {"type": "null"}]},
                "more": self.schema(depth + 1)}, "required": ["more"], "additionalProperties": False}
        return {"$ref": "#/$defs/" + name.replace("~", "~0").replace("/", "~1")}

    def whole(self):
        self.defs = {}
        made = self.schema()
        if self.defs:
            return {"type": "array", "items": made, "$defs": self.defs}
        return made

    # ------------------------------------------------------------ instances, in the schema's order

    def number(self, schema, whole):
        reach = 10 ** 15 - 1 if whole else 10 ** 9
        low = max(schema.get("minimum", -reach), schema.get("exclusiveMinimum", -reach - 1) + 1, -reach)
        high = min(schema.get("maximum", reach), schema.get("exclusiveMaximum", reach + 1) - 1, reach)
        if low > high:
            return (low + high) / 2
        value = self.rng.choice((low, high, self.rng.randint(low, high)))
        return value + self.rng.choice((0, 0, 0.5)) if not whole and low <= value < high else value

    def text(self, schema):
        now = datetime.datetime(2024, self.rng.randint(1, 12), self.rng.randint(1, 28), 23, 59, 1)
        made = {"date": now.date().isoformat(), "time": "00:10:59.5+01:00", "date-time": now.isoformat() + "Z",
                "uuid": str(uuid.UUID(int=self.rng.getrandbits(128))), "email": "a.b@example.org",
                "ipv4": "255.0.17.199"}.get(schema.get("format"))
        if made is not None:
            return made
        low = schema.get("minLength", 0)
        high = schema.get("maxLength", low + 4)
        return "".join(self.rng.choice("aZ0 \u00e9\U0001f600\n\"\\/") for _ in range(self.rng.choice((low, high))))

    def instance(self, schema, root, depth=0):
        if schema is True or not set(schema) - {"title", "description", "$defs"}:
            return self.rng.choice((None, [1, {"z": "y"}], "s", -1.5))
        if "$ref" in schema:
            return self.instance(target(root, schema["$ref"]), root, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.instance(schema[word][-1] if depth > 6 else self.rng.choice(schema[word]), root, depth + 1)
        kind = schema["type"] if isinstance(schema["type"], str) else self.rng.choice(schema["type"])
        if kind == "object":
            return self.object(schema, root, depth)
        if kind == "array":
            low = schema.get("minItems", 0)
            high = min(schema.get("maxItems", low + 2), low + 2)
            return [self.instance(schema.get("items", True), root, depth + 1)
                    for _ in range(low if depth > 6 else self.rng.randint(low, high))]
        if kind in ("integer", "number"):
            return self.number(schema, kind == "integer")
        return {"null": None, "boolean": True}[kind] if kind != "string" else self.text(schema)

    def object(self, schema, root, depth):
        properties, required = schema.get("properties", {}), schema.get("required", [])
        made = {n: self.instance(s, root, depth + 1) for n, s in properties.items()
                if n in required or (depth < 6 and self.rng.random() < 0.5)}
        made.update({n: 1 for n in required if n not in properties})
        if not properties and not required and isinstance(schema.get("additionalProperties"), dict):
            made.update({n: self.instance(schema["additionalProperties"], root, depth + 1) for n in ("m1", "m2")})
        return made

    def changed(self, value):
        """The same with something else in it."""
        if isinstance(value, dict) and value and self.rng.random() < 0.8:
            name = self.rng.choice(list(value))
            made = dict(value)
            what = self.rng.randrange(3)
            if what == 0:
                del made[name]
            elif what == 1:
                made[name + "x"] = made.pop(name)
            else:
                made[name] = self.changed(made[name])
            return made
        if isinstance(value, list) and value and self.rng.random() < 0.8:
            return value + [value[-1]] if self.rng.random() < 0.5 else value[:-1] + [self.changed(value[-1])]
        if isinstance(value, str) and self.rng.random() < 0.6:
            return value + "e" if self.rng.random() < 0.5 else value[1:]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self.rng.random() < 0.6:
            return value + self.rng.choice((-1, 1, 0.5, 100))
        return self.rng.choice((None, 0, "", [], {}, False, 1e30))


def target(root, ref):
    at = root
    for token in ref.split("/")[1:]:
        at = at[token.replace("~1", "/").replace("~0", "~")]
    return at


def kinds(value):
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, (int, float)):
        return {"number", "integer"} if value == int(value) else {"number"}
    return {{type(None): "null", str: "string", list: "array", dict: "object"}[type(value)]}


def is_format(name, text):
    if name == "uuid":
        return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None
    if name == "email":
        return re.fullmatch(r"[\w+-]+(\.[\w+-]+)*@([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}", text) is not None
    if name == "ipv4":
        return re.fullmatch(r"\d+(\.\d+){3}", text) is not None and all(str(int(p)) == p and int(p) < 256
                                                                         for p in text.split("."))
    day, _, clock = text.partition("T") if name == "date-time" else (text, "", text)
    good = True
    if name != "time":
        try:
            good = len(day) == 10 and datetime.date(int(day[:4]) or 4, int(day[5:7]), int(day[8:])) is not None
        except ValueError:
            good = False
    if name != "date":
        good = good and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[-+]([01]\d|2[0-3]):[0-5]\d)",
                                     clock) is not None
    return good


def same(a, b):
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b


def valid(schema, value, root):
    """JSON Schema 2020-12, the keywords that the maker uses."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        return valid(target(root, schema["$ref"]), value, root)
    if "const" in schema and not same(schema["const"], value):
        return False
    if "enum" in schema and not any(same(v, value) for v in schema["enum"]):
        return False
    if "anyOf" in schema and not any(valid(s, value, root) for s in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(valid(s, value, root) for s in schema["oneOf"]) != 1:
        return False
    if "type" in schema and not kinds(value) & set([schema["type"]] if isinstance(schema["type"], str) else schema["type"]):
        return False
    if isinstance(value, str):
        return (schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1e9) and
                ("format" not in schema or is_format(schema["format"], value)))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (schema.get("minimum", value) <= value <= schema.get("maximum", value) and
                schema.get("exclusiveMinimum", value - 1e300) < value < schema.get("exclusiveMaximum", value + 1e300))
    if isinstance(value, list):
        return (schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1e9) and
                all(valid(schema.get("items", True), v, root) for v in value))
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return (all(n in value for n in schema.get("required", ())) and
                all(valid(properties.get(n, schema.get("additionalProperties", True)), v, root) for n, v in value.items()))
    return True


def members(pairs):
    made = {}
    for name, value in pairs:
        made[name] = value
    return made


def main():
    args = argparse.ArgumentParser()
    args.add_argument("program")
    args.add_argument("--schemas", type=int, default=400)
    args.add_argument("--seed", type=int, default=1)
    o = args.parse_args()
    rng = random.Random(o.seed)
    tool = subprocess.Popen([o.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def translate(schema):
        tool.stdin.write(json.dumps(schema) + "\n")
        tool.stdin.flush()
        return json.loads(tool.stdout.readline())

    for schema, keyword in REFUSED:
        said = translate(schema)
        assert said.get("keyword") == keyword and said["why"] and said["at"].startswith("#"), (schema, keyword, said)
    said = translate(REFUSED[-1][0])
    assert said["at"] == "#/properties/a/items", said
    for large in ({"properties": {f"p{i}": True for i in range(600)}}, {"enum": ["x" * 1000] * 200}):
        assert translate(large)["error"] == "input exceeds its limit", large

    counts = {"schemas": 0, "refused": 0, "derived": 0, "instances": 0, "changed": 0, "changed, still valid": 0}
    while counts["schemas"] < o.schemas:
        maker = Maker(rng)
        schema = maker.whole()
        said = translate(schema)
        counts["schemas"] += 1
        if "grammar" not in said:  # bounds with nothing between them, what never ends
            assert said["keyword"] in ("minimum", "oneOf") or "never end" in said["why"], (schema, said)
            counts["refused"] += 1
            continue
        grammar = Grammar(said["grammar"])
        for _ in range(8):
            try:
                text = grammar.derive(rng)
            except RecursionError:
                continue
            value = json.loads(text, object_pairs_hook=members)
            assert valid(schema, value, schema), (schema, text)
            counts["derived"] += 1
        for _ in range(4):
            try:
                value = maker.instance(schema, schema)
            except RecursionError:
                continue
            if not valid(schema, value, schema):
                continue
            for layout in layouts(schema):
                text = json.dumps(value, **layout)
                if len(text) < 2500:
                    assert grammar.matches(text), (schema, text, said["grammar"])
                    counts["instances"] += 1
            other = maker.changed(value)
            text = json.dumps(other)
            if len(text) < 2500 and grammar.matches(text):
                assert valid(schema, other, schema), (schema, text)
                counts["changed, still valid"] += 1
            counts["changed"] += 1
    assert counts["refused"] < o.schemas / 4 and counts["derived"] > o.schemas, counts
    print(counts)


def layouts(schema):
    """Listed values and names are taken in one form only: compact, nothing escaped that need not be."""
    text = json.dumps(schema)
    yield {"separators": (",", ":"), "ensure_ascii": False}
    if "enum" not in text and "const" not in text:
        yield {"ensure_ascii": False}
        if "properties" not in text:
            yield {}


if __name__ == "__main__":
    main()
