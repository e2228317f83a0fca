import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from hsm import Hsm  # noqa: E402


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    """One running HSM for the tests of a file, without the default rates, so that tests do not throttle each other."""
    h = Hsm(tmp_path_factory.mktemp("hsm")).init().unlimited().start()
    yield h
    assert h.stop() == 0, h.text()[-2000:]


@pytest.fixture
def fresh(tmp_path):
    """A new data folder of a test's own; the test starts and stops it."""
    h = Hsm(tmp_path / "hsm").init().unlimited()
    yield h
    h.stop()
