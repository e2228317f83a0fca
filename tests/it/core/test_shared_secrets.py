"""HS256: off unless it is switched on, and then its secrets stay where capabilities says that they lie. RS256 beside it."""
import base64
import hashlib
import hmac
import json
import os
import signal
import stat
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(key, kid, roles=("service",), **changes):
    now = int(time.time())
    claims = {"sub": "robot", "aud": "holdfast", "roles": list(roles), "iat": now, "exp": now + 60, "jti": os.urandom(8).hex(), **changes}
    alg = "HS256" if isinstance(key, bytes) else "RS256"
    text = url64(json.dumps({"alg": alg, "kid": kid}).encode()) + "." + url64(json.dumps(claims).encode())
    signature = hmac.new(key, text.encode(), hashlib.sha256).digest() if alg == "HS256" else key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return text + "." + url64(signature)


def hs_row(kid, secret, roles=("service",), **changes):
    return {"kid": kid, "alg": "HS256", "actor": "*", "roles": list(roles), "secret_b64": base64.b64encode(secret).decode(), **changes}


def current(hsm):
    shown = hsm.get("/api/v1/keyset").json
    return shown["generation"], shown["keys"]


def put(hsm, keys):
    answer = hsm.request("PUT", "/api/v1/keyset", {"version": 1, "generation": current(hsm)[0] + 1, "keys": keys})
    hsm.tokens.clear()
    return answer


def degraded(hsm):
    a = hsm.get("/api/v1/capabilities")
    return {(p["process"], p["name"]): p["why"] for p in a.json["protections"] if p["state"] == "degraded"}


def reload(hsm, says="reloaded"):
    before = hsm.text().count(says)
    os.kill(hsm.supervisor_pid(), signal.SIGHUP)
    deadline = time.monotonic() + 15
    while hsm.text().count(says) == before:
        assert time.monotonic() < deadline, hsm.text()[-2000:]
        time.sleep(0.02)
    time.sleep(0.1)


@pytest.fixture
def on(fresh):
    return fresh.configure(tokens__hs256="yes").start()


def test_off_by_default(fresh):
    fresh.start()
    _, keys = current(fresh)
    answer = put(fresh, keys + [hs_row("robot", os.urandom(32))])
    assert answer.status in (400, 422) and "hs256 = yes" in answer.json["detail"], answer
    assert current(fresh)[1] == keys
    assert not any(name == "hs256" for _, name in degraded(fresh))


def test_on_and_never_shown(on):
    secret = os.urandom(32)
    _, keys = current(on)
    assert put(on, keys + [hs_row("robot", secret)]).status == 200
    token = make_token(secret, "robot")
    assert on.get("/api/v1/keys", token=token).status == 200
    assert on.get("/api/v1/keys", token=make_token(os.urandom(32), "robot")).status == 401
    assert on.get("/api/v1/keys", token=make_token(secret, keys[0]["kid"])).status == 401
    forms = (base64.b64encode(secret).decode().rstrip("="), url64(secret), secret.hex())
    shown = on.get("/api/v1/keyset")
    row = shown.json["keys"][-1]
    assert set(row) == {"kid", "alg", "actor", "roles", "secret_fingerprint_b64"} and len(base64.b64decode(row["secret_fingerprint_b64"])) == 16
    assert base64.b64decode(row["secret_fingerprint_b64"]) not in (hashlib.sha256(secret).digest()[:16], secret[:16])
    said = [shown.body, on.get("/.well-known/jwks.json", token=None).body, on.get("/api/v1/capabilities").body,
            on.get("/api/v1/audit/recent?limit=100").body, on.log.read_bytes()]
    assert not any(form.encode() in text for form in forms for text in said)
    why = degraded(on)["core", "hs256"]
    assert all(place in why for place in ("keyset.json", "supervisor", "config", "verifier-token", "core")), why
    file = on.data / "keyset.json"
    assert forms[0] in file.read_text() and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_fingerprint_stands_for_the_secret_in_use(on):
    secret, other = os.urandom(64), os.urandom(32)
    _, keys = current(on)
    assert put(on, keys + [hs_row("robot", secret), hs_row("other", other)]).status == 200
    _, keys = current(on)
    assert put(on, keys).status == 200, "what is shown can be applied"
    assert on.get("/api/v1/keys", token=make_token(secret, "robot")).status == 200
    fingerprints = [k["secret_fingerprint_b64"] for k in keys[-2:]]
    swapped = keys[:-2] + [{**keys[-2], "secret_fingerprint_b64": fingerprints[1]}, keys[-1]]
    renamed = keys[:-1] + [{**keys[-1], "kid": "third"}]
    invented = keys[:-1] + [{**keys[-1], "secret_fingerprint_b64": base64.b64encode(os.urandom(16)).decode()}]
    for bad in (swapped, renamed, invented):
        answer = put(on, bad)
        assert answer.status in (400, 422) and "secret_b64" in answer.json["detail"], answer
    assert current(on)[1] == keys
    assert put(on, keys[:-2] + [hs_row("robot", other), keys[-1]]).status == 200
    assert on.get("/api/v1/keys", token=make_token(secret, "robot")).status == 401
    assert on.get("/api/v1/keys", token=make_token(other, "robot")).status == 200


