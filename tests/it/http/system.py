"""The whole installed system in a temporary folder: holdfastd and all its processes."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

import probe

STAGE = os.environ.get("HOLDFAST_STAGE", os.path.join(probe.ROOT, "build", "stage"))
LIBEXEC = os.path.join(STAGE, "libexec", "holdfast")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Response:
    def __init__(self, answer):
        self.status, self.headers, self.body = answer.status, answer.headers, answer.body

    @property
    def json(self):
        return json.loads(self.body)


class System:
    def __init__(self, arguments=(), **settings):
        self.folder = tempfile.mkdtemp(prefix="holdfast-http-")
        self.port = free_port()
        self.data, self.admin = os.path.join(self.folder, "data"), os.path.join(self.folder, "admin.pem")
        anchor = os.path.join(self.folder, "anchor")
        os.mkdir(anchor)
        self.run("init", "--data", self.data, "--admin-key-out", self.admin, "--anchor", anchor,
                 "--listen", f"127.0.0.1:{self.port}")
        self.configure({"actor_rate": 1000000, "actor_burst": 1000000, "address_rate": 1000000,
                        "address_burst": 1000000, **settings})
        self.ca = os.path.join(self.data, "tls", "ca.pem")
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(STAGE, "bin", "holdfastd"), "--data", self.data, "--anchor", anchor, *arguments],
                stderr=log,
                stdout=log,
            )
        self.wait_for("holdfastd: ready")
        self.minted = 0.0

    def run(self, name, *arguments):
        return subprocess.run([os.path.join(LIBEXEC, name), *arguments], check=True, capture_output=True, text=True).stdout

    def configure(self, settings):
        path = os.path.join(self.data, "holdfast.conf")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for name, value in settings.items():
            text, n = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
            assert n == 1, f"no option {name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for(self, text, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if text in self.log_text():
                return
            assert self.process.poll() is None, self.log_text()
            time.sleep(0.02)
        raise AssertionError(f"'{text}' did not appear:\n{self.log_text()}")

    def token(self, role="administrator"):
        return self.run("mint", "--key", self.admin, "--actor", "tester", "--role", role).strip()

    def bearer(self):
        if time.monotonic() - self.minted > 120:
            self.cached, self.minted = self.token(), time.monotonic()
        return self.cached

    def connect(self):
        return probe.connect(self.port, self.ca, timeout=20)

    def request(self, method, path, body=None, token=True, headers=None, connection=None):
        lines = {"Host": "localhost"}
        if token:
            lines["Authorization"] = "Bearer " + (self.bearer() if token is True else token)
        if body is not None:
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
            lines["Content-Type"] = "application/json"
            lines["Content-Length"] = str(len(body))
        for name, value in (headers or {}).items():
            lines.pop(name, None)
            if value is not None:
                lines[name] = value
        head = f"{method} {urllib.parse.quote(path, safe='/?=&%')} HTTP/1.1\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
        own = connection is None
        connection = connection or self.connect()
        try:
            connection.sendall(head.encode() + (body or b""))
            answer, rest = probe.read_answer(connection, head_only=method == "HEAD")
            assert answer is not None and rest == b""
            return Response(answer)
        finally:
            if own:
                connection.close()

    def child(self, name):
        """The process of that name; a descendant of our daemon and nobody else's."""
        children = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(self.process.pid)], capture_output=True,
                                  text=True, check=False).stdout
        for line in children.splitlines():
            pid, comm = line.split(None, 1)
            if comm.strip() == name:
                return int(pid)
        return None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)
        return code
