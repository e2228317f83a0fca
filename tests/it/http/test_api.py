"""REST beyond the first keys: public forms, import, changes, batches, sessions, conditions and repeats, the local socket."""
import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import time

import probe
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from system import System
from test_rest import json_vectors, problem

DATA = os.environ.get("HOLDFAST_DATA_DIR", os.path.join(probe.ROOT, "..", "shared", "data"))
KEYS = {"ec": "ec-p256", "ec3": "ec-p384", "ed": "ed25519", "rsa": "rsa-2048", "dsa": "ml-dsa-65", "kem": "ml-kem-768",
        "aes": "aes-256-gcm", "hmac": "hmac-sha256"}


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


def unb64url(text):
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def hsm():
    s = System(log_requests="all")
    for name, algorithm in KEYS.items():
        r = s.request("POST", "/api/v1/keys", {"name": name, "algorithm": algorithm})
        assert r.status == 201, r.body
    yield s
    log = s.log_text()
    assert s.stop() == 0, log
    assert "signal" not in log, log


# ---- public forms, judged by another library ----


def der_of(hsm, name):
    return hsm.request("GET", f"/api/v1/keys/{name}/public?format=der").body


def jwk_of(hsm, name):
    r = hsm.request("GET", f"/api/v1/keys/{name}/public?format=jwk")
    assert r.status == 200 and r.headers["content-type"] == "application/jwk+json", r.body
    return r.json


def spki_of_jwk(jwk):
    """What Python's library makes of a JWK."""
    number = {k: int.from_bytes(unb64url(v), "big") for k, v in jwk.items() if k in ("x", "y", "n", "e")}
    if jwk["kty"] == "EC":
        key = ec.EllipticCurvePublicNumbers(number["x"], number["y"], {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1}[jwk["crv"]]()).public_key()
    elif jwk["kty"] == "RSA":
        key = rsa.RSAPublicNumbers(number["e"], number["n"]).public_key()
    else:
        assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
        key = ed25519.Ed25519PublicKey.from_public_bytes(unb64url(jwk["x"]))
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("name", ["ec", "ec3", "ed", "rsa"])
def test_jwk_and_der_are_the_same_key(hsm, name):
    jwk = jwk_of(hsm, name)
    assert spki_of_jwk(jwk) == der_of(hsm, name)
    width = {"ec": 32, "ec3": 48, "ed": 32}.get(name)
    assert width is None or len(unb64url(jwk["x"])) == width


def test_jwk_of_ml_dsa_is_rfc_9964(hsm, tmp_path):
    jwk = jwk_of(hsm, "dsa")
    assert set(jwk) == {"kty", "alg", "pub"} and (jwk["kty"], jwk["alg"]) == ("AKP", "ML-DSA-65")
    (tmp_path / "k.der").write_bytes(der_of(hsm, "dsa"))
    text = subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER", "-in", tmp_path / "k.der", "-noout", "-text"],
                          check=True, capture_output=True, text=True).stdout
    assert "ML-DSA-65" in text
    assert bytes.fromhex("".join(text.split("pub:")[1].split()).replace(":", "")) == unb64url(jwk["pub"])


def test_a_kind_without_a_jwk_is_told_what_to_ask_for(hsm):
    assert "format=der" in problem(hsm.request("GET", "/api/v1/keys/kem/public?format=jwk"), 422, "unsupported")["detail"]
    problem(hsm.request("GET", "/api/v1/keys/aes/public?format=jwk"), 422, "unsupported")


# ---- import of public keys ----


def import_key(hsm, name, **body):
    return hsm.request("POST", f"/api/v1/keys/{name}/import", body)


@pytest.mark.parametrize("name", ["ec", "ec3", "ed", "rsa", "dsa"])
def test_public_key_comes_back_from_each_form(hsm, name):
    der = der_of(hsm, name)
    forms = {"j": {"jwk": jwk_of(hsm, name)}, "d": {"public_key_der_b64": b64(der)},
             "p": {"public_key": hsm.request("GET", f"/api/v1/keys/{name}/public").body.decode()}}
    for letter, form in forms.items():
        r = import_key(hsm, f"{name}-{letter}", **form)
        assert r.status == 201, r.body
        assert r.json["origin"] == "public" and r.json["usage"] == ["verify"] and r.json["algorithm"] == KEYS[name]
        assert der_of(hsm, f"{name}-{letter}") == der
    payload = {"payload_b64": b64(b"text")}
    signature = hsm.request("POST", f"/api/v1/keys/{name}/sign", payload).json["signature_b64"]
    r = hsm.request("POST", f"/api/v1/keys/{name}-j/verify", {**payload, "signature_b64": signature})
    assert r.status == 200 and r.json["valid"] is True
    assert hsm.request("POST", f"/api/v1/keys/{name}-j/sign", payload).status in (409, 422)


