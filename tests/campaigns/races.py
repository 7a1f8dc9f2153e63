#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Another user connects to the sockets of one person's daemon, again and again, while it binds them: it starts and
ends as often as the budget allows, and the folder that would keep others out is held open, so that only the mode that
the sockets are bound with does. No connect may succeed, and no socket may be seen with a mode that lets others in.
Needs root (to be another user). The budget counts connects to a socket that was there.
"""
import contextlib
import mmap
import os
import signal
import struct
import threading
import time

import campaign
import stage

OTHER = 65534
RACERS = 2
SOCKETS = ["hither.sock", "consent.sock"]
COUNTS = struct.Struct("QQQQQ")  # reached, tries, connected, modes that are too wide, connects to the control


def race(folder, shared, at):
    """In a child: never returns."""
    os.setgroups([])
    os.setgid(OTHER)
    os.setuid(OTHER)
    paths = [os.path.join(folder, name) for name in SOCKETS]
    reached = tries = connected = wide = control = 0
    while True:
        if control == 0:
            with stage.socket.socket(stage.socket.AF_UNIX) as s:
                s.connect(os.path.join(os.path.dirname(folder), "control"))
            control = 1
        for path in paths:
            tries += 1
            with contextlib.suppress(OSError):
                wide += os.stat(path).st_mode & 0o077 != 0
                reached += 1
                with stage.socket.socket(stage.socket.AF_UNIX) as s:
                    s.settimeout(1)
                    s.connect(path)
                    connected += 1
        COUNTS.pack_into(shared, at, reached, tries, connected, wide, control)


def main():
    c = campaign.Campaign(__doc__, "2000", 100000)
    if os.geteuid() != 0:
        print("skipped: needs root")
        raise SystemExit(77)
    d = stage.Daemon(c.program())
    folder = d.path("run")
    os.chmod(d.home, 0o755)
    control = stage.socket.socket(stage.socket.AF_UNIX)  # open to all: the racers must get in there
    control.bind(d.path("control"))
    os.chmod(d.path("control"), 0o666)
    control.listen(RACERS)
    shared = mmap.mmap(-1, COUNTS.size * RACERS)
    stop = threading.Event()

    def hold_open():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                os.chmod(folder, 0o755)

    def total():
        return [sum(column) for column in zip(*(COUNTS.unpack_from(shared, i * COUNTS.size) for i in range(RACERS)))]

    racers, starts = [], 0
    try:
        for i in range(RACERS):
            pid = os.fork()
            if pid == 0:
                race(folder, shared, i * COUNTS.size)
            racers.append(pid)
        holder = threading.Thread(target=hold_open, daemon=True)
        holder.start()
        while not c.over():
            d.start()
            starts += 1
            time.sleep(0.05)
            d.process.send_signal(signal.SIGTERM)
            d.process.wait(stage.PATIENCE_S)
            c.runs = total()[0]
    finally:
        stop.set()
        for pid in racers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        d.close()
    _, tries, connected, wide, seen = total()
    control.close()
    c.check(seen == RACERS, "the racers cannot connect to a socket that is open to them: nothing was tried")
    c.check(connected == 0, f"another user connected {connected} times")
    c.check(wide == 0, f"a socket was open to others {wide} times")
    c.figures.update(starts=starts, tries=tries)
    c.end()


if __name__ == "__main__":
    main()
