"""What an encryption gives, judged by Python's cryptography with the key taken from the data folder."""
import hmac
import os
import uuid

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import rows
from hsm import b64, unb64
from records import Opened


def encrypt(hsm, name, plaintext, **more):
    a = hsm.post(f"/api/v1/keys/{name}/encrypt", {"plaintext_b64": b64(plaintext), **more})
    assert a.status == 200, a
    return unb64(a.json["nonce_b64"]), unb64(a.json["ciphertext_b64"])


def key_of(hsm, created, version=1):
    algorithm, key = Opened(hsm.data).material[uuid.UUID(created["id"]).bytes, version]
    assert algorithm == "aes-256-gcm"
    return AESGCM(key)


def test_the_prefix_is_authenticated(hsm):
    """`HF1`, algorithm and version are the first part of the associated data, and the caller's the second."""
    key = key_of(hsm, hsm.create("ct-prefix", "aes-256-gcm"))
    plaintext, mine = os.urandom(1000), b"of the caller"
    nonce, sealed = encrypt(hsm, "ct-prefix", plaintext, associated_data_b64=b64(mine))
    assert key.decrypt(nonce, sealed[8:], sealed[:8] + mine) == plaintext
    for wrong in (mine, sealed[:8], sealed[:7] + b"\2" + mine, mine + sealed[:8]):
        with pytest.raises(InvalidTag):
            key.decrypt(nonce, sealed[8:], wrong)


def test_a_ciphertext_made_elsewhere_decrypts(hsm):
    created = hsm.create("ct-elsewhere", "aes-256-gcm")
    key, prefix, nonce = key_of(hsm, created), b"HF1\1\0\0\0\1", os.urandom(12)
    for aad, status in ((prefix + b"aad", 200), (b"aad", 422)):
        body = {"ciphertext_b64": b64(prefix + key.encrypt(nonce, b"text", aad)), "nonce_b64": b64(nonce), "associated_data_b64": b64(b"aad")}
        answer = hsm.post("/api/v1/keys/ct-elsewhere/decrypt", body)
        assert answer.status == status, answer
    assert answer.json["code"] == "bad_ciphertext"


def test_nonces_do_not_repeat(hsm):
    hsm.create("ct-nonces", "aes-256-gcm")
    made = [encrypt(hsm, "ct-nonces", b"the same text") for _ in range(300)]
    assert len({nonce for nonce, _ in made}) == len({sealed for _, sealed in made}) == 300
    for byte in range(12):
        assert len({nonce[byte] for nonce, _ in made}) > 100, "96 random bits, not a counter beside constant ones"


# ---- how often one version encrypts ----

LEASE, MOST = 1 << 16, 1 << 32


class Leases:
    """The leases of a stopped service's keys of one version, and the skill to change one as only the root key's owner can."""

    def __init__(self, hsm):
        self.file, self.keys = hsm.data / "store" / "store.db", Opened(hsm.data).purposes
        self.rows = rows.load(self.file)

    def place(self, created):
        return rows.KEY, uuid.UUID(created["id"]).bytes, 0

    def of(self, created):
        """The last number of the record, before the version's MAC and the record's own."""
        return int.from_bytes(self.rows[self.place(created)][-104:-96], "big")

    def element(self, place, blob):
        text = bytes([1, place[0]]) + place[1] + place[2].to_bytes(8, "big") + blob[-48:]
        return int.from_bytes(hmac.digest(self.keys["set-hash"], text, "sha256"), "big")

    def sealed(self, body, purpose):
        return body + hmac.digest(self.keys[purpose], body, "sha384")

    def set(self, created, lease):
        place, at = self.place(created), (rows.MANIFEST, rows.NO_ID, 0)
        old, manifest = self.rows[place], self.rows[at]
        new = self.sealed(old[:-104] + lease.to_bytes(8, "big") + old[-96:-48], "record-mac")
        total = int.from_bytes(manifest[70:102], "big") ^ self.element(place, old) ^ self.element(place, new)
        self.rows.update({place: new, at: self.sealed(manifest[:70] + total.to_bytes(32, "big") + manifest[102:-48], "manifest-mac")})
        rows.save(self.file, self.rows)


def test_encryptions_are_counted_over_restarts(fresh):
    """A restart may count too many, by what is left of a lease, and never too few."""
    fresh.start()
    created = fresh.create("counted", "aes-256-gcm")
    for starts in range(1, 4):
        encrypt(fresh, "counted", b"text")
        encrypt(fresh, "counted", b"text")
        assert fresh.stop() == 0
        assert Leases(fresh).of(created) == starts * LEASE
        fresh.start()


def test_no_version_encrypts_more_than_random_nonces_allow(fresh):
    fresh.start()
    created = fresh.create("spent", "aes-256-gcm")
    nonce, sealed = encrypt(fresh, "spent", b"text")
    assert fresh.stop() == 0
    Leases(fresh).set(created, MOST - LEASE)
    fresh.start()
    encrypt(fresh, "spent", b"of the last lease")
    assert fresh.stop() == 0
    assert Leases(fresh).of(created) == MOST
    fresh.start()
    refused = fresh.post("/api/v1/keys/spent/encrypt", {"plaintext_b64": b64(b"one too many")})
    assert refused.status == 409 and refused.json["code"] == "wrong_state" and "rotate" in refused.json["detail"], refused
    assert fresh.post("/api/v1/keys/spent/rotate").status == 200
    assert encrypt(fresh, "spent", b"text")[1][4:8] == b"\0\0\0\2"
    old = fresh.post("/api/v1/keys/spent/decrypt", {"ciphertext_b64": b64(sealed), "nonce_b64": b64(nonce)})
    assert unb64(old.json["plaintext_b64"]) == b"text"
