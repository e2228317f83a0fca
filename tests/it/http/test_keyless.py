"""The gateway without its private key: core signs each handshake. All kinds of keys, renewals, faults, a core that stands still."""
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
import certs  # noqa: E402
from hsm import BUILD, Hsm  # noqa: E402


@pytest.fixture
def hsm(tmp_path):
    h = Hsm(tmp_path / "hsm").init().unlimited()
    yield h
    h.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    h = Hsm(tmp_path_factory.mktemp("keyless") / "hsm").init().unlimited().configure(gateway__header_ms=1500).start()
    yield h
    assert h.stop() == 0


def openssl(h, *options, text=b""):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{h.port}", "-CAfile", h.data / "tls" / "ca.pem", "-verify_return_error", *options],
                          input=text, capture_output=True, timeout=30)


def peer_certificate(h):
    with socket.create_connection(("127.0.0.1", h.port)) as s, h.tls.wrap_socket(s, server_hostname="127.0.0.1") as tls:
        return tls.getpeercert(binary_form=True)


def wait_for(condition, what, timeout=15):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


# ---- keys of all kinds ----

@pytest.mark.parametrize("kind,form", [("ec-p256", "pkcs8"), ("ec-p256", "traditional"), ("ec-p384", "traditional"), ("ed25519", "pkcs8"),
                                       ("rsa-2048", "traditional"), ("rsa-3072", "pkcs8")])
def test_keys_as_servers_have_them(hsm, kind, form):
    certs.put_server_pair(hsm, kind, form)
    hsm.start()
    assert hsm.get("/healthz", token=None).status == 200
    done = openssl(hsm, "-brief")
    assert done.returncode == 0 and b"Verification: OK" in done.stderr, done.stderr
    expected = {"ec-p256": b"ecdsa_secp256r1_sha256", "ec-p384": b"ecdsa_secp384r1_sha384", "ed25519": b"ed25519", "rsa-2048": b"rsa_pss_rsae", "rsa-3072": b"rsa_pss_rsae"}
    assert b"Signature type: " + expected[kind] in done.stderr


def test_the_key_of_openssl_ecparam_is_read_too(hsm):
    """Its file begins with a block of its own for the curve."""
    tls = hsm.data / "tls"
    subprocess.run(f"openssl ecparam -name prime256v1 -genkey -out {tls}/server-key.pem && openssl req -x509 -new -key {tls}/server-key.pem -subj /CN=localhost "
                   f"-addext subjectAltName=IP:127.0.0.1 -days 2 -out {tls}/server.pem && cp {tls}/server.pem {tls}/ca.pem", shell=True, check=True, capture_output=True)
    assert b"BEGIN EC PARAMETERS" in (tls / "server-key.pem").read_bytes()
    hsm.start()
    assert hsm.get("/healthz", token=None).status == 200


@pytest.mark.parametrize("make,sentence", [
    (lambda k: certs.key_pem(k, password=b"secret"), "is encrypted; write it without a passphrase"),
    (lambda k: certs.key_pem(k, "traditional", password=b"secret"), "is encrypted; write it without a passphrase"),
    (lambda k: b"nothing of use\n", "holds no private key in PEM"),
    (lambda k: certs.key_pem(k)[:-40], "ends inside its key"),
    (lambda k: certs.key_pem(k).replace(b"MI", b"*I", 1), "is not base64"),
    (lambda k: certs.key_pem(certs.ec.generate_private_key(certs.ec.SECP521R1())), "cannot be used"),
])
def test_a_key_file_of_no_use_is_refused_with_its_reason(hsm, make, sentence):
    key = certs.KINDS["ec-p256"]()
    (hsm.data / "tls" / "server-key.pem").write_bytes(make(key))
    hsm.start(wait=False)
    code, text = hsm.wait_refused()
    assert code != 0 and sentence in text, text


def test_a_start_with_a_pair_that_does_not_match_is_refused(hsm):
    (hsm.data / "tls" / "server-key.pem").write_bytes(certs.key_pem(certs.KINDS["ec-p256"]()))
    hsm.start(wait=False)
    code, text = hsm.wait_refused()
    assert code != 0 and "belong together" in text, text


# ---- what goes over the wire ----

def test_hybrid_key_exchange_by_default(shared):
    done = openssl(shared, "-brief", "-groups", "X25519MLKEM768:X25519")
    assert done.returncode == 0 and b"Negotiated TLS1.3 group: X25519MLKEM768" in done.stderr, done.stderr
    for group in ("X25519", "P-256"):
        assert openssl(shared, "-brief", "-groups", group).returncode == 0


