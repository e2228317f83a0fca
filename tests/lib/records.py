"""What the data folder holds, opened from the documentation alone with Python's `cryptography`: seal file, epoch file, rows."""
import hashlib
import hmac
import shutil
import sqlite3
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KIND_KEY, KIND_VERSION, KIND_WRAP, KIND_SEGMENT, KIND_MANIFEST, KIND_TAIL, KIND_REVOCATION, KIND_ANSWER = range(1, 9)
ALGORITHMS = {1: "aes-256-gcm", 2: "ec-p256", 3: "ed25519", 4: "ml-kem-768", 5: "ec-p384", 6: "rsa-2048", 7: "rsa-3072", 8: "ml-dsa-65",
              9: "hmac-sha256", 10: "hmac-sha384", 11: "hmac-sha512"}
PURPOSES = {"record-mac": 48, "epoch-wrap": 32, "epoch-mac": 48, "manifest-mac": 48, "set-hash": 32, "keyset-mac": 32,
            "audit-mac": 32, "audit-sign": 32, "payload-hmac": 32, "anchor-mac": 48}


def purpose(root, name):
    return HKDF(hashes.SHA512(), PURPOSES[name], salt=None, info=b"holdfast v1 " + name.encode()).derive(root)


def authentic(blob, key):
    return hmac.compare_digest(hmac.new(key, blob[:-48], "sha384").digest(), blob[-48:])


def open_version(blob, data_key):
    """The private material of a VERSION row."""
    head, size, sealed = blob[:44], int.from_bytes(blob[44:46], "big"), blob[46:-48]
    assert blob[:2] == b"\x01\x02" and size == len(sealed)
    return AESGCM(data_key).decrypt(head[32:44], sealed, head)


def open_wrap(blob, epoch_key):
    """The data key of a WRAP row."""
    head = blob[:38]
    assert blob[:2] == b"\x01\x03"
    return AESGCM(epoch_key).decrypt(head[26:38], blob[38:-48], head)


def open_epochs(blob, wrap_key):
    """Epoch number -> key."""
    assert blob[:2] == b"\x01E" and len(blob) == 2 + 2 * 65 + 48
    found = {}
    for i in range(2):
        slot = blob[2 + 65 * i:2 + 65 * (i + 1)]
        if slot[0]:
            aad = blob[:2] + bytes([i]) + slot[1:5]
            found[int.from_bytes(slot[1:5], "big")] = AESGCM(wrap_key).decrypt(slot[5:17], slot[17:], aad)
    return found


def open_seal_file(image):
    """The root key of a `file` seal."""
    assert len(image) == 132 and image[:4] == b"\x01\x01\x00\x40"
    salt, root, mac = image[4:36], image[36:100], image[100:]
    key = HKDF(hashes.SHA256(), 32, salt=salt, info=b"holdfast seal file").derive(root)
    assert hmac.compare_digest(hmac.new(key, image[:100], hashlib.sha256).digest(), mac)
    return root


def rows(store):
    """(kind, id, version, blob) of a store folder, also while a store process has it open: read from a copy of database and log."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("store.db", "store.db-wal"):
            if (Path(store) / name).exists():
                shutil.copy(Path(store) / name, folder)
        db = sqlite3.connect(Path(folder) / "store.db")
        try:
            return db.execute("SELECT kind, id, version, blob FROM row").fetchall()
        finally:
            db.close()


class Opened:
    """Every secret of a data folder: root, purpose keys, epoch keys, data keys and key material by (id, version)."""

    def __init__(self, data):
        data = Path(data)
        self.root = open_seal_file((data / "seal" / "root.key").read_bytes())
        self.purposes = {name: purpose(self.root, name) for name in PURPOSES}
        self.epochs = open_epochs((data / "epoch.key").read_bytes(), self.purposes["epoch-wrap"])
        self.data_keys, self.material, sealed = {}, {}, {}
        for kind, ident, version, blob in rows(data / "store"):
            if kind in (KIND_VERSION, KIND_WRAP):
                assert authentic(blob, self.purposes["record-mac"])
            if kind == KIND_VERSION:
                sealed[ident, version] = blob
            elif kind == KIND_WRAP:
                epoch = int.from_bytes(blob[22:26], "big")
                self.data_keys[ident, version] = open_wrap(blob, self.epochs[epoch])
        for place, blob in sealed.items():
            if place in self.data_keys:
                algorithm = ALGORITHMS[int.from_bytes(blob[22:24], "big")]
                self.material[place] = (algorithm, open_version(blob, self.data_keys[place]))
