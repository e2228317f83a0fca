"""Every example of help and man pages, and every command of the README, runs as it stands there."""
import json
import os
import re
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import Cli
from hsm import ROOT, STAGE, Hsm, b64
from test_cli import COMMANDS
from test_wrap import pkcs8

# What an example needs of another one decides the order.
ORDER = (
    "init", "status", "capabilities", "selftest", "completion", "key create", "key import", "key list", "key show", "key versions", "key public", "key set",
    "sign", "verify", "mac", "encrypt", "key rotate", "rewrap", "decrypt", "encapsulate", "decapsulate", "random", "batch", "key revoke", "key destroy",
    "root rotate-epoch", "keyset show", "keyset apply", "audit tail", "audit export", "audit verify", "audit accept-rollback", "token mint",
    "token inspect", "token introspect", "token session", "token revoke", "file protect", "file verify", "file read", "file write", "file unprotect", "seal", "unseal",
)
ELSEWHERE = {"version": "has no example", "reseal": "asks for a passphrase: tests of the seal run it"}


def examples_of(command):
    text = subprocess.run([STAGE / "bin" / "holdfast", *command.split(), "--help"], capture_output=True, text=True, check=True).stdout
    block = re.search(r"^Examples:\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    return [line[2:] for line in block.group(1).split("\n")] if block else []


class World:
    """A folder with the files that examples name, and the environment of somebody who works with an HSM."""

    def __init__(self, folder):
        self.folder = folder
        self.hsm = Hsm(folder / "instance").init().unlimited().start()
        cli = Cli(self.hsm, folder)
        for name, algorithm in (("tags", "hmac-sha256"), ("mailbox", "ml-kem-768"), ("old", "ed25519")):
            cli.fine("key", "create", name, "--algorithm", algorithm)
        key = ec.generate_private_key(ec.SECP256R1())
        spki = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        items = {"items": [{"operation": "random", "bytes": 16}, {"operation": "mac", "key": "tags", "payload_b64": b64(b"m")}]}
        for file, content in (("app.tar", os.urandom(5000)), ("plan.txt", b"a plan"), ("partner.pem", spki), ("legacy.pem", pkcs8(key, serialization.Encoding.PEM)),
                              ("items.json", json.dumps(items).encode()), ("admin.token", self.hsm.token().encode())):
            (folder / file).write_bytes(content)
            (folder / file).chmod(0o600)
        (folder / "anchor").symlink_to(self.hsm.anchor)
        self.environment = {"PATH": f"{STAGE / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "HOLDFAST_SERVER": f"https://127.0.0.1:{self.hsm.port}",
                            "HOLDFAST_CA": str(self.hsm.data / "tls" / "ca.pem"), "HOLDFAST_TOKEN_FILE": str(folder / "admin.token"),
                            "HOLDFAST_FILE_STORE": str(folder / "file-anchors")}

    def before(self, command):
        if command == "keyset apply":
            path = self.folder / "keyset.json"
            keyset = json.loads(path.read_text())
            keyset["generation"] += 1
            path.write_text(json.dumps(keyset))
        if command == "token mint":
            (self.folder / "admin-key.pem").unlink(missing_ok=True)  # init's example made another one
            (self.folder / "admin-key.pem").symlink_to(self.hsm.admin_key)

    def run(self, script):
        return subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120)


def test_every_command_is_here():
    assert sorted([*ORDER, *ELSEWHERE]) == sorted(COMMANDS)


def test_examples(tmp_path):
    world = World(tmp_path)
    try:
        for command in ORDER:
            world.before(command)
            lines = examples_of(command)
            assert lines and all("holdfast" in line or line.startswith((". ", "umask ")) for line in lines), command
            done = world.run("\n".join(lines))
            assert done.returncode == 0, (command, done.stderr, done.stdout)
        assert (tmp_path / "plan.txt").read_bytes() == b"a plan"
        assert (tmp_path / "mail.key").read_bytes() == (tmp_path / "mail-2.key").read_bytes()
    finally:
        world.hsm.stop()


def test_the_example_of_the_overview(tmp_path):
    text = (ROOT / "docs/man/holdfast.1").read_text().split(".SH EXAMPLES\n.nf\n")[1].split(".fi")[0].replace("\\-", "-")
    hsm = Hsm(tmp_path / "instance").init().unlimited().start()
    try:
        (tmp_path / "admin-key.pem").symlink_to(hsm.admin_key)
        (tmp_path / "ca.pem").symlink_to(hsm.data / "tls" / "ca.pem")
        (tmp_path / "app.tar").write_bytes(b"x" * 999)
        env = {"PATH": f"{STAGE / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path), "HOLDFAST_SERVER": f"https://127.0.0.1:{hsm.port}"}
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0 and "Verified OK" in done.stdout, done
    finally:
        hsm.stop()


def test_the_readme(tmp_path):
    """Its blocks of shell one after the other, from 'First ten minutes' on, where `make run` would have been."""
    text = (ROOT / "README.md").read_text().split("## First ten minutes")[1].split("\n## ")[0]
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    dev = tmp_path / "build" / "dev"
    hsm = Hsm(dev).init().unlimited().start()
    try:
        (tmp_path / "build" / "stage").symlink_to(STAGE)
        (dev / "admin.token").write_text(hsm.token())
        (dev / "admin.token").chmod(0o600)
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", script.replace("127.0.0.1:8443", f"127.0.0.1:{hsm.port}")], cwd=tmp_path, env=env,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        assert script.count("holdfast ") > 20 and "signature_b64" in done.stdout and "a secret\n" in done.stdout
        commands = {c for c in COMMANDS if re.search(rf"holdfast {c}\b", script)}
        assert {"key import", "mac", "batch", "token session", "key set"} <= commands
    finally:
        hsm.stop()
