"""The internal protocol for tests: messages encoded and decoded from src/proto/core.def, over SEQPACKET sockets.

A test program with a channel in hand is what a hijacked process would be: it may send anything at all.
"""
import array
import fcntl
import os
import re
import select
import socket
import struct
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = {"supervisor": 1, "core": 2, "gateway": 3, "store": 4, "verifier": 5, "unseal": 6, "config": 7}
SCALARS = {"u8": ">B", "u16": ">H", "u32": ">I", "u64": ">Q", "i64": ">q", "bool": ">?"}


def parse_definition():
    items, head, current = {}, [], None
    for raw in (ROOT / "src/proto/core.def").read_text().splitlines():
        line = raw.split("#", 1)[0].rstrip()
        if not line:
            continue
        words = line.split()
        if line.startswith("  "):
            current.extend(head if words == ["head"] else [tuple(words)])
        elif words[0] == "head":
            current = head
        elif words[0] == "record":
            current = items[words[1]] = []
        elif words[0] == "message":
            current = items[words[1]] = []
            IDS[words[1]] = int(words[2], 16)
            SENDERS[words[1]] = words[4].split(",")
            STATES[words[1]] = words[6]
    return items


IDS, SENDERS, STATES = {}, {}, {}
FIELDS = parse_definition()
NAMES = {number: name for name, number in IDS.items()}


def errors():
    text = (ROOT / "include/holdfast/err.h").read_text()
    return {name: number for number, name in enumerate(re.findall(r"^    X\((\w+),", text, re.MULTILINE))}


ERR = errors()


def blob(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


def encode_field(field, value):
    kind = field[0]
    if kind in SCALARS:
        return struct.pack(SCALARS[kind], value or 0)
    if kind == "fixed":
        value = value or bytes(int(field[2]))
        assert len(value) == int(field[2])
        return value
    if kind == "list" and isinstance(value, list):
        return blob(b"".join(blob(encode(field[1], **item)) for item in value))
    return blob(value or b"")


def name_of(field):
    return field[2] if field[0] == "list" else field[1]


def encode(item, /, **values):
    known = {name_of(f) for f in FIELDS[item]}
    assert set(values) <= known, set(values) - known
    return b"".join(encode_field(f, values.get(name_of(f))) for f in FIELDS[item])


def take(body, at, field):
    kind = field[0]
    if kind in SCALARS:
        return struct.unpack_from(SCALARS[kind], body, at)[0], at + struct.calcsize(SCALARS[kind])
    if kind == "fixed":
        return body[at:at + int(field[2])], at + int(field[2])
    n = struct.unpack_from(">I", body, at)[0]
    data = body[at + 4:at + 4 + n]
    if kind == "text":
        data = data.decode()
    if kind == "list":
        items, p = [], 0
        while p < len(data):
            m = struct.unpack_from(">I", data, p)[0]
            items.append(decode(field[1], data[p + 4:p + 4 + m]))
            p += 4 + m
        data = items
    return data, at + 4 + n


def decode(item, body):
    at, values = 0, {}
    for field in FIELDS[item]:
        values[name_of(field)], at = take(body, at, field)
    assert at == len(body), f"{item}: {len(body) - at} bytes too many"
    return values


def frame(kind, body=b"", ident=0, version=1, flags=0, total=None):
    kind = IDS[kind] if isinstance(kind, str) else kind
    return struct.pack(">BBHIQ", version, flags, kind, len(body) if total is None else total, ident) + body


class Gone(Exception):
    """The other end closed the channel."""


class Channel:
    def __init__(self, sock):
        self.sock, self.next_id = sock, 1
        self.unread = b""  # whole messages of a packet that were not asked for yet

    def send_raw(self, data, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([data], ancillary)
        except (BrokenPipeError, ConnectionResetError) as gone:
            raise Gone from gone

    def send(self, message, /, fds=(), ident=0, **values):
        body = encode(message, **values)
        parts = [body[i:i + 60 * 1024] for i in range(0, len(body), 60 * 1024)] or [b""]
        for i, part in enumerate(parts):
            more = 1 if i + 1 < len(parts) else 0
            self.send_raw(frame(message, part, ident, flags=more, total=len(body)), fds if i == 0 else ())

    def receive(self, timeout=10):
        """(name, id, values, descriptors) of the next whole message."""
        whole, fds = b"", []
        if self.unread:
            return self.take_whole()
        while True:
            if not select.select([self.sock], [], [], timeout)[0]:
                raise TimeoutError("no message came")
            try:
                data, got, _, _ = socket.recv_fds(self.sock, 1 << 17, 6)
            except ConnectionResetError as gone:
                raise Gone from gone
            if not data:
                raise Gone
            fds += got
            _, flags, kind, total, ident = struct.unpack_from(">BBHIQ", data)
            if not whole and not flags & 1 and len(data) > 16 + total:
                self.unread = data
                return self.take_whole()
            whole += data[16:]
            if not flags & 1:
                assert len(whole) == total
                name = NAMES[kind]
                return name, ident, decode(name, whole), fds

    def has_message(self, timeout):
        return bool(self.unread) or bool(select.select([self.sock], [], [], timeout)[0])

    def take_whole(self):
        """The next of several whole messages that came in one packet."""
        _, flags, kind, total, ident = struct.unpack_from(">BBHIQ", self.unread)
        body, self.unread = self.unread[16:16 + total], self.unread[16 + total:]
        assert flags == 0 and len(body) == total
        return NAMES[kind], ident, decode(NAMES[kind], body), []

    def ask(self, message, /, timeout=10, **values):
        """Sends a request and gives its answer as (name, values)."""
        ident, self.next_id = self.next_id, self.next_id + 1
        self.send(message, ident=ident, **values)
        while True:
            got, answer_id, fields, _ = self.receive(timeout)
            if answer_id == ident:
                return got, fields

    def is_gone(self, timeout=10):
        try:
            while True:
                self.receive(timeout)
        except Gone:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.sock.close()


def socket_pair():
    """(our channel, the other end's descriptor as a socket)"""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for s in (ours, theirs):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return Channel(ours), theirs


def spawn(program, *arguments, give=(), stderr=None):
    """Starts a program like the supervisor does: descriptor 3 is its channel, further descriptors follow. Gives (channel, process)."""
    channel, theirs = socket_pair()
    wanted = [theirs.fileno(), *give]

    def arrange():
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in wanted] # wherever there is room, so that none takes the place of another
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
            os.set_inheritable(3 + i, True)

    process = subprocess.Popen([str(program), *map(str, arguments)], close_fds=False, preexec_fn=arrange, env={}, stderr=stderr,
                               stdin=subprocess.DEVNULL)
    theirs.close()
    return channel, process
