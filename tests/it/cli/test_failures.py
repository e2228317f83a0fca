"""What is said when something is wrong: which sentence, which document, which exit code, and the way on."""
import hashlib
import json
import re
import subprocess

import pytest

from conftest import Cli
from hsm import ROOT, STAGE, Hsm
from test_cli import COMMANDS, document, sentence
from test_wrap import openssl
from test_transport import Alone, Server, ask, pairs, server, write_pair  # noqa: F401 (fixtures)

ERRORS = re.findall(r'^    X\((\w+), (\w+), "(\w+)", "', (ROOT / "include/holdfast/err.h").read_text(), re.MULTILINE)
EXIT_OF_CLASS = {"INVALID": 2, "UNAUTHENTICATED": 4, "DENIED": 4, "NOT_FOUND": 3, "CONFLICT": 5, "TOO_LARGE": 2, "UNUSABLE": 2, "LIMITED": 7,
                 "UNAVAILABLE": 7, "TIMEOUT": 7, "INTEGRITY": 8, "INTERNAL": 1}


# ---- did you mean ----


@pytest.mark.parametrize("words, meant", [
    (("sing", "k"), "'sign'"), (("encyrpt", "k"), "'encrypt'"), (("statsu",), "'status'"), (("keys", "list"), "'key'"),
    (("key", "crate", "x"), "'create'"), (("key", "lst"), "'list'"), (("audit", "exprot"), "'export'"), (("token", "inpsect"), "'inspect'"),
    (("key", "create", "x", "--algoritm", "ed25519"), "'--algorithm'"), (("key", "list", "--pages", "1"), "'--page'"),
    (("--sever", "x", "status"), "'--server'"), (("sign", "k", "--pre-hashed"), "'--prehashed'"), (("status", "--ouput", "json"), "'--output'"),
])
def test_slips_of_the_hand(cli, words, meant):
    done = cli.bare(*words)
    assert done.returncode == 2 and f"did you mean {meant}?" in sentence(done)
    assert document(cli.bare("--output", "json", *words))["code"] == "invalid"


@pytest.mark.parametrize("words", [("x",), ("frobnicate",), ("key", "frobnicate"), ("key", "list", "--frobnicate")])
def test_other_words_are_answered_with_the_help(cli, words):
    done = cli.bare(*words)
    assert done.returncode == 2 and "did you mean" not in sentence(done) and "--help" in sentence(done)


# ---- one JSON document, wherever --output stands ----


@pytest.mark.parametrize("words", [
    ("nosuch", "--output", "json"), ("--output", "json", "nosuch"), ("nosuch", "--output=json"), ("key", "--output", "json"), ("--output", "json"),
    ("key", "nosuch", "--output", "json"), ("key", "create", "--output", "json"), ("key", "create", "x", "--nosuch", "--output", "json"),
    ("key", "create", "x", "--output", "json"), ("random", "0", "--output", "json"), ("sign", "k", "--in", "/nonexistent", "--output", "json"),
    ("token", "mint", "--output", "json"), ("init", "--output", "json"), ("completion", "tcsh", "--output", "json"),
    ("--token-file", "a", "--token-key", "b", "status", "--output", "json"), ("key", "import", "x", "--output", "json"),
    ("--client-cert", "x", "status", "--output", "json"), ("--idempotency-key", "a b", "status", "--output", "json"),
])
def test_every_failure_is_one_document(cli, words):
    done = cli.bare(*words, env={"HOLDFAST_TOKEN_FILE": "/nonexistent"})
    assert done.returncode in (1, 2)
    told = document(done)
    assert told.keys() >= {"code", "detail"} and told["code"] in {word for _, _, word in ERRORS}
    assert done.stderr.startswith(b"holdfast: ") or b"\nholdfast: " in done.stderr


