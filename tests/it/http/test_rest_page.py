"""The examples of docs/rest.md, run as they stand against a whole system."""
import os
import re
import subprocess

import probe
from system import System

PAGE = os.path.join(probe.ROOT, "docs", "rest.md")


def test_examples_run(tmp_path):
    with open(PAGE, encoding="utf-8") as f:
        blocks = re.findall(r"^```sh\n(.*?)^```", f.read(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7
    s = System()
    try:
        environment = dict(os.environ, URL=f"https://127.0.0.1:{s.port}", CA=s.ca, TOKEN=s.bearer())
        script = "set -eu -o pipefail\n" + "\necho\n".join(blocks)
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        for expected in ('"signature_b64"', '"random_b64"', '"owner":"finance"', '"valid":true', '"active":true', '"kty":"EC"', '"has_more":false'):
            assert expected in done.stdout, expected
        keys = s.request("GET", "/api/v1/keys").json["items"]
        assert sorted(k["name"] for k in keys) == ["archive", "invoices", "partner"]
        assert next(k for k in keys if k["name"] == "invoices")["attributes"] == {}
    finally:
        s.stop()
