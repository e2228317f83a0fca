"""Session tokens of core, and what it says about tokens to others."""
import base64
import json
import os
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

import audit
import rows
from proto import ERR
from rig import ADMINISTRATOR, AUDITOR, OPERATOR, SERVICE, Rig

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    r = Rig(tmp_path_factory.mktemp("rig")).start()
    yield r
    r.stop()


@pytest.fixture
def own(tmp_path):
    """A core of the test's own: it is sealed, restarted or filled."""
    r = Rig(tmp_path / "rig").start()
    yield r
    r.stop()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_token(key, kid, sub, roles=("service",), **changes):
    now = int(time.time())
    claims = {"sub": sub, "aud": "holdfast", "roles": list(roles), "iat": now, "exp": now + 200, "jti": os.urandom(8).hex(), **changes}
    alg = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES256"
    text = b64(json.dumps({"alg": alg, "kid": kid}).encode()) + "." + b64(json.dumps(claims).encode())
    if alg == "EdDSA":
        return text + "." + b64(key.sign(text.encode()))
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return text + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def admin(rig):
    """(the administrator's key, its kid)"""
    key = serialization.load_pem_private_key(rig.admin_key.read_bytes(), None)
    return key, rig.keyset()["rows"][0]["kid"]


def opened(rig, token=None, **values):
    name, answer = rig.ask("SESSION_OPEN", token=token, **values)
    assert name == "SESSION", answer
    return answer


def refused(answer, error, says=""):
    name, values = answer
    assert (name, values.get("error")) == ("FAILED", ERR[error]), answer
    assert says in values["detail"], values


def public_key(rig):
    name, answer = rig.ask("JWKS", token="")
    assert name == "JWKS_INFO" and len(answer["rows"]) == 1, answer
    row = answer["rows"][0]
    return serialization.load_der_public_key(row["spki"]), row["kid"]


def check_signature(rig, token):
    """Header and claims, after Python has verified the signature with the key that JWKS shows."""
    header, payload, signature = token.split(".")
    raw, (key, kid) = unb64(signature), public_key(rig)
    key.verify(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), f"{header}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    assert json.loads(unb64(header)) == {"alg": "ES256", "typ": "JWT", "kid": kid}
    return json.loads(unb64(payload))


# ---- what a session is ----


def test_a_session_acts_as_its_opener(rig):
    before = int(time.time())
    session = opened(rig, rig.token("ann", "operator", "--role", "auditor"))
    claims = check_signature(rig, session["token"])
    assert set(claims) == {"sub", "aud", "roles", "iat", "nbf", "exp", "jti"}
    assert (claims["sub"], claims["aud"], claims["roles"], claims["jti"]) == ("ann", "holdfast", ["operator", "auditor"], session["id"])
    assert before <= claims["iat"] == claims["nbf"] <= time.time() and claims["exp"] == claims["iat"] + 300 == session["expires_s"]
    assert len(unb64(session["id"])) == 16
    name, answer = rig.ask("KEY_CREATE", token=session["token"], name="of-a-session", algorithm=2)
    assert name == "KEY_DETAIL" and answer["info"][0]["created_by"] == "ann"
    refused(rig.ask("KEY_REVOKE", token=session["token"], key="of-a-session"), "DENIED")


def test_subjects_that_json_has_to_escape(rig):
    key, kid = admin(rig)
    for sub in ('a"b\\c', "Žofie ☃ 𝒳", "a/b<c>"):
        assert check_signature(rig, opened(rig, make_token(key, kid, sub))["token"])["sub"] == sub


def test_every_session_is_another(rig):
    token = rig.token("many", "service")
    sessions = [opened(rig, token) for _ in range(5)]
    assert len({s["id"] for s in sessions}) == len({s["token"] for s in sessions}) == 5


def test_roles_may_only_narrow(rig):
    token = rig.token("bob", "operator", "--role", "service")
    narrow = opened(rig, token, roles=SERVICE)
    assert check_signature(rig, narrow["token"])["roles"] == ["service"]
    refused(rig.ask("KEY_CREATE", token=narrow["token"], name="no", algorithm=2), "DENIED")
    for roles in (ADMINISTRATOR, SERVICE | AUDITOR, OPERATOR | SERVICE | ADMINISTRATOR, 1 << 20, SERVICE | 1 << 31):
        refused(rig.ask("SESSION_OPEN", token=token, roles=roles), "DENIED", "fewer roles")