def test_the_document_has_the_cause_that_a_program_named(cli):
    """Also where the work is done by a program of its own."""
    bad = cli.file("bad.pem", b"no key")
    bad.chmod(0o600)
    cli.fine("key", "create", "cause-intake", "--algorithm", "ml-kem-768", "--usage", "import")
    for words, cause in ((("token", "mint", "--key", cli.folder / "none", "--actor", "a", "--role", "auditor"), "none with this name"),
                         (("init", "--data", "/nonexistent/x", "--admin-key-out", cli.folder / "k"), "/nonexistent"),
                         (("key", "import", "x", "--private", bad, "--wrapping-key", "cause-intake"), "PKCS#8"),
                         (("--token-key", cli.folder / "none", "key", "list"), "none with this name"),
                         (("selftest", "--vectors", "/nonexistent"), "/nonexistent")):
        done = cli.anonymous("--output", "json", *(() if "--token-key" in words else cli.authority), *words)
        assert done.returncode != 0 and cause in document(done)["detail"], done
        assert cause.encode() in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_fails_in_silence(cli, command):
    """Without a server, a token or an operand: a sentence, an exit code, and with --output json a document."""
    operand = {"completion": ["tcsh"], "random": ["x"]}.get(command, [])
    extra = ["--nosuch"] if command in ("version", "audit accept-rollback") else []
    done = cli.bare("--output", "json", "--server", "https://127.0.0.1:1", *command.split(), *operand, *extra)
    assert done.returncode != 0 or command == "selftest", done
    if done.returncode != 0:
        assert document(done)["code"] and len(done.stderr) > 20


# ---- every error that there is ----


@pytest.mark.parametrize("name, group, word", [e for e in ERRORS if e[0] != "OK"])
def test_exit_code_of_every_error(ask, server, name, group, word):  # noqa: F811
    server.problem(418, word)  # the status has no say where the word is known
    done = ask("--output", "json", "key", "show", "k")
    assert done.returncode == EXIT_OF_CLASS[group]
    assert json.loads(done.stdout)["request_id"] == "r-1"


WAY_ON = {
    "NO_TOKEN": "holdfast token mint", "BAD_TOKEN": "holdfast token mint", "TOKEN_EXPIRED": "holdfast token mint",
    "TOKEN_REVOKED": "holdfast token mint", "DENIED": "role", "NOT_FOUND": "holdfast key list", "EXISTS": "another name",
    "WRONG_STATE": "holdfast key show", "WRONG_USAGE": "holdfast key show", "BAD_KEY": "holdfast key import --help", "SEALED": "holdfast unseal",
    "PEER_GONE": "holdfast status", "TIMEOUT": "holdfast status", "INTERNAL": "log", "SELFTEST": "log", "SYSTEM": "log",
}


@pytest.mark.parametrize("name", WAY_ON)
def test_the_way_on(ask, server, name):  # noqa: F811
    word = next(w for n, _, w in ERRORS if n == name)
    server.problem(418, word)
    assert WAY_ON[name] in ask("key", "show", "k").stderr.decode()


def test_a_way_on_is_not_said_twice(ask, server):  # noqa: F811
    server.problem(401, "token_expired", "the token has expired; mint a new one with 'holdfast token mint'")
    assert ask("key", "list").stderr.count(b"token mint") == 1


# ---- files ----


def test_files_are_named(cli):
    bad = cli.file("bad.json", b'{"keys": [')
    for words in (("keyset", "apply"), ("batch",)):
        done = cli(*words, bad)
        assert done.returncode == 2 and "bad.json is not JSON (byte 10" in sentence(done), done
        assert cli(*words, cli.file("empty", b"")).returncode == 2
        assert cli(*words, "none").returncode == 1
    done = cli("sign", "k", "--in", cli.file("large", b"x" * ((1 << 20) + 1)))
    assert done.returncode == 2 and "large has more than 1048576 bytes" in sentence(done)
    assert "EC and RSA keys give its digest, with --prehashed" in sentence(done)
    assert "Ed25519 and HMAC keys take none: sign a file that holds the digest" in sentence(done)
    done = cli("sign", "k", "--prehashed", "--in", "large")
    assert done.returncode == 2 and "--prehashed takes the digest itself" in sentence(done) and "Ed25519" not in sentence(done)


def test_the_way_to_sign_a_large_file_with_ed25519(cli):
    cli.fine("key", "create", "large-ed", "--algorithm", "ed25519")
    digest = cli.file("digest", hashlib.sha256(b"x" * (2 << 20)).digest())
    assert cli("sign", "large-ed", "--prehashed", "--in", digest).returncode == 2
    cli.fine("sign", "large-ed", "--in", digest, "--out", "large.sig")
    cli.fine("verify", "large-ed", "--in", digest, "--signature", "large.sig")


