"""Whoever can write the data folder: altered, exchanged, withheld, added and older rows and files.

Core must refuse the start with a sentence, or refuse the use of that key version (VERSION rows, which are read when they are used);
it must never answer with another key, never say that a key does not exist, never go on as if nothing were.
"""
import multiprocessing
import os
import random
import shutil
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization

import proto
import rows as store_rows
from proto import ERR
from rig import Rig, libexec
from rows import KEY, KIND_NAMES, MANIFEST, REVOCATION, SEGMENT, VERSION, WRAP, LoneCore

SOAK = os.environ.get("HOLDFAST_SOAK") == "1"
OPEN, REFUSED = 2, 3
AES_256_GCM, EC_P256, ED25519, ML_KEM_768 = 1, 2, 3, 4
MESSAGE = b"the same message every time"
# Of a SEGMENT row, after head and MAC: for outsiders. A start checks MAC and chain; the signature is checked by whoever reads the export.
SIGNATURE = range(138 + 48, 138 + 48 + 64)


class Held:
    """A small HSM at rest, and what its keys answer."""

    def __init__(self, folder):
        self.rig = r = Rig(folder).start()
        for name, algorithm in (("ed", ED25519), ("ec", EC_P256), ("aes", AES_256_GCM), ("kem", ML_KEM_768), ("gone", ED25519)):
            assert r.ask("KEY_CREATE", name=name, algorithm=algorithm)[0] == "KEY_DETAIL"
        self.ciphertexts = [self.encrypt(r, b"under the first version")]
        self.first_capsule = r.ask("ENCAPSULATE", key="kem")[1]
        for name in ("ed", "aes"):
            assert r.ask("KEY_ROTATE", key=name)[0] == "KEY_DETAIL"
        self.ciphertexts.append(self.encrypt(r, b"under the second version"))
        assert r.ask("KEY_DESTROY", key="gone")[0] == "KEY_DETAIL"
        assert r.ask("TOKEN_REVOKE", jti="spent", expires_s=2000000000)[0] == "DONE"
        self.answers = self.use(r.ask)
        assert self.answers["gone"][1]["error"] == ERR["WRONG_STATE"]
        assert not any("error" in v for k, v in self.answers.items() if k != "gone"), self.answers
        r.stop()
        self.keyset, self.root = r.keyset(), store_rows.root_key(r.data)
        self.file = r.data / "store" / "store.db"
        self.rows, self.anchor, self.epoch = store_rows.load(self.file), r.anchor, r.epoch

    @staticmethod
    def encrypt(r, plaintext):
        return r.ask("ENCRYPT", key="aes", plaintext=plaintext)[1]

    def use(self, ask):
        """Every key's answers that do not depend on chance."""
        said = {}
        for name in ("ed", "ec", "aes", "kem", "gone"):
            said[name, "show"] = ask("KEY_SHOW", key=name)[1]
            said[name, "versions"] = ask("KEY_VERSIONS", key=name)[1]
        for name, version in (("ed", 1), ("ed", 2), ("ec", 1), ("kem", 1)):
            said[name, version] = ask("KEY_PUBLIC", key=name, version=version)[1]
        said["signature"] = ask("SIGN", key="ed", payload=MESSAGE)[1]
        for i, ct in enumerate(self.ciphertexts):
            said["plaintext", i] = ask("DECRYPT", key="aes", nonce=ct["nonce"], ciphertext=ct["ciphertext"])[1]
        said["shared secret"] = ask("DECAPSULATE", key="kem", version=1, ciphertext=self.first_capsule["ciphertext"])[1]
        said["gone"] = ask("SIGN", key="gone", payload=MESSAGE)
        return said

    def start(self, rows=None, **files):
        """(state, why, core) of a start on these rows and files."""
        core = LoneCore(files.get("keyset", self.keyset), self.rows if rows is None else rows, files.get("anchor", self.anchor),
                        files.get("epoch", self.epoch), stderr=open(os.devnull, "wb"))
        state, why = core.open(files.get("root", self.root))
        return state, why, core

    def try_start(self, rows=None, **files):
        state, why, core = self.start(rows, **files)
        core.kill()
        return state, why

    def of_kind(self, kind):
        return sorted(k for k in self.rows if k[0] == kind)


