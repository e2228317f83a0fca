"""The PROXY protocol in front of TLS: whose word counts, for limits and for the audit, and what ends a connection."""
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from hsm import Hsm, free_port  # noqa: E402

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header(client="192.0.2.7", command=1, family=None, tail=b"", length=None):
    six = ":" in client
    kind = socket.AF_INET6 if six else socket.AF_INET
    addresses = socket.inet_pton(kind, client) + socket.inet_pton(kind, "::1" if six else "127.0.0.1") + struct.pack(">HH", 40000, 443)
    body = (addresses if command == 1 else b"") + tail
    family = family if family is not None else (0x21 if six else 0x11) if command == 1 else 0
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack(">H", len(body) if length is None else length) + body


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """Trusts its local neighbour as a proxy."""
    h = Hsm(tmp_path_factory.mktemp("proxy") / "h").init().unlimited().configure(gateway__trusted_proxies="127.0.0.1, 2001:db8::/32", gateway__header_ms=1500)
    h.start(wait=False)
    deadline = time.monotonic() + 30
    while "holdfastd: ready" not in h.text():
        assert time.monotonic() < deadline and h.daemon.poll() is None, h.text()
        time.sleep(0.02)
    h.tls = ssl.create_default_context(cafile=str(h.data / "tls" / "ca.pem"))
    yield h
    assert "gateway ended" not in h.text()
    assert h.stop() == 0


def ask(h, first, path="/healthz", headers="", step=None, raw=False):
    """The answer to one request behind these first bytes; b"" when the connection ends."""
    with socket.create_connection(("127.0.0.1", h.port)) as s:
        s.settimeout(8)
        try:
            for at in range(0, len(first), step or len(first) or 1):
                s.sendall(first[at:at + (step or len(first))])
                if step:
                    time.sleep(0.002)
            if raw:
                return s.recv(100)
            with h.tls.wrap_socket(s, server_hostname="127.0.0.1") as tls:
                tls.sendall(f"GET {path} HTTP/1.1\r\nHost: t\r\n{headers}Connection: close\r\n\r\n".encode())
                data = b""
                while more := tls.recv(65536):
                    data += more
                return data
        except (OSError, ssl.SSLError):
            return b""


GOOD = {"IPv4": header(), "IPv6": header("2001:db8::7"), "with TLVs": header(tail=b"\x04\0\x03abc" * 50), "as long as it may be": header(tail=bytes(4084)),
        "LOCAL": header(command=0), "LOCAL with something behind": header(command=0, tail=bytes(20))}


@pytest.mark.parametrize("what", GOOD)
def test_headers_that_are_taken(behind, what):
    assert ask(behind, GOOD[what]).startswith(b"HTTP/1.1 200"), what


@pytest.mark.parametrize("what", ["IPv4", "with TLVs"])
def test_a_header_may_come_in_pieces(behind, what):
    assert ask(behind, GOOD[what], step=5).startswith(b"HTTP/1.1 200")


BAD = {"none": b"", "version 1": b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n", "HTTP": b"GET / HTTP/1.1\r\nHost: t\r\n\r\n", "UDP": header(family=0x12),
       "Unix": header(family=0x31), "unspecified": header(family=0), "another command": header(command=2), "too short": header(length=4),
       "too long": header(length=4097) + bytes(5000), "a user of this machine": header("100::7569:6400:0:0")}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_such_header_ends_the_connection(behind, what):
    assert ask(behind, BAD[what]) == b""


def test_a_silent_proxy_has_the_deadline_of_a_handshake(behind):
    for first in (b"", header()[:20], header(length=4000)):
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", behind.port)) as s:
            s.settimeout(8)
            s.sendall(first)
            assert s.recv(1) == b""
        assert 1 < time.monotonic() - began < 4
    # Header and handshake share it: the header's last byte does not start it anew.
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", behind.port)) as s:
        s.settimeout(8)
        s.sendall(header()[:-1])
        time.sleep(1)
        s.sendall(header()[-1:])
        assert s.recv(1) == b""
    assert time.monotonic() - began < 2.5


