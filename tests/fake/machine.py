# SPDX-License-Identifier: Apache-2.0
"""A machine to look at: a folder with sys, proc and run for `hitherd --sys-dir`, and on request a
system bus on which logind, NetworkManager and polkit answer. As much of D-Bus as Properties.Get and
CheckAuthorization take (D-Bus specification 0.42: authentication EXTERNAL, little endian, no signals)."""
import os
import shutil
import socket
import struct
import threading

ROUTE_HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


class Machine:
    """Plugged in, with a screen-less body and one Ethernet card that is up."""

    def __init__(self, root):
        self.root = root
        self.bus = None
        os.makedirs(self.path("sys/class/power_supply"))
        self.network(True)

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name) + ".new", "w", encoding="ascii") as f:
            f.write(text)
        os.rename(self.path(name) + ".new", self.path(name))

    def network(self, up):
        """A cable that is plugged in, or not."""
        for name, text in (("type", "1"), ("flags", "0x1003"), ("uevent", "INTERFACE=eth0"),
                           ("device/vendor", "0x8086"), ("operstate", "up" if up else "down")):
            self.write("sys/class/net/eth0/" + name, text + "\n")
        route = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" if up else ""
        self.write("proc/net/route", ROUTE_HEAD + route)

    def tunnel(self, up):
        if not up:
            shutil.rmtree(self.path("sys/class/net/wg0"))
            return
        for name, text in (("type", "65534"), ("flags", "0x91"), ("uevent", "DEVTYPE=wireguard"),
                           ("operstate", "unknown")):
            self.write("sys/class/net/wg0/" + name, text + "\n")

    def battery(self, percent, status="Discharging"):
        self.write("sys/class/power_supply/BAT0/type", "Battery\n")
        self.write("sys/class/power_supply/BAT0/uevent", "POWER_SUPPLY_NAME=BAT0\nPOWER_SUPPLY_PRESENT=1\n"
                   f"POWER_SUPPLY_STATUS={status}\nPOWER_SUPPLY_CAPACITY={percent}\n")

    def heat(self, degrees, passive=95):
        zone = "sys/class/thermal/thermal_zone0/"
        self.write(zone + "trip_point_0_type", "passive\n")
        self.write(zone + "trip_point_0_temp", f"{passive}000\n")
        self.write(zone + "temp", f"{degrees}000\n")

    def screen(self):
        self.write("sys/class/drm/card0-eDP-1/status", "connected\n")

    def services(self):
        """A desktop: logind with a graphical session, NetworkManager. Values may be changed."""
        os.makedirs(self.path("run/dbus"))
        self.bus = Bus(self.path("run/dbus/system_bus_socket"))
        return self.bus.values

    def close(self):
        if self.bus is not None:
            self.bus.close()


LOGIN = "org.freedesktop.login1"
NM = "org.freedesktop.NetworkManager"
SESSION = "/org/freedesktop/login1/session/c1"
USER = "/org/freedesktop/login1/user/me"
VPN = "/org/freedesktop/NetworkManager/ActiveConnection/7"


