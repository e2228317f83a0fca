"""Authentic state from the documentation alone: rows made with the real root key, and the manifest that commits to them.

For what would take hours to bring about by requests: 100,000 keys, answers that are a day old. A store must be stopped while it is changed.
"""
import hmac
import os
import struct
import time
import uuid

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import records

NO_ID = bytes(16)
KEY, VERSION, WRAP, MANIFEST, REVOCATION, ANSWER = 1, 2, 3, 5, 7, 8
IN_THE_SET = (KEY, WRAP, REVOCATION, ANSWER)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


class Seeder:
    """Adds rows to a stopped store's {(kind, id, version): blob} and commits to them."""

    def __init__(self, root, epoch_file, rows):
        self.keys = {name: records.purpose(root, name) for name in records.PURPOSES}
        self.epochs = records.open_epochs(epoch_file, self.keys["epoch-wrap"])
        self.epoch = max(self.epochs)
        self.rows, self.added_keys = rows, 0

    def mac(self, body):
        return body + hmac.digest(self.keys["record-mac"], body, "sha384")

    def put(self, kind, ident, version, body):
        self.rows[kind, ident, version] = blob = self.mac(body)
        return blob[-48:]

    def key(self, name, algorithm, material, usage, tags=(), description="", created_by="seed", form=2, created=None):
        """One active version with this material; `form` is the record's format."""
        ident, now = uuid.uuid4().bytes, created or time.time_ns()
        dek = AESGCM.generate_key(256)
        head = b"\x01\x02" + ident + struct.pack(">IHq", 1, algorithm, now) + os.urandom(12)
        sealed = AESGCM(dek).encrypt(head[-12:], material, head)
        version_mac = self.put(VERSION, ident, 1, head + struct.pack(">H", len(sealed)) + sealed)
        head = b"\x01\x03" + ident + struct.pack(">II", 1, self.epoch) + os.urandom(12)
        self.put(WRAP, ident, 1, head + AESGCM(self.epochs[self.epoch]).encrypt(head[-12:], dek, head))
        body = bytes([form, KEY]) + ident + struct.pack(">QHIq", 1, algorithm, usage, now) + (b"\0" if form == 2 else b"")
        body += text(name) + text(created_by) + text(description) + text(b"".join(text(t) for t in tags)) + text(b"") + text(b"")
        body += struct.pack(">IIBqqqIQ", 1, 1, 2, now, 0, 0, 0, 0) + version_mac
        self.put(KEY, ident, 0, body)
        self.added_keys += 1
        return ident

    def answer(self, ident, expires_s, request=bytes(32), reply=b"", kind=0x8110):
        self.put(ANSWER, ident, 0, bytes([1, ANSWER]) + ident + struct.pack(">q", expires_s) + request + struct.pack(">H", kind) + text(reply))

    def set_hash(self):
        total, n = 0, 0
        for (kind, ident, version), blob in self.rows.items():
            if kind in IN_THE_SET:
                element = b"\x01" + bytes([kind]) + ident + struct.pack(">Q", version) + blob[-48:]
                total ^= int.from_bytes(hmac.digest(self.keys["set-hash"], element, "sha256"), "big")
                n += 1
        r = os.urandom(32)
        mask = int.from_bytes(hmac.digest(self.keys["set-hash"], b"\x00" + r, "sha256"), "big")
        return r + struct.pack(">Q", n) + (total ^ mask).to_bytes(32, "big")

    def commit(self):
        """The manifest of the rows as they are now, one generation on."""
        old = self.rows[MANIFEST, NO_ID, 0]
        generation, epoch, count, keyset = struct.unpack_from(">QIQQ", old, 2)
        body = old[:2] + struct.pack(">QIQQ", generation + 1, epoch, count + self.added_keys, keyset) + self.set_hash() + old[-48 - 40:-48]
        self.rows[MANIFEST, NO_ID, 0] = body + hmac.digest(self.keys["manifest-mac"], body, "sha384")
        self.added_keys = 0
        return self.rows


def ed25519_seed():
    return ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def p256_scalar():
    return ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
