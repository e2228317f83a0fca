"""kill -9 with requests in flight: of core, store, verifier and gateway, each 200 times, and of the supervisor with everything below it.

The test is the supervisor and starts each again as the supervisor does, without its back-off. After every restart what was
acknowledged is there and exactly one version of each key is active; at the end the store opens anew, its audit verifies
with the public key alone and holds every acknowledged operation.
"""
import base64
import collections
import http.client
import itertools
import json
import os
import random
import signal
import socket
import ssl
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

import audit
import proto
import rows as store_rows
from hsm import Hsm, b64, free_port
from proto import ERR, Gone
from rig import Rig, libexec

SOAK = os.environ.get("HOLDFAST_SOAK") == "1"
KILLS = 1000 if SOAK else 200
SUPERVISOR_KILLS = 200 if SOAK else 15
AES_256_GCM, ED25519 = 1, 3
ACTIVE = 2
CHANGES = ("KEY_CREATE", "KEY_ROTATE")
SEED = 20261123


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Minter:
    """Tokens of the administrator, as `mint` makes them, without a process for each."""

    def __init__(self, r):
        head = r.token().split(".")[0]
        self.head = head
        self.key = serialization.load_pem_private_key(r.admin_key.read_bytes(), None)
        self.numbers = itertools.count()

    def __call__(self):
        now = int(time.time())
        claims = {"sub": "admin", "aud": "holdfast", "roles": ["administrator"], "iat": now, "nbf": now, "exp": now + 290, "jti": f"t{next(self.numbers)}"}
        text = f"{self.head}.{unpadded(json.dumps(claims).encode())}"
        r, s = utils.decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{unpadded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Load:
    """Requests on a gateway's channel, and the book of what was acknowledged."""

    def __init__(self, rig, seed):
        self.rig, self.rng, self.mint = rig, random.Random(seed), Minter(rig)
        self.token, self.minted = self.mint(), time.monotonic()
        self.versions = {}      # key -> versions acknowledged
        self.maybe = collections.Counter()  # key -> changes whose answer never came
        self.pending = {}       # id -> (message, key, request id)
        self.acknowledged = []  # request ids
        self.numbers = itertools.count(1)
        self.answers = collections.Counter()

    def live_token(self):
        if time.monotonic() - self.minted > 120:
            self.token, self.minted = self.mint(), time.monotonic()
        return self.token

    def send(self, message, key, fresh=False, /, **values):
        ident = next(self.numbers)
        rid = f"kill-{ident:08d}"
        self.pending[ident] = (message, key, rid)
        self.rig.gateway.send(message, ident=ident, token=self.mint() if fresh else self.live_token(), request_id=rid, **values)

    def send_round(self, fresh=False):
        """A create, rotations and uses, in any order."""
        key = f"k{next(self.numbers):08d}"
        todo = [lambda: self.send("KEY_CREATE", key, fresh, name=key, algorithm=ED25519)]
        old = [k for k in self.versions if self.versions[k] > 0]
        for k in self.rng.sample(old, min(2, len(old))):
            todo.append(lambda k=k: self.send("KEY_ROTATE", k, fresh, key=k))
            todo.append(lambda k=k: self.send("SIGN", k, fresh, key=k, payload=k.encode()))
        todo.append(lambda: self.send("ENCRYPT", "box", fresh, key="box", plaintext=b"p" * self.rng.choice([1, 1000])))
        self.rng.shuffle(todo)
        for one in todo:
            one()

    def take(self, timeout):
        """One answer into the book; False when none came in time."""
        try:
            name, ident, values, _ = self.rig.gateway.receive(timeout)
        except TimeoutError:
            return False
        message, key, rid = self.pending.pop(ident)
        if name == "FAILED":
            self.answers[message, "failed", values["error"]] += 1
            if message in CHANGES and values["error"] not in (ERR["WRONG_STATE"], ERR["NOT_FOUND"], ERR["EXISTS"], ERR["SEALED"], ERR["PEER_GONE"]):
                self.maybe[key] += 1
            return True
        self.answers[message, "ok", 0] += 1
        self.acknowledged.append(rid)
        if message == "KEY_CREATE":
            self.versions[key] = 1
        elif message == "KEY_ROTATE":
            self.versions[key] += 1
        return True

    def take_all(self, timeout=10):
        deadline = time.monotonic() + timeout
        while self.pending and time.monotonic() < deadline:
            self.take(0.01)
            self.rig.pump(0)
        assert not self.pending, f"no answer to {self.pending}"

    def give_up_pending(self, histogram, settle):
        """What never gets its answer: it happened or it did not, and the histogram says which."""
        left, self.pending = self.pending, {}
        for message, key, _ in left.values():
            if message in CHANGES:
                self.maybe[key] += 1
        for key in {key for message, key, _ in left.values() if message in CHANGES}:
            happened = settle(key)
            histogram[f"{'create' if self.versions.get(key, 0) <= 1 and key not in self.known else 'rotate'}: {'happened' if happened else 'did not happen'}"] += 1
        for message, _, _ in left.values():
            if message not in CHANGES:
                histogram[f"{message.lower()}: not answered"] += 1
        return len(left)

    known = ()

    def settle(self, key):
        """What the HSM has of a key against the book; takes over what happened without an answer. True when something did."""
        before = self.versions.get(key, 0)
        name, values = self.rig.ask("KEY_VERSIONS", token=self.live_token(), key=key)
        if name == "FAILED":
            assert values["error"] == ERR["NOT_FOUND"], values
            assert before == 0, f"{key} was acknowledged and is gone"
            self.maybe[key] = 0
            return False
        states = [v["state"] for v in values["items"]]
        assert states.count(ACTIVE) == 1, f"{key}: {states}"
        assert states[-1] == ACTIVE and [v["version"] for v in values["items"]] == list(range(1, len(states) + 1))
        assert before <= len(states) <= before + self.maybe[key], f"{key}: {before} acknowledged, {self.maybe[key]} open, {len(states)} there"
        self.versions[key], self.maybe[key] = len(states), 0
        return len(states) > before

    def check_all(self):
        for key in sorted(set(self.versions) | set(self.maybe)):
            self.settle(key)
            if self.versions.get(key):
                name, values = self.rig.ask("SIGN", token=self.live_token(), key=key, payload=b"still there")
                assert name == "SIGNED" and values["version"] == self.versions[key], (name, values)


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def prepared(folder, seed=SEED):
    r = Rig(folder).start()
    r.root, r.known_keyset = store_rows.root_key(r.data), r.keyset()
    load = Load(r, seed)
    load.send("KEY_CREATE", "box", name="box", algorithm=AES_256_GCM)
    load.take_all()
    del load.versions["box"]
    load.send("ENCRYPT", "box", key="box", plaintext=b"takes the lease")
    for _ in range(4):
        load.send_round()
        load.take_all()
    return r, load


def audit_of(r, load, folder):
    """Exports the whole audit, has it verified offline, and gives its segments."""
    segments, after = [], 0
    while True:
        name, values = r.ask("AUDIT_EXPORT", token=load.live_token(), after=after)
        assert name == "SEGMENTS", values
        segments += [row["blob"] for row in values["rows"]]
        after = values["last"]
        if not values["more"]:
            break
    spki = r.ask("AUDIT_HEAD", token=load.live_token())[1]["spki"]
    pem = serialization.load_der_public_key(spki).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    code, said = audit.verify(folder, audit.file_of(segments), pem.decode())
    assert code == 0, said
    return segments


def finish(r, load, folder):
    """From a new start of everything: the book, the chain, every acknowledged operation, and no word of what did not happen."""
    r.stop()
    r.core_states.clear()
    r.ring = None
    r.start()
    load.check_all()
    time.sleep(0.05)
    records = list(audit.records(audit_of(r, load, folder)))
    seen = {rec.request_id for rec in records if rec.result == 0}
    missing = [rid for rid in load.acknowledged if rid not in seen]
    assert not missing, f"{len(missing)} of {len(load.acknowledged)} acknowledged operations are not in the audit: {missing[:5]}"
    contradicted = {rec.request_id for rec in records if rec.result != 0}
    there = {i["id"] for i in all_keys(r, load)}
    for rec in records:
        if rec.action == proto.IDS["KEY_CREATE"] and rec.result == 0 and rec.key_id not in there:
            assert rec.request_id in contradicted, f"record {rec.seq} says that a key was created; it was not, and no record says so"


def all_keys(r, load):
    for page in range(1, 1000):
        name, values = r.ask("KEY_LIST", token=load.live_token(), page=page, per_page=100)
        assert name == "KEYS", values
        yield from values["items"]
        if not values["has_more"]:
            return


def kill(process):
    process.kill()
    process.wait()


def test_core_is_killed(tmp_path):
    r, load = prepared(tmp_path / "rig")
    histogram, counted = collections.Counter(), 0
    while counted < KILLS:
        load.known = set(load.versions)
        load.send_round()
        spin(load.rng.random() * 0.004)
        kill(r.core_process)
        try:
            while load.take(0):
                pass
        except Gone:
            pass
        r.restart_core(r.root, r.known_keyset)
        counted += 1 if load.pending else 0
        load.give_up_pending(histogram, load.settle)
    print_histogram("core", counted, histogram, load)
    assert sum(v for k, v in histogram.items() if "did not happen" in k) > 0 and sum(v for k, v in histogram.items() if ": happened" in k) > 0
    finish(r, load, tmp_path)
    r.stop()


def test_core_is_killed_twice_before_it_opens(tmp_path):
    """The ring that the last open core left is the one that counts, however often the next ones die before they took it over."""
    r, load = prepared(tmp_path / "rig")
    os.kill(r.store_process.pid, signal.SIGSTOP)
    for _ in range(20):
        load.send("SIGN", "k", key=next(iter(load.versions)), payload=b"in the ring only")
    load.take_all()
    kill(r.core_process)
    kill(r.store_process)
    keyset = r.known_keyset
    for _ in range(2):
        try:
            r.pump(0)
        except Gone:
            pass
        r.core.close()
        r.core_states.clear()
        r.start_core(keyset)
        r.pump(0.02)
        kill(r.core_process)
    try:
        r.pump(0)
    except Gone:
        pass
    r.core.close()
    r.core_states.clear()
    r.start_core(keyset)
    r.gateway = r.add_gateway()
    r.start_store()
    r.add_peer("verifier", to=r.verifier)
    r.hand_over(r.root)
    finish(r, load, tmp_path)
    r.stop()


def test_store_is_killed(tmp_path):
    r, load = prepared(tmp_path / "rig")
    histogram, counted = collections.Counter(), 0
    while counted < KILLS:
        load.send_round()
        spin(load.rng.random() * 0.004)
        kill(r.store_process)
        while load.take(0):
            pass
        in_flight = collections.Counter(message for message, _, _ in load.pending.values())
        r.store.close()
        if load.rng.random() < 0.3:
            load.send_round()  # while there is no store
        r.start_store(fresh_ring=True)
        load.answers.clear()
        load.take_all()
        counted += 1 if in_flight else 0
        for message, n in in_flight.items():
            histogram[f"in flight: {message.lower()}"] += n
        for (message, how, error), n in load.answers.items():
            histogram[f"then answered: {message.lower()} {how}{' ' + proto_error(error) if error else ''}"] += n
    for key in set(load.versions) | set(load.maybe):
        load.settle(key)
    print_histogram("store", counted, histogram, load)
    finish(r, load, tmp_path)
    r.stop()


def proto_error(number):
    return next(name for name, n in ERR.items() if n == number)


def test_verifier_is_killed(tmp_path):
    """Requests whose tokens nobody has judged yet: each is answered, in the end most with success, none with a wrong verdict."""
    r, load = prepared(tmp_path / "rig")
    histogram, counted = collections.Counter(), 0
    while counted < KILLS:
        load.send_round(fresh=True)
        spin(load.rng.random() * 0.002)
        kill(r.verifier_process)
        while load.take(0):
            pass
        in_flight = len(load.pending)
        r.verifier.close()
        r.start_verifier(r.known_keyset)
        load.answers.clear()
        load.take_all()
        counted += 1 if in_flight else 0
        for (message, how, error), n in load.answers.items():
            if in_flight:
                histogram[f"{how}{' ' + proto_error(error) if error else ''}"] += n
    print_histogram("verifier-token", counted, histogram, load)
    assert histogram["ok"] > sum(histogram.values()) // 2
    # The token that is being judged when a verifier dies is refused for a while, or one token could kill them all.
    assert histogram["failed BAD_TOKEN"] <= counted
    assert not any("DENIED" in k for k in histogram)
    for key in set(load.versions) | set(load.maybe):
        load.settle(key)
    finish(r, load, tmp_path)
    r.stop()


def print_histogram(process, counted, histogram, load):
    print(f"\n{process}: {counted} kills with requests in flight, {len(load.acknowledged)} operations acknowledged, {len(load.versions)} keys")
    for state, n in sorted(histogram.items()):
        print(f"  {n:6d}  {state}")


# ---- over TLS: gateway and supervisor ----

class Clients:
    """Threads that create, rotate, sign and encrypt over keep-alive TLS, and the book they keep."""

    def __init__(self, connect, token, threads=4, prefix=""):
        self.prefix = prefix
        self.connect, self.token = connect, token
        self.lock = threading.Lock()
        self.stop, self.in_flight = threading.Event(), 0
        self.versions, self.maybe, self.acknowledged = {}, collections.Counter(), []
        self.numbers = itertools.count(1)
        self.outcomes = collections.Counter()
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, number):
        rng, connection, mine = random.Random(SEED + number), None, []
        while not self.stop.is_set():
            what = rng.choice(["create", "rotate", "sign", "sign", "encrypt"] if mine else ["create"])
            key = f"c{self.prefix}-{number}-{next(self.numbers)}" if what == "create" else "box" if what == "encrypt" else rng.choice(mine[-8:])
            rid = f"tls{self.prefix}-{next(self.numbers):08d}"
            path, body = {"create": ("/api/v1/keys", {"name": key, "algorithm": "ed25519"}), "rotate": (f"/api/v1/keys/{key}/rotate", {}),
                          "sign": (f"/api/v1/keys/{key}/sign", {"payload_b64": b64(b"x")}), "encrypt": ("/api/v1/keys/box/encrypt", {"plaintext_b64": b64(b"y")})}[what]
            sent = False
            try:
                connection = connection or self.connect()
                if connection.sock is None:
                    connection.connect()
                with self.lock:
                    self.in_flight += 1
                sent = True
                connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + self.token(), "Content-Type": "application/json", "X-Request-Id": rid})
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException, ssl.SSLError):
                status, connection = 0, None
            with self.lock:
                if sent:
                    self.in_flight -= 1
                self.book(what, key, rid, status, sent, mine)
            if not sent:
                time.sleep(0.01)

    def book(self, what, key, rid, status, sent, mine):
        self.outcomes[f"{what}: {status or ('no answer' if sent else 'no connection')}"] += 1
        if status in (200, 201):
            self.acknowledged.append(rid)
            if what == "create":
                self.versions[key] = 1
                mine.append(key)
            elif what == "rotate":
                self.versions[key] += 1
        elif sent and what in ("create", "rotate") and status in (0, 500, 503, 504):
            self.maybe[key] += 1

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(30)
            assert not t.is_alive()


