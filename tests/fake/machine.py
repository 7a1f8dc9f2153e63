# SPDX-License-Identifier: Apache-2.0
"""A machine to look at: a folder with sys, proc and run for `hitherd --sys-dir`, and on request a
system bus on which logind and NetworkManager answer. As much of D-Bus as Properties.Get takes
(D-Bus specification 0.42: authentication EXTERNAL, little endian, no signals)."""
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
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

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
        elif member == "Get" and (got := self.values.get((body.string(), body.string()))):
            s.sendall(message(2, serial, "v", got))
        else:
            s.sendall(message(3, serial, "s", "no such thing"))
        return True


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, n):
        self.at = (self.at + n - 1) // n * n

    def number(self):
        self.align(4)
        self.at += 4
        return struct.unpack_from("<I", self.data, self.at - 4)[0]

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
    elif kind == "v":
        put(out, "g", value[0])
        put(out, value[0], value[1])
    else:
        raise ValueError(kind)


def message(kind, reply_to, types, value):
    body, fields = bytearray(), bytearray()
    put(body, types, value)
    names = [(5, "u", reply_to), (7, "s", "org.freedesktop.DBus"), (6, "s", ":1.1"), (8, "g", types)]
    if kind == 3:
        names.append((4, "s", "org.freedesktop.DBus.Error.Failed"))
    for code, t, v in names:
        pad(fields, 8)
        fields += bytes([code])
        put(fields, "g", t)
        put(fields, t, v)
    out = bytearray(struct.pack("<BBBBIII", ord("l"), kind, 0, 1, len(body), 1, len(fields)))
    out += fields
    pad(out, 8)
    return bytes(out + body)
