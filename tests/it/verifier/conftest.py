import os
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

sys.path.insert(0, os.path.dirname(__file__))
import harness  # noqa: E402


@pytest.fixture(scope="session")
def keys():
    return {"ec-1": ec.generate_private_key(ec.SECP256R1()), "ed-1": ed25519.Ed25519PrivateKey.generate(),
            "rs-1": rsa.generate_private_key(65537, 2048), "rs-3072": rsa.generate_private_key(65537, 3072)}


@pytest.fixture(scope="session")
def secret():
    return os.urandom(40)


@pytest.fixture
def started():
    """Starts verifiers and ends what is left of them; none may have died of a signal that was not ours."""
    running = []

    def start(**options):
        running.append(harness.Verifier(**options))
        return running[-1]

    yield start
    for verifier in running:
        log = verifier.stop()
        code = verifier.process.returncode
        assert verifier.killed or code >= 0, f"died of signal {-code}: {log}"


@pytest.fixture
def verifier(started, keys):
    v = started()
    v.give_keyset(5, *(harness.row(kid, key) for kid, key in keys.items()))
    v.wait_ready()
    return v


@pytest.fixture
def hs_core(started, keys, secret):
    """The core of a verifier with every kind of key, HS256 among them."""
    v = started(configuration=harness.config(hs256=True))
    v.give_keyset(5, harness.row("hs-1", secret), *(harness.row(kid, key) for kid, key in keys.items()))
    v.wait_ready()
    return v.add_core()


@pytest.fixture
def core(verifier):
    return verifier.add_core()
