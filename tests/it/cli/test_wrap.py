"""The program `wrap` of `holdfast key import`: what it makes is opened by openssl and Python, and what it refuses is named."""
import os
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, padding, rsa
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from hsm import STAGE

WRAP = STAGE / "libexec" / "holdfast" / "wrap"
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def openssl(*words, input=None):
    return subprocess.run(["openssl", *[str(w) for w in words]], input=input, capture_output=True, check=True).stdout


class RsaHolder:
    def __init__(self, folder, bits):
        self.key = rsa.generate_private_key(65537, bits)
        self.public = folder / f"rsa-{bits}.der"
        self.public.write_bytes(self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
        self.head = bits // 8

    def kek(self, sealed):
        return self.key.decrypt(sealed, OAEP)


class MlKemHolder:
    head = 1088

    def __init__(self, folder):
        self.folder, self.public = folder, folder / "kem.der"
        openssl("genpkey", "-algorithm", "ML-KEM-768", "-out", folder / "kem.pem")
        openssl("pkey", "-in", folder / "kem.pem", "-pubout", "-outform", "DER", "-out", self.public)

    def kek(self, sealed):
        (self.folder / "kem.ct").write_bytes(sealed)
        openssl("pkeyutl", "-decap", "-inkey", self.folder / "kem.pem", "-in", self.folder / "kem.ct", "-secret", self.folder / "kem.secret")
        return (self.folder / "kem.secret").read_bytes()


@pytest.fixture(scope="module", params=["rsa-2048", "rsa-3072", "ml-kem-768"])
def holder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("holder")
    return MlKemHolder(folder) if request.param == "ml-kem-768" else RsaHolder(folder, int(request.param[4:]))


def wrap(public, content, *extra, folder, name="key", mode=0o600):
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return subprocess.run([WRAP, "--public", public, "--in", path, *extra], capture_output=True)


def opened(holder, printed):
    """(algorithm, what was wrapped)"""
    algorithm, sealed = printed.split(b"\n", 1)
    kek = holder.kek(sealed[: holder.head])
    assert len(kek) == 32
    with pytest.raises(InvalidUnwrap):
        aes_key_unwrap_with_padding(bytes(32), sealed[holder.head:])
    return algorithm.decode(), aes_key_unwrap_with_padding(kek, sealed[holder.head:])


def pkcs8(key, encoding=serialization.Encoding.DER):
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


KEYS = {
    "ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_private_keys_in_both_forms(holder, tmp_path, algorithm):
    key = KEYS[algorithm]()
    for encoding in (serialization.Encoding.DER, serialization.Encoding.PEM):
        done = wrap(holder.public, pkcs8(key, encoding), folder=tmp_path)
        assert done.returncode == 0 and done.stderr == b"", done
        assert opened(holder, done.stdout) == (algorithm, pkcs8(key))


@pytest.mark.parametrize("algorithm", ["ML-DSA-65", "ML-KEM-768"])
def test_post_quantum_keys_of_openssl(holder, tmp_path, algorithm):
    for form in ("seed-only", "seed-priv"):
        der = openssl("genpkey", "-algorithm", algorithm, "-outform", "DER", "-provparam", f"{algorithm.lower()[:6]}.output_formats={form}")
        done = wrap(holder.public, der, folder=tmp_path)
        assert done.returncode == 0, done
        assert opened(holder, done.stdout) == (algorithm.lower(), der)


@pytest.mark.parametrize("algorithm, size", [("aes-256-gcm", 32), ("hmac-sha256", 32), ("hmac-sha384", 48), ("hmac-sha512", 64)])
def test_bytes(holder, tmp_path, algorithm, size):
    secret = os.urandom(size)
    done = wrap(holder.public, secret, "--algorithm", algorithm, folder=tmp_path)
    assert done.returncode == 0 and opened(holder, done.stdout) == (algorithm, secret)
    done = wrap(holder.public, secret[:15], "--algorithm", algorithm, folder=tmp_path)
    assert done.returncode == 2 and b"length" in done.stderr and done.stdout == b""


@pytest.fixture(scope="module")
def to(tmp_path_factory):
    return RsaHolder(tmp_path_factory.mktemp("to"), 2048).public


def test_two_runs_share_nothing(to, tmp_path):
    secret = os.urandom(32)
    runs = [wrap(to, secret, "--algorithm", "aes-256-gcm", folder=tmp_path).stdout for _ in range(2)]
    blocks = [{r[i:i + 8] for i in range(12, len(r) - 8)} for r in runs]
    assert not blocks[0] & blocks[1]


def refusals():
    key = ec.generate_private_key(ec.SECP256R1())
    pem, der = pkcs8(key, serialization.Encoding.PEM), pkcs8(key)
    old = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    hidden = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"p"))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    other = pkcs8(ed448.Ed448PrivateKey.generate())
    return {
        "empty": (b"", (), b"empty"),
        "old form": (old, (), b"openssl pkcs8 -topk8"),
        "encrypted": (hidden, (), b"openssl pkcs8 -in"),
        "public": (public, (), b"--public"),
        "two blocks": (pem + pem, (), b"more than one"),
        "no end": (pem[:-30], (), b"no end"),
        "not base64": (pem.replace(b"M", b"!", 1), (), b"base64"),
        "cut": (der[:-1], (), b"PKCS#8"),
        "more behind": (der + b"x", (), b"PKCS#8"),
        "other algorithm named": (der, ("--algorithm", "ed25519"), b"another algorithm"),
        "algorithm that is not ours": (other, (), b"algorithm"),
        "bytes without a name": (bytes(range(32)), (), b"--algorithm"),
        "unknown word": (der, ("--algorithm", "des"), b"no algorithm des"),
        "larger than a key": (b"x" * 40000, ("--algorithm", "aes-256-gcm"), b"larger"),
    }


