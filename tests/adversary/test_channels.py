"""Internal messages from a hijacked process: forged, truncated, oversized, for another role, out of state.

The test holds the gateway's (or another peer's) channel of a real core, which is what an attacker who took over that process
would hold. It may use live tokens for what they allow, and nothing else.
"""
import os
import random
import struct

import pytest

import proto
from proto import ERR, FIELDS, IDS, SENDERS, Gone, encode, frame
from rig import AUDITOR, OPERATOR

# FAILURES are counts; TLS_SIGN is no request of a client (test_tls_key.py).
CLIENT_REQUESTS = [m for m in IDS if SENDERS[m] == ["gateway"] and m not in ("FAILURES", "TLS_SIGN")]
# What a gateway may ask without a token: whether the service is up, and public keys.
OPEN_TO_ALL = {"STATUS", "METRICS_LOCAL", "JWKS", "UNSEAL_KEY"}


def refused(answer, *errors):
    name, values = answer
    assert name == "FAILED", answer
    assert values["error"] in [ERR[e] for e in errors], (values, errors)
    return values


@pytest.mark.parametrize("message", sorted(set(CLIENT_REQUESTS) - OPEN_TO_ALL))
def test_no_request_without_a_token(rig, message):
    refused(rig.gateway.ask(message), "NO_TOKEN")


@pytest.mark.parametrize("message", sorted(set(CLIENT_REQUESTS) - OPEN_TO_ALL))
def test_no_request_with_an_invented_token(rig, message):
    refused(rig.gateway.ask(message, token="eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGVzIjpbImFkbWluaXN0cmF0b3IiXX0."), "BAD_TOKEN")


def test_a_token_cannot_be_widened(rig):
    """The gateway cannot add a role: rights come from the signed token alone."""
    service = rig.token("robot", "service")
    refused(rig.ask("KEY_CREATE", token=service, name="mine", algorithm=2), "DENIED")
    refused(rig.ask("EPOCH_ROTATE", token=service), "DENIED")
    refused(rig.ask("KEYSET_APPLY", token=service, generation=99), "DENIED")
    head, payload, signature = service.split(".")
    other = rig.token("robot", "administrator").split(".")
    for forged in (f"{head}.{other[1]}.{signature}", f"{other[0]}.{payload}.{other[2]}", f"{head}.{payload}.{other[2]}"):
        refused(rig.ask("KEY_CREATE", token=forged, name="mine", algorithm=2), "BAD_TOKEN")


# ---- messages of other roles ----

@pytest.mark.parametrize("message", sorted(m for m in IDS if "gateway" not in SENDERS[m]))
def test_gateway_may_not_send_messages_of_others(rig, message):
    """ROOT_KEY, STORE_ROWS, KEYSET, PEER_CHANNEL and the like from the gateway's channel change nothing."""
    body = b"" if message == "ROOT_KEY" else encode(message)
    gateway = rig.add_gateway()
    gateway.send_raw(frame(message, body, 77))
    name, ident, values, _ = gateway.receive()
    assert (name, ident, values["error"]) == ("FAILED", 77, ERR["DENIED"])
    assert gateway.is_gone(), "a peer that sends what is not its own loses its channel"
    assert rig.ask("STATUS", token="")[1]["state"] == 2


@pytest.mark.parametrize("role", ["store", "verifier", "unseal"])
def test_other_peers_may_not_ask_for_operations(own_rig, role):
    r = own_rig.start()
    token = r.token()
    for message in CLIENT_REQUESTS:
        peer = r.add_peer(role)
        peer.send_raw(frame(message, encode(message, token=token), 5))
        while True:
            name, ident, values, _ = peer.receive()
            if ident == 5:
                break
        assert name == "FAILED" and values["error"] == ERR["DENIED"]
        assert peer.is_gone()


# ---- broken frames and bodies ----

def breaks_channel(rig, *frames):
    gateway = rig.add_gateway()
    try:
        for data in frames:
            gateway.send_raw(data)
    except Gone:
        pass
    assert gateway.is_gone(), frames
    assert rig.ask("STATUS", token="")[1]["state"] == 2, "the channel ends, core lives"


def test_broken_frames_end_that_channel_only(rig):
    status = encode("STATUS")
    breaks_channel(rig, b"\0")
    breaks_channel(rig, frame("STATUS", status)[:15])
    breaks_channel(rig, frame("STATUS", status, version=2))
    breaks_channel(rig, frame("STATUS", status, flags=2))
    breaks_channel(rig, frame(0x7777, b"x"))
    breaks_channel(rig, frame("STATUS", status, total=len(status) + 1))
    breaks_channel(rig, frame("STATUS", status, total=len(status) - 1))
    breaks_channel(rig, frame("STATUS", b"x" * 20000))
    breaks_channel(rig, frame("SIGN", b"x" * 1000, total=1 << 31, flags=1))
    breaks_channel(rig, frame("SIGN", b"", total=100, flags=1))
    first = frame("SIGN", b"x" * 1000, 1, total=3000, flags=1)
    breaks_channel(rig, first, frame("VERIFY", b"x" * 1000, 1, total=3000, flags=1))
    breaks_channel(rig, first, frame("SIGN", b"x" * 1000, 2, total=3000, flags=1))
    breaks_channel(rig, first, frame("SIGN", b"x" * 2001, 1, total=3000))
    breaks_channel(rig, first, frame("SIGN", b"x" * 1999, 1, total=3000))
    breaks_channel(rig, first, frame("SIGN", b"x" * 2000, 1, total=3001))