def test_secrets_that_are_none(on):
    _, keys = current(on)
    ed25519 = b"".join([bytes.fromhex("302a300506032b6570032100"), bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")])
    for row in (hs_row("x", os.urandom(31)), hs_row("x", os.urandom(65)), hs_row("x", b""), hs_row("x", ed25519), hs_row("x", os.urandom(32), extra=1),
                {**keys[0], "kid": "x", "alg": "HS256"}, {**hs_row("x", os.urandom(32)), "alg": "RS256"}):
        assert 400 <= put(on, keys + [row]).status < 500, row
    assert current(on)[1] == keys


def test_restart_and_switching_off(on):
    secret = os.urandom(48)
    _, keys = current(on)
    assert put(on, keys + [hs_row("robot", secret)]).status == 200
    assert on.stop() == 0
    on.start()
    assert on.get("/api/v1/keys", token=make_token(secret, "robot")).status == 200
    pid = on.children()["core"]
    os.kill(pid, signal.SIGKILL)
    on.wait_child("core", other_than=pid)
    on.wait_serving()
    deadline = time.monotonic() + 20
    while (status := on.get("/api/v1/keys", token=make_token(secret, "robot")).status) == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status == 200
    on.configure(tokens__hs256="no")
    reload(on, says="reload refused")
    assert "tokens.hs256 is off" in on.text()
    assert on.get("/api/v1/keys", token=make_token(secret, "robot")).status == 200, "the old state stays"
    assert on.stop() == 0
    on.start(wait=False)
    code, log = on.wait_refused()
    assert code != 0 and "hs256 = yes" in log


def test_switching_by_reload(fresh):
    """Without a new process of core, and without losing a session."""
    fresh.start()
    session = fresh.post("/api/v1/sessions")
    assert session.status in (200, 201), session
    core, secret = fresh.children()["core"], os.urandom(32)
    _, keys = current(fresh)
    fresh.configure(tokens__hs256="yes")
    reload(fresh)
    assert ("core", "hs256") in degraded(fresh)
    assert put(fresh, keys + [hs_row("robot", secret)]).status == 200
    token = make_token(secret, "robot")
    assert fresh.get("/api/v1/keys", token=token).status == 200
    assert put(fresh, keys).status == 200
    assert fresh.get("/api/v1/keys", token=token).status == 401
    fresh.configure(tokens__hs256="no")
    reload(fresh)
    assert ("core", "hs256") not in degraded(fresh)
    assert put(fresh, keys + [hs_row("robot", secret)]).status in (400, 422)
    assert fresh.children()["core"] == core
    assert fresh.get("/api/v1/keys", token=session.json["token"]).status == 200


def test_tokens_options_that_a_reload_changes(fresh):
    fresh.start()
    long = fresh.mint("admin", "administrator", "--ttl", "4m")
    assert fresh.get("/api/v1/keys", token=long).status == 200
    fresh.configure(tokens__max_s=120, tokens__session_s=20)
    reload(fresh)
    assert fresh.get("/api/v1/keys", token=long).status == 401
    fresh.tokens.clear()
    short = fresh.mint("admin", "administrator", "--ttl", "1m")
    assert fresh.request("POST", "/api/v1/sessions", {"ttl_s": 21}, token=short).status in (400, 422)
    assert fresh.request("POST", "/api/v1/sessions", {"ttl_s": 20}, token=short).status in (200, 201)


@pytest.mark.parametrize("bits", [2048, 3072])
def test_rs256(fresh, bits):
    fresh.start()
    key, stranger = rsa.generate_private_key(65537, bits), rsa.generate_private_key(65537, bits)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    row = {"kid": "rs", "alg": "RS256", "actor": "robot", "roles": ["service"], "public_key_pem": pem}
    _, keys = current(fresh)
    assert put(fresh, keys + [row]).status == 200
    assert current(fresh)[1][-1] == row
    assert fresh.get("/api/v1/keys", token=make_token(key, "rs")).status == 200
    for token in (make_token(stranger, "rs"), make_token(key, "rs", sub="other"), make_token(key, "rs", roles=["operator"]), make_token(pem.encode(), "rs"),
                  make_token(key, keys[0]["kid"])):
        assert fresh.get("/api/v1/keys", token=token).status == 401
    for bad in (1024, 4096):
        pem = rsa.generate_private_key(65537, bad).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        assert put(fresh, keys + [{**row, "public_key_pem": pem}]).status in (400, 422)
