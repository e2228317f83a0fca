"""A power cut at every write of the store, end to end: the real core, and the store's own sources on a file layer that drops, tears and reorders
what was not synced. A key is created and another rotated; at operation k everything is gone.

After a start on what the disk could show then: core opens, everything acknowledged is there, exactly one version of each key is active and
works, the audit verifies. The same store without its fsyncs must be caught by this test.
"""
import collections
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

import audit
import rows as store_rows
from hsm import BUILD
from proto import ERR, Gone
from rig import Rig

SOAK = os.environ.get("HOLDFAST_SOAK") == "1"
LOSSES = ("drop all", "keep all", "drop some", "tear", "tear and reorder")
SEEDS = 4 if SOAK else 1
ED25519, OPEN, REFUSED, ACTIVE = 3, 2, 3, 2
CUT = 99


class Machine:
    """A folder of an HSM with one key, copied for every cut; the first folder's secrets fit all."""

    def __init__(self, folder):
        self.folder = folder
        r = Rig(folder / "template").start()
        assert r.ask("KEY_CREATE", name="old", algorithm=ED25519)[0] == "KEY_DETAIL"
        assert r.ask("KEY_ROTATE", key="old")[0] == "KEY_DETAIL"
        r.stop()
        self.anchor, self.epoch = r.anchor, r.epoch
        self.keyset, self.root, self.token, self.minted = r.keyset(), store_rows.root_key(r.data), r.token(), time.monotonic()
        self.rig = r

    def live_token(self):
        if time.monotonic() - self.minted > 200:
            self.token, self.minted = self.rig.token(), time.monotonic()
        return self.token

    def new(self):
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        shutil.copytree(self.folder / "template", self.folder / "run")
        r = Rig(self.folder / "run")
        r.anchor, r.epoch = self.anchor, self.epoch
        r.keyset = lambda: self.keyset
        r.unseal = lambda: r.hand_over(self.root)
        return r


def everything_ends(r):
    for process in r.processes:
        process.kill()
        process.wait()
    r.processes.clear()
    for name in ("core", "store", "verifier", "gateway"):
        if hasattr(r, name):  # the cut may come before it was started
            getattr(r, name).close()
            delattr(r, name)


def run_until_cut(machine, store, at, loss, seed):
    """(rig, versions acknowledged by key, key whose change was under way, what stood at the cut); the last is None when it was over before."""
    r = machine.new()
    r.store_program = store
    (r.data / "store" / "crash").write_text(f"{at} {loss} {seed}")
    acknowledged, under_way = {"old": 2}, None
    token = machine.live_token()
    try:
        r.start()
        for message, key, more in (("KEY_CREATE", "new", {"name": "new", "algorithm": ED25519}), ("SIGN", "old", {"key": "old", "payload": b"m"}),
                                   ("KEY_ROTATE", "old", {"key": "old"}), ("KEY_ROTATE", "new", {"key": "new"})):
            under_way = key if message != "SIGN" else None
            ask(r, token, message, **more)
            if message != "SIGN":
                acknowledged[key] = acknowledged.get(key, 0) + 1
            under_way = None
            end = time.monotonic() + 0.012  # so that the journal's own transaction is among the writes
            while time.monotonic() < end:
                r.pump(0.001)
        r.store.send("STOP")
        r.store_process.wait(10)
    except (Gone, PowerGone):
        r.store_process.wait(10)
    code = r.store_process.returncode
    last_words(r)
    everything_ends(r)
    assert code in (0, CUT), code
    where = (r.data / "store" / "cut").read_text() if code == CUT else None
    for name in ("crash", "cut"):
        (r.data / "store" / name).unlink(missing_ok=True)
    return r, acknowledged, under_way, where


class PowerGone(Exception):
    pass


def ask(r, token, message, **values):
    ident = r.gateway.next_id
    r.gateway.next_id += 1
    r.gateway.send(message, ident=ident, token=token, request_id="cut", **values)
    while True:
        try:
            name, got, fields, _ = r.gateway.receive(0.002)
        except TimeoutError:
            if r.store_process.poll() is not None:
                raise PowerGone from None
            r.pump(0)
            continue
        if got == ident:
            assert name != "FAILED" or fields["error"] == ERR["PEER_GONE"], (message, fields)
            if name == "FAILED":
                raise PowerGone
            return fields


def last_words(r):
    """What core sent before the end: an anchor that is on its way may be written."""
    try:
        r.pump(0.005)
    except (Gone, OSError):
        pass


