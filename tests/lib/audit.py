"""The exported audit: fetched, verified by verify-offline with the public key alone, and read."""
import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rig import libexec

HEAD, MAC, SIGNATURE = 138, 48, 64  # bytes before a segment's entries (src/audit/segment.h)


@dataclass
class Record:
    seq: int
    durable: bool
    action: int
    result: int
    key_id: bytes
    key_version: int
    actor: str
    request_id: str
    detail: str


def record(data):
    """The layout of src/audit/record.h."""
    texts, at = [], 1 + 8 + 8 + 1 + 2 + 2 + 2 + 16 + 4 + 16 + 16 + 4 + 1
    for _ in range(3):
        texts.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    number = lambda a, b: int.from_bytes(data[a:b], "big")  # noqa: E731
    return Record(number(1, 9), data[17] == 2, number(18, 20), number(20, 22), data[24:40], number(40, 44), *texts)


def records(segments):
    for segment in segments:
        at = HEAD + MAC + SIGNATURE
        while at < len(segment):
            size = int.from_bytes(segment[at:at + 2], "big")
            yield record(segment[at + 2:at + 2 + size])
            at += 2 + size + 32 + 16


def file_of(segments):
    return b"".join(len(s).to_bytes(4, "big") + s for s in segments)


def verify(folder, data, public_pem):
    """(exit code, output) of verify-offline."""
    folder = Path(folder)
    (folder / "audit.pem").write_text(public_pem)
    (folder / "audit.bin").write_bytes(data)
    done = subprocess.run([libexec("verify-offline"), "--public", folder / "audit.pem", folder / "audit.bin"], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def export(hsm, after=0):
    """The signed segments of a running HSM, over REST."""
    segments = []
    while True:
        a = hsm.get(f"/api/v1/audit/export?after={after}")
        assert a.status == 200, a
        segments += [base64.b64decode(s) for s in a.json["segments_b64"]]
        after = a.json["last"]
        if not a.json["has_more"]:
            return segments


def verified_export(hsm, folder):
    segments = export(hsm)
    code, said = verify(folder, file_of(segments), hsm.get("/api/v1/audit/tree-head").json["public_key_pem"])
    assert code == 0, said
    return segments