def refused(outcome, *words):
    state, why = outcome
    assert state == REFUSED, outcome
    assert len(why.split()) >= 4, why
    for word in words:
        assert word in why, why


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return Held(tmp_path_factory.mktemp("held"))


def flipped(blob, at, bit):
    changed = bytearray(blob)
    changed[at] ^= 1 << bit
    return bytes(changed)


def test_untouched_it_opens_and_answers_the_same(held):
    state, _, core = held.start()
    assert state == OPEN
    core.start_verifier(held.keyset)
    token = held.rig.token()
    assert held.use(lambda m, **v: core.ask(m, token=token, **v)) == held.answers
    core.kill()


# ---- every byte ----

def flip_places(held):
    """Of each kind one row every few bytes, and of every other row some; with HOLDFAST_SOAK=1 every byte of every row."""
    rng = random.Random(2)
    for kind in (KEY, WRAP, SEGMENT, MANIFEST, REVOCATION):
        keys = held.of_kind(kind)
        assert keys, KIND_NAMES[kind]
        whole = min(keys, key=lambda k: len(held.rows[k]))
        for key in keys:
            size = len(held.rows[key])
            some = range(rng.randrange(7), size, 7) if key == whole else [rng.randrange(size)]
            for at in range(size) if SOAK else some:
                yield key, at, rng.randrange(8)


def try_flips(job):
    held, places = job
    found = []
    for key, at, bit in places:
        state, why = held.try_start({**held.rows, key: flipped(held.rows[key], at, bit)})
        good = state == REFUSED and len(why.split()) >= 4
        if key[0] == SEGMENT and at in SIGNATURE:
            good = state == OPEN
        if not good:
            found.append((KIND_NAMES[key[0]], at, bit, state, why))
    return found


def in_parallel(work, held, places, workers=2):
    shown = Held.__new__(Held)
    shown.__dict__ = {k: v for k, v in held.__dict__.items() if k != "rig"}
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        return [f for found in pool.map(work, [(shown, places[i::workers * 8]) for i in range(workers * 8)]) for f in found]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_flipped_byte_of_what_is_read_at_start_is_refused(held):
    places = list(flip_places(held))
    assert in_parallel(try_flips, held, places) == []
    print(f"{len(places)} flips: {len(held.rows)} rows, {sum(map(len, held.rows.values()))} bytes")


def test_a_flipped_segment_signature_is_found_by_the_export(held, tmp_path):
    """The one part of the store that a start leaves to outsiders; see SIGNATURE."""
    state, _, core = held.start()
    assert state == OPEN
    core.start_verifier(held.keyset)
    spki = core.ask("AUDIT_HEAD", token=held.rig.token())[1]["spki"]
    core.kill()
    pem = serialization.load_der_public_key(spki).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "audit.pem").write_bytes(pem)

    def verify(rows):
        blobs = [rows[k] for k in sorted(rows) if k[0] == SEGMENT]
        (tmp_path / "audit.bin").write_bytes(b"".join(len(b).to_bytes(4, "big") + b for b in blobs))
        return subprocess.run([libexec("verify-offline"), "--public", tmp_path / "audit.pem", tmp_path / "audit.bin"], capture_output=True).returncode

    assert verify(held.rows) == 0
    key = held.of_kind(SEGMENT)[0]
    for at in SIGNATURE:
        assert verify({**held.rows, key: flipped(held.rows[key], at, at % 8)}) == 8, at


