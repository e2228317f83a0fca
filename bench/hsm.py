"""A Holdfast instance for a benchmark: the installed programs with the configuration that `holdfast init` writes.

Audit and limits stay on; only the numbers of the limits are raised, so that they do not throttle the measurement itself.
"""
import configparser
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

UNTHROTTLED = "1000000"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Hsm:
    """with Hsm(context, threads=1, lanes=1) as hsm: ... hsm.url, hsm.token(), hsm.request(...), hsm.cpu(), hsm.pids()"""

    def __init__(self, context, threads, lanes, settings=None):
        self.stage, self.folder = context.stage, Path(context.scratch) / f"hsm-{threads}-{lanes}-{time.monotonic_ns()}"
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.settings = {
            ("gateway", "threads"): str(threads), ("core", "lanes"): str(lanes),
            ("gateway", "address_rate"): UNTHROTTLED, ("gateway", "address_burst"): UNTHROTTLED,
            ("core", "actor_rate"): UNTHROTTLED, ("core", "actor_burst"): UNTHROTTLED,
            **(settings or {}),
        }
        self.daemon = None

    def __enter__(self):
        self.folder.mkdir(parents=True)
        self.data, self.anchor = self.folder / "data", self.folder / "anchor"
        self.anchor.mkdir()
        self.run("init", "--data", self.data, "--anchor", self.anchor, "--seal", "file", "--dev", "--admin-key-out", self.folder / "admin-key.pem")
        self.configure(self.data / "holdfast.conf")
        self.tls = ssl.create_default_context(cafile=str(self.data / "tls" / "ca.pem"))
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Seconds until it serves."""
        log = open(self.folder / "holdfastd.log", "wb")
        began = time.monotonic()
        self.daemon = subprocess.Popen(
            [self.stage / "bin" / "holdfastd", "--data", self.data, "--anchor", self.anchor, "--listen", f"127.0.0.1:{self.port}",
             "--socket", self.folder / "hsm.sock"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_ready()
        return time.monotonic() - began

    def stop(self):
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(30)

    def configure(self, path):
        conf = configparser.ConfigParser(interpolation=None)
        conf.read(path)
        for (section, option), value in self.settings.items():
            if not conf.has_section(section):
                conf.add_section(section)
            conf.set(section, option, value)
        with open(path, "w", encoding="utf-8") as f:
            conf.write(f)

    def wait_ready(self):
        deadline = time.monotonic() + 30
        log = self.folder / "holdfastd.log"
        while "holdfastd: ready" not in log.read_text(errors="replace"):
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"holdfastd is not ready:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.01)

    def run(self, *arguments):
        done = subprocess.run([self.stage / "bin" / "holdfast", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"holdfast {arguments[0]} failed ({done.returncode}): {done.stderr.strip()}")
        return done.stdout

    def token(self):
        return self.run("token", "mint", "--key", self.folder / "admin-key.pem", "--actor", "admin", "--role", "administrator").strip()

    def request(self, method, path, body=None, request_id=None):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token()}")
        if request_id is not None:
            request.add_header("X-Request-Id", request_id)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, context=self.tls, timeout=10) as answer:
            return json.load(answer)

    def audit_mark(self):
        """Puts a record of our own into the audit chain; gives its number and that of the first record that is not ours after it."""
        name = f"bench-mark-{time.monotonic_ns()}"
        self.request("GET", "/api/v1/keys", request_id=name)
        for reads in range(1, 50):
            for item in self.request("GET", "/api/v1/audit/recent")["items"]:
                if item["request_id"] == name:
                    return int(item["seq"]), int(item["seq"]) + reads + 1
            time.sleep(0.1)
        raise RuntimeError("the audit chain does not show what was just done")

    def pids(self):
        return [self.daemon.pid, *children(self.daemon.pid)]

    def pid_of(self, name):
        return next(pid for pid in self.pids() if Path(f"/proc/{pid}/comm").read_text().strip() == name)

    def cpu(self):
        """CPU seconds by process name."""
        spent = {"holdfastd": cpu_seconds(self.daemon.pid)}
        for pid in children(self.daemon.pid):
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            spent[name] = spent.get(name, 0) + cpu_seconds(pid)
        return spent
