"""RSA keys are made beside everything else: nobody waits for them but who asked, and of those at most two an actor."""
import os
import signal
import time

import pytest

import rows
from core_keys import ALG, IMPORT, ORIGIN, Failed, Keys, wrap
from proto import ERR, Gone
from rig import Rig
from test_import import pkcs8

RSA = dict(algorithm=ALG["RSA_3072"])


@pytest.fixture
def own(tmp_path):
    r = Rig(tmp_path / "hsm", lanes=2).start(gateways=2)
    yield r
    r.stop()


def begin(keys, message="KEY_CREATE", **values):
    """Sends a request and does not wait."""
    channel = keys.gateway
    ident, channel.next_id = channel.next_id, channel.next_id + 1
    channel.send(message, ident=ident, token=keys.token, request_id="test", **values)
    return ident


def finish(rig, keys, *idents, timeout=60):
    """The answers, in the order of idents."""
    answers, end = {}, time.monotonic() + timeout
    while len(answers) < len(idents) and time.monotonic() < end:
        rig.pump(0)
        try:
            name, ident, values, _ = keys.gateway.receive(0.02)
        except TimeoutError:
            continue
        answers[ident] = (name, values)
    return [answers[i] for i in idents]


def errors(answers):
    return [ERR["OK"] if name != "FAILED" else values["error"] for name, values in answers]


def names_of(keys):
    return {k["name"] for k in keys.ask("KEY_LIST", per_page=1000)["items"]}


def test_a_third_of_one_actor_is_refused_and_others_are_served(own):
    alice, bob = Keys(own, "alice", "operator"), Keys(own, "bob", "operator")
    idents = [begin(alice, name=f"alice-{i}", **RSA) for i in range(3)]
    other = begin(bob, name="bob-0", **RSA)
    answers = finish(own, alice, *idents, other)
    assert errors(answers) == [ERR["OK"], ERR["OK"], ERR["QUOTA"], ERR["OK"]]
    assert "two slow operations" in answers[2][1]["detail"] and answers[2][1]["retry_after_s"] == 1
    assert alice.create("alice-later", "RSA_2048")["version"] == 1
    assert names_of(alice) == {"alice-0", "alice-1", "bob-0", "alice-later"}