@pytest.mark.parametrize("what", refusals())
def test_what_is_refused_and_why(to, tmp_path, what):
    content, extra, word = refusals()[what]
    done = wrap(to, content, *extra, folder=tmp_path)
    assert done.returncode == 2 and done.stdout == b"" and word in done.stderr, done
    assert done.stderr.startswith(b"wrap: ") and done.stderr.count(b"\n") == 1


def test_a_key_whose_halves_differ_is_not_wrapped(to, tmp_path):
    """EC: the public half of another key. Core would refuse it too; here it is said before anything is sent."""
    one, two = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    halves = [k.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint) for k in (one, two)]
    mixed = pkcs8(one).replace(halves[0], halves[1])
    assert mixed != pkcs8(one)
    assert wrap(to, mixed, folder=tmp_path).returncode == 2


def test_text_before_the_block_and_standard_input(to, tmp_path):
    pem = pkcs8(ed25519.Ed25519PrivateKey.generate(), serialization.Encoding.PEM)
    done = wrap(to, b"Bag Attributes\n    friendlyName: x\n" + pem, folder=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith(b"ed25519\n")
    done = subprocess.run([WRAP, "--public", to, "--in", "-"], input=pem, capture_output=True)
    assert done.returncode == 0 and done.stdout.startswith(b"ed25519\n")


def test_a_wrapping_key_that_cannot_wrap(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    public = tmp_path / "ec.der"
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    done = wrap(public, pkcs8(key), folder=tmp_path)
    assert done.returncode == 2 and b"rsa-2048" in done.stderr
    public.write_bytes(b"no key")
    assert wrap(public, pkcs8(key), folder=tmp_path).returncode == 2


def test_an_open_key_file_gives_a_warning(to, tmp_path):
    done = wrap(to, pkcs8(ed25519.Ed25519PrivateKey.generate()), folder=tmp_path, mode=0o644)
    assert done.returncode == 0 and b"warning" in done.stderr


def test_the_key_lies_in_locked_memory_and_in_no_core_file(to, tmp_path):
    """Stopped by a debugger as it writes: the limit of core files is 0, and only the arena could hold the key."""
    secret = os.urandom(24).hex().encode()[:32]
    path = tmp_path / "aes"
    path.write_bytes(secret)
    path.chmod(0o600)
    done = subprocess.run(["strace", "-f", "-e", "trace=prlimit64,setrlimit,prctl,memfd_secret,mlock,mlock2,write", "-o", tmp_path / "trace",
                           WRAP, "--public", to, "--in", path, "--algorithm", "aes-256-gcm"], capture_output=True)
    text = (tmp_path / "trace").read_text()
    assert done.returncode == 0 and "RLIMIT_CORE" in text and "PR_SET_DUMPABLE" in text
    assert "memfd_secret" in text or "mlock" in text
    assert secret.decode() not in text
