"""Sealed root keys and passphrases under way, by other code than ours: Python's AES-GCM, X25519 and HMAC, and the openssl command's Argon2id."""
import configparser
import hashlib
import hmac
import re
import struct
import subprocess
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import records
from hsm import Hsm, b64, unb64

FILE, PASSPHRASE = "root.key", "root.passphrase"


def argon2id(passphrase, salt, memory_kib, passes, lanes, n):
    done = subprocess.run(["openssl", "kdf", "-binary", "-keylen", str(n), "-kdfopt", "hexpass:" + passphrase.hex(), "-kdfopt", "hexsalt:" + salt.hex(),
                           "-kdfopt", f"iter:{passes}", "-kdfopt", f"memcost:{memory_kib}", "-kdfopt", f"lanes:{lanes}", "ARGON2ID"],
                          capture_output=True, check=True)
    return done.stdout


def open_passphrase_seal(image, passphrase):
    """The root key; InvalidTag for another passphrase."""
    kind, version, length, memory_kib, passes, lanes = struct.unpack(">BBHIII", image[:16])
    assert (kind, version, length, len(image)) == (1, 2, 64, 124)
    key = argon2id(passphrase, image[16:32], memory_kib, passes, lanes, 32)
    return AESGCM(key).decrypt(image[32:44], image[44:], image[:44])


def make_costly(data, passphrase, passes):
    """Seals the same root key anew with more passes of Argon2id, so that a test can meet the process at its work."""
    path = data / "seal" / PASSPHRASE
    image = path.read_bytes()
    root = open_passphrase_seal(image, passphrase)
    memory_kib, lanes = struct.unpack(">I", image[4:8])[0], struct.unpack(">I", image[12:16])[0]
    head = image[:8] + struct.pack(">I", passes) + image[12:44]
    key = argon2id(passphrase, image[16:32], memory_kib, passes, lanes, 32)
    path.write_bytes(head + AESGCM(key).encrypt(image[32:44], root, head))


def kind_of(data):
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(data / "holdfast.conf")
    return conf.get("seal", "kind")


def root_of(data, passphrases):
    """What the configured seal gives, tried with each passphrase: (root key, the passphrase that opened it or None)."""
    if kind_of(data) == "file":
        return records.open_seal_file((data / "seal" / FILE).read_bytes()), None
    image = (data / "seal" / PASSPHRASE).read_bytes()
    for p in passphrases:
        try:
            return open_passphrase_seal(image, p), p
        except InvalidTag:
            continue
    raise AssertionError("no passphrase opens the seal")


# ---- HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM ----

INFO = b"holdfast unseal 1"
KEM, HPKE = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"


def extract(suite, salt, label, ikm):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()


def expand(suite, prk, label, info, n):
    data, block, out = n.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, b"", b""
    while len(out) < n:
        block = hmac.new(prk, block + data + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:n]


def hpke_seal(public, plain, info=INFO, aad=b""):
    """(enc, ciphertext)"""
    ephemeral = X25519PrivateKey.generate()
    enc = ephemeral.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shared = expand(KEM, extract(KEM, b"", b"eae_prk", ephemeral.exchange(X25519PublicKey.from_public_bytes(public))), b"shared_secret", enc + public, 32)
    context = b"\0" + extract(HPKE, b"", b"psk_id_hash", b"") + extract(HPKE, b"", b"info_hash", info)
    secret = extract(HPKE, shared, b"secret", b"")
    key, nonce = expand(HPKE, secret, b"key", context, 32), expand(HPKE, secret, b"base_nonce", context, 12)
    return enc, AESGCM(key).encrypt(nonce, plain, aad)


# ---- a whole HSM ----

RIGHT, WRONG = b"correct horse battery staple", b"incorrect horse battery staple"
FINGERPRINT = re.compile(r"^holdfastd: unseal key fingerprint: ([0-9a-f]{64})$", re.MULTILINE)


class Sealed(Hsm):
    """An HSM with the passphrase seal, and the command line beside it."""

    passphrase = RIGHT

    def init(self, *extra):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.right, self.wrong = self.folder / "right", self.folder / "wrong"
        self.right.write_bytes(self.passphrase + b"\n")
        self.wrong.write_bytes(WRONG)
        return super().init("--seal", "passphrase", "--passphrase-file", self.right, *extra)

    def start(self, *extra, **kw):
        self.socket = self.folder / "hsm.sock"
        return super().start("--socket", self.socket, *extra, **kw)

    def way(self, local=False):
        return ["--socket", self.socket] if local else ["--server", f"https://127.0.0.1:{self.port}", "--ca", self.data / "tls/ca.pem"]

    def cli(self, *words, local=False, **kw):
        return subprocess.run([self.stage / "bin/holdfast", *self.way(local), "--token-key", self.admin_key, *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, **kw)

    def unseal(self, file=None, local=False, *more):
        return self.cli("unseal", "--passphrase-file", file or self.right, *more, local=local)

    def fingerprints(self):
        return FINGERPRINT.findall(self.text())

    def key(self):
        answer = self.get("/api/v1/unseal-key", token=None)
        assert answer.status == 200, answer
        return answer.json

    def send(self, passphrase):
        """As another client would."""
        enc, sealed = hpke_seal(unb64(self.key()["public_b64"]), passphrase)
        return self.post("/api/v1/unseal", {"enc_b64": b64(enc), "sealed_b64": b64(sealed)}, token=None)

    def state(self, wanted, timeout=5):
        """The gateway may answer a quarter of a second from what it knew."""
        deadline = time.monotonic() + timeout
        while (state := self.get("/api/v1/status", token=None).json["state"]) != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        return state

    def events(self, action=None):
        items = self.get("/api/v1/audit/recent?limit=1000").json["items"]
        return [e for e in items if action is None or e["action"] == action]

    def wait_fingerprint(self, n, timeout=20):
        deadline = time.monotonic() + timeout
        while len(self.fingerprints()) < n:
            assert time.monotonic() < deadline, self.text()[-2000:]
            time.sleep(0.02)
        return self.fingerprints()[-1]
