"""What we measure beside us: nginx, wrk as the load, and openssl's own figures."""
import re
import subprocess
import time
from collections import namedtuple
from pathlib import Path

import hsm

Load = namedtuple("Load", "rate requests p50_ms p99_ms faults")

NGINX_CONF = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        ssl_protocols TLSv1.3;
        ssl_session_tickets off;
        default_type application/json;
        location / {{ return 200 '{body}'; }}
    }}
}}
"""


class Nginx:
    """with Nginx(context, workers=1, body_bytes=200) as nginx: ... nginx.url, nginx.cpu()"""

    def __init__(self, context, workers, body_bytes):
        self.folder = Path(context.scratch) / f"nginx-{workers}-{time.monotonic_ns()}"
        self.port = hsm.free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.workers, self.body = workers, "x" * body_bytes

    def __enter__(self):
        self.folder.mkdir(parents=True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", "2",
             "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem"], check=True, capture_output=True)
        conf = self.folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(workers=self.workers, folder=self.folder, port=self.port, body=self.body))
        self.server = subprocess.Popen(["nginx", "-p", self.folder, "-c", conf], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(self.port)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(10)

    def pids(self):
        return [self.server.pid, *hsm.children(self.server.pid)]

    def cpu(self):
        return {"nginx": sum(hsm.cpu_seconds(pid) for pid in [self.server.pid, *hsm.children(self.server.pid)])}


def wait_port(port):
    import socket

    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def wrk(url, connections, seconds, folder, method="GET", headers=None, body=None):
    """Keep-alive load; `faults` says why the run does not count, or is None."""
    script = Path(folder) / "load.lua"
    lines = [f'wrk.method = "{method}"']
    lines += [f'wrk.headers["{k}"] = "{v}"' for k, v in (headers or {}).items()]
    if body is not None:
        lines.append(f"wrk.body = [==[{body}]==]")
    script.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        ["wrk", "--latency", "-t", str(min(connections, 2)), "-c", str(connections), "-d", f"{max(1, round(seconds))}s", "-s", script, url],
        capture_output=True, text=True, check=True)
    return parse_wrk(done.stdout)


def parse_wrk(text):
    def milliseconds(percent):
        value, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\b", text, re.MULTILINE).groups()
        return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]

    faults = [m.group(0).strip() for m in re.finditer(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", text)]
    return Load(
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
        requests=int(re.search(r"(\d+) requests in", text).group(1)),
        p50_ms=milliseconds(50), p99_ms=milliseconds(99),
        faults="; ".join(faults) or None)


SPEED_BLOCK_BYTES = 64


def openssl_speed(what, *algorithm, seconds=1):
    """Operations a second on one core by `openssl speed`: `what` is a column of its table, or bytes for blocks of 64."""
    options = ["-seconds", str(max(1, round(seconds)))] + (["-bytes", str(SPEED_BLOCK_BYTES)] if what == "bytes" else [])
    done = subprocess.run(["openssl", "speed", *options, *algorithm], capture_output=True, text=True, check=True)
    heads, values = done.stdout.splitlines()[-2:]
    if what == "bytes":
        return float(re.search(r"([\d.]+)k\s*$", values).group(1)) * 1000 / SPEED_BLOCK_BYTES
    columns = [head for head in heads.split() if head.endswith("/s")]
    return float(values.split()[len(values.split()) - len(columns) + columns.index(f"{what}/s")])


def openssl_sign_rate(seconds):
    """P-256 signatures a second on one core."""
    return openssl_speed("sign", "ecdsap256", seconds=seconds)
