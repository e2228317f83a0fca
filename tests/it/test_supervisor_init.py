"""`init`: what it makes, what it refuses, and what is left when it is killed or a system call fails at any step."""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

sys.path.insert(0, os.path.dirname(__file__))
from supervisor_bench import DAEMON, LIBEXEC, clean_environment, free_port, run_init  # noqa: E402


def tree(folder):
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*"))


MADE = ["holdfast.conf", "keyset.json", "seal", "seal/root.key", "store", "tls", "tls/ca.pem", "tls/server-key.pem", "tls/server.pem"]


@pytest.fixture(params=["root", "nobody"])
def place(request, tmp_path):
    """An empty folder as root and as an ordinary user."""
    if os.geteuid() != 0:
        if request.param == "root":
            pytest.skip("needs root")
        return tmp_path, None
    if request.param == "nobody":
        for folder in tmp_path.parents[:3]:
            if folder != Path("/tmp") and folder != Path("/"):
                os.chmod(folder, 0o755)
        subprocess.run(["chown", "nobody", tmp_path], check=True)
        return tmp_path, "nobody"
    return tmp_path, None


def test_what_it_makes(place):
    folder, user = place
    done = run_init("--data", folder / "d", "--admin-key-out", folder / "k.pem", "--anchor", folder / "a", user=user)
    assert done.returncode == 0, done.stderr
    assert tree(folder / "d") == MADE
    assert tree(folder) == sorted(["a", "d", "k.pem", *("d/" + name for name in MADE)]), "nothing else is left anywhere"
    modes = {name: (folder / "d" / name).stat().st_mode & 0o777 for name in MADE}
    assert all(modes[name] == 0o700 for name in ("seal", "store", "tls")) and (folder / "d").stat().st_mode & 0o777 == 0o700
    assert modes["seal/root.key"] == modes["tls/server-key.pem"] == modes["keyset.json"] == 0o600
    assert (folder / "k.pem").stat().st_mode & 0o777 == 0o600 and (folder / "a").stat().st_mode & 0o777 == 0o700
    assert "PRIVATE" not in (folder / "d/keyset.json").read_text() + done.stdout + done.stderr


def test_certificates_by_openssl_and_python(tmp_path):
    assert run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k", "--host", "hsm.example.org", "--host", "192.0.2.7",
                    "--host", "2001:db8::1").returncode == 0
    tls = tmp_path / "d" / "tls"
    for what, value in (("hostname", "localhost"), ("hostname", "hsm.example.org"), ("ip", "127.0.0.1"), ("ip", "::1"),
                        ("ip", "192.0.2.7"), ("ip", "2001:db8::1")):
        judged = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", tls / "ca.pem", f"-verify_{what}", value,
                                 tls / "server.pem"], capture_output=True, text=True)
        assert judged.returncode == 0, judged.stderr
    wrong = subprocess.run(["openssl", "verify", "-CAfile", tls / "ca.pem", "-verify_hostname", "other.example.org", tls / "server.pem"],
                           capture_output=True)
    assert wrong.returncode != 0
    server = x509.load_pem_x509_certificate((tls / "server.pem").read_bytes())
    ca = x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes())
    server.verify_directly_issued_by(ca)
    assert server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    limits = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert limits.critical and limits.value.ca and limits.value.path_length == 0
    assert (server.not_valid_after_utc - server.not_valid_before_utc).days <= 398
    key = serialization.load_pem_private_key((tls / "server-key.pem").read_bytes(), None)
    assert key.public_key() == server.public_key()
    assert isinstance(key.curve, ec.SECP256R1)


def test_curl_and_python_accept_the_chain(tmp_path):
    """A TLS 1.3 server with these files is accepted by name and by both addresses."""
    assert run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k").returncode == 0
    tls, port = tmp_path / "d" / "tls", free_port()
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-tls1_3", "-www", "-quiet", "-cert", tls / "server.pem", "-key",
                               tls / "server-key.pem"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for host in ("127.0.0.1", "localhost"):
            got = subprocess.run(["curl", "-sS", "--retry-connrefused", "--retry", "20", "--retry-delay", "1", "--noproxy", "*", "--cacert",
                                  tls / "ca.pem", "-o", "/dev/null", "-w", "%{http_code}", f"https://{host}:{port}/"],
                                 capture_output=True, text=True, timeout=60)
            assert got.stdout == "200", got.stderr
    finally:
        server.kill()
        server.wait()


def test_ca_key_only_when_asked_for(tmp_path):
    assert run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k", "--keep-ca").returncode == 0
    path = tmp_path / "d/tls/ca-key.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    ca = x509.load_pem_x509_certificate((tmp_path / "d/tls/ca.pem").read_bytes())
    assert serialization.load_pem_private_key(path.read_bytes(), None).public_key() == ca.public_key()