def judge(machine, r, acknowledged, under_way):
    """None when the start shows what it must, else what is wrong."""
    r.store_program, r.ring = "store", None
    r.core_states.clear()
    try:
        r.start(unseal=False)
    except Gone:
        return "the store does not open: " + (r.folder / "stderr.log").read_text()[-300:]
    unseal = r.add_peer("unseal")
    unseal.send("ROOT_KEY", ident=1, root=machine.root)
    while not r.core_states or r.core_states[-1][0] not in (OPEN, REFUSED):
        r.pump(0.002)
    if r.core_states[-1][0] != OPEN:
        return "core refuses: " + r.core_states[-1][1]
    token = machine.live_token()
    for key in ("old", "new"):
        wrong = judge_key(r, token, key, acknowledged.get(key, 0), 1 if under_way == key else 0)
        if wrong:
            return wrong
    time.sleep(0.02)
    segments = [row["blob"] for row in r.ask("AUDIT_EXPORT", token=token)[1]["rows"]]
    pem = serialization.load_der_public_key(r.ask("AUDIT_HEAD", token=token)[1]["spki"]).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    code, said = audit.verify(r.folder, audit.file_of(segments), pem)
    return None if code == 0 else said


def judge_key(r, token, key, acknowledged, open_changes):
    name, values = r.ask("KEY_VERSIONS", token=token, key=key)
    if name == "FAILED":
        return f"{key} is gone: {values}" if acknowledged or values["error"] != ERR["NOT_FOUND"] else None
    states = [v["state"] for v in values["items"]]
    if not acknowledged <= len(states) <= acknowledged + open_changes:
        return f"{key}: {acknowledged} versions acknowledged, {len(states)} there"
    if states.count(ACTIVE) != 1 or states[-1] != ACTIVE:
        return f"{key}: states {states}"
    for version in range(1, len(states) + 1):
        if r.ask("KEY_PUBLIC", token=token, key=key, version=version)[0] != "PUBLIC":
            return f"{key}: version {version} is half"
    name, values = r.ask("SIGN", token=token, key=key, payload=b"m")
    return None if name == "SIGNED" and values["version"] == len(states) else f"{key} does not sign: {values}"


def cuts():
    """k, loss, seed until a run ends before its cut; by default each k has two losses in turn, with HOLDFAST_SOAK=1 all of them, several times."""
    for at in range(1, 1000):
        losses = range(len(LOSSES)) if SOAK else (0, 1 + at % 4)
        yield at, [(loss, at * 1000 + s) for loss in losses for s in range(SEEDS)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    if folder is None:
        yield Machine(tmp_path_factory.mktemp("cut"))
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="holdfast-cut-") as name:
        yield Machine(Path(name))


def test_a_power_cut_at_every_write(machine):
    histogram, images, wrong, over = collections.Counter(), 0, [], 0
    for at, how in cuts():
        over = 0
        for loss, seed in how:
            r, acknowledged, under_way, where = run_until_cut(machine, BUILD / "tests/adversary/store-crash", at, loss, seed)
            over += where is None
            found = judge(machine, r, acknowledged, under_way)
            everything_ends(r)
            images += 1
            if found:
                wrong.append((at, LOSSES[loss], seed, where, acknowledged, under_way, found))
            what = " ".join(where.split(": ")[1].split()[:2]) if where else "no cut"
            histogram[f"{what}, {sum(acknowledged.values()) - 2} changes acknowledged{', one under way' if under_way else ''}"] += 1
        if over == len(how):
            break
    print(f"\n{images} images, power cut at operation 1 to {at}")
    for state, n in sorted(histogram.items()):
        print(f"  {n:5d}  {state}")
    assert not wrong, f"{len(wrong)} of {images}: {wrong[:3]}"
    assert over and at > 20 and sum(n for s, n in histogram.items() if "under way" in s) > 5


def test_a_store_that_does_not_sync_is_caught(machine):
    """The mutation: all that was not synced is dropped although it was acknowledged. The anchor, or a missing key, says so."""
    caught, acknowledged_anything = [], 0
    for at in range(12, 60, 3):
        r, acknowledged, under_way, where = run_until_cut(machine, BUILD / "tests/adversary/store-crash-no-sync", at, 0, at)
        found = judge(machine, r, acknowledged, under_way) if where else None
        if where:
            everything_ends(r)
        acknowledged_anything += sum(acknowledged.values()) > 2
        if found and sum(acknowledged.values()) > 2:
            caught.append(found)
        if len(caught) >= 3 or where is None:
            break
    print(caught)
    assert acknowledged_anything and caught
    assert any("older than its anchor" in c or "is gone" in c or "acknowledged" in c for c in caught)
