"""GET /metrics: for a token with metrics:view, and on a listener of its own without one; read by Prometheus' own tools."""
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from hsm import Hsm, b64, free_port  # noqa: E402


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    h = Hsm(tmp_path_factory.mktemp("metrics")).init()
    h.metrics_port = free_port()
    h.unlimited().configure(server__metrics_listen=f"127.0.0.1:{h.metrics_port}")
    h.start()
    yield h
    h.stop()


def scrape(hsm):
    with urllib.request.urlopen(f"http://127.0.0.1:{hsm.metrics_port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.read().decode()


def value(text, sample):
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return None if found is None else float(found.group(1))


def test_counts_what_was_done(hsm):
    before = scrape(hsm)
    hsm.post("/api/v1/keys", {"name": "counted", "algorithm": "ec-p256"})
    for _ in range(7):
        assert hsm.post("/api/v1/keys/counted/sign", {"payload_b64": b64(b"x")}).status == 200
    assert hsm.post("/api/v1/keys/none/sign", {"payload_b64": b64(b"x")}).status == 404
    after = scrape(hsm)

    def grown(sample):
        return value(after, sample) - (value(before, sample) or 0)

    assert grown('holdfast_requests_total{operation="sign",result="ok"}') == 7
    assert grown('holdfast_requests_total{operation="sign",result="not_found"}') == 1
    assert grown('holdfast_requests_total{operation="key_create",result="ok"}') == 1
    assert grown('holdfast_request_duration_seconds_count{operation="sign"}') == 8
    assert grown('holdfast_request_duration_seconds_bucket{operation="sign",le="+Inf"}') == 8
    assert grown('holdfast_keys{state="active"}') == 1
    assert grown('holdfast_http_responses_total{code="200"}') >= 7
    assert grown('holdfast_audit_records_total') == 9
    assert value(after, "holdfast_open") == 1


def test_durations_are_cumulative_and_of_the_right_size(hsm):
    hsm.post("/api/v1/keys", {"name": "timed", "algorithm": "ec-p256"})
    hsm.post("/api/v1/keys/timed/sign", {"payload_b64": b64(b"x")})
    text = scrape(hsm)
    buckets = [float(n) for n in re.findall(r'^holdfast_request_duration_seconds_bucket\{operation="sign",le="[^"]+"\} (\d+)$', text, re.MULTILINE)]
    assert len(buckets) == 14 and buckets == sorted(buckets)
    total = value(text, 'holdfast_request_duration_seconds_sum{operation="sign"}')
    assert 0 < total < 1 * buckets[-1], "a signature takes less than a second"


def test_nothing_of_a_key_or_an_actor_is_told(hsm):
    name = "nobody-should-see-this-name"
    key = hsm.post("/api/v1/keys", {"name": name, "algorithm": "ec-p256"}).json
    text = scrape(hsm)
    assert name not in text and key["id"] not in text and "admin" not in text


def test_the_rest_listener_wants_a_token(hsm):
    assert hsm.get("/metrics", token=None).status == 401
    answer = hsm.get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert value(answer.body.decode(), "holdfast_open") == 1


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/keys", "/api/v1/status", "/"])
def test_the_metrics_listener_has_nothing_else(hsm, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{hsm.metrics_port}{path}", timeout=10)
    assert refused.value.code == 404


def test_promtool_finds_nothing_to_correct(hsm):
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (package prometheus)")
    done = subprocess.run([tool, "check", "metrics"], input=scrape(hsm), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout + done.stderr == "", done.stdout + done.stderr


def test_prometheus_scrapes_it(hsm, tmp_path):
    server = shutil.which("prometheus")
    if server is None:
        pytest.skip("prometheus is not installed")
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(
        "scrape_configs:\n- job_name: holdfast\n  scrape_interval: 1s\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{hsm.metrics_port}']\n")
    with open(tmp_path / "log", "wb") as log:
        daemon = subprocess.Popen([server, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                                   f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        found = []
        while not found:
            assert time.monotonic() < deadline and daemon.poll() is None, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.2)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query=holdfast_open", timeout=5) as answer:
                    found = json.load(answer)["data"]["result"]
            except OSError:
                continue
        assert found[0]["value"][1] == "1" and found[0]["metric"]["job"] == "holdfast"
    finally:
        daemon.terminate()
        daemon.wait(20)