def test_every_flipped_byte_of_a_version_is_an_integrity_error_when_used(held):
    """One core that runs throughout; the store beside it is the liar."""
    state, _, core = held.start()
    assert state == OPEN
    core.start_verifier(held.keyset)
    token, asked = held.rig.token(), 0
    names = {core_id(held, name): name for name in ("ed", "ec", "aes", "kem")}
    for kind in (VERSION, WRAP):
        for key in held.of_kind(kind):
            blob = held.rows[key]
            for at in range(len(blob)) if SOAK or len(blob) < 400 else sorted(random.Random(at_seed(key)).sample(range(len(blob)), 400)):
                core.store.alter = {key: flipped(blob, at, at % 8)}
                name, values = core.ask("KEY_PUBLIC", token=token, key=names[key[1]], version=key[2])
                assert name == "FAILED" and values["error"] == ERR["INTEGRITY"], (KIND_NAMES[kind], at, name, values)
                asked += 1
                if asked % 2000 == 0:
                    token = held.rig.token()
    core.store.alter = {}
    token = held.rig.token()
    assert held.use(lambda m, **v: core.ask(m, token=token, **v)) == held.answers, "the true rows give the true answers again"
    core.kill()
    assert asked > 1000


def at_seed(key):
    return int.from_bytes(key[1][:4], "big") + key[2]


def core_id(held, name):
    return held.answers[name, "show"]["info"][0]["id"]


def test_a_running_core_is_given_wrong_rows(held):
    """Withheld, of another version, of another key, cut, lengthened, empty: an integrity error, never a 404 and never another key."""
    state, _, core = held.start()
    assert state == OPEN
    core.start_verifier(held.keyset)
    token = held.rig.token()
    ed, ec, aes = (core_id(held, n) for n in ("ed", "ec", "aes"))
    for kind in (VERSION, WRAP):
        true = held.rows[kind, ed, 2]
        lies = {"withheld": None, "older version": held.rows[kind, ed, 1], "another key": held.rows[kind, aes, 2], "another algorithm": held.rows[kind, ec, 1],
                "cut": true[:-1], "longer": true + b"\0", "empty": b"", "other kind": held.rows[WRAP if kind == VERSION else VERSION, ed, 2]}
        for what, blob in lies.items():
            core.store.alter = {(kind, ed, 2): blob}
            for message, more in (("SIGN", {"payload": MESSAGE}), ("KEY_PUBLIC", {}), ("VERIFY", {"payload": MESSAGE, "signature": bytes(64)})):
                name, values = core.ask(message, token=token, key="ed", **more)
                assert name == "FAILED" and values["error"] == ERR["INTEGRITY"], (KIND_NAMES[kind], what, message, name, values)
    # Key A's material with key A's wrapping under key B's name: consistent between them, and still not B's.
    core.store.alter = {(VERSION, ed, 2): held.rows[VERSION, aes, 2], (WRAP, ed, 2): held.rows[WRAP, aes, 2]}
    name, values = core.ask("SIGN", token=token, key="ed", payload=MESSAGE)
    assert name == "FAILED" and values["error"] == ERR["INTEGRITY"]
    core.store.alter = {}
    assert core.ask("SIGN", token=token, key="ed", payload=MESSAGE)[1] == held.answers["signature"]
    assert held.use(lambda m, **v: core.ask(m, token=token, **v)) == held.answers
    events = core.ask("AUDIT_RECENT", token=token, limit=1000)[1]["items"]
    assert sum(b"a key version's row is missing or altered" in e["record"] for e in events) >= 17, "each is in the audit"
    core.kill()


# ---- rows exchanged, deleted, added ----

def test_exchanged_rows_are_refused(held):
    for kind in (KEY, WRAP, REVOCATION, SEGMENT):
        keys = held.of_kind(kind)
        for a, b in list(zip(keys, keys[1:]))[::1 if SOAK or len(keys) < 12 else 4]:
            refused(held.try_start({**held.rows, a: held.rows[b], b: held.rows[a]}), "altered")
            refused(held.try_start({**held.rows, a: held.rows[b]}), "altered")
    ed = core_id(held, "ed")
    refused(held.try_start({**held.rows, (WRAP, ed, 1): held.rows[WRAP, ed, 2]}), "altered")