class Gateway:
    """The real gateway in a rig, and TLS clients of it."""

    def __init__(self, r):
        self.rig, self.port = r, free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.listener.setblocking(False)
        self.tls = ssl.create_default_context(cafile=str(r.data / "tls" / "ca.pem"))
        self.settings = self.gateway_settings(r)
        assert r.bring_tls_key() == 0

    @staticmethod
    def gateway_settings(r):
        with open(r.data / "holdfast.conf") as conf, open(r.data / "keyset.json") as keyset:
            channel, process = proto.spawn(libexec("config"), give=[conf.fileno(), keyset.fileno()])
            name = ""
            while name != "CONFIG_DONE":
                name, _, values, _ = channel.receive()
                if name == "CONFIG_GATEWAY":
                    found = values
        process.wait(10)
        return {**found, "address_rate": 1000000, "address_burst": 1000000}

    def start(self):
        tls = self.rig.data / "tls"
        self.channel, self.process = self.rig.run("gateway")
        with open(tls / "server.pem") as certificate:
            self.channel.send("CONFIG_GATEWAY", fds=[self.listener.fileno(), certificate.fileno()], **self.settings)
        for _ in range(self.settings["threads"]):
            self.rig.add_peer("gateway", to=self.channel)
        assert self.channel.receive()[0] == "READY"

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.tls)


