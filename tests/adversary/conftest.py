import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from hsm import Hsm  # noqa: E402
from rig import Rig  # noqa: E402


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    r = Rig(tmp_path_factory.mktemp("rig")).start(gateways=2)
    yield r
    r.stop()


@pytest.fixture
def own_rig(tmp_path):
    r = Rig(tmp_path / "rig")
    yield r
    r.stop()


@pytest.fixture
def fresh(tmp_path):
    h = Hsm(tmp_path / "hsm").init().unlimited()
    yield h
    h.stop()
