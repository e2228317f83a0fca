"""A Holdfast instance for tests: the staged release programs, started the way an operator starts them."""
import base64
import configparser
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGE = Path(os.environ.get("HOLDFAST_STAGE") or ROOT / "build" / "stage")
BUILD = Path(os.environ.get("HOLDFAST_BUILD_DIR") or ROOT / "build" / "release")
DATA = Path(os.environ.get("HOLDFAST_DATA_DIR") or ROOT.parent / "shared" / "data")

CHILDREN = ("core", "gateway", "store", "verifier-token")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Hsm:
    """hsm = Hsm(folder); hsm.init(); hsm.start(); hsm.get("/api/v1/keys").json; hsm.stop()"""

    def __init__(self, folder, stage=STAGE, run_as=None, anchored=True):
        self.folder, self.stage, self.run_as = Path(folder), Path(stage), run_as
        self.data, self.anchor, self.anchored = self.folder / "data", self.folder / "anchor", anchored
        self.admin_key = self.folder / "admin-key.pem"
        self.log = self.folder / "holdfastd.log"
        self.port = free_port()
        self.daemon = None
        self.tokens = {}
        self.settings = {}

    # ---- set-up ----

    def libexec(self, name):
        return self.stage / "libexec" / "holdfast" / name

    def command(self, *words):
        words = [str(w) for w in words]
        return words if self.run_as is None else ["runuser", "-u", self.run_as, "--", *words]

    def anchor_option(self):
        return ["--anchor", self.anchor] if self.anchored else []

    def init(self, *extra):
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.run_as is not None:
            shutil.chown(self.folder, self.run_as)
        done = subprocess.run(self.command(self.libexec("init"), "--data", self.data, *self.anchor_option(), "--admin-key-out", self.admin_key, *extra),
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return self

    def configure(self, **options):
        """configure(core__lanes=1): written to holdfast.conf before the start."""
        path = self.data / "holdfast.conf"
        conf = configparser.ConfigParser(interpolation=None)
        conf.read(path)
        for name, value in options.items():
            section, option = name.split("__")
            if not conf.has_section(section):
                conf.add_section(section)
            conf.set(section, option, str(value))
        with open(path, "w", encoding="utf-8") as f:
            conf.write(f)
        return self

    def unlimited(self):
        most = 1000000
        return self.configure(core__actor_rate=most, core__actor_burst=most, gateway__address_rate=most, gateway__address_burst=most)

    def start(self, *extra, wait=True, env=None):
        log = open(self.log, "ab")
        self.log_from = log.tell()
        self.daemon = subprocess.Popen(
            self.command(self.stage / "bin" / "holdfastd", "--data", self.data, *self.anchor_option(), "--listen", f"127.0.0.1:{self.port}", *extra),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        if wait:
            self.wait_ready()
        return self

    def text(self):
        """What this start has logged."""
        with open(self.log, "rb") as f:
            f.seek(self.log_from)
            return f.read().decode(errors="replace")

    def wait_ready(self, timeout=30):
        deadline = time.monotonic() + timeout
        while "holdfastd: ready" not in self.text():
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"holdfastd is not ready (exit {self.daemon.poll()}):\n{self.text()[-3000:]}")
            time.sleep(0.02)
        # The short processes (root key, certificate key, configuration) have done their work by now and end.
        while set(self.children()) - set(CHILDREN) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.tls = ssl.create_default_context(cafile=str(self.data / "tls" / "ca.pem"))

    def wait_refused(self, timeout=30):
        """For starts that must fail: the exit code and what was logged."""
        code = self.daemon.wait(timeout)
        return code, self.text()

    def stop(self):
        if self.daemon is None or self.daemon.poll() is not None:
            return None
        os.kill(self.supervisor_pid(), signal.SIGTERM)
        return self.daemon.wait(30)

    def kill_all(self):
        """As a power cut of the machine's processes: everything at once."""
        pids = [self.supervisor_pid(), *self.children().values()]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.daemon.wait(10)
        deadline = time.monotonic() + 10
        while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.005)  # until then the listening socket is held

    # ---- processes ----

    def supervisor_pid(self):
        if self.run_as is None:
            return self.daemon.pid
        children = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text().split()
        return int(children[0]) if children else self.daemon.pid

    def children(self):
        """name -> pid of the supervisor's children; names are those of the programs."""
        top = self.supervisor_pid()
        found = {}
        for pid in Path(f"/proc/{top}/task/{top}/children").read_text().split():
            try:
                name = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().rsplit("/", 1)[-1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[name] = int(pid)
        return found

    def wait_child(self, name, other_than=None, timeout=20):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            pid = self.children().get(name)
            if pid is not None and pid != other_than:
                return pid
            time.sleep(0.02)
        raise AssertionError(f"{name} did not come back:\n{self.text()[-2000:]}")

    def wait_serving(self, timeout=30):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                if self.request("GET", "/healthz", token=None).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"does not serve:\n{self.text()[-2000:]}")

    # ---- requests ----

    def mint(self, actor="admin", role="administrator", *extra):
        done = subprocess.run([self.libexec("mint"), "--key", self.admin_key, "--actor", actor, "--role", role, *extra], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def token(self, actor="admin", role="administrator"):
        made, token = self.tokens.get((actor, role), (0, None))
        if time.monotonic() - made > 120:
            token = self.mint(actor, role)
            self.tokens[actor, role] = (time.monotonic(), token)
        return token

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.tls)

    def request(self, method, path, body=None, token="", headers=None, connection=None, raw=None):
        """token: "" the administrator's, None no token, else the token itself."""
        c = connection or self.connect()
        head = dict(headers or {})
        if token is not None:
            head["Authorization"] = "Bearer " + (token or self.token())
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            head.setdefault("Content-Type", "application/json")
        c.request(method, path, data, head)
        r = c.getresponse()
        answer = Answer(r.status, r.headers, r.read())
        if connection is None:
            c.close()
        return answer

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, {} if body is None else body, **kw)

    def create(self, name, algorithm, **more):
        a = self.post("/api/v1/keys", {"name": name, "algorithm": algorithm, "policy_tags": [], **more})
        assert a.status == 201, a
        return a.json

    def public_pem(self, key, version=None):
        a = self.get(f"/api/v1/keys/{key}/public?format=pem" + (f"&version={version}" if version else ""))
        assert a.status == 200, a
        return a.body

    def sign(self, key, payload, **more):
        a = self.post(f"/api/v1/keys/{key}/sign", {"payload_b64": b64(payload), **more})
        assert a.status == 200, a
        return unb64(a.json["signature_b64"]), a.json["version"]
