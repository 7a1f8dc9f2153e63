# SPDX-License-Identifier: Apache-2.0
"""The daemon's inter-process messages for tests, read from ipc/messages.def; and a way to start one
role with its descriptors at their fixed numbers (ipc/role.h)."""
import array
import fcntl
import json
import os
import re
import select
import socket
import struct
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROLES = ["boot", "router", "local", "consent", "cloud"]
CONTROL, ROUTER, LOCAL, CONSENT, CLOUD, CONFIG, POLICY = 3, 4, 5, 6, 7, 8, 9
FIRST_FREE = 16
PATIENCE_S = 60
SIZES = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i64": "<q"}

# The child's numbers 3 to 15 are dup2'ed in the child; keep ours out of there.
while os.open("/dev/null", os.O_RDONLY) < FIRST_FREE:
    pass


def read_table():
    with open(os.path.join(ROOT, "ipc", "messages.def"), encoding="utf-8") as source:
        text = source.read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    messages, fields = [], None
    for name, args in re.findall(r"^\s*(MESSAGE|FIELD|END)\(([^,)]*(?:,[^,]*)?)", text, re.M):
        words = [w.strip() for w in args.split(",")]
        if name == "MESSAGE":
            fields = []
            messages.append((words[0], fields))
        elif name == "FIELD":
            fields.append((words[0], words[1]))
    # `bytes` fields have their length as third argument.
    lengths = dict(re.findall(r"FIELD\(bytes,\s*(\w+),\s*(\d+)", text))
    return messages, {k: int(v) for k, v in lengths.items()}


MESSAGES, BYTES = read_table()
NUMBER = {name: i + 1 for i, (name, _) in enumerate(MESSAGES)}
FIELDS = dict(MESSAGES)


def encode(name, **values):
    out = struct.pack("<H", NUMBER[name])
    for kind, field in FIELDS[name]:
        if kind == "str":
            data = values.pop(field, "").encode()
            out += struct.pack("<H", len(data)) + data
        elif kind == "bytes":
            out += values.pop(field, bytes(BYTES[field]))
        else:
            out += struct.pack(SIZES[kind], values.pop(field, 0))
    assert not values, values
    return out


def decode(frame):
    name = MESSAGES[struct.unpack_from("<H", frame)[0] - 1][0]
    at, values = 2, {}
    for kind, field in FIELDS[name]:
        if kind == "str":
            n = struct.unpack_from("<H", frame, at)[0]
            values[field] = frame[at + 2:at + 2 + n].decode()
            at += 2 + n
        elif kind == "bytes":
            values[field] = frame[at:at + BYTES[field]]
            at += BYTES[field]
        else:
            values[field] = struct.unpack_from(SIZES[kind], frame, at)[0]
            at += struct.calcsize(SIZES[kind])
    assert at == len(frame), name
    return name, values


class Gone(Exception):
    """The other end closed the channel."""


class Channel:
    """One end of a SOCK_SEQPACKET pair, with what came in and was not asked for yet."""

    def __init__(self):
        self.mine, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.inbox = []

    def send(self, name, fds=(), **values):
        ancillary = []
        if fds:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        self.mine.sendmsg([encode(name, **values)], ancillary)

    def take(self, timeout):
        if not select.select([self.mine], [], [], timeout)[0]:
            return False
        frame, ancillary, _, _ = self.mine.recvmsg(65536, 1024)
        if not frame:
            raise Gone()
        fds = array.array("i")
        for level, kind, data in ancillary:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            fds.frombytes(data)
        self.inbox.append(decode(frame) + (list(fds),))
        return True

    def expect(self, name, where=lambda m: True):
        """The next message of that name for which `where` holds, with its descriptors; others stay."""
        end = time.monotonic() + PATIENCE_S
        while True:
            for i, (got, values, fds) in enumerate(self.inbox):
                if got == name and where(values):
                    del self.inbox[i]
                    return values, fds
            if not self.take(max(0, end - time.monotonic())):
                raise AssertionError(f"no {name}; instead {[(m[0], m[1]) for m in self.inbox]}")

    def close(self):
        self.mine.close()
        for _, _, fds in self.inbox:
            for fd in fds:
                os.close(fd)


def sealed(content):
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    fcntl.fcntl(fd, 1033, 0xF)  # F_ADD_SEALS: seal, shrink, grow, write
    return fd


def bundle(policy, generation=0):
    """One user file, in the byte form of policy/bundle.c."""
    def counted(data):
        return struct.pack("<I", len(data)) + data

    text = json.dumps(policy).encode()
    user_layer = 4
    return (b"hitherP1" + struct.pack("<QB", generation, 0) + counted(b"") + struct.pack("<IB", 1, user_layer) +
            counted(b"test.json") + counted(b"") + counted(b"") + counted(b"") + counted(text) +
            struct.pack("<I", 0))


def spawn(argv, channels, config, policy=b"{}", listens=(), environment=(), then=None, **more):
    """Starts argv with `channels` ({number: Channel}), configuration and policy in place. `environment` comes on
    top of the little that a role is given; `then` is called when all that is in place, in the new process."""
    config_fd, policy_fd = sealed(json.dumps(config).encode()), sealed(policy)
    places = {number: c.theirs.fileno() for number, c in channels.items()}
    places.update({CONFIG: config_fd, POLICY: policy_fd})
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), **dict(environment)}
    for i, (name, fd) in enumerate(listens):
        places[FIRST_FREE + i] = fd
    if listens:
        env["HITHER_LISTEN"] = ",".join(name for name, _ in listens)
    for key in os.environ:
        if key.startswith(("ASAN_", "UBSAN_", "LSAN_")):
            env[key] = os.environ[key]

    def settle():
        copies = {number: fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for number, fd in places.items()}
        for number, fd in copies.items():
            os.dup2(fd, number)
        if then is not None:
            then()

    process = subprocess.Popen(argv, preexec_fn=settle, pass_fds=tuple(places), env=env,
                               stdin=subprocess.DEVNULL, **more)
    for c in channels.values():
        c.theirs.close()
    os.close(config_fd)
    os.close(policy_fd)
    return process
