"""Who may do what: tokens, roles, keysets, revocation, limits, and what anonymous failures leave behind."""
import base64
import json
import os
import signal
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from hsm import DATA, b64

ROLES = ("administrator", "operator", "auditor", "service")


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(key, kid, **changes):
    """A token by Python's cryptography, not by our mint."""
    now = int(time.time())
    claims = {"sub": "alice", "aud": "holdfast", "roles": ["operator"], "iat": now, "exp": now + 60, "jti": os.urandom(8).hex(), **changes}
    alg = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES256"
    text = url64(json.dumps({"alg": alg, "kid": kid}).encode()) + "." + url64(json.dumps({k: v for k, v in claims.items() if v is not None}).encode())
    if alg == "EdDSA":
        return text + "." + url64(key.sign(text.encode()))
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return text + "." + url64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def row(kid, key, actor="*", roles=ROLES):
    alg = "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "ES256"
    return {"kid": kid, "alg": alg, "actor": actor, "roles": list(roles), "public_key_pem": pem(key)}


def current_keyset(hsm):
    shown = hsm.get("/api/v1/keyset").json
    return shown["generation"], shown["keys"]


def apply_keyset(hsm, *rows, **kw):
    generation, keys = current_keyset(hsm)
    mine = {r["kid"] for r in rows}
    answer = hsm.request("PUT", "/api/v1/keyset", {"version": 1, "generation": generation + 1, "keys": [k for k in keys if k["kid"] not in mine] + list(rows)}, **kw)
    if answer.status == 200:
        hsm.tokens.clear()
    return answer


# ---- the matrix of roles ----

# route, body, roles that may (besides it failing for other reasons than rights)
MATRIX = [
    ("GET", "/api/v1/keys", None, set(ROLES)),
    ("POST", "/api/v1/keys", {"name": "matrix-key", "algorithm": "ec-p256", "policy_tags": []}, {"administrator", "operator"}),
    ("POST", "/api/v1/keys/matrix/sign", {"payload_b64": ""}, {"administrator", "operator", "service"}),
    ("POST", "/api/v1/keys/matrix/verify", {"payload_b64": "", "signature_b64": "AAAA"}, {"administrator", "operator", "service"}),
    ("POST", "/api/v1/keys/matrix/rotate", {}, {"administrator", "operator"}),
    ("POST", "/api/v1/keys/matrix/revoke", {}, {"administrator"}),
    ("DELETE", "/api/v1/keys/matrix", None, {"administrator"}),
    ("GET", "/api/v1/audit/recent", None, {"administrator", "auditor"}),
    ("GET", "/api/v1/audit/tree-head", None, {"administrator", "auditor"}),
    ("GET", "/api/v1/keyset", None, {"administrator", "auditor"}),
    ("PUT", "/api/v1/keyset", {"version": 1, "generation": 1, "keys": [row("m", ed25519.Ed25519PrivateKey.generate())]}, {"administrator"}),
    ("POST", "/api/v1/root/rotate-epoch", {}, {"administrator"}),
    ("GET", "/api/v1/capabilities", None, {"administrator", "operator", "auditor"}),
    ("POST", "/api/v1/tokens/revoke", {"jti": "x", "exp": 1}, {"administrator"}),
]


@pytest.mark.parametrize("method,path,body,allowed", MATRIX, ids=[f"{m} {p}" for m, p, _, _ in MATRIX])
def test_matrix_of_roles(hsm, method, path, body, allowed):
    for role in ROLES:
        answer = hsm.request(method, path, body, token=hsm.token("matrix", role))
        assert (answer.status != 403) == (role in allowed), (role, answer)
        assert answer.status != 401


def test_every_route_wants_a_token(hsm):
    for method, path, body, _ in MATRIX:
        answer = hsm.request(method, path, body, token=None)
        assert answer.status == 401 and answer.json["code"] == "no_token", answer
    assert hsm.get("/healthz", token=None).status == 200


# ---- tokens ----

