"""What a person types, and the tokens and plaintexts of the command line, are found in locked memory alone (row M 7).

Root looks, while the program waits and before and after each of its system calls. Beside each scan that must find nothing stands one that must
find something: on the mlock fallback the same bytes are seen, and then they lie where the kernel says `locked`, `not in dumps` and nowhere else.
"""
import base64
import ctypes
import fcntl
import json
import os
import re
import secrets
import socket
import subprocess
import threading
import time

import pytest

import needles
from attack import TOOLS, Scan, Strobe, open_folder, tool
from hsm import STAGE, Hsm
from seals import Sealed
from terminal import Terminal

if os.geteuid() != 0:
    pytest.skip("only root can look into other processes", allow_module_level=True)

HAS_SECRETMEM = ctypes.CDLL(None, use_errno=True).syscall(447, 0) >= 0
needs_secretmem = pytest.mark.skipif(not HAS_SECRETMEM, reason="this kernel has no memfd_secret")
NO_SECRETMEM = TOOLS / "no-memfd-secret"
HOLDFAST = STAGE / "bin/holdfast"
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "dumb"}


@pytest.fixture
def folder():
    with open_folder() as f:
        yield f


class Secret:
    def __init__(self, folder, name="secret"):
        self.text = secrets.token_hex(20)
        self.file, self.control = folder / f"{name}.needles", folder / f"{name}.control"
        needles.write(self.file, [(name, self.text.encode())])

    def scan(self, pid, how="mem"):
        return Scan(tool("memscan", self.file, how, pid))

    def sees(self, pid, text):
        """The scan works here: something that must be in every program's memory."""
        needles.write(self.control, [("control", text)])
        return Scan(tool("memscan", self.control, "mem", pid)).hits != []


def family(pid):
    """A process and all that it started, oldest first."""
    children = []
    for task in os.listdir(f"/proc/{pid}/task"):
        children += map(int, open(f"/proc/{pid}/task/{task}/children").read().split())
    return [pid] + [g for c in children for g in family(c)]


def flags_at(pid, where):
    """VmFlags of the map that begins where memscan says a hit is."""
    begin, here = where.split("-")[0], False
    for line in open(f"/proc/{pid}/smaps"):
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            here = line.startswith(begin + "-")
        elif here and line.startswith("VmFlags:"):
            return line.split()[1:]
    return []


def assert_only_locked(scan, pid):
    assert scan.hits != []
    for hit in scan.hits:
        flags = flags_at(pid, hit.where)
        assert "lo" in flags and "dd" in flags, (hit, flags)


def wait_reading_terminal(pid):
    """In ppoll, with the line read so far in its memory."""
    deadline = time.monotonic() + 10
    while "poll" not in open(f"/proc/{pid}/wchan").read() + open(f"/proc/{pid}/stack").read():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ---- at a terminal ----

ASKING = {
    "reseal": lambda f: (["reseal", "--data", Hsm(f / "hsm").init().data, "--seal", "passphrase"], rb"New passphrase: ", rb"The same again: "),
    "init": lambda f: (["init", "--data", f / "new", "--seal", "passphrase", "--admin-key-out", f / "admin.pem"], rb"New passphrase: ", rb"The same again: "),
}


def typed_once(folder, command, wrapper=()):
    """(terminal, secret, pid of the program that has the first of two passphrases and waits for the second)."""
    words, first, second = ASKING[command](folder)
    secret = Secret(folder)
    terminal = Terminal([*wrapper, HOLDFAST, *words], ENVIRONMENT)
    terminal.read_until(first)
    terminal.type(secret.text + "\n")
    terminal.read_until(second)
    (pid,) = family(terminal.process.pid)
    wait_reading_terminal(pid)
    return terminal, secret, pid


def finish(terminal, secret):
    terminal.type(secret.text + "\n")
    code, seen = terminal.end()
    assert code == 0 and secret.text.encode() not in seen, seen


@needs_secretmem
@pytest.mark.parametrize("command", ASKING)
def test_a_typed_passphrase_is_nowhere_while_the_program_waits(folder, command):
    terminal, secret, pid = typed_once(folder, command)
    for how in ("mem", "registers"):
        assert secret.scan(pid, how).hits == []
    assert secret.sees(pid, b"The same again: ")
    finish(terminal, secret)


@needs_secretmem
@pytest.mark.parametrize("command", ASKING)
def test_nor_at_any_system_call(folder, command):
    """From before the first letter until it is asked for again."""
    words, first, second = ASKING[command](folder)
    secret = Secret(folder)
    terminal = Terminal([HOLDFAST, *words], ENVIRONMENT)
    terminal.read_until(first)
    (pid,) = family(terminal.process.pid)
    with Strobe(secret.file, pid) as strobe:
        terminal.type(secret.text + "\n")
        terminal.read_until(second)
    assert strobe.scan.places > 1000 and strobe.scan.hits == []
    finish(terminal, secret)


@pytest.mark.parametrize("command", ASKING)
def test_on_the_mlock_fallback_it_lies_in_locked_memory_alone(folder, command):
    terminal, secret, pid = typed_once(folder, command, [NO_SECRETMEM])
    assert_only_locked(secret.scan(pid), pid)
    finish(terminal, secret)


