"""Keys that come from outside: made and wrapped by Python's `cryptography` and the openssl command, opened by core."""
import os
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core_keys import ALG, ENCAPSULATE, IMPORT, ORIGIN, SIGN, VERIFY, Failed, Keys, texts, wrap

PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


@pytest.fixture(scope="module")
def keys(rig):
    k = Keys(rig)
    for algorithm in ("RSA_2048", "RSA_3072", "ML_KEM_768"):
        k.create(f"door-{algorithm}", algorithm, usage=IMPORT)
    k.spki = k.public("door-RSA_2048")
    return k


def pkcs8(private):
    return private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def spki(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def openssl_key(folder, algorithm):
    """PKCS #8 and SubjectPublicKeyInfo of a key that the openssl command made."""
    subprocess.run(["openssl", "genpkey", "-algorithm", algorithm, "-outform", "DER", "-out", folder / "k"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", folder / "k", "-pubout", "-outform", "DER", "-out", folder / "p"], check=True)
    return (folder / "k").read_bytes(), (folder / "p").read_bytes()


def kem_wrap(folder, public, plain):
    """An envelope to an ML-KEM key: encapsulated by the openssl command."""
    (folder / "kem.der").write_bytes(public)
    subprocess.run(["openssl", "pkeyutl", "-encap", "-pubin", "-keyform", "DER", "-inkey", "kem.der", "-out", "ct", "-secret", "ss"], cwd=folder, check=True)
    return (folder / "ct").read_bytes() + keywrap.aes_key_wrap_with_padding((folder / "ss").read_bytes(), plain)


@pytest.mark.parametrize("door", ["RSA_2048", "RSA_3072", "ML_KEM_768"])
def test_an_ec_key_comes_in_by_every_door(keys, door, tmp_path):
    private = ec.generate_private_key(ec.SECP256R1())
    public = keys.public(f"door-{door}")
    envelope = kem_wrap(tmp_path, public, pkcs8(private)) if door == "ML_KEM_768" else wrap(public, pkcs8(private))
    made = keys.import_wrapped(f"ec-by-{door}", envelope, f"door-{door}", description="d", tags=texts("t"))
    assert (made["origin"], made["algorithm"], made["usage"], made["version"]) == (ORIGIN["IMPORTED"], ALG["EC_P256"], SIGN | VERIFY, 1)
    private.public_key().verify(keys.sign(f"ec-by-{door}", b"m"), b"m", ec.ECDSA(hashes.SHA256()))
    assert keys.rotate(f"ec-by-{door}")["version"] == 2  # made here; the origin stays: the first version is known elsewhere
    assert keys.show(f"ec-by-{door}")["origin"] == ORIGIN["IMPORTED"]


@pytest.mark.parametrize("size", [2048, 3072])
def test_rsa(keys, size):
    private = rsa.generate_private_key(65537, size)
    keys.import_wrapped(f"rsa-{size}", wrap(keys.spki, pkcs8(private)), "door-RSA_2048", algorithm=ALG[f"RSA_{size}"])
    private.public_key().verify(keys.sign(f"rsa-{size}", b"m"), b"m", PSS, hashes.SHA256())


def test_p384_and_ed25519(keys):
    private = ec.generate_private_key(ec.SECP384R1())
    keys.import_wrapped("p384-in", wrap(keys.spki, pkcs8(private)), "door-RSA_2048")
    private.public_key().verify(keys.sign("p384-in", b"m"), b"m", ec.ECDSA(hashes.SHA384()))
    private = ed25519.Ed25519PrivateKey.generate()
    keys.import_wrapped("ed-in", wrap(keys.spki, pkcs8(private)), "door-RSA_2048")
    private.public_key().verify(keys.sign("ed-in", b"m"), b"m")


@pytest.mark.parametrize("algorithm", ["ML-DSA-65", "ML-KEM-768"])
def test_lattice_keys_of_openssl(keys, algorithm, tmp_path):
    private, public = openssl_key(tmp_path, algorithm)
    keys.import_wrapped(f"{algorithm}-in", wrap(keys.spki, private), "door-RSA_2048")
    assert keys.public(f"{algorithm}-in") == public


def test_symmetric_keys(keys):
    secret = os.urandom(32)
    keys.import_wrapped("aes-in", wrap(keys.spki, secret), "door-RSA_2048", algorithm=ALG["AES_256_GCM"])
    sealed = keys.encrypt("aes-in", b"plain", b"aad")
    prefix = sealed["ciphertext"][:8]
    assert AESGCM(secret).decrypt(sealed["nonce"], sealed["ciphertext"][8:], prefix + b"aad") == b"plain"
    for algorithm, n in (("AES_256_GCM", 16), ("AES_256_GCM", 33), ("HMAC_SHA256", 31), ("HMAC_SHA384", 32), ("HMAC_SHA512", 65)):
        with pytest.raises(Failed, match="BAD_KEY"):
            keys.import_wrapped("aes-bad", wrap(keys.spki, bytes(n)), "door-RSA_2048", algorithm=ALG[algorithm])
    with pytest.raises(Failed, match="BAD_KEY|UNSUPPORTED"):  # which algorithm would it be?
        keys.import_wrapped("aes-bad", wrap(keys.spki, secret), "door-RSA_2048")


def test_what_cannot_be_opened_is_refused_alike(keys, tmp_path):
    """Whatever is wrong with the envelope: one answer."""
    good = wrap(keys.spki, pkcs8(ed25519.Ed25519PrivateKey.generate()))
    kem = kem_wrap(tmp_path, keys.public("door-ML_KEM_768"), bytes(32))
    refusals = set()

    def refused(envelope, door="door-RSA_2048", **more):
        with pytest.raises(Failed) as why:
            keys.import_wrapped("never", envelope, door, **more)
        refusals.add(str(why.value))

    for at in (0, 100, 255, 256, 263, 264, len(good) - 1):
        refused(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
    for cut in (0, 1, 255, 256, 264, 271, len(good) - 8, len(good) - 1):
        refused(good[:cut])
    refused(good + bytes(8))
    refused(good[:256] + wrap(keys.spki, bytes(64))[256:])  # a key encryption key that opens, of another envelope
    refused(wrap(keys.spki, bytes(32), kek=bytes(16)))  # of a wrong length
    refused(wrap(keys.spki, bytes(32), kek=bytes(48)[:24]))
    refused(good, "door-RSA_3072")
    refused(kem[:500] + bytes([kem[500] ^ 1]) + kem[501:], "door-ML_KEM_768", algorithm=ALG["AES_256_GCM"])
    refused(kem[:-8], "door-ML_KEM_768", algorithm=ALG["AES_256_GCM"])
    assert len(refusals) == 1 and refusals.pop().startswith("BAD_CIPHERTEXT: the wrapped key cannot be opened")
    with pytest.raises(Failed, match="NOT_FOUND"):
        keys.show("never")


def test_keys_that_are_not_acceptable(keys):
    def refused(plain, **more):
        with pytest.raises(Failed, match="BAD_KEY|UNSUPPORTED.*not an acceptable key"):
            keys.import_wrapped("never", wrap(keys.spki, plain), "door-RSA_2048", **more)

    good = pkcs8(ec.generate_private_key(ec.SECP256R1()))
    refused(good + b"\0")
    refused(good[:-1])
    refused(good, algorithm=ALG["EC_P384"])
    refused(good, algorithm=ALG["ED25519"])
    refused(pkcs8(ec.generate_private_key(ec.SECP521R1())))
    refused(pkcs8(x25519.X25519PrivateKey.generate()))
    refused(pkcs8(rsa.generate_private_key(65537, 1024)))
    refused(pkcs8(rsa.generate_private_key(3, 2048)))
    at = good.rindex(ec_point(good))
    other = ec_point(pkcs8(ec.generate_private_key(ec.SECP256R1())))
    refused(good[:at] + other + good[at + len(other):])  # the public half of another key
    text = b"-----BEGIN PRIVATE KEY-----\n"
    refused(text + bytes(100))


def ec_point(der):
    key = serialization.load_der_private_key(der, None)
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def test_an_rsa_key_that_is_not_one(keys):
    """p is not prime, d belongs to another e, a CRT part is off: each is found."""
    private = rsa.generate_private_key(65537, 2048)
    der, n = pkcs8(private), private.private_numbers()
    for value in (n.p, n.d, n.dmp1, n.dmq1, n.iqmp):
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        at = der.index(raw)
        broken = der[:at + len(raw) - 1] + bytes([raw[-1] ^ 2]) + der[at + len(raw):]
        with pytest.raises(Failed, match="BAD_KEY"):
            keys.import_wrapped("never", wrap(keys.spki, broken), "door-RSA_2048")


def test_only_import_keys_open_anything(keys):
    keys.create("sign-rsa", "RSA_2048")
    envelope = wrap(keys.public("sign-rsa"), pkcs8(ed25519.Ed25519PrivateKey.generate()))
    with pytest.raises(Failed, match="WRONG_USAGE.*import"):
        keys.import_wrapped("never", envelope, "sign-rsa")
    with pytest.raises(Failed, match="NOT_FOUND.*import key"):
        keys.import_wrapped("never", envelope, "nothing")
    with pytest.raises(Failed, match="WRONG_USAGE"):
        keys.ask("DECAPSULATE", key="door-ML_KEM_768", ciphertext=bytes(1088))


def test_the_version_that_was_wrapped_to(keys):
    keys.create("door-rotates", "RSA_2048", usage=IMPORT)
    old = keys.public("door-rotates")
    keys.rotate("door-rotates")
    plain = pkcs8(ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(Failed, match="BAD_CIPHERTEXT"):
        keys.import_wrapped("by-version", wrap(old, plain), "door-rotates")
    keys.import_wrapped("by-version", wrap(old, plain), "door-rotates", wrapping_version=1)
    with pytest.raises(Failed, match="NOT_FOUND.*version 7"):
        keys.import_wrapped("by-version-7", wrap(old, plain), "door-rotates", wrapping_version=7)
    keys.detail("KEY_REVOKE", key="door-rotates")
    with pytest.raises(Failed, match="WRONG_STATE"):
        keys.import_wrapped("by-version-2", wrap(old, plain), "door-rotates", wrapping_version=1)


def test_names_are_taken_once(keys):
    envelope = wrap(keys.spki, pkcs8(ed25519.Ed25519PrivateKey.generate()))
    keys.import_wrapped("once", envelope, "door-RSA_2048")
    for again in (lambda: keys.import_wrapped("once", envelope, "door-RSA_2048"), lambda: keys.create("once", "ED25519"),
                  lambda: keys.import_public("once", keys.public("once"))):
        with pytest.raises(Failed, match="EXISTS"):
            again()


def test_imported_usages_are_checked(keys):
    envelope = wrap(keys.spki, pkcs8(ed25519.Ed25519PrivateKey.generate()))
    for usage in (1 << 2, 1 << 31, IMPORT):
        with pytest.raises(Failed, match="UNSUPPORTED"):
            keys.import_wrapped("never", envelope, "door-RSA_2048", usage=usage)
    assert keys.import_wrapped("sign-only", envelope, "door-RSA_2048", usage=SIGN)["usage"] == SIGN
    with pytest.raises(Failed, match="INVALID.*form"):
        keys.ask("KEY_IMPORT", name="never", form=3)


# ---- a public key alone ----

def test_a_public_key_verifies_and_nothing_else(keys, rig):
    private = ec.generate_private_key(ec.SECP256R1())
    made = keys.import_public("pub-ec", spki(private.public_key()))
    assert (made["origin"], made["usage"], made["algorithm"]) == (ORIGIN["PUBLIC"], VERIFY, ALG["EC_P256"])
    signature = private.sign(b"m", ec.ECDSA(hashes.SHA256()))
    assert keys.verify("pub-ec", b"m", signature) and not keys.verify("pub-ec", b"n", signature)
    assert keys.public("pub-ec") == spki(private.public_key())
    with pytest.raises(Failed, match="WRONG_USAGE.*public key alone"):
        keys.sign("pub-ec", b"m")
    with pytest.raises(Failed, match="WRONG_USAGE.*public key alone"):
        keys.rotate("pub-ec")
    for usage in (SIGN, SIGN | VERIFY, ENCAPSULATE):
        with pytest.raises(Failed, match="UNSUPPORTED.*public key alone"):
            keys.import_public("never", spki(private.public_key()), usage=usage)
    keys.detail("KEY_REVOKE", key="pub-ec")
    assert keys.detail("KEY_DESTROY", key="pub-ec")["destruction"] == 1


def test_public_keys_of_every_algorithm(keys, tmp_path):
    rsa_key, ed = rsa.generate_private_key(65537, 3072), ed25519.Ed25519PrivateKey.generate()
    keys.import_public("pub-rsa", spki(rsa_key.public_key()), algorithm=ALG["RSA_3072"])
    assert keys.verify("pub-rsa", b"m", rsa_key.sign(b"m", PSS, hashes.SHA256()))
    keys.import_public("pub-ed", spki(ed.public_key()))
    assert keys.verify("pub-ed", b"m", ed.sign(b"m"))
    _, dsa = openssl_key(tmp_path, "ML-DSA-65")
    keys.import_public("pub-dsa", dsa)
    (tmp_path / "m").write_bytes(b"m")
    subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "k", "-keyform", "DER", "-in", "m", "-out", "s"], cwd=tmp_path, check=True)
    assert keys.verify("pub-dsa", b"m", (tmp_path / "s").read_bytes())
    _, kem = openssl_key(tmp_path, "ML-KEM-768")
    assert keys.import_public("pub-kem", kem)["usage"] == ENCAPSULATE
    got = keys.ask("ENCAPSULATE", key="pub-kem")
    (tmp_path / "ct").write_bytes(got["ciphertext"])
    subprocess.run(["openssl", "pkeyutl", "-decap", "-inkey", "k", "-keyform", "DER", "-in", "ct", "-secret", "ss"], cwd=tmp_path, check=True)
    assert (tmp_path / "ss").read_bytes() == got["shared_secret"]
    with pytest.raises(Failed, match="WRONG_USAGE.*public key alone"):
        keys.ask("DECAPSULATE", key="pub-kem", ciphertext=got["ciphertext"])


def test_public_keys_that_are_not_acceptable(keys):
    good = spki(ec.generate_private_key(ec.SECP256R1()).public_key())
    for bad in (b"", good[:-1], good + b"\0", good[:-1] + bytes([good[-1] ^ 1]), spki(x25519.X25519PrivateKey.generate().public_key()),
                spki(ec.generate_private_key(ec.SECP521R1()).public_key()), spki(rsa.generate_private_key(65537, 1024).public_key())):
        with pytest.raises(Failed, match="BAD_KEY"):
            keys.import_public("never", bad)
    with pytest.raises(Failed, match="BAD_KEY"):
        keys.import_public("never", good, algorithm=ALG["ED25519"])


def test_imported_keys_survive_core_and_a_new_epoch(tmp_path):
    """From another core process, out of the store: private, symmetric and public ones, and after a rotation of the epoch."""
    import rows
    from rig import Rig
    rig = Rig(tmp_path / "hsm").start()
    keys = Keys(rig)
    keys.create("door", "RSA_2048", usage=IMPORT)
    private, secret, public = ec.generate_private_key(ec.SECP384R1()), os.urandom(64), ed25519.Ed25519PrivateKey.generate()
    keys.import_wrapped("private", wrap(keys.public("door"), pkcs8(private)), "door")
    keys.import_wrapped("mac", wrap(keys.public("door"), secret), "door", algorithm=ALG["HMAC_SHA512"])
    keys.import_public("public", spki(public.public_key()))
    before = [keys.show(k) for k in ("private", "mac", "public")]
    assert keys.ask_served("EPOCH_ROTATE")["value"] == 2
    root, keyset = rows.root_key(rig.data), rig.keyset()
    rig.core_process.kill()
    rig.core_process.wait()
    rig.restart_core(root, keyset)
    keys.gateway = rig.gateway
    assert [keys.show(k) for k in ("private", "mac", "public")] == before
    private.public_key().verify(keys.sign("private", b"m"), b"m", ec.ECDSA(hashes.SHA384()))
    assert keys.verify("public", b"m", public.sign(b"m"))
    assert len(keys.ask("MAC", key="mac", payload=b"m")["mac"]) == 64
    rig.stop()
