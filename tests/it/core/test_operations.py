"""Every operation, judged by programs that are not ours: Python's `cryptography` and the openssl command."""
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from hsm import b64, unb64


def public(hsm, key, version=None):
    return serialization.load_pem_public_key(hsm.public_pem(key, version))


def test_ecdsa_der_verifies_elsewhere(hsm, tmp_path):
    hsm.create("op-ec", "ec-p256")
    signature, version = hsm.sign("op-ec", b"message")
    assert version == 1
    public(hsm, "op-ec").verify(signature, b"message", ec.ECDSA(hashes.SHA256()))
    (tmp_path / "p").write_bytes(hsm.public_pem("op-ec"))
    (tmp_path / "s").write_bytes(signature)
    (tmp_path / "m").write_bytes(b"message")
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", "p", "-signature", "s", "m"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "Verified OK"


def test_ecdsa_raw_and_hashes(hsm):
    hsm.create("op-ec-raw", "ec-p256")
    for name, algorithm in (("sha256", hashes.SHA256()), ("sha384", hashes.SHA384()), ("sha512", hashes.SHA512())):
        raw, _ = hsm.sign("op-ec-raw", b"m", scheme="ecdsa-raw", hash=name)
        assert len(raw) == 64
        der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public(hsm, "op-ec-raw").verify(der, b"m", ec.ECDSA(algorithm))


def test_prehashed(hsm):
    hsm.create("op-ec-pre", "ec-p256")
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"long message")
    a = hsm.post("/api/v1/keys/op-ec-pre/sign", {"digest_b64": b64(digest.finalize())})
    assert a.status == 200, a
    public(hsm, "op-ec-pre").verify(unb64(a.json["signature_b64"]), b"long message", ec.ECDSA(hashes.SHA256()))
    for n in (0, 31, 33, 64):
        refused = hsm.post("/api/v1/keys/op-ec-pre/sign", {"digest_b64": b64(bytes(n))})
        assert refused.status == 422 and f"a digest of {n} bytes does not fit" in refused.json["detail"], refused
        refused = hsm.post("/api/v1/keys/op-ec-pre/verify", {"digest_b64": b64(bytes(n)), "signature_b64": b64(bytes(70))})
        assert refused.status == 422 and "32 bytes for sha256" in refused.json["detail"], refused


def test_ed25519(hsm):
    hsm.create("op-ed", "ed25519")
    for message in (b"", b"x", b"y" * 100000, b"z" * 1048576):
        signature, _ = hsm.sign("op-ed", message)
        public(hsm, "op-ed").verify(signature, message)
    a = hsm.post("/api/v1/keys/op-ed/sign", {"payload_b64": b64(b"z" * 1048577)})
    assert a.status == 413, a


def test_verify_answers_and_exit(hsm):
    hsm.create("op-verify", "ed25519")
    signature, _ = hsm.sign("op-verify", b"m")
    good = {"payload_b64": b64(b"m"), "signature_b64": b64(signature)}
    assert hsm.post("/api/v1/keys/op-verify/verify", good).json["valid"] is True
    bad = bytearray(signature)
    bad[3] ^= 1
    assert hsm.post("/api/v1/keys/op-verify/verify", {**good, "signature_b64": b64(bytes(bad))}).json["valid"] is False
    assert hsm.post("/api/v1/keys/op-verify/verify", {**good, "payload_b64": b64(b"n")}).json["valid"] is False


@pytest.mark.parametrize("size", [0, 1, 65536, 1048576])
def test_encrypt_round_trip(hsm, size):
    name = f"op-aes-{size}"
    hsm.create(name, "aes-256-gcm")
    plain = bytes(i % 251 for i in range(size))
    a = hsm.post(f"/api/v1/keys/{name}/encrypt", {"plaintext_b64": b64(plain), "associated_data_b64": b64(b"aad")})
    assert a.status == 200, a
    ct = unb64(a.json["ciphertext_b64"])
    assert ct[:3] == b"HF1" and ct[3] == 1 and ct[4:8] == b"\0\0\0\1" and len(ct) == 8 + size + 16
    assert len(unb64(a.json["nonce_b64"])) == 12
    request = {"ciphertext_b64": a.json["ciphertext_b64"], "nonce_b64": a.json["nonce_b64"], "associated_data_b64": b64(b"aad")}
    back = hsm.post(f"/api/v1/keys/{name}/decrypt", request)
    assert back.status == 200 and unb64(back.json["plaintext_b64"]) == plain


