"""The REST surface of the whole system: statuses, problem documents, limits, JSON strictness, and faults behind it."""
import base64
import json
import os
import re
import signal
import socket
import threading
import time

import probe
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from system import System, free_port

DATA = os.environ.get("HOLDFAST_DATA_DIR", os.path.join(probe.ROOT, "..", "shared", "data"))


def b64(data):
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def hsm():
    s = System()
    for name, algorithm in (("sig", "ec-p256"), ("ed", "ed25519"), ("aes", "aes-256-gcm"), ("kem", "ml-kem-768")):
        r = s.request("POST", "/api/v1/keys", {"name": name, "algorithm": algorithm})
        assert r.status == 201, r.body
    yield s
    log = s.log_text()
    assert s.stop() == 0, log
    assert "signal" not in log, log


def problem(r, status, code=None):
    assert r.status == status, r.body
    assert r.headers["content-type"] == "application/problem+json"
    p = r.json
    assert set(p) == {"type", "title", "status", "detail", "code", "request_id"}
    assert p["status"] == status and p["type"] == "urn:holdfast:error:" + p["code"] and p["title"] and p["detail"]
    assert p["request_id"] == r.headers["x-request-id"]
    if code:
        assert p["code"] == code
    return p


# ---- the main job ----


def test_signature_verifies_elsewhere(hsm):
    payload = os.urandom(1000)
    r = hsm.request("POST", "/api/v1/keys/sig/sign", {"payload_b64": b64(payload)})
    assert r.status == 200 and set(r.json) == {"signature_b64", "version"}
    pem = hsm.request("GET", "/api/v1/keys/sig/public")
    assert pem.headers["content-type"] == "application/x-pem-file" and pem.headers["key-version"] == "1"
    key = serialization.load_pem_public_key(pem.body)
    signature = base64.b64decode(r.json["signature_b64"])
    key.verify(signature, payload, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(signature, payload + b"x", ec.ECDSA(hashes.SHA256()))
    verify = {"payload_b64": b64(payload), "signature_b64": r.json["signature_b64"]}
    assert hsm.request("POST", "/api/v1/keys/sig/verify", verify).json["valid"] is True
    verify["payload_b64"] = b64(payload + b"x")
    assert hsm.request("POST", "/api/v1/keys/sig/verify", verify).json["valid"] is False


def test_public_key_formats_agree(hsm):
    for name in ("sig", "ed"):
        pem = serialization.load_pem_public_key(hsm.request("GET", f"/api/v1/keys/{name}/public?format=pem").body)
        der = serialization.load_der_public_key(hsm.request("GET", f"/api/v1/keys/{name}/public?format=der").body)
        assert pem == der
        jwk = hsm.request("GET", f"/api/v1/keys/{name}/public?format=jwk").json
        x = base64.urlsafe_b64decode(jwk["x"] + "==")
        if name == "ed":
            assert jwk["crv"] == "Ed25519" and ed25519.Ed25519PublicKey.from_public_bytes(x) == pem
        else:
            y = base64.urlsafe_b64decode(jwk["y"] + "==")
            numbers = pem.public_numbers()
            assert (int.from_bytes(x, "big"), int.from_bytes(y, "big")) == (numbers.x, numbers.y)
    problem(hsm.request("GET", "/api/v1/keys/kem/public?format=jwk"), 422, "unsupported")


def test_largest_payload_round_trip(hsm):
    plain = os.urandom(1 << 20)
    r = hsm.request("POST", "/api/v1/keys/aes/encrypt", {"plaintext_b64": b64(plain), "associated_data_b64": b64(b"a" * 65536)})
    assert r.status == 200, r.body
    body = {"ciphertext_b64": r.json["ciphertext_b64"], "nonce_b64": r.json["nonce_b64"]}
    problem(hsm.request("POST", "/api/v1/keys/aes/decrypt", body), 422, "bad_ciphertext")
    body["associated_data_b64"] = b64(b"a" * 65536)
    r = hsm.request("POST", "/api/v1/keys/aes/decrypt", body)
    assert base64.b64decode(r.json["plaintext_b64"]) == plain
    problem(hsm.request("POST", "/api/v1/keys/aes/encrypt", {"plaintext_b64": b64(plain + b"x")}), 413)
    problem(hsm.request("POST", "/api/v1/keys/aes/encrypt", {"plaintext_b64": "", "associated_data_b64": b64(b"a" * 65537)}), 413)


def test_kem_round_trip(hsm):
    e = hsm.request("POST", "/api/v1/keys/kem/encapsulate").json
    d = hsm.request("POST", "/api/v1/keys/kem/decapsulate", {"ciphertext_b64": e["ciphertext_b64"]}).json
    assert d["shared_secret_b64"] == e["shared_secret_b64"] and len(base64.b64decode(d["shared_secret_b64"])) == 32


def test_list_pages(hsm):
    r = hsm.request("GET", "/api/v1/keys?per_page=2&page=1").json
    assert len(r["items"]) == 2 and r["has_more"] and r["page"] == 1 and r["per_page"] == 2 and r["total"] >= 4
    only = hsm.request("GET", "/api/v1/keys?algorithm=ml-kem-768&state=active").json
    assert [k["name"] for k in only["items"]] == ["kem"]


def test_tags_survive_in_any_script(hsm):
    tags = ["b", "schlüssel", "鍵", 'qu"ote\\']
    r = hsm.request("POST", "/api/v1/keys", {"name": "tagged", "algorithm": "ed25519", "policy_tags": tags, "description": "día"})
    assert r.json["policy_tags"] == tags and r.json["description"] == "día"
    assert [k["name"] for k in hsm.request("GET", "/api/v1/keys?tags=鍵,b").json["items"]] == ["tagged"]


def test_audit_names_the_request(hsm):
    hsm.request("POST", "/api/v1/keys/ed/sign", {"payload_b64": ""}, headers={"X-Request-Id": "find-me.1"})
    events = hsm.request("GET", "/api/v1/audit/recent?limit=20").json["items"]
    mine = [e for e in events if e["request_id"] == "find-me.1"]
    assert len(mine) == 1 and mine[0]["action"] == "crypto:sign" and mine[0]["actor"] == "tester"
    assert mine[0]["result"] == "ok" and mine[0]["address"] == "127.0.0.1"


def test_keyset_can_be_read_and_put_back(hsm):
    shown = hsm.request("GET", "/api/v1/keyset").json
    shown["generation"] += 1
    r = hsm.request("PUT", "/api/v1/keyset", shown)
    assert r.status == 200 and r.json["generation"] == shown["generation"], r.body
    problem(hsm.request("PUT", "/api/v1/keyset", shown), 409)
    problem(hsm.request("PUT", "/api/v1/keyset", b'{"generation":5,"generation":6}'), 400)
    problem(hsm.request("PUT", "/api/v1/keyset", b"{"), 400)
    problem(hsm.request("PUT", "/api/v1/keyset", {"generation": 9}), 422)


# ---- refusals ----


@pytest.mark.parametrize(
    "method, path, body, headers, status, code",
    [
        ("GET", "/nothing", None, {}, 404, "not_found"),
        ("GET", "/api/v1/keys/unknown", None, {}, 404, "not_found"),
        ("GET", "/api/v1/keys/bad%20name", None, {}, 404, "not_found"),
        ("DELETE", "/api/v1/keys", None, {}, 405, "method_not_allowed"),
        ("PATCH", "/api/v1/keys/sig/sign", None, {}, 405, "method_not_allowed"),
        ("GET", "/api/v1/keys", None, {"Accept": "text/html"}, 406, "not_acceptable"),
        ("GET", "/api/v1/keys/sig/public", None, {"Accept": "application/json"}, 406, "not_acceptable"),
        ("POST", "/api/v1/keys/sig/sign", None, {}, 411, "length_required"),
        ("POST", "/api/v1/keys/sig/sign", b"", {}, 400, "malformed"),
        ("POST", "/api/v1/keys/sig/sign", b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ("POST", "/api/v1/keys/sig/sign", b"{}", {"Content-Type": None}, 415, "unsupported_media_type"),
        ("POST", "/api/v1/keys/sig/sign", b"[]", {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", b"{", {}, 400, "malformed"),
        ("POST", "/api/v1/keys/sig/sign", {}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "", "digest_b64": ""}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": 1}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": None}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "abc"}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "ab=="}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "a-_="}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "YQ==\n"}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "", "surprise": 1}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "", "scheme": "rot13"}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", {"payload_b64": "", "hash": "md5"}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/sign", b'{"payload_b64":"","payload_b64":""}', {}, 400, "malformed"),
        ("POST", "/api/v1/keys/sig/verify", {"payload_b64": ""}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/verify", b'{"payload_b64":"","signature_b64":"","version":9007199254740993}', {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/verify", b'{"payload_b64":"","signature_b64":"","version":1.0}', {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/verify", b'{"payload_b64":"","signature_b64":"","version":-1}', {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/encrypt", {"plaintext_b64": ""}, {}, 422, None),
        ("POST", "/api/v1/keys/aes/decrypt", {"ciphertext_b64": "", "nonce_b64": ""}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys/sig/rotate", {"now": True}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys", {"name": "sig", "algorithm": "ec-p256"}, {}, 409, "exists"),
        ("POST", "/api/v1/keys", {"name": "-", "algorithm": "ec-p256"}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys", {"name": "a\u0000", "algorithm": "ec-p256"}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys", {"name": "n", "algorithm": "rot13"}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys", {"name": "n", "algorithm": "ec-p256", "usage": []}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys", {"name": "n", "algorithm": "ec-p256", "usage": ["sign", "sign"]}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys", {"name": "n", "algorithm": "ec-p256", "usage": ["encrypt"]}, {}, 422, None),
        ("POST", "/api/v1/keys", {"name": "n", "algorithm": "ec-p256", "policy_tags": [1]}, {}, 422, "unprocessable"),
        ("POST", "/api/v1/keys", {"name": "n", "algorithm": "ec-p256", "policy_tags": ["x" * 100] * 200}, {}, 422, "unprocessable"),
        ("GET", "/api/v1/keys?page=0", None, {}, 422, "unprocessable"),
        ("GET", "/api/v1/keys?per_page=1001", None, {}, 422, "unprocessable"),
        ("GET", "/api/v1/keys?page=1&page=2", None, {}, 400, "malformed"),
        ("GET", "/api/v1/keys?surprise=1", None, {}, 422, "unprocessable"),
        ("GET", "/api/v1/keys?page=%zz", None, {}, 400, "malformed"),
        ("GET", "/api/v1/audit/events?after=99999999999999999999", None, {}, 422, "unprocessable"),
        ("GET", "/api/v1/keys/sig/public?version=77", None, {}, 404, "not_found"),
    ],
)
def test_refusals(hsm, method, path, body, headers, status, code):
    r = hsm.request(method, path, body, headers=headers)
    problem(r, status, code)
    if status == 405:
        assert r.headers["allow"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "bearer x", "Bearer x.y.z", "Bearer " + "a" * 9000])
