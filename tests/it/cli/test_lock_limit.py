"""What the command does where nothing may be locked: it says so and goes on, or refuses when it is to be strict."""
import os
import subprocess

import pytest

from attack import open_folder
from hsm import STAGE

WARNING = "warning: RLIMIT_MEMLOCK is too low"
# Needs no server, and its answer passes through the memory in question.
COMMAND = [STAGE / "bin/holdfast", "version", "--output", "json"]


def run(kilobytes, strict=None, command=COMMAND):
    env = {"PATH": os.environ["PATH"], **({} if strict is None else {"HOLDFAST_STRICT": strict})}
    done = ["prlimit", f"--memlock={kilobytes * 1024}", *command]
    if os.geteuid() == 0: # root's CAP_IPC_LOCK lifts the limit
        done = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock", "--reuid=65534", "--clear-groups", *done]
    return subprocess.run(done, capture_output=True, text=True, env=env, cwd="/")


@pytest.fixture
def folder():
    with open_folder() as f:
        f.chmod(0o777)
        yield f


@pytest.mark.parametrize("strict", [None, "0"])
def test_it_says_so_once_and_goes_on(strict):
    done = run(0, strict)
    assert done.returncode == 0 and "version" in done.stdout, done.stderr
    assert done.stderr.count(WARNING) == 1 and "ulimit -l" in done.stderr


def test_with_room_it_is_quiet():
    for strict in (None, "1"):
        done = run(8192, strict)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_strict_refuses():
    done = run(0, "1")
    assert done.returncode == 7 and done.stdout == "", done.stderr
    assert "HOLDFAST_STRICT=1" in done.stderr and "RLIMIT_MEMLOCK" in done.stderr


def test_strict_is_yes_or_no():
    done = run(8192, "yes")
    assert done.returncode == 2 and "HOLDFAST_STRICT must be 1 or 0" in done.stderr


@pytest.mark.parametrize("strict, kilobytes, says", [("1", 0, "RLIMIT_MEMLOCK"), ("yes", 8192, "HOLDFAST_STRICT must be 1 or 0")])
def test_keys_are_made_in_locked_memory_or_not_at_all(folder, strict, kilobytes, says):
    """The program behind `holdfast init` by itself, as the command line would refuse before it."""
    words = ["--data", folder / "data", "--anchor", folder / "anchor", "--seal", "file", "--dev"]
    done = run(kilobytes, strict, [STAGE / "libexec/holdfast/init", *words])
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert list(folder.iterdir()) == []
