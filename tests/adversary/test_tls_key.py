"""The private key of the gateway's certificate: in core's arena alone, and good for TLS server handshakes alone."""
import base64
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

import needles
from attack import TOOLS, Scan, tool
from hsm import BUILD
from proto import ERR, Gone, encode, frame
from test_memory import needs_secretmem

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "it" / "http"))
import certs  # noqa: E402
import probe  # noqa: E402

CONTEXT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
ECDSA_256, ECDSA_384, ED25519, PSS_256, PSS_384, PSS_512 = 0x0403, 0x0503, 0x0807, 0x0804, 0x0805, 0x0806

if os.geteuid() != 0:
    pytest.skip("only root can look into other processes", allow_module_level=True)


# ---- where it lies ----

def needle_file(folder, pem):
    """All forms of a P-256 key: the scalar in both orders, and the text of its file."""
    key = serialization.load_pem_private_key(pem, None)
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    at = der.index(scalar)
    text = base64.b64encode(der[at - at % 3:at - at % 3 + 33])[4:-4]  # of the scalar alone: the rest is in every such key
    forms = [*needles.both_orders("tls-key:scalar", scalar), ("tls-key:pem", text)]
    path = Path(folder) / "tls-needles"
    needles.write(path, forms)
    return path


def handshakes(h, count=60):
    done = subprocess.run([BUILD / "tests/it/http/tls_clients", "new", str(h.port), "X25519", str(count)], capture_output=True, text=True)
    assert done.returncode == 0, done


@needs_secretmem
def test_root_finds_the_key_in_no_process(fresh, tmp_path):
    h = fresh.start()
    file = needle_file(tmp_path, (h.data / "tls" / "server-key.pem").read_bytes())
    handshakes(h)
    for name, pid in {**h.children(), "supervisor": h.supervisor_pid()}.items():
        found = Scan(tool("memscan", file, "mem", pid))
        assert not found.hits, (name, found.hits)
        if name == "core":
            assert found.closed, "core's arena can be read"


def test_the_scan_of_the_gateway_does_find_what_is_there(fresh, tmp_path):
    """Its certificate; and a server that has its key in its own memory, the old way, is found out."""
    h = fresh.start()
    handshakes(h, 10)
    certificate = base64.b64decode(b"".join((h.data / "tls" / "server.pem").read_bytes().split(b"-----")[2].split()))
    shown = tmp_path / "shown"
    needles.write(shown, [("certificate", certificate[-40:])])
    assert Scan(tool("memscan", shown, "mem", h.children()["gateway"])).count > 0
    server = probe.Server(str(tmp_path))
    try:
        file = needle_file(tmp_path, Path(tmp_path, "key.pem").read_bytes())
        assert Scan(tool("memscan", file, "mem", server.process.pid)).count > 0
    finally:
        server.stop()


def test_the_gateway_never_has_it_even_for_a_moment(fresh, tmp_path):
    """Every system call of the gateway while it shakes hands and takes a renewed pair."""
    import signal

    h = fresh.start()
    pem = (h.data / "tls" / "server-key.pem").read_bytes()
    file = needle_file(tmp_path, pem)
    strobe = subprocess.Popen([TOOLS / "memscan", file, "strobe", str(h.children()["gateway"])], stdout=subprocess.PIPE, text=True)
    assert strobe.stdout.readline() == "ready\n"
    handshakes(h, 1)
    os.kill(h.supervisor_pid(), signal.SIGHUP)
    handshakes(h, 1)
    strobe.send_signal(signal.SIGTERM)
    found = Scan(strobe.communicate(timeout=30)[0].splitlines())
    assert not found.hits, found.hits


# ---- what it signs ----

@pytest.fixture(scope="module")
def keyed(rig):
    """(rig, gateway channel, {kind: (key, id)}): the test is gateway and config process."""
    made = {}
    for kind in ("ec-p256", "rsa-2048"):  # core keeps the newest two
        key = certs.KINDS[kind]()
        assert hand_over(rig, key) == 0
        made[kind] = key, key_id(key)
    return rig, rig.add_gateway(), made


def key_id(key):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize()


