"""A result that is still being made when its key is revoked, or when core is sealed, is not given any more."""
import hashlib
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import rows
from proto import ERR, FIELDS, IDS, SENDERS, STATES
from rig import Rig

ED25519, SEALED = 3, 1
LARGE = b"x" * 1048576
ROUNDS, AT_ONCE = 30, 4


@pytest.fixture
def rig(tmp_path):
    r = Rig(tmp_path / "rig", lanes=2, arena_mib=16).start(gateways=2)
    yield r
    for process in r.processes:
        process.kill()
        process.wait()


def arrived(channel, timeout=0.0):
    """The names of all messages that are there now."""
    names = []
    try:
        while True:
            name, _, values, _ = channel.receive(timeout)
            names.append((name, values.get("error")))
    except TimeoutError:
        return names


def test_no_signature_leaves_after_the_revocation_is_acknowledged(rig):
    """Signatures of 1 MiB are under way in one lane while the other acknowledges the revocation of their key."""
    signing, admin = rig.gateways[1], rig.gateways[0]
    token, late = rig.token(), 0
    for number in range(ROUNDS):
        name = f"key{number}"
        assert rig.ask("KEY_CREATE", token=token, name=name, algorithm=ED25519)[0] == "KEY_DETAIL"
        assert rig.ask("SIGN", token=token, key=name, payload=b"")[0] == "SIGNED"
        for i in range(AT_ONCE):
            signing.send("SIGN", ident=i, token=token, request_id="test", key=name, payload=LARGE)
        assert admin.ask("KEY_REVOKE", token=token, request_id="test", key=name)[0] == "KEY_DETAIL"
        before = arrived(signing)  # what came just now may have left before the acknowledgement
        after = []
        while len(before) + len(after) < AT_ONCE:
            got, _, values, _ = signing.receive()
            after.append((got, values.get("error")))
        assert all(answer == ("FAILED", ERR["WRONG_STATE"]) for answer in after), (before, after)
        late += len(after)
    assert late > 0, "no signature was under way at any revocation"


def test_a_core_that_was_sealed_again_does_nothing_but_status(rig):
    """Its keyset is still the checked one, so that only the state stands between a good token and the operations."""
    token = rig.token()
    assert rig.ask("KEY_CREATE", token=token, name="kept", algorithm=ED25519)[0] == "KEY_DETAIL"
    assert rig.ask("SIGN", token=token, key="kept", payload=b"x")[0] == "SIGNED"
    assert rig.ask("SEAL", token=token)[0] == "DONE"
    rig.wait_state(SEALED)
    for message in [m for m in IDS if SENDERS[m] == ["gateway"] and STATES[m] == "open"]:
        values = {"key": "kept"} if message.startswith("KEY_") and ("text", "key", "64") in FIELDS[message] else {}
        name, answer = rig.ask(message, token=token, **values)
        assert (name, answer.get("error")) == ("FAILED", ERR["SEALED"]), message
    assert rig.ask("STATUS", token="")[1]["state"] == SEALED
    rig.unseal()
    rig.wait_state(2)
    deadline = time.monotonic() + 10
    while rig.ask("SIGN", token=token, key="kept", payload=b"x")[0] != "SIGNED":
        assert time.monotonic() < deadline


def test_handshakes_do_not_keep_it_sealed(tmp_path):
    """Whoever connects has core sign, also while it is sealed: that is no reason not to take the root key."""
    rig = Rig(tmp_path / "hsm", lanes=2).start(gateways=2)
    try:
        key = rsa.generate_private_key(65537, 3072)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        assert rig.bring_tls_key(pem) == ERR["OK"]
        spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        rig.ask("SEAL")
        rig.wait_state(1)
        handshake = dict(key=hashlib.sha256(spki).digest(), scheme=0x0804, input=b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + bytes(32))
        unseal = rig.add_peer("unseal")
        for ident in range(200):
            for gateway in rig.gateways:
                gateway.send("TLS_SIGN", ident=ident, **handshake)
        unseal.send("ROOT_KEY", ident=1, root=rows.root_key(rig.data))
        assert unseal.receive()[2]["error"] == ERR["OK"]
        rig.core_states.clear()
        rig.wait_state(2)
    finally:
        rig.stop()
