import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from hsm import Hsm  # noqa: E402
from terminal import Terminal  # noqa: E402


class Cli:
    """cli("key", "list").returncode: the staged `holdfast` against one HSM, as its administrator."""

    def __init__(self, hsm, folder):
        self.hsm, self.folder = hsm, folder
        self.program = hsm.stage / "bin" / "holdfast"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        self.server = ["--server", f"https://127.0.0.1:{hsm.port}", "--ca", hsm.data / "tls" / "ca.pem"]
        self.authority = ["--token-key", hsm.admin_key]

    def bare(self, *words, input=b"", env=None, **kw):
        words = [str(w) for w in (self.program, *words)]
        return subprocess.run(words, input=input, capture_output=True, env={**self.environment, **(env or {})}, cwd=self.folder, timeout=60, **kw)

    def __call__(self, *words, **kw):
        return self.bare(*self.server, *self.authority, *words, **kw)

    def anonymous(self, *words, **kw):
        return self.bare(*self.server, *words, **kw)

    def fine(self, *words, **kw):
        done = self(*words, **kw)
        assert done.returncode == 0, done
        return done.stdout

    def terminal(self, *words, **kw):
        return Terminal([self.program, *self.server, *self.authority, *words], {**self.environment, "TERM": "dumb"}, self.folder, **kw)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    h = Hsm(tmp_path_factory.mktemp("hsm")).init().unlimited().configure(tokens__leeway_s=0)
    h.start("--socket", h.folder / "hsm.sock")
    yield h
    assert h.stop() == 0, h.text()[-2000:]


@pytest.fixture
def cli(hsm, tmp_path):
    return Cli(hsm, tmp_path)
