"""src/crypto against implementations that we did not write: Python's cryptography and the openssl command.

The program that runs one operation of ours is named by HF_CRYPTO_TOOL.
"""
import hashlib
import hmac
import os
import shutil
import stat
import subprocess

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TOOL = os.environ.get("HF_CRYPTO_TOOL", "")
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
TEXT = b"text that both sides see"

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command on this machine")


@pytest.fixture(scope="module", autouse=True)
def tool_is_there():
    assert os.access(TOOL, os.X_OK), "set HF_CRYPTO_TOOL to the built crypto-tool"


def call(*args, ok=True, tool=None):
    words = [a.hex() or "-" if isinstance(a, bytes) else str(a) for a in args]
    done = subprocess.run([tool or TOOL, *words], capture_output=True, text=True, timeout=60, check=False)
    if not ok:
        assert done.returncode == 1, done
        return done.stderr.strip()
    assert done.returncode == 0, done.stderr
    lines = [bytes.fromhex(line) for line in done.stdout.splitlines()]
    return lines[0] if len(lines) == 1 else lines


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, timeout=60, check=True).stdout


def loads(spki):
    return serialization.load_der_public_key(spki)


# ---- the same bytes ----


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000, 50000])
def test_digest_and_hmac(name, size):
    data = os.urandom(size)
    assert call("digest", name, data) == hashlib.new(name, data).digest()
    key = os.urandom(size % 200)
    assert call("hmac", name, key, data) == hmac.new(key, data, name).digest()


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("size", [1, 32, 42, 64, 500])
def test_hkdf(name, size):
    key, salt, info = os.urandom(32), os.urandom(size % 40), os.urandom(size % 33)
    assert call("hkdf", name, key, salt, info, size) == HKDF(HASHES[name], size, salt, info).derive(key)


@pytest.mark.parametrize("size", [0, 1, 16, 1000, 60000])
def test_gcm_both_ways(size):
    key, nonce, aad, text = os.urandom(32), os.urandom(12), os.urandom(size % 50), os.urandom(size)
    sealed = AESGCM(key).encrypt(nonce, text, aad)
    assert call("seal", key, nonce, aad, text) == sealed
    assert call("open", key, nonce, aad, sealed) == text
    broken = bytes([sealed[0] ^ 1]) + sealed[1:]
    assert call("open", key, nonce, aad, broken, ok=False) == "bad_ciphertext"


# ---- signatures ----


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("prehashed", [0, 1])
def test_ecdsa_ours_is_verified(name, prehashed):
    material = call("generate", "ec-p256")
    public = loads(call("public", "ec-p256", material))
    data = hashlib.new(name, TEXT).digest() if prehashed else TEXT
    der = call("sign", "ec-p256", "ecdsa-der", name, prehashed, material, data)
    public.verify(der, TEXT, ec.ECDSA(HASHES[name]))
    raw = call("sign", "ec-p256", "ecdsa-raw", name, prehashed, material, data)
    assert len(raw) == 64
    pair = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.verify(pair, TEXT, ec.ECDSA(HASHES[name]))
    with pytest.raises(InvalidSignature):
        public.verify(pair, TEXT + b"!", ec.ECDSA(HASHES[name]))


@pytest.mark.parametrize("name", HASHES)
def test_ecdsa_theirs_is_verified(name):
    private = ec.generate_private_key(ec.SECP256R1())
    spki = private.public_key().public_bytes(DER, SPKI)
    der = private.sign(TEXT, ec.ECDSA(HASHES[name]))
    r, s = utils.decode_dss_signature(der)
    raw = r.to_bytes(32) + s.to_bytes(32)
    call("verify", spki, "ecdsa-der", name, 0, TEXT, der)
    call("verify", spki, "ecdsa-raw", name, 0, TEXT, raw)
    assert call("verify", spki, "ecdsa-raw", name, 0, TEXT + b"!", raw, ok=False) == "bad_signature"


