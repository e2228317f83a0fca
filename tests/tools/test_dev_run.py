"""What `make run` does, on the staged programs: again on data that is there, stopped by Ctrl-C, and beside another one."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import hsm  # noqa: E402


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "build").mkdir()
    shutil.copy2(ROOT / "tools" / "dev-run", tmp_path / "tools")
    (tmp_path / "build" / "stage").symlink_to(hsm.STAGE)
    tmp_path.chmod(0o755)
    return tmp_path


def settings(port, **more):
    return {**os.environ, "HOLDFAST_PORT": str(port), "ONCE": "", **more}


def run_once(tree, port):
    return subprocess.run([tree / "tools" / "dev-run"], env=settings(port, ONCE="1"), capture_output=True, text=True, timeout=60)


def test_a_second_run_takes_the_data_of_the_first(tree):
    port = hsm.free_port()
    for _ in range(3):  # the log of the last run says "ready" too: it must not be believed
        done = run_once(tree, port)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Verified OK" in done.stdout
        assert "stopped cleanly" in done.stdout
    assert "made the signing key" not in done.stdout


def test_ctrl_c_stops_everything_cleanly(tree):
    port = hsm.free_port()
    run = subprocess.Popen([tree / "tools" / "dev-run"], env=settings(port), stdout=subprocess.PIPE, text=True, start_new_session=True)
    for line in run.stdout:
        if "Ctrl-C" in line:
            break
    os.killpg(run.pid, signal.SIGINT)
    rest, _ = run.communicate(timeout=30)
    assert run.returncode == 0
    assert "stopped cleanly" in rest
    log = (tree / "build" / "dev" / "holdfastd.log").read_text()
    assert log.rstrip().endswith("stopped")
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_in_use_is_named_with_the_way_out(tree):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        begun = time.monotonic()
        done = run_once(tree, port)
    assert done.returncode != 0
    assert f"port {port} is in use" in done.stderr
    assert "HOLDFAST_PORT" in done.stderr
    assert not (tree / "build" / "dev").exists()
    assert time.monotonic() - begun < 20
