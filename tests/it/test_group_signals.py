"""Ctrl-C in a terminal and the stop of a systemd unit reach every process at once: the order of the end must hold all the same."""
import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from hsm import Hsm  # noqa: E402

ORDER = ["gateway", "verifier", "core", "store"]


@pytest.fixture
def h(tmp_path):
    h = Hsm(tmp_path)
    h.init()
    yield h.start()
    h.stop()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_is_a_clean_stop(h, sig):
    h.create("k", "ed25519")
    for i in range(40):
        h.sign("k", b"%d" % i)
    supervisor = h.supervisor_pid()
    for pid in [*h.children().values(), supervisor]:  # the supervisor last: it has no head start
        os.kill(pid, sig)
    assert h.daemon.wait(20) == 0
    assert [line.split()[-1] for line in h.text().splitlines() if "holdfastd: stopping" in line] == ORDER
    assert not (h.data / "store" / "store.db-wal").exists()

    h.start()
    events = h.get("/api/v1/audit/recent?limit=1000").json["items"]
    assert sum(e["action"] == "crypto:sign" for e in events) == 40


def test_hang_up_and_interrupt_of_a_child_change_nothing(h):
    before = h.children()
    for pid in before.values():
        for sig in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            os.kill(pid, sig)
    h.create("k", "ed25519")
    assert h.children() == before
