"""A keyset that the supervisor read again while core is still opening: it counts when it is good, and never without having been judged."""
import shutil

import pytest

import rows
from proto import ERR
from rig import Rig

OPEN, REFUSED = 2, 3


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    """A data folder that no core has opened yet; its keyset and the one that an administrator makes of it."""
    folder = tmp_path_factory.mktemp("hsm")
    rig = Rig(folder / "a")
    shutil.copytree(folder / "a", folder / "b")
    other = Rig(folder / "b").start()
    shown = other.ask("KEYSET_SHOW")[1]
    other.gateway.send("KEYSET_APPLY", ident=5, token=other.token(), request_id="test", generation=shown["generation"] + 1, rows=shown["rows"])
    other.wait_core("KEYSET_WRITE")
    assert other.gateway.receive()[0] == "DONE"
    rig.older, rig.newer = rig.keyset(), other.written_keyset
    other.stop()
    return rig


class Opening:
    """A core that has the root key, and waits for the answer of its store to the question that is named."""

    def __init__(self, hsm, keyset, asked):
        self.hsm = hsm
        self.core = rows.LoneCore(keyset, {}, None, None)
        self.unseal = self.core.peer("unseal")
        self.unseal.send("ROOT_KEY", ident=1, root=rows.root_key(hsm.data))
        self.question = self.next_question()
        while self.question[0] != asked:
            self.answer()
            self.question = self.next_question()

    def next_question(self):
        return self.core.store.channel.receive(20)[:3]

    def answer(self):
        name, ident, values = self.question
        answers = self.core.store.get(values) if name == "STORE_GET" else self.core.store.scan(values)
        self.core.store.channel.send("STORE_ROWS", ident=ident, **answers)

    def offer(self, keyset):
        """Core's verdict. It is still opening then, because its question has no answer."""
        self.core.core.send("KEYSET", ident=77, **keyset)
        while True:
            name, ident, values, _ = self.core.core.receive(20)
            if name == "ACK" and ident == 77:
                break
            if name == "CORE_STATE":
                self.core.states.append((values["state"], values["why"]))
            elif name in ("ANCHOR_WRITE", "EPOCH_WRITE"):
                self.core.write(name, ident, values)
        assert all(state not in (OPEN, REFUSED) for state, _ in self.core.states)
        return values["error"]

    def finish(self):
        self.answer()
        while not self.core.states or self.core.states[-1][0] not in (OPEN, REFUSED):
            self.core.step(0.005)
        return self.core.states[-1]

    def is_in_force(self, keyset):
        """Core judges tokens by it, and takes the word of a verifier that has it too."""
        self.core.start_verifier(keyset)
        name, values = self.core.ask("KEYSET_SHOW", token=self.hsm.token())
        return name == "KEYSET_INFO" and values["generation"] == keyset["generation"]


@pytest.fixture
def opening(hsm):
    started = []

    def start(keyset, asked):
        started.append(Opening(hsm, keyset, asked))
        return started[-1]

    yield start
    for o in started:
        o.unseal.close()
        o.core.kill()


def forged(keyset):
    return {**keyset, "generation": keyset["generation"] + 5}


BEFORE_THE_CHECK, AFTER_THE_CHECK = "STORE_GET", "STORE_SCAN"  # the manifest is asked for first, and its answer checks the keyset


@pytest.mark.parametrize("asked", [BEFORE_THE_CHECK, AFTER_THE_CHECK])
def test_a_newer_one_is_in_force_when_core_is_open(hsm, opening, asked):
    o = opening(hsm.older, asked)
    assert o.offer(hsm.newer) == ERR["OK"]
    assert o.finish()[0] == OPEN
    assert o.is_in_force(hsm.newer)


def test_a_forged_one_before_the_check_ends_the_opening(hsm, opening):
    """It is all that core has, as if the file had been altered before the start."""
    o = opening(hsm.older, BEFORE_THE_CHECK)
    assert o.offer(forged(hsm.older)) == ERR["OK"]
    state, why = o.finish()
    assert state == REFUSED and "keyset file was altered" in why


def test_a_forged_one_after_the_check_is_refused_and_the_old_one_stays(hsm, opening):
    o = opening(hsm.older, AFTER_THE_CHECK)
    assert o.offer(forged(hsm.older)) == ERR["INTEGRITY"]
    assert o.finish()[0] == OPEN
    assert o.is_in_force(hsm.older)


def test_an_older_one_after_the_check_is_refused(hsm, opening):
    o = opening(hsm.newer, AFTER_THE_CHECK)
    assert o.offer(hsm.older) == ERR["ROLLBACK"]
    assert o.finish()[0] == OPEN
    assert o.is_in_force(hsm.newer)
