"""Root looks for secrets that a program of somebody else keeps in the installed library: in its memory, a child's, a core file.

Each scan must find a control that the program keeps in malloc. With memfd_secret nothing else may ever be found; with mlock a secret is where it
should be, and nowhere else, as long as it should.
"""
import os
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import library
import needles
from attack import TOOLS, USERS, Scan, open_folder, tool
from hsm import STAGE

if os.geteuid() != 0:
    pytest.skip("only root can look into other processes", allow_module_level=True)

PROBE = Path(__file__).with_name("library_probe.c")
BACKINGS = ["memfd_secret", "mlock"]
KEPT = {"p": "pool", "s": "secret", "b": "buffer", "x": "sealed"}


@pytest.fixture(scope="module")
def installed():
    """The probe and the libraries where every user can run them: the program, built as its author would."""
    with open_folder() as folder:
        for part in ("lib", "include"):
            shutil.copytree(STAGE / part, folder / part, symlinks=True)
        words = library.pkg_config("--cflags", "--libs", "holdfast", stage=folder)
        library.run("cc", "-O2", "-I", folder / "include", PROBE, *words, "-o", folder / "probe")
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755)
        yield folder / "probe"


CORE_HARD = resource.getrlimit(resource.RLIMIT_CORE)[1]


def allow_core():
    resource.setrlimit(resource.RLIMIT_CORE, (CORE_HARD, CORE_HARD))


class Probe:
    def __init__(self, program, folder, user, backing):
        self.folder, self.children = folder, []
        self.values = {name: os.urandom(32) for name in ["control", *KEPT.values()]}
        self.needles = folder / "needles"
        needles.write(self.needles, self.values.items())
        command = [str(program)] if backing == "memfd_secret" else [str(TOOLS / "no-memfd-secret"), str(program)]
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=user, cwd=folder, preexec_fn=allow_core)
        self.ask("m", "control")

    def ask(self, command, name=None):
        self.p.stdin.write(command.encode() + (self.values[name] if name else b""))
        self.p.stdin.flush()
        answer = self.p.stdout.readline().decode().split()
        assert answer, f"{command}: the probe is gone with {self.p.wait()}"
        return answer

    def keep(self, command):
        what, where = self.ask(command, KEPT[command])
        return what, int(where, 16) if where != "(nil)" else None

    def fork(self):
        self.children.append(int(self.ask("f")[0]))
        return self.children[-1]

    def found(self, how="mem", what=None):
        """{name: places}; the control is one of them, or the scan is worth nothing."""
        scan = Scan(tool("memscan", self.needles, how, what or self.p.pid))
        places = {}
        for hit in scan.hits:
            places.setdefault(hit.label, []).append(hit.where)
        assert "control" in places, (how, scan.hits, scan.scanned)
        del places["control"]
        return places

    def map_of(self, address):
        """(flags, fields) of the map at an address."""
        text = Path(f"/proc/{self.p.pid}/smaps").read_text()
        for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", text):
            low, high = (int(x, 16) for x in re.match(r"([0-9a-f]+)-([0-9a-f]+)", part).groups())
            if low <= address < high:
                return set(re.search(r"VmFlags: (.*)", part).group(1).split()), part.splitlines()[0]
        raise AssertionError(f"{address:x} is in no map")

    def locked_kb(self):
        return int(re.search(r"VmLck:\s+(\d+)", Path(f"/proc/{self.p.pid}/status").read_text()).group(1))

    def end(self):
        for child in self.children:
            os.kill(child, signal.SIGKILL)
        self.p.kill()
        self.p.wait()


@pytest.fixture(params=[(u, b) for u in USERS for b in BACKINGS], ids=lambda c: "-".join(c))
def probe(request, installed):
    user, backing = request.param
    with open_folder() as folder:
        if user != "root":
            shutil.chown(folder, user)
        p = Probe(installed, folder, USERS[user], backing)
        what, _ = p.keep("p")
        if what != backing:
            p.end()
            pytest.skip(f"this kernel gives {what} instead of memfd_secret")
        p.secret = backing == "memfd_secret"
        yield p
        p.end()


def readable(probe, *names):
    """What a scan may find: nothing behind memfd_secret, else these and each in one place."""
    found = probe.found()
    assert set(found) == (set() if probe.secret else set(names)), found
    assert all(len(places) == 1 for places in found.values()), found


def test_a_secret_is_in_its_place_alone_and_then_nowhere(probe):
    readable(probe, "pool")
    probe.keep("s")
    readable(probe, "pool", "secret")
    probe.keep("b")
    readable(probe, "pool", "secret")
    probe.ask("o")
    readable(probe, "pool", "secret", "buffer")
    probe.ask("c")
    probe.keep("x")
    readable(probe, "pool", "secret")
    probe.ask("u")
    readable(probe, "pool", "secret", "sealed")
    probe.ask("d")
    readable(probe, "pool", "secret")
    probe.ask("z")
    readable(probe)


def test_a_child_has_none_of_it(probe):
    for command in "sbx":
        probe.keep(command)
    probe.ask("o")
    probe.ask("u")
    child = probe.fork()
    assert probe.found(what=child) == {}


@pytest.mark.skipif(shutil.which("gcore") is None, reason="gdb is not installed")
def test_a_core_file_has_none_of_it(probe, tmp_path):
    for command in "sbx":
        probe.keep(command)
    probe.ask("o")
    probe.ask("u")
    library.run("gcore", "-o", tmp_path / "dump", probe.p.pid)
    assert probe.found("file", tmp_path / f"dump.{probe.p.pid}") == {}


def test_the_kernel_writes_none_of_it(probe):
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"core files of this machine go elsewhere: {pattern}")
    if CORE_HARD == 0:
        pytest.skip("core files are forbidden here (hard RLIMIT_CORE 0)")
    for command in "sbx":
        probe.keep(command)
    probe.ask("o")
    probe.ask("u")
    os.kill(probe.p.pid, signal.SIGABRT)
    assert probe.p.wait() == -signal.SIGABRT
    cores = list(probe.folder.glob("core*"))
    assert len(cores) == 1 and cores[0].stat().st_size > 1 << 16, cores
    assert probe.found("file", cores[0]) == {}


def test_the_pages_are_what_is_said(probe):
    _, in_buffer = probe.keep("b")
    address = int(probe.ask("o")[1], 16)
    assert address == in_buffer
    _, in_secret = probe.keep("s")
    for where in (in_secret, in_buffer):
        flags, head = probe.map_of(where)
        assert {"lo", "dd"} <= flags, head
        assert ("dc" if probe.secret else "wf") in flags, head
        assert ("secretmem" in head) == probe.secret, head
    assert probe.locked_kb() >= 8
