"""mint, judged by programs that are not ours: openssl makes keys, Python cryptography and the jose command check tokens."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

import harness as h

ALICE = ["--actor", "alice", "--role", "operator"]


def mint(*arguments, stdin=None, env=None):
    return subprocess.run([str(h.LIBEXEC / "mint"), *map(str, arguments)], input=stdin, capture_output=True, check=False,
                          env={"PATH": os.environ["PATH"]} | (env or {}), timeout=20)


def minted(*arguments, **options):
    done = mint(*arguments, **options)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert text.endswith("\n") and text.count("\n") == 1
    return text.strip()


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


ALGS = {"ec": "ES256", "ed": "EdDSA", "rsa": "RS256", "rsa3072": "RS256", "pkcs1": "RS256"}


def make_key(folder, kind):
    path = folder / f"{kind}.pem"
    if kind.startswith("rsa") or kind == "pkcs1":
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{3072 if kind == 'rsa3072' else 2048}", "-out", path)
        if kind == "pkcs1":
            openssl("pkey", "-in", path, "-traditional", "-out", path)
    elif kind == "ec":
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    else:
        openssl("genpkey", "-algorithm", "ed25519", "-out", path)
    path.chmod(0o600)
    return path


@pytest.fixture(params=ALGS)
def key_file(request, tmp_path):
    return make_key(tmp_path, request.param)


@pytest.fixture
def ec_file(tmp_path):
    return make_key(tmp_path, "ec")


def public_of(path):
    return serialization.load_pem_private_key(path.read_bytes(), None).public_key()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(public, token):
    """Header and claims of a token whose signature holds."""
    header, payload, signature = token.split(".")
    data, raw = f"{header}.{payload}".encode(), unb64(signature)
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(raw, data, padding.PKCS1v15(), hashes.SHA256())
        return json.loads(unb64(header)), json.loads(unb64(payload))
    assert len(raw) == 64
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(raw, data)
    else:
        public.verify(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), data, ec.ECDSA(hashes.SHA256()))
    return json.loads(unb64(header)), json.loads(unb64(payload))


def jwk_of(public):
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"crv": "Ed25519", "kty": "OKP", "x": h.b64(raw)}
    numbers = public.public_numbers()
    if isinstance(public, rsa.RSAPublicKey):
        return {"e": "AQAB", "kty": "RSA", "n": h.b64(numbers.n.to_bytes(public.key_size // 8, "big"))}
    return {"crv": "P-256", "kty": "EC", "x": h.b64(numbers.x.to_bytes(32, "big")), "y": h.b64(numbers.y.to_bytes(32, "big"))}


def thumbprint(public):
    return h.b64(hashlib.sha256(json.dumps(jwk_of(public), separators=(",", ":"), sort_keys=True).encode()).digest())


def test_token_verifies_and_says_what_was_asked(key_file):
    public = public_of(key_file)
    before = int(time.time())
    header, claims = check(public, minted("--key", key_file, "--actor", "alice", "--role", "admin", "--role", "auditor", "--ttl", "90s"))
    assert header == {"alg": ALGS[key_file.stem], "typ": "JWT", "kid": thumbprint(public)}
    assert set(claims) == {"sub", "aud", "roles", "iat", "nbf", "exp", "jti"}
    assert (claims["sub"], claims["aud"], claims["roles"]) == ("alice", "holdfast", ["administrator", "auditor"])
    assert before <= claims["iat"] == claims["nbf"] <= time.time() and claims["exp"] == claims["iat"] + 90
    assert len(unb64(claims["jti"])) == 16


def test_wrong_key_does_not_verify(ec_file):
    with pytest.raises(InvalidSignature):
        check(ec.generate_private_key(ec.SECP256R1()).public_key(), minted("--key", ec_file, *ALICE))


def test_options(ec_file):
    public = public_of(ec_file)
    header, claims = check(public, minted("--key", ec_file, *ALICE, "--kid", "k-1", "--issuer", "https://a.example", "--audience", "hsm-2",
                                          "--cert-sha256", "ab" * 32))
    assert header["kid"] == "k-1" and claims["iss"] == "https://a.example" and claims["aud"] == "hsm-2"
    assert claims["cnf"] == {"x5t#S256": h.b64(b"\xab" * 32)} and claims["exp"] - claims["iat"] == 300
    _, claims = check(public, minted("--key", ec_file, "--actor", 'al"ice', "--role", "service", "--audience", ""))
    assert claims["sub"] == 'al"ice' and "aud" not in claims


@pytest.mark.parametrize("text, seconds", [("1", 1), ("90s", 90), ("5m", 300), ("1h", 3600), ("24h", 86400)])
def test_ttl(ec_file, text, seconds):
    _, claims = check(public_of(ec_file), minted("--key", ec_file, *ALICE, "--ttl", text))
    assert claims["exp"] - claims["iat"] == seconds


def test_every_token_is_another(ec_file):
    public = public_of(ec_file)
    assert len({check(public, minted("--key", ec_file, *ALICE))[1]["jti"] for _ in range(20)}) == 20


def test_jose_command_verifies_es256(ec_file, tmp_path):
    if shutil.which("jose") is None:
        pytest.skip("the jose command is not installed")
    jwk = tmp_path / "key.jwk"
    jwk.write_text(json.dumps(jwk_of(public_of(ec_file)) | {"alg": "ES256"}))
    token = tmp_path / "token"
    token.write_text(minted("--key", ec_file, *ALICE))
    done = subprocess.run(["jose", "jws", "ver", "-i", str(token), "-k", str(jwk), "-O", "-"], capture_output=True, check=True)
    assert json.loads(done.stdout)["sub"] == "alice"
    done = subprocess.run(["jose", "jwk", "thp", "-i", str(jwk)], capture_output=True, check=True)
    assert json.loads(unb64(token.read_text().split(".")[0]))["kid"] == done.stdout.decode().strip()
    text = token.read_text()
    token.write_text(text[:-2] + ("A" if text[-2] != "A" else "Q") + text[-1])
    assert subprocess.run(["jose", "jws", "ver", "-i", str(token), "-k", str(jwk)], capture_output=True, check=False).returncode != 0


def test_verifier_takes_minted_tokens_and_those_of_the_jose_command(started, key_file, tmp_path):
    private = serialization.load_pem_private_key(key_file.read_bytes(), None)
    v = started()
    v.give_keyset(1, h.row(thumbprint(private.public_key()), private, actor="alice", roles=h.OPERATOR))
    v.wait_ready()
    core = v.add_core()
    verdict = core.verify(minted("--key", key_file, *ALICE))
    assert verdict.ok and verdict.subject == "alice" and verdict.roles == h.OPERATOR
    if key_file.stem != "ec" or shutil.which("jose") is None:
        return  # libjose has no EdDSA
    numbers = private.private_numbers()
    jwk = tmp_path / "private.jwk"
    jwk.write_text(json.dumps(jwk_of(private.public_key()) | {"alg": "ES256", "d": h.b64(numbers.private_value.to_bytes(32, "big"))}))
    payload = tmp_path / "payload"
    payload.write_text(json.dumps(h.claims(jti="by-jose")))
    done = subprocess.run(["jose", "jws", "sig", "-c", "-I", str(payload), "-k", str(jwk), "-s", '{"protected":{"alg":"ES256"}}', "-o", "-"],
                          capture_output=True, check=True)
    verdict = core.verify(done.stdout.strip())
    assert verdict.ok and verdict.jti == "by-jose"


@pytest.mark.parametrize("n", [32, 48, 64])
@pytest.mark.parametrize("width", [64, 1000])
def test_shared_secret(started, tmp_path, n, width):
    secret = os.urandom(n)
    text = base64.b64encode(secret).decode()
    path = tmp_path / "secret"
    path.write_text("".join(text[i:i + width] + "\n" for i in range(0, len(text), width)))
    path.chmod(0o600)
    token = minted("--secret", path, "--kid", "hs", *ALICE)
    body, _, mac = token.rpartition(".")
    assert hmac.compare_digest(unb64(mac), hmac.new(secret, body.encode(), hashlib.sha256).digest())
    assert json.loads(unb64(body.split(".")[0])) == {"alg": "HS256", "typ": "JWT", "kid": "hs"}
    v = started(configuration=h.config(hs256=True))
    v.give_keyset(1, h.row("hs", secret))
    v.wait_ready()
    assert v.add_core().verify(token).ok
    assert v.add_core().verify(minted("--secret", "-", "--kid", "hs", *ALICE, stdin=path.read_bytes())).ok


# ---- refusals ----


def refused(*arguments, code=2, says, **options):
    done = mint(*arguments, **options)
    assert (done.returncode, done.stdout) == (code, b"")
    assert says in done.stderr.decode()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777])
def test_key_file_open_to_others(ec_file, mode):
    ec_file.chmod(mode)
    refused("--key", ec_file, *ALICE, says="chmod 600")


def test_key_file_of_somebody_else(ec_file):
    if os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    program = shutil.copy(h.LIBEXEC / "mint", ec_file.parent / "mint")
    os.chmod(program, 0o755)
    for folder in (ec_file.parent, *ec_file.parent.parents[:2]):
        folder.chmod(0o755)
    os.chown(ec_file, h.NOBODY, h.NOBODY)
    ec_file.chmod(0o600)
    done = subprocess.run([program, "--key", str(ec_file), *ALICE], capture_output=True, check=False, user=h.NOBODY, group=h.NOBODY, extra_groups=[])
    assert done.returncode == 0, done.stderr  # the owner may, also as an ordinary user
    done = subprocess.run([program, "--key", str(ec_file), *ALICE], capture_output=True, check=False, user=1234, group=1234, extra_groups=[])
    assert done.returncode == 2 and b"not yours to read" in done.stderr


def other_keys(folder):
    """Kinds of key files that are none of ours: name to text."""
    def made(name, *arguments):
        openssl(*arguments, "-out", folder / name)
        return (folder / name).read_bytes()

    ec_path = make_key(folder, "ec")
    texts = {
        "P-384": made("a", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
        "secp256k1": made("b", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
        "explicit parameters": made("c", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"),
        "RSA-1024": made("d", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
        "RSA-4096": made("k", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"),
        "RSA-PSS": made("l", "genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"),
        "ML-DSA": made("m", "genpkey", "-algorithm", "ML-DSA-65"),
        "X25519": made("e", "genpkey", "-algorithm", "X25519"),
        "Ed448": made("f", "genpkey", "-algorithm", "ED448"),
        "encrypted": made("g", "pkcs8", "-topk8", "-in", ec_path, "-passout", "pass:x"),
        "SEC 1": made("h", "pkey", "-in", ec_path, "-traditional"),
        "public": made("i", "pkey", "-in", ec_path, "-pubout"),
        "DER": made("j", "pkey", "-in", ec_path, "-outform", "DER"),
        "two keys": ec_path.read_bytes() * 2,
        "text before": b"a comment\n" + ec_path.read_bytes(),
        "empty": b"",
        "4 KiB": b"x" * 5000,
    }
    pkcs8 = serialization.load_pem_private_key(ec_path.read_bytes(), None).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    der = pkcs8[:-65] + stranger
    body = base64.encodebytes(der).replace(b"\n", b"")
    lines = b"\n".join(body[i:i + 64] for i in range(0, len(body), 64))
    texts["another key's point"] = b"-----BEGIN PRIVATE KEY-----\n" + lines + b"\n-----END PRIVATE KEY-----\n"
    return texts


def test_other_keys(tmp_path):
    for name, text in other_keys(tmp_path).items():
        path = tmp_path / "key"
        path.write_bytes(text)
        path.chmod(0o600)
        done = mint("--key", path, *ALICE)
        assert (done.returncode, done.stdout) == (2, b""), name
        assert b"key file" in done.stderr, name


def test_other_secrets(tmp_path, ec_file):
    path = tmp_path / "secret"
    for text in (b"", b"\n", base64.b64encode(bytes(31)), base64.b64encode(bytes(65)), os.urandom(32), b"x" * 5000, ec_file.read_bytes(),
                 base64.b64encode(bytes(32)) + b" ", base64.urlsafe_b64encode(b"\xff" * 32)):
        path.write_bytes(text)
        path.chmod(0o600)
        done = mint("--secret", path, "--kid", "k", *ALICE)
        assert (done.returncode, done.stdout) == (2, b""), text
    refused("--secret", path, "--kid", "k", *ALICE, says="openssl rand -base64 32")
    refused("--key", path, *ALICE, says="openssl pkey")
    path.chmod(0o644)
    refused("--secret", path, "--kid", "k", *ALICE, says="chmod 600")


def test_key_from_standard_input(key_file):
    check(public_of(key_file), minted("--key", "-", *ALICE, stdin=key_file.read_bytes()))


def test_missing_key_file(tmp_path):
    refused("--key", tmp_path / "none", *ALICE, says="there is none with this name")
    refused("--key", tmp_path, *ALICE, says="not a regular file")


@pytest.mark.parametrize("arguments, says", [
    (["--actor", "a", "--role", "operator"], "--key"),
    (["--key", "k", "--role", "operator"], "--actor"),
    (["--key", "k", "--actor", "a"], "--role"),
    (["--key", "k", "--actor", "a", "--role", "root"], "no role 'root'"),
    (["--key", "k", "--actor", "", "--role", "operator"], "--actor"),
    (["--key", "k", "--actor", "a\nb", "--role", "operator"], "--actor"),
    (["--key", "k", "--actor", "a" * 65, "--role", "operator"], "--actor"),
    (["--key", "k", *ALICE, "--ttl", "0"], "--ttl"),
    (["--key", "k", *ALICE, "--ttl", "25h"], "--ttl"),
    (["--key", "k", *ALICE, "--ttl", "-5m"], "--ttl"),
    (["--key", "k", *ALICE, "--ttl", "5d"], "--ttl"),
    (["--key", "k", *ALICE, "--ttl", "99999999999999999999"], "--ttl"),
    (["--key", "k", *ALICE, "--kid", "a b"], "--kid"),
    (["--key", "k", *ALICE, "--cert-sha256", "ab"], "--cert-sha256"),
    (["--key", "k", *ALICE, "--nothing"], "nothing"),
    (["--key", "k", *ALICE, "rest"], "rest"),
    (["--secret", "k", *ALICE], "--secret needs --kid"),
    (["--secret", "k", "--key", "k", *ALICE], "one --key or one --secret"),
    (["--key", "k", "--key", "k", *ALICE], "one --key or one --secret"),
])
def test_usage(arguments, says):
    refused(*arguments, says=says)


def test_help():
    done = mint("--help")
    assert done.returncode == 0 and b"--cert-sha256" in done.stdout and done.stderr == b""
    assert done.stdout.startswith(b"Usage: holdfast token mint ") and b"Usage: mint" not in done.stdout
    assert mint().stderr.startswith(b"holdfast token mint: ")


def test_strict(ec_file):
    minted("--key", ec_file, *ALICE, env={"HOLDFAST_STRICT": "1"})
    refused("--key", ec_file, *ALICE, env={"HOLDFAST_STRICT": "yes"}, code=1, says="HOLDFAST_STRICT")


def test_full_disk_is_no_success(ec_file):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(h.LIBEXEC / "mint"), "--key", str(ec_file), *ALICE], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"cannot be written" in done.stderr