def test_keyset_row_is_the_key_in_the_file(tmp_path):
    assert run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k").returncode == 0
    keyset = json.loads((tmp_path / "d/keyset.json").read_text())
    public = serialization.load_pem_private_key((tmp_path / "k").read_bytes(), None).public_key()
    row, = keyset["keys"]
    assert serialization.load_pem_public_key(row["public_key_pem"].encode()) == public and row["alg"] == "ES256"
    numbers = public.public_numbers()
    b64 = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    jwk = {"crv": "P-256", "kty": "EC", "x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big"))}
    thumbprint = hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest()
    assert row["kid"] == b64(thumbprint)
    assert "administrator" in row["roles"] and keyset["generation"] == 1 and len(base64.b64decode(keyset["mac_b64"])) == 32


def test_sealed_root_key_has_the_documented_form(tmp_path):
    roots = set()
    for name in ("d", "e"):
        assert run_init("--data", tmp_path / name, "--admin-key-out", tmp_path / (name + "k")).returncode == 0
        sealed = (tmp_path / name / "seal/root.key").read_bytes()
        assert len(sealed) == 132 and sealed[:4] == b"\x01\x01\x00\x40"
        salt, root, mac = sealed[4:36], sealed[36:100], sealed[100:]
        key = HKDF(hashes.SHA256(), 32, salt, b"holdfast seal file").derive(root)
        assert hmac.digest(key, sealed[:100], "sha256") == mac
        assert len(set(root)) > 20, "that is not random"
        roots |= {root, salt}
    assert len(roots) == 4


def test_configuration_names_every_option_and_is_accepted(tmp_path):
    assert run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k", "--listen", "[::1]:9443").returncode == 0
    text = (tmp_path / "d/holdfast.conf").read_text()
    assert "listen = [::1]:9443" in text
    options = re.findall(r"^([a-z0-9_]+) = ", text, re.M)
    assert len(options) == 32 and len(re.findall(r"^# .*Default: ", text, re.M)) == 32
    for bad in ("localhost:1", "nonsense"):
        done = run_init("--data", tmp_path / "x", "--admin-key-out", tmp_path / "xk", "--listen", bad)
        assert done.returncode == 1 and "server.listen must be" in done.stderr and not (tmp_path / "x").exists()


# ---- what it refuses ----

def refused(tmp_path, *arguments, code, sentence, env=None):
    before = tree(tmp_path)
    done = run_init(*arguments, env=env)
    assert done.returncode == code and sentence in done.stderr, (done.returncode, done.stderr)
    assert tree(tmp_path) == before, "a refused init leaves nothing"