def test_older_versions_and_other_protocols_are_refused(shared):
    assert openssl(shared, "-tls1_2").returncode != 0
    assert b"no application protocol" in openssl(shared, "-alpn", "h2").stderr
    assert openssl(shared, "-brief", "-alpn", "http/1.1").returncode == 0
    assert b"handshake failure" in openssl(shared, "-groups", "P-521").stderr


def test_a_browser_gets_in(shared, tmp_path):
    """A browser by its own key exchange, X25519MLKEM768 in all current ones; which one it was is shown by its own log of the connection."""
    browser = next((b for b in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if os.path.exists(b)), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    home, net_log = tmp_path / "home", tmp_path / "net.json"
    home.mkdir()
    spki = subprocess.run(f"openssl x509 -in {shared.data}/tls/server.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64",
                          shell=True, check=True, capture_output=True, text=True).stdout.strip()
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}", f"--ignore-certificate-errors-spki-list={spki}",
                           f"--log-net-log={net_log}", "--dump-dom", f"https://127.0.0.1:{shared.port}/healthz"],
                          capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(home)})
    assert '"state":"open"' in done.stdout, done.stdout + done.stderr[-2000:]
    assert re.search(r'"key_exchange_group":\s*"?(4588|X25519MLKEM768)', net_log.read_text()), "another group was used"


# ---- a new pair without a stop ----

def test_a_renewed_pair_is_taken_without_dropping_a_connection(hsm):
    ca, _ = certs.put_server_pair(hsm)
    hsm.start()
    kept = hsm.connect()
    assert hsm.get("/healthz", token=None, connection=kept).status == 200
    for kind in ("ec-p256", "rsa-2048", "ed25519"):
        _, certificate = certs.put_server_pair(hsm, kind, ca=ca)
        os.kill(hsm.supervisor_pid(), signal.SIGHUP)
        wait_for(lambda: peer_certificate(hsm) == certificate.public_bytes(certs.serialization.Encoding.DER), f"the new certificate is not used:\n{hsm.text()}")
        assert hsm.get("/healthz", token=None, connection=kept).status == 200
    assert "ALARM" not in hsm.text()


def test_a_pair_that_does_not_match_leaves_the_old_one_with_an_alarm(hsm):
    ca, old = certs.put_server_pair(hsm)
    hsm.start()
    kept = hsm.connect()
    assert hsm.get("/healthz", token=None, connection=kept).status == 200
    before = peer_certificate(hsm)
    certs.put_server_pair(hsm, ca=ca)
    (hsm.data / "tls" / "server-key.pem").write_bytes(certs.key_pem(certs.KINDS["ec-p256"]()))  # the key of neither
    os.kill(hsm.supervisor_pid(), signal.SIGHUP)
    wait_for(lambda: "the old pair stays" in hsm.text(), f"no alarm:\n{hsm.text()}")
    assert peer_certificate(hsm) == before
    assert hsm.get("/healthz", token=None, connection=kept).status == 200
    details = [e for e in hsm.get("/api/v1/audit/recent").json["items"] if "old pair stays" in str(e)]
    assert details, "the alarm is not in the audit"


def test_wrong_keys_one_after_the_other_leave_the_old_pair(hsm):
    """Core keeps few keys; those that were never used must not drive out the one in use."""
    ca, _ = certs.put_server_pair(hsm)
    hsm.start()
    before = peer_certificate(hsm)
    certs.put_server_pair(hsm, ca=ca)
    for n in range(1, 4):
        (hsm.data / "tls" / "server-key.pem").write_bytes(certs.key_pem(certs.KINDS["ec-p256"]()))
        os.kill(hsm.supervisor_pid(), signal.SIGHUP)
        wait_for(lambda n=n: hsm.text().count("the old pair stays") >= n, f"no alarm:\n{hsm.text()}", timeout=30)
        assert peer_certificate(hsm) == before


def test_a_renewal_with_a_bad_key_file_leaves_the_old_pair(hsm):
    hsm.start()
    before = peer_certificate(hsm)
    (hsm.data / "tls" / "server-key.pem").write_bytes(b"no key\n")
    os.kill(hsm.supervisor_pid(), signal.SIGHUP)
    wait_for(lambda: "the old certificate and key stay" in hsm.text(), f"no alarm:\n{hsm.text()}")
    assert peer_certificate(hsm) == before