def test_decrypt_refuses_alike(hsm):
    """A flipped bit anywhere, wrong associated data, another key, a version that is not there: one answer for all."""
    hsm.create("op-aes-bad", "aes-256-gcm")
    hsm.create("op-aes-other", "aes-256-gcm")
    a = hsm.post("/api/v1/keys/op-aes-bad/encrypt", {"plaintext_b64": b64(b"secret"), "associated_data_b64": b64(b"a")}).json
    ct, good = unb64(a["ciphertext_b64"]), {"nonce_b64": a["nonce_b64"], "associated_data_b64": b64(b"a")}
    answers = set()
    for i in range(len(ct)):
        flipped = bytearray(ct)
        flipped[i] ^= 0x40
        r = hsm.post("/api/v1/keys/op-aes-bad/decrypt", {**good, "ciphertext_b64": b64(bytes(flipped))})
        answers.add((r.status, r.json["code"], r.json["detail"]))
    r = hsm.post("/api/v1/keys/op-aes-bad/decrypt", {**good, "ciphertext_b64": b64(ct), "associated_data_b64": b64(b"b")})
    answers.add((r.status, r.json["code"], r.json["detail"]))
    r = hsm.post("/api/v1/keys/op-aes-other/decrypt", {**good, "ciphertext_b64": b64(ct)})
    answers.add((r.status, r.json["code"], r.json["detail"]))
    assert len(answers) == 1 and answers.pop()[:2] == (422, "bad_ciphertext")