def test_deleted_rows_are_refused(held):
    for kind in (KEY, WRAP, REVOCATION, SEGMENT):
        for key in held.of_kind(kind):
            refused(held.try_start({k: v for k, v in held.rows.items() if k != key}))
    refused(held.try_start({k: v for k, v in held.rows.items() if k[0] != MANIFEST}))
    refused(held.try_start({k: v for k, v in held.rows.items() if k[0] != SEGMENT}), "audit")
    refused(held.try_start({}), "empty", "anchor")
    # Documented gap: without anchor, an empty store with the epoch file of a first start looks like a first start that was cut off.
    assert held.try_start({}, anchor=None)[0] == OPEN


def test_deleted_version_rows_are_integrity_and_not_absence(held):
    rows = {k: v for k, v in held.rows.items() if k[0] != VERSION}
    state, _, core = held.start(rows)
    assert state == OPEN
    core.start_verifier(held.keyset)
    token = held.rig.token()
    for name, version in (("ed", 1), ("ed", 2), ("ec", 1), ("aes", 2), ("kem", 1)):
        assert core.ask("KEY_SHOW", token=token, key=name)[1] == held.answers[name, "show"], "the index is the truth for existence"
        got, values = core.ask("KEY_PUBLIC", token=token, key=name, version=version)
        assert got == "FAILED" and values["error"] == ERR["INTEGRITY"]
    core.kill()


def test_a_destroyed_key_stays_destroyed(held, tmp_path):
    """The rows of before its destruction, put back beside the newest state: no wrapping counts that the manifest does not name."""
    folder = tmp_path / "rig"
    r = Rig(folder).start()
    r.ask("KEY_CREATE", name="doomed", algorithm=ED25519)
    r.stop()
    before = store_rows.load(r.data / "store" / "store.db")
    r.start()
    assert r.ask("KEY_DESTROY", key="doomed")[0] == "KEY_DETAIL"
    r.stop()
    after = store_rows.load(r.data / "store" / "store.db")
    shown = Held.__new__(Held)
    shown.__dict__ = {"keyset": r.keyset(), "root": store_rows.root_key(r.data), "rows": after, "anchor": r.anchor, "epoch": r.epoch}
    assert shown.try_start()[0] == OPEN
    back = {k: v for k, v in before.items() if k[0] in (VERSION, WRAP)}
    assert back
    refused(shown.try_start({**after, **back}), "manifest")
    refused(shown.try_start({**after, **back, **{k: v for k, v in before.items() if k[0] == KEY}}), "manifest")


def test_added_rows_are_refused(held, tmp_path):
    other = Held(tmp_path / "other")
    for kind in (KEY, WRAP, REVOCATION, SEGMENT):
        key = other.of_kind(kind)[-1]
        place = key if key not in held.rows else (kind, bytes(range(16)), 0)
        refused(held.try_start({**held.rows, place: other.rows[key]}))
    own_id = bytes.fromhex("00112233445546778899aabbccddeeff")
    refused(held.try_start({**held.rows, (KEY, own_id, 0): held.rows[held.of_kind(KEY)[0]]}), "altered")
    # The whole store of another HSM, and the other's files beside our store.
    refused(held.try_start(other.rows), "another root key")
    refused(held.try_start(other.rows, anchor=other.anchor, epoch=other.epoch), "another root key")
    refused(held.try_start(anchor=other.anchor), "anchor")
    refused(held.try_start(epoch=other.epoch), "epoch key file")
    refused(held.try_start(keyset=other.keyset), "keyset")
    refused(held.try_start(root=other.root), "another root key")


# ---- the files beside it ----