def test_life(rig):
    token = rig.token("carl", "service")
    assert check_signature(rig, opened(rig, token, ttl_s=10)["token"])["exp"] <= time.time() + 10
    for ttl in (301, 1 << 31):
        refused(rig.ask("SESSION_OPEN", token=token, ttl_s=ttl), "BOUNDS", "tokens.session_s")
    # Times of tokens are whole seconds: one of two seconds lives for at least one.
    short = opened(rig, token, ttl_s=2)["token"]
    assert rig.ask("KEY_LIST", token=short)[0] == "KEYS"
    time.sleep(2.1)
    refused(rig.ask("KEY_LIST", token=short), "TOKEN_EXPIRED")


def test_no_session_from_a_session(rig):
    refused(rig.ask("SESSION_OPEN", token=opened(rig)["token"]), "DENIED", "does not open another")


def test_end_at_once(rig):
    session, other = opened(rig), opened(rig)
    assert rig.ask("SESSION_END", token=session["token"])[0] == "DONE"
    refused(rig.ask("KEY_LIST", token=session["token"]), "BAD_TOKEN")
    refused(rig.ask("SESSION_END", token=session["token"]), "BAD_TOKEN")
    assert rig.ask("KEY_LIST", token=other["token"])[0] == "KEYS"
    refused(rig.ask("SESSION_END"), "INVALID", "token revoke")


def test_bound_to_the_certificate_of_its_opening(rig):
    mine, other = bytes(range(32)), bytes(32)
    session = opened(rig, has_cert=True, cert_hash=mine)["token"]
    assert check_signature(rig, session)["cnf"] == {"x5t#S256": b64(mine)}
    assert rig.ask("KEY_LIST", token=session, has_cert=True, cert_hash=mine)[0] == "KEYS"
    for asking in (dict(has_cert=True, cert_hash=other), dict(has_cert=False, cert_hash=mine), {}):
        refused(rig.ask("KEY_LIST", token=session, **asking), "BAD_TOKEN")
    assert "cnf" not in check_signature(rig, opened(rig)["token"])


