"""verify-offline, as shipped: intact exports, every altered byte, missing and swapped segments, wrong keys, wrong usage."""
import json
import os
import subprocess

import pytest

PROGRAM = os.environ["HF_VERIFY_OFFLINE"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    export, pem = folder / "audit.bin", folder / "audit.pem"
    subprocess.run([os.environ["HF_RECORDS_TOOL"], "--export", export, pem], check=True)
    return export.read_bytes(), pem


def run(path, pem, *more):
    return subprocess.run([PROGRAM, "--public", str(pem), *more, str(path)], capture_output=True, text=True)


def segments(data):
    parts = []
    while data:
        size = 4 + int.from_bytes(data[:4], "big")
        parts.append(data[:size])
        data = data[size:]
    return parts


def judged(tmp_path, pem, data):
    path = tmp_path / "case.bin"
    path.write_bytes(data)
    done = run(path, pem, "--json")
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def test_intact(made, tmp_path):
    data, pem = made
    code, said = judged(tmp_path, pem, data)
    assert code == 0
    assert said == {"valid": True, "segments": 3, "records": 9, "first_seq": 1, "last_seq": 9, "head": said["head"]}
    assert said["head"] == segments(data)[2][4 + 62 : 4 + 94].hex()
    path = tmp_path / "plain.bin"
    path.write_bytes(data)
    done = run(path, pem)
    assert done.returncode == 0 and "records: 9\n" in done.stdout and done.stderr == ""


def test_altered_bytes(made, tmp_path):
    data, pem = made
    offsets, at = [], 0
    for part in segments(data):
        mac = range(at + 4 + 138, at + 4 + 186)  # only who has the MAC key can judge the MAC
        offsets += [i for i in range(at, at + len(part)) if i not in mac]
        at += len(part)
    for i in offsets[::23] + offsets[:8]:
        code, said = judged(tmp_path, pem, data[:i] + bytes([data[i] ^ 0x40]) + data[i + 1 :])
        assert code == 8 and said["valid"] is False, i


def test_the_place_is_named(made, tmp_path):
    data, pem = made
    one, two, three = segments(data)
    at = len(one) + 4 + 250 + 2 + 20
    code, said = judged(tmp_path, pem, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert (code, said["segment"], said["record"]) == (8, 2, 3)
    code, said = judged(tmp_path, pem, one + three)
    assert (code, said["segment"], said["record"]) == (8, 2, 0)
    code, said = judged(tmp_path, pem, two + one)
    assert (code, said["segment"]) == (8, 2)
    code, said = judged(tmp_path, pem, data[:-1])
    assert (code, said["segment"]) == (8, 3)
    code, said = judged(tmp_path, pem, two + three)
    assert code == 0 and said["first_seq"] == 3
    path = tmp_path / "plain.bin"
    path.write_bytes(one + three)
    done = run(path, pem)
    assert done.returncode == 8 and "segment 2" in done.stderr and done.stdout == ""


def openssl_key(tmp_path, algorithm, *options):
    private, public = tmp_path / "k.pem", tmp_path / "p.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", algorithm, *options, "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def test_wrong_keys(made, tmp_path):
    data, _ = made
    private, public = openssl_key(tmp_path, "ed25519")
    assert judged(tmp_path, public, data)[0] == 8
    assert judged(tmp_path, private, data)[0] == 1
    _, public = openssl_key(tmp_path, "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    assert judged(tmp_path, public, data)[0] == 1


def test_usage_and_files(made, tmp_path):
    data, pem = made
    assert subprocess.run([PROGRAM], capture_output=True).returncode == 2
    assert subprocess.run([PROGRAM, "--public", str(pem)], capture_output=True).returncode == 2
    assert subprocess.run([PROGRAM, "--unknown", str(pem)], capture_output=True).returncode == 2
    assert subprocess.run([PROGRAM, "--help"], capture_output=True).returncode == 0
    assert run(tmp_path / "missing", pem).returncode == 1
    assert run(tmp_path, pem).returncode == 1
    assert judged(tmp_path, pem, b"")[0] == 8
    assert judged(tmp_path, pem, os.urandom(4096))[0] == 8