def test_encapsulated_secret_agrees_with_openssl(hsm, tmp_path):
    """openssl encapsulates to our public key, we decapsulate; and the other way round ours decapsulates to the same secret."""
    hsm.create("op-kem", "ml-kem-768")
    (tmp_path / "p").write_bytes(hsm.public_pem("op-kem"))
    done = subprocess.run(["openssl", "pkeyutl", "-encap", "-pubin", "-inkey", "p", "-out", "ct", "-secret", "ss"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    a = hsm.post("/api/v1/keys/op-kem/decapsulate", {"ciphertext_b64": b64((tmp_path / "ct").read_bytes())})
    assert a.status == 200 and unb64(a.json["shared_secret_b64"]) == (tmp_path / "ss").read_bytes()
    e = hsm.post("/api/v1/keys/op-kem/encapsulate").json
    d = hsm.post("/api/v1/keys/op-kem/decapsulate", {"ciphertext_b64": e["ciphertext_b64"]}).json
    assert e["shared_secret_b64"] == d["shared_secret_b64"]


def test_rotation_keeps_old_versions_usable(hsm):
    hsm.create("op-rot", "aes-256-gcm")
    a = hsm.post("/api/v1/keys/op-rot/encrypt", {"plaintext_b64": b64(b"old")}).json
    rotated = hsm.post("/api/v1/keys/op-rot/rotate")
    assert rotated.status == 200 and rotated.json["version"] == 2
    b = hsm.post("/api/v1/keys/op-rot/encrypt", {"plaintext_b64": b64(b"new")}).json
    assert (a["version"], b["version"]) == (1, 2)
    for c, plain in ((a, b"old"), (b, b"new")):
        r = hsm.post("/api/v1/keys/op-rot/decrypt", {"ciphertext_b64": c["ciphertext_b64"], "nonce_b64": c["nonce_b64"]})
        assert unb64(r.json["plaintext_b64"]) == plain
    versions = hsm.get("/api/v1/keys/op-rot/versions").json
    states = [(v["version"], v["state"]) for v in (versions["items"] if isinstance(versions, dict) else versions)]
    assert states == [(1, "revoked"), (2, "active")]


def test_state_and_usage_are_enforced(hsm):
    hsm.create("op-only-sign", "ec-p256", usage=["sign"])
    signature, _ = hsm.sign("op-only-sign", b"m")
    r = hsm.post("/api/v1/keys/op-only-sign/verify", {"payload_b64": b64(b"m"), "signature_b64": b64(signature)})
    assert r.status == 422 and r.json["code"] == "wrong_usage"
    r = hsm.post("/api/v1/keys/op-only-sign/encrypt", {"plaintext_b64": ""})
    assert r.status == 422
    assert hsm.post("/api/v1/keys/op-only-sign/revoke").json["state"] == "revoked"
    r = hsm.post("/api/v1/keys/op-only-sign/sign", {"payload_b64": b64(b"m")})
    assert r.status == 409 and r.json["code"] == "wrong_state"
    assert hsm.post("/api/v1/keys/op-only-sign/rotate").status == 409
    destroyed = hsm.request("DELETE", "/api/v1/keys/op-only-sign")
    assert destroyed.status == 200 and destroyed.json["state"] == "destroyed" and destroyed.json["destruction"] == "pending"
    assert hsm.post("/api/v1/keys/op-only-sign/sign", {"payload_b64": b64(b"m")}).status == 409
    assert hsm.get("/api/v1/keys/op-only-sign/public").status == 409
    assert hsm.post("/api/v1/keys", {"name": "op-only-sign", "algorithm": "ec-p256", "policy_tags": []}).status == 409


def test_destruction_is_complete_after_an_epoch_rotation(hsm):
    hsm.create("op-epoch", "aes-256-gcm")
    hsm.create("op-epoch-kept", "aes-256-gcm")
    c = hsm.post("/api/v1/keys/op-epoch-kept/encrypt", {"plaintext_b64": b64(b"kept")}).json
    assert hsm.request("DELETE", "/api/v1/keys/op-epoch").json["destruction"] == "pending"
    assert hsm.post("/api/v1/root/rotate-epoch").status == 200
    assert hsm.get("/api/v1/keys/op-epoch").json["destruction"] == "complete"
    r = hsm.post("/api/v1/keys/op-epoch-kept/decrypt", {"ciphertext_b64": c["ciphertext_b64"], "nonce_b64": c["nonce_b64"]})
    assert unb64(r.json["plaintext_b64"]) == b"kept"


def test_list_pages_and_filters(hsm):
    for i in range(5):
        hsm.create(f"op-list-{i}", "ed25519", policy_tags=["listed", f"n{i % 2}"], description=f"number {i}")
    page = hsm.get("/api/v1/keys?tags=listed&per_page=2&page=1").json
    assert page["total"] == 5 and page["has_more"] is True and [k["name"] for k in page["items"]] == ["op-list-4", "op-list-3"]
    last = hsm.get("/api/v1/keys?tags=listed&per_page=2&page=3").json
    assert last["has_more"] is False and [k["name"] for k in last["items"]] == ["op-list-0"]
    assert hsm.get("/api/v1/keys?tags=listed,n1").json["total"] == 2
    assert all(k["algorithm"] == "ec-p256" for k in hsm.get("/api/v1/keys?algorithm=ec-p256").json["items"])
    shown = hsm.get("/api/v1/keys/op-list-2").json
    assert shown["description"] == "number 2" and shown["created_by"] == "admin" and sorted(shown["policy_tags"]) == ["listed", "n0"]
    assert hsm.get(f"/api/v1/keys/{shown['id']}").json == shown


def test_unknown_key(hsm):
    for path in ("nothing", "00000000-0000-4000-8000-000000000000"):
        r = hsm.get(f"/api/v1/keys/{path}")
        assert r.status == 404 and r.headers["Content-Type"].startswith("application/problem+json") and r.json["code"] == "not_found"


def test_keys_survive_a_restart(fresh):
    fresh.start()
    fresh.create("stays", "ec-p256")
    pem = fresh.public_pem("stays")
    fresh.create("aes", "aes-256-gcm")
    c = fresh.post("/api/v1/keys/aes/encrypt", {"plaintext_b64": b64(b"x")}).json
    assert fresh.stop() == 0
    fresh.start()
    assert fresh.public_pem("stays") == pem
    r = fresh.post("/api/v1/keys/aes/decrypt", {"ciphertext_b64": c["ciphertext_b64"], "nonce_b64": c["nonce_b64"]})
    assert unb64(r.json["plaintext_b64"]) == b"x"
    signature, _ = fresh.sign("stays", b"again")
    public(fresh, "stays").verify(signature, b"again", ec.ECDSA(hashes.SHA256()))
