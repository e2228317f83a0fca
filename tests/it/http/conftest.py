import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import probe  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    s = probe.Server(str(tmp_path_factory.mktemp("probe")), header_ms=3000, body_ms=3000)
    yield s
    assert s.stop() == 0, "the server did not survive the tests"