def test_every_flipped_byte_of_anchor_and_epoch_file_is_refused(held):
    for at in range(len(held.anchor)) if SOAK else range(0, len(held.anchor), 5):
        refused(held.try_start(anchor=flipped(held.anchor, at, at % 8)), "anchor")
    for at in range(len(held.epoch)) if SOAK else range(0, len(held.epoch), 7):
        refused(held.try_start(epoch=flipped(held.epoch, at, at % 8)), "epoch key file")
    refused(held.try_start(epoch=None), "epoch key file")


def test_an_older_epoch_file_is_refused(tmp_path):
    """Else new keys would be wrapped under a key that was declared erased. Also when nothing had to be wrapped again."""
    for names in ((), ("a", "b")):
        r = Rig(tmp_path / f"rig{len(names)}").start()
        for name in names:
            r.ask("KEY_CREATE", name=name, algorithm=ED25519)
        old = r.epoch
        rotate(r)
        r.stop()
        new, r.epoch = r.epoch, old
        assert new != old
        r.core_states.clear()
        r.start(unseal=False)
        r.unseal()
        assert "older than the store" in r.wait_state(REFUSED)
        r.stop()
        r.epoch = new
        r.core_states.clear()
        r.start()
        for name in names:
            assert r.ask("SIGN", key=name, payload=MESSAGE)[0] == "SIGNED"
        r.stop()


def test_a_backup_beside_a_newer_epoch_file_is_refused_with_that_cause(tmp_path):
    """Nothing was altered, and the operator must not be told that alone."""
    h = Held(tmp_path / "rig")
    h.rig.start()
    rotate(h.rig)
    h.rig.stop()
    assert h.rig.epoch != h.epoch
    refused(h.try_start(epoch=h.rig.epoch), "a wrapped data key", "restored beside another epoch.key")
    assert h.try_start()[0] != REFUSED


def rotate(r):
    """EPOCH_ROTATE writes the epoch file through the supervisor, which is the test."""
    r.gateway.send("EPOCH_ROTATE", ident=9, token=r.token(), request_id="rotate")
    for _ in range(200):
        r.pump(0.01)
        try:
            name, ident, values, _ = r.gateway.receive(0.01)
        except TimeoutError:
            continue
        assert (name, ident) == ("DONE", 9), values
        return
    raise AssertionError("no answer")


# ---- raw bytes of the file ----

def raw_starts(job):
    """Real store and real core on a copy of the file with one bit changed: (offset, what came of it), empty when all is well."""
    held, folder, places = job
    found = []
    (folder / "store").mkdir(parents=True, exist_ok=True)
    for at, bit in places:
        (folder / "store" / "store.db").write_bytes(flipped(held.raw, at, bit))
        for end in ("-wal", "-shm"):
            (folder / "store" / f"store.db{end}").unlink(missing_ok=True)
        found.append((at, raw_start(held, folder / "store")))
    return found


def raw_start(held, folder):
    core = LoneCore(held.keyset, {}, held.anchor, held.epoch, stderr=open(os.devnull, "wb"))
    core.store.channel.close()
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with open(folder / "stderr.log", "wb") as log:
        store, process = proto.spawn(store_rows.libexec("store"), give=[fd], stderr=log)
    os.close(fd)
    store.send("CONFIG_STORE", strict=False, engine=1)
    core.store = Elsewhere()
    try:
        if store.receive()[0] != "READY":
            return "store: no READY"
        core.peer("store", to=store)
        return judge_open(held, core)
    except proto.Gone:
        process.wait(10)
        text = (folder / "stderr.log").read_text()
        return "store refused" if process.returncode == 1 and "cannot be opened" in text else f"store ended {process.returncode}: {text}"
    finally:
        core.store = Elsewhere()
        core.kill()
        process.kill()
        process.wait()
        store.close()


class Elsewhere:
    """The store is a real one: nothing to play."""
    channel = type("None", (), {"close": staticmethod(lambda: None)})

    @staticmethod
    def serve(timeout=0):
        return False


