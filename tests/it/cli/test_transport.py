"""What `holdfast` makes of servers that are not to be trusted, and of every kind of answer."""
import datetime
import http.server
import ipaddress
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conftest import Cli
from hsm import STAGE


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A TLS server under our control."""

    daemon_threads = True

    def __init__(self, certificate, key, address="127.0.0.1", newest=None):
        super().__init__((address, 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if newest is not None:
            context.maximum_version = newest
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.seen, self.answer = [], (200, {"Content-Type": "application/json"}, b'{"state":"open"}')
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    @property
    def url(self):
        return "https://%s:%d" % self.server_address

    def problem(self, status, code, detail="something is wrong", headers=None):
        body = json.dumps({"type": "urn:x", "title": "t", "status": status, "detail": detail, "code": code, "request_id": "r-1"})
        self.answer = (status, {"Content-Type": "application/problem+json", **(headers or {})}, body.encode())


def write_pair(folder, name, issuer=None, address="127.0.0.1"):
    """A certificate for the address, signed by issuer (certificate, key) or itself; gives both and their files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
               .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True))
    if issuer is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
    certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate, key


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    ca = write_pair(folder, "ca")
    write_pair(folder, "server", ca)
    write_pair(folder, "elsewhere", ca, address="127.0.0.9")
    write_pair(folder, "stranger")
    return folder


@pytest.fixture
def server(pairs):
    s = Server(pairs / "server.pem", pairs / "server.key")
    yield s
    s.shutdown()
    s.server_close()


class Alone:
    """Stands for an HSM that is not needed here."""
    port, admin_key, data, stage = 1, "none", STAGE, STAGE


@pytest.fixture
def ask(tmp_path, pairs, server):
    """ask("status"): with the right authority and some token; ca= and url= choose others."""
    (tmp_path / "token").write_text("some.token.here")
    (tmp_path / "token").chmod(0o600)
    cli = Cli(Alone, tmp_path)

    def run(*words, ca=pairs / "ca.pem", url=None, **kw):
        authority = [] if ca is None else ["--ca", ca]
        return cli.bare("--server", url or server.url, *authority, "--token-file", tmp_path / "token", *words, **kw)

    return run


def test_the_right_server(ask, server):
    assert ask("status").returncode == 0
    assert ask("key", "list").returncode == 0
    assert server.seen[-1][2]["Authorization"] == "Bearer some.token.here"
    assert "Authorization" not in server.seen[-2][2], "status sends no token"


def test_unknown_authority(ask, server, pairs):
    for ca in (None, pairs / "stranger.pem"):
        done = ask("key", "list", ca=ca)
        assert done.returncode == 7 and b"not trusted" in done.stderr and b"--ca" in done.stderr
    assert server.seen == [], "the token went nowhere"


def test_wrong_name(ask, pairs):
    s = Server(pairs / "elsewhere.pem", pairs / "elsewhere.key")
    done = ask("key", "list", url=s.url)
    assert done.returncode == 7 and b"not trusted" in done.stderr and s.seen == []
    s.shutdown()


def test_older_tls_is_refused(ask, pairs):
    s = Server(pairs / "server.pem", pairs / "server.key", newest=ssl.TLSVersion.TLSv1_2)
    assert ask("key", "list", url=s.url).returncode == 7 and s.seen == []
    s.shutdown()


