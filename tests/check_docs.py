#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every file that the pages in the root, docs/ and the folders' README.md name exists: names in
backticks, links, and tests as they are called there (unit/NAME, fuzz/NAME, flow/NAME, prop/NAME).
A script that names its own interpreter may be started by its name, as the pages do.
Prints each name that leads nowhere; exit 1 when there is one.

usage: check_docs.py [ROOT]"""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
ROOT = ROOT if ROOT.is_dir() else ROOT.parent.parent
OURS = sorted(p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith((".", "build")))
# What a source in a folder's own page may be called without its folder.
SOURCE = r"[\w*-]+\.(?:c|h|py|sh|def|inc|js)"
PATH = re.compile(r"^(?:\.\./)*[\w.*-]+(?:/[\w.*-]+)*/?$")
TICKS = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TEST = re.compile(r"(?<![\w/])(unit|fuzz|flow|prop)/([\w*]+)(\.\w+)?")
TESTS = {"unit": ("test_{}.c",), "fuzz": ("fuzz_{}.c",), "flow": ("{}.py", "test_{}.py"),
         "prop": ("{}.c", "{}.py")}


def pages():
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").glob("*.md"))
    for folder in OURS:
        yield from (p for p in sorted((ROOT / folder).rglob("README.md")) if "node_modules" not in p.parts)


def exists(page, name):
    name = name.replace("NAME", "*")  # stands for any
    return any(any(base.glob(name)) if "*" in name else (base / name).exists()
               for base in (page.parent, ROOT, ROOT / "tests"))


def names_a_file(name):
    """A path into one of our folders, with an extension, or a source by its bare name."""
    if not PATH.match(name):
        return False
    first, *rest = name.split("/")
    if not rest:
        return re.fullmatch(SOURCE, name) is not None
    return (first in OURS or first == "..") and (name.endswith("/") or "." in rest[-1])


def test_exists(kind, name, suffix):
    name = re.sub(r"^(test|fuzz)_", "", name) if kind in ("unit", "fuzz") else name
    folder = ROOT / "tests" / kind
    if suffix is not None and any(folder.glob(name + suffix)):
        return True
    return any(any(folder.glob(shape.format(name))) for shape in TESTS[kind]
               if suffix is None or shape.endswith(suffix))


def missing(page):
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        words = [w.rstrip(",;:") for ticked in TICKS.findall(line) for w in ticked.split()]
        for name in words:
            if names_a_file(name) and not exists(page, name):
                yield number, name
        for target in LINK.findall(line):
            if "://" not in target and not (page.parent / target).exists():
                yield number, target
        for kind, name, suffix in TEST.findall(line):
            if not test_exists(kind, name, suffix or None):
                yield number, f"{kind}/{name}{suffix}"


def not_startable():
    for folder in OURS:
        for p in sorted((ROOT / folder).rglob("*.*")):
            if p.suffix in (".py", ".sh") and "node_modules" not in p.parts and not os.access(p, os.X_OK):
                with p.open("rb") as f:
                    if f.read(2) == b"#!":
                        yield p.relative_to(ROOT)


def main():
    wrong = count = 0
    for page in pages():
        count += 1
        for number, name in missing(page):
            wrong += 1
            print(f"{page.relative_to(ROOT)}:{number}: {name} is not there")
    for folder in OURS:
        if (ROOT / folder / "meson.build").exists() and not (ROOT / folder / "README.md").exists():
            wrong += 1
            print(f"{folder}/: has no README.md")
    for name in not_startable():
        wrong += 1
        print(f"{name}: begins with #! and may not be started")
    print(f"{count} pages, {wrong} wrong")
    return wrong > 0 or count == 0


if __name__ == "__main__":
    sys.exit(main())
