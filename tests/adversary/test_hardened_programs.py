"""Each program that holds secrets shuts itself to others before it makes the memory for the first one (HE 38, as decided in holdfast/harden.h)."""
import os
import re
import subprocess

import pytest

from attack import open_folder
from hsm import STAGE, Hsm

LIBEXEC = STAGE / "libexec/holdfast"
SHUT = {
    "no core files": r"prlimit64\(0, RLIMIT_CORE, \{rlim_cur=0, rlim_max=0\}",
    "not dumpable": r"prctl\(PR_SET_DUMPABLE, (?:0|SUID_DUMP_DISABLE)",
    "no new privileges": r"prctl\(PR_SET_NO_NEW_PRIVS, 1",
}
MEMORY = r"^\S+\s+(?:memfd_secret|mlock2?)\("
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def hsm():
    with open_folder() as folder:
        yield Hsm(folder / "hsm").init()


def files(hsm):
    folder = hsm.folder
    (folder / "passphrase").write_bytes(b"a passphrase of some length\n")
    (folder / "key").write_bytes(os.urandom(32))
    (folder / "key").chmod(0o600)
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", folder / "rsa.pem"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", folder / "rsa.pem", "-pubout", "-outform", "DER", "-out", folder / "rsa.der"], check=True)
    return folder


COMMANDS = {
    "holdfast": lambda f, h: [STAGE / "bin/holdfast", "--token-key", h.admin_key, "--socket", f / "none.sock", "key", "list"],
    "init": lambda f, h: [LIBEXEC / "init", "--data", f / "new", "--seal", "passphrase", "--passphrase-file", f / "passphrase",
                          "--admin-key-out", f / "new-admin.pem"],
    "reseal": lambda f, h: [LIBEXEC / "reseal", "--data", h.data, "--seal", "passphrase", "--new-passphrase-file", f / "passphrase"],
    "mint": lambda f, h: [LIBEXEC / "mint", "--key", h.admin_key, "--actor", "admin", "--role", "administrator"],
    "wrap": lambda f, h: [LIBEXEC / "wrap", "--public", f / "rsa.der", "--in", f / "key", "--algorithm", "aes-256-gcm"],
    "hpke-seal": lambda f, h: [LIBEXEC / "hpke-seal", "--public", "09" + 31 * "00", "--passphrase-file", f / "passphrase"],
    "selftest": lambda f, h: [LIBEXEC / "selftest"],
}


@pytest.mark.parametrize("program", COMMANDS)
def test_it_shuts_itself_before_its_first_secret(hsm, program):
    folder = files(hsm)
    trace = folder / "trace"
    done = subprocess.run(["strace", "-f", "-e", "trace=execve,prlimit64,prctl,memfd_secret,mlock,mlock2", "-o", trace,
                           *COMMANDS[program](folder, hsm)], capture_output=True, env=ENVIRONMENT)
    calls = trace.read_text()
    assert program == "holdfast" or done.returncode == 0, done
    first = re.search(MEMORY, calls, re.MULTILINE)
    assert first is not None, calls
    pid = first.group().split()[0]
    before = [line for line in calls[:first.start()].splitlines() if line.split()[0] == pid]
    for what, call in SHUT.items():
        assert any(re.search(call + r".* = 0$", line) for line in before), (what, before)
