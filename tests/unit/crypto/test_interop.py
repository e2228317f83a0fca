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
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding, aes_key_wrap_with_padding

TOOL = os.environ.get("HF_CRYPTO_TOOL", "")
HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
TEXT = b"text that both sides see"
PKCS8 = serialization.PrivateFormat.PKCS8
NO_PASSWORD = serialization.NoEncryption()
CURVES = {"ec-p256": (ec.SECP256R1(), 32), "ec-p384": (ec.SECP384R1(), 48)}

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


@pytest.mark.parametrize("alg", CURVES)
@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("prehashed", [0, 1])
def test_ecdsa_ours_is_verified(alg, name, prehashed):
    size = CURVES[alg][1]
    material = call("generate", alg)
    public = loads(call("public", alg, material))
    data = hashlib.new(name, TEXT).digest() if prehashed else TEXT
    der = call("sign", alg, "ecdsa-der", name, prehashed, material, data)
    public.verify(der, TEXT, ec.ECDSA(HASHES[name]))
    raw = call("sign", alg, "ecdsa-raw", name, prehashed, material, data)
    assert len(raw) == 2 * size
    pair = utils.encode_dss_signature(int.from_bytes(raw[:size]), int.from_bytes(raw[size:]))
    public.verify(pair, TEXT, ec.ECDSA(HASHES[name]))
    with pytest.raises(InvalidSignature):
        public.verify(pair, TEXT + b"!", ec.ECDSA(HASHES[name]))


@pytest.mark.parametrize("alg, name", [("ec-p256", "sha256"), ("ec-p384", "sha384")])
def test_ecdsa_default_hash(alg, name):
    material = call("generate", alg)
    loads(call("public", alg, material)).verify(call("sign", alg, "-", "-", 0, material, TEXT), TEXT, ec.ECDSA(HASHES[name]))


@pytest.mark.parametrize("alg", CURVES)
@pytest.mark.parametrize("name", HASHES)
def test_ecdsa_theirs_is_verified(alg, name):
    curve, size = CURVES[alg]
    private = ec.generate_private_key(curve)
    spki = private.public_key().public_bytes(DER, SPKI)
    der = private.sign(TEXT, ec.ECDSA(HASHES[name]))
    r, s = utils.decode_dss_signature(der)
    raw = r.to_bytes(size) + s.to_bytes(size)
    call("verify", spki, "ecdsa-der", name, 0, TEXT, der)
    call("verify", spki, "ecdsa-raw", name, 0, TEXT, raw)
    assert call("verify", spki, "ecdsa-raw", name, 0, TEXT + b"!", raw, ok=False) == "bad_signature"


@pytest.mark.parametrize("alg", CURVES)
def test_ec_public_key_of_many_scalars(alg):
    curve, size = CURVES[alg]
    for _ in range(10):
        private = ec.generate_private_key(curve)
        scalar = private.private_numbers().private_value.to_bytes(size)
        assert call("public", alg, scalar) == private.public_key().public_bytes(DER, SPKI)


# ---- RSA ----


def rsa_padding(scheme, name):
    h = HASHES[name]
    return padding.PSS(padding.MGF1(h), h.digest_size) if scheme == "rsa-pss" else padding.PKCS1v15()


@pytest.fixture(scope="module", params=[2048, 3072])
def their_rsa(request):
    return f"rsa-{request.param}", rsa.generate_private_key(65537, request.param)


def rsa_material(private):
    return private.private_bytes(DER, serialization.PrivateFormat.TraditionalOpenSSL, NO_PASSWORD)


@pytest.mark.parametrize("scheme", ["rsa-pss", "rsa-pkcs1"])
@pytest.mark.parametrize("name", HASHES)
def test_rsa_both_ways(their_rsa, scheme, name):
    alg, private = their_rsa
    spki = private.public_key().public_bytes(DER, SPKI)
    assert call("public", alg, rsa_material(private)) == spki
    theirs = private.sign(TEXT, rsa_padding(scheme, name), HASHES[name])
    call("verify", spki, scheme, name, 0, TEXT, theirs)
    assert call("verify", spki, scheme, name, 0, TEXT + b"!", theirs, ok=False) == "bad_signature"
    for prehashed in (0, 1):
        data = hashlib.new(name, TEXT).digest() if prehashed else TEXT
        ours = call("sign", alg, scheme, name, prehashed, rsa_material(private), data)
        private.public_key().verify(ours, TEXT, rsa_padding(scheme, name), HASHES[name])


def test_rsa_defaults_and_generation():
    material = call("generate", "rsa-2048")
    private = serialization.load_der_private_key(material, None)
    numbers = private.private_numbers()
    assert (private.key_size, numbers.public_numbers.e) == (2048, 65537) and numbers.p * numbers.q == numbers.public_numbers.n
    ours = call("sign", "rsa-2048", "-", "-", 0, material, TEXT)
    private.public_key().verify(ours, TEXT, rsa_padding("rsa-pss", "sha256"), HASHES["sha256"])


