"""Verifiers answer, core decides: a verifier played by the test, whose verdicts core must not simply believe."""
import os
import time

import pytest

from proto import ERR
from rig import ADMINISTRATOR, Rig

NEVER = 0.3  # seconds in which a wrong answer would have come


class PlayedVerifier(Rig):
    def start_verifier(self, keyset):
        self.verifier, self.generation, self.kid = self.add_peer("verifier"), keyset["generation"], keyset["rows"][0]["kid"]

    def post(self, token, **values):
        """A request; gives the id of its answer."""
        self.gateway.next_id += 1
        self.gateway.send("KEY_LIST", ident=self.gateway.next_id, token=token, request_id="test", **values)
        return self.gateway.next_id

    def answer(self, ident, timeout=5):
        while True:
            name, got, values, _ = self.gateway.receive(timeout)
            if got == ident:
                return name, values

    def asked(self, timeout=5):
        name, ident, values, _ = self.verifier.receive(timeout)
        assert name == "VERIFY_TOKEN"
        return ident, values["token"].decode()

    def say(self, ident, **facts):
        now = int(time.time())
        good = dict(error=0, keyset_generation=self.generation, kid=self.kid, jti=os.urandom(8).hex(), subject="admin", roles=ADMINISTRATOR,
                    issued_s=now, expires_s=now + 60)
        self.verifier.send("VERDICT", ident=ident, **{**good, **facts})

    def judged(self, token="a.b.c", asking=None, **facts):
        """The answer to a request with a new token, of which the verifier says this."""
        waiting = self.post(token, **(asking or {}))
        self.say(self.asked()[0], **facts)
        return self.answer(waiting)


@pytest.fixture
def rig(tmp_path):
    r = PlayedVerifier(tmp_path / "rig").start()
    yield r
    for process in r.processes:
        process.kill()
        process.wait()


def refused(answer, error):
    name, values = answer
    assert (name, values.get("error")) == ("FAILED", ERR[error]), answer


def test_the_played_verifier_is_believed_when_it_says_what_is_true(rig):
    assert rig.judged()[0] == "KEYS"
    again = rig.post("a.b.c")
    assert rig.answer(again)[0] == "KEYS", "the verdict is kept"
    with pytest.raises(TimeoutError):
        rig.asked(NEVER)


def test_a_verdict_on_an_older_keyset_does_not_count(rig):
    waiting = rig.post("a.b.c")
    for generation in (rig.generation - 1, rig.generation + 1, 0):
        rig.say(rig.asked()[0], keyset_generation=generation)
    ident, token = rig.asked()
    assert token == "a.b.c"
    with pytest.raises(TimeoutError):
        rig.answer(waiting, NEVER)
    rig.say(ident)
    assert rig.answer(waiting)[0] == "KEYS"


def test_a_verdict_that_nobody_asked_for_does_not_count(rig):
    waiting = rig.post("a.b.c")
    ident, _ = rig.asked()
    rig.say(ident + 1)
    with pytest.raises(TimeoutError):
        rig.answer(waiting, NEVER)
    rig.say(ident, error=ERR["BAD_TOKEN"])
    refused(rig.answer(waiting), "BAD_TOKEN")


def test_facts_are_compared_with_the_keyset_and_the_clock(rig):
    """What a hijacked verifier may say is bounded by the keyset that core has checked."""
    now = int(time.time())
    for number, (facts, error) in enumerate([
            (dict(kid="nobody"), "TOKEN_REVOKED"),
            (dict(subject=""), "BAD_TOKEN"),
            (dict(roles=0), "BAD_TOKEN"),
            (dict(roles=1 << 20 | ADMINISTRATOR), "BAD_TOKEN"),
            (dict(expires_s=now - 1), "TOKEN_EXPIRED"),
            (dict(expires_s=now + 100000), "BAD_TOKEN"),
            (dict(not_before_s=now + 60), "BAD_TOKEN"),
            (dict(issued_s=now + 60, expires_s=now + 90), "BAD_TOKEN"),
            (dict(issued_s=now - 100000), "BAD_TOKEN")]):
        refused(rig.judged(f"a.b.{number}", **facts), error)


def test_a_bound_token_needs_its_certificate(rig):
    """The verdict is kept, and the binding is compared on every request."""
    mine, other = bytes(range(32)), bytes(32)
    refused(rig.judged(has_cert=True, cert_hash=mine), "BAD_TOKEN")
    for asking in (dict(has_cert=True, cert_hash=other), dict(has_cert=False, cert_hash=mine)):
        refused(rig.answer(rig.post("a.b.c", **asking)), "BAD_TOKEN")
    assert rig.answer(rig.post("a.b.c", has_cert=True, cert_hash=mine))[0] == "KEYS"


def test_a_verdict_expires_while_it_is_kept(rig):
    assert rig.judged(expires_s=int(time.time()) + 2)[0] == "KEYS"
    time.sleep(2.1)
    refused(rig.answer(rig.post("a.b.c")), "TOKEN_EXPIRED")
