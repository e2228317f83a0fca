"""What overlaps: two changes at a time, a seal during work, a store or verifier that goes away in the middle."""
import os
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

import proto
from proto import PEERS, frame
from rig import Rig

SEALED, OPEN, FAILED = 1, 2, 3


class SlowRig(Rig):
    """A supervisor that can be late with its answers."""

    def __init__(self, folder, **config):
        super().__init__(folder, **config)
        self.late, self.owed = set(), []

    def serve(self, name, ident, values, fds):
        if name in self.late:
            self.owed.append((name, ident, values, fds))
        else:
            super().serve(name, ident, values, fds)
        if name == "KEYSET_WRITE":
            self.keyset_written = values

    def pay(self):
        owed, self.owed, self.late = self.owed, [], set()
        for item in owed:
            self.serve(*item)

    def until_owed(self, name):
        deadline = time.monotonic() + 10
        while not any(owed[0] == name for owed in self.owed):
            assert time.monotonic() < deadline, f"core never sent {name}"
            self.pump(0.01)

    def post(self, message, /, gateway=None, token=None, **values):
        """Sends without waiting; gives the id of the answer."""
        g = gateway or self.gateway
        ident, g.next_id = g.next_id, g.next_id + 1
        g.send(message, ident=ident, token=token or self.admin, request_id="test", **values)
        return ident

    def answer(self, ident, gateway=None, timeout=10):
        g = gateway or self.gateway
        self.seen = getattr(self, "seen", {})
        deadline = time.monotonic() + timeout
        while ident not in self.seen:
            self.pump(0.01)
            if time.monotonic() > deadline:
                raise TimeoutError(f"request {ident} has no answer")
            while g.has_message(0.01):
                name, got, values, _ = g.receive()
                self.seen[got] = (name, values)
        return self.seen.pop(ident)

    def call(self, message, /, timeout=10, gateway=None, **values):
        return self.answer(self.post(message, gateway=gateway, **values), gateway, timeout)

    def restart_all(self, **how):
        """Everything dies at once and starts again; only what was on disk is left."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes, self.ring, self.core_states, self.seen = [], None, [], {}
        return self.start(**how)

    def start(self, *a, **k):
        super().start(*a, **k)
        self.admin = self.token()
        return self

    def kill_store(self):
        self.store_process.kill()
        self.store_process.wait()


@pytest.fixture
def rig(tmp_path):
    made = []

    def make(**config):
        made.append(SlowRig(tmp_path / f"rig{len(made)}", **config))
        return made[-1]

    yield make
    for r in made:
        for process in r.processes:
            process.kill()
            process.wait()


def done(answer, name=None):
    assert answer[0] != "FAILED", answer
    assert name is None or answer[0] == name, answer
    return answer[1]


def signs(r, key):
    return len(done(r.call("SIGN", key=key, payload=b"x"), "SIGNED")["signature"]) > 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


# ---- the store's rows stay what the manifest commits to ----


def test_a_token_revoked_twice_leaves_a_store_that_opens(rig):
    r = rig().start()
    far = int(time.time()) + 3600
    for expires in (far, far, far + 60, far - 60):
        done(r.call("TOKEN_REVOKE", jti="the-same", expires_s=expires), "DONE")
    r.restart_all()
    assert r.call("STATUS")[1]["state"] == OPEN


def test_expired_revocations_do_not_pile_up(rig):
    r = rig().start()
    past, far = int(time.time()) - 1000, int(time.time()) + 3600
    for i in range(100):
        done(r.call("TOKEN_REVOKE", jti=f"old-{i}", expires_s=past), "DONE")
    for i in range(3):
        done(r.call("TOKEN_REVOKE", jti=f"new-{i}", expires_s=far), "DONE")
    r.restart_all()
    r.kill_store()
    rows = subprocess.run(["/usr/bin/python3", "-c", "import sqlite3,sys,glob\n"
                           "print(sum(sqlite3.connect(p).execute('select count(*) from row where kind=?', (int(sys.argv[2]),)).fetchone()[0]"
                           " for p in glob.glob(sys.argv[1] + '/*.db') + glob.glob(sys.argv[1] + '/*.sqlite*') if not p.endswith(('-wal', '-shm'))))",
                           str(r.data / "store"), "7"], capture_output=True, text=True)
    assert rows.returncode == 0 and 3 <= int(rows.stdout) <= 5, rows


def test_a_key_made_while_a_keyset_is_written(rig):
    """The keyset's transaction is built on the state that the key's left, not on the one before."""
    r = rig().start()
    rows = r.call("KEYSET_SHOW")[1]
    r.late = {"KEYSET_WRITE"}
    apply = r.post("KEYSET_APPLY", generation=rows["generation"] + 1, rows=rows["rows"])
    r.until_owed("KEYSET_WRITE")
    os.kill(r.store_process.pid, signal.SIGSTOP)
    create = r.post("KEY_CREATE", name="meanwhile", algorithm=3)
    time.sleep(0.05)
    r.pay()
    time.sleep(0.05)
    os.kill(r.store_process.pid, signal.SIGCONT)
    done(r.answer(apply), "DONE")
    written = r.keyset_written
    r.start_verifier({k: written[k] for k in ("generation", "rows", "mac")})
    done(r.answer(create), "KEY_DETAIL")
    r.keyset = lambda: {k: written[k] for k in ("generation", "rows", "mac")}
    r.restart_all()
    assert signs(r, "meanwhile")


def test_keys_changed_during_an_epoch_rotation(rig):
    """Nothing that changes meanwhile is left under the old epoch key, which is erased at the end."""
    r = rig().start()
    for i in range(3):
        done(r.call("KEY_CREATE", name=f"k{i}", algorithm=3))
    r.late = {"EPOCH_WRITE"}
    rotate = r.post("EPOCH_ROTATE")
    r.until_owed("EPOCH_WRITE")
    meanwhile = [r.post("KEY_ROTATE", key="k0"), r.post("KEY_CREATE", name="k3", algorithm=3), r.post("KEY_DESTROY", key="k1"),
                 r.post("KEY_ROTATE", key="k2")]
    time.sleep(0.05)
    os.kill(r.store_process.pid, signal.SIGSTOP)
    r.pay()
    time.sleep(0.05)
    os.kill(r.store_process.pid, signal.SIGCONT)
    for m in meanwhile:
        done(r.answer(m), "KEY_DETAIL")
    assert done(r.answer(rotate), "DONE")["value"] == 2
    r.restart_all()
    for name in ("k0", "k2", "k3"):
        assert signs(r, name)
    assert done(r.call("KEY_SHOW", key="k1"))["info"][0]["state"] == 5
    assert done(r.call("EPOCH_ROTATE"), "DONE")["value"] == 3


def test_many_changes_race_an_epoch_rotation(rig):
    r = rig(lanes=2).start()
    for i in range(40):
        done(r.call("KEY_CREATE", name=f"k{i}", algorithm=3))
    posted = []
    for i in range(40):
        posted.append(r.post("KEY_ROTATE", key=f"k{39 - i}"))
        if i == 5:
            rotate = r.post("EPOCH_ROTATE")
        if i % 8 == 7:
            posted.append(r.post("KEY_CREATE", name=f"more{i}", algorithm=1))
    for ident in posted:
        done(r.answer(ident, timeout=20), "KEY_DETAIL")
    done(r.answer(rotate, timeout=20), "DONE")
    r.restart_all()
    for i in range(40):
        assert signs(r, f"k{i}")


# ---- seal and unseal in one process ----


def test_seal_and_unseal_in_the_first_process(rig):
    r = rig().start()
    done(r.call("KEY_CREATE", name="kept", algorithm=3))
    done(r.call("SEAL"), "DONE")
    r.wait_state(SEALED)
    r.unseal()
    r.wait_state(OPEN)
    assert signs(r, "kept")


def test_seal_and_unseal_after_an_epoch_rotation(rig):
    r = rig().start()
    done(r.call("KEY_CREATE", name="kept", algorithm=3))
    r.restart_all()
    assert done(r.call("EPOCH_ROTATE"), "DONE")["value"] == 2
    done(r.call("SEAL"), "DONE")
    r.wait_state(SEALED)
    r.unseal()
    r.wait_state(OPEN)
    assert signs(r, "kept")
    done(r.call("KEY_ROTATE", key="kept"))
    r.restart_all()
    assert signs(r, "kept")


def test_seal_during_signatures(rig):
    """A lane that comes back from its work finds a sealed core: it answers that, and core lives."""
    r = rig(lanes=2, arena_mib=16).start(gateways=4)
    done(r.call("KEY_CREATE", name="busy", algorithm=3))
    payload = b"x" * 1048576
    for _ in range(6):
        posted = [(r.post("SIGN", gateway=g, key="busy", payload=payload), g) for g in r.gateways[1:] for _ in range(3)]
        seal = r.post("SEAL")
        for ident, g in posted:
            name, values = r.answer(ident, g)
            assert name == "SIGNED" or values["error"] in (proto.ERR["SEALED"], proto.ERR["PEER_GONE"]), (name, values)
        done(r.answer(seal), "DONE")
        r.wait_state(SEALED)
        r.unseal()
        r.wait_state(OPEN)
        r.seen = {}
    assert r.core_process.poll() is None and signs(r, "busy")


def test_a_failed_unseal_does_not_seal_an_open_core(rig):
    r = rig().start()
    peer = r.add_peer("unseal")
    peer.ask("UNSEAL_FAILED", error=proto.ERR["BAD_KEY"], what="the passphrase is wrong")
    assert r.call("STATUS")[1]["state"] == OPEN


# ---- the store goes away, or lies ----


def test_store_restarts_before_the_first_transaction(rig):
    """An empty store is what a core that has stored nothing expects."""
    r = rig()
    r.late = {"EPOCH_WRITE"}
    r.start()
    r.until_owed("EPOCH_WRITE")
    r.kill_store()
    time.sleep(0.1)
    r.start_store()
    r.pump(0.1)
    r.pay()
    done(r.call("KEY_CREATE", name="first", algorithm=3), "KEY_DETAIL")


def test_store_restarts_during_an_epoch_rotation(rig):
    """The rotation is answered and can be asked for again; nothing waits for ever."""
    r = rig().start()
    done(r.call("KEY_CREATE", name="kept", algorithm=3))
    r.late = {"EPOCH_WRITE"}
    rotate = r.post("EPOCH_ROTATE")
    r.until_owed("EPOCH_WRITE")
    os.kill(r.store_process.pid, signal.SIGSTOP)
    r.pay()
    time.sleep(0.1)
    r.kill_store()
    assert r.answer(rotate)[0] in ("FAILED", "DONE")
    r.start_store()
    deadline = time.monotonic() + 10
    while True:
        name, values = r.call("EPOCH_ROTATE")
        if name == "DONE":
            break
        assert time.monotonic() < deadline, values
        time.sleep(0.1)
    assert values["value"] in (2, 3)
    r.restart_all()
    assert signs(r, "kept")


@pytest.mark.parametrize("kind", range(1, 6))
def test_answers_that_nobody_asked_for(rig, kind):
    """A store that talks out of turn, before the root key is here and after, moves nothing."""
    r = rig().start(unseal=False)
    fake = r.add_peer("store")
    row = dict(kind=5, id=bytes(16), version=0, blob=b"\1" * 200)
    for rows in ([], [row]):
        fake.send("STORE_ROWS", ident=kind << 60, error=0, more=False, rows=rows)
        fake.send("STORE_ROWS", ident=kind << 60 | 1, error=0, more=True, rows=rows)
        fake.send("STORE_DONE", ident=kind << 60, error=0, why="")
    assert r.call("STATUS")[1]["state"] == SEALED
    assert r.core_process.poll() is None


def test_a_failed_core_stays_failed(rig):
    """What a store sends after it was caught cannot open core again."""
    r = rig().start()
    done(r.call("KEY_CREATE", name="kept", algorithm=3))
    assert signs(r, "kept")
    r.kill_store()
    time.sleep(0.1)
    fake = r.add_peer("store")
    fake.receive(), fake.receive()
    fake.send("STORE_ROWS", ident=3 << 60, error=0, more=False, rows=[dict(kind=5, id=bytes(16), version=0, blob=b"\1" * 200)])
    r.wait_state(FAILED)
    assert r.call("SIGN", key="kept", payload=b"x")[1]["error"] == proto.ERR["INTEGRITY"]
    peer = r.add_peer("unseal")
    peer.ask("UNSEAL_FAILED", error=proto.ERR["BAD_KEY"], what="no")
    assert r.call("STATUS")[1]["state"] == FAILED
    r.unseal()
    assert r.call("STATUS")[1]["state"] == FAILED


def test_core_sleeps_while_the_store_is_away(rig):
    r = rig().start()
    done(r.call("KEY_CREATE", name="cached", algorithm=3))
    assert signs(r, "cached")
    r.kill_store()
    assert signs(r, "cached")
    time.sleep(0.2)
    before = cpu_seconds(r.core_process.pid)
    time.sleep(1)
    assert cpu_seconds(r.core_process.pid) - before < 0.3


def test_epoch_file_of_the_past_is_refused(rig):
    r = rig().start()
    done(r.call("KEY_CREATE", name="kept", algorithm=3))
    old = r.epoch
    done(r.call("EPOCH_ROTATE"), "DONE")
    r.pump(0.1)
    r.epoch = old
    r.restart_all(unseal=False)
    r.unseal()
    assert "epoch" in r.wait_state(FAILED)


def test_rotation_cut_off_goes_on_at_the_next_start(rig):
    """Killed with both keys on disk: the next start finishes the work by itself."""
    r = rig().start()
    done(r.call("KEY_CREATE", name="kept", algorithm=3))
    old = r.epoch
    r.late = {"EPOCH_WRITE"}
    r.post("EPOCH_ROTATE")
    r.until_owed("EPOCH_WRITE")
    r.epoch = r.owed[0][2]["epoch"]
    assert r.epoch != old
    r.owed, r.late = [], set()
    both = r.epoch
    r.restart_all()
    deadline = time.monotonic() + 10
    while r.epoch == both:
        assert time.monotonic() < deadline, "the file with the new key alone never came"
        r.pump(0.05)
    assert signs(r, "kept")
    r.restart_all()
    assert signs(r, "kept")
    assert done(r.call("EPOCH_ROTATE"), "DONE")["value"] == 3


# ---- an answer follows its audit record ----


class Relay(threading.Thread):
    """Between core and store: passes whole frames on, and commits only while there is credit."""

    def __init__(self, core_side, store_side):
        super().__init__(daemon=True)
        self.core, self.store, self.credit, self.commits, self.over = core_side, store_side, None, 0, False
        self.start()

    def frame_to_store(self, data, fds):
        if proto.struct.unpack_from(">H", data, 2)[0] == proto.IDS["STORE_COMMIT"] and self.fresh:
            while self.credit == 0 and not self.over:
                time.sleep(0.002)
            self.commits += 1
            if self.credit is not None:
                self.credit -= 1
        self.fresh = not data[1] & 1
        socket.send_fds(self.store, [data], fds)

    def run(self):
        self.fresh = True
        while not self.over:
            ready = select.select([self.core, self.store], [], [], 0.1)[0]
            for s in ready:
                try:
                    data, fds, _, _ = socket.recv_fds(s, 1 << 17, 4)
                    if not data:
                        return
                    if s is self.core:
                        self.frame_to_store(data, fds)
                    else:
                        self.core.sendall(data)
                except OSError:
                    return
                for fd in fds:
                    os.close(fd)


class RelayRig(SlowRig):
    def add_peer(self, role, to=None):
        if role != "store" or to is None:
            return super().add_peer(role, to)
        near, far = proto.socket_pair()
        self.core.send("PEER_CHANNEL", fds=[far.fileno()], role=PEERS["store"])
        ours, theirs = proto.socket_pair()
        to.send("PEER_CHANNEL", fds=[theirs.fileno()], role=PEERS["core"])
        far.close()
        theirs.close()
        self.relay = Relay(near.sock, ours.sock)
        return near


def test_a_change_is_answered_after_its_own_record_is_stored(tmp_path):
    """With a backlog one transaction does not hold all segments; the answer then waits for a later one."""
    r = RelayRig(tmp_path / "rig", ring_mib=8).start()
    try:
        done(r.call("KEY_CREATE", name="busy", algorithm=3))
        assert signs(r, "busy")
        time.sleep(0.2)
        r.relay.credit = 0
        for _ in range(60):
            for ident in [r.post("SIGN", key="busy", payload=b"x") for _ in range(100)]:
                done(r.answer(ident), "SIGNED")
        create = r.post("KEY_CREATE", name="late", algorithm=3)
        time.sleep(0.1)
        before = r.relay.commits
        r.relay.credit = 2  # the one that was on its way, and the one with the change
        with pytest.raises(TimeoutError):
            r.answer(create, timeout=1)
        assert r.relay.commits == before + 2
        r.relay.credit = None
        done(r.answer(create), "KEY_DETAIL")
    finally:
        r.relay.over = True
        for process in r.processes:
            process.kill()
            process.wait()


# ---- the verifier is exchanged ----


def test_a_token_that_was_with_the_old_verifier(rig):
    """A reload while a token is being judged does not poison the token."""
    r = rig().start()
    os.kill(r.verifier_process.pid, signal.SIGSTOP)
    old = r.verifier_process
    token = r.token("newcomer", "administrator")
    asked = r.post("KEYSET_SHOW", token=token)
    time.sleep(0.05)
    r.start_verifier(r.keyset())
    done(r.answer(asked, timeout=4), "KEYSET_INFO")
    os.kill(old.pid, signal.SIGCONT)
    done(r.call("KEYSET_SHOW", token=token), "KEYSET_INFO")
