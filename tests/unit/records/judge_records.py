"""An independent judge: Python's `cryptography` and hashlib read what records and audit write, from the documentation alone."""
import hashlib
import hmac
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
import records # noqa: E402
from records import authentic # noqa: E402

ROOT = bytes(range(64))


def purpose(name):
    return records.purpose(ROOT, name)


@pytest.fixture(scope="module")
def out():
    text = subprocess.run([os.environ["HF_RECORDS_TOOL"]], check=True, capture_output=True, text=True).stdout
    return {name: bytes.fromhex(value) for name, value in (line.split() for line in text.splitlines())}


def counting(first, size=32):
    return bytes(range(first, first + size))


def test_ciphertext_opens_with_the_documented_recipe(out):
    blob, nonce = out["ciphertext"], out["ciphertext_nonce"]
    assert blob[:8] == b"HF1\x01\x00\x00\x00\x03"
    assert AESGCM(counting(0)).decrypt(nonce, blob[8:], blob[:8] + b"invoice 7") == b"attack at dawn"
    with pytest.raises(InvalidTag):
        AESGCM(counting(0)).decrypt(nonce, blob[8:], b"HF1\x01\x00\x00\x00\x04" + b"invoice 7")


def test_version_row(out):
    blob = out["version"]
    assert authentic(blob, purpose("record-mac"))
    assert blob[:2] == b"\x01\x02" and blob[2:18] == b"0123456789abcde\0"
    assert records.open_version(blob, counting(0x80)) == counting(0x10)


def test_wrap_row(out):
    blob = out["wrap"]
    assert authentic(blob, purpose("record-mac"))
    assert blob[18:26] == b"\0\0\0\x02\0\0\0\x05"
    assert records.open_wrap(blob, counting(0x40)) == counting(0x80)


def test_epoch_file(out):
    blob = out["epoch_file"]
    assert authentic(blob, purpose("epoch-mac"))
    assert records.open_epochs(blob, purpose("epoch-wrap")) == {5: counting(0x40)}
    assert blob[67:132] == bytes(65)


def test_keyset_mac(out):
    message = b"holdfast keyset v1\0" + (5).to_bytes(8, "big") + b"rows"
    assert out["keyset_mac"] == hmac.new(purpose("keyset-mac"), message, "sha256").digest()


def test_set_hash(out):
    key = purpose("set-hash")
    want = int.from_bytes(hmac.new(key, b"\0" + out["set_r"], "sha256").digest(), "big")
    for i in (1, 2):
        element = b"\x01\x01" + bytes([i]) * 16 + i.to_bytes(8, "big") + bytes([0x20 + i]) * 48
        want ^= int.from_bytes(hmac.new(key, element, "sha256").digest(), "big")
    assert out["set_hash"] == want.to_bytes(32, "big")


def test_segment(out):
    blob = out["segment"]
    head, mac, signature, entries = blob[:138], blob[138:186], blob[186:250], blob[250:]
    Ed25519PrivateKey.from_private_bytes(purpose("audit-sign")).public_key().verify(
        signature, b"holdfast audit segment v1\0" + head
    )
    mac_key = purpose("audit-mac")
    assert hmac.new(mac_key, b"holdfast audit segment mac v1\0" + head, "sha384").digest() == mac
    assert head[106:138] == hashlib.sha256(entries).digest()
    chain, count = bytes(32), 0
    assert head[30:62] == chain
    while entries:
        size = int.from_bytes(entries[:2], "big")
        record, stored, tag = entries[2 : 2 + size], entries[2 + size : 34 + size], entries[34 + size : 50 + size]
        entries = entries[50 + size :]
        chain = hashlib.sha256(chain + record).digest()
        count += 1
        assert stored == chain and hmac.new(mac_key, chain, "sha256").digest()[:16] == tag
        assert record[:9] == b"\x01" + count.to_bytes(8, "big") and b"\x05alice\x00\x04made" in record
    assert count == 3 and head[62:94] == chain
    assert head[26:30] == (3).to_bytes(4, "big")