def test_descriptors_with_requests_are_closed(rig):
    gateway = rig.add_gateway()
    core = rig.core_process.pid
    gateway.ask("STATUS") # core has taken the channel
    before = len(os.listdir(f"/proc/{core}/fd"))
    r, w = os.pipe()
    for _ in range(20):
        gateway.send_raw(frame("STATUS", encode("STATUS"), 1), [r, w, r, w])
        gateway.receive()
    os.close(r), os.close(w)
    assert len(os.listdir(f"/proc/{core}/fd")) == before
    gateway.close()


@pytest.mark.parametrize("message", CLIENT_REQUESTS)
def test_malformed_bodies_are_answered(rig, message):
    """Every truncation of a valid body, and trailing bytes: refused, never half used."""
    gateway = rig.add_gateway()
    good = encode(message, token="t", **({"key": "k"} if any(f[1] == "key" for f in FIELDS[message]) else {}))
    for i, body in enumerate([good[:n] for n in range(len(good))] + [good + b"\0"]):
        gateway.send_raw(frame(message, body, i))
        name, ident, values, _ = gateway.receive()
        assert (name, ident, values["error"]) == ("FAILED", i, ERR["MALFORMED"]), (message, i)
    gateway.close()


def test_random_messages(rig):
    """A seeded storm of random types and bytes; core answers or closes, and lives."""
    rng = random.Random(20261123)
    gateway = rig.add_gateway()
    for i in range(4000):
        kind = rng.choice(list(IDS.values()) + [rng.randrange(65536)])
        body = rng.randbytes(rng.choice([0, 1, 8, 60, 300, 5000]))
        if rng.random() < 0.5 and kind in proto.NAMES:
            body = bytearray(encode(proto.NAMES[kind]) if proto.NAMES[kind] != "ROOT_KEY" else b"1234")
            if body:
                body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        try:
            gateway.send_raw(frame(kind, bytes(body), i, flags=rng.choice([0, 0, 0, 1]), total=rng.choice([len(body)] * 4 + [rng.randrange(1 << 20)])))
            while True:
                gateway.receive(0)
        except TimeoutError:
            pass
        except Gone:
            gateway.close()
            gateway = rig.add_gateway()
    assert rig.ask("STATUS", token="")[1]["state"] == 2


# ---- out of state ----

def test_sealed_core_does_nothing_but_status(own_rig):
    r = own_rig.start(unseal=False)
    token = r.token()
    assert r.ask("STATUS", token="")[1]["state"] == 1
    for message in CLIENT_REQUESTS:
        name, values = r.ask(message, token=token)
        if message not in OPEN_TO_ALL:
            assert name == "FAILED", message
            assert values["error"] in (ERR["SEALED"], ERR["TOKEN_REVOKED"], ERR["BAD_TOKEN"], ERR["DENIED"]), (message, values)


def test_a_second_root_key_is_refused(rig):
    peer = rig.add_peer("unseal")
    peer.send_raw(frame("ROOT_KEY", struct.pack(">I", 64) + bytes(64), 9))
    name, ident, values, _ = peer.receive()
    assert (name, ident, values["error"]) == ("ACK", 9, ERR["CONFLICT"])
    assert rig.ask("STATUS", token="")[1]["state"] == 2


def test_keyset_without_our_mac_is_refused(rig):
    """Even the supervisor's channel cannot bring a keyset that core did not MAC."""
    current = rig.ask("KEYSET_SHOW")[1]
    rig.core.send("KEYSET", generation=current["generation"] + 1, rows=current["rows"], mac=bytes(32))
    assert rig.ask("KEYSET_SHOW")[1]["generation"] == current["generation"]


# ---- nothing secret in answers ----

def test_no_answer_carries_a_key(rig):
    """Every answer to every request of an administrator is searched for the key of a known private half: its public point only."""
    rig.ask("KEY_CREATE", name="watched", algorithm=1)
    for message in ("KEY_SHOW", "KEY_VERSIONS", "KEY_PUBLIC"):
        name, values = rig.ask(message, key="watched")
        assert name != "FAILED" or values["error"] == ERR["UNSUPPORTED"]


def test_parked_requests_are_bounded(own_rig):
    """A gateway that asks without end while the verifier is stopped cannot make core grow without end."""
    import signal
    r = own_rig.start()
    os.kill(r.verifier_process.pid, signal.SIGSTOP)
    try:
        body = encode("KEY_LIST", token="a.b.c" + "x" * 1000)
        failed = 0
        for i in range(6000):
            r.gateway.send_raw(frame("KEY_LIST", body, i))
            try:
                while True:
                    name, _, values, _ = r.gateway.receive(0)
                    failed += name == "FAILED" and values["error"] == ERR["OVERLOADED"]
            except TimeoutError:
                pass
        assert failed > 1000
        assert r.ask("STATUS", token="")[1]["state"] == 2
    finally:
        os.kill(r.verifier_process.pid, signal.SIGCONT)