def test_foreign_key_verifies_here(hsm):
    key = rsa.generate_private_key(65537, 3072)
    numbers = key.public_key().public_numbers()
    raw = {k: v.to_bytes((v.bit_length() + 7) // 8, "big") for k, v in (("n", numbers.n), ("e", numbers.e))}
    r = import_key(hsm, "foreign", jwk={"kty": "RSA", "n": b64url(raw["n"]), "e": b64url(raw["e"]), "kid": "x", "use": "sig", "alg": "PS256"},
                   policy_tags=["partner"], description="theirs")
    assert r.status == 201 and r.json["algorithm"] == "rsa-3072" and r.json["policy_tags"] == ["partner"], r.body
    signature = key.sign(b"text", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    body = {"payload_b64": b64(b"text"), "signature_b64": b64(signature)}
    assert hsm.request("POST", "/api/v1/keys/foreign/verify", body).json["valid"] is True


def changed(jwk, **members):
    return {k: v for k, v in {**jwk, **members}.items() if v is not None}


def test_bad_jwks_are_refused(hsm):
    e, r = jwk_of(hsm, "ec"), jwk_of(hsm, "rsa")
    bad = [
        3, {}, {"kty": "EC"}, changed(e, kty="ec"), changed(e, crv="P-521"), changed(e, crv="P-384"), changed(e, crv=None), changed(e, y=None),
        changed(e, x=e["x"] + "="), changed(e, x=e["x"][:-1]), changed(e, x="AA" + e["x"]), changed(e, x=e["x"].replace(e["x"][0], "+", 1)), changed(e, x=7),
        changed(e, x=e["y"], y=e["x"]), changed(e, x=b64url(bytes(32)), y=b64url(bytes(32))), changed(e, alg="ES384"), changed(e, alg="HS256"),
        changed(r, n=b64url(b"\0" + unb64url(r["n"]))), changed(r, n=b64url(unb64url(r["n"])[:128])), changed(r, e=""), changed(r, e="AA"),
        changed(r, alg="ES256"), {"kty": "oct", "k": "AAAA"}, {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA"}, {"kty": "AKP", "pub": "AAAA"},
        {"kty": "AKP", "alg": "ML-KEM-768", "pub": "AAAA"}, {"kty": "OKP", "crv": "X25519", "x": e["x"]},
    ]
    bad += [changed(r, alg="RSA-OAEP-256"), changed(e, alg="ECDH-ES"), changed(e, use="enc"), changed(e, use=7), changed(e, use=""), changed(r, use="enc"),
            changed(e, key_ops=[]), changed(e, key_ops=["sign"]), changed(e, key_ops="verify"), changed(e, key_ops=["verify", "verify"]),
            changed(e, key_ops=["verify", 1]), changed(e, use="enc", key_ops=["verify"]), changed(r, key_ops=["encrypt", "wrapKey"])]
    for i, jwk in enumerate(bad):
        problem(import_key(hsm, f"bad-{i}", jwk=jwk), 422)
        problem(hsm.request("GET", f"/api/v1/keys/bad-{i}"), 404)


def test_a_jwk_of_another_purpose_is_told_why(hsm):
    e = jwk_of(hsm, "ec")
    for members, said in (({"use": "enc"}, "'use'"), ({"key_ops": ["encrypt"]}, "'key_ops'"), ({"alg": "ES384"}, "'alg'")):
        assert said in problem(import_key(hsm, "purpose", jwk=changed(e, **members)), 422, "unprocessable")["detail"]
    assert import_key(hsm, "purpose", jwk=changed(e, use="sig", key_ops=["sign", "verify"], alg="ES256", kid="x")).status == 201


@pytest.mark.parametrize("form", ["crlf", "cr", "around", "blanks"])
def test_pem_as_others_write_it(hsm, form):
    """RFC 7468 sections 2 and 5.2."""
    pem = hsm.request("GET", "/api/v1/keys/ec/public").body.decode()
    text = {"crlf": pem.replace("\n", "\r\n"), "cr": pem.replace("\n", "\r"), "blanks": pem.replace("\n", " \n"),
            "around": "Subject: Zoë\n\n" + pem + "Public-Key: (256 bit)\n" + "x" * 4000}[form]
    r = import_key(hsm, f"others-{form}", public_key=text)
    assert r.status == 201 and der_of(hsm, f"others-{form}") == der_of(hsm, "ec"), r.body
    problem(import_key(hsm, "others", public_key=text + pem), 422, "unprocessable")
    problem(import_key(hsm, "others", public_key=text + pem.replace("PUBLIC KEY", "CERTIFICATE")), 422, "unprocessable")


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
def test_private_keys_in_the_clear_are_refused(hsm, member):
    p = problem(import_key(hsm, "leak", jwk={**jwk_of(hsm, "ec"), member: "SECRET"}), 422, "unprocessable")
    assert "wrapped" in p["detail"] and "SECRET" not in json.dumps(p)


def test_third_party_jwks(hsm):
    path = os.path.join(DATA, "vectors", "wycheproof", "json_web_key_test.json")
    if not os.path.exists(path):
        pytest.skip("no third-party data: " + path)
    with open(path, encoding="utf-8") as f:
        groups = json.load(f)["testGroups"]
    seen = {"valid": 0, "invalid": 0, "private": 0}
    for i, group in enumerate(groups):
        verdict = group["tests"][0]["result"]
        for n, jwk in enumerate(group.get("public", {}).get("keys", [])):
            r = import_key(hsm, f"wyche-{i}-{n}", jwk=jwk)
            assert r.status == {"valid": 201, "invalid": 422}[verdict], (group["comment"], r.body)
            seen[verdict] += 1
        for n, jwk in enumerate(group.get("private", {}).get("keys", [])):
            if jwk.keys() & {"d", "k"}:
                problem(import_key(hsm, f"wyche-private-{i}-{n}", jwk=jwk), 422)
                seen["private"] += 1
    assert seen["valid"] >= 1 and seen["invalid"] >= 6 and seen["private"] >= 10, seen


def test_import_refusals(hsm):
    pem = hsm.request("GET", "/api/v1/keys/ec/public").body.decode()
    for body in (
        {}, {"public_key": pem, "jwk": {}}, {"public_key": pem + pem}, {"public_key": pem.replace("PUBLIC", "PRIVATE")}, {"public_key": pem[:-30]},
        {"public_key": "\u0000"}, {"public_key": 1}, {"public_key_der_b64": ""}, {"public_key_der_b64": b64(der_of(hsm, "ec")[:-1])},
        {"public_key": pem, "algorithm": "ed25519"}, {"public_key": pem, "algorithm": "rot13"}, {"public_key": pem, "usage": ["sign"]},
        {"public_key": pem, "wrapping_key": "x"}, {"public_key": pem, "surprise": 1}, {"wrapped_key_b64": "AAAA"},
        {"wrapped_key_b64": "AAAA", "algorithm": "ec-p256"},
    ):
        r = import_key(hsm, "refused", **body)
        problem(r, 422)
    problem(import_key(hsm, "ec", public_key=pem), 409, "exists")
    problem(import_key(hsm, "0b9ae2a6-7d8c-4f6e-9d6a-0123456789ab", public_key=pem), 422)
    problem(import_key(hsm, "refused", algorithm="ec-p256", wrapped_key_b64="AAAA", wrapping_key="nothing"), 404)


# ---- MAC, random, rewrap, context ----


def test_mac_is_hmac_and_can_be_checked(hsm):
    r = hsm.request("POST", "/api/v1/keys/hmac/mac", {"payload_b64": b64(b"text")})
    assert r.status == 200 and len(unb64(r.json["mac_b64"])) == 32 and r.json["version"] == 1
    for member in ("mac_b64", "signature_b64"):
        body = {"payload_b64": b64(b"text"), member: r.json["mac_b64"]}
        assert hsm.request("POST", "/api/v1/keys/hmac/verify", body).json["valid"] is True
        assert hsm.request("POST", "/api/v1/keys/hmac/verify", {**body, "payload_b64": b64(b"other")}).json["valid"] is False
        problem(hsm.request("POST", "/api/v1/keys/hmac/verify", {**body, "mac_b64": "", "signature_b64": ""}), 422)
    problem(hsm.request("POST", "/api/v1/keys/ec/mac", {"payload_b64": ""}), 422)
    problem(hsm.request("POST", "/api/v1/keys/hmac/mac", {"payload_b64": b64(bytes((1 << 20) + 1))}), 413)
    # The key is nobody else's: a MAC by a guessed key differs.
    assert unb64(r.json["mac_b64"]) != hmac.new(b"", b"text", hashlib.sha256).digest()


def test_random(hsm):
    seen = set()
    for n in (1, 32, 32, 65536):
        r = hsm.request("GET", f"/api/v1/random/{n}")
        value = unb64(r.json["random_b64"])
        assert r.status == 200 and len(value) == n and r.headers["cache-control"] == "no-store"
        assert n == 1 or value not in seen
        seen.add(value)
    for n, status in (("0", 422), ("65537", 422), ("999999999", 422), ("99999999999999999999", 404), ("-1", 404), ("x", 404), ("1%2e0", 404)):
        problem(hsm.request("GET", f"/api/v1/random/{n}"), status)


def test_rewrap_moves_to_the_new_version(hsm):
    hsm.request("POST", "/api/v1/keys", {"name": "turn", "algorithm": "aes-256-gcm"})
    sealed = hsm.request("POST", "/api/v1/keys/turn/encrypt", {"plaintext_b64": b64(b"secret"), "associated_data_b64": b64(b"ad")}).json
    old = {"ciphertext_b64": sealed["ciphertext_b64"], "nonce_b64": sealed["nonce_b64"], "associated_data_b64": b64(b"ad")}
    assert hsm.request("POST", "/api/v1/keys/turn/rotate").status == 200
    r = hsm.request("POST", "/api/v1/keys/turn/rewrap", old)
    assert r.status == 200 and set(r.json) == {"ciphertext_b64", "nonce_b64", "version"} and r.json["version"] == 2, r.body
    assert r.json["nonce_b64"] != sealed["nonce_b64"]
    new = {"ciphertext_b64": r.json["ciphertext_b64"], "nonce_b64": r.json["nonce_b64"], "associated_data_b64": b64(b"ad")}
    assert unb64(hsm.request("POST", "/api/v1/keys/turn/decrypt", new).json["plaintext_b64"]) == b"secret"
    problem(hsm.request("POST", "/api/v1/keys/turn/rewrap", {**old, "associated_data_b64": b64(b"other")}), 422, "bad_ciphertext")


def test_context_is_signed(hsm):
    body = {"payload_b64": b64(b"text"), "context_b64": b64(b"purpose")}
    signature = hsm.request("POST", "/api/v1/keys/dsa/sign", body).json["signature_b64"]
    assert hsm.request("POST", "/api/v1/keys/dsa/verify", {**body, "signature_b64": signature}).json["valid"] is True
    body["context_b64"] = b64(b"another")
    assert hsm.request("POST", "/api/v1/keys/dsa/verify", {**body, "signature_b64": signature}).json["valid"] is False
    problem(hsm.request("POST", "/api/v1/keys/dsa/sign", {"payload_b64": "", "context_b64": b64(bytes(256))}), 413)
    problem(hsm.request("POST", "/api/v1/keys/ec/sign", {"payload_b64": "", "context_b64": b64(b"x")}), 422)


# ---- changes of a key ----


def test_patch_is_a_merge_patch(hsm):
    hsm.request("POST", "/api/v1/keys", {"name": "p", "algorithm": "ed25519", "policy_tags": ["a"], "description": "one"})

    def patch(body, **headers):
        return hsm.request("PATCH", "/api/v1/keys/p", body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    first = hsm.request("GET", "/api/v1/keys/p")
    assert first.json["attributes"] == {} and first.headers["etag"] == f'"{first.json["generation"]}"'
    r = patch({"attributes": {"owner": "zoë", "label": "x"}})
    assert r.status == 200 and r.json["attributes"] == {"label": "x", "owner": "zoë"} and r.json["policy_tags"] == ["a"] and r.json["description"] == "one"
    assert r.headers["etag"] != first.headers["etag"]
    r = patch({"attributes": {"owner": None, "extra": "1"}, "description": None, "policy_tags": ["b", "c"]}, Content_Type="application/merge-patch+json")
    assert r.json["attributes"] == {"extra": "1", "label": "x"} and r.json["description"] == "" and r.json["policy_tags"] == ["b", "c"]
    assert hsm.request("GET", "/api/v1/keys/p").json == r.json
    assert patch({"policy_tags": None}).json["policy_tags"] == []
    for bad in ({}, {"name": "q"}, {"state": "active"}, {"attributes": None}, {"attributes": {}}, {"attributes": []}, {"attributes": {"a": 1}},
                {"attributes": {"a": ""}}, {"attributes": {"": "a"}}, {"attributes": {"a": "x" * 257}}, {"attributes": {"a" * 65: "x"}},
                {"attributes": {"a": "\u0007"}}, {"attributes": {"a": {"b": None}}}, {"description": 1}, {"policy_tags": "a"}):
        problem(patch(bad), 422)
    p = problem(patch({"description": "x"}, Content_Type="application/json-patch+json"), 415)
    assert "application/merge-patch+json" in p["detail"] and "application/json" in p["detail"]


def test_what_attributes_may_be(hsm):
    hsm.request("POST", "/api/v1/keys", {"name": "attributed", "algorithm": "ed25519"})

    def patch(attributes):
        return hsm.request("PATCH", "/api/v1/keys/attributed", {"attributes": attributes})

    assert patch({"a" * 64: "x" * 256, "0.._-z": "ü" * 128}).status == 200
    for name in ("Owner", "a b", "ü", "a/b", "a" * 65, "a\n"):
        assert "1 to 64 of a-z 0-9 . _ -" in problem(patch({name: "x"}), 422, "unprocessable")["detail"]
    for value in ("x" * 257, "ü" * 129, "", "a\nb"):
        assert "1 to 256 bytes" in problem(patch({"a": value}), 422, "unprocessable")["detail"]
    assert "more than 64" in problem(patch({f"n{i}": "x" for i in range(65)}), 422, "unprocessable")["detail"]
    assert "8192 bytes" in problem(patch({f"n{i}": "x" * 256 for i in range(60)}), 422, "unprocessable")["detail"]
    assert patch({"a" * 64: None, "0.._-z": None, **{f"n{i}": "x" for i in range(62)}}).status == 200
    assert len(hsm.request("GET", "/api/v1/keys/attributed").json["attributes"]) == 62
    assert patch({"m1": "x", "m2": "x"}).status == 200
    assert "at most 64" in problem(patch({"m3": "x"}), 422)["detail"]


def test_tags_are_a_set_that_the_filter_can_name(hsm):
    for tags, said in ((["a", "b", "a"], "twice"), (["a,b"], "comma"), ([","], "comma")):
        assert said in problem(hsm.request("POST", "/api/v1/keys", {"name": "set", "algorithm": "ed25519", "policy_tags": tags}), 422, "unprocessable")["detail"]
    assert hsm.request("POST", "/api/v1/keys", {"name": "set", "algorithm": "ed25519", "policy_tags": ["a", "aa", "A"]}).json["policy_tags"] == ["a", "aa", "A"]
    problem(hsm.request("PATCH", "/api/v1/keys/set", {"policy_tags": ["b", "b"]}), 422, "unprocessable")


def test_unsealing_what_is_open_says_so(hsm):
    p = problem(hsm.request("POST", "/api/v1/unseal", {}), 409, "wrong_state")
    assert "open already" in p["detail"] and "holdfast status" in p["detail"]
    assert "HSM" in p["title"]


def test_if_match(hsm):
    hsm.request("POST", "/api/v1/keys", {"name": "m", "algorithm": "ed25519"})

    def patch(tag, text):
        return hsm.request("PATCH", "/api/v1/keys/m", {"description": text}, headers={"If-Match": tag})

    etag = hsm.request("GET", "/api/v1/keys/m").headers["etag"]
    r = patch(etag, "two")
    assert r.status == 200 and r.headers["etag"] != etag
    problem(patch(etag, "late"), 412, "precondition_failed")
    for odd in ('W/"1"', "1", '"x"', '"0"', '""', '"1", "2"', '"99999999999999999999"', '"01"'):
        problem(patch(odd, "odd"), 412, "precondition_failed")
    assert hsm.request("GET", "/api/v1/keys/m").json["description"] == "two"
    assert patch("*", "three").status == 200
    # Where no condition is looked at, none may be believed to hold.
    problem(hsm.request("DELETE", "/api/v1/keys/m", headers={"If-Match": etag}), 422)
    problem(hsm.request("POST", "/api/v1/keys/m/rotate", headers={"If-None-Match": "*"}), 422)
    assert hsm.request("GET", "/api/v1/keys/m").json["state"] == "active"


def test_idempotency_key(hsm):
    def create(key, name="once"):
        return hsm.request("POST", "/api/v1/keys", {"name": name, "algorithm": "ed25519"}, headers={"Idempotency-Key": key})

    first = create("first-try.1")
    again = create('"first-try.1"')  # the quoted form of the draft is the same key
    assert first.status == 201 and again.status == 201 and again.json == first.json, again.body
    problem(create("another"), 409, "exists")
    for bad in ("", '""', "a b", "a" * 65, '"a', "ä", '"a";p=1', "a,b"):
        problem(create(bad, "never"), 400, "malformed")
    problem(hsm.request("GET", "/api/v1/keys/never"), 404)


# ---- the list ----


def test_list_filters(hsm):
    for i in range(12):
        body = {"name": f"list-{i:02}", "algorithm": "ed25519" if i % 2 else "aes-256-gcm", "policy_tags": ["all", f"t{i % 3}"]}
        assert hsm.request("POST", "/api/v1/keys", body).status == 201

    def names(query):
        r = hsm.request("GET", "/api/v1/keys?" + query)
        assert r.status == 200, r.body
        return [k["name"] for k in r.json["items"]], r.json

    found, page = names("q=list-&per_page=5")
    assert found == [f"list-{i:02}" for i in (11, 10, 9, 8, 7)] and page["total"] == 12 and page["has_more"] is True
    found, page = names("q=LIST-&per_page=5&page=3")
    assert found == ["list-01", "list-00"] and page["has_more"] is False
    assert names("q=list-&page=4&per_page=5")[0] == []
    assert names("q=list-&tags=all,t0&algorithm=ed25519")[0] == ["list-09", "list-03"]
    assert names("q=list-&tags=all,none")[0] == []
    assert hsm.request("POST", "/api/v1/keys/list-05/revoke").status == 200
    assert names("q=list-&state=revoked")[0] == ["list-05"]
    assert names("per_page=1000")[1]["per_page"] == 1000
    for bad in ("per_page=0", "per_page=1001", "state=on", "algorithm=x", "tags=a,,b", "q=" + "a" * 65, "q=%00"):
        assert hsm.request("GET", "/api/v1/keys?" + bad).status in (400, 422)


# ---- batches ----


def batch(hsm, items, **k):
    return hsm.request("POST", "/api/v1/batch", {"items": items}, **k)


def test_batch_answers_each_item_in_order(hsm):
    pem = serialization.load_pem_public_key(hsm.request("GET", "/api/v1/keys/ec/public").body)
    payloads = [os.urandom(50) for _ in range(100)]
    r = batch(hsm, [{"operation": "sign", "key": "ec", "payload_b64": b64(p)} for p in payloads])
    assert r.status == 200 and len(r.json["items"]) == 100
    for payload, item in zip(payloads, r.json["items"]):
        assert set(item) == {"status", "signature_b64", "version"} and item["status"] == 200
        pem.verify(unb64(item["signature_b64"]), payload, ec.ECDSA(hashes.SHA256()))


def test_batch_of_every_operation(hsm):
    sealed = hsm.request("POST", "/api/v1/keys/aes/encrypt", {"plaintext_b64": b64(b"p")}).json
    del sealed["version"]
    signature = hsm.request("POST", "/api/v1/keys/ec/sign", {"payload_b64": ""}).json["signature_b64"]
    shared = hsm.request("POST", "/api/v1/keys/kem/encapsulate").json
    key = hsm.request("GET", "/api/v1/keys/ec").json["id"]
    r = batch(hsm, [
        {"operation": "sign", "key": key, "payload_b64": ""},
        {"operation": "verify", "key": "ec", "payload_b64": "", "signature_b64": signature},
        {"operation": "mac", "key": "hmac", "payload_b64": ""},
        {"operation": "encrypt", "key": "aes", "plaintext_b64": ""},
        {"operation": "decrypt", "key": "aes", **sealed},
        {"operation": "rewrap", "key": "aes", **sealed},
        {"operation": "encapsulate", "key": "kem"},
        {"operation": "decapsulate", "key": "kem", "ciphertext_b64": shared["ciphertext_b64"]},
        {"operation": "random", "bytes": 32},
    ])
    items = r.json["items"]
    assert [i["status"] for i in items] == [200] * 9, items
    assert items[1]["valid"] is True and unb64(items[4]["plaintext_b64"]) == b"p"
    assert items[7]["shared_secret_b64"] == shared["shared_secret_b64"] and len(unb64(items[8]["random_b64"])) == 32


def test_what_is_wrong_with_an_item_is_its_own_answer(hsm):
    r = batch(hsm, [
        {"operation": "sign", "key": "ec", "payload_b64": b64(b"x")}, 1, {}, {"operation": "sign"}, {"operation": "sign", "key": "no such"},
        {"operation": "sign", "key": "nokey", "payload_b64": ""}, {"operation": "destroy", "key": "ec"}, {"operation": "batch", "items": []},
        {"operation": "sign", "key": "aes", "payload_b64": ""}, {"operation": "sign", "key": "ec", "payload_b64": "!"},
        {"operation": "sign", "key": "ec", "payload_b64": "", "surprise": 1}, {"operation": "random", "bytes": 4097},
        {"operation": "random", "bytes": 1, "key": "ec"}, {"operation": "sign", "key": "ec", "payload_b64": b64(b"y")},
    ])
    items = r.json["items"]
    assert [i["status"] for i in items] == [200, 422, 422, 422, 422, 404, 422, 422, 422, 422, 422, 422, 422, 200], items
    for item in items:
        assert item["status"] == 200 or (set(item) == {"status", "code", "detail"} and item["code"] and item["detail"])
    assert items[5]["code"] == "not_found" and items[8]["code"] == "wrong_usage"


def test_rights_and_audit_are_those_of_single_requests(hsm):
    r = batch(hsm, [{"operation": "sign", "key": "ec", "payload_b64": b64(b"x")}] * 3, token=hsm.token("auditor"), headers={"X-Request-Id": "their-batch"})
    assert r.headers["x-request-id"] == "their-batch"
    assert [i["code"] for i in r.json["items"]] == ["denied"] * 3
    batch(hsm, [{"operation": "sign", "key": "ec", "payload_b64": ""}, {"operation": "mac", "key": "hmac", "payload_b64": ""}], headers={"X-Request-Id": "b" * 64})
    events = {e["request_id"]: e for e in hsm.request("GET", "/api/v1/audit/recent?limit=50").json["items"]}
    assert [events[f"their-batch.{n}"]["result"] for n in (1, 2, 3)] == ["denied"] * 3
    assert events["b" * 60 + ".1"]["action"] == "crypto:sign" and events["b" * 60 + ".2"]["action"] == "crypto:mac"


def test_batch_bounds(hsm):
    item = {"operation": "random", "bytes": 1}
    for items in ([], [item] * 101, {}, "x", None):
        problem(batch(hsm, items), 422)
    problem(hsm.request("POST", "/api/v1/batch", {"items": [item], "surprise": 1}), 422)
    problem(batch(hsm, [item], token=False), 401)
    problem(batch(hsm, [item], headers={"Idempotency-Key": "a" * 61}), 400)
    r = batch(hsm, [{"operation": "random", "bytes": 4096}] * 100)
    assert len({i["random_b64"] for i in r.json["items"]}) == 100


@pytest.mark.parametrize("size", [1, 5000, 1 << 20])
def test_a_batch_whose_items_are_all_refused(hsm, size):
    """Its answer goes out before anything is asked of core; no valid token is needed to get there."""
    gateway = hsm.child("gateway")
    for token in (True, "junk"):
        items = batch(hsm, [{"operation": "none", "key": "a" * size}], token=token).json["items"]
        assert [i["status"] for i in items] == [422]
    assert batch(hsm, [{"operation": "random", "bytes": 1}]).json["items"][0]["status"] == 200
    assert hsm.child("gateway") == gateway


def test_many_batches_at_once(hsm):
    """More than a lane holds: some are told to come back, none hangs, and the service goes on."""
    body = json.dumps({"items": [{"operation": "sign", "key": "rsa", "payload_b64": b64(bytes(100))}] * 100}).encode()
    head = (f"POST /api/v1/batch HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {hsm.bearer()}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    connections = [hsm.connect() for _ in range(24)]
    for c in connections:
        c.settimeout(60)
        c.sendall(head + body)
    statuses = []
    for c in connections:
        answer, _ = probe.read_answer(c)
        statuses.append(answer.status)
        if answer.status == 200:
            assert len(json.loads(answer.body)["items"]) == 100
        c.close()
    assert set(statuses) <= {200, 503} and statuses.count(200) >= 16, statuses
    assert batch(hsm, [{"operation": "random", "bytes": 1}]).status == 200


def test_items_count_against_the_address():
    s = System(address_rate=1, address_burst=30, actor_rate=1000000)
    try:
        r = batch(s, [{"operation": "random", "bytes": 1}] * 100)
        statuses = [i["status"] for i in r.json["items"]]
        assert 20 <= statuses.count(200) <= 32 and statuses.count(429) == 100 - statuses.count(200)
        assert all(i["code"] == "rate" and i["retry_after_s"] >= 1 for i in r.json["items"] if i["status"] == 429)
    finally:
        s.stop()


# ---- sessions ----


def test_session_token_lives_and_ends(hsm):
    r = hsm.request("POST", "/api/v1/sessions")
    assert r.status == 201 and r.json["token_type"] == "Bearer" and set(r.json) == {"token", "token_type", "id", "expires_at"}
    token = r.json["token"]
    assert hsm.request("GET", "/api/v1/keys/ec", token=token).status == 200
    assert hsm.request("DELETE", "/api/v1/sessions", token=token).status == 200
    problem(hsm.request("GET", "/api/v1/keys/ec", token=token), 401)
    for bad in ({"ttl_s": 0}, {"ttl_s": "1"}, {"roles": []}, {"roles": ["king"]}, {"roles": ["operator", "operator"]}, {"name": "x"}):
        problem(hsm.request("POST", "/api/v1/sessions", bad), 422)


def test_jwks_checks_session_tokens_elsewhere(hsm):
    r = hsm.request("GET", "/.well-known/jwks.json", token=False)
    assert r.status == 200 and r.headers["content-type"] == "application/jwk-set+json" and r.headers["cache-control"].startswith("public, max-age=")
    assert hsm.request("GET", "/.well-known/jwks.json", token=False, headers={"Accept": "application/json"}).headers["content-type"] == "application/json"
    problem(hsm.request("GET", "/.well-known/jwks.json", token=False, headers={"Accept": "text/html"}), 406)
    head, claims, signature = hsm.request("POST", "/api/v1/sessions").json["token"].split(".")
    head_json = json.loads(unb64url(head))
    jwk = next(k for k in r.json["keys"] if k["kid"] == head_json["kid"])
    assert jwk["alg"] == head_json["alg"] == "ES256" and jwk["use"] == "sig"
    key = serialization.load_der_public_key(spki_of_jwk(jwk))
    raw = unb64url(signature)
    key.verify(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))


def test_introspection(hsm):
    token = hsm.token("operator")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    by_json = hsm.request("POST", "/api/v1/introspect", {"token": token})
    by_form = hsm.request("POST", "/api/v1/introspect", f"token_type_hint=access_token&token={token}&x=y+z".encode(), headers=form)
    assert by_json.status == by_form.status == 200 and by_json.json == by_form.json
    claims = json.loads(unb64url(token.split(".")[1]))
    assert by_json.json["active"] is True and by_json.json["sub"] == "tester" and by_json.json["roles"] == ["operator"]
    assert {k: by_json.json[k] for k in ("iat", "exp", "jti")} == {k: claims[k] for k in ("iat", "exp", "jti")}
    for dead in (token[:-8] + "AAAAAAAA", "x", "a.b.c"):
        assert hsm.request("POST", "/api/v1/introspect", {"token": dead}).json == {"active": False}
    for body in (b"", b"x=y", b"token=a&token=b", b"token=%zz"):
        problem(hsm.request("POST", "/api/v1/introspect", body, headers=form), 400)
    problem(hsm.request("POST", "/api/v1/introspect", {"tokens": "x"}), 422)
    problem(hsm.request("POST", "/api/v1/introspect", {"token": token}, token=False), 401)


# ---- JSON strictness of every new body ----


@pytest.mark.parametrize("method, path", [
    ("PATCH", "/api/v1/keys/ec"), ("POST", "/api/v1/keys/new/import"), ("POST", "/api/v1/keys/hmac/mac"), ("POST", "/api/v1/keys/aes/rewrap"),
    ("POST", "/api/v1/batch"), ("POST", "/api/v1/sessions"), ("POST", "/api/v1/introspect")])
def test_third_party_json_as_bodies(hsm, method, path):
    seen = set()
    with hsm.connect() as c:
        for name, expect, body in json_vectors():
            status = hsm.request(method, path, body, connection=c).status
            # An empty body or an empty object may be all that a request needs.
            good = (200, 201) if path.endswith("sessions") and body.strip() in (b"", b"{}") else ()
            seen.add(expect)
            if expect == "reject":
                assert status == 400 or status in good, name
            elif expect == "accept":
                assert status == (400 if "duplicated_key" in name else 422) or status in good, name
            else:
                assert status in (400, 422), name
    assert seen == {"accept", "reject", "either"}


# ---- methods, ids, the log ----


def test_methods(hsm):
    for path, allow in (("/api/v1/keys", "GET, HEAD, POST"), ("/api/v1/keys/ec", "GET, HEAD, PATCH, DELETE"), ("/api/v1/batch", "POST"),
                        ("/api/v1/sessions", "POST, DELETE"), ("/api/v1/random/1", "GET, HEAD"), ("/.well-known/jwks.json", "GET, HEAD")):
        r = hsm.request("OPTIONS", path, headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"})
        problem(r, 405, "method_not_allowed")
        assert r.headers["allow"] == allow and not any(name.startswith("access-control") for name in r.headers)
    head = hsm.request("HEAD", "/api/v1/keys/ec")
    get = hsm.request("GET", "/api/v1/keys/ec", headers={"Origin": "https://example.org"})
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] == str(len(get.body)) and head.headers["etag"] == get.headers["etag"]
    assert not any(name.startswith("access-control") for name in get.headers)


def log_lines(hsm, request_id, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = [line for line in hsm.log_text().splitlines() if f"request_id={request_id} " in line]
        if found:
            return found
        time.sleep(0.02)
    return []


def test_one_id_from_client_to_audit_and_log(hsm):
    marker = "PLAIN-MARKER"
    r = hsm.request("POST", "/api/v1/keys/ec/sign", {"payload_b64": b64(marker.encode())}, headers={"X-Request-Id": "trace-7"})
    assert r.headers["x-request-id"] == "trace-7"
    event = [e for e in hsm.request("GET", "/api/v1/audit/recent").json["items"] if e["request_id"] == "trace-7"]
    assert len(event) == 1 and event[0]["action"] == "crypto:sign"
    line, = log_lines(hsm, "trace-7")
    for part in ("method=POST", "path=/api/v1/keys/:id/sign", "status=200", "code=ok", "address=127.0.0.1", " us="):
        assert part in line
    problem(hsm.request("GET", "/api/v1/keys/" + "secret-name%0aforged", headers={"X-Request-Id": "trace-8"}), 400)
    line, = log_lines(hsm, "trace-8")
    assert "path=- " in line and "status=400" in line
    text = hsm.log_text()
    assert marker not in text and b64(marker.encode()) not in text and "secret-name" not in text and hsm.bearer() not in text


def test_log_of_failures_is_bounded():
    s = System(log_requests="failures")
    try:
        with s.connect() as c:
            for i in range(400):
                s.request("GET", "/api/v1/keys", token=False, connection=c)
            time.sleep(1.1)
            s.request("GET", "/api/v1/keys", token=False, connection=c, headers={"X-Request-Id": "after"})
            assert s.request("GET", "/healthz", token=False, connection=c, headers={"X-Request-Id": "fine"}).status == 200
        assert len(log_lines(s, "after")) == 1
        lines = [line for line in s.log_text().splitlines() if " status=401 " in line]
        left_out = sum(int(line.split("skipped=")[1].split()[0]) for line in lines if "skipped=" in line)
        assert len(lines) + left_out == 401 and left_out > 0
        assert "request_id=fine " not in s.log_text()
    finally:
        s.stop()


# ---- the local socket ----


def local_request(path, token, uid=None):
    """The status and body of GET /api/v1/keys by curl, as root or as another user."""
    command = ["curl", "-s", "-w", "\n%{http_code}", "--unix-socket", path, "-H", "Authorization: Bearer " + token, "http://localhost/api/v1/keys/k"]
    if uid is not None:
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.returncode, done.stdout.rsplit("\n", 1)[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="speaks as several users, for which it must be root")
def test_local_socket_knows_its_users(tmp_path):
    path = str(tmp_path / "hsm.sock")
    for part in (tmp_path, *tmp_path.parents[:2]):
        os.chmod(part, 0o755)
    s = System(arguments=["--socket", path])
    try:
        os.chmod(path, 0o666)  # who may open it is not the question here
        assert s.request("POST", "/api/v1/keys", {"name": "k", "algorithm": "ed25519"}).status == 201
        token = s.bearer()
        assert local_request(path, token) == (0, "200")
        assert local_request(path, token, 65534) == (0, "200")
        # A process of Holdfast's own, by its uid, is no client: the connection is closed without an answer.
        core = s.child("core")
        with open(f"/proc/{core}/status", encoding="ascii") as f:
            core_uid = next(line.split()[1] for line in f if line.startswith("Uid:"))
        assert int(core_uid) >= 2111000000
        code, status = local_request(path, token, core_uid)
        assert code in (7, 52, 56) and status == "000"  # curl sees the end while it connects, or when it waits for the answer
        seen = {e.get("address") for e in s.request("GET", "/api/v1/audit/recent").json["items"] if e["action"] == "key:describe"}
        assert {"uid:0", "uid:65534"} <= seen and f"uid:{core_uid}" not in seen
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(path)
            r = s.request("POST", "/api/v1/batch", {"items": [{"operation": "sign", "key": "k", "payload_b64": ""}]}, connection=c)
            assert r.json["items"][0]["status"] == 200
    finally:
        s.stop()


def test_python_requests_as_a_client(hsm):
    requests = pytest.importorskip("requests", reason="python3-requests is not installed; tools/setup installs it")
    with requests.Session() as session:
        session.trust_env, session.verify = False, hsm.ca  # else REQUESTS_CA_BUNDLE wins
        session.headers["Authorization"] = "Bearer " + hsm.bearer()
        url = f"https://127.0.0.1:{hsm.port}"
        assert session.get(url + "/healthz").json()["state"] == "open"
        r = session.post(url + "/api/v1/keys", json={"name": "by-requests", "algorithm": "ed25519", "policy_tags": ["two words"]})
        assert r.status_code == 201
        found = session.get(url + "/api/v1/keys", params={"tags": "two words", "q": "by-req"}).json()["items"]
        assert [k["name"] for k in found] == ["by-requests"]
        r = session.patch(url + "/api/v1/keys/by-requests", json={"description": "d"}, headers={"If-Match": r.headers["ETag"]})
        assert r.status_code == 200
        assert session.post(url + "/api/v1/introspect", data={"token": hsm.bearer()}).json()["active"] is True
        assert session.post(url + "/api/v1/keys/by-requests/sign", json={"payload_b64": ""}).json()["version"] == 1
