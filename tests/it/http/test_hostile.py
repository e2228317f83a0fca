"""Clients that mean harm or are lame: slow, silent, never reading, leaving; and what each idle one costs."""
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
import tls13  # noqa: E402
from hsm import BUILD, Hsm  # noqa: E402

CLIENTS = BUILD / "tests" / "it" / "http" / "tls_clients"
IDLE_BYTES_MAX = 25_000


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    h = Hsm(tmp_path_factory.mktemp("hostile") / "h").init().unlimited().configure(gateway__header_ms=1500, gateway__body_ms=1500, gateway__idle_ms=3000)
    h.start()
    yield h
    assert "gateway ended" not in h.text()
    assert h.stop() == 0


def tls(h, timeout=8):
    s = h.tls.wrap_socket(socket.create_connection(("127.0.0.1", h.port)), server_hostname="127.0.0.1")
    s.settimeout(timeout)
    return s


def drain(s):
    data = b""
    try:
        while more := s.recv(65536):
            data += more
    except (OSError, ssl.SSLError):
        pass
    return data


def fine(h):
    began = time.monotonic()
    assert h.get("/healthz", token=None).status == 200
    assert time.monotonic() - began < 2


def trickle(s, data, seconds):
    """One byte after the other; how long the server took part."""
    began = time.monotonic()
    try:
        for b in data:
            s.send(bytes([b]))
            time.sleep(seconds)
    except (OSError, ssl.SSLError):
        pass
    return time.monotonic() - began


@pytest.mark.parametrize("what,first", [("head", b""), ("body", b"POST /api/v1/keys HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\nContent-Type: application/json\r\n\r\n")])
def test_a_byte_at_a_time_is_cut_at_the_deadline(hsm, what, first):
    s = tls(hsm)
    s.sendall(first)
    lasted = trickle(s, b"GET /" + b"a" * 500, 0.1)
    answer = drain(s)
    s.close()
    assert lasted < 5 and (answer.startswith(b"HTTP/1.1 408") or answer == b""), (lasted, answer[:50])
    fine(hsm)


def test_a_byte_at_a_time_of_the_handshake(hsm):
    c = tls13.Client(hsm.port)
    hello = c.hello(send=False)
    lasted = trickle(c.sock, struct.pack(">BHH", 22, 0x0301, len(hello)) + hello, 0.05)
    c.close()
    assert lasted < 5
    fine(hsm)


def test_silence_ends_everywhere(hsm):
    began = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", hsm.port)) for _ in range(20)]  # not even a hello
    half = tls13.Client(hsm.port)
    half.hello()
    half.server_hello()  # and no Finished
    idle = tls(hsm)  # no request
    for s in silent:
        s.settimeout(6)
        assert s.recv(1) == b""
    half.sock.settimeout(6)
    while half.sock.recv(65536):
        pass
    assert time.monotonic() - began < 3.5
    assert drain(idle) == b"" and time.monotonic() - began < 6
    fine(hsm)


def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


def test_one_that_never_reads_is_not_read_from(hsm):
    """Requests without end, and no answer taken: neither memory nor time."""
    gateway = hsm.children()["gateway"]
    before = rss(gateway)
    greedy = []
    for _ in range(8):
        s = tls(hsm)
        s.settimeout(0.2)
        greedy.append(s)
    request = b"GET /api/v1/status HTTP/1.1\r\nHost: t\r\n\r\n" * 400
    began = time.monotonic()
    while time.monotonic() - began < 1:
        for s in greedy:
            try:
                s.send(request)
            except (OSError, ssl.SSLError):
                pass
        fine(hsm)
    assert rss(gateway) - before < 16 << 20
    for s in greedy:
        s.close()
    fine(hsm)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def test_leaving_at_every_step(hsm):
    gateway = hsm.children()["gateway"]
    for abort in (reset, lambda s: s.close()):
        for step in range(6):
            for _ in range(15):
                c = tls13.Client(hsm.port)
                if step == 1:
                    hello = c.hello(send=False)
                    c.sock.sendall(struct.pack(">BHH", 22, 0x0301, len(hello)) + hello[:50])
                if step >= 2:
                    c.hello()  # core is being asked just now
                if step >= 3:
                    c.server_hello()
                if step >= 4:
                    c.server_flight()
                    c.finish()
                if step == 4:
                    c.send(23, b"GET /api/v1/status HTTP/1.1\r\nHo")
                if step == 5:
                    c.send(23, b"GET /api/v1/keys HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer x.y.z\r\n\r\n")
                abort(c.sock)
    fine(hsm)
    assert hsm.children()["gateway"] == gateway