@pytest.mark.parametrize("size", [1, 32, 190])
def test_oaep_both_ways(their_rsa, size):
    alg, private = their_rsa
    spki, plain = private.public_key().public_bytes(DER, SPKI), os.urandom(size)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    assert private.decrypt(call("oaep-seal", spki, plain), oaep) == plain
    assert call("oaep-open", alg, rsa_material(private), private.public_key().encrypt(plain, oaep)) == plain
    sha1 = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    labelled = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), b"label")
    for other in (sha1, labelled):
        sealed = private.public_key().encrypt(plain, other)
        assert call("oaep-open", alg, rsa_material(private), sealed, ok=False) == "bad_ciphertext"


@pytest.mark.parametrize("size", [1, 7, 8, 9, 20, 32, 1193])
def test_kwp_both_ways(size):
    kek, plain = os.urandom(32), os.urandom(size)
    wrapped = call("kwp-wrap", kek, plain)
    assert wrapped == aes_key_wrap_with_padding(kek, plain)
    assert aes_key_unwrap_with_padding(kek, wrapped) == plain and call("kwp-unwrap", kek, wrapped) == plain


# ---- PKCS #8 that others write ----


def theirs_in_pkcs8():
    yield "ec-p256", ec.generate_private_key(ec.SECP256R1())
    yield "ec-p384", ec.generate_private_key(ec.SECP384R1())
    yield "ed25519", ed25519.Ed25519PrivateKey.generate()
    yield "rsa-2048", rsa.generate_private_key(65537, 2048)
    yield "rsa-3072", rsa.generate_private_key(65537, 3072)


def test_pkcs8_of_others():
    for alg, private in theirs_in_pkcs8():
        name, material = call("pkcs8", private.private_bytes(DER, PKCS8, NO_PASSWORD))
        assert name.decode() == alg
        assert call("public", alg, material) == private.public_key().public_bytes(DER, SPKI)
    for other in (ec.generate_private_key(ec.SECP521R1()), ec.generate_private_key(ec.SECP256K1())):
        assert call("pkcs8", other.private_bytes(DER, PKCS8, NO_PASSWORD), ok=False) == "unsupported"
    weak = rsa.generate_private_key(65537, 1024)
    assert call("pkcs8", weak.private_bytes(DER, PKCS8, NO_PASSWORD), ok=False) == "bad_key"


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


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1()])
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
@pytest.mark.parametrize("context", [b"", b"a context"])
def test_ml_dsa_with_the_openssl_command(tmp_path, context):
    material = call("generate", "ml-dsa-65")
    pem = openssl("genpkey", "-algorithm", "ML-DSA-65", "-pkeyopt", "hexseed:" + material.hex())
    spki = openssl("pkey", "-pubout", "-outform", "DER", data=pem)
    assert call("public", "ml-dsa-65", material) == spki
    private, public, sig, text = tmp_path / "key.pem", tmp_path / "public.der", tmp_path / "sig", tmp_path / "text"
    private.write_bytes(pem)
    public.write_bytes(spki)
    text.write_bytes(TEXT)
    option = ["-pkeyopt", "hexcontext-string:" + context.hex()] if context else []
    sig.write_bytes(call("sign-context", context, material, TEXT))
    openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", str(public), "-in", str(text), "-sigfile",
            str(sig), *option)
    openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(private), "-in", str(text), "-out", str(sig), *option)
    call("verify-context", spki, context, TEXT, sig.read_bytes())
    assert call("verify-context", spki, context + b"x", TEXT, sig.read_bytes(), ok=False) == "bad_signature"


@needs_openssl
@pytest.mark.parametrize("alg", ["ML-DSA-65", "ML-KEM-768"])
@pytest.mark.parametrize("form, taken", [("seed-only", True), ("seed-priv", True), ("priv-only", False)])
def test_pkcs8_forms_of_the_openssl_command(alg, form, taken):
    provider = f"provparam:{alg.split('-')[0].lower()}-{alg.split('-')[1].lower()}.output_formats={form}"
    pem = openssl("genpkey", "-algorithm", alg, "-outform", "PEM")
    der = openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-provparam", provider.split(":")[1], data=pem)
    if taken:
        name, material = call("pkcs8", der)
        assert name.decode() == alg.lower() and call("public", alg.lower(), material) == openssl("pkey", "-pubout", "-outform", "DER", data=pem)
    else:
        assert call("pkcs8", der, ok=False) == "bad_key"


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
    assert len(rows) == 32 and len({name for _, name in rows}) == 32, rows
    call("selftest")
    for at, name in rows:
        changed = bytearray(image)
        changed[at + 16] ^= 1
        copy = tmp_path / name
        copy.write_bytes(changed)
        copy.chmod(stat.S_IRWXU)
        assert call("selftest", ok=False, tool=str(copy)).splitlines() == ["self-test " + name, "selftest"]
        copy.unlink()
