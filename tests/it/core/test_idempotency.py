"""Idempotency-Key: the same request gets the same answer for a day, whatever died in between; another request with the key is refused."""
import os
import signal
import time

import pytest

import audit
import records
import rows
import seed
from core_keys import ALG, IMPORT, SIGN, STATE, Failed, Keys, attributes, wrap
from rig import Rig
from test_slow_work import begin, errors, finish
from proto import ERR, IDS


@pytest.fixture
def own(tmp_path):
    r = Rig(tmp_path / "hsm").start()
    yield r
    r.stop()


def answers_stored(rig):
    return [row for row in records.rows(rig.data / "store") if row[0] == seed.ANSWER]


def test_every_change_of_a_key_is_done_once(own):
    keys = Keys(own)
    once = [keys.create("k", "ED25519", idempotency_key="create"), keys.rotate("k", idempotency_key="rotate"),
            keys.detail("KEY_UPDATE", key="k", has_attributes=True, attributes=attributes(a="1"), idempotency_key="update"),
            keys.detail("KEY_REVOKE", key="k", idempotency_key="revoke"), keys.detail("KEY_DESTROY", key="k", idempotency_key="destroy")]
    again = [keys.create("k", "ED25519", idempotency_key="create"), keys.rotate("k", idempotency_key="rotate"),
             keys.detail("KEY_UPDATE", key="k", has_attributes=True, attributes=attributes(a="1"), idempotency_key="update"),
             keys.detail("KEY_REVOKE", key="k", idempotency_key="revoke"), keys.detail("KEY_DESTROY", key="k", idempotency_key="destroy")]
    assert once == again and [k["generation"] for k in once] == [1, 2, 3, 4, 6]
    assert once[0]["state"] == STATE["ACTIVE"] and keys.show("k")["state"] == STATE["DESTROYED"]
    assert len(keys.ask("KEY_VERSIONS", key="k")["items"]) == 2


def test_slow_changes_too(own):
    keys = Keys(own)
    door = keys.create("door", "RSA_2048", usage=IMPORT, idempotency_key="door")
    assert keys.create("door", "RSA_2048", usage=IMPORT, idempotency_key="door") == door
    envelope = wrap(keys.public("door"), bytes(range(32)))
    first = keys.import_wrapped("in", envelope, "door", algorithm=ALG["AES_256_GCM"], idempotency_key="in")
    assert keys.import_wrapped("in", envelope, "door", algorithm=ALG["AES_256_GCM"], idempotency_key="in") == first
    assert keys.rotate("door", idempotency_key="r")["version"] == keys.rotate("door", idempotency_key="r")["version"] == 2


def test_another_request_with_the_key_is_refused(own):
    keys = Keys(own)
    keys.create("a", "ED25519", idempotency_key="x")
    for other in (lambda: keys.create("b", "ED25519", idempotency_key="x"), lambda: keys.create("a", "EC_P256", idempotency_key="x"),
                  lambda: keys.create("a", "ED25519", usage=SIGN, idempotency_key="x"), lambda: keys.rotate("a", idempotency_key="x")):
        with pytest.raises(Failed, match="UNSUPPORTED.*another request"):
            other()
    for key in ("bad key", "x" * 65, "\u00fc"):
        with pytest.raises((Failed, AssertionError)):
            keys.create("c", "ED25519", idempotency_key=key)
    assert keys.ask("KEY_LIST")["total"] == 1


def test_keys_of_two_actors_are_two(own):
    alice, bob = Keys(own, "alice", "operator"), Keys(own, "bob", "operator")
    assert alice.create("a", "ED25519", idempotency_key="x")["name"] == "a"
    assert bob.create("b", "ED25519", idempotency_key="x")["name"] == "b"
    assert alice.create("a", "ED25519", idempotency_key="x")["created_by"] == "alice"


