"""The rows of a store as a dictionary, a store played by the test, and a core opened on it alone."""
import os
import sqlite3
from pathlib import Path

import proto
from proto import ERR, PEERS, Gone, encode, socket_pair, spawn
from rig import CORE_CONFIG, libexec

KEY, VERSION, WRAP, SEGMENT, MANIFEST, TAIL, REVOCATION = range(1, 8)
KIND_NAMES = {KEY: "KEY", VERSION: "VERSION", WRAP: "WRAP", SEGMENT: "SEGMENT", MANIFEST: "MANIFEST", TAIL: "TAIL", REVOCATION: "REVOCATION"}
NO_ID = bytes(16)


def load(path):
    """(kind, id, version) -> blob of a stopped store's file."""
    with sqlite3.connect(path) as db:
        rows = {(kind, bytes(ident), version): bytes(blob) for kind, ident, version, blob in db.execute("SELECT kind, id, version, blob FROM row")}
    db.close()
    return rows


def save(path, rows):
    """Puts exactly these rows in place of those of a stopped store's file."""
    db = sqlite3.connect(path)
    with db:
        db.execute("DELETE FROM row")
        db.executemany("INSERT INTO row VALUES (?, ?, ?, ?)", [(*key, blob) for key, blob in rows.items()])
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def root_key(data):
    """What the real holdfast-unseal hands to core."""
    folder = os.open(Path(data) / "seal", os.O_RDONLY | os.O_DIRECTORY)
    channel, process = spawn(libexec("holdfast-unseal"), "file", give=[folder])
    name, ident, values, _ = channel.receive()
    assert name == "ROOT_KEY", (name, values)
    channel.send("ACK", ident=ident, error=0)
    process.wait(10)
    channel.close()
    os.close(folder)
    return values["root"]


class PlayedStore:
    """The store's side of core's channel. `alter` may change, per row key, what reads give: a blob, or None to withhold the row."""

    def __init__(self, channel, rows):
        self.channel, self.rows, self.alter = channel, dict(rows), {}
        self.commits = 0

    def blob(self, key):
        return self.alter.get(key, self.rows.get(key))

    def row(self, key):
        return {"kind": key[0], "id": key[1], "version": key[2], "blob": self.blob(key)}

    def scan(self, m):
        keys = sorted(k for k in self.rows if k[0] == m["kind"] and (m["from_start"] or k[1:] > (m["after_id"], m["after_version"])))
        taken, used = [], 0
        for key in keys:
            if self.blob(key) is None:
                continue
            if taken and used + len(self.blob(key)) > min(m["max_bytes"], 500000):
                return {"error": 0, "more": True, "rows": taken}
            taken.append(self.row(key))
            used += len(self.blob(key))
        return {"error": 0, "more": False, "rows": taken}

    def get(self, m):
        key = (m["kind"], m["id"], m["version"])
        if self.blob(key) is None:
            return {"error": ERR["NOT_FOUND"], "more": False, "rows": []}
        return {"error": 0, "more": False, "rows": [self.row(key)]}

    def commit(self, m):
        for op in m["ops"]:
            key = (op["kind"], op["id"], op["version"])
            if op["op"] == 2:
                self.rows.pop(key, None)
            else:
                self.rows[key] = op["blob"]
        self.commits += 1
        return {"error": 0, "why": ""}

    def serve(self, timeout=0):
        """Answers what is there; True when something was."""
        try:
            name, ident, values, fds = self.channel.receive(timeout)
        except TimeoutError:
            return False
        for fd in fds:
            os.close(fd)
        if name == "STORE_SCAN":
            self.channel.send("STORE_ROWS", ident=ident, **self.scan(values))
        elif name == "STORE_GET":
            self.channel.send("STORE_ROWS", ident=ident, **self.get(values))
        elif name == "STORE_COMMIT":
            self.channel.send("STORE_DONE", ident=ident, **self.commit(values))
        return True


class LoneCore:
    """A real core and nothing else: supervisor, unseal, store and gateway are the test."""

    def __init__(self, keyset, rows, anchor, epoch, stderr=None):
        self.core, self.process = spawn(libexec("core"), stderr=stderr)
        self.core.send("CONFIG_CORE", **CORE_CONFIG)
        self.core.send("SAVED_FILES", has_epoch=epoch is not None, epoch=epoch, has_anchor=anchor is not None, anchor=anchor)
        self.core.send("KEYSET", **{**keyset, "rows": [dict(r) for r in keyset["rows"]]})
        self.anchor, self.epoch, self.states = anchor, epoch, []
        self.store = PlayedStore(self.peer("store"), rows)

    def peer(self, role, to=None):
        ours, theirs = socket_pair()
        self.core.send("PEER_CHANNEL", fds=[theirs.fileno()], role=PEERS[role])
        theirs.close()
        if to is not None:
            to.send("PEER_CHANNEL", fds=[ours.sock.fileno()], role=PEERS["core"])
            ours.close()
        return ours

    def open(self, root):
        """(state, why) of the start: 2 open, 3 refused."""
        unseal = self.peer("unseal")
        unseal.send("ROOT_KEY", ident=1, root=root)
        while not self.states or self.states[-1][0] not in (2, 3):
            self.step(0.005)
        unseal.close()
        return self.states[-1]

    def step(self, timeout=0.001):
        while self.store.serve():
            pass
        try:
            name, ident, values, fds = self.core.receive(timeout)
        except TimeoutError:
            return
        for fd in fds:
            os.close(fd)
        if name == "CORE_STATE":
            self.states.append((values["state"], values["why"]))
        elif name in ("ANCHOR_WRITE", "EPOCH_WRITE", "KEYSET_WRITE"):
            self.write(name, ident, values)

    def write(self, name, ident, values):
        """What the supervisor would put on disk; core waits for the answer."""
        if name == "ANCHOR_WRITE":
            self.anchor = values["anchor"]
        if name == "EPOCH_WRITE":
            self.epoch = values["epoch"]
        self.core.send("ACK", ident=ident, error=0)

    def start_verifier(self, keyset):
        verifier, self.verifier_process = spawn(libexec("verifier-token"))
        verifier.send("CONFIG_VERIFIER", strict=False, issuer="", audience="holdfast")
        verifier.send("KEYSET", **{**keyset, "rows": [dict(r) for r in keyset["rows"]]})
        self.peer("verifier", to=verifier)
        assert verifier.receive()[0] == "READY"
        self.verifier = verifier
        self.gateway = self.peer("gateway")

    def ask(self, message, /, **values):
        """A client request, with the store played meanwhile."""
        self.gateway.next_id += 1
        self.gateway.send_raw(proto.frame(message, encode(message, request_id="test", **values), self.gateway.next_id))
        for _ in range(20000):
            while self.store.serve():
                pass
            try:
                name, ident, fields, _ = self.gateway.receive(0.0005)
            except TimeoutError:
                self.step(0)
                continue
            if ident == self.gateway.next_id:
                return name, fields
        raise AssertionError(f"no answer to {message}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.core.close()
        self.store.channel.close()
        if hasattr(self, "verifier_process"):
            self.verifier_process.kill()
            self.verifier_process.wait()
            self.verifier.close()
            self.gateway.close()


__all__ = ["KEY", "VERSION", "WRAP", "SEGMENT", "MANIFEST", "TAIL", "REVOCATION", "KIND_NAMES", "NO_ID", "load", "save", "root_key",
           "PlayedStore", "LoneCore", "Gone"]