def hand_over(rig, key):
    config = rig.add_peer("config")
    config.send("TLS_KEY", ident=1, pkcs8=key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    name, _, values, _ = config.receive()
    config.close()
    assert name == "ACK"
    return values["error"]


def refusal(peer):
    """The first FAILED: a new store or verifier is greeted by core before."""
    while True:
        name, _, values, _ = peer.receive()
        if name == "FAILED":
            return values["error"]


def ask(gateway, key, scheme, data, ident=9):
    gateway.send("TLS_SIGN", ident=ident, key=key, scheme=scheme, input=data)
    name, got, values, _ = gateway.receive()
    assert got == ident
    return name, values


def test_the_input_of_a_server_handshake_is_signed(keyed):
    _, gateway, keys = keyed
    for size in (32, 48):
        data = CONTEXT + os.urandom(size)
        key, ident = keys["ec-p256"]
        name, values = ask(gateway, ident, ECDSA_256, data)
        assert name == "TLS_SIGNED", values
        key.public_key().verify(values["signature"], data, ec.ECDSA(hashes.SHA256()))
        key, ident = keys["rsa-2048"]
        for scheme, digest in ((PSS_256, hashes.SHA256()), (PSS_384, hashes.SHA384()), (PSS_512, hashes.SHA512())):
            name, values = ask(gateway, ident, scheme, data)
            assert name == "TLS_SIGNED", values
            key.public_key().verify(values["signature"], data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
            with pytest.raises(InvalidSignature):
                key.public_key().verify(values["signature"], data, padding.PKCS1v15(), digest)


OTHER_INPUTS = {
    "nothing": b"",
    "a digest": os.urandom(32),
    "the text without a hash": CONTEXT,
    "a client's": b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + bytes(32),
    "a hash too short": CONTEXT + bytes(31),
    "a hash too long": CONTEXT + bytes(33),
    "a hash of SHA-512": CONTEXT + bytes(64),
    "63 blanks": CONTEXT[1:] + bytes(33),
    "65 blanks": b" " + CONTEXT + bytes(31),
    "another blank": b"\t" + CONTEXT[1:] + bytes(32),
    "no NUL": CONTEXT[:-1] + b" " + bytes(32),
    "an older version": b" " * 64 + b"TLS 1.2, server CertificateVerify\0" + bytes(32),
    "a certificate's beginning": b"\x30\x82\x01\x0a\x02\x01\x02" + bytes(123),
    "its double": (CONTEXT + bytes(32))[:130] + bytes(16) + b"\0",
}


@pytest.mark.parametrize("what", OTHER_INPUTS)
def test_nothing_else_is_signed(keyed, what):
    _, gateway, keys = keyed
    for scheme in (ECDSA_256, PSS_256):
        for _, ident in keys.values():
            name, values = ask(gateway, ident, scheme, OTHER_INPUTS[what])
            assert (name, values["error"]) == ("FAILED", ERR["DENIED"]), what


def test_schemes_that_do_not_fit_the_key_are_refused(keyed):
    _, gateway, keys = keyed
    fits = {"ec-p256": {ECDSA_256}, "rsa-2048": {PSS_256, PSS_384, PSS_512}}
    for kind, (_, ident) in keys.items():
        for scheme in (0, 0x0201, 0x0401, 0x0501, ECDSA_256, ECDSA_384, 0x0603, PSS_256, PSS_384, PSS_512, ED25519, 0x0808, 0x0809, 0x080b, 0xffff):
            name, values = ask(gateway, ident, scheme, CONTEXT + bytes(32))
            if scheme in fits[kind]:
                assert name == "TLS_SIGNED", (kind, hex(scheme), values)
            else:
                assert (name, values["error"]) == ("FAILED", ERR["DENIED"]), (kind, hex(scheme), name)


def test_a_key_that_core_does_not_have_is_waited_for_and_not_found(keyed):
    """So it is with the keys of the HSM: an id of theirs reaches none of them."""
    rig, gateway, _ = keyed
    made = rig.ask("KEY_CREATE", name="mine", algorithm=2)
    assert made[0] == "KEY_DETAIL", made
    digest = hashes.Hash(hashes.SHA256())
    digest.update(rig.ask("KEY_PUBLIC", key="mine")[1]["spki"])
    ids, began = [os.urandom(32), digest.finalize(), made[1]["info"][0]["id"] + bytes(16)], time.monotonic()
    for i, ident in enumerate(ids):
        gateway.send("TLS_SIGN", ident=i, key=ident, scheme=ECDSA_256, input=CONTEXT + bytes(32))
    for _ in ids:
        name, _, values, _ = gateway.receive()
        assert (name, values["error"]) == ("FAILED", ERR["NOT_FOUND"])
    assert 4 < time.monotonic() - began < 8


@pytest.mark.parametrize("role", ["store", "verifier", "unseal", "config"])
def test_only_a_gateway_may_ask(own_rig, role):
    r = own_rig.start()
    key = certs.KINDS["ec-p256"]()
    assert hand_over(r, key) == 0
    peer = r.add_peer(role)
    peer.send("TLS_SIGN", ident=4, key=key_id(key), scheme=ECDSA_256, input=CONTEXT + bytes(32))
    assert refusal(peer) == ERR["DENIED"]


@pytest.mark.parametrize("role", ["gateway", "store", "verifier", "unseal"])
def test_only_the_config_process_may_bring_a_key(own_rig, role):
    r = own_rig.start()
    key = certs.KINDS["ec-p256"]()
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    peer = r.add_peer(role)
    peer.send_raw(frame("TLS_KEY", encode("TLS_KEY", pkcs8=der), 5))
    assert refusal(peer) == ERR["DENIED"]
    assert peer.is_gone()


def test_the_config_process_brings_a_key_and_nothing_else(own_rig):
    r = own_rig.start()
    for message in ("CONFIG_CORE", "KEYSET", "CONFIG_DONE", "KEYSET_TEXT"):
        config = r.add_peer("config")
        config.send_raw(frame(message, encode(message), 6))
        try:
            name, _, values, _ = config.receive()
            assert (name, values["error"]) == ("ACK", ERR["DENIED"])
        except Gone:
            pass
    assert r.ask("STATUS", token="")[1]["state"] == 2


@pytest.mark.parametrize("bad", ["garbage", "cut", "another curve", "RSA of 1024 bits"])
def test_bad_keys_are_refused(rig, bad):
    der = certs.KINDS["ec-p256"]().private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    keys = {"garbage": lambda: os.urandom(120), "cut": lambda: der[:-1],
            "another curve": lambda: ec.generate_private_key(ec.SECP256K1()).private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            "RSA of 1024 bits": lambda: certs.rsa.generate_private_key(65537, 1024).private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())}
    config = rig.add_peer("config")
    config.send("TLS_KEY", ident=1, pkcs8=keys[bad]())
    name, _, values, _ = config.receive()
    assert name == "ACK" and values["error"] in (ERR["BAD_KEY"], ERR["UNSUPPORTED"]), values
    config.close()


def test_the_newest_two_keys_are_kept(own_rig):
    r = own_rig.start()
    keys = [certs.KINDS["ec-p256"]() for _ in range(3)]
    for key in keys:
        assert hand_over(r, key) == 0
    gateway = r.gateway
    assert ask(gateway, key_id(keys[1]), ECDSA_256, CONTEXT + bytes(32))[0] == "TLS_SIGNED"
    assert ask(gateway, key_id(keys[2]), ECDSA_256, CONTEXT + bytes(32))[0] == "TLS_SIGNED"
    # One that is brought again is the newest again, and costs no other its place.
    assert hand_over(r, keys[1]) == 0
    assert ask(gateway, key_id(keys[2]), ECDSA_256, CONTEXT + bytes(32))[0] == "TLS_SIGNED"
    gateway.send("TLS_SIGN", ident=8, key=key_id(keys[0]), scheme=ECDSA_256, input=CONTEXT + bytes(32))
    assert hand_over(r, keys[0]) == 0  # who waits for it gets it
    assert gateway.receive()[0] == "TLS_SIGNED"


def test_misuse_is_an_alarm_and_in_the_audit(own_rig):
    r = own_rig.start()
    for _ in range(50):
        assert ask(r.gateway, bytes(32), ECDSA_256, os.urandom(130))[0] == "FAILED"
    name, values = r.ask("AUDIT_RECENT", limit=50)
    assert name == "EVENTS", values
    found = [e for e in values["items"] if b"no TLS server handshake" in e["record"]]
    assert len(found) == 1, "one record, not one for each attempt"


def test_a_flood_of_questions_is_bounded(keyed):
    """More signatures a second than handshakes can be: refused as overload, and the HSM goes on."""
    rig, gateway, keys = keyed
    _, ident = keys["rsa-2048"]
    body = encode("TLS_SIGN", key=ident, scheme=PSS_256, input=CONTEXT + bytes(32))
    answers, began = [], time.monotonic()
    for i in range(3000):
        gateway.send_raw(frame("TLS_SIGN", body, 1000 + i))
        if i % 50 == 49:
            answers += [gateway.receive()[0] for _ in range(50)]
    assert answers.count("TLS_SIGNED") <= 1000 * (time.monotonic() - began + 1)
    assert rig.ask("STATUS", token="")[1]["state"] == 2
