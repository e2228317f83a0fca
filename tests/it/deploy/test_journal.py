"""Log lines to the systemd journal, with their facts as fields. A mount namespace of the test's own holds the journal's socket."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()


def collect(folder):
    """Runs inside the namespace: a journal of our own, an HSM whose stderr goes there; prints the entries."""
    import socket
    sys.path.insert(0, str(HERE.parents[2] / "lib"))
    from hsm import Hsm, b64

    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    os.makedirs("/run/systemd/journal")
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind("/run/systemd/journal/socket")
    journal.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    h = Hsm(folder).init().configure(gateway__log_requests="all")
    h.folder.mkdir(exist_ok=True)
    h.log.touch()
    st = h.log.stat()
    entries = []

    def take(until):
        journal.settimeout(20)
        while True:
            entry = dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines())
            entries.append(entry)
            if until(entry):
                return

    h.start(wait=False, env={**os.environ, "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
    take(lambda e: e["MESSAGE"] == "ready")
    import ssl
    h.tls = ssl.create_default_context(cafile=str(h.data / "tls" / "ca.pem"))
    h.request("GET", "/api/v1/keys/none", headers={"X-Request-Id": "find-me-again"})
    take(lambda e: e.get("HOLDFAST_REQUEST_ID") == "find-me-again")
    h.stop()
    print(json.dumps({"entries": entries, "stderr": h.log.read_text()}))


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("a mount namespace needs root")
    folder = tmp_path_factory.mktemp("journal") / "h"
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, str(HERE), str(folder)], capture_output=True, text=True, timeout=90)
    if "root filesystem propagation" in done.stderr:
        pytest.skip("the root of this chroot is no mount point, so a mount of the test's own cannot be kept from others")
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_process_logs_there(logged):
    assert {"holdfastd", "gateway"} <= {e["SYSLOG_IDENTIFIER"] for e in logged["entries"]}
    assert all(e["PRIORITY"] in "34567" for e in logged["entries"])


def test_a_request_is_found_by_its_id(logged):
    entry = next(e for e in logged["entries"] if e.get("HOLDFAST_REQUEST_ID") == "find-me-again")
    assert entry["HOLDFAST_STATUS"] == "404" and entry["HOLDFAST_PATH"] == "/api/v1/keys/:id" and entry["HOLDFAST_METHOD"] == "GET"
    assert entry["SYSLOG_IDENTIFIER"] == "gateway"


def test_nothing_is_written_twice(logged):
    assert logged["stderr"] == ""


if __name__ == "__main__":
    collect(sys.argv[1])