@pytest.mark.parametrize("make", [lambda: ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate], ids=["ES256", "EdDSA"])
def test_keyset_apply_takes_effect_and_narrows(hsm, make):
    key = make()
    assert apply_keyset(hsm, row("narrow", key, actor="alice", roles=["operator", "service"])).status == 200
    assert hsm.get("/api/v1/keys", token=make_token(key, "narrow")).status == 200
    for changes in ({"sub": "bob"}, {"roles": ["administrator"]}, {"roles": ["operator", "auditor"]}, {"roles": []}, {"roles": ["root"]}, {"roles": None},
                    {"sub": None}, {"exp": None}, {"aud": "other"}, {"exp": int(time.time()) + 4000}, {"nbf": int(time.time()) + 100},
                    {"iat": int(time.time()) + 100}, {"iat": int(time.time()) - 4000, "exp": int(time.time()) + 100}):
        answer = hsm.get("/api/v1/keys", token=make_token(key, "narrow", **changes))
        assert answer.status == 401, (changes, answer)
    expired = hsm.get("/api/v1/keys", token=make_token(key, "narrow", iat=int(time.time()) - 100, exp=int(time.time()) - 10))
    assert expired.status == 401 and expired.json["code"] == "token_expired"
    assert hsm.get("/api/v1/keys", token=make_token(key, "unknown")).status == 401
    assert hsm.get("/api/v1/keys", token=make_token(make(), "narrow")).status == 401


def test_a_key_removed_from_the_keyset_is_dead_at_once(hsm):
    """Its tokens are in the verdict cache, and are refused all the same."""
    key = ed25519.Ed25519PrivateKey.generate()
    assert apply_keyset(hsm, row("short-lived", key)).status == 200
    token = make_token(key, "short-lived")
    assert hsm.get("/api/v1/keys", token=token).status == 200
    generation, keys = current_keyset(hsm)
    gone = {"version": 1, "generation": generation + 1, "keys": [k for k in keys if k["kid"] != "short-lived"]}
    assert hsm.request("PUT", "/api/v1/keyset", gone).status == 200
    assert hsm.get("/api/v1/keys", token=token).status == 401
    assert hsm.get("/api/v1/keys").status == 200


def test_bad_keysets_are_refused(hsm):
    generation, keys = current_keyset(hsm)
    key = ed25519.Ed25519PrivateKey.generate()
    ecdsa = ec.generate_private_key(ec.SECP256R1())
    for body in ({"version": 1, "generation": generation, "keys": keys},
                 {"version": 1, "generation": generation - 1, "keys": keys},
                 {"version": 1, "generation": generation + 1, "keys": []},
                 {"version": 1, "generation": generation + 1, "keys": keys + [keys[0]]},
                 {"version": 1, "generation": generation + 1, "keys": [row("a", key, roles=["service"])]},
                 {"version": 1, "generation": generation + 1, "keys": keys + [{**row("b", key), "alg": "ES256"}]},
                 {"version": 1, "generation": generation + 1, "keys": keys + [{**row("b", key), "alg": "none"}]},
                 {"version": 1, "generation": generation + 1, "keys": keys + [{**row("b", ecdsa), "public_key_pem": pem(ec.generate_private_key(ec.SECP384R1()))}]},
                 {"version": 1, "generation": generation + 1, "keys": keys + [{**row("b", key), "roles": []}]}):
        answer = hsm.request("PUT", "/api/v1/keyset", body)
        assert 400 <= answer.status < 500, (body, answer)
    assert current_keyset(hsm)[0] == generation


def test_keyset_survives_a_restart_and_cannot_be_put_back(fresh):
    fresh.start()
    old = (fresh.data / "keyset.json").read_bytes()
    key = ed25519.Ed25519PrivateKey.generate()
    assert apply_keyset(fresh, row("later", key)).status == 200
    assert fresh.stop() == 0
    fresh.start()
    assert fresh.get("/api/v1/keys", token=make_token(key, "later")).status == 200
    assert fresh.stop() == 0
    (fresh.data / "keyset.json").write_bytes(old)
    fresh.start(wait=False)
    code, log = fresh.wait_refused()
    assert code != 0 and "keyset" in log


