"""Clients' certificates (mTLS): who gets in, what others are told, tokens bound to a certificate (RFC 8705), renewal."""
import base64
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
import certs  # noqa: E402
import tls13  # noqa: E402
from hsm import DATA, Hsm  # noqa: E402

VECTORS = DATA / "vectors" / "x509"


class Clients:
    """An authority and clients of all kinds under it, as files."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ca, self.foreign = certs.authority("clients"), certs.authority("clients")
        (self.folder / "clients.pem").write_bytes(certs.pem(self.ca[0]))
        self.made = {}
        self.make("good", usage=["CLIENT_AUTH"])
        self.make("plain")
        self.make("foreign", by=self.foreign, usage=["CLIENT_AUTH"])
        self.make("expired", usage=["CLIENT_AUTH"], days=(-3, -1))
        self.make("future", usage=["CLIENT_AUTH"], days=(1, 3))
        self.make("server", usage=["SERVER_AUTH"])
        self.make("self-signed", by=False, usage=["CLIENT_AUTH"])

    def make(self, name, by=None, **how):
        key = certs.KINDS["ec-p256"]()
        certificate = certs.issue(name, key, by=None if by is False else by or self.ca, **how)
        (self.folder / f"{name}.pem").write_bytes(certs.pem(certificate) + certs.key_pem(key))
        self.made[name] = certificate, key

    def file(self, name):
        return self.folder / f"{name}.pem"


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return Clients(tmp_path_factory.mktemp("clients"))


def start(folder, clients, rule):
    h = Hsm(folder / rule).init().unlimited().configure(server__client_ca=clients.folder / "clients.pem", server__client_certificates=rule)
    return h.start()


@pytest.fixture(scope="module")
def required(tmp_path_factory, clients):
    h = start(tmp_path_factory.mktemp("mtls"), clients, "required")
    yield h
    assert "gateway ended" not in h.text()
    assert h.stop() == 0


@pytest.fixture(scope="module")
def optional(tmp_path_factory, clients):
    h = start(tmp_path_factory.mktemp("mtls"), clients, "optional")
    yield h
    assert h.stop() == 0


def curl(h, *options):
    return subprocess.run(["curl", "-sS", "--max-time", "10", "--cacert", h.data / "tls" / "ca.pem", *options, f"https://127.0.0.1:{h.port}/healthz"],
                          capture_output=True, text=True)


def s_client(h, clients, name):
    options = ["-cert", clients.file(name), "-key", clients.file(name)] if name else []
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{h.port}", "-CAfile", h.data / "tls" / "ca.pem", "-quiet", *options],
                          input=b"GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", capture_output=True, timeout=20)


REFUSED = {None: b"certificate required", "foreign": b"unknown ca", "expired": b"certificate expired", "future": b"bad certificate",
           "server": b"unsupported certificate", "self-signed": b"unknown ca"}


@pytest.mark.parametrize("name", ["good", "plain"])
def test_clients_of_the_authority_get_in(required, clients, name):
    done = curl(required, "--cert", clients.file(name))
    assert done.returncode == 0 and '"state":"open"' in done.stdout, done
    assert b"HTTP/1.1 200" in s_client(required, clients, name).stdout


@pytest.mark.parametrize("name", REFUSED)
def test_others_are_told_why(required, clients, name):
    done = s_client(required, clients, name)
    assert b"HTTP/1.1" not in done.stdout
    assert b"alert " + REFUSED[name] in done.stderr, done.stderr
    assert curl(required, *(["--cert", clients.file(name)] if name else [])).returncode == 56 or name is None


def test_optional_means_none_or_a_good_one(optional, clients):
    assert curl(optional).returncode == 0
    assert curl(optional, "--cert", clients.file("good")).returncode == 0
    for name in ("foreign", "expired", "server", "self-signed"):
        done = s_client(optional, clients, name)
        assert b"HTTP/1.1" not in done.stdout and b"alert " + REFUSED[name] in done.stderr, done.stderr


# ---- tokens that are bound to a certificate ----

def context(h, clients, name=None):
    c = ssl.create_default_context(cafile=str(h.data / "tls" / "ca.pem"))
    if name:
        c.load_cert_chain(clients.file(name))
    return c


def test_a_bound_token_counts_only_with_its_certificate(optional, clients, tmp_path):
    thumbprint = base64.urlsafe_b64encode(certs.sha256(clients.made["good"][0])).rstrip(b"=").decode()
    token = bound_token(optional, thumbprint)
    statuses = {}
    for name in ("good", "plain", None):
        optional.tls = context(optional, clients, name)
        statuses[name] = optional.get("/api/v1/keys", token=token).status
    optional.tls = context(optional, clients)
    assert statuses == {"good": 200, "plain": 401, None: 401} or statuses == {"good": 200, "plain": 403, None: 403}, statuses


def bound_token(h, thumbprint):
    """Minted as `holdfast token mint` does it, with the confirmation of RFC 8705 section 3.1 besides."""
    import json

    key = serialization.load_pem_private_key(h.admin_key.read_bytes(), None)
    plain = h.mint().split(".")
    claims = json.loads(base64.urlsafe_b64decode(plain[1] + "=="))
    claims["cnf"] = {"x5t#S256": thumbprint}
    claims["jti"] = claims.get("jti", "x") + "b"
    signed = plain[0] + "." + base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=").decode()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        signature = key.sign(signed.encode())
    return signed + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


# ---- changes without a stop ----

def test_new_authorities_are_taken_without_a_stop(tmp_path, clients):
    h = start(tmp_path, clients, "required")
    try:
        h.tls = context(h, clients, "good")
        kept = h.connect()
        assert h.get("/healthz", token=None, connection=kept).status == 200
        other = certs.authority("others")
        (tmp_path / "others.pem").write_bytes(certs.pem(other[0]))
        h.configure(server__client_ca=tmp_path / "others.pem")
        os.kill(h.supervisor_pid(), signal.SIGHUP)
        deadline = time.monotonic() + 15
        while curl(h, "--cert", clients.file("good")).returncode == 0:
            assert time.monotonic() < deadline, h.text()
            time.sleep(0.05)
        assert h.get("/healthz", token=None, connection=kept).status == 200  # what is open stays
        # A file without an authority changes nothing but the log.
        (tmp_path / "others.pem").write_bytes(b"none\n")
        os.kill(h.supervisor_pid(), signal.SIGHUP)
        while "server.client_ca is not usable" not in h.text():
            assert time.monotonic() < deadline + 15, h.text()
            time.sleep(0.05)
        assert b"unknown ca" in s_client(h, clients, "good").stderr
        h.configure(server__client_certificates="off")
        os.kill(h.supervisor_pid(), signal.SIGHUP)
        while curl(h).returncode != 0:
            assert time.monotonic() < deadline + 30, h.text()
            time.sleep(0.05)
    finally:
        h.stop()


def test_the_option_needs_its_file(tmp_path, clients):
    h = Hsm(tmp_path / "h").init().configure(server__client_certificates="required")
    h.start(wait=False)
    code, text = h.wait_refused()
    assert code != 0 and "needs server.client_ca" in text
    h.configure(server__client_ca=tmp_path / "none.pem")
    h.start(wait=False)
    code, text = h.wait_refused()
    assert code != 0 and "none.pem cannot be opened" in text, text


# ---- whatever a client calls its certificate ----

def show(h, *chain, sign=lambda data: bytes(70), verify=True):
    """What the server says to a client with these bytes as its chain: "in", the name of its alert, or "closed"."""
    c = tls13.Client(h.port)
    try:
        c.hello()
        c.server_hello()
        assert c.server_flight()
        c.certificate(*chain)
        if chain and verify:
            c.certificate_verify(0x0403, sign)
        c.finish()
        return "in" if c.ask().startswith(b"HTTP/1.1 200") else "odd"
    except tls13.Alert as alert:
        return str(alert)
    except (tls13.Closed, ConnectionError):
        return "closed"
    finally:
        c.close()


def signer(key):
    return lambda data: key.sign(data, ec.ECDSA(hashes.SHA256()))


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def test_the_client_of_these_tests_gets_in_when_all_is_right(required, clients):
    certificate, key = clients.made["good"]
    assert show(required, der(certificate), sign=signer(key)) == "in"
    assert show(required, der(certificate), sign=signer(clients.made["plain"][1])) == "decrypt_error"  # the key of another
    assert show(required, der(certificate), verify=False) == "unexpected_message"
    assert show(required) == "certificate_required"


def vector_certificates():
    found = []
    if not VECTORS.exists():
        return found
    for line in (VECTORS / "webpki_odd_der.tsv").read_text().splitlines():
        words = line.split("\t")
        if not line.startswith("#") and len(words) >= 4:
            found.append((words[0], bytes.fromhex(words[3])))
    for file in sorted(VECTORS.glob("*.pem")):
        for block in file.read_text().split("-----BEGIN ")[1:]:
            body = block.split("-----")[1]
            found.append((f"{file.name}:{block.split('-----')[0]}", base64.b64decode("".join(body.split()))))
    return found


def test_all_vectors_are_refused_and_none_does_harm(required, optional, clients):
    vectors = vector_certificates()
    if not vectors:
        pytest.skip("the shared test data is not here")
    good = der(clients.made["good"][0])
    pid = required.children()["gateway"], optional.children()["gateway"]
    for name, data in vectors:
        for h in (required, optional):
            assert show(h, data) not in ("in", "odd", "closed"), name
        assert show(required, data, good) not in ("in", "odd", "closed"), name
    assert len(vectors) > 60
    assert (required.children()["gateway"], optional.children()["gateway"]) == pid


def test_bytes_that_are_no_certificate(required, clients):
    good, key = der(clients.made["good"][0]), clients.made["good"][1]
    pid = required.children()["gateway"]
    for n in (1, 2, 5, 100, len(good) - 1):
        assert show(required, good[:n]) not in ("in", "odd"), n
    for at in range(0, len(good), 7):
        bent = good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1:]
        assert show(required, bent, sign=signer(key)) not in ("in", "odd"), at
    assert show(required, good + b"\0") not in ("in", "odd")
    assert show(required, os.urandom(60000)) not in ("in", "odd")
    assert show(required, *[good] * 200) not in ("odd",)
    assert required.children()["gateway"] == pid
    assert show(required, good, sign=signer(key)) == "in"


def test_an_authority_made_by_the_openssl_command_will_do(tmp_path):
    """As people make them: without key usage, a client certificate with no extension at all beside it."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ours")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=me")
    openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "client.pem", "-days", "1")
    h = Hsm(tmp_path / "h").init().unlimited().configure(server__client_ca=tmp_path / "ca.pem", server__client_certificates="required").start()
    try:
        done = curl(h, "--cert", tmp_path / "client.pem", "--key", tmp_path / "client.key")
        assert done.returncode == 0 and '"ok"' in done.stdout.replace("degraded", "ok"), done.stderr
        assert curl(h).returncode != 0
    finally:
        assert h.stop() == 0
