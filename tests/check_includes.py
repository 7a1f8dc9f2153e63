#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes go only downward, roles never include one another, and a third-party header
appears only in the rooms that may use it. Prints every breach; exit 1 when there is one."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEVEL = {"common": 0, "crypto": 1, "policy": 1, "scan": 1, "ipc": 1, "dialect": 1, "models": 1,
         "proc": 2, "http": 2, "router": 3, "local": 3, "consent": 3, "cloud": 3, "boot": 4, "cli": 4}
# Folders of one level that may use each other, one way.
SIDEWAYS = {("policy", "crypto"), ("proc", "ipc"), ("boot", "proc")}
# The command reads the ledger and scores prompts with the same code as the roles.
CLI_USES = {"consent", "router/classify"}
BOOT_USES = {"router", "local", "consent", "cloud"}
ROLES = {"router", "local", "consent", "cloud"}
THIRD_PARTY = [
    (r"<cjson/", {"common", "policy", "dialect", "models", "proc", "router", "local", "consent", "cloud", "boot", "cli"}),
    (r"<uv\.h>", {"ipc", "proc", "http", "router", "local", "consent", "cloud", "boot", "cli"}),
    (r"<llhttp\.h>", {"http"}),
    (r"<curl/", {"cloud", "cli"}),
    (r"<histedit\.h>", {"cli"}),
    (r"<sqlite3\.h>", {"consent"}),
    (r"<(mbedtls|psa)/", {"crypto"}),
    (r"<pcre2\.h>", {"scan"}),
    (r"<utf8proc\.h>", {"scan", "router"}),
    (r"<seccomp\.h>", {"proc"}),
    (r"<systemd/", {"proc", "local", "boot", "consent", "cli"}),
]
INCLUDE = re.compile(r'^\s*#\s*include\s+("([^"]+)"|<[^>]+>)')
BANNED = re.compile(r"\bcJSON_GetObjectItem\s*\(|\bcJSON_Parse\s*\(")


def breaches():
    for folder in LEVEL:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            name = path.relative_to(ROOT)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if BANNED.search(line) and not line.lstrip().startswith("*"):
                    yield f"{name}:{number}: use the strict, case-sensitive reader of common/json.h"
                found = INCLUDE.match(line)
                if not found:
                    continue
                if found.group(2):
                    target = found.group(2).split("/")[0]
                    if target not in LEVEL or target == folder:
                        continue
                    down = LEVEL[target] < LEVEL[folder]
                    if LEVEL[folder] == 4 and target in ROLES:
                        room = found.group(2).rsplit("/", 1)[0]
                        down = room in CLI_USES if folder == "cli" else target in BOOT_USES
                    if not down and (folder, target) not in SIDEWAYS:
                        yield f"{name}:{number}: {folder}/ may not include {target}/"
                else:
                    for pattern, rooms in THIRD_PARTY:
                        if re.match(pattern, found.group(1)) and folder not in rooms:
                            yield f"{name}:{number}: {found.group(1)} does not belong in {folder}/"


def main():
    found = list(breaches())
    print("\n".join(found) or "includes go downward")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
