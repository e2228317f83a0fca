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


# ---- several tokens at once ----

AT_ONCE = 8


def post_many(rig, tokens):
    return {token: rig.post(token) for token in tokens}


def answers(rig, posted, timeout=5):
    """Token -> answer, in whatever order they come."""
    found, back = {}, {ident: token for token, ident in posted.items()}
    while len(found) < len(posted):
        name, ident, values, _ = rig.gateway.receive(timeout)
        if ident in back:
            found[back[ident]] = (name, values)
    return found


def crash(rig):
    """The verifier is gone, and a new one comes."""
    rig.verifier.close()
    rig.start_verifier({"generation": rig.generation, "rows": [{"kid": rig.kid}]})


def test_a_slow_token_holds_up_nobody(rig):
    slow, quick = rig.post("slow.b.c"), rig.post("quick.b.c")
    asked = dict(reversed(rig.asked()) for _ in range(2))
    rig.say(asked["quick.b.c"])
    assert rig.answer(quick)[0] == "KEYS"
    rig.say(asked["slow.b.c"])
    assert rig.answer(slow)[0] == "KEYS"


def test_so_many_at_once_and_no_more(rig):
    posted = post_many(rig, [f"{i}.b.c" for i in range(20)])
    asked = [rig.asked() for _ in range(AT_ONCE)]
    with pytest.raises(TimeoutError):
        rig.asked(NEVER)
    seen = {token for _, token in asked}
    while asked:
        rig.say(asked.pop()[0])
        if len(seen) < 20:
            asked.append(rig.asked())
            seen.add(asked[-1][1])
    assert seen == set(posted)
    assert {a[0] for a in answers(rig, posted).values()} == {"KEYS"}


def test_one_token_is_asked_about_once(rig):
    waiting = [rig.post("a.b.c") for _ in range(50)]
    ident, _ = rig.asked()
    with pytest.raises(TimeoutError):
        rig.asked(NEVER)
    rig.say(ident)
    assert all(rig.answer(w)[0] == "KEYS" for w in waiting)
    waiting = [rig.post("bad.b.c") for _ in range(50)]
    rig.say(rig.asked()[0], error=ERR["BAD_TOKEN"])
    for w in waiting:
        refused(rig.answer(w), "BAD_TOKEN")


def test_of_several_tokens_the_one_that_crashes_a_verifier_is_found(rig):
    """Each of those that were with it goes to the next one alone; only the guilty one is refused, and for a while."""
    tokens = [f"{i}.b.c" for i in range(AT_ONCE)]
    guilty = tokens[3]
    posted = post_many(rig, tokens)
    assert [rig.asked()[1] for _ in tokens] == tokens
    crash(rig)
    late = rig.post("late.b.c")
    for token in tokens:
        ident, asked = rig.asked()
        assert asked == token, "one at a time, in their order"
        with pytest.raises(TimeoutError):
            rig.asked(0.05)
        if token == guilty:
            crash(rig)
        else:
            rig.say(ident)
    found = answers(rig, posted)
    assert {t for t, a in found.items() if a[0] == "KEYS"} == set(tokens) - {guilty}
    refused(found[guilty], "BAD_TOKEN")
    rig.say(rig.asked()[0])
    assert rig.answer(late)[0] == "KEYS"
    refused(rig.answer(rig.post(guilty)), "BAD_TOKEN")
    again = post_many(rig, ["x.b.c", "y.b.c"])
    assert {rig.asked()[1] for _ in again} == set(again), "several at once again"


def test_a_new_keyset_between_the_question_and_the_answer(rig):
    posted = post_many(rig, ["a.b.c", "b.b.c", "c.b.c"])
    for ident, _ in [rig.asked() for _ in posted]:
        rig.say(ident, keyset_generation=rig.generation - 1)
    for ident, _ in [rig.asked() for _ in posted]:
        rig.say(ident)
    assert {a[0] for a in answers(rig, posted).values()} == {"KEYS"}