def test_an_empty_folder_is_taken(tmp_path):
    """As a package makes it: the folder gets the mode that the data need, whatever it had."""
    (tmp_path / "d").mkdir(mode=0o755)
    assert run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k").returncode == 0
    assert (tmp_path / "d/keyset.json").exists() and (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")], "nothing is left beside it"


def test_existing_folders_and_keys_are_never_touched(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "key").write_text("precious")
    for name in ("full", "file", "link"):
        refused(tmp_path, "--data", tmp_path / name, "--admin-key-out", tmp_path / "k", code=5, sentence="exists")
    refused(tmp_path, "--data", tmp_path / "d", "--admin-key-out", tmp_path / "key", code=5, sentence="not overwritten")
    assert (tmp_path / "key").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_folder_that_somebody_laid_in_the_way_is_not_taken(tmp_path):
    """It would stay theirs, and with it what is in it."""
    laid = tmp_path / ".d.init"
    laid.mkdir(mode=0o700)
    (laid / "admin-key.path").write_text("x")
    os.chown(laid, 65534, 65534)
    refused(tmp_path, "--data", tmp_path / "d", "--admin-key-out", tmp_path / "k", code=1, sentence="belongs to another user")
    assert laid.stat().st_uid == 65534 and os.listdir(laid) == ["admin-key.path"], "it was touched"
    os.chown(laid, 0, 0)  # one of our own that a killed init left
    assert run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k").returncode == 0


def test_key_in_the_data_folder_only_for_development(tmp_path):
    for path in ("d/k.pem", "d/../d/k.pem", "./d/k.pem", "d/tls/k.pem"):
        refused(tmp_path, "--data", tmp_path / "d", "--admin-key-out", f"{tmp_path}/{path}", code=1, sentence="")
    (tmp_path / "alias").symlink_to(tmp_path)
    refused(tmp_path, "--data", tmp_path / "d", "--admin-key-out", tmp_path / "alias/d/k.pem", code=1, sentence="must not lie in the data folder")
    assert run_init("--data", tmp_path / "d", "--dev").returncode == 0
    assert tree(tmp_path / "d") == sorted([*MADE, "admin-key.pem"])
    assert (tmp_path / "d/admin-key.pem").stat().st_mode & 0o777 == 0o600


def test_default_place_of_the_key(tmp_path):
    env = clean_environment(HOME=str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert run_init("--data", tmp_path / "d", env=env).returncode == 0
    path = tmp_path / "home/.config/holdfast/admin-key.pem"
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    refused(tmp_path, "--data", tmp_path / "e", env=env, code=5, sentence="not overwritten")


def test_other_refusals(tmp_path):
    key = ("--admin-key-out", tmp_path / "k")
    refused(tmp_path, "--data", tmp_path / "no/d", *key, code=1, sentence="does not exist")
    refused(tmp_path, "--data", tmp_path / "d", "--admin-key-out", tmp_path / "no/k", code=1, sentence="cannot be written")
    refused(tmp_path, "--data", tmp_path / "d", *key, "--seal", "paper", code=2, sentence="--seal must be file or passphrase")
    refused(tmp_path, "--data", tmp_path / "d", *key, "--anchor", tmp_path / "d/a", code=1, sentence="outside the data folder")
    for host in ("a,DNS:evil", "-a", "a..b", "a_b", "", "x" * 64, "a\nb"):
        refused(tmp_path, "--data", tmp_path / "d", *key, "--host", host, code=1, sentence="neither a host name nor an address")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/anchor").write_text("of another")
    refused(tmp_path, "--data", tmp_path / "d", *key, "--anchor", tmp_path / "a", code=5, sentence="another HSM")
    for usage in (["--data"], ["--frobnicate"], ["--data", tmp_path / "d", "word"], []):
        refused(tmp_path, *usage, code=2, sentence="")


# ---- killed, or refused by the system, at every step ----

STEPS = "openat,mkdir,mkdirat,write,fsync,rename,renameat,renameat2,link,linkat,unlink,unlinkat"


def needs_strace():
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("strace cannot trace here")


def count_steps(folder):
    out = folder / "trace"
    assert run_init("--data", folder / "c", "--admin-key-out", folder / "ck", wrap=["strace", "-o", out, "-e", f"trace={STEPS}"]).returncode == 0
    calls = [line.split("(")[0] for line in out.read_text().splitlines() if "(" in line]
    first = next(i for i, line in enumerate(out.read_text().splitlines()) if "mkdirat" in line)
    counts = {}
    for i, call in enumerate(calls):
        counts.setdefault(call, []).append(i)
    return [(call, n + 1) for call, at in counts.items() for n, i in enumerate(at) if i >= first]


def inject(folder, call, when, what):
    return run_init("--data", folder / "d", "--admin-key-out", folder / "k.pem",
                    wrap=["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{what}:when={when}"])


def whole(folder):
    names = set(tree(folder / "d"))
    return set(MADE) <= names and names - set(MADE) <= {".admin-key.pending"} and (folder / "k.pem").exists()


def test_killed_at_every_step(tmp_path):
    """DIR is there whole or not at all; the next init needs no help and leaves no trace of the dead one."""
    needs_strace()
    steps = count_steps(tmp_path)
    assert len(steps) > 40, steps
    seen = {"whole": 0, "nothing": 0}
    for n, (call, when) in enumerate(steps):
        folder = tmp_path / f"kill{n}"
        folder.mkdir()
        inject(folder, call, when, "signal=SIGKILL")
        if (folder / "d").exists():
            assert whole(folder), (call, when, tree(folder))
            assert subprocess.run([DAEMON, "--data", folder / "d", "--check", "--libexec", LIBEXEC], capture_output=True).returncode in (0, 1)
            seen["whole"] += 1
            continue
        again = run_init("--data", folder / "d", "--admin-key-out", folder / "k.pem")
        assert again.returncode == 0, (call, when, again.stderr, tree(folder))
        assert tree(folder) == sorted(["d", "k.pem", *("d/" + name for name in MADE)]), (call, when)
        seen["nothing"] += 1
    print(f"killed {len(steps)} times: {seen}")
    assert seen["nothing"] > 30 and seen["whole"] >= 1


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_every_failing_call_leaves_nothing(tmp_path, error):
    needs_strace()
    for n, (call, when) in enumerate(count_steps(tmp_path)):
        folder = tmp_path / f"fail{n}"
        folder.mkdir()
        done = inject(folder, call, when, f"error={error}")
        assert done.returncode == 0 or "init: " in done.stderr, (call, when, done.stderr)
        if done.returncode == 0 or "is made, but the report" in done.stderr:
            assert whole(folder), (call, when, tree(folder))
            continue
        left = tree(folder)
        if call.startswith("unlink"):
            continue  # the clean-up itself was made to fail
        assert left == [], (call, when, left, done.stderr)


def test_signals_wait_for_the_end(tmp_path):
    done = run_init("--data", tmp_path / "d", "--admin-key-out", tmp_path / "k.pem",
                    wrap=["strace", "-o", "/dev/null", "-e", "trace=mkdirat", "-e", "inject=mkdirat:signal=SIGTERM:when=2"])
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "d") == MADE


def test_two_at_once_make_one(tmp_path):
    both = [subprocess.Popen([LIBEXEC / "init", "--data", tmp_path / "d", "--admin-key-out", tmp_path / f"k{i}"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, env=clean_environment()) for i in range(4)]
    said = [p.communicate()[1] for p in both]
    codes = sorted(p.returncode for p in both)
    assert codes[0] == 0 and set(codes[1:]) == {5}, said
    assert tree(tmp_path / "d") == MADE
    keys = [p for p in tmp_path.iterdir() if p.name.startswith("k")]
    assert len(keys) == 1 and not [p for p in tmp_path.iterdir() if p.name.startswith(".")], tree(tmp_path)
