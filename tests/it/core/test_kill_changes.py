"""Core or store dies with changes of every kind in flight; who asks again with the same Idempotency-Key gets what was done, once.

Each round sends creations, rotations, updates and imports without waiting, kills, restarts, and sends all of them again. Judged are: an
answer that came before the kill is the answer afterwards; every request happened exactly once; one version of each key is active.
"""
import os
import random
import time

import pytest

import rows
from core_keys import ALG, IMPORT, STATE, Keys, attributes, texts, wrap
from proto import Gone
from rig import Rig
from test_slow_work import begin

ROUNDS = 60 if os.environ.get("HOLDFAST_SOAK") == "1" else 10
AES = ALG["AES_256_GCM"]


class Story:
    """What is asked in all rounds, and what was answered."""

    def __init__(self, rig):
        self.rig, self.keys = rig, Keys(rig)
        self.keys.create("door", "RSA_2048", usage=IMPORT)
        self.spki = self.keys.public("door")
        for i in range(3):
            self.keys.create(f"turned-{i}", "AES_256_GCM")
        self.asked, self.answered, self.rotations = {}, {}, [0, 0, 0]

    def requests(self, n):
        """Of one round, in an order of its own; key -> (message, values)."""
        some = {}
        for i in range(3):
            some[f"rotate-{n}-{i}"] = ("KEY_ROTATE", {"key": f"turned-{i}"})
            some[f"update-{n}-{i}"] = ("KEY_UPDATE", {"key": f"turned-{i}", "has_attributes": True, "attributes": attributes(round=str(n)), "has_tags": True,
                                                      "tags": texts(f"round-{n}")})
            some[f"create-{n}-{i}"] = ("KEY_CREATE", {"name": f"made-{n}-{i}", "algorithm": ALG["ED25519"]})
            self.rotations[i] += 1
        some[f"import-{n}"] = ("KEY_IMPORT", {"name": f"in-{n}", "form": 2, "wrapped": wrap(self.spki, os.urandom(32)), "wrapping_key": "door",
                                              "algorithm": AES})
        some[f"create-rsa-{n}"] = ("KEY_CREATE", {"name": f"rsa-{n}", "algorithm": ALG["RSA_2048"]})
        order = list(some.items())
        random.shuffle(order)
        return dict(order)

    def send(self, some):
        idents = {}
        for key, (message, values) in some.items():
            self.asked[key] = (message, values)
            idents[begin(self.keys, message, idempotency_key=key, **values)] = key
        return idents

    def take(self, idents, seconds):
        """What comes in that time. A refusal is no answer: the request is sent again."""
        end = time.monotonic() + seconds
        while idents and time.monotonic() < end:
            self.rig.pump(0)
            try:
                name, ident, values, _ = self.keys.gateway.receive(0.001)
            except TimeoutError:
                continue
            except Gone:
                return
            if ident in idents:
                key = idents.pop(ident)
                if name == "KEY_DETAIL":
                    answer = values["info"][0]
                    assert self.answered.setdefault(key, answer) == answer, key
                else:
                    self.refused = values["detail"]

    def again(self):
        """Until everything has been answered, whatever was answered before among it."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            self.take(self.send(self.asked), 10)
            if set(self.answered) == set(self.asked):
                return
            self.rig.pump(0.02)  # of those that are still being worked on
        raise AssertionError(f"never answered: {set(self.asked) - set(self.answered)}: {self.refused}")


def kill_core(story, root, keyset):
    story.rig.core_process.kill()
    story.rig.core_process.wait()
    story.rig.restart_core(root, keyset)
    story.keys = Keys(story.rig)


def kill_store(story, root, keyset):
    story.rig.store_process.kill()
    story.rig.store_process.wait()
    story.rig.start_store(fresh_ring=True)


@pytest.mark.parametrize("kill", [kill_core, kill_store])
def test_changes_happen_once(tmp_path, kill):
    random.seed(os.environ.get("PYTEST_SEED", "holdfast"))
    rig = Rig(tmp_path / "hsm").start()
    root, keyset = rows.root_key(rig.data), rig.keyset()
    story, in_flight = Story(rig), 0
    for n in range(ROUNDS):
        idents = story.send(story.requests(n))
        story.take(idents, random.choice((0, 0.002, 0.005, 0.01, 0.03)))
        in_flight += len(idents)
        kill(story, root, keyset)
        story.again()
        story.asked.clear(), story.answered.clear()
    print(f"{ROUNDS} kills with {in_flight} changes in flight")
    assert in_flight > ROUNDS
    for i in range(3):
        versions = story.keys.ask("KEY_VERSIONS", key=f"turned-{i}")["items"]
        assert [v["version"] for v in versions] == list(range(1, story.rotations[i] + 2))
        assert [v["state"] for v in versions] == [STATE["REVOKED"]] * story.rotations[i] + [STATE["ACTIVE"]]
        assert story.keys.show(f"turned-{i}")["attributes"] == attributes(round=str(ROUNDS - 1))
        assert story.keys.decrypt(f"turned-{i}", story.keys.encrypt(f"turned-{i}", b"x")) == b"x"
    names = [k["name"] for k in story.keys.ask("KEY_LIST", per_page=1000)["items"]]
    assert len(names) == len(set(names)) == 1 + 3 + 5 * ROUNDS
    rig.stop()
