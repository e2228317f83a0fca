"""A kernel that has memfd_secret and then gives no page: the next backing is taken, strict mode refuses, and nothing dies of SIGBUS."""
import shutil
import subprocess

import pytest

from hsm import STAGE

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def mint(tmp_path, nth, env=None):
    """mint, whose nth page of the arena cannot be had: (process, the calls that made the arena)."""
    key, log = tmp_path / "key.pem", tmp_path / "calls"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], check=True, capture_output=True)
    done = subprocess.run(["strace", "-o", log, "-e", "trace=memfd_secret,mlock2,getrandom", "-e", f"inject=getrandom:error=EFAULT:when={nth}",
                           STAGE / "libexec/holdfast/mint", "--key", key, "--actor", "a", "--role", "service"], capture_output=True, text=True, env=env)
    return done, log.read_text()


@pytest.mark.parametrize("nth", [3, 257])
def test_the_next_backing_is_taken(tmp_path, nth):
    done, calls = mint(tmp_path, nth)
    assert done.returncode == 0 and done.stdout.count(".") == 2, done.stderr
    refused = calls.index("EFAULT (Bad address) (INJECTED)")
    assert "memfd_secret(" in calls[:refused] and "mlock2(" not in calls[:refused] and "mlock2(" in calls[refused:]


def test_without_a_fault_there_is_no_other_backing(tmp_path):
    done, calls = mint(tmp_path, 60000)
    assert done.returncode == 0 and "INJECTED" not in calls
    if "memfd_secret(O_CLOEXEC) = -1" in calls:
        pytest.skip("this kernel has no memfd_secret")
    assert "mlock2(" not in calls