def test_a_verifier_that_hangs_is_blamed_on_its_oldest_token(rig):
    oldest, other = rig.post("hangs.b.c"), rig.post("waits.b.c")
    assert [rig.asked()[1] for _ in range(2)] == ["hangs.b.c", "waits.b.c"]
    time.sleep(4)
    late = rig.post("waits.b.c")
    found = answers(rig, {"hangs.b.c": oldest, "waits.b.c": other})
    assert found["hangs.b.c"][1]["error"] in (ERR["BAD_TOKEN"], ERR["TIMEOUT"])
    refused(found["waits.b.c"], "TIMEOUT")
    time.sleep(0.5)
    refused(rig.answer(rig.post("hangs.b.c")), "BAD_TOKEN")
    crash(rig)
    ident, token = rig.asked()
    assert token == "waits.b.c"
    rig.say(ident)
    assert rig.answer(late)[0] == "KEYS"
    refused(rig.answer(rig.post("hangs.b.c")), "BAD_TOKEN")


# ---- introspection, sessions ----

def introspect(rig, subject, token="own.b.c"):
    rig.gateway.next_id += 1
    rig.gateway.send("INTROSPECT", ident=rig.gateway.next_id, token=token, request_id="test", subject_token=subject)
    return rig.gateway.next_id


def test_introspection_of_a_token_that_crashes_the_verifier(rig):
    """It is the token in question that is blamed, not the one of who asks."""
    assert rig.judged("own.b.c")[0] == "KEYS"
    waiting = introspect(rig, "crash.b.c")
    assert rig.asked()[1] == "crash.b.c"
    crash(rig)
    name, values = rig.answer(waiting)
    assert (name, values["active"]) == ("INTROSPECTED", False)
    assert rig.answer(rig.post("own.b.c"))[0] == "KEYS"
    again = introspect(rig, "crash.b.c")
    assert rig.answer(again)[1]["active"] is False, "poisoned: not asked again"
    with pytest.raises(TimeoutError):
        rig.asked(NEVER)


def test_introspection_waits_for_both_tokens(rig):
    """Neither the own token nor the other one is known: they are asked about one after the other."""
    many = [introspect(rig, f"{i}.b.c") for i in range(30)]
    ident, token = rig.asked()
    assert token == "own.b.c"
    rig.say(ident)
    for i in range(30):
        ident, token = rig.asked()
        number = int(token.split(".")[0])
        rig.say(ident, **(dict(error=ERR["BAD_TOKEN"]) if number % 2 else dict(subject=f"s{number}")))
    found = {}
    while len(found) < 30:
        name, ident, values, _ = rig.gateway.receive(5)
        if ident in many:
            assert name == "INTROSPECTED"
            found[many.index(ident)] = (values["active"], values["subject"])
    assert found == {i: (False, "") if i % 2 else (True, f"s{i}") for i in range(30)}


def test_an_invented_session_does_not_count(rig):
    """A hijacked verifier has seen kid and jti of a session, and says that of another token."""
    assert rig.judged("own.b.c")[0] == "KEYS"
    rig.gateway.next_id += 1
    rig.gateway.send("SESSION_OPEN", ident=rig.gateway.next_id, token="own.b.c", request_id="test")
    name, session = rig.answer(rig.gateway.next_id)
    assert name == "SESSION"
    kid = rig.gateway.ask("JWKS", token="")[1]["rows"][0]["kid"]
    refused(rig.judged("forged.b.c", kid=kid, jti=session["id"], expires_s=session["expires_s"]), "TOKEN_REVOKED")
    assert rig.answer(rig.post(session["token"]))[0] == "KEYS", "the token itself counts, without asking"
    with pytest.raises(TimeoutError):
        rig.asked(NEVER)
    sub, _, _ = session["token"].rpartition(".")
    refused(rig.judged(sub + ".AAAA", kid=kid, jti=session["id"]), "TOKEN_REVOKED")