def test_ec_public_key_of_many_scalars():
    for _ in range(10):
        private = ec.generate_private_key(ec.SECP256R1())
        scalar = private.private_numbers().private_value.to_bytes(32)
        assert call("public", "ec-p256", scalar) == private.public_key().public_bytes(DER, SPKI)


def test_ed25519_both_ways():
    material = call("generate", "ed25519")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(material)
    spki = private.public_key().public_bytes(DER, SPKI)
    assert call("public", "ed25519", material) == spki
    for text in (b"", TEXT, os.urandom(5000)):
        ours = call("sign", "ed25519", "ed25519", "-", 0, material, text)
        assert ours == private.sign(text)
        call("verify", spki, "ed25519", "-", 0, text, ours)
    assert call("verify", spki, "ed25519", "-", 0, TEXT + b"!", ours, ok=False) == "bad_signature"


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_other_curves_are_refused(curve):
    spki = ec.generate_private_key(curve).public_key().public_bytes(DER, SPKI)
    assert call("verify", spki, "-", "-", 0, TEXT, b"\x30", ok=False) == "bad_key"


# ---- the openssl command ----


@needs_openssl
def test_openssl_command_verifies_ours(tmp_path):
    material = call("generate", "ec-p256")
    key, sig, text = tmp_path / "key.der", tmp_path / "sig", tmp_path / "text"
    key.write_bytes(call("public", "ec-p256", material))
    text.write_bytes(TEXT)
    sig.write_bytes(call("sign", "ec-p256", "ecdsa-der", "sha256", 0, material, TEXT))
    out = openssl("dgst", "-sha256", "-verify", str(key), "-keyform", "DER", "-signature", str(sig), str(text))
    assert b"Verified OK" in out


@needs_openssl
def test_ml_kem_with_the_openssl_command(tmp_path):
    material = call("generate", "ml-kem-768")
    pem = openssl("genpkey", "-algorithm", "ML-KEM-768", "-pkeyopt", "hexseed:" + material.hex())
    spki = openssl("pkey", "-pubout", "-outform", "DER", data=pem)
    assert call("public", "ml-kem-768", material) == spki
    private, public = tmp_path / "key.pem", tmp_path / "public.der"
    ct, shared = tmp_path / "ct", tmp_path / "shared"
    private.write_bytes(pem)
    public.write_bytes(spki)
    openssl("pkeyutl", "-encap", "-pubin", "-keyform", "DER", "-inkey", str(public), "-out", str(ct), "-secret", str(shared))
    assert call("decapsulate", material, ct.read_bytes()) == shared.read_bytes()
    ours, our_ct = call("encapsulate", spki)
    ct.write_bytes(our_ct)
    openssl("pkeyutl", "-decap", "-inkey", str(private), "-in", str(ct), "-secret", str(shared))
    assert shared.read_bytes() == ours


@needs_openssl
def test_explicit_curve_parameters_are_refused():
    pem = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit")
    spki = openssl("pkey", "-pubout", "-outform", "DER", data=pem)
    openssl("pkey", "-pubin", "-inform", "DER", "-noout", data=spki)
    assert call("verify", spki, "-", "-", 0, TEXT, b"\x30", ok=False) == "bad_key"


# ---- every power-up answer, changed in the program's file ----


def labels(image):
    found, at = [], image.find(b"KAT:")
    while at >= 0:
        name = image[at + 4 : at + 16].split(b"\0")[0].decode("ascii", "replace")
        if name:
            found.append((at, name))
        at = image.find(b"KAT:", at + 1)
    return found


def test_every_known_answer_is_checked(tmp_path):
    with open(TOOL, "rb") as f:
        image = f.read()
    rows = labels(image)
    assert len(rows) == 18 and len({name for _, name in rows}) == 18, rows
    call("selftest")
    for at, name in rows:
        changed = bytearray(image)
        changed[at + 16] ^= 1
        copy = tmp_path / name
        copy.write_bytes(changed)
        copy.chmod(stat.S_IRWXU)
        assert call("selftest", ok=False, tool=str(copy)).splitlines() == ["self-test " + name, "selftest"]
        copy.unlink()
