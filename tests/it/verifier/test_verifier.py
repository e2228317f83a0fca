"""The token verifier as it is shipped: what it answers, and what hostile messages can do to it."""
import base64
import json
import os
import random
import socket
import struct
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

import harness as h


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# ---- answers ----


@pytest.mark.parametrize("kid", ["ec-1", "ed-1", "rs-1", "rs-3072"])
def test_facts_of_a_good_token(core, keys, kid):
    hash_32 = bytes(range(32))
    payload = h.claims(roles=["admin", "auditor"], cnf={"x5t#S256": h.b64(hash_32)})
    v = core.verify(h.token(keys[kid], kid, payload))
    assert v.ok
    assert (v.generation, v.kid, v.jti, v.subject, v.roles) == (5, kid, "t-1", "alice", h.ADMINISTRATOR | h.AUDITOR)
    assert (v.issued, v.not_before, v.expires) == (payload["iat"], payload["nbf"], payload["exp"])
    assert v.has_cert and v.cert_hash == hash_32


def test_every_kind_of_key_and_no_other_pair(hs_core, keys, secret):
    """Each key under each kid with each alg, signed by Python: only its own pair counts."""
    signers = {**keys, "hs-1": secret}
    good = 0
    for kid in signers:
        for signer, key in signers.items():
            for alg in ("ES256", "EdDSA", "RS256", "HS256", "RS512", "PS256", "HS512", "none"):
                v = hs_core.verify(h.token(key, kid, h.claims(), alg=alg))
                own = signer == kid and alg == h.kind_of(key)[1]
                assert v.ok == own, (signer, kid, alg)
                good += own
    assert good == 5


@pytest.mark.parametrize("kid", ["ec-1", "ed-1", "rs-1", "rs-3072"])
def test_public_key_as_the_secret_of_hs256(hs_core, keys, kid):
    """What everybody has of a key, in the forms that libraries take for a secret."""
    public, formats = keys[kid].public_key(), h.serialization
    der = h.spki_of(keys[kid])
    pem = public.public_bytes(formats.Encoding.PEM, formats.PublicFormat.SubjectPublicKeyInfo)
    forms = [der, pem, pem.rstrip(b"\n"), pem.replace(b"\n", b"\r\n"), h.b64(der).encode(), der[-32:], der[-64:]]
    for secret in forms:
        for named in (kid, "hs-1"):
            assert not hs_core.verify(h.token(secret, named, h.claims())).ok


def test_shared_secret_only_where_it_is_on(started, keys, secret):
    v = started()
    v.give_keyset(1, h.row("ec-1", keys["ec-1"]), h.row("hs-1", secret))
    assert v.wait() == 1
    assert "tokens.hs256 is off" in v.stop()


@pytest.mark.parametrize("n", [0, 16, 31, 65])
def test_shared_secret_of_another_length(started, keys, n):
    v = started(configuration=h.config(hs256=True))
    v.give_keyset(1, h.row("ec-1", keys["ec-1"]), h.row("hs-1", bytes(n)))
    assert v.wait() == 1
    assert "32 to 64 bytes" in v.stop()


def test_public_key_in_the_place_of_a_secret(started, keys):
    """An Ed25519 SubjectPublicKeyInfo has 44 bytes: by its length it could be one."""
    v = started(configuration=h.config(hs256=True))
    v.give_keyset(1, h.row("hs-1", h.spki_of(keys["ed-1"])), h.row("ec-1", keys["ec-1"]))
    assert v.wait() == 1
    assert "is a public key" in v.stop()


def test_times_are_facts_not_decisions(core, keys):
    v = core.verify(h.token(keys["ec-1"], "ec-1", h.claims(iat=1000, nbf=1000, exp=1060)))
    assert v.ok and v.expires == 1060