def test_a_failure_is_not_kept(own):
    keys = Keys(own)
    with pytest.raises(Failed, match="NOT_FOUND"):
        keys.rotate("later", idempotency_key="x")
    keys.create("later", "ED25519")
    assert keys.rotate("later", idempotency_key="x")["version"] == 2


def test_while_the_first_is_worked_on_the_second_is_refused(own):
    keys = Keys(own)
    idents = [begin(keys, name="rsa", algorithm=ALG["RSA_3072"], idempotency_key="x") for _ in range(2)]
    answers = finish(own, keys, *idents)
    assert errors(answers) == [0, ERR["CONFLICT"]] and "still being worked on" in answers[1][1]["detail"]
    # Of those that come together some are refused, others get the answer; the key is made once.
    idents = [begin(keys, name="ed", algorithm=ALG["ED25519"], idempotency_key="y") for _ in range(20)]
    answers = finish(own, keys, *idents)
    assert set(errors(answers)) <= {0, ERR["CONFLICT"]} and errors(answers)[0] == 0
    assert {v["info"][0]["id"] for n, v in answers if n == "KEY_DETAIL"} == {answers[0][1]["info"][0]["id"]}


def test_one_key_for_two_requests_that_wait_for_their_turn(own):
    """Slow requests that have their RSA key already, and wait behind a change: only one of them may have the answer's row."""
    keys = Keys(own)
    os.kill(own.store_process.pid, signal.SIGSTOP)
    blocking = begin(keys, "TOKEN_REVOKE", jti="some-token", expires_s=int(time.time()) + 600)
    idents = []
    for name in ("first", "second"):
        idents.append(begin(keys, name=name, algorithm=ALG["RSA_2048"], idempotency_key="x"))
        time.sleep(2.5)  # made, and in the queue of changes: a slow job knows nothing of it any more
    os.kill(own.store_process.pid, signal.SIGCONT)
    answers = finish(own, keys, blocking, *idents)
    assert errors(answers) == [0, 0, ERR["CONFLICT"]]
    keys.ask("SEAL")
    own.core_states.clear()
    own.hand_over(rows.root_key(own.data))  # the set of rows is what the manifest says
    assert [k["name"] for k in keys.ask("KEY_LIST")["items"]] == ["first"]


def test_it_survives_seal_crash_and_restart(own):
    keys, root, keyset = Keys(own), rows.root_key(own.data), own.keyset()
    first = keys.create("k", "ED25519", idempotency_key="x")
    keys.ask("SEAL")
    own.core_states.clear()
    own.hand_over(root)
    assert keys.create("k", "ED25519", idempotency_key="x") == first
    own.core_process.kill()
    own.core_process.wait()
    own.restart_core(root, keyset)
    keys = Keys(own)
    assert keys.create("k", "ED25519", idempotency_key="x") == first
    with pytest.raises(Failed, match="EXISTS"):
        keys.create("k", "ED25519")
    assert len(answers_stored(own)) == 1


def test_repeated_answers_stand_in_the_audit_as_such(own):
    keys = Keys(own)
    for _ in range(3):
        key = keys.create("k", "ED25519", idempotency_key="x")
    events = [audit.record(e["record"]) for e in keys.ask("AUDIT_RECENT", limit=50)["items"]]
    made = [e for e in events if e.action == IDS["KEY_CREATE"]]
    assert sorted((e.detail, e.key_id) for e in made) == sorted([("k", key["id"])] + [("repeated", key["id"])] * 2)


def test_uses_of_keys_are_done_again(own):
    keys = Keys(own)
    keys.create("k", "EC_P256")
    assert keys.sign("k", b"m", idempotency_key="x") != keys.sign("k", b"m", idempotency_key="x")
    assert answers_stored(own) == []