# ---- core away, core standing still ----

def test_the_key_is_there_while_the_hsm_is_sealed(hsm):
    hsm.start()
    a = hsm.post("/api/v1/seal")
    if a.status == 404:
        pytest.skip("this build has no route to seal")
    assert a.status == 200, a
    assert hsm.get("/healthz", token=None).status == 503  # over a new connection, with a new signature


def test_handshakes_go_on_after_core_was_restarted(shared):
    old = shared.children()["core"]
    kept = shared.connect()
    assert shared.get("/healthz", token=None, connection=kept).status == 200
    os.kill(old, signal.SIGKILL)
    shared.wait_child("core", other_than=old)
    shared.wait_serving()
    assert shared.get("/api/v1/status", token=None, connection=kept).status in (200, 503)


def test_handshakes_wait_for_the_next_core(hsm):
    """Those that core took with it, and those that begin while there is none: a client sees no more than a pause."""
    hsm.start()
    old, ended, stop = hsm.children()["core"], [], threading.Event()

    def shake():
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", hsm.port)) as s:
                    s.settimeout(20)
                    hsm.tls.wrap_socket(s, server_hostname="127.0.0.1").close()
                ended.append("done")
            except (OSError, ssl.SSLError) as e:
                ended.append(repr(e))
            time.sleep(0.05)

    os.kill(old, signal.SIGSTOP)  # so that some have asked when it dies
    threads = [threading.Thread(target=shake) for _ in range(8)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    assert ended == []
    os.kill(old, signal.SIGKILL)
    hsm.wait_child("core", other_than=old)
    hsm.wait_serving()
    stop.set()
    for t in threads:
        t.join()
    assert len(ended) >= 8 and set(ended) == {"done"}, ended


def test_a_core_that_stands_still_freezes_nothing(shared):
    kept = [shared.connect() for _ in range(3)]
    for c in kept:
        assert shared.get("/healthz", token=None, connection=c).status == 200
    core, closed = shared.children()["core"], []

    def shake():
        began = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", shared.port)) as s:
                s.settimeout(20)
                shared.tls.wrap_socket(s, server_hostname="127.0.0.1").close()
                closed.append(("done", time.monotonic() - began))
        except (OSError, ssl.SSLError):
            closed.append(("closed", time.monotonic() - began))

    os.kill(core, signal.SIGSTOP)
    try:
        threads = [threading.Thread(target=shake) for _ in range(200)]  # more than a thread has jobs
        for t in threads:
            t.start()
        began = time.monotonic()
        for _ in range(3):
            for c in kept:
                a = shared.get("/healthz", token=None, connection=c)
                assert a.status in (200, 503), a  # 200 from what was known a second ago, then the truth: core does not answer
            assert shared.get("/no/such/path", token=None, connection=kept[0]).status == 404
        assert time.monotonic() - began < 10
        for t in threads:
            t.join()
    finally:
        os.kill(core, signal.SIGCONT)
    assert len(closed) == 200 and {how for how, _ in closed} == {"closed"}, closed
    assert all(1.3 < seconds < 6 for _, seconds in closed), sorted(s for _, s in closed)  # their deadline is 1.5 s
    shared.wait_serving()
    assert openssl(shared, "-brief").returncode == 0
    for c in kept:
        assert shared.get("/healthz", token=None, connection=c).status == 200


def test_clients_that_leave_while_they_wait_for_a_signature(shared):
    core = shared.children()["core"]
    os.kill(core, signal.SIGSTOP)
    try:
        for _ in range(60):
            s = socket.create_connection(("127.0.0.1", shared.port))
            s.settimeout(0.03)
            try:
                shared.tls.wrap_socket(s, server_hostname="127.0.0.1", do_handshake_on_connect=True)
            except (TimeoutError, OSError):
                pass
            if hasattr(socket, "SO_LINGER"):
                try:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                except OSError:
                    pass
            s.close()
    finally:
        os.kill(core, signal.SIGCONT)
    shared.wait_serving()
    assert "gateway ended" not in shared.text()


def test_many_clients_at_once(shared):
    clients = [subprocess.Popen([BUILD / "tests/it/http/tls_clients", "new", str(shared.port), "X25519MLKEM768:X25519", "60"], stdout=subprocess.PIPE, text=True)
               for _ in range(6)]
    assert [c.communicate(timeout=60)[0] for c in clients] == ["done 60 60\n"] * 6