BAD = {
    "no kid": lambda k: h.token(k, None, h.claims()),
    "other kid": lambda k: h.token(k, "ed-1", h.claims()),
    "unknown kid": lambda k: h.token(k, "ec-2", h.claims()),
    "alg none": lambda k: h.token(k, "ec-1", h.claims(), alg="none"),
    "alg of another key": lambda k: h.token(k, "ec-1", h.claims(), alg="EdDSA"),
    "crit": lambda k: h.token(k, "ec-1", h.claims(), crit=["exp"]),
    "jwk": lambda k: h.token(k, "ec-1", h.claims(), jwk={"kty": "EC"}),
    "another signer": lambda k: h.token(ec.generate_private_key(ec.SECP256R1()), "ec-1", h.claims()),
    "no roles": lambda k: h.token(k, "ec-1", h.claims(roles=None)),
    "unknown role": lambda k: h.token(k, "ec-1", h.claims(roles=["operator", "root"])),
    "no exp": lambda k: h.token(k, "ec-1", h.claims(exp=None)),
    "no sub": lambda k: h.token(k, "ec-1", h.claims(sub=None)),
    "other audience": lambda k: h.token(k, "ec-1", h.claims(aud="other")),
    "no audience": lambda k: h.token(k, "ec-1", h.claims(aud=None)),
    "float time": lambda k: h.token(k, "ec-1", h.claims(exp=time.time() + 60)),
    "duplicate claim": lambda k: h.token(k, "ec-1", b'{"sub":"alice","sub":"bob","aud":"holdfast","roles":["operator"],"exp":1900000000}'),
    "two signatures": lambda k: h.token(k, "ec-1", h.claims()) + ".AAAA",
    "padded": lambda k: h.token(k, "ec-1", h.claims()) + "=",
    "empty": lambda k: "",
    "one character": lambda k: ".",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tokens_are_refused_without_facts(core, keys, name):
    v = core.verify(BAD[name](keys["ec-1"]))
    assert v.error == h.ERR["BAD_TOKEN"]
    assert (v.kid, v.jti, v.subject, v.roles, v.expires, v.has_cert, v.cert_hash) == ("", "", "", 0, 0, False, bytes(32))
    assert core.verify(h.token(keys["ec-1"], "ec-1", h.claims())).ok


def test_key_without_a_kid_in_the_token_when_it_is_the_only_one(started, keys):
    v = started()
    v.give_keyset(1, h.row("only", keys["ec-1"]))
    v.wait_ready()
    text = h.b64(b'{"alg":"ES256"}') + "." + h.b64(json.dumps(h.claims()).encode())
    verdict = v.add_core().verify(text + "." + h.b64(h.sign(keys["ec-1"], text.encode())))
    assert verdict.ok and verdict.kid == "only"


def test_issuer_is_compared_when_configured(started, keys):
    v = started(configuration=h.config(issuer="https://a.example"))
    v.give_keyset(1, h.row("ec-1", keys["ec-1"]))
    v.wait_ready()
    core = v.add_core()
    assert core.verify(h.token(keys["ec-1"], "ec-1", h.claims(iss="https://a.example"))).ok
    assert not core.verify(h.token(keys["ec-1"], "ec-1", h.claims(iss="https://b.example"))).ok
    assert not core.verify(h.token(keys["ec-1"], "ec-1", h.claims())).ok


def test_key_speaks_only_for_its_actor_and_roles(started, keys):
    v = started()
    v.give_keyset(1, h.row("ec-1", keys["ec-1"], actor="alice", roles=h.OPERATOR))
    v.wait_ready()
    core = v.add_core()
    assert core.verify(h.token(keys["ec-1"], "ec-1", h.claims())).ok
    assert not core.verify(h.token(keys["ec-1"], "ec-1", h.claims(sub="bob"))).ok
    assert not core.verify(h.token(keys["ec-1"], "ec-1", h.claims(roles=["administrator"]))).ok


def test_corpus_of_attacks(started):
    path = h.DATA / "vectors" / "jose" / "jwt_attacks.json"
    if not path.exists():
        pytest.skip("the test data jwt_attacks.json is absent")
    corpus = json.loads(path.read_text())
    es, rs, hs = (corpus["keys"][name] for name in ("es", "rs", "hs"))
    number = {c: int.from_bytes(unb64(jwk[c]), "big") for jwk, names in ((es, "xy"), (rs, "ne")) for c in names}
    publics = {
        "ec-1": (h.EC_P256, ec.EllipticCurvePublicNumbers(number["x"], number["y"], ec.SECP256R1()).public_key()),
        "rsa-1": (h.RSA_2048, rsa.RSAPublicNumbers(number["e"], number["n"]).public_key()),
    }
    der = (h.serialization.Encoding.DER, h.serialization.PublicFormat.SubjectPublicKeyInfo)
    rows = [h.row(kid, None, alg=alg, spki=public.public_bytes(*der)) for kid, (alg, public) in publics.items()]
    v = started(configuration=h.config(issuer=corpus["iss"], audience=corpus["aud"], hs256=True))
    v.give_keyset(1, *rows, h.row("hs-1", unb64(hs["k"])))
    v.wait_ready()
    core = v.add_core()
    refused = 0
    for test in corpus["tests"]:
        if len(test["token"].encode()) > 8192:
            continue  # cannot travel: the message is bounded (see test_hostile_core)
        assert not core.verify(test["token"]).ok, test["name"]  # those that the unit test accepts have no roles
        refused += 1
    assert refused > 100


# ---- keysets ----


def test_new_keyset_replaces_the_old_one_at_once(verifier, core, keys):
    new = ed25519.Ed25519PrivateKey.generate()
    old_token = h.token(keys["ec-1"], "ec-1", h.claims())
    assert core.verify(old_token).ok
    verifier.give_keyset(6, h.row("new", new))
    deadline = time.time() + 5
    while core.verify(old_token).ok and time.time() < deadline:
        pass
    v = core.verify(old_token)
    assert not v.ok and v.generation == 6
    assert core.verify(h.token(new, "new", h.claims())).ok


def key_of_order_one():
    return bytes.fromhex("302a300506032b6570032100" + "01" + "00" * 31)


BAD_KEYSETS = {
    "no key at all": lambda k: h.row("x", k, spki=b"abc"),
    "wrong algorithm": lambda k: h.row("x", k, alg=h.ED25519),
    "not a token algorithm": lambda k: h.row("x", k, alg=1),
    "low order": lambda k: h.row("x", k, alg=h.ED25519, spki=key_of_order_one()),
    "no role": lambda k: h.row("x", k, roles=0),
    "same kid twice": lambda k: h.row("x", k) + h.row("x", k),
    "trailing byte": lambda k: h.row("x", k) + b"\0",
}


@pytest.mark.parametrize("name", BAD_KEYSETS)
def test_bad_keyset_keeps_the_old_one(verifier, core, keys, name):
    good = h.token(keys["ec-1"], "ec-1", h.claims())
    verifier.give_keyset(6, BAD_KEYSETS[name](keys["ec-1"]))
    for _ in range(20):
        v = core.verify(good)
        assert v.ok and v.generation == 5
    assert verifier.is_alive()
    assert "keyset was not taken" in verifier.stop()


def test_older_keyset_is_not_taken(verifier, core, keys):
    verifier.give_keyset(4, h.row("x", keys["ed-1"]))
    for _ in range(20):
        assert core.verify(h.token(keys["ec-1"], "ec-1", h.claims())).generation == 5


def test_full_keyset_of_many_frames(verifier, core, keys):
    spki_key = keys["ed-1"]
    verifier.give_keyset(7, *(h.row(f"k-{i}", spki_key) for i in range(1024)))
    deadline = time.time() + 10
    while not core.verify(h.token(spki_key, "k-1023", h.claims())).ok and time.time() < deadline:
        pass
    assert core.verify(h.token(spki_key, "k-1023", h.claims())).generation == 7


def test_bad_first_keyset_is_the_end(started, keys):
    v = started()
    v.give_keyset(1, BAD_KEYSETS["low order"](keys["ec-1"]))
    assert v.wait() == 1
    assert "keyset was not taken" in v.stop()


def test_token_before_the_first_keyset(started):
    v = started()
    verdict = v.add_core().verify("a.b.c")
    assert (verdict.error, verdict.generation) == (h.ERR["PEER_GONE"], 0)


# ---- hostile messages ----

HOSTILE = {
    "a type of nobody": h.frame(0x7777, b"x"),
    "a token under the gateway's type": h.frame(0x0120, h.blob("x")),
    "a token under the supervisor's type": h.frame(h.STOP, h.blob("x")),
    "a type of the supervisor": h.frame(h.KEYSET, h.keyset(9)),
    "stop": h.frame(h.STOP, b""),
    "an answer": h.frame(h.VERDICT, bytes(100)),
    "another version": h.frame(h.VERIFY_TOKEN, h.blob("x"), version=2),
    "unknown flags": h.frame(h.VERIFY_TOKEN, h.blob("x"), flags=0x80),
    "no whole header": b"\1\0\0",
    "total too small": h.frame(h.VERIFY_TOKEN, h.blob("xyz"), total=3),
    "total too large": h.frame(h.VERIFY_TOKEN, h.blob("xyz"), total=2000),
    "total beyond the bound": h.frame(h.VERIFY_TOKEN, h.blob("xyz"), flags=1, total=0xFFFFFFFF),
    "no body": h.frame(h.VERIFY_TOKEN, b""),
    "field longer than the body": h.frame(h.VERIFY_TOKEN, struct.pack(">I", 100) + b"x"),
    "field of 4 GiB": h.frame(h.VERIFY_TOKEN, struct.pack(">I", 0xFFFFFFFF) + b"x"),
    "bytes after the field": h.frame(h.VERIFY_TOKEN, h.blob("x") + b"y"),
    "token too long for the field": h.frame(h.VERIFY_TOKEN, h.blob("x" * 8193)),
    "body too long for the message": h.frame(h.VERIFY_TOKEN, h.blob("x" * 9000)),
    "one frame within another message": h.frame(h.VERIFY_TOKEN, b"abc", flags=1, total=100) + b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_core_ends_its_channel_only(verifier, core, keys, name):
    core.send(HOSTILE[name])
    if name.startswith("one frame"):
        core.send(h.frame(h.VERIFY_TOKEN, h.blob("x"), ident=99))
    assert core.is_gone()
    assert verifier.is_alive()
    assert verifier.add_core().verify(h.token(keys["ec-1"], "ec-1", h.claims())).ok


def test_descriptors_sent_along_are_closed(verifier, keys):
    fds = f"/proc/{verifier.process.pid}/fd"
    if os.geteuid() != 0:
        pytest.skip("the descriptors of a process that is not dumpable need root")
    core = verifier.add_core()
    core.verify("x")
    before = len(os.listdir(fds))
    pipe = os.pipe()
    for good in (True, False) * 10:
        core = verifier.add_core()
        core.send(h.frame(h.VERIFY_TOKEN, h.blob("x") if good else b"", 1), [pipe[0]])
        if good:
            core.receive()
        else:
            assert core.is_gone()
    core = verifier.add_core()
    core.verify("x")
    assert len(os.listdir(fds)) == before
    os.close(pipe[0])
    os.close(pipe[1])


HOSTILE_SUPERVISOR = {
    "keyset cut short": h.frame(h.KEYSET, b"\0" * 8),
    "peer without a descriptor": h.frame(h.PEER_CHANNEL, struct.pack(">B", h.CORE)),
    "token": h.frame(h.VERIFY_TOKEN, h.blob("x")),
    "garbage": b"\xff" * 64,
}


@pytest.mark.parametrize("name", HOSTILE_SUPERVISOR)
def test_broken_supervisor_is_the_end(verifier, name):
    verifier.supervisor.send(HOSTILE_SUPERVISOR[name])
    assert verifier.wait() == 1


def test_peer_of_another_role_is_refused(verifier):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    verifier.supervisor.send(h.frame(h.PEER_CHANNEL, struct.pack(">B", h.GATEWAY)), [theirs.fileno()])
    theirs.close()
    assert verifier.wait() == 1
    ours.close()


def test_stop_and_end_of_supervisor(started, keys):
    for how, code in (("stop", 0), ("close", 1)):
        v = started()
        v.give_keyset(1, h.row("ec-1", keys["ec-1"]))
        v.wait_ready()
        if how == "stop":
            v.supervisor.send(h.frame(h.STOP, b""))
        else:
            v.supervisor.sock.shutdown(socket.SHUT_RDWR)
        assert v.wait() == code


def test_poison(verifier, core, keys):
    """Damaged tokens of every kind: whatever they are, the answer is a refusal and the process lives."""
    rng = random.Random(2026)
    good = h.token(keys["ec-1"], "ec-1", h.claims()).encode()
    for _ in range(3000):
        bad = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(bad))
            choice = rng.randrange(3)
            if choice == 0:
                bad[at] = rng.randrange(256)
            elif choice == 1:
                del bad[at:at + rng.randint(1, 40)]
            else:
                bad[at:at] = rng.randbytes(rng.randint(1, 40))
            bad = bad or bytearray(b"x")
        if bytes(bad) != good:
            assert not core.verify(bytes(bad[:8192])).ok
    assert core.verify(good).ok and verifier.is_alive()


def test_signed_poison(verifier, core, keys):
    """The same behind a good signature, so that the claims reader gets it."""
    rng = random.Random(2027)
    good = json.dumps(h.claims(cnf={"x5t#S256": h.b64(bytes(32))}, x={"y": [1, 2, {"z": None}]})).encode()
    accepted = 0
    for _ in range(1500):
        bad = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            bad[rng.randrange(len(bad))] = rng.choice(b'{}[]",:0129eE.-\\u\x00\xff ')
        accepted += core.verify(h.token(keys["ed-1"], "ed-1", bytes(bad))).ok
    assert verifier.is_alive() and core.verify(h.token(keys["ed-1"], "ed-1", good)).ok
    assert accepted < 1500


def test_core_that_never_reads(verifier, core, keys):
    """Its verdicts are dropped once its queue is full; nobody else waits."""
    core.sock.setblocking(False)
    sent = 0
    deadline = time.time() + 3
    while sent < 20000 and time.time() < deadline:
        try:
            core.send(h.frame(h.VERIFY_TOKEN, h.blob("a.b.c"), sent))
            sent += 1
        except BlockingIOError:
            time.sleep(0.001)
    assert sent > 100 and verifier.is_alive()
    assert verifier.add_core().verify(h.token(keys["ec-1"], "ec-1", h.claims())).ok


# ---- protections ----


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test_protections_are_in_force(verifier):
    s = status(verifier.process.pid)
    assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"
    assert int(s["CapEff"], 16) == int(s["CapPrm"], 16) == int(s["CapBnd"], 16) & int(s["CapEff"], 16) == 0
    if os.geteuid() == 0:
        assert set(s["Uid"].split()) == {str(h.NOBODY)} and s["Groups"].strip() == ""
        assert os.readlink(f"/proc/{verifier.process.pid}/ns/net") != os.readlink("/proc/self/ns/net")


def test_report_names_the_protections(started, keys):
    v = started()
    v.give_keyset(1, h.row("ec-1", keys["ec-1"]))
    body = v.wait_ready()
    for name in (b"seccomp", b"no-new-privs", b"verifier-token"):
        assert name in body


def test_dies_with_its_supervisor(tmp_path, keys):
    """The parent is killed without any message; the socket stays open in a third process, so only the signal tells."""
    script = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); import harness as h\n"
        "from cryptography.hazmat.primitives.asymmetric import ed25519\n"
        "v = h.Verifier(); v.give_keyset(1, h.row('k', ed25519.Ed25519PrivateKey.generate())); v.wait_ready()\n"
        "os.set_inheritable(v.supervisor.sock.fileno(), True)\n"
        "keeper = os.fork()\n"
        "if keeper == 0:\n    import time; time.sleep(8); os._exit(0)\n"
        "print(v.process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.Popen(["/usr/bin/python3", "-c", script, os.path.dirname(h.__file__)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pid = int(parent.stdout.readline())
    parent.wait()
    deadline = time.time() + 5
    while os.path.exists(f"/proc/{pid}/status") and status(pid)["State"][0] != "Z" and time.time() < deadline:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{pid}/status") or status(pid)["State"][0] == "Z"
    parent.stdout.close()