def test_without_a_good_token(hsm, header):
    r = hsm.request("GET", "/api/v1/keys", token=False, headers={} if header is None else {"Authorization": header})
    problem(r, 401)
    brought = r.json["code"] != "no_token"  # RFC 6750 section 3.1
    assert r.headers["www-authenticate"] == ('Bearer error="invalid_token"' if brought else "Bearer")
    assert brought == ((header or "").lower().startswith("bearer ") and len(header) > 7)


def test_missing_token_is_told_before_the_body_is_read(hsm):
    problem(hsm.request("POST", "/api/v1/keys", b"{nonsense", token=False), 401, "no_token")


def test_role_that_may_not(hsm):
    problem(hsm.request("POST", "/api/v1/keys", {"name": "n", "algorithm": "ec-p256"}, token=hsm.token("auditor")), 403, "denied")


@pytest.mark.parametrize("given, kept", [("abc-1.2_X", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("ä", False)])
def test_request_id(hsm, given, kept):
    got = hsm.request("GET", "/healthz", token=False, headers={"X-Request-Id": given}).headers["x-request-id"]
    assert (got == given) == kept
    assert kept or re.fullmatch("[0-9a-f]{24}", got)


def test_headers_of_every_answer(hsm):
    for r in (hsm.request("GET", "/healthz", token=False), hsm.request("GET", "/nothing"), hsm.request("GET", "/api/v1/keys")):
        assert r.headers["cache-control"] == "no-store" and r.headers["x-content-type-options"] == "nosniff"
        assert r.headers["server"] == "holdfast" and "max-age=" in r.headers["strict-transport-security"]
        assert r.headers["date"].endswith(" GMT")


def test_refusals_of_the_transport_are_problems_too(hsm):
    for raw, status in (
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
        (b"POST /api/v1/keys HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n", 413),
        (b"GET / HTTP/1.0\r\n\r\n", 505),
    ):
        with hsm.connect() as c:
            c.sendall(raw)
            answer, _ = probe.read_answer(c)
            problem(type("R", (), {"status": answer.status, "headers": answer.headers, "body": answer.body,
                                   "json": json.loads(answer.body)}), status)


def test_health_and_status_need_no_token(hsm):
    for path in ("/healthz", "/api/v1/status"):
        r = hsm.request("GET", path, token=False)
        assert r.status == 200 and r.json["state"] == "open"
    r = hsm.request("HEAD", "/healthz", token=False)
    assert r.status == 200 and int(r.headers["content-length"]) > 10


def json_vectors():
    path = os.path.join(DATA, "vectors", "json", "JSONTestSuite_parsing.tsv")
    if not os.path.exists(path):
        pytest.skip("no third-party data: " + path)
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("#"):
                continue
            name, expect, digits = (line.rstrip("\n").split("\t") + [""])[:3]
            yield name, expect, bytes.fromhex(digits)


def test_third_party_json_as_bodies(hsm):
    seen = {}
    with hsm.connect() as c:
        for name, expect, body in json_vectors():
            statuses = {hsm.request("POST", "/api/v1/keys", body, connection=c).status for _ in range(2)}
            assert len(statuses) == 1, name
            status = statuses.pop()
            seen.setdefault(expect, set()).add(status)
            if expect == "reject":
                assert status == 400, name
            elif expect == "accept":
                assert status == (400 if "duplicated_key" in name else 422), name
            else:
                assert status in (400, 422), name
    assert seen["either"] == {400, 422} or seen["either"] == {400}


# ---- faults ----


def test_sealed_and_unsealed(hsm):
    assert hsm.request("POST", "/api/v1/seal").status == 200
    problem(hsm.request("POST", "/api/v1/keys/sig/sign", {"payload_b64": ""}), 503, "sealed")
    wait_for_health(hsm, 503)
    assert hsm.request("GET", "/api/v1/status", token=False).json["state"] == "sealed"
    assert hsm.request("POST", "/api/v1/unseal").status == 202
    wait_for_health(hsm, 200)
    assert hsm.request("POST", "/api/v1/keys/sig/sign", {"payload_b64": ""}).status == 200


def wait_for_health(hsm, status, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if hsm.request("GET", "/healthz", token=False).status == status:
                return
        except OSError:  # without core nobody signs the handshake
            pass
        time.sleep(0.1)
    pytest.fail(f"/healthz never said {status}")


def test_frozen_core_gives_503_and_504_and_recovers():
    s = System()
    core = s.child("core")
    try:
        assert s.request("POST", "/api/v1/keys", {"name": "k", "algorithm": "ed25519"}).status == 201
        kept = s.connect()  # a new connection needs a signature of core
        time.sleep(1.1)
        os.kill(core, signal.SIGSTOP)
        start = time.monotonic()
        r = s.request("GET", "/healthz", token=False, connection=kept)
        assert r.status == 503 and r.json["status"] == "degraded" and time.monotonic() - start < 3
        problem(s.request("POST", "/api/v1/keys/k/sign", {"payload_b64": ""}, connection=kept), 504, "timeout")
    finally:
        os.kill(core, signal.SIGCONT)
    time.sleep(0.3)
    assert s.request("POST", "/api/v1/keys/k/sign", {"payload_b64": ""}).status == 200
    assert s.stop() == 0


def test_killed_core_fails_requests_in_flight_and_comes_back():
    s = System()
    assert s.request("POST", "/api/v1/keys", {"name": "k", "algorithm": "ed25519"}).status == 201
    core = s.child("core")
    connections = [s.connect() for _ in range(8)]
    os.kill(core, signal.SIGSTOP)
    got = []
    clients = [threading.Thread(target=lambda c=c: got.append(s.request("POST", "/api/v1/keys/k/sign", {"payload_b64": ""}, connection=c)))
               for c in connections]
    for t in clients:
        t.start()
    time.sleep(0.7)
    os.kill(core, signal.SIGKILL)
    for t in clients:
        t.join()
    assert len(got) == 8
    for r in got:
        problem(r, 503, "peer_gone")
    wait_for_health(s, 200)
    assert s.request("POST", "/api/v1/keys/k/sign", {"payload_b64": ""}).status == 200
    s.stop()


def test_rate_limit_of_an_address():
    s = System(address_rate=5, address_burst=10, actor_rate=1000000)
    with s.connect() as c:
        statuses = [s.request("GET", "/healthz", token=False, connection=c) for _ in range(30)]
        limited = [r for r in statuses if r.status == 429]
        assert 15 <= len(limited) <= 20
        assert int(problem(limited[0], 429, "rate") and limited[0].headers["retry-after"]) >= 1
        time.sleep(1.2)
        assert s.request("GET", "/healthz", token=False, connection=c).status == 200
    # Connections are limited as well: those over it end before a handshake.
    refused = 0
    for _ in range(30):
        try:
            s.connect().close()
        except OSError:
            refused += 1
    assert refused >= 15
    # The gateway hands its counts to core every ten seconds, and core records its own every ten: two periods at most.
    deadline = time.monotonic() + 30
    flood = []
    while sum(e["count"] for e in flood) < len(limited) + refused and time.monotonic() < deadline:
        time.sleep(1)
        events = s.request("GET", "/api/v1/audit/recent?limit=100").json["items"]
        flood = [e for e in events if e["result"] == "rate"]
    assert sum(e["count"] for e in flood) == len(limited) + refused
    assert all(e["address"] == "127.0.0.0" for e in flood)
    s.stop()


def test_stop_finishes_what_is_in_flight():
    s = System()
    assert s.request("POST", "/api/v1/keys", {"name": "k", "algorithm": "ed25519"}).status == 201
    idle, busy = s.connect(), s.connect()
    core = s.child("core")
    os.kill(core, signal.SIGSTOP)
    got = []
    t = threading.Thread(target=lambda: got.append(s.request("POST", "/api/v1/keys/k/sign", {"payload_b64": ""}, connection=busy)))
    t.start()
    time.sleep(0.4)
    s.process.send_signal(signal.SIGTERM)
    time.sleep(0.6)
    assert probe.closed_within(idle, 2)
    with pytest.raises(OSError):  # nobody takes it off the listening socket
        probe.connect(s.port, s.ca, timeout=0.5)
    os.kill(core, signal.SIGCONT)
    t.join()
    assert got[0].status == 200
    assert s.process.wait(timeout=20) == 0


def test_new_certificate_is_taken_without_a_restart():
    s = System()
    with s.connect() as before:
        assert s.request("GET", "/healthz", token=False, connection=before).status == 200
        gateway = s.child("gateway")
        cert, key = probe.write_certificate(s.folder)
        for new, name in ((cert, "server.pem"), (key, "server-key.pem")):
            os.replace(new, os.path.join(s.data, "tls", name))
        s.process.send_signal(signal.SIGHUP)
        s.wait_for("the new certificate is in use")
        time.sleep(0.2)
        with pytest.raises(OSError):
            s.connect()  # it is no longer signed by that authority
        with probe.connect(s.port, os.path.join(s.data, "tls", "server.pem")) as after:
            assert s.request("GET", "/healthz", token=False, connection=after).status == 200
        assert s.request("GET", "/healthz", token=False, connection=before).status == 200
    assert s.child("gateway") == gateway
    s.stop()


def test_a_new_address_is_taken_without_a_restart():
    s = System()
    old, new = s.port, free_port()
    with s.connect() as before:
        assert s.request("GET", "/healthz", token=False, connection=before).status == 200
        s.configure({"listen": f"127.0.0.1:{new}"})
        s.process.send_signal(signal.SIGHUP)
        s.port, end = new, time.monotonic() + 15
        while True:
            try:
                assert s.request("GET", "/healthz", token=False).status == 200
                break
            except OSError:
                assert time.monotonic() < end, s.log_text()
                time.sleep(0.05)
        assert s.request("GET", "/healthz", token=False, connection=before).status == 200
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", old), timeout=2).close()
    assert s.stop() == 0


def test_unusable_certificate_changes_nothing():
    s = System()
    with open(os.path.join(s.data, "tls", "server-key.pem"), "w", encoding="ascii") as f:
        f.write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    s.process.send_signal(signal.SIGHUP)
    s.wait_for("the old certificate and key stay")
    assert s.request("GET", "/healthz", token=False).status == 200
    s.stop()


def test_local_socket_speaks_the_same(tmp_path):
    s = System(arguments=["--socket", str(tmp_path / "hsm.sock")])
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(str(tmp_path / "hsm.sock"))
        assert s.request("GET", "/healthz", token=False, connection=c).json["state"] == "open"
        r = s.request("POST", "/api/v1/keys", {"name": "k", "algorithm": "ed25519"}, connection=c)
        assert r.status == 201
        problem(s.request("GET", "/api/v1/keys", token=False, connection=c), 401, "no_token")
    s.stop()
