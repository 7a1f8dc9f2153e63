#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs are built as docs/security.md says: position independent, all symbols bound and their table read-only
before main, no executable stack, no relocation of code, no search path for libraries of their own, stack protector and
checked string functions in use. Reads each program with readelf (binutils); exit 1 when one lacks something.

usage: check_hardening.py [--not-fortified] PROGRAM..."""
import re
import subprocess
import sys


def said(option, program):
    return subprocess.run(["readelf", "-W", option, program], capture_output=True, text=True, check=True).stdout


def lacks(program, not_fortified):
    header, dynamic, segments = said("-h", program), said("-d", program), said("-l", program)
    symbols = said("--dyn-syms", program)
    if "DYN" not in re.search(r"Type:\s+(\S+)", header)[1] or not re.search(r"FLAGS_1.*\bPIE\b", dynamic):
        yield "is not position independent"
    if "BIND_NOW" not in dynamic or "GNU_RELRO" not in segments:
        yield "has a symbol table that stays writable"
    stack = re.search(r"GNU_STACK.*\s([RWE]+)\s+0x\w+$", segments, re.M)
    if stack is None or "E" in stack[1]:
        yield "has an executable stack"
    if "TEXTREL" in dynamic:
        yield "relocates its code"
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        yield "looks for libraries in a folder of its own"
    if re.search(r"LOAD.*\sRWE\s", segments):
        yield "has memory that is writable and executable"
    if "__stack_chk_fail" not in symbols:
        yield "has no stack protector"
    if not not_fortified and not re.search(r"__\w+_chk@", symbols):
        yield "has no checked string functions (_FORTIFY_SOURCE)"


def main():
    programs = sys.argv[1:]
    not_fortified = "--not-fortified" in programs
    programs = [p for p in programs if p != "--not-fortified"]
    wrong = [(p, what) for p in programs for what in lacks(p, not_fortified)]
    for program, what in wrong:
        print(f"{program} {what}")
    print(f"{len(programs)} programs, {len(wrong)} wrong")
    return bool(wrong) or not programs


if __name__ == "__main__":
    sys.exit(main())
