"""What an attacker with root uses against running processes; the C tools stand in tests/adversary."""
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import needles
import records
from hsm import BUILD, STAGE, Hsm, b64
from proto import PEERS, socket_pair, spawn

TOOLS = BUILD / "tests" / "adversary"
USERS = {"root": None, "nobody": "nobody"}

Hit = namedtuple("Hit", "label count where")


def tool(name, *arguments):
    done = subprocess.run([TOOLS / name, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"{name} {arguments}: {done.stderr}"
    return done.stdout.splitlines()


# ---- folders ----

@contextmanager
def open_folder():
    """A folder in /tmp that every user may enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage_copy(folder, **programs):
    """The staged release where every user can run it; core=PATH puts another program in the place of one."""
    stage = Path(folder) / "stage"
    for part in ("bin", "libexec/holdfast"):
        shutil.copytree(STAGE / part, stage / part)
    for name, path in programs.items():
        shutil.copy(path, stage / "libexec" / "holdfast" / name)
    for path in [stage, *stage.rglob("*")]:
        path.chmod(0o755)
    return stage


# ---- a service with keys in use ----

class Load:
    """Uses keys of all algorithms until it is stopped, and counts."""

    def __init__(self, hsm, keys):
        self.hsm, self.keys, self.rounds, self.failed = hsm, keys, 0, None
        self.end = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(2)]
        hsm.token()
        for t in self.threads:
            t.start()

    def run(self):
        try:
            connection = self.hsm.connect()
            while not self.end.is_set():
                self.round(connection)
        except Exception as e: # noqa: BLE001: told by stop()
            self.failed = e

    def ask(self, connection, key, operation, **body):
        a = self.hsm.post(f"/api/v1/keys/{self.keys[key]}/{operation}", body, connection=connection)
        assert a.status == 200, a
        return a.json

    def round(self, connection):
        for key in (a for a in self.keys if a not in ("aes-256-gcm", "ml-kem-768")):
            self.ask(connection, key, "sign", payload_b64=b64(os.urandom(64)))
        sealed = self.ask(connection, "aes-256-gcm", "encrypt", plaintext_b64=b64(os.urandom(700)))
        self.ask(connection, "aes-256-gcm", "decrypt", ciphertext_b64=sealed["ciphertext_b64"], nonce_b64=sealed["nonce_b64"])
        wrapped = self.ask(connection, "ml-kem-768", "encapsulate")
        again = self.ask(connection, "ml-kem-768", "decapsulate", ciphertext_b64=wrapped["ciphertext_b64"])
        assert again["shared_secret_b64"] == wrapped["shared_secret_b64"]
        self.rounds += 1

    def wait_rounds(self, n):
        wanted = self.rounds + n
        while self.rounds < wanted and self.failed is None:
            self.end.wait(0.005)

    def stop(self):
        self.end.set()
        for t in self.threads:
            t.join()
        assert self.failed is None, self.failed


class Target:
    """A service with one key of each algorithm, made inside and used, and the needles to look for."""

    def __init__(self, folder, stage=STAGE, user=None, program=None, **settings):
        self.folder = Path(folder)
        self.hsm = Hsm(self.folder / "hsm", stage=stage, run_as=user).init().unlimited().configure(**settings)
        if program is None:
            self.hsm.start()
        else:
            self.start_under(program)
        # Long enough for a window of eight bytes at any place, and found nowhere else.
        self.marker = "marker-" + os.urandom(12).hex()
        self.keys = {a: self.hsm.create(f"{self.marker}-{a}", a)["id"] for a in records.ALGORITHMS.values()}
        self.load = Load(self.hsm, self.keys)
        self.load.wait_rounds(3)
        self.learn()

    def start_under(self, program):
        """Starts holdfastd through a wrapper program."""
        plain = self.hsm.command
        self.hsm.command = lambda *words: plain(program, *words)
        self.hsm.start()
        self.hsm.command = plain

    def learn(self):
        opened = records.Opened(self.hsm.data)
        assert {a for a, _ in opened.material.values()} == set(records.ALGORITHMS.values())
        self.needles, self.control = self.folder / "needles", self.folder / "control"
        forms = list(needles.all_forms(opened))
        needles.write(self.needles, forms)
        needles.write(self.control, self.controls())
        self.tls_needles = self.folder / "tls-needles"
        with open(self.hsm.data / "tls" / "server-key.pem", "rb") as pem:
            scalar = serialization.load_pem_private_key(pem.read(), None).private_numbers().private_value.to_bytes(32, "big")
        needles.write(self.tls_needles, needles.both_orders("tls-key", scalar))

    def controls(self):
        """For each process something that it does hold in ordinary memory."""
        public = subprocess.run(["openssl", "pkey", "-in", self.hsm.admin_key, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
        row = next(blob for kind, _, _, blob in records.rows(self.hsm.data / "store") if kind == records.KIND_VERSION)
        end = "-----END CERTIFICATE-----"
        pem = (self.hsm.data / "tls" / "server.pem").read_text()
        certificate = ssl.PEM_cert_to_DER_cert(pem[:pem.index(end) + len(end)] + "\n")
        # The supervisor keeps the keyset's rows to pass them on; the verifier loads the point from them.
        return [("core", self.marker.encode()), ("gateway", certificate[-48:]), ("store", row[-48:]),
                ("verifier-token", public[-64:-32]), ("supervisor", public[-32:])]

    def processes(self):
        return {**self.hsm.children(), "supervisor": self.hsm.supervisor_pid()}

    def core(self):
        return self.hsm.children()["core"]

    def parked_registers(self, tries=10):
        """What is found in core's registers after each of some short encryptions, which leave round keys where they can."""
        found = []
        for _ in range(tries):
            a = self.hsm.post(f"/api/v1/keys/{self.keys['aes-256-gcm']}/encrypt", {"plaintext_b64": b64(os.urandom(16))})
            assert a.status == 200, a
            found += self.scan("registers", self.core()).hits
        return found

    def scan(self, how, what, needles_file=None):
        return Scan(tool("memscan", needles_file or self.needles, how, what))

    def stop(self):
        self.load.end.set()
        self.hsm.stop()


class Strobe:
    """Scans a process before and after every system call of every thread while it is open as a context; then `scan` holds the sum."""

    def __init__(self, needles_file, pid):
        self.process = subprocess.Popen([TOOLS / "memscan", needles_file, "strobe", str(pid)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.scan = Scan(self.process.communicate(timeout=30)[0].splitlines())


class Scan:
    def __init__(self, lines):
        self.hits, self.closed, self.scanned = [], [], 0
        for line in lines:
            words = line.split(" ", 3)
            if words[0] == "hit":
                self.hits.append(Hit(words[1], int(words[2]), words[3]))
            elif words[0] == "closed":
                self.closed.append((int(words[1]), line.split(" ", 2)[2]))
            else:
                self.scanned, self.places = int(words[1]), int(words[2])

    @property
    def count(self):
        return sum(h.count for h in self.hits)

    def labels(self):
        """The kinds of key that were found: `ec-p256`, `audit-sign`, ..."""
        return {h.label.split(":")[0] for h in self.hits}


# ---- single processes, with the test as supervisor ----

UIDS = {"core": 2111000002, "gateway": 2111000003, "store": 2111000004, "verifier-token": 2111000005, "holdfast-unseal": 2111000006,
        "config": 2111000007}
CORE_CONFIG = dict(strict=False, lanes=2, arena_mib=7, key_cache_mib=3, actor_rate=1000, actor_burst=1000, token_max_s=300, token_leeway_s=5, segment_ms=5, ring_mib=1)
GATEWAY_CONFIG = dict(strict=False, threads=2, max_connections=16, address_rate=1000, address_burst=1000, header_ms=5000, body_ms=5000,
                      idle_ms=5000, client_certificates=1, log_requests=1)
AS_NOBODY = ("/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class Nursery:
    """Starts the release's processes one at a time, each parked in its sandbox as it is in service."""

    def __init__(self, folder, stage=STAGE, user=None):
        self.folder, self.stage, self.user = Path(folder), stage, user
        self.hsm = Hsm(self.folder / "hsm", stage=stage, run_as=user).init()
        self.data, self.alive, self.count, self.cores = self.hsm.data, [], 0, []
        self.keyset = self.read_keyset()

    def spawn(self, name, *more, give=()):
        program = self.stage / "libexec" / "holdfast" / name
        if self.user is None:
            words = [program, "--uid", UIDS[name], "--gid", UIDS[name], *more]
        else:
            uid = os.stat(self.data).st_uid
            words = [*AS_NOBODY, program, "--uid", uid, "--gid", uid, *more]
        channel, process = spawn(*words, give=give, stderr=open(self.folder / "stderr.log", "ab"))
        self.alive.append((channel, process))
        return channel, process.pid

    def read_keyset(self):
        with open(self.data / "holdfast.conf", "rb") as conf, open(self.data / "keyset.json", "rb") as keyset:
            channel, _ = self.spawn("config", give=[conf.fileno(), keyset.fileno()])
            found = None
            while True:
                name, _, values, _ = channel.receive()
                assert name != "CONFIG_FAILED", values
                if name == "KEYSET":
                    found = values
                if name == "CONFIG_DONE":
                    return found

    def start(self, name):
        """The pid of a new process, when its threads run and its filter is in place."""
        pid = getattr(self, "start_" + name.replace("-", "_"))()
        deadline = time.monotonic() + 10
        while not all(status(pid, t)["Seccomp"] == "2" for t in threads(pid)) or len(threads(pid)) < {"core": 3, "gateway": 3}.get(name, 1):
            assert time.monotonic() < deadline, name
            time.sleep(0.005)
        return pid

    def wait_ready(self, channel):
        while channel.receive()[0] != "READY":
            pass

    def start_core(self):
        channel, pid = self.spawn("core")
        channel.send("CONFIG_CORE", **CORE_CONFIG)
        channel.send("SAVED_FILES", has_epoch=False, has_anchor=False)
        channel.send("KEYSET", **self.keyset)
        self.wait_ready(channel)
        return pid

    def start_store(self):
        self.count += 1
        path = self.folder / f"store-{self.count}"
        path.mkdir(0o700)
        shutil.chown(path, os.stat(self.data).st_uid, os.stat(self.data).st_gid)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        channel, pid = self.spawn("store", give=[folder])
        os.close(folder)
        channel.send("CONFIG_STORE", strict=False, engine=1)
        self.wait_ready(channel)
        return pid

    def start_verifier_token(self):
        channel, pid = self.spawn("verifier-token")
        channel.send("CONFIG_VERIFIER", strict=False, issuer="", audience="holdfast")
        channel.send("KEYSET", **self.keyset)
        self.wait_ready(channel)
        return pid

    def start_gateway(self):
        """It is ready when core, which is the test here, has shown to have the key of its certificate."""
        channel, pid = self.spawn("gateway")
        with socket.create_server(("127.0.0.1", 0)) as listening, open(self.data / "tls/server.pem", "rb") as chain:
            listening.setblocking(False)
            channel.send("CONFIG_GATEWAY", fds=[listening.fileno(), chain.fileno()], **GATEWAY_CONFIG)
        core, theirs = socket_pair()
        channel.send("PEER_CHANNEL", fds=[theirs.fileno()], role=PEERS["core"])
        theirs.close()
        name, ident, asked, _ = core.receive()
        assert name == "TLS_SIGN"
        key = serialization.load_pem_private_key((self.data / "tls/server-key.pem").read_bytes(), None)
        core.send("TLS_SIGNED", ident=ident, signature=key.sign(asked["input"], ec.ECDSA(hashes.SHA256())))
        self.wait_ready(channel)
        self.cores.append(core)
        return pid

    def start_config(self):
        """Waits, inside its sandbox, for the rows that it is to print."""
        with open("/dev/null", "rb") as nothing:
            return self.spawn("config", "--print-keyset", give=[nothing.fileno(), nothing.fileno()])[1]

    def start_holdfast_unseal(self):
        """Has sent the root key and waits for core's answer, which never comes."""
        folder = os.open(self.data / "seal", os.O_RDONLY | os.O_DIRECTORY)
        channel, pid = self.spawn("holdfast-unseal", "file", give=[folder])
        os.close(folder)
        assert channel.receive()[0] == "ROOT_KEY"
        return pid

    def end_last(self):
        channel, process = self.alive.pop()
        channel.close()
        process.kill()
        process.wait()

    def stop(self):
        while self.alive:
            self.end_last()


def status(pid, tid):
    """/proc/PID/task/TID/status as a dictionary."""
    text = Path(f"/proc/{pid}/task/{tid}/status").read_text()
    return dict(line.split(":\t", 1) if ":\t" in line else (line.rstrip(":"), "") for line in text.splitlines())


# ---- injected calls ----

def inject(tid, number, *arguments):
    """('value', n), ('errno', n) or ('killed', signal)."""
    kind, value = tool("inject", tid, number, *arguments)[-1].split()
    return kind, int(value)


def threads(pid):
    return sorted(int(t) for t in os.listdir(f"/proc/{pid}/task"))