def test_gateway_is_killed(tmp_path):
    r, load = prepared(tmp_path / "rig")
    gateway = Gateway(r)
    gateway.start()
    clients = Clients(gateway.connect, load.live_token)
    rng, counted = random.Random(SEED), 0
    while counted < KILLS:
        deadline = time.monotonic() + 20
        while clients.in_flight == 0 and time.monotonic() < deadline:
            r.pump(0)
        end = time.monotonic() + rng.random() * 0.02
        while time.monotonic() < end:
            r.pump(0.001)
        with clients.lock:
            counted += 1 if clients.in_flight else 0
        kill(gateway.process)
        gateway.channel.close()
        gateway.start()
    clients.stop.set()
    while any(t.is_alive() for t in clients.threads):
        r.pump(0.01)
    clients.end()
    take_book(load, clients)
    print_histogram("gateway", counted, clients.outcomes, load)
    assert len(clients.acknowledged) > KILLS
    finish(r, load, tmp_path)
    kill(gateway.process)
    r.stop()


def take_book(load, clients):
    load.versions.update(clients.versions)
    load.maybe.update(clients.maybe)
    load.acknowledged += clients.acknowledged


def test_supervisor_is_killed(tmp_path):
    """Everything dies at once, but for the store, which saves the ring's rest first. The next start takes all of it over."""
    h = Hsm(tmp_path / "hsm").init().unlimited().start()
    h.create("box", "aes-256-gcm")
    rng, histogram, counted, acknowledged = random.Random(SEED), collections.Counter(), 0, []
    versions, maybe = {}, collections.Counter()
    while counted < SUPERVISOR_KILLS:
        clients = Clients(h.connect, h.token, prefix=len(versions))
        time.sleep(0.05 + rng.random() * 0.05)
        deadline = time.monotonic() + 10
        while clients.in_flight == 0 and time.monotonic() < deadline:
            pass
        with clients.lock:
            counted += 1 if clients.in_flight else 0
        store = h.children()["store"]
        os.kill(h.supervisor_pid(), signal.SIGKILL)
        h.daemon.wait(10)
        clients.end()
        while os.path.exists(f"/proc/{store}"):
            time.sleep(0.005)
        h.start()
        names = page_names(h)
        for key, n in clients.versions.items():
            check_versions(h, key, n, clients.maybe[key])
        for key in [k for k in clients.maybe if k not in clients.versions]:
            histogram["create without answer: " + ("happened" if key in names else "did not happen")] += 1
            if key in names:
                check_versions(h, key, 1, 0)
        for k in clients.outcomes:
            histogram[k] += clients.outcomes[k]
        acknowledged += clients.acknowledged
        versions.update(clients.versions)
        maybe.update(clients.maybe)
    print(f"\nsupervisor: {counted} kills with requests in flight, {len(acknowledged)} operations acknowledged, {len(versions)} keys")
    for state, n in sorted(histogram.items()):
        print(f"  {n:6d}  {state}")
    assert h.stop() == 0, h.text()[-2000:]
    h.start()
    for key, n in versions.items():
        check_versions(h, key, n, maybe[key])
    seen = {rec.request_id for rec in audit.records(audit.verified_export(h, tmp_path)) if rec.result == 0}
    missing = [rid for rid in acknowledged if rid not in seen]
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged operations are not in the audit: {missing[:5]}"
    h.stop()