def test_the_audit_names_the_client(behind):
    token = behind.mint()
    for client in ("203.0.113.77", "2001:db8::42"):
        answer = ask(behind, header(client), "/api/v1/keys", f"Authorization: Bearer {token}\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
    answer = ask(behind, header(), "/api/v1/audit/recent?limit=20", f"Authorization: Bearer {token}\r\n")
    seen = {e.get("address") for e in json.loads(answer.split(b"\r\n\r\n", 1)[1])["items"]}
    assert {"203.0.113.77", "2001:db8::42"} <= seen, seen


def test_limits_count_the_client_and_not_the_proxy(tmp_path):
    h = Hsm(tmp_path / "h").init().configure(gateway__trusted_proxies="127.0.0.0/8", gateway__address_rate=5, gateway__address_burst=5)
    h.start(wait=False)
    try:
        deadline = time.monotonic() + 30
        while "holdfastd: ready" not in h.text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        h.tls = ssl.create_default_context(cafile=str(h.data / "tls" / "ca.pem"))
        answers = [ask(h, header("198.51.100.1")) for _ in range(12)]
        assert answers[0].startswith(b"HTTP/1.1 200") and b"" in answers, "its connections are limited"
        assert ask(h, header("198.51.100.2")).startswith(b"HTTP/1.1 200"), "another client pays for the first"
    finally:
        h.stop()


def test_others_are_not_believed(tmp_path):
    """From an address that is not listed the header is no TLS: the connection ends; and without a header it works."""
    h = Hsm(tmp_path / "h").init().unlimited().configure(gateway__trusted_proxies="192.0.2.0/24,::1").start()
    try:
        assert h.get("/healthz", token=None).status == 200
        assert ask(h, header()) == b""
        assert ask(h, header(), raw=True)[:1] in (b"", b"\x15")  # at most a TLS alert
        h.configure(gateway__trusted_proxies="127.0.0.1")
        os.kill(h.supervisor_pid(), signal.SIGHUP)
        deadline = time.monotonic() + 15
        while not ask(h, header()).startswith(b"HTTP/1.1 200"):
            assert time.monotonic() < deadline, h.text()
            time.sleep(0.05)
    finally:
        h.stop()


@pytest.mark.parametrize("text", ["192.0.2.300", "192.0.2.0/33", "192.0.2.1/24", "2001:db8::/129", "proxy.example.org", "192.0.2.1,,192.0.2.2", "192.0.2.1/", "::1/x"])
def test_a_list_that_is_none_is_refused(tmp_path, text):
    h = Hsm(tmp_path / "h").init().configure(gateway__trusted_proxies=text).start(wait=False)
    code, log = h.wait_refused()
    assert code != 0 and "gateway.trusted_proxies" in log, log


def test_behind_haproxy(behind, tmp_path):
    if shutil.which("haproxy") is None and not os.path.exists("/usr/sbin/haproxy"):
        pytest.skip("no haproxy is installed")
    port = free_port()
    conf = tmp_path / "haproxy.cfg"
    conf.write_text(f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    server s 127.0.0.1:{behind.port} send-proxy-v2 check-send-proxy check inter 200ms
""")
    proxy = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", conf], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline, done = time.monotonic() + 10, None
        while time.monotonic() < deadline and (done is None or done.returncode != 0):
            time.sleep(0.1)
            done = subprocess.run(["curl", "-sS", "--max-time", "5", "--cacert", behind.data / "tls" / "ca.pem", f"https://127.0.0.1:{port}/healthz"],
                                  capture_output=True, text=True)
        assert done.returncode == 0 and '"state":"open"' in done.stdout, done
    finally:
        proxy.terminate()
        proxy.wait(10)