def test_messages_out_of_turn(hsm):
    c = tls13.Client(hsm.port)
    c.hello()
    c.server_hello()
    c.server_flight()
    c.say(20, bytes(32))  # a Finished that is none
    c.reading = c.application[1]
    with pytest.raises(tls13.Alert) as alert:
        c.message()
    assert str(alert.value) == "decrypt_error"
    c = tls13.Client(hsm.port)
    c.hello()
    c.server_hello()
    c.server_flight()
    c.finish()
    c.say(1, c.hello(send=False)[4:])  # a second hello: renegotiation does not exist
    with pytest.raises(tls13.Alert) as alert:
        c.ask()
    assert str(alert.value) == "unexpected_message"
    fine(hsm)


def test_a_flood_of_key_updates_is_cut(hsm):
    c = tls13.Client(hsm.port)
    c.hello()
    c.server_hello()
    c.server_flight()
    c.finish()
    sent = 0
    with pytest.raises((tls13.Alert, tls13.Closed, OSError)):
        for sent in range(1000):
            c.send(22, bytes([24, 0, 0, 1, 0]))
            c.writing = tls13.Keys(tls13.expand(c.writing.secret, b"traffic upd"))
            if sent % 10 == 9:
                time.sleep(0.005)
        c.ask()
    assert sent < 1000
    fine(hsm)


def test_garbage(hsm):
    for data in (os.urandom(2000), b"GET / HTTP/1.1\r\nHost: t\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(70000), b"\x80\x2e\x01\x00\x02" + bytes(44), b"\x16\x03\x01\0\0" * 1000):
        s = socket.create_connection(("127.0.0.1", hsm.port))
        s.settimeout(5)
        try:
            s.sendall(data)
            while s.recv(4096):
                pass
        except OSError:
            pass
        s.close()
    fine(hsm)


# ---- many ----

def test_idle_connections_are_cheap(tmp_path):
    count = 10_000
    h = Hsm(tmp_path / "h").init().unlimited().configure(gateway__max_connections=count + 500, gateway__threads=1, gateway__idle_ms=600000).start()
    try:
        gateway = h.children()["gateway"]
        subprocess.run([CLIENTS, "new", str(h.port), "X25519MLKEM768:X25519", "100"], check=True, capture_output=True)
        before = rss(gateway)
        clients = [subprocess.Popen([CLIENTS, "keep", str(h.port), "X25519MLKEM768:X25519", str(count // 2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                   for _ in range(2)]
        assert [c.stdout.readline() for c in clients] == [f"open {count // 2} {count // 2}\n"] * 2
        each = (rss(gateway) - before) / count
        fine(h)
        for c in clients:
            c.stdin.close()
            c.wait(30)
        print(f"{each:.0f} bytes each of {count}")
        assert each <= IDLE_BYTES_MAX, f"{each:.0f} bytes each"
    finally:
        h.stop()


def test_at_the_cap_the_longest_idle_make_room(tmp_path):
    h = Hsm(tmp_path / "h").init().unlimited().configure(gateway__max_connections=32, gateway__threads=1).start()
    try:
        first = [tls(h) for _ in range(40)]
        fine(h)
        assert drain(first[0]) == b""
        for s in first:
            s.close()
    finally:
        h.stop()


def test_a_limit_of_descriptors_that_is_too_low_is_said(tmp_path):
    h = Hsm(tmp_path / "h").init().configure(gateway__max_connections=60000)
    command = ["prlimit", "--nofile=1024:4096", "--"]
    log = open(h.log, "ab")
    done = subprocess.run([*command, h.stage / "bin" / "holdfastd", "--data", h.data, "--anchor", h.anchor, "--listen", f"127.0.0.1:{h.port}"],
                          stdout=log, stderr=log, timeout=40)
    text = h.log.read_text()
    assert done.returncode != 0 and "gateway.max_connections = 60000" in text and "LimitNOFILE" in text, text


def test_the_soft_limit_of_descriptors_is_raised(tmp_path):
    h = Hsm(tmp_path / "h").init().unlimited()
    log = open(h.log, "ab")
    h.log_from = log.tell()
    h.daemon = subprocess.Popen(["prlimit", "--nofile=256:20000", "--", h.stage / "bin" / "holdfastd", "--data", h.data, "--anchor", h.anchor, "--listen", f"127.0.0.1:{h.port}"],
                                stdout=log, stderr=log)
    try:
        h.wait_ready()
        kept = subprocess.Popen([CLIENTS, "keep", str(h.port), "X25519", "700"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert kept.stdout.readline() == "open 700 700\n"
        kept.stdin.close()
        kept.wait(20)
    finally:
        os.kill(h.daemon.pid, signal.SIGTERM)
        h.daemon.wait(30)