def test_its_bytes_are_what_counts(rig):
    """Another signature that verifies (ECDSA is malleable), another spelling, another part: none is the token."""
    token = opened(rig)["token"]
    head, _, signature = token.rpartition(".")
    raw = unb64(signature)
    twin = head + "." + b64(raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big"))
    check_signature(rig, twin)
    for forged in (twin, token + "=", token + ".", head + ".", token[:-1], token.swapcase()):
        refused(rig.ask("KEY_LIST", token=forged), "BAD_TOKEN")
    assert rig.ask("KEY_LIST", token=token)[0] == "KEYS"


def test_audit(rig):
    session = opened(rig, rig.token("dora", "service"))
    rig.ask("SESSION_END", token=session["token"])
    refused(rig.ask("SESSION_OPEN", token=rig.token("dora", "service"), roles=ADMINISTRATOR), "DENIED")
    name, answer = rig.ask("AUDIT_RECENT", limit=20)
    assert name == "EVENTS"
    mine = [r for r in (audit.record(e["record"]) for e in answer["items"]) if r.actor == "dora"]
    assert sorted((r.action, r.result == 0, r.durable) for r in mine) == [(0x0146, False, True), (0x0146, True, True), (0x0147, True, True)]
    details = {r.detail for r in mine}
    assert {f"session {session['id']} opened", f"session {session['id']} ended"} <= details
    assert not any(session["token"].encode() in e["record"] for e in answer["items"])


# ---- what ends with it ----


def test_revoking_the_opener_or_the_session_ends_it(rig):
    key, kid = admin(rig)
    opener = make_token(key, kid, "eve", jti="opener-of-two")
    one, two = opened(rig, opener), opened(rig, opener)
    exp = int(time.time()) + 300
    assert rig.ask("TOKEN_REVOKE", jti=one["id"], expires_s=exp)[0] == "DONE"
    refused(rig.ask("KEY_LIST", token=one["token"]), "BAD_TOKEN")
    assert rig.ask("KEY_LIST", token=two["token"])[0] == "KEYS"
    assert rig.ask("TOKEN_REVOKE", jti="opener-of-two", expires_s=exp)[0] == "DONE"
    refused(rig.ask("KEY_LIST", token=opener), "TOKEN_REVOKED")
    refused(rig.ask("KEY_LIST", token=two["token"]), "BAD_TOKEN")


def keyset_rows(rig):
    name, answer = rig.ask("KEYSET_SHOW")
    assert name == "KEYSET_INFO"
    return answer["generation"], answer["rows"]


def apply(rig, new_rows):
    rig.gateway.next_id += 1
    ident = rig.gateway.next_id
    rig.gateway.send("KEYSET_APPLY", ident=ident, token=rig.token(), request_id="test", generation=keyset_rows(rig)[0] + 1, rows=new_rows)
    rig.wait_core("KEYSET_WRITE")
    while True:
        name, got, values, _ = rig.gateway.receive()
        if got == ident:
            return name, values


def row(kid, key, actor="*", roles=15):
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return dict(kid=kid, alg=3, actor=actor, roles=roles, spki=spki)


def test_a_key_that_leaves_the_keyset_takes_its_sessions_along(own):
    key = ed25519.Ed25519PrivateKey.generate()
    _, before = keyset_rows(own)
    assert apply(own, before + [row("later", key)])[0] == "DONE"
    mine = opened(own, make_token(key, "later", "fay", ["operator", "service"]))["token"]
    narrow = opened(own, make_token(key, "later", "fay", ["operator", "service"]), roles=SERVICE)["token"]
    other = opened(own)["token"]
    assert apply(own, before + [row("later", key, roles=SERVICE)])[0] == "DONE"
    refused(own.ask("KEY_LIST", token=mine), "BAD_TOKEN")
    assert own.ask("KEY_LIST", token=narrow)[0] == own.ask("KEY_LIST", token=other)[0] == "KEYS"
    assert apply(own, before)[0] == "DONE"
    refused(own.ask("KEY_LIST", token=narrow), "BAD_TOKEN")
    assert own.ask("KEY_LIST", token=other)[0] == "KEYS"


def test_sealing_and_starting_again_forget_all(own):
    session = opened(own)["token"]
    _, kid = public_key(own)
    assert own.ask("SEAL")[0] == "DONE"
    own.wait_state(1)
    assert own.ask("JWKS", token="")[1]["rows"] == []
    refused(own.ask("KEY_LIST", token=session), "SEALED")
    own.unseal()
    own.wait_state(2)
    refused(own.ask("KEY_LIST", token=session), "BAD_TOKEN")
    assert public_key(own)[1] != kid
    session, kid = opened(own)["token"], public_key(own)[1]
    keyset = own.keyset()
    own.core_process.kill()
    own.core_process.wait()
    own.restart_core(rows.root_key(own.data), keyset)
    refused(own.ask("KEY_LIST", token=session), "BAD_TOKEN")
    assert public_key(own)[1] != kid


# ---- bounds ----


def open_many(rig, tokens):
    """SESSION_OPEN with each of the tokens, many at a time; gives the answers' names."""
    names = []
    for start in range(0, len(tokens), 256):
        part = tokens[start:start + 256]
        for token in part:
            rig.gateway.next_id += 1
            rig.gateway.send("SESSION_OPEN", ident=rig.gateway.next_id, token=token, request_id="test")
        names += [rig.gateway.receive()[0] for _ in part]
        rig.pump(0)
    return names


def test_bounds(own):
    """64 sessions an actor, 4096 in all; one that ends makes room."""
    key, kid = admin(own)
    tokens = [make_token(key, kid, f"actor-{i}") for i in range(64)]
    mine = [opened(own, tokens[0])["token"] for _ in range(2)]
    assert open_many(own, [tokens[0]] * 62) == ["SESSION"] * 62
    refused(own.ask("SESSION_OPEN", token=tokens[0]), "QUOTA", "64 sessions")
    assert own.ask("SESSION_END", token=mine[0])[0] == "DONE"
    mine[0] = opened(own, tokens[0])["token"]
    assert open_many(own, [t for t in tokens[1:] for _ in range(64)]) == ["SESSION"] * 63 * 64
    one_more = make_token(key, kid, "actor-64")
    refused(own.ask("SESSION_OPEN", token=one_more), "QUOTA", "4096 sessions")
    assert own.ask("KEY_LIST", token=mine[1])[0] == "KEYS", "the others go on"
    assert own.ask("SESSION_END", token=mine[1])[0] == "DONE"
    last = opened(own, one_more)["token"]
    assert own.ask("KEY_LIST", token=last)[0] == own.ask("KEY_LIST", token=mine[0])[0] == "KEYS"
    refused(own.ask("KEY_LIST", token=mine[1]), "BAD_TOKEN")


# ---- introspection ----


def introspected(rig, subject_token, **values):
    name, answer = rig.ask("INTROSPECT", subject_token=subject_token, **values)
    assert name == "INTROSPECTED", answer
    return answer


def test_introspection_of_tokens_that_count(rig):
    key, kid = admin(rig)
    claims = dict(jti="seen", nbf=int(time.time()) - 5)
    token = make_token(key, kid, "gil", ["operator", "auditor"], **claims)
    for _ in range(2):  # asked, then known
        answer = introspected(rig, token)
        assert (answer["active"], answer["subject"], answer["roles"], answer["kid"], answer["jti"]) == (True, "gil", OPERATOR | AUDITOR, kid, "seen")
        assert answer["not_before_s"] == claims["nbf"] and answer["expires_s"] == answer["issued_s"] + 200 and not answer["has_cert"]
    session = opened(rig, token, roles=AUDITOR, has_cert=True, cert_hash=bytes(range(32)))
    answer = introspected(rig, session["token"])
    assert (answer["active"], answer["subject"], answer["roles"], answer["jti"]) == (True, "gil", AUDITOR, session["id"])
    assert answer["kid"] == public_key(rig)[1] and answer["has_cert"] and answer["cert_hash"] == bytes(range(32))
    assert introspected(rig, token, token=token)["active"], "one's own"


def test_introspection_never_says_why(rig):
    key, kid = admin(rig)
    now = int(time.time())
    revoked, ended = make_token(key, kid, "hal", jti="gone"), opened(rig)["token"]
    assert rig.ask("TOKEN_REVOKE", jti="gone", expires_s=now + 300)[0] == "DONE"
    assert rig.ask("SESSION_END", token=ended)[0] == "DONE"
    stranger = ed25519.Ed25519PrivateKey.generate()
    bad = ["", "x", "a.b.c", "\xff" * 20, "x" * 8192, revoked, ended, make_token(stranger, kid, "hal"), make_token(key, "nobody", "hal"),
           make_token(key, kid, "hal", exp=now - 10, iat=now - 20), make_token(key, kid, "hal", aud="other"), make_token(key, kid, "hal", nbf=now + 100),
           make_token(key, kid, "hal", exp=now + 100000), make_token(key, kid, "hal", roles=["root"])]
    nothing = dict(active=False, subject="", roles=0, kid="", jti="", issued_s=0, not_before_s=0, expires_s=0, has_cert=False, cert_hash=bytes(32))
    for token in bad:
        for _ in range(2):
            assert introspected(rig, token) == nothing, token


def test_introspection_needs_a_token_of_its_own(rig):
    refused(rig.ask("INTROSPECT", token="a.b.c", subject_token=rig.token()), "BAD_TOKEN")
    refused(rig.ask("INTROSPECT", token="", subject_token=rig.token()), "NO_TOKEN")


# ---- the public key ----


def test_jwks_shows_the_session_key_alone(rig):
    """Whoever asks needs no token, and nothing of the keyset is in it."""
    name, answer = rig.ask("JWKS", token="")
    assert name == "JWKS_INFO" and [r["alg"] for r in answer["rows"]] == [2]
    assert answer["rows"][0]["kid"] not in {r["kid"] for r in rig.keyset()["rows"]}
