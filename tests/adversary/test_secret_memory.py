"""Secrets of HS256 in memory: where capabilities says that they lie locked, root does not find them."""
import base64
import hashlib
import hmac
import json
import os
import time

import pytest

import attack
import needles


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(secret):
    now = int(time.time())
    claims = {"sub": "robot", "aud": "holdfast", "roles": ["service"], "iat": now, "exp": now + 60, "jti": os.urandom(8).hex()}
    text = url64(b'{"alg":"HS256","kid":"robot"}') + "." + url64(json.dumps(claims).encode())
    return text + "." + url64(hmac.new(secret, text.encode(), hashlib.sha256).digest())


@pytest.mark.skipif(os.geteuid() != 0, reason="reading another process's memory needs root")
def test_core_and_verifier_keep_it_locked(fresh, tmp_path):
    """Root finds it in neither, at work and after a start that read it from the file; the administrator's point shows that the scan sees."""
    fresh.configure(tokens__hs256="yes").start()
    if fresh.get("/api/v1/capabilities").json["backing"] != "memfd_secret":
        pytest.skip("this kernel has no memfd_secret")
    secret = os.urandom(64)
    keyset = fresh.get("/api/v1/keyset").json
    keys = keyset["keys"]
    row = {"kid": "robot", "alg": "HS256", "actor": "*", "roles": ["service"], "secret_b64": base64.b64encode(secret).decode()}
    answer = fresh.request("PUT", "/api/v1/keyset", {"version": 1, "generation": keyset["generation"] + 1, "keys": keys + [row]})
    assert answer.status == 200, answer
    spki = base64.b64decode("".join(keys[0]["public_key_pem"].split("\n")[1:-2]))
    found, control = tmp_path / "needles", tmp_path / "control"
    needles.write(found, [("hs256", secret), ("hs256-b64", base64.b64encode(secret))])
    needles.write(control, [("point", spki[-32:])])
    for _ in range(2):
        for _ in range(20):
            assert fresh.get("/api/v1/keys", token=make_token(secret)).status == 200
        children = fresh.children()
        for name in ("core", "verifier-token", "gateway", "store"):
            assert attack.Scan(attack.tool("memscan", found, "mem", children[name])).hits == [], name
        assert attack.Scan(attack.tool("memscan", control, "mem", fresh.supervisor_pid())).hits != []
        assert fresh.stop() == 0
        fresh.start()
