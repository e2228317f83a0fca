"""verifier-token as a process: the test is its supervisor and its core, over the same sockets and bytes."""
import array
import base64
import hashlib
import hmac
import json
import os
import re
import select
import socket
import struct
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ROOT = Path(__file__).resolve().parents[3]
STAGE = Path(os.environ.get("HOLDFAST_STAGE") or ROOT / "build" / "stage")
LIBEXEC = STAGE / "libexec" / "holdfast"
DATA = Path(os.environ.get("HOLDFAST_DATA_DIR") or ROOT.parent / "shared" / "data")

PEER_CHANNEL, STOP, READY, CONFIG_VERIFIER, KEYSET, VERIFY_TOKEN, VERDICT = 0x0001, 0x0002, 0x0003, 0x0014, 0x0015, 0x0040, 0x8040
CORE, GATEWAY = 2, 3
EC_P256, ED25519, RSA_2048, RSA_3072, HMAC_SHA256 = 2, 3, 6, 7, 9
ADMINISTRATOR, OPERATOR, AUDITOR, SERVICE = 1, 2, 4, 8
NOBODY = 65534


def errors():
    """Name to number, from the one list in the header."""
    text = (ROOT / "include" / "holdfast" / "err.h").read_text()
    return {name: number for number, name in enumerate(re.findall(r"^    X\((\w+),", text, re.MULTILINE))}


ERR = errors()


# ---- bytes of messages ----


def blob(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


def frame(kind, body, ident=0, version=1, flags=0, total=None):
    return struct.pack(">BBHIQ", version, flags, kind, len(body) if total is None else total, ident) + body


def config(issuer="", audience="holdfast", strict=False, hs256=False):
    return struct.pack(">B", strict) + blob(issuer) + blob(audience) + struct.pack(">B", hs256)


def kind_of(key):
    """(number of its algorithm, name of it in a token); bytes are a secret of HS256."""
    if isinstance(key, bytes):
        return HMAC_SHA256, "HS256"
    if isinstance(key, rsa.RSAPrivateKey):
        return (RSA_2048 if key.key_size == 2048 else RSA_3072), "RS256"
    return (EC_P256, "ES256") if isinstance(key, ec.EllipticCurvePrivateKey) else (ED25519, "EdDSA")


def spki_of(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def row(kid, key, actor="*", roles=15, alg=None, spki=None):
    alg = alg or kind_of(key)[0]
    spki = spki if spki is not None else key if isinstance(key, bytes) else spki_of(key)
    return blob(blob(kid) + struct.pack(">B", alg) + blob(actor) + struct.pack(">I", roles) + blob(spki))


def keyset(generation, *rows):
    return struct.pack(">Q", generation) + blob(b"".join(rows)) + bytes(32)


class Verdict:
    def __init__(self, body):
        self.at, self.body = 0, body
        self.error = self.take(">H")
        self.generation = self.take(">Q")
        self.kid, self.jti, self.subject = self.text(), self.text(), self.text()
        self.roles = self.take(">I")
        self.issued, self.not_before, self.expires = self.take(">q"), self.take(">q"), self.take(">q")
        self.has_cert = bool(self.take(">B"))
        self.cert_hash = body[self.at:]
        assert len(self.cert_hash) == 32

    def take(self, form):
        (value,) = struct.unpack_from(form, self.body, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        n = self.take(">I")
        self.at += n
        return self.body[self.at - n:self.at].decode()

    @property
    def ok(self):
        return self.error == ERR["OK"]


# ---- tokens, by Python cryptography ----


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(key, data):
    if isinstance(key, bytes):
        return hmac.new(key, data, hashlib.sha256).digest()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def claims(**changes):
    now = int(time.time())
    full = {"sub": "alice", "aud": "holdfast", "roles": ["operator"], "iat": now, "nbf": now, "exp": now + 60, "jti": "t-1"} | changes
    return {name: value for name, value in full.items() if value is not None}


def token(key, kid, payload, **header):
    head = {"alg": kind_of(key)[1], "typ": "JWT", "kid": kid} | header
    text = b64(json.dumps(head).encode()) + "." + b64(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return text + "." + b64(sign(key, text.encode()))


# ---- the process ----


class Gone(Exception):
    """The other end closed the channel."""


class Channel:
    def __init__(self, sock):
        self.sock = sock

    def send(self, data, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([data], ancillary)
        except (BrokenPipeError, ConnectionResetError) as gone:
            raise Gone from gone

    def receive(self, timeout=10):
        """(type, id, body) of the next message; every one that the verifier sends fits one frame."""
        if not select.select([self.sock], [], [], timeout)[0]:
            raise TimeoutError
        try:
            data = self.sock.recv(1 << 17)
        except ConnectionResetError as gone:
            raise Gone from gone
        if not data:
            raise Gone
        version, flags, kind, total, ident = struct.unpack_from(">BBHIQ", data)
        assert (version, flags, total) == (1, 0, len(data) - 16)
        return kind, ident, data[16:]

    def is_gone(self, timeout=10):
        try:
            self.receive(timeout)
        except Gone:
            return True
        except TimeoutError:
            return False
        raise AssertionError("an answer came")

    def verify(self, text, ident=7):
        data = text.encode() if isinstance(text, str) else text
        self.send(frame(VERIFY_TOKEN, blob(data), ident))
        kind, got, body = self.receive()
        assert (kind, got) == (VERDICT, ident)
        return Verdict(body)

    def close(self):
        self.sock.close()


class Verifier:
    """Started like the supervisor does it: descriptor 3 is the channel, everything else follows in messages."""

    def __init__(self, configuration=None, program=None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [str(program or LIBEXEC / "verifier-token")]
        if os.geteuid() == 0:
            arguments += ["--uid", str(NOBODY), "--gid", str(NOBODY)]
        fd = theirs.fileno()

        def at_three():
            if fd == 3:
                os.set_inheritable(3, True)
            else:
                os.dup2(fd, 3)

        self.killed = False
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, close_fds=False, preexec_fn=at_three, env={})
        theirs.close()
        self.supervisor = Channel(ours)
        self.supervisor.send(frame(CONFIG_VERIFIER, config() if configuration is None else configuration))

    def add_core(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.supervisor.send(frame(PEER_CHANNEL, struct.pack(">B", CORE)), [theirs.fileno()])
        theirs.close()
        return Channel(ours)

    def give_keyset(self, generation, *rows):
        body, ident = keyset(generation, *rows), 0
        parts = [body[at:at + 61440] for at in range(0, len(body), 61440)]
        for i, part in enumerate(parts):
            self.supervisor.send(frame(KEYSET, part, ident, flags=1 if i + 1 < len(parts) else 0, total=len(body)))

    def wait_ready(self):
        kind, _, body = self.supervisor.receive()
        assert kind == READY
        return body

    def is_alive(self):
        return self.process.poll() is None

    def wait(self, timeout=10):
        return self.process.wait(timeout)

    def stop(self):
        """Ends it and gives what it logged; the second time nothing."""
        if self.process.stderr.closed:
            return ""
        if self.is_alive():
            self.killed = True
            self.process.kill()
        self.supervisor.close()
        log = self.process.stderr.read().decode()
        self.process.wait()
        self.process.stderr.close()
        return log
