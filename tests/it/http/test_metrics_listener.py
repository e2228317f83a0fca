"""The listener of its own for metrics: plain HTTP, nothing but GET /metrics, no token; and nothing of it on the REST listener."""
import http.client
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lib"))
from hsm import Hsm, free_port  # noqa: E402


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    port = free_port()
    h = Hsm(tmp_path_factory.mktemp("metrics") / "h").init().unlimited().configure(server__metrics_listen=f"127.0.0.1:{port}").start()
    h.metrics_port = port
    yield h
    assert h.stop() == 0


def plain(h, path, method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", h.metrics_port, timeout=10)
    c.request(method, path, headers={"Authorization": "Bearer " + h.token()})
    r = c.getresponse()
    r.body = r.read()
    c.close()
    return r


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/status", "/api/v1/keys", "/api/v1/capabilities", "/.well-known/jwks.json", "/"])
def test_nothing_else_is_served_there(hsm, path):
    assert plain(hsm, path).status == 404


def test_not_even_with_a_token_and_a_body(hsm):
    assert plain(hsm, "/api/v1/keys", "POST").status in (404, 405)
    assert plain(hsm, "/api/v1/random/16").status == 404


def test_the_log_names_it(hsm):
    assert f"metrics at http://127.0.0.1:{hsm.metrics_port}/metrics" in hsm.text()


def test_the_rest_listener_goes_on(hsm):
    assert hsm.get("/healthz", token=None).status == 200
