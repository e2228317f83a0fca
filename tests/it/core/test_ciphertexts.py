"""What an encryption gives, judged by Python's cryptography with the key taken from the data folder."""
import os
import uuid

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

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
