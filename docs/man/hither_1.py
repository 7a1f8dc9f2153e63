#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints hither(1) in scdoc form, from what `hither help` says, so that page and program agree.

hither_1.py HITHER
"""
import re
import subprocess
import sys

HITHER = sys.argv[1]


def said(*args):
    return subprocess.run([HITHER, *args], capture_output=True, text=True, check=True).stdout


def commands(text):
    """(words, arguments, summary) of each line of a command list."""
    for line in text.splitlines():
        found = re.match(r"  hither ([a-z]+(?: [a-z]+)?) (.*?)\s{2,}(.*)$", line)
        if found and not found.group(1).startswith('"'):
            yield found.group(1), found.group(2).strip(), found.group(3)


def literal(text):
    return re.sub(r"([*_\\<\[#])", r"\\\1", text)


def block(text):
    return "```\n" + text.rstrip() + "\n```\n"


def page():
    yield "hither(1)\n\n# NAME\n\nhither - ask a model, near before far, and see what would leave this device\n"
    yield "# SYNOPSIS\n\n*hither* [_PROMPT_]++\n*hither* _COMMAND_ [_OPTIONS_] [_ARGUMENTS_]\n"
    yield ("# DESCRIPTION\n\nTalks to *hitherd*(8) over its sockets. The answer, and only the answer, goes to "
           "standard output; provenance, progress, questions and errors go to standard error. Questions to the "
           "person are read from the terminal, never from standard input.\n")
    yield "# COMMANDS\n"
    for name, arguments, summary in commands(said("help")):
        listed = said(*name.split(), "--help")
        inner = [c for c in commands(listed) if c[0] != name and c[0].startswith(name + " ")]
        for words, args, text in inner or [(name, arguments, summary)]:
            yield f"*hither {words}* {literal(args)}\n\t{literal(text)}\n"
            options = re.search(r"\nOptions:\n(.*?)\n\n", said(*words.split(), "--help") + "\n\n", re.S)
            if options:
                yield block(options.group(1))
    yield "# OPTIONS OF EVERY COMMAND\n\n" + block(said("help").split("Every command:\n", 1)[1])
    for topic in ("exit-codes", "environment", "privacy"):
        yield f"# {topic.upper().replace('-', ' ')}\n\n" + block(said("help", topic))
    yield "# SEE ALSO\n\n*hitherd*(8), *hitherd.json*(5), *hither-policy*(5)\n"


print("\n".join(page()))