def test_altered_keyset_file_is_refused(fresh):
    fresh.start()
    assert fresh.stop() == 0
    path = fresh.data / "keyset.json"
    path.write_text(path.read_text().replace('"*"', '"mallory"'))
    fresh.start(wait=False)
    code, log = fresh.wait_refused()
    assert code != 0 and "keyset" in log


def test_reload_on_sighup(fresh):
    """A file with a wrong MAC keeps the old keyset; both are audited."""
    fresh.start()
    path = fresh.data / "keyset.json"
    good = path.read_text()
    token = fresh.token()
    path.write_text(good.replace('"*"', '"mallory"'))
    os.kill(fresh.supervisor_pid(), signal.SIGHUP)
    deadline = time.monotonic() + 10
    while "refused" not in fresh.text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert fresh.get("/api/v1/keys", token=token).status == 200, "the old keyset stays"
    path.write_text(good)
    os.kill(fresh.supervisor_pid(), signal.SIGHUP)
    time.sleep(1)
    assert fresh.get("/api/v1/keys", token=token).status == 200


def test_revoked_token(hsm):
    key = ed25519.Ed25519PrivateKey.generate()
    assert apply_keyset(hsm, row("rev", key)).status == 200
    exp = int(time.time()) + 60
    token = make_token(key, "rev", jti="to-be-revoked", exp=exp)
    assert hsm.get("/api/v1/keys", token=token).status == 200
    assert hsm.post("/api/v1/tokens/revoke", {"jti": "to-be-revoked", "exp": exp}).status == 200
    answer = hsm.get("/api/v1/keys", token=token)
    assert answer.status == 401 and answer.json["code"] == "token_revoked"
    pid = hsm.children()["core"]
    os.kill(pid, signal.SIGKILL)
    hsm.wait_child("core", other_than=pid)
    deadline = time.monotonic() + 20
    while (answer := hsm.get("/api/v1/keys", token=token)).status == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer.status == 401 and answer.json["code"] == "token_revoked", "revocation survives a restart of core"


@pytest.mark.skipif(not (DATA / "vectors/jose/jwt_attacks.json").exists(), reason="no third-party data")
def test_attack_tokens_at_the_door(hsm):
    """Every compact JWS of the corpora as a bearer token: 401 for all, since none is by a key of this keyset."""
    attacks = json.loads((DATA / "vectors/jose/jwt_attacks.json").read_text())["tests"]
    vectors = json.loads((DATA / "vectors/jose/rfc_jws_vectors.json").read_text())["vectors"]
    tokens = [t["token"] for t in attacks] + [v["compact"] for v in vectors if isinstance(v.get("compact"), str)]
    assert len(tokens) > 130
    connection = hsm.connect()
    for token in tokens:
        try:
            token.encode("latin-1")
        except UnicodeEncodeError:
            continue
        if any(c in token for c in "\r\n\0"):
            continue
        answer = hsm.get("/api/v1/keys", token=token or " ", connection=connection)
        assert answer.status in (400, 401, 431), (token[:80], answer)
        if answer.headers.get("Connection", "").lower() == "close" or answer.status in (400, 431):
            connection.close()
            connection = hsm.connect()
    assert hsm.get("/api/v1/keys").status == 200
    pid = hsm.children()["verifier-token"]
    assert pid, "the verifier is alive"


# ---- JSON at the door ----

def tsv(name):
    path = DATA / "vectors/json" / name
    for line in path.read_text().splitlines()[1:]:
        label, expect, data = (line.split("\t") + ["", ""])[:3]
        yield label, expect, bytes.fromhex(data)