@needs_secretmem
def test_unseal_shows_no_typed_passphrase(folder):
    hsm = Sealed(folder / "hsm")
    secret = Secret(folder)
    hsm.passphrase = secret.text.encode()
    hsm.init().unlimited().configure(gateway__header_ms=60000).start()
    try:
        hsm.wait_fingerprint(1)
        terminal = Terminal([HOLDFAST, *hsm.way(), "unseal"], ENVIRONMENT)
        terminal.read_until(rb"Passphrase: ")
        client, sealer = family(terminal.process.pid)
        assert os.readlink(f"/proc/{sealer}/exe").endswith("/hpke-seal")
        with Strobe(secret.file, sealer) as at_sealer, Strobe(secret.file, client) as at_client:
            terminal.type(secret.text + "\n")
            code, seen = terminal.end()
        assert code == 0, seen
        for strobe in (at_sealer, at_client):
            assert strobe.scan.places > 100 and strobe.scan.hits == []
    finally:
        hsm.stop()


# ---- tokens and plaintexts ----

class MuteServer:
    """Takes requests on a local socket; answers when told to, or never."""

    def __init__(self, path, answer=None):
        self.path, self.answer, self.got = path, answer, threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.request, self.peer = b"", None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        self.peer, _ = self.listener.accept()
        while b"\r\n\r\n" not in self.request:
            self.request += self.peer.recv(65536)
        self.got.set()
        if self.answer is not None:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(self.answer)}\r\nConnection: close\r\n\r\n"
            self.peer.sendall(head.encode() + self.answer)

    def close(self):
        if self.peer is not None:
            self.peer.close()
        self.listener.close()


def waiting_client(folder, wrapper=()):
    """(process, secret, server): the token was sent and no answer comes."""
    secret, server = Secret(folder), MuteServer(folder / "socket")
    token = folder / "token"
    token.write_text(secret.text + "\n")
    token.chmod(0o600)
    process = subprocess.Popen([*wrapper, HOLDFAST, "--socket", server.path, "--token-file", token, "key", "list"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert server.got.wait(20)
    assert f"Bearer {secret.text}".encode() in server.request
    return process, secret, server


@needs_secretmem
def test_a_token_is_nowhere_in_the_command_line_client(folder):
    process, secret, server = waiting_client(folder)
    for how in ("mem", "registers"):
        assert secret.scan(process.pid, how).hits == []
    assert secret.sees(process.pid, b"HOLDFAST_TOKEN_FILE")
    assert secret.text not in open(f"/proc/{process.pid}/cmdline").read() + open(f"/proc/{process.pid}/environ").read()
    server.close()
    process.communicate(timeout=20)


def test_on_the_mlock_fallback_the_token_lies_in_locked_memory_alone(folder):
    process, secret, server = waiting_client(folder, [NO_SECRETMEM])
    assert_only_locked(secret.scan(process.pid), process.pid)
    server.close()
    process.communicate(timeout=20)


def full_pipe():
    """Its reading and its writing end; who writes to it waits."""
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETFL, os.O_NONBLOCK)
    try:
        while True:
            os.write(ends[1], bytes(4096))
    except BlockingIOError:
        fcntl.fcntl(ends[1], fcntl.F_SETFL, 0)
    return ends


def wait_writing(process):
    deadline = time.monotonic() + 20
    while "pipe_write" not in open(f"/proc/{process.pid}/stack").read():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.01)


@needs_secretmem
def test_a_plaintext_is_nowhere_while_it_waits_to_be_printed(folder):
    """The answer of a decryption, as JSON to a standard output that takes nothing: answer, document and stdio's buffer are all there."""
    secret = Secret(folder)
    needles.write(secret.file, [("plain", secret.text.encode()), ("base64", base64.b64encode(secret.text.encode()))])
    answer = json.dumps({"plaintext_b64": base64.b64encode(secret.text.encode()).decode()}).encode()
    server, reading, writing = MuteServer(folder / "socket", answer), *full_pipe()
    (folder / "token").write_text("any.token.here")
    (folder / "sealed").write_bytes(b"HF1" + bytes(60))
    process = subprocess.Popen([HOLDFAST, "--socket", server.path, "--token-file", folder / "token", "--output", "json", "decrypt", "some-key",
                                "--in", folder / "sealed"], stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT)
    wait_writing(process)
    assert secret.scan(process.pid).hits == []
    assert secret.sees(process.pid, b"plaintext_b64")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert base64.b64encode(secret.text.encode()) in pipe.read()
    assert process.wait(20) == 0
    server.close()


@needs_secretmem
def test_a_minted_token_is_nowhere_in_mint(folder):
    """Seen by its first part, which a key's tokens share, while it waits to be handed over."""
    hsm = Hsm(folder / "hsm").init()
    command = [STAGE / "libexec/holdfast/mint", "--key", hsm.admin_key, "--actor", "admin", "--role", "administrator"]
    head = subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT).stdout.split(b".")[0]
    secret = Secret(folder)
    needles.write(secret.file, [("token", head)])
    reading, writing = full_pipe()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT)
    wait_writing(process)
    for how in ("mem", "registers"):
        assert secret.scan(process.pid, how).hits == []
    assert secret.sees(process.pid, b"administrator")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert head in pipe.read()
    assert process.wait(20) == 0


@needs_secretmem
def test_an_imported_key_is_nowhere_in_wrap(folder):
    """While the wrapped key waits to be taken."""
    secret = Secret(folder)
    (folder / "key").write_bytes(secret.text[:32].encode())
    (folder / "key").chmod(0o600)
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", folder / "rsa.pem"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", folder / "rsa.pem", "-pubout", "-outform", "DER", "-out", folder / "rsa.der"], check=True)
    reading, writing = full_pipe()
    process = subprocess.Popen([STAGE / "libexec/holdfast/wrap", "--public", folder / "rsa.der", "--in", folder / "key", "--algorithm", "aes-256-gcm"],
                               stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT)
    wait_writing(process)
    for how in ("mem", "registers"):
        assert secret.scan(process.pid, how).hits == []
    assert secret.sees(process.pid, b"aes-256-gcm")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        pipe.read()
    assert process.wait(20) == 0
