"""`holdfast reseal`: another seal for the same root key, with the service running, and with the program killed at every step."""
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import seals
from hsm import STAGE, Hsm

FIRST, SECOND = b"the first passphrase", b"the second passphrase"


class Place:
    """A data folder and the two passphrases in files."""

    def __init__(self, folder, kind="file"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.first, self.second = folder / "first", folder / "second"
        self.first.write_bytes(FIRST)
        self.second.write_bytes(SECOND + b"\n")
        self.hsm = Hsm(folder / "hsm").init(*(["--seal", kind, "--passphrase-file", self.first] if kind == "passphrase" else []))
        self.data = self.hsm.data
        self.root = self.opens()[0]

    def opens(self):
        return seals.root_of(self.data, [FIRST, SECOND])

    def names(self):
        return sorted(os.listdir(self.data / "seal"))

    def command(self, kind, old=None, new=None):
        return [STAGE / "bin/holdfast", "reseal", "--data", self.data, "--seal", kind, *(["--passphrase-file", old] if old else []),
                *(["--new-passphrase-file", new] if new else [])]

    def reseal(self, kind, old=None, new=None, prefix=()):
        return subprocess.run([*prefix, *self.command(kind, old, new)], capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True)


@pytest.fixture
def place(tmp_path):
    p = Place(tmp_path / "place")
    yield p
    p.hsm.stop()


# ---- the change itself ----

def test_there_and_back(place):
    conf = (place.data / "holdfast.conf").read_text()
    done = place.reseal("passphrase", new=place.first)
    assert done.returncode == 0, done.stderr
    assert "takes effect" in done.stdout and "copies of it" in done.stdout
    assert place.opens() == (place.root, FIRST) and place.names() == [seals.PASSPHRASE]
    done = place.reseal("passphrase", old=place.first, new=place.second)
    assert done.returncode == 0, done.stderr
    assert place.opens() == (place.root, SECOND) and place.names() == [seals.PASSPHRASE]
    done = place.reseal("file", old=place.second)
    assert done.returncode == 0, done.stderr
    assert place.opens() == (place.root, None) and place.names() == [seals.FILE]
    assert (place.data / "holdfast.conf").read_text() == conf # every other byte of it is as its author wrote it
    assert (place.data / "seal" / seals.FILE).stat().st_mode & 0o777 == 0o600


def test_the_old_file_is_overwritten(place):
    """Seen through a descriptor that was open before: what an undeleted block would show."""
    old = os.open(place.data / "seal" / seals.FILE, os.O_RDONLY)
    assert place.root in os.pread(old, 200, 0)
    assert place.reseal("passphrase", new=place.first).returncode == 0
    assert os.pread(old, 200, 0) == bytes(132)
    os.close(old)
    old = os.open(place.data / "seal" / seals.PASSPHRASE, os.O_RDONLY)
    assert place.reseal("passphrase", old=place.first, new=place.second).returncode == 0
    assert os.pread(old, 200, 0) == bytes(124)
    os.close(old)


def test_what_is_refused_changes_nothing(tmp_path):
    place = Place(tmp_path / "place", "passphrase")
    (place.folder / "short").write_bytes(b"seven77")
    before = {p: (p.read_bytes(), p.stat().st_ino) for p in (place.data / "seal").iterdir()}
    for kind, old, new, code, words in [
        ("file", place.second, None, 4, "passphrase is wrong"),
        ("passphrase", place.first, place.folder / "short", 2, "8 to 1024 bytes"),
        ("passphrase", place.first, place.folder / "absent", 3, "cannot be opened"),
        ("tpm2", place.first, None, 2, "there are file and passphrase"),
        ("file", None, None, 3, "--passphrase-file"),
    ]:
        done = place.reseal(kind, old, new)
        assert done.returncode == code and words in done.stderr, done
    assert subprocess.run(place.command("passphrase", "-", "-"), capture_output=True).returncode == 2
    assert {p: (p.read_bytes(), p.stat().st_ino) for p in (place.data / "seal").iterdir()} == before
    assert place.reseal("file", place.first).returncode == 0
    done = place.reseal("file")
    assert done.returncode == 5 and "'file' already" in done.stderr
    (place.data / "seal" / seals.FILE).write_bytes(bytes(132))
    assert place.reseal("passphrase", new=place.first).returncode in (1, 8)


def test_only_one_at_a_time_and_only_by_the_owner(place):
    held = os.open(place.data / "seal", os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(held, fcntl.LOCK_EX)
    done = place.reseal("passphrase", new=place.first)
    assert done.returncode == 5 and "another reseal" in done.stderr
    os.close(held)
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    os.chown(place.data / "seal", 65534, 65534)
    done = place.reseal("passphrase", new=place.first)
    assert done.returncode == 4 and "65534" in done.stderr
    assert place.opens() == (place.root, None)


def test_a_configuration_elsewhere(place):
    """--config, also through a link; the file that the link leads to is what changes."""
    real = place.folder / "etc.conf"
    shutil.move(place.data / "holdfast.conf", real)
    (place.folder / "link.conf").symlink_to(real)
    done = subprocess.run([*place.command("passphrase", None, place.first), "--config", place.folder / "link.conf"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (place.folder / "link.conf").is_symlink() and re.search("^kind = passphrase$", real.read_text(), re.MULTILINE)
    done = subprocess.run([*place.command("file", place.first), "--config", place.folder / "absent.conf"], capture_output=True, text=True)
    assert done.returncode == 3 and "absent.conf" in done.stderr


# ---- beside a running service ----

def unseal(hsm, file):
    return subprocess.run([STAGE / "bin/holdfast", "--server", f"https://127.0.0.1:{hsm.port}", "--ca", hsm.data / "tls/ca.pem", "--token-key", hsm.admin_key,
                           "unseal", "--passphrase-file", file], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def details(hsm):
    return [e["detail"] for e in hsm.get("/api/v1/audit/recent?limit=1000").json["items"] if (e["detail"] or "").startswith("unsealed")]


def wait_sealed(hsm, n):
    deadline = time.monotonic() + 20
    while hsm.text().count("unseal key fingerprint: ") < n:
        assert time.monotonic() < deadline, hsm.text()[-2000:]
        time.sleep(0.02)


def test_the_next_unsealing_uses_the_new_seal(place):
    """No restart, no reload: seal and unseal, and a core that dies, take what the configuration names now. The audit says so."""
    hsm = place.hsm.unlimited().start()
    hsm.create("k", "ed25519")
    assert place.reseal("passphrase", new=place.first).returncode == 0
    hsm.sign("k", b"still open")
    assert hsm.post("/api/v1/seal").status == 200
    wait_sealed(hsm, 1)
    assert unseal(hsm, place.second).returncode == 4
    time.sleep(1.05)
    assert unseal(hsm, place.first).returncode == 0
    hsm.sign("k", b"open again")
    assert place.reseal("file", old=place.first).returncode == 0
    core = hsm.children()["core"]
    os.kill(core, signal.SIGKILL)
    hsm.wait_child("core", other_than=core)
    hsm.wait_serving()
    hsm.sign("k", b"and again")
    assert details(hsm) == ["unsealed: seal file", "unsealed: seal passphrase; before it was file", "unsealed: seal file; before it was passphrase"]


@pytest.mark.parametrize("how", ["seal", "core dies"])
def test_after_a_reload(place, how):
    """SIGHUP reads the new kind too: what follows is the same as without."""
    hsm = place.hsm.unlimited().start()
    assert place.reseal("passphrase", new=place.first).returncode == 0
    os.kill(hsm.supervisor_pid(), signal.SIGHUP)
    deadline = time.monotonic() + 10
    while "configuration and keyset reloaded" not in hsm.text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if how == "seal":
        assert hsm.post("/api/v1/seal").status == 200
    else:
        os.kill(hsm.children()["core"], signal.SIGKILL)
    wait_sealed(hsm, 1)
    assert unseal(hsm, place.first).returncode == 0


def test_a_core_that_dies_after_the_seal_began_to_need_a_human(place):
    hsm = place.hsm.unlimited().start()
    assert place.reseal("passphrase", new=place.first).returncode == 0
    core = hsm.children()["core"]
    os.kill(core, signal.SIGKILL)
    hsm.wait_child("core", other_than=core)
    wait_sealed(hsm, 1)
    assert "ALARM" not in hsm.text()
    assert unseal(hsm, place.first).returncode == 0


# ---- killed at every step ----

SOAK = os.environ.get("HOLDFAST_SOAK") == "1"
CALLS = "renameat,linkat,unlinkat,pwrite64" + (",write,fsync,mkdirat,openat,fchmod" if SOAK else "")
CHANGES = {
    "file to passphrase": ("file", "passphrase", None, FIRST, "first"),
    "another passphrase": ("passphrase", "passphrase", FIRST, SECOND, "second"),
    "passphrase to file": ("passphrase", "file", FIRST, None, None),
}


def count_calls(folder, command):
    """How often each call is made by a run that is left alone."""
    log = folder / "calls"
    subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", f"trace={CALLS}", *map(str, command)], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    counts = {}
    pids = re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE)
    first = pids[0][0]
    for pid, call in pids:
        if pid == first:
            counts[call] = counts.get(call, 0) + 1
    return counts


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_every_call_that_changes_something(tmp_path, change):
    """SIGKILL on entering call number n, for each n: the configured seal opens, and the next run comes through and leaves nothing behind.

    By default at the calls that change names and erase; with HOLDFAST_SOAK=1 at all that touch files.
    """
    before, after, old, new, new_file = CHANGES[change]
    pristine = Place(tmp_path / "pristine", before)
    old_file = pristine.first if old else None
    trial = tmp_path / "trial"

    def fresh():
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(pristine.data, trial)
        return [STAGE / "libexec/holdfast/reseal", "--data", trial, "--seal", after, *(["--passphrase-file", old_file] if old_file else []),
                *(["--new-passphrase-file", pristine.folder / new_file] if new_file else [])]

    command = [str(w) for w in fresh()]
    counts = count_calls(tmp_path, command)
    outcomes = {"old": 0, "new": 0}
    for call, n in counts.items():
        for number in range(1, n + 1):
            fresh()
            killing = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}", *command]
            done = subprocess.run(killing, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            assert done.returncode in (-9, 137), (call, number, done)
            # Once more over what that left, which it clears up first; where the first one came through, it refuses.
            if call in ("renameat", "linkat"):
                subprocess.run(killing, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            root, opened_by = seals.root_of(trial, [p for p in (old, new) if p])
            assert root == pristine.root, (call, number)
            kind = seals.kind_of(trial)
            changed = (kind, opened_by) == (after, new)
            assert changed or (kind, opened_by) == (before, old), (call, number)
            outcomes["new" if changed else "old"] += 1
            # The next run finishes it, from wherever this one was, and clears up.
            if not changed:
                again = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
                assert again.returncode == 0, (call, number, again.stderr)
                assert seals.root_of(trial, [p for p in (old, new) if p]) == (root, new)
                assert os.listdir(trial / "seal") == [seals.FILE if after == "file" else seals.PASSPHRASE], (call, number)
    print(change, counts, outcomes)
    assert outcomes["old"] >= 2 and outcomes["new"] >= 2