# ---- our certificate for the server ----


def test_client_certificate(ask, server, pairs, tmp_path):  # noqa: F811
    assert ask("--client-cert", "none", "status").returncode == 2, "both or none"
    assert ask("--client-cert", tmp_path / "none", "--client-key", pairs / "server.key", "status").returncode == 1
    done = ask("--client-cert", pairs / "server.pem", "--client-key", pairs / "elsewhere.key", "status")
    assert done.returncode == 1 and b"--client-key" in done.stderr, "the key of another certificate"
    assert ask("--client-cert", pairs / "server.pem", "--client-key", pairs / "server.key", "status").returncode == 0


def test_client_certificate_at_the_door_of_an_hsm(tmp_path):
    """server.client_certificates = required: without one no request, with one everything."""
    def make(name, *more):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-days", "2",
                "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem", *[w for e in more for w in (("-addext", e) if "=" in e else (e,))])

    make("ca", "keyUsage=critical,keyCertSign")
    by = ("-CA", str(tmp_path / "ca.pem"), "-CAkey", str(tmp_path / "ca.key"), "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature")
    make("alice", *by, "extendedKeyUsage=clientAuth")
    make("server", *by, "extendedKeyUsage=serverAuth")
    hsm = Hsm(tmp_path / "hsm").init().unlimited().configure(server__client_ca=tmp_path / "ca.pem", server__client_certificates="required")
    hsm.start()
    try:
        cli = Cli(hsm, tmp_path)
        done = cli("key", "list")
        assert done.returncode == 7 and "--client-cert F and --client-key F" in sentence(done), done
        done = cli("--client-cert", "server.pem", "--client-key", "server.key", "key", "list")
        assert done.returncode == 7 and "does not take the certificate server.pem" in sentence(done), done
        assert cli("--client-cert", "alice.pem", "--client-key", "alice.key", "key", "list").returncode == 0
        assert cli("key", "list", env={"HOLDFAST_CLIENT_CERT": "alice.pem", "HOLDFAST_CLIENT_KEY": "alice.key"}).returncode == 0
    finally:
        hsm.stop()


# ---- idempotency ----


def test_the_idempotency_key_goes_with_changes_alone(ask, server):  # noqa: F811
    ask("--idempotency-key", "once-1", "key", "rotate", "k")
    assert server.seen[-1][2]["Idempotency-Key"] == "once-1"
    ask("--idempotency-key", "once-1", "key", "list")
    assert "Idempotency-Key" not in server.seen[-1][2]
    for bad in ("", "a b", "a\r\nX: y", "x" * 65, "ü"):
        before = len(server.seen)
        assert ask("--idempotency-key", bad, "key", "rotate", "k").returncode == 2 and len(server.seen) == before


# ---- patience ----


def test_long_work_waits_as_it_is_told(tmp_path, pairs):  # noqa: F811
    """The second page meets the rate once; a single request fails at once, as before."""
    class Pages(Server):
        @property
        def answer(self):
            n = len(self.seen)
            if n == 2:
                body = json.dumps({"type": "urn:x", "title": "t", "status": 429, "detail": "slower", "code": "rate", "request_id": "r"})
                return 429, {"Content-Type": "application/problem+json", "Retry-After": "1"}, body.encode()
            body = {"items": [{"name": f"k{n}"}], "total": 3, "has_more": n < 4}
            return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

        @answer.setter
        def answer(self, value):
            pass

    s = Pages(pairs / "server.pem", pairs / "server.key")
    (tmp_path / "token").write_text("some.token.here")
    (tmp_path / "token").chmod(0o600)
    words = [STAGE / "bin" / "holdfast", "--server", s.url, "--ca", pairs / "ca.pem", "--token-file", tmp_path / "token", "--output", "json", "key", "list"]
    done = subprocess.run([str(w) for w in (*words, "--all")], capture_output=True)
    assert done.returncode == 0 and [k["name"] for k in json.loads(done.stdout)["items"]] == ["k1", "k3", "k4"]
    s.seen.clear()
    assert subprocess.run([str(w) for w in words]).returncode == 0
    assert subprocess.run([str(w) for w in words], capture_output=True).returncode == 7
    s.shutdown()