def test_signing_goes_on_meanwhile(own):
    """Were keys made on a lane or under the lock, some signature would wait for a whole one: over a tenth of a second."""
    alice, bob = Keys(own, "alice", "operator", own.gateways[0]), Keys(own, "bob", "operator", own.gateways[1])
    bob.create("signer", "EC_P256")
    making = [begin(alice, name=f"rsa-{i}", **RSA) for i in range(2)]
    took, done = [], []
    while len(done) < 2:
        start = time.monotonic()
        bob.sign("signer", b"m")
        took.append(time.monotonic() - start)
        time.sleep(0.0005)  # not a flood: that would be about the audit ring
        try:
            _, ident, values, _ = alice.gateway.receive(0)
            done.append(values["info"][0]["name"])
        except TimeoutError:
            pass
        if done and len(making) < 8:  # one after the other, for a while
            done.pop()
            making.append(begin(alice, name=f"rsa-{len(making)}", **RSA))
    took.sort()
    p99 = took[len(took) * 99 // 100]
    print(f"{len(took)} signatures while {len(making)} RSA-3072 keys were made: p50 {took[len(took) // 2] * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms")
    assert len(took) > 100 and p99 < 0.05


def test_changes_of_others_go_on_meanwhile(own):
    """The transaction slot is not held either."""
    alice, bob = Keys(own, "alice", "operator"), Keys(own, "bob", "operator", own.gateways[1])
    making = [begin(alice, name=f"rsa-{i}", **RSA) for i in range(2)]
    start = time.monotonic()
    for i in range(5):
        bob.create(f"quick-{i}", "ED25519")
    took = time.monotonic() - start
    assert errors(finish(own, alice, *making)) == [0, 0] and took < 2
    listed = [k["name"] for k in alice.ask("KEY_LIST")["items"]]
    assert listed.index("rsa-1") < listed.index("quick-0")  # newest first: it came after


def test_rotation_and_import_are_slow_work_too(own):
    from cryptography.hazmat.primitives.asymmetric import rsa
    keys = Keys(own)
    keys.create("door", "RSA_2048", usage=IMPORT)
    keys.create("turned", "RSA_2048")
    envelope = wrap(keys.public("door"), pkcs8(rsa.generate_private_key(65537, 3072)))
    idents = [begin(keys, "KEY_ROTATE", key="turned"), begin(keys, "KEY_IMPORT", name="brought", form=2, wrapped=envelope, wrapping_key="door"),
              begin(keys, name="too-many", **RSA)]
    answers = finish(own, keys, *idents)
    assert errors(answers) == [0, 0, ERR["QUOTA"]]
    assert answers[0][1]["info"][0]["version"] == 2 and answers[1][1]["info"][0]["origin"] == ORIGIN["IMPORTED"]


@pytest.mark.parametrize("ends", ["KEY_REVOKE", "KEY_DESTROY"])
def test_an_import_key_that_goes_meanwhile_imports_nothing(own, ends):
    keys, others = Keys(own), [Keys(own, name, "operator", own.gateways[1]) for name in ("bob", "carol")]
    keys.create("door", "RSA_2048", usage=IMPORT)
    envelope = wrap(keys.public("door"), bytes(32))
    before = [begin(other, name=f"before-{i}{j}", **RSA) for i, other in enumerate(others) for j in range(2)]
    time.sleep(0.03)  # the worker is busy with these
    waits = begin(keys, "KEY_IMPORT", name="in", form=2, wrapped=envelope, wrapping_key="door", algorithm=ALG["AES_256_GCM"])
    ended = begin(keys, ends, key="door")
    assert errors(finish(own, keys, waits, ended)) == [ERR["WRONG_STATE"], 0]
    assert errors(finish(own, others[0], *before)) == [0] * 4 and "in" not in names_of(keys)


def test_two_rotations_at_once_leave_one_active_version(own):
    keys, bob = Keys(own), Keys(own, "bob", "operator", own.gateways[1])
    keys.create("both", "RSA_2048")
    mine, his = begin(keys, "KEY_ROTATE", key="both"), begin(bob, "KEY_ROTATE", key="both")
    assert errors(finish(own, keys, mine) + finish(own, bob, his)) == [0, 0]
    states = [(v["version"], v["state"]) for v in keys.ask("KEY_VERSIONS", key="both")["items"]]
    assert states == [(1, 3), (2, 3), (3, 2)]


def test_who_has_gone_gets_no_key(own):
    gone, stays = Keys(own, "alice", "operator", own.gateways[1]), Keys(own)
    begin(gone, name="orphan-0", **RSA)
    begin(gone, name="orphan-1", **RSA)
    gone.gateway.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:  # the actor's jobs end, and he may ask anew
        try:
            Keys(own, "alice", "operator").create("after", "RSA_2048")
            break
        except Failed as refused:
            assert refused.error == "QUOTA"
            time.sleep(0.05)
    assert "after" in names_of(stays) and "orphan-1" not in names_of(stays)


def test_sealing_answers_who_waits(own):
    keys, bob = Keys(own), Keys(own, "bob", "operator", own.gateways[1])
    waiting = [begin(bob, name=f"never-{i}", **RSA) for i in range(2)]
    keys.ask("SEAL")
    answers = finish(own, bob, *waiting)
    assert errors(answers)[1] == ERR["SEALED"]
    own.core_states.clear()
    own.hand_over(rows.root_key(own.data))
    assert "never-1" not in names_of(keys) and keys.create("again", "RSA_2048")["version"] == 1


def test_a_late_answer_is_none(own):
    """Core stands still until the request's time is over: its key is not stored."""
    keys = Keys(own)
    waiting = [begin(keys, name=f"late-{i}", **RSA) for i in range(2)]
    time.sleep(0.03)  # it has them
    os.kill(own.core_process.pid, signal.SIGSTOP)
    time.sleep(10.2)
    os.kill(own.core_process.pid, signal.SIGCONT)
    assert errors(finish(own, keys, *waiting))[1] == ERR["TIMEOUT"]
    assert "late-1" not in names_of(Keys(own))


def test_stopping_ends_it(tmp_path):
    rig = Rig(tmp_path / "hsm").start()
    keys = Keys(rig)
    for i in range(2):
        begin(keys, name=f"stopped-{i}", **RSA)
    start = time.monotonic()
    rig.stop()
    assert rig.core_process.returncode == 0 and time.monotonic() - start < 8


def test_core_dies_meanwhile(own):
    """Nothing of a key that was being made is left in the store."""
    keys, root, keyset = Keys(own), rows.root_key(own.data), own.keyset()
    for i in range(2):
        begin(keys, name=f"dead-{i}", **RSA)
    time.sleep(0.02)
    own.core_process.kill()
    own.core_process.wait()
    with pytest.raises(Gone):
        while True:
            keys.gateway.receive(5)
    own.restart_core(root, keyset)
    after = Keys(own)
    assert "dead-1" not in names_of(after) and after.create("dead-1", "RSA_2048")["version"] == 1