def judge_open(held, core):
    unseal = core.peer("unseal")
    unseal.send("ROOT_KEY", ident=1, root=held.root)
    for _ in range(2000):
        core.step(0.005)
        if core.states and (core.states[-1][0] in (2, 3) or core.states[-1] != (1, "opening") and core.states[-1][1] != ""):
            break
    state, why = core.states[-1]
    if state != OPEN:
        return "core refused" if len(why.split()) >= 4 else f"core said {core.states}"
    core.start_verifier(held.keyset)
    said = held.use(lambda m, **v: core.ask(m, token=held.live_token, **v))
    other = {k: v for k, v in said.items() if v != held.answers[k]}
    wrong = {k: v for k, v in other.items() if v.get("error") != ERR["INTEGRITY"]}
    return f"other answers: {wrong}" if wrong else "key refused" if other else "as before"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_flipped_bits_anywhere_in_the_file(held, tmp_path):
    """Pages, headers, free space: refused by the store or by core, refused for that key, or without any effect."""
    shown = Held.__new__(Held)
    shown.__dict__ = {k: v for k, v in held.__dict__.items() if k != "rig"}
    shown.raw, shown.live_token = held.file.read_bytes(), held.rig.token()
    rng = random.Random(5)
    offsets = range(len(shown.raw)) if SOAK else sorted(set(range(0, 100, 3)) | set(rng.sample(range(len(shown.raw)), 120)))
    places = [(at, rng.randrange(8)) for at in offsets]
    outcome = []
    for from_ in range(0, len(places), 2000):  # a token lives for minutes only
        shown.live_token = held.rig.token()
        part = places[from_:from_ + 2000]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for found in pool.map(raw_starts, [(shown, tmp_path / str(i), part[i::2]) for i in range(2)]):
                outcome += found
    counts = {}
    for _, what in outcome:
        counts[what] = counts.get(what, 0) + 1
    print(f"{len(shown.raw)} bytes, {len(places)} flips: {counts}")
    assert set(counts) <= {"store refused", "core refused", "key refused", "as before"}, [o for o in outcome if o[1] not in ("as before",)][:10]
    assert counts.get("core refused", 0) + counts.get("key refused", 0) + counts.get("store refused", 0) > len(places) // 4


# ---- the whole program: exit code and log ----

def filled(hsm):
    hsm.start()
    hsm.create("kept", "ed25519")
    signature, _ = hsm.sign("kept", MESSAGE)
    return signature


def start_is_refused(hsm, *words):
    hsm.start(wait=False)
    code, text = hsm.wait_refused()
    assert code == 1, text
    lines = [line for line in text.splitlines() if all(w in line for w in words)]
    assert lines, text
    return text


def copy(src, dst):
    shutil.rmtree(dst, ignore_errors=True)
    shutil.copytree(src, dst)


def test_an_older_store_is_refused_by_the_anchor(fresh, tmp_path):
    signature = filled(fresh)
    assert fresh.stop() == 0
    old = tmp_path / "old"
    copy(fresh.data, old / "data")
    copy(fresh.anchor, old / "anchor")
    fresh.start()
    fresh.post("/api/v1/keys/kept/rotate")
    assert fresh.stop() == 0
    new = tmp_path / "new"
    copy(fresh.data, new / "data")
    copy(fresh.anchor, new / "anchor")

    copy(old / "data" / "store", fresh.data / "store")
    start_is_refused(fresh, "older than its anchor", "generation", "a copy from the past")
    copy(old / "data", fresh.data)
    start_is_refused(fresh, "older than its anchor")
    # An empty store is as old as can be.
    (fresh.data / "store" / "store.db").unlink()
    start_is_refused(fresh, "deleted or exchanged")
    # Documented gaps: without its anchor, and with the anchor of the same moment, an older store starts. Its keys are those of then.
    copy(old / "data", fresh.data)
    shutil.rmtree(fresh.anchor)
    fresh.start()
    assert fresh.get("/api/v1/keys/kept").json["version"] == 1
    assert fresh.stop() == 0
    copy(old / "data", fresh.data)
    copy(old / "anchor", fresh.anchor)
    fresh.start()
    assert fresh.get("/api/v1/keys/kept").json["version"] == 1
    assert fresh.sign("kept", MESSAGE)[0] == signature
    assert fresh.stop() == 0
    # And the newest of both is what it was.
    copy(new / "data", fresh.data)
    copy(new / "anchor", fresh.anchor)
    fresh.start()
    assert fresh.get("/api/v1/keys/kept").json["version"] == 2


