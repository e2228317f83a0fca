"""The transport test server and raw TLS connections to it."""
import datetime
import glob
import ipaddress
import os
import re
import signal
import socket
import ssl
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


def program(name):
    """The built test program of that name, from the build folder that is tested; without one, the newest."""
    named = os.environ.get("HOLDFAST_HTTP_PROBE")
    if named:
        return named
    build = os.environ.get("HOLDFAST_BUILD_DIR") or os.path.join(ROOT, "build", "*")
    found = glob.glob(os.path.join(build, "tests", "it", "http", name))
    assert found, f"{name} is not built; `make test` builds it"
    return max(found, key=os.path.getmtime)


def write_certificate(folder):
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    with open(cert_file, "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    with open(key_file, "wb") as f:
        f.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return cert_file, key_file


class Server:
    """A running probe server; `under` is a command that runs it, and must leave it as our own child."""

    def __init__(self, folder, under=(), **options):
        self.cert, key = write_certificate(folder)
        arguments = [f"{name}={value}" for name, value in {"cert": self.cert, "key": key, **options}.items()]
        self.process = subprocess.Popen([*under, program("http_probe_server"), *arguments], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("port "), "the probe server did not start"
        self.port = int(line.split()[1])

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def connect(self, **how):
        return connect(self.port, self.cert, **how)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def context(cert):
    c = ssl.create_default_context(cafile=cert)
    c.check_hostname = False
    return c


def connect(port, cert, timeout=8, tls=None):
    raw = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return (tls or context(cert)).wrap_socket(raw)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def read_answer(connection, buffered=b"", head_only=False):
    """One answer off the connection, and the bytes after it; (None, b'') when the peer closed without one."""
    data = buffered
    while b"\r\n\r\n" not in data:
        piece = receive(connection)
        if not piece:
            return None, data
        data += piece
    head, data = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1])
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
    length = 0 if head_only or status == 100 else int(headers.get("content-length", "0"))
    while len(data) < length:
        piece = receive(connection)
        if not piece:
            return None, b""
        data += piece
    return Answer(status, headers, data[:length]), data[length:]


def receive(connection):
    try:
        return connection.recv(65536)
    except (ConnectionError, ssl.SSLError, BrokenPipeError):
        return b""


def send_raw(connection, data):
    """Sends what the peer takes; it may close in the middle."""
    try:
        connection.sendall(data)
    except (ConnectionError, ssl.SSLError, BrokenPipeError):
        pass


def closed_within(connection, seconds):
    """True when the peer ends the connection in that time; answers are read and dropped."""
    connection.settimeout(seconds)
    try:
        while receive(connection):
            pass
        return True
    except TimeoutError:
        return False