def test_a_withheld_or_altered_answer_is_noticed(own):
    """The row counts in the set of rows, and is authenticated."""
    keys = Keys(own)
    keys.create("k", "ED25519", idempotency_key="x")
    root, keyset = rows.root_key(own.data), own.keyset()
    anchor, epoch = own.anchor, own.epoch
    own.stop()
    stored = rows.load(own.data / "store" / "store.db")
    place = next(k for k in stored if k[0] == seed.ANSWER)
    changed = bytearray(stored[place])
    changed[20] ^= 1
    for altered in ({k: v for k, v in stored.items() if k != place}, {**stored, place: bytes(changed)}, {**stored, (seed.ANSWER, bytes(16), 0): stored[place]}):
        lone = rows.LoneCore(keyset, altered, own.anchor or anchor, own.epoch or epoch)
        state, why = lone.open(root)
        lone.kill()
        assert state == 3, why
    lone = rows.LoneCore(keyset, stored, own.anchor or anchor, own.epoch or epoch)
    assert lone.open(root)[0] == 2
    lone.kill()


def reopened(rig, change):
    """The state of a stopped HSM, changed authentically, in a core of its own with the store played by the test."""
    root, keyset = rows.root_key(rig.data), rig.keyset()
    rig.stop()
    seeder = seed.Seeder(root, rig.epoch, rows.load(rig.data / "store" / "store.db"))
    change(seeder)
    lone = rows.LoneCore(keyset, seeder.commit(), rig.anchor, rig.epoch)
    assert lone.open(root)[0] == 2, lone.states
    lone.start_verifier(keyset)
    return lone


def make(rig, lone, name, key):
    return lone.ask("KEY_CREATE", token=rig.token(), name=name, algorithm=ALG["ED25519"], idempotency_key=key)


def kept(lone):
    return sum(k[0] == seed.ANSWER for k in lone.store.rows)


def test_answers_go_when_their_day_is_over(own):
    """Two expired rows go with each new one; an expired answer is not given again, and its key may be used anew."""
    keys, now = Keys(own), int(time.time())
    keys.create("old", "ED25519", idempotency_key="x")

    def age(s):
        place = next(k for k in s.rows if k[0] == seed.ANSWER)
        blob = s.rows.pop(place)
        s.put(*place, blob[:18] + (now - 1).to_bytes(8, "big") + blob[26:-48])
        for i in range(5):
            s.answer(os.urandom(16), now - 10)
        s.answer(os.urandom(16), now + 1000)

    lone = reopened(own, age)
    assert kept(lone) == 7
    assert make(own, lone, "new", "x")[0] == "KEY_DETAIL"  # the same key, another request: its day is over
    assert kept(lone) == 6  # itself in place of the old row, and one more of the expired is gone
    assert make(own, lone, "new-2", "y")[0] == "KEY_DETAIL" and kept(lone) == 5
    assert make(own, lone, "new-2", "y")[1]["info"][0]["name"] == "new-2" and kept(lone) == 5
    assert make(own, lone, "new-3", "z")[0] == "KEY_DETAIL" and make(own, lone, "new-4", "zz")[0] == "KEY_DETAIL" and kept(lone) == 5
    again = rows.LoneCore(own.keyset(), lone.store.rows, lone.anchor, own.epoch)
    assert again.open(rows.root_key(own.data))[0] == 2  # what is left is what the manifest says
    for core in (lone, again):
        core.kill()


def test_no_more_than_4096_are_kept(own):
    keys, now = Keys(own), int(time.time())
    keys.create("one", "ED25519")
    lone = reopened(own, lambda s: [s.answer(os.urandom(16), now + 1000) for _ in range(4095)])
    assert make(own, lone, "fits", "a")[0] == "KEY_DETAIL"
    name, answer = make(own, lone, "too-many", "b")
    assert name == "FAILED" and answer["error"] == ERR["QUOTA"] and "without one" in answer["detail"]
    assert lone.ask("KEY_CREATE", token=own.token(), name="too-many", algorithm=ALG["ED25519"])[0] == "KEY_DETAIL"
    assert make(own, lone, "fits", "a")[0] == "KEY_DETAIL" and kept(lone) == 4096
    lone.kill()
