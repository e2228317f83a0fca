"""The real core, store, verifier and unseal, with the test in the place of the supervisor and of the gateway."""
import os
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization

import proto
from hsm import STAGE
from proto import PEERS, spawn, socket_pair

ADMINISTRATOR, OPERATOR, AUDITOR, SERVICE = 1, 2, 4, 8
CORE_CONFIG = dict(strict=False, lanes=1, arena_mib=7, key_cache_mib=3, actor_rate=1000000, actor_burst=1000000, token_max_s=300, token_leeway_s=5, audience="holdfast", session_s=300,
                   durable_all=False, segment_ms=5, ring_mib=1)


def libexec(name):
    return STAGE / "libexec" / "holdfast" / name


class Rig:
    def __init__(self, folder, **core_config):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.admin_key = self.folder / "admin-key.pem"
        self.config = {**CORE_CONFIG, **core_config}
        self.processes = []
        self.anchor = self.epoch = self.ring = None
        self.core_states = []
        self.store_program = "store"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.data.exists():
            subprocess.run([libexec("init"), "--data", self.data, "--admin-key-out", self.admin_key], check=True, capture_output=True)

    # ---- the supervisor's part ----

    def keyset(self):
        """The typed rows and MAC of keyset.json, by the real config program."""
        with open(self.data / "holdfast.conf") as conf, open(self.data / "keyset.json") as keyset:
            channel, process = spawn(libexec("config"), give=[conf.fileno(), keyset.fileno()])
            while True:
                name, _, values, _ = channel.receive()
                if name == "CONFIG_FAILED":
                    raise AssertionError(values["what"])
                if name == "KEYSET":
                    found = values
                if name == "CONFIG_DONE":
                    break
        process.wait(10)
        return found

    def start(self, unseal=True, gateways=1):
        keyset = self.keyset()
        self.start_core(keyset)
        self.gateways = [self.add_gateway() for _ in range(gateways)]
        self.gateway = self.gateways[0]
        self.start_store(program=self.store_program)
        self.start_verifier(keyset)
        if unseal:
            self.unseal()
            self.wait_state(2)
        return self

    def start_core(self, keyset):
        self.core, self.core_process = self.run("core")
        self.core.send("CONFIG_CORE", **self.config)
        self.core.send("SAVED_FILES", has_epoch=self.epoch is not None, epoch=self.epoch, has_anchor=self.anchor is not None, anchor=self.anchor)
        if self.ring is not None:
            self.core.send("AUDIT_RING", fds=[self.ring], bytes=0)
        self.core.send("KEYSET", **{**keyset, "rows": [dict(r) for r in keyset["rows"]]})
        self.wait_core("READY")

    def restart_core(self, root, keyset):
        """After its death: as the supervisor does it. What core wrote before it died still counts; its ring goes to the next one."""
        try:
            self.pump(0)
        except proto.Gone:
            pass
        self.core.close()
        self.core_states.clear()
        self.start_core(keyset)
        self.add_peer("store", to=self.store)
        self.add_peer("verifier", to=self.verifier)
        self.gateways = [self.add_gateway()]
        self.gateway = self.gateways[0]
        self.hand_over(root)

    def hand_over(self, root):
        """The root key, from the test in place of holdfast-unseal (rows.root_key)."""
        unseal = self.add_peer("unseal")
        unseal.send("ROOT_KEY", ident=1, root=root)
        self.wait_state(2)
        unseal.close()

    def run(self, name, *arguments, give=()):
        program = name if isinstance(name, Path) else libexec(name)  # a path: a test's own variant
        channel, process = spawn(program, *arguments, give=give, stderr=open(self.folder / "stderr.log", "ab"))
        self.processes.append(process)
        return channel, process

    def add_peer(self, role, to=None):
        """A channel of that role into core; with `to`, its other end goes to that process as its core channel."""
        ours, theirs = socket_pair()
        self.core.send("PEER_CHANNEL", fds=[theirs.fileno()], role=PEERS[role])
        theirs.close()
        if to is not None:
            to.send("PEER_CHANNEL", fds=[ours.sock.fileno()], role=PEERS["core"])
            ours.close()
        return ours

    def bring_tls_key(self, pem=None):
        """What the config process does with server.tls_key; gives core's answer."""
        key = serialization.load_pem_private_key(pem or (self.data / "tls" / "server-key.pem").read_bytes(), None)
        config = self.add_peer("config")
        config.send("TLS_KEY", ident=1, pkcs8=key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        name, _, values, _ = config.receive()
        config.close()
        assert name == "ACK"
        return values["error"]

    def add_gateway(self):
        return self.add_peer("gateway")

    def start_store(self, fresh_ring=False, program="store"):
        folder = os.open(self.data / "store", os.O_RDONLY | os.O_DIRECTORY)
        self.store, self.store_process = self.run(program, give=[folder])
        os.close(folder)
        self.store.send("CONFIG_STORE", strict=False, engine=1)
        if fresh_ring and self.ring is not None:
            self.store.send("AUDIT_RING", fds=[self.ring], bytes=os.fstat(self.ring).st_size)
        self.add_peer("store", to=self.store)
        assert self.store.receive()[0] == "READY"

    def start_verifier(self, keyset):
        self.verifier, self.verifier_process = self.run("verifier-token")
        self.verifier.send("CONFIG_VERIFIER", strict=False, issuer="", audience="holdfast", hs256=self.config.get("hs256", False))
        self.verifier.send("KEYSET", **{**keyset, "rows": [dict(r) for r in keyset["rows"]]})
        self.add_peer("verifier", to=self.verifier)
        assert self.verifier.receive()[0] == "READY"

    def unseal(self):
        folder = os.open(self.data / "seal", os.O_RDONLY | os.O_DIRECTORY)
        ours, theirs = socket_pair()
        self.core.send("PEER_CHANNEL", fds=[theirs.fileno()], role=PEERS["unseal"])
        theirs.close()
        process = subprocess.Popen(
            [libexec("holdfast-unseal"), "file"], close_fds=False, env={}, stdin=subprocess.DEVNULL,
            preexec_fn=lambda: (os.dup2(ours.sock.fileno(), 100), os.dup2(folder, 101), os.dup2(100, 3), os.dup2(101, 4)))
        process.wait(20)
        os.close(folder)
        ours.close()

    def serve(self, name, ident, values, fds):
        """What a supervisor does with a message of core."""
        if name == "ANCHOR_WRITE":
            self.anchor = values["anchor"]
        elif name == "EPOCH_WRITE":
            self.epoch = values["epoch"]
        elif name == "AUDIT_RING":
            if self.ring is not None:
                os.close(self.ring)
            self.ring = fds[0]
        elif name == "KEYSET_WRITE":
            self.written_keyset = values
        elif name == "CORE_STATE":
            self.core_states.append((values["state"], values["why"]))
        if name in ("ANCHOR_WRITE", "EPOCH_WRITE", "KEYSET_WRITE"):
            self.core.send("ACK", ident=ident, error=proto.ERR["OK"])
        if name == "KEYSET_WRITE":
            channel, process = self.verifier, self.verifier_process
            self.start_verifier(values)  # a new one with the new keyset is ready before the old one goes
            channel.close()
            process.wait(10)

    def pump(self, timeout=0.05):
        try:
            while True:
                name, ident, values, fds = self.core.receive(timeout)
                self.serve(name, ident, values, fds)
        except TimeoutError:
            pass

    def wait_core(self, wanted, timeout=20):
        while True:
            name, ident, values, fds = self.core.receive(timeout)
            self.serve(name, ident, values, fds)
            if name == wanted:
                return values

    def wait_state(self, state, timeout=20):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.core_states and self.core_states[-1][0] == state:
                return self.core_states[-1][1]
            self.pump(0.002)
        raise AssertionError(f"core is not in state {state}: {self.core_states}")

    def stop(self):
        for channel, process in ((self.core, self.core_process), (self.verifier, self.verifier_process), (self.store, self.store_process)):
            try:
                channel.send("STOP")
            except proto.Gone:
                continue
            if channel is self.core:
                self.drain_core(process)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def drain_core(self, process):
        """A stopping core asks for a last anchor."""
        deadline = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < deadline:
            try:
                self.pump()
            except proto.Gone:
                return

    # ---- the gateway's part ----

    def token(self, actor="admin", role="administrator", *more):
        done = subprocess.run([libexec("mint"), "--key", self.admin_key, "--actor", actor, "--role", role, *more], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ask(self, message, /, token=None, gateway=None, timeout=10, **values):
        self.pump(0)
        return (gateway or self.gateway).ask(message, timeout=timeout, token=self.token() if token is None else token, request_id="test", **values)
