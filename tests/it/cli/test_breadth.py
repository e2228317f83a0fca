"""Import, attributes, search, MACs, rewrapping, random bytes, batches and sessions, from the command line to core and back."""
import hashlib
import hmac
import json
import os
import re
import stat
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from hsm import b64, unb64
from test_cli import document, sentence
from test_wrap import openssl, pkcs8

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def json_of(cli, *words, **kw):
    done = cli("--output", "json", *words, **kw)
    assert done.returncode == 0, done
    return document(done)


# ---- import: public keys ----


def b64url(data):
    return b64(data).rstrip("=").replace("+", "-").replace("/", "_")


def jwk_of(key):
    n = key.public_numbers()
    if isinstance(key, ec.EllipticCurvePublicKey):
        size = (key.curve.key_size + 7) // 8
        return {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": b64url(n.x.to_bytes(size, "big")), "y": b64url(n.y.to_bytes(size, "big"))}
    return {"kty": "RSA", "n": b64url(n.n.to_bytes(256, "big")), "e": "AQAB"}


def forms_of(key):
    return {"pem": key.public_bytes(PEM, SPKI), "der": key.public_bytes(DER, SPKI), "jwk": json.dumps(jwk_of(key)).encode(),
            "jwks": json.dumps({"keys": [jwk_of(key)]}).encode(), "jwk-in-lines": json.dumps(jwk_of(key), indent=4).encode()}


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "jwks", "jwk-in-lines"])
@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048"])
def test_a_public_key_verifies_what_its_holder_signed(cli, algorithm, form):
    holder = {"ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()), "ec-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
              "rsa-2048": lambda: rsa.generate_private_key(65537, 2048)}[algorithm]()
    name = f"pub-{algorithm}-{form}"
    shown = json_of(cli, "key", "import", name, "--public", cli.file("key", forms_of(holder.public_key())[form]), "--tag", "partner", "--description", "d")
    assert shown["algorithm"] == algorithm and shown["origin"] == "public" and shown["usage"] == ["verify"]
    assert shown["policy_tags"] == ["partner"] and shown["description"] == "d"
    message = cli.file("m", b"message")
    if algorithm == "rsa-2048":
        signature = holder.sign(b"message", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        signature = holder.sign(b"message", ec.ECDSA(hashes.SHA384() if algorithm == "ec-p384" else hashes.SHA256()))
    assert cli("verify", name, "--in", message, "--signature", cli.file("s", signature)).returncode == 0
    assert cli("verify", name, "--in", cli.file("o", b"other"), "--signature", "s").returncode == 8
    assert cli("sign", name, "--in", message).returncode in (2, 5), "there is no private half"
    assert serialization.load_pem_public_key(cli.fine("key", "public", name)) == holder.public_key()


def test_a_pem_file_of_another_system(cli):
    """RFC 7468 sections 2 and 5.2: other line ends, and text around the block, which need not be UTF-8."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(PEM, SPKI)
    for i, text in enumerate((pem.replace(b"\n", b"\r\n"), pem.replace(b"\n", b"\r"), b"Schl\xfcssel\n\f\n" + pem + b"\xff the end\n")):
        cli.fine("key", "import", f"other-system-{i}", "--public", cli.file("key", text))
        assert serialization.load_pem_public_key(cli.fine("key", "public", f"other-system-{i}")) == key
    for text in (pem + pem, b"-----BEGIN ", b"x-----BEGIN PUBLIC KEY", pem[:-20]):
        assert cli("key", "import", "other-system", "--public", cli.file("key", text)).returncode == 2


def test_standard_input_and_other_algorithms(cli):
    key = ed25519.Ed25519PrivateKey.generate()
    cli.fine("key", "import", "pub-stdin", "--public", "-", input=key.public_key().public_bytes(PEM, SPKI))
    assert cli("verify", "pub-stdin", "--signature", cli.file("s", key.sign(b"m")), input=b"m").returncode == 0
    for algorithm in ("ML-DSA-65", "ML-KEM-768"):
        der = openssl("pkey", "-pubout", "-outform", "DER", input=openssl("genpkey", "-algorithm", algorithm))
        assert json_of(cli, "key", "import", f"pub-{algorithm}", "--public", "-", input=der)["algorithm"] == algorithm.lower()


def test_what_is_no_public_key(cli):
    key = ec.generate_private_key(ec.SECP256R1())
    private = {"kty": "EC", "crv": "P-256", "d": "AAAA", **{k: v for k, v in jwk_of(key.public_key()).items() if k in "xy"}}
    certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    rows = [(pkcs8(key, PEM), "not sent"), (json.dumps(private).encode(), "not sent"), (json.dumps({"kty": "oct", "k": "AAAA"}).encode(), "not sent"),
            (b"", "empty"), (b"text", "PEM, DER or JWK"), (b"{", "none"), (b"[]", "PEM, DER or JWK"), (certificate, "openssl x509"),
            (json.dumps({"keys": []}).encode(), "0 keys"), (json.dumps({"keys": [{}, {}]}).encode(), "2 keys"), (b'{"kty": "EC"}', ""),
            (key.public_key().public_bytes(DER, SPKI)[:-1], "")]
    for content, words in rows:
        done = cli("key", "import", "no-public", "--public", cli.file("file", content))
        assert done.returncode == 2 and words in sentence(done), (content, done)
    assert cli("key", "show", "no-public").returncode == 3
    assert not [e for e in cli.hsm.get("/api/v1/audit/recent?limit=1000").json["items"] if "AAAA" in json.dumps(e)]


# ---- import: private keys ----


@pytest.fixture(scope="module")
def intakes(hsm):
    for name, algorithm in (("intake-rsa", "rsa-3072"), ("intake-kem", "ml-kem-768")):
        hsm.create(name, algorithm, usage=["import"])
    return "intake-rsa", "intake-kem"


def test_an_import_key_does_nothing_else(cli, intakes):
    shown = json_of(cli, "key", "show", "intake-rsa")
    assert shown["usage"] == ["import"]
    assert cli("sign", "intake-rsa", input=b"m").returncode == 2
    assert cli("decapsulate", "intake-kem", input=b"x" * 1088).returncode == 2


@pytest.mark.parametrize("through", [0, 1], ids=["rsa", "ml-kem"])
def test_a_private_key_signs_here_as_it_did_there(cli, intakes, through):
    key = ec.generate_private_key(ec.SECP256R1())
    path = cli.file("legacy.pem", pkcs8(key, PEM))
    path.chmod(0o600)
    name = f"legacy-{through}"
    shown = json_of(cli, "key", "import", name, "--private", path, "--wrapping-key", intakes[through])
    assert shown["origin"] == "imported" and shown["algorithm"] == "ec-p256" and shown["usage"] == ["sign", "verify"]
    key.public_key().verify(cli.fine("sign", name, input=b"m"), b"m", ec.ECDSA(hashes.SHA256()))
    assert cli("key", "import", name, "--private", path, "--wrapping-key", intakes[through]).returncode == 5
    piped = cli("key", "import", name + "-piped", "--private", "-", "--wrapping-key", intakes[through], input=pkcs8(key))
    assert piped.returncode == 0, piped


def test_bytes_of_aes_and_hmac_keys(cli, intakes):
    secret = os.urandom(32)
    path = cli.file("hmac.bin", secret)
    path.chmod(0o600)
    cli.fine("key", "import", "old-mac", "--private", path, "--wrapping-key", intakes[1], "--algorithm", "hmac-sha256")
    assert cli.fine("mac", "old-mac", input=b"m") == hmac.new(secret, b"m", hashlib.sha256).digest()
    cli.fine("key", "import", "old-box", "--private", path, "--wrapping-key", intakes[0], "--algorithm", "aes-256-gcm")
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    sealed = cli.fine("encrypt", "old-box", input=b"plain")
    assert AESGCM(secret).decrypt(sealed[:12], sealed[20:], sealed[12:20]) == b"plain"


def test_wrapped_elsewhere(cli, intakes):
    """With openssl and Python alone, as the page of 'key import' describes the form."""
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
    key, kek = ed25519.Ed25519PrivateKey.generate(), os.urandom(32)
    public = serialization.load_pem_public_key(cli.fine("key", "public", intakes[0]))
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    path = cli.file("wrapped", public.encrypt(kek, oaep) + aes_key_wrap_with_padding(kek, pkcs8(key)))
    words = ("--wrapped", path, "--wrapping-key", intakes[0], "--algorithm", "ed25519")
    cli.fine("key", "import", "wrapped-rsa", *words, "--wrapping-version", "1")
    key.public_key().verify(cli.fine("sign", "wrapped-rsa", input=b"m"), b"m")
    bad = bytearray(path.read_bytes())
    bad[-1] ^= 1
    done = cli("key", "import", "wrapped-bad", "--wrapped", cli.file("bad", bytes(bad)), *words[2:])
    assert done.returncode in (2, 8) and cli("key", "show", "wrapped-bad").returncode == 3
    assert cli("key", "import", "x", *words, "--wrapping-version", "9").returncode == 3
    assert cli("key", "import", "x", *words[:4]).returncode == 2, "--algorithm is needed"


def test_wrong_use_of_import(cli, intakes):
    cli.fine("key", "create", "no-intake", "--algorithm", "ec-p256")
    path = cli.file("k.pem", pkcs8(ec.generate_private_key(ec.SECP256R1()), PEM))
    path.chmod(0o600)
    for words, code in ((("--private", path), 2), (("--private", path, "--public", path), 2), ((), 2), (("--public", path, "--wrapping-key", "k"), 2),
                        (("--private", path, "--wrapping-key", "none"), 3), (("--private", path, "--wrapping-key", "no-intake"), 2),
                        (("--private", cli.folder / "none", "--wrapping-key", intakes[0]), 2),
                        (("--private", path, "--wrapping-key", intakes[0], "--algorithm", "ed25519"), 2),
                        (("--private", path, "--wrapping-key", intakes[0], "--wrapping-version", "1"), 2)):
        done = cli("--output", "json", "key", "import", "x", *words)
        assert done.returncode == code and document(done)["code"], (words, done)
    assert cli("key", "show", "x").returncode == 3


def test_a_private_key_is_in_no_argument_and_goes_to_no_socket(cli, intakes):
    key = ed25519.Ed25519PrivateKey.generate()
    seed = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    pem = pkcs8(key, PEM)
    path = cli.file("traced.pem", pem)
    path.chmod(0o600)
    trace = cli.folder / "trace"
    words = ["strace", "-f", "-v", "-xx", "-s", "100000", "-e", "trace=execve,execveat,openat,write,sendto,sendmsg,writev,read", "-o", trace, cli.program,
             *cli.server, *cli.authority, "key", "import", "traced-import", "--private", path, "--wrapping-key", intakes[0]]
    done = subprocess.run([str(w) for w in words], capture_output=True, env=cli.environment)
    assert done.returncode == 0, done
    lines = trace.read_text().splitlines()
    hexed = [pem.splitlines()[1], seed, b64(seed).encode()]
    forms = ["".join(f"\\x{b:02x}" for b in h) for h in hexed]
    name = "".join(f"\\x{b:02x}" for b in str(path).encode())
    openers = {line.split()[0] for line in lines if name in line and " openat(" in line}
    first = lines[0].split()[0]
    assert len(openers) == 1 and first not in openers, "one process reads the key, and not the one that speaks to the network"
    # Where the reader's memory is memfd_secret, strace cannot even show what was read.
    assert not [line for line in lines for f in forms if f in line and not (line.split()[0] in openers and "read" in line)]


# ---- description, tags, attributes, search ----


def test_key_set(cli):
    cli.fine("key", "create", "changed", "--algorithm", "ed25519", "--tag", "a", "--description", "before")
    shown = json_of(cli, "key", "set", "changed", "--description", "after", "--attribute", "owner=build", "--attribute", "note=a=b")
    assert shown["description"] == "after" and shown["attributes"] == {"note": "a=b", "owner": "build"} and shown["policy_tags"] == ["a"]
    shown = json_of(cli, "key", "set", "changed", "--remove-attribute", "note", "--tag", "b", "--tag", "c")
    assert shown["attributes"] == {"owner": "build"} and shown["policy_tags"] == ["b", "c"] and shown["description"] == "after"
    assert re.search(rb"^attributes +owner=build$", cli.fine("key", "show", "changed"), re.MULTILINE)
    assert json_of(cli, "key", "set", "changed", "--no-tags")["policy_tags"] == []
    assert json_of(cli, "key", "set", "changed", "--description", "")["description"] == ""
    for words in ((), ("--tag", "a", "--no-tags"), ("--attribute", "novalue"), ("--attribute", "=v"), ("--attribute", "n=")):
        assert cli("key", "set", "changed", *words).returncode == 2, words
    assert cli("key", "set", "not-there", "--no-tags").returncode == 3
    assert cli("--role", "auditor", "--actor", "eve", "key", "set", "changed", "--no-tags").returncode == 4


def test_search_and_all(cli):
    for i in range(7):
        cli.hsm.create(f"found-{i}", "ed25519", policy_tags=["many"])
    assert {k["name"] for k in json_of(cli, "key", "list", "--search", "found-")["items"]} == {f"found-{i}" for i in range(7)}
    assert [k["name"] for k in json_of(cli, "key", "list", "--search", "found-3")["items"]] == ["found-3"]
    everything = json_of(cli, "key", "list", "--all")
    assert everything["total"] == len(everything["items"]) == json_of(cli, "key", "list")["total"]
    assert len({k["id"] for k in everything["items"]}) == everything["total"]
    assert len(cli.fine("key", "list", "--all", "--tag", "many").splitlines()) == 8
    assert cli("key", "list", "--all", "--page", "1").returncode == 2


# ---- use ----


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha384", "hmac-sha512"])
def test_mac_and_verify(cli, algorithm):
    cli.fine("key", "create", algorithm, "--algorithm", algorithm)
    cli.fine("mac", algorithm, "--in", cli.file("m", b"message"), "--out", "mac")
    mac = (cli.folder / "mac").read_bytes()
    assert len(mac) == int(algorithm[-3:]) // 8
    assert cli("verify", algorithm, "--in", "m", "--signature", "mac").returncode == 0
    assert cli("verify", algorithm, "--signature", "mac", input=b"other").returncode == 8
    assert unb64(json_of(cli, "mac", algorithm, input=b"message")["mac_b64"]) == mac
    assert cli("mac", algorithm, input=b"x" * ((1 << 20) + 1)).returncode == 2


@pytest.mark.parametrize("scheme, of", [("rsa-pss", lambda h: padding.PSS(padding.MGF1(h), h.digest_size)), ("rsa-pkcs1", lambda h: padding.PKCS1v15())],
                         ids=["pss", "pkcs1"])
def test_rsa_schemes_and_hashes(cli, scheme, of):
    if cli("key", "show", "rsa").returncode == 3:
        cli.fine("key", "create", "rsa", "--algorithm", "rsa-2048")
    public = serialization.load_pem_public_key(cli.fine("key", "public", "rsa"))
    for name, h in (("sha256", hashes.SHA256()), ("sha384", hashes.SHA384()), ("sha512", hashes.SHA512())):
        signature = cli.fine("sign", "rsa", "--scheme", scheme, "--hash", name, input=b"m")
        public.verify(signature, b"m", of(h), h)
        digest = hashlib.new(name, b"m").digest()
        public.verify(cli.fine("sign", "rsa", "--scheme", scheme, "--hash", name, "--prehashed", input=digest), digest, of(h), Prehashed(h))
        assert cli("verify", "rsa", "--scheme", scheme, "--hash", name, "--signature", cli.file("s", signature), input=b"m").returncode == 0
    other = "rsa-pkcs1" if scheme == "rsa-pss" else "rsa-pss"
    assert cli("verify", "rsa", "--scheme", other, "--hash", "sha512", "--signature", "s", input=b"m").returncode == 8


def test_ml_dsa_with_a_context(cli):
    cli.fine("key", "create", "pq", "--algorithm", "ml-dsa-65")
    context = cli.file("context", b"releases")
    cli.fine("sign", "pq", "--context", context, "--in", cli.file("m", b"message"), "--out", "sig")
    assert cli("verify", "pq", "--context", context, "--in", "m", "--signature", "sig").returncode == 0
    assert cli("verify", "pq", "--in", "m", "--signature", "sig").returncode == 8
    cli.fine("key", "public", "pq", "--out", "pq.pem")
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "pq.pem", "-in", "m", "-sigfile", "sig", "-pkeyopt",
                           "context-string:releases"], cwd=cli.folder, capture_output=True)
    assert done.returncode == 0, done
    assert cli("sign", "pq", "--context", cli.file("long", b"x" * 256), input=b"m").returncode == 2


def test_rewrap(cli):
    cli.fine("key", "create", "rewrapped", "--algorithm", "aes-256-gcm")
    aad = cli.file("aad", b"aad")
    old = cli.fine("encrypt", "rewrapped", "--aad", aad, input=b"plain")
    cli.fine("key", "rotate", "rewrapped")
    new = cli.fine("rewrap", "rewrapped", "--aad", aad, input=old)
    version = slice(16, 20)
    assert old[version] == b"\0\0\0\1" and new[version] == b"\0\0\0\2"
    assert cli.fine("decrypt", "rewrapped", "--aad", aad, input=new) == b"plain"
    assert cli("rewrap", "rewrapped", input=old).returncode == 8, "without the associated data"
    assert json_of(cli, "rewrap", "rewrapped", "--aad", aad, input=old)["version"] == 2
    assert "plaintext_b64" not in json_of(cli, "rewrap", "rewrapped", "--aad", aad, input=old)
    assert cli("rewrap", "rewrapped", input=b"short").returncode == 8


def test_random(cli):
    seen = {cli.fine("random", "32") for _ in range(3)}
    assert len(seen) == 3 and {len(s) for s in seen} == {32}
    assert re.fullmatch(rb"[0-9a-f]{64}\n", cli.fine("random", "32", "--hex"))
    assert len(unb64(cli.fine("random", "33", "--base64").decode().strip())) == 33
    assert len(unb64(json_of(cli, "random", "5")["random_b64"])) == 5
    assert "random_b64" not in json_of(cli, "random", "5", "--out", "r") and (cli.folder / "r").stat().st_size == 5
    assert stat.S_IMODE((cli.folder / "r").stat().st_mode) == 0o600
    assert len(cli.fine("random", "65536")) == 65536
    for n in ("0", "65537", "x", "-1", "1.5", ""):
        assert cli("random", "--", n).returncode == 2, n
    assert cli("random", "5", "--hex", "--base64").returncode == 2


# ---- many at once, and twice ----


def test_batch(cli):
    cli.fine("key", "create", "batched", "--algorithm", "ec-p256")
    items = [{"operation": "sign", "key": "batched", "payload_b64": b64(b"m")}, {"operation": "sign", "key": "batched", "payload_b64": b64(b"n")}]
    done = cli("batch", cli.file("items.json", json.dumps({"items": items}).encode()))
    assert done.returncode == 0 and [i["status"] for i in document(done)["items"]] == [200, 200]
    public = serialization.load_pem_public_key(cli.fine("key", "public", "batched"))
    public.verify(unb64(document(done)["items"][1]["signature_b64"]), b"n", ec.ECDSA(hashes.SHA256()))
    items.append({"operation": "sign", "key": "not-there", "payload_b64": b64(b"m")})
    for words in ((), ("--output", "json")):
        done = cli(*words, "batch", "-", input=json.dumps({"items": items}).encode())
        assert done.returncode == 3 and [i["status"] for i in document(done)["items"]] == [200, 200, 404]
        assert "1 of 3 items failed, the first one at place 2" in sentence(done)


def test_a_change_that_is_sent_twice_is_done_once(cli):
    cli.fine("key", "create", "once", "--algorithm", "ed25519")
    words = ("--output", "json", "--idempotency-key", "rotate-once", "key", "rotate", "once")
    first, second = document(cli(*words)), document(cli(*words))
    assert first == second and first["version"] == 2
    assert document(cli("--output", "json", "key", "rotate", "once"))["version"] == 3


# ---- sessions ----


def test_session(cli):
    out = cli.folder / "session.token"
    cli.fine("token", "session", "--out", out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    session = ("--token-file", out)
    assert cli.anonymous(*session, "key", "list").returncode == 0
    claims = document(cli.bare("--output", "json", "token", "inspect", "--in", out))["claims"]
    assert claims["exp"] - time.time() < 301
    seen = document(cli("--output", "json", "token", "introspect", "--in", out))
    assert seen["active"] is True and seen["sub"] == "admin" and seen["exp"] == claims["exp"]
    assert re.search(rb"^active +yes$", cli.fine("token", "introspect", "--in", out), re.MULTILINE)
    assert cli("token", "session", "--end").returncode == 2, "the token of --token-key is no session"
    assert cli.anonymous(*session, "token", "session", "--end").returncode == 0
    assert cli.anonymous(*session, "key", "list").returncode == 4
    assert document(cli("--output", "json", "token", "introspect", "--in", out)) == {"active": False}


def test_session_with_less(cli):
    two = cli.file("two-roles", cli.hsm.mint("admin", "administrator", "--role", "auditor").encode())
    two.chmod(0o600)
    token = cli.anonymous("--token-file", two, "token", "session", "--ttl-s", "30", "--for-role", "auditor").stdout
    assert cli.anonymous("--token-file", "-", "audit", "tail", input=token).returncode == 0
    assert cli.anonymous("--token-file", "-", "key", "create", "x", "--algorithm", "ed25519", input=token).returncode == 4
    told = document(cli("--output", "json", "token", "session"))
    assert told["token_type"] == "Bearer" and told["token"].count(".") == 2 and told["expires_at"]
    assert cli("--role", "auditor", "--actor", "eve", "token", "session", "--for-role", "administrator").returncode == 4
    assert cli("token", "session", "--ttl-s", "0").returncode == 2
    assert document(cli("--output", "json", "token", "introspect", input=b"no.token.this")) == {"active": False}
