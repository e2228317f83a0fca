"""Root looks for a passphrase on its way from the operator's keyboard to Argon2id, and for the root key that it opens.

As in test_memory.py every scan that must find nothing has one beside it that must find something.
"""
import ctypes
import fcntl
import os
import secrets
import signal
import subprocess
import termios
import time

import pytest

import needles
import seals
from attack import TOOLS, Scan, Strobe, open_folder, stage_copy, tool
from hsm import CHILDREN, STAGE
from seals import Sealed

if os.geteuid() != 0:
    pytest.skip("only root can look into other processes", allow_module_level=True)

HAS_SECRETMEM = ctypes.CDLL(None, use_errno=True).syscall(447, 0) >= 0
needs_secretmem = pytest.mark.skipif(not HAS_SECRETMEM, reason="this kernel has no memfd_secret")


class Target(Sealed):
    """A passphrase that stands nowhere else, and what to look for: it, and the root key in both orders."""

    def __init__(self, folder, wrapper=None, **programs):
        self.passphrase = secrets.token_hex(24).encode()
        self.wrapper = [str(w) for w in wrapper or []]
        super().__init__(folder / "hsm", stage=stage_copy(folder, **programs) if programs else STAGE)
        # Core is looked at around each system call, and a handshake needs core: it may take its time.
        self.init().unlimited().configure(gateway__header_ms=60000).start()
        self.wait_fingerprint(1)
        root = seals.root_of(self.data, [self.passphrase])[0]
        self.needles, self.control = folder / "needles", folder / "control"
        needles.write(self.needles, [("passphrase", self.passphrase), *needles.both_orders("root", root)])

    def command(self, *words):
        return [*self.wrapper, *map(str, words)]

    def scan(self, pid, what=None, how="mem"):
        return Scan(tool("memscan", what or self.needles, how, pid))

    def client(self, *more):
        return subprocess.Popen([STAGE / "bin/holdfast", *self.way(), "unseal", *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def wait_unsealer_gone(self):
        deadline = time.monotonic() + 10
        while "holdfast-unseal" in self.children():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stopped_unseal(self):
        """(client, pid of holdfast-unseal, stopped while Argon2id is at work)."""
        seals.make_costly(self.data, self.passphrase, passes=16)
        client = self.client("--passphrase-file", self.right)
        deadline = time.monotonic() + 20
        while (pid := self.children().get("holdfast-unseal")) is None or working_ms(pid) < 150:
            assert time.monotonic() < deadline and client.poll() is None
            time.sleep(0.001)
        os.kill(pid, signal.SIGSTOP)
        return client, pid


def working_ms(pid):
    """CPU time in user mode: starting takes some 20 ms, the rest is Argon2id."""
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[11]) * 1000 // os.sysconf("SC_CLK_TCK")


@pytest.fixture
def folder():
    with open_folder() as f:
        yield f


@pytest.fixture
def target(folder):
    t = Target(folder)
    yield t
    t.stop()


@needs_secretmem
def test_nothing_is_left_of_it_anywhere(target):
    client = target.client("--passphrase-file", target.right)
    assert client.wait(20) == 0, client.stderr.read()
    target.wait_unsealer_gone()
    lasting = {name: pid for name, pid in target.children().items() if name in CHILDREN} # others come and go, to read the configuration
    assert len(lasting) == len(CHILDREN)
    for name, pid in {**lasting, "supervisor": target.supervisor_pid()}.items():
        for how in ("mem", "registers"):
            scan = target.scan(pid, how=how)
            assert scan.hits == [], (name, how)


@needs_secretmem
def test_core_never_shows_it(target):
    """Looked at before and after each system call, from the message's arrival to the open store."""
    with Strobe(target.needles, target.children()["core"]) as strobe:
        assert target.send(target.wrong.read_bytes()).status == 403
        time.sleep(1.05)
        assert target.send(target.passphrase).status == 200
    assert strobe.scan.places > 100 and strobe.scan.hits == []


def test_a_core_in_ordinary_memory_does(folder):
    target = Target(folder, core=TOOLS / "core-malloc")
    try:
        with Strobe(target.needles, target.children()["core"]) as strobe:
            assert target.send(target.passphrase).status == 200
        assert strobe.scan.labels() >= {"passphrase"}
    finally:
        target.stop()


@needs_secretmem
def test_holdfast_unseal_does_not_show_it_while_it_computes(target):
    client, pid = target.stopped_unseal()
    try:
        scan = target.scan(pid)
        assert scan.hits == [] and sum(size for size, _ in scan.closed) > 64 << 20, "the 64 MiB lie in closed memory too"
        needles.write(target.control, [("control", b"holdfast-unseal")])
        assert target.scan(pid, target.control).hits != []
        for name, other in target.children().items():
            if name in CHILDREN:
                assert target.scan(other).hits == [], name
    finally:
        os.kill(pid, signal.SIGCONT)
        assert client.wait(20) == 0


def test_on_the_mlock_fallback_it_can_be_read(folder):
    """The same moment where there is no memfd_secret: locked, and readable by root, and reported so."""
    target = Target(folder, wrapper=[TOOLS / "no-memfd-secret"])
    try:
        client, pid = target.stopped_unseal()
        found = target.scan(pid).labels()
        locked = int(next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmLck")).split()[1])
        os.kill(pid, signal.SIGCONT)
        assert client.wait(20) == 0
        assert "passphrase" in found and locked > 64 << 10
        rows = target.get("/api/v1/capabilities").json["protections"]
        row = next(r for r in rows if (r["process"], r["name"]) == ("unseal", "locked-memory"))
        assert row["state"] == "degraded" and "memfd_secret" in row["why"]
    finally:
        target.stop()


def stuck_client(target, folder):
    """A client that has read the passphrase and waits for more: (client, pid of hpke-seal, the open end of its pipe)."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    client = target.client("--passphrase-file", fifo)
    pipe = open(fifo, "wb", buffering=0)
    pipe.write(target.passphrase)
    deadline = time.monotonic() + 10
    while True:
        children = open(f"/proc/{client.pid}/task/{client.pid}/children").read().split()
        drained = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) == bytes(4)  # else it sleeps before its first read
        if children and drained and "pipe_read" in open(f"/proc/{children[0]}/wchan").read() + open(f"/proc/{children[0]}/stack").read():
            return client, int(children[0]), pipe
        assert time.monotonic() < deadline
        time.sleep(0.01)


@needs_secretmem
def test_the_operators_side_does_not_show_it_either(target, folder):
    client, sealer, pipe = stuck_client(target, folder)
    needles.write(target.control, [("control", b"passphrase-file")])
    for pid in (client.pid, sealer):
        assert target.scan(pid).hits == []
        assert target.scan(pid, target.control).hits != []
        assert target.passphrase not in open(f"/proc/{pid}/cmdline", "rb").read() + open(f"/proc/{pid}/environ", "rb").read()
    pipe.close()
    assert client.wait(20) == 0, client.stderr.read()


def test_a_client_without_closed_memory_does(folder):
    target = Target(folder)
    try:
        whole = target.client
        target.client = lambda *more: subprocess.Popen([TOOLS / "no-memfd-secret", STAGE / "bin/holdfast", *target.way(), "unseal", *more],
                                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        client, sealer, pipe = stuck_client(target, folder)
        assert target.scan(sealer).labels() == {"passphrase"} and target.scan(client.pid).hits == []
        target.client = whole
        pipe.close()
        assert client.wait(20) == 0, client.stderr.read()
    finally:
        target.stop()