def test_the_named_authority_is_the_only_one(tmp_path, pairs, server):
    """The server's authority stands in the system's folder, and another one is named: that one alone counts."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("mounting over /etc/ssl/certs in a namespace needs root and unshare")
    system = tmp_path / "certs"
    system.mkdir()
    shutil.copy(pairs / "ca.pem", system / "ca.pem")
    subprocess.run(["openssl", "rehash", system], check=True, capture_output=True)
    run = 'mount --bind "$1" /etc/ssl/certs && shift && exec "$@"'
    base = ["unshare", "-m", "sh", "-c", run, "sh", system, STAGE / "bin" / "holdfast", "--server", server.url]
    trusted = subprocess.run([str(w) for w in (*base, "--ca", pairs / "ca.pem", "status")], capture_output=True)
    if b"mount" in trusted.stderr or b"unshare" in trusted.stderr:
        pytest.skip("no mount namespace can be had here")
    assert trusted.returncode == 0, trusted
    named = subprocess.run([str(w) for w in (*base, "--ca", pairs / "stranger.pem", "status")], capture_output=True)
    assert named.returncode == 7 and b"not trusted" in named.stderr


def test_authority_file_that_is_none(ask, tmp_path):
    assert ask("status", ca=tmp_path / "none").returncode == 1
    (tmp_path / "text").write_text("no certificate")
    assert ask("status", ca=tmp_path / "text").returncode == 1


def test_environment_has_no_say(ask, server):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = "http://127.0.0.1:%d" % closed.getsockname()[1]
        assert ask("status", env={"https_proxy": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "all_proxy": proxy}).returncode == 0


@pytest.mark.parametrize("status, code, expected", [
    (400, "malformed", 2), (400, "invalid", 2), (401, "no_token", 4), (401, "bad_token", 4), (401, "token_expired", 4), (401, "token_revoked", 4),
    (403, "denied", 4), (404, "not_found", 3), (405, "method_not_allowed", 2), (406, "not_acceptable", 2), (408, "request_timeout", 7), (409, "exists", 5),
    (409, "wrong_state", 5), (409, "conflict", 5), (411, "length_required", 2), (413, "too_large", 2), (415, "unsupported_media_type", 2),
    (422, "unprocessable", 2), (422, "wrong_usage", 2), (422, "unsupported", 2), (422, "bad_signature", 8), (422, "bad_ciphertext", 8),
    (422, "integrity", 8), (422, "rollback", 8), (429, "rate", 7), (429, "quota", 7), (500, "internal", 1), (503, "sealed", 7), (503, "overloaded", 7),
    (503, "peer_gone", 7), (503, "a-code-of-the-future", 7), (504, "timeout", 7), (418, "a-code-of-the-future", 1),
])
def test_exit_codes(ask, server, status, code, expected):
    server.problem(status, code)
    done = ask("--output", "json", "key", "show", "k")
    assert done.returncode == expected and json.loads(done.stdout)["code"] == code
    assert done.stderr.startswith(b"holdfast: something is wrong")
    assert ask("key", "show", "k").stdout == b""


def test_next_steps(ask, server):
    server.problem(401, "token_expired", "the token has expired")
    assert b"holdfast token mint" in ask("key", "list").stderr
    server.problem(429, "rate", headers={"Retry-After": "3"})
    assert b"retry in 3 s" in ask("key", "list").stderr
    server.problem(500, "internal")
    assert b"r-1" in ask("key", "list").stderr
    server.problem(503, "sealed")
    assert b"holdfast unseal" in ask("key", "list").stderr


def test_answers_of_something_else(ask, server):
    server.answer = (200, {"Content-Type": "text/html"}, b"<html>")
    done = ask("--output", "json", "status")
    assert done.returncode == 1 and json.loads(done.stdout)["code"] == "internal"
    server.answer = (302, {"Location": server.url + "/elsewhere"}, b"")
    assert ask("key", "list").returncode == 1
    assert [path for _, path, _ in server.seen if path == "/elsewhere"] == [], "redirects are not followed"
    server.answer = (503, {"Content-Type": "text/html"}, b"<html>")
    assert ask("key", "list").returncode == 7
    server.answer = (200, {"Content-Type": "application/json"}, b'{"signature_b64":"!!"}')
    assert ask("sign", "k", input=b"m").returncode == 1
    server.answer = (200, {"Content-Type": "application/json"}, b'{"valid":"true"}')
    assert ask("verify", "k", "--signature", "-", "--in", "/dev/null", input=b"s").returncode == 8


def test_export_that_does_not_go_on(ask, server):
    server.answer = (200, {"Content-Type": "application/json"}, b'{"segments_b64":["AAAA"],"last":0,"has_more":true}')
    assert ask("audit", "export").returncode == 1 and len(server.seen) == 1


def test_size_of_answers_is_bounded(ask, server):
    server.answer = (200, {"Content-Type": "application/json"}, b'{"a":"' + b"x" * (4 << 20) + b'"}')
    done = ask("status")
    assert done.returncode == 1 and b"4194304" in done.stderr
    server.answer = (200, {"Content-Type": "application/json"}, b'{"a":"' + b"x" * ((4 << 20) - 8) + b'"}')
    assert ask("status").returncode == 0


def test_text_cannot_talk_to_the_terminal(ask, server):
    evil = "\x1b]0;title\x07\x1b[2J\u009b31mred\rover\x7f"
    server.problem(409, "exists", evil)
    server_text = ask("key", "show", "k").stderr
    server.answer = (200, {"Content-Type": "application/json"}, json.dumps({"items": [{"name": evil, "description": evil}], "x": evil}).encode())
    for text in (server_text, ask("key", "list").stdout, ask("key", "show", "k").stdout):
        assert b"red" in text and not set(text.replace(b"\n", b"")) & (set(range(32)) | {0x7f}), text
        assert "\u009b" not in text.decode(errors="replace")
    printed = ask("key", "show", "k", "--output", "json").stdout
    assert json.loads(printed)["x"] == evil and "\u009b" not in printed.decode() and b"\x7f" not in printed


def test_columns_are_as_wide_as_what_is_seen(ask, server):
    items = [{"seq": 1, "actor": "müller", "detail": "x"}, {"seq": 22, "actor": "ab", "detail": "y"}]
    server.answer = (200, {"Content-Type": "application/json"}, json.dumps({"items": items}).encode())
    lines = ask("audit", "tail").stdout.decode().splitlines()
    assert lines[1].index("x") == lines[2].index("y") == lines[0].index("DETAIL")
    server.answer = (200, {"Content-Type": "application/json"}, json.dumps({"größe": 1, "ab": 2, "nested": {"a": [1, {"b": True}]}}).encode())
    assert ask("status").stdout.decode().splitlines() == ["größe   1", "ab      2", "nested  a=1,b=yes"]


def test_silence_is_given_up(ask):
    """A server that takes the connection and says nothing."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        done = ask("status", url="https://127.0.0.1:%d" % s.getsockname()[1])
    assert done.returncode == 7
