# SPDX-License-Identifier: Apache-2.0
"""The users of a system daemon, for the life of one test: this program again, in a mount namespace
where /etc/passwd and /etc/group have a few lines more."""
import ctypes
import os
import pickle
import pwd
import sys
import tempfile

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 0x40000, 0x1000
ROLES = ("router", "local", "consent", "cloud")
USERS = {"_hither": 61, "_hither-router": 62, "_hither-local": 63, "_hither-consent": 64, "_hither-cloud": 65}
ANN, BEA, CAL = 3001, 3002, 3003  # persons; cal is in no group
SERVICE = 401  # a system service's user
BASE = 40000  # the machine may have users with such numbers
SKIP = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def uid(name):
    return pwd.getpwnam(name).pw_uid


def check(what, rc):
    if rc != 0:
        raise OSError(ctypes.get_errno(), what)


def add_lines(path, lines):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    new = tempfile.NamedTemporaryFile("w", suffix=".passwd", delete=False, encoding="utf-8")
    with new:
        new.write(text + "\n".join(lines) + "\n")
    os.chmod(new.name, 0o644)
    check(path, LIBC.mount(new.name.encode(), path.encode(), None, MS_BIND, None))
    os.unlink(new.name)


def enter():
    """Ends the program with 77 where it cannot be had."""
    if os.geteuid() != 0:
        skip("a daemon that gives each role a user of its own has to start as root")
    try:
        check("unshare", LIBC.unshare(CLONE_NEWNS))
        check("private", LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
        numbers = {name: BASE + n for name, n in USERS.items()}
        add_lines("/etc/passwd",
                  [f"{name}:x:{n}:{n}::/:/usr/sbin/nologin" for name, n in numbers.items()] +
                  [f"{name}:x:{n}:{n}::/:/bin/sh" for name, n in (("ann", ANN), ("bea", BEA), ("cal", CAL))])
        add_lines("/etc/group", [f"{name}:x:{n}:" for name, n in numbers.items()] +
                  [f"hither:x:{BASE + 70}:ann,bea"])
    except OSError as e:
        skip(f"no mount namespace of its own: {e}")


class As:
    """A program of another user: runs `function` there and gives back what it returned or raised."""

    def __init__(self, uid_, groups=()):
        self.uid, self.groups = uid_, list(groups)

    def __call__(self, function, *args):
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.closerange(3, w)  # another thread may be waiting for the end of one of these
                os.closerange(w + 1, 1024)
                os.setgroups(self.groups)
                os.setresgid(self.uid, self.uid, self.uid)
                os.setresuid(self.uid, self.uid, self.uid)
                LIBC.prctl(4, 1, 0, 0, 0)  # dumpable, as a program that was executed is
                try:
                    said = (True, function(*args))
                except Exception as e:  # given back
                    said = (False, e)
                os.write(w, pickle.dumps(said))
            finally:
                os._exit(0)
        os.close(w)
        with os.fdopen(r, "rb") as f:
            text = f.read()
        os.waitpid(pid, 0)
        ok, value = pickle.loads(text)
        if not ok:
            raise value
        return value
