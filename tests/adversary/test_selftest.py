"""The shipped core with one known answer changed in its file does not start, and names the test."""
import shutil
import subprocess

import pytest

from attack import CORE_CONFIG, Nursery, open_folder, stage_copy
from hsm import STAGE, Hsm

CORE = STAGE / "libexec" / "holdfast" / "core"
LABEL_BYTES = 16


def labels():
    """(offset of the answer, name of the test) of every `KAT:<name>` in the program's file."""
    image, found = CORE.read_bytes(), []
    at = image.find(b"KAT:")
    while at >= 0:
        name = image[at + 4:at + LABEL_BYTES].split(b"\0")[0].decode("ascii", "replace")
        if name:
            found.append((at + LABEL_BYTES, name))
        at = image.find(b"KAT:", at + 1)
    return found


ROWS = labels() if CORE.exists() else []


def broken_core(path, at):
    image = bytearray(CORE.read_bytes())
    image[at] ^= 1
    path.write_bytes(image)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def nursery():
    with open_folder() as folder:
        n = Nursery(folder, stage=stage_copy(folder))
        yield n
        n.stop()


def start_core(nursery):
    """(exit code or None while it runs, what it logged)"""
    log = nursery.folder / "stderr.log"
    before = log.stat().st_size
    channel, _ = nursery.spawn("core")
    channel.send("CONFIG_CORE", **CORE_CONFIG)
    channel.send("SAVED_FILES", has_epoch=False, has_anchor=False)
    channel.send("KEYSET", **nursery.keyset)
    process = nursery.alive[-1][1]
    try:
        code = process.wait(0.1 if channel_is_ready(channel) else 10)
    except subprocess.TimeoutExpired:
        code = None
    said = log.read_text()[before:]
    nursery.end_last()
    return code, said


def channel_is_ready(channel):
    try:
        return any(channel.receive()[0] == "READY" for _ in range(3))
    except Exception: # noqa: BLE001: gone, or silent
        return False


def test_every_algorithm_has_known_answers():
    names = {name for _, name in ROWS}
    assert len(names) == len(ROWS) == 34, names
    for wanted in ("sha256", "sha384", "sha512", "hmac-sha256", "hkdf-sha512", "gcm-seal", "gcm-open", "ecdsa-sign", "ecdsa-vrfy", "ed25519-sig",
                   "ed25519-vfy", "mlkem-key", "mlkem-encap", "mlkem-decap", "hpke-seal", "hpke-open"):
        assert wanted in names, wanted


def test_the_unchanged_program_starts(nursery):
    assert start_core(nursery) == (None, "")


@pytest.mark.parametrize("at, name", ROWS, ids=[name for _, name in ROWS])
def test_a_changed_answer_stops_the_start(nursery, at, name):
    core = nursery.stage / "libexec/holdfast/core"
    try:
        broken_core(core, at)
        code, log = start_core(nursery)
        assert code not in (None, 0)
        assert f"power-up self-test failed: {name}\n" in log
    finally:
        shutil.copy(CORE, core)


def test_the_service_does_not_come_up(tmp_path):
    """By the supervisor: never ready, and the log says why."""
    at, name = ROWS[-1]
    with open_folder() as folder:
        stage = stage_copy(folder, core=broken_core(tmp_path / "core", at))
        hsm = Hsm(folder / "hsm", stage=stage).init()
        hsm.start(wait=False)
        try:
            assert hsm.daemon.wait(60) != 0
            log = hsm.text()
            assert f"self-test failed: {name}" in log and "holdfastd: ready" not in log
        finally:
            if hsm.daemon.poll() is None:
                hsm.stop()
