"""Every form of a key that OpenSSL keeps in memory, for the memory scans."""
import hashlib
import re
import subprocess

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_private_key


def xtime(a):
    return ((a << 1) ^ 0x1b) & 0xff if a & 0x80 else a << 1


def multiply(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = xtime(a), b >> 1
    return product


def make_sbox():
    """FIPS 197 section 5.1.1."""
    box = []
    for x in range(256):
        inverse = next((y for y in range(256) if multiply(x, y) == 1), 0)
        bits = [sum(inverse >> ((i + k) % 8) & 1 for k in (0, 4, 5, 6, 7)) + (0x63 >> i) & 1 for i in range(8)]
        box.append(sum(bit << i for i, bit in enumerate(bits)))
    return bytes(box)


SBOX = make_sbox()


def aes256_schedule(key):
    """The 15 round keys (FIPS 197 section 5.2) as 60 words of 4 bytes."""
    words, constant = [key[4 * i:4 * i + 4] for i in range(8)], 1
    for i in range(8, 60):
        word = words[i - 1]
        if i % 8 == 0:
            word = bytes(SBOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = xtime(constant)
        elif i % 8 == 4:
            word = bytes(SBOX[b] for b in word)
        words.append(bytes(a ^ b for a, b in zip(words[i - 8], word)))
    return words


def aes_forms(label, key):
    words = aes256_schedule(key)
    hash_key = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(bytes(16))
    yield label + ":key", key
    yield label + ":key-reversed", key[::-1]
    yield label + ":round-keys", b"".join(words)
    yield label + ":round-keys-words-reversed", b"".join(w[::-1] for w in words)
    yield label + ":gcm-h", hash_key
    yield label + ":gcm-h-reversed", hash_key[::-1]


def both_orders(label, secret):
    yield label, secret
    yield label + "-reversed", secret[::-1]


def ed25519_forms(label, seed):
    expanded = hashlib.sha512(seed).digest()
    scalar = bytes([expanded[0] & 248]) + expanded[1:31] + bytes([expanded[31] & 63 | 64])
    yield from both_orders(label + ":seed", seed)
    yield from both_orders(label + ":expanded", expanded)
    yield from both_orders(label + ":clamped", scalar)


def ml_kem_768_expanded(seed):
    """The decapsulation key (FIPS 203), by openssl."""
    body = bytes.fromhex("020100300b0609608648016503040402") + b"\x04\x42\x80\x40" + seed
    done = subprocess.run(["openssl", "pkey", "-inform", "DER", "-noout", "-text"], input=b"\x30" + bytes([len(body)]) + body,
                          capture_output=True, check=True)
    found = re.search(rb"\bdk:\s*((?:[0-9a-f]{2}[:\s]*)+?)\s*ek:", done.stdout)
    dk = bytes.fromhex(re.sub(rb"[^0-9a-f]", b"", found.group(1)).decode())
    assert len(dk) == 2400
    return dk


def ml_kem_forms(label, seed):
    dk = ml_kem_768_expanded(seed)
    packed, rejection = dk[:1152], dk[-32:] # between them lie the public key and its hash
    bits = int.from_bytes(packed, "little")
    coefficients = [bits >> 12 * i & 0xfff for i in range(768)]
    assert all(c < 3329 for c in coefficients)
    yield label + ":d-z", seed
    yield label + ":dk", packed
    yield label + ":z", rejection
    yield label + ":s-u16", b"".join(c.to_bytes(2, "little") for c in coefficients)


def rsa_forms(label, der):
    """The private numbers of an RSAPrivateKey (RFC 8017 appendix A.1.2): OpenSSL's limbs are little-endian."""
    n = load_der_private_key(der, None).private_numbers()
    for name, value in (("p", n.p), ("q", n.q), ("d", n.d), ("dp", n.dmp1), ("dq", n.dmq1), ("qinv", n.iqmp)):
        yield from both_orders(f"{label}:{name}", value.to_bytes((value.bit_length() + 7) // 8, "big"))


Q_DSA = 8380417


def ml_dsa_65_expanded(seed):
    """The private key (FIPS 204), by openssl."""
    body = bytes.fromhex("020100300b0609608648016503040312") + b"\x04\x22\x80\x20" + seed
    done = subprocess.run(["openssl", "pkey", "-inform", "DER", "-noout", "-text"], input=b"\x30" + bytes([len(body)]) + body,
                          capture_output=True, check=True)
    found = re.search(rb"\bpriv:\s*((?:[0-9a-f]{2}[:\s]*)+?)\s*pub:", done.stdout)
    sk = bytes.fromhex(re.sub(rb"[^0-9a-f]", b"", found.group(1)).decode())
    assert len(sk) == 4032
    return sk


def ml_dsa_forms(label, seed):
    sk = ml_dsa_65_expanded(seed)
    signing, short = sk[32:64], sk[128:128 + 11 * 128]  # rho and tr are public, t0 gives nothing away
    nibbles = int.from_bytes(short, "little")
    polynomials = [[(4 - (nibbles >> 4 * (256 * i + j) & 15)) % Q_DSA for j in range(256)] for i in range(11)]
    assert all(min(c, Q_DSA - c) <= 4 for p in polynomials for c in p)
    yield label + ":seed", seed
    yield label + ":k", signing
    yield label + ":s1-s2", short
    yield label + ":s-u32", b"".join(c.to_bytes(4, "little") for p in polynomials for c in p)


def mac_forms(label, key, block):
    yield label + ":key", key
    yield label + ":inner-pad", bytes(b ^ 0x36 for b in key.ljust(block, b"\0"))[:len(key)]
    yield label + ":outer-pad", bytes(b ^ 0x5c for b in key.ljust(block, b"\0"))[:len(key)]


def material_forms(label, algorithm, material):
    if algorithm == "aes-256-gcm":
        return aes_forms(label, material)
    if algorithm in ("ec-p256", "ec-p384"):
        return both_orders(label + ":scalar", material)
    if algorithm.startswith("rsa-"):
        return rsa_forms(label, material)
    if algorithm.startswith("hmac-"):
        return mac_forms(label, material, 64 if algorithm == "hmac-sha256" else 128)
    if algorithm == "ml-dsa-65":
        return ml_dsa_forms(label, material)
    if algorithm == "ed25519":
        return ed25519_forms(label, material)
    return ml_kem_forms(label, material)


def all_forms(opened):
    """(label, bytes) of everything that records.Opened found; labels begin with the algorithm or the purpose."""
    yield from both_orders("root", opened.root)
    for name, key in opened.purposes.items():
        if name == "audit-sign":
            yield from ed25519_forms(name, key)
        elif name == "epoch-wrap":
            yield from aes_forms(name, key)
        else:
            yield from mac_forms(name, key, 128 if len(key) == 48 else 64)
    for number, key in opened.epochs.items():
        yield from aes_forms(f"epoch-{number}", key)
    for (ident, version), key in opened.data_keys.items():
        yield from aes_forms(f"data-key-{ident.hex()[-4:]}-{version}", key)
    for (ident, version), (algorithm, material) in opened.material.items():
        yield from material_forms(f"{algorithm}-{ident.hex()[-4:]}-{version}", algorithm, material)


def write(path, forms):
    """The file that memscan reads."""
    with open(path, "w", encoding="ascii") as f:
        for label, secret in forms:
            f.write(f"{label} {secret.hex()}\n")
