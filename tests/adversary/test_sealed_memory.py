"""Sealed memory from outside: the master key is rebuilt from the halves and opens the blob in another library; nothing but the halves is ever there."""
import hashlib
import os
import shutil
import struct
import subprocess

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import attack
import needles

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reading another process's memory needs root")

IDENTITY = struct.pack(">BxHHHQQ", 1, 11, 5, 0, 3, 1000) + b"db/passwordalice"
USERS = ["root", "nobody"]


class Target:
    """The program, its secret, and its memory as root sees it."""

    def __init__(self, folder, program="sealed-target", mlock=True, user="root"):
        self.folder, self.secret = folder, os.urandom(32)
        command = [attack.TOOLS / program]
        if mlock:
            command.insert(0, attack.TOOLS / "no-memfd-secret")
        if user != "root":
            command = ["runuser", "-u", user, "--", *self.copies(folder, command)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.process.stdin.write(self.secret)
        words = self.process.stdout.readline().split()
        assert words[0] == b"ready"
        self.blob, self.left_at, self.right_at = bytes.fromhex(words[1].decode()), int(words[2], 16), int(words[3], 16)
        self.backing = words[4].decode()
        self.pid = self.find_pid(user)

    @staticmethod
    def copies(folder, programs):
        """Where every user can run them."""
        return [shutil.copy(p, folder) for p in programs]

    def find_pid(self, user):
        if user == "root":
            return self.process.pid
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii").read().split()
        return int(children[0]) if children else self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.process.stdout.close()

    def do(self, letters):
        for letter in letters:
            self.process.stdin.write(letter.encode())
            if letter != "s":
                assert self.process.stdout.readline() == b"done\n"

    def leave_loop(self):
        """After `s`: the next letter ends the loop, and both answer."""
        self.process.stdin.write(b"u")
        assert self.process.stdout.readline() == b"done\n" == self.process.stdout.readline()

    def read(self, address, size):
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(size)

    def halves(self):
        return self.read(self.left_at, 32), self.read(self.right_at, 32)

    def key(self):
        left, right = self.halves()
        return bytes(a ^ b for a, b in zip(left, hashlib.sha256(right).digest()))

    def forms(self):
        """What must be nowhere between calls."""
        mask = hashlib.sha256(self.halves()[1]).digest()
        yield from needles.aes_forms("key", self.key())
        yield "mask", mask
        yield "mask-words", b"".join(mask[i:i + 4][::-1] for i in range(0, 32, 4))

    def scan(self, forms, how="mem", what=None):
        file = self.folder / "needles"
        needles.write(file, forms)
        return attack.Scan(attack.tool("memscan", file, how, what or self.pid))

    def flags_at(self, address):
        """VmFlags of the map of an address, from smaps."""
        inside = False
        for line in open(f"/proc/{self.pid}/smaps", encoding="utf-8"):
            first = line.split()[0]
            if "-" in first and ":" not in first:
                start, end = (int(x, 16) for x in first.split("-"))
                inside = start <= address < end
            elif inside and first == "VmFlags:":
                return line.split()[1:]
        raise AssertionError("no such map")


@pytest.fixture
def folder():
    with attack.open_folder() as f:
        yield f


def opens(key, blob, identity=IDENTITY):
    try:
        return AESGCM(key).decrypt(blob[1:13], blob[13:], identity)
    except InvalidTag:
        return None


@pytest.mark.parametrize("user", USERS)
def test_another_library_opens_it_with_the_joined_halves(folder, user):
    """The construction is what the header says, and neither half alone, nor its hash, is the key or opens anything."""
    with Target(folder, user=user) as t:
        assert t.backing == "mlock" and len(t.blob) == 32 + 29 and t.blob[0] == 1
        key, (left, right) = t.key(), t.halves()
        assert opens(key, t.blob) == t.secret
        assert opens(key, t.blob, IDENTITY[:-1] + b"x") is None
        for other in (left, right, hashlib.sha256(left).digest(), hashlib.sha256(right).digest(), bytes(a ^ b for a, b in zip(left, right))):
            assert other != key and opens(other, t.blob) is None
        t.do("n")
        assert t.key() == key and not {left, right} & set(t.halves())
        mixed = bytes(a ^ b for a, b in zip(left, hashlib.sha256(t.halves()[1]).digest()))
        assert opens(mixed, t.blob) is None, "halves of different times do not fit"


@pytest.mark.parametrize("user", USERS)
def test_between_calls_only_the_halves_are_there(folder, user):
    with Target(folder, user=user) as t:
        for letters in ("u", "n", "oc"):
            t.do(letters)
            forms = list(t.forms()) + [("secret", t.secret)]
            assert t.scan(forms).hits == [] and t.scan(forms, "registers").hits == []
        left, right = t.halves()
        hits = t.scan([("left", left), ("right", right)]).hits
        assert {h.label: h.count for h in hits} == {"left": 25, "right": 25}, "each half once, and found by the same scan"
        assert len({h.where for h in hits}) == 2, "in mappings of their own"


def test_old_halves_are_gone(folder):
    with Target(folder) as t:
        old = t.halves()
        t.do("n")
        assert t.scan([("left", old[0]), ("right", old[1])]).hits == []


def test_the_plaintext_is_in_locked_memory_while_open(folder):
    with Target(folder) as t:
        t.do("uo")
        hits = t.scan([("secret", t.secret)]).hits
        assert [h.count for h in hits] == [25], hits
        start = int(hits[0].where.split("-")[0], 16)
        assert {"lo", "dd", "wf"} <= set(t.flags_at(start)), "locked, not dumped, wiped on fork"
        t.do("c")
        assert t.scan([("secret", t.secret)]).hits == []


def test_halves_are_locked_not_dumped_and_wiped_on_fork(folder):
    with Target(folder) as t:
        for address in (t.left_at, t.right_at):
            assert {"lo", "dd", "wf"} <= set(t.flags_at(address))


def test_root_cannot_read_the_halves_of_memfd_secret(folder):
    with Target(folder, mlock=False) as t:
        if t.backing != "memfd_secret":
            pytest.skip("this kernel has no memfd_secret")
        for address in (t.left_at, t.right_at):
            with pytest.raises(OSError):
                t.read(address, 32)
            assert {"lo", "dd", "dc"} <= set(t.flags_at(address)), "not given to children"
        t.do("uo")
        assert t.scan([("secret", t.secret)]).hits == [], "not even while it is open"
        t.do("c")


@pytest.mark.skipif(shutil.which("gcore") is None, reason="gdb is not installed")
def test_a_core_file_has_none_of_it(folder):
    with Target(folder) as t:
        t.do("uo")
        forms = list(t.forms()) + [("secret", t.secret), *zip(("left", "right"), t.halves())]
        subprocess.run(["gcore", "-o", folder / "core", str(t.pid)], check=True, capture_output=True)
        core = folder / f"core.{t.pid}"
        assert t.scan(forms, "file", core).hits == []
        assert t.scan([("blob", t.blob)], "file", core).count > 0, "the scan finds what is there"
        t.do("c")


def test_a_context_that_keeps_its_key_is_noticed(folder):
    """The mutation: round keys, hash key and, as AES-256's first two round keys are the key, the master key itself."""
    with Target(folder, program="sealed-target-kept") as t:
        t.do("u")
        found = {h.label for h in t.scan(t.forms()).hits}
        assert {"key:key", "key:round-keys"} <= found


def test_during_calls_the_key_is_seen_at_times(folder):
    """What the header admits: OpenSSL's heap has the expanded key for the moment of a call, and it is gone afterwards."""
    with Target(folder) as t:
        forms = list(t.forms())
        t.do("s")
        seen = any(t.scan(forms).hits for _ in range(200))
        t.leave_loop()
        assert seen
        assert t.scan(forms).hits == []