def page_names(h):
    names = set()
    for page in range(1, 1000):
        a = h.get(f"/api/v1/keys?page={page}&per_page=100").json
        names |= {k["name"] for k in a["items"]}
        if not a["has_more"]:
            return names


def check_versions(h, key, acknowledged, open_changes):
    a = h.get(f"/api/v1/keys/{key}/versions")
    assert a.status == 200, f"{key} was acknowledged: {a}"
    states = [v["state"] for v in a.json["items"]]
    assert states.count("active") == 1, (key, states)
    assert acknowledged <= len(states) <= acknowledged + open_changes, (key, acknowledged, open_changes, states)


# ---- no kill, but the same book: changes that take several steps beside others ----

def test_changes_beside_epoch_rotation_and_keyset(tmp_path):
    """Neither may build on a state that another change has replaced meanwhile; a start afterwards would refuse the store."""
    r, load = prepared(tmp_path / "rig")
    for i in range(12):
        load.send_round()
        load.send("EPOCH_ROTATE", "-")
        load.send_round()
        load.take_all()
        shown = r.ask("KEYSET_SHOW", token=load.live_token())[1]
        load.send("KEYSET_APPLY", "-", generation=shown["generation"] + 1, rows=shown["rows"])
        load.send_round()
        load.take_all()
    assert load.answers["EPOCH_ROTATE", "ok", 0] == 12 and load.answers["KEYSET_APPLY", "ok", 0] == 12, load.answers
    r.keyset = lambda: r.written_keyset
    finish(r, load, tmp_path)
    r.stop()
