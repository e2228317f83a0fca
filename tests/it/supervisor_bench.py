"""A data folder, a supervisor and stand-in children (tests/it/supervisor/child_probe.c) for the supervisor's tests."""
import glob
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAGE = Path(os.environ.get("HOLDFAST_STAGE") or ROOT / "build" / "stage")
LIBEXEC = Path(os.environ.get("HOLDFAST_LIBEXEC") or STAGE / "libexec" / "holdfast")
DAEMON = Path(os.environ.get("HOLDFASTD") or STAGE / "bin" / "holdfastd")
PLAYED = ["core", "store", "gateway", "verifier-token"]


def probe():
    """The stand-in child of the build folder that is tested; without one, the newest."""
    build = os.environ.get("HOLDFAST_BUILD_DIR")
    found = [str(Path(build) / "tests" / "it" / "supervisor" / "child_probe")] if build else glob.glob(str(ROOT / "build" / "*" / "tests" / "it" / "supervisor" / "child_probe"))
    assert found, "child_probe is not built; `make test` builds it"
    return max(found, key=os.path.getmtime)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment(**more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("HOLDFAST", "AUNSORM", "XDG_"))}
    return {**keep, **more}


def run_init(*arguments, env=None, user=None, wrap=()):
    command = [*wrap, str(LIBEXEC / "init"), *map(str, arguments)]
    if user:
        command = ["runuser", "-u", user, "--", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env or clean_environment())


def wait_until(what, condition, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.02)
    pytest.fail(f"not within {seconds} s: {what}")


class Bench:
    """One data folder and the daemon over it. The working folder is where the stand-ins read orders and write their log."""

    def __init__(self, folder, user=None):
        self.work = Path(folder)
        self.user = user
        self.data, self.anchor = self.work / "data", self.work / "anchor"
        self.log_path, self.libexec = self.work / "probe.log", self.work / "libexec"
        self.port = free_port()
        self.libexec.mkdir()
        for name in PLAYED:
            (self.libexec / name).symlink_to(probe())
        for name in ("config", "holdfast-unseal"):
            (self.libexec / name).symlink_to(LIBEXEC / name)
        if user:
            subprocess.run(["chown", "-R", user, self.work], check=True)
        made = run_init("--data", self.data, "--admin-key-out", self.work / "admin.pem", "--listen", f"127.0.0.1:{self.port}", user=user)
        assert made.returncode == 0, made.stderr
        self.daemon = None
        self.out = self.work / "daemon.out"

    def command(self, *more):
        line = [str(DAEMON), "--data", str(self.data), "--anchor", str(self.anchor), "--libexec", str(self.libexec), *map(str, more)]
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.group()}", "--clear-groups", "--", *line] if self.user else line

    def group(self):
        return subprocess.run(["id", "-g", self.user], capture_output=True, text=True, check=True).stdout.strip()

    def order(self, child, text):
        (self.work / f"probe.{child}").write_text(text)

    def run(self, *more, **env):
        """To its end: for starts that are refused."""
        return subprocess.run(self.command(*more), cwd=self.work, capture_output=True, text=True, timeout=30, env=clean_environment(**env))

    def start(self, *more, ready=True, **env):
        with open(self.out, "ab") as out:
            self.daemon = subprocess.Popen(self.command(*more), cwd=self.work, stdout=out, stderr=out, env=clean_environment(**env))
        if ready:
            self.wait_for_output("holdfastd: ready")
        return self

    def output(self):
        return self.out.read_text() if self.out.exists() else ""

    def wait_for_output(self, text, times=1, seconds=10.0):
        def there():
            if self.daemon.poll() is not None and self.output().count(text) < times:
                pytest.fail(f"holdfastd ended with {self.daemon.returncode}:\n{self.output()}")
            return self.output().count(text) >= times
        wait_until(f"output {text!r}:\n{self.output()}", there, seconds)

    def log(self, child=None):
        lines = self.log_path.read_text().splitlines() if self.log_path.exists() else []
        return [line for line in lines if child is None or line.split()[0] == child]

    def wait_for_log(self, child, pattern, times=1, seconds=10.0):
        found = lambda: [line for line in self.log(child) if re.search(pattern, line)]
        return wait_until(f"{times} times {pattern!r} from {child}", lambda: found() if len(found()) >= times else None, seconds)

    def pid(self, child):
        """Of the last one that was started; they are our daemon's children and nobody else's."""
        pid = int([line for line in self.log(child) if " START " in line][-1].split()[1])
        if os.path.exists(f"/proc/{pid}/stat"):
            assert Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1] == str(self.daemon.pid)
        return pid

    def kill(self, child, sig=signal.SIGKILL):
        os.kill(self.pid(child), sig)

    def do(self, child, text):
        self.order(child + ".do", text)
        self.kill(child, signal.SIGUSR1)

    def stop(self, sig=signal.SIGTERM, seconds=15):
        if self.daemon is None or self.daemon.poll() is not None:
            return self.daemon and self.daemon.returncode
        self.daemon.send_signal(sig)
        try:
            return self.daemon.wait(seconds)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
            raise
