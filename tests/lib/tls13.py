"""A small TLS 1.3 client (RFC 8446) that says what a test wants: any bytes as its certificate, any message out of turn.

X25519 and TLS_AES_128_GCM_SHA256 only; the server's certificate is not verified. For tests of what a server refuses.
"""
import hashlib
import hmac
import os
import socket
import struct

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALERTS = {0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure", 42: "bad_certificate",
          43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
          50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 80: "internal_error", 109: "missing_extension", 116: "certificate_required",
          120: "no_application_protocol"}
HASH = hashlib.sha256


class Alert(Exception):
    """The server's last word, by name."""


class Closed(Exception):
    """The connection ended without one."""


def expand(secret, label, context=b"", n=32):
    name = b"tls13 " + label
    info = struct.pack(">HB", n, len(name)) + name + bytes([len(context)]) + context
    out, block = b"", b""
    for i in range(1, n // 32 + 2):
        block = hmac.new(secret, block + info + bytes([i]), HASH).digest()
        out += block
    return out[:n]


def extract(salt, secret):
    return hmac.new(salt, secret, HASH).digest()


def extension(kind, body):
    return struct.pack(">HH", kind, len(body)) + body


def sized(n, body):
    return len(body).to_bytes(n, "big") + body


class Keys:
    def __init__(self, secret):
        self.secret, self.aead, self.iv, self.seq = secret, AESGCM(expand(secret, b"key", n=16)), expand(secret, b"iv", n=12), 0

    def nonce(self):
        n = int.from_bytes(self.iv, "big") ^ self.seq
        self.seq += 1
        return n.to_bytes(12, "big")


class Client:
    def __init__(self, port, timeout=10):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.settimeout(timeout)
        self.buffer, self.transcript, self.reading, self.writing, self.pending = b"", b"", None, None, b""

    def close(self):
        self.sock.close()

    # ---- records ----

    def take(self, n):
        while len(self.buffer) < n:
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError as e:
                raise Closed("reset") from e
            if not more:
                raise Closed("end")
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def record(self):
        """(type, content) of the next record that is not a change_cipher_spec."""
        while True:
            head = self.take(5)
            body = self.take(int.from_bytes(head[3:], "big"))
            if head[0] == 20:
                continue
            if self.reading is None or head[0] != 23:
                kind = head[0]
            else:
                body = self.reading.aead.decrypt(self.reading.nonce(), body, head).rstrip(b"\0")
                kind, body = body[-1], body[:-1]
            if kind == 21:
                raise Alert(ALERTS.get(body[1], str(body[1])))
            return kind, body

    def message(self):
        """The next handshake message, whole; it joins the transcript."""
        while len(self.pending) < 4 or len(self.pending) < 4 + int.from_bytes(self.pending[1:4], "big"):
            kind, body = self.record()
            assert kind == 22, kind
            self.pending += body
        n = 4 + int.from_bytes(self.pending[1:4], "big")
        message, self.pending = self.pending[:n], self.pending[n:]
        self.transcript += message
        return message

    def send(self, kind, body):
        if self.writing is None:
            self.sock.sendall(struct.pack(">BHH", kind, 0x0303, len(body)) + body)
            return
        for at in range(0, max(len(body), 1), 16000):
            inner = body[at:at + 16000] + bytes([kind])
            head = struct.pack(">BHH", 23, 0x0303, len(inner) + 16)
            self.sock.sendall(head + self.writing.aead.encrypt(self.writing.nonce(), inner, head))

    def say(self, kind, body):
        """One handshake message."""
        message = bytes([kind]) + sized(3, body)
        self.transcript += message
        self.send(22, message)

    # ---- the handshake ----

    def hello(self, groups=b"\x00\x1d", extra=b"", send=True):
        self.private = X25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        extensions = (extension(43, sized(1, b"\x03\x04")) + extension(10, sized(2, groups)) + extension(13, sized(2, b"\x04\x03\x08\x04\x08\x07\x05\x03")) +
                      extension(51, sized(2, b"\x00\x1d" + sized(2, public))) + extra)
        body = b"\x03\x03" + os.urandom(32) + sized(1, os.urandom(32)) + sized(2, b"\x13\x01") + sized(1, b"\0") + sized(2, extensions)
        if not send:
            return bytes([1]) + sized(3, body)
        self.say(1, body)

    def server_hello(self):
        m = self.message()
        assert m[0] == 2
        at = 4 + 2 + 32
        at += 1 + m[at] + 3
        end, share = at + 2 + int.from_bytes(m[at:at + 2], "big"), None
        at += 2
        while at < end:
            kind, n = struct.unpack(">HH", m[at:at + 4])
            if kind == 51:
                share = m[at + 8:at + 8 + 32]
            at += 4 + n
        early = extract(bytes(32), bytes(32))
        self.handshake = extract(expand(early, b"derived", HASH(b"").digest()), self.private.exchange(X25519PublicKey.from_public_bytes(share)))
        digest = HASH(self.transcript).digest()
        self.client_secret = expand(self.handshake, b"c hs traffic", digest)
        self.reading, self.writing = Keys(expand(self.handshake, b"s hs traffic", digest)), Keys(self.client_secret)

    def server_flight(self):
        """Up to the server's Finished; True when it asks for a certificate."""
        asked = False
        while True:
            m = self.message()
            if m[0] == 13:
                asked, self.context = True, m[5:5 + m[4]]
            if m[0] == 20:
                break
        master = extract(expand(self.handshake, b"derived", HASH(b"").digest()), bytes(32))
        digest = HASH(self.transcript).digest()
        self.application = Keys(expand(master, b"c ap traffic", digest)), Keys(expand(master, b"s ap traffic", digest))
        return asked

    def certificate(self, *chain):
        self.say(11, sized(1, self.context) + sized(3, b"".join(sized(3, der) + b"\0\0" for der in chain)))

    def certificate_verify(self, scheme, sign):
        """sign(bytes) gives the signature."""
        data = b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + HASH(self.transcript).digest()
        self.say(15, struct.pack(">H", scheme) + sized(2, sign(data)))

    def finish(self):
        key = expand(self.client_secret, b"finished")
        self.say(20, hmac.new(key, HASH(self.transcript).digest(), HASH).digest())
        self.writing, self.reading = self.application

    def ask(self, request=b"GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"):
        """The answer's bytes so far. Alert or Closed when there is none."""
        self.send(23, request)
        while True:
            kind, body = self.record()
            if kind == 23:
                return body
