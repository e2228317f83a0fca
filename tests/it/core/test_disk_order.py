"""What must be on the disk before something else happens; what a start must find there."""
import os
import signal
import time

import pytest

import rows
from rig import Rig

ED25519, OPEN, REFUSED = 3, 2, 3


@pytest.fixture
def rig(tmp_path):
    made = []

    def make(**config):
        made.append(Rig(tmp_path / "rig", **config))
        return made[-1]

    yield make
    for r in made:
        for process in getattr(r, "processes", ()):
            process.kill()
            process.wait()


# ---- files before rows ----

class LateFiles(rows.LoneCore):
    """A supervisor that has not yet written the epoch key file."""
    owed = None

    def write(self, name, ident, values):
        if name == "EPOCH_WRITE":
            self.owed = ident
        else:
            super().write(name, ident, values)

    def steps(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()


def test_nothing_is_stored_before_the_epoch_file_is_on_disk(tmp_path):
    """Else a power cut leaves rows that no epoch key opens."""
    r = Rig(tmp_path / "rig")
    core = LateFiles(r.keyset(), {}, None, None)
    try:
        assert core.open(rows.root_key(r.data))[0] == OPEN
        core.steps(0.5)
        assert core.owed is not None and core.store.commits == 0
        core.core.send("ACK", ident=core.owed, error=0)
        core.steps(0.5)
        assert core.store.commits > 0, "it goes on when the file is there"
    finally:
        core.kill()


# ---- the audit on the disk ----

def test_a_cut_audit_is_refused_also_without_an_anchor(tmp_path):
    """The manifest says where the audit ends: segments at the end, in the middle or altogether cannot be left out."""
    r = Rig(tmp_path / "rig").start()
    for i in range(3):
        assert r.ask("KEY_CREATE", name=f"key{i}", algorithm=ED25519)[0] == "KEY_DETAIL"
        time.sleep(0.05)  # so that there are several segments
    r.stop()
    keyset, root, stored = r.keyset(), rows.root_key(r.data), rows.load(r.data / "store" / "store.db")
    segments = sorted(k for k in stored if k[0] == rows.SEGMENT)
    assert len(segments) >= 3

    def start(without):
        core = rows.LoneCore(keyset, {k: v for k, v in stored.items() if k not in without}, None, r.epoch, stderr=open(os.devnull, "wb"))
        try:
            return core.open(root)
        finally:
            core.kill()

    assert start([])[0] == OPEN
    for without in (segments[-1:], segments[-2:], segments[1:2], segments[:1], segments):
        state, why = start(without)
        assert state == REFUSED and "audit" in why, (state, why)


# ---- the store before the answer ----

@pytest.mark.parametrize("message,values", [("KEY_CREATE", dict(name="never", algorithm=ED25519)), ("KEY_REVOKE", dict(key="kept")),
                                            ("TOKEN_REVOKE", dict(jti="never", expires_s=2000000000))])
def test_a_change_is_not_acknowledged_before_the_store_has_it(rig, message, values):
    r = rig().start()
    assert r.ask("KEY_CREATE", name="kept", algorithm=ED25519)[0] == "KEY_DETAIL"
    token = r.token()
    os.kill(r.store_process.pid, signal.SIGSTOP)
    r.gateway.next_id += 1
    r.gateway.send(message, ident=r.gateway.next_id, token=token, request_id="test", **values)
    with pytest.raises(TimeoutError):
        r.gateway.receive(0.5)
    os.kill(r.store_process.pid, signal.SIGCONT)
    assert r.gateway.receive(10)[0] in ("KEY_DETAIL", "DONE")
