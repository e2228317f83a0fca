"""What must be on the disk or in the audit before something else happens."""
import os
import signal
import time

import pytest

import proto
import rows
from proto import ERR
from rig import Rig

ED25519, OPEN = 3, 2


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

    def step(self, timeout=0.001):
        while self.store.serve():
            pass
        try:
            name, ident, values, fds = self.core.receive(timeout)
        except TimeoutError:
            return
        for fd in fds:
            os.close(fd)
        if name == "CORE_STATE":
            self.states.append((values["state"], values["why"]))
        elif name == "EPOCH_WRITE":
            self.owed = ident
        elif name == "ANCHOR_WRITE":
            self.core.send("ACK", ident=ident, error=0)

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


# ---- the record before the answer ----

def signatures(r, key, n):
    """n signatures asked for at once; how many were given, and the errors in place of the others."""
    given, errors = 0, []
    first = r.gateway.next_id + 1
    token = r.token()
    for ident in range(first, first + n):
        r.gateway.send("SIGN", ident=ident, token=token, request_id="test", key=key, payload=b"x")
    r.gateway.next_id += n
    for _ in range(n):
        name, _, values, _ = r.gateway.receive()
        given += name == "SIGNED"
        if name == "FAILED":
            errors.append(values["error"])
    return given, errors


def test_a_full_audit_lets_no_result_out(rig):
    """With the store stopped the ring fills; then there is an error in the place of each signature, and not beside it."""
    r = rig(ring_mib=1).start()
    assert r.ask("KEY_CREATE", name="busy", algorithm=ED25519)[0] == "KEY_DETAIL"
    assert r.ask("SIGN", key="busy", payload=b"x")[0] == "SIGNED"
    os.kill(r.store_process.pid, signal.SIGSTOP)
    total, errors = 0, []
    while not errors and total < 20000:
        given, errors = signatures(r, "busy", 100)
        total += given
    assert set(errors) == {ERR["AUDIT_FULL"]}, errors
    assert total > 1000
    assert signatures(r, "busy", 100) == (0, [ERR["AUDIT_FULL"]] * 100)
    with pytest.raises(TimeoutError):
        r.gateway.receive(0.2)
    os.kill(r.store_process.pid, signal.SIGCONT)
    deadline = time.monotonic() + 10
    while signatures(r, "busy", 1)[0] == 0:
        assert time.monotonic() < deadline, "there is room again, and it does not serve"
        time.sleep(0.05)


def test_with_durable_audit_no_reply_before_the_store_has_its_record(rig):
    r = rig(durable_all=True).start()
    assert r.ask("KEY_CREATE", name="busy", algorithm=ED25519)[0] == "KEY_DETAIL"
    assert r.ask("SIGN", key="busy", payload=b"x")[0] == "SIGNED"
    token = r.token()
    os.kill(r.store_process.pid, signal.SIGSTOP)
    r.gateway.next_id += 1
    r.gateway.send("SIGN", ident=r.gateway.next_id, token=token, request_id="test", key="busy", payload=b"x")
    with pytest.raises(TimeoutError):
        r.gateway.receive(1)
    os.kill(r.store_process.pid, signal.SIGCONT)
    assert r.gateway.receive(10)[0] == "SIGNED"


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


# ---- the record of what was refused ----

def recorded(hsm, request_id):
    return [e for e in hsm.get("/api/v1/audit/recent?limit=100").json["items"] if e["request_id"] == request_id]


def test_denials_are_in_the_audit(hsm):
    """Who was refused what, and why: rights, usage, state, absence."""
    hsm.create("denied", "ed25519", usage=["verify"])
    hsm.create("spent", "ed25519")
    assert hsm.post("/api/v1/keys/spent/revoke").status == 200
    service = hsm.token("robot", "service")
    for number, (path, token, status) in enumerate([
            ("/api/v1/keys/denied/revoke", service, 403), ("/api/v1/keys/denied/sign", service, 422), ("/api/v1/keys/spent/sign", service, 409),
            ("/api/v1/keys/absent/sign", service, 404)]):
        request_id = f"denial-{number}"
        answer = hsm.post(path, {"payload_b64": ""} if path.endswith("sign") else {}, token=token, headers={"X-Request-Id": request_id})
        assert answer.status == status, answer
        events = recorded(hsm, request_id)
        assert len(events) == 1, (request_id, events)
        assert events[0]["actor"] == "robot" and events[0]["result"] == answer.json["code"], events