class Bus:
    def __init__(self, path):
        # (interface, property) -> (type, value); a property that is not there is an error
        self.values = {
            (LOGIN + ".Manager", "IdleHint"): ("b", False),
            (LOGIN + ".User", "Display"): ("(so)", ("c1", SESSION)),
            (LOGIN + ".Session", "Type"): ("s", "wayland"),
            (LOGIN + ".Session", "Class"): ("s", "user"),
            (LOGIN + ".Session", "LockedHint"): ("b", False),
            (NM, "Metered"): ("u", 4),
            (NM, "ActiveConnections"): ("ao", [VPN]),
            (NM + ".Connection.Active", "State"): ("u", 2),
            (NM + ".Connection.Active", "Vpn"): ("b", False),
            (NM + ".Connection.Active", "Type"): ("s", "802-11-wireless"),
        }
        self.silent = False  # takes calls and never answers
        self.polkit = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        if self.polkit is not None:
            self.polkit.let_go()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            with s, s.makefile("rb") as lines:
                if self.authenticate(s, lines):
                    while self.answer(s, lines):
                        pass
        except (OSError, struct.error):
            pass

    @staticmethod
    def authenticate(s, lines):
        lines.read(1)
        while True:
            words = lines.readline().split()
            if not words:
                return False
            if words[0] == b"BEGIN":
                return True
            if words[0] == b"AUTH" and len(words) < 3:
                s.sendall(b"DATA\r\n")
            elif words[0] in (b"AUTH", b"DATA"):
                s.sendall(b"OK " + b"0" * 32 + b"\r\n")
            elif words[0] == b"NEGOTIATE_UNIX_FD":
                s.sendall(b"AGREE_UNIX_FD\r\n")
            else:
                s.sendall(b"ERROR\r\n")

    def answer(self, s, lines):
        head = lines.read(16)
        if len(head) < 16:
            return False
        _, kind, _, _, n_body, serial, n_fields = struct.unpack("<BBBBIII", head)
        fields = Reader(lines.read((n_fields + 7) // 8 * 8)).header(n_fields)
        body = Reader(lines.read(n_body))
        if kind != 1 or self.silent:
            return True
        member = fields[3]
        if member == "Hello":
            s.sendall(message(2, serial, "s", ":1.1"))
        elif member == "GetUser":
            s.sendall(message(2, serial, "o", USER))
        elif self.polkit is not None and fields.get(6) == POLKIT:
            self.polkit.take(s, member, serial, body)
        elif member == "Get" and (got := self.values.get((body.string(), body.string()))):
            s.sendall(message(2, serial, "v", got))
        else:
            s.sendall(message(3, serial, "s", "no such thing"))
        return True


POLKIT = "org.freedesktop.PolicyKit1"
STRONG = "org.hither.consent.strong"


class Polkit:
    """The authority: who is asked about, and what the person at the dialog does. `decide` is called on a thread of
    its own with the subject {pid, start-time, uid} and the action; it returns (authorized, challenge, details), or
    the name of an error."""

    def __init__(self, decide, actions=(STRONG,)):
        self.decide, self.actions = decide, actions
        self.asked, self.cancelled = [], threading.Event()

    def let_go(self):
        self.cancelled.set()

    def take(self, s, member, serial, body):
        if member == "EnumerateActions":
            s.sendall(message(2, serial, "a(ssssssuuua{ss})", [(a,) for a in ("org.example.other", *self.actions)]))
        elif member == "CancelCheckAuthorization":
            s.sendall(message(2, serial, "", None))
            self.cancelled.set()
        else:
            threading.Thread(target=self.check, args=(s, serial, body), daemon=True).start()

    def check(self, s, serial, body):
        kind, subject = body.string(), {}
        end = body.number()
        body.align(8)
        end += body.at
        while body.at < end:
            body.align(8)
            key, signature = body.string(), body.signature()
            subject[key] = body.long() if signature == "t" else body.number()
        action = body.string()
        details, _ = body.number(), body.align(8)
        flags = body.number()
        self.asked.append((kind, subject, action, details, flags))
        said = self.decide(subject, action) if action in self.actions else POLKIT + ".Error.Failed"
        try:
            if isinstance(said, str):
                s.sendall(message(3, serial, "s", "no", error=said))
            else:
                s.sendall(message(2, serial, "(bba{ss})", said))
        except OSError:
            pass


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, n):
        self.at = (self.at + n - 1) // n * n

    def number(self):
        self.align(4)
        self.at += 4
        return struct.unpack_from("<I", self.data, self.at - 4)[0]

    def long(self):
        self.align(8)
        self.at += 8
        return struct.unpack_from("<Q", self.data, self.at - 8)[0]

    def signature(self):
        n = self.data[self.at]
        self.at += n + 2
        return self.data[self.at - n - 1:self.at - 1].decode()

    def string(self):
        n = self.number()
        self.at += n + 1
        return self.data[self.at - n - 1:self.at - 1].decode()

    def header(self, n_bytes):
        fields = {}
        while self.at < n_bytes:
            self.align(8)
            code, n = self.data[self.at], self.data[self.at + 1]
            kind = self.data[self.at + 2:self.at + 2 + n].decode()
            self.at += 3 + n
            if kind == "g":
                self.at += self.data[self.at] + 2
            elif kind == "u":
                fields[code] = self.number()
            else:
                fields[code] = self.string()
        return fields


def pad(out, n):
    out.extend(b"\0" * (-len(out) % n))


def put(out, kind, value):
    if kind in ("u", "b"):
        pad(out, 4)
        out += struct.pack("<I", int(value))
    elif kind in ("s", "o"):
        pad(out, 4)
        out += struct.pack("<I", len(value)) + value.encode() + b"\0"
    elif kind == "g":
        out += bytes([len(value)]) + value.encode() + b"\0"
    elif kind == "(so)":
        pad(out, 8)
        put(out, "s", value[0])
        put(out, "o", value[1])
    elif kind == "ao":
        pad(out, 4)
        items = bytearray(4)  # strings align as they will after the length
        for item in value:
            put(items, "o", item)
        out += struct.pack("<I", len(items) - 4) + items[4:]
    elif kind == "a(ssssssuuua{ss})":  # actions of which only the id says something
        put_array(out, [lambda b, a=a: ([put(b, "s", t) for t in (a[0], "", "", "", "", "")],
                                        [put(b, "u", 0) for _ in range(3)], put_array(b, [])) for a in value])
    elif kind == "(bba{ss})":
        pad(out, 8)
        put(out, "b", value[0])
        put(out, "b", value[1])
        put_array(out, [lambda b, k=k, v=v: (put(b, "s", k), put(b, "s", v)) for k, v in value[2].items()])
    elif kind == "":
        pass
    elif kind == "v":
        put(out, "g", value[0])
        put(out, value[0], value[1])
    else:
        raise ValueError(kind)


def put_array(out, writers):
    """An array of structures or pairs, each of which starts at a multiple of 8."""
    pad(out, 4)
    at = len(out)
    out += b"\0" * 4
    pad(out, 8)
    first = len(out)
    for write in writers:
        pad(out, 8)
        write(out)
    out[at:at + 4] = struct.pack("<I", len(out) - first)


def message(kind, reply_to, types, value, error="org.freedesktop.DBus.Error.Failed"):
    body, fields = bytearray(), bytearray()
    put(body, types, value)
    names = [(5, "u", reply_to), (7, "s", "org.freedesktop.DBus"), (6, "s", ":1.1"), (8, "g", types)]
    if kind == 3:
        names.append((4, "s", error))
    for code, t, v in names:
        pad(fields, 8)
        fields += bytes([code])
        put(fields, "g", t)
        put(fields, t, v)
    out = bytearray(struct.pack("<BBBBIII", ord("l"), kind, 0, 1, len(body), 1, len(fields)))
    out += fields
    pad(out, 8)
    return bytes(out + body)