def test_a_restarted_store_process_must_show_the_same_data(fresh, tmp_path):
    """Exchanged while core runs: core holds the newest manifest and stops serving, saying so."""
    filled(fresh)
    assert fresh.stop() == 0
    copy(fresh.data / "store", tmp_path / "old")
    fresh.start()
    fresh.create("later", "ed25519")
    store = fresh.children()["store"]
    os.kill(store, 19)
    for path in (fresh.data / "store").iterdir():
        path.unlink()
    for path in (tmp_path / "old").iterdir():
        shutil.copy2(path, fresh.data / "store" / path.name)
    os.kill(store, 9)
    fresh.wait_child("store", other_than=store)
    kept, deadline = fresh.connect(), time.monotonic() + 30  # one connection: new ones of an address are limited
    while (a := fresh.get("/api/v1/keys/later", connection=kept)).status != 422 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert a.status == 422 and a.json["code"] == "integrity" and "generation" in a.json["detail"], a
    assert "its data was exchanged" in fresh.text()


def test_altered_rows_and_an_older_keyset_stop_the_whole_program(fresh, tmp_path):
    filled(fresh)
    old_keyset = (fresh.data / "keyset.json").read_bytes()
    apply_keyset(fresh)
    assert fresh.stop() == 0
    new_keyset = (fresh.data / "keyset.json").read_bytes()
    assert new_keyset != old_keyset
    (fresh.data / "keyset.json").write_bytes(old_keyset)
    start_is_refused(fresh, "keyset", "older")
    (fresh.data / "keyset.json").write_bytes(new_keyset)
    copy(fresh.data / "store", tmp_path / "good")
    path = fresh.data / "store" / "store.db"
    for kind, word in ((KEY, "key record"), (WRAP, "wrapped data key"), (SEGMENT, "audit segment"), (MANIFEST, "manifest")):
        rows = store_rows.load(path)
        key = next(k for k in sorted(rows) if k[0] == kind)
        store_rows.save(path, {**rows, key: flipped(rows[key], len(rows[key]) - 1, 0)})
        start_is_refused(fresh, word, "altered")
        copy(tmp_path / "good", fresh.data / "store")
    with open(path, "r+b") as f:
        f.seek(0)
        f.write(b"not a database!!")
    start_is_refused(fresh, "store", "damaged")
    copy(tmp_path / "good", fresh.data / "store")
    fresh.start()
    assert fresh.get("/api/v1/keys/kept").status == 200


def apply_keyset(hsm):
    shown = hsm.get("/api/v1/keyset").json
    a = hsm.request("PUT", "/api/v1/keyset", {"version": 1, "generation": shown["generation"] + 1, "keys": shown["keys"]})
    assert a.status == 200, a


def test_the_same_token_revoked_twice(own_rig):
    """A row that is replaced leaves the set that the manifest commits to; else the next start would refuse the store."""
    r = own_rig.start()
    for expires in (2000000000, 2000000500, 2000000100, 1, 2):
        for jti in ("one", "two"):
            assert r.ask("TOKEN_REVOKE", jti=jti, expires_s=expires)[0] == "DONE"
    for jti in ("old", "older", "oldest"):
        assert r.ask("TOKEN_REVOKE", jti=jti, expires_s=5)[0] == "DONE"
    r.stop()
    rows = store_rows.load(r.data / "store" / "store.db")
    assert len([k for k in rows if k[0] == REVOCATION]) == 3, "an expired one goes when the next comes"
    r.core_states.clear()
    r.start()