@pytest.mark.skipif(not (DATA / "vectors/json").exists(), reason="no third-party data")
def test_json_files_as_bodies(hsm):
    """n_ 400; y_ never 400 for syntax; i_ 400 or 422, the same every time."""
    connection = hsm.connect()
    for label, expect, data in tsv("JSONTestSuite_parsing.tsv"):
        answers = [hsm.request("POST", "/api/v1/keys", raw=data, connection=connection) for _ in range(2)]
        assert answers[0].status == answers[1].status, label
        status = answers[0].status
        if label.startswith("n_"):
            assert status == 400, (label, answers[0])
        elif label.startswith("y_"):
            duplicate = "duplicated_key" in label
            assert status == (400 if duplicate else 422), (label, answers[0])
        else:
            assert status in (400, 422), (label, answers[0])
    for label, _, data in tsv("JSONTestSuite_transform.tsv"):
        status = hsm.request("POST", "/api/v1/keys", raw=data, connection=connection).status
        assert status in (400, 422), label


# ---- limits ----

def test_actor_limit(fresh):
    fresh.configure(core__actor_rate=5, core__actor_burst=10).start()
    connection = fresh.connect()
    token = fresh.token("greedy", "service")
    statuses = [fresh.get("/api/v1/keys", token=token, connection=connection).status for _ in range(20)]
    assert statuses[:10] == [200] * 10 and 429 in statuses[10:], statuses
    limited = fresh.get("/api/v1/keys", token=token, connection=connection)
    assert limited.status == 429 and int(limited.headers["Retry-After"]) >= 1 and limited.json["code"] == "rate"
    assert fresh.get("/api/v1/keys", token=fresh.token("other", "service"), connection=connection).status == 200, "others are not held up"
    time.sleep(1.2)
    assert fresh.get("/api/v1/keys", token=token, connection=connection).status == 200, "it refills"


def test_address_limit_comes_before_token_work(fresh):
    fresh.configure(gateway__address_rate=5, gateway__address_burst=20).start()
    connection = fresh.connect()
    statuses = [fresh.get("/api/v1/keys", token="not.a.token", connection=connection).status for _ in range(60)]
    assert statuses.count(401) <= 30 and 429 in statuses, statuses


def test_a_flood_of_failures_does_not_fill_the_audit(fresh):
    fresh.start()
    before = fresh.get("/api/v1/audit/recent?limit=1").json["items"][0]["seq"]
    connection = fresh.connect()
    for i in range(400):
        assert fresh.get("/api/v1/keys", token=f"a.b.{i}", connection=connection).status == 401
    time.sleep(11)
    events = fresh.get(f"/api/v1/audit/events?after={before}&limit=200").json["items"]
    assert len(events) < 20, "one record for the prefix and reason, not one each"
    aggregate = [e for e in events if e.get("count", 1) > 1]
    assert sum(e["count"] for e in aggregate) >= 400, events


# ---- verifier ----

def test_a_crashed_verifier_refuses_its_token_only(fresh):
    fresh.start()
    fresh.get("/api/v1/keys")
    pid = fresh.children()["verifier-token"]
    os.kill(pid, signal.SIGSTOP)
    import threading
    poison = fresh.mint("poison", "service")
    statuses = []
    t = threading.Thread(target=lambda: statuses.append(fresh.get("/api/v1/keys", token=poison).status))
    t.start()
    time.sleep(0.5)
    os.kill(pid, signal.SIGKILL)
    t.join(20)
    fresh.wait_child("verifier-token", other_than=pid)
    assert statuses == [401], "the token that was with the verifier when it died"
    assert fresh.get("/api/v1/keys", token=poison).status == 401, "refused for 60 s"
    deadline = time.monotonic() + 10
    while (s := fresh.get("/api/v1/keys", token=fresh.mint("fine", "service")).status) == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert s == 200


@pytest.mark.parametrize("leeway,status", [(0, 401), (60, 200)])
def test_leeway_of_the_makers_clock(fresh, leeway, status):
    """A maker whose clock is 20 s ahead: its tokens are of the future by ours."""
    fresh.configure(tokens__leeway_s=leeway).start()
    key = ed25519.Ed25519PrivateKey.generate()
    assert apply_keyset(fresh, row("ahead", key)).status == 200
    ahead = int(time.time()) + 20
    assert fresh.get("/api/v1/keys", token=make_token(key, "ahead", iat=ahead, nbf=ahead, exp=ahead + 60)).status == status
